//! What a run asks the system for, as `witness.c` sees it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::super::daemon::Daemon;
use super::super::support::{TempDir, compile};

/// The witness's status where the system lets nobody watch.
const CANNOT: i32 = 77;

/// The witness, built once.
fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let new = folder.join(format!("witness-{}", std::process::id()));
        compile(&["-O1"], "permissions/witness.c", &new);
        // Another run may be using the one that is there.
        let built = folder.join("witness");
        fs::rename(new, &built).unwrap();
        built
    })
}

/// A directory with an empty home, an empty working directory and one for temporary files.
pub struct Court {
    directory: TempDir,
}

/// A call: who asked, what for, and the path or number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub pid: u32,
    pub what: String,
    pub about: String,
}

/// A run that is over.
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
    calls: Vec<Call>,
}

impl Court {
    pub fn new() -> Court {
        let directory = TempDir::new();
        for name in ["home", "work", "tmp"] {
            fs::create_dir(directory.join(name)).unwrap();
        }
        let watches = Command::new(program()).arg("/bin/true").output().unwrap();
        assert_ne!(
            watches.status.code(),
            Some(CANNOT),
            "not permitted: to watch processes by ptrace"
        );
        Court { directory }
    }

    /// The working directory of the runs.
    pub fn work(&self) -> PathBuf {
        self.directory.join("work")
    }

    /// A word for a file in it.
    pub fn file(&self, name: &str) -> String {
        self.work().join(name).to_str().unwrap().to_owned()
    }

    pub fn temporary(&self) -> PathBuf {
        self.directory.join("tmp")
    }

    /// Runs `mockpilot WORDS…` to its end while `meanwhile` makes use of it.
    pub fn run(&self, words: &[&str], meanwhile: impl FnOnce()) -> Run {
        let calls = self.directory.join("calls");
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "exec 3>\"$0\"; exec \"$@\""])
            .arg(&calls)
            .arg(program())
            .arg(env!("CARGO_BIN_EXE_mockpilot"))
            .args(words)
            .current_dir(self.work())
            .env("HOME", self.directory.join("home"))
            .env("TMPDIR", self.temporary())
            .env_remove("NOTIFY_SOCKET")
            // What a daemon built with coverage writes is none of its own doing.
            .env("LLVM_PROFILE_FILE", "/dev/null")
            .stdin(Stdio::null())
            .stdout(self.stream("stdout").unwrap())
            .stderr(self.stream("stderr").unwrap());
        let mut child = Daemon::spawn(&mut command);
        meanwhile();
        let status = child.end().0;
        let told = fs::read_to_string(&calls).unwrap();
        let calls = told.lines().map(call).collect();
        let text = |name| fs::read_to_string(self.directory.join(name)).unwrap();
        let (stdout, stderr) = (text("stdout"), text("stderr"));
        let home: Vec<_> = fs::read_dir(self.directory.join("home")).unwrap().collect();
        assert!(home.is_empty(), "in HOME: {home:?}");
        Run {
            status,
            stdout,
            stderr,
            calls,
        }
    }

    fn stream(&self, name: &str) -> io::Result<File> {
        File::create(self.directory.join(name))
    }
}

fn call(line: &str) -> Call {
    let mut words = line.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    Call {
        pid: word().parse().unwrap(),
        what: word(),
        about: word(),
    }
}

impl Run {
    /// What the calls of a kind were about.
    fn about<'a>(&'a self, what: &'a str) -> impl Iterator<Item = &'a str> {
        let calls = self.calls.iter().filter(move |call| call.what == what);
        calls.map(|call| &*call.about)
    }

    /// Nothing but Unix sockets, and nothing that needs a privilege.
    pub fn is_modest(&self) {
        const AF_UNIX: &str = "1";
        for family in self.about("socket") {
            assert_eq!(family, AF_UNIX);
        }
        for what in ["privileged", "untold", "mknod"] {
            let asked: BTreeSet<&str> = self.about(what).collect();
            assert!(asked.is_empty(), "{what}: {asked:?}");
        }
    }

    /// The programs that were to run, in their order.
    pub fn programs(&self) -> Vec<&str> {
        self.about("exec").collect()
    }

    /// Whatever was made, written, linked, renamed, given a mode or removed, by the process and all
    /// that it started; random parts of names read `*`.
    pub fn touched(&self) -> BTreeSet<String> {
        let mut touched = BTreeSet::new();
        for call in &self.calls {
            let changes = [
                "write", "mkdir", "link", "symlink", "rename", "chmod", "unlink",
            ];
            if changes.contains(&&*call.what) && call.about != "/dev/null" {
                touched.insert(format!("{} {}", call.what, unrandom(&call.about)));
            }
        }
        touched
    }
}

/// A path with `*` for the sixteen digits of a fresh name.
fn unrandom(path: &str) -> String {
    let Some((before, name)) = path.split_once("mockpilot-") else {
        return path.to_owned();
    };
    let rest = name.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    assert_eq!(name.len() - rest.len(), 16, "{path}");
    format!("{before}mockpilot-*{rest}")
}
