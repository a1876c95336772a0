//! Daemons that race for one path: one wins, and nobody disturbs it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::daemon::{Daemon, mockpilot};
use super::figures::{note, rounds};
use super::support::{Client, DEADLINE, Received, TempDir};

const RACERS: usize = 32;

/// A daemon that tells how its start came out; its node's name is its number.
struct Racer(Daemon);

impl Racer {
    fn start(directory: &Path, number: usize) -> Racer {
        let scenario = format!("{{\"node\":{{\"hostname\":\"racer-{number}\"}}}}");
        let mut command = mockpilot();
        command
            .args(["-q", "-socket", "s", "--ready-fd", "1"])
            .args(["--scenario", &scenario])
            .current_dir(directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Racer(Daemon::spawn(&mut command))
    }

    /// Whether it has won. One that has lost says why and ends with status 1.
    fn has_won(&mut self) -> bool {
        let line = self.0.first_line();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
        if told["socket"] == "s" {
            return true;
        }
        assert_eq!(told["error"], "s: in use by a running process");
        let (status, _, said) = self.0.end();
        assert_eq!(status, 1);
        assert_eq!(said, "mockpilot: s: in use by a running process\n");
        false
    }

    fn terminate(&mut self) {
        assert_eq!(self.0.terminate().0, 0);
    }
}

/// The name of the daemon that answers, if it answers before it ends.
fn host(stream: UnixStream) -> Option<String> {
    let mut client = Client::over(stream);
    std::io::Write::write_all(&mut client.stream(), &Client::frame(0x0D, &[])).ok()?;
    match client.receive(Instant::now() + DEADLINE) {
        Received::Frame(0x0E, info) => {
            let info: Value = serde_json::from_slice(&info).unwrap();
            Some(info["hostname"].as_str().unwrap().to_owned())
        }
        Received::Eof | Received::Reset => None,
        other => panic!("{other:?}"),
    }
}

/// Connects over and over while `race` runs; gives what it comes to, who has answered, and how often.
fn while_clients_come<T>(socket: &Path, race: impl FnOnce() -> T) -> (T, BTreeSet<String>, usize) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients = scope.spawn(|| {
            let mut hosts = BTreeSet::new();
            let mut answers = 0;
            let begun = Instant::now();
            while !over.load(Ordering::Relaxed) && begun.elapsed() < 3 * DEADLINE {
                if let Ok(stream) = UnixStream::connect(socket)
                    && let Some(host) = host(stream)
                {
                    hosts.insert(host);
                    answers += 1;
                }
                thread::yield_now();
            }
            (hosts, answers)
        });
        let came = race();
        over.store(true, Ordering::Relaxed);
        let (hosts, answers) = clients.join().unwrap();
        (came, hosts, answers)
    })
}

/// Races, and gives the winner, if there is one.
fn race(directory: &Path) -> Option<(usize, Racer)> {
    let racers = (0..RACERS).map(|number| Racer::start(directory, number));
    let racers: Vec<Racer> = racers.collect();
    let mut winners: Vec<(usize, Racer)> = Vec::new();
    for (number, mut racer) in racers.into_iter().enumerate() {
        if racer.has_won() {
            winners.push((number, racer));
        }
    }
    assert!(winners.len() <= 1, "{} winners", winners.len());
    winners.pop()
}

/// The winner alone has the name, until it ends.
fn is_undisturbed(socket: &Path, number: usize, mut winner: Racer) {
    let found = fs::symlink_metadata(socket).unwrap();
    assert_eq!(found.mode() & 0o777, 0o600);
    let stream = UnixStream::connect(socket).unwrap();
    assert_eq!(host(stream), Some(format!("racer-{number}")));
    winner.terminate();
    let directory = socket.parent().unwrap();
    assert_eq!(fs::read_dir(directory).unwrap().count(), 0);
}

#[test]
fn of_thirty_two_one_wins_also_over_a_dead_socket() {
    let rounds = rounds(2);
    for stale in [false, true] {
        let mut answers = 0;
        for _ in 0..rounds {
            let directory = TempDir::new();
            let socket = directory.join("s");
            if stale {
                drop(UnixListener::bind(&socket).unwrap());
            }
            let race = || race(directory.path());
            let (winner, hosts, served) = while_clients_come(&socket, race);
            let (number, winner) = winner.expect("a winner");
            let expected = BTreeSet::from([format!("racer-{number}")]);
            assert!(
                hosts.is_subset(&expected),
                "{hosts:?}, expected {expected:?}"
            );
            answers += served;
            is_undisturbed(&socket, number, winner);
        }
        note(&format!(
            "race of {RACERS}, dead socket in the way {stale}: {rounds} rounds, one winner in each, \
             {answers} requests meanwhile answered by it"
        ));
    }
}

/// Whoever comes while the daemon ends finds it there, or the name free.
#[test]
fn of_thirty_two_one_wins_at_most_while_the_last_one_ends() {
    let rounds = rounds(2);
    let mut succeeded = 0;
    for round in 0..rounds {
        let directory = TempDir::new();
        let socket = directory.join("s");
        let mut last = Racer::start(directory.path(), 99);
        assert!(last.has_won());
        let race = || {
            thread::scope(|scope| {
                let racing = scope.spawn(|| race(directory.path()));
                if round % 2 == 0 {
                    // Once some of them have looked, as many as there are answers in between.
                    for _ in 0..round % 50 {
                        UnixStream::connect(&socket).ok().and_then(host);
                    }
                }
                last.terminate();
                racing.join().unwrap()
            })
        };
        let (winner, hosts, _) = while_clients_come(&socket, race);
        let mut expected = BTreeSet::from(["racer-99".to_owned()]);
        match winner {
            Some((number, winner)) => {
                succeeded += 1;
                expected.insert(format!("racer-{number}"));
                is_undisturbed(&socket, number, winner);
            }
            None => assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0),
        }
        assert!(
            hosts.is_subset(&expected),
            "{hosts:?}, expected {expected:?}"
        );
    }
    note(&format!(
        "race of {RACERS} while the last daemon ends: {rounds} rounds, one winner in {succeeded}, none in the others"
    ));
}
