//! SIGTERM while everything happens: dials, sends, pushes, connects, control lines, the journal's file.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::rounds::{OWN_80, PORT_80, are_many, play, told};
use crate::steered::{Steered, values};
use crate::support::{Client, DEADLINE, Received, poll};

const KILL: i32 = 9;
const TERM: i32 = 15;
const DIAL_OK: u8 = 0x04;
const HEALTH: u8 = 0x21;
const HEALTH_OK: u8 = 0x22;

/// What the contract gives, and what one end may need on a machine that runs all tests at once.
const CONTRACT: Duration = Duration::from_millis(200);
const LOADED: Duration = Duration::from_secs(5);

/// What everybody shares: how much has happened, and whether the signal was sent.
#[derive(Default)]
struct Bustle {
    requests: AtomicU64,
    frames: AtomicU64,
    over: AtomicBool,
}

impl Bustle {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// Ends the daemon where a check fails, so that whoever serves until it is gone can stop.
struct EndOnPanic<'a>(u32, &'a Bustle);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.1.over.store(true, Ordering::Relaxed);
            let _ = mockpilot::sys::kill(self.0, KILL);
        }
    }
}

/// The next frame; `None` at the end, which comes between two of them.
fn next(client: &mut Client, bustle: &Bustle) -> Option<(u8, Vec<u8>)> {
    loop {
        match client.receive(Instant::now() + DEADLINE) {
            Received::Frame(code, payload) => {
                bustle.frames.fetch_add(1, Ordering::Relaxed);
                return Some((code, payload));
            }
            // What it had sent last was not read; whether a frame was cut off says the end behind it.
            Received::Reset => {}
            Received::Eof if bustle.is_over() => return None,
            other => panic!("after whole frames came {other:?}"),
        }
    }
}

/// Asks and awaits the answer to the last request, until the daemon is gone; a stream that it opens is
/// closed with the next requests.
fn ask(mut client: Client, requests: &[u8], bustle: &Bustle) {
    let mut close = Vec::new();
    loop {
        let requests = [&close, requests].concat();
        if let Err(error) = client.stream().write_all(&requests) {
            let gone = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
            assert!(gone.contains(&error.kind()) && bustle.is_over(), "{error}");
        }
        bustle.requests.fetch_add(1, Ordering::Relaxed);
        loop {
            match next(&mut client, bustle) {
                None => return,
                Some((HEALTH_OK, _)) => break,
                Some((DIAL_OK, id)) => close = Client::frame(0x08, &id),
                Some(_) => {}
            }
        }
    }
}

/// Comes, asks one thing and leaves, again and again.
fn come_and_go(path: &Path, bustle: &Bustle) {
    while let Ok(stream) = UnixStream::connect(path) {
        let mut client = Client::over(stream);
        let sent = client.stream().write_all(&Client::frame(HEALTH, &[]));
        assert!(sent.is_ok() || bustle.is_over(), "{sent:?}");
        while next(&mut client, bustle).is_some_and(|(code, _)| code != HEALTH_OK) {}
        bustle.requests.fetch_add(1, Ordering::Relaxed);
    }
    assert!(bustle.is_over());
}

/// Steers until the daemon is gone; every answer is a whole line.
fn steer(path: &Path, requests: &[Value], bustle: &Bustle) {
    let Ok(stream) = UnixStream::connect(path) else {
        return assert!(bustle.is_over());
    };
    let mut talk = BufReader::new(stream);
    talk.get_ref().set_read_timeout(Some(DEADLINE)).unwrap();
    for request in requests.iter().cycle() {
        let mut line = String::new();
        let sent = talk.get_mut().write_all(format!("{request}\n").as_bytes());
        if sent.is_err() || !matches!(talk.read_line(&mut line), Ok(1..)) {
            assert!(bustle.is_over(), "{request}: no answer");
            return;
        }
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
        assert!(
            line.ends_with('\n') && answer["ok"] == true || bustle.is_over(),
            "{line:?}"
        );
    }
}

/// The journal ends with a whole line, misses no number, and knows of every frame that came.
fn check_journal(path: &Path, came: u64) -> usize {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(
        text.ends_with('\n'),
        "{:?}",
        &text[text.len().saturating_sub(200)..]
    );
    let entries = values(&text);
    let mut stops = 0;
    let mut out = 0;
    for (index, entry) in entries.iter().enumerate() {
        assert_eq!(entry["seq"], index as u64 + 1);
        stops += usize::from(entry["event"] == "stop");
        out += u64::from(entry["dir"] == "out" || entry["dir"] == "push");
    }
    assert_eq!(stops, 1);
    assert!(came <= out, "{came} frames came, {out} are known");
    entries.len()
}

#[test]
fn sigterm_meets_everything() {
    let (mut times, mut entries, mut frames) = (Vec::new(), 0, 0);
    play("SIGTERM during everything", 3, |_, chance| {
        let mut steered = Steered::start(&["--journal", "j"]);
        let path = steered.daemon.socket().to_owned();
        let mut listener = steered.settled();
        listener.call_ok(0x01, &PORT_80);
        let mut dialler = steered.settled();
        let near = dialler.call_ok(0x03, &OWN_80);
        let bustle = Bustle::default();
        let until = 5 + chance.below(100) as u64;
        let data = Client::frame(0x06, &[&near[..], &[7; 100]].concat());
        let health = Client::frame(HEALTH, &[]);
        let busy = [data.repeat(16), health.clone()].concat();
        let dials = [
            Client::frame(0x03, &OWN_80),
            Client::frame(0x0D, &[]),
            health,
        ]
        .concat();
        let push =
            json!({"verb": "push", "push": {"raw": {"command": 119, "data": "x"}, "to": "all"}});
        let verbs = [push, json!({"verb": "state"}), json!({"verb": "clients"})];
        let status = std::thread::scope(|scope| {
            let (bustle, path, control) = (&bustle, &path, &steered.control);
            let (busy, dials, verbs) = (&busy, &dials, &verbs);
            let _guard = EndOnPanic(steered.daemon.pid(), bustle);
            scope.spawn(move || while next(&mut listener, bustle).is_some() {});
            scope.spawn(move || ask(dialler, busy, bustle));
            let short = steered.connect();
            scope.spawn(move || ask(short, dials, bustle));
            scope.spawn(move || come_and_go(path, bustle));
            scope.spawn(move || steer(control, verbs, bustle));
            let enough = || (bustle.requests.load(Ordering::Relaxed) >= until).then_some(());
            poll(enough).expect("requests");
            bustle.over.store(true, Ordering::Relaxed);
            let signalled = Instant::now();
            mockpilot::sys::kill(steered.daemon.pid(), TERM).unwrap();
            let status = steered.daemon.wait();
            times.push(signalled.elapsed());
            status
        });
        let took = *times.last().unwrap();
        assert!(took < LOADED, "{took:?}");
        assert_eq!(status.code(), Some(0), "{}", steered.daemon.report());
        let log = steered.daemon.stderr();
        assert!(!log.contains("panicked"), "{log}");
        let left = std::fs::read_dir(steered.daemon.directory()).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["j"], "only the journal is left");
        let came = bustle.frames.load(Ordering::Relaxed);
        frames += came;
        entries += check_journal(&steered.journal(), came);
    });
    let late = times.iter().filter(|took| **took > CONTRACT).count();
    println!(
        "races: SIGTERM during everything: {frames} frames came, {entries} entries, {late} ends took over {CONTRACT:?}"
    );
    let middle = told("from SIGTERM to the exit", times);
    assert!(!are_many() || middle < CONTRACT, "{middle:?}");
}
