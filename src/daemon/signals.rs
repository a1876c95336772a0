//! SIGTERM, SIGINT and SIGHUP: the first asks for an orderly end, the second leaves at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::exfiltrator::raw::WithRawSiginfo;

use super::ending::{Cause, Ender};
use crate::sys;
use crate::threads::SignalsInfo;

/// The signals that ask for an end.
const ENDING: [i32; 3] = [SIGTERM, SIGINT, SIGHUP];

/// `si_code` of a signal that `kill` sent, on macOS; on Linux a process's are zero and below.
const SI_USER_MACOS: i32 = 0x1_0001;

/// A signal and where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The signal's number.
    pub signal: i32,
    /// A process sent it; otherwise the system did, as for Ctrl-C at the terminal.
    pub from_process: bool,
}

/// The handlers, in place for as long as the process lives.
#[derive(Debug)]
pub struct Signals {
    delivered: SignalsInfo<WithRawSiginfo>,
    ender: Ender,
}

impl Signals {
    /// Puts the handlers in place, and lets signals come that who started the process has blocked. From
    /// the second signal on, of whatever kind, the process leaves at once with status 128 plus the
    /// signal's number, whether or not anybody waited for the first.
    ///
    /// Meant for once in a process, before any thread that may get in the way.
    ///
    /// # Errors
    ///
    /// When the system refuses a handler or the pipe behind it.
    pub fn install() -> io::Result<Signals> {
        // Before the rest: one that comes meanwhile is told, too.
        let signals = Signals::receiving(&ENDING)?;
        let seen = Arc::new(AtomicBool::new(false));
        for signal in ENDING {
            // In this order: the first signal must find the flag unset and then set it.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&seen))?;
            flag::register(signal, Arc::clone(&seen))?;
        }
        Ok(signals)
    }

    /// The handlers alone, and one for SIGCHLD, for a process that passes every signal on and ends when
    /// its child does.
    ///
    /// # Errors
    ///
    /// As for [`Signals::install`].
    pub fn without_deadline() -> io::Result<Signals> {
        Signals::receiving(&[SIGTERM, SIGINT, SIGHUP, SIGCHLD])
    }

    pub(crate) fn receiving(signals: &[i32]) -> io::Result<Signals> {
        let delivered = SignalsInfo::new(signals)?;
        sys::unblock_signals();
        let ender = Ender::new(delivered.handle());
        Ok(Signals { delivered, ender })
    }

    /// The handle by which other threads end [`Signals::wait_for_end`].
    pub fn ender(&self) -> &Ender {
        &self.ender
    }

    /// What the checker's signals come through.
    #[cfg(shuttle)]
    pub(crate) fn pipe(&self) -> crate::threads::Handle {
        self.delivered.handle()
    }

    /// Blocks until a signal comes or somebody uses the [`Ender`], and tells which it was; what came
    /// before is not lost.
    pub fn wait_for_end(&mut self) -> Cause {
        loop {
            if let Some(cause) = self.ender.cause() {
                return cause;
            }
            if let Some(info) = self.delivered.wait().next() {
                return Cause::Signal(info.si_signo);
            }
        }
    }

    /// Blocks until there is a signal and returns its number; one that came before is not lost.
    pub fn wait(&mut self) -> i32 {
        self.receive().signal
    }

    /// Like [`Signals::wait`], and tells where the signal came from.
    pub fn receive(&mut self) -> Received {
        loop {
            if let Some(info) = self.delivered.wait().next() {
                return Received {
                    signal: info.si_signo,
                    from_process: info.si_code <= 0 || info.si_code == SI_USER_MACOS,
                };
            }
        }
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::testing;
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Child, ChildStdout, Stdio};

    fn start(test: &str) -> (Child, BufReader<ChildStdout>) {
        let mut child = testing::rerun(test, "child", "")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        (child, output)
    }

    fn line_with(text: &str, output: &mut impl BufRead) -> String {
        output
            .lines()
            .map_while(Result::ok)
            .find(|line| line.starts_with(text))
            .unwrap()
    }

    #[test]
    fn the_first_is_told_and_the_second_leaves_at_once() {
        const NAME: &str =
            "daemon::signals::tests::the_first_is_told_and_the_second_leaves_at_once";
        if testing::role().is_some() {
            let mut signals = Signals::install().unwrap();
            println!("\nready");
            println!("got {}", signals.wait());
            let _ = io::stdin().read(&mut [0]);
            return;
        }
        for (first, second) in [
            (SIGTERM, SIGTERM),
            (SIGINT, SIGTERM),
            (SIGHUP, SIGINT),
            (SIGTERM, SIGHUP),
        ] {
            let (mut child, mut output) = start(NAME);
            line_with("ready", &mut output);
            sys::kill(child.id(), first).unwrap();
            assert_eq!(line_with("got", &mut output), format!("got {first}"));
            sys::kill(child.id(), second).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(128 + second));
        }
    }

    #[test]
    fn one_that_came_before_the_wait_is_not_lost() {
        const NAME: &str = "daemon::signals::tests::one_that_came_before_the_wait_is_not_lost";
        if testing::role().is_some() {
            let mut signals = Signals::install().unwrap();
            sys::kill(std::process::id(), SIGHUP).unwrap();
            println!("\ngot {:?}", signals.receive());
            sys::exit_now(7);
        }
        let (mut child, mut output) = start(NAME);
        assert_eq!(
            line_with("got", &mut output),
            "got Received { signal: 1, from_process: true }"
        );
        assert_eq!(child.wait().unwrap().code(), Some(7));
    }

    #[test]
    fn other_threads_end_the_wait_and_the_first_cause_counts() {
        let mut signals = Signals::receiving(&[]).unwrap();
        let ender = signals.ender().clone();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| signals.wait_for_end());
            ender.end(Cause::Lifeline);
            assert_eq!(waiting.join().unwrap(), Cause::Lifeline);
        });
        ender.end(Cause::LastClient);
        assert_eq!(signals.wait_for_end(), Cause::Lifeline);
        assert_eq!(
            Cause::Parent(7).to_string(),
            "ended: the parent, process 7, is gone"
        );
    }

    #[test]
    fn nobody_is_hurried_without_a_deadline() {
        const NAME: &str = "daemon::signals::tests::nobody_is_hurried_without_a_deadline";
        if testing::role().is_some() {
            let mut signals = Signals::without_deadline().unwrap();
            for _ in 0..3 {
                println!("\nready");
                println!("got {}", signals.wait());
            }
            sys::exit_now(7);
        }
        let (mut child, mut output) = start(NAME);
        for signal in [SIGINT, SIGTERM, SIGTERM] {
            line_with("ready", &mut output);
            sys::kill(child.id(), signal).unwrap();
            assert_eq!(line_with("got", &mut output), format!("got {signal}"));
        }
        assert_eq!(child.wait().unwrap().code(), Some(7));
    }
}
