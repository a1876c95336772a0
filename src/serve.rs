//! `mockpilot serve`: one daemon for the life of this process.

use std::io;
use std::panic;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::clause::clause;
use crate::cli::{ParentChoice, ServeOptions, print_stdout};
use crate::control::Server;
use crate::daemon::endpoint::Endpoint;
use crate::daemon::last_client::LastClient;
use crate::daemon::lifeline::{Lifeline, Parent};
use crate::daemon::readiness::{Notifier, ReadyLine};
use crate::daemon::signals::Signals;
use crate::daemon::{Daemon, Hooks, Limits, Setup};
use crate::journal::{self, Journal};
use crate::last_words::last_words;
use crate::log::{Log, one_line};
use crate::private::PrivateDirectory;
use crate::scenario::Scenario;
use crate::scenario::read::{Source, load};
use crate::sys;
use crate::threads::Instant;

/// How long the last log lines may take: the log must not keep the process.
const LOG_FLUSH: Duration = Duration::from_millis(30);

/// Exit status of a daemon that could not run.
const CANNOT_RUN: u8 = 1;

/// Exit status of a daemon whose scenario's expectations were not met.
const UNMET: u8 = 3;

/// Frames that exec shows of a failed run. Source: the contract of `exec`.
const LAST_FRAMES: usize = 20;

/// Runs a daemon until something ends it, and gives the exit status of the process.
pub fn serve(options: &ServeOptions) -> ExitCode {
    sys::give_memory_back();
    // All of them before any is taken over: a copy gets the next free number, which may be that of one
    // that is not there.
    let unfit = unfit_descriptor(options);
    let mut ready = None;
    let ended = options
        .ready_fd
        .map(|number| sys::adopt(number).and_then(ReadyLine::new))
        .transpose()
        .map_err(|error| {
            let number = options.ready_fd.unwrap_or(-1);
            Failure::from(format!("--ready-fd {number}: {}", clause(&error)))
        })
        .and_then(|line| {
            ready = line;
            unfit.map_or(Ok(()), |why| Err(why.into()))
        })
        .and_then(|()| scenario(options))
        .and_then(|scenario| run(options, scenario, &mut ready));
    let failure = match ended {
        Ok(status) => return ExitCode::from(status),
        Err(failure) => failure,
    };
    let (why, lines) = match failure {
        Failure::Clause(why) => {
            let line = format!("mockpilot: {}\n", one_line(&why));
            (why, line)
        }
        Failure::Mistakes(mistakes) => (mistakes.join("; "), mistakes.join("\n") + "\n"),
    };
    // First, since nobody may read the other.
    if let Some(ready) = ready {
        ready.failed(&why);
    }
    last_words(&lines);
    ExitCode::from(CANNOT_RUN)
}

/// Why a daemon could not run, or lost something.
enum Failure {
    /// What, and why.
    Clause(String),
    /// Every mistake of its scenarios.
    Mistakes(Vec<String>),
}

impl From<String> for Failure {
    fn from(why: String) -> Failure {
        Failure::Clause(why)
    }
}

fn scenario(options: &ServeOptions) -> Result<Scenario, Failure> {
    let sources: Vec<Source> = options.scenarios.iter().map(|s| Source::of(s)).collect();
    load(&sources).map_err(Failure::Mistakes)
}

/// The first descriptor option whose number is not open.
fn unfit_descriptor(options: &ServeOptions) -> Option<String> {
    let given = [
        ("--ready-fd", options.ready_fd),
        ("--listen-fd", options.listen_fd),
        ("--lifeline-fd", options.lifeline_fd),
    ];
    given.into_iter().find_map(|(name, number)| {
        let number = number?;
        let error = sys::probe(number).err()?;
        Some(format!("{name} {number}: {}", clause(&error)))
    })
}

