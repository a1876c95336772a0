use super::*;
use crate::scenario::{Condition, Expected, Test};
use crate::wire::decode;
use crate::wire::frame::Frame;
use crate::wire::kind::Kinds;

fn wanted(name: &str, port: Option<u16>) -> Wanted {
    let condition = |port: u16| Condition {
        field: "port".into(),
        test: Test::Equal(Expected::Number(port.into())),
    };
    Wanted {
        place: Some(Place {
            file: "x.json".into(),
            line: 3,
            column: 5,
        }),
        on: Kinds::named(name).unwrap(),
        name: name.to_owned(),
        when: port.map(condition).into_iter().collect(),
    }
}

fn count(name: &str, port: Option<u16>, min: u64, max: Option<u64>) -> Expectation {
    Expectation::Count(wanted(name, port), Times { min, max })
}

/// Tells a tally of binds (of a port) and unknown requests (port 0).
fn tell(tally: &mut Tally, ports: &[u16]) {
    for (at, port) in ports.iter().enumerate() {
        let payload = port.to_be_bytes();
        let frame = Frame {
            code: if *port == 0 { 0x7E } else { 0x01 },
            payload: &payload,
        };
        let decoded = decode(frame);
        let asked = Asked::request(1, frame, &decoded);
        tally.count(asked.kind);
        tally.compare(&asked, at as u64 + 1);
    }
}

fn failures(expected: &[Expectation], ports: &[u16]) -> Vec<String> {
    let mut tally = Tally::new(expected, false, None);
    tell(&mut tally, ports);
    tally.failures()
}

#[test]
fn counts() {
    for (min, max, ports, failure) in [
        (1, None, &[80][..], None),
        (1, None, &[80, 80], None),
        (
            1,
            None,
            &[],
            Some("expected at least 1, got 0; nothing else came"),
        ),
        (
            1,
            Some(1),
            &[81],
            Some(
                "expected 1, got 0; nearest was bind of client 1 (entry 1): port: expected 80, got 81",
            ),
        ),
        (
            2,
            Some(3),
            &[0],
            Some(
                "expected 2 to 3, got 0; nearest was unknown of client 1 (entry 1): on: expected bind, got unknown",
            ),
        ),
        (0, Some(0), &[80], Some("expected none, got 1")),
        (0, Some(0), &[81], None),
        (
            1,
            Some(2),
            &[80, 80, 81, 80],
            Some("expected 1 to 2, got 3"),
        ),
    ] {
        let failure = failure.map(|text| format!("x.json:3:5: bind with port 80: {text}"));
        let expected = [count("bind", Some(80), min, max)];
        let failure: Vec<String> = failure.into_iter().collect();
        assert_eq!(failures(&expected, ports), failure);
    }
}

#[test]
fn orders_allow_others_between() {
    let place = None;
    let steps = vec![wanted("bind", Some(1)), wanted("bind", Some(2))];
    let order = [Expectation::InOrder { place, steps }];
    assert!(failures(&order, &[1, 9, 0, 2]).is_empty());
    assert_eq!(
        failures(&order, &[2, 1, 9]),
        [
            "in_order: expected 2 steps, got 1; missing is step 2, bind with port 2; \
             nearest was bind of client 1 (entry 1), before its turn"
        ]
    );
    assert!(failures(&order, &[1, 9])[0].ends_with("(entry 2): port: expected 2, got 9"));
}

#[test]
fn requests_that_no_expectation_names() {
    let mut tally = Tally::new(&[count("bind", Some(1), 0, None)], true, None);
    tell(&mut tally, &[1, 1]);
    assert!(tally.failures().is_empty());
    tell(&mut tally, &[7; 12]);
    let failure = &tally.failures()[0];
    assert!(failure.starts_with(
        "unexpected: expected no request that no expectation names, got 12: bind of client 1 (entry 1); "
    ));
    assert!(failure.ends_with(", and 2 more"), "{failure}");
    assert_eq!(
        tally.total(Kinds::named("bind").unwrap().iter().next().unwrap()),
        14
    );
}

#[test]
fn the_nearest_has_the_fewest_differences() {
    let mut wanted = wanted("dial", Some(80));
    wanted.when.push(Condition {
        field: "node".into(),
        test: Test::Equal(Expected::Number(2.0)),
    });
    let mut tally = Tally::new(
        &[Expectation::Count(wanted, Times { min: 1, max: None })],
        false,
        None,
    );
    for (seq, node, port) in [(1, 9, 9), (2, 2, 81), (3, 9, 9), (4, 9, 80)] {
        let payload = [0, 0, 0, 0, 0, node, 0, port];
        let frame = Frame {
            code: 0x03,
            payload: &payload,
        };
        let decoded = decode(frame);
        tally.compare(&Asked::request(5, frame, &decoded), seq);
    }
    assert_eq!(
        tally.failures(),
        [
            "x.json:3:5: dial with port 80, node 2: expected at least 1, got 0; nearest was \
             dial of client 5 (entry 2): port: expected 80, got 81"
        ]
    );
}
