use super::*;
use crate::testing::TempDir;
use std::io::{BufRead, BufReader, Read};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const LONG: Duration = Duration::from_secs(20);

fn write_one_of_each(log: &Log) {
    log.error("an error");
    log.warn("a warning");
    log.info("a note");
    log.frame(|| "a frame".into());
}

#[test]
fn verbosity_decides_what_is_written() {
    let directory = TempDir::new();
    let path = directory.path().join("log");
    let mut written = String::new();
    for (verbosity, lines) in [
        (Verbosity::Quiet, &["an error"][..]),
        (Verbosity::Normal, &["an error", "a warning", "a note"]),
        (
            Verbosity::Verbose,
            &["an error", "a warning", "a note", "a frame"],
        ),
    ] {
        let log = Log::file(&path, verbosity).unwrap();
        assert_eq!(log.verbose(), verbosity == Verbosity::Verbose);
        write_one_of_each(&log);
        log.flush(LONG);
        for line in lines {
            written += &format!("mockpilot: {line}\n");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    }
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_frame_that_is_not_logged_is_not_built() {
    let log = Log::stderr(Verbosity::Normal);
    log.frame(|| panic!("built"));
    log.flush(LONG);
    let log = Log::none();
    assert!(!log.verbose());
    log.frame(|| panic!("built"));
    write_one_of_each(&log);
    log.flush(LONG);
}

#[test]
fn one_event_is_one_line() {
    let (mut reader, writer) = UnixStream::pair().unwrap();
    let log = Log::to(writer, Verbosity::Normal);
    log.warn("a\nb\r\u{1b}[1mc\u{2028}\td\\n é");
    log.clone().warn("plain");
    drop(log);
    let mut written = String::new();
    reader.read_to_string(&mut written).unwrap();
    assert_eq!(
        written,
        "mockpilot: a\\nb\\r\\u{1b}[1mc\\u{2028}\td\\n é\nmockpilot: plain\n"
    );
}

#[test]
fn nobody_waits_for_a_reader_and_the_loss_is_told() {
    let (reader, writer) = UnixStream::pair().unwrap();
    let log = Log::to(writer, Verbosity::Normal);
    let line = "x".repeat(1000);
    let sent = 3 * QUEUE_LINES;
    for _ in 0..sent {
        log.info(&line);
    }
    let started = Instant::now();
    log.flush(Duration::from_millis(20));
    assert!(started.elapsed() < LONG);
    drop(log);
    let (mut kept, mut lost) = (0, 0);
    for read in BufReader::new(reader).lines() {
        let read = read.unwrap();
        match read.strip_prefix("mockpilot: log lines dropped: ") {
            Some(count) => lost += count.parse::<usize>().unwrap(),
            None => kept += 1,
        }
    }
    assert_eq!(kept + lost, sent);
    assert!(lost > 0, "{kept} kept");
}

#[test]
fn who_goes_on_logging_keeps_nobody_who_waits_for_a_reader() {
    let (_reader, writer) = UnixStream::pair().unwrap();
    let log = Log::to(writer, Verbosity::Normal);
    // More than a socket takes.
    log.info(&"x".repeat(1 << 20));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // As long as a line a millisecond has room.
            for _ in 0..QUEUE_LINES {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                log.info("x");
                thread::sleep(Duration::from_millis(1));
            }
        });
        let started = Instant::now();
        log.flush(Duration::from_millis(500));
        let took = started.elapsed();
        over.store(true, Ordering::SeqCst);
        assert!(took < Duration::from_secs(3), "{took:?}");
    });
}

#[test]
fn a_writer_that_comes_late_is_waited_for() {
    let (mut reader, writer) = UnixStream::pair().unwrap();
    let log = Log::to(writer, Verbosity::Normal);
    let Handle(shared) = log.writer.as_deref().unwrap();
    let output = shared.hold().output.take().unwrap();
    log.info("last words");
    let came = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // As on a machine with other work.
            thread::sleep(Duration::from_millis(50));
            came.store(true, Ordering::SeqCst);
            shared.run(output);
        });
        log.flush(Duration::from_millis(1));
        let waited = came.load(Ordering::SeqCst);
        shared.hold().closed = true;
        shared.changed.notify_all();
        assert!(waited, "it was given up before it came");
    });
    let mut written = String::new();
    reader.read_to_string(&mut written).unwrap();
    assert_eq!(written, "mockpilot: last words\n");
}

#[test]
fn a_reader_that_left_is_no_trouble() {
    let (reader, writer) = UnixStream::pair().unwrap();
    reader.shutdown(Shutdown::Both).unwrap();
    let log = Log::to(writer, Verbosity::Verbose);
    write_one_of_each(&log);
    log.flush(LONG);
    write_one_of_each(&log);
    log.flush(LONG);
    if let Some(Handle(shared)) = log.writer.as_deref() {
        assert!(shared.hold().broken && shared.hold().lines.is_empty());
    }
}

/// Fails with each of the errors, then writes a byte at a time.
struct Moody(Vec<ErrorKind>, UnixStream);

impl Write for Moody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.pop() {
            Some(kind) => Err(kind.into()),
            None => self.1.write(&bytes[..1]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn passing_errors_are_overcome() {
    let (mut reader, writer) = UnixStream::pair().unwrap();
    let moods = vec![
        ErrorKind::Interrupted,
        ErrorKind::WouldBlock,
        ErrorKind::StorageFull,
    ];
    let log = Log::to(Moody(moods, writer), Verbosity::Normal);
    log.info("lost");
    log.flush(LONG);
    log.info("kept");
    drop(log);
    let mut written = String::new();
    reader.read_to_string(&mut written).unwrap();
    assert_eq!(
        written,
        "mockpilot: kept\nmockpilot: log lines dropped: 1\n"
    );
}

#[test]
fn a_place_that_is_not_there_is_an_error() {
    let directory = TempDir::new();
    let missing = directory.path().join("none/log");
    let error = Log::file(&missing, Verbosity::Normal).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
