//! `provost check`: is this route valid, invalid or unknown, why, and how fresh is that?

mod args;
mod data;
mod human;
mod run;
mod table;
#[cfg(test)]
mod tests;
mod wire;
mod words;

pub use args::CheckArgs;
pub use data::Sources;
pub(crate) use data::view_of_file;
pub use run::run;

use super::sync::{as_fetched, open_engine};
use super::validate::judge_at;
use super::{CliError, Context, Exit};
use crate::clock;
use crate::config::{ConfigFile, Settings};
use crate::model::Timestamp;
use crate::store::{Access, Store};
use crate::world::World;

/// Runs the command for the person at the terminal.
pub fn command(context: &Context, args: &CheckArgs) -> Result<Exit, CliError> {
    let flags = ConfigFile { exceptions: args.exceptions.files.clone(), ..ConfigFile::default() };
    let settings = context.settings(flags)?;
    let sources = Sources {
        dir: &settings.data,
        max_age: settings.max_age,
        exceptions: &settings.exceptions,
        judge_at: &|at| judge_cache_at(&settings, at),
    };
    // `anstream` leaves colours out where nobody sees them, and where NO_COLOR is set.
    let mut out = anstream::AutoStream::auto(std::io::stdout().lock());
    run(args, sources, clock::now(), &mut out, &mut std::io::stderr().lock())
}

/// Judges the cache at another time, under the trust anchors of the last validation.
fn judge_cache_at(settings: &Settings, at: Timestamp) -> Result<World, CliError> {
    let purpose = Store::purpose_of(&settings.data.cache())
        .map_err(|error| CliError::no_data(error.to_string()).hint("run `provost sync` first"))?;
    let engine = open_engine(&settings.clone().with_recorded_tals(), purpose, Access::Read)?;
    judge_at(&as_fetched(engine)?, at)
}
