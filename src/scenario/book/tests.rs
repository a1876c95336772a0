use super::*;
use crate::scenario::{Answer, Condition, Expected, Place, Test};
use crate::wire::decode;
use crate::wire::frame::Frame;
use crate::wire::kind::Kinds;

fn rule(on: &str) -> Rule {
    Rule {
        name: None,
        place: None::<Place>,
        on: Kinds::named(on).unwrap_or_else(Kinds::requests),
        any: on == "*",
        client: None,
        when: Vec::new(),
        skip: 0,
        times: None,
        scope: Scope::Daemon,
        state: None,
        then: None,
        delay: None,
        answer: Answer::Node,
        fault: None,
        push: Vec::new(),
    }
}

fn port(port: u16) -> Condition {
    Condition {
        field: "port".into(),
        test: Test::Equal(Expected::Number(port.into())),
    }
}

/// The name of the rule that applies to a client's bind of a port.
fn bind(book: &mut Book, client: ClientId, port: u16) -> Option<String> {
    let payload = port.to_be_bytes();
    let frame = Frame {
        code: 0x01,
        payload: &payload,
    };
    let decoded = decode(frame);
    let applied = book.select(&Asked::request(client, frame, &decoded))?;
    Some(applied.name.to_string())
}

#[test]
fn the_first_that_matches_applies() {
    let rules = [
        rule("dial"),
        Rule {
            when: vec![port(80)],
            ..rule("bind")
        },
        Rule {
            client: Some(2),
            ..rule("bind")
        },
        Rule {
            name: Some("rest".to_owned()),
            ..rule("*")
        },
        Rule {
            when: vec![port(81)],
            ..rule("bind")
        },
    ];
    let mut book = Book::new(&rules, 1);
    assert_eq!(bind(&mut book, 2, 80).unwrap(), "rules[1]");
    assert_eq!(bind(&mut book, 2, 81).unwrap(), "rules[2]");
    assert_eq!(bind(&mut book, 1, 81).unwrap(), "rest");
    let rows = book.rows();
    assert_eq!(rows[1]["on"], "bind");
    assert_eq!(rows[3]["on"], "*");
    assert_eq!(rows[3]["applied"], 1);
    assert_eq!(rows[4]["matched"], 0);
}

#[test]
fn skip_and_times_count_what_the_conditions_let_through() {
    let rules = [Rule {
        when: vec![port(80)],
        skip: 1,
        times: Some(2),
        ..rule("bind")
    }];
    let mut book = Book::new(&rules, 1);
    let applied: Vec<bool> = [80, 81, 80, 81, 80, 80]
        .into_iter()
        .map(|port| bind(&mut book, 1, port).is_some())
        .collect();
    assert_eq!(applied, [false, false, true, false, true, false]);
    assert_eq!(book.rows()[0]["matched"], 4);
    assert_eq!(book.rows()[0]["applied"], 2);
}

#[test]
fn counters_and_states_may_be_each_clients_own() {
    let own = |state: &str, then: &str| Rule {
        scope: Scope::Client,
        state: Some(state.to_owned()),
        then: Some(then.to_owned()),
        times: Some(1),
        ..rule("bind")
    };
    let mut book = Book::new(&[own("start", "bound"), own("bound", "start")], 1);
    for client in [1, 2] {
        assert_eq!(bind(&mut book, client, 80).unwrap(), "rules[0]");
        assert_eq!(bind(&mut book, client, 80).unwrap(), "rules[1]");
        assert_eq!(bind(&mut book, client, 80), None);
    }
    book.client_gone(1);
    assert_eq!(bind(&mut book, 1, 80).unwrap(), "rules[0]");
    let states = serde_json::json!({"state": "start", "clients": [
        {"client": 1, "state": "bound"}, {"client": 2, "state": "start"}]});
    assert_eq!(book.states(), states);
}

#[test]
fn the_daemons_state_is_one_for_all() {
    let step = |state: &str, then: &str| Rule {
        state: Some(state.to_owned()),
        then: Some(then.to_owned()),
        ..rule("bind")
    };
    let mut book = Book::new(&[step("b", "c"), step("start", "b")], 1);
    assert_eq!(bind(&mut book, 1, 80).unwrap(), "rules[1]");
    assert_eq!(bind(&mut book, 2, 80).unwrap(), "rules[0]");
    assert_eq!(bind(&mut book, 1, 80), None);
    assert_eq!(book.states()["state"], "c");
}

