//! One run of `mockpilot exec`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use mockpilot::sys;

use super::support::TempDir;

/// A run whose temporary files are in a directory of their own, where nothing may stay.
pub struct Run {
    pub temporary: TempDir,
    pub command: Command,
}

impl Run {
    pub fn new(words: &[&str]) -> Run {
        let temporary = TempDir::new();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mockpilot"));
        command
            .arg("exec")
            .args(words)
            .env("TMPDIR", temporary.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Run { temporary, command }
    }

    pub fn shell(options: &[&str], script: &str) -> Run {
        let mut words = options.to_vec();
        words.extend(["--", "/bin/sh", "-c", script]);
        Run::new(&words)
    }

    /// Runs to the end: status, standard output, standard error.
    pub fn finish(mut self) -> (i32, String, String) {
        let output = self.command.output().unwrap();
        self.finished(output)
    }

    fn finished(&self, output: Output) -> (i32, String, String) {
        let left: Vec<_> = fs::read_dir(self.temporary.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (
            output.status.code().unwrap_or(-1),
            text(&output.stdout),
            text(&output.stderr),
        )
    }

    /// Starts it, and gives the first line that the command prints. It is to end when `stdin` closes.
    pub fn start(mut self) -> Started {
        let mut child = self.command.stdin(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        Started {
            line: line.trim_end().to_owned(),
            child,
            stdin,
            stdout,
            run: self,
        }
    }
}

pub struct Started {
    pub run: Run,
    pub child: Child,
    pub line: String,
    pub stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Started {
    pub fn signal(&self, signal: i32) {
        sys::kill(self.child.id(), signal).unwrap();
    }

    pub fn finish(mut self) -> (i32, String, String) {
        drop(self.stdin.take());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let mut output = self.child.wait_with_output().unwrap();
        output.stdout = rest.into_bytes();
        self.run.finished(output)
    }
}

/// Prints where the daemon is, and ends with `status` when standard input does.
pub fn until_told(status: i32) -> String {
    format!("echo $PILOT_SOCKET; cat >/dev/null; exit {status}")
}

/// Shell words that find the daemon's process: its log is written by a thread of its own, later perhaps
/// than COMMAND starts.
pub fn daemon_of(log: &str) -> String {
    format!("until daemon=$(sed -n 's/.*, pid //p' '{log}') && [ -n \"$daemon\" ]; do :; done")
}

/// Runs a shell that would go on for ever once it has set its trap: the time-out it got, its status and
/// its output. On a busy machine the shortest may be over before it comes to that.
pub fn too_late(trap: &str) -> (Duration, i32, String) {
    let script = format!("{trap}; echo trapped; while :; do sleep 0.05; done");
    for milliseconds in [100, 1000, 10_000] {
        let timeout = format!("{milliseconds}ms");
        let (status, output, _) = Run::shell(&["-q", "--timeout", &timeout], &script).finish();
        if output.starts_with("trapped\n") {
            return (Duration::from_millis(milliseconds), status, output);
        }
        assert_eq!(status, 124);
    }
    panic!("the trap was not set: {trap}");
}
