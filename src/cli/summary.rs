//! The summary at the end of `sync` and `validate`: what was fetched, what is valid, what is not.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::clock;
use crate::config::format_duration;
use crate::model::{RepositoryId, Timestamp};
use crate::output::columns::{Align, write_columns};
use crate::output::words;
use crate::validate::{ObjectKind, PointStatus, Reason, TrustAnchorStatus};
use crate::world::{Purpose, World};

/// What a run ended with; also the JSON of `sync --json`.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The world's number; absent when nothing was published.
    pub world: Option<u64>,
    /// Whether the data are from a lab.
    pub lab: bool,
    /// The time at which everything was judged.
    pub time: String,
    /// How long validation took.
    pub validation_milliseconds: u64,
    /// One for each TAL.
    pub trust_anchors: Vec<TrustAnchorSummary>,
    /// One for each repository.
    pub repositories: Vec<RepositorySummary>,
    /// How many objects were rejected or noted, by reason code.
    pub findings: BTreeMap<String, u64>,
}

/// One trust anchor's line.
#[derive(Debug, Serialize)]
pub struct TrustAnchorSummary {
    /// The TAL's name.
    pub name: String,
    /// `valid`, `missing` or `rejected`.
    pub state: &'static str,
    /// Why its certificate is not there, or is not used.
    pub error: Option<String>,
    /// How many CAs it has.
    pub cas: u64,
    /// How many of them have no data that are valid and current.
    pub incomplete_cas: u64,
    /// How many ROAs are valid.
    pub roas: u64,
    /// How many VRPs they give.
    pub vrps: u64,
    /// How many ASPAs are valid.
    pub aspas: u64,
    /// How many router keys there are.
    pub router_keys: u64,
    /// Since when it announces another key, and from when on that is to be used (RFC 9691).
    pub next_key: Option<String>,
}

/// One repository's line.
#[derive(Debug, Serialize)]
pub struct RepositorySummary {
    /// Its URI.
    pub uri: String,
    /// `rrdp` or `rsync`.
    pub transport: &'static str,
    /// `current`, `failing`, `pending` or `unavailable`.
    pub state: &'static str,
    /// How many objects it holds.
    pub objects: u64,
    /// How many VRPs come from it.
    pub vrps: u64,
    /// How many of its objects were rejected or noted.
    pub findings: u64,
    /// How long the last attempt took.
    pub milliseconds: Option<u64>,
    /// The RRDP serial.
    pub serial: Option<u64>,
    /// When it was last up to date.
    pub last_success: Option<String>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

impl Summary {
    /// Sums up a world.
    pub fn of(world: &World, published: bool) -> Self {
        let mut findings = BTreeMap::new();
        let points = world.points.iter().flat_map(|point| &point.findings);
        for finding in points.chain(world.trust_anchors.iter().flat_map(|ta| &ta.findings)) {
            *findings.entry(finding.reason.code().to_owned()).or_default() += 1;
        }
        Summary {
            world: published.then_some(world.id.0),
            lab: world.purpose == Purpose::Lab,
            time: world.time.to_string(),
            validation_milliseconds: milliseconds(world.validation_duration),
            trust_anchors: trust_anchors(world),
            repositories: repositories(world),
            findings,
        }
    }

    /// Tells whether every trust anchor was validated.
    pub fn is_complete(&self) -> bool {
        self.trust_anchors.iter().all(|ta| ta.state == "valid")
    }

    /// Writes the summary, for people or as JSON.
    pub fn print(&self, out: &mut dyn Write, json: bool) -> io::Result<()> {
        if json {
            serde_json::to_writer_pretty(&mut *out, self)?;
            writeln!(out)
        } else {
            self.write(out, clock::now())
        }
    }

    /// Writes the summary for people. `now` is the time of reading, for ages.
    fn write(&self, out: &mut dyn Write, now: Timestamp) -> io::Result<()> {
        let lab = if self.lab { "LAB DATA: nothing here is real. " } else { "" };
        let published = match self.world {
            Some(id) => format!("Published world {id}"),
            None => "Nothing was published".to_owned(),
        };
        let took = self.validation_milliseconds;
        writeln!(out, "{lab}{published}, judged at {} in {took} ms.\n", self.time)?;
        self.write_trust_anchors(out)?;
        if !self.repositories.is_empty() {
            writeln!(out)?;
            self.write_repositories(out, now)?;
        }
        if !self.findings.is_empty() {
            writeln!(out, "\nRejected or noted, by reason:")?;
            for (code, count) in &self.findings {
                let title = code.parse::<Reason>().map_or("", Reason::title);
                writeln!(out, "{count:>8}  {code}: {title}")?;
            }
        }
        Ok(())
    }

    fn write_trust_anchors(&self, out: &mut dyn Write) -> io::Result<()> {
        let head = [
            ("Trust anchor", Align::Left),
            ("State", Align::Left),
            ("CAs", Align::Right),
            ("Incomplete", Align::Right),
            ("ROAs", Align::Right),
            ("VRPs", Align::Right),
            ("ASPAs", Align::Right),
            ("Router keys", Align::Right),
        ];
        let row = |ta: &TrustAnchorSummary| {
            let numbers = [ta.cas, ta.incomplete_cas, ta.roas, ta.vrps, ta.aspas, ta.router_keys];
            let mut row = vec![ta.name.clone(), ta.state.to_owned()];
            row.extend(numbers.map(|number| number.to_string()));
            row
        };
        write_columns(out, &head, &self.trust_anchors.iter().map(row).collect::<Vec<_>>())?;
        write_errors(out, self.trust_anchors.iter().map(|ta| (&ta.name, &ta.error)))?;
        write_errors(out, self.trust_anchors.iter().map(|ta| (&ta.name, &ta.next_key)))
    }

