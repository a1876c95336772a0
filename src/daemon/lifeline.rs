//! Never an orphan: the daemon ends when what it was started by is gone, however it died.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::parent_id;
use std::thread;
use std::time::Duration;

use super::ending::{Cause, Ender};
use crate::sys;
use crate::threads;

/// How often the parent is looked at (our choice): nothing tells of its end, and a daemon has a second.
const PARENT_PERIOD: Duration = Duration::from_millis(100);

/// How long to leave a lifeline alone that somebody made non-blocking.
const RETRY: Duration = Duration::from_millis(100);

/// Stack of a watching thread, in bytes.
const STACK: usize = 64 * 1024;

/// The descriptor of `--lifeline-fd`.
#[derive(Debug)]
pub struct Lifeline(File);

impl Lifeline {
    /// A lifeline that can be read.
    ///
    /// # Errors
    ///
    /// When it cannot be read from.
    pub fn new(descriptor: OwnedFd) -> io::Result<Lifeline> {
        let mut lifeline = File::from(descriptor);
        // Reading nothing fails at once where reading something would.
        let _ = lifeline.read(&mut [])?;
        Ok(Lifeline(lifeline))
    }

    /// Closes what else this process has inherited of it, as [`sys::close_copies`] does.
    pub fn close_copies(&self, except: &[i32]) {
        sys::close_copies(&self.0, except);
    }

    /// Ends the daemon at the end-of-file; what is written to the lifeline does not matter.
    ///
    /// # Errors
    ///
    /// When there is no thread to be had.
    pub fn watch(mut self, ender: Ender) -> io::Result<()> {
        spawn("lifeline", move || {
            let mut ignored = [0; 1024];
            loop {
                match self.0.read(&mut ignored) {
                    Ok(1..) => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY),
                    Ok(0) | Err(_) => return ender.end(Cause::Lifeline),
                }
            }
        })
    }
}

/// The process that the daemon is to end with.
#[derive(Clone, Copy, Debug)]
pub struct Parent(u32);

impl Parent {
    /// The one that is named, or else the parent of now.
    pub fn new(named: Option<u32>) -> Parent {
        Parent(named.unwrap_or_else(parent_id))
    }

    /// Ends the daemon when it is not the parent's child any more; it is looked at now and from then on.
    ///
    /// # Errors
    ///
    /// When there is no thread to be had.
    pub fn watch(self, ender: Ender) -> io::Result<()> {
        spawn("parent", move || {
            while parent_id() == self.0 {
                thread::sleep(PARENT_PERIOD);
            }
            ender.end(Cause::Parent(self.0));
        })
    }
}

fn spawn(name: &str, watch: impl FnOnce() + Send + 'static) -> io::Result<()> {
    threads::start(name, STACK, Box::new(watch)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::signals::Signals;
    use std::io::Write;

    #[test]
    fn a_lifeline_ends_at_its_end_only() {
        let mut signals = Signals::receiving(&[]).unwrap();
        let (reader, mut writer) = io::pipe().unwrap();
        let lifeline = Lifeline::new(reader.into()).unwrap();
        lifeline.watch(signals.ender().clone()).unwrap();
        writer.write_all(b"still here").unwrap();
        assert_eq!(signals.ender().cause(), None);
        drop(writer);
        assert_eq!(signals.wait_for_end(), Cause::Lifeline);
    }

    #[test]
    fn what_cannot_be_read_is_none() {
        let (_reader, writer) = io::pipe().unwrap();
        assert!(Lifeline::new(writer.into()).is_err());
        let directory = File::open("/").unwrap();
        assert!(Lifeline::new(directory.into()).is_err());
    }

    #[test]
    fn who_is_no_parent_is_gone() {
        let mut signals = Signals::receiving(&[]).unwrap();
        let other = std::process::id();
        let parent = Parent::new(Some(other));
        parent.watch(signals.ender().clone()).unwrap();
        assert_eq!(signals.wait_for_end(), Cause::Parent(other));
    }
}
