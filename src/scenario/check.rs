//! `mockpilot check`.

use std::ffi::OsString;
use std::process::ExitCode;

pub fn check(_files: &[OsString]) -> ExitCode {
    crate::cli::complain("not there yet");
    ExitCode::FAILURE
}
