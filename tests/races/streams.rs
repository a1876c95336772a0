//! Streams between two clients whose ends go at the same moment.

use crate::rounds::{Frame, at_once, join, no_stream_is_open, number, of, play};
use crate::rounds::{PORT_80, wait_for_clients};
use crate::steered::Steered;
use crate::support::Client;

const PROFILES: [&str; 2] = ["lenient", "faithful"];

/// Sends a last word and the close in one write; gives what comes up to a barrier.
fn close(client: &mut Client, id: &[u8]) -> Vec<Frame> {
    let word = Client::frame(0x06, &[id, b"last"].concat());
    client.send_raw(&[word, Client::frame(0x08, id)].concat());
    client.quiet()
}

/// The reply to the close and the end of the stream: two frames 09, whoever was first; before them at
/// most the other's last word.
fn ended(mut seen: Vec<Frame>, id: &[u8]) {
    if seen.len() == 3 {
        assert_eq!(seen.remove(0), (0x07, [id, b"last"].concat()));
    }
    assert_eq!(seen, [(0x09, id.to_vec()), (0x09, id.to_vec())]);
}

#[test]
fn both_ends_are_closed_at_once() {
    let daemons = PROFILES.map(|profile| Steered::start(&["--profile", profile]));
    let mut talks = daemons.each_ref().map(|steered| {
        let mut listener = steered.settled();
        listener.call_ok(0x01, &PORT_80);
        (steered.settled(), listener, steered.settled())
    });
    let mut last_ids = [0; 2];
    play(
        "a stream closed from both ends at once",
        30,
        |round, chance| {
            let one = (round % 2) as usize;
            let (dialler, listener, third) = &mut talks[one];
            let (near, far) = join(dialler, listener);
            // Every id is new.
            assert!(
                number(&near).min(number(&far)) > last_ids[one],
                "{near:?} {far:?}"
            );
            last_ids[one] = number(&near).max(number(&far));
            let meddles = chance.below(2) == 0;
            let ((mut seen, mut seen_too), foreign) = at_once(
                chance,
                || {
                    std::thread::scope(|scope| {
                        let other = scope.spawn(|| close(listener, &far));
                        (close(dialler, &near), other.join().unwrap())
                    })
                },
                || meddles.then(|| third.call_ok(0x08, &near)),
            );
            seen.extend(dialler.quiet());
            seen_too.extend(listener.quiet());
            ended(seen, &near);
            ended(seen_too, &far);
            assert!(foreign.is_none_or(|payload| payload == near));
            assert_eq!(third.quiet(), []);
            no_stream_is_open(&daemons[one]);
        },
    );
}

/// One end is closed, the other's client leaves: the first sees the same as ever.
#[test]
fn one_end_is_closed_while_the_other_leaves() {
    let steered = Steered::start(&["--profile", "faithful"]);
    let mut dialler = steered.settled();
    let mut last_id = 0;
    play("a close and a disconnect at once", 20, |_, chance| {
        let mut listener = steered.settled();
        listener.call_ok(0x01, &PORT_80);
        let (near, far) = join(&mut dialler, &mut listener);
        assert!(number(&near).min(number(&far)) > last_id);
        last_id = number(&near).max(number(&far));
        let (mut seen, ()) = at_once(chance, || close(&mut dialler, &near), || drop(listener));
        wait_for_clients(&steered, 1);
        seen.extend(dialler.quiet());
        assert_eq!(of(&seen, 0x09), [&near[..], &near]);
        assert_eq!(seen.len(), 2, "{seen:?}");
        no_stream_is_open(&steered);
    });
}

/// Both leave at once: nothing is left of the stream, and the port is free.
#[test]
fn both_ends_leave_at_once() {
    let steered = Steered::start(&["--profile", "faithful"]);
    play("two disconnects at once", 20, |_, chance| {
        let (mut listener, mut dialler) = (steered.settled(), steered.settled());
        listener.call_ok(0x01, &PORT_80);
        let (near, far) = join(&mut dialler, &mut listener);
        dialler.send(0x06, &[&near[..], b"unread"].concat());
        listener.send(0x06, &[&far[..], b"unread"].concat());
        at_once(chance, || drop(dialler), || drop(listener));
        wait_for_clients(&steered, 0);
        no_stream_is_open(&steered);
    });
}
