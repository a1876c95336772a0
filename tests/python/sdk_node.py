"""The SDK's methods about the node itself, about trust and about networks."""

import base64

NODE = 0x12345678
ADDRESS = "0:0000.1234.5678"

NUMBERS = (
    "accept_queue_drops", "authenticated_peers", "bytes_recv", "bytes_sent",
    "connections", "encrypted_peers", "handshake_pending_count", "peers",
    "relay_peer_count", "webhook_circuit_skips", "webhook_queue_dropped")
HEALTH_TYPES = {**dict.fromkeys(NUMBERS, "int"), "uptime_seconds": "int",
                "status": "str", "beacon_addr": "str"}
INFO_TYPES = {
    **dict.fromkeys(NUMBERS, "int"),
    **dict.fromkeys(("node_id", "pkts_recv", "pkts_sent", "ports",
                     "tunnel_encryption_failure", "tunnel_encryption_success",
                     "uptime_secs"), "int"),
    **dict.fromkeys(("address", "beacon_addr", "email", "endpoint", "hostname",
                     "motd", "public_key", "transport", "version"), "str"),
    **dict.fromkeys(("conn_list", "features", "peer_list"), "list"),
    "encrypt": "bool", "identity": "bool", "networks": "NoneType"}


def node(checks, driver, error):
    info = driver.info()
    checks.includes("info", info, {
        "node_id": NODE, "address": ADDRESS, "hostname": "mock-daemon",
        "ports": 4, "networks": None})
    checks.equal("info: number of keys", len(info), 33)
    checks.equal("info: types", {key: type(value).__name__ for key, value
                                 in info.items()}, INFO_TYPES)
    checks.equal("health: types", {key: type(value).__name__ for key, value
                                   in driver.health().items()}, HEALTH_TYPES)
    checks.includes("health", driver.health(), {"status": "ok",
                                                "connections": 0})
    checks.equal("set_hostname", driver.set_hostname("unit"),
                 {"hostname": "unit", "node_id": NODE,
                  "type": "set_hostname_ok"})
    checks.equal("info: the new hostname", driver.info()["hostname"], "unit")
    checks.includes("resolve_hostname: own", driver.resolve_hostname("unit"),
                    {"address": ADDRESS, "node_id": NODE})
    checks.includes("resolve_hostname: peer", driver.resolve_hostname("alice"),
                    {"hostname": "alice", "type": "resolve_hostname_ok"})
    checks.raises("resolve_hostname: bad", error, "not found",
                  lambda: driver.resolve_hostname("BAD NAME"))
    checks.includes("set_visibility", driver.set_visibility(True),
                    {"visibility": "public"})
    checks.includes("set_tags", driver.set_tags(["a", "b"]),
                    {"tags": ["a", "b"]})
    checks.raises("set_tags: four", error, "maximum 3 tags allowed",
                  lambda: driver.set_tags(["a", "b", "c", "d"]))
    checks.raises("set_hostname: bad", error, "invalid hostname",
                  lambda: driver.set_hostname("BAD"))
    checks.equal("set_hostname: none", driver.set_hostname("")["hostname"], "")
    driver.set_hostname("unit")
    checks.includes("set_visibility: private", driver.set_visibility(False),
                    {"visibility": "private", "node_id": NODE,
                     "type": "set_visibility_ok"})
    checks.equal("set_tags: none", driver.set_tags([])["tags"], None)
    checks.raises("set_webhook: bad", error, "URL must use http or https",
                  lambda: driver.set_webhook("ftp://x/"))
    checks.equal("set_webhook", driver.set_webhook("http://127.0.0.1:9/h"),
                 {"webhook": "http://127.0.0.1:9/h"})
    rotated = driver.rotate_identity()
    checks.includes("rotate_identity", rotated, {"node_id": NODE,
                                                 "type": "rotate_key_ok"})
    checks.equal("info: the new key", driver.info()["public_key"],
                 rotated.get("public_key"))
    checks.check("info: another key than before",
                 info["public_key"] != rotated.get("public_key"),
                 "another", info["public_key"])
    checks.check("rotate_key: 32 bytes", len(base64.b64decode(
        driver.rotate_key()["public_key"])) == 32, "32 bytes", "others")


