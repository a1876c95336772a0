//! Every row of the command table is handled, documented and tested.

mod support;

use mockpilot::wire::command::{Row, TABLE};
use support::{Binary, error_of};

/// A well-formed request of a row that a lenient daemon serves with success.
fn sample(row: &Row) -> Vec<u8> {
    let rest: &[u8] = match row.name {
        "unbind" | "bind" => &[0, 81],
        "prefer_direct" => &[0, 0, 0, 2],
        "set_hostname" | "resolve_hostname" => b"name",
        "set_webhook" => b"http://127.0.0.1/h",
        "set_tags" => b"[\"a\"]",
        "managed.member_tags_set" => b"\0\x07\0\0\0\x02[\"a\"]",
        "managed.policy_set" => {
            b"\0\x07\0\0{\"version\":1,\"rules\":[{\"name\":\"r\",\"on\":\"connect\",\
              \"match\":\"true\",\"actions\":[{\"type\":\"allow\"}]}]}"
        }
        "broadcast" => b"\0\x07\0\x50\0\x01tx",
        "submit_badge" => br#"{"badge":"pilotbadge:v1:7:github:1:0:k:","badge_sig":"s"}"#,
        "enroll_recovery" => br#"{"enrollment":"pilotenroll:v1:1:2:3:4:5","enrollment_sig":"s"}"#,
        "sign_envelope" => br#"{"audience":"svc","body_b64":"aGVsbG8="}"#,
        "verify_envelope" => br#"{"envelope":"x","signature":"y"}"#,
        name if name.starts_with("network.") || name.starts_with("managed.") => b"\0\x07\0\0\0\x02",
        // Its own node: the one before was rejected.
        "handshake.revoke" => &[0, 0, 0, 10],
        "handshake.wait" => &[0, 0, 0, 11, 0, 0, 0, 5],
        name if name.starts_with("handshake.") => b"\0\0\0\x09\0\0\0\x05",
        _ => b"\0\0\0\0\0\x05\0\x50x",
    };
    [row.sub, rest].concat()
}

#[test]
fn every_row_is_answered_with_its_own_reply() {
    let daemon = Binary::start::<&str>(&[]);
    for row in TABLE {
        let mut client = daemon.connect();
        if row.name == "unbind" {
            client.call_ok(0x01, &[0, 81]);
        }
        if row.name == "health" {
            // The barrier below is a health request itself.
            client.call_ok(row.code, &sample(row));
            continue;
        }
        client.send(row.code, &sample(row));
        let mut replies = client.quiet();
        replies.retain(|(code, _)| ![0x05, 0x07, 0x0C].contains(code));
        let codes: Vec<u8> = replies.iter().map(|(code, _)| *code).collect();
        match row.reply {
            Some(reply) => assert_eq!(codes, [reply], "{}: {replies:?}", row.name),
            None => assert!(codes.is_empty(), "{}: {replies:?}", row.name),
        }
    }
}

/// Every prefix of every well-formed request, in both profiles: an answer that keeps the rules.
#[test]
fn every_row_cut_short_is_answered_or_silent() {
    for profile in ["lenient", "faithful"] {
        let daemon = Binary::start(&["--profile", profile]);
        for row in TABLE {
            let whole = sample(row);
            let mut client = daemon.connect();
            for cut in 0..whole.len() {
                client.send(row.code, &whole[..cut]);
                for (code, payload) in client.quiet() {
                    let known = row.reply == Some(code) || [0x07, 0x0C, 0x0A].contains(&code);
                    assert!(known, "{} cut at {cut}: {code:#04x}", row.name);
                    if code == 0x0A {
                        assert!(!error_of(&payload).is_empty());
                        assert!(row.reply.is_some(), "{} is never answered", row.name);
                    }
                }
            }
        }
    }
}

#[test]
fn every_row_is_documented() {
    let readme = include_str!("../README.md");
    for row in TABLE {
        assert!(
            readme.contains(&format!("`{}`", row.name)),
            "README.md does not name `{}`",
            row.name
        );
    }
}

#[test]
fn every_row_is_in_a_recording() {
    let recordings = include_str!("fixtures/recordings.jsonl");
    let sent: Vec<String> = recordings
        .lines()
        .filter_map(|line| {
            let exchange: serde_json::Value = serde_json::from_str(line).unwrap();
            exchange["send"].as_str().map(str::to_owned)
        })
        .collect();
    for row in TABLE {
        let mut start = format!("{:02x}", row.code);
        start.extend(row.sub.iter().map(|byte| format!("{byte:02x}")));
        assert!(
            sent.iter().any(|hex| hex.starts_with(&start)),
            "no recorded exchange has `{}`",
            row.name
        );
    }
}
