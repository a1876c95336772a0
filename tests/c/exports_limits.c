/* Sizes beyond what a call, a frame or a number takes, by callers who get an
 * answer; the others are in aborts.c. */
#include <libpilot.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "exports.h"

/* A byte over 16 MiB. */
#define HUGE_SIZE (16 * 1024 * 1024 + 1)
/* More text than a frame to the daemon has. */
#define OVER_FRAME (1024 * 1024 + 1)

#define TOO_LARGE "ipc frame too large: * bytes\"}"

static void huge_data(uint64_t driver, uint64_t conn)
{
    char *data = calloc(1, HUGE_SIZE);
    struct PilotConnWrite_return r;

    if (data == NULL) {
        check_failed("16 MiB", "memory", "none");
        return;
    }
    check_reply("PilotSendTo", BAD_ARGUMENT, "over 16 MiB",
                PilotSendTo(driver, PEER_ADDRESS ":9", data, HUGE_SIZE),
                "{\"error\":\"" TOO_LARGE);
    check_reply("PilotBroadcast", BAD_ARGUMENT, "over 16 MiB",
                PilotBroadcast(driver, 7, 9, data, HUGE_SIZE, "token"),
                "{\"error\":\"" TOO_LARGE);
    r = PilotConnWrite(conn, data, HUGE_SIZE);
    check_reply("PilotConnWrite", BAD_ARGUMENT, "over 16 MiB: it is cut into "
                "frames", r.r1, NULL);
    check_number("PilotConnWrite", BAD_ARGUMENT, "over 16 MiB", r.r0,
                 HUGE_SIZE);
    free(data);
}

/* Every text that a call takes, longer than a frame. */
static void long_texts(uint64_t driver)
{
    char *text = malloc(OVER_FRAME + 1), *list = malloc(OVER_FRAME + 5);

    if (text == NULL || list == NULL) {
        check_failed("1 MiB", "memory", "none");
        free(text);
        free(list);
        return;
    }
    memset(text, 'a', OVER_FRAME);
    text[OVER_FRAME] = '\0';
    memcpy(list, "[\"", 2);
    memcpy(list + 2, text, OVER_FRAME);
    memcpy(list + 2 + OVER_FRAME, "\"]", 3);
#define LONG(export, words, call)                                              \
    check_reply(export, BAD_ARGUMENT, "over 1 MiB of text", call,              \
                "{\"error\":\"" words ": " TOO_LARGE)
    LONG("PilotHandshake", "handshake", PilotHandshake(driver, 7, text));
    LONG("PilotRejectHandshake", "reject",
         PilotRejectHandshake(driver, 8, text));
    LONG("PilotResolveHostname", "resolve_hostname",
         PilotResolveHostname(driver, text));
    LONG("PilotSetHostname", "set_hostname", PilotSetHostname(driver, text));
    LONG("PilotSetWebhook", "set_webhook", PilotSetWebhook(driver, text));
    LONG("PilotNetworkJoin", "network join",
         PilotNetworkJoin(driver, 7, text));
    LONG("PilotPolicySet", "policy set",
         PilotPolicySet(driver, 7, text, "token"));
    LONG("PilotSetTags", "set_tags", PilotSetTags(driver, list));
    LONG("PilotMemberTagsSet", "member-tags set",
         PilotMemberTagsSet(driver, 7, PEER_ID, list));
#undef LONG
    free(text);
    free(list);
}

/* Numbers at the ends of their types. */
static void ends(uint64_t driver)
{
    struct PilotListen_return any = PilotListen(driver, 0);
    struct PilotDialTimeout_return r =
        PilotDialTimeout(driver, PEER_ADDRESS ":7", UINT64_MAX);

    check_handle("PilotListen", "port 0", any.r0, any.r1);
    FreeString(PilotListenerClose(any.r0));
    check_handle("PilotDialTimeout", "a limit of 2^64-1", r.r0, r.r1);
    FreeString(PilotConnClose(r.r0));
    check_reply("PilotDisconnect", BAD_ARGUMENT, "stream 0",
                PilotDisconnect(driver, 0), NULL);
    check_reply("PilotApproveHandshake", BAD_ARGUMENT, "node 2^32-1",
                PilotApproveHandshake(driver, UINT32_MAX),
                "{\"node_id\":4294967295,\"status\":\"approved\"}");
}

void limits_run(uint64_t driver)
{
    uint64_t conn = handle_of(CONN, driver);

    huge_data(driver, conn);
    long_texts(driver);
    ends(driver);
    check_reply("PilotConnClose", SUCCESS, "after 16 MiB", PilotConnClose(conn),
                NULL);
    check_reply("PilotHealth", SUCCESS, "after sizes beyond",
                PilotHealth(driver), "{*\"status\":\"ok\"*}");
}
