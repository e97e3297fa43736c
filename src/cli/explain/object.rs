//! An object of the cache: what became of it, which rule broke it, and its chain.

use std::io::{self, Write};

use serde::Serialize;

use super::reason::ReasonBody;
use super::route::{Link, links, write_links};
use super::steps::{self, StepBody};
use crate::cli::CliError;
use crate::cli::inspect::verdict_word;
use crate::cli::judged::{Judged, Located, Verdict, is_judged_tak};
use crate::model::ObjectUri;
use crate::output::words;
use crate::validate::{Checked, Effect, Finding, ObjectKind};

/// What is known about one object.
#[derive(Serialize)]
pub(super) struct Explained {
    uri: String,
    verdict: &'static str,
    sentence: &'static str,
    hash: Option<String>,
    judged_at: String,
    purpose: &'static str,
    trust_anchor: Option<String>,
    point: Option<Point>,
    finding: Option<FindingBody>,
    chain: Vec<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<StepBody>>,
}

/// The publication point that an object belongs to.
#[derive(Serialize)]
struct Point {
    manifest: String,
    status: &'static str,
    /// More findings about the same point, worst first.
    findings: Vec<String>,
}

/// A rule that was broken.
#[derive(Serialize)]
pub(super) struct FindingBody {
    object: String,
    detail: String,
    reason: ReasonBody,
    #[serde(skip)]
    is_warning: bool,
}

impl FindingBody {
    pub(super) fn new(finding: &Finding) -> Self {
        FindingBody {
            object: finding.object.clone(),
            detail: finding.detail.clone(),
            reason: ReasonBody::new(finding.reason),
            is_warning: finding.reason.effect() == Effect::Warning,
        }
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let ReasonBody { code, title, meaning, fix, rule, .. } = &self.reason;
        let label = if self.is_warning { "Noted on:" } else { "Broken by:" };
        writeln!(out, "  {label:<12} {}", self.object)?;
        writeln!(out, "  Reason:      {code}: {title}")?;
        writeln!(out, "  Found:       {}", self.detail)?;
        writeln!(out, "  Meaning:     {meaning}")?;
        writeln!(out, "  What to do:  {fix}")?;
        writeln!(out, "  Rule:        {rule}")
    }
}

/// What is said of an object whose CA is not among those that were reached.
const NO_CA: &str = "it is published, but no valid CA publishes there: one above it was rejected, \
                     has expired or was not fetched";

/// How many findings of a point are named.
const SHOWN: usize = 10;

/// Says what became of the object at `uri`.
pub(super) fn explain(
    judged: &Judged,
    uri: &ObjectUri,
    with_steps: bool,
) -> Result<Explained, CliError> {
    let located = judged.locate(uri)?;
    if located.point.is_none() && matches!(located.verdict, Verdict::Absent) {
        let message = format!("{uri} is not in the cache, and no CA publishes in its directory");
        return Err(CliError::no_data(message)
            .hint("a CA above may have been rejected: `provost sync --json` counts the findings"));
    }
    let finding = match &located.verdict {
        Verdict::Rejected(finding) => Some(finding),
        Verdict::PointNotUsed(finding) => finding.as_ref(),
        _ => None,
    };
    let point = located.point.and_then(|index| judged.point(index));
    // What is in use may still be worth a warning.
    let note = point.and_then(|point| point.findings.iter().find(|f| f.object == uri.as_str()));
    let finding = finding.or(note);
    Ok(Explained {
        uri: uri.to_string(),
        verdict: verdict_word(&located.verdict),
        sentence: match (&located.verdict, located.point) {
            (Verdict::NotListed, None) => NO_CA,
            (verdict, _) => sentence(verdict),
        },
        hash: located.hash.map(|hash| hash.to_string()),
        judged_at: judged.validation().time.to_string(),
        purpose: words::purpose(judged.purpose()),
        trust_anchor: point.map(|point| judged.trust_anchor(point).to_owned()),
        point: point.map(|point| Point {
            manifest: point.location.manifest.to_string(),
            status: words::point_status(point.status),
            findings: point
                .findings
                .iter()
                .take(SHOWN)
                .map(|finding| format!("{}: {}", finding.reason, finding.object))
                .collect(),
        }),
        finding: finding.map(FindingBody::new),
        chain: match located.point {
            Some(index) => links(judged, index)?,
            None => Vec::new(),
        },
        steps: with_steps.then(|| steps::walk(checked(judged, uri, &located), finding)),
    })
}

/// Says which list of checks an object goes through.
fn checked(judged: &Judged, uri: &ObjectUri, located: &Located) -> Checked {
    let kind = ObjectKind::of_name(uri.file_name());
    let point = located.point.and_then(|index| judged.point(index));
    let is_ca = point.is_some_and(|point| point.certificate_uri == uri.as_str());
    match (is_ca, point) {
        (true, Some(point)) if point.parent.is_none() => Checked::TrustAnchor,
        (true, _) => Checked::Object(ObjectKind::CaCertificate),
        _ if matches!(located.verdict, Verdict::PointNotUsed(_)) => Checked::Point,
        _ if kind == ObjectKind::CaCertificate => {
            // What is no CA and has payload is a router.
            let objects = point.iter().flat_map(|point| &point.objects);
            let mut objects = objects.filter(|object| object.uri == *uri);
            match objects.next() {
                Some(_) => Checked::Object(ObjectKind::RouterCertificate),
                None => Checked::Object(kind),
            }
        }
        (_, Some(point)) if is_judged_tak(point, uri) => Checked::Tak,
        _ => Checked::Object(kind),
    }
}

fn sentence(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "it is valid and in use",
        Verdict::HashChecked => {
            "its hash is that of the manifest; objects of its kind decide nothing"
        }
        Verdict::Rejected(_) => "it was rejected, and is not in use",
        Verdict::PointNotUsed(_) => "what its publication point shows now is not in use as a whole",
        Verdict::NotListed => "it is published, but no manifest in use lists it: it has no effect",
        Verdict::Absent => "it is not published, and no manifest in use lists it",
    }
}

impl Explained {
    pub(super) fn print(&self, out: &mut dyn Write, json: bool) -> io::Result<()> {
        if json {
            serde_json::to_writer_pretty(&mut *out, self)?;
            return writeln!(out);
        }
        let mark = if self.purpose == "live" { "" } else { self.purpose };
        let line = format!("{}  {}  {mark}", self.verdict.to_uppercase(), self.uri);
        writeln!(out, "{}", line.trim_end())?;
        writeln!(out, "  At {}, {}.", self.judged_at, self.sentence)?;
        if let Some(point) = &self.point {
            writeln!(out, "  Point:       {} ({})", point.manifest, point.status)?;
        }
        if let Some(finding) = &self.finding {
            finding.write(out)?;
        }
        if let Some(point) = &self.point
            && self.finding.is_none()
        {
            for finding in &point.findings {
                writeln!(out, "  Same point:  {finding}")?;
            }
        }
        if let Some(steps) = &self.steps {
            steps::write(out, &self.uri, steps)?;
        }
        write_links(out, &self.chain)
    }
}
