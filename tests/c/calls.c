/* The calls of the exports: see calls.h. */
#include "calls.h"

#include <libpilot.h>
#include <stdio.h>
#include <string.h>

#include "exports.h"

#define SERVICE PEER_ADDRESS ":7"
#define POLICY                                                                 \
    "{\"version\":1,\"rules\":[{\"name\":\"r\",\"on\":\"connect\","            \
    "\"match\":\"true\",\"actions\":[{\"type\":\"allow\"}]}]}"

static char used_socket[300];

void calls_use(const char *socket_path)
{
    snprintf(used_socket, sizeof used_socket, "%s", socket_path);
}

const char *calls_socket(void)
{
    return used_socket;
}

static void reply(char *got, char *text, size_t size)
{
    snprintf(text, size, "%s", got ? got : "null");
    FreeString(got);
}

static void given(uint64_t handle, char *error, char *text, size_t size)
{
    snprintf(text, size, "%s",
             error ? error : handle ? "a handle" : "neither");
    FreeString(error);
}

static void counted(int bytes, char *error, char *text, size_t size)
{
    if (error != NULL)
        snprintf(text, size, "%s", error);
    else
        snprintf(text, size, "%d bytes", bytes);
    FreeString(error);
}

/* No port is bound twice. */
static uint16_t port = 10000;

static uint16_t next_port(void)
{
    return ++port;
}

unsigned calls_last_port(void)
{
    return port;
}

#define MAKE(name) static void name(uint64_t h, char *text, size_t size)
#define REPLY(name, call) MAKE(name) { reply(call, text, size); }

REPLY(close_driver, PilotClose(h))
REPLY(info, PilotInfo(h))
REPLY(health, PilotHealth(h))
REPLY(handshake, PilotHandshake(h, 7, "hi"))
REPLY(wait_for_trust, PilotWaitForTrust(h, 11, 0))
REPLY(approve, PilotApproveHandshake(h, 7))
REPLY(reject, PilotRejectHandshake(h, 12, ""))
REPLY(pending, PilotPendingHandshakes(h))
REPLY(trusted, PilotTrustedPeers(h))
REPLY(revoke, PilotRevokeTrust(h, 13))
REPLY(resolve, PilotResolveHostname(h, "alice"))
REPLY(set_hostname, PilotSetHostname(h, "unit"))
REPLY(set_visibility, PilotSetVisibility(h, 1))
REPLY(deregister, PilotDeregister(h))
REPLY(set_tags, PilotSetTags(h, "[\"a\"]"))
REPLY(set_webhook, PilotSetWebhook(h, ""))
REPLY(disconnect, PilotDisconnect(h, 4000000000u))
REPLY(listener_close, PilotListenerClose(h))
REPLY(conn_close, PilotConnClose(h))
REPLY(deadline, PilotConnSetReadDeadline(h, 0))
REPLY(send_to, PilotSendTo(h, PEER_ADDRESS ":6000", "x", 1))
REPLY(recv_from, PilotRecvFrom(h))
REPLY(rotate_key, PilotRotateKey(h))
REPLY(broadcast, PilotBroadcast(h, 7, 9, "x", 1, "token"))
REPLY(network_list, PilotNetworkList(h))
REPLY(join, PilotNetworkJoin(h, 7, ""))
REPLY(leave, PilotNetworkLeave(h, 7))
REPLY(members, PilotNetworkMembers(h, 7))
REPLY(invite, PilotNetworkInvite(h, 7, PEER_ID))
REPLY(poll_invites, PilotNetworkPollInvites(h))
REPLY(respond, PilotNetworkRespondInvite(h, 7, 1))
REPLY(status, PilotManagedStatus(h, 7))
REPLY(cycle, PilotManagedForceCycle(h, 7))
REPLY(reconcile, PilotManagedReconcile(h, 7))
REPLY(policy_get, PilotPolicyGet(h, 7))
REPLY(policy_set, PilotPolicySet(h, 7, POLICY, "token"))
REPLY(tags_get, PilotMemberTagsGet(h, 7, 0))
REPLY(tags_set, PilotMemberTagsSet(h, 7, PEER_ID, "[]"))

MAKE(connect_driver)
{
    struct PilotConnect_return r = PilotConnect(used_socket);

    (void)h;
    given(r.r0, r.r1, text, size);
    if (r.r0 != 0)
        FreeString(PilotClose(r.r0));
}

MAKE(dial)
{
    struct PilotDial_return r = PilotDial(h, SERVICE);

    given(r.r0, r.r1, text, size);
}

