//! What good scenarios say.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::node::{JoinRule, Service};
use crate::scenario::*;
use crate::wire::Address;
use crate::wire::Command;
use crate::wire::kind::{Kind, Kinds};

/// The example of the contract, with something in each of its lists.
const WHOLE: &str = include_str!("whole.json");

fn read(text: &str) -> Scenario {
    load(&[Source::Text(text.to_owned())]).unwrap_or_else(|lines| panic!("{lines:#?}"))
}

fn rule(text: &str) -> Rule {
    super::super::rule(text).unwrap()
}

fn number(number: f64) -> Expected {
    Expected::Number(number)
}

fn bytes(text: &[u8]) -> Expected {
    Expected::Bytes(text.into())
}

fn test(on: &str, condition: &str) -> Test {
    let text = format!("{{\"on\":{on:?},\"when\":{{{condition}}}}}");
    rule(&text).when.remove(0).test
}

#[test]
fn nothing_at_all_is_a_scenario() {
    for scenario in [load(&[]).unwrap(), read("{}")] {
        assert_eq!((scenario.profile, scenario.seed), (None, None));
        assert_eq!(scenario.config.node.node_id, 0x1234_5678);
        assert_eq!(scenario.config.dial_timeout, Duration::from_secs(2));
        assert!(scenario.rules.is_empty() && !scenario.unexpected_fails);
    }
}

#[test]
fn the_world_of_the_contract() {
    let scenario = read(WHOLE);
    assert_eq!(scenario.profile, Some(Profile::Faithful));
    assert_eq!(scenario.seed, Some(7));
    let config = &scenario.config;
    assert_eq!(config.dial_timeout, Duration::from_secs(2));
    assert_eq!(config.clock, Some(1_800_000_000));
    assert_eq!((config.node.node_id, &*config.node.hostname), (42, "unit"));
    assert_eq!(config.node.tags, ["ci"]);
    assert_eq!(config.node.admin_token.as_deref(), Some("s3cret"));
    assert!(config.node.public);
    let peer = &config.peers[0];
    assert_eq!((peer.node_id, &*peer.hostname), (2, "beta"));
    assert_eq!((peer.public, peer.trusted), (true, Some(true)));
    assert_eq!(peer.latency, Duration::from_millis(5));
    let services: Vec<_> = peer.services.iter().collect();
    assert_eq!(
        services,
        [
            (9, &Service::Discard),
            (13, &Service::Say(b"hello\n".to_vec())),
            (80, &Service::Echo),
            (98, &Service::Hang),
            (99, &Service::Refuse),
        ]
    );
    let network = &config.networks[0];
    assert_eq!((network.id, &*network.name), (7, "lab"));
    assert_eq!(network.join_rule, JoinRule::Token);
    assert_eq!((&*network.token, &*network.members), ("t", &[2][..]));
    assert_eq!((network.managed, network.enterprise), (true, false));
    let pending = &config.pending[0];
    assert_eq!((pending.node_id, &*pending.justification), (9, "hi"));
    let invite = &config.invites[0];
    assert_eq!((invite.network_id, invite.inviter_id), (7, 2));
    assert_eq!(scenario.rules.len(), 8);
    assert_eq!(scenario.timeline.len(), 3);
    assert_eq!(scenario.expect.len(), 4);
    assert!(scenario.unexpected_fails);
}

#[test]
fn a_rule_has_what_it_says() {
    let rule = read(WHOLE).rules.remove(0);
    assert_eq!(rule.name.as_deref(), Some("slow dial"));
    assert_eq!(rule.on, Kinds::named("dial").unwrap());
    assert_eq!((rule.any, rule.client), (false, Some(2)));
    assert_eq!((rule.skip, rule.times), (1, Some(3)));
    assert_eq!(rule.scope, Scope::Client);
    assert_eq!(
        (rule.state.as_deref(), rule.then.as_deref()),
        (Some("start"), Some("dialled"))
    );
    let delay = rule.delay.unwrap();
    assert_eq!(
        (delay.min.as_millis(), delay.max.as_millis()),
        (250, 60_000)
    );
    assert_eq!(rule.answer, Answer::Error("connection refused".to_owned()));
    assert_eq!(rule.fault, Some(Fault::Slow(5, Duration::from_millis(10))));
    assert_eq!(rule.push.len(), 6);
    let place = rule.place.unwrap();
    assert_eq!(
        (&*place.file, place.line, place.column),
        ("<scenario>", 12, 5)
    );
}

