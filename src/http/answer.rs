//! `/v1/validity`: our own answer, with the reason, the proof and how far it can be trusted.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use serde::Serialize;

use super::json::{Json, WorldBody, time};
use super::problem::Problem;
use super::query::Parameters;
use super::state::{App, Served};
use crate::model::{Asn, Origin, Prefix, PrefixError, Route};
use crate::origin::CoveringVrp;
use crate::output::words;
use crate::world::{DataSource, Freshness, Gap, ItemSource};

/// Answers `/v1/validity?prefix=&asn=`.
pub(super) async fn by_query(
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<impl Serialize>, Problem> {
    let parameters = Parameters::read(&uri, &["prefix", "asn"])?;
    answer(&app, parameters.required("prefix")?, parameters.required("asn")?)
}

/// Answers `/v1/validity/{asn}/{*prefix}`.
pub(super) async fn by_path(
    State(app): State<App>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<impl Serialize>, Problem> {
    let Ok(Path((asn, prefix))) = path else {
        return Err(Problem::parameter("the path is no UTF-8"));
    };
    answer(&app, &prefix, &asn)
}

fn answer(app: &App, prefix: &str, asn: &str) -> Result<Json<Body>, Problem> {
    let prefix = read_prefix(prefix)?;
    let asn: Asn = asn.parse().map_err(|error: crate::model::AsnError| {
        Problem::asn(error.to_string()).hint("write it as AS64500 or 64500")
    })?;
    let served = app.answering().ok_or_else(Problem::no_data)?;
    let route = Route { prefix, origin: Origin::As(asn) };
    let answer = served.view().answer(route, app.now(), app.max_age);
    let validity = answer.verdict.validity;
    let covering = answer.verdict.covering.iter();
    Ok(Json(Body {
        prefix: prefix.to_string(),
        asn: asn.to_string(),
        validity: words::validity(validity),
        reason: validity.reason().map(words::invalid_reason),
        explanation: words::explanation(validity),
        covering: covering.map(|covering| Covering::of(&served, covering)).collect(),
        freshness: FreshnessBody::of(&answer.freshness),
        as_of: answer.as_of.map(time),
        world: WorldBody::of(app, &served),
    }))
}

fn read_prefix(text: &str) -> Result<Prefix, Problem> {
    text.parse().map_err(|error: PrefixError| {
        let problem = Problem::prefix(error.to_string());
        match (error, Prefix::from_str_truncating(text)) {
            (PrefixError::HostBits, Ok(cleared)) => problem.hint(format!("meant: {cleared}?")),
            _ => problem.hint("write it as 192.0.2.0/24 or 2001:db8::/32"),
        }
    })
}

#[derive(Serialize)]
struct Body {
    prefix: String,
    asn: String,
    validity: &'static str,
    /// Only if the route is invalid.
    reason: Option<&'static str>,
    explanation: &'static str,
    /// The longest prefix first.
    covering: Vec<Covering>,
    freshness: FreshnessBody,
    /// The oldest of what the answer rests on.
    as_of: Option<String>,
    world: WorldBody,
}

#[derive(Serialize)]
struct Covering {
    prefix: String,
    max_length: u8,
    asn: String,
    fit: &'static str,
    explanation: &'static str,
    sources: Vec<Source>,
}

#[derive(Serialize)]
struct Source {
    trust_anchor: Option<String>,
    uri: Option<String>,
    /// SHA-256 of the object, as in the manifest.
    hash: Option<String>,
    expires: Option<String>,
}

impl Covering {
    fn of(served: &Served, covering: &CoveringVrp) -> Self {
        let sources = served.view().vrp_sources(covering.position).iter();
        Covering {
            prefix: covering.vrp.prefix.to_string(),
            max_length: covering.vrp.max_length,
            asn: covering.vrp.asn.to_string(),
            fit: words::fit(covering.fit),
            explanation: words::fit_explanation(covering.fit),
            sources: sources.map(|source| Source::of(served, *source)).collect(),
        }
    }
}

impl Source {
    fn of(served: &Served, source: ItemSource) -> Self {
        let view = served.view();
        let object = view.object(source);
        Source {
            trust_anchor: view.trust_anchor(source).map(str::to_owned),
            uri: object.map(|object| object.uri.to_string()),
            hash: object.map(|object| object.hash.to_string()),
            expires: source.expires.map(time),
        }
    }
}

#[derive(Serialize)]
struct FreshnessBody {
    state: &'static str,
    /// What is old or missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
    /// The state of what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// Why it is missing, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl FreshnessBody {
    fn bare(state: &'static str) -> Self {
        FreshnessBody { state, source: None, age_seconds: None, status: None, why: None }
    }

    fn of(freshness: &Freshness) -> Self {
        match freshness {
            Freshness::Fresh => Self::bare("fresh"),
            Freshness::NoData => Self::bare("no-data"),
            Freshness::Stale { source, age } => {
                let (DataSource::TrustAnchor(name)
                | DataSource::Repository(name)
                | DataSource::File(name)) = source;
                FreshnessBody {
                    source: Some(name.clone()),
                    age_seconds: age.map(|age| age.as_secs()),
                    ..Self::bare("stale")
                }
            }
            Freshness::Incomplete(Gap::Point { manifest, status, why, .. }) => FreshnessBody {
                source: Some(manifest.to_string()),
                status: Some(words::point_status(*status)),
                why: why.clone(),
                ..Self::bare("incomplete")
            },
            Freshness::Incomplete(Gap::TrustAnchor { name, status, why }) => FreshnessBody {
                source: Some(name.clone()),
                status: Some(words::trust_anchor_status(*status)),
                why: why.clone(),
                ..Self::bare("incomplete")
            },
        }
    }
}
