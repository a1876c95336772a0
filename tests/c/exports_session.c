/* Connecting, closing, and what the daemon says about itself. */
#include <libpilot.h>
#include <stdio.h>
#include <string.h>

#include "exports.h"

#define UNKNOWN "{\"error\":\"invalid handle\"}"

/* All 33 keys, in the order that libpilot writes them. */
#define INFO                                                                   \
    "{\"accept_queue_drops\":0,\"address\":\"" ADDRESS "\","                   \
    "\"authenticated_peers\":*,\"beacon_addr\":\"*\",\"bytes_recv\":*,"        \
    "\"bytes_sent\":*,\"conn_list\":[*],\"connections\":*,\"email\":\"*\","    \
    "\"encrypt\":*,\"encrypted_peers\":*,\"endpoint\":\"*\",\"features\":[*]," \
    "\"handshake_pending_count\":*,\"hostname\":\"mock-daemon\","              \
    "\"identity\":*,\"motd\":\"\",\"networks\":*,\"node_id\":" NODE ","        \
    "\"peer_list\":[*],\"peers\":*,\"pkts_recv\":*,\"pkts_sent\":*,"           \
    "\"ports\":4,\"public_key\":\"*=\",\"relay_peer_count\":*,"                \
    "\"transport\":\"*\",\"tunnel_encryption_failure\":*,"                     \
    "\"tunnel_encryption_success\":*,\"uptime_secs\":*,"                       \
    "\"version\":\"mock-*\",\"webhook_circuit_skips\":*,"                      \
    "\"webhook_queue_dropped\":*}"

/* All 14 keys. */
#define HEALTH                                                                 \
    "{\"accept_queue_drops\":0,\"authenticated_peers\":*,"                     \
    "\"beacon_addr\":\"*\",\"bytes_recv\":*,\"bytes_sent\":*,"                 \
    "\"connections\":*,\"encrypted_peers\":*,\"handshake_pending_count\":*,"   \
    "\"peers\":*,\"relay_peer_count\":*,\"status\":\"ok\","                    \
    "\"uptime_seconds\":*,\"webhook_circuit_skips\":*,"                        \
    "\"webhook_queue_dropped\":*}"

/* What no daemon can have as its path. */
static void connect_to(const char *what, const char *path, const char *pattern)
{
    char copy[300];
    struct PilotConnect_return r;

    snprintf(copy, sizeof copy, "%s", path);
    r = PilotConnect(copy);
    check_no_handle("PilotConnect", BAD_ARGUMENT, what, r.r0, r.r1, pattern);
}

void session_run(const char *socket_path)
{
    char path[300], beyond[300];
    struct PilotConnect_return r;
    uint64_t first, second;
    char *reply;

    snprintf(path, sizeof path, "%s", socket_path);
    snprintf(beyond, sizeof beyond, "%s/x", socket_path);
    r = PilotConnect(path);
    first = check_handle("PilotConnect", "", r.r0, r.r1);
    r = PilotConnect(path);
    second = check_handle("PilotConnect", "again", r.r0, r.r1);
    check_text("PilotConnect", SUCCESS, "handles differ",
               first != second ? "they do" : "they do not", "they do");

    connect_to("no such file", "/nonexistent/pilot.sock",
               "{\"error\":\"connect to daemon: dial unix "
               "/nonexistent/pilot.sock: connect: no such file or "
               "directory\"}");
    connect_to("a directory", "/",
               "{\"error\":\"connect to daemon: dial unix /: connect: *\"}");
    connect_to("below a socket", beyond,
               "{\"error\":\"connect to daemon: dial unix *: connect: not a "
               "directory\"}");
    memset(beyond, 'x', sizeof beyond - 1);
    beyond[0] = '/';
    beyond[sizeof beyond - 1] = '\0';
    connect_to("a path that is too long", beyond,
               "{\"error\":\"connect to daemon: dial unix *: connect: invalid "
               "argument\"}");

    check_reply("PilotInfo", SUCCESS, "every key", PilotInfo(first), INFO);
    check_reply("PilotHealth", SUCCESS, "every key", PilotHealth(first),
                HEALTH);

    check_reply("PilotClose", SUCCESS, "", PilotClose(first), NULL);
    check_reply("PilotClose", UNKNOWN_HANDLE, "closed before",
                PilotClose(first), UNKNOWN);
    check_reply("PilotInfo", UNKNOWN_HANDLE, "closed before", PilotInfo(first),
                "{\"error\":\"invalid driver handle\"}");
    check_reply("PilotHealth", SUCCESS, "the other handle is still open",
                PilotHealth(second), HEALTH);
    check_reply("PilotClose", SUCCESS, "the other handle", PilotClose(second),
                NULL);

    /* Every check frees what it was given, which -fsanitize=address holds
     * against what was allocated; all that can be seen here is that neither
     * call ends the process. */
    reply = PilotClose(first);
    FreeString(reply);
    FreeString(NULL);
    check_reply("FreeString", SUCCESS, "a reply, and no text at all", NULL,
                NULL);
}
