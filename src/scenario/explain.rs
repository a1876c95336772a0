//! `mockpilot explain`.

use std::ffi::OsStr;
use std::process::ExitCode;

pub fn explain(_scenario: &OsStr, _hex: &OsStr) -> ExitCode {
    crate::cli::complain("not there yet");
    ExitCode::FAILURE
}
