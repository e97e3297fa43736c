//! The command line: arguments, then one file for each command.

mod args;
mod attack;
pub mod check;
pub mod config;
mod context;
pub mod doctor;
mod error;
mod exit;
pub mod explain;
pub mod export;
pub mod generate;
mod input;
pub mod inspect;
mod judged;
pub mod lab;
mod limits;
mod manual;
mod progress;
pub mod repositories;
mod serve;
pub mod slurm;
mod summary;
mod sync;
mod validate;
pub mod verify_rsc;

use std::io::{self, Write};
use std::sync::Arc;

use crate::clock;
use crate::config::{ConfigFile, load_exceptions};

pub use args::{
    Arguments, Command, CommonArgs, ExceptionArgs, ServeArgs, SyncArgs, TransportArgs,
    TrustAnchorArgs, ValidateArgs,
};
pub use context::Context;
pub use error::CliError;
pub use exit::Exit;
pub use manual::reference;

/// Runs a command, and says on standard error why it failed.
pub fn run(arguments: Arguments) -> Exit {
    let context = Context::new(arguments.common);
    context.start_log();
    match dispatch(&context, arguments.command) {
        Ok(exit) => exit,
        Err(error) => {
            let mut stderr = io::stderr().lock();
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(stderr, "error: {error}");
            if let Some(hint) = &error.hint {
                let _ = writeln!(stderr, "hint: {hint}");
            }
            error.exit
        }
    }
}

fn dispatch(context: &Context, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Check(args) => check::command(context, &args),
        Command::Serve(args) => serve::run(context, &args),
        Command::Sync(args) => sync::run(context, &args),
        Command::Validate(args) => validate::run(context, &args),
        Command::Export(args) => {
            let flags =
                ConfigFile { exceptions: args.exceptions.files.clone(), ..ConfigFile::default() };
            let settings = context.settings(flags)?;
            let exceptions = Arc::new(load_exceptions(&settings.exceptions)?);
            let out = &mut io::stdout().lock();
            export::run(&args, &settings.data, &exceptions, clock::now(), out)
        }
        Command::Explain(args) => explain::run(context, &args),
        Command::Inspect(args) => inspect::run(context, &args),
        Command::Config(args) => config::run(context, &args),
        Command::Slurm(args) => slurm::run(context, &args),
        Command::Repositories(args) => repositories::run(context, &args),
        Command::Doctor(args) => doctor::run(context, &args),
        Command::Lab(args) => lab::run(context, &args),
        Command::VerifyRsc(args) => verify_rsc::run(context, &args),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { dir } => manual::pages(&dir),
    }
}
