//! A route: the chain from trust anchor to each ROA that covers it, and what is missing.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::object::FindingBody;
use super::steps::{self, StepBody};
use crate::cli::CliError;
use crate::cli::judged::{Ending, Judged};
use crate::model::{Prefix, Route};
use crate::object::{Cert, ContentType, Outline, decode_roa};
use crate::origin::{CoveringVrp, Fit, Validity};
use crate::output::answer::FreshnessBody;
use crate::output::why::why;
use crate::output::words;
use crate::payload::Exceptions;
use crate::validate::{Checked, Effect, Finding, ObjectKind, PointOutcome, PointStatus};
use crate::world::{Answer, Freshness, View};

/// How many suspects are named, the most telling first.
const MAX_SUSPECTS: usize = 20;

/// A route, explained.
#[derive(Serialize)]
pub(super) struct Explained {
    prefix: String,
    origin: String,
    state: &'static str,
    reason: Option<&'static str>,
    explanation: String,
    judged_at: String,
    purpose: &'static str,
    freshness: serde_json::Value,
    covering: Vec<Covering>,
    /// Rejected objects that could have spoken about the route.
    suspects: Vec<Suspect>,
    suspects_left_out: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_exceptions: Option<LocalExceptions>,
}

/// What the operator's exceptions did to the verdict.
#[derive(Serialize)]
struct LocalExceptions {
    state_without: &'static str,
    rules: Vec<String>,
}

fn local_exceptions(view: &View, answer: &Answer) -> Option<LocalExceptions> {
    let local = answer.local.as_ref()?;
    let rules = local.filtered.iter().chain(&local.asserted);
    let mut rules: Vec<_> = rules
        .filter_map(|(_, rule)| view.exceptions().get(*rule))
        .map(|rule| format!("{}:{}: {}", rule.file, rule.line, rule.kind))
        .collect();
    rules.sort();
    rules.dedup();
    Some(LocalExceptions { state_without: words::validity(local.without), rules })
}

/// A ROA that covers the route, with its chain.
#[derive(Serialize)]
struct Covering {
    prefix: String,
    max_length: u8,
    asn: String,
    fit: &'static str,
    fit_explanation: &'static str,
    trust_anchor: String,
    roa: String,
    roa_valid_until: String,
    chain: Vec<Link>,
    /// What ends first along the whole chain.
    expires_first: Option<EndingBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<StepBody>>,
}

/// One CA of a chain.
#[derive(Serialize)]
pub(super) struct Link {
    certificate: String,
    resources: String,
    valid_until: Option<String>,
    manifest: String,
    manifest_next_update: Option<String>,
    status: &'static str,
}

/// Something that ends.
#[derive(Serialize)]
struct EndingBody {
    what: &'static str,
    uri: String,
    at: String,
}

/// A rejected object in whose resources the route lies.
#[derive(Serialize)]
struct Suspect {
    point: String,
    status: &'static str,
    /// What it would have said, where that can still be read.
    would: Option<String>,
    finding: FindingBody,
    #[serde(skip)]
    rank: u8,
}

/// Explains the verdict on `route`.
pub(super) fn explain(
    judged: &Judged,
    route: Route,
    max_age: Duration,
    with_steps: bool,
    exceptions: &Arc<Exceptions>,
) -> Result<Explained, CliError> {
    let at = judged.validation().time;
    let view = View::of_world(Arc::new(judged.world()?), at).except(exceptions);
    let answer = view.answer(route, at, max_age);
    if answer.freshness == Freshness::NoData {
        let message = "no trust anchor is valid, so there is nothing to explain from";
        return Err(CliError::no_data(message).hint("run `provost sync` and read its summary"));
    }
    let mut covering = Vec::new();
    for vrp in &answer.verdict.covering {
        for source in view.vrp_sources(vrp.position) {
            let uri = view.object_uri(source).unwrap_or_default();
            covering.extend(explain_covering(judged, vrp, uri, with_steps)?);
        }
    }
    let mut suspects = match answer.verdict.validity {
        Validity::Valid => Vec::new(),
        Validity::Invalid(_) | Validity::NotFound => suspects(judged, route)?,
    };
    suspects.sort_by_key(|suspect| suspect.rank);
    let left_out = suspects.len().saturating_sub(MAX_SUSPECTS);
    suspects.truncate(MAX_SUSPECTS);
    let freshness = serde_json::to_value(FreshnessBody::new(&answer.freshness));
    Ok(Explained {
        prefix: route.prefix.to_string(),
        origin: match route.origin {
            crate::model::Origin::As(asn) => asn.to_string(),
            crate::model::Origin::None => "none".to_owned(),
        },
        state: words::validity(answer.verdict.validity),
        reason: answer.verdict.validity.reason().map(words::invalid_reason),
        explanation: why(&answer),
        judged_at: at.to_string(),
        purpose: words::purpose(judged.purpose()),
        freshness: freshness.unwrap_or_default(),
        covering,
        suspects,
        suspects_left_out: left_out,
        local_exceptions: local_exceptions(&view, &answer),
    })
}

