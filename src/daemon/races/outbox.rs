//! The outbox: its two writers, those who wait for it, and its end.

use std::sync::Arc;
use std::time::Duration;

use super::explore::{exhaust, explore, explore_in_time};
use super::frames::{Doing, all, frame, outbox, reading};
use crate::daemon::outbox::Outbox;
use crate::journal::Reason;
use crate::mailbox::Mailbox;
use crate::threads::Instant;
use crate::threads::checked::Clock;

/// More than any schedule lets pass.
const LONG: Duration = Duration::from_secs(1000);

/// Less than a frame.
const NARROW: usize = 5;

fn replies(outbox: &Arc<Outbox>, source: u8, count: u8) -> Doing<()> {
    let outbox = Arc::clone(outbox);
    Doing::start("session", move || {
        for number in 0..count {
            outbox
                .queue()
                .append(|out| out.extend(frame(source, number)));
            outbox.flush();
        }
    })
}

fn pushes(outbox: &Arc<Outbox>, source: u8, count: u8) -> Doing<()> {
    let outbox = Arc::clone(outbox);
    Doing::start("other", move || {
        for number in 0..count {
            outbox.append_and_push(|out| out.extend(frame(source, number)));
        }
    })
}

#[test]
fn races_replies_and_pushes() {
    explore("replies and pushes", || {
        let (outbox, far) = outbox(NARROW, LONG);
        let client = reading(far, 7);
        let busy = [
            replies(&outbox, 1, 3),
            pushes(&outbox, 2, 2),
            pushes(&outbox, 3, 2),
        ];
        all(busy);
        let (arrived, _far) = client.result();
        arrived.all(1, 3);
        arrived.all(2, 2);
        arrived.all(3, 2);
        outbox.close();
        assert_eq!(Clock::started("push"), 1);
        Clock::at_most(Duration::ZERO);
    });
}

#[test]
fn races_one_reply_and_one_push() {
    exhaust("one reply and one push", || {
        let (outbox, far) = outbox(64, LONG);
        let other = pushes(&outbox, 2, 1);
        outbox.queue().append(|out| out.extend(frame(1, 0)));
        outbox.flush();
        let arrived = super::frames::read(&far, 2);
        arrived.all(1, 1);
        arrived.all(2, 1);
        other.result();
        outbox.close();
        assert_eq!(Clock::started("push"), 1);
        Clock::at_most(Duration::ZERO);
    });
}

/// What `reset` does: it waits for all that was answered to leave.
#[test]
fn races_waiting_for_what_leaves() {
    explore("waiting for what leaves", || {
        let (outbox, far) = outbox(NARROW, LONG);
        let client = reading(far, 6);
        let session = replies(&outbox, 1, 3);
        let other = pushes(&outbox, 2, 3);
        let waiters = [(), ()].map(|()| {
            let outbox = Arc::clone(&outbox);
            Doing::start("waiter", move || {
                let (_, goal) = outbox.progress();
                outbox.push();
                while outbox.progress().0 < goal {
                    outbox.wait_for_room(LONG);
                }
            })
        });
        all(waiters);
        session.result();
        other.result();
        let (arrived, _far) = client.result();
        arrived.all(1, 3);
        arrived.all(2, 3);
        outbox.wait_for_room(LONG);
        outbox.close();
        assert_eq!(outbox.len(), 0);
        Clock::at_most(Duration::ZERO);
    });
}

/// What a session does at its end, while others still push.
#[test]
fn races_drain_and_pushes() {
    explore("drain and pushes", || {
        let (outbox, far) = outbox(NARROW, LONG);
        let client = reading(far, usize::MAX);
        let other = pushes(&outbox, 2, 3);
        outbox.queue().append(|out| out.extend(frame(1, 0)));
        outbox.drain(Instant::now() + LONG);
        outbox.close();
        other.result();
        let (arrived, _far) = client.result();
        arrived.all(1, 1);
        arrived.in_order(2);
        assert_eq!(outbox.len(), 0);
        Clock::at_most(Duration::ZERO);
    });
}

#[test]
fn races_drain_behind_the_push_thread() {
    explore("drain behind the push thread", || {
        let (outbox, far) = outbox(NARROW, LONG);
        let client = reading(far, usize::MAX);
        pushes(&outbox, 2, 2).result();
        outbox.queue().append(|out| out.extend(frame(1, 0)));
        outbox.drain(Instant::now() + LONG);
        outbox.close();
        let (arrived, _far) = client.result();
        arrived.all(1, 1);
        arrived.all(2, 2);
        assert_eq!(arrived.cut, 0);
        Clock::at_most(Duration::ZERO);
    });
}

