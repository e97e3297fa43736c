//! `provost validate`: judge what is in the cache, without any network.

use super::context::to_stdout;
use super::summary::Summary;
use super::sync::{as_fetched, finish, judge_once, open_engine};
use super::{CliError, Context, Exit, TransportArgs, ValidateArgs};
use crate::model::Timestamp;
use crate::service::engine::{Engine, Known};
use crate::store::{Access, Store};
use crate::world::World;

/// Runs the command.
pub fn run(context: &Context, args: &ValidateArgs) -> Result<Exit, CliError> {
    let mut settings = context.worker_settings(&args.trust_anchors, &TransportArgs::default())?;
    if args.trust_anchors.tal.is_empty() && !args.trust_anchors.no_rir_tals {
        // Who names no trust anchor means those of the last run.
        settings = settings.with_recorded_tals();
    }
    let purpose = Store::purpose_of(&settings.data.cache())
        .map_err(|error| CliError::no_data(error.to_string()).hint("run `provost sync` first"))?;
    match args.at {
        Some(at) => {
            let engine = as_fetched(open_engine(&settings, purpose, Access::Read)?)?;
            let world = judge_at(&engine, at)?;
            let summary = Summary::of(&world.head(), false);
            to_stdout(|out| summary.print(out, args.json))?;
            Ok(if summary.is_complete() { Exit::Done } else { Exit::Failed })
        }
        None => {
            let engine = as_fetched(open_engine(&settings, purpose, Access::Write)?)?;
            let known = Known { with_memory: !args.full, ..engine.load_known()? };
            finish(&judge_once(&engine, &known)?, args.json)
        }
    }
}

/// Judges today's objects at another time; writes no state, and publishes nothing.
pub(super) fn judge_at(engine: &Engine, at: Timestamp) -> Result<World, CliError> {
    let state = engine.store.load_state()?;
    let validated = engine.judge(&Known { state, with_memory: false }, at)?;
    Ok(engine.assemble(&validated, None)?)
}
