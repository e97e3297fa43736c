//! The JSON of `check`; documented in docs/json.md, and only ever added to.

use serde::Serialize;

use crate::model::Prefix;
use crate::origin::CoveringVrp;
use crate::output::answer::{CoveringBody, FreshnessBody, LocalBody, covering, purpose};
use crate::world::{Answer, View, ViewSource};

/// What covers a prefix.
#[derive(Serialize)]
pub(super) struct PrefixLine<'a> {
    prefix: String,
    covered: bool,
    permitted_origins: Vec<String>,
    covering: Vec<CoveringBody<'a>>,
    freshness: FreshnessBody<'a>,
    as_of: Option<String>,
    purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_exceptions: Option<LocalBody<'a>>,
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
            freshness: FreshnessBody::new(&answer.freshness),
            as_of: answer.as_of.map(|time| time.to_string()),
            purpose: purpose(view),
            local_exceptions: LocalBody::new(view, answer),
        }
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
    /// The files of local exceptions.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    exceptions: Vec<String>,
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
            exceptions: view.exceptions().files().to_vec(),
        }
    }
}
