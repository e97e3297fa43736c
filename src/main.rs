//! The `provost` program: parse arguments, run, turn the outcome into an exit code.

use std::process::ExitCode;

use clap::Parser;
use provost::cli::{self, Arguments, Exit};

/// Validation allocates much and on all cores; with this one it takes less time than with glibc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
