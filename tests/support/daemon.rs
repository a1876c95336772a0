//! The daemon as a child with all the descriptors that a test wants to give it.
#![allow(dead_code)] // Every test file uses a part of it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use mockpilot::sys;

use super::support::{Client, DEADLINE, poll};

const SIGTERM: i32 = 15;

pub fn mockpilot() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mockpilot"));
    command
        .env_remove("NOTIFY_SOCKET")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// The daemon with descriptors that only a shell can give it: `$0` is the program.
pub fn in_shell(script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_mockpilot"))
        .args(arguments)
        .env_remove("NOTIFY_SOCKET")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A child that does not outlive the test.
pub struct Daemon(pub Child);

impl Daemon {
    pub fn spawn(command: &mut Command) -> Daemon {
        Daemon(command.spawn().unwrap())
    }

    /// The first line of standard output. No more of it is kept.
    pub fn first_line(&mut self) -> String {
        let mut stdout = BufReader::new(self.0.stdout.take().unwrap());
        let (give, line) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            let _ = give.send(line);
        });
        line.recv_timeout(DEADLINE).expect("a line or an end")
    }

    /// Status, standard output and standard error at the end.
    pub fn end(&mut self) -> (i32, String, String) {
        let stdout = read_all(self.0.stdout.take());
        let stderr = read_all(self.0.stderr.take());
        let status = poll(|| self.0.try_wait().unwrap()).expect("the daemon ends");
        let text = |reader: thread::JoinHandle<String>| reader.join().unwrap();
        (status.code().unwrap_or(-1), text(stdout), text(stderr))
    }

    pub fn terminate(&mut self) -> (i32, String, String) {
        sys::kill(self.0.id(), SIGTERM).unwrap();
        self.end()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        super::support::end(&mut self.0);
    }
}

pub fn read_all(source: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut source) = source {
            source.read_to_string(&mut text).unwrap();
        }
        text
    })
}

/// Exactly one connect, and a request that is answered.
pub fn use_once(socket: &Path) {
    let mut client = Client::connect(socket);
    client.call_ok(0x21, &[]);
}
