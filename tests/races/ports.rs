//! One port, and two that want something of it at the same moment.

use serde_json::json;

use crate::rounds::{OWN_80, PORT_80, at_once, clients, no_stream_is_open, play, wait_for_clients};
use crate::steered::Steered;
use crate::support::{Client, error_of};

#[test]
fn one_of_two_gets_the_port() {
    for profile in ["lenient", "faithful"] {
        let steered = Steered::start(&["--profile", profile]);
        let (mut one, mut other) = (steered.settled(), steered.settled());
        let mut won = [0; 2];
        play(
            &format!("two binds of one port at once, {profile}"),
            20,
            |_, chance| {
                let bind = |client: &mut Client| match client.call(0x01, &PORT_80) {
                    (0x02, payload) if payload == PORT_80 => true,
                    (0x0A, payload) => {
                        assert_eq!(error_of(&payload), "port 80 already bound");
                        false
                    }
                    other => panic!("a bind got {other:?}"),
                };
                let (first, second) = at_once(chance, || bind(&mut one), || bind(&mut other));
                assert!(first != second, "both got {first}");
                let ports: Vec<_> = clients(&steered)
                    .iter()
                    .map(|row| row["ports"].clone())
                    .collect();
                let expected = if first {
                    [json!([80]), json!([])]
                } else {
                    [json!([]), json!([80])]
                };
                assert_eq!(ports, expected);
                let (winner, loser) = if first {
                    (&mut one, &mut other)
                } else {
                    (&mut other, &mut one)
                };
                won[usize::from(second)] += 1;
                assert_eq!(
                    loser.error_text(0x37, &PORT_80),
                    "unbind: port is not owned by this client"
                );
                winner.call_ok(0x37, &PORT_80);
            },
        );
        println!(
            "races: two binds of one port at once, {profile}: the first won {}, the second {}",
            won[0], won[1]
        );
    }
}

/// The stream's id at the dialler, if the dial was taken.
fn dial(dialler: &mut Client) -> Option<Vec<u8>> {
    match dialler.call(0x03, &OWN_80) {
        (0x04, near) => Some(near),
        (0x0A, payload) => {
            assert_eq!(error_of(&payload), "connection refused");
            None
        }
        other => panic!("a dial got {other:?}"),
    }
}

/// A dial is taken or refused, and both ends know which; what was taken outlives the port.
#[test]
fn a_dial_meets_an_unbind() {
    let steered = Steered::start(&["--profile", "faithful"]);
    let (mut dialler, mut listener) = (steered.settled(), steered.settled());
    let mut taken = 0;
    play("a dial and an unbind at once", 20, |_, chance| {
        listener.call_ok(0x01, &PORT_80);
        let (near, mut seen) = at_once(
            chance,
            || dial(&mut dialler),
            || {
                listener.send(0x37, &PORT_80);
                listener.quiet()
            },
        );
        seen.extend(listener.quiet());
        let accepts: Vec<_> = seen.iter().filter(|(code, _)| *code == 0x05).collect();
        assert_eq!(accepts.len(), usize::from(near.is_some()), "{seen:?}");
        assert_eq!(seen.len(), 1 + accepts.len(), "{seen:?}");
        if let Some(near) = near {
            taken += 1;
            let far = accepts[0].1[2..6].to_vec();
            dialler.send(0x06, &[&near[..], b"still"].concat());
            assert_eq!(listener.expect(0x07), [&far[..], b"still"].concat());
            dialler.send(0x08, &near);
            assert_eq!(dialler.quiet(), [(0x09, near.clone()), (0x09, near)]);
            assert_eq!(listener.quiet(), [(0x09, far)]);
        }
        assert_eq!(dialler.quiet(), []);
        no_stream_is_open(&steered);
    });
    println!("races: a dial and an unbind at once: {taken} dials taken");
}

/// The same, and the listener leaves: whoever was let in is told of the end, once.
#[test]
fn a_dial_meets_a_disconnect() {
    let steered = Steered::start(&["--profile", "faithful"]);
    let mut dialler = steered.settled();
    let mut taken = 0;
    play("a dial and a disconnect at once", 20, |_, chance| {
        let mut listener = steered.settled();
        listener.call_ok(0x01, &PORT_80);
        let (near, ()) = at_once(chance, || dial(&mut dialler), || drop(listener));
        wait_for_clients(&steered, 1);
        let expected: Vec<_> = near.into_iter().map(|near| (0x09, near)).collect();
        taken += expected.len();
        assert_eq!(dialler.quiet(), expected);
        no_stream_is_open(&steered);
    });
    println!("races: a dial and a disconnect at once: {taken} dials taken");
}