/// A session that gives up in the middle of a frame: nobody goes on behind it.
#[test]
fn races_giving_up_and_pushes() {
    explore("giving up and pushes", || {
        let (outbox, far) = outbox(NARROW, LONG);
        let client = reading(far, usize::MAX);
        let other = pushes(&outbox, 2, 3);
        outbox.queue().append(|out| out.extend(frame(1, 0)));
        outbox.drain(Instant::now());
        outbox.close();
        other.result();
        let (arrived, _far) = client.result();
        (1..=2).for_each(|source| arrived.in_order(source));
        assert_eq!(outbox.len(), 0);
    });
}

/// A close from outside: whoever writes, waits or pushes goes on at once.
#[test]
fn races_close_during_everything() {
    explore("close during everything", || {
        let (outbox, far) = outbox(NARROW, LONG);
        let busy = [
            replies(&outbox, 1, 2),
            pushes(&outbox, 2, 2),
            pushes(&outbox, 3, 1),
        ];
        let waiter = {
            let outbox = Arc::clone(&outbox);
            Doing::start("waiter", move || {
                while !outbox.is_closed() {
                    outbox.wait_for_room(LONG);
                    outbox.wait_for_relief(LONG);
                    if outbox.len() == 0 {
                        break;
                    }
                }
            })
        };
        let client = reading(far, usize::MAX);
        outbox.close();
        outbox.close();
        all(busy);
        waiter.result();
        let (arrived, _far) = client.result();
        (1..=3).for_each(|source| arrived.in_order(source));
        assert_eq!(outbox.len(), 0);
        Clock::at_most(Duration::ZERO);
        assert!(Clock::started("push") <= 1);
    });
}

/// Nobody reads: the client is dropped after the write time-out, once, and nobody is left behind.
#[test]
fn races_a_client_that_takes_nothing() {
    explore_in_time("a client that takes nothing", || {
        let patience = Duration::from_millis(250);
        let (outbox, far) = outbox(NARROW, patience);
        let busy = [replies(&outbox, 1, 2), pushes(&outbox, 2, 2)];
        let waiter = {
            let outbox = Arc::clone(&outbox);
            Doing::start("waiter", move || {
                while !outbox.is_closed() {
                    outbox.wait_for_room(LONG);
                }
            })
        };
        waiter.result();
        all(busy);
        assert_eq!(outbox.ending(), Some(Reason::Timeout));
        assert_eq!((outbox.len(), Clock::started("push")), (0, 1));
        // A try for each reply, and one more before the push thread sees that time is over.
        let tries = 3 * Duration::from_millis(100);
        let took = Clock::elapsed();
        assert!((patience..=patience + tries).contains(&took), "{took:?}");
        let (arrived, _far) = reading(far, usize::MAX).result();
        assert_eq!((arrived.of.len(), arrived.cut), (0, NARROW));
    });
}

/// A client reads again in the moment in which it is dropped: nothing comes behind a frame that was cut.
#[test]
fn races_a_client_that_reads_too_late() {
    explore("a client that reads too late", || {
        let (outbox, far) = outbox(NARROW, Duration::from_millis(50));
        let client = reading(far, usize::MAX);
        outbox.append_and_push(|out| out.extend(frame(2, 0)));
        let session = replies(&outbox, 1, 6);
        session.result();
        outbox.drain(Instant::now() + Duration::from_millis(50));
        outbox.close();
        let (arrived, _far) = client.result();
        (1..=2).for_each(|source| arrived.in_order(source));
        Clock::at_most(Duration::ZERO);
    });
}

/// Pushes are not lost in silence where there is no thread for them.
#[test]
fn races_no_thread_for_pushes() {
    exhaust("no thread for pushes", || {
        let (outbox, far) = outbox(NARROW, LONG);
        let client = reading(far, usize::MAX);
        let other = pushes(&outbox, 2, 2);
        Clock::refuse_threads();
        other.result();
        assert!(outbox.is_closed());
        let (arrived, _far) = client.result();
        assert_eq!(arrived.of.len(), 0);
    });
}

#[test]
fn races_a_mailbox() {
    exhaust("a mailbox", || {
        let mailbox = Mailbox::new();
        let putting = [1, 2].map(|source| {
            let mailbox = mailbox.clone();
            Doing::start("putting", move || {
                (0..2).for_each(|number| mailbox.put((source, number)))
            })
        });
        let mut seen = [0; 3];
        for _ in 0..4 {
            let (source, number): (usize, u8) = mailbox.take(LONG).expect("what was put");
            assert_eq!(number, seen[source]);
            seen[source] += 1;
        }
        all(putting);
        Clock::at_most(Duration::ZERO);
        assert_eq!(mailbox.take(LONG), None);
        assert_eq!(Clock::elapsed(), LONG);
    });
}
