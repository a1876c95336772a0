//! Scenario texts: each mistake has its place, and a daemon runs with whatever has none.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::explain::explanation;
use super::read::{Source, load};
use super::{Rule, Scenario};
use crate::daemon::fuzzing::World;

/// A request of most kinds: command byte and payload.
const REQUESTS: &[&[u8]] = &[
    b"\x0D",
    b"\x01\0\x50",
    b"\x03\0\0\0\0\0\x02\0\x50",
    b"\x06\0\0\0\x01hello",
    b"\x0B\0\0\0\0\0\x02\0\x07ping",
    b"\x0F\x01\0\0\0\x02hi",
    b"\x0F\x04",
    b"\x11beta",
    b"\x13unit",
    b"\x19[\"ci\"]",
    b"\x1F\x02\0\x07t",
    b"\x1F\x01",
    b"\x23\x05\0\0\x07",
    b"\x21",
    b"\x77",
    b"\x1F\x09",
    b"\x08\0\0\0\x01",
];

/// How long the requests may take: rules may withhold every answer.
const A_MOMENT: Duration = Duration::from_millis(5);

/// Texts that are parted by zeros, as several files are given.
pub(crate) fn scenario(input: &[u8]) {
    let text = |text: &[u8]| Source::Text(String::from_utf8_lossy(text).into_owned());
    let sources: Vec<Source> = input.split(|&byte| byte == 0).take(3).map(text).collect();
    match load(&sources) {
        Ok(scenario) => served(scenario),
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            for mistake in mistakes {
                let placed = mistake.starts_with("<scenario>:") && mistake.contains(": ");
                assert!(placed && !mistake.contains('\n'), "{mistake}");
            }
        }
    }
}

fn served(scenario: Scenario) {
    for request in REQUESTS {
        let (text, applies) = explanation(&scenario, request);
        assert_eq!(text.lines().count(), scenario.rules.len() + 1, "{text}");
        assert_eq!(applies, !text.ends_with("no rule applies\n"));
    }
    let small: fn(&Rule) -> bool = |rule| format!("{rule:?}").len() < 1 << 16;
    if !scenario.rules.iter().all(small) {
        // A payload of megabytes takes long and shows nothing new.
        return;
    }
    let world = World::new(scenario, 0);
    let mut client = world.connect();
    for request in REQUESTS {
        let frame = [&(request.len() as u32).to_be_bytes(), *request].concat();
        // A rule may have closed the client.
        let _ = client.write_all(&frame);
    }
    let _ = client.shutdown(Shutdown::Write);
    client.set_read_timeout(Some(A_MOMENT)).unwrap();
    let started = Instant::now();
    let mut some = [0; 4096];
    while started.elapsed() < A_MOMENT && matches!(client.read(&mut some), Ok(1..)) {}
    drop(client);
    let steering = world.steering();
    for text in steering.verify() {
        assert!(!text.is_empty());
    }
    assert!(steering.state().is_object());
    steering.rules();
    drop(steering);
    world.stop();
}
