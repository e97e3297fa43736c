//! Where the answers come from: the last world, a world judged at another time, or a VRP file.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use super::CheckArgs;
use crate::cli::export::last_world;
use crate::cli::limits::MAX_VRP_FILE_BYTES;
use crate::cli::{CliError, input};
use crate::config::DataDir;
use crate::model::{Rejected, Timestamp};
use crate::payload::VrpFile;
use crate::world::{View, World};

/// Loads what the arguments ask for.
pub(super) fn load_view(
    args: &CheckArgs,
    data: &DataDir,
    now: Timestamp,
    err: &mut dyn Write,
) -> Result<View, CliError> {
    match (&args.vrps, args.at) {
        (Some(path), at) => view_of_file(path, at, err),
        (None, None) => {
            let world = last_world(data).map_err(|error| match error.hint {
                Some(hint) => CliError {
                    hint: Some(format!("{hint}, or answer from a VRP file with --vrps FILE")),
                    ..error
                },
                None => error,
            })?;
            Ok(View::of_world(Arc::new(world), now))
        }
        (None, Some(at)) => {
            judge_cache_at(data, at).map(|world| View::of_world(Arc::new(world), at))
        }
    }
}

/// Validates what the cache holds as of another time; writes no state and publishes nothing.
///
/// The seam to validation (DESIGN, section 11, "Time").
fn judge_cache_at(_data: &DataDir, at: Timestamp) -> Result<World, CliError> {
    Err(CliError::usage(format!("cannot judge the cache at {at} yet"))
        .hint("--at works with --vrps FILE"))
}

fn view_of_file(path: &Path, at: Option<Timestamp>, err: &mut dyn Write) -> Result<View, CliError> {
    let mut bytes = Vec::new();
    input::open(path, MAX_VRP_FILE_BYTES)?
        .read_to_end(&mut bytes)
        .map_err(|error| input::unreadable(path, &error))?;
    let name = input::name(path);
    let file = VrpFile::parse(&bytes)
        .map_err(|error| CliError::usage(format!("{name}: {error}")).hint(
            "VRP files are rpki-client's JSON, Routinator's `json` or `csv`; routes are read with -i",
        ))?;
    drop(bytes);
    let Rejected { count, first } = &file.rejected;
    if let Some(example) = first.first() {
        let (place, why) = (&example.place, &example.why);
        if file.vrps.is_empty() {
            return Err(CliError::usage(format!("{name}: no row is a VRP; {place}: {why}")));
        }
        // That the warning cannot be written changes no answer.
        let _ = writeln!(err, "warning: {name}: {count} rows left out; {place}: {why}");
    }
    Ok(View::of_vrp_file(file, &name, at))
}
