//! What a run writes down.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::kinds::Tally;
use super::plan::{CLIENTS, Plan};
use super::run::Side;

pub fn told(plan: Plan, took: Duration, sides: &[Side], verdict: &Result<(), String>) -> String {
    let mut all = Tally::default();
    for side in sides {
        all.add(&side.world.tally.lock().unwrap());
    }
    let seconds = took.as_secs_f64();
    let sent = all.sent.total();
    let mut text = format!(
        "soak: {} clients of two daemons, {:.0} s of load, {seconds:.1} s in all, seed {}\n",
        2 * CLIENTS,
        plan.time.as_secs_f64(),
        plan.seed
    );
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    let _ = writeln!(
        text,
        "build: {build}; write time-out {:?}",
        plan.write_timeout
    );
    let _ = writeln!(
        text,
        "requests: {sent}, {:.0} a second",
        sent as f64 / seconds
    );
    let verdict = verdict.as_ref().map_or_else(
        |clause| format!("FAILED: {clause}"),
        |()| match plan.has_plateau() {
            true => "flat, all accounted for".into(),
            false => "all accounted for; too short to say whether memory is flat".into(),
        },
    );
    let _ = writeln!(text, "verdict: {verdict}\n\nBoth daemons\n{}", all.table());
    for side in sides {
        let world = &side.world;
        let _ = writeln!(
            text,
            "== {} daemon\n\n{}",
            world.profile(),
            world.tally.lock().unwrap().table()
        );
        let records = world.records.lock().unwrap();
        let clean = records.iter().filter(|record| record.clean).count();
        let frames: u64 = records.iter().map(|record| record.received).sum();
        let lost: u64 = records.iter().map(|record| record.lost).sum();
        let _ = writeln!(
            text,
            "connections: {} ({clean} ended with everything read, {} in the middle of something)",
            records.len(),
            records.len() - clean
        );
        let datagrams = world.datagrams.load(std::sync::atomic::Ordering::SeqCst);
        let _ = writeln!(
            text,
            "frames to clients: {frames}, datagrams heard: {datagrams}, lost: {lost}"
        );
        if let Some(journal) = &side.journal {
            let _ = writeln!(
                text,
                "journal: {} entries of {} bytes, {} datagrams dropped for want of room",
                journal.entries,
                journal.bytes,
                journal.dropped()
            );
        }
        let notes: BTreeMap<_, _> = world.notes.lock().unwrap().clone().into_iter().collect();
        for (what, count) in notes {
            let _ = writeln!(text, "{what}: {count}");
        }
        let curve = &side.curve;
        for (when, sample) in [("before", curve.before), ("after", curve.after)] {
            let _ = writeln!(
                text,
                "{when} all clients: {} KiB, {} threads, {} descriptors",
                sample.rss_kib, sample.threads, sample.descriptors
            );
        }
        if curve.samples.is_empty() {
            continue;
        }
        let found = curve.found();
        let _ = writeln!(
            text,
            "last two thirds: a rise of {:.0} KiB ({:.4} bytes a request; {} KiB are allowed), from {:.0} KiB",
            found.rise_kib, found.bytes_per_request, plan.bounds.rise_kib, found.settled_kib
        );
        let _ = writeln!(text, "\nVmRSS\n{}\n{}", curve.plot(), curve.csv());
    }
    text
}
