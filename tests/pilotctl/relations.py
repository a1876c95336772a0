"""Commands about others: trust, networks, managed networks, policies, tags."""

from node import NODE, is_number


def trust(ctl):
    ctl.text("handshake 7 hello", "handshake request sent to node 7")
    ctl.json("handshake 7 hello", {"node_id": 7, "status": "sent"})
    ctl.text("handshake alice", "resolved", "alice", "handshake request sent")
    ctl.text("approve 6", "trust established with node 6")
    ctl.json("approve 6", {"node_id": 6, "status": "approved"})
    ctl.text("reject 8 no", "handshake from node 8 rejected")
    ctl.json("reject 8", {"node_id": 8, "status": "rejected"})
    ctl.text("pending", "no pending handshake requests")
    ctl.json("pending", {"pending": []})
    ctl.text("trust", "Trusted peers", "node 6", "node 7")
    ctl.json("trust", {"total": 3, "trusted": lambda rows: {6, 7} <= {
        row["node_id"] for row in rows} and all(
            isinstance(row["mutual"], bool) and all(map(is_number, (
                row["node_id"], row["network"], row["approved_at"])))
            for row in rows)})
    ctl.json("trust --search 6", {"trusted": lambda rows: 6 in {
        row["node_id"] for row in rows}})
    ctl.text("untrust 7", "trust revoked for node 7")
    ctl.json("untrust 6", {"node_id": 6})
    ctl.refused("untrust 7", "connection_failed",
                "untrust: revoke: daemon: handshake revoke: "
                "node 7 was not trusted")
    ctl.json("prefer-direct alice", {
        "resolve_error": "", "pila_pushed": True,
        "had_tunnel": lambda had: isinstance(had, bool),
        "was_relay_active": False, "was_relay_pinned": False})
    ctl.text("prefer-direct 9", "reset routing state for node 9",
             "relay was active: false")


def asked_by_others(ctl):
    """What a peer does is there for pilotctl to see and to answer."""
    ctl.control.push(peer={"node_id": 21, "does": "handshake",
                           "justification": "let me in"})
    ctl.text("pending", "node 21", "let me in")
    ctl.json("pending", {"pending": lambda rows: [
        (row["node_id"], row["justification"], is_number(row["received_at"]))
        for row in rows] == [(21, "let me in", True)]})
    ctl.json("info", {"handshake_pending_count": 1})
    ctl.json("approve 21", {"node_id": 21, "status": "approved"})
    ctl.json("pending", {"pending": []})
    ctl.json("trust", {"trusted": lambda rows: [
        row["mutual"] is False for row in rows
        if row["node_id"] == 21] == [True]})
    ctl.control.push(peer={"node_id": 21, "does": "revoke"})
    ctl.json("trust", {"trusted": lambda rows: 21 not in [
        row["node_id"] for row in rows]})
    ctl.control.push(peer={"node_id": 22, "does": "invite", "network_id": 31})
    ctl.text("network invites", "31", "22")
    ctl.json("network invites", {"invites": lambda rows: [
        (row["network_id"], row["inviter_id"]) for row in rows] == [(31, 22)]})
    ctl.json("network accept 31", {"accepted": True, "network_id": 31,
                                   "type": "respond_invite_ok"})
    ctl.json("network invites", {"invites": []})
    ctl.json("network leave 31", {"network_id": 31})


def networks(ctl):
    ctl.text("network list", "backbone", "open")
    ctl.json("network list", {
        "type": "list_networks_ok", "networks": lambda rows: [
            (row["id"], row["name"], row["join_rule"], row["enterprise"])
            for row in rows] == [(0, "backbone", "open", False),
                (31, "net-31", "open", False)]})
    ctl.text("network join 7", "joined network 7")
    ctl.json("network join 5 --token t", {
        "network_id": 5, "address": "5:0005.1234.5678",
        "type": "join_network_ok"})
    ctl.refused("network join 0", "connection_failed",
                "cannot join the backbone network")
    ctl.json("info", {"networks": [
        {"network_id": 7, "address": "7:0007.1234.5678"},
        {"network_id": 5, "address": "5:0005.1234.5678"}]})
    ctl.text("network members 7", "NODE ID", str(NODE))
    ctl.json("network members 7", {
        "type": "list_nodes_ok", "nodes": lambda rows: [
            row["node_id"] for row in rows] == [NODE]})
    ctl.text("network invite 7 alice", "invited node", "to network 7")
    ctl.json("network invite 7 9", {"network_id": 7, "target_node_id": 9,
                                    "type": "invite_to_network_ok"})
    ctl.text("network invites", "no pending invites")
    ctl.json("network invites", {"invites": [], "type": "poll_invites_ok"})
    ctl.text("network accept 8", "accepted invite to network 8")
    ctl.json("network accept 8", {"accepted": True, "network_id": 8})
    ctl.json("network reject 6", {"accepted": False, "network_id": 6})
    ctl.text("network reject 6", "rejected invite to network 6")
    ctl.json("network leave 5", {"network_id": 5, "type": "leave_network_ok"})


def managed(ctl):
    """Of network 7, which `networks` has joined; leaves it at last."""
    node = f"--net 7 --node {NODE}"
    ctl.json(f"extras member-tags set {node} --tags web,db", {
        "tags": ["web", "db"], "target_node_id": NODE, "network_id": 7})
    ctl.json(f"extras member-tags get {node}", {
        "tags": ["web", "db"], "target_node_id": NODE, "network_id": 7})
    ctl.text(f"extras member-tags set {node} --tags web", "web")
    ctl.text(f"extras member-tags get {node}", "web")
    ctl.json("extras managed status --net 7", {
        "network_id": 7, "engine": "policy", "cycle_num": 0,
        "peers": is_number})
    ctl.text("extras managed status --net 7", "policy")
    ctl.json("extras managed cycle --force --net 7", {
        "network_id": 7, "cycle_num": 1, "pruned": 0, "filled": 0,
        "evicted": 0, "filled_trust": 0, "pruned_trust": 0})
    ctl.text("extras managed cycle --force --net 7",
             "cycle complete: pruned=0 filled=0")
    ctl.json("extras managed reconcile --net 7", {
        "network_id": 7, "type": "managed_reconcile_ok", "peers": is_number})
    ctl.text("extras managed reconcile --net 7", "reconciled: peers=")
    ctl.json("extras policy get --net 7", {
        "engine": "none", "network_id": 7, "type": "managed_policy_ok"})
    ctl.text("extras policy get --net 7", '"engine": "none"')
    ctl.text("network leave 7", "left network 7")


def broadcasts(ctl):
    ctl.refused("broadcast 7 hello", "auth_required", "admin token required")
    ctl.json("broadcast 7 hello --port 9", {
        "network_id": 7, "port": 9, "bytes": 5}, PILOT_ADMIN_TOKEN="t")
    ctl.text("broadcast 7 hello --port 9", "network 7", PILOT_ADMIN_TOKEN="t")
    ctl.text("extras broadcast 7 hello", "network 7", PILOT_ADMIN_TOKEN="t")
