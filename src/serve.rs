//! `mockpilot serve`: one daemon for the life of this process.

use std::panic;
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::ServeOptions;
use crate::daemon::endpoint::Endpoint;
use crate::daemon::signals::Signals;
use crate::daemon::{Daemon, Limits};
use crate::log::{Log, one_line};
use crate::node::Config;
use crate::sys;

/// How long the last log lines may take: the log must not keep the process.
const LOG_FLUSH: Duration = Duration::from_millis(30);

/// Exit status of a daemon that could not run.
const CANNOT_RUN: u8 = 1;

/// Runs a daemon until a signal ends it, and gives the exit status of the process.
pub fn serve(options: &ServeOptions) -> ExitCode {
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            crate::cli::complain(&one_line(&why));
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn run(options: &ServeOptions) -> Result<(), String> {
    let log = match &options.log {
        None => Log::stderr(options.verbosity),
        Some(path) => Log::file(path, options.verbosity)
            .map_err(|e| format!("{}: cannot open the log: {e}", path.display()))?,
    };
    report_panics(&log);
    // Too low a limit shows when descriptors run out, and is reported then.
    let _ = sys::raise_descriptor_limit();
    let mut signals = Signals::install().map_err(|e| format!("signal handlers: {e}"))?;
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
    let endpoint = Endpoint::publish(&options.socket).map_err(|e| e.to_string())?;
    let mut daemon = Daemon::start(endpoint, &config, limits, log.clone())
        .map_err(|e| format!("{}: cannot serve: {e}", options.socket.display()))?;
    log.info(&format!(
        "listening on {}, profile {}, seed {}, pid {}",
        daemon.socket().display(),
        config.profile,
        config.seed,
        std::process::id()
    ));
    let signal = signals.wait();
    daemon.stop();
    log.info(&format!("ended by signal {signal}"));
    log.flush(LOG_FLUSH);
    Ok(())
}

/// A panic's message goes to the log like any other: standard error may be a pipe that nobody
/// reads.
fn report_panics(log: &Log) {
    let log = log.clone();
    panic::set_hook(Box::new(move |info| log.error(&info.to_string())));
}
