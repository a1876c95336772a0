//! Which processes ran, so that those that left no data can be named. Only Linux tells, and not of those
//! that are gone between two looks.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::data::Skipped;
use super::{base, has, list};

/// Least time between two looks: the start of a Go program takes longer (measured).
const PERIOD: Duration = Duration::from_millis(1);

/// Most time between two looks, however long they take.
const LONGEST: Duration = Duration::from_millis(50);

/// A look may take one in so many parts of the time.
const SHARE: u32 = 10;

/// Kernel's flag of a process that has not executed anything since it was forked, and still looks like
/// its parent.
const PF_FORKNOEXEC: u64 = 0x40;

/// How much of a program is looked through, in bytes (our choice).
const LARGEST: u64 = 1 << 28;

/// What is in every program that leaves data of its own, in two halves, so that it is not in this one.
const MARKS: [(&str, &str); 3] = [
    ("internal/coverage/", "cfile.InitHook"),
    // Go 1.20 to 1.22.
    ("runtime/", "coverage.initHook"),
    ("LLVM Profile ", "Error: "),
];

/// A process, as it last was seen.
#[derive(Clone, Copy, Debug)]
struct Process {
    pid: u32,
    /// Index among the programs.
    program: usize,
    /// Its number in its own PID namespace, by which it names its data; `None` if it has another place
    /// for that.
    inner: Option<u32>,
}

/// The look-out.
#[derive(Debug)]
pub(super) struct Watch {
    /// What is in the environment of the processes that are looked for.
    wanted: Vec<u8>,
    before: Vec<u32>,
    /// What has run, open where that may matter: at the end it may be gone.
    programs: Vec<(PathBuf, Option<File>)>,
    live: Vec<Process>,
    gone: Vec<Process>,
}

impl Watch {
    /// Looks out for processes that have `variable=value` in their environment and start from now on.
    pub(super) fn start(variable: &str, value: &Path) -> Watch {
        Watch {
            wanted: [
                variable.as_bytes(),
                b"=",
                value.as_os_str().as_bytes(),
                b"\0",
            ]
            .concat(),
            before: pids(),
            programs: Vec::new(),
            live: Vec::new(),
            gone: Vec::new(),
        }
    }

    /// Looks at all processes; gives the time to the next look.
    pub(super) fn look(&mut self) -> Duration {
        let started = Instant::now();
        let mut now = Vec::new();
        for pid in pids() {
            if self.before.contains(&pid) {
                continue;
            }
            let mut known = None;
            for at in 0..self.live.len() {
                if self.live[at].pid == pid {
                    known = Some(self.live.swap_remove(at));
                    break;
                }
            }
            if let Some(process) = self.process(pid, known) {
                now.push(process);
            }
        }
        for &process in &self.live {
            if process.inner.is_some() {
                self.gone.push(process);
            }
        }
        self.live = now;
        (SHARE * started.elapsed()).clamp(PERIOD, LONGEST)
    }

    /// The process of this number as it is now. What it was before it became another program does not
    /// count: there is one file for both.
    fn process(&mut self, pid: u32, known: Option<Process>) -> Option<Process> {
        let own = Path::new("/proc").join(pid.to_string());
        let program = own.join("exe");
        // A zombie has no program any more: it stays what it was.
        let Ok(path) = fs::read_link(&program) else {
            return known;
        };
        if let Some(known) = known
            && self.programs[known.program].0 == path
        {
            return Some(known);
        }
        let stat = fs::read(own.join("stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        let flags = stat.rsplit(')').next()?.split(' ').nth(7)?;
        if flags.parse::<u64>().ok()? & PF_FORKNOEXEC != 0 {
            return None;
        }
        let environment = fs::read(own.join("environ")).ok()?;
        // Just executed: the kernel has not laid it out yet.
        if environment.is_empty() {
            return None;
        }
        let ours = has(&environment, &self.wanted);
        let index = match self.programs.iter().position(|known| known.0 == path) {
            Some(index) => index,
            None => {
                self.programs.push((path, None));
                self.programs.len() - 1
            }
        };
        let mut number = None;
        if ours {
            number = Some(inner(&own).unwrap_or(pid));
            let file = &mut self.programs[index].1;
            if file.is_none() {
                *file = File::open(program).ok();
            }
        }
        Some(Process {
            pid,
            program: index,
            inner: number,
        })
    }

    /// The processes of instrumented programs of which there is no data in `directory`.
    pub(super) fn without_data(mut self, directory: &Path) -> Vec<Skipped> {
        let files = list(directory).unwrap_or_default();
        let mut lost = Vec::new();
        let mut leave_data = vec![None; self.programs.len()];
        self.gone.append(&mut self.live);
        for process in &self.gone {
            let Some(inner) = process.inner else {
                continue;
            };
            let llvm = format!("{inner}-");
            let go = format!(".{inner}.");
            let left = files.iter().any(|file| {
                let name = base(file);
                name.starts_with(&llvm)
                    || (name.starts_with("covcounters.") && has(name.as_bytes(), go.as_bytes()))
            });
            let (path, file) = &mut self.programs[process.program];
            let leaves_data = &mut leave_data[process.program];
            if !left && *leaves_data.get_or_insert_with(|| is_instrumented(file.take())) {
                let runs = Path::new("/proc").join(process.pid.to_string()).join("exe");
                let reason = match fs::read_link(runs) {
                    Ok(_) => "still runs, which is not waited for",
                    Err(_) => "ended without writing coverage data",
                };
                lost.push(Skipped {
                    path: format!("process {} ({})", process.pid, path.display()),
                    reason: reason.to_string(),
                });
            }
        }
        lost
    }
}

fn pids() -> Vec<u32> {
    let mut pids = Vec::new();
    if let Ok(entries) = fs::read_dir("/proc") {
        for entry in entries.map_while(Result::ok) {
            if let Ok(pid) = entry.file_name().to_string_lossy().parse() {
                pids.push(pid);
            }
        }
    }
    pids
}

fn inner(own: &Path) -> Option<u32> {
    let status = fs::read(own.join("status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    let line = status.lines().find(|line| line.starts_with("NSpid:"))?;
    line.rsplit('\t').next()?.parse().ok()
}

fn is_instrumented(program: Option<File>) -> bool {
    let mut data = Vec::new();
    if let Some(program) = program {
        let _ = program.take(LARGEST).read_to_end(&mut data);
    }
    MARKS
        .iter()
        .any(|(start, end)| has(&data, &[start.as_bytes(), end.as_bytes()].concat()))
}
