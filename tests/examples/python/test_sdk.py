"""Tests of what an application does with the Python SDK of Pilot Protocol."""

import base64
import threading

import pytest
from pilotprotocol import PilotError

PEER = "0:0000.0000.0002"


def in_thread(call):
    """Starts the call; gives a function that waits for what it returns."""
    results = []
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    thread.start()

    def result():
        thread.join(20)
        assert results, "no result within 20 s"
        return results[0]

    return result


# The world of scenario.json.

def test_the_node_is_the_scenarios(driver):
    assert driver.info()["hostname"] == "unit"
    assert driver.resolve_hostname("beta")["node_id"] == 2


def test_a_service_says_something(driver):
    with driver.dial(f"{PEER}:13") as conn:
        assert conn.read(100) == b"noon\n"


def test_a_refused_dial_is_an_error(driver):
    with pytest.raises(PilotError, match="connection refused"):
        driver.dial(f"{PEER}:99")


# What one test changes for itself.

def test_an_answer_that_is_changed_for_this_test(driver, control):
    control.rule(on="health", patch={"status": "degraded"})
    assert driver.health()["status"] == "degraded"


def test_and_is_not_changed_for_the_next(driver):
    assert driver.health()["status"] == "ok"


# What no client can bring about: the daemon does it when it is told to.

def test_a_datagram_that_nobody_asked_for(driver, control):
    datagram = in_thread(driver.recv_from)
    sent = control.ask("push", push={"recv_from": {
        "from": f"{PEER}:4000", "to_port": 80, "data": "ping"}})
    # How many clients got it: that of the last test may not be gone yet.
    assert sent["sent"] >= 1
    got = datagram()
    assert (got["src_addr"], got["src_port"]) == (PEER, 4000)
    assert base64.b64decode(got["data"]) == b"ping"


def test_an_inbound_connection(driver, control):
    def serve():
        with driver.listen(80) as listener, listener.accept() as conn:
            name = conn.read(100)
            conn.write(b"welcome")
            return name

    caller = in_thread(serve)
    # No sleep: this answers as soon as the port is bound.
    control.ask("await", on="bind", when={"port": 80}, timeout="20s")
    control.ask("push", push={"accept": {
        "port": 80, "from": f"{PEER}:40000", "service": "discard", "say": "beta"}})
    assert caller() == b"beta"
    control.ask("await", on="send", when={"data": "welcome"}, timeout="20s")
    # What the daemon saw of it, oldest first.
    entries = control.ask("journal")["entries"]
    sends = [entry["fields"] for entry in entries if entry.get("cmd") == "send"]
    assert sends[-1]["bytes"] == 7
