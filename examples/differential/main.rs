//! Differential testing: the same repositories, judged by Provost and by other validators.
//!
//! `cargo run --release --example differential -- --help` says how it is run, and
//! `docs/differences.md` what was found. It stands outside of the program that is shipped.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    reason = "every input is made here, and a fault here ends the run"
)]

mod catalogue;
mod change;
mod dice;
mod judge;
mod known;
mod ours;
mod peers;
mod report;
#[path = "../../src/validate/tests/surgery.rs"]
mod surgery;
#[cfg(test)]
mod tests;
mod verdict;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use provost::{ca, clock};

use judge::Judge;
use peers::Peer;

/// Judges mutated, correctly signed repositories with Provost and with other validators
#[derive(Parser)]
#[command(after_help = "\
Examples:
  cargo run --release --example differential -- --cases 1110
  cargo run --release --example differential -- --only g16 --peer fort --json report.json

Ends with 0 if every difference is explained in docs/differences.md, else with 1.")]
struct Args {
    /// How many cases; each row of the table of threats gets about as many as any other
    #[arg(long, default_value_t = 340)]
    cases: usize,
    /// Decides the numbers in the cases
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Which validators [default: all that are installed]
    #[arg(long, value_enum)]
    peer: Vec<Peer>,
    /// Only changes whose name begins so
    #[arg(long, default_value = "")]
    only: String,
    /// How many cases share one repository, at most 80
    #[arg(long, default_value_t = 50)]
    batch: usize,
    /// Leave the repositories in this directory
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Write a report as JSON to this file
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let peers: Vec<_> = match args.peer.is_empty() {
        true => Peer::ALL.into_iter().filter(|peer| peer.version().is_some()).collect(),
        false => args.peer.clone(),
    };
    let judge = Judge {
        seed: args.seed,
        now: clock::now(),
        peers,
        batch: args.batch.clamp(1, 80),
        keep: args.keep,
    };
    let cases = judge.choose(args.cases, &args.only);
    let verdicts = judge.run(&cases);
    let report = report::Report::new(&judge, verdicts);
    print!("{}", report.text());
    if let Some(path) = args.json {
        std::fs::write(path, format!("{:#}\n", report.json())).expect("the report can be written");
    }
    if report.unexplained() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
