//! Tokens read `<redacted>` wherever something is told, and the journal alone tells them when asked to.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::steered::{Steered, mockpilot, values};
use super::support::{Client, TempDir, poll};

const TOKEN: &str = "sekrit-t0k3n";
const REDACTED: &str = "<redacted>";

/// A world full of tokens.
fn world() -> Value {
    json!({
        "node": {"admin_token": TOKEN},
        "networks": [{"id": 7, "name": "lab", "join_rule": "token", "token": TOKEN}],
        "rules": [
            {"name": "told", "on": "info", "reply": {"a": [{"token": TOKEN, "Admin_Token": TOKEN}]}},
            {"name": "bytes", "on": "health", "payload": format!("{{\"token\":\"{TOKEN}\"")},
            {"name": "asked", "on": "network.join", "when": {"token": {"not": TOKEN}}},
        ],
        "expect": [
            {"on": "network.join", "when": {"token": format!("{TOKEN}!")}},
            {"on": "broadcast", "when": {"token": {"in": [format!("{TOKEN}!")]}}},
            {"in_order": [{"on": "managed.policy_set", "when": {"token": {"starts_with": format!("{TOKEN}!")}}}]},
        ],
    })
}

fn policy(document: &str) -> Vec<u8> {
    let length = (TOKEN.len() as u16).to_be_bytes();
    [
        b"\x05\x01\0\x07",
        &length[..],
        TOKEN.as_bytes(),
        document.as_bytes(),
    ]
    .concat()
}

/// Sends a token in every request that can have one, and has the daemon send some.
fn tell_tokens(client: &mut Client) {
    let length = (TOKEN.len() as u16).to_be_bytes();
    client.call(0x1F, &[b"\x02\0\x07", TOKEN.as_bytes()].concat());
    client.call(
        0x29,
        &[b"\0\x07\0\x50", &length[..], TOKEN.as_bytes(), b"data"].concat(),
    );
    let document = json!({"version": 1, "rules": [], "deep": [{"api_TOKEN": [TOKEN]}]}).to_string();
    client.call(0x23, &policy(&document));
    client.call(0x23, &policy(&format!("{{\"\\u0074oken\":\"{TOKEN}\"")));
    client.call(0x23, b"\x05\0\0\x07");
    client.call(0x1F, b"\x01");
    client.call(0x0D, b"");
    client.call(0x21, b"");
}

#[test]
fn nothing_that_is_told_has_a_token() {
    let scenario = world().to_string();
    let words = ["-v", "--journal", "j", "--scenario", &scenario];
    let mut steered = Steered::start(&words);
    let mut client = steered.connect();
    tell_tokens(&mut client);
    let mut talk = steered.talk();
    let when = json!({"token": {"contains": format!("{TOKEN}!")}});
    let mut told = vec![
        talk.ask(json!({"verb": "journal"})),
        talk.ask(json!({"verb": "state"})),
        talk.ask(json!({"verb": "clients"})),
        talk.ask(json!({"verb": "rules"})),
        talk.ask(json!({"verb": "await", "on": "network.join", "when": when, "timeout": "1ms"})),
        talk.ask(json!({"verb": "verify"})),
    ];
    assert_eq!(told[5]["failures"].as_array().unwrap().len(), 3);
    let failures = told[5]["failures"].to_string();
    assert_eq!(failures.matches(REDACTED).count(), 9, "{failures}");
    assert_eq!(told[4]["ok"], false);
    let nearest = told[4]["nearest"].as_str().unwrap();
    assert!(
        nearest.contains(&format!("in it, got {REDACTED}")),
        "{nearest}"
    );
    assert_eq!(steered.daemon.terminate().code(), Some(3));
    let text = std::fs::read_to_string(steered.journal()).unwrap();
    assert_eq!(values(&text)[0]["event"], "connect");
    // Four requests, the policy's own, and what the rules answer.
    assert!(text.matches(REDACTED).count() >= 8, "{text}");
    told.push(text.into());
    let log = steered.daemon.stderr();
    assert!(
        log.contains("network.join") && log.contains(REDACTED),
        "{log}"
    );
    told.push(log.into());
    for text in told {
        assert!(!text.to_string().contains(TOKEN), "{text:#}");
    }
}

#[test]
fn the_journal_tells_them_when_it_is_asked_to() {
    let scenario = world().to_string();
    let words = [
        "-v",
        "--journal",
        "j",
        "--journal-secrets",
        "--scenario",
        &scenario,
    ];
    let mut steered = Steered::start(&words);
    let mut client = steered.connect();
    tell_tokens(&mut client);
    let kept = steered.entries(0);
    let state = steered.ask(json!({"verb": "state"})).to_string();
    let failures = steered.ask(json!({"verb": "verify"})).to_string();
    steered.daemon.terminate();
    for text in [state, failures, steered.daemon.stderr()] {
        assert!(!text.contains(TOKEN), "{text}");
    }
    let file = values(&std::fs::read_to_string(steered.journal()).unwrap());
    assert_eq!(file[..kept.len()], kept[..]);
    let fields = |name: &str, field: &str| {
        let of = kept.iter().filter(|e| e["cmd"] == name);
        of.map(|e| e["fields"][field].clone()).collect::<Vec<_>>()
    };
    assert_eq!(fields("network.join", "token"), [TOKEN]);
    assert_eq!(fields("broadcast", "token"), [TOKEN]);
    assert_eq!(fields("managed.policy_set", "token"), [TOKEN, TOKEN]);
    let policies = fields("managed.policy_set", "policy");
    assert_eq!(policies[0]["deep"], json!([{"api_TOKEN": [TOKEN]}]));
    assert_eq!(policies[1], Value::Null);
    let told = json!([{"token": TOKEN, "Admin_Token": TOKEN}]);
    assert_eq!(fields("info_ok", "a"), [told]);
    assert_eq!(
        fields("health_ok", "data"),
        [format!("{{\"token\":\"{TOKEN}\"")]
    );
}

