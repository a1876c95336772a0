//! The built binary, run as a child in a directory of its own.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use super::{Client, TempDir, poll};

/// A running `mockpilot`. Ended on drop, by SIGTERM, so that it leaves its coverage; on a panic its
/// command, directory, status and output are printed first.
pub struct Binary {
    child: Child,
    status: Option<ExitStatus>,
    command: String,
    directory: TempDir,
    socket: PathBuf,
    stdout: Stream,
    stderr: Stream,
}

impl Binary {
    /// `mockpilot -socket PATH ARGS…`, once the socket is there. It is looked for with stat, as harnesses
    /// do; the one [`connect`](Binary::connect) that follows must then succeed, and is client 1.
    pub fn start<A: AsRef<OsStr>>(args: &[A]) -> Binary {
        Binary::start_with(&[], args)
    }

    /// The same with variables in the daemon's environment.
    pub fn start_with<A: AsRef<OsStr>>(variables: &[(&str, &OsStr)], args: &[A]) -> Binary {
        let directory = TempDir::new();
        let mut binary = Binary::launch_with(directory, variables, args);
        binary.wait_for_socket();
        binary
    }

    /// The same, but without waiting for the socket: for starts that are to fail.
    pub fn launch<A: AsRef<OsStr>>(args: &[A]) -> Binary {
        Binary::launch_in(TempDir::new(), args)
    }

    /// The same in a directory that already holds something.
    pub fn launch_in<A: AsRef<OsStr>>(directory: TempDir, args: &[A]) -> Binary {
        Binary::launch_with(directory, &[], args)
    }

    fn launch_with<A: AsRef<OsStr>>(
        directory: TempDir,
        variables: &[(&str, &OsStr)],
        args: &[A],
    ) -> Binary {
        let socket = directory.join("s");
        let mut all: Vec<OsString> = vec!["-socket".into(), socket.clone().into()];
        all.extend(args.iter().map(|arg| arg.as_ref().to_owned()));
        Binary::run(directory, socket, variables, &all)
    }

    /// `mockpilot ARGS…` in a directory of its own, with no option added.
    pub fn bare<A: AsRef<OsStr>>(args: &[A]) -> Binary {
        let directory = TempDir::new();
        let socket = directory.join("s");
        Binary::run(directory, socket, &[], args)
    }

    fn run<A: AsRef<OsStr>>(
        directory: TempDir,
        socket: PathBuf,
        variables: &[(&str, &OsStr)],
        args: &[A],
    ) -> Binary {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mockpilot"));
        command
            .args(args)
            .current_dir(directory.path())
            .env_remove("NOTIFY_SOCKET")
            .env_remove("MOCKPILOT_CONTROL")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let text = format!("{command:?}");
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let stdout = Stream::new(child.stdout.take());
        let stderr = Stream::new(child.stderr.take());
        Binary {
            child,
            status: None,
            command: text,
            directory,
            socket,
            stdout,
            stderr,
        }
    }

    /// Waits until the socket's path is there, and panics when the daemon ends instead.
    pub fn wait_for_socket(&mut self) {
        let socket = self.socket.clone();
        let ready = poll(|| {
            if self.ended().is_some() {
                return Some(false);
            }
            socket.symlink_metadata().is_ok().then_some(true)
        });
        if ready == Some(false) {
            self.wait();
        }
        assert_eq!(ready, Some(true), "no socket\n{}", self.report());
    }

    /// A client on the daemon's socket, by one connect.
    pub fn connect(&self) -> Client {
        Client::connect(&self.socket)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The directory that the daemon runs in.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("/bin/sh")
            .args(["-c", r#"kill -s "$0" "$1""#, name, &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(sent.success(), "kill -s {name}: {sent}\n{}", self.report());
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Waits for the end, at most [`DEADLINE`](super::DEADLINE) long.
    pub fn wait(&mut self) -> ExitStatus {
        match poll(|| self.ended()) {
            Some(status) => {
                self.stdout.finish();
                self.stderr.finish();
                status
            }
            None => panic!("still running\n{}", self.report()),
        }
    }

    /// The exit status, if the daemon has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().unwrap();
        }
        self.status
    }

    /// What the daemon wrote to stdout; all of it once [`wait`](Binary::wait) has returned.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// The same of stderr.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Everything there is to know about a run that failed.
    pub fn report(&self) -> String {
        let mut report = format!("command: {}\n", self.command);
        let _ = writeln!(report, "directory: {}", self.directory.path().display());
        match self.status {
            Some(status) => report.push_str(&format!("status: {status}\n")),
            None => report.push_str("status: running\n"),
        }
        let _ = writeln!(report, "stdout:\n{}", self.stdout());
        let _ = write!(report, "stderr:\n{}", self.stderr());
        report
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        self.ended();
        if std::thread::panicking() {
            eprintln!("{}", self.report());
        }
        super::end(&mut self.child);
    }
}

/// One output of the child, read as it comes so that the child never waits for us.
struct Stream {
    text: std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn new(source: Option<impl Read + Send + 'static>) -> Stream {
        let text = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = text.clone();
        let mut source = source.expect("the output is piped");
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = source.read(&mut piece) {
                sink.lock().unwrap().extend_from_slice(&piece[..count]);
            }
        });
        Stream {
            text,
            reader: Some(reader),
        }
    }

    /// Reads what is left after the child's end. A grandchild that still holds the pipe is not waited
    /// for longer than the deadline.
    fn finish(&mut self) {
        if let Some(reader) = self.reader.take()
            && poll(|| reader.is_finished().then_some(())).is_some()
        {
            let _ = reader.join();
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }
}
