/* Datagrams and broadcasts. In the lenient profile every datagram loops back
 * to every client of the daemon, from the address that it was sent to. */
#include <libpilot.h>
#include <stdlib.h>
#include <string.h>

#include "exports.h"

/* The most that a datagram carries. */
#define FULL 65535
/* More than a frame to the daemon may have. */
#define OVER_FRAME (1024 * 1024)

static void send_to(uint64_t driver, enum branch branch, const char *what,
                    const char *address, const void *data, int length,
                    const char *pattern)
{
    check_reply("PilotSendTo", branch, what,
                PilotSendTo(driver, (char *)(uintptr_t)address,
                            (void *)(uintptr_t)data, length),
                pattern);
}

static void received(uint64_t driver, const char *what, const char *pattern)
{
    check_reply("PilotRecvFrom", SUCCESS, what, PilotRecvFrom(driver), pattern);
}

static void broadcast(uint64_t driver, enum branch branch, const char *what,
                      uint16_t network, char *token, const char *pattern)
{
    check_reply("PilotBroadcast", branch, what,
                PilotBroadcast(driver, network, 9, "all", 3, token), pattern);
}

static void one_datagram(uint64_t driver, uint64_t other)
{
    static const char own[] =
        "{\"data\":\"ZGdyYW0=\",\"dst_port\":6000,\"src_addr\":\"" ADDRESS
        "\",\"src_port\":57005}";
    static const char peer[] =
        "{\"data\":\"ZGdyYW0=\",\"dst_port\":6001,\"src_addr\":\"" PEER_ADDRESS
        "\",\"src_port\":57005}";

    send_to(driver, SUCCESS, "the own node", ADDRESS ":6000", "dgram", 5, NULL);
    received(driver, "the own datagram", own);
    received(other, "another client's datagram", own);
    send_to(driver, SUCCESS, "a peer", PEER_ADDRESS ":6001", "dgram", 5, NULL);
    received(driver, "from a peer", peer);
    received(other, "from a peer, at another client", peer);
}

/* Only the small datagram that follows each of these arrives. */
static void lost_datagrams(uint64_t driver, uint64_t other)
{
    static const char after[] = "{\"data\":\"YQ==\",\"dst_port\":6002,*}";
    char *data = calloc(1, OVER_FRAME);

    if (data == NULL) {
        check_failed("PilotSendTo", "memory", "none");
        return;
    }
    send_to(driver, BAD_ARGUMENT, "nothing", ADDRESS ":6000", NULL, 0, NULL);
    send_to(driver, BAD_ARGUMENT, "a byte over 65535", ADDRESS ":6000", data,
            FULL + 1, NULL);
    send_to(driver, BAD_ARGUMENT, "node 0", "0:0000.0000.0000:6000", data, 1,
            NULL);
    send_to(driver, SUCCESS, "after some that are lost", ADDRESS ":6002", "a",
            1, NULL);
    received(driver, "nothing of what is lost", after);
    received(other, "nothing of what is lost, at another client", after);
    send_to(driver, BAD_ARGUMENT, "more than a frame has", ADDRESS ":6000",
            data, OVER_FRAME, "{\"error\":\"ipc frame too large: *\"}");
    free(data);
}

static void full_datagram(uint64_t driver, uint64_t other)
{
    static const char before[] = "{\"data\":\"", behind[] =
        "==\",\"dst_port\":6003,\"src_addr\":\"" ADDRESS
        "\",\"src_port\":57005}";
    char *data = calloc(1, FULL), *reply = NULL;
    /* 65535 zero bytes are 87380 characters A in base64. */
    const size_t text = FULL / 3 * 4;

    if (data == NULL)
        return;
    send_to(driver, SUCCESS, "65535 bytes", ADDRESS ":6003", data, FULL, NULL);
    reply = PilotRecvFrom(driver);
    check_text("PilotRecvFrom", SUCCESS, "65535 bytes", reply,
               "{\"data\":\"A*A\",\"dst_port\":6003,*}");
    check_number("PilotRecvFrom", SUCCESS, "65535 bytes, length",
                 reply ? (long long)strlen(reply) : -1,
                 (long long)(sizeof before - 1 + text + sizeof behind - 3));
    FreeString(reply);
    received(other, "65535 bytes, at another client",
             "{\"data\":\"A*A\",\"dst_port\":6003,*}");
    free(data);
}

static void bad_addresses(uint64_t driver)
{
    send_to(driver, BAD_ARGUMENT, "no port", "junk", "x", 1,
            "{\"error\":\"invalid socket address: \\\"junk\\\" (no port)\"}");
    send_to(driver, BAD_ARGUMENT, "a null pointer", NULL, "x", 1,
            "{\"error\":\"invalid socket address: \\\"\\\" (no port)\"}");
    send_to(driver, BAD_ARGUMENT, "an address without a port", PEER_ADDRESS,
            "x", 1,
            "{\"error\":\"invalid address: \\\"0\\\" (expected "
            "N:XXXX.YYYY.YYYY)\"}");
    send_to(driver, BAD_ARGUMENT, "a port that is too large",
            PEER_ADDRESS ":65536", "x", 1,
            "{\"error\":\"invalid port: \\\"65536\\\": *value out of "
            "range\"}");
}

static void broadcasts(uint64_t driver, uint64_t other)
{
    static const char denied[] =
        "{\"error\":\"daemon: broadcast: broadcast denied: invalid admin "
        "token\"}";

    broadcast(driver, SUCCESS, "", 7, "token", "{\"ok\":true}");
    received(other, "a broadcast",
             "{\"data\":\"YWxs\",\"dst_port\":9,"
             "\"src_addr\":\"7:0007.1234.5678\",\"src_port\":*}");
    check_reply("PilotBroadcast", SUCCESS, "nothing",
                PilotBroadcast(driver, 7, 9, NULL, 0, "token"),
                "{\"ok\":true}");
    broadcast(driver, BAD_ARGUMENT, "an empty token", 7, "", denied);
    broadcast(driver, BAD_ARGUMENT, "a null pointer for a token", 7, NULL,
              denied);
    broadcast(driver, BAD_ARGUMENT, "the backbone", 0, "token",
              "{\"error\":\"daemon: broadcast: broadcast not permitted on "
              "backbone network\"}");
    /* The sender did not get its own, and nobody what was empty or denied. */
    send_to(driver, SUCCESS, "after broadcasts", ADDRESS ":6004", "b", 1, NULL);
    received(driver, "no broadcast of one's own",
             "{\"data\":\"Yg==\",\"dst_port\":6004,*}");
    received(other, "no broadcast that was empty or denied",
             "{\"data\":\"Yg==\",\"dst_port\":6004,*}");
}

void datagrams_run(uint64_t driver, uint64_t other)
{
    one_datagram(driver, other);
    lost_datagrams(driver, other);
    full_datagram(driver, other);
    bad_addresses(driver);
    broadcasts(driver, other);
}
