//! Frame reader, decoder and node without a socket: sequences by the hundred thousand.

use std::cell::Cell;
use std::io::{self, Read};
use std::time::Duration;

use mockpilot::node::{ClientId, Config, Node, Profile, Sink};
use mockpilot::scenario::read::{Source, load};
use mockpilot::wire::frame::{self, FrameReader};
use mockpilot::wire::{Address, Push, Reply, Request, decode, encode_push, encode_reply};

use super::model::{WITNESS_PORT, WITNESS_STREAM};
use super::support::first_frame;
use super::vocabulary::{Ending, Word};
use super::{Frame, Got, Pace, SCENARIO};

const WITNESS: ClientId = 1;

/// Time stands still.
const NOW: Duration = Duration::ZERO;

/// The node's clients, as far as bytes go to them.
#[derive(Default)]
struct Outlets {
    witness: Vec<u8>,
    runner: Vec<u8>,
}

impl Outlets {
    fn of(&mut self, client: ClientId) -> &mut Vec<u8> {
        match client {
            WITNESS => &mut self.witness,
            _ => &mut self.runner,
        }
    }

    fn take(&mut self) -> Got {
        let got = Got {
            runner: frames(&self.runner),
            witness: frames(&self.witness),
        };
        self.runner.clear();
        self.witness.clear();
        got
    }
}

impl Sink for Outlets {
    fn reply(&mut self, client: ClientId, reply: Reply<'_>) {
        encode_reply(self.of(client), &reply);
    }

    fn late_reply(&mut self, client: ClientId, _: u64, reply: Reply<'_>) {
        self.reply(client, reply);
    }

    fn push(&mut self, client: ClientId, push: Push<'_>) {
        encode_push(self.of(client), &push);
    }
}

fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((code, payload, rest)) = first_frame(bytes) {
        frames.push((code, payload.to_vec()));
        bytes = rest;
    }
    assert_eq!(bytes, b"", "a frame that is not whole");
    frames
}

/// A source that is fed while it is read.
struct Feed<'a>(&'a Cell<&'a [u8]>);

impl Read for Feed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut left = self.0.get();
        let count = left.read(into)?;
        self.0.set(left);
        Ok(count)
    }
}

/// The world that [`SCENARIO`] describes.
pub fn config(profile: Profile) -> Config {
    let scenario = load(&[Source::Text(SCENARIO.to_owned())]).unwrap();
    Config {
        profile,
        ..scenario.config
    }
}

/// A fresh node, on which a sequence is run.
pub struct Inside {
    node: Node,
    outlets: Outlets,
    runner: ClientId,
}

impl Inside {
    /// The witness is there, and the runner has just come.
    pub fn new(config: &Config) -> Inside {
        let mut node = Node::new(config, NOW);
        node.client_came(WITNESS);
        let mut outlets = Outlets::default();
        let to = Address::new(0, 2);
        for request in [
            Request::Bind { port: WITNESS_PORT },
            Request::Dial { to, port: 7 },
        ] {
            node.handle(WITNESS, &request, 0, NOW, &mut outlets);
        }
        let dialled = (0x04, WITNESS_STREAM.to_be_bytes().to_vec());
        assert_eq!(outlets.take().witness[1], dialled);
        let runner = WITNESS + 1;
        node.client_came(runner);
        Inside {
            node,
            outlets,
            runner,
        }
    }

    /// Runs a sequence: what the clients got, for each word where it is run stepwise.
    pub fn run(&mut self, sequence: &[&Word], pace: Pace) -> Vec<Got> {
        let mut all = Vec::new();
        for connection in sequence.split_inclusive(|word| word.ending != Ending::None) {
            let mut pieces: Vec<&[u8]> = connection.iter().map(|word| &*word.bytes).collect();
            let whole = pieces.concat();
            if pace == Pace::Pipelined {
                pieces = vec![&whole];
            }
            let source = Cell::new(&[][..]);
            let mut reader = FrameReader::new(Feed(&source));
            let mut ending = None;
            for piece in pieces {
                source.set(piece);
                ending = self.read(&mut reader, &source);
                all.push(self.outlets.take());
            }
            let ending = ending.unwrap_or_else(|| reader.fill().expect_err("there is no more"));
            let expected = connection.last().unwrap().ending;
            assert!(
                match expected {
                    Ending::None | Ending::Leaves(0) => matches!(ending, frame::Ending::Clean),
                    Ending::Leaves(bytes) => matches!(ending, frame::Ending::Cut(n) if n == bytes),
                    Ending::HangsUp => matches!(ending, frame::Ending::TooLong(_)),
                },
                "{expected:?}: {ending:?}"
            );
            if expected != Ending::None {
                self.leave();
                let last = all.last_mut().unwrap();
                last.witness.extend(self.outlets.take().witness);
                self.runner += 1;
                self.node.client_came(self.runner);
            }
        }
        all
    }

    /// Serves all that has been fed; gives the ending where the reader found it.
    fn read(
        &mut self,
        reader: &mut FrameReader<Feed<'_>>,
        source: &Cell<&[u8]>,
    ) -> Option<frame::Ending> {
        loop {
            match reader.buffered() {
                Ok(Some(frame)) => self.serve(frame),
                Ok(None) if source.get().is_empty() => return None,
                Ok(None) => reader.fill().unwrap(),
                Err(ending) => return Some(ending),
            }
        }
    }

    fn serve(&mut self, frame: frame::Frame<'_>) {
        match decode(frame) {
            Ok(request) => self
                .node
                .handle(self.runner, &request, 0, NOW, &mut self.outlets),
            Err(malformed) if malformed.answered => {
                self.outlets
                    .reply(self.runner, Reply::Error(malformed.text));
            }
            Err(_) => {}
        }
    }

    fn leave(&mut self) {
        self.node.client_gone(self.runner, NOW, &mut self.outlets);
    }

    /// What the witness gets for data on its stream.
    pub fn witness_sends(&mut self, data: &[u8]) -> Vec<Frame> {
        let send = Request::Send {
            conn: WITNESS_STREAM,
            data,
        };
        self.node.handle(WITNESS, &send, 0, NOW, &mut self.outlets);
        self.node.handle(
            WITNESS,
            &Request::HandshakePending,
            0,
            NOW,
            &mut self.outlets,
        );
        self.outlets.take().witness
    }

    /// The runner leaves; the node's state behind it.
    pub fn end(mut self) -> serde_json::Value {
        self.leave();
        self.node.state(NOW)
    }
}
