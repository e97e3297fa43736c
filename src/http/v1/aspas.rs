//! `/v1/aspas`: who may be whose provider, one item for each object that says so.

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
use crate::model::{Asn, Aspa};
use crate::output::answer::SourceBody;
use crate::world::Item;

/// Answers `/v1/aspas?customer=&provider=&trust-anchor=&limit=&cursor=`.
pub(crate) async fn aspas(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = ["customer", "provider", "trust-anchor", "limit", "cursor"];
    let parameters = Parameters::read(&uri, &known)?;
    let customer = parameters.get("customer").map(query::asn).transpose()?;
    let provider = parameters.get("provider").map(query::asn).transpose()?;
    let page = Page::read(&parameters, |key| key.parse().ok())?;
    let served = app.answering().ok_or_else(Problem::no_data)?;
    let (view, trust_anchor) = (served.view(), parameters.get("trust-anchor"));
    let has = |item: &Item<Aspa>| {
        customer.is_none_or(|asn| item.payload.customer == asn)
            && provider.is_none_or(|asn| item.payload.providers.contains(&asn))
            && trust_anchor.is_none_or(|name| view.trust_anchor(item.source) == Some(name))
    };
    conditional::answer(&app, &served, &headers, || Ok(body(&app, &served, has, &page)))
}

fn body<'a>(
    app: &App,
    served: &'a Served,
    has: impl Fn(&Item<Aspa>) -> bool,
    page: &Page<Asn>,
) -> Body<'a> {
    let (view, items) = (served.view(), served.view().aspas());
    let customer = |item: &Item<Aspa>| item.payload.customer;
    let start = page.start(items, customer);
    let positions = items.iter().enumerate().skip(start).filter(|(_, item)| has(item));
    let (positions, last) = page::collect(positions.map(|(position, _)| position), page.limit);
    let last = last.and_then(|position| Some((position, items.get(position)?)));
    Body {
        world: WorldBody::of(app, served),
        next_cursor: last
            .map(|(position, item)| page::cursor(items, position, customer, customer(item))),
        aspas: positions
            .into_iter()
            .filter_map(|position| items.get(position))
            .map(|item| AspaBody {
                customer: item.payload.customer.to_string(),
                providers: item.payload.providers.iter().map(ToString::to_string).collect(),
                source: SourceBody::of(view, item.source),
            })
            .collect(),
    }
}

#[derive(Serialize)]
struct Body<'a> {
    world: WorldBody,
    next_cursor: Option<String>,
    aspas: Vec<AspaBody<'a>>,
}

#[derive(Serialize)]
struct AspaBody<'a> {
    customer: String,
    providers: Vec<String>,
    source: SourceBody<'a>,
}
