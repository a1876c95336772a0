#!/usr/bin/env python3
"""Drives the Python SDK of Pilot Protocol 1.18.0 against a fresh mockpilot.

    sdk_smoke.py [MOCKPILOT]

The SDK is the package beside the fetched libpilot (tests/c/fetch-libpilot), or
beside the one of LIBPILOT. Prints a line PASS or FAIL for each check and at
last "N passed, M failed".

Left out: policy_set, because the SDK calls PilotPolicySet without its last
argument, and a wait_for_trust that succeeds, because the SDK looks for peers
under a key that no daemon sends.
"""

import base64
import faulthandler
import os
import sys
import threading
import time

sys.dont_write_bytecode = True
import clientkit  # noqa: E402

NODE = 0x12345678
ADDRESS = "0:0000.1234.5678"
PEER = "0:0000.0000.0009"
# A run that takes longer never ends.
PATIENCE = 60


def in_thread(call):
    """Starts the call; the thread, and the list that its result goes to."""
    results = []

    def run():
        try:
            results.append(call())
        except Exception as error:  # the main thread judges it
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, results


def node(checks, driver, error):
    info = driver.info()
    checks.includes("info", info, {
        "node_id": NODE, "address": ADDRESS, "hostname": "mock-daemon",
        "ports": 4, "networks": None})
    checks.equal("info: number of keys", len(info), 33)
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


def streams(checks, driver, error):
    with driver.dial(f"{PEER}:7") as conn:
        checks.equal("dial: write", conn.write(b"hello"), 5)
        checks.equal("dial: echo", conn.read(), b"hello")
        data = os.urandom(1 << 20)
        conn.write(data)
        checks.check("dial: 1 MiB", conn.read_full(len(data)) == data,
                     "the same bytes", "others")
        conn.set_read_deadline(time.time() + 0.02)
        checks.raises("read: deadline", error, "i/o timeout", conn.read)
        conn.set_read_deadline(None)
        conn.write(b"again")
        checks.equal("read: after a deadline", conn.read_full(5), b"again")
    with driver.dial(f"{PEER}:80", timeout=5) as conn:
        conn.write(b"x")
        checks.equal("dial: with a timeout", conn.read(), b"x")
    checks.raises("dial: bad address", error, "no port",
                  lambda: driver.dial("junk"))
    checks.raises("dial: node 0", error, "node 0: node not found",
                  lambda: driver.dial("0:0000.0000.0000:7"))


def joined(checks, driver, other, error):
    with other.listen(5000) as listener:
        def serve():
            with listener.accept() as conn:
                conn.write(conn.read_full(4).upper())
                try:
                    conn.read()
                except error as end:
                    return str(end)

        thread, served = in_thread(serve)
        with driver.dial(f"{ADDRESS}:5000") as conn:
            conn.write(b"ping")
            checks.equal("listen, accept, dial: both ways",
                         conn.read_full(4), b"PING")
        thread.join(clientkit.DEADLINE)
        checks.equal("accept: the dialler closed", served, ["EOF"])
    checks.raises("listen: another client's port", error,
                  "port 5000 already bound", lambda: driver.listen(5000))
    conn = driver.dial(f"{PEER}:7")
    ids = [row["id"] for row in driver.info()["conn_list"]]
    driver.disconnect(max(ids))
    checks.raises("disconnect", error, "EOF", conn.read)


def datagrams(checks, driver, other, error):
    driver.send_to(f"{PEER}:6000", b"dgram")
    expected = {"src_addr": PEER, "src_port": 0xDEAD, "dst_port": 6000,
                "data": base64.b64encode(b"dgram").decode()}
    checks.equal("send_to, recv_from", driver.recv_from(), expected)
    checks.equal("recv_from: another client", other.recv_from(), expected)
    driver.broadcast(7, 9, b"all", "token")
    checks.includes("broadcast", other.recv_from(),
                    {"dst_port": 9, "data": base64.b64encode(b"all").decode()})
    checks.raises("broadcast: no token", error, "invalid admin token",
                  lambda: driver.broadcast(7, 9, b"all", ""))


def services(checks, driver, other, directory):
    for kind, data in (("text", b"hello"), ("json", b'{"a":1}'),
                       ("binary", b"\0\1")):
        checks.equal(f"send_message: {kind}",
                     driver.send_message(PEER, data, kind).get("ack"),
                     f"ACK {kind.upper()} {len(data)} bytes")
    checks.equal("send_message: to a name",
                 driver.send_message("alice", b"hi").get("ack"),
                 "ACK TEXT 2 bytes")
    path = os.path.join(directory, "file.txt")
    with open(path, "wb") as file:
        file.write(b"a file of a line\n")
    checks.includes("send_file", driver.send_file(PEER, path),
                    {"sent": 17, "filename": "file.txt",
                     "ack": "ACK FILE 17 bytes"})

    events = other.subscribe_event(PEER, "topic")
    thread, got = in_thread(lambda: next(events))
    published = []
    # The subscription is not answered: what comes before it is lost.
    while thread.is_alive() and len(published) < 100:
        published.append(driver.publish_event(PEER, "topic", b"news"))
        thread.join(0.05)
    checks.includes("publish_event", published[0],
                    {"status": "published", "topic": "topic", "bytes": 4})
    checks.equal("subscribe_event", got, [("topic", b"news")])
    events.close()


def main():
    if not clientkit.enter_namespace():
        # libpilot talks to nothing but the Unix socket.
        print("going on without one", flush=True)
    libpilot = clientkit.libpilot_directory()
    package = clientkit.package_directory()
    if package is None:
        print("sdk_smoke: no pilotprotocol package: run tests/c/fetch-libpilot",
              file=sys.stderr)
        return 1
    checks = clientkit.Checks()
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    daemon = clientkit.Daemon()
    os.environ.clear()
    os.environ.update(daemon.environment())
    os.environ["PILOT_LIB_PATH"] = os.path.join(
        libpilot, "libpilot.so")
    sys.path.insert(0, package)
    from pilotprotocol import Driver, PilotError

    driver = Driver(daemon.socket)
    with Driver(daemon.socket) as other:
        node(checks, driver, PilotError)
        trust(checks, driver, PilotError)
        networks(checks, driver, PilotError)
        streams(checks, driver, PilotError)
        joined(checks, driver, other, PilotError)
        datagrams(checks, driver, other, PilotError)
        services(checks, driver, other, daemon.directory)
    os.unlink(os.path.join(daemon.directory, "file.txt"))
    checks.equal("deregister", driver.deregister(), {"type": "deregister_ok"})
    daemon.stop(checks)
    checks.raises("info: without a daemon", PilotError, "", driver.info)
    driver.close()
    checks.raises("connecting: without a daemon", PilotError,
                  "no such file or directory", lambda: Driver(daemon.socket))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
