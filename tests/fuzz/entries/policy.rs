//! Policies: whole documents, and expressions of which a document is made.

use crate::go::json::push_string;
use crate::policy::{Event, Facts, Policy};

const EVENTS: [Event; 3] = [Event::Connect, Event::Dial, Event::Datagram];

/// A document, or an expression where the first byte is no brace.
pub(super) fn policy(input: &[u8]) {
    if input.trim_ascii_start().starts_with(b"{") {
        return document(input);
    }
    let mut expression = String::new();
    push_string(&mut expression, &String::from_utf8_lossy(input));
    for (event, action) in [
        ("connect", r#"{"type":"deny"}"#.to_owned()),
        ("datagram", r#"{"type":"allow"}"#.to_owned()),
        (
            "cycle",
            format!(r#"{{"type":"evict_where","params":{{"match":{expression}}}}}"#),
        ),
    ] {
        let matched = if event == "cycle" {
            "\"true\""
        } else {
            &expression
        };
        let text = format!(
            r#"{{"version":1,"rules":[{{"name":"r","on":"{event}","match":{matched},"actions":[{action}]}}]}}"#
        );
        document(text.as_bytes());
    }
}

fn document(text: &[u8]) {
    let policy = match Policy::parse(text) {
        Ok(policy) => policy,
        Err(why) => {
            assert!(why.starts_with("parse policy: ") || why.starts_with("compile policy: "));
            return;
        }
    };
    let known = Facts {
        port: 80,
        peer_id: 2,
        network_id: 7,
        size: 1500,
        direction: "in".to_owned(),
        members: 3,
        peer_age_s: 61.5,
        peer_tags: vec!["ci".to_owned(), "edge".to_owned()],
        local_tags: vec!["ci".to_owned()],
    };
    let again = Policy::parse(policy.text().as_bytes()).expect("its own text is a policy");
    assert_eq!(again.text(), policy.text());
    for facts in [&Facts::default(), &known] {
        for event in EVENTS {
            assert_eq!(policy.denies(event, facts), again.denies(event, facts));
        }
    }
}
