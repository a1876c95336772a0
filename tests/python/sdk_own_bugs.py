"""What fails with the real daemon too: the SDK's own mistakes, each with its
reason, and checked to fail in the same way."""

import ctypes
import json
import subprocess
import sys

import clientkit
from aside import Aside
from sdk_streams import PEER

BUGS = (
    ("policy_set", "it calls PilotPolicySet without its last argument, so that "
     "the admin token is whatever the register holds"),
    ("wait_for_trust", "it looks for the key `peers`, and trusted_peers has "
     "`trusted`: it is never true"),
    ("subscribe_event, an empty event", "it takes an empty payload for the end "
     "of the stream"),
    ("subscribe_event, the end", "it expects `connection closed` at the end, "
     "and libpilot says `EOF`: the error comes out"),
    ("subscribe_event, timeout", "it looks at the clock between events only, "
     "and waits for one without a limit"),
    ("read_full, the end", "it expects no bytes at the end, and read raises: "
     "what came before is lost"),
    ("send_message, send_file", "an address of another network than 0 is taken "
     "for a hostname"),
    ("send_message, file", "without a file name in front the service closes "
     "the stream, and no error is raised"),
    ("set_read_deadline", "its text promises `deadline exceeded`"),
    ("recv_from", "libpilot does not end it when the daemon goes"),
    ("submit_task, set_task_exec", "the README has them, the class has not"),
)

POLICY = {"version": 1, "rules": [{
    "name": "r", "on": "connect", "match": "true",
    "actions": [{"type": "allow"}]}]}

POLICY_SET = """
import sys
sys.path.insert(0, sys.argv[1])
from pilotprotocol import Driver, PilotError
try:
    with Driver(sys.argv[2]) as driver:
        driver.policy_set(7, sys.argv[3])
except PilotError as error:
    print(error)
else:
    print("applied")
"""


def run(checks, driver_of, error, package):
    daemon = clientkit.Daemon("--scenario", json.dumps({
        "version": 1, "node": {"admin_token": "s3cret"}}))
    control = daemon.control
    with driver_of(daemon.socket) as driver, \
            driver_of(daemon.socket) as other:
        policy_set(checks, daemon, driver, error, package)
        driver.handshake(7)
        checks.equal("own bug: wait_for_trust: trusted, and yet not", (
            [row["node_id"] for row in driver.trusted_peers()["trusted"]],
            driver.wait_for_trust(7, 60)), ([7], False))
        events(checks, driver, other, control)
        ends(checks, driver, other, error)
        checks.raises("own bug: send_message: to network 1", error,
                      'hostname "1:0001.0000.0009" not found',
                      lambda: driver.send_message("1:0001.0000.0009", b"x"))
        checks.equal("own bug: send_message: a file without a name",
                     driver.send_message(PEER, b"x", "file").get("ack"), None)
        checks.equal("own bug: submit_task, set_task_exec",
                     [hasattr(driver, name) for name in (
                         "submit_task", "set_task_exec")], [False, False])
        waiting = Aside(other.recv_from)
        for client in control.ask("clients")["clients"]:
            control.ask("drop", client=client["client"])
        checks.raises("drop: all drivers", error, "", other.health)
        checks.equal("own bug: recv_from: outlives its connection",
                     waiting.is_over(0.2), False)
    print("mistakes of the SDK itself:")
    for method, reason in BUGS:
        print(f"  {method}: {reason}")
    daemon.stop(checks)


def policy_set(checks, daemon, driver, error, package):
    """In a process of its own: nobody knows what the register points to."""
    done = subprocess.run(
        [sys.executable, "-c", POLICY_SET, package, daemon.socket,
         json.dumps(POLICY)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, encoding="utf-8", timeout=30)
    refused = "managed policy set: invalid admin token" in done.stdout
    checks.check("own bug: policy_set: no token, or a crash",
                 refused or done.returncode < 0, "a refusal or a signal",
                 (done.returncode, done.stdout))
    checks.equal("own bug: policy_set: nothing was set",
                 driver.policy_get(7)["engine"], "none")
    mended(checks, driver, error)


def mended(checks, driver, error):
    """The same method with the argument that it forgets."""
    from pilotprotocol import client

    forgetful = driver._call_json
    function = client._get_lib().PilotPolicySet
    function.argtypes = [*function.argtypes, ctypes.c_char_p]
    for token, policy, text in (
            (b"wrong", POLICY, "managed policy set: invalid admin token"),
            (b"s3cret", b"{", "parse policy: policy: invalid JSON"),
            (b"s3cret", "{}", "unsupported version 0 (want 1)")):
        driver._call_json = lambda *given: forgetful(*given, token)
        checks.raises(f"policy_set, mended: {text}", error, text,
                      lambda: driver.policy_set(7, policy))
    checks.equal("policy_set, mended", driver.policy_set(7, POLICY), {
        "applied": True, "network_id": 7, "type": "managed_policy_ok"})
    del driver._call_json
    checks.includes("policy_get: what was set", driver.policy_get(7), {
        "engine": "policy", "network_id": 7, "expr_policy": POLICY})


def events(checks, driver, other, control):
    control.fresh()
    got = Aside(lambda: list(other.subscribe_event(PEER, "t", timeout=20)))
    control.wait("send")
    for data in (b"one", b"", b"two"):
        driver.publish_event(PEER, "t", data)
    checks.equal("own bug: subscribe_event: ends with an empty event",
                 got.result(), [("t", b"one")])
    control.fresh()
    got = Aside(lambda: list(other.subscribe_event(PEER, "t", timeout=0.01)))
    control.wait("send")
    checks.equal("own bug: subscribe_event: outlives its timeout",
                 got.is_over(0.2), False)
    # The oldest stream of all: nobody else has one.
    for client in control.ask("clients")["clients"]:
        for stream in client["streams"]:
            control.push(close={"conn": stream})
    checks.equal("own bug: subscribe_event: the end is an error",
                 repr(got.result()), "PilotError('EOF')")


def ends(checks, driver, other, error):
    with other.listen(5000) as listener:
        accepted = Aside(listener.accept)
        conn = driver.dial("0:0000.1234.5678:5000")
        peer = accepted.result()
        peer.write(b"half")
        peer.close()
        checks.raises("own bug: read_full: half, and then the end", error,
                      "EOF", lambda: conn.read_full(8))
        conn.close()
    with driver.dial(f"{PEER}:7") as conn:
        conn.set_read_deadline(1)
        checks.raises("own bug: set_read_deadline: another text", error,
                      "i/o timeout", conn.read)
