//! `provost slurm check`: what files of local exceptions would change, before they are used.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::context::to_stdout;
use super::limits::MAX_ROUTE_BYTES;
use super::{CliError, Context, Exit, check, export, input};
use crate::bgp::Routes;
use crate::clock;
use crate::config::{DataDir, load_exceptions};
use crate::model::{Route, Timestamp, Vrp, excerpt};
use crate::origin::Validity;
use crate::output::words;
use crate::payload::{Exceptions, Rule, RuleId, RuleKind};
use crate::world::View;

/// Work with local exceptions (SLURM, RFC 8416)
#[derive(Clone, Debug, clap::Args)]
pub struct SlurmArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: SlurmCommand,
}

/// What can be done with local exceptions.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum SlurmCommand {
    /// Check files, and show what they would change
    Check(SlurmCheckArgs),
}

/// Check SLURM files, and show what they would change
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provost slurm check local.json                the VRPs that go and come
  provost slurm check local.json -i table.gz    and the announced routes whose state changes
  provost slurm check a.json b.json --vrps vrps.json   without any cache

The effect is that on what validation found, whatever exceptions are in force now.
Without a world or --vrps only the files themselves are checked.

Exit codes: 0 the files can be used; 2 they cannot, or wrong arguments.")]
pub struct SlurmCheckArgs {
    /// The files, as they would be used together
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Compare with a VRP file instead of the last world
    #[arg(long, value_name = "FILE")]
    pub vrps: Option<PathBuf>,
    /// Show which of these routes change; the formats are those of `provost check -i`
    #[arg(short, long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// List everything: without, the first 20 of each list
    #[arg(long)]
    pub all: bool,
    /// Write JSON, with everything
    #[arg(long)]
    pub json: bool,
}

/// How many lines of a list are shown unless all are asked for.
const SHOWN: usize = 20;

/// Runs the command.
pub fn run(context: &Context, args: &SlurmArgs) -> Result<Exit, CliError> {
    let SlurmCommand::Check(args) = &args.command;
    let report = report(args, &context.data()?, clock::now())?;
    to_stdout(|out| report.print(out, args))?;
    Ok(Exit::Done)
}

fn report(args: &SlurmCheckArgs, data: &DataDir, now: Timestamp) -> Result<Report, CliError> {
    let exceptions = load_exceptions(&args.files).map_err(|error| {
        CliError::usage(error.to_string()).hint("docs/slurm.md shows what a file may hold")
    })?;
    let exceptions = Arc::new(exceptions);
    let view = match &args.vrps {
        Some(path) => Some(check::view_of_file(path, None, &mut io::stderr().lock())?),
        None => match export::last_world(data) {
            Ok(world) => Some(View::of_world(Arc::new(world), now)),
            Err(error) if error.exit == Exit::NoData && args.input.is_none() => None,
            Err(error) => return Err(error),
        },
    };
    let mut report = Report::of_files(&exceptions);
    if let Some(before) = view {
        let after = before.clone().except(&exceptions);
        report.effect = Some(Effect::of(&before, &after));
        report.count_hits(&before, &after);
        if let Some(input) = &args.input {
            report.routes = Some(Changes::of(input, &before, &after)?);
        }
    }
    Ok(report)
}

/// What is shown.
#[derive(Serialize)]
struct Report {
    files: Vec<String>,
    rules: Vec<RuleReport>,
    effect: Option<Effect>,
    routes: Option<Changes>,
}

/// One rule.
#[derive(Serialize)]
struct RuleReport {
    rule: String,
    file: String,
    line: u32,
    comment: Option<String>,
    is_filter: bool,
    /// How many items it takes out or gives; nothing without data to compare with.
    changes: Option<u64>,
    warnings: Vec<&'static str>,
    #[serde(skip)]
    id: RuleId,
}

impl Report {
    fn of_files(exceptions: &Exceptions) -> Report {
        let rules = exceptions.rules().map(|(id, rule)| RuleReport {
            rule: rule.kind.to_string(),
            file: rule.file.to_string(),
            line: rule.line,
            comment: rule.comment.clone(),
            is_filter: rule.kind.is_filter(),
            changes: None,
            warnings: warnings(rule),
            id,
        });
        Report {
            files: exceptions.files().to_vec(),
            rules: rules.collect(),
            effect: None,
            routes: None,
        }
    }

