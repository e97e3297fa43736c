//! `/v1/findings`: what was rejected and why, a page at a time.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Serialize;

use super::page::{self, Page};
use crate::http::conditional;
use crate::http::json::WorldBody;
use crate::http::problem::Problem;
use crate::http::query::Parameters;
use crate::http::state::{App, Served};
use crate::validate::{Finding, Reason};
use crate::world::{PointRecord, World};

/// Answers `/v1/findings?trust-anchor=&repository=&object=&reason=&limit=&cursor=`.
pub(crate) async fn findings(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = ["trust-anchor", "repository", "object", "reason", "limit", "cursor"];
    let parameters = Parameters::read(&uri, &known)?;
    let page = Page::read(&parameters, |key| Some(key.to_owned()))?;
    let reason = parameters.get("reason").map(str::parse::<Reason>).transpose();
    let reason = reason.map_err(|error| Problem::parameter(error.to_string()))?;
    let served = app.current().ok_or_else(Problem::no_data)?;
    let world = served.world();
    let is = |parameter: &str, value: Option<&str>| {
        parameters.get(parameter).is_none_or(|wanted| value == Some(wanted))
    };
    let has = |position: &Position| {
        let Some(item) = Item::at(world, *position) else { return false };
        reason.is_none_or(|reason| item.finding.reason == reason)
            && is("object", Some(item.finding.object.as_str()))
            && is("trust-anchor", Some(item.trust_anchor))
            && is("repository", item.repository())
    };
    conditional::answer(&app, &served, &headers, || Ok(body(&app, &served, has, &page)))
}

/// Where a finding stands in a world.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Position {
    TrustAnchor { record: u16, number: u16 },
    Point { point: u32, number: u16 },
}

/// Returns where all findings stand, sorted by the object's URI.
pub(crate) fn positions(world: &World) -> Vec<Position> {
    let anchors = (0..u16::MAX).zip(&world.trust_anchors).flat_map(|(record, anchor)| {
        let numbers = (0..u16::MAX).take(anchor.findings.len());
        numbers.map(move |number| Position::TrustAnchor { record, number })
    });
    let points = (0..u32::MAX).zip(&world.points).flat_map(|(point, record)| {
        let numbers = (0..u16::MAX).take(record.findings.len());
        numbers.map(move |number| Position::Point { point, number })
    });
    let mut positions: Vec<Position> = anchors.chain(points).collect();
    positions.sort_by(|left, right| object(world, left).cmp(object(world, right)));
    positions
}

fn object<'a>(world: &'a World, position: &Position) -> &'a str {
    Item::at(world, *position).map_or("", |item| item.finding.object.as_str())
}

struct Item<'a> {
    world: &'a World,
    trust_anchor: &'a str,
    /// The point; `None` for the trust anchor's certificate.
    point: Option<&'a PointRecord>,
    finding: &'a Finding,
}

impl<'a> Item<'a> {
    fn at(world: &'a World, position: Position) -> Option<Self> {
        let (anchor, point, finding) = match position {
            Position::TrustAnchor { record, number } => {
                let findings = &world.trust_anchors.get(usize::from(record))?.findings;
                (record, None, findings.get(usize::from(number))?)
            }
            Position::Point { point, number } => {
                let point = world.points.get(point as usize)?;
                (point.trust_anchor, Some(point), point.findings.get(usize::from(number))?)
            }
        };
        let record = world.trust_anchors.get(usize::from(anchor));
        let trust_anchor = record.map_or("", |record| record.name.as_str());
        Some(Item { world, trust_anchor, point, finding })
    }

    fn repository(&self) -> Option<&'a str> {
        let index = self.point?.repository?;
        Some(self.world.repositories.get(index as usize)?.id.as_str())
    }
}

fn body(app: &App, served: &Served, has: impl Fn(&Position) -> bool, page: &Page<String>) -> Body {
    let (world, all) = (served.world(), served.findings());
    let key = |position: &Position| object(world, position).to_owned();
    let start = page.start(all, key);
    let total = all.iter().filter(|position| has(position)).count();
    let wanted = all.iter().enumerate().skip(start).filter(|(_, position)| has(position));
    let (indexes, last) = page::collect(wanted.map(|(index, _)| index), page.limit);
    let last = last.and_then(|index| Some((index, all.get(index)?)));
    let found = indexes.into_iter().filter_map(|index| Item::at(world, *all.get(index)?));
    Body {
        world: WorldBody::of(app, served),
        total,
        next_cursor: last
            .map(|(index, position)| page::cursor(all, index, key, object(world, position))),
        left_out: world.points.iter().map(|point| u64::from(point.findings_left_out)).sum(),
        findings: found.map(|item| FindingBody::of(&item)).collect(),
    }
}

#[derive(Serialize)]
struct Body {
    world: WorldBody,
    /// How many there are with these parameters.
    total: usize,
    /// What the next page begins behind; `null` on the last one.
    next_cursor: Option<String>,
    /// Findings that were counted and not kept, of all points.
    left_out: u64,
    findings: Vec<FindingBody>,
}

#[derive(Serialize)]
struct FindingBody {
    trust_anchor: String,
    repository: Option<String>,
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
            repository: item.repository().map(str::to_owned),
            manifest: item.point.map(|point| point.manifest_uri.as_str().to_owned()),
            object: item.finding.object.clone(),
            hash: item.finding.hash.map(|hash| hash.to_string()),
            reason: item.finding.reason.code(),
            detail: item.finding.detail.clone(),
        }
    }
}
