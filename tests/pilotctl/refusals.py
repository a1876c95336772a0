"""What a faithful daemon refuses, as pilotctl passes it on."""

import json

import clientkit
from node import BADGE, ENROLLMENT
from pilotctl import Pilotctl

FAILED = "connection_failed"

SCENARIO = {
    "version": 1, "profile": "faithful", "dial_timeout": "200ms",
    "node": {"node_id": 42, "hostname": "unit", "admin_token": "s3cret"},
    "peers": [
        {"node_id": 2, "hostname": "beta", "trusted": True, "services": {
            "80": "echo", "99": "refuse", "98": "hang"}},
        {"node_id": 3, "hostname": "gamma", "public": False},
        {"node_id": 4, "hostname": "delta"}],
    "networks": [
        {"id": 7, "name": "lab", "join_rule": "token", "token": "t",
         "members": [2]},
        {"id": 8, "name": "club", "members": [2]},
        {"id": 9, "name": "vip", "join_rule": "invite", "members": [2],
         "enterprise": True}],
    "pending": [{"node_id": 4, "justification": "hi"}],
    "invites": [{"network_id": 9, "inviter_id": 2}]}

# The command, and what the daemon says.
REFUSED = (
    ("set-hostname beta",
     'set_hostname: registry: hostname "beta" already in use by node 2'),
    ("set-hostname BAD", "set_hostname: registry: invalid hostname: hostname "
     "must be lowercase alphanumeric with hyphens, start/end with "
     "alphanumeric"),
    ("extras set-tags BAD", 'set_tags: registry: tag "BAD" must be lowercase '
     "alphanumeric with hyphens"),
    ("handshake 4242", "handshake request: handshake relay: registry: node "
     "4242: node not found"),
    ("untrust 4242", "handshake revoke: node 4242 was not trusted"),
    ("network join 99", "network join: registry: network 99: network not "
     "found"),
    ("network join 7", "network join: registry: invalid token for network 7"),
    ("network join 7 --token x", "network join: registry: invalid token for "
     "network 7"),
    ("network join 9", "network join: registry: invite-only networks require "
     "invite_to_network + respond_invite flow"),
    ("network leave 99", "network leave: registry: network 99: network not "
     "found"),
    ("network leave 8", "network leave: registry: node 42 is not a member of "
     "network 8"),
    ("network members 99", "network members: registry: network 99: network "
     "not found"),
    ("network invite 99 2", "network invite: registry: network 99: network "
     "not found"),
    ("network invite 8 2", "network invite: registry: enterprise feature: "
     "requires enterprise network"),
    ("network accept 99", "network respond-invite: registry: network 99: "
     "network not found"),
    ("network reject 99", "network respond-invite: registry: network 99: "
     "network not found"),
    ("extras member-tags get --net 99 --node 2", "member-tags get: registry: "
     "network 99: network not found"),
    ("extras member-tags set --net 99 --node 2 --tags a", "member-tags set: "
     "registry: network 99: network not found"),
    ("extras managed status --net 99", "managed: no active managed networks"),
    ("extras managed cycle --force --net 99",
     "managed: no active managed networks"),
    ("extras managed reconcile --net 99",
     "managed: no active policy runner for network"),
    (f"verify --badge {BADGE} --badge-sig eA==", "submit_badge: registry: "
     "badge verification failed: badgeverify: no pinned issuer key for badge "
     'kid: kid="k1"'),
    (f"recovery enroll --enrollment {ENROLLMENT} --enrollment-sig eA==",
     "enroll_recovery: registry: enrollment verification failed: badgeverify: "
     'no pinned issuer key for badge kid: kid="k1"'),
    ("recv 1001 --count 1", "port 1001 already bound"),
    ("recv 7 --count 1", "port 7 already bound"),
    ("sign-request --audience BAD --body x",
     "sign_envelope: reqsig: audience must match [a-z0-9.-]"),
)

# Once the node has gone from the registry.
DEREGISTERED = (
    ("set-public", "set_visibility: registry: node 42: node not found"),
    ("set-private", "set_visibility: registry: node 42: node not found"),
    ("rotate-key", "rotate_key: registry: registry: node 42: node not found"),
    ("set-hostname x", "set_hostname: registry: node 42: node not found"),
    ("clear-hostname", "set_hostname: registry: node 42: node not found"),
    ("extras set-tags x", "set_tags: registry: node 42: node not found"),
    ("extras clear-tags", "set_tags: registry: node 42: node not found"),
)

