//! Expectations: what meets them, and the report of those that are not met, word by word.

mod staged;
mod support;

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use staged::*;
use support::{Binary, Client, TempDir};

/// Dials, in order: a port each.
fn dials(ports: &[u16]) -> Vec<Vec<u8>> {
    let dial = |port: &u16| Client::frame(DIAL, &address(0, 2, *port));
    ports.iter().map(dial).collect()
}

/// Serves these scenario files to one client that sends these frames; gives the exit status and what
/// was reported, without the program's name.
fn served(files: &[(&str, &str)], frames: &[Vec<u8>]) -> (i32, Vec<String>) {
    let directory = TempDir::new();
    let mut args = Vec::new();
    for (name, text) in files {
        fs::write(directory.join(name), text).unwrap();
        args.extend(["--scenario", name]);
    }
    let mut daemon = Binary::launch_in(directory, &args);
    daemon.wait_for_socket();
    let mut client = daemon.connect();
    for frame in frames {
        client.send_raw(frame);
    }
    // All of it was served.
    client.send(0x99, &[]);
    loop {
        if let (0x0A, text) = client.recv()
            && text.ends_with(b"0x99")
        {
            break;
        }
    }
    let status = daemon.terminate().code().unwrap();
    let said = daemon.stderr();
    let lines = said.lines().map(|l| l.strip_prefix("mockpilot: ").unwrap());
    let own = |line: &&str| !line.starts_with("listening on ") && !line.starts_with("ended ");
    (status, lines.filter(own).map(str::to_owned).collect())
}

/// What is reported of one expectation.
fn report(expectation: &str, frames: &[Vec<u8>]) -> Option<String> {
    let text = format!("{{\"expect\": [\n  {expectation}]}}");
    let (status, mut lines) = served(&[("x.json", &text)], frames);
    assert_eq!(status, if lines.is_empty() { 0 } else { 3 }, "{lines:?}");
    assert!(lines.len() < 2, "{lines:?}");
    let place = "x.json:2:3: ";
    let line = lines.pop()?;
    Some(
        line.strip_prefix(place)
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned(),
    )
}