fn explain_covering(
    judged: &Judged,
    vrp: &CoveringVrp,
    uri: &str,
    with_steps: bool,
) -> Result<Option<Covering>, CliError> {
    let points = judged.validation().points.iter().enumerate();
    let found = points
        .flat_map(|(index, point)| point.objects.iter().map(move |object| (index, point, object)))
        .find(|(_, _, object)| object.uri.as_str() == uri);
    let Some((index, point, object)) = found else { return Ok(None) };
    let mut endings =
        vec![Ending { what: "ROA certificate", uri: uri.to_owned(), until: object.validity.until }];
    for point in judged.chain(index) {
        endings.extend(judged.endings(point)?);
    }
    let first = endings.into_iter().min_by_key(|ending| ending.until);
    Ok(Some(Covering {
        prefix: vrp.vrp.prefix.to_string(),
        max_length: vrp.vrp.max_length,
        asn: vrp.vrp.asn.to_string(),
        fit: words::fit(vrp.fit),
        fit_explanation: fit_explanation(vrp.fit),
        trust_anchor: judged.trust_anchor(point).to_owned(),
        roa: uri.to_owned(),
        roa_valid_until: object.validity.until.to_string(),
        chain: links(judged, index)?,
        expires_first: first.map(|ending| EndingBody {
            what: ending.what,
            uri: ending.uri,
            at: ending.until.to_string(),
        }),
        steps: with_steps.then(|| steps::walk(Checked::Object(ObjectKind::Roa), None)),
    }))
}

fn fit_explanation(fit: Fit) -> &'static str {
    match fit {
        Fit::Matched => "permits the route",
        Fit::WrongOrigin => "is for another AS",
        Fit::TooLong => "is for this AS, but not for so long a prefix",
        Fit::Both => "is for another AS, and not for so long a prefix",
    }
}

/// Returns the chain of a point, from the trust anchor down.
pub(super) fn links(judged: &Judged, index: usize) -> Result<Vec<Link>, CliError> {
    let link = |point: &PointOutcome| {
        let endings = judged.endings(point)?;
        let own = endings.iter().find(|ending| ending.what == "certificate");
        Ok(Link {
            certificate: point.certificate_uri.clone(),
            resources: shorten(&point.resources.to_string()),
            valid_until: own.map(|ending| ending.until.to_string()),
            manifest: point.location.manifest.to_string(),
            manifest_next_update: point.manifest.as_ref().map(|m| m.next_update.to_string()),
            status: words::point_status(point.status),
        })
    };
    judged.chain(index).into_iter().map(link).collect()
}

/// Cuts a list of resources that nobody would read to its end.
fn shorten(resources: &str) -> String {
    const SHOWN: usize = 12;
    let parts: Vec<_> = resources.split(", ").collect();
    match parts.len().checked_sub(SHOWN) {
        None | Some(0) => resources.to_owned(),
        Some(more) => {
            let shown = parts.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
            format!("{shown} and {more} more")
        }
    }
}

/// Finds what was rejected and could have spoken about the route: a ROA that covers it, a CA that
/// claims it, or a point in whose resources it lies.
fn suspects(judged: &Judged, route: Route) -> Result<Vec<Suspect>, CliError> {
    let prefix = route.prefix;
    let mut found = Vec::new();
    for point in &judged.validation().points {
        let is_inside = point.resources.contains_prefix(prefix);
        let has_no_data = point.status != PointStatus::Current;
        for finding in &point.findings {
            let effect = finding.reason.effect();
            if effect == Effect::Warning && !has_no_data {
                continue;
            }
            let would = would_say(judged, finding, prefix, point)?;
            let (rank, would) = match would {
                // Also if the CA does not hold the prefix: that may be what is wrong.
                Spoke::Covers(words) => (0, Some(words)),
                Spoke::Unknown if !is_inside => continue,
                Spoke::Unknown if has_no_data => (1, None),
                Spoke::Unknown => (2, None),
                Spoke::Other => continue,
            };
            found.push(Suspect {
                point: point.location.manifest.to_string(),
                status: words::point_status(point.status),
                would,
                finding: FindingBody::new(finding),
                rank,
            });
        }
    }
    Ok(found)
}

/// What a rejected object says, as far as its damage lets anyone read it.
enum Spoke {
    Covers(String),
    Unknown,
    Other,
}

