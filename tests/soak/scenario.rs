//! What both daemons are told of their world, and how their answers are changed.

use serde_json::{Value, json};

use super::plan::CLIENTS;
use super::world::{network, peer};

/// How long a dial that hangs takes to fail, in milliseconds.
pub const DIAL_TIMEOUT: u64 = 20;

pub const ADMIN: &str = "s3cret";

/// What marks a request that a rule changes: how its URL begins.
pub fn marked(what: &str) -> String {
    format!("http://{what}.test/")
}

pub fn scenario(lenient: bool) -> Value {
    let mut peers = Vec::new();
    let mut networks = Vec::new();
    for client in 0..CLIENTS {
        peers.push(json!({
            "node_id": peer(client, 0), "hostname": format!("peer-{client}"),
            "services": {
                "80": "echo", "9": "discard", "13": {"say": "hello\n"}, "99": "refuse", "98": "hang",
            },
        }));
        let late = format!("late-{client}");
        peers.push(json!({"node_id": peer(client, 1), "hostname": late, "latency": "1ms"}));
        for trusted in 2..5 {
            peers.push(json!({"node_id": peer(client, trusted), "trusted": false}));
        }
        networks.push(json!({
            "id": network(client, 0), "name": format!("token-{client}"), "join_rule": "token",
            "token": "t0ken",
        }));
        networks.push(json!({
            "id": network(client, 1), "name": format!("managed-{client}"), "managed": true,
            "enterprise": true, "join_rule": "invite", "members": [peer(client, 0)],
        }));
    }
    json!({
        "version": 1, "profile": if lenient { "lenient" } else { "faithful" },
        "dial_timeout": format!("{DIAL_TIMEOUT}ms"), "node": {"admin_token": ADMIN},
        "peers": peers, "networks": networks, "rules": rules(), "timeline": timeline(),
        "expect": [
            {"on": "health"}, {"on": "bind", "when": {"port": 20_000}},
            {"on": "set_webhook", "when": {"url": "http://never.test/"}, "times": 0},
        ],
    })
}

fn rules() -> Value {
    let marked = |what: &str| json!({"url": {"starts_with": marked(what)}});
    json!([
        {"name": "late", "on": "resolve_hostname", "when": {"hostname": {"starts_with": "slow-"}},
         "delay": {"min": "1ms", "max": "6ms"}},
        {"name": "patched", "on": "set_webhook", "when": marked("patched"),
         "patch": {"patched": true}},
        {"name": "scripted", "on": "set_webhook", "when": marked("scripted"),
         "reply": {"by": "the soak"}},
        {"name": "refused", "on": "set_webhook", "when": marked("refused"), "error": "soak: refused"},
        {"name": "bytes", "on": "set_webhook", "when": marked("bytes"), "payload": {"hex": "00ff0a"}},
        {"name": "mute", "on": "set_webhook", "when": marked("mute"), "fault": "no_reply"},
        {"name": "twice", "on": "set_webhook", "when": marked("twice"), "fault": "duplicate"},
        {"name": "slowly", "on": "set_webhook", "when": marked("slowly"),
         "fault": {"slow": {"bytes": 16, "every": "1ms"}}},
        {"name": "stalled", "on": "set_webhook", "when": marked("stalled"), "fault": {"stall": "5ms"}},
        {"name": "once", "on": "set_webhook", "when": marked("once"), "scope": "client", "times": 1,
         "reply": {"first": true}},
        {"name": "odd", "on": "set_webhook", "when": marked("odd"),
         "push": [{"raw": {"command": 0xEE, "data": "odd"}}]},
        {"name": "lost", "on": "send_to", "when": {"port": 9999}, "fault": "no_reply"},
        {"name": "visit", "on": "bind", "when": {"port": {"min": 21_000, "max": 21_999}}, "push": [
            {"accept": {"port": 21_000, "from": "0:0000.0000.0002:5000", "service": "echo",
                        "say": "hello from afar"}, "to": "requester"}]},
    ])
}

fn timeline() -> Value {
    let datagram = |data: &str| json!({"recv_from": {"from": "0:0000.0000.0002:5000", "to_port": 9, "data": data}});
    json!([
        {"at": "50ms", "every": "250ms", "push": [datagram("tick")]},
        {"on": "connect", "push": [datagram("welcome")]},
        {"on": "bind", "when": {"port": {"min": 22_000, "max": 22_999}}, "after": "1ms",
         "every": "1ms", "count": 3, "push": [datagram("bound")]},
    ])
}
