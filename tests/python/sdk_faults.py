"""Error branches of the SDK: rules of a scenario spoil what the daemon says, by
the name that is asked for; and what a faithful daemon refuses."""

import json

import clientkit
from aside import Aside

DISCONNECTED = "resolve_hostname: daemon disconnected"

# The rule, what the SDK says of it, and whether the driver is good after it.
SPOILT = {
    "error": ({"error": "no such luck"},
              "resolve_hostname: daemon: no such luck", True),
    "words": ({"payload": "nonsense"},
              "resolve_hostname unmarshal: invalid character 'o'", True),
    "list": ({"payload": "[1]"},
             "resolve_hostname unmarshal: json: cannot unmarshal array", True),
    "empty": ({"payload": ""},
              "resolve_hostname unmarshal: unexpected end of JSON input", True),
    "in-the-body": ({"reply": {"error": "in the body"}}, "in the body", True),
    "close": ({"fault": "close"}, DISCONNECTED, False),
    "header": ({"fault": {"truncate": 3}}, DISCONNECTED, False),
    "cut": ({"fault": {"truncate": 9}}, DISCONNECTED, False),
    "over-limit": ({"fault": {"length": 0xFFFFFFFF}}, DISCONNECTED, False),
    "garbage": ({"fault": "garbage"}, DISCONNECTED, False),
}
# The driver waits for ever, until its connection is dropped.
WAITS = {
    "silent": {"fault": "no_reply"},
    "command": {"fault": {"command": 200}},
    "longer": {"fault": {"length": 2000}},
}
GOOD = {
    "slow": {"fault": {"slow": {"bytes": 7, "every": "1ms"}}},
    "delayed": {"delay": "20ms"},
    "twice": {"fault": "duplicate"},
    "patched": {"patch": {"hostname": "patched"}},
}


def named(name, rule):
    return {"name": name, "on": "resolve_hostname",
            "when": {"hostname": name}, **rule}


SCENARIO = {
    "version": 1, "dial_timeout": "1m",
    "peers": [{"node_id": 9, "services": {"99": "refuse", "98": "hang",
                                          "13": {"say": "it is late"}}}],
    "rules": [
        *(named(name, rule) for name, (rule, _, _) in SPOILT.items()),
        *(named(name, rule) for name, rule in {**WAITS, **GOOD}.items()),
        {"on": "health", "skip": 1, "error": "not now"},
        {"on": "info", "error": "not now", "client": 1},
        {"on": "dial", "when": {"port": 85}, "fault": "no_reply"}]}

FAITHFUL = {
    "version": 1, "profile": "faithful",
    "node": {"node_id": 42, "admin_token": "s3cret"},
    "peers": [{"node_id": 2, "hostname": "beta"}]}

# By method: its arguments, and what the faithful daemon says of them.
REFUSED = (
    ("resolve_hostname", ("nosuch",), 'resolve_hostname: registry: hostname '
     '"nosuch" not found'),
    ("set_hostname", ("beta",), 'hostname "beta" already in use by node 2'),
    ("handshake", (4242,), "handshake request: handshake relay: registry: "
     "node 4242: node not found"),
    ("revoke_trust", (2,), "handshake revoke: node 2 was not trusted"),
    ("network_join", (99,), "network join: registry: network 99: network not "
     "found"),
    ("network_leave", (99,), "network leave: registry: network 99: network "
     "not found"),
    ("network_members", (99,), "network members: registry: network 99: "
     "network not found"),
    ("network_invite", (99, 2), "network invite: registry: network 99: "
     "network not found"),
    ("network_respond_invite", (99, True), "network respond-invite: registry: "
     "network 99: network not found"),
    ("managed_status", (99,), "managed: no active managed networks"),
    ("managed_force_cycle", (99,), "managed: no active managed networks"),
    ("managed_reconcile", (99,), "managed: no active policy runner for "
     "network"),
    ("member_tags_get", (99, 2), "member-tags get: registry: network 99: "
     "network not found"),
    ("member_tags_set", (99, 2, ["a"]), "member-tags set: registry: network "
     "99: network not found"),
    ("dial", ("0:0000.0000.0002:81",), "connection refused"),
    ("dial", ("0:0000.0000.1092:7",), "resolve node 4242: registry: node "
     "4242: node not found"),
    ("listen", (1001,), "port 1001 already bound"),
    ("broadcast", (0, 9, b"x", "wrong"), "broadcast denied: invalid admin "
     "token"),
    ("broadcast", (0, 9, b"x", "s3cret"), "broadcast not permitted on "
     "backbone network"),
)


