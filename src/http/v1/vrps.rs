//! `/v1/vrps`: the VRPs, of a prefix, of an origin AS, or all of them, a page at a time.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Serialize;

use super::page::{self, Page};
use crate::http::conditional;
use crate::http::json::WorldBody;
use crate::http::problem::Problem;
use crate::http::query::{self, Parameters};
use crate::http::state::{App, Served};
use crate::model::{Asn, Prefix, Vrp};
use crate::output::answer::{SourceBodies, Text};
use crate::world::View;

/// Answers `/v1/vrps?prefix=&include=&asn=&trust-anchor=&limit=&cursor=`.
pub(crate) async fn vrps(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = ["prefix", "include", "asn", "trust-anchor", "limit", "cursor"];
    let parameters = Parameters::read(&uri, &known)?;
    let filter = Filter::read(&parameters)?;
    let page = Page::read(&parameters, read_key)?;
    let served = app.answering().ok_or_else(Problem::no_data)?;
    conditional::answer(&app, &served, &headers, || Ok(body(&app, &served, &filter, &page)))
}

/// Which VRPs are asked for; all that is given must fit.
struct Filter {
    prefix: Option<Prefix>,
    more_specifics: bool,
    asn: Option<Asn>,
    trust_anchor: Option<String>,
}

impl Filter {
    fn read(parameters: &Parameters) -> Result<Self, Problem> {
        let prefix = parameters.get("prefix").map(query::prefix).transpose()?;
        let more_specifics = match parameters.get("include") {
            None => false,
            Some("more-specifics") if prefix.is_some() => true,
            Some("more-specifics") => {
                return Err(Problem::parameter("parameter include needs a prefix"));
            }
            Some(_) => {
                return Err(Problem::parameter("parameter include is not more-specifics"));
            }
        };
        Ok(Filter {
            prefix,
            more_specifics,
            asn: parameters.get("asn").map(query::asn).transpose()?,
            trust_anchor: parameters.get("trust-anchor").map(str::to_owned),
        })
    }

    /// Returns the positions of the VRPs that the prefix selects, ascending.
    fn positions(&self, view: &View) -> Vec<usize> {
        let Some(prefix) = self.prefix else { return (0..view.vrps().len()).collect() };
        let covering = view.index().covering(prefix);
        let mut positions: Vec<usize> = covering.flat_map(|cover| cover.positions).collect();
        if self.more_specifics {
            let vrps = view.vrps();
            let first = vrps.partition_point(|vrp| vrp.prefix < prefix);
            let inside =
                vrps.iter().skip(first).take_while(|vrp| prefix.covers(vrp.prefix)).count();
            positions.extend(first..first + inside);
        }
        positions.sort_unstable();
        positions.dedup();
        positions
    }

    fn has(&self, view: &View, position: usize) -> bool {
        let vrp = view.vrps().get(position);
        let from = |name: &str| {
            let mut sources = view.vrp_sources(position);
            sources.any(|source| view.trust_anchor(source) == Some(name))
        };
        self.asn.is_none_or(|asn| vrp.is_some_and(|vrp| vrp.asn == asn))
            && self.trust_anchor.as_deref().is_none_or(from)
    }
}

/// Reads what [`key_text`] writes.
fn read_key(text: &str) -> Option<Vrp> {
    let (prefix, rest) = text.split_once('-')?;
    let (max_length, asn) = rest.split_once('-')?;
    Some(Vrp {
        prefix: prefix.parse().ok()?,
        max_length: max_length.parse().ok()?,
        asn: asn.parse().ok()?,
    })
}

fn key_text(vrp: &Vrp) -> String {
    format!("{}-{}-{}", vrp.prefix, vrp.max_length, vrp.asn.0)
}

fn body<'a>(app: &App, served: &'a Served, filter: &Filter, page: &Page<Vrp>) -> Body<'a> {
    let view = served.view();
    let start = page.start(view.vrps(), |vrp| *vrp);
    let positions = filter.positions(view).into_iter().filter(|position| *position >= start);
    let positions = positions.filter(|position| filter.has(view, *position));
    let (positions, last) = page::collect(positions, page.limit);
    let last = last.and_then(|position| Some((position, view.vrps().get(position)?)));
    Body {
        world: WorldBody::of(app, served),
        next_cursor: last
            .map(|(position, vrp)| page::cursor(view.vrps(), position, |vrp| *vrp, key_text(vrp))),
        vrps: positions.into_iter().filter_map(|at| VrpBody::of(view, at)).collect(),
    }
}

#[derive(Serialize)]
struct Body<'a> {
    world: WorldBody,
    /// What the next page begins behind; `null` on the last one.
    next_cursor: Option<String>,
    vrps: Vec<VrpBody<'a>>,
}

#[derive(Serialize)]
struct VrpBody<'a> {
    prefix: Text<Prefix>,
    max_length: u8,
    asn: Text<Asn>,
    sources: SourceBodies<'a>,
}

impl<'a> VrpBody<'a> {
    fn of(view: &'a View, position: usize) -> Option<Self> {
        let vrp = view.vrps().get(position)?;
        Some(VrpBody {
            prefix: Text(vrp.prefix),
            max_length: vrp.max_length,
            asn: Text(vrp.asn),
            sources: SourceBodies::of_vrp(view, position),
        })
    }
}