#[test]
fn answers_and_faults() {
    for (text, answer) in [
        (
            r#""reply":{"comment":"data","a":[1,null]}"#,
            Answer::Body(json!({"comment":"data","a":[1,null]})),
        ),
        (
            r#""patch":{"comment":null}"#,
            Answer::Patch(json!({"comment":null})),
        ),
        (
            r#""payload":{"hex":"00fF"}"#,
            Answer::Payload([0, 255].into()),
        ),
        (
            r#""payload":{"base64":"aGk="}"#,
            Answer::Payload((*b"hi").into()),
        ),
        (
            r#""payload":{"repeat":"ab","bytes":5,"comment":1}"#,
            Answer::Payload((*b"ababa").into()),
        ),
        (r#""error":"no""#, Answer::Error("no".to_owned())),
        (r#""skip":8e0"#, Answer::Node),
    ] {
        let read = rule(&format!("{{\"on\":\"info\",{text}}}"));
        assert_eq!(read.answer, answer, "{text}");
    }
    let second = Duration::from_secs(1);
    for (on, text, fault) in [
        ("info", r#""no_reply""#, Fault::NoReply),
        ("send", r#""no_reply""#, Fault::NoReply),
        ("*", r#""close""#, Fault::Close),
        ("connect", r#""close""#, Fault::Close),
        ("*", r#"{"truncate":3}"#, Fault::Truncate(3)),
        (
            "handshake",
            r#"{"length":4294967295}"#,
            Fault::Length(u32::MAX),
        ),
        ("unknown", r#"{"command":255}"#, Fault::Command(255)),
        ("dial", r#""duplicate""#, Fault::Duplicate),
        ("dial", r#""garbage""#, Fault::Garbage),
        (
            "cancel",
            r#"{"stall":"1s","comment":"x"}"#,
            Fault::Stall(second),
        ),
        ("connect", r#""reset""#, Fault::Arrival(Arrival::Reset)),
        ("connect", r#""refuse""#, Fault::Arrival(Arrival::Refuse)),
    ] {
        let read = rule(&format!("{{\"on\":{on:?},\"fault\":{text}}}"));
        assert_eq!(read.fault, Some(fault.clone()), "{text}");
    }
    for on in ["handshake", "*", "[\"network\",\"info\"]"] {
        let on = if on.starts_with('[') {
            on.to_owned()
        } else {
            format!("{on:?}")
        };
        rule(&format!("{{\"on\":{on},\"patch\":{{}}}}"));
    }
}

#[test]
fn what_on_names() {
    assert_eq!(rule(r#"{"on":"*"}"#).on, Kinds::requests());
    assert!(rule(r#"{"on":"*"}"#).any);
    let two = rule(r#"{"on":["bind","connect"]}"#);
    let kinds: Vec<Kind> = two.on.iter().collect();
    assert_eq!(kinds, [Command::Bind.into(), Kind::CONNECT]);
    assert!(!two.any);
    let wanted = wanted(r#"{"on":["bind","handshake"],"when":{"comment":1,"port":80}}"#).unwrap();
    assert_eq!(
        (&*wanted.name, wanted.on.iter().count()),
        ("bind, handshake", 9)
    );
    assert_eq!(wanted.when.len(), 1);
}

#[test]
fn conditions() {
    for (on, text, wanted) in [
        ("dial", r#""port":80"#, Test::Equal(number(80.0))),
        (
            "dial",
            r#""port":{"not":80,"comment":1}"#,
            Test::Not(number(80.0)),
        ),
        (
            "dial",
            r#""port":{"in":[80,81]}"#,
            Test::In(vec![number(80.0), number(81.0)]),
        ),
        (
            "dial",
            r#""port":{"min":1,"max":2}"#,
            Test::Range(Some(1.0), Some(2.0)),
        ),
        ("dial", r#""port":{"max":2}"#, Test::Range(None, Some(2.0))),
        (
            "verify_envelope",
            r#""max_skew_secs":-0.5"#,
            Test::Equal(number(-0.5)),
        ),
        (
            "dial",
            r#""address":"0:0000.0000.000b""#,
            Test::Equal(bytes(b"0:0000.0000.000B")),
        ),
        (
            "dial",
            r#""address":{"starts_with":"0:"}"#,
            Test::StartsWith((*b"0:").into()),
        ),
        (
            "dial",
            r#""malformed":{"contains":"missing"}"#,
            Test::Contains((*b"missing").into()),
        ),
        ("send", r#""data":"x""#, Test::Equal(bytes(b"x"))),
        ("send", r#""data":{"hex":"00"}"#, Test::Equal(bytes(&[0]))),
        (
            "send",
            r#""data":{"not":{"base64":"AA=="}}"#,
            Test::Not(bytes(&[0])),
        ),
        (
            "send",
            r#""data":{"in":["a",{"hex":"01"}]}"#,
            Test::In(vec![bytes(b"a"), bytes(&[1])]),
        ),
        (
            "send",
            r#""data":{"contains":{"hex":"01"}}"#,
            Test::Contains([1].into()),
        ),
        (
            "send",
            r#""data":{"starts_with":{"repeat":"x","bytes":3}}"#,
            Test::StartsWith((*b"xxx").into()),
        ),
        ("broadcast", r#""token":"t""#, Test::Equal(bytes(b"t"))),
        (
            "set_visibility",
            r#""public":{"not":true}"#,
            Test::Not(Expected::Flag(true)),
        ),
        (
            "set_tags",
            r#""tags":["a"]"#,
            Test::Equal(Expected::List(Some(vec!["a".to_owned()]))),
        ),
        (
            "set_tags",
            r#""tags":null"#,
            Test::Equal(Expected::List(None)),
        ),
        (
            "set_tags",
            r#""tags":{"contains":"a"}"#,
            Test::Contains((*b"a").into()),
        ),
        (
            "managed.policy_set",
            r#""policy":{"min":1,"comment":2}"#,
            Test::Equal(Expected::Json(json!({"min":1,"comment":2}))),
        ),
        (
            "managed.policy_set",
            r#""policy":{"not":null}"#,
            Test::Not(Expected::Json(json!(null))),
        ),
        (
            "unknown",
            r#""command":{"not":126}"#,
            Test::Not(number(126.0)),
        ),
    ] {
        assert_eq!(test(on, text), wanted, "{text}");
    }
}

#[test]
fn pushes_say_what_goes_to_whom() {
    let push = read(WHOLE).rules.remove(0).push;
    let kinds: Vec<&PushKind> = push.iter().map(|push| &push.kind).collect();
    assert_eq!(
        kinds,
        [
            &PushKind::RecvFrom {
                from: Address::new(1, 0x0002_0003),
                from_port: 53,
                to_port: 5353,
                data: (*b"ping").into(),
            },
            &PushKind::Accept {
                port: 80,
                from: Address::new(0, 1),
                from_port: 49152,
                echo: false,
                say: [].into(),
            },
            &PushKind::Recv {
                conn: Conn::Last,
                data: [1, 2].into(),
            },
            &PushKind::Close { conn: Conn::Id(9) },
            &PushKind::Raw {
                command: 255,
                data: [].into(),
            },
            &PushKind::Peer {
                node_id: 2,
                does: PeerAct::Handshake("let me in".to_owned()),
            },
        ]
    );
    let to: Vec<Option<To>> = push.iter().map(|push| push.to).collect();
    let all = [
        Some(To::Binder),
        None,
        Some(To::Client(3)),
        Some(To::All),
        Some(To::Requester),
        None,
    ];
    assert_eq!(to, all);
    assert_eq!(push[0].after, Duration::from_millis(50));
    assert_eq!(push[1].after, Duration::ZERO);
}

#[test]
fn the_timeline() {
    let timeline = read(WHOLE).timeline;
    assert_eq!(timeline[0].trigger, Trigger::At(Duration::from_secs(1)));
    assert_eq!((timeline[0].every, timeline[0].count), (None, None));
    let Trigger::On { on, when, after } = &timeline[1].trigger else {
        panic!("{timeline:?}");
    };
    assert_eq!(*on, Kinds::named("bind").unwrap());
    assert_eq!((when.len(), *after), (1, Duration::from_millis(50)));
    assert_eq!(timeline[1].every, Some(Duration::from_secs(3600)));
    assert_eq!(timeline[1].count, Some(3));
    let connect = Trigger::On {
        on: Kinds::named("connect").unwrap(),
        when: Vec::new(),
        after: Duration::ZERO,
    };
    assert_eq!(timeline[2].trigger, connect);
}

#[test]
fn expectations() {
    let expect = read(WHOLE).expect;
    let times: Vec<Option<Times>> = expect
        .iter()
        .map(|expectation| match expectation {
            Expectation::Count(_, times) => Some(*times),
            Expectation::InOrder { .. } => None,
        })
        .collect();
    let of = |min, max| Some(Times { min, max });
    assert_eq!(times, [of(1, Some(1)), of(1, None), of(2, None), None]);
    let Expectation::InOrder { place, steps } = &expect[3] else {
        panic!("{expect:?}");
    };
    assert_eq!(
        place.as_ref().unwrap().line,
        steps[0].place.as_ref().unwrap().line
    );
    let names: Vec<&str> = steps.iter().map(|step| &*step.name).collect();
    assert_eq!(names, ["bind", "connect, dial"]);
    let never = expectation(r#"{"on":"dial","times":0}"#).unwrap();
    assert!(matches!(
        never,
        Expectation::Count(
            _,
            Times {
                min: 0,
                max: Some(0)
            }
        )
    ));
}
