//! The parts of an answer in JSON; documented in docs/json.md.

use std::fmt::Display;

use serde::{Serialize, Serializer};

use super::words;
use crate::model::{Asn, ObjectHash, Prefix, Timestamp, Vrp};
use crate::origin::CoveringVrp;
use crate::payload::{Rule, RuleId};
use crate::world::{Answer, DataSource, Freshness, Gap, ItemSource, View, ViewSource};

/// A value as text, without a string in between: an answer has dozens of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<T>(pub T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
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
                prefix: Text(vrp.prefix),
                max_length: vrp.max_length,
                asn: Text(vrp.asn),
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
    prefix: Text<Prefix>,
    max_length: u8,
    asn: Text<Asn>,
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
    prefix: Text<Prefix>,
    max_length: u8,
    asn: Text<Asn>,
    fit: &'static str,
    sources: SourceBodies<'a>,
}

/// The objects that give an item of payload.
pub(crate) struct SourceBodies<'a> {
    view: &'a View,
    position: usize,
}

impl<'a> SourceBodies<'a> {
    /// Takes the objects that give the VRP at `position`.
    pub(crate) fn of_vrp(view: &'a View, position: usize) -> Self {
        SourceBodies { view, position }
    }
}

impl Serialize for SourceBodies<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sources = self.view.vrp_sources(self.position);
        serializer.collect_seq(sources.map(|source| SourceBody::of(self.view, source)))
    }
}

/// An object that gives an item of payload.
#[derive(Serialize)]
pub(crate) struct SourceBody<'a> {
    trust_anchor: Option<&'a str>,
    uri: Option<&'a str>,
    /// SHA-256 of the object, as in the manifest.
    hash: Option<Text<ObjectHash>>,
    expires: Option<Text<Timestamp>>,
    /// The local exception, where it is no object that gives the VRP.
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<RuleBody<'a>>,
}

impl<'a> SourceBody<'a> {
    pub(crate) fn of(view: &'a View, source: ItemSource) -> Self {
        let object = view.object(source);
        SourceBody {
            trust_anchor: view.trust_anchor(source),
            uri: object.map(|object| object.uri.as_str()),
            hash: object.map(|object| Text(object.hash)),
            expires: source.expires.map(Text),
            exception: view.exception(source).map(RuleBody::new),
        }
    }
}

pub(crate) fn covering<'a>(
    view: &'a View,
    answer: &Answer,
    fit: impl Fn(&CoveringVrp) -> &'static str,
) -> Vec<CoveringBody<'a>> {
    let covering = answer.verdict.covering.iter();
    covering
        .map(|covering| CoveringBody {
            prefix: Text(covering.vrp.prefix),
            max_length: covering.vrp.max_length,
            asn: Text(covering.vrp.asn),
            fit: fit(covering),
            sources: SourceBodies::of_vrp(view, covering.position),
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
