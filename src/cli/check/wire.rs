//! The JSON of `check`; documented in docs/json.md, and only ever added to.

use serde::Serialize;

use super::words;
use crate::model::{Origin, Prefix};
use crate::origin::CoveringVrp;
use crate::output::words as codes;
use crate::world::{Answer, DataSource, Freshness, Gap, ItemSource, View, ViewSource};

/// The answer for one route.
#[derive(Serialize)]
pub(super) struct RouteLine<'a> {
    prefix: String,
    origin: Option<String>,
    state: &'static str,
    reason: Option<&'static str>,
    explanation: String,
    covering: Vec<Covering<'a>>,
    freshness: FreshnessLine<'a>,
    as_of: Option<String>,
    purpose: &'static str,
}

impl<'a> RouteLine<'a> {
    pub(super) fn new(view: &'a View, answer: &'a Answer) -> Self {
        let validity = answer.verdict.validity;
        RouteLine {
            prefix: answer.route.prefix.to_string(),
            origin: match answer.route.origin {
                Origin::As(asn) => Some(asn.to_string()),
                Origin::None => None,
            },
            state: codes::validity(validity),
            reason: validity.reason().map(codes::invalid_reason),
            explanation: words::why(answer),
            covering: covering(view, answer, |vrp| codes::fit(vrp.fit)),
            freshness: FreshnessLine::new(&answer.freshness),
            as_of: answer.as_of.map(|time| time.to_string()),
            purpose: purpose(view),
        }
    }
}

/// What covers a prefix.
#[derive(Serialize)]
pub(super) struct PrefixLine<'a> {
    prefix: String,
    covered: bool,
    permitted_origins: Vec<String>,
    covering: Vec<Covering<'a>>,
    freshness: FreshnessLine<'a>,
    as_of: Option<String>,
    purpose: &'static str,
}

impl<'a> PrefixLine<'a> {
    pub(super) fn new(view: &'a View, prefix: Prefix, answer: &'a Answer) -> Self {
        let permitted = super::human::permitted(prefix, answer);
        let fit = |covering: &CoveringVrp| match (
            covering.vrp.asn.is_zero(),
            prefix.len() <= covering.vrp.max_length,
        ) {
            (true, _) => "as0",
            (false, true) => "permits",
            (false, false) => "too-long",
        };
        PrefixLine {
            prefix: prefix.to_string(),
            covered: !answer.verdict.covering.is_empty(),
            permitted_origins: permitted.iter().map(ToString::to_string).collect(),
            covering: covering(view, answer, fit),
            freshness: FreshnessLine::new(&answer.freshness),
            as_of: answer.as_of.map(|time| time.to_string()),
            purpose: purpose(view),
        }
    }
}

#[derive(Serialize)]
struct Covering<'a> {
    prefix: String,
    max_length: u8,
    asn: String,
    fit: &'static str,
    sources: Vec<Source<'a>>,
}

#[derive(Serialize)]
struct Source<'a> {
    trust_anchor: Option<&'a str>,
    uri: Option<&'a str>,
    /// SHA-256 of the object, as in the manifest.
    hash: Option<String>,
    expires: Option<String>,
}

fn covering<'a>(
    view: &'a View,
    answer: &Answer,
    fit: impl Fn(&CoveringVrp) -> &'static str,
) -> Vec<Covering<'a>> {
    let source = |source: &ItemSource| Source {
        trust_anchor: view.trust_anchor(*source),
        uri: view.object_uri(*source),
        hash: view.object(*source).map(|object| object.hash.to_string()),
        expires: source.expires.map(|time| time.to_string()),
    };
    let covering = answer.verdict.covering.iter();
    covering
        .map(|covering| Covering {
            prefix: covering.vrp.prefix.to_string(),
            max_length: covering.vrp.max_length,
            asn: covering.vrp.asn.to_string(),
            fit: fit(covering),
            sources: view.vrp_sources(covering.position).iter().map(source).collect(),
        })
        .collect()
}

#[derive(Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
enum FreshnessLine<'a> {
    Fresh,
    Stale {
        source: &'static str,
        name: &'a str,
        age_seconds: Option<u64>,
    },
    Incomplete {
        missing: &'static str,
        name: &'a str,
        trust_anchor: &'a str,
        status: &'static str,
        why: Option<&'a str>,
    },
    NoData,
}

impl<'a> FreshnessLine<'a> {
    fn new(freshness: &'a Freshness) -> Self {
        match freshness {
            Freshness::Fresh => FreshnessLine::Fresh,
            Freshness::Stale { source, age } => {
                let (source, name) = match source {
                    DataSource::TrustAnchor(name) => ("trust-anchor", name),
                    DataSource::Repository(uri) => ("repository", uri),
                    DataSource::File(name) => ("file", name),
                };
                FreshnessLine::Stale { source, name, age_seconds: age.map(|age| age.as_secs()) }
            }
            Freshness::Incomplete(Gap::Point { manifest, trust_anchor, status, why, .. }) => {
                FreshnessLine::Incomplete {
                    missing: "point",
                    name: manifest.as_str(),
                    trust_anchor,
                    status: codes::point_status(*status),
                    why: why.as_deref(),
                }
            }
            Freshness::Incomplete(Gap::TrustAnchor { name, status, why }) => {
                FreshnessLine::Incomplete {
                    missing: "trust-anchor",
                    name,
                    trust_anchor: name,
                    status: codes::trust_anchor_status(*status),
                    why: why.as_deref(),
                }
            }
            Freshness::NoData => FreshnessLine::NoData,
        }
    }
}

/// What the data of an answer are for.
pub(super) fn purpose(view: &View) -> &'static str {
    match view.source() {
        ViewSource::World { purpose, .. } => codes::purpose(*purpose),
        ViewSource::File { .. } => "file",
    }
}

/// The last line of a file of routes.
#[derive(Serialize)]
pub(super) struct SummaryLine {
    pub summary: SummaryBody,
}

#[derive(Serialize)]
pub(super) struct SummaryBody {
    pub routes: u64,
    pub unique_routes: u64,
    pub valid: u64,
    pub invalid: u64,
    pub unknown: u64,
    pub invalid_by_reason: InvalidByReason,
    pub stale: u64,
    pub incomplete: u64,
    pub bad_lines: u64,
    pub first_bad_lines: Vec<BadLine>,
    pub data: DataBody,
}

#[derive(Clone, Copy, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct InvalidByReason {
    pub as0: u64,
    pub max_length: u64,
    pub origin_as: u64,
    pub both: u64,
}

#[derive(Serialize)]
pub(super) struct BadLine {
    pub place: String,
    pub why: String,
}

#[derive(Serialize)]
pub(super) struct DataBody {
    purpose: &'static str,
    world: Option<u64>,
    file: Option<String>,
    /// When the world was validated or the file was made.
    time: Option<String>,
    at: Option<String>,
    vrps: u64,
}

impl DataBody {
    pub(super) fn new(view: &View, at: Option<crate::model::Timestamp>) -> Self {
        let (world, file, time) = match view.source() {
            ViewSource::World { id, time, .. } => (Some(id.0), None, Some(*time)),
            ViewSource::File { name, generated, .. } => (None, Some(name.clone()), *generated),
        };
        DataBody {
            purpose: purpose(view),
            world,
            file,
            time: time.map(|time| time.to_string()),
            at: at.map(|at| at.to_string()),
            vrps: view.vrps().len() as u64,
        }
    }
}
