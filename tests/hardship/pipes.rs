//! Standard error is a pipe that is full and that nobody reads, or whose reader has gone.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::daemon::{Daemon, mockpilot};
use super::support::{Client, TempDir, end_in_time, poll};

const O_NONBLOCK: i32 = 0o4000;

const UNMET: &str = r#"{"expect":[{"on":"dial"}]}"#;

/// A full pipe: what keeps it open, and its writing end.
fn full_pipe(path: &Path) -> (File, File) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
    let mut both = OpenOptions::new();
    both.read(true).write(true).custom_flags(O_NONBLOCK);
    let mut both = both.open(path).unwrap();
    for piece in [4096, 1] {
        let full = poll(|| both.write(&[b'x'; 4096][..piece]).err());
        assert_eq!(full.unwrap().kind(), ErrorKind::WouldBlock);
    }
    let end = OpenOptions::new().write(true).open(path).unwrap();
    (both, end)
}

/// Starts a daemon with this standard error, has it serve and ends it; its status and its time.
fn serve_and_end(directory: &TempDir, errors: File, args: &[&str]) -> (i32, Duration) {
    serve_and(directory, errors, args, || {})
}

/// The same, with something that happens between the last answer and the end.
fn serve_and(
    directory: &TempDir,
    errors: File,
    args: &[&str],
    last: impl FnOnce(),
) -> (i32, Duration) {
    let socket = directory.join("s");
    let mut command = mockpilot();
    command
        .args([&["-socket", "s"], args].concat())
        .current_dir(directory.path());
    let mut daemon = Daemon::spawn(command.stderr(errors));
    assert!(poll(|| socket.exists().then_some(())).is_some());
    let mut client = Client::connect(&socket);
    for _ in 0..100 {
        client.call_ok(0x21, &[]);
    }
    last();
    let before = Instant::now();
    let status = daemon.terminate().0;
    let took = before.elapsed();
    assert!(!socket.exists(), "{args:?}: the socket is left");
    (status, took)
}

#[test]
fn one_that_nobody_reads_does_not_keep_the_daemon() {
    for (args, status) in [
        (&["-v"][..], 0),
        (&["--scenario", UNMET], 3),
        (&["--journal", "/dev/full"], 1),
    ] {
        end_in_time(1, || {
            let directory = TempDir::new();
            let (_both, end) = full_pipe(&directory.join("e"));
            let (ended, took) = serve_and_end(&directory, end, args);
            assert_eq!(ended, status, "{args:?}");
            took
        });
    }
}

#[test]
fn one_that_is_read_in_the_end_has_the_last_words() {
    let directory = TempDir::new();
    let errors = directory.join("e");
    let (both, end) = full_pipe(&errors);
    let mut reader = BufReader::new(File::open(&errors).unwrap());
    drop(both);
    let mut rest = None;
    let args = ["--scenario", UNMET];
    let (ended, _) = serve_and(&directory, end, &args, || {
        let reading = thread::spawn(move || {
            let mut first = Vec::new();
            reader.read_until(b'\n', &mut first).unwrap();
            (first, reader)
        });
        poll(|| reading.is_finished().then_some(())).expect("a line");
        let (first, reader) = reading.join().unwrap();
        // It had no room until now, but for what filled the pipe.
        let first = String::from_utf8(first).unwrap();
        assert!(first.starts_with("xxx") && first.contains("xmockpilot: listening on "));
        rest = Some(reader);
    });
    assert_eq!(ended, 3);
    let mut said = String::new();
    rest.unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("expected at least 1"), "{said}");
}

#[test]
fn one_whose_reader_has_gone_is_no_trouble() {
    for (args, status) in [(&["-v"][..], 0), (&["--scenario", UNMET], 3)] {
        let directory = TempDir::new();
        let (both, end) = full_pipe(&directory.join("e"));
        drop(both);
        assert_eq!(serve_and_end(&directory, end, args).0, status);
    }
}

#[test]
fn a_failed_start_is_told_to_who_waits_for_it_though_nobody_reads_the_rest() {
    let directory = TempDir::new();
    let (_both, end) = full_pipe(&directory.join("e"));
    let mut command = mockpilot();
    command
        .args(["-socket", "no/s", "--ready-fd", "1"])
        .current_dir(directory.path())
        .stdout(Stdio::piped());
    let (status, told, _) = Daemon::spawn(command.stderr(end)).end();
    assert_eq!(told, "{\"error\":\"no: no such directory\"}\n");
    assert_eq!(status, 1);
}
