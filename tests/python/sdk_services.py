"""The SDK's datagrams and its services: messages, files, events."""

import base64
import os

from aside import Aside
from sdk_node import ADDRESS
from sdk_streams import PEER


def datagrams(checks, driver, other, control, error):
    driver.send_to(f"{PEER}:6000", b"dgram")
    expected = {"src_addr": PEER, "src_port": 0xDEAD, "dst_port": 6000,
                "data": base64.b64encode(b"dgram").decode()}
    checks.equal("send_to, recv_from", driver.recv_from(), expected)
    checks.equal("recv_from: another client", other.recv_from(), expected)
    with other.dial(f"{PEER}:80") as conn:
        conn.write(b"x")
        checks.equal("read: beside datagrams", conn.read(), b"x")
    waiting = Aside(driver.recv_from)
    checks.equal("recv_from: waits", waiting.is_over(0.05), False)
    checks.equal("push: a datagram on its own", control.push(recv_from={
        "from": f"{PEER}:4000", "to_port": 6001, "data": "news"}), 2)
    expected = {"src_addr": PEER, "src_port": 4000, "dst_port": 6001,
                "data": base64.b64encode(b"news").decode()}
    checks.equal("recv_from: on its own", waiting.result(), expected)
    checks.equal("recv_from: all clients get it", other.recv_from(), expected)
    driver.send_to(f"{ADDRESS}:6002", b"")
    driver.send_to(f"{ADDRESS}:6002", b"full")
    checks.includes("send_to: nothing is not sent", driver.recv_from(),
                    {"data": base64.b64encode(b"full").decode()})
    other.recv_from()
    checks.raises("send_to: bad address", error, "no port",
                  lambda: driver.send_to("junk", b"x"))
    driver.broadcast(7, 9, b"all", "token")
    checks.includes("broadcast", other.recv_from(),
                    {"dst_port": 9, "data": base64.b64encode(b"all").decode()})
    checks.raises("broadcast: no token", error, "invalid admin token",
                  lambda: driver.broadcast(7, 9, b"all", ""))


def services(checks, driver, other, control, home, error):
    for kind, data in (("text", b"hello"), ("json", b'{"a":1}'),
                       ("binary", b"\0\1")):
        checks.equal(f"send_message: {kind}",
                     driver.send_message(PEER, data, kind).get("ack"),
                     f"ACK {kind.upper()} {len(data)} bytes")
    checks.equal("send_message: to a name",
                 driver.send_message("alice", b"hi").get("ack"),
                 "ACK TEXT 2 bytes")
    checks.raises("send_message: to nobody", error, "not found",
                  lambda: driver.send_message("NOBODY", b"hi"))
    checks.raises("send_file: no file", error, "File not found",
                  lambda: driver.send_file(PEER, "/nonexistent"))
    path = os.path.join(home, "file.txt")
    with open(path, "wb") as file:
        file.write(b"a file of a line\n")
    checks.includes("send_file", driver.send_file(PEER, path),
                    {"sent": 17, "filename": "file.txt",
                     "ack": "ACK FILE 17 bytes"})

    data = os.urandom(300_000)
    with open(path, "wb") as file:
        file.write(data)
    checks.includes("send_file: 300 kB, to a name",
                    driver.send_file("alice", path),
                    {"ack": "ACK FILE 300000 bytes"})
    events(checks, driver, other, control, error)


def subscribed(control, events):
    """Begins to take events, and goes on once the daemon has taken the
    subscription: the dial is answered, and its `send` has come."""
    control.fresh()
    waiting = Aside(lambda: next(events))
    return control.wait("send"), waiting


def events(checks, driver, other, control, error):
    for target, topic in ((PEER, "topic"), ("alice", "*"), (ADDRESS, "*")):
        stream = other.subscribe_event(target, topic)
        taken, waiting = subscribed(control, stream)
        checks.equal(f"subscribe_event: {target} {topic}", taken, True)
        checks.equal("publish_event",
                     driver.publish_event(target, "topic", b"news"),
                     {"status": "published", "topic": "topic", "bytes": 4})
        checks.equal("subscribe_event: the event", waiting.result(),
                     ("topic", b"news"))
        driver.publish_event(target, "topic", b"more")
        checks.equal("subscribe_event: the next", next(stream),
                     ("topic", b"more"))
        stream.close()
    got = []
    stream = other.subscribe_event(PEER, "sensor", lambda *event:
                                   got.append(event), timeout=1)
    control.fresh()
    waiting = Aside(lambda: list(stream))
    control.wait("send")
    driver.publish_event(PEER, "other", b"not for it")
    driver.publish_event(PEER, "sensor", b"42")
    # It looks at its time-out between two events only.
    while not waiting.is_over(0.2):
        driver.publish_event(PEER, "sensor", b"43")
    checks.equal("subscribe_event: with a callback", (
        got[0], {event[0] for event in got}), (("sensor", b"42"), {"sensor"}))
    for call in (lambda: driver.publish_event("NOBODY", "t", b""),
                 lambda: next(driver.subscribe_event("NOBODY", "t"))):
        checks.raises("events: to nobody", error, "not found", call)
