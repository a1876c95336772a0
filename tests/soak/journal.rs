//! The daemon's journal, read from a FIFO while it runs: what it says of every client.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::kinds::{Counts, NAMES, kind};
use super::world::Record;

/// What the journal says of one client.
#[derive(Default)]
struct Account {
    received: Counts,
    /// Frames to it, answers and pushes.
    sent: u64,
    dropped: u64,
    reason: String,
}

#[derive(Default)]
pub struct Journal {
    accounts: HashMap<u64, Account>,
    pub entries: u64,
    pub bytes: u64,
}

impl Journal {
    /// Reads until the daemon has ended. Entries are numbered without a gap.
    pub fn read(path: &Path) -> Result<Journal, String> {
        let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut journal = Journal::default();
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line);
            if read.map_err(|error| format!("journal: {error}"))? == 0 {
                return Ok(journal);
            }
            journal.bytes += line.len() as u64;
            if journal.enter(&line).is_none() {
                let line = String::from_utf8_lossy(&line).into_owned();
                return Err(format!("journal behind entry {}: {line}", journal.entries));
            }
        }
    }

    fn enter(&mut self, line: &[u8]) -> Option<()> {
        let line = std::str::from_utf8(line).ok()?;
        line.ends_with("}\n").then_some(())?;
        let (seq, rest) = number(line.strip_prefix("{\"seq\":")?)?;
        (seq == self.entries + 1).then_some(())?;
        self.entries = seq;
        let (_, rest) = number(rest.strip_prefix(",\"t_us\":")?)?;
        let Some(rest) = rest.strip_prefix(",\"client\":") else {
            // Of no client: a reset, the end.
            return rest.starts_with(",\"dir\":\"event\"").then_some(());
        };
        let (client, rest) = number(rest)?;
        let account = self.accounts.entry(client).or_default();
        let (direction, rest) = text(rest.strip_prefix(",\"dir\":")?)?;
        match direction {
            "in" => {
                let (name, _) = text(rest.strip_prefix(",\"cmd\":")?)?;
                account.received.0[kind(name)] += 1;
            }
            "out" | "push" => account.sent += 1,
            _ => match text(rest.strip_prefix(",\"event\":")?)? {
                ("dropped", _) => account.dropped += 1,
                ("disconnect", rest) => {
                    account.reason = text(rest.strip_prefix(",\"reason\":")?)?.0.to_owned();
                }
                _ => {}
            },
        }
        Some(())
    }

    /// Compares what a client has counted with what the journal says of it.
    pub fn compare(&self, record: &Record) -> Result<(), String> {
        let number = record.number;
        let Some(account) = self.accounts.get(&number) else {
            return Err(format!("client {number} is not in the journal"));
        };
        for (kind, name) in NAMES.iter().enumerate() {
            let (sent, seen) = (record.sent.0[kind], account.received.0[kind]);
            if seen > sent || (record.clean && seen < sent) {
                return Err(format!(
                    "client {number}: {sent} {name} sent, {seen} in the journal"
                ));
            }
        }
        let (came, left) = (record.received, account.sent);
        if came > left || (record.clean && came < left) {
            return Err(format!(
                "client {number}: {came} frames came, {left} in the journal"
            ));
        }
        if record.lost > account.dropped {
            let (lost, dropped) = (record.lost, account.dropped);
            return Err(format!(
                "client {number}: {lost} datagrams lost, {dropped} dropped"
            ));
        }
        let reason = &account.reason;
        // A client that closes with answers unread may be gone before its last bytes are looked at.
        let alike = *reason == record.reason || (record.reason == "cut_frame" && reason == "eof");
        let cut = !record.clean && record.reason == "eof" && reason == "cut_frame";
        match alike || cut {
            true => Ok(()),
            false => Err(format!(
                "client {number} left by {}, not {reason:?}",
                record.reason
            )),
        }
    }

    /// Datagrams that were dropped for want of room.
    pub fn dropped(&self) -> u64 {
        self.accounts.values().map(|account| account.dropped).sum()
    }
}

fn number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// A string without escapes.
fn text(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('"')?.split_once('"')
}

#[test]
fn what_does_not_add_up_is_told() {
    let mut journal = Journal::default();
    let lines = [
        r#"{"seq":1,"t_us":5,"client":7,"dir":"event","event":"connect"}"#,
        r#"{"seq":2,"t_us":5,"client":7,"dir":"in","cmd":"health","code":33,"len":1,"fields":{}}"#,
        r#"{"seq":3,"t_us":5,"client":7,"dir":"out","cmd":"health_ok","code":34,"len":9,"fields":{}}"#,
        r#"{"seq":4,"t_us":6,"client":7,"dir":"event","event":"dropped","what":"recv_from"}"#,
        r#"{"seq":5,"t_us":6,"client":7,"dir":"event","event":"disconnect","reason":"eof"}"#,
    ];
    for line in lines {
        assert_eq!(
            journal.enter(format!("{line}\n").as_bytes()),
            Some(()),
            "{line}"
        );
    }
    assert_eq!(
        journal.enter(format!("{}\n", lines[4]).as_bytes()),
        None,
        "a gap"
    );
    let mut record = super::client::fresh(7);
    (record.clean, record.received, record.lost) = (true, 1, 1);
    record.sent.0[kind("health")] = 1;
    assert_eq!(journal.compare(&record), Ok(()));
    let wrong = |change: &dyn Fn(&mut Record)| {
        let mut record = record.clone();
        change(&mut record);
        journal.compare(&record).unwrap_err()
    };
    assert!(wrong(&|r| r.sent.0[kind("health")] = 2).contains("2 health sent, 1"));
    assert!(wrong(&|r| r.received = 2).contains("2 frames came, 1"));
    assert!(wrong(&|r| r.lost = 2).contains("2 datagrams lost, 1"));
    assert!(wrong(&|r| r.reason = "drop").contains("left by drop, not \"eof\""));
    assert!(wrong(&|r| r.number = 8).contains("not in the journal"));
}
