"""The SDK's streams: to simulated peers, between two drivers, and their ends."""

import os
import time

from aside import Aside
from sdk_node import ADDRESS

PEER = "0:0000.0000.0009"


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
        # A read takes what is there, and no more than it is asked for.
        conn.write(b"abcdef")
        checks.equal("read: at most", conn.read(4) + conn.read_full(2),
                     b"abcdef")
        checks.equal("read, write: nothing", [
            conn.read(0), conn.read_full(0), conn.write(b"")], [b"", b"", 0])
    for name, call in (("read", conn.read), ("write", lambda: conn.write(b"")),
                       ("read_full", lambda: conn.read_full(1)),
                       ("set_read_deadline",
                        lambda: conn.set_read_deadline(None))):
        checks.raises(f"{name}: after close", error, "connection closed", call)
    checks.equal("close: twice", conn.close(), None)
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

        served = Aside(serve)
        with driver.dial(f"{ADDRESS}:5000") as conn:
            conn.write(b"ping")
            checks.equal("listen, accept, dial: both ways",
                         conn.read_full(4), b"PING")
        checks.equal("accept: the dialler closed", served.result(), "EOF")
        accepted = Aside(listener.accept)
        with driver.dial(f"{ADDRESS}:5000") as conn:
            accepted.result().close()
            checks.raises("read: the acceptor closed", error, "EOF",
                          lambda: conn.read_full(1))
    checks.raises("listen: another client's port", error,
                  "port 5000 already bound", lambda: driver.listen(5000))
    checks.raises("accept: after close", error, "listener closed",
                  listener.accept)
    checks.equal("close: a listener twice", listener.close(), None)
    last = other.listen(5001)
    waiting = Aside(last.accept)
    checks.equal("accept: waits", waiting.is_over(0.05), False)
    last.close()
    checks.equal("accept: closed meanwhile", str(waiting.result()),
                 "listener closed")
    conn = driver.dial(f"{PEER}:7")
    ids = [row["id"] for row in driver.info()["conn_list"]]
    driver.disconnect(max(ids))
    checks.raises("disconnect", error, "EOF", conn.read)


def inbound(checks, driver, control, error):
    """What peers begin on their own, and what they say and end."""
    with driver.listen(5010) as listener:
        accepted = Aside(listener.accept)
        checks.equal("push: an inbound stream", control.push(accept={
            "port": 5010, "from": f"{PEER}:4000", "service": "echo",
            "say": "hello"}), 1)
        with accepted.result() as conn:
            checks.equal("accept: the peer speaks first", conn.read_full(5),
                         b"hello")
            conn.write(b"again")
            checks.equal("accept: the peer answers", conn.read_full(5),
                         b"again")
            control.push(recv={"conn": stream_of(control), "data": "more"})
            checks.equal("push: data", conn.read_full(4), b"more")
            control.push(close={"conn": stream_of(control)})
            checks.raises("push: the end", error, "EOF", conn.read)


def stream_of(control):
    """The one stream that is open."""
    (stream,) = (stream for client in control.ask("clients")["clients"]
                 for stream in client["streams"])
    return stream
