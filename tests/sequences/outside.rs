//! The built daemon over its socket, set back between sequences.

use std::time::Instant;

use mockpilot::node::Profile;
use serde_json::json;

use super::model::{WITNESS_PORT, WITNESS_STREAM};
use super::steered::{Steered, Talk};
use super::support::{Client, DEADLINE, Received};
use super::vocabulary::{Ending, Word};
use super::{Frame, Got, Pace, SCENARIO};

pub struct Outside {
    daemon: Steered,
    control: Talk,
    witness: Client,
}

impl Outside {
    pub fn start(profile: Profile) -> Outside {
        let profile = profile.to_string();
        let daemon = Steered::start(&["--profile", &profile, "--scenario", SCENARIO]);
        let control = daemon.talk();
        let witness = daemon.connect();
        Outside {
            daemon,
            control,
            witness,
        }
    }

    /// Sets the daemon back, runs a sequence and leaves; what the clients got. Nothing of the runner is
    /// left then, and the witness is served throughout.
    pub fn run(&mut self, sequence: &[&Word], pace: Pace) -> Got {
        self.control.done(json!({"verb": "reset"}));
        self.witness.quiet();
        self.witness.call_ok(0x01, &WITNESS_PORT.to_be_bytes());
        let dialled = self.witness.call_ok(0x03, &[0, 0, 0, 0, 0, 2, 0, 7]);
        assert_eq!(dialled, WITNESS_STREAM.to_be_bytes());

        let mut got = Got::default();
        for connection in sequence.split_inclusive(|word| word.ending != Ending::None) {
            let ending = connection.last().unwrap().ending;
            let mut runner = self.daemon.connect();
            let bytes: Vec<&[u8]> = connection.iter().map(|word| &*word.bytes).collect();
            match pace {
                Pace::Pipelined => runner.send_raw(&bytes.concat()),
                Pace::Stepwise => {
                    for bytes in &bytes[..bytes.len() - 1] {
                        runner.send_raw(bytes);
                        got.runner.extend(runner.quiet());
                        got.witness.extend(self.witness.quiet());
                    }
                    runner.send_raw(bytes[bytes.len() - 1]);
                }
            }
            if ending == Ending::None {
                got.runner.extend(runner.quiet());
                got.witness.extend(self.witness.quiet());
                assert_eq!(last_frames(runner, ending), []);
                // What the end of a sequence causes is compared where more words follow.
                self.witness.quiet();
            } else {
                got.runner.extend(last_frames(runner, ending));
                got.witness.extend(self.witness.quiet());
            }
        }
        let state = self.control.done(json!({"verb": "state"}));
        super::check_nothing_is_left(&state["state"]);
        let clients = self.control.done(json!({"verb": "clients"}));
        let clients = clients["clients"].as_array().unwrap();
        assert_eq!(clients.len(), 1, "{clients:?}");
        got
    }
}

/// What still comes when the connection ends. The daemon closes it once it has forgotten the client.
fn last_frames(mut runner: Client, ending: Ending) -> Vec<Frame> {
    if ending != Ending::HangsUp {
        runner.shutdown_write();
    }
    let mut last = Vec::new();
    loop {
        match runner.receive(Instant::now() + DEADLINE) {
            Received::Frame(code, payload) => last.push((code, payload)),
            Received::Eof => return last,
            // It has left something unread.
            Received::Reset if ending == Ending::HangsUp => return last,
            other => panic!("expected the end, got {other:?}"),
        }
    }
}
