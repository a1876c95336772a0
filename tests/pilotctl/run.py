#!/usr/bin/env python3
"""Drives pilotctl 1.18.0 against a fresh mockpilot in the lenient profile.

    run.py [MOCKPILOT]

pilotctl is the one beside the fetched libpilot (tests/c/fetch-libpilot), or
the one in LIBPILOT. It may look for a registry, so it only runs in a network
namespace of its own; where that is not permitted nothing is run. Prints a line
PASS or FAIL for each check and at last "N passed, M failed".
"""

import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "python"))
import clientkit  # noqa: E402

NODE = 0x12345678
ADDRESS = "0:0000.1234.5678"
PEER = "0:0000.0000.0009"
# What any one command may take.
PATIENCE = 30


class Pilotctl:
    """Runs commands, each as a check of its status and of what it prints."""

    def __init__(self, checks, daemon):
        self.checks = checks
        self.environment = daemon.environment()
        self.program = os.path.join(clientkit.libpilot_directory(), "pilotctl")

    def run(self, *arguments, **variables):
        try:
            return subprocess.run(
                [self.program, *arguments], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                encoding="utf-8", timeout=PATIENCE,
                env={**self.environment, **variables})
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(
                arguments, "no end within 30 s", "", "")

    def data(self, *arguments, **variables):
        """The data of a command's JSON, or {}; no check."""
        return decode(self.run("--json", *arguments, **variables).stdout)

    def text(self, command, *wanted, status=0, **variables):
        """One check: the status, and every wanted text in what it prints."""
        arguments = command.split() if isinstance(command, str) else command
        done = self.run(*arguments, **variables)
        output = done.stdout + done.stderr
        missing = [word for word in wanted if word not in output]
        self.checks.check(
            " ".join(arguments), done.returncode == status and not missing,
            f"status {status} and {missing or wanted}",
            f"status {done.returncode} and {output!r}")

    def json(self, command, wanted, status=0, **variables):
        """One check: the status, and the keys that are wanted; the data."""
        arguments = command.split() if isinstance(command, str) else command
        done = self.run("--json", *arguments, **variables)
        data = decode(done.stdout if status == 0 else done.stderr)
        part = {key: data.get(key) for key in wanted}
        self.checks.check(
            "--json " + " ".join(arguments),
            done.returncode == status and part == wanted,
            f"status {status} and {wanted}",
            f"status {done.returncode} and "
            f"{(done.stdout + done.stderr).strip()}")
        return data

    def start(self, *arguments):
        """A command that goes on beside others."""
        return subprocess.Popen(
            [self.program, *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            encoding="utf-8", env=self.environment)

    def meet(self, name, receiver, send, judge):
        """Sends again and again until the receiver, which cannot say when it
        is ready, has what it waits for and ends; then judges its output."""
        for _ in range(100):
            send()
            try:
                output, _ = receiver.communicate(timeout=0.05)
                break
            except subprocess.TimeoutExpired:
                continue
        else:
            receiver.kill()
            output, _ = receiver.communicate()
        self.checks.check(name, receiver.returncode == 0 and judge(output),
                          "status 0 and what was sent",
                          f"status {receiver.returncode} and {output!r}")


def decode(text):
    """The data of an answer, or the whole of an error."""
    for line in text.splitlines():
        try:
            answer = json.loads(line)
        except ValueError:
            continue
        if isinstance(answer, dict) and "status" in answer:
            return answer.get("data", answer)
    return {}


def daemon_state(ctl):
    ctl.text("info", "mock-daemon", ADDRESS, str(NODE), "4 ports")
    ctl.json("info", {"node_id": NODE, "address": ADDRESS,
                      "hostname": "mock-daemon", "ports": 4,
                      "networks": None, "conn_list": []})
    ctl.text("health", "pilot-daemon ok", "0 connection(s)")
    ctl.json("health", {"status": "ok", "connections": 0})
    ctl.text("peers", "no peers connected")
    ctl.json("peers", {"total": 0})
    ctl.text("connections", "no active connections")
    ctl.json("connections", {"total": 0, "connections": []})
    ctl.text("daemon status", "pilot-daemon running", str(NODE), "mock-daemon")
    ctl.json("daemon status", {"running": True, "responsive": True,
                               "node_id": NODE, "hostname": "mock-daemon"})
    ctl.text("daemon status --check")


def names(ctl):
    ctl.text("find alice", "Hostname:  alice", "Visible:   public")
    ctl.json("find alice", {"hostname": "alice", "public": True})
    ctl.text("find BAD_NAME", 'cannot find "BAD_NAME"', status=1)
    ctl.json("find BAD_NAME", {"code": "not_found", "status": "error"},
             status=1)
    ctl.text("set-hostname unit", "hostname set: unit")
    ctl.json("find unit", {"node_id": NODE, "address": ADDRESS})
    ctl.json("set-hostname other", {"hostname": "other", "node_id": NODE})
    ctl.json("info", {"hostname": "other"})
    ctl.json("set-hostname BAD_NAME", {"status": "error"}, status=1)
    ctl.json("clear-hostname", {"hostname": ""})
    ctl.text("extras set-tags a b", "tags set: #a #b")
    ctl.json("extras set-tags a b c", {"tags": ["a", "b", "c"]})
    ctl.json("extras set-tags BAD_TAG", {"status": "error"}, status=1)
    ctl.text("extras clear-tags", "tags cleared")
    ctl.json("set-private", {"visibility": "private", "node_id": NODE})
    ctl.json("set-public", {"visibility": "public"})
    before = ctl.data("info").get("public_key")
    rotated = ctl.json("rotate-key", {"node_id": NODE,
                                      "type": "rotate_key_ok"})
    ctl.json("info", {"public_key": rotated.get("public_key")})
    ctl.checks.check("rotate-key: another key",
                     rotated.get("public_key") not in (None, before),
                     "another", before)
    ctl.text("rotate-key", "rotate_key_ok", str(NODE))
    ctl.text("extras set-webhook http://127.0.0.1:9/h", "webhook set",
             "applied to running daemon")
    ctl.json("extras clear-webhook", {"applied": True, "webhook": ""})


def trust(ctl):
    ctl.text("handshake 7 hello", "handshake request sent to node 7")
    ctl.json("handshake 7 hello", {"node_id": 7, "status": "sent"})
    ctl.text("handshake alice", 'resolved alice', "handshake request sent")
    ctl.text("approve 6", "trust established with node 6")
    ctl.json("approve 6", {"node_id": 6, "status": "approved"})
    ctl.text("reject 8 no", "handshake from node 8 rejected")
    ctl.json("reject 8", {"node_id": 8, "status": "rejected"})
    ctl.text("pending", "no pending handshake requests")
    ctl.json("pending", {"pending": []})
    ctl.text("trust", "Trusted peers", "node 6", "node 7")
    ctl.json("trust", {"total": 3})
    ctl.text("untrust 7", "trust revoked for node 7")
    ctl.json("untrust 7", {"code": "connection_failed", "error":
                           "untrust: revoke: daemon: handshake revoke: "
                           "node 7 was not trusted"}, status=1)
    ctl.json("prefer-direct alice", {"resolve_error": "",
                                     "pila_pushed": True})


def networks(ctl):
    ctl.text("network list", "backbone", "open")
    listed = ctl.json("network list", {"type": "list_networks_ok"})
    ctl.checks.equal("network list: ids",
                     [row.get("id") for row in listed.get("networks", [])],
                     [0])
    ctl.text("network join 7", "joined network 7")
    ctl.json("network join 5 --token t",
             {"network_id": 5, "address": "5:0005.1234.5678"})
    ctl.json("network join 0", {"status": "error"}, status=1)
    joined = ctl.data("info").get("networks") or []
    ctl.checks.equal("info: networks",
                     sorted(row["network_id"] for row in joined), [5, 7])
    ctl.text("network members 7", "NODE ID", str(NODE))
    members = ctl.json("network members 7", {"type": "list_nodes_ok"})
    ctl.checks.equal("network members: nodes",
                     [row["node_id"] for row in members.get("nodes", [])],
                     [NODE])
    ctl.text("network invite 7 alice", "invited node", "to network 7")
    ctl.json("network invite 7 9", {"network_id": 7, "target_node_id": 9})
    ctl.text("network invites", "no pending invites")
    ctl.json("network invites", {"invites": []})
    ctl.text("network accept 8", "accepted invite to network 8")
    ctl.json("network reject 6", {"accepted": False, "network_id": 6})
    ctl.json("network leave 5", {"network_id": 5, "type": "leave_network_ok"})
    ctl.text("network leave 7", "left network 7")

    ctl.json(f"extras member-tags set --net 7 --node {NODE} --tags web,db",
             {"tags": ["web", "db"], "target_node_id": NODE})
    ctl.json(f"extras member-tags get --net 7 --node {NODE}",
             {"tags": ["web", "db"]})
    ctl.json("extras managed status --net 7", {"network_id": 7,
                                               "engine": "policy"})
    ctl.json("extras managed cycle --force --net 7", {"network_id": 7})
    ctl.json("extras managed reconcile --net 7",
             {"network_id": 7, "type": "managed_reconcile_ok"})
    ctl.json("extras policy get --net 7", {"engine": "none", "network_id": 7})
    ctl.json("broadcast 7 hello", {"code": "auth_required"}, status=1)
    ctl.json("broadcast 7 hello --port 9",
             {"network_id": 7, "port": 9, "bytes": 5}, PILOT_ADMIN_TOKEN="t")


def measurements(ctl):
    ctl.text("ping alice --count 2", "PING", "seq=0 bytes=6", "seq=1 bytes=6")
    pinged = ctl.json(f"ping {PEER} --count 3", {"timeout": False,
                                                 "target": PEER})
    ctl.checks.equal("ping: every packet came back",
                     [row.get("bytes") for row in pinged.get("results", [])],
                     [6, 6, 6])
    ctl.text(f"traceroute {PEER}", f"TRACEROUTE {PEER}", "rtt=")
    traced = ctl.json(f"traceroute {PEER}", {"target": PEER})
    ctl.checks.equal("traceroute: samples", len(traced.get("rtt_samples", [])),
                     3)
    ctl.text("bench alice 1", "Sent:     1.0 MB", "Echoed:   1.0 MB")
    ctl.json(f"bench {PEER} 4", {"complete": True, "sent_bytes": 4 << 20,
                                 "recv_bytes": 4 << 20})


def messages(ctl, directory):
    ctl.text("connect alice 7 --message hello", "hello")
    ctl.json(f"connect {PEER} --message hello", {"sent": "hello"})
    ctl.text("send alice 80 --data hello", "hello")
    ctl.json(f"send {PEER} 80 --data hello", {"sent": "hello",
                                              "response": "hello",
                                              "port": 80})
    ctl.text("send-message alice --data hello", "ACK TEXT 5 bytes")
    for kind, data in (("text", "hello"), ("json", '{"a":1}'),
                       ("binary", "\1\2")):
        ctl.json(["send-message", PEER, "--data", data, "--type", kind],
                 {"ack": f"ACK {kind.upper()} {len(data)} bytes",
                  "bytes": len(data), "type": kind})
    twice = ctl.json(f"send-message {PEER} --data x --count 2 --reuse-conn",
                     {"reuse_conn": True})
    ctl.checks.equal("send-message: both on one stream",
                     [(row.get("ack"), row.get("reused"))
                      for row in twice.get("results", [])],
                     [("ACK TEXT 1 bytes", False), ("ACK TEXT 1 bytes", True)])
    path = os.path.join(directory, "file.txt")
    with open(path, "w") as file:
        file.write("a file of a line\n")
    ctl.text(["send-file", "alice", path], "ACK FILE 17 bytes")
    ctl.json(["send-file", PEER, path],
             {"ack": "ACK FILE 17 bytes", "bytes": 17,
              "filename": "file.txt"})
    os.unlink(path)
    ctl.text("dgram alice 5000 --data hello", "sent 5 byte(s)", "port 5000")
    ctl.json(f"dgram {PEER} 5000 --data hello", {"bytes": 5, "port": 5000,
                                                 "confirmed": True})
    ctl.text("publish alice topic --data news", '"topic": "topic"')
    ctl.json(f"publish {PEER} topic --data news", {"bytes": 4,
                                                   "topic": "topic"})
    ctl.json("disconnect 4000000000", {"conn_id": 4000000000})


def signing(ctl):
    """Each envelope is verified as it came, and spoilt."""
    ctl.text(["sign-request", "--audience", "svc", "--body", "hello"],
             "pilot-req-v1|000012345678|", "|svc", ADDRESS)
    signed = ctl.json(["sign-request", "--audience", "svc", "--body", "hello"],
                      {"address": ADDRESS})
    envelope = signed.get("envelope", "")
    signature = signed.get("signature", "")
    verify = ["verify-request", "--envelope", envelope, "--signature"]
    ctl.json([*verify, signature], {"valid": True, "node_id": NODE,
                                    "address": ADDRESS})
    ctl.text([*verify, signature, "--standing"], '"valid": true',
             '"network_member": true')
    first = "B" if signature[:1] == "A" else "A"
    ctl.text([*verify, first + signature[1:]], '"valid": false',
             "reqsig: signature verification failed", status=1)
    ctl.text(["verify-request", "--envelope", "x", "--signature", signature],
             "reqsig: want 6 fields, got 1", status=1)
    ctl.text(["sign-request", "--audience", "NOT GOOD", "--body", "x"],
             "reqsig: audience must match [a-z0-9.-]", status=1)


def streams_between(ctl):
    """recv holds its port for as long as it runs: info shows it."""
    for options in ([], ["--json"]):
        receiver = ctl.start(*options, "recv", "5000", "--count", "1",
                             "--timeout", "20s")
        while ctl.data("info").get("ports") == 4 and receiver.poll() is None:
            pass
        # recv prints what came and never answers: send gives up, as it
        # should.
        ctl.json(f"send {ADDRESS} 5000 --data hello --timeout 1s",
                 {"code": "timeout"}, status=1)
        output, _ = receiver.communicate(timeout=PATIENCE)
        name = " ".join([*options, "recv from send"])
        ctl.checks.check(name, receiver.returncode == 0 and "hello" in output,
                         "status 0 and hello",
                         f"status {receiver.returncode} and {output!r}")
        ctl.json("info", {"ports": 4})


def datagrams_between(ctl):
    def send():
        ctl.data("dgram", ADDRESS, "6000", "--data", "hello")

    ctl.meet("listen from dgram",
             ctl.start("listen", "6000", "--count", "1", "--timeout", "20s"),
             send, lambda output: f"[{ADDRESS}:57005] hello" in output)
    ctl.meet("--json listen from dgram",
             ctl.start("--json", "listen", "6000", "--count", "1",
                       "--timeout", "20s"), send,
             lambda output: [row.get("data") for row in decode(output).get(
                 "messages") or []] == ["hello"])


def events_between(ctl):
    for target in (ADDRESS, "alice"):
        def publish():
            ctl.data("publish", target, "topic", "--data", "news")

        ctl.meet(f"subscribe {target} from publish",
                 ctl.start("subscribe", target, "topic", "--count", "1",
                           "--timeout", "20s"), publish,
                 lambda output: "[topic] news" in output)
        ctl.meet(f"--json subscribe {target} from publish",
                 ctl.start("--json", "subscribe", target, "*", "--count", "1",
                           "--timeout", "20s"), publish,
                 lambda output: decode(output).get("events") == [
                     {"bytes": 4, "data": "news", "topic": "topic"}])


def main():
    if not clientkit.enter_namespace():
        print("0 passed, 0 failed, 1 skipped")
        return 0
    checks = clientkit.Checks()
    daemon = clientkit.Daemon("--profile", "lenient")
    ctl = Pilotctl(checks, daemon)
    if not os.access(ctl.program, os.X_OK):
        print(f"run.py: {ctl.program}: not there: run tests/c/fetch-libpilot",
              file=sys.stderr)
        return 1
    daemon_state(ctl)
    names(ctl)
    trust(ctl)
    networks(ctl)
    measurements(ctl)
    messages(ctl, daemon.directory)
    signing(ctl)
    streams_between(ctl)
    datagrams_between(ctl)
    events_between(ctl)
    ctl.json("deregister", {"type": "deregister_ok"})
    ctl.text("deregister", "deregister_ok")
    daemon.stop(checks)
    ctl.text("daemon status --check", status=1)
    ctl.json("info", {"code": "not_running", "status": "error"}, status=1)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