#[test]
fn the_report_of_a_failed_run_has_none() {
    let mut world = world();
    // A text of the scenario's writer, in which nobody else would look for one.
    let text = json!({"on": "set_tags", "error": format!("{TOKEN}: not that one")});
    world["rules"].as_array_mut().unwrap().push(text);
    let scenario = world.to_string();
    let directory = TempDir::new();
    let socket = directory.join("s");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mockpilot"));
    command
        .args([
            "exec",
            "--socket",
            socket.to_str().unwrap(),
            "--scenario",
            &scenario,
            "--",
            "cat",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut run = command.spawn().unwrap();
    assert!(poll(|| socket.exists().then_some(())).is_some());
    Client::connect(&socket).call(0x1F, &[b"\x02\0\x07", TOKEN.as_bytes()].concat());
    drop(run.stdin.take());
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("\"cmd\":\"network.join\""), "{said}");
    assert!(said.contains("--seed 1"), "{said}");
    assert!(said.contains("\"admin_token\":\"<redacted>\""), "{said}");
    assert!(!said.contains(TOKEN), "{said}");
}

#[test]
fn explain_and_the_mistakes_of_a_scenario() {
    let rules = json!({"rules": [{"on": "network.join", "when": {"token": TOKEN}}]});
    let hex = "1f020007616263";
    let (status, out, _) = mockpilot(&["explain", &rules.to_string(), hex]);
    assert_eq!(status, 1);
    let wanted = "rule \"rules[0]\": token: expected <redacted>, got <redacted>\nno rule applies\n";
    assert_eq!(out, wanted);
    let world =
        json!({"node": {"admin_token": [TOKEN]}, "networks": [{"id": 7, "token": {"x": TOKEN}}]});
    let (status, out, err) = mockpilot(&["check", &world.to_string()]);
    assert_eq!((status, &*err), (1, ""));
    assert!(
        out.contains("node.admin_token") && !out.contains(TOKEN),
        "{out}"
    );
}

/// A token is a key's, too: in a policy, and in a text that is a document.
#[test]
fn nothing_that_is_told_of_a_document_has_a_token() {
    let nested = format!("{{\"token\":\"{TOKEN}\"}}");
    let wanted = [
        json!({"on": "managed.policy_set", "when": {"policy": {"admin_token": format!("{TOKEN}!"), "v": 1}}}),
        json!({"on": "managed.policy_set", "when": {"policy": {"in": [{"token": TOKEN}, {"a": [{"Token": [TOKEN]}]}]}}}),
        json!({"on": "managed.policy_set", "when": {"policy": {"not": {"a": nested, "token": TOKEN}}}}),
        json!({"on": "handshake.send", "when": {"justification": format!("{{\"token\":\"{TOKEN}!\"}}")}}),
        json!({"on": "handshake.send", "when": {"justification": {"contains": format!("\"token\":\"{TOKEN}!")}}}),
        json!({"on": "handshake.send", "when": {"justification": {"starts_with": format!("[{{\"token\":\"{TOKEN}!")}}}),
        json!({"on": "send_to", "when": {"data": format!("{{\"token\":\"{TOKEN}!\"}}")}}),
        json!({"on": "set_tags", "when": {"tags": [nested]}}),
    ];
    let scenario = json!({"expect": wanted}).to_string();
    let mut steered = Steered::start(&["--scenario", &scenario]);
    let mut client = steered.connect();
    let document = json!({"a": nested, "token": TOKEN}).to_string();
    let requests = [
        (0x23, policy(&document)),
        (0x0F, [b"\x01\0\0\0\x02", nested.as_bytes()].concat()),
        (0x19, json!([nested, TOKEN.len()]).to_string().into_bytes()),
        (0x19, json!([nested, "x"]).to_string().into_bytes()),
    ];
    for (code, payload) in &requests {
        client.call(*code, payload);
    }
    client.send(0x0B, &[b"\0\0\0\0\0\x02\0\x50", nested.as_bytes()].concat());
    client.call(0x0D, b"");
    let mut told = String::new();
    for wanted in &wanted {
        let mut question = wanted.clone();
        question["verb"] = json!("await");
        question["timeout"] = json!("1ms");
        let answer = steered.ask(question);
        assert_eq!(answer["ok"], false, "{wanted}: {answer}");
        assert!(answer["nearest"].to_string().contains(REDACTED), "{answer}");
        told += &answer.to_string();
        let rules = json!({"rules": [wanted]}).to_string();
        for (code, payload) in &requests {
            let bytes = [&[*code], &payload[..]].concat();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            told += &mockpilot(&["explain", &rules, &hex]).1;
        }
    }
    let verified = steered.ask(json!({"verb": "verify"}));
    let failures = verified["failures"].as_array().unwrap();
    assert_eq!(failures.len(), wanted.len(), "{failures:#?}");
    told += &verified.to_string();
    assert_eq!(steered.daemon.terminate().code(), Some(3));
    told += &steered.daemon.stderr();
    assert!(!told.contains(TOKEN), "{told}");
}
