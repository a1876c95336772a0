"""`verify --provider`: the verifier is a node called `verify` that a scenario
plays. pilotctl asks again after five seconds, so it goes on beside the rest."""

import base64
import json

import clientkit
from node import BADGE, NODE
from pilotctl import Pilotctl

VERIFIER = 77
PORT = 1003


def framed(answer):
    text = json.dumps(answer).encode()
    data = base64.b64encode(len(text).to_bytes(4, "big") + text)
    return [{"recv": {"conn": "last", "data": {"base64": data.decode()}}}]


def on_dial(name, answer, **keys):
    return {"name": name, "on": "dial", "when": {"port": PORT},
            "scope": "client", "push": framed(answer), **keys}


BEGUN = {"ok": True, "flow_id": "f", "user_code": "AB-12",
         "verification_uri": "https://verifier.test/d"}
READY = {"ok": True, "status": "ready", "provider": "github", "badge": BADGE,
         "badge_sig": "eA=="}
SCENARIO = {
    "version": 1, "profile": "lenient",
    "peers": [{"node_id": VERIFIER, "hostname": "verify",
               "services": {str(PORT): "discard"}}],
    "rules": [on_dial("refuses", {"ok": False, "error": "not today"},
                      client=1),
              on_dial("begins", BEGUN, times=1), on_dial("is ready", READY)],
    "expect": [{"on": "submit_badge", "when": {"badge": BADGE}, "times": 2}]}


def start(checks, table):
    daemon = clientkit.Daemon("--scenario", json.dumps(SCENARIO))
    ctl = Pilotctl(checks, daemon, table)
    # The first client is the one that is refused.
    ctl.text("verify --provider github", "verify begin: verifier: not today",
             status=1)
    return ctl, list(ctl.both("verify", "--provider", "github"))


def finish(ctl, waiting):
    text, with_json = waiting
    ctl.ended(text, lambda got: "badge submitted" in got or "github" in got)
    ctl.ended(with_json, lambda got: got == {
        "node_id": NODE, "provider": "github", "type": "submit_badge_ok"})
    ctl.daemon.stop(ctl.checks)
