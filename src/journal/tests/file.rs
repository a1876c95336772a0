//! The journal's file.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::log::Verbosity;
use crate::testing::TempDir;

fn written_to(file: &Path, log: &Log) -> Journal {
    Journal::new(Options::default(), Instant::now(), Some(file), log).unwrap()
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
fn what_waits_for_room_at_the_end_is_written() {
    let directory = TempDir::new();
    let file = directory.path().join("fifo");
    make_fifo(&file);
    let journal = written_to(&file, &Log::none());
    let mut reader = File::open(&file).unwrap();
    let data = vec![b'y'; 500_000];
    let text = thread::scope(|scope| {
        // More than the pipe and the queue hold.
        let entering = scope.spawn(|| {
            let body = [b"{\"a\":\"", &data[..], b"\"}"].concat();
            for _ in 0..20 {
                journal.sent(1, Direction::Out, 0x0E, &body, None);
            }
        });
        while journal.writer.waiters() == 0 {
            thread::yield_now();
        }
        let closing = scope.spawn(|| journal.close());
        while journal.writer.is_open() {
            thread::yield_now();
        }
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        closing.join().unwrap().unwrap();
        entering.join().unwrap();
        text
    });
    // The one that waited, and none of those that came after the end.
    let entered = journal.entries(0, 100).len() as u64;
    assert_eq!(entered, 20);
    let lines = text.lines().count();
    assert!((3..20).contains(&lines), "{lines}");
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["seq"], lines);
}

#[test]
fn who_reads_on_too_late_gets_whole_lines_and_an_end() {
    let directory = TempDir::new();
    let file = directory.path().join("fifo");
    make_fifo(&file);
    let journal = written_to(&file, &Log::none());
    let text = thread::scope(|scope| {
        scope.spawn(|| {
            while journal.writer.is_open() {
                receive(&journal, 1, 0x0D, b"");
            }
        });
        while journal.writer.waiters() == 0 {
            thread::yield_now();
        }
        // All that waits is taken to be written, and nobody reads it.
        let mut reader = File::open(&file).unwrap();
        journal.hurry();
        while journal.writer.is_open() {
            thread::sleep(Duration::from_millis(1));
        }
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    // A megabyte of records waited, whose lines are longer still.
    assert!(
        text.len() < 300_000 && text.ends_with('\n'),
        "{}",
        text.len()
    );
    assert!(journal.close().unwrap_err().contains("nobody reads on"));
}

#[test]
fn the_end_waits_for_a_fifos_reader() {
    let directory = TempDir::new();
    let file = directory.path().join("fifo");
    make_fifo(&file);
    let journal = written_to(&file, &Log::none());
    receive(&journal, 1, 0x0D, b"");
    let text = thread::scope(|scope| {
        let reader = scope.spawn(|| fs::read_to_string(&file).unwrap());
        journal.close().unwrap();
        reader.join().unwrap()
    });
    assert_eq!(text.lines().count(), 1);
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
