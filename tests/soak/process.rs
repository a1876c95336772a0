//! A daemon's process as the kernel sees it.

use std::path::Path;
use std::time::Duration;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    pub at: Duration,
    /// Requests that had been served, of both daemons.
    pub requests: u64,
    pub rss_kib: u64,
    pub pss_kib: u64,
    pub threads: u64,
    pub descriptors: u64,
}

impl Sample {
    pub fn take(pid: u32, at: Duration, requests: u64) -> Result<Sample, String> {
        let read = |name: &str| {
            let path = format!("/proc/{pid}/{name}");
            std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
        };
        let (status, memory) = (read("status")?, read("smaps_rollup")?);
        let row = |text: &str, name: &str| {
            let mut rows = text.lines().filter_map(|line| line.strip_prefix(name));
            let number = rows.next()?.trim().split(' ').next()?.parse().ok();
            number.filter(|_: &u64| !name.is_empty())
        };
        let wanted = |text: &str, name: &str| {
            row(text, name).ok_or_else(|| format!("process {pid} has no {name}"))
        };
        let folder = format!("/proc/{pid}/fd");
        let open = std::fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))?;
        Ok(Sample {
            at,
            requests,
            rss_kib: wanted(&status, "VmRSS:")?,
            pss_kib: wanted(&memory, "Pss:")?,
            threads: wanted(&status, "Threads:")?,
            descriptors: open.count() as u64,
        })
    }
}

/// Whether a process has a thread of such a name.
pub fn has_thread(pid: u32, start: &str) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.into_iter().any(|name| name.starts_with(start))
}

/// Whether a process has a file open.
pub fn has_open(pid: u32, path: &Path) -> bool {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd"));
    let open = open.into_iter().flatten().flatten();
    let links = open.filter_map(|fd| std::fs::read_link(fd.path()).ok());
    links.into_iter().any(|link| link == path)
}
