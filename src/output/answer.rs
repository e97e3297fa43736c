//! The JSON of an answer, the same on the command line and over HTTP; documented in docs/json.md.

use serde::Serialize;

use super::why::why;
use super::words;
use crate::model::{Origin, Vrp};
use crate::origin::CoveringVrp;
use crate::payload::{Rule, RuleId};
use crate::world::{Answer, DataSource, Freshness, Gap, ItemSource, View, ViewSource};

/// The answer for one route.
#[derive(Serialize)]
pub(crate) struct AnswerBody<'a> {
    prefix: String,
    origin: Option<String>,
    state: &'static str,
    reason: Option<&'static str>,
    explanation: String,
    covering: Vec<CoveringBody<'a>>,
    freshness: FreshnessBody<'a>,
    as_of: Option<String>,
    purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_exceptions: Option<LocalBody<'a>>,
}

impl<'a> AnswerBody<'a> {
    pub(crate) fn new(view: &'a View, answer: &'a Answer) -> Self {
        let validity = answer.verdict.validity;
        AnswerBody {
            prefix: answer.route.prefix.to_string(),
            origin: match answer.route.origin {
                Origin::As(asn) => Some(asn.to_string()),
                Origin::None => None,
            },
            state: words::validity(validity),
            reason: validity.reason().map(words::invalid_reason),
            explanation: why(answer),
            covering: covering(view, answer, |vrp| words::fit(vrp.fit)),
            freshness: FreshnessBody::new(&answer.freshness),
            as_of: answer.as_of.map(|time| time.to_string()),
            purpose: purpose(view),
            local_exceptions: LocalBody::new(view, answer),
        }
    }
}

/// What the operator's exceptions did to an answer.
#[derive(Serialize)]
pub(crate) struct LocalBody<'a> {
    state_without: &'static str,
    reason_without: Option<&'static str>,
    filtered: Vec<ChangedBody<'a>>,
    asserted: Vec<ChangedBody<'a>>,
}

impl<'a> LocalBody<'a> {
    pub(crate) fn new(view: &'a View, answer: &'a Answer) -> Option<Self> {
        let local = answer.local.as_ref()?;
        let changed = |list: &[(Vrp, RuleId)]| {
            let vrps = list.iter().map(|(vrp, rule)| ChangedBody {
                prefix: vrp.prefix.to_string(),
                max_length: vrp.max_length,
                asn: vrp.asn.to_string(),
                rule: view.exceptions().get(*rule).map(RuleBody::new),
            });
            vrps.collect()
        };
        Some(LocalBody {
            state_without: words::validity(local.without),
            reason_without: local.without.reason().map(words::invalid_reason),
            filtered: changed(&local.filtered),
            asserted: changed(&local.asserted),
        })
    }
}

/// A VRP that a rule takes out or gives.
#[derive(Serialize)]
struct ChangedBody<'a> {
    prefix: String,
    max_length: u8,
    asn: String,
    rule: Option<RuleBody<'a>>,
}

/// A rule of the operator.
#[derive(Serialize)]
pub(crate) struct RuleBody<'a> {
    rule: String,
    file: &'a str,
    line: u32,
    comment: Option<&'a str>,
}

impl<'a> RuleBody<'a> {
    pub(crate) fn new(rule: &'a Rule) -> Self {
        RuleBody {
            rule: rule.kind.to_string(),
            file: &rule.file,
            line: rule.line,
            comment: rule.comment.as_deref(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct CoveringBody<'a> {
    prefix: String,
    max_length: u8,
    asn: String,
    fit: &'static str,
    sources: Vec<SourceBody<'a>>,
}

/// An object that gives an item of payload.
#[derive(Serialize)]
pub(crate) struct SourceBody<'a> {
    trust_anchor: Option<&'a str>,
    uri: Option<&'a str>,
    /// SHA-256 of the object, as in the manifest.
    hash: Option<String>,
    expires: Option<String>,
    /// The local exception, where it is no object that gives the VRP.
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<RuleBody<'a>>,
}

impl<'a> SourceBody<'a> {
    pub(crate) fn of(view: &'a View, source: ItemSource) -> Self {
        SourceBody {
            trust_anchor: view.trust_anchor(source),
            uri: view.object_uri(source),
            hash: view.object(source).map(|object| object.hash.to_string()),
            expires: source.expires.map(|time| time.to_string()),
            exception: view.exception(source).map(RuleBody::new),
        }
    }
}

pub(crate) fn covering<'a>(
    view: &'a View,
    answer: &Answer,
    fit: impl Fn(&CoveringVrp) -> &'static str,
) -> Vec<CoveringBody<'a>> {
    let source = |source: ItemSource| SourceBody::of(view, source);
    let covering = answer.verdict.covering.iter();
    covering
        .map(|covering| CoveringBody {
            prefix: covering.vrp.prefix.to_string(),
            max_length: covering.vrp.max_length,
            asn: covering.vrp.asn.to_string(),
            fit: fit(covering),
            sources: view.vrp_sources(covering.position).map(source).collect(),
        })
        .collect()
}

#[derive(Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub(crate) enum FreshnessBody<'a> {
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
        object: Option<&'a str>,
        reason: Option<&'static str>,
        why: Option<&'a str>,
    },
    NoData,
}

impl<'a> FreshnessBody<'a> {
    /// Takes the freshness of an answer.
    pub(crate) fn new(freshness: &'a Freshness) -> Self {
        match freshness {
            Freshness::Fresh => FreshnessBody::Fresh,
            Freshness::Stale { source, age } => {
                let (source, name) = match source {
                    DataSource::TrustAnchor(name) => ("trust-anchor", name),
                    DataSource::Repository(uri) => ("repository", uri),
                    DataSource::File(name) => ("file", name),
                };
                FreshnessBody::Stale { source, name, age_seconds: age.map(|age| age.as_secs()) }
            }
            Freshness::Incomplete(Gap::Point {
                manifest,
                trust_anchor,
                status,
                broken,
                why,
                ..
            }) => FreshnessBody::Incomplete {
                missing: "point",
                name: manifest.as_str(),
                trust_anchor,
                status: words::point_status(*status),
                object: broken.as_ref().map(|(object, _)| object.as_str()),
                reason: broken.as_ref().map(|(_, reason)| reason.code()),
                why: why.as_deref(),
            },
            Freshness::Incomplete(Gap::TrustAnchor { name, status, why }) => {
                FreshnessBody::Incomplete {
                    missing: "trust-anchor",
                    name,
                    trust_anchor: name,
                    status: words::trust_anchor_status(*status),
                    object: None,
                    reason: None,
                    why: why.as_deref(),
                }
            }
            Freshness::NoData => FreshnessBody::NoData,
        }
    }
}

/// What the data of an answer are for.
pub(crate) fn purpose(view: &View) -> &'static str {
    match view.source() {
        ViewSource::World { purpose, .. } => words::purpose(*purpose),
        ViewSource::File { .. } => "file",
    }
}