fn would_say(
    judged: &Judged,
    finding: &Finding,
    prefix: Prefix,
    point: &PointOutcome,
) -> Result<Spoke, CliError> {
    let Some(bytes) = finding.hash.map(|hash| judged.bytes(&hash)).transpose()?.flatten() else {
        return Ok(Spoke::Unknown);
    };
    Ok(match Outline::of(&bytes) {
        Outline::SignedObject {
            content_type: Some(ContentType::Roa),
            content: Some(content),
            ..
        } => match decode_roa(&content) {
            Ok(vrps) => match vrps.iter().find(|vrp| vrp.prefix.covers(prefix)) {
                Some(vrp) => Spoke::Covers(format!("it would have said {vrp}")),
                None => Spoke::Other,
            },
            Err(_) => Spoke::Unknown,
        },
        Outline::SignedObject { content_type: Some(ContentType::Aspa), .. } => Spoke::Other,
        Outline::Certificate => match Cert::decode(&bytes) {
            Ok(cert) if cert.is_ca() => {
                match cert.resources().resolve(&point.resources).contains_prefix(prefix) {
                    true => Spoke::Covers("it is a CA that claims the prefix".to_owned()),
                    false => Spoke::Other,
                }
            }
            Ok(_) => Spoke::Other,
            Err(_) => Spoke::Unknown,
        },
        _ => Spoke::Unknown,
    })
}

impl Explained {
    pub(super) fn print(&self, out: &mut dyn Write, json: bool) -> io::Result<()> {
        if json {
            serde_json::to_writer_pretty(&mut *out, self)?;
            return writeln!(out);
        }
        let mark = if self.purpose == "live" { "" } else { self.purpose };
        let line =
            format!("{}  {} {}  {mark}", self.state.to_uppercase(), self.prefix, self.origin);
        writeln!(out, "{}", line.trim_end())?;
        writeln!(out, "  {}", self.explanation)?;
        writeln!(out, "  Judged from the cache at {}.", self.judged_at)?;
        if let Some(local) = &self.local_exceptions {
            writeln!(out, "  Without local exceptions it is {}:", local.state_without)?;
            local.rules.iter().try_for_each(|rule| writeln!(out, "    {rule}"))?;
        }
        let word = |key: &str| self.freshness.get(key).and_then(|value| value.as_str());
        match word("state") {
            Some("incomplete") => {
                let name = word("name").unwrap_or_default();
                writeln!(out, "  INCOMPLETE: there are no valid data from {name},")?;
                writeln!(out, "  which could cover the route.")?;
                if let (Some(object), Some(reason)) = (word("object"), word("reason")) {
                    writeln!(out, "  Broken by {object}: {reason}")?;
                }
            }
            Some("stale") => {
                writeln!(out, "  STALE: {} is old.", word("name").unwrap_or_default())?;
            }
            _ => {}
        }
        for covering in &self.covering {
            covering.write(out)?;
        }
        if !self.suspects.is_empty() {
            writeln!(out, "\nNot in use, and could have spoken about this route:")?;
        }
        for suspect in &self.suspects {
            writeln!(out, "  Point:       {} ({})", suspect.point, suspect.status)?;
            suspect.finding.write(out)?;
            if let Some(would) = &suspect.would {
                writeln!(out, "  Lost:        {would}")?;
            }
            writeln!(out)?;
        }
        if self.suspects_left_out > 0 {
            writeln!(out, "  and {} more", self.suspects_left_out)?;
        }
        Ok(())
    }
}

impl Covering {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n{} up to /{} {}", self.prefix, self.max_length, self.asn)?;
        writeln!(out, "  This VRP {} ({}).", self.fit_explanation, self.fit)?;
        write_links(out, &self.chain)?;
        writeln!(out, "  ROA          {}", self.roa)?;
        writeln!(out, "    valid until  {}", self.roa_valid_until)?;
        if let Some(first) = &self.expires_first {
            writeln!(out, "  Expires first: the {} at {}", first.what, first.at)?;
            writeln!(out, "    {}", first.uri)?;
        }
        if let Some(steps) = &self.steps {
            steps::write(out, &self.roa, steps)?;
        }
        Ok(())
    }
}

pub(super) fn write_links(out: &mut dyn Write, chain: &[Link]) -> io::Result<()> {
    for (depth, link) in chain.iter().enumerate() {
        let word = if depth == 0 { "Trust anchor" } else { "CA" };
        writeln!(out, "  {word:<12} {}", link.certificate)?;
        writeln!(out, "    resources    {}", link.resources)?;
        if let Some(until) = &link.valid_until {
            writeln!(out, "    valid until  {until}")?;
        }
        let next = match &link.manifest_next_update {
            Some(next) => format!("next update {next}"),
            None => "no manifest is in use".to_owned(),
        };
        writeln!(out, "    manifest     {} ({}; {next})", link.manifest, link.status)?;
    }
    Ok(())
}
