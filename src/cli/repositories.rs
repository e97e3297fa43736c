//! `provost repositories`: how fetching each repository goes.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;

use super::context::to_stdout;
use super::export::last_world;
use super::{CliError, Context, Exit};
use crate::clock;
use crate::config::{format_duration, format_size};
use crate::http::{RepositoryBody, transport};
use crate::model::Timestamp;
use crate::output::columns::{Align, write_columns};
use crate::output::words;
use crate::service::{Suspects, read_suspects_in};
use crate::store::{Access, Store, StoreErrorKind};
use crate::world::{PointRecord, RepositoryState, RepositoryStatus, World};

/// `provost repositories`
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  provost repositories                      all of them, those in trouble first
  provost repositories --failing            only those in trouble
  provost repositories rpki.example.net     those there, and what was rejected of what they hold
  provost repositories --json | jq '.repositories[] | select(.state != \"current\")'

It reads the cache, also while the service writes it. Exits 5 where there is no cache yet.")]
pub struct RepositoriesArgs {
    /// Only those whose URI contains TEXT, with what the last world found wrong with their objects
    #[arg(value_name = "TEXT")]
    pub text: Option<String>,
    /// Only those whose last attempt failed, or that were never reached
    #[arg(long)]
    pub failing: bool,
    /// Print the result as JSON; the members are those of /v1/repositories
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Body {
    time: String,
    repositories: Vec<RepositoryBody>,
    /// Of these repositories, where they were asked for by name.
    #[serde(flatten)]
    found: Option<Found>,
}

/// What the last world found wrong with what some repositories hold.
#[derive(Serialize)]
struct Found {
    /// The time of that world.
    world_time: String,
    /// Findings that were counted and not kept.
    findings_left_out: u64,
    findings: Vec<FindingBody>,
}

#[derive(Serialize)]
struct FindingBody {
    repository: String,
    object: String,
    reason: &'static str,
    detail: String,
}

/// Runs the command.
pub fn run(context: &Context, args: &RepositoriesArgs) -> Result<Exit, CliError> {
    let data = context.data()?;
    let path = data.cache();
    let purpose = Store::purpose_of(&path).map_err(|error| match error.kind {
        StoreErrorKind::Missing => {
            CliError::no_data(error.to_string()).hint("run `provost sync` first")
        }
        _ => CliError::from(error),
    })?;
    let store = Store::open(&path, purpose, Access::Read)?;
    let mut all: Vec<RepositoryStatus> =
        store.repositories()?.into_iter().map(|record| record.status).collect();
    if args.failing {
        all.retain(|status| status.state != RepositoryState::Current);
    }
    if let Some(text) = &args.text {
        all.retain(|status| status.id.as_str().contains(text));
        if all.is_empty() {
            let hint = "`provost repositories` lists all of them";
            return Err(
                CliError::failed(format!("no repository has {text:?} in its URI")).hint(hint)
            );
        }
    }
    let found = match &args.text {
        Some(_) => Some(findings(&last_world(&data)?, &all)),
        None => None,
    };
    // Trouble first, then the slowest.
    all.sort_by_key(|status| {
        (status.state == RepositoryState::Current, std::cmp::Reverse(status.duration))
    });
    let now = clock::now();
    if args.json {
        let repositories = all.iter().map(|status| RepositoryBody::of(status, now)).collect();
        let body = Body { time: now.to_string(), repositories, found };
        to_stdout(|out| {
            serde_json::to_writer_pretty(&mut *out, &body)?;
            writeln!(out)
        })?;
    } else {
        let suspects = read_suspects_in(&data.state());
        to_stdout(|out| {
            write(out, &all, &suspects, now)?;
            found.iter().try_for_each(|found| write_findings(out, found))
        })?;
    }
    Ok(Exit::Done)
}

/// Returns what `world` found wrong with what these repositories hold, in the order of the objects.
fn findings(world: &World, of: &[RepositoryStatus]) -> Found {
    let of: BTreeSet<&str> = of.iter().map(|status| status.id.as_str()).collect();
    let named = |point: &PointRecord| {
        let record = world.repositories.get(usize::try_from(point.repository?).ok()?)?;
        of.get(record.id.as_str()).copied()
    };
    let points = world.points.iter().filter_map(|point| Some((named(point)?, point)));
    let left_out = points.clone().map(|(_, point)| u64::from(point.findings_left_out)).sum();
    let findings = points.flat_map(|(repository, point)| {
        point.findings.iter().map(move |finding| FindingBody {
            repository: repository.to_owned(),
            object: finding.object.clone(),
            reason: finding.reason.code(),
            detail: finding.detail.clone(),
        })
    });
    let mut findings: Vec<_> = findings.collect();
    findings.sort_by(|left, right| left.object.cmp(&right.object));
    Found { world_time: world.time.to_string(), findings_left_out: left_out, findings }
}

fn write_findings(out: &mut dyn Write, found: &Found) -> io::Result<()> {
    for finding in &found.findings {
        writeln!(out, "\n{}\n   {}: {}", finding.object, finding.reason, finding.detail)?;
    }
    let time = &found.world_time;
    match found.findings.len() {
        0 => writeln!(out, "\nThe world of {time} found nothing wrong with what they hold.")?,
        many => writeln!(
            out,
            "\n{many} findings of the world of {time}; `provost explain CODE` says what one means."
        )?,
    }
    match found.findings_left_out {
        0 => Ok(()),
        more => writeln!(out, "{more} more were counted and not kept."),
    }
}

fn write(
    out: &mut dyn Write,
    all: &[RepositoryStatus],
    suspects: &Suspects,
    now: Timestamp,
) -> io::Result<()> {
    let head = [
        ("State", Align::Left),
        ("Up to date", Align::Right),
        ("Took", Align::Right),
        ("Next", Align::Right),
        ("Objects", Align::Right),
        ("Brought", Align::Right),
        ("By", Align::Left),
        ("Serial", Align::Right),
        ("Repository", Align::Left),
    ];
    let none = || "-".to_owned();
    let row = |status: &RepositoryStatus| {
        let ago = |time: Timestamp| format!("{} ago", format_duration(now.since(time)));
        let next = |time: Timestamp| match time > now {
            true => format!("in {}", format_duration(time.since(now))),
            false => "due".to_owned(),
        };
        vec![
            words::repository_state(status.state).to_owned(),
            status.last_success.map_or_else(none, ago),
            status.duration.map_or_else(none, |took| format!("{:.1} s", took.as_secs_f64())),
            status.next_attempt.map_or_else(none, next),
            status.objects.to_string(),
            format_size(status.bytes),
            transport(&status.id).to_owned(),
            status.serial.map_or_else(none, |serial| serial.to_string()),
            status.id.to_string(),
        ]
    };
    write_columns(out, &head, &all.iter().map(row).collect::<Vec<_>>())?;
    let in_trouble = all.iter().filter(|status| status.error.is_some());
    for status in in_trouble {
        writeln!(out, "\n{}\n   {}", status.id, status.error.as_deref().unwrap_or_default())?;
        if let Some(until) = suspects.quarantine(&format!("F {}", status.id), now) {
            writeln!(out, "   in quarantine until {until}: the worker died of it")?;
        }
    }
    let failing = all.iter().filter(|status| status.state != RepositoryState::Current).count();
    writeln!(out, "\n{} repositories, {failing} of them in trouble.", all.len())
}
