//! The kinds of requests, by the names that the journal gives them, and what became of them.

use std::fmt::Write as _;

use super::commands::NAMES as COMMANDS;

/// What else the journal calls a request: its byte or its sub-byte is nobody's.
const OTHERS: [&str; 4] = ["unknown", "handshake", "network", "managed"];

pub const NAMES: [&str; COMMANDS.len() + OTHERS.len()] = {
    let mut all = [""; COMMANDS.len() + OTHERS.len()];
    let (commands, others) = all.split_at_mut(COMMANDS.len());
    commands.copy_from_slice(&COMMANDS);
    others.copy_from_slice(&OTHERS);
    all
};

/// A kind's place in [`NAMES`].
pub fn kind(name: &str) -> usize {
    let place = NAMES.iter().position(|other| *other == name);
    place.unwrap_or_else(|| panic!("no kind {name}"))
}

/// A number for every kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts(pub [u64; NAMES.len()]);

impl Default for Counts {
    fn default() -> Self {
        Counts([0; NAMES.len()])
    }
}

impl Counts {
    pub fn add(&mut self, other: &Counts) {
        for (mine, more) in self.0.iter_mut().zip(other.0) {
            *mine += more;
        }
    }

    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// What became of the requests of some clients.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub sent: Counts,
    pub replied: Counts,
    /// Those that the protocol, or a rule, leaves without a reply.
    pub silent: Counts,
    /// Those whose client left before it had the reply.
    pub cut: Counts,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.sent.add(&other.sent);
        self.replied.add(&other.replied);
        self.silent.add(&other.silent);
        self.cut.add(&other.cut);
    }

    /// Names the first kind whose requests are not all accounted for, or, after a long run, of which there are
    /// none.
    pub fn check(&self, long: bool) -> Result<(), String> {
        for (kind, name) in NAMES.iter().enumerate() {
            let sent = self.sent.0[kind];
            if long && sent == 0 {
                return Err(format!("{name} was never asked"));
            }
            let (replied, silent) = (self.replied.0[kind], self.silent.0[kind]);
            let cut = self.cut.0[kind];
            if sent != replied + silent + cut {
                return Err(format!(
                    "{name}: {sent} sent, but {replied} replied, {silent} silent and {cut} cut off"
                ));
            }
        }
        Ok(())
    }

    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<26}{:>12}{:>12}{:>12}{:>10}\n",
            "request", "sent", "replied", "silent", "cut off"
        );
        let all = self.sent.total();
        let rows = NAMES.iter().enumerate().map(|(kind, name)| {
            let of = |counts: &Counts| counts.0[kind];
            let row = [&self.sent, &self.replied, &self.silent, &self.cut].map(of);
            (*name, row)
        });
        let totals = [&self.sent, &self.replied, &self.silent, &self.cut].map(Counts::total);
        for (name, [sent, replied, silent, cut]) in rows.chain([("all", totals)]) {
            let _ = writeln!(
                text,
                "{name:<26}{sent:>12}{replied:>12}{silent:>12}{cut:>10}"
            );
        }
        debug_assert!(all == totals[0]);
        text
    }
}

#[test]
fn a_request_that_is_not_accounted_for_is_named() {
    let mut tally = Tally::default();
    let health = kind("health");
    (
        tally.sent.0[health],
        tally.replied.0[health],
        tally.cut.0[health],
    ) = (5, 3, 2);
    assert_eq!(tally.check(false), Ok(()));
    assert_eq!(tally.check(true), Err("bind was never asked".to_owned()));
    tally.cut.0[health] = 1;
    let error = tally.check(false).unwrap_err();
    assert_eq!(
        error,
        "health: 5 sent, but 3 replied, 0 silent and 1 cut off"
    );
}
