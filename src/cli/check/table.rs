//! A whole file of routes: one line of JSON each, and a summary.

use std::collections::HashSet;
use std::io::{self, BufRead, Write};
use std::path::Path;

use super::run::{Asker, finish, write_answer_line, write_json};
use super::wire::{BadLine, DataBody, InvalidByReason, SummaryBody, SummaryLine};
use super::{human, words};
use crate::bgp::Routes;
use crate::cli::limits::{MAX_ROUTE_BYTES, MAX_UNIQUE_ROUTES};
use crate::cli::{CliError, Exit, input};
use crate::model::{Rejected, Route};
use crate::origin::{InvalidReason, Validity};
use crate::world::{Answer, Freshness};

/// Answers for every route of the file.
pub(super) fn run(asker: &Asker<'_>, path: &Path, out: &mut dyn Write) -> Result<Exit, CliError> {
    let mut routes = Routes::new(input::open(path, MAX_ROUTE_BYTES)?);
    let mut counts = Counts::default();
    if let Err(error) = each(asker, &mut routes, path, &mut counts, out) {
        return match error {
            Stop::Input(error) => Err(error),
            Stop::Output(error) => finish(Err((counts.exit, error))),
        };
    }
    if counts.routes == 0 {
        return Err(no_routes(path, routes.rejected()));
    }
    let written = write_summary(asker, &counts, routes.rejected(), out);
    finish(written.map(|()| counts.exit).map_err(|error| (counts.exit, error)))
}

enum Stop {
    Input(CliError),
    Output(io::Error),
}

fn each(
    asker: &Asker<'_>,
    routes: &mut Routes<impl BufRead>,
    path: &Path,
    counts: &mut Counts,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    for route in routes {
        let route = route.map_err(|error| Stop::Input(input::unreadable(path, &error)))?;
        let answer = asker.ask(route);
        counts.add(&answer, asker.exit(&answer));
        if counts.unique.len() > MAX_UNIQUE_ROUTES {
            let message = format!("{}: more than {MAX_UNIQUE_ROUTES} routes", input::name(path));
            return Err(Stop::Input(CliError::failed(message)));
        }
        if asker.json {
            write_answer_line(out, asker.view, &answer).map_err(Stop::Output)?;
        }
    }
    Ok(())
}

fn no_routes(path: &Path, rejected: &Rejected) -> CliError {
    let name = input::name(path);
    match rejected.first.first() {
        None => CliError::usage(format!("{name}: no routes in it")),
        Some(bad) => CliError::usage(format!(
            "{name}: no route in any of {} lines; {}: {}",
            rejected.count, bad.place, bad.why
        )),
    }
    .hint("write one route a line, such as `192.0.2.0/24 AS64496`")
}

/// What was found so far.
struct Counts {
    exit: Exit,
    routes: u64,
    valid: u64,
    unknown: u64,
    invalid: InvalidByReason,
    stale: u64,
    incomplete: u64,
    unique: HashSet<Route>,
}

impl Default for Counts {
    fn default() -> Self {
        Counts {
            exit: Exit::Done,
            routes: 0,
            valid: 0,
            unknown: 0,
            invalid: InvalidByReason::default(),
            stale: 0,
            incomplete: 0,
            unique: HashSet::new(),
        }
    }
}

impl Counts {
    fn add(&mut self, answer: &Answer, exit: Exit) {
        self.exit = self.exit.and(exit);
        self.routes += 1;
        self.unique.insert(answer.route);
        let state = match answer.verdict.validity {
            Validity::Valid => &mut self.valid,
            Validity::NotFound => &mut self.unknown,
            Validity::Invalid(InvalidReason::As0) => &mut self.invalid.as0,
            Validity::Invalid(InvalidReason::MaxLength) => &mut self.invalid.max_length,
            Validity::Invalid(InvalidReason::OriginAs) => &mut self.invalid.origin_as,
            Validity::Invalid(InvalidReason::Both) => &mut self.invalid.both,
        };
        *state += 1;
        match answer.freshness {
            Freshness::Stale { .. } => self.stale += 1,
            Freshness::Incomplete(_) => self.incomplete += 1,
            Freshness::Fresh | Freshness::NoData => {}
        }
    }

    fn all_invalid(&self) -> u64 {
        let InvalidByReason { as0, max_length, origin_as, both } = self.invalid;
        as0 + max_length + origin_as + both
    }
}

fn write_summary(
    asker: &Asker<'_>,
    counts: &Counts,
    rejected: &Rejected,
    out: &mut dyn Write,
) -> io::Result<()> {
    if asker.json {
        let first = rejected.first.iter();
        let first = first.map(|bad| BadLine { place: bad.place.clone(), why: bad.why.clone() });
        let summary = SummaryBody {
            routes: counts.routes,
            unique_routes: counts.unique.len() as u64,
            valid: counts.valid,
            invalid: counts.all_invalid(),
            unknown: counts.unknown,
            invalid_by_reason: counts.invalid,
            stale: counts.stale,
            incomplete: counts.incomplete,
            bad_lines: rejected.count,
            first_bad_lines: first.collect(),
            data: DataBody::new(asker.view, asker.at),
        };
        write_json(out, &SummaryLine { summary })?;
        return out.flush();
    }
    let unique = counts.unique.len();
    write!(out, "{} routes, {unique} different prefix-origin pairs", counts.routes)?;
    match words::mark(asker.view) {
        Some(mark) => writeln!(out, "  [{mark}]")?,
        None => writeln!(out)?,
    }
    let InvalidByReason { as0, max_length, origin_as, both } = counts.invalid;
    for (indent, word, count) in [
        ("  ", "VALID", counts.valid),
        ("  ", "INVALID", counts.all_invalid()),
        ("    ", "wrong origin", origin_as),
        ("    ", "too long", max_length),
        ("    ", "both", both),
        ("    ", "AS0", as0),
        ("  ", "UNKNOWN", counts.unknown),
    ] {
        let tenths = (u128::from(count) * 1000 + u128::from(counts.routes) / 2)
            .checked_div(u128::from(counts.routes))
            .unwrap_or(0);
        let label = format!("{indent}{word}");
        writeln!(out, "{label:<18}{count:>10}  {:>3}.{} %", tenths / 10, tenths % 10)?;
    }
    if counts.stale > 0 {
        writeln!(out, "STALE: answers that rest on data that are too old: {}", counts.stale)?;
    }
    if counts.incomplete > 0 {
        writeln!(
            out,
            "INCOMPLETE: unknown routes that missing data could cover: {}",
            counts.incomplete
        )?;
    }
    if rejected.count > 0 {
        writeln!(out, "Lines that could not be read: {}", rejected.count)?;
        for bad in &rejected.first {
            writeln!(out, "  {}: {}", bad.place, bad.why)?;
        }
        if let Some(more) = rejected.count.checked_sub(rejected.first.len() as u64 + 1) {
            writeln!(out, "  and {} more", more + 1)?;
        }
    }
    human::write_source(out, asker.view, asker.at)?;
    out.flush()
}
