//! Sessions that meet at the node: streams between them, pushes to all of them, and a reset.

use std::sync::Arc;
use std::time::Duration;

use super::explore::{explore, explore_in_time};
use super::frames::Doing;
use super::talk::{
    CLOSE, CLOSE_OK, Client, HEALTH, HEALTH_OK, RECV, SEND, hub, joined, of, open_streams, patient,
    push, stop,
};
use crate::daemon::Hooks;
use crate::daemon::limits::Limits;
use crate::daemon::steering::Steering;
use crate::threads::checked::Clock;

const ROOM: usize = 1 << 12;

/// Each end sees the reply to its close, and the end of the stream, once.
#[test]
fn races_a_stream_closed_from_both_ends() {
    explore("a stream closed from both ends", || {
        let hub = hub(patient(), Hooks::default());
        let ends = joined(&hub, [ROOM; 2]);
        let closing = ends.map(|(mut client, id)| {
            Doing::start("client", move || {
                client.send(SEND, &[&id[..], b"last"].concat());
                client.send(CLOSE, &id);
                let mut seen = client.quiet();
                // What the other end causes may come behind the answer to a later request.
                while of(&seen, CLOSE_OK).len() < 2 {
                    seen.push(client.receive().expect("the other close"));
                }
                seen.extend(client.quiet());
                (client, id, seen)
            })
        });
        for done in closing {
            let (mut client, id, seen) = done.result();
            assert_eq!(of(&seen, CLOSE_OK), [&id[..], &id], "{seen:?}");
            assert!(of(&seen, RECV).len() <= 1);
            assert_eq!(seen.len(), 2 + of(&seen, RECV).len(), "{seen:?}");
            assert_eq!(client.quiet(), []);
        }
        assert_eq!(open_streams(&hub), 0);
        stop(&hub);
        Clock::at_most(Duration::ZERO);
    });
}

/// Data from the other end, pushes to all and replies: each in its order, each once, each whole.
#[test]
fn races_data_pushes_and_replies() {
    explore("data, pushes and replies", || {
        let hub = hub(patient(), Hooks::default());
        let [(dialler, near), (listener, far)] = joined(&hub, [ROOM, 24]);
        let sending = Doing::start("dialler", move || {
            (0..3).for_each(|number| dialler.send(SEND, &[&near[..], &[number]].concat()));
            dialler
        });
        let pushing = {
            let hub = Arc::clone(&hub);
            Doing::start("pushing", move || {
                (0..3).for_each(|number| {
                    push(&hub, number);
                })
            })
        };
        let listening = Doing::start("listener", move || {
            let mut listener = listener;
            (0..3).for_each(|_| listener.send(HEALTH, &[]));
            let frames: Vec<_> = (0..9)
                .map(|_| listener.receive().expect("a frame"))
                .collect();
            (listener, frames)
        });
        let (mut listener, frames) = listening.result();
        let numbered = |number: u8| [&far[..], &[number]].concat();
        assert_eq!(
            of(&frames, RECV),
            [0, 1, 2].map(numbered).each_ref().map(Vec::as_slice)
        );
        assert_eq!(
            of(&frames, 0x77),
            [[0], [1], [2]].each_ref().map(<[u8; 1]>::as_slice)
        );
        assert_eq!(of(&frames, HEALTH_OK).len(), 3);
        pushing.result();
        let mut dialler = sending.result();
        let before = dialler.quiet();
        assert!(of(&before, 0x77).len() <= 3 && of(&before, 0x77).len() == before.len());
        assert_eq!(listener.quiet(), []);
        stop(&hub);
        assert!(Clock::started("push") <= 2);
        Clock::at_most(Duration::ZERO);
    });
}

