//! Files that cannot grow, and readers of the journal that leave or stop.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::confined::{Confined, has_no_gap, is_served};
use super::support::{Client, TempDir, poll};

/// Files may have 8 blocks; the program's own coverage, where it is measured, would not fit either.
const SMALL_FILES: &str = "export LLVM_PROFILE_FILE=/dev/null; ulimit -f 8";

const O_NONBLOCK: i32 = 0o4000;

/// The daemon serves on and has all entries in its memory.
fn goes_on(daemon: &Confined, client: &mut Client, asked: usize) -> Vec<Value> {
    client.call_ok(0x0D, &[]);
    let kept = daemon.talk().done(json!({"verb": "journal", "since": 0}));
    let kept = kept["entries"].as_array().unwrap().clone();
    has_no_gap(&kept);
    let health = kept.iter().filter(|entry| entry["cmd"] == "health");
    assert_eq!(health.count(), asked);
    kept
}

#[test]
fn a_journal_that_may_not_grow_is_a_failure_and_not_the_end() {
    let mut daemon = Confined::after(SMALL_FILES, &["--journal", "j"]);
    let mut client = daemon.connect();
    for _ in 0..200 {
        client.call_ok(0x21, &[]);
    }
    daemon.says_once("mockpilot: j: the journal is incomplete: file too large\n");
    let kept = goes_on(&daemon, &mut client, 200);
    // What fits is there, in whole lines.
    let text = fs::read_to_string(daemon.path("j")).unwrap();
    assert!(text.ends_with('\n'), "{}", &text[text.len() - 80..]);
    let written = daemon.file();
    assert!(written.len() > 5 && written.len() < kept.len());
    assert_eq!(written[..], kept[..written.len()]);
    assert_eq!(daemon.terminate().0, Some(1));
    client.recv_eof();
}

#[test]
fn a_log_that_may_not_grow_holds_nothing_up() {
    let mut daemon = Confined::after(SMALL_FILES, &["-v", "--log", "l"]);
    let mut client = daemon.connect();
    for _ in 0..500 {
        client.call_ok(0x21, &[]);
    }
    assert_eq!(daemon.terminate().0, Some(0));
    assert!(fs::metadata(daemon.path("l")).unwrap().len() > 2000);
    assert_eq!(daemon.said(), "");
}

/// What cannot be written whole leaves what was there, and nothing beside it.
#[test]
fn coverage_that_does_not_fit_is_not_written() {
    let directory = TempDir::new();
    let record = |n| format!("SF:{n}.c\nDA:1,1\nend_of_record\n");
    let tracefile: String = (0..2000).map(record).collect();
    fs::write(directory.join("in.info"), tracefile).unwrap();
    fs::write(directory.join("out.info"), "old").unwrap();
    for (words, place) in [
        ("merge -o out.info in.info", "out.info"),
        ("merge -o out.json in.info", "out.json"),
        ("merge in.info >piped", "standard output"),
        ("report in.info >piped", "standard output"),
    ] {
        let script = format!("{SMALL_FILES}; exec \"$0\" cover {words}");
        let output = Command::new("/bin/sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_mockpilot")])
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{words}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said, format!("mockpilot: {place}: file too large\n"));
    }
    let old = fs::read_to_string(directory.join("out.info")).unwrap();
    assert_eq!(old, "old");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
}

fn with_fifo() -> TempDir {
    let directory = TempDir::new();
    let made = Command::new("mkfifo").arg(directory.join("j")).status();
    assert!(made.unwrap().success());
    directory
}

fn reader(daemon: &Confined) -> File {
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(O_NONBLOCK);
    options.open(daemon.path("j")).unwrap()
}

#[test]
fn a_reader_that_leaves_is_told_once_and_all_is_remembered() {
    let mut daemon = Confined::after_in(with_fifo(), "", &["--journal", "j"]);
    let mut reader = reader(&daemon);
    let mut client = daemon.connect();
    for _ in 0..10 {
        client.call_ok(0x21, &[]);
    }
    let some = poll(|| reader.read(&mut [0; 9999]).ok().filter(|count| *count > 0));
    assert!(some.is_some());
    drop(reader);
    for _ in 0..10 {
        client.call_ok(0x21, &[]);
    }
    daemon.says_once("mockpilot: j: the journal is incomplete: broken pipe\n");
    goes_on(&daemon, &mut client, 20);
    assert_eq!(daemon.terminate().0, Some(1));
}

/// Sends more than may wait for the writer, until no more is taken: then the client waits for the journal,
/// and so does whoever comes.
fn overfill(daemon: &Confined) -> Client {
    let client = daemon.settled();
    let data = [&[0, 0, 0, 9][..], &[b'x'; 60_000]].concat();
    let frames = Client::frame(0x06, &data).repeat(200);
    let mut stream = client.stream();
    let patience = Duration::from_millis(300);
    stream.set_write_timeout(Some(patience)).unwrap();
    let mut sent = 0;
    // What the socket itself holds is much less than a megabyte.
    loop {
        match stream.write(&frames[sent..]) {
            Ok(count) => sent += count,
            Err(_) if sent > 1 << 20 => return client,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        assert!(sent < frames.len(), "all of it is taken");
    }
}

#[test]
fn a_reader_that_stops_does_not_keep_the_daemon() {
    let mut daemon = Confined::after_in(with_fifo(), "", &["--journal", "j", "--journal-raw"]);
    let reader = reader(&daemon);
    let _client = overfill(&daemon);
    assert_eq!(daemon.terminate().0, Some(1));
    let said = daemon.said();
    assert!(
        said.contains("mockpilot: j: the journal is incomplete: nobody reads on\n"),
        "{said}"
    );
    assert!(!daemon.path("s").exists());
    drop(reader);
}

#[test]
fn a_reader_that_never_comes_does_not_keep_the_daemon() {
    let mut daemon = Confined::after_in(with_fifo(), "", &["--journal", "j", "--journal-raw"]);
    let _client = overfill(&daemon);
    assert_eq!(daemon.terminate().0, Some(1));
    let said = daemon.said();
    assert!(
        said.contains("mockpilot: j: the journal is incomplete: nobody has opened it to read\n"),
        "{said}"
    );
}

/// A working directory that is gone is no reason not to serve elsewhere.
#[test]
fn a_working_directory_that_is_gone() {
    let directory = TempDir::new();
    fs::create_dir(directory.join("gone")).unwrap();
    let setting = "here=$PWD; cd gone; rmdir ../gone; unset HOME";
    let script = format!(
        "{setting}\n\"$0\" -socket s; echo \"$?\" >\"$here/status\"\nexec \"$0\" -socket \"$here/s\""
    );
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_mockpilot")]);
    let mut daemon = Confined::run(directory, &mut shell);
    assert!(is_served(&mut daemon.connect()));
    assert_eq!(daemon.terminate().0, Some(0));
    daemon.says_once("mockpilot: s: cannot find the way to it: no such file or directory\n");
    let status = fs::read_to_string(daemon.path("status")).unwrap();
    assert_eq!(status, "1\n");
    assert_eq!(daemon.names(), ["status"]);
}
