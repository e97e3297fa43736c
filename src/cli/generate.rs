//! `provost lab generate`: a lab on disk, small or for measurements.

use std::path::{Path, PathBuf};

use super::context::to_stdout;
use super::lab::{SEED, lab_failed};
use super::{CliError, Exit};
use crate::clock;
use crate::lab::{self, Counts, Scale, small_internet};
use crate::model::Timestamp;

/// What is written to disk.
#[derive(clap::Args, Clone, Debug)]
pub struct GenerateArgs {
    /// The directory; it must be empty or not exist, but for --churn
    dir: PathBuf,
    /// Decides keys and RRDP sessions: the same seed and time give the same bytes
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// The time at which everything is issued [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Write a lab for measurements instead, fit for tests only: invented holders of ordinary
    /// addresses, and keys from published primes
    #[arg(long)]
    scale: Option<Scale>,
    /// Make the next state of the lab for measurements in DIR: so many of a hundred CAs that have
    /// ROAs reissue their manifest and CRL, and most of them add, replace or withdraw a ROA
    #[arg(
        long,
        value_name = "PERCENT",
        value_parser = clap::value_parser!(u8).range(1..=100),
        conflicts_with_all = ["scale", "seed"],
    )]
    churn: Option<u8>,
}

/// Runs the command.
pub(super) fn run(args: &GenerateArgs) -> Result<Exit, CliError> {
    let GenerateArgs { dir, seed, at, scale, churn } = args;
    let at = at.unwrap_or_else(clock::now);
    if let Some(percent) = churn {
        let counts = lab::churn_scale(dir, *percent, at).map_err(lab_failed)?;
        return wrote_scale(dir, counts);
    }
    let occupied = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        let message = format!("{} is not empty", dir.display());
        return Err(CliError::usage(message).hint("name a directory that does not exist yet"));
    }
    if let Some(scale) = scale {
        let counts = lab::generate_scale(dir, *scale, *seed, at).map_err(lab_failed)?;
        return wrote_scale(dir, counts);
    }
    lab::generate(dir, small_internet(), *seed, at).map_err(lab_failed)?;
    to_stdout(|out| {
        writeln!(out, "Wrote a lab to {}; README.md there says what is in it.", dir.display())
    })?;
    Ok(Exit::Done)
}

fn wrote_scale(dir: &Path, counts: Counts) -> Result<Exit, CliError> {
    let Counts { cas, roas, vrps, objects, verifications } = counts;
    to_stdout(|out| {
        writeln!(
            out,
            "Wrote a lab for measurements to {}: {cas} CAs, {roas} ROAs, {vrps} VRPs, {objects}\n\
             objects, {verifications} signatures to verify. README.md there says more.",
            dir.display()
        )
    })?;
    Ok(Exit::Done)
}