    /// Notes what each rule takes out, or gives that was not there.
    fn count_hits(&mut self, before: &View, after: &View) {
        let mut hits: BTreeMap<RuleId, u64> = BTreeMap::new();
        let mut hit = |rule: RuleId| *hits.entry(rule).or_default() += 1;
        after.filtered_vrps().iter().for_each(|filtered| hit(filtered.rule));
        after.filtered_aspas().iter().for_each(|(_, rule)| hit(*rule));
        after.filtered_router_keys().iter().for_each(|(_, rule)| hit(*rule));
        let exceptions = after.exceptions();
        for (vrp, rule) in exceptions.vrps() {
            if before.vrps().binary_search(vrp).is_err() {
                hit(*rule);
            }
        }
        for (key, rule) in exceptions.router_keys() {
            if before.router_keys().binary_search_by(|item| item.payload.cmp(key)).is_err() {
                hit(*rule);
            }
        }
        for (aspa, rule) in exceptions.aspas() {
            if before.aspas().binary_search_by(|item| item.payload.cmp(aspa)).is_err() {
                hit(*rule);
            }
        }
        for rule in &mut self.rules {
            let changes = hits.get(&rule.id).copied().unwrap_or(0);
            rule.changes = Some(changes);
            if changes == 0 {
                rule.warnings.push(if rule.is_filter {
                    "takes out nothing"
                } else {
                    "is there already"
                });
            }
        }
    }

    fn print(&self, out: &mut dyn Write, args: &SlurmCheckArgs) -> io::Result<()> {
        if args.json {
            serde_json::to_writer(&mut *out, self)?;
            return writeln!(out);
        }
        let shown = if args.all { usize::MAX } else { SHOWN };
        for file in &self.files {
            let rules = self.rules.iter().filter(|rule| rule.file == *file);
            let (filters, assertions): (Vec<_>, Vec<_>) = rules.partition(|rule| rule.is_filter);
            writeln!(
                out,
                "{file}: can be used; {}, {}",
                counted(filters.len(), "filter"),
                counted(assertions.len(), "assertion")
            )?;
        }
        list(out, &self.rules, shown, |out, rule| {
            let place = format!("{}:{}", rule.file, rule.line);
            let comment = rule.comment.as_ref().map(|comment| excerpt(comment.as_bytes()));
            let comment = comment.map(|comment| format!("  ({comment})")).unwrap_or_default();
            write!(out, "  {place}  {}{comment}", rule.rule)?;
            if let Some(changes) = rule.changes.filter(|changes| *changes > 0 && rule.is_filter) {
                write!(out, "  takes out {changes}")?;
            }
            rule.warnings.iter().try_for_each(|warning| write!(out, "  WARNING: {warning}"))?;
            writeln!(out)
        })?;
        match &self.effect {
            Some(effect) => effect.print(out, shown)?,
            None => writeln!(out, "There is no world yet, so no effect can be shown.")?,
        }
        self.routes.as_ref().map_or(Ok(()), |routes| routes.print(out, shown))
    }
}

/// Returns what an operator should think about once more.
fn warnings(rule: &Rule) -> Vec<&'static str> {
    match rule.kind {
        RuleKind::PrefixFilter(filter)
            if filter.asn.is_none() && filter.prefix.is_some_and(|prefix| prefix.len() == 0) =>
        {
            vec!["takes out every VRP of an address family"]
        }
        RuleKind::Vrp(vrp) if vrp.max_length > vrp.prefix.len() => {
            vec!["also permits more specific routes (RFC 9319)"]
        }
        _ => Vec::new(),
    }
}

/// What changes in the payload.
#[derive(Serialize)]
struct Effect {
    vrps: Counts,
    router_keys: Counts,
    aspas: Counts,
    removed: Vec<String>,
    added: Vec<String>,
}

/// How many there are before and after.
#[derive(Clone, Copy, Serialize)]
struct Counts {
    before: usize,
    after: usize,
}

impl Effect {
    fn of(before: &View, after: &View) -> Effect {
        let counts = |before: usize, after: usize| Counts { before, after };
        let lacks = |list: &[Vrp], vrp: &&Vrp| list.binary_search(vrp).is_err();
        let missing = |from: &View, to: &View| {
            let vrps = from.vrps().iter().filter(|vrp| lacks(to.vrps(), vrp));
            vrps.map(shown).collect()
        };
        Effect {
            vrps: counts(before.vrps().len(), after.vrps().len()),
            router_keys: counts(before.router_keys().len(), after.router_keys().len()),
            aspas: counts(before.aspas().len(), after.aspas().len()),
            removed: missing(before, after),
            added: missing(after, before),
        }
    }

    fn print(&self, out: &mut dyn Write, shown: usize) -> io::Result<()> {
        for (name, counts) in
            [("VRPs", self.vrps), ("router keys", self.router_keys), ("ASPAs", self.aspas)]
        {
            writeln!(out, "{name}: {} before, {} after", counts.before, counts.after)?;
        }
        list(out, &self.removed, shown, |out, vrp| writeln!(out, "- {vrp}"))?;
        list(out, &self.added, shown, |out, vrp| writeln!(out, "+ {vrp}"))
    }
}

fn shown(vrp: &Vrp) -> String {
    format!("{} up to /{} {}", vrp.prefix, vrp.max_length, vrp.asn)
}

