//! A daemon with a control socket, and those who talk to it.
#![allow(dead_code)] // Every test file uses a part of it.

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::support::{Binary, Client, DEADLINE, TempDir, poll};

/// A running daemon, whose control socket is beside its own.
pub struct Steered {
    pub daemon: Binary,
    pub control: PathBuf,
}

impl Steered {
    pub fn start(args: &[&str]) -> Steered {
        Steered::start_in(TempDir::new(), args)
    }

    /// The same in a directory that already holds something.
    pub fn start_in(directory: TempDir, args: &[&str]) -> Steered {
        let control = directory.join("c");
        let mut daemon = Binary::launch_in(directory, &[&["--control", "c"], args].concat());
        daemon.wait_for_socket();
        Steered { daemon, control }
    }

    /// With a scenario, and a journal in the file `j`.
    pub fn play(scenario: &Value) -> Steered {
        let text = scenario.to_string();
        Steered::start(&["--scenario", &text, "--journal", "j"])
    }

    pub fn connect(&self) -> Client {
        self.daemon.connect()
    }

    /// A client that has been answered, so that the daemon has it.
    pub fn settled(&self) -> Client {
        let mut client = self.connect();
        client.call_ok(0x21, &[]);
        client
    }

    pub fn talk(&self) -> Talk {
        Talk::new(&self.control)
    }

    /// What one request on a connection of its own gets.
    pub fn ask(&self, request: Value) -> Value {
        self.talk().ask(request)
    }

    /// The same, which must be done.
    pub fn done(&self, request: Value) -> Value {
        self.talk().done(request)
    }

    /// The journal's entries behind a number.
    pub fn entries(&self, since: u64) -> Vec<Value> {
        let answer = self.done(json!({"verb": "journal", "since": since}));
        answer["entries"].as_array().unwrap().clone()
    }

    /// Waits for an entry of the journal.
    pub fn entry(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = poll(|| self.entries(0).into_iter().find(&wanted));
        found.unwrap_or_else(|| panic!("no such entry: {:#?}", self.entries(0)))
    }

    /// The journal's file `j`.
    pub fn journal(&self) -> PathBuf {
        self.daemon.directory().join("j")
    }
}

/// One connection to a control socket.
pub struct Talk(BufReader<UnixStream>);

impl Talk {
    pub fn new(control: &Path) -> Talk {
        let stream = UnixStream::connect(control).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Talk(BufReader::new(stream))
    }

    pub fn send(&mut self, request: Value) {
        let line = format!("{request}\n");
        self.0.get_mut().write_all(line.as_bytes()).unwrap();
    }

    /// The next line; empty where there is no more.
    pub fn line(&mut self) -> String {
        self.try_line().unwrap()
    }

    pub fn try_line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line)
    }

    /// Sends a request as it is written.
    pub fn ask_text(&mut self, line: &str) -> Value {
        let line = format!("{line}\n");
        self.0.get_mut().write_all(line.as_bytes()).unwrap();
        self.answer()
    }

    pub fn answer(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    pub fn ask(&mut self, request: Value) -> Value {
        self.send(request);
        self.answer()
    }

    pub fn done(&mut self, request: Value) -> Value {
        self.send(request.clone());
        let answer = self.answer();
        assert_eq!(answer["ok"], true, "{request}: {answer}");
        answer
    }

    /// Ends the writing side only.
    pub fn shutdown_write(&mut self) {
        self.0.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    /// Hands the connection to a process that sleeps, and that nobody else shares it with.
    pub fn hold_by_process(self) -> std::process::Child {
        let stream = OwnedFd::from(self.0.into_inner());
        let mut sleep = Command::new("sleep");
        sleep.arg("60").stdin(stream).spawn().unwrap()
    }
}

/// Runs `mockpilot` to its end: status, standard output, standard error.
pub fn mockpilot<A: AsRef<std::ffi::OsStr>>(args: &[A]) -> (i32, String, String) {
    fed(args, b"")
}

/// The same with something on its standard input.
pub fn fed<A: AsRef<std::ffi::OsStr>>(args: &[A], input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .args(args)
        .env_remove("MOCKPILOT_CONTROL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeding = std::thread::spawn(move || {
        // It may end before it has read everything.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    told(output)
}

fn told(output: Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output.status.code().unwrap_or(-1), out, err)
}

/// The lines of a text, each an object.
pub fn values(text: &str) -> Vec<Value> {
    let value =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    text.lines().map(value).collect()
}
