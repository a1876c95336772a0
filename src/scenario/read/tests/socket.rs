//! What comes over the control socket: no file, and one line of mistakes.

use std::time::Duration;

use super::super::{duration, expectation, pushes, rule, wanted};

#[test]
fn mistakes_start_with_the_given_word() {
    for (found, text) in [
        (
            rule(r#"{"on":"dial","dealy":"1s"}"#).map(drop),
            "rule.dealy: unknown key, did you mean \"delay\"?",
        ),
        (
            rule(r#"{"on":"dail","times":0}"#).map(drop),
            "rule.on: unknown command \"dail\", did you mean \"dial\"?; \
             rule.times: expected a number of 1 or more, got 0",
        ),
        (rule("5").map(drop), "rule: expected an object, got 5"),
        (rule("{").map(drop), "rule: expected a key, got the end"),
        (
            rule(r#"{"on":"dial","on":"bind"}"#).map(drop),
            "rule.on: duplicate key, expected it once",
        ),
        (
            pushes(r#"{"close":{"conn":0}}"#).map(drop),
            "push.close.conn: expected a stream's id from 1 to 4294967295, got 0",
        ),
        (
            pushes(r#"[{"close":{"conn":1}},{"raw":{}}]"#).map(drop),
            "push[1].raw: no \"command\", expected the frame's command byte",
        ),
        (
            pushes("null").map(drop),
            "push: expected an object, got null",
        ),
        (
            expectation(r#"{"on":"dial","tmes":1}"#).map(drop),
            "expect.tmes: unknown key, did you mean \"times\"?",
        ),
        (
            wanted(r#"{"on":"dial","count":1}"#).map(drop),
            "await.count: unknown key, expected on or when",
        ),
        (
            wanted(r#"{"when":{"port":80}}"#).map(drop),
            "await: no \"on\", expected a command name, a list of them or \"*\"",
        ),
    ] {
        assert_eq!(found, Err(text.to_owned()));
    }
}

#[test]
fn good_ones_have_no_place() {
    let rule = rule(r#"{"on":"dial","push":[{"close":{"conn":1}}]}"#).unwrap();
    assert_eq!((rule.place, rule.push[0].place.clone()), (None, None));
    assert_eq!(pushes(r#"{"close":{"conn":1}}"#).unwrap().len(), 1);
    let list = r#"[{"close":{"conn":1}},{"close":{"conn":"last"}}]"#;
    assert_eq!(pushes(list).unwrap().len(), 2);
    assert_eq!(wanted(r#"{"on":"dial"}"#).unwrap().place, None);
}

#[test]
fn durations() {
    for (text, millis) in [
        ("250ms", 250),
        ("2s", 2000),
        ("1m", 60_000),
        ("1h", 3_600_000),
        ("0s", 0),
    ] {
        assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
    }
    for text in [
        "",
        "5",
        "s",
        "5 s",
        "-1s",
        "1.5s",
        "1S",
        "1m30s",
        "99999999999999999999s",
        "1000001h",
        "+1s",
        "١s",
    ] {
        let wanted =
            format!("expected a duration such as \"250ms\", \"2s\" or \"1m\", got {text:?}");
        assert_eq!(duration(text), Err(wanted));
    }
}