fn run(
    options: &ServeOptions,
    scenario: Scenario,
    ready: &mut Option<ReadyLine>,
) -> Result<u8, Failure> {
    let parent = options.exit_with_parent.map(|choice| match choice {
        ParentChoice::Found => Parent::new(None),
        ParentChoice::Named(pid) => Parent::new(Some(pid)),
    });
    let lifeline = lifeline(options, ready.as_ref())?;
    let inherit = |number| {
        sys::adopt(number)
            .and_then(Endpoint::inherit)
            .map_err(|error| format!("--listen-fd {number}: {}", clause(&error)))
    };
    let inherited = options.listen_fd.map(inherit).transpose()?;
    let log = open_log(options)?;
    report_panics(&log);
    // Too low a limit shows when descriptors run out, and is reported then.
    let _ = sys::raise_descriptor_limit();
    let mut signals = Signals::install().map_err(|e| format!("signal handlers: {}", clause(&e)))?;
    if let Some(lifeline) = lifeline {
        let watched = lifeline.watch(signals.ender().clone());
        watched.map_err(|error| format!("--lifeline-fd: {}", clause(&error)))?;
    }
    if let Some(parent) = parent {
        let watched = parent.watch(signals.ender().clone());
        watched.map_err(|error| format!("--exit-with-parent: {}", clause(&error)))?;
    }
    let setup = Setup::new(scenario, options.profile, options.seed);
    let (profile, seed) = (setup.config.profile, setup.config.seed);
    let limits = Limits {
        max_clients: options.max_clients,
        write_timeout: options.write_timeout,
        client_budget: options.client_budget,
    };
    let private = match &options.private_directory {
        Some(path) => Some(PrivateDirectory::create(path).map_err(|error| {
            format!("{}: cannot create it: {}", path.display(), clause(&error))
        })?),
        None => None,
    };
    let journal = journal(options, &log)?;
    let hooks = Hooks {
        last_client: options
            .exit_on_last_client
            .then(|| LastClient::new(signals.ender().clone())),
        journal: journal.clone(),
    };
    // Before the daemon's own: whoever finds that one finds this one too.
    let control = options.control.as_deref().map(Endpoint::publish);
    let control = control.transpose().map_err(|e| e.to_string())?;
    let endpoint = match (inherited, &options.socket) {
        (Some(endpoint), _) => endpoint,
        (None, Some(path)) => Endpoint::publish(path).map_err(|e| e.to_string())?,
        (None, None) => return Err("no socket to listen on".to_owned().into()),
    };
    let place = endpoint.path().display().to_string();
    let mut daemon = Daemon::start(endpoint, setup, limits, log.clone(), hooks)
        .map_err(|e| format!("{place}: cannot serve: {}", clause(&e)))?;
    let mut control = control
        .map(|endpoint| {
            let ender = signals.ender().clone();
            Server::start(endpoint, &daemon, ender, log.clone())
        })
        .transpose()
        .map_err(|e| format!("--control: cannot serve: {}", clause(&e)))?;
    log.info(&format!(
        "listening on {place}, profile {profile}, seed {seed}, pid {}",
        std::process::id()
    ));
    // Nothing that anybody does, and nothing that is due, is logged before that line.
    daemon.open();
    let notifier = Notifier::from_environment();
    let path = control.as_ref().map(Server::path);
    // From here on there may be clients: whatever comes, the end is an orderly one.
    let announced = announce(ready.take(), &daemon, path, seed).map(|()| {
        tell(&notifier, "READY=1", &log);
        signals.wait_for_end()
    });
    tell(&notifier, "STOPPING=1", &log);
    daemon.stop();
    if let Some(control) = &mut control {
        control.stop();
    }
    let failures = daemon.steering().verify();
    let written = journal.as_ref().map_or(Ok(()), |journal| journal.close());
    if let (Some(journal), true) = (&journal, private.is_some()) {
        // Nobody to read them means that nobody wants them.
        let _ = print_frames(&journal.last_frames(LAST_FRAMES));
    }
    drop(private);
    let lines = failures.iter().map(|why| format!("mockpilot: {why}\n"));
    last_words(&lines.collect::<String>());
    if let Ok(cause) = announced {
        log.info(&cause.to_string());
    }
    log.flush(LOG_FLUSH);
    announced?;
    written?;
    Ok(if failures.is_empty() { 0 } else { UNMET })
}

fn open_log(options: &ServeOptions) -> Result<Log, String> {
    let Some(path) = &options.log else {
        return Ok(Log::stderr(options.verbosity));
    };
    Log::file(path, options.verbosity)
        .map_err(|e| format!("{}: cannot open the log: {}", path.display(), clause(&e)))
}

fn print_frames(frames: &str) -> io::Result<()> {
    match frames.is_empty() {
        true => Ok(()),
        false => print_stdout(frames),
    }
}

/// A journal, where there is somebody who can ask for it.
fn journal(options: &ServeOptions, log: &Log) -> Result<Option<Arc<Journal>>, String> {
    let file = options.journal.as_deref();
    if file.is_none() && options.control.is_none() && options.private_directory.is_none() {
        return Ok(None);
    }
    let kept = journal::Options {
        raw: options.journal_raw,
        secrets: options.journal_secrets,
    };
    match Journal::new(kept, Instant::now(), file, log) {
        Ok(journal) => Ok(Some(Arc::new(journal))),
        Err(error) => {
            let place = file.unwrap_or(Path::new("journal")).display();
            Err(format!(
                "{place}: cannot keep a journal: {}",
                clause(&error)
            ))
        }
    }
}

fn lifeline(options: &ServeOptions, ready: Option<&ReadyLine>) -> Result<Option<Lifeline>, String> {
    let Some(number) = options.lifeline_fd else {
        return Ok(None);
    };
    let others: Vec<i32> = ready
        .map(ReadyLine::number)
        .into_iter()
        .chain(options.listen_fd)
        .collect();
    let lifeline = sys::adopt(number)
        .and_then(Lifeline::new)
        .map_err(|error| format!("--lifeline-fd {number}: {}", clause(&error)))?;
    lifeline.close_copies(&others);
    Ok(Some(lifeline))
}

fn announce(
    ready: Option<ReadyLine>,
    daemon: &Daemon,
    control: Option<&Path>,
    seed: u64,
) -> Result<(), String> {
    match ready {
        Some(ready) => ready
            .started(daemon.socket(), control, seed)
            .map_err(|error| format!("--ready-fd: cannot write: {}", clause(&error))),
        None => Ok(()),
    }
}

/// A service manager that cannot be reached is worth a warning, and no more.
fn tell(notifier: &io::Result<Option<Notifier>>, assignment: &str, log: &Log) {
    let told = match notifier {
        Ok(Some(notifier)) => notifier.tell(assignment).map_err(|e| clause(&e)),
        Ok(None) => return,
        Err(error) => Err(clause(error)),
    };
    if let Err(error) = told {
        log.warn(&format!("NOTIFY_SOCKET: {assignment} not sent: {}", error));
    }
}

/// A panic's message goes to the log like any other: standard error may be a pipe that nobody
/// reads.
fn report_panics(log: &Log) {
    let log = log.clone();
    panic::set_hook(Box::new(move |info| log.error(&info.to_string())));
}
