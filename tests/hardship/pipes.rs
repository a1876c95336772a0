//! Standard error is a pipe that is full and that nobody reads, or whose reader has gone.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mockpilot::sys;

use super::confined::SIGTERM;
use super::support::{Client, TempDir, poll};

const O_NONBLOCK: i32 = 0o4000;

const UNMET: &str = r#"{"expect":[{"on":"dial"}]}"#;

/// The contract says 200 ms; a loaded machine takes longer.
const LIMIT: Duration = Duration::from_secs(3);

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
fn serve_and_end(directory: &TempDir, errors: File, args: &[&str]) -> (Option<i32>, Duration) {
    let socket = directory.join("s");
    let mut child = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .args([&["-socket", "s"], args].concat())
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .spawn()
        .unwrap();
    assert!(poll(|| socket.exists().then_some(())).is_some());
    let mut client = Client::connect(&socket);
    for _ in 0..100 {
        client.call_ok(0x21, &[]);
    }
    let before = Instant::now();
    sys::kill(child.id(), SIGTERM).unwrap();
    let status = poll(|| child.try_wait().unwrap());
    let took = before.elapsed();
    if status.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(!socket.exists(), "{args:?}: the socket is left");
    let status = status.unwrap_or_else(|| panic!("{args:?}: it does not end"));
    (status.code(), took)
}

#[test]
fn one_that_nobody_reads_does_not_keep_the_daemon() {
    for (args, status) in [
        (&["-v"][..], 0),
        (&["--scenario", UNMET], 3),
        (&["--journal", "/dev/full"], 1),
    ] {
        let directory = TempDir::new();
        let (_both, end) = full_pipe(&directory.join("e"));
        let (ended, took) = serve_and_end(&directory, end, args);
        assert_eq!(ended, Some(status), "{args:?}");
        assert!(took < LIMIT, "{args:?}: {took:?}");
    }
}

#[test]
fn one_that_is_read_in_the_end_has_the_last_words() {
    let directory = TempDir::new();
    let errors = directory.join("e");
    let (both, end) = full_pipe(&errors);
    drop(both);
    let reading = std::thread::spawn(move || std::fs::read_to_string(errors).unwrap());
    let (ended, _) = serve_and_end(&directory, end, &["--scenario", UNMET]);
    assert_eq!(ended, Some(3));
    let said = reading.join().unwrap();
    assert!(said.contains("expected at least 1"), "{said}");
}

#[test]
fn one_whose_reader_has_gone_is_no_trouble() {
    for (args, status) in [(&["-v"][..], 0), (&["--scenario", UNMET], 3)] {
        let directory = TempDir::new();
        let (both, end) = full_pipe(&directory.join("e"));
        drop(both);
        assert_eq!(serve_and_end(&directory, end, args).0, Some(status));
    }
}

#[test]
fn a_failed_start_is_told_to_who_waits_for_it_though_nobody_reads_the_rest() {
    let directory = TempDir::new();
    let (_both, end) = full_pipe(&directory.join("e"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .args(["-socket", "no/s", "--ready-fd", "1"])
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(end)
        .spawn()
        .unwrap();
    let status = poll(|| child.try_wait().unwrap());
    if status.is_none() {
        child.kill().unwrap();
    }
    let told = child.wait_with_output().unwrap().stdout;
    let told = String::from_utf8(told).unwrap();
    assert_eq!(told, "{\"error\":\"no: no such directory\"}\n");
    assert_eq!(status.expect("it ends").code(), Some(1));
}

/// A full socket, as some launchers give one for standard error: what keeps it open, and its writing end.
fn full_socket() -> (UnixStream, File) {
    let (other, mut end) = UnixStream::pair().unwrap();
    end.set_nonblocking(true).unwrap();
    for piece in [4096, 1] {
        let full = poll(|| end.write(&[b'x'; 4096][..piece]).err());
        assert_eq!(full.unwrap().kind(), ErrorKind::WouldBlock);
    }
    end.set_nonblocking(false).unwrap();
    (other, File::from(OwnedFd::from(end)))
}

#[test]
fn a_socket_that_nobody_reads_does_not_keep_the_daemon() {
    for (args, status) in [
        (&["-v"][..], 0),
        (&["-v", "--scenario", UNMET], 3),
        (&["--journal", "/dev/full"], 1),
    ] {
        let (_other, end) = full_socket();
        let (ended, took) = serve_and_end(&TempDir::new(), end, args);
        assert_eq!(ended, Some(status), "{args:?}");
        assert!(took < LIMIT, "{args:?}: {took:?}");
    }
}

#[test]
fn a_socket_that_is_read_has_all_the_last_words() {
    let (mut other, end) = full_socket();
    let reading = std::thread::spawn(move || {
        let mut said = String::new();
        other.read_to_string(&mut said).unwrap();
        said
    });
    let unmet = vec![r#"{"on":"dial"}"#; 1000].join(",");
    let scenario = format!("{{\"expect\":[{unmet}]}}");
    let (ended, _) = serve_and_end(&TempDir::new(), end, &["--scenario", &scenario]);
    assert_eq!(ended, Some(3));
    let said = reading.join().unwrap();
    assert_eq!(said.matches("expected at least 1").count(), 1000);
}
