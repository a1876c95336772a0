use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::log::Verbosity;
use crate::testing::TempDir;
use crate::wire;

fn kept(options: Options) -> Journal {
    Journal::new(options, Instant::now(), None, &Log::none()).unwrap()
}

fn written_to(file: &Path, log: &Log) -> Journal {
    Journal::new(Options::default(), Instant::now(), Some(file), log).unwrap()
}

fn receive(journal: &Journal, client: ClientId, code: u8, payload: &[u8]) -> u64 {
    let frame = Frame { code, payload };
    journal.received(client, frame, &wire::decode(frame), None)
}

fn values(lines: &[String]) -> Vec<Value> {
    let value = |line: &String| serde_json::from_str(line).unwrap();
    lines.iter().map(value).collect()
}

/// The entry without its time, which is a number.
fn timeless(line: &str) -> String {
    let (start, end) = line.split_once("\"t_us\":").unwrap();
    let rest = end.trim_start_matches(|c: char| c.is_ascii_digit());
    assert!(rest.len() < end.len());
    format!("{start}{}", &rest[1..])
}

#[test]
fn entries_have_the_contracts_form() {
    let journal = kept(Options::default());
    let frame = Frame {
        code: 0x03,
        payload: b"\0\0\0\0\0\x02\0\x50",
    };
    let rule = Some("slow \"<dial>\"");
    assert_eq!(journal.received(3, frame, &wire::decode(frame), rule), 1);
    assert_eq!(journal.sent(3, Direction::Out, 0x0A, b"\0\x01no", None), 2);
    assert_eq!(
        journal.sent(4, Direction::Push, 0x09, &[0, 0, 0, 9], rule),
        3
    );
    let lines: Vec<String> = journal.entries(0, 10).iter().map(|l| timeless(l)).collect();
    assert_eq!(
        lines,
        [
            r#"{"seq":1,"client":3,"dir":"in","cmd":"dial","code":3,"len":9,"fields":{"address":"0:0000.0000.0002","network":0,"node":2,"port":80},"rule":"slow \"<dial>\""}"#,
            r#"{"seq":2,"client":3,"dir":"out","cmd":"error","code":10,"len":5,"fields":{"code":1,"message":"no"}}"#,
            r#"{"seq":3,"client":4,"dir":"push","cmd":"close_ok","code":9,"len":5,"fields":{"conn":9},"rule":"slow \"<dial>\""}"#,
        ]
    );
}