MAKE(dial_timeout)
{
    struct PilotDialTimeout_return r = PilotDialTimeout(h, SERVICE, 2000);

    given(r.r0, r.r1, text, size);
}

MAKE(listen_on)
{
    struct PilotListen_return r = PilotListen(h, next_port());

    given(r.r0, r.r1, text, size);
}

MAKE(accept_one)
{
    struct PilotListenerAccept_return r = PilotListenerAccept(h);

    given(r.r0, r.r1, text, size);
}

MAKE(read_some)
{
    struct PilotConnRead_return r = PilotConnRead(h, 16);

    FreeString(r.r1);
    counted(r.r0, r.r2, text, size);
}

MAKE(write_some)
{
    struct PilotConnWrite_return r = PilotConnWrite(h, "x", 1);

    counted(r.r0, r.r1, text, size);
}

#define HANDLE "a handle"
#define TYPED(type) "{*\"type\":\"" type "\"*}"

const struct call calls[] = {
    {"PilotConnect", NO_HANDLE, NO_REQUEST, false, "connect", "", HANDLE,
     connect_driver},
    {"PilotClose", DRIVER, NO_REQUEST, true, NULL, "", "null", close_driver},
    {"PilotInfo", DRIVER, JSON, true, "info", "info", "{*\"node_id\":*}",
     info},
    {"PilotHandshake", DRIVER, JSON, false, "handshake.send", "handshake",
     "{*\"sent\"}", handshake},
    {"PilotWaitForTrust", DRIVER, JSON, false, "handshake.wait", "wait",
     "{*\"trusted\":true}", wait_for_trust},
    {"PilotApproveHandshake", DRIVER, JSON, false, "handshake.approve",
     "approve", "{*\"approved\"}", approve},
    {"PilotRejectHandshake", DRIVER, JSON, false, "handshake.reject", "reject",
     "{*\"rejected\"}", reject},
    {"PilotPendingHandshakes", DRIVER, JSON, true, "handshake.pending",
     "pending", "{\"pending\":*}", pending},
    {"PilotTrustedPeers", DRIVER, JSON, true, "handshake.trusted", "trusted",
     "{\"trusted\":*}", trusted},
    {"PilotRevokeTrust", DRIVER, JSON, false, "handshake.revoke", "revoke",
     "{*\"revoked\"}||{*was not trusted\"}", revoke},
    {"PilotResolveHostname", DRIVER, JSON, false, "resolve_hostname",
     "resolve_hostname", TYPED("resolve_hostname_ok"), resolve},
    {"PilotSetHostname", DRIVER, JSON, false, "set_hostname", "set_hostname",
     TYPED("set_hostname_ok"), set_hostname},
    {"PilotSetVisibility", DRIVER, JSON, false, "set_visibility",
     "set_visibility", TYPED("set_visibility_ok"), set_visibility},
    {"PilotDeregister", DRIVER, JSON, true, "deregister", "deregister",
     TYPED("deregister_ok"), deregister},
    {"PilotSetTags", DRIVER, JSON, false, "set_tags", "set_tags",
     TYPED("set_tags_ok"), set_tags},
    {"PilotSetWebhook", DRIVER, JSON, false, "set_webhook", "set_webhook",
     "{\"webhook\":\"\"}", set_webhook},
    {"PilotDisconnect", DRIVER, NO_WAIT, false, "close", "", "null",
     disconnect},
    {"PilotDial", DRIVER, BYTES, false, "dial", "dial", HANDLE, dial},
    {"PilotListen", DRIVER, BYTES, false, "bind", "bind", HANDLE, listen_on},
    {"PilotListenerAccept", LISTENER, PUSHED, true, NULL, "", HANDLE,
     accept_one},
    {"PilotListenerClose", LISTENER, NO_REQUEST, true, NULL, "", "null",
     listener_close},
    {"PilotConnRead", CONN, PUSHED, false, NULL, "", "* bytes", read_some},
    {"PilotConnWrite", CONN, NO_REPLY, false, "send", "", "1 bytes",
     write_some},
    {"PilotConnClose", CONN, NO_WAIT, true, "close", "", "null", conn_close},
    {"PilotSendTo", DRIVER, NO_REPLY, false, "send_to", "", "null", send_to},
    {"PilotRecvFrom", DRIVER, PUSHED, true, NULL, "", "{\"data\":*}",
     recv_from},
    {"PilotHealth", DRIVER, JSON, true, "health", "health",
     "{*\"status\":\"ok\"*}", health},
    {"PilotRotateKey", DRIVER, JSON, true, "rotate_key", "rotate_key",
     TYPED("rotate_key_ok"), rotate_key},
    {"PilotBroadcast", DRIVER, BYTES, false, "broadcast", "", "{\"ok\":true}",
     broadcast},
    {"PilotDialTimeout", DRIVER, BYTES, false, "dial", "dial", HANDLE,
     dial_timeout},
    {"PilotConnSetReadDeadline", CONN, NO_REQUEST, false, NULL, "", "null",
     deadline},
    {"PilotNetworkList", DRIVER, JSON, true, "network.list", "network list",
     TYPED("list_networks_ok"), network_list},
    {"PilotNetworkJoin", DRIVER, JSON, false, "network.join", "network join",
     TYPED("join_network_ok"), join},
    {"PilotNetworkLeave", DRIVER, JSON, false, "network.leave",
     "network leave", TYPED("leave_network_ok"), leave},
    {"PilotNetworkMembers", DRIVER, JSON, false, "network.members",
     "network members", TYPED("list_nodes_ok"), members},
    {"PilotNetworkInvite", DRIVER, JSON, false, "network.invite",
     "network invite", TYPED("invite_to_network_ok"), invite},
    {"PilotNetworkPollInvites", DRIVER, JSON, true, "network.poll_invites",
     "network poll-invites", TYPED("poll_invites_ok"), poll_invites},
    {"PilotNetworkRespondInvite", DRIVER, JSON, false,
     "network.respond_invite", "network respond-invite",
     TYPED("respond_invite_ok"), respond},
    {"PilotManagedStatus", DRIVER, JSON, false, "managed.status",
     "managed status", "{\"cycle_num\":*}", status},
    {"PilotManagedForceCycle", DRIVER, JSON, false, "managed.cycle",
     "managed cycle", "{\"cycle_num\":*}", cycle},
    {"PilotManagedReconcile", DRIVER, JSON, false, "managed.reconcile",
     "managed reconcile", TYPED("managed_reconcile_ok"), reconcile},
    {"PilotPolicyGet", DRIVER, JSON, true, "managed.policy_get", "policy get",
     TYPED("managed_policy_ok"), policy_get},
    {"PilotPolicySet", DRIVER, JSON, false, "managed.policy_set", "policy set",
     TYPED("managed_policy_ok"), policy_set},
    {"PilotMemberTagsGet", DRIVER, JSON, false, "managed.member_tags_get",
     "member-tags get", TYPED("get_member_tags_ok"), tags_get},
    {"PilotMemberTagsSet", DRIVER, JSON, false, "managed.member_tags_set",
     "member-tags set", TYPED("set_member_tags_ok"), tags_set},
};

