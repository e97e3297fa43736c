//! `/v1/worlds` and `/v1/changes`: which payloads were served lately, and what changed between.

use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use rpki::util::base64;
use serde::Serialize;

use crate::http::conditional;
use crate::http::history::{History, Step};
use crate::http::json::{WorldBody, pretty, time};
use crate::http::problem::Problem;
use crate::http::query::Parameters;
use crate::http::state::App;
use crate::model::{Aspa, RouterKey, Vrp};
use crate::payload::PayloadDelta;

/// Answers `/v1/worlds`.
pub(crate) async fn worlds(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Parameters::read(&uri, &[])?;
    let served = app.current().ok_or_else(Problem::no_data)?;
    conditional::answer(&app, &served, &headers, || {
        let history = served.history();
        Ok(Worlds {
            world: WorldBody::of(&app, &served),
            parent: served.world().parent.map(|id| id.0),
            version: version(history.session, history.serial),
            changes: history.steps().rev().map(|step| StepBody::of(history, step)).collect(),
        })
    })
}

/// Answers `/v1/changes?since=`.
pub(crate) async fn changes(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let parameters = Parameters::read(&uri, &["since"])?;
    let since = parameters.required("since")?;
    let (session, serial) = read_version(since)
        .ok_or_else(|| Problem::parameter("parameter since is no version").hint(SINCE))?;
    let served = app.answering().ok_or_else(Problem::no_data)?;
    let history = served.history();
    let delta = history.delta_since(session, serial).ok_or_else(Problem::gone)?;
    let body = Changes {
        world: WorldBody::of(&app, &served),
        since: version(session, serial),
        version: version(history.session, history.serial),
        announced: ItemsBody::of(&delta, Side::Announced),
        withdrawn: ItemsBody::of(&delta, Side::Withdrawn),
    };
    let body = app.hold(pretty(&body)).ok_or_else(Problem::busy)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

const SINCE: &str = "take it from /v1/worlds, or from an answer of this path";

/// Names the payload of one moment.
pub(super) fn version(session: u64, serial: u32) -> String {
    format!("{session:x}-{serial}")
}

/// Reads what [`version`] writes.
pub(super) fn read_version(text: &str) -> Option<(u64, u32)> {
    let (session, serial) = text.split_once('-')?;
    let version = (u64::from_str_radix(session, 16).ok()?, serial.parse().ok()?);
    (self::version(version.0, version.1) == text).then_some(version)
}

#[derive(Serialize)]
struct Worlds {
    world: WorldBody,
    parent: Option<u64>,
    /// The payload that is served now.
    version: String,
    /// Newest first.
    changes: Vec<StepBody>,
}

/// One change of the payload.
#[derive(Serialize)]
pub(super) struct StepBody {
    version: String,
    world: u64,
    time: String,
    announced: Counts,
    withdrawn: Counts,
}

#[derive(Serialize)]
struct Counts {
    vrps: usize,
    router_keys: usize,
    aspas: usize,
}

impl StepBody {
    pub fn of(history: &History, step: &Step) -> Self {
        let PayloadDelta { vrps, router_keys, aspas } = &step.delta;
        StepBody {
            version: version(history.session, step.serial),
            world: step.world.0,
            time: time(step.time),
            announced: Counts {
                vrps: vrps.announced.len(),
                router_keys: router_keys.announced.len(),
                aspas: aspas.announced.len(),
            },
            withdrawn: Counts {
                vrps: vrps.withdrawn.len(),
                router_keys: router_keys.withdrawn.len(),
                aspas: aspas.withdrawn.len(),
            },
        }
    }
}

#[derive(Serialize)]
struct Changes {
    world: WorldBody,
    since: String,
    version: String,
    announced: ItemsBody,
    withdrawn: ItemsBody,
}

#[derive(Clone, Copy)]
enum Side {
    Announced,
    Withdrawn,
}

#[derive(Serialize)]
struct ItemsBody {
    vrps: Vec<VrpBody>,
    router_keys: Vec<RouterKeyBody>,
    aspas: Vec<AspaBody>,
}

impl ItemsBody {
    fn of(delta: &PayloadDelta, side: Side) -> Self {
        let PayloadDelta { vrps, router_keys, aspas } = delta;
        let (vrps, router_keys, aspas) = match side {
            Side::Announced => (&vrps.announced, &router_keys.announced, &aspas.announced),
            Side::Withdrawn => (&vrps.withdrawn, &router_keys.withdrawn, &aspas.withdrawn),
        };
        ItemsBody {
            vrps: vrps.iter().map(VrpBody::of).collect(),
            router_keys: router_keys.iter().map(RouterKeyBody::of).collect(),
            aspas: aspas.iter().map(AspaBody::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct VrpBody {
    prefix: String,
    max_length: u8,
    asn: String,
}

impl VrpBody {
    fn of(vrp: &Vrp) -> Self {
        let Vrp { prefix, max_length, asn } = vrp;
        VrpBody { prefix: prefix.to_string(), max_length: *max_length, asn: asn.to_string() }
    }
}

#[derive(Serialize)]
struct RouterKeyBody {
    asn: String,
    ski: String,
    key: String,
}

impl RouterKeyBody {
    fn of(key: &RouterKey) -> Self {
        RouterKeyBody {
            asn: key.asn.to_string(),
            ski: key.ski.to_string(),
            key: base64::Slurm.display(&key.spki).to_string(),
        }
    }
}

#[derive(Serialize)]
struct AspaBody {
    customer: String,
    providers: Vec<String>,
}

impl AspaBody {
    fn of(aspa: &Aspa) -> Self {
        AspaBody {
            customer: aspa.customer.to_string(),
            providers: aspa.providers.iter().map(ToString::to_string).collect(),
        }
    }
}
