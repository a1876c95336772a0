"""Commands that carry data: to simulated peers, and between two processes."""

import os

from node import ADDRESS

PEER = "0:0000.0000.0009"


def measurements(ctl):
    ctl.text("ping alice --count 2", "PING", "seq=0 bytes=6", "seq=1 bytes=6")
    ctl.json(f"ping {PEER} --count 3", {
        "timeout": False, "target": PEER, "results": lambda rows: [
            (row.get("seq"), row.get("bytes"), row["rtt_ms"] >= 0)
            for row in rows] == [(0, 6, True), (1, 6, True), (2, 6, True)]})
    ctl.text(f"traceroute {PEER}", f"TRACEROUTE {PEER}", "rtt=")
    ctl.json(f"traceroute {PEER}", {
        "target": PEER, "rtt_samples": lambda rows: len(rows) == 3})
    ctl.text("bench alice 1", "Sent:     1.0 MB", "Echoed:   1.0 MB")
    ctl.json(f"bench {PEER} 4", {
        "complete": True, "sent_bytes": 4 << 20, "recv_bytes": 4 << 20})
    # What has been closed is listed for a while.
    ctl.text("connections", "Active connections: ", "TIME_WAIT")
    ctl.json("connections", {"connections": lambda rows: {
        (row["remote_addr"], row["remote_port"], row["state"])
        for row in rows} >= {(PEER, 7, "TIME_WAIT")}})


def streams(ctl):
    ctl.text("connect alice 7 --message hello", "hello")
    ctl.json(f"connect {PEER} --message hello", {"sent": "hello",
                                                 "response": "hello"})
    ctl.text("extras connect alice 80 --message hello", "hello")
    ctl.text("send alice 80 --data hello", "hello")
    ctl.json(f"send {PEER} 80 --data hello", {
        "sent": "hello", "response": "hello", "port": 80})
    ctl.json("disconnect 4000000000", {"conn_id": 4000000000})
    ctl.text("disconnect 4000000000", '"conn_id": 4000000000')


def messages(ctl, directory):
    ctl.text("send-message alice --data hello", "ACK TEXT 5 bytes")
    for kind, data in (("text", "hello"), ("json", '{"a":1}'),
                       ("binary", "\1\2")):
        ctl.json(["send-message", PEER, "--data", data, "--type", kind], {
            "ack": f"ACK {kind.upper()} {len(data)} bytes", "target": PEER,
            "bytes": len(data), "type": kind, "reused": False, "to": PEER,
            "tagged": False})
    ctl.json(f"send-message {PEER} --data x --count 2 --reuse-conn", {
        "reuse_conn": True, "results": lambda rows: [
            (row.get("ack"), row.get("reused")) for row in rows] == [
                ("ACK TEXT 1 bytes", False), ("ACK TEXT 1 bytes", True)]})
    ctl.refused(f"send-message {PEER} --data x --wait 1s", "timeout",
                f'no reply from "{PEER}" within 1s')
    ctl.json(["send-message", "list-agents", "--data", "list all agents"],
             {"ack": "ACK TEXT 15 bytes"})
    path = os.path.join(directory, "home", "file.txt")
    with open(path, "w", encoding="ascii") as file:
        file.write("a file of a line\n")
    ctl.text(["send-file", "alice", path], "ACK FILE 17 bytes")
    ctl.json(["send-file", PEER, path], {
        "ack": "ACK FILE 17 bytes", "bytes": 17, "filename": "file.txt",
        "destination": PEER})
    ctl.text("publish alice topic --data news", '"topic": "topic"')
    ctl.json(f"publish {PEER} topic --data news", {
        "bytes": 4, "topic": "topic", "target": PEER})
    ctl.text("dgram alice 5000 --data hello", "sent 5 byte(s)", "port 5000")
    ctl.json(f"dgram {PEER} 5000 --data hello", {
        "bytes": 5, "port": 5000, "confirmed": True})


def awaited(ctl, request, **fields):
    """One check: the command that was started last asks for this."""
    ctl.checks.check(f"{request} {fields or ''}".strip(), ctl.control.wait(
        request, **fields), "the request within 10 s", "none")


def sent_to_recv(ctl):
    """recv holds its port for as long as it runs."""
    for receiver in ctl.both("recv", "5000", "--count", "1",
                             "--timeout", "20s"):
        awaited(ctl, "bind", port=5000)
        ctl.json("info", {"ports": 5})
        # recv prints what came and never answers: send gives up, as it
        # should.
        ctl.json(f"send {ADDRESS} 5000 --data hello --timeout 500ms",
                 {"code": "timeout"}, status=1)
        ctl.ended(receiver, lambda got: "hello" in got
                  if isinstance(got, str) else [
                      row.get("data") for row in got["messages"]] == ["hello"])
        ctl.json("info", {"ports": 4})


def pushed_to_recv(ctl):
    """An inbound stream of a simulated peer, which speaks first."""
    for receiver in ctl.both("recv", "5001", "--count", "1",
                             "--timeout", "20s"):
        awaited(ctl, "bind", port=5001)
        sent = ctl.control.push(accept={
            "port": 5001, "from": f"{PEER}:50000", "say": "from a peer"})
        ctl.checks.equal("recv: the push went to it", sent, 1)
        # It reads a stream until its end.
        for client in ctl.control.ask("clients")["clients"]:
            for stream in client["streams"]:
                ctl.control.push(close={"conn": stream})
        ctl.ended(receiver, lambda got: "from a peer" in str(got))


def sent_to_listen(ctl):
    for receiver in ctl.both("listen", "6000", "--count", "1",
                             "--timeout", "20s"):
        awaited(ctl, "connect")
        ctl.data("dgram", ADDRESS, "6000", "--data", "hello")
        ctl.ended(receiver, lambda got: f"[{ADDRESS}:57005] hello" in got
                  if isinstance(got, str) else [
                      row.get("data") for row in got["messages"]] == ["hello"])
    ctl.text("listen 6000 --count 1 --timeout 100ms", "timeout")
    ctl.json("listen 6000 --count 1 --timeout 100ms", {
        "messages": None, "timeout": True})


def pushed_to_listen(ctl):
    """A datagram that arrives on its own."""
    for receiver in ctl.both("listen", "6001", "--count", "1",
                             "--timeout", "20s"):
        awaited(ctl, "connect")
        ctl.control.push(recv_from={"from": f"{PEER}:4000", "to_port": 6001,
                                    "data": "on its own"})
        ctl.ended(receiver, lambda got: f"[{PEER}:4000] on its own" in got
                  if isinstance(got, str) else [
                      (row.get("data"), row.get("src_port"))
                      for row in got["messages"]] == [("on its own", 4000)])


def published_to_subscribe(ctl):
    """An event of one process reaches another; a subscription is the first
    `send` of its stream, after a dial of its own."""
    for target, topic in ((ADDRESS, "topic"), ("alice", "*")):
        for receiver in ctl.both("subscribe", target, topic, "--count", "1",
                                 "--timeout", "20s"):
            awaited(ctl, "send")
            ctl.data("publish", target, "topic", "--data", "news")
            ctl.ended(receiver, lambda got: "[topic] news" in got
                      if isinstance(got, str) else got.get("events") == [
                          {"bytes": 4, "data": "news", "topic": "topic"}])