#[test]
fn counts() {
    let on = |times: &str| format!(r#"{{"on": "dial", "when": {{"port": 80}}{times}}}"#);
    for (times, met, few, many) in [
        ("", &[1, 2][..], Some("at least 1"), None),
        (r#", "times": 1"#, &[1], Some("1"), Some("1")),
        (r#", "times": 2"#, &[2], Some("2"), Some("2")),
        (r#", "times": 0"#, &[0], None, Some("none")),
        (
            r#", "times": {"min": 1, "max": 2}"#,
            &[1, 2],
            Some("1 to 2"),
            Some("1 to 2"),
        ),
        (
            r#", "times": {"min": 2}"#,
            &[2, 3],
            Some("at least 2"),
            None,
        ),
        (r#", "times": {"max": 1}"#, &[0, 1], None, Some("0 to 1")),
    ] {
        let expectation = on(times);
        for count in met {
            let frames = dials(&vec![80; *count]);
            assert_eq!(report(&expectation, &frames), None, "{times}");
        }
        if let Some(text) = few {
            let wanted = format!("dial with port 80: expected {text}, got 0; nearest was");
            let got = report(&expectation, &dials(&[])).unwrap();
            assert!(got.starts_with(&wanted), "{times}: {got}");
        }
        if let Some(text) = many {
            let count = met.last().unwrap() + 1;
            let wanted = format!("dial with port 80: expected {text}, got {count}");
            assert_eq!(report(&expectation, &dials(&vec![80; count])), Some(wanted));
        }
    }
}

#[test]
fn the_nearest_request_is_named_with_the_fields_that_differ() {
    let info = Client::frame(INFO, &[]);
    let dial =
        |network: u16, node: u32, port: u16| Client::frame(DIAL, &address(network, node, port));
    let policy = |document: &str| {
        let payload = [b"\x05\x01\0\x07\0\0", document.as_bytes()].concat();
        Client::frame(0x23, &payload)
    };
    let broadcast = |token: &str| {
        let length = port(token.len() as u16);
        let header = join(&[&port(7), &port(80), &length, token.as_bytes(), b"xy"]);
        Client::frame(0x29, &header)
    };
    for (expectation, frames, wanted) in [
        (
            r#"{"on": "dial", "when": {"port": 80}}"#,
            vec![dial(0, 2, 81), info.clone()],
            "dial with port 80: expected at least 1, got 0; nearest was dial of client 1: \
             port: expected 80, got 81",
        ),
        (
            // Of several that differ the one with the fewest differences, and the first of those.
            r#"{"on": "dial", "when": {"port": 80, "node": 2, "network": 0}, "times": 1}"#,
            vec![
                dial(9, 3, 80),
                dial(0, 2, 79),
                dial(0, 2, 78),
                dial(9, 9, 9),
            ],
            "dial with port 80, node 2, network 0: expected 1, got 0; nearest was \
             dial of client 1: port: expected 80, got 79",
        ),
        (
            r#"{"on": "dial", "when": {"port": {"min": 80, "max": 90}, "address": {"not": "0:0000.0000.0002"}}}"#,
            vec![dial(0, 2, 1)],
            "dial with port 80 to 90, address anything but \"0:0000.0000.0002\": expected at least 1, \
             got 0; nearest was dial of client 1: port: expected 80 to 90, got 1, address: expected \
             anything but \"0:0000.0000.0002\", got \"0:0000.0000.0002\"",
        ),
        (
            r#"{"on": "resolve_hostname", "when": {"hostname": {"starts_with": "db-"}}}"#,
            vec![Client::frame(RESOLVE, b"web-1")],
            "resolve_hostname with hostname something that starts with \"db-\": expected at least 1, \
             got 0; nearest was resolve_hostname of client 1: hostname: expected something that \
             starts with \"db-\", got \"web-1\"",
        ),
        (
            r#"{"on": "send", "when": {"data": {"contains": "pong"}}}"#,
            vec![Client::frame(SEND, b"\0\0\0\x01ping")],
            "send with data something with \"pong\" in it: expected at least 1, got 0; nearest was \
             send of client 1: data: expected something with \"pong\" in it, got \"ping\"",
        ),
        (
            r#"{"on": "set_tags", "when": {"tags": ["ci"]}}"#,
            vec![Client::frame(0x19, br#"["x","y"]"#)],
            "set_tags with tags [\"ci\"]: expected at least 1, got 0; nearest was set_tags of \
             client 1: tags: expected [\"ci\"], got [\"x\",\"y\"]",
        ),
        (
            r#"{"on": "handshake", "when": {"node_id": {"in": [5, 6]}}, "times": 3}"#,
            vec![
                Client::frame(HANDSHAKE, b"\x02\0\0\0\x05"),
                Client::frame(HANDSHAKE, b"\x06\0\0\0\x07"),
            ],
            "handshake with node_id one of 5, 6: expected 3, got 1; nearest was handshake.revoke of \
             client 1: node_id: expected one of 5, 6, got 7",
        ),
        (
            // A payload that is too short has its text and not the fields that it is too short for.
            r#"{"on": "dial", "when": {"port": 80}}"#,
            vec![Client::frame(DIAL, b"\0")],
            "dial with port 80: expected at least 1, got 0; nearest was dial of client 1: \
             port: expected 80, got nothing",
        ),
        (
            r#"{"on": "dial", "when": {"malformed": {"contains": "port"}}, "times": 0}"#,
            vec![Client::frame(DIAL, b"\0"), dial(0, 2, 80)],
            "dial with malformed something with \"port\" in it: expected none, got 1",
        ),
        (
            r#"{"on": "unknown", "when": {"command": 80}}"#,
            vec![],
            "unknown with command 80: expected at least 1, got 0; nearest was unknown of client 1: \
             command: expected 80, got 153",
        ),
        (
            r#"{"on": "connect", "times": 2}"#,
            vec![],
            "connect: expected 2, got 1; nearest was unknown of client 1: on: expected connect, \
             got unknown",
        ),
        (
            r#"{"on": "connect", "times": 0}"#,
            vec![],
            "connect: expected none, got 1",
        ),
        (
            r#"{"on": ["bind", "dial"], "times": 1}"#,
            vec![info.clone()],
            "bind, dial: expected 1, got 0; nearest was unknown of client 1: on: expected bind, dial, \
             got unknown",
        ),
        (
            r#"{"on": "broadcast", "when": {"token": "s3cret"}}"#,
            vec![broadcast("guess")],
            "broadcast with token <redacted>: expected at least 1, got 0; nearest was broadcast of \
             client 1: token: expected <redacted>, got <redacted>",
        ),
        (
            r#"{"on": "broadcast", "when": {"token": {"starts_with": "s3c"}, "port": 9}}"#,
            vec![broadcast("guess")],
            "broadcast with token something that starts with <redacted>, port 9: expected at least 1, \
             got 0; nearest was broadcast of client 1: token: expected something that starts with \
             <redacted>, got <redacted>, port: expected 9, got 80",
        ),
        (
            r#"{"on": "managed.policy_set", "when": {"policy": {"a": 1, "b": "<2>"}}}"#,
            vec![policy(r#"{ "b": "<2>", "a": 2, "token": "s3cret" }"#)],
            "managed.policy_set with policy {\"a\":1,\"b\":\"<2>\"}: expected at least 1, got 0; nearest \
             was managed.policy_set of client 1: policy: expected {\"a\":1,\"b\":\"<2>\"}, got \
             {\"a\":2,\"b\":\"<2>\",\"token\":\"<redacted>\"}",
        ),
    ] {
        assert_eq!(report(expectation, &frames).as_deref(), Some(wanted));
    }
}

/// However long two policies are, what differs is shown.
#[test]
fn the_difference_of_long_policies() {
    let policy = |last: u64| {
        let names: Vec<String> = (0..200).map(|n| format!("rule number {n}")).collect();
        json!({"names": names, "version": last}).to_string()
    };
    let expectation = format!(
        r#"{{"on": "managed.policy_set", "when": {{"policy": {}}}}}"#,
        policy(1)
    );
    let payload = [b"\x05\x01\0\x07\0\0", policy(2).as_bytes()].concat();
    let said = report(&expectation, &[Client::frame(0x23, &payload)]).unwrap();
    let (_, nearest) = said.split_once("; nearest was ").unwrap();
    assert!(nearest.contains("99\"],\"version\":1}, got …"), "{said}");
    assert!(nearest.ends_with("99\"],\"version\":2}"), "{said}");
    assert!(nearest.len() < 400, "{said}");
}

#[test]
fn malformed_requests_keep_their_name() {
    let frames = [Client::frame(DIAL, b"\0"), Client::frame(BIND, b"")];
    for met in [
        r#"{"on": "dial", "times": 1}"#,
        r#"{"on": "bind", "when": {"malformed": {"starts_with": "bind: missing"}}, "times": 1}"#,
        r#"{"on": "*", "when": {"malformed": {"contains": "missing"}}, "times": 2}"#,
    ] {
        assert_eq!(report(met, &frames), None, "{met}");
    }
}

#[test]
fn orders() {
    let step = |port: u16| format!(r#"{{"on": "dial", "when": {{"port": {port}}}}}"#);
    let order = format!(r#"{{"in_order": [{}, {}, {}]}}"#, step(1), step(2), step(3));
    let seen = |ports: &[u16]| report(&order, &dials(ports));
    assert_eq!(seen(&[1, 2, 3]), None);
    assert_eq!(seen(&[9, 1, 3, 1, 2, 9, 2, 3, 1]), None);
    let missing = |got: u16, nearest: &str| {
        let step = got + 1;
        Some(format!(
            "in_order: expected 3 steps, got {got}; missing is step {step}, dial with port {step}; \
             nearest was {nearest}"
        ))
    };
    let unknown = "unknown of client 1: on: expected dial, got unknown";
    assert_eq!(seen(&[]), missing(0, unknown));
    assert_eq!(seen(&[1, 2]), missing(2, unknown));
    assert_eq!(
        seen(&[3, 2, 1]),
        missing(1, "dial of client 1, before its turn"),
        "what came before its turn does not count"
    );
    assert_eq!(
        seen(&[1, 3]),
        missing(1, "dial of client 1: port: expected 2, got 3")
    );
}

#[test]
fn unexpected_requests_fail_where_that_is_said() {
    let text = "{\"unexpected\": \"fail\",\n \"expect\": [\
                {\"on\": [\"dial\", \"unknown\"], \"when\": {}, \"times\": {\"min\": 0}},\
                {\"in_order\": [{\"on\": \"bind\"}, {\"on\": \"info\"}]}]}";
    let bind = Client::frame(BIND, &port(80));
    let info = Client::frame(INFO, &[]);
    let met = [
        bind.clone(),
        info.clone(),
        info.clone(),
        dials(&[1]).remove(0),
    ];
    assert_eq!(served(&[("x.json", text)], &met), (0, vec![]));
    // A client's arrival is no request; of others ten are named.
    let mut frames = vec![bind.clone(), info.clone()];
    frames.extend(vec![Client::frame(0x21, &[]); 12]);
    let health = ["health of client 1"; 10].join("; ");
    let wanted = format!(
        "x.json:1:2: unexpected: expected no request that no expectation names, got 12: {health}, \
         and 2 more"
    );
    assert_eq!(served(&[("x.json", text)], &frames), (3, vec![wanted]));
    let ignored = text.replace("fail", "ignore");
    assert_eq!(served(&[("x.json", &ignored)], &frames), (0, vec![]));
    // Without any expectation every request is one.
    let (status, lines) = served(&[("x.json", "{\"unexpected\": \"fail\"}")], &[info]);
    let wanted = "x.json:1:2: unexpected: expected no request that no expectation names, got 2: \
                  info of client 1; unknown of client 1";
    assert_eq!((status, lines), (3, vec![wanted.to_owned()]));
}

#[test]
fn expectations_of_several_files_are_all_verified() {
    let one = "{\"expect\": [{\"on\": \"dial\", \"times\": 1},\n{\"on\": \"info\"}]}";
    let two = "{\n\n    \"expect\": [{\"on\": \"bind\", \"times\": 1}]}";
    let files = [("one.json", one), ("two.json", two)];
    let wanted = [
        "one.json:1:13: dial: expected 1, got 2",
        "one.json:2:1: info: expected at least 1, got 0; nearest was unknown of client 1: \
         on: expected info, got unknown",
        "two.json:3:16: bind: expected 1, got 0; nearest was unknown of client 1: \
         on: expected bind, got unknown",
    ];
    let (status, lines) = served(&files, &dials(&[80, 80]));
    assert_eq!((status, &lines[..]), (3, &wanted.map(str::to_owned)[..]));
}

#[test]
fn nobody_came_and_that_is_said() {
    let text = r#"{"expect": [{"on": "connect"}]}"#;
    let mut daemon = Binary::start(&["--scenario", text, "-q"]);
    assert_eq!(daemon.terminate().code(), Some(3));
    let wanted =
        "mockpilot: <scenario>:1:13: connect: expected at least 1, got 0; nothing else came\n";
    assert_eq!(daemon.stderr(), wanted);
    // The report is no log.
    let mut daemon = Binary::start(&["--scenario", text, "--log", "l"]);
    assert_eq!(daemon.terminate().code(), Some(3));
    assert_eq!(daemon.stderr(), wanted);
}

#[test]
fn a_running_daemon_is_verified_and_told_of_more() {
    let mut daemon = Staged::start(&json!({"expect": [{"on": "bind", "times": 1}]}));
    let mut client = daemon.client();
    let failures = |daemon: &mut Staged| -> Vec<String> {
        let answer = daemon.ask("verify", json!({}));
        let failures: Vec<String> = serde_json::from_value(answer["failures"].clone()).unwrap();
        assert_eq!(answer["ok"], failures.is_empty(), "{answer}");
        failures
    };
    assert_eq!(
        failures(&mut daemon),
        [
            "<scenario>:1:12: bind: expected 1, got 0; nearest was health of client 1 (entry 2): \
          on: expected bind, got health"
        ]
    );
    bind(&mut client, 80);
    assert!(failures(&mut daemon).is_empty());
    // What came before counts for one that is added.
    let more = json!({"on": "bind", "when": {"port": 81}});
    daemon.told("expect", json!({ "expect": more }));
    daemon.told(
        "expect",
        json!({"expect": {"on": "bind", "when": {"port": 80}, "times": 1}}),
    );
    assert_eq!(
        failures(&mut daemon),
        [
            "bind with port 81: expected at least 1, got 0; nearest was bind of client 1 (entry 4): \
          port: expected 81, got 80"
        ]
    );
    let ctl = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .args(["ctl", "--control"])
        .arg(daemon.directory().join("c"))
        .arg("verify")
        .output()
        .unwrap();
    assert_eq!(ctl.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&ctl.stdout).unwrap();
    assert_eq!(answer["failures"].as_array().unwrap().len(), 1);
    assert_eq!(daemon.terminate().code(), Some(3));
}

/// Runs a command under `exec` with this scenario; gives the status and what is on standard error.
fn exec(scenario: &str, words: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .args(["exec", "-q", "--scenario", scenario, "--"])
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

#[test]
fn exec_fails_by_what_was_not_met() {
    let scenario = r#"{"node": {"admin_token": "s3cret"}, "expect": [{"on": "broadcast", "when": {"token": "s3cret"}}]}"#;
    let (status, said) = exec(scenario, &["true"]);
    assert_eq!(status, 3);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "mockpilot: <scenario>:1:48: broadcast with token <redacted>: expected at least 1, got 0; \
             nothing else came",
            "mockpilot: true exited with status 0, and the scenario's expectations were not met; \
             no frames were exchanged",
            "mockpilot: seed 1; to run it again:",
        ]
    );
    assert!(!said.contains("s3cret"), "{said}");
    // The command's own failure counts more.
    let (status, said) = exec(scenario, &["sh", "-c", "exit 7"]);
    assert_eq!(status, 7);
    assert!(said.contains("expected at least 1, got 0"), "{said}");
    let met = scenario.replace("}}]", "}, \"times\": 0}]");
    assert_eq!(exec(&met, &["true"]), (0, String::new()));
}
