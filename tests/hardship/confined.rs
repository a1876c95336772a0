//! A daemon under the limits that a shell sets, and what the system tells of it.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mockpilot::sys;
use serde_json::Value;

use super::steered::{Talk, values};
use super::support::{Client, DEADLINE, Received, TempDir, can_become, poll};

pub const SIGTERM: i32 = 15;

/// A daemon in a directory of its own: its socket is `s`, its control socket `c`, and its standard streams
/// go to the files `out` and `err`.
pub struct Confined {
    child: Child,
    directory: TempDir,
}

impl Confined {
    /// One that `setting`, a line of shell, precedes.
    pub fn after(setting: &str, args: &[&str]) -> Confined {
        Confined::after_in(TempDir::new(), setting, args)
    }

    /// The same in a directory that already holds something.
    pub fn after_in(directory: TempDir, setting: &str, args: &[&str]) -> Confined {
        let script = format!("{setting}\nexec \"$0\" -socket s --control c \"$@\"");
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_mockpilot")]);
        Confined::run(directory, shell.args(args))
    }

    /// One of which no more than so many threads can be there. The limit is a user's, who must not be
    /// root, and whom nobody else is to be; or a user's in a name space, where nobody else is.
    pub fn with_threads(most: usize, args: &[&str]) -> Confined {
        Confined::with_threads_in(TempDir::new(), most, args)
    }

    /// The same in a directory that already holds something.
    pub fn with_threads_in(directory: TempDir, most: usize, args: &[&str]) -> Confined {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let user = 1_000_000_000 + 64 * std::process::id() + count;
        let limit = format!("--nproc={most}");
        let mut command;
        if can_become(user) {
            let program = directory.join("m");
            // By a process of its own: what another test starts meanwhile would keep the file open to write.
            let mut copy = Command::new("cp");
            let copied = copy.arg(env!("CARGO_BIN_EXE_mockpilot")).arg(&program);
            assert!(copied.status().unwrap().success(), "{copied:?}");
            for (path, mode) in [(directory.path(), 0o755), (&program, 0o755)] {
                fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
                chown(path, Some(user), Some(user)).unwrap();
            }
            let [user, group] = ["--reuid", "--regid"].map(|option| format!("{option}={user}"));
            command = Command::new("prlimit");
            command.args([&limit, "setpriv", &user, &group, "--clear-groups"]);
            command.arg(program);
        } else {
            limits_bind_a_name_space();
            command = Command::new("unshare");
            command.args(["-r", "prlimit", &limit, env!("CARGO_BIN_EXE_mockpilot")]);
        }
        command.args(["-socket", "s", "--control", "c"]);
        Confined::run(directory, command.args(args))
    }

    /// Whatever is run, once its socket is there or it has ended.
    pub fn run(directory: TempDir, command: &mut Command) -> Confined {
        let errors = File::create(directory.join("err")).unwrap();
        let output = File::create(directory.join("out")).unwrap();
        let child = command
            .current_dir(directory.path())
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut confined = Confined { child, directory };
        let socket = confined.path("s");
        let ready = poll(|| (socket.exists() || confined.ended().is_some()).then_some(()));
        assert_eq!(ready, Some(()), "{command:?}: {}", confined.said());
        confined
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn connect(&self) -> Client {
        Client::connect(&self.path("s"))
    }

    /// A client that has been answered.
    pub fn settled(&self) -> Client {
        let mut client = self.connect();
        client.call_ok(0x21, &[]);
        client
    }

    pub fn talk(&self) -> Talk {
        Talk::new(&self.path("c"))
    }

    /// Whether a new control client is answered; one that is not sees an end.
    pub fn talks(&self) -> bool {
        let mut stream = UnixStream::connect(self.path("c")).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let sent = stream.write_all(b"{\"verb\":\"ping\"}\n");
        match stream.read(&mut [0]) {
            Ok(count) => count > 0,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error} after {sent:?}"),
        }
    }

    /// What it has written to standard error.
    pub fn said(&self) -> String {
        fs::read_to_string(self.path("err")).unwrap()
    }

    /// Asserts that it says this, once.
    pub fn says_once(&self, text: &str) {
        let said = poll(|| self.said().contains(text).then_some(()));
        assert_eq!(said, Some(()), "{text:?} is not in:\n{}", self.said());
        let count = self.said().matches(text).count();
        assert_eq!(count, 1, "{text:?} in:\n{}", self.said());
    }

