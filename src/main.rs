//! The `mockpilot` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    mockpilot::program::main(std::env::args_os().skip(1))
}
