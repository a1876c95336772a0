/* What the faithful profile refuses as the real daemon does, and the lenient
 * one lets through. */
#include <libpilot.h>

#include "exports.h"
#include "streams.h"

#define REGISTRY(words, text)                                                  \
    "{\"error\":\"" words ": daemon: " words ": registry: " text "\"}"
#define NO_NETWORK "network 7: network not found"

static void dials(uint64_t driver, const char *what, char *address,
                  const char *pattern)
{
    struct PilotDial_return plain = PilotDial(driver, address);
    struct PilotDialTimeout_return timed =
        PilotDialTimeout(driver, address, 5000);

    check_no_handle("PilotDial", BAD_ARGUMENT, what, plain.r0, plain.r1,
                    pattern);
    check_no_handle("PilotDialTimeout", BAD_ARGUMENT, what, timed.r0, timed.r1,
                    pattern);
}

static void streams(uint64_t driver, uint64_t other)
{
    static const char refused[] =
        "{\"error\":\"dial: daemon: connection refused\"}";
    struct PilotListen_return r;
    struct PilotDial_return here;
    struct PilotListenerAccept_return there;
    uint64_t listener;

    dials(driver, "nobody listens", ADDRESS ":5000", refused);
    dials(driver, "an unknown node", "0:0000.0000.1092:7",
          "{\"error\":\"dial: daemon: resolve node 4242: registry: node 4242: "
          "node not found\"}");

    r = PilotListen(other, 5000);
    listener = check_handle("PilotListen", "faithful", r.r0, r.r1);
    r = PilotListen(other, 5000);
    check_no_handle("PilotListen", BAD_ARGUMENT, "a second time", r.r0, r.r1,
                    "{\"error\":\"bind: daemon: port 5000 already bound\"}");
    here = PilotDial(driver, ADDRESS ":5000");
    check_handle("PilotDial", "faithful", here.r0, here.r1);
    there = PilotListenerAccept(listener);
    check_handle("PilotListenerAccept", "faithful", there.r0, there.r1);
    check_reply("PilotListenerClose", SUCCESS, "with a stream open",
                PilotListenerClose(listener), NULL);
    stream_write(here.r0, "after the listener was closed", "still", 5);
    stream_read(there.r0, "after the listener was closed", "still", 5);

    /* A client that leaves takes its ports and streams with it. */
    check_reply("PilotClose", SUCCESS, "with a stream open", PilotClose(other),
                NULL);
    stream_ended(here.r0, SUCCESS, "the other client left");
    check_reply("PilotConnClose", SUCCESS, "after the other client left",
                PilotConnClose(here.r0), NULL);
    dials(driver, "the listening client left", ADDRESS ":5000", refused);
}

static void datagrams(uint64_t driver, uint64_t other)
{
    static const char own[] =
        "{\"data\":\"ZA==\",\"dst_port\":6000,\"src_addr\":\"" ADDRESS
        "\",\"src_port\":*}";

    check_reply("PilotSendTo", SUCCESS, "the own node, faithful",
                PilotSendTo(driver, ADDRESS ":6000", "d", 1), NULL);
    check_reply("PilotRecvFrom", SUCCESS, "faithful", PilotRecvFrom(driver),
                own);
    check_reply("PilotRecvFrom", SUCCESS, "at another client, faithful",
                PilotRecvFrom(other), own);
    check_reply("PilotBroadcast", BAD_ARGUMENT, "a wrong token",
                PilotBroadcast(driver, 7, 9, "x", 1, "wrong"),
                "{\"error\":\"daemon: broadcast: broadcast denied: invalid "
                "admin token\"}");
}