/// Which routes change.
#[derive(Serialize)]
struct Changes {
    routes: u64,
    changed: Vec<Change>,
    bad_lines: u64,
}

/// A route whose state changes.
#[derive(Serialize)]
struct Change {
    prefix: String,
    origin: Option<String>,
    before: &'static str,
    after: &'static str,
}

impl Changes {
    fn of(path: &Path, before: &View, after: &View) -> Result<Changes, CliError> {
        let mut input = Routes::new(input::open(path, MAX_ROUTE_BYTES)?);
        let mut changes = Changes { routes: 0, changed: Vec::new(), bad_lines: 0 };
        for route in &mut input {
            let route = route.map_err(|error| input::unreadable(path, &error))?;
            changes.routes = changes.routes.saturating_add(1);
            let (old, new) =
                (Validity::of(before.index(), route), Validity::of(after.index(), route));
            if words::validity(old) != words::validity(new) {
                changes.changed.push(Change::of(route, old, new));
            }
        }
        changes.bad_lines = input.rejected().count;
        Ok(changes)
    }

    fn print(&self, out: &mut dyn Write, shown: usize) -> io::Result<()> {
        writeln!(out, "Routes: {}, of which {} change", self.routes, self.changed.len())?;
        if self.bad_lines > 0 {
            writeln!(out, "Lines that are no route: {}", self.bad_lines)?;
        }
        list(out, &self.changed, shown, |out, change| {
            let origin = change.origin.as_deref().unwrap_or("no single origin");
            writeln!(out, "  {} {origin}: {} -> {}", change.prefix, change.before, change.after)
        })
    }
}

impl Change {
    fn of(route: Route, before: Validity, after: Validity) -> Change {
        Change {
            prefix: route.prefix.to_string(),
            origin: match route.origin {
                crate::model::Origin::As(asn) => Some(asn.to_string()),
                crate::model::Origin::None => None,
            },
            before: words::validity(before),
            after: words::validity(after),
        }
    }
}

/// Writes the first of a list, and how many more there are.
fn list<T>(
    out: &mut dyn Write,
    items: &[T],
    shown: usize,
    write: impl Fn(&mut dyn Write, &T) -> io::Result<()>,
) -> io::Result<()> {
    items.iter().take(shown).try_for_each(|item| write(out, item))?;
    match items.len().saturating_sub(shown) {
        0 => Ok(()),
        more => writeln!(out, "  ... and {more} more; --all lists them"),
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::fixture::{NOW, world};
    use crate::world::publish;

    const SLURM: &str = r#"{ "slurmVersion": 1,
  "validationOutputFilters": {
    "prefixFilters": [
      { "prefix": "192.0.2.0/24", "comment": "attacked" },
      { "asn": 64511 },
      { "prefix": "::/0" } ],
    "bgpsecFilters": [] },
  "locallyAddedAssertions": {
    "prefixAssertions": [
      { "asn": 64499, "prefix": "203.0.113.0/24" },
      { "asn": 64500, "prefix": "198.51.100.0/24", "maxPrefixLength": 25 } ],
    "bgpsecAssertions": [] } }"#;

    fn shown(json: bool) -> String {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        publish(&data.world(), &world()).unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let routes = "192.0.2.0/24 64496\n198.51.100.0/25 64500\n203.0.113.0/24 64499\nx\n";
        let args = SlurmCheckArgs {
            files: vec![file("x.json", SLURM)],
            vrps: None,
            input: Some(file("routes", routes)),
            all: false,
            json,
        };
        let mut out = Vec::new();
        report(&args, &data, NOW).unwrap().print(&mut out, &args).unwrap();
        String::from_utf8(out).unwrap().replace(&dir.path().display().to_string(), "DIR")
    }

    #[test]
    fn the_effect_is_shown_before_the_files_are_used() {
        insta::assert_snapshot!(shown(false));
        let json: serde_json::Value = serde_json::from_str(&shown(true)).unwrap();
        assert_eq!(json["rules"][0]["changes"], 2);
        assert_eq!(json["effect"]["added"].as_array().unwrap().len(), 1);
        assert_eq!(json["routes"]["changed"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_broken_file_is_a_usage_error_and_no_world_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        let path = dir.path().join("x.json");
        std::fs::write(&path, "{").unwrap();
        let mut args = SlurmCheckArgs {
            files: vec![path.clone()],
            vrps: None,
            input: None,
            all: false,
            json: false,
        };
        let error = report(&args, &data, NOW).err().unwrap();
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.message.contains("x.json:1: "), "{}", error.message);
        std::fs::write(&path, SLURM).unwrap();
        let found = report(&args, &data, NOW).unwrap();
        assert!(found.effect.is_none() && found.rules.len() == 5);
        // Twice the same file is at odds with itself.
        args.files.push(path);
        assert!(report(&args, &data, NOW).is_err());
    }
}
