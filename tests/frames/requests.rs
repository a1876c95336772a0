//! A request of every command, with the fields that the journal, rules and `decode` know it by.

use serde_json::{Value, json};

/// A request as it is sent and as it is shown.
pub struct Sample {
    pub name: &'static str,
    pub code: u8,
    pub payload: Vec<u8>,
    pub fields: Value,
}

/// One of each row of the table of commands, in an order that a fresh lenient daemon answers, and
/// malformed ones behind them.
pub fn samples() -> Vec<Sample> {
    let to = json!({"address": "0:0000.0000.0002", "network": 0, "node": 2, "port": 80,
                    "data": "hi", "bytes": 2});
    let mut all = Vec::new();
    let mut add = |name, code, payload: &[u8], fields: Value| {
        all.push(Sample {
            name,
            code,
            payload: payload.to_vec(),
            fields,
        });
    };
    add("bind", 0x01, &[0, 90], json!({"port": 90}));
    let dialled = json!({"address": "1:0001.0000.0002", "network": 1, "node": 2, "port": 80});
    add("dial", 0x03, b"\0\x01\0\0\0\x02\0\x50", dialled);
    let sent = json!({"conn": 1, "data": {"hex": "6869ff"}, "bytes": 3});
    add("send", 0x06, b"\0\0\0\x01hi\xff", sent);
    add("close", 0x08, b"\0\0\0\x01", json!({"conn": 1}));
    add("send_to", 0x0B, b"\0\0\0\0\0\x02\0\x50hi", to.clone());
    add("info", 0x0D, b"", json!({}));
    add(
        "handshake.send",
        0x0F,
        b"\x01\0\0\0\x02why",
        json!({"node_id": 2, "justification": "why"}),
    );
    add(
        "handshake.approve",
        0x0F,
        b"\x02\0\0\0\x02",
        json!({"node_id": 2}),
    );
    add(
        "handshake.reject",
        0x0F,
        b"\x03\0\0\0\x03no",
        json!({"node_id": 3, "reason": "no"}),
    );
    add("handshake.pending", 0x0F, b"\x04", json!({}));
    add("handshake.trusted", 0x0F, b"\x05", json!({}));
    add(
        "handshake.revoke",
        0x0F,
        b"\x06\0\0\0\x02",
        json!({"node_id": 2}),
    );
    let waited = json!({"node_id": 4, "timeout_ms": 5});
    add("handshake.wait", 0x0F, b"\x07\0\0\0\x04\0\0\0\x05", waited);
    add(
        "resolve_hostname",
        0x11,
        b"beta",
        json!({"hostname": "beta"}),
    );
    add("set_hostname", 0x13, b"unit", json!({"hostname": "unit"}));
    add("set_visibility", 0x15, &[1], json!({"public": true}));
    add(
        "set_tags",
        0x19,
        br#"["ci","x"]"#,
        json!({"tags": ["ci", "x"]}),
    );
    add(
        "set_webhook",
        0x1B,
        b"https://h/x",
        json!({"url": "https://h/x"}),
    );
    add("network.list", 0x1F, b"\x01", json!({}));
    let joined = json!({"network_id": 7, "token": "<redacted>"});
    add("network.join", 0x1F, b"\x02\0\x07t0k3n", joined);
    add(
        "network.members",
        0x1F,
        b"\x04\0\x07",
        json!({"network_id": 7}),
    );
    let invited = json!({"network_id": 7, "node_id": 2});
    add(
        "network.invite",
        0x1F,
        b"\x05\0\x07\0\0\0\x02",
        invited.clone(),
    );
    add("network.poll_invites", 0x1F, b"\x06", json!({}));
    let accepted = json!({"network_id": 8, "accept": true});
    add("network.respond_invite", 0x1F, b"\x07\0\x08\x01", accepted);
    add(
        "network.leave",
        0x1F,
        b"\x03\0\x08",
        json!({"network_id": 8}),
    );
    add("health", 0x21, b"", json!({}));
    add("managed.status", 0x23, b"\x02", json!({"network_id": 0}));
    add(
        "managed.cycle",
        0x23,
        b"\x04\0\x07",
        json!({"network_id": 7}),
    );
    let policy = br#"{"version":1,"token":"t0k3n","rules":[]}"#;
    let policy_set = [b"\x05\x01\0\x07\0\x05t0k3n".as_slice(), policy].concat();
    let shown = json!({"version": 1, "token": "<redacted>", "rules": []});
    let fields = json!({"network_id": 7, "token": "<redacted>", "policy": shown});
    add("managed.policy_set", 0x23, &policy_set, fields);
    add(
        "managed.policy_get",
        0x23,
        b"\x05\0\0\x07",
        json!({"network_id": 7}),
    );
    let tagged = [b"\x06\x01\0\x07\0\0\0\x02".as_slice(), b"[\"a\"]"].concat();
    let fields = json!({"network_id": 7, "node_id": 2, "tags": ["a"]});
    add("managed.member_tags_set", 0x23, &tagged, fields);
    add(
        "managed.member_tags_get",
        0x23,
        b"\x06\0\0\x07\0\0\0\x02",
        invited,
    );
    add(
        "managed.reconcile",
        0x23,
        b"\x07\0\x07",
        json!({"network_id": 7}),
    );
    add("rotate_key", 0x25, b"", json!({}));
    let fields =
        json!({"network_id": 7, "port": 80, "token": "<redacted>", "data": "all", "bytes": 3});
    add("broadcast", 0x29, b"\0\x07\0\x50\0\x05t0k3nall", fields);
    add("cancel", 0x2B, b"", json!({}));
    add("prefer_direct", 0x2D, b"\0\0\0\x02", json!({"node_id": 2}));
    for (name, code, fields) in [
        (
            "submit_badge",
            0x2F,
            json!({"badge": "b", "badge_sig": "s"}),
        ),
        (
            "enroll_recovery",
            0x31,
            json!({"enrollment": "e", "enrollment_sig": "s"}),
        ),
        (
            "sign_envelope",
            0x33,
            json!({"audience": "svc", "body_b64": "", "body_hash": "a".repeat(64),
                   "nonce": "0123456789abcdef"}),
        ),
        (
            "verify_envelope",
            0x35,
            json!({"envelope": "e", "signature": "s", "max_skew_secs": 1.5, "check_standing": true}),
        ),
        (
            "verify_envelope",
            0x35,
            json!({"envelope": "e", "signature": "s", "max_skew_secs": 300, "check_standing": true}),
        ),
    ] {
        add(name, code, fields.to_string().as_bytes(), fields);
    }
    add("unbind", 0x37, &[0, 90], json!({"port": 90}));
    add("send_to_confirm", 0x39, b"\0\0\0\0\0\x02\0\x50hi", to);
    add("deregister", 0x17, b"", json!({}));
    add("unknown", 0x7E, b"abc", json!({"command": 126, "bytes": 3}));
    for (name, code, payload, text) in [
        ("bind", 0x01, &[0][..], "bind: missing port"),
        (
            "handshake",
            0x0F,
            &[9],
            "handshake: unknown sub-command 0x09",
        ),
        (
            "managed",
            0x23,
            &[5, 9, 0, 0],
            "managed policy: unknown action 0x09",
        ),
        ("send_to", 0x0B, b"\0", "sendto: missing header"),
    ] {
        add(name, code, payload, json!({"malformed": text}));
    }
    all
}
