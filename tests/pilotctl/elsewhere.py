"""Commands that need a registry, the network, another program or nothing: each
is run, so that its reason is seen."""

import json
import os

REGISTRY = "needs the registry itself"
NETWORK = "needs the Internet itself"
COMPANION = "needs a program that the wheel has not, or has a newer one"
APP = "needs an installed app, which comes from the Internet"
TOKEN = {"PILOT_ADMIN_TOKEN": "t"}

POLICY = {"version": 1, "rules": [{
    "name": "r", "on": "connect", "match": "true",
    "actions": [{"type": "allow"}]}]}


def registry(ctl, path):
    """pilotctl dials the registry, which is nobody here, and says so."""
    for command in (
            "register", "lookup 9", "verify", "verify status --node 9",
            "extras audit 7", "extras audit-export get",
            f"extras provision {path}", "extras deprovision 7",
            "extras idp get", f"extras directory-sync {path} --network 7",
            "extras directory-status 7", "extras provision-status 7",
            "network create --name lab", "network delete 7",
            "network rename 7 x", "network promote 7 9", "network demote 7 9",
            "network kick 7 9", "network role 7 9", "network policy 7",
            f"extras policy set --net 7 --file {path}"):
        ctl.refused(command, "connection_failed",
                    "cannot reach registry at 127.0.0.1:1",
                    reason=REGISTRY, **TOKEN)
    key = os.path.join(os.path.dirname(path), ".pilot",
                       "recovery-identity.json")
    ctl.refused(f"recovery recover --node 9 --new-key {key} --recovery a "
                "--recovery-sig b", "connection_failed",
                "cannot reach registry at 127.0.0.1:1", reason=REGISTRY)


def internet(ctl):
    """There is no network: what would be fetched is not."""
    for command in ("skills", "skills status", "skills check", "skills paths",
                    "skills enable all"):
        ctl.refused(command, "internal", "skills tick: fetch manifest",
                    reason=NETWORK)
    ctl.refused("updates", "connection_failed", "fetch https://",
                reason=NETWORK)
    ctl.refused("appstore catalogue", "io_error", "fetch catalogue",
                reason=NETWORK)
    ctl.refused("appstore install x", "invalid_argument",
                "not a catalogue ID or a bundle dir", reason=NETWORK)
    ctl.refused("appstore view x", "invalid_argument",
                "not found in catalogue or install root", reason=NETWORK)


def programs(ctl):
    for command in ("extras gateway start", "extras gateway map 127.0.0.9"):
        ctl.refused(command, "not_found", "pilot-gateway not found",
                    reason=COMPANION)
    ctl.refused("extras gateway stop", "not_running",
                "no longer tracks the gateway process", reason=COMPANION)
    ctl.refused("extras gateway unmap 127.0.0.9", "not_supported",
                "owned by the pilot-gateway process", reason=COMPANION)
    ctl.refused("update", "internal", "cannot locate pilot-updater",
                reason=COMPANION)


def apps(ctl, path):
    for command in ("status", "restart", "caps", "uninstall"):
        ctl.refused(f"appstore {command} x --yes", "invalid_argument",
                    "not installed", reason=APP)
    ctl.refused("appstore call x y", "io_error", "not present", reason=APP)
    ctl.refused(f"appstore verify {path}.none", "invalid_argument",
                "does not exist", reason=APP)
    # What follows prints no object, with --json neither.
    key = path + ".key"
    ctl.text(["appstore", "gen-key", key], "private key written to")
    ctl.json(["appstore", "gen-key", key + "2"], {})
    sign = ["appstore", "sign", "--key", key, path]
    ctl.text(sign, "publisher: ed25519:")
    ctl.json(sign, {})
    ctl.refused(["appstore", "sign-catalogue", "--key", key, path],
                "invalid_argument", "!= embedded", reason=APP)
    for command, text, answer in (("list", "no apps installed", []),
                                  ("audit x", "is empty", None),
                                  ("actions", "no pilotctl actions", [])):
        ctl.text(f"appstore {command}", text)
        ctl.json(f"appstore {command}", {"answer": answer})


def local(ctl, path):
    """What neither needs nor asks anybody."""
    ctl.text("version", "1.18.0")
    ctl.json("version", {})
    ctl.text("quickstart", "PILOT PROTOCOL")
    ctl.json("quickstart", {})
    ctl.text("context", '"commands"')
    ctl.json("context", {})
    ctl.text("config", "127.0.0.1:1")
    ctl.json("config", {"registry": "127.0.0.1:1"})
    ctl.text("config --set hostname=x", "hostname")
    ctl.text("trusted list", "adsb-lol-icao")
    ctl.json("trusted list", {"count": lambda count: count > 400})
    ctl.text("review pilot --rating 5 --text good", "Review submitted")
    ctl.json("review pilot --rating 5 --text good", {
        "rating": 5, "subject": "pilot", "submitted": True})
    ctl.text("inbox", "inbox is empty")
    ctl.json("inbox", {"messages": [], "shown": 0, "total": 0})
    ctl.text("received", "no received files")
    ctl.json("received", {"files": [], "shown": 0, "total": 0})
    ctl.refused("received --clear", "not_found", "no received files")
    ctl.text("update enable", "ENABLED")
    ctl.json("update enable", {"auto_update": True})
    ctl.text("update disable", "DISABLED")
    ctl.json("update disable", {"auto_update": False})
    ctl.text("skills disable all", "disabled")
    ctl.json("skills disable all", {"disabled": True})
    ctl.text("skills set-mode manual", "manual")
    ctl.json("skills set-mode manual", {"mode": "manual"})
    ctl.text("extras gateway list", "no mappings")
    ctl.json("extras gateway list", {"mappings": [], "total": 0})
    ctl.text(f"extras policy validate --file {path}", "valid policy: 1 rules")
    ctl.json(f"extras policy validate --file {path}", {"valid": True})
    test = ["extras", "policy", "test", "--file", path, "--event",
            '{"type":"connect"}']
    ctl.text(test, 'allow (from rule "r")')
    ctl.json(test, {"directives": [{"params": None, "rule": "r",
                                    "type": "allow"}]})
    ctl.text("init", "config_path")
    ctl.json("init", {"hostname": "", "registry": lambda text: bool(text)})


def write_policy(directory):
    path = os.path.join(directory, "home", "policy.json")
    with open(path, "w", encoding="ascii") as file:
        json.dump(POLICY, file)
    return path
