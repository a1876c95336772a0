/* Handshakes and trust. */
#include <libpilot.h>
#include <stdio.h>
#include <time.h>

#include "exports.h"

/* A wait that must run out, and how long it has to take at the least. */
#define WAIT_MS 50

static long long elapsed_ms(const struct timespec *since)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)(now.tv_sec - since->tv_sec) * 1000 +
           (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* Nobody trusts a node that was rejected, so the wait takes its time. */
static void wait_in_vain(uint64_t driver)
{
    struct timespec start;
    char *reply;
    long long took;
    char text[40];

    clock_gettime(CLOCK_MONOTONIC, &start);
    reply = PilotWaitForTrust(driver, 8, WAIT_MS);
    took = elapsed_ms(&start);
    check_reply("PilotWaitForTrust", TIMED_OUT, "in vain", reply,
                "{\"node_id\":8,\"trusted\":false}");
    snprintf(text, sizeof text, took >= WAIT_MS ? "yes" : "after %lld ms",
             took);
    check_text("PilotWaitForTrust", TIMED_OUT, "waited as long as it was told",
               text, "yes");
    check_reply("PilotWaitForTrust", SUCCESS, "in vain, without waiting",
                PilotWaitForTrust(driver, 8, 0),
                "{\"node_id\":8,\"trusted\":false}");
}

void trust_run(uint64_t driver)
{
    check_reply("PilotPendingHandshakes", SUCCESS, "none",
                PilotPendingHandshakes(driver), "{\"pending\":[]}");
    check_reply("PilotTrustedPeers", SUCCESS, "none",
                PilotTrustedPeers(driver), "{\"trusted\":[]}");

    check_reply("PilotHandshake", SUCCESS, "",
                PilotHandshake(driver, 7, "hello there"),
                "{\"node_id\":7,\"status\":\"sent\"}");
    check_reply("PilotHandshake", SUCCESS, "without a justification",
                PilotHandshake(driver, 7, NULL),
                "{\"node_id\":7,\"status\":\"sent\"}");
    check_reply("PilotWaitForTrust", SUCCESS, "after a handshake",
                PilotWaitForTrust(driver, 7, 5000),
                "{\"node_id\":7,\"trusted\":true}");
    check_reply("PilotTrustedPeers", SUCCESS, "after a handshake",
                PilotTrustedPeers(driver),
                "{\"trusted\":[{\"approved_at\":*,\"mutual\":true,"
                "\"network\":0,\"node_id\":7,\"public_key\":\"*=\"}]}");
    check_reply("PilotHandshake", BAD_ARGUMENT, "node 0",
                PilotHandshake(driver, 0, "hello"),
                "{\"error\":\"handshake: daemon: handshake request: handshake "
                "relay: registry: node 0: node not found\"}");
    check_reply("PilotWaitForTrust", BAD_ARGUMENT, "node 0",
                PilotWaitForTrust(driver, 0, 0),
                "{\"node_id\":0,\"trusted\":false}");

    check_reply("PilotRevokeTrust", SUCCESS, "", PilotRevokeTrust(driver, 7),
                "{\"node_id\":7,\"status\":\"revoked\"}");
    check_reply("PilotTrustedPeers", SUCCESS, "after a revocation",
                PilotTrustedPeers(driver), "{\"trusted\":[]}");
    check_reply("PilotRevokeTrust", BAD_ARGUMENT, "a second time",
                PilotRevokeTrust(driver, 7),
                "{\"error\":\"revoke: daemon: handshake revoke: node 7 was not "
                "trusted\"}");

    check_reply("PilotApproveHandshake", SUCCESS, "",
                PilotApproveHandshake(driver, 6),
                "{\"node_id\":6,\"status\":\"approved\"}");
    check_reply("PilotTrustedPeers", SUCCESS, "after an approval",
                PilotTrustedPeers(driver),
                "{\"trusted\":[{*\"node_id\":6,*}]}");
    /* The real daemon says so whatever the node is. */
    check_reply("PilotApproveHandshake", BAD_ARGUMENT, "node 0",
                PilotApproveHandshake(driver, 0),
                "{\"node_id\":0,\"status\":\"approved\"}");
    check_reply("PilotRejectHandshake", SUCCESS, "with a reason",
                PilotRejectHandshake(driver, 8, "no"),
                "{\"node_id\":8,\"status\":\"rejected\"}");
    check_reply("PilotRejectHandshake", SUCCESS, "without a reason",
                PilotRejectHandshake(driver, 8, NULL),
                "{\"node_id\":8,\"status\":\"rejected\"}");
    check_reply("PilotRejectHandshake", BAD_ARGUMENT, "node 0",
                PilotRejectHandshake(driver, 0, ""),
                "{\"node_id\":0,\"status\":\"rejected\"}");
    wait_in_vain(driver);
}
