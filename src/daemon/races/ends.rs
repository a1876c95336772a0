//! What asks for the end: signals, whoever ends the daemon, and the last client that leaves.

use std::sync::Arc;
use std::time::Duration;

use super::explore::exhaust;
use super::frames::Doing;
use crate::daemon::ending::Cause;
use crate::daemon::last_client::LastClient;
use crate::daemon::signals::Signals;
use crate::threads::Mutex;
use crate::threads::checked::Clock;

const TERM: i32 = 15;

#[test]
fn races_who_ends_it() {
    exhaust("who ends it", || {
        let mut signals = Signals::receiving(&[]).unwrap();
        let others = [Cause::Lifeline, Cause::Control].map(|cause| {
            let ender = signals.ender().clone();
            Doing::start("other", move || ender.end(cause))
        });
        let cause = signals.wait_for_end();
        assert_eq!(signals.ender().cause(), Some(cause));
        others.into_iter().for_each(Doing::result);
        assert_eq!(signals.ender().cause(), Some(cause));
        assert_eq!(signals.wait_for_end(), cause);
    });
}

#[test]
fn races_a_signal_and_an_end() {
    exhaust("a signal and an end", || {
        let mut signals = Signals::receiving(&[]).unwrap();
        let (ender, pipe) = (signals.ender().clone(), signals.pipe());
        let other = Doing::start("other", move || ender.end(Cause::Lifeline));
        let system = Doing::start("system", move || pipe.deliver(TERM));
        let cause = signals.wait_for_end();
        assert!(
            [Cause::Lifeline, Cause::Signal(TERM)].contains(&cause),
            "{cause:?}"
        );
        other.result();
        system.result();
    });
}

/// Two clients that come and leave: the end comes when the last one has left, and never while one that
/// has come is there.
#[test]
fn races_the_last_client() {
    exhaust("the last client", || {
        let mut signals = Signals::receiving(&[]).unwrap();
        let last = LastClient::new(signals.ender().clone());
        let there = Arc::new(Mutex::new(0));
        last.came();
        let second = {
            let (last, there, ender) = (last.clone(), Arc::clone(&there), signals.ender().clone());
            Doing::start("second", move || {
                last.came();
                *there.lock().unwrap() += 1;
                // Long enough for whoever thinks that nobody is there.
                crate::threads::sleep(Duration::from_secs(1));
                assert_eq!(ender.cause(), None, "a client is there");
                *there.lock().unwrap() -= 1;
                last.left();
            })
        };
        last.left();
        second.result();
        assert_eq!(signals.wait_for_end(), Cause::LastClient);
        assert_eq!(*there.lock().unwrap(), 0);
        Clock::at_most(Duration::from_millis(1100));
    });
}

/// Nobody comes after the last one: the end comes, and comes soon.
#[test]
fn races_all_leave_at_once() {
    exhaust("all leave at once", || {
        let mut signals = Signals::receiving(&[]).unwrap();
        let last = LastClient::new(signals.ender().clone());
        last.came();
        last.came();
        let other = last.clone();
        let other = Doing::start("other", move || other.left());
        last.left();
        assert_eq!(signals.wait_for_end(), Cause::LastClient);
        other.result();
        assert_eq!(Clock::elapsed(), Duration::from_millis(50));
        assert_eq!(Clock::started("last client"), 1);
    });
}
