//! What a run did: operations by kind, and what became of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Steps by profile, kind and outcome.
#[derive(Debug, Default)]
pub struct Tally {
    counts: BTreeMap<String, BTreeMap<String, [u64; 2]>>,
    pub steps: [u64; 2],
    pub sessions: [u64; 2],
}

const PROFILES: [&str; 2] = ["lenient", "faithful"];

const MALFORMED: [&str; 6] = [
    "handshake",
    "managed",
    "managed.member_tags",
    "managed.policy",
    "network",
    "raw",
];

/// Good ones need an issuer's key, which nobody has: the faithful profile refuses them all.
const UNPINNED: [&str; 2] = ["enroll_recovery", "submit_badge"];

/// Where a profile's numbers stand.
fn place(lenient: bool) -> usize {
    usize::from(!lenient)
}

impl Tally {
    pub fn count(&mut self, lenient: bool, kind: &str, outcome: &str) {
        let outcome = if outcome.is_empty() { "ok" } else { outcome };
        let kinds = self.counts.entry(kind.to_owned()).or_default();
        if !kinds.contains_key(outcome) {
            kinds.insert(outcome.to_owned(), [0; 2]);
        }
        kinds.get_mut(outcome).unwrap()[place(lenient)] += 1;
        self.steps[place(lenient)] += 1;
    }

    pub fn add_session(&mut self, lenient: bool) {
        self.sessions[place(lenient)] += 1;
    }

    pub fn add(&mut self, other: &Tally) {
        for (kind, outcomes) in &other.counts {
            for (outcome, counts) in outcomes {
                let sum = self
                    .counts
                    .entry(kind.clone())
                    .or_default()
                    .entry(outcome.clone())
                    .or_default();
                (0..2).for_each(|n| sum[n] += counts[n]);
            }
        }
        (0..2).for_each(|n| self.steps[n] += other.steps[n]);
        (0..2).for_each(|n| self.sessions[n] += other.sessions[n]);
    }

    /// All steps.
    pub fn sum(&self) -> u64 {
        self.steps.iter().sum()
    }

    /// Kinds of steps that never came to anything in one profile or the other: every one of them was
    /// refused. Those without a sub-command are made to be.
    pub fn always_refused(&self) -> Vec<String> {
        let refused = |outcome: &str| outcome.contains(':') || outcome.starts_with("no such");
        let mut all = Vec::new();
        for (kind, outcomes) in self
            .counts
            .iter()
            .filter(|(kind, _)| !MALFORMED.contains(&&***kind))
        {
            for (n, profile) in PROFILES.iter().enumerate() {
                let mut good = outcomes.iter().filter(|(outcome, _)| !refused(outcome));
                if !(n == 1 && UNPINNED.contains(&&**kind))
                    && good.all(|(_, counts)| counts[n] == 0)
                {
                    all.push(format!("{kind} ({profile})"));
                }
            }
        }
        all
    }

    /// The table, with what was run above it.
    pub fn report(&self, seed: u64, took: Duration, finding: Option<&str>) -> String {
        let mut text =
            String::from("Random operations by several clients, checked against a plain model\n\n");
        let _ = writeln!(text, "seed      {seed}");
        let _ = writeln!(text, "time      {:.1} s", took.as_secs_f64());
        for (n, profile) in PROFILES.iter().enumerate() {
            let (steps, sessions) = (self.steps[n], self.sessions[n]);
            let _ = writeln!(text, "{profile:<9} {steps} steps, {sessions} daemons");
        }
        let rate = self.sum() as f64 / took.as_secs_f64().max(0.001);
        let _ = writeln!(text, "rate      {rate:.0} steps a second");
        let _ = writeln!(text, "finding   {}", finding.unwrap_or("none"));
        let _ = writeln!(
            text,
            "\n{:>10} {:>10}  step: outcome",
            "lenient", "faithful"
        );
        for (kind, outcomes) in &self.counts {
            for (outcome, [lenient, faithful]) in outcomes {
                let _ = writeln!(text, "{lenient:>10} {faithful:>10}  {kind}: {outcome}");
            }
        }
        text
    }
}
