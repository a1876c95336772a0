//! The few system calls that neither std nor signal-hook offers: the only file that may say `unsafe`.

use std::fs::{self, File};
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// The C type `rlim_t`; glibc's plain `getrlimit` takes a long even on 32 bits.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Limit = std::ffi::c_ulong;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
type Limit = u64;

/// The C `struct rlimit`.
#[repr(C)]
#[derive(Clone, Copy)]
struct ResourceLimit {
    soft: Limit,
    hard: Limit,
}

/// The C `sigset_t`; all zeros are the empty set.
#[repr(C)]
struct SignalSet([u64; 16]);

const SIG_SETMASK: i32 = if cfg!(target_os = "linux") { 2 } else { 3 };

const EBADF: i32 = 9;

/// Parameters of glibc's `mallopt`.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const M_MMAP_THRESHOLD: i32 = -3;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const M_ARENA_MAX: i32 = -8;

#[cfg(target_os = "linux")]
const RLIMIT_NOFILE: i32 = 7;
#[cfg(not(target_os = "linux"))]
const RLIMIT_NOFILE: i32 = 8;

/// macOS refuses a soft limit over OPEN_MAX even where the hard one says unlimited.
#[cfg(not(target_os = "linux"))]
const OPEN_MAX: Limit = 10_240;

mod c {
    use super::{ResourceLimit, SignalSet};

    unsafe extern "C" {
        pub(super) safe fn kill(pid: i32, sig: i32) -> i32;
        pub(super) safe fn pthread_sigmask(
            how: i32,
            set: &SignalSet,
            old: Option<&mut SignalSet>,
        ) -> i32;
        pub(super) safe fn getrlimit(resource: i32, limit: &mut ResourceLimit) -> i32;
        pub(super) safe fn setrlimit(resource: i32, limit: &ResourceLimit) -> i32;
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        pub(super) safe fn mallopt(parameter: i32, value: i32) -> i32;
    }
}

/// Turns the C convention, -1 and errno, into a result.
fn checked(returned: i32) -> io::Result<()> {
    if returned == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Lets all signals come to this thread, and to those that it starts: who started the process may have
/// blocked them, as one does to wait for them.
pub fn unblock_signals() {
    // It fails for a wrong `how` only.
    c::pthread_sigmask(SIG_SETMASK, &SignalSet([0; 16]), None);
}

/// Has glibc's allocator give back what is free. By itself it makes an arena for every other thread and
/// keeps in each what large buffers once took there: under a load that lasts, memory climbs for long.
pub fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, value) in [(M_ARENA_MAX, 2), (M_MMAP_THRESHOLD, 128 * 1024)] {
        // What is refused stays as it was.
        c::mallopt(parameter, value);
    }
}

/// Raises the soft limit on open descriptors to the hard one and returns the soft limit before and
/// now, in descriptors.
///
/// # Errors
///
/// When the limit cannot be read, or is lower than the hard one and cannot be raised.
pub fn raise_descriptor_limit() -> io::Result<(u64, u64)> {
    let mut limit = ResourceLimit { soft: 0, hard: 0 };
    checked(c::getrlimit(RLIMIT_NOFILE, &mut limit))?;
    let before = limit.soft;
    if before < limit.hard {
        limit.soft = limit.hard;
        let raised = checked(c::setrlimit(RLIMIT_NOFILE, &limit));
        #[cfg(not(target_os = "linux"))]
        let raised = raised.or_else(|refused| {
            if before >= OPEN_MAX {
                limit.soft = before;
                return Ok(());
            }
            limit.soft = OPEN_MAX.min(limit.hard);
            checked(c::setrlimit(RLIMIT_NOFILE, &limit)).map_err(|_| refused)
        });
        raised?;
    }
    Ok((widen(before), widen(limit.soft)))
}

#[allow(
    clippy::useless_conversion,
    reason = "the C type has 32 bits on some systems"
)]
fn widen(limit: Limit) -> u64 {
    u64::from(limit)
}

/// Sends signal `signal` to the one process `pid`; signal 0 only asks whether it could be sent.
///
/// # Errors
///
/// `InvalidInput` for a number that `kill` would take to mean a group or every process; otherwise what
/// the system says (no such process, not permitted, no such signal).
pub fn kill(pid: u32, signal: i32) -> io::Result<()> {
    match i32::try_from(pid) {
        Ok(pid) if pid > 0 => checked(c::kill(pid, signal)),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{pid} is not the number of one process"),
        )),
    }
}

