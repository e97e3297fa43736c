//! Where the answers come from: the last world, a world judged at another time, or a VRP file.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::CheckArgs;
use crate::cli::export::last_world;
use crate::cli::limits::MAX_VRP_FILE_BYTES;
use crate::cli::{CliError, input};
use crate::config::{DataDir, load_exceptions};
use crate::model::{Rejected, Timestamp};
use crate::payload::VrpFile;
use crate::world::{View, World};

/// Where answers can come from.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The data directory.
    pub dir: &'a DataDir,
    /// When data count as stale, unless the arguments say otherwise.
    pub max_age: Duration,
    /// The local exceptions in force; with a VRP file only those of the arguments are applied.
    pub exceptions: &'a [PathBuf],
    /// Judges what the cache holds at another time; writes no state and publishes nothing.
    pub judge_at: &'a dyn Fn(Timestamp) -> Result<World, CliError>,
}

/// Loads what the arguments ask for.
pub(super) fn load_view(
    args: &CheckArgs,
    sources: Sources<'_>,
    now: Timestamp,
    err: &mut dyn Write,
) -> Result<View, CliError> {
    let exceptions = if args.vrps.is_some() { &args.exceptions.files } else { sources.exceptions };
    let exceptions = Arc::new(load_exceptions(exceptions)?);
    let view = match (&args.vrps, args.at) {
        (Some(path), at) => view_of_file(path, at, err),
        (None, None) => {
            let world = last_world(sources.dir).map_err(|error| match error.hint {
                Some(hint) => CliError {
                    hint: Some(format!("{hint}, or answer from a VRP file with --vrps FILE")),
                    ..error
                },
                None => error,
            })?;
            Ok(View::of_world(Arc::new(world), now))
        }
        (None, Some(at)) => (sources.judge_at)(at).map(|world| View::of_world(Arc::new(world), at)),
    };
    Ok(view?.except(&exceptions))
}

/// Reads a VRP file.
pub(crate) fn view_of_file(
    path: &Path,
    at: Option<Timestamp>,
    err: &mut dyn Write,
) -> Result<View, CliError> {
    let mut bytes = Vec::new();
    input::open(path, MAX_VRP_FILE_BYTES)?
        .read_to_end(&mut bytes)
        .map_err(|error| input::unreadable(path, &error))?;
    let name = input::name(path);
    let file = VrpFile::parse(&bytes)
        .map_err(|error| CliError::usage(format!("{name}: {error}")).hint(
            "VRP files are rpki-client's JSON or CCR, Routinator's `json` or `csv`; routes are read with -i",
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
