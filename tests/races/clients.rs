//! Clients that come and leave while others are served.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::rounds::{are_many, at_once, play, play_side_by_side, wait_for_clients};
use crate::steered::Steered;
use crate::support::{Binary, Client, DEADLINE, Received};

const PUSHES: u8 = 6;

/// One client leaves in the middle of what is pushed to all: the other misses nothing.
#[test]
fn a_client_leaves_during_pushes() {
    let steered = Steered::start(&[]);
    let mut stays = steered.settled();
    let mut talk = steered.talk();
    play("a disconnect during pushes", 20, |_, chance| {
        let mut leaves = steered.settled();
        let reads = chance.below(3);
        let (sent, ()) = at_once(
            chance,
            || {
                let push = |number: u8| {
                    let data = json!({"repeat": "x", "bytes": 3000});
                    let frames = json!([
                        {"raw": {"command": 119, "data": {"hex": format!("{number:02x}")}}, "to": "all"},
                        {"raw": {"command": 120, "data": data}, "to": "all"},
                    ]);
                    talk.done(json!({"verb": "push", "push": frames}))["sent"]
                        .as_u64()
                        .unwrap()
                };
                (0..PUSHES).map(push).collect::<Vec<u64>>()
            },
            || {
                (0..reads).for_each(|_| drop(leaves.recv()));
                drop(leaves);
            },
        );
        // Two frames to each of the two, until one has left.
        assert!(sent.is_sorted_by(|one, next| one >= next), "{sent:?}");
        assert!(sent.iter().all(|count| (2..=4).contains(count)), "{sent:?}");
        let seen = stays.quiet();
        let expected =
            (0..PUSHES).flat_map(|number| [(0x77, vec![number]), (0x78, vec![b'x'; 3000])]);
        assert!(seen.iter().cloned().eq(expected), "{seen:02x?}");
        wait_for_clients(&steered, 1);
    });
}

/// The last client leaves while another comes. One that was served in time keeps the daemon.
#[test]
fn the_last_client_leaves_while_another_comes() {
    let [kept, too_late] = [AtomicU64::new(0), AtomicU64::new(0)];
    play_side_by_side("the last client leaves while another comes", 3, |chance| {
        let mut daemon = Binary::start(&["--exit-on-last-client"]);
        let mut first = daemon.connect();
        first.call_ok(0x21, &[]);
        let path = daemon.socket().to_owned();
        let left = Instant::now();
        let (second, ()) = at_once(
            chance,
            || {
                let mut second = Client::over(UnixStream::connect(path).ok()?);
                // Whoever has come and has not asked yet may find nobody.
                let asked = second.stream().write_all(&Client::frame(0x21, &[]));
                asked.ok()?;
                let served = matches!(
                    second.receive(Instant::now() + DEADLINE),
                    Received::Frame(0x22, _)
                );
                served.then_some(second)
            },
            || drop(first),
        );
        // Half of what the daemon gives to those who are on their way.
        let in_time = left.elapsed() < Duration::from_millis(25);
        match second {
            Some(mut second) if in_time => {
                kept.fetch_add(1, Ordering::Relaxed);
                // Longer than that: whoever thought that nobody is there has said so by then.
                assert_eq!(second.try_recv(Duration::from_millis(80)), None);
                second.call_ok(0x21, &[]);
                assert!(daemon.ended().is_none());
            }
            // Whether it was before or after the end is not known.
            late => {
                drop(late);
                too_late.fetch_add(1, Ordering::Relaxed);
            }
        }
        assert!(daemon.wait().success());
        assert!(!daemon.socket().exists());
    });
    let [kept, too_late] = [kept, too_late].map(AtomicU64::into_inner);
    println!(
        "races: the last client leaves while another comes: {kept} kept it, {too_late} came too late to tell"
    );
    assert!(!are_many() || kept > 0, "nobody was in time");
}
