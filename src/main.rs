//! The command line: parse it, hand over.

use std::process::ExitCode;

fn main() -> ExitCode {
    auto_operator::cli::run()
}
