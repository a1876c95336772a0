//! Rules that come and go while the daemon runs.

use serde_json::{Value, json};

use crate::steered::{Steered, Talk};
use crate::support::poll;

fn rows(talk: &mut Talk) -> Value {
    talk.done(json!({"verb": "rules"}))["rules"].clone()
}

fn add(talk: &mut Talk, rule: Value) -> Value {
    talk.done(json!({"verb": "rule_add", "rule": rule}))["name"].clone()
}

#[test]
fn the_last_one_added_comes_first() {
    let steered = Steered::play(&json!({"rules": [
        {"name": "old", "on": "info", "reply": {"by": "old"}},
        {"on": "health", "times": 2},
    ]}));
    let mut client = steered.connect();
    let mut talk = steered.talk();
    assert_eq!(client.call_json(0x0D, b""), json!({"by": "old"}));
    let new = json!({"name": "new", "on": "info", "reply": {"by": "new"}, "skip": 1, "times": 2});
    assert_eq!(add(&mut talk, new), "new");
    let made_up = add(
        &mut talk,
        json!({"on": ["dial", "bind"], "when": {"port": 9}}),
    );
    let other = add(&mut talk, json!({"on": "*", "client": 9}));
    assert!(made_up.is_string() && other.is_string() && made_up != other);
    let by = ["old", "new", "new", "old", "old"].map(|by| json!({"by": by}));
    for wanted in by {
        assert_eq!(client.call_json(0x0D, b""), wanted);
    }
    for _ in 0..3 {
        client.call_ok(0x21, b"");
    }
    let row = |name: Value, on: &str, matched: u64, applied: u64| json!({"name": name, "on": on, "matched": matched, "applied": applied});
    let wanted = json!([
        row(other.clone(), "*", 0, 0),
        row(made_up.clone(), "bind, dial", 0, 0),
        row("new".into(), "info", 5, 2),
        row("old".into(), "info", 4, 4),
        row("rules[1]".into(), "health", 3, 2),
    ]);
    assert_eq!(rows(&mut talk), wanted);

    for name in ["new", "old", "rules[1]"] {
        let twice = talk.ask(json!({"verb": "rule_add", "rule": {"name": name, "on": "dial"}}));
        let error = format!("a rule named {name:?} is there already");
        assert_eq!(twice, json!({"ok": false, "error": error}));
    }
    for name in [json!("old"), json!("rules[1]"), made_up, other] {
        talk.done(json!({"verb": "rule_remove", "name": name}));
        let again = talk.ask(json!({"verb": "rule_remove", "name": name}));
        assert_eq!(
            again,
            json!({"ok": false, "error": format!("there is no rule {name}")})
        );
    }
    assert_eq!(rows(&mut talk), json!([row("new".into(), "info", 5, 2)]));
    assert_eq!(client.call_json(0x0D, b"")["hostname"], "mock-daemon");
    // The name is free again, and the counts begin anew.
    talk.done(json!({"verb": "rule_remove", "name": "new"}));
    add(&mut talk, json!({"name": "new", "on": "info"}));
    assert_eq!(rows(&mut talk), json!([row("new".into(), "info", 0, 0)]));
}

#[test]
fn a_rule_that_is_removed_still_gives_the_answers_it_has_begun() {
    let steered = Steered::start(&[]);
    let mut client = steered.settled();
    let mut talk = steered.talk();
    add(
        &mut talk,
        json!({"name": "r", "on": "info", "reply": {"a": 1}, "delay": "300ms"}),
    );
    client.send(0x0D, b"");
    talk.done(json!({"verb": "await", "on": "info"}));
    talk.done(json!({"verb": "rule_remove", "name": "r"}));
    assert_eq!(client.call_json(0x0D, b"")["hostname"], "mock-daemon");
    assert_eq!(client.expect(0x0E), br#"{"a":1}"#);
}

#[test]
fn scoped_ones_go_with_their_connection() {
    let steered = Steered::start(&[]);
    let mut stays = steered.talk();
    let (mut one, mut other) = (steered.talk(), steered.talk());
    let add_scoped = |talk: &mut Talk, name: &str, scoped: bool| {
        let rule = json!({"name": name, "on": "info"});
        talk.done(json!({"verb": "rule_add", "rule": rule, "scoped": scoped}));
    };
    add_scoped(&mut one, "one's", true);
    add_scoped(&mut one, "everybody's", false);
    add_scoped(&mut other, "other's", true);
    let names = |talk: &mut Talk| -> Vec<Value> {
        let rows = rows(talk);
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row["name"].clone())
            .collect()
    };
    assert_eq!(names(&mut stays), ["other's", "everybody's", "one's"]);
    drop(one);
    let gone = poll(|| (names(&mut stays) == ["other's", "everybody's"]).then_some(()));
    assert_eq!(gone, Some(()));
    // Removed by somebody else, and added again by yet another: that one is not the first's.
    stays.done(json!({"verb": "rule_remove", "name": "other's"}));
    add(&mut stays, json!({"name": "other's", "on": "dial"}));
    add_scoped(&mut other, "mark", true);
    drop(other);
    let gone = poll(|| (names(&mut stays) == ["other's", "everybody's"]).then_some(()));
    assert_eq!(gone, Some(()));
    // The same when a reset lies between.
    let mut last = steered.talk();
    add_scoped(&mut last, "l", true);
    stays.done(json!({"verb": "reset"}));
    add(&mut stays, json!({"name": "l", "on": "dial"}));
    add_scoped(&mut last, "mark", true);
    drop(last);
    assert_eq!(
        poll(|| (names(&mut stays) == ["l"]).then_some(())),
        Some(())
    );
}

#[test]
fn scoped_ones_go_when_their_process_is_killed() {
    let steered = Steered::start(&[]);
    let mut talk = steered.talk();
    for waits in [false, true] {
        let mut scoped = steered.talk();
        let rule = json!({"name": "r", "on": "info", "reply": {"ruled": true}});
        scoped.done(json!({"verb": "rule_add", "rule": rule, "scoped": true}));
        let mut client = steered.settled();
        if waits {
            // It is begun when a first one of two has come.
            scoped.send(json!({"verb": "await", "on": "dial", "count": 2, "timeout": "10m"}));
            scoped.send(json!({"verb": "ping"}));
        }
        let mut holder = scoped.hold_by_process();
        assert_eq!(client.call_json(0x0D, b""), json!({"ruled": true}));
        holder.kill().unwrap();
        holder.wait().unwrap();
        let gone = poll(|| (rows(&mut talk) == json!([])).then_some(()));
        assert_eq!(gone, Some(()), "waits: {waits}");
        assert_eq!(client.call_json(0x0D, b"")["hostname"], "mock-daemon");
    }
}