def trust(checks, driver, error):
    checks.equal("pending_handshakes", driver.pending_handshakes(),
                 {"pending": []})
    checks.equal("handshake", driver.handshake(7, "hello"),
                 {"node_id": 7, "status": "sent"})
    trusted = driver.trusted_peers()["trusted"]
    checks.equal("trusted_peers", [row["node_id"] for row in trusted], [7])
    checks.equal("approve_handshake", driver.approve_handshake(6),
                 {"node_id": 6, "status": "approved"})
    checks.equal("reject_handshake", driver.reject_handshake(8, "no"),
                 {"node_id": 8, "status": "rejected"})
    checks.equal("revoke_trust", driver.revoke_trust(7),
                 {"node_id": 7, "status": "revoked"})
    checks.raises("revoke_trust: again", error, "node 7 was not trusted",
                  lambda: driver.revoke_trust(7))
    checks.equal("wait_for_trust: in vain", driver.wait_for_trust(8, 0), False)


def asked_by_others(checks, driver, control):
    """What a peer does is there to be seen and to be answered."""
    control.push(peer={"node_id": 21, "does": "handshake",
                       "justification": "let me in"})
    pending = driver.pending_handshakes()["pending"]
    checks.equal("pending_handshakes: one", [
        (row["node_id"], row["justification"]) for row in pending],
        [(21, "let me in")])
    driver.approve_handshake(21)
    checks.equal("pending_handshakes: answered",
                 driver.pending_handshakes(), {"pending": []})
    rows = {row["node_id"]: row for row in driver.trusted_peers()["trusted"]}
    checks.equal("trusted_peers: types", {
        key: type(value).__name__ for key, value in rows.get(21, {}).items()}, {
            "approved_at": "int", "mutual": "bool", "network": "int",
            "node_id": "int", "public_key": "str"})
    control.push(peer={"node_id": 21, "does": "revoke"})
    checks.check("trusted_peers: revoked by the peer", 21 not in [
        row["node_id"] for row in driver.trusted_peers()["trusted"]],
        "no 21", "21")
    control.push(peer={"node_id": 22, "does": "invite", "network_id": 31})
    invites = driver.network_poll_invites()["invites"]
    checks.equal("network_poll_invites: one", [
        (row["network_id"], row["inviter_id"]) for row in invites], [(31, 22)])
    checks.equal("network_respond_invite: no",
                 driver.network_respond_invite(31, False),
                 {"accepted": False, "network_id": 31,
                  "type": "respond_invite_ok"})
    checks.equal("network_poll_invites: answered",
                 driver.network_poll_invites()["invites"], [])


def networks(checks, driver, error):
    names = [row["name"] for row in driver.network_list()["networks"]]
    checks.check("network_list", "backbone" in names, "backbone", names)
    checks.equal("network_join", driver.network_join(7, "token"),
                 {"address": "7:0007.1234.5678", "network_id": 7,
                  "type": "join_network_ok"})
    checks.equal("info: networks", driver.info()["networks"],
                 [{"network_id": 7, "address": "7:0007.1234.5678"}])
    members = driver.network_members(7)["nodes"]
    checks.equal("network_members", [row["node_id"] for row in members],
                 [NODE])
    checks.includes("network_invite", driver.network_invite(7, 9),
                    {"network_id": 7, "target_node_id": 9})
    checks.equal("network_poll_invites", driver.network_poll_invites(),
                 {"invites": [], "type": "poll_invites_ok"})
    checks.includes("network_respond_invite",
                    driver.network_respond_invite(8, True),
                    {"accepted": True, "network_id": 8})
    checks.includes("member_tags_set",
                    driver.member_tags_set(7, NODE, ["web"]),
                    {"tags": ["web"], "target_node_id": NODE})
    checks.includes("member_tags_get", driver.member_tags_get(7, NODE),
                    {"tags": ["web"], "target_node_id": NODE})
    checks.includes("managed_status", driver.managed_status(7),
                    {"network_id": 7, "engine": "policy"})
    checks.includes("managed_force_cycle", driver.managed_force_cycle(7),
                    {"network_id": 7, "cycle_num": 1})
    checks.includes("managed_reconcile", driver.managed_reconcile(7),
                    {"network_id": 7, "type": "managed_reconcile_ok"})
    checks.includes("policy_get", driver.policy_get(7),
                    {"engine": "none", "network_id": 7})
    checks.equal("network_leave", driver.network_leave(7),
                 {"network_id": 7, "type": "leave_network_ok"})
    checks.raises("network_join: backbone", error,
                  "cannot join the backbone network",
                  lambda: driver.network_join(0))
