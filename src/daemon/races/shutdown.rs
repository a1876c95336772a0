//! The end of the daemon, while clients come, ask, are pushed to and read nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::explore::{exhaust, explore, explore_in_time};
use super::frames::{Doing, all};
use super::talk::{
    CLOSE_OK, Client, Frame, HEALTH, HEALTH_OK, RECV, SEND, STOP, hub, joined, of, patient, push,
    stop,
};
use crate::daemon::acceptor::Acceptor;
use crate::daemon::limits::Limits;
use crate::daemon::{Hooks, accept};
use crate::threads::UnixListener;
use crate::threads::checked::Clock;

const ROOM: usize = 1 << 12;

/// A client has the end of its stream, once, and nothing was cut off, unless there was no time for it.
fn told_of_the_end(frames: &[Frame], cut: usize, id: &[u8]) {
    let ends = of(frames, CLOSE_OK);
    let whole = ends == [id] && cut == 0;
    let out_of_time = Clock::is_hasty() && ends.len() <= 1;
    assert!(whole || out_of_time, "{frames:?} and {cut}");
}

#[test]
fn races_a_stop_with_pushes_under_way() {
    explore("a stop with pushes under way", || {
        let hub = hub(patient(), Hooks::default());
        let [(dialler, near), (mut listener, far)] = joined(&hub, [ROOM, 24]);
        let sending = Doing::start("dialler", move || {
            (0..3).for_each(|number| dialler.send(SEND, &[&near[..], &[number]].concat()));
            let mut dialler = dialler;
            dialler.send(HEALTH, &[]);
            (dialler.rest(), near)
        });
        let pushing = {
            let hub = Arc::clone(&hub);
            Doing::start("pushing", move || {
                (0..3).for_each(|number| {
                    push(&hub, number);
                })
            })
        };
        let stopping = {
            let hub = Arc::clone(&hub);
            Doing::start("stopping", move || stop(&hub))
        };
        let (frames, cut) = listener.rest();
        told_of_the_end(&frames, cut, &far);
        for (number, payload) in of(&frames, 0x77).into_iter().enumerate() {
            assert_eq!(payload, [number as u8]);
        }
        for (number, payload) in of(&frames, RECV).into_iter().enumerate() {
            assert_eq!(payload, [&far[..], &[number as u8]].concat());
        }
        let ((frames, cut), near) = sending.result();
        told_of_the_end(&frames, cut, &near);
        assert!(of(&frames, HEALTH_OK).len() <= 1);
        pushing.result();
        stopping.result();
        assert_eq!(push(&hub, 9), 0);
        Clock::at_most(Duration::ZERO);
    });
}

#[test]
fn races_a_stop_with_a_stalled_client() {
    explore_in_time("a stop with a stalled client", || {
        let limits = Limits {
            client_budget: 64,
            ..Limits::default()
        };
        let hub = hub(limits, Hooks::default());
        let [(dialler, near), (mut stalled, _)] = joined(&hub, [ROOM, 24]);
        let sending = Doing::start("dialler", move || {
            let mut dialler = dialler;
            (0..8).for_each(|_| dialler.send(SEND, &[&near[..], &[7; 20]].concat()));
            (dialler.rest(), near)
        });
        stop(&hub);
        let (most, took) = (STOP[0] + STOP[1], Clock::elapsed());
        assert!(took <= most, "{took:?}");
        let ((frames, cut), near) = sending.result();
        assert_eq!((frames, cut), (vec![(CLOSE_OK, near)], 0));
        stalled.rest();
        // Whoever is left has no more to wait for.
        assert!(Clock::elapsed() <= most);
    });
}

/// Whoever connects while the daemon ends is served, or closed at once; the accept loop ends.
#[test]
fn races_a_stop_and_clients_that_come() {
    explore("a stop and clients that come", || {
        let hub = hub(patient(), Hooks::default());
        let listener = Arc::new(UnixListener::nameless());
        let acceptor = Arc::new(Acceptor::new(Arc::clone(&listener)).unwrap());
        let accepting = {
            let (hub, acceptor) = (Arc::clone(&hub), Arc::clone(&acceptor));
            Doing::start("accept", move || accept(&hub, &acceptor))
        };
        let clients = [1, 2].map(|_| {
            let listener = Arc::clone(&listener);
            Doing::start("client", move || {
                let Some(stream) = listener.client() else {
                    return;
                };
                let mut client = Client::over(stream);
                client.send(HEALTH, &[]);
                let (frames, cut) = client.rest();
                assert!(
                    frames.len() <= 1 && (cut == 0 || Clock::is_hasty()),
                    "{frames:?}"
                );
                assert_eq!(of(&frames, HEALTH_OK).len(), frames.len());
            })
        });
        acceptor.stop();
        stop(&hub);
        accepting.result();
        all(clients);
        assert!(listener.client().is_none());
        Clock::at_most(Duration::ZERO);
    });
}

#[test]
fn races_a_stop_and_an_accept() {
    exhaust("a stop and an accept", || {
        let listener = Arc::new(UnixListener::nameless());
        let acceptor = Arc::new(Acceptor::new(Arc::clone(&listener)).unwrap());
        let accepting = {
            let acceptor = Arc::clone(&acceptor);
            Doing::start("accept", move || {
                let mut served = 0;
                let mut serve = |_| {
                    served += 1;
                    Ok(())
                };
                acceptor.run(|_| (), &mut serve).unwrap();
                served
            })
        };
        let client = listener.client();
        acceptor.stop();
        acceptor.stop();
        assert!(accepting.result() <= usize::from(client.is_some()));
        Clock::at_most(Duration::ZERO);
    });
}

/// A client leaves by itself while it is pushed to, another is served, and the daemon ends.
#[test]
fn races_a_stop_and_a_client_that_leaves() {
    explore("a stop and a client that leaves", || {
        let hub = hub(patient(), Hooks::default());
        let [(mut dialler, near), (listener, _)] = joined(&hub, [ROOM, 24]);
        dialler.send(SEND, &[&near[..], &[7; 30]].concat());
        let leaving = Doing::start("listener", move || drop(listener));
        let pushing = {
            let hub = Arc::clone(&hub);
            Doing::start("pushing", move || {
                push(&hub, 0);
            })
        };
        let stopping = {
            let hub = Arc::clone(&hub);
            Doing::start("stopping", move || stop(&hub))
        };
        let (frames, cut) = dialler.rest();
        told_of_the_end(&frames, cut, &near);
        leaving.result();
        pushing.result();
        stopping.result();
        Clock::at_most(Duration::ZERO);
    });
}

/// Once the end has begun, nobody has a turn while others wait to part.
#[test]
fn races_a_turn_and_who_parts_at_the_end() {
    explore("a turn and who parts at the end", || {
        let hub = hub(patient(), Hooks::default());
        let clients = joined(&hub, [ROOM, ROOM]);
        let turning = {
            let hub = Arc::clone(&hub);
            Doing::start("turning", move || {
                for _ in 0..3 {
                    let _state = hub.turn_state();
                    assert!(!hub.is_stopping() || hub.parting.load(Ordering::SeqCst) == 0);
                }
            })
        };
        let stopping = {
            let hub = Arc::clone(&hub);
            Doing::start("stopping", move || stop(&hub))
        };
        for (mut client, id) in clients {
            let (frames, cut) = client.rest();
            told_of_the_end(&frames, cut, &id);
        }
        turning.result();
        stopping.result();
        Clock::at_most(Duration::ZERO);
    });
}