/// Whether `number` is an open descriptor.
///
/// # Errors
///
/// When it is not, or there is no room for a copy of it.
pub fn probe(number: i32) -> io::Result<()> {
    duplicate(number).map(drop)
}

/// A copy of the open descriptor that a path stands for, such as `/dev/stdout` or `/dev/fd/3`: where it
/// leads to a file, opening the path would start afresh at the file's beginning.
pub fn named_descriptor(path: &Path) -> Option<io::Result<OwnedFd>> {
    let number = match path.to_str()? {
        "/dev/stdout" => 1,
        "/dev/stderr" => 2,
        text => {
            let number = text.strip_prefix("/dev/fd/");
            let number = number.or_else(|| text.strip_prefix("/proc/self/fd/"));
            number?.parse().ok()?
        }
    };
    Some(duplicate(number))
}

/// Takes over an inherited descriptor: what is returned is a close-on-exec copy, and the original is
/// closed, unless it is one of the standard streams, which others use too.
///
/// Meant for the start of the process, and once for each number: whoever else uses it loses it.
///
/// # Errors
///
/// When it is not open, or there is no room for a copy of it.
pub fn adopt(number: i32) -> io::Result<OwnedFd> {
    let copy = duplicate(number)?;
    if number > 2 {
        close(number);
    }
    Ok(copy)
}

/// Closes every inherited descriptor that leads to the same pipe or FIFO as `pipe`, the writing end
/// among them: a process that keeps it open itself never sees the end-of-file. The standard streams and
/// those `except` stay open.
///
/// Meant for the start of the process, before it has pipes of its own.
pub fn close_copies(pipe: &File, except: &[i32]) {
    let identity = |file: &File| {
        let found = file.metadata().ok()?;
        let pipe = found.file_type().is_fifo();
        pipe.then_some((found.dev(), found.ino()))
    };
    let Some(wanted) = identity(pipe) else {
        return;
    };
    let own = std::os::fd::AsRawFd::as_raw_fd(pipe);
    for number in open_descriptors() {
        if number > 2
            && number != own
            && !except.contains(&number)
            && let Ok(copy) = duplicate(number)
            && identity(&File::from(copy)) == Some(wanted)
        {
            close(number);
        }
    }
}

/// The numbers of the open descriptors, and perhaps some others.
fn open_descriptors() -> Vec<i32> {
    let listing = fs::read_dir("/proc/self/fd").or_else(|_| fs::read_dir("/dev/fd"));
    match listing {
        Ok(entries) => entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect(),
        // An empty chroot: what a harness passes on has small numbers.
        Err(_) => (3..256).collect(),
    }
}

fn duplicate(number: i32) -> io::Result<OwnedFd> {
    if number < 0 {
        return Err(io::Error::from_raw_os_error(EBADF));
    }
    // SAFETY: not -1, and borrowed for this one call, which fails where the number is not open.
    unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned()
}

/// To be called only with the number of an open descriptor that nothing in this process owns.
fn close(number: i32) {
    // SAFETY: the callers have just copied it, and are called before it could have an owner here.
    drop(unsafe { OwnedFd::from_raw_fd(number) });
}

/// Leaves the process at once: no exit handlers, no destructors, no waiting for any lock.
///
/// `std::process::exit` is not enough: it runs C exit handlers, which may wait for what a stuck thread
/// holds. signal-hook's is the bare `_exit`, fit for a signal handler too.
pub fn exit_now(status: i32) -> ! {
    signal_hook::low_level::exit(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Raising is harmless to the other tests of the process; lowering would not be.
    #[test]
    fn raises_to_the_hard_limit_and_stays_there() {
        let (before, now) = raise_descriptor_limit().unwrap();
        assert!(0 < before && before <= now, "{before} {now}");
        assert_eq!(raise_descriptor_limit().unwrap(), (now, now));
    }

    #[test]
    fn what_is_not_open_cannot_be_taken_over() {
        for number in [-1, i32::MIN, 1_000_000, i32::MAX] {
            let refused = probe(number).unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(EBADF), "{number}");
            assert!(adopt(number).is_err());
        }
        probe(0).unwrap();
        drop(adopt(0).unwrap());
        probe(0).unwrap();
    }

    #[test]
    fn kill_reaches_one_process_only() {
        kill(std::process::id(), 0).unwrap();
        for group in [0, u32::MAX, 1 << 31] {
            let refused = kill(group, 0).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
            assert_eq!(
                refused.to_string(),
                format!("{group} is not the number of one process")
            );
        }
        assert!(kill(std::process::id(), 9999).is_err());
    }
}
