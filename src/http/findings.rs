//! `/v1/findings`: what was rejected and why, a page at a time.

use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;

use super::json::{Json, WorldBody};
use super::limits::{DEFAULT_PAGE, MAX_PAGE};
use super::problem::Problem;
use super::query::Parameters;
use super::state::App;
use crate::validate::{Finding, Reason};
use crate::world::World;

/// Answers `/v1/findings?trust-anchor=&reason=&offset=&limit=`.
pub(super) async fn findings(
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<impl Serialize>, Problem> {
    let parameters = Parameters::read(&uri, &["trust-anchor", "reason", "offset", "limit"])?;
    let offset = parameters.count("offset")?.unwrap_or(0);
    let limit = parameters.count("limit")?.unwrap_or(DEFAULT_PAGE);
    if limit > MAX_PAGE {
        return Err(Problem::parameter(format!("parameter limit is above {MAX_PAGE}")));
    }
    let reason = parameters.get("reason").map(str::parse::<Reason>).transpose();
    let reason = reason.map_err(|error| Problem::parameter(error.to_string()))?;
    let served = app.current().ok_or_else(Problem::no_data)?;
    let world = served.world();
    let wanted = |item: &Item<'_>| {
        reason.is_none_or(|reason| item.finding.reason == reason)
            && parameters.get("trust-anchor").is_none_or(|name| item.trust_anchor == name)
    };
    let total = items(world).filter(wanted).count();
    let page = items(world).filter(wanted).skip(offset).take(limit);
    let findings: Vec<_> = page.map(|item| FindingBody::of(&item)).collect();
    let end = offset.saturating_add(findings.len());
    Ok(Json(Body {
        total,
        offset,
        next_offset: (end < total && !findings.is_empty()).then_some(end),
        left_out: world.points.iter().map(|point| u64::from(point.findings_left_out)).sum(),
        findings,
        world: WorldBody::of(&app, &served),
    }))
}

struct Item<'a> {
    trust_anchor: &'a str,
    /// The manifest of the point; `None` for the trust anchor's certificate.
    manifest: Option<&'a str>,
    finding: &'a Finding,
}

/// Returns the trust anchors' findings, then those of the points in the world's order.
fn items(world: &World) -> impl Iterator<Item = Item<'_>> {
    let anchors = world.trust_anchors.iter().flat_map(|record| {
        let trust_anchor = record.name.as_str();
        record.findings.iter().map(move |finding| Item { trust_anchor, manifest: None, finding })
    });
    let points = world.points.iter().flat_map(|point| {
        let record = world.trust_anchors.get(usize::from(point.trust_anchor));
        let trust_anchor = record.map_or("", |record| record.name.as_str());
        let manifest = Some(point.manifest_uri.as_str());
        point.findings.iter().map(move |finding| Item { trust_anchor, manifest, finding })
    });
    anchors.chain(points)
}

#[derive(Serialize)]
struct Body {
    world: WorldBody,
    /// How many there are with these parameters.
    total: usize,
    offset: usize,
    /// Where the next page begins, if there is one.
    next_offset: Option<usize>,
    /// Findings that were counted and not kept, of all points.
    left_out: u64,
    findings: Vec<FindingBody>,
}

#[derive(Serialize)]
struct FindingBody {
    trust_anchor: String,
    manifest: Option<String>,
    object: String,
    hash: Option<String>,
    reason: &'static str,
    detail: String,
}

impl FindingBody {
    fn of(item: &Item<'_>) -> Self {
        FindingBody {
            trust_anchor: item.trust_anchor.to_owned(),
            manifest: item.manifest.map(str::to_owned),
            object: item.finding.object.clone(),
            hash: item.finding.hash.map(|hash| hash.to_string()),
            reason: item.finding.reason.code(),
            detail: item.finding.detail.clone(),
        }
    }
}
