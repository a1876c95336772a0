//! Every short sequence of a nasty vocabulary of frames, in both profiles, one frame at a time and all
//! in one write: each is answered as PROTOCOL.md says, and nothing is left of whoever sent it.
//!
//! `MOCKPILOT_LENGTH` is the length of the longest (3); the built daemon gets those that are one frame
//! shorter, up to 3 frames.

mod support;

#[path = "sequences/inside.rs"]
mod inside;
#[path = "sequences/model.rs"]
mod model;
#[path = "sequences/outside.rs"]
mod outside;
#[path = "support/steered.rs"]
mod steered;
#[path = "sequences/vocabulary.rs"]
mod vocabulary;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use mockpilot::node::Profile;
use serde_json::{Value, json};

use inside::Inside;
use model::Model;
use outside::Outside;
use support::{asked, figures};
use vocabulary::{Word, words};

/// What both kinds of daemon simulate. Times stand still, so that equal requests get equal bytes.
const SCENARIO: &str = r#"{"clock": 1800000000, "dial_timeout": "10m",
    "peers": [{"node_id": 2, "hostname": "beta", "services": {"98": "hang"}}]}"#;

const PROFILES: [Profile; 2] = [Profile::Lenient, Profile::Faithful];

/// Longest sequence that the built daemon gets: each takes it about a millisecond.
const LONGEST_OUTSIDE: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// A frame is answered before the next one comes.
    Stepwise,
    /// All that one connection sends comes at once.
    Pipelined,
}

/// A frame: command byte and payload.
type Frame = (u8, Vec<u8>);

/// What the two clients got: the one that sends the sequence, and the one that has a port and a stream
/// before it comes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Got {
    runner: Vec<Frame>,
    witness: Vec<Frame>,
}

/// All that came for the words of a sequence.
fn joined(all: Vec<Got>) -> Got {
    let mut whole = Got::default();
    for got in all {
        whole.runner.extend(got.runner);
        whole.witness.extend(got.witness);
    }
    whole
}

/// Names the sequence when a test fails in the midst of it.
struct Named<'a>(Profile, &'a [&'a Word]);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let names: Vec<_> = self.1.iter().map(|word| word.name).collect();
            eprintln!("{} profile, sequence: {}", self.0, names.join(", "));
        }
    }
}

/// Calls `visit` with every sequence of one to so many words.
fn each<'a>(words: &'a [Word], longest: usize, visit: &mut dyn FnMut(&[&'a Word])) -> u64 {
    let mut count = 0;
    for length in 1..=longest {
        let mut places = vec![0; length];
        'next: loop {
            let sequence: Vec<&Word> = places.iter().map(|at| &words[*at]).collect();
            visit(&sequence);
            count += 1;
            for place in places.iter_mut().rev() {
                *place += 1;
                if *place < words.len() {
                    continue 'next;
                }
                *place = 0;
            }
            break;
        }
    }
    count
}

/// Nobody but the witness is there, and nobody else has anything.
fn check_nothing_is_left(state: &Value) {
    let owners = |key: &str, only: fn(&Value) -> bool| -> BTreeSet<u64> {
        let rows = state[key].as_array().unwrap().iter();
        rows.filter(|row| only(row))
            .map(|row| row["client"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(state["clients"], json!([1]));
    assert_eq!(
        state["ports"],
        json!([{"client": 1, "port": model::WITNESS_PORT}])
    );
    assert_eq!(state["dials"], json!([]));
    let open = owners("streams", |row| row["state"] == "ESTABLISHED");
    assert!(open.iter().all(|client| *client == 1), "{open:?}");
}

/// How many words the longest sequence has, or how many less.
fn longest(less: usize) -> usize {
    asked("MOCKPILOT_LENGTH").unwrap_or(3) as usize - less
}

/// Runs sequences in a thread for each profile, and notes what that was.
fn in_both_profiles(what: &'static str, longest: usize, run: fn(Profile, usize) -> u64) {
    note(what, "failed, unless it still runs");
    let started = Instant::now();
    let [lenient, faithful] =
        PROFILES.map(|profile| std::thread::spawn(move || run(profile, longest)));
    let counts = [lenient.join(), faithful.join()].map(Result::unwrap);
    let line = format!(
        "{} words, up to {longest} of them, {} lenient and {} faithful sequences, each stepwise \
         and pipelined, all as expected, {:.1} s",
        words().len(),
        counts[0],
        counts[1],
        started.elapsed().as_secs_f64(),
    );
    if let Some(file) = note(what, &line) {
        println!("{what}: {line}\nfigures: {}", file.display());
    }
}

/// Writes what is known of this run to its figures, and gives their file, where figures are wanted.
fn note(what: &'static str, found: &str) -> Option<PathBuf> {
    static FOUND: Mutex<BTreeMap<&str, String>> = Mutex::new(BTreeMap::new());
    asked("MOCKPILOT_LENGTH")?;
    let file = figures("sequences.txt");
    let mut all = FOUND.lock().unwrap();
    all.insert(what, found.to_owned());
    let lines = all.iter().map(|(what, found)| format!("{what}: {found}\n"));
    std::fs::write(&file, lines.collect::<String>()).unwrap();
    Some(file)
}

#[test]
fn every_sequence_is_answered_as_the_protocol_says() {
    in_both_profiles(
        "reader, decoder and node",
        longest(0),
        |profile, longest| {
            let config = inside::config(profile);
            each(&words(), longest, &mut |sequence| {
                let _named = Named(profile, sequence);
                let mut model = Model::new(profile == Profile::Faithful);
                let mut inside = Inside::new(&config);
                let stepwise = inside.run(sequence, Pace::Stepwise);
                let mut last_port = 0;
                for (word, got) in sequence.iter().zip(&stepwise) {
                    word.tell(&mut model);
                    let expected = model.take().sorted();
                    assert_eq!(
                        got.normalised(&mut last_port),
                        expected,
                        "after {}",
                        word.name
                    );
                }
                let mut pipelined = Inside::new(&config);
                let all = joined(pipelined.run(sequence, Pace::Pipelined));
                assert_eq!(all, joined(stepwise));

                let served = pipelined.witness_sends(b"w");
                let echoes = usize::from(model.witness_has_its_stream());
                assert_eq!(
                    served.iter().map(|frame| frame.0).collect::<Vec<_>>(),
                    [0x07, 0x10][1 - echoes..]
                );
                check_nothing_is_left(&pipelined.end());
            })
        },
    );
}

#[test]
fn the_built_daemon_says_the_same() {
    in_both_profiles(
        "built daemon over its socket",
        longest(1).min(LONGEST_OUTSIDE),
        |profile, longest| {
            let config = inside::config(profile);
            let mut outside = Outside::start(profile);
            each(&words(), longest, &mut |sequence| {
                let _named = Named(profile, sequence);
                let expected = joined(Inside::new(&config).run(sequence, Pace::Stepwise));
                for pace in [Pace::Stepwise, Pace::Pipelined] {
                    assert_eq!(outside.run(sequence, pace), expected, "{pace:?}");
                }
            })
        },
    );
}
