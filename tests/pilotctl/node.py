"""Commands about the daemon itself: its state, names, keys and signatures."""

import base64
import os

NODE = 0x12345678
ADDRESS = "0:0000.1234.5678"


def is_number(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_key(value):
    """Base64 of 32 bytes."""
    return len(base64.b64decode(value or "")) == 32


def state(ctl):
    ctl.text("info", "mock-daemon", ADDRESS, str(NODE), "4 ports",
             "mock@example.test", "127.0.0.1:9001")
    ctl.json("info", {
        "node_id": NODE, "address": ADDRESS, "hostname": "mock-daemon",
        "ports": 4, "networks": None, "conn_list": [], "peer_list": [],
        "encrypt": True, "identity": True, "connections": 0, "peers": 0,
        "encrypted_peers": 0, "authenticated_peers": 0, "relay_peer_count": 0,
        "handshake_pending_count": 0, "accept_queue_drops": 0, "motd": "",
        "uptime_secs": is_number, "bytes_sent": is_number,
        "bytes_recv": is_number, "pkts_sent": is_number,
        "pkts_recv": is_number, "public_key": is_key, "transport": "udp",
        "features": ["reply_window", "dial_awaits_key", "key_request",
                     "dgram_confirm"]})
    ctl.text("health", "pilot-daemon ok", "0 connection(s)")
    ctl.text("extras health", "pilot-daemon ok")
    ctl.json("health", {
        "status": "ok", "connections": 0, "peers": 0, "encrypted_peers": 0,
        "uptime_seconds": is_number, "bytes_sent": is_number,
        "bytes_recv": is_number, "relay_peer_count": 0})
    ctl.text("peers", "no peers connected")
    ctl.json("peers", {"total": 0, "encrypted": 0})
    ctl.text("peers --search x", 'no peers matching "x"')
    ctl.text("connections", "no active connections")
    ctl.text("extras connections", "no active connections")
    ctl.json("connections", {"total": 0, "connections": []})
    ctl.text("daemon status", "pilot-daemon running", str(NODE), "mock-daemon")
    ctl.json("daemon status", {
        "running": True, "responsive": True, "node_id": NODE,
        "hostname": "mock-daemon", "address": ADDRESS, "peers": 0,
        "connections": 0, "uptime_secs": is_number})
    ctl.text("daemon status --check")
    ctl.text("update status", "Current version:   1.18.0")
    ctl.json("update status", {
        "daemon_running": True, "auto_update": False,
        "daemon_version": lambda version: version.startswith("mock-")})


def names(ctl):
    ctl.text("find alice", "Hostname:  alice", "Visible:   public")
    alice = ctl.json("find alice", {"hostname": "alice", "public": True,
                                    "node_id": is_number})
    ctl.json("find alice", {"node_id": alice.get("node_id"),
                            "address": alice.get("address")})
    ctl.refused("find BAD_NAME", "not_found", 'cannot find "BAD_NAME"')
    ctl.text("set-hostname unit", "hostname set: unit")
    ctl.json("find unit", {"node_id": NODE, "address": ADDRESS})
    ctl.json("set-hostname other", {"hostname": "other", "node_id": NODE})
    ctl.json("info", {"hostname": "other"})
    ctl.refused("set-hostname BAD_NAME", "connection_failed",
                "set_hostname: registry: invalid hostname: hostname must be "
                "lowercase alphanumeric")
    ctl.json("clear-hostname", {"hostname": ""})
    ctl.text("extras clear-hostname", "hostname cleared")
    ctl.json("info", {"hostname": ""})
    ctl.text("extras set-tags a b", "tags set: #a #b")
    ctl.json("extras set-tags a b c", {"tags": ["a", "b", "c"]})
    ctl.refused("extras set-tags BAD_TAG", "connection_failed",
                'tag "BAD_TAG" must be lowercase alphanumeric with hyphens')
    ctl.text("extras clear-tags", "tags cleared")
    ctl.json("extras clear-tags", {"tags": []})
    ctl.json("set-private", {"visibility": "private", "node_id": NODE,
                             "type": "set_visibility_ok"})
    ctl.json("find other", {"hostname": "other"})
    ctl.text("set-private", "private")
    ctl.json("set-public", {"visibility": "public", "node_id": NODE})
    ctl.text("set-public", "public")
    ctl.text("extras set-webhook http://127.0.0.1:9/h", "webhook set",
             "applied to running daemon")
    ctl.json("extras set-webhook http://127.0.0.1:9/h", {
        "applied": True, "webhook": "http://127.0.0.1:9/h"})
    ctl.json("extras clear-webhook", {"applied": True, "webhook": ""})
    ctl.text("extras clear-webhook", "webhook cleared")


def keys(ctl):
    before = ctl.data("info").get("public_key")
    rotated = ctl.json("rotate-key", {
        "node_id": NODE, "address": ADDRESS, "type": "rotate_key_ok",
        "public_key": lambda key: is_key(key) and key != before})
    ctl.json("info", {"public_key": rotated.get("public_key")})
    ctl.text("rotate-key", "rotate_key_ok", str(NODE), ADDRESS)


def signing(ctl):
    """Each envelope is verified as it came, and spoilt."""
    ctl.text(["sign-request", "--audience", "svc", "--body", "hello"],
             "pilot-req-v1|000012345678|", "|svc", ADDRESS)
    signed = ctl.json(["sign-request", "--audience", "svc", "--body", "hello"],
                      {"address": ADDRESS})
    envelope = signed.get("envelope", "")
    signature = signed.get("signature", "")
    ctl.json(f"sign-request --audience svc --body-hash {'0' * 64}",
             {"envelope": lambda text: f"|{'0' * 64}|svc" in text})
    verify = ["verify-request", "--envelope", envelope, "--signature"]
    ctl.json([*verify, signature], {
        "valid": True, "node_id": NODE, "address": ADDRESS, "trusted": False,
        "verified_via": lambda way: way in ("registry", "cache")})
    ctl.text([*verify, signature, "--standing"], '"valid": true',
             '"network_member": true')
    ctl.json([*verify, signature, "--standing"], {"network_member": True})
    first = "B" if signature[:1] == "A" else "A"
    ctl.text([*verify, first + signature[1:]], '"valid": false',
             "reqsig: signature verification failed", status=1)
    ctl.text(["verify-request", "--envelope", "x", "--signature", signature],
             "reqsig: want 6 fields, got 1", status=1)
    ctl.refused(["sign-request", "--audience", "NOT GOOD", "--body", "x"],
                "connection_failed", "reqsig: audience must match [a-z0-9.-]")


BADGE = "pilotbadge:v1:305419896:github:1795292136:1900000000:k1:octo"
ENROLLMENT = "pilotenroll:v1:305419896:github:AAAA:1795292136:k1"


def badges(ctl, directory):
    """A lenient daemon takes what is well formed."""
    key = os.path.join(directory, "home", ".pilot", "recovery-identity.json")
    ctl.json("recovery new-key", {"new_identity_path": key,
                                  "new_public_key": is_key})
    ctl.text("recovery new-key", '"new_public_key"', key)
    ctl.refused("verify --badge x --badge-sig eA==", "connection_failed",
                "badgeverify: malformed badge: want 8 fields, got 1")
    ctl.refused("recovery enroll --enrollment x --enrollment-sig eA==",
                "connection_failed",
                "badgeverify: malformed badge: enrollment wants 7 fields")
    submit = f"verify --badge {BADGE} --badge-sig eA=="
    ctl.text(submit, '"provider": "github"', "submit_badge_ok")
    ctl.json(submit, {"provider": "github", "type": "submit_badge_ok"})
    enroll = f"recovery enroll --enrollment {ENROLLMENT} --enrollment-sig eA=="
    ctl.text(enroll, "enroll")
    ctl.json(enroll, {"node_id": NODE, "type": "enroll_recovery_ok"})