# pilotctl looks at the name, or at the trust, before it asks for more.
UNKNOWN = ("send nosuch 80 --data x", "connect nosuch", "ping nosuch",
           "send-message nosuch --data x", "send-file nosuch /dev/null",
           "publish nosuch t --data x", "dgram nosuch 9 --data x",
           "subscribe nosuch t --count 1", "bench nosuch 1")
UNTRUSTED = tuple(command.replace("nosuch", "gamma") for command in UNKNOWN)


def granted(ctl):
    """What is there to be seen and taken."""
    ctl.json("info", {"node_id": 42, "hostname": "unit", "networks": None,
                      "handshake_pending_count": 1})
    ctl.json("find gamma", {"node_id": 3, "public": False})
    ctl.json("network list", {"networks": lambda rows: [
        (row["id"], row["join_rule"]) for row in rows] == [
            (0, "open"), (7, "token"), (8, "open"), (9, "invite")]})
    ctl.json("pending", {"pending": lambda rows: [
        row["node_id"] for row in rows] == [4]})
    ctl.json("approve 4", {"node_id": 4, "status": "approved"})
    # The newest comes first, by the second.
    ctl.json("trust", {"total": 2, "trusted": lambda rows: sorted(
        row["node_id"] for row in rows) == [2, 4]})
    ctl.json("network invites", {"invites": lambda rows: [
        row["network_id"] for row in rows] == [9]})
    ctl.json("network accept 9", {"accepted": True, "network_id": 9})
    ctl.json("network invite 9 4", {"network_id": 9, "target_node_id": 4})
    ctl.json("network join 7 --token t", {"network_id": 7})
    ctl.json("network members 7", {"nodes": lambda rows: [
        row["node_id"] for row in rows] == [2, 42]})
    ctl.json("connect beta 80 --message hello", {"response": "hello"})
    ctl.json("broadcast 7 hello --port 9", {"bytes": 5},
             PILOT_ADMIN_TOKEN="s3cret")
    ctl.json("network leave 7", {"network_id": 7})


def broadcasts(ctl):
    for network, token, text in (
            (7, "wrong", "broadcast denied: invalid admin token"),
            (7, "s3cret", "broadcast denied: node 42 is not a member of "
             "network 7"),
            (99, "s3cret", "list nodes for broadcast: registry: network 99: "
             "network not found"),
            (0, "s3cret", "broadcast not permitted on backbone network")):
        ctl.refused(f"broadcast {network} hello", "broadcast_failed",
                    f"daemon: broadcast: {text}", PILOT_ADMIN_TOKEN=token)


def run(checks):
    daemon = clientkit.Daemon("--scenario", json.dumps(SCENARIO))
    ctl = Pilotctl(checks, daemon)
    granted(ctl)
    for command, text in REFUSED:
        ctl.refused(command, FAILED, "daemon: " + text)
    broadcasts(ctl)
    ctl.refused("find nosuch", "not_found", 'cannot find "nosuch"')
    ctl.refused("handshake nosuch", "not_found", "daemon: resolve_hostname: "
                'registry: hostname "nosuch" not found')
    ctl.refused("prefer-direct nosuch", "not_found", "cannot resolve")
    ctl.json("prefer-direct 4242", {
        "resolve_error": "resolve node 4242: registry: node 4242: node not "
        "found", "pila_pushed": False})
    ctl.json("traceroute 0:0000.0000.0003", {
        "error": "dial: daemon: resolve node 3: registry: node 3: node not "
        "found"})
    for command in UNKNOWN:
        code = "invalid_argument" if "file" in command else "not_found"
        ctl.refused(command, code, 'cannot resolve "nosuch"')
    for command in UNTRUSTED:
        ctl.refused(command, "trust_required",
                    "refusing tunnel to untrusted node")
    for command in ("connect beta 81", "connect beta 99", "send beta 81"):
        ctl.refused([*command.split(), "--message", "x", "--data", "x"],
                    FAILED, "cannot connect to 0:0000.0000.0002 port ")
    ctl.refused("connect beta 98 --message x", FAILED, "no reply from peer")
    ctl.json("deregister", {"type": "deregister_ok"})
    for command, text in DEREGISTERED:
        ctl.refused(command, FAILED, "daemon: " + text)
    ctl.refused("find unit", "not_found", 'cannot find "unit"')
    daemon.stop(checks)
