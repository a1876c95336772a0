//! No descriptor is left.

use std::time::Duration;

use serde_json::json;

use super::confined::{Confined, busy, events, has_no_gap, is_served};
use super::support::{Client, poll};

/// The daemon is watched until this thread has had so much of a processor, and may have had so much
/// itself meanwhile: one that spins gets as much, however little that is on a loaded machine.
const WATCHED: Duration = Duration::from_millis(500);
const BUSY: Duration = Duration::from_millis(100);

#[test]
fn who_is_in_is_served_and_who_comes_is_closed_and_nothing_spins() {
    let mut daemon = Confined::after("ulimit -n 40", &["--journal", "j"]);
    let mut steering = daemon.talk();
    steering.done(json!({"verb": "ping"}));
    let mut served: Vec<Client> = Vec::new();
    let mut refused = 0;
    for _ in 0..200 {
        let mut client = daemon.connect();
        if is_served(&mut client) {
            served.push(client);
        } else {
            refused += 1;
        }
    }
    assert!(served.len() > 5 && refused > 100, "{refused} are refused");
    // Some wait in the backlog, one that nobody answers for it all.
    let waiting: Vec<Client> = (0..20).map(|_| daemon.connect()).collect();
    let (before, begun) = (daemon.busy(), busy("thread-self"));
    while busy("thread-self") - begun < WATCHED {}
    let spent = daemon.busy() - before;
    assert!(spent < BUSY, "busy for {spent:?} beside {WATCHED:?}");
    drop(waiting);
    assert!(served.iter_mut().all(is_served));
    steering.done(json!({"verb": "ping"}));
    // Another one is answered or closed, and never left alone.
    daemon.talks();

    for round in 0..3 {
        drop(served.pop());
        let next = poll(|| {
            let mut client = daemon.connect();
            is_served(&mut client).then_some(client)
        });
        served.push(next.unwrap_or_else(|| panic!("round {round}: nobody is served again")));
    }
    let kept = steering.done(json!({"verb": "journal", "since": 0}));
    let kept = kept["entries"].as_array().unwrap();
    has_no_gap(kept);
    let asked = kept.iter().filter(|entry| entry["cmd"] == "health");
    assert!(asked.count() >= 2 * served.len());
    let (status, _) = daemon.terminate();
    assert_eq!(status, Some(0));
    // One line a burst, of which there are two or three here.
    let said = daemon.said();
    let warned = said.matches("mockpilot: out of descriptors: new clients are closed at once\n");
    assert!((1..=5).contains(&warned.count()), "{said}");
    let written = daemon.file();
    has_no_gap(&written);
    assert_eq!(events(&written, "connect"), events(&written, "disconnect"));
    assert_eq!(daemon.names(), ["j"]);
}

#[test]
fn too_few_for_a_start_are_told_in_one_line_and_leave_nothing() {
    // Below that the program itself cannot be loaded.
    let mut starts = 0;
    for limit in 5..20 {
        let setting = format!("ulimit -n {limit}");
        let mut daemon = Confined::after(&setting, &["--journal", "j", "--ready-fd", "1"]);
        if daemon.starts() {
            starts += 1;
            assert_eq!(daemon.terminate().0, Some(0), "{limit}");
            continue;
        }
        assert_eq!(daemon.end(), Some(1), "{limit}");
        let said = daemon.said();
        // One that had begun to accept may have warned before.
        let why = said
            .lines()
            .filter(|line| !line.contains("out of descriptors"));
        assert_eq!(why.count(), 1, "{limit}: {said}");
        assert!(said.ends_with(": too many open files\n"), "{limit}: {said}");
        assert!(daemon.names().iter().all(|name| name == "j"), "{limit}");
    }
    assert!((1..10).contains(&starts), "{starts} of 15 start");
}
