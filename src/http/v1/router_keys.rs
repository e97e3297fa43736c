//! `/v1/router-keys`: the BGPsec keys of routers, one item for each certificate.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use rpki::util::base64;
use serde::Serialize;

use super::page::{self, Page};
use crate::http::conditional;
use crate::http::json::WorldBody;
use crate::http::problem::Problem;
use crate::http::query::{self, Parameters};
use crate::http::state::{App, Served};
use crate::model::{Asn, RouterKey};
use crate::output::answer::SourceBody;
use crate::world::Item;

/// What the list is sorted by: the key's identifier in capital hex, which sorts as its bytes do,
/// and the AS.
type Key = (String, Asn);

/// Answers `/v1/router-keys?asn=&trust-anchor=&limit=&cursor=`.
pub(crate) async fn router_keys(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let parameters = Parameters::read(&uri, &["asn", "trust-anchor", "limit", "cursor"])?;
    let asn = parameters.get("asn").map(query::asn).transpose()?;
    let page = Page::read(&parameters, page::parts)?;
    let served = app.answering().ok_or_else(Problem::no_data)?;
    let (view, trust_anchor) = (served.view(), parameters.get("trust-anchor"));
    let has = |item: &Item<RouterKey>| {
        asn.is_none_or(|asn| item.payload.asn == asn)
            && trust_anchor.is_none_or(|name| view.trust_anchor(item.source) == Some(name))
    };
    conditional::answer(&app, &served, &headers, || Ok(body(&app, &served, has, &page)))
}

fn key(item: &Item<RouterKey>) -> Key {
    (item.payload.ski.to_string(), item.payload.asn)
}

fn body<'a>(
    app: &App,
    served: &'a Served,
    has: impl Fn(&Item<RouterKey>) -> bool,
    page: &Page<Key>,
) -> Body<'a> {
    let (view, items) = (served.view(), served.view().router_keys());
    let start = page.start(items, key);
    let positions = items.iter().enumerate().skip(start).filter(|(_, item)| has(item));
    let (positions, last) = page::collect(positions.map(|(position, _)| position), page.limit);
    let last = last.and_then(|position| Some((position, items.get(position)?)));
    let text = |item: &Item<RouterKey>| format!("{}:{}", item.payload.ski, item.payload.asn.0);
    Body {
        world: WorldBody::of(app, served),
        next_cursor: last.map(|(position, item)| page::cursor(items, position, key, text(item))),
        router_keys: positions
            .into_iter()
            .filter_map(|position| items.get(position))
            .map(|item| RouterKeyBody {
                asn: item.payload.asn.to_string(),
                ski: item.payload.ski.to_string(),
                key: base64::Slurm.display(&item.payload.spki).to_string(),
                source: SourceBody::of(view, item.source),
            })
            .collect(),
    }
}

#[derive(Serialize)]
struct Body<'a> {
    world: WorldBody,
    next_cursor: Option<String>,
    router_keys: Vec<RouterKeyBody<'a>>,
}

#[derive(Serialize)]
struct RouterKeyBody<'a> {
    asn: String,
    /// The subject key identifier, in hex.
    ski: String,
    /// The SubjectPublicKeyInfo in DER, in base64url without padding, as in SLURM (RFC 8416).
    key: String,
    source: SourceBody<'a>,
}
