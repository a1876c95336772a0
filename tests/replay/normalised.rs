//! Values that cannot be equal.

use serde_json::Value;

use super::rules::{
    Rule, both, both_counts, both_envelopes, both_times, field_ends, is_base64_of, same_type,
};

/// Values that no two runs share.
pub const NORMALISED: &[Rule] = &[
    Rule {
        name: "keys",
        authority: "every daemon has a key of its own: base64 of 32 bytes",
        times: None,
        covers: |f| field_ends(f, ".public_key") && both(f, |v| is_base64_of(v, 32)),
    },
    Rule {
        name: "times",
        authority: "the daemon's clock: Unix seconds, or RFC 3339",
        times: None,
        covers: |f| {
            let ends = [
                ".uptime_secs",
                ".uptime_seconds",
                ".approved_at",
                ".received_at",
                ".timestamp",
                ".joined_at",
            ];
            ends.iter().any(|end| field_ends(f, end)) && both_times(f)
        },
    },
    Rule {
        name: "trace times",
        authority: "nanoseconds at which a data exchange frame was received, written, answered",
        times: None,
        covers: |f| {
            f.mismatch.field.starts_with("trace.") && field_ends(f, "_ns") && both(f, Value::is_u64)
        },
    },
    Rule {
        name: "version",
        authority: "PRODUCT.md 3: version `mock-<crate version>`",
        times: None,
        covers: |f| {
            let version = concat!("mock-", env!("CARGO_PKG_VERSION"));
            f.mismatch.field == "json.version" && f.mismatch.got == version
        },
    },
    Rule {
        name: "mail",
        authority: "the recorded daemons were started with addresses of their own",
        times: None,
        covers: |f| f.mismatch.field == "json.email" && both(f, Value::is_string),
    },
    Rule {
        name: "endpoints",
        authority: "addresses on the network: the recorded a was 4001 whatever its node id",
        times: None,
        covers: |f| {
            let text = |v: &Value| v.as_str().unwrap_or("").to_owned();
            f.mismatch.field == "json.endpoint" && both(f, |v| text(v).starts_with("127.0.0.1:400"))
        },
    },
    Rule {
        name: "wire counters",
        authority: "bytes and packets on the network, of which mockpilot has none",
        times: None,
        covers: |f| {
            let top = ["bytes_recv", "bytes_sent", "pkts_recv", "pkts_sent"];
            top.iter()
                .any(|key| f.mismatch.field == format!("json.{key}"))
                && both_counts(f)
        },
    },
    Rule {
        name: "tunnels",
        authority: "to whom there is a tunnel, and by which way, is the network's affair",
        times: None,
        covers: |f| {
            let counts = [
                "peers",
                "authenticated_peers",
                "encrypted_peers",
                "relay_peer_count",
                "tunnel_encryption_success",
                "peer_list.len()",
            ];
            let count = counts
                .iter()
                .any(|key| f.mismatch.field == format!("json.{key}"));
            let row = f.mismatch.field.starts_with("json.peer_list[");
            (count && both_counts(f)) || (row && same_type(f))
        },
    },
    Rule {
        name: "connections",
        authority: "the recorded daemons' connections of their own (port 444) and those of other groups",
        times: None,
        covers: |f| {
            let count = ["json.connections", "json.conn_list.len()"].contains(&&*f.mismatch.field);
            let row = f.mismatch.field.starts_with("json.conn_list[");
            (count && both_counts(f)) || (row && same_type(f))
        },
    },
    Rule {
        name: "envelopes",
        authority: "time and nonce of an envelope, and the signature by a key of its own",
        times: None,
        covers: |f| match &*f.mismatch.field {
            "json.signature" => both(f, |v| is_base64_of(v, 64)),
            "json.envelope" => both_envelopes(f),
            _ => false,
        },
    },
    Rule {
        name: "source ports",
        authority: "they count up from 49152 in both, but the recorded runs had other dials before",
        times: None,
        covers: |f| f.mismatch.field == "source port" && f.mismatch.got["fresh"] == true,
    },
];