def run(checks, driver_of, error):
    daemon = clientkit.Daemon("--scenario", json.dumps(SCENARIO))
    first = driver_of(daemon.socket)
    checks.raises("info: an error", error, "info: daemon: not now", first.info)
    for name, (_, text, usable) in SPOILT.items():
        with driver_of(daemon.socket) as driver:
            checks.raises(f"resolve_hostname: {name}", error, text,
                          lambda: driver.resolve_hostname(name))
            if not usable:
                checks.raises(f"set_tags: after {name}", error, "set_tags",
                              lambda: driver.set_tags([]))
            else:
                checks.equal(f"set_tags: after {name}",
                             driver.set_tags([])["tags"], None)
    for name in WAITS:
        driver = driver_of(daemon.socket)
        call = Aside(lambda: driver.resolve_hostname(name))
        checks.equal(f"resolve_hostname: {name}: waits", call.is_over(0.1),
                     False)
        newest = daemon.control.ask("clients")["clients"][-1]["client"]
        daemon.control.ask("drop", client=newest)
        checks.equal(f"resolve_hostname: {name}: dropped", str(call.result()),
                     DISCONNECTED)
    for name in GOOD:
        checks.includes(f"resolve_hostname: {name}",
                        first.resolve_hostname(name), {"hostname": name})
    first.health()
    checks.raises("health: the second", error, "not now", first.health)
    streams(checks, daemon, driver_of, error)
    daemon.stop(checks)


def streams(checks, daemon, driver_of, error):
    peer = "0:0000.0000.0009"
    driver = driver_of(daemon.socket)
    checks.raises("dial: refused", error, "connection refused",
                  lambda: driver.dial(f"{peer}:99"))
    for port in (98, 85):
        checks.raises(f"dial: port {port} with a time limit", error, "dial",
                      lambda: driver.dial(f"{peer}:{port}", timeout=0.2))
    with driver.dial(f"{peer}:13") as conn:
        checks.equal("dial: the peer speaks first", conn.read(), b"it is late")
    other = driver_of(daemon.socket)
    for name, call in (("accept", driver.listen(5000).accept),
                       ("read", other.dial(f"{peer}:80").read)):
        waiting = Aside(call)
        checks.equal(f"{name}: waits", waiting.is_over(0.05), False)
        whose = other if name == "read" else driver
        drop(daemon.control, 5000 if whose is driver else None)
        checks.check(f"{name}: dropped", isinstance(waiting.result(), error),
                     "an error", waiting.results)
        if name == "accept":
            driver = driver_of(daemon.socket)
            driver.listen(5000)


def drop(control, port):
    """Drops the client that has bound the port, or the one with a stream."""
    for client in control.ask("clients")["clients"]:
        if port in client["ports"] or port is None and client["streams"]:
            control.ask("drop", client=client["client"])


def faithful(checks, driver_of, error):
    daemon = clientkit.Daemon("--scenario", json.dumps(FAITHFUL))
    with driver_of(daemon.socket) as driver:
        for method, arguments, text in REFUSED:
            checks.raises(f"faithful: {method} {arguments}", error, text,
                          lambda: getattr(driver, method)(*arguments))
        checks.equal("faithful: approve_handshake",
                     driver.approve_handshake(4242),
                     {"node_id": 4242, "status": "approved"})
        driver.deregister()
        for method, arguments in (("set_visibility", (True,)),
                                  ("set_tags", (["a"],)),
                                  ("rotate_identity", ())):
            checks.raises(f"faithful: {method}: deregistered", error,
                          "node 42: node not found",
                          lambda: getattr(driver, method)(*arguments))
    daemon.stop(checks)
