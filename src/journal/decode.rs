//! `mockpilot decode`.

use std::process::ExitCode;

use crate::cli::DecodeOptions;

/// A stub.
pub fn decode(_options: &DecodeOptions) -> ExitCode {
    crate::cli::complain("not there yet");
    ExitCode::FAILURE
}