/// A client that reads nothing holds up the one that sends to it, until it is dropped, and nobody else.
#[test]
fn races_a_stalled_client_over_the_budget() {
    explore_in_time("a stalled client over the budget", || {
        let limits = Limits {
            client_budget: 64,
            write_timeout: Duration::from_millis(300),
            ..Limits::default()
        };
        let hub = hub(limits, Hooks::default());
        let [(dialler, near), (stalled, _)] = joined(&hub, [ROOM, 24]);
        let id = near.clone();
        let sending = Doing::start("dialler", move || {
            let mut dialler = dialler;
            (0..8).for_each(|_| dialler.send(SEND, &[&near[..], &[7; 20]].concat()));
            (dialler.quiet(), dialler)
        });
        let mut third = Client::join(&hub, ROOM);
        for _ in 0..3 {
            third.call(HEALTH, &[]);
        }
        Clock::at_most(Duration::ZERO);
        let (mut before, mut dialler) = sending.result();
        before.extend(dialler.quiet());
        while before.is_empty() {
            before.push(dialler.receive().expect("the end of the stream"));
        }
        assert_eq!(before, [(CLOSE_OK, id)]);
        assert_eq!(dialler.quiet(), []);
        let took = Clock::elapsed();
        assert!((300..=700).contains(&took.as_millis()), "{took:?}");
        let steering = Steering::new(Arc::clone(&hub));
        assert_eq!(open_streams(&hub), 0);
        assert_eq!(steering.clients().len(), 2);
        let (mut stalled, before) = (stalled, Clock::elapsed());
        stalled.rest();
        stop(&hub);
        assert_eq!(Clock::elapsed(), before);
    });
}

/// Nothing of before a reset comes behind its answer; the stream's end comes once, between two frames.
#[test]
fn races_a_reset_during_pushes() {
    explore("a reset during pushes", || {
        let hub = hub(patient(), Hooks::default());
        let [(dialler, near), (mut listener, far)] = joined(&hub, [ROOM, 24]);
        let id = near.clone();
        let sending = Doing::start("dialler", move || {
            (0..4).for_each(|number| dialler.send(SEND, &[&near[..], &[number]].concat()));
            dialler
        });
        let resetting = {
            let hub = Arc::clone(&hub);
            Doing::start("reset", move || Steering::new(hub).reset())
        };
        let mut seen = Vec::new();
        while of(&seen, CLOSE_OK).is_empty() {
            seen.push(listener.receive().expect("the end of the stream"));
        }
        assert_eq!(seen.pop(), Some((CLOSE_OK, far.clone())));
        for (number, (code, payload)) in seen.iter().enumerate() {
            let (id, data) = payload.split_at(far.len());
            assert_eq!((*code, id), (RECV, &far[..]));
            // What waits for longer than a reset does is forgotten.
            let lost = Clock::is_hasty() && data > &[number as u8][..];
            assert!(data == [number as u8] || lost, "{data:?}");
        }
        resetting.result();
        let mut dialler = sending.result();
        let before = dialler.quiet();
        assert_eq!((before, listener.quiet()), (vec![(CLOSE_OK, id)], vec![]));
        assert_eq!(open_streams(&hub), 0);
        stop(&hub);
        Clock::at_most(Duration::ZERO);
    });
}

/// Two resets at once, and a client that is dropped meanwhile: all return, and nobody waits for time.
#[test]
fn races_resets_and_a_drop() {
    explore_in_time("resets and a drop", || {
        let hub = hub(patient(), Hooks::default());
        let [(mut dialler, near), (mut listener, _)] = joined(&hub, [ROOM, 24]);
        dialler.send(SEND, &[&near[..], b"x"].concat());
        let steering = Steering::new(Arc::clone(&hub));
        let resets = [(), ()].map(|()| {
            let steering = steering.clone();
            Doing::start("reset", move || steering.reset())
        });
        let dropping = {
            let steering = steering.clone();
            Doing::start("drop", move || steering.drop_clients(Some(2)).unwrap())
        };
        let reading = Doing::start("listener", move || listener.rest());
        resets.into_iter().for_each(Doing::result);
        assert_eq!(dropping.result(), 1);
        let (frames, _) = reading.result();
        assert!(of(&frames, CLOSE_OK).len() <= 1, "{frames:?}");
        let seen = dialler.quiet();
        assert_eq!(of(&seen, CLOSE_OK), [&near[..]], "{seen:?}");
        assert_eq!(steering.clients().len(), 1);
        stop(&hub);
        Clock::at_most(Duration::ZERO);
    });
}