static void trust(uint64_t driver)
{
    check_reply("PilotHandshake", BAD_ARGUMENT, "an unknown node",
                PilotHandshake(driver, 4242, "hi"),
                "{\"error\":\"handshake: daemon: handshake request: handshake "
                "relay: registry: node 4242: node not found\"}");
    check_reply("PilotRevokeTrust", BAD_ARGUMENT, "an unknown node",
                PilotRevokeTrust(driver, 4242),
                "{\"error\":\"revoke: daemon: handshake revoke: node 4242 was "
                "not trusted\"}");
    check_reply("PilotWaitForTrust", BAD_ARGUMENT, "an unknown node",
                PilotWaitForTrust(driver, 4242, 10),
                "{\"node_id\":4242,\"trusted\":false}");
    check_reply("PilotResolveHostname", BAD_ARGUMENT, "an unknown name",
                PilotResolveHostname(driver, "alice"),
                "{\"error\":\"resolve_hostname: daemon: resolve_hostname: "
                "registry: hostname \\\"alice\\\" not found\"}");
}

static void networks(uint64_t driver)
{
    check_reply("PilotNetworkJoin", BAD_ARGUMENT, "an unknown network",
                PilotNetworkJoin(driver, 7, ""),
                REGISTRY("network join", NO_NETWORK));
    check_reply("PilotNetworkLeave", BAD_ARGUMENT, "an unknown network",
                PilotNetworkLeave(driver, 7),
                REGISTRY("network leave", NO_NETWORK));
    check_reply("PilotNetworkMembers", BAD_ARGUMENT, "an unknown network",
                PilotNetworkMembers(driver, 7),
                REGISTRY("network members", NO_NETWORK));
    check_reply("PilotNetworkMembers", BAD_ARGUMENT, "the backbone",
                PilotNetworkMembers(driver, 0),
                REGISTRY("network members",
                         "listing backbone nodes is not permitted (use lookup "
                         "with a specific node_id)"));
    check_reply("PilotNetworkInvite", BAD_ARGUMENT, "an unknown network",
                PilotNetworkInvite(driver, 7, PEER_ID),
                REGISTRY("network invite", NO_NETWORK));
    check_reply("PilotNetworkRespondInvite", BAD_ARGUMENT, "an unknown network",
                PilotNetworkRespondInvite(driver, 7, 1),
                REGISTRY("network respond-invite", NO_NETWORK));
    check_reply("PilotMemberTagsGet", BAD_ARGUMENT, "an unknown network",
                PilotMemberTagsGet(driver, 7, PEER_ID),
                REGISTRY("member-tags get", NO_NETWORK));
    check_reply("PilotMemberTagsSet", BAD_ARGUMENT, "an unknown network",
                PilotMemberTagsSet(driver, 7, PEER_ID, "[\"a\"]"),
                REGISTRY("member-tags set", NO_NETWORK));
}

static void managed(uint64_t driver)
{
    check_reply("PilotManagedStatus", BAD_ARGUMENT, "an unknown network",
                PilotManagedStatus(driver, 7),
                "{\"error\":\"managed status: daemon: managed: no active "
                "managed networks\"}");
    check_reply("PilotManagedForceCycle", BAD_ARGUMENT, "an unknown network",
                PilotManagedForceCycle(driver, 7),
                "{\"error\":\"managed cycle: daemon: managed: no active "
                "managed networks\"}");
    check_reply("PilotManagedReconcile", BAD_ARGUMENT, "an unknown network",
                PilotManagedReconcile(driver, 7),
                "{\"error\":\"managed reconcile: daemon: managed: no active "
                "policy runner for network\"}");
    check_reply("PilotPolicySet", BAD_ARGUMENT, "a wrong token",
                PilotPolicySet(driver, 7, "{}", "wrong"),
                "{\"error\":\"policy set: daemon: managed policy set: invalid "
                "admin token\"}");
}

void faithful_run(uint64_t driver, uint64_t other)
{
    trust(driver);
    networks(driver);
    managed(driver);
    datagrams(driver, other);
    streams(driver, other);
    check_reply("PilotDeregister", SUCCESS, "faithful", PilotDeregister(driver),
                "{\"type\":\"deregister_ok\"}");
    check_reply("PilotSetHostname", BAD_ARGUMENT, "a node that has left",
                PilotSetHostname(driver, "unit"),
                REGISTRY("set_hostname", "node " NODE ": node not found"));
    check_reply("PilotSetVisibility", BAD_ARGUMENT, "a node that has left",
                PilotSetVisibility(driver, 1),
                REGISTRY("set_visibility", "node " NODE ": node not found"));
}