    fn write_repositories(&self, out: &mut dyn Write, now: Timestamp) -> io::Result<()> {
        let head = [
            ("Repository", Align::Left),
            ("Via", Align::Left),
            ("State", Align::Left),
            ("Objects", Align::Right),
            ("VRPs", Align::Right),
            ("Findings", Align::Right),
            ("Took", Align::Right),
            ("Up to date", Align::Right),
        ];
        let row = |repository: &RepositorySummary| {
            let age = repository.last_success.as_ref().and_then(|time| time.parse().ok());
            let age = age.map(|time| format!("{} ago", format_duration(now.since(time))));
            let took = repository.milliseconds.map(|ms| format!("{ms} ms"));
            vec![
                repository.uri.clone(),
                repository.transport.to_owned(),
                repository.state.to_owned(),
                repository.objects.to_string(),
                repository.vrps.to_string(),
                repository.findings.to_string(),
                took.unwrap_or_else(|| "-".to_owned()),
                age.unwrap_or_else(|| "never".to_owned()),
            ]
        };
        write_columns(out, &head, &self.repositories.iter().map(row).collect::<Vec<_>>())?;
        write_errors(out, self.repositories.iter().map(|r| (&r.uri, &r.error)))
    }
}

/// Writes below a table what does not fit into it.
fn write_errors<'a>(
    out: &mut dyn Write,
    errors: impl Iterator<Item = (&'a String, &'a Option<String>)>,
) -> io::Result<()> {
    for (name, error) in errors {
        if let Some(error) = error {
            writeln!(out, "  {name}: {error}")?;
        }
    }
    Ok(())
}

fn trust_anchors(world: &World) -> Vec<TrustAnchorSummary> {
    let mut list: Vec<TrustAnchorSummary> = world
        .trust_anchors
        .iter()
        .map(|record| TrustAnchorSummary {
            name: record.name.clone(),
            state: words::trust_anchor_status(record.status),
            error: match record.status {
                TrustAnchorStatus::Rejected => record.findings.first().map(|f| f.detail.clone()),
                _ => record.fetch.error.clone(),
            },
            cas: 0,
            incomplete_cas: 0,
            roas: 0,
            vrps: 0,
            aspas: 0,
            router_keys: 0,
            next_key: None,
        })
        .collect();
    for point in &world.points {
        let Some(summary) = list.get_mut(usize::from(point.trust_anchor)) else { continue };
        let count = |kind| u64::from(point.counts.get(&kind).copied().unwrap_or(0));
        summary.cas += 1;
        summary.incomplete_cas += u64::from(point.status != PointStatus::Current);
        summary.roas += count(ObjectKind::Roa);
        summary.aspas += count(ObjectKind::Aspa);
        let is_about_key =
            |reason| matches!(reason, Reason::TakSuccessor | Reason::TakSuccessorDue);
        if let Some(finding) = point.findings.iter().find(|found| is_about_key(found.reason)) {
            summary.next_key = Some(format!("{}: {}", finding.reason.title(), finding.detail));
        }
    }
    let anchor = |object: u32| {
        let object = world.objects.get(usize::try_from(object).ok()?)?;
        let point = world.points.get(usize::try_from(object.point).ok()?)?;
        Some(usize::from(point.trust_anchor))
    };
    for record in &world.vrps {
        if let Some(summary) = anchor(record.object).and_then(|index| list.get_mut(index)) {
            summary.vrps += 1;
        }
    }
    for record in &world.router_keys {
        if let Some(summary) = anchor(record.object).and_then(|index| list.get_mut(index)) {
            summary.router_keys += 1;
        }
    }
    list
}

fn repositories(world: &World) -> Vec<RepositorySummary> {
    let mut list: Vec<RepositorySummary> = world
        .repositories
        .iter()
        .map(|status| RepositorySummary {
            uri: status.id.to_string(),
            transport: match status.id {
                RepositoryId::Rrdp(_) => "rrdp",
                RepositoryId::Rsync(_) => "rsync",
            },
            state: words::repository_state(status.state),
            objects: status.objects,
            vrps: 0,
            findings: 0,
            milliseconds: status.duration.map(milliseconds),
            serial: status.serial,
            last_success: status.last_success.map(|time| time.to_string()),
            error: status.error.clone(),
        })
        .collect();
    let index = |repository: Option<u32>| repository.and_then(|index| usize::try_from(index).ok());
    for point in &world.points {
        if let Some(summary) = index(point.repository).and_then(|index| list.get_mut(index)) {
            let kept = u64::try_from(point.findings.len()).unwrap_or(u64::MAX);
            summary.findings += kept + u64::from(point.findings_left_out);
        }
    }
    for record in &world.vrps {
        let object = usize::try_from(record.object).ok().and_then(|i| world.objects.get(i));
        let point = object
            .and_then(|object| usize::try_from(object.point).ok())
            .and_then(|point| world.points.get(point));
        let repository = point.and_then(|point| index(point.repository));
        if let Some(summary) = repository.and_then(|index| list.get_mut(index)) {
            summary.vrps += 1;
        }
    }
    list
}

fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
