//! `provost export`: the payload of the last world in a format that other programs read.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{CliError, ExceptionArgs, Exit};
use crate::config::DataDir;
use crate::model::{Asn, Family, Prefix, Timestamp};
use crate::output::{self, Format, Selection};
use crate::payload::Exceptions;
use crate::world::{View, load_current};

/// Write the validated payload, less what has expired, and with local exceptions applied
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provost export -f csv -o vrps.csv               a file is replaced as a whole
  provost export -f bird2 --family 4 -o r4.conf   BIRD wants one family a file
  provost export -f rpki-client-json -a AS64500   the items of one AS")]
pub struct ExportArgs {
    /// The format, as Routinator writes it
    #[arg(short, long, value_enum, default_value = "csv")]
    pub format: Format,
    /// Where to write; a file is replaced as a whole, `-` is the standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
    /// Only VRPs that cover this prefix (repeatable; joined with --select-asn by "or")
    #[arg(short = 'p', long, value_name = "PREFIX")]
    pub select_prefix: Vec<Prefix>,
    /// Only items of this AS (repeatable)
    #[arg(short = 'a', long, value_name = "AS")]
    pub select_asn: Vec<Asn>,
    /// With --select-prefix: also VRPs inside the prefix
    #[arg(short, long)]
    pub more_specifics: bool,
    /// Only VRPs of this address family
    #[arg(long, value_parser = parse_family, value_name = "4|6")]
    pub family: Option<Family>,
    /// No VRPs
    #[arg(long)]
    pub no_route_origins: bool,
    /// No router keys
    #[arg(long)]
    pub no_router_keys: bool,
    /// No ASPAs
    #[arg(long)]
    pub no_aspas: bool,
    /// Local exceptions.
    #[command(flatten)]
    pub exceptions: ExceptionArgs,
}

fn parse_family(text: &str) -> Result<Family, String> {
    match text {
        "4" => Ok(Family::V4),
        "6" => Ok(Family::V6),
        _ => Err("expected 4 or 6".to_owned()),
    }
}

impl ExportArgs {
    fn selection(&self) -> Selection {
        Selection {
            prefixes: self.select_prefix.clone(),
            asns: self.select_asn.clone(),
            more_specifics: self.more_specifics,
            family: self.family,
            no_route_origins: self.no_route_origins,
            no_router_keys: self.no_router_keys,
            no_aspas: self.no_aspas,
        }
    }
}

/// Runs the command.
///
/// # Errors
///
/// There is no world yet, it cannot be read, or the output cannot be written.
pub fn run(
    args: &ExportArgs,
    data: &DataDir,
    exceptions: &Arc<Exceptions>,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let view = View::of_world(Arc::new(last_world(data)?), now).except(exceptions);
    if !view.has_data() {
        // An empty file would tell routers that nothing is signed.
        return Err(CliError::no_data("no trust anchor is valid in the last world")
            .hint("`provost sync` says why"));
    }
    let selection = &args.selection();
    if args.output == Path::new("-") {
        return match args.format.write(&view, selection, out).and_then(|()| out.flush()) {
            // Whoever reads has had enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
            Err(error) => Err(CliError::failed(format!("cannot write: {error}"))),
            Ok(()) => Ok(Exit::Done),
        };
    }
    output::replace(&args.output, |out| args.format.write(&view, selection, out)).map_err(
        |error| CliError::failed(format!("cannot write {}: {error}", args.output.display())),
    )?;
    Ok(Exit::Done)
}

/// Loads the last world, or says what to do without one.
pub(super) fn last_world(data: &DataDir) -> Result<crate::world::World, CliError> {
    match load_current(&data.world()) {
        Ok(Some(world)) => Ok(world),
        Ok(None) => {
            let message = format!("no validated data in {} yet", data.path().display());
            Err(CliError::no_data(message).hint("run `provost sync` first"))
        }
        Err(error) => {
            let hint = if error.is_newer() {
                "a newer provost wrote it; use that one, or another --data-dir"
            } else {
                "run `provost sync` to publish it again"
            };
            Err(CliError::failed(error.to_string()).hint(hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::fixture::{NOW, hours, world};
    use crate::world::publish;

    fn args(output: &Path) -> ExportArgs {
        use clap::Parser;
        #[derive(Parser)]
        struct Cli {
            #[command(flatten)]
            export: ExportArgs,
        }
        let output = output.to_str().unwrap();
        Cli::try_parse_from(["export", "--output", output]).unwrap().export
    }

    fn exported(data: &DataDir, now: Timestamp) -> String {
        let mut out = Vec::new();
        assert_eq!(
            run(&args(Path::new("-")), data, &Arc::default(), now, &mut out).unwrap(),
            Exit::Done
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn without_a_world_there_is_no_data_and_a_hint() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        let error =
            run(&args(Path::new("-")), &data, &Arc::default(), NOW, &mut Vec::new()).unwrap_err();
        assert_eq!(error.exit, Exit::NoData);
        assert_eq!(error.hint.as_deref(), Some("run `provost sync` first"));
    }

    #[test]
    fn what_has_expired_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        publish(&data.world(), &world()).unwrap();
        assert_eq!(exported(&data, NOW).lines().count(), 6);
        assert_eq!(exported(&data, hours(24)).lines().count(), 6, "the last second counts");
        assert_eq!(exported(&data, Timestamp(hours(24).0 + 1)).lines().count(), 1);
    }

    #[test]
    fn a_file_gets_what_standard_output_would() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        publish(&data.world(), &world()).unwrap();
        let path = dir.path().join("vrps.csv");
        run(&args(&path), &data, &Arc::default(), NOW, &mut Vec::new()).unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), exported(&data, NOW));
        let nowhere = dir.path().join("missing/vrps.csv");
        let error = run(&args(&nowhere), &data, &Arc::default(), NOW, &mut Vec::new()).unwrap_err();
        assert!(error.message.contains("missing/vrps.csv"), "{error}");
    }

    #[test]
    fn a_broken_pipe_is_success() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        publish(&data.world(), &world()).unwrap();
        assert_eq!(
            run(&args(Path::new("-")), &data, &Arc::default(), NOW, &mut Closed).unwrap(),
            Exit::Done
        );
    }
}
