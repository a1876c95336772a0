//! Every verb with every key, and what is said of keys that are none or hold the wrong thing.

use serde_json::{Value, json};

use crate::steered::{Steered, mockpilot};

/// Requests that are refused, and why.
#[rustfmt::skip]
const REFUSED: [(&str, &str); 52] = [
    (r#"{"verb":"ping","x":1}"#, "x: unknown key"),
    (r#"{"verb":"state","since":1}"#, "since: unknown key"),
    (r#"{"verb":"clients","client":1}"#, "client: unknown key"),
    (r#"{"verb":"rules","rule":{}}"#, "rule: unknown key"),
    (r#"{"verb":"verify","expect":{}}"#, "expect: unknown key"),
    (r#"{"verb":"reset","hard":true}"#, "hard: unknown key"),
    (r#"{"verb":"stop","now":true}"#, "now: unknown key"),
    (r#"{"verb":"rule_add"}"#, "rule: missing, expected an object"),
    (r#"{"verb":"rule_add","rule":[]}"#, "rule: expected an object, got []"),
    (r#"{"verb":"rule_add","rule":"info"}"#, r#"rule: expected an object, got "info""#),
    (r#"{"verb":"rule_add","rule":{"on":"info"},"scoped":1}"#, "scoped: expected true or false, got 1"),
    (r#"{"verb":"rule_add","rule":{"on":"info"},"scoped":"true"}"#, r#"scoped: expected true or false, got "true""#),
    (r#"{"verb":"rule_add","rule":{"on":"info"},"scope":true}"#, r#"scope: unknown key, did you mean "scoped"?"#),
    (r#"{"verb":"rule_add","rule":{}}"#, r#"no "on", expected a command name"#),
    (r#"{"verb":"rule_add","rule":{"on":"dail"}}"#, r#"did you mean "dial"?"#),
    (r#"{"verb":"rule_add","rule":{"on":"info","dealy":"1s"}}"#, r#"dealy: unknown key, did you mean "delay"?"#),
    (r#"{"verb":"rule_add","rule":{"on":"info","times":0}}"#, "times"),
    (r#"{"verb":"rule_add","rule":{"on":"info","when":{"port":1}}}"#, "port"),
    (r#"{"verb":"rule_add","rule":{"on":"info","fault":"refuse"}}"#, "fault"),
    (r#"{"verb":"rule_add","rule":{"on":"info","on":"dial"}}"#, "duplicate key"),
    (r#"{"verb":"rule_remove"}"#, "name: missing, expected a string"),
    (r#"{"verb":"rule_remove","name":1}"#, "name: expected a string, got 1"),
    (r#"{"verb":"rule_remove","name":"nobody"}"#, r#"there is no rule "nobody""#),
    (r#"{"verb":"push"}"#, "push: missing, expected an object or a list of them"),
    (r#"{"verb":"push","push":"x"}"#, r#"push: expected an object or a list of them, got "x""#),
    (r#"{"verb":"push","push":{}}"#, "push"),
    (r#"{"verb":"push","push":{"recv":{"conn":1,"data":"x"},"raw":{"command":1,"data":""}}}"#, "push"),
    (r#"{"verb":"push","push":[{"recv":{"conn":"first","data":"x"}}]}"#, "conn"),
    (r#"{"verb":"push","push":{"raw":{"command":256,"data":""}}}"#, "command"),
    (r#"{"verb":"push","push":{"raw":{"command":1,"data":{"hex":"0"}}}}"#, "hex"),
    (r#"{"verb":"push","push":{"raw":{"command":1,"data":""},"to":"client"}}"#, "to"),
    (r#"{"verb":"await"}"#, "on: missing, expected a name or a list of them"),
    (r#"{"verb":"await","on":7}"#, "on: expected a name or a list of them, got 7"),
    (r#"{"verb":"await","on":"dail"}"#, r#"did you mean "dial"?"#),
    (r#"{"verb":"await","on":["dial",1]}"#, "on"),
    (r#"{"verb":"await","on":"dial","when":[]}"#, "when: expected an object, got []"),
    (r#"{"verb":"await","on":"dial","when":{"prot":80}}"#, r#"did you mean "port"?"#),
    (r#"{"verb":"await","on":"dial","count":0}"#, "count: must be more than zero, got 0"),
    (r#"{"verb":"await","on":"dial","count":-1}"#, "count: expected a whole number, got -1"),
    (r#"{"verb":"await","on":"dial","count":1.5}"#, "count: expected a whole number, got 1.5"),
    (r#"{"verb":"await","on":"dial","timeout":5}"#, r#"timeout: expected a duration such as "250ms", "2s" or "1m", got 5"#),
    (r#"{"verb":"await","on":"dial","timeout":"5"}"#, "timeout: "),
    (r#"{"verb":"await","on":"dial","since":"1"}"#, r#"since: expected a whole number, got "1""#),
    (r#"{"verb":"expect"}"#, "expect: missing, expected an object"),
    (r#"{"verb":"expect","expect":[]}"#, "expect: expected an object, got []"),
    (r#"{"verb":"expect","expect":{"on":"dial","times":{"min":2,"max":1}}}"#, "times"),
    (r#"{"verb":"drop"}"#, r#"client: missing, expected a client's number or "all""#),
    (r#"{"verb":"drop","client":"some"}"#, r#"client: expected a client's number or "all", got "some""#),
    (r#"{"verb":"drop","client":7}"#, "there is no client 7"),
    (r#"{"verb":"journal","since":null}"#, "since: expected a whole number, got null"),
    (r#"{"verb":"journal","sinc":1}"#, r#"sinc: unknown key, did you mean "since"?"#),
    (r#"{"verb":"ping","verb":"stop"}"#, "verb: duplicate key, expected it once"),
];

#[test]
fn what_is_wrong_is_named_and_changes_nothing() {
    let steered = Steered::start(&[]);
    let mut client = steered.settled();
    let mut talk = steered.talk();
    for (request, why) in REFUSED {
        let answer = talk.ask_text(request);
        assert_eq!(answer["ok"], false, "{request}: {answer}");
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(why), "{request}: {error}");
        assert!(!error.contains('\n') && !error.ends_with('.'), "{error}");
        assert_eq!(answer.as_object().unwrap().len(), 2, "{answer}");
    }
    assert_eq!(talk.done(json!({"verb": "rules"}))["rules"], json!([]));
    assert_eq!(talk.done(json!({"verb": "verify"}))["failures"], json!([]));
    assert_eq!(client.quiet(), []);
}

/// One request of each verb with all its keys, in an order in which each is done.
fn requests() -> Vec<(&'static str, Value, Vec<&'static str>)> {
    let rule = json!({"name": "r", "on": "info", "when": {}, "delay": "1ms"});
    let push = json!({"raw": {"command": 119, "data": {"base64": "eA=="}}, "to": "all"});
    vec![
        ("ping", json!({}), vec!["pid", "version", "uptime_ms"]),
        ("state", json!({}), vec!["state"]),
        ("clients", json!({}), vec!["clients"]),
        (
            "rule_add",
            json!({"rule": rule, "scoped": false}),
            vec!["name"],
        ),
        ("rules", json!({}), vec!["rules"]),
        ("rule_remove", json!({"name": "r"}), vec![]),
        ("push", json!({"push": push}), vec!["sent"]),
        ("push", json!({"push": [push, push]}), vec!["sent"]),
        (
            "await",
            json!({"on": ["health", "info"], "when": {}, "count": 1, "timeout": "10s", "since": 0}),
            vec!["seq"],
        ),
        (
            "expect",
            json!({"expect": {"on": "health", "times": {"min": 1}}}),
            vec![],
        ),
        ("verify", json!({}), vec!["failures"]),
        ("journal", json!({"since": 1}), vec!["entries"]),
        ("reset", json!({}), vec![]),
        ("drop", json!({"client": "all"}), vec!["dropped"]),
        ("stop", json!({}), vec![]),
    ]
}

/// The keys of an answer beside `ok`, in the order of the contract.
fn keys(text: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(text).unwrap();
    let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
    keys.retain(|key| key != "ok");
    keys.sort_by_key(|key| text.find(&format!("\"{key}\":")));
    keys
}

#[test]
fn every_verb_takes_its_keys_on_the_socket_and_from_ctl() {
    for twin in [false, true] {
        let mut steered = Steered::start(&[]);
        let mut client = steered.settled();
        let mut talk = steered.talk();
        for (verb, given, wanted) in requests() {
            let text = if twin {
                let control = steered.control.to_str().unwrap();
                let words = ["ctl", "--control", control, verb, &given.to_string()];
                let (status, out, err) = mockpilot(&words);
                assert_eq!((status, &*err), (0, ""), "{verb}: {out}");
                out
            } else {
                let mut request = given.clone();
                request["verb"] = verb.into();
                talk.send(request);
                talk.line()
            };
            assert!(
                text.starts_with("{\"ok\":true") && text.ends_with("}\n"),
                "{text}"
            );
            assert_eq!(keys(&text), wanted, "{verb}: {text}");
        }
        assert!(steered.daemon.wait().success());
        for _ in 0..3 {
            assert_eq!(client.expect(0x77), b"x");
        }
        client.recv_eof();
    }
}

#[test]
fn a_line_may_have_a_mebibyte() {
    let steered = Steered::start(&[]);
    let mut talk = steered.talk();
    for (length, done) in [(1 << 20, true), ((1 << 20) + 1, false)] {
        let line = format!("{{\"verb\":\"ping\"{}}}", " ".repeat(length - 15));
        assert_eq!(line.len(), length);
        let answer = talk.ask_text(&line);
        assert_eq!(answer["ok"], done, "{answer}");
    }
    assert_eq!(
        talk.done(json!({"verb": "ping"}))["pid"],
        steered.daemon.pid()
    );
}