#[test]
fn every_event_has_its_form() {
    let journal = kept(Options::default());
    for (client, event, wanted) in [
        (Some(1), Event::Connect, r#""event":"connect""#),
        (
            Some(1),
            Event::Disconnect(Reason::CutFrame),
            r#""event":"disconnect","reason":"cut_frame""#,
        ),
        (
            Some(1),
            Event::Malformed { text: "a \"b\"" },
            r#""event":"malformed","text":"a \"b\"""#,
        ),
        (
            Some(1),
            Event::OverLimit { length: 9 },
            r#""event":"over_limit","length":9"#,
        ),
        (
            Some(1),
            Event::Fault { name: "stall" },
            r#""event":"fault","fault":"stall""#,
        ),
        (
            None,
            Event::Dropped { what: "recv" },
            r#""event":"dropped","what":"recv""#,
        ),
        (None, Event::Reset, r#""event":"reset""#),
        (None, Event::Stop, r#""event":"stop""#),
    ] {
        let seq = journal.event(client, &event, Some("r"));
        let client = client.map_or(String::new(), |client| format!("\"client\":{client},"));
        assert_eq!(
            timeless(&journal.entries(seq - 1, 1)[0]),
            format!("{{\"seq\":{seq},{client}\"dir\":\"event\",{wanted},\"rule\":\"r\"}}")
        );
    }
    let names = [
        (Reason::Eof, "eof"),
        (Reason::OverLimit, "over_limit"),
        (Reason::Timeout, "timeout"),
        (Reason::Drop, "drop"),
        (Reason::Fault, "fault"),
        (Reason::Stop, "stop"),
    ];
    assert!(names.iter().all(|(reason, name)| reason.name() == *name));
}

#[test]
fn the_last_entries_and_frames_are_given_out() {
    let journal = kept(Options::default());
    for port in 0..50u16 {
        receive(&journal, 1, 0x01, &port.to_be_bytes());
        journal.event(Some(1), &Event::Connect, None);
    }
    let seqs = |lines: &[String]| -> Vec<u64> {
        values(lines)
            .iter()
            .map(|v| v["seq"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(seqs(&journal.entries(0, 3)), [98, 99, 100]);
    assert_eq!(seqs(&journal.entries(98, 10)), [99, 100]);
    assert!(journal.entries(100, 10).is_empty());
    assert!(journal.entries(u64::MAX, 10).is_empty());
    let frames: Vec<String> = journal.last_frames(20).lines().map(String::from).collect();
    assert_eq!(seqs(&frames), (61..=99).step_by(2).collect::<Vec<_>>());
    assert_eq!(values(&frames)[19]["fields"], json!({"port": 49}));
    assert_eq!(kept(Options::default()).last_frames(20), "");
}

#[test]
fn memory_is_bounded_and_the_newest_stay() {
    let journal = kept(Options::default());
    let data = vec![b'x'; 100_000];
    for _ in 0..3000 {
        receive(&journal, 1, 0x06, &data);
    }
    let held: usize = journal
        .writer
        .behind(0)
        .iter()
        .map(|chunk| chunk.size())
        .sum();
    assert!(held <= 32 << 20, "{held}");
    let mut seen = Vec::new();
    journal.requests(0, &mut |seq, _, frame| {
        assert_eq!(frame.payload.len(), KEPT);
        seen.push(seq);
    });
    assert!(seen.len() > 1500, "{}", seen.len());
    assert!(seen.is_sorted() && seen.last() == Some(&3000));
    for _ in 0..300_000 {
        receive(&journal, 1, 0x0D, b"");
    }
    assert_eq!(journal.entries(0, usize::MAX).len(), SERVED);
    assert_eq!(values(&journal.entries(302_999, 5))[0]["seq"], 303_000);
}

#[test]
fn requests_come_in_order_and_without_the_rest() {
    let journal = kept(Options::default());
    receive(&journal, 1, 0x01, &[0, 80]);
    journal.sent(1, Direction::Out, 0x02, &[0, 80], None);
    journal.event(None, &Event::Reset, None);
    receive(&journal, 2, 0x7E, b"abc");
    let mut seen = Vec::new();
    let mut visit = |seq, client, frame: Frame<'_>| {
        seen.push((seq, client, frame.code, frame.payload.to_vec()));
    };
    journal.requests(0, &mut visit);
    journal.requests(1, &mut visit);
    let last = (4, 2, 0x7E, b"abc".to_vec());
    assert_eq!(seen, [(1, 1, 0x01, vec![0, 80]), last.clone(), last]);
}

#[test]
fn what_was_cut_is_still_told() {
    let journal = kept(Options::default());
    let mut data = vec![0, 0, 0, 9];
    data.resize(100_000, b'x');
    receive(&journal, 1, 0x06, &data);
    journal.sent(1, Direction::Push, 0x07, &data, None);
    let tags = format!("[\"{}\"]", "x".repeat(20_000));
    receive(&journal, 1, 0x19, tags.as_bytes());
    receive(&journal, 1, 0x19, &tags.as_bytes()[..20_000]);
    let entries = values(&journal.entries(0, 10));
    for entry in &entries[..2] {
        assert_eq!(entry["fields"]["conn"], 9);
        assert_eq!(entry["fields"]["bytes"], 99_996);
        assert_eq!(entry["fields"]["data"], "x".repeat(64));
        assert_eq!(entry["len"], 100_001);
    }
    assert_eq!(entries[2]["fields"], json!({}));
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(1000));
    journal.sent(1, Direction::Push, 0x0E, body.as_bytes(), None);
    let pushed = &values(&journal.entries(4, 1))[0];
    assert_eq!(pushed["fields"]["a"], "x".repeat(1000));
    let text = "set_tags: invalid JSON: unexpected end of JSON input";
    assert_eq!(entries[3]["fields"], json!({"malformed": text}));
    assert_eq!(entries[3]["cmd"], "set_tags");
}

#[test]
fn raw_data_and_secrets_are_shown_when_asked_for() {
    let options = Options {
        raw: true,
        secrets: true,
    };
    let long = [&[0, 0, 0, 9][..], &[b'x'; 5000]].concat();
    let token = b"\0\x07\0\x50\0\x06s3cretdata";
    for (options, token_shown, shown) in [
        (options, "s3cret", 5000),
        (Options::default(), "<redacted>", 64),
    ] {
        let journal = kept(options);
        receive(&journal, 1, 0x29, token);
        journal.sent(1, Direction::Push, 0x07, &long, None);
        journal.sent(1, Direction::Out, 0x20, br#"{"token":"s3cret"}"#, None);
        let entries = values(&journal.entries(0, 10));
        assert_eq!(entries[0]["fields"]["token"], token_shown);
        assert_eq!(entries[1]["fields"]["data"], "x".repeat(shown));
        assert_eq!(entries[1]["fields"]["bytes"], 5000);
        assert_eq!(entries[2]["fields"]["token"], token_shown);
    }
}

#[test]
fn the_file_is_its_owners_and_is_appended_to() {
    let directory = TempDir::new();
    let file = directory.path().join("journal");
    for _ in 0..2 {
        let journal = written_to(&file, &Log::none());
        receive(&journal, 1, 0x01, &[0, 80]);
        journal.close().unwrap();
        journal.close().unwrap();
    }
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let lines: Vec<String> = fs::read_to_string(&file)
        .unwrap()
        .lines()
        .map(timeless)
        .collect();
    let line =
        r#"{"seq":1,"client":1,"dir":"in","cmd":"bind","code":1,"len":3,"fields":{"port":80}}"#;
    assert_eq!(lines, [line, line]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    written_to(&file, &Log::none()).close().unwrap();
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o640
    );
    let nowhere = directory.path().join("no/journal");
    let log = Log::none();
    assert!(Journal::new(Options::default(), Instant::now(), Some(&nowhere), &log).is_err());
}

#[test]
fn an_entry_is_in_the_file_at_once() {
    let directory = TempDir::new();
    let file = directory.path().join("fifo");
    make_fifo(&file);
    let journal = written_to(&file, &Log::none());
    let mut lines = BufReader::new(File::open(&file).unwrap());
    let mut quickest = Duration::MAX;
    for _ in 0..20 {
        let begun = Instant::now();
        receive(&journal, 1, 0x0D, b"");
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        quickest = quickest.min(begun.elapsed());
    }
    assert!(quickest < Duration::from_millis(10), "{quickest:?}");
    journal.close().unwrap();
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A million in a release build, a good part of that in a slow one.
const MANY: u64 = if cfg!(debug_assertions) {
    100_000
} else {
    1_000_000
};

#[test]
fn many_entries_of_many_threads_are_counted_exactly() {
    let directory = TempDir::new();
    let file = directory.path().join("journal");
    let journal = written_to(&file, &Log::none());
    let begun = Instant::now();
    thread::scope(|scope| {
        for client in 1..=4 {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..MANY / 4 {
                    receive(
                        journal,
                        client,
                        0x03,
                        &[0, 0, 0, 0, 0, 2, (n >> 8) as u8, n as u8],
                    );
                }
            });
        }
    });
    journal.close().unwrap();
    eprintln!("{MANY} entries in {:?}", begun.elapsed());
    let lines = BufReader::new(File::open(&file).unwrap()).lines();
    let mut count = 0;
    let mut time = 0;
    for line in lines {
        let line = line.unwrap();
        count += 1;
        assert!(
            line.starts_with(&format!("{{\"seq\":{count},\"t_us\":")),
            "{line}"
        );
        assert!(line.ends_with("}}"));
        let digits = line
            .split("\"t_us\":")
            .nth(1)
            .unwrap()
            .split(',')
            .next()
            .unwrap();
        let at: u64 = digits.parse().unwrap();
        assert!(at >= time);
        time = at;
    }
    assert_eq!(count, MANY);
}

#[test]
fn a_slow_reader_gets_everything_and_the_callers_wait() {
    let directory = TempDir::new();
    let file = directory.path().join("fifo");
    make_fifo(&file);
    let journal = written_to(&file, &Log::none());
    let data = vec![b'y'; 10_000];
    const COUNT: u64 = 3000;
    let (done, finished) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..COUNT {
                receive(&journal, 1, 0x06, &data);
            }
            done.send(()).unwrap();
            journal.close().unwrap();
        });
        // 30 MB are entered, of which 4 may wait: until somebody reads, nobody goes on.
        let early = finished.recv_timeout(Duration::from_millis(300));
        assert_eq!(early, Err(mpsc::RecvTimeoutError::Timeout));
        let mut reader = File::open(&file).unwrap();
        let mut text = Vec::new();
        let mut piece = [0; 1000];
        // Until the file is closed, which its writer does after the last line.
        loop {
            match reader.read(&mut piece).unwrap() {
                0 => break,
                count => text.extend_from_slice(&piece[..count]),
            }
        }
        assert_eq!(text.iter().filter(|b| **b == b'\n').count() as u64, COUNT);
    });
    journal.close().unwrap();
}

