//! The program: what its command line asks for, done.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

use crate::clause::clause;
use crate::cli::{Invocation, Misuse, complain, help, parse, print_stdout, version};

/// Does what the command line asks for, and gives the exit status of the process.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    // A file that may not grow is an error of the write then, and not the end. What is executed has the
    // default again, as it would not if the signal were ignored.
    let _ = flag::register(SIGXFSZ, Arc::default());
    let text = match parse(args) {
        Ok(Invocation::Serve(options)) => return crate::serve::serve(&options),
        Ok(Invocation::Exec(options)) => return crate::exec::exec(&options),
        Ok(Invocation::Ctl(options)) => return crate::control::ctl::ctl(&options),
        Ok(Invocation::Check(files)) => return crate::scenario::check::check(&files),
        Ok(Invocation::Explain(scenario, hex)) => {
            return crate::scenario::explain::explain(&scenario, &hex);
        }
        Ok(Invocation::Decode(options)) => return crate::journal::decode::decode(&options),
        Ok(Invocation::Cover(options)) => return crate::cover::cover(&options),
        Ok(Invocation::Help(topic)) => help(topic),
        Ok(Invocation::Version) => version(),
        Err(misuse) => {
            complain(&misuse.to_string());
            return ExitCode::from(Misuse::STATUS);
        }
    };
    match print_stdout(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("standard output: {}", clause(&error)));
            ExitCode::FAILURE
        }
    }
}
