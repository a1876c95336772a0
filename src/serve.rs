//! `mockpilot serve`: one daemon for the life of this process.

use std::io;
use std::panic;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clause::clause;
use crate::cli::{ParentChoice, ServeOptions, complain, print_stdout};
use crate::daemon::endpoint::Endpoint;
use crate::daemon::last_client::LastClient;
use crate::daemon::lifeline::{Lifeline, Parent};
use crate::daemon::readiness::{Notifier, ReadyLine};
use crate::daemon::signals::Signals;
use crate::daemon::{Daemon, Hooks, Limits};
use crate::journal::{self, Journal};
use crate::log::{Log, one_line};
use crate::node::Config;
use crate::private::PrivateDirectory;
use crate::sys;

/// How long the last log lines may take: the log must not keep the process.
const LOG_FLUSH: Duration = Duration::from_millis(30);

/// Frames that exec shows of a failed run. Source: the contract of `exec`.
const LAST_FRAMES: usize = 20;

/// Exit status of a daemon that could not run.
const CANNOT_RUN: u8 = 1;

/// Runs a daemon until something ends it, and gives the exit status of the process.
pub fn serve(options: &ServeOptions) -> ExitCode {
    // All of them before any is taken over: a copy gets the next free number, which may be that of one
    // that is not there.
    let unfit = unfit_descriptor(options);
    let mut ready = None;
    let ended = options
        .ready_fd
        .map(|number| sys::adopt(number).and_then(ReadyLine::new))
        .transpose()
        .map_err(|error| {
            format!(
                "--ready-fd {}: {}",
                options.ready_fd.unwrap_or(-1),
                clause(&error)
            )
        })
        .and_then(|line| {
            ready = line;
            unfit.map_or(Ok(()), Err)
        })
        .and_then(|()| run(options, &mut ready));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            if let Some(ready) = ready {
                ready.failed(&why);
            }
            complain(&one_line(&why));
            ExitCode::from(CANNOT_RUN)
        }
    }
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

fn run(options: &ServeOptions, ready: &mut Option<ReadyLine>) -> Result<(), String> {
    let parent = options.exit_with_parent.map(|choice| match choice {
        ParentChoice::Found => Parent::new(None),
        ParentChoice::Named(pid) => Parent::new(Some(pid)),
    });
    let lifeline = lifeline(options, ready.as_ref())?;
    let inherited = match options.listen_fd {
        Some(number) => Some(
            sys::adopt(number)
                .and_then(Endpoint::inherit)
                .map_err(|error| format!("--listen-fd {number}: {}", clause(&error)))?,
        ),
        None => None,
    };
    let log = match &options.log {
        None => Log::stderr(options.verbosity),
        Some(path) => Log::file(path, options.verbosity)
            .map_err(|e| format!("{}: cannot open the log: {}", path.display(), clause(&e)))?,
    };
    report_panics(&log);
    // Too low a limit shows when descriptors run out, and is reported then.
    let _ = sys::raise_descriptor_limit();
    let mut signals = Signals::install().map_err(|e| format!("signal handlers: {}", clause(&e)))?;
    if let Some(lifeline) = lifeline {
        let watched = lifeline.watch(signals.ender().clone());
        watched.map_err(|error| format!("--lifeline-fd: {}", clause(&error)))?;
    }
    let mut config = Config::default();
    if let Some(profile) = options.profile {
        config.profile = profile;
    }
    if let Some(seed) = options.seed {
        config.seed = seed;
    }
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
    // Nobody else can ask for it.
    let journal = if private.is_some() {
        let journal = Journal::new(journal::Options::default(), Instant::now(), None, &log)
            .map_err(|error| format!("cannot keep a journal: {}", clause(&error)))?;
        Some(Arc::new(journal))
    } else {
        None
    };
    let hooks = Hooks {
        last_client: options
            .exit_on_last_client
            .then(|| LastClient::new(signals.ender().clone())),
        journal: journal.clone(),
    };
    let endpoint = match (inherited, &options.socket) {
        (Some(endpoint), _) => endpoint,
        (None, Some(path)) => Endpoint::publish(path).map_err(|e| e.to_string())?,
        (None, None) => return Err("no socket to listen on".to_owned()),
    };
    let place = endpoint.path().display().to_string();
    let mut daemon = Daemon::start_watched(endpoint, &config, limits, log.clone(), hooks)
        .map_err(|e| format!("{place}: cannot serve: {}", clause(&e)))?;
    log.info(&format!(
        "listening on {place}, profile {}, seed {}, pid {}",
        config.profile,
        config.seed,
        std::process::id()
    ));
    let notifier = Notifier::from_environment();
    announce(ready.take(), &daemon, config.seed)?;
    tell(&notifier, "READY=1", &log);
    if let Some(parent) = parent {
        let watched = parent.watch(signals.ender().clone());
        watched.map_err(|error| format!("--exit-with-parent: {}", clause(&error)))?;
    }

    let cause = signals.wait_for_end();
    tell(&notifier, "STOPPING=1", &log);
    daemon.stop();
    let mut written = Ok(());
    if let Some(journal) = journal {
        written = journal.close();
        let frames = journal.last_frames(LAST_FRAMES);
        if private.is_some() && !frames.is_empty() {
            // Nobody to read them means that nobody wants them.
            let _ = print_stdout(&frames);
        }
    }
    drop(private);
    log.info(&cause.to_string());
    log.flush(LOG_FLUSH);
    written
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

fn announce(ready: Option<ReadyLine>, daemon: &Daemon, seed: u64) -> Result<(), String> {
    match ready {
        Some(ready) => ready
            .started(daemon.socket(), None, seed)
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