/// A journal's failure, and what the log said by the time an entry was refused.
fn failure_of(file: &Path, before: impl FnOnce()) -> (String, String) {
    let directory = TempDir::new();
    let log_file = directory.path().join("log");
    let log = Log::file(&log_file, Verbosity::Quiet).unwrap();
    let journal = written_to(file, &log);
    receive(&journal, 1, 0x0D, b"");
    before();
    while journal.writer.is_open() {
        receive(&journal, 1, 0x0D, b"");
    }
    log.flush(Duration::from_secs(10));
    let logged = fs::read_to_string(&log_file).unwrap();
    for _ in 0..100_000 {
        receive(&journal, 1, 0x0D, b"");
    }
    (journal.close().unwrap_err(), logged)
}

#[test]
fn a_full_disk_is_told_at_once_and_at_the_end() {
    let (failure, logged) = failure_of(Path::new("/dev/full"), || {});
    assert_eq!(
        failure,
        "/dev/full: the journal is incomplete: no space left on device"
    );
    assert_eq!(logged, format!("mockpilot: {failure}\n"));
}

#[test]
fn a_vanished_directory_is_told_at_once_and_at_the_end() {
    let directory = TempDir::new();
    let inner = directory.path().join("inner");
    let file = inner.join("journal");
    fs::create_dir(&inner).unwrap();
    let (failure, logged) = failure_of(&file, || fs::remove_dir_all(&inner).unwrap());
    let wanted = format!(
        "{}: the journal is incomplete: the file was deleted",
        file.display()
    );
    assert_eq!(failure, wanted);
    assert_eq!(logged, format!("mockpilot: {failure}\n"));
    // Also when nothing comes after it.
    fs::create_dir(&inner).unwrap();
    let journal = written_to(&file, &Log::none());
    fs::remove_dir_all(&inner).unwrap();
    assert_eq!(journal.close(), Err(wanted));
}

#[test]
fn a_fifo_that_nobody_reads_does_not_keep_the_daemon() {
    let directory = TempDir::new();
    let file = directory.path().join("fifo");
    make_fifo(&file);
    written_to(&file, &Log::none()).close().unwrap();
    let journal = written_to(&file, &Log::none());
    receive(&journal, 1, 0x0D, b"");
    let why = "the journal is incomplete: nobody has opened it to read";
    assert_eq!(journal.close(), Err(format!("{}: {why}", file.display())));
}
