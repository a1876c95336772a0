//! Which processes ran, so that those that left no data can be named. Only Linux tells, and not of those
//! that are gone between two looks.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::data::Skipped;
use super::{base, list};

/// Least time between two looks: the start of a Go program takes longer (measured).
const PERIOD: Duration = Duration::from_millis(1);

/// A look may take one in so many parts of the time.
const SHARE: u32 = 10;

/// Kernel's flag of a process that has not executed anything since it was forked, and still looks like
/// its parent.
const PF_FORKNOEXEC: u64 = 0x40;

/// Largest program that is looked through, in bytes (our choice).
const LARGEST: u64 = 1 << 28;

/// What is in every program that leaves data of its own, in two halves, so that it is not in this one.
const MARKS: [(&str, &str); 2] = [
    ("internal/coverage/", "cfile.InitHook"),
    ("LLVM Profile ", "Error: "),
];

/// A process, as it last was seen.
#[derive(Clone, Debug)]
struct Process {
    pid: u32,
    program: PathBuf,
    /// Its number in its own PID namespace, by which it names its data; `None` if its environment is
    /// not that of the command.
    inner: Option<u32>,
}

/// The look-out, until it is asked for what it saw.
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<Process>>>,
}

impl Watch {
    /// Looks out for processes that have `variable=value` in their environment and start from now on.
    pub(super) fn start(variable: &str, value: &Path) -> Watch {
        let wanted = [
            variable.as_bytes(),
            b"=",
            value.as_os_str().as_bytes(),
            b"\0",
        ]
        .concat();
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let before = pids();
        let watch = move || {
            let mut live = Vec::new();
            let mut seen = Vec::new();
            while !asked.load(Ordering::Relaxed) {
                let started = Instant::now();
                let pids = pids();
                if pids.is_empty() {
                    break;
                }
                look(&pids, &before, &wanted, &mut live, &mut seen);
                thread::sleep(PERIOD.max(SHARE * started.elapsed()));
            }
            seen.append(&mut live);
            seen.retain(|process| process.inner.is_some());
            seen
        };
        Watch {
            stop,
            thread: thread::Builder::new()
                .name("processes".into())
                .spawn(watch)
                .ok(),
        }
    }

    /// The processes of instrumented programs of which there is no data in `directory`.
    pub(super) fn without_data(mut self, directory: &Path) -> Vec<Skipped> {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.thread.take().and_then(|thread| thread.join().ok());
        let mut names = Vec::new();
        for path in list(directory).unwrap_or_default() {
            names.push(base(&path).into_owned());
        }
        let mut known: Vec<(PathBuf, bool)> = Vec::new();
        let mut lost = Vec::new();
        for process in seen.unwrap_or_default() {
            let inner = process.inner.unwrap_or_default();
            let go = format!(".{inner}.");
            let llvm = format!("{inner}-");
            let named = |name: &String| {
                name.starts_with(&llvm) || (name.starts_with("covcounters.") && name.contains(&go))
            };
            if names.iter().any(named) {
                continue;
            }
            let of = known.iter().find(|known| known.0 == process.program);
            let instrumented = match of {
                Some(&(_, instrumented)) => instrumented,
                None => {
                    let instrumented = is_instrumented(&process.program);
                    known.push((process.program.clone(), instrumented));
                    instrumented
                }
            };
            if instrumented {
                let runs = Path::new("/proc").join(process.pid.to_string()).join("exe");
                let reason = match fs::read_link(runs) {
                    Ok(_) => "still runs, which is not waited for",
                    Err(_) => "ended without writing coverage data",
                };
                lost.push(Skipped {
                    path: format!("process {} ({})", process.pid, process.program.display()),
                    reason: reason.to_string(),
                });
            }
        }
        lost
    }
}

fn pids() -> Vec<u32> {
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        pids.extend(
            entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u32>().ok()),
        );
    }
    pids
}

/// Brings `live` up to date; what is gone goes to `seen`.
fn look(
    pids: &[u32],
    before: &[u32],
    wanted: &[u8],
    live: &mut Vec<Process>,
    seen: &mut Vec<Process>,
) {
    let mut now = Vec::new();
    for &pid in pids.iter().filter(|pid| !before.contains(pid)) {
        let known = live.iter().position(|process| process.pid == pid);
        let known = known.map(|at| live.swap_remove(at));
        now.extend(process(pid, wanted, known));
    }
    seen.append(live);
    seen.retain(|process| process.inner.is_some());
    *live = now;
}

/// The process of this number as it is now. What it was before it became another program does not
/// count: there is one file for both.
fn process(pid: u32, wanted: &[u8], known: Option<Process>) -> Option<Process> {
    let own = Path::new("/proc").join(pid.to_string());
    // A zombie has no program any more: it stays what it was.
    let Ok(program) = fs::read_link(own.join("exe")) else {
        return known;
    };
    if known.as_ref().is_some_and(|known| known.program == program) {
        return known;
    }
    let stat = fs::read_to_string(own.join("stat")).ok()?;
    let flags = stat.rsplit(')').next()?.split_ascii_whitespace().nth(6)?;
    if flags.parse::<u64>().ok()? & PF_FORKNOEXEC != 0 {
        return None;
    }
    let environment = fs::read(own.join("environ")).ok()?;
    let ours = environment.starts_with(wanted)
        || environment
            .windows(wanted.len() + 1)
            .any(|window| window[0] == 0 && window[1..] == *wanted);
    let inner = || {
        let status = fs::read_to_string(own.join("status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("NSpid:"))?;
        line.split_ascii_whitespace().next_back()?.parse().ok()
    };
    Some(Process {
        pid,
        program,
        inner: ours.then(|| inner().unwrap_or(pid)),
    })
}

fn is_instrumented(program: &Path) -> bool {
    let small = fs::metadata(program).is_ok_and(|found| found.len() <= LARGEST);
    let data = match small {
        true => fs::read(program).unwrap_or_default(),
        false => Vec::new(),
    };
    MARKS.iter().any(|(start, end)| {
        let mark = [start.as_bytes(), end.as_bytes()].concat();
        data.windows(mark.len()).any(|window| window == mark)
    })
}