    /// Asserts that nothing has been worth a line but the start and the end; a loaded machine may lose the
    /// last line of the log.
    pub fn says_no_more(&self) {
        self.says_no_more_than(": ended by signal ");
    }

    /// The same, but for lines with this text.
    pub fn says_no_more_than(&self, text: &str) {
        let usual = [": listening on ", ": ended by signal ", text];
        for line in self.said().lines() {
            assert!(usual.iter().any(|known| line.contains(known)), "{line}");
        }
    }

    /// The entries of the journal file `j`; the last line may be cut off.
    pub fn file(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("j")).unwrap();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        values(&text[..whole])
    }

    /// Whether it starts, as it tells by `--ready-fd 1`.
    pub fn starts(&self) -> bool {
        let told = || {
            let line = fs::read_to_string(self.path("out")).unwrap();
            line.ends_with('\n').then_some(line)
        };
        let told = poll(told).unwrap_or_else(|| panic!("no word: {}", self.said()));
        told.starts_with("{\"socket\":")
    }

    /// What there is in the directory beside `out` and `err`.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names
            .filter(|name| name != "out" && name != "err")
            .collect();
        names.sort();
        names
    }

    pub fn threads(&self) -> usize {
        self.listed("task")
    }

    pub fn descriptors(&self) -> usize {
        self.listed("fd")
    }

    fn listed(&self, what: &str) -> usize {
        let path = format!("/proc/{}/{what}", self.pid());
        fs::read_dir(path).unwrap().count()
    }

    /// Waits until there are so many threads and descriptors.
    pub fn is_back_at(&self, wanted: (usize, usize)) {
        let now = || (self.threads(), self.descriptors());
        let back = poll(|| (now() == wanted).then_some(()));
        assert_eq!(back, Some(()), "{:?}, expected {wanted:?}", now());
    }

    /// Processor time that it has used.
    pub fn busy(&self) -> Duration {
        busy(&self.pid().to_string())
    }

    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Its status once it has ended.
    pub fn end(&mut self) -> Option<i32> {
        let status = poll(|| self.ended());
        status
            .unwrap_or_else(|| panic!("still running: {}", self.said()))
            .code()
    }

    /// Sends SIGTERM: its status, and how long the end took.
    pub fn terminate(&mut self) -> (Option<i32>, Duration) {
        let before = Instant::now();
        sys::kill(self.pid(), SIGTERM).unwrap();
        (self.end(), before.elapsed())
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        super::support::end(&mut self.child);
        if std::thread::panicking() {
            eprintln!("{}", self.said());
        }
    }
}

/// Processor time that something listed in `/proc` has used.
pub fn busy(name: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{name}/stat")).unwrap();
    let behind_name = stat.rsplit(')').next().unwrap();
    let fields = behind_name.split_ascii_whitespace().skip(11).take(2);
    // In hundredths of a second on every Linux.
    let ticks: u64 = fields.map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// Fails where a user in a name space of its own may have more processes than its limit: nobody is
/// bound who is root outside too.
fn limits_bind_a_name_space() {
    let one = ["-r", "prlimit", "--nproc=1", "sh", "-c", "(:) && echo two"];
    let tried = Command::new("unshare").args(one).output().unwrap();
    let said = String::from_utf8_lossy(&tried.stderr);
    assert!(
        tried.stdout.is_empty() && said.contains("fork"),
        "not permitted: a limit of threads for another user, or in a user name space: {tried:?}"
    );
}

/// Whether a request is answered; a refused client sees an end.
pub fn is_served(client: &mut Client) -> bool {
    if client
        .stream()
        .write_all(&Client::frame(0x21, &[]))
        .is_err()
    {
        return false;
    }
    match client.receive(Instant::now() + DEADLINE) {
        Received::Frame(0x22, _) => true,
        Received::Eof | Received::Reset => false,
        other => panic!("{other:?}"),
    }
}

/// How many of the journal's entries are this event.
pub fn events(entries: &[Value], event: &str) -> usize {
    let found = entries.iter().filter(|entry| entry["event"] == event);
    found.count()
}

/// Asserts that no entry is missing.
pub fn has_no_gap(entries: &[Value]) {
    for (at, entry) in entries.iter().enumerate() {
        assert_eq!(entry["seq"], at + 1, "{entry}");
    }
}