#[test]
fn added_rules_come_first_and_have_names() {
    let mut book = Book::new(&[rule("bind")], 1);
    assert_eq!(&*book.add(rule("bind")).unwrap(), "rule-1");
    let named = || Rule {
        name: Some("x".to_owned()),
        when: vec![port(80)],
        ..rule("bind")
    };
    assert_eq!(&*book.add(named()).unwrap(), "x");
    assert_eq!(
        book.add(named()).unwrap_err(),
        "a rule named \"x\" is there already"
    );
    assert_eq!(bind(&mut book, 1, 80).unwrap(), "x");
    assert_eq!(bind(&mut book, 1, 81).unwrap(), "rule-1");
    assert!(book.remove("x") && !book.remove("x"));
    assert!(book.remove("rule-1"));
    assert_eq!(bind(&mut book, 1, 80).unwrap(), "rules[0]");
}

#[test]
fn random_choices_are_the_same_for_the_same_seed() {
    let draws = |seed| {
        let mut book = Book::new(&[rule("bind")], seed);
        let payload = [0, 80];
        let frame = Frame {
            code: 0x01,
            payload: &payload,
        };
        let decoded = decode(frame);
        let mut draw = |client| {
            let asked = Asked::request(client, frame, &decoded);
            book.select(&asked).unwrap().random.draw()
        };
        [draw(1), draw(1), draw(2)]
    };
    assert_eq!(draws(7), draws(7));
    assert_ne!(draws(7), draws(8));
}

/// Every way in which a rule can be looked up, beside those that are looked at always.
fn rules_of_all_sorts() -> Vec<Rule> {
    let numbers = |all: &[u16]| {
        let number = |n: &u16| Expected::Number((*n).into());
        Test::In(all.iter().map(number).collect())
    };
    let tests = [
        None,
        Some(Test::Equal(Expected::Number(3.0))),
        Some(Test::Not(Expected::Number(3.0))),
        Some(numbers(&[])),
        Some(numbers(&[2, 5, 2])),
        Some(Test::Range(Some(2.0), Some(4.0))),
        Some(Test::Range(Some(5.0), None)),
        Some(Test::Range(None, Some(1.5))),
        Some(Test::Range(Some(4.0), Some(2.0))),
    ];
    let mut rules = Vec::new();
    for test in tests {
        let when: Vec<Condition> = test
            .map(|test| Condition { test, ..port(0) })
            .into_iter()
            .collect();
        for client in [None, Some(1), Some(2)] {
            for (state, scope) in [
                (None, Scope::Daemon),
                (Some("start"), Scope::Daemon),
                (Some("start"), Scope::Client),
                (Some("other"), Scope::Daemon),
            ] {
                let (state, when) = (state.map(str::to_owned), when.clone());
                rules.push(Rule {
                    client,
                    state,
                    scope,
                    when,
                    ..rule("bind")
                });
            }
        }
    }
    rules
}

#[test]
fn what_is_looked_up_is_what_looking_at_every_rule_would_find() {
    let rules = rules_of_all_sorts();
    // Each applies once, so that every rule that matches is found in its turn.
    let once = |rule: &Rule| Rule {
        times: Some(1),
        ..rule.clone()
    };
    let once: Vec<Rule> = rules.iter().map(once).collect();
    for client in 1..=3 {
        for port in 0..8u16 {
            let payload = port.to_be_bytes();
            let frame = Frame {
                code: 0x01,
                payload: &payload,
            };
            let decoded = decode(frame);
            let asked = Asked::request(client, frame, &decoded);
            let matches = |rule: &Rule| {
                rule.client.is_none_or(|only| only == client)
                    && rule.state.as_deref().is_none_or(|state| state == START)
                    && rule.when.iter().all(|condition| condition.holds(&asked))
            };
            let expected: Vec<String> = (0..rules.len())
                .filter(|at| matches(&rules[*at]))
                .map(|at| format!("rules[{at}]"))
                .collect();
            let mut book = Book::new(&once, 1);
            let found = std::iter::from_fn(|| bind(&mut book, client, port));
            assert_eq!(
                found.collect::<Vec<_>>(),
                expected,
                "client {client}, port {port}"
            );
        }
    }
}

#[test]
fn minus_zero_is_zero() {
    let rules = [Rule {
        when: vec![Condition {
            field: "port".into(),
            test: Test::Equal(Expected::Number(-0.0)),
        }],
        ..rule("bind")
    }];
    let mut book = Book::new(&rules, 1);
    assert_eq!(bind(&mut book, 1, 0).unwrap(), "rules[0]");
    assert_eq!(bind(&mut book, 1, 1), None);
}
