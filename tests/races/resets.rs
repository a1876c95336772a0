//! Resets while clients are pushed to and talk to each other.

use serde_json::{Value, json};

use crate::rounds::{Frame, PORT_80, at_once, clients, join, no_stream_is_open, of, play};
use crate::steered::{Steered, Talk};
use crate::support::Client;

const NONE: [u8; 0] = [];
const SENDS: u8 = 40;
const PUSHES: u8 = 12;

fn scenario() -> Value {
    json!({"rules": [{"name": "counted", "on": "health"}]})
}

/// A pushed frame with a number; a late one comes after its time, if no reset comes before it.
fn push(talk: &mut Talk, code: u8, number: u8, late: bool) {
    let after = if late { "1ms" } else { "0s" };
    let data = json!({"hex": format!("{number:02x}")});
    let push = json!({"raw": {"command": code, "data": data}, "to": "all", "after": after});
    talk.done(json!({"verb": "push", "push": push}));
}

/// The numbers of the pushed frames of a kind.
fn numbers(frames: &[Frame], code: u8) -> Vec<u8> {
    of(frames, code)
        .into_iter()
        .map(|payload| payload[0])
        .collect()
}

/// Where the reset is: the end of the client's one stream.
fn at_the_end(frames: &[Frame], id: &[u8]) -> usize {
    assert_eq!(of(frames, 0x09), [id], "{frames:?}");
    frames.iter().position(|(code, _)| *code == 0x09).unwrap()
}

#[test]
fn a_reset_meets_pushes() {
    let steered = Steered::play(&scenario());
    let (mut listener, mut dialler) = (steered.settled(), steered.settled());
    let (mut pusher, mut resetter) = (steered.talk(), steered.talk());
    play("a reset during pushes", 12, |_, chance| {
        listener.call_ok(0x01, &PORT_80);
        let (near, far) = join(&mut dialler, &mut listener);
        // The reset before has let the ids begin again.
        assert_eq!(
            (&near[..], &far[..]),
            (&[0, 0, 0, 1][..], &[0, 0, 0, 2][..])
        );
        for number in 0..2 {
            push(&mut pusher, 0x78, number, false);
        }
        push(&mut pusher, 0x79, 0, true);
        let waits = chance.below(40_000);
        at_once(
            chance,
            || {
                for number in 0..SENDS {
                    dialler.send(0x06, &[&near[..], &[number]].concat());
                    if number % 4 == 0 {
                        push(&mut pusher, 0x77, number / 4, false);
                    }
                }
                (SENDS / 4..PUSHES).for_each(|number| push(&mut pusher, 0x77, number, false));
            },
            || {
                (0..waits).for_each(|_| std::hint::spin_loop());
                resetter.done(json!({"verb": "reset"}));
            },
        );
        let (seen, seen_too) = (listener.quiet(), dialler.quiet());
        let mut from_the_other = Vec::new();
        for (frames, id) in [(&seen, &far), (&seen_too, &near)] {
            let reset = at_the_end(frames, id);
            // What was pushed at once is there, once, in its order; what was before stays before.
            let all: Vec<u8> = (0..PUSHES).collect();
            assert_eq!(numbers(frames, 0x77), all, "{frames:?}");
            assert_eq!(numbers(&frames[..reset], 0x78), [0, 1]);
            assert_eq!(numbers(&frames[reset..], 0x78), NONE);
            assert_eq!(
                numbers(&frames[reset..], 0x79),
                NONE,
                "late, of before the reset"
            );
            assert!(numbers(&frames[..reset], 0x79).len() <= 1);
            let data = of(&frames[reset..], 0x07);
            assert!(data.is_empty(), "of before the reset: {data:?}");
            from_the_other.extend(of(frames, 0x07).into_iter().map(|data| data[4]));
        }
        let in_order: Vec<u8> = (0..from_the_other.len() as u8).collect();
        assert_eq!(from_the_other, in_order);
        // The two barriers, and nothing of before, are counted.
        let rules = resetter.done(json!({"verb": "rules"}))["rules"].clone();
        assert_eq!(rules[0]["matched"], 2, "{rules}");
        assert_eq!((listener.quiet(), dialler.quiet()), (vec![], vec![]));
        no_stream_is_open(&steered);
        for row in clients(&steered) {
            assert_eq!(row["ports"], json!([]), "{row}");
        }
        resetter.done(json!({"verb": "reset"}));
    });
}

#[test]
fn two_resets_at_once() {
    let steered = Steered::play(&scenario());
    let (mut listener, mut dialler) = (steered.settled(), steered.settled());
    let (mut one, mut other) = (steered.talk(), steered.talk());
    let reset = |talk: &mut Talk| talk.done(json!({"verb": "reset"}));
    reset(&mut one);
    play("two resets at once", 20, |_, chance| {
        listener.call_ok(0x01, &PORT_80);
        let (near, far) = join(&mut dialler, &mut listener);
        assert_eq!((near[3], far[3]), (1, 2));
        dialler.send_raw(&Client::frame(0x06, &[&near[..], b"x"].concat()).repeat(8));
        let rule = json!({"name": "added", "on": "info", "error": "added"});
        one.done(json!({"verb": "rule_add", "rule": rule}));
        at_once(chance, || reset(&mut one), || reset(&mut other));
        let (seen, seen_too) = (listener.quiet(), dialler.quiet());
        assert_eq!(at_the_end(&seen, &far), seen.len() - 1, "{seen:?}");
        assert!(seen.len() <= 9, "{seen:?}");
        assert_eq!(seen_too, [(0x09, near)]);
        let rules = one.done(json!({"verb": "rules"}))["rules"].clone();
        assert_eq!(rules.as_array().unwrap().len(), 1, "{rules}");
        assert_eq!(rules[0]["matched"], 2, "{rules}");
        no_stream_is_open(&steered);
    });
}
