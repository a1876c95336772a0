//! The `mockpilot` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    mockpilot::cli::main(std::env::args_os().skip(1))
}
