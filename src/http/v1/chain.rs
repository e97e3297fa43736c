//! `/v1/chain`: from a VRP to its trust anchors: every certificate and manifest it rests on.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Serialize;

use crate::http::conditional;
use crate::http::json::{WorldBody, time};
use crate::http::limits::MAX_CHAINS;
use crate::http::problem::Problem;
use crate::http::query::{self, Parameters};
use crate::http::state::{App, Served};
use crate::model::{TimeWindow, Vrp};
use crate::output::words;
use crate::validate::ManifestRef;
use crate::world::{ItemSource, PointRecord, View, World};

/// Answers `/v1/chain?prefix=&asn=&max-length=`.
pub(crate) async fn chain(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let parameters = Parameters::read(&uri, &["prefix", "asn", "max-length"])?;
    let prefix = query::prefix(parameters.required("prefix")?)?;
    let asn = query::asn(parameters.required("asn")?)?;
    let max_length = parameters.count("max-length")?;
    let served = app.answering().ok_or_else(Problem::no_data)?;
    let wanted = |vrp: &Vrp| {
        vrp.asn == asn && max_length.is_none_or(|length| usize::from(vrp.max_length) == length)
    };
    conditional::answer(&app, &served, &headers, || {
        let vrps = served.view().vrps();
        let first = vrps.partition_point(|vrp| vrp.prefix < prefix);
        let same = vrps.iter().enumerate().skip(first);
        let same = same.take_while(|(_, vrp)| vrp.prefix == prefix);
        let positions: Vec<usize> =
            same.filter(|(_, vrp)| wanted(vrp)).map(|(position, _)| position).collect();
        if positions.is_empty() {
            return Err(Problem::no_vrp());
        }
        Ok(body(&app, &served, &positions))
    })
}

fn body<'a>(app: &App, served: &'a Served, positions: &[usize]) -> Body<'a> {
    let (view, world) = (served.view(), served.world());
    let sources = positions.iter().flat_map(|position| {
        let vrp = view.vrps().get(*position).copied();
        view.vrp_sources(*position).filter_map(move |source| Some((vrp?, source)))
    });
    let total = sources.clone().count();
    Body {
        world: WorldBody::of(app, served),
        left_out: total.saturating_sub(MAX_CHAINS),
        chains: sources
            .take(MAX_CHAINS)
            .filter_map(|(vrp, source)| ChainBody::of(view, world, vrp, source))
            .collect(),
    }
}

#[derive(Serialize)]
struct Body<'a> {
    world: WorldBody,
    /// Chains that are too many to be shown.
    left_out: usize,
    chains: Vec<ChainBody<'a>>,
}

#[derive(Serialize)]
struct ChainBody<'a> {
    max_length: u8,
    trust_anchor: Option<&'a str>,
    /// The ROA.
    object: ObjectBody<'a>,
    /// When everything here is valid.
    validity: Window,
    /// From the CA that signed the ROA up to the trust anchor.
    authorities: Vec<AuthorityBody<'a>>,
}

#[derive(Serialize)]
struct ObjectBody<'a> {
    uri: &'a str,
    hash: String,
    validity: Window,
}

#[derive(Serialize)]
struct Window {
    from: String,
    until: String,
}

impl Window {
    fn of(window: TimeWindow) -> Self {
        Window { from: time(window.from), until: time(window.until) }
    }
}

impl<'a> ChainBody<'a> {
    fn of(view: &'a View, world: &'a World, vrp: Vrp, source: ItemSource) -> Option<Self> {
        let object = view.object(source)?;
        let chain = view.chain_validity(source)?;
        let mut authorities = Vec::new();
        let mut next = Some(object.point);
        // Parents come before children, so this ends.
        while let Some(point) = next.and_then(|index| world.points.get(index as usize)) {
            authorities.push(AuthorityBody::of(world, point));
            next = point.parent;
        }
        Some(ChainBody {
            max_length: vrp.max_length,
            trust_anchor: view.trust_anchor(source),
            object: ObjectBody {
                uri: object.uri.as_str(),
                hash: object.hash.to_string(),
                validity: Window::of(object.validity),
            },
            validity: Window::of(chain.intersect(object.validity)),
            authorities,
        })
    }
}

#[derive(Serialize)]
struct AuthorityBody<'a> {
    certificate: &'a str,
    hash: String,
    ski: String,
    manifest: &'a str,
    /// The manifest in use.
    manifest_in_use: Option<ManifestBody>,
    /// Which of its data are in use.
    status: &'static str,
    repository: Option<&'a str>,
    /// When its certificate, manifest and CRL are all valid.
    validity: Window,
}

impl<'a> AuthorityBody<'a> {
    fn of(world: &'a World, point: &'a PointRecord) -> Self {
        let repository = point.repository.and_then(|index| world.repositories.get(index as usize));
        AuthorityBody {
            certificate: &point.certificate_uri,
            hash: point.certificate_hash.to_string(),
            ski: point.ski.to_string(),
            manifest: point.manifest_uri.as_str(),
            manifest_in_use: point.manifest.as_ref().map(ManifestBody::of),
            status: words::point_status(point.status),
            repository: repository.map(|status| status.id.as_str()),
            validity: Window::of(point.validity),
        }
    }
}

#[derive(Serialize)]
struct ManifestBody {
    hash: String,
    /// In hex, without leading zeros.
    number: String,
    this_update: String,
    next_update: String,
}

impl ManifestBody {
    fn of(manifest: &ManifestRef) -> Self {
        let digits: String = manifest.number.iter().map(|byte| format!("{byte:02X}")).collect();
        let number = digits.trim_start_matches('0');
        ManifestBody {
            hash: manifest.hash.to_string(),
            number: if number.is_empty() { "0".to_owned() } else { number.to_owned() },
            this_update: time(manifest.this_update),
            next_update: time(manifest.next_update),
        }
    }
}
