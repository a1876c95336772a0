//! Slow frames, stalls and what is forgotten at a reset, beside pushes and drains.

use std::sync::Arc;
use std::time::Duration;

use super::explore::explore;
use super::frames::{Doing, frame, outbox, reading};
use crate::threads::checked::Clock;
use crate::threads::{self, Instant};

const LONG: Duration = Duration::from_secs(1000);
const EVERY: Duration = Duration::from_millis(5);

/// A slow frame in pieces, pushes behind it, and a drain that may hurry it.
fn slow_frame(drains: bool) {
    let (outbox, far) = outbox(5, LONG);
    let client = reading(far, usize::MAX);
    let mut next = outbox.queue().append_slow(frame(1, 0), 2, EVERY);
    outbox.push();
    let timer = {
        let outbox = Arc::clone(&outbox);
        Doing::start("timer", move || {
            while let Some(after) = next {
                threads::sleep(after);
                next = outbox.queue().next_piece();
                outbox.push();
            }
        })
    };
    let other = {
        let outbox = Arc::clone(&outbox);
        Doing::start("other", move || {
            for number in 0..2 {
                outbox.append_and_push(|out| out.extend(frame(2, number)));
            }
        })
    };
    other.result();
    if drains {
        outbox.drain(Instant::now() + LONG);
        // It is hurried.
        Clock::at_most(Duration::ZERO);
        outbox.close();
    } else {
        while outbox.len() > 0 || outbox.is_slow() {
            outbox.wait_for_room(LONG);
        }
    }
    timer.result();
    if !drains {
        outbox.drain(Instant::now() + LONG);
        outbox.close();
    }
    let (arrived, _far) = client.result();
    arrived.all(2, 2);
    arrived.all(1, 1);
    assert_eq!(arrived.cut, 0);
    Clock::at_most(4 * EVERY);
}

#[test]
fn races_a_slow_frame_and_pushes() {
    explore("a slow frame and pushes", || slow_frame(false));
}

#[test]
fn races_a_slow_frame_and_a_drain() {
    explore("a slow frame and a drain", || slow_frame(true));
}

/// The session that sits out a stall goes on when the stall is forgotten, the stop comes or time is over.
fn stalled(end: fn(&crate::daemon::outbox::Outbox), most: Duration) {
    let (outbox, far) = outbox(64, LONG);
    outbox.queue().stall(Instant::now() + 20 * EVERY);
    let session = {
        let outbox = Arc::clone(&outbox);
        Doing::start("session", move || outbox.sit_out_stall(LONG))
    };
    let other = {
        let outbox = Arc::clone(&outbox);
        Doing::start("other", move || {
            outbox.append_and_push(|out| out.extend(frame(2, 0)));
        })
    };
    let client = reading(far, 1);
    end(&outbox);
    session.result();
    other.result();
    client.result().0.all(2, 1);
    outbox.close();
    Clock::at_most(most);
}

#[test]
fn races_a_stall_that_is_forgotten() {
    explore("a stall that is forgotten", || {
        let forget = |outbox: &crate::daemon::outbox::Outbox| {
            outbox.queue().forget_delayed();
            outbox.wake();
        };
        stalled(forget, Duration::ZERO);
    });
}

#[test]
fn races_a_stall_and_a_stop() {
    explore("a stall and a stop", || {
        stalled(|outbox| outbox.stop(), Duration::ZERO)
    });
}

#[test]
fn races_a_stall_that_is_over() {
    explore("a stall that is over", || stalled(|_| (), 20 * EVERY));
}
