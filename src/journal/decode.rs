//! `mockpilot decode`.

use std::process::ExitCode;

use crate::cli::DecodeOptions;

pub fn decode(_options: &DecodeOptions) -> ExitCode {
    crate::cli::complain("not there yet");
    ExitCode::FAILURE
}