const size_t call_count = sizeof calls / sizeof *calls;

const struct call *call_named(const char *export)
{
    for (size_t i = 0; i < call_count; i++)
        if (strcmp(calls[i].export, export) == 0)
            return &calls[i];
    return NULL;
}

bool call_check(const struct call *call, enum branch branch, const char *what,
                uint64_t handle, const char *pattern)
{
    char text[OUTCOME];

    call->make(handle, text, sizeof text);
    return check_text(call->export, branch, what, text, pattern);
}

uint64_t handle_of(enum kind kind, uint64_t driver)
{
    struct PilotConnect_return connected;
    struct PilotListen_return bound;
    struct PilotDial_return dialled;
    uint64_t handle = 0;
    char *error = NULL;

    switch (kind) {
    case DRIVER:
        connected = PilotConnect(used_socket);
        handle = connected.r0;
        error = connected.r1;
        break;
    case LISTENER:
        bound = PilotListen(driver, next_port());
        handle = bound.r0;
        error = bound.r1;
        break;
    case CONN:
        dialled = PilotDial(driver, SERVICE);
        handle = dialled.r0;
        error = dialled.r1;
        break;
    case NO_HANDLE:
        break;
    }
    if (handle == 0)
        check_failed("handles", "a handle to begin with",
                     error ? error : "none");
    FreeString(error);
    return handle;
}

bool call_prepare(const struct call *call, uint64_t *driver, uint64_t *handle)
{
    *driver = *handle = 0;
    if (call->takes == NO_HANDLE)
        return true;
    *driver = *handle = handle_of(DRIVER, 0);
    if (*driver != 0 && call->takes != DRIVER)
        *handle = handle_of(call->takes, *driver);
    return *handle != 0;
}
