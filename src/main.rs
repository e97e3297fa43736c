//! The `provost` program: parse arguments, run, turn the outcome into an exit code.

use std::process::ExitCode;

use clap::Parser;
use provost::cli::{self, Arguments, Exit};

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => cli::run(arguments).into(),
        Err(error) => {
            // Help and version are no errors. A closed terminal is nobody to tell.
            let _ = error.print();
            if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
        }
    }
}
