//! `/v1/status`: trust anchors, repositories and points with their states, ages and errors.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;

use super::exceptions::ExceptionsBody;
use super::json::{Json, WorldBody, time};
use super::problem::Problem;
use super::query::Parameters;
use super::routers::RtrBody;
use super::state::App;
use super::summary::{TrustAnchorSummary, Vrps};
use crate::model::{RepositoryId, Timestamp};
use crate::output::words;
use crate::world::{RepositoryStatus, TrustAnchorRecord};

/// Answers `/v1/status`.
pub(super) async fn status(
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<impl Serialize>, Problem> {
    Parameters::read(&uri, &[])?;
    let served = app.current().ok_or_else(Problem::no_data)?;
    let (world, summary) = (served.world(), served.summary());
    let trust_anchors = world.trust_anchors.iter().zip(&summary.trust_anchors);
    let repositories = world.repositories.iter();
    Ok(Json(Body {
        payload: PayloadBody {
            vrps: VrpsBody::of(summary.vrps),
            aspas: summary.aspas,
            router_keys: summary.router_keys,
            next_expiry: served.due().map(time),
        },
        validation_seconds: world.validation_duration.as_secs_f64(),
        trust_anchors: trust_anchors
            .map(|(record, sum)| TrustAnchorBody::of(record, sum))
            .collect(),
        repositories: repositories.map(|status| RepositoryBody::of(status, app.now())).collect(),
        rtr: app.rtr().map(RtrBody::of),
        exceptions: ExceptionsBody::of(&app, &served),
        world: WorldBody::of(&app, &served),
    }))
}

#[derive(Serialize)]
struct Body {
    world: WorldBody,
    validation_seconds: f64,
    payload: PayloadBody,
    /// Only where routers are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    rtr: Option<RtrBody>,
    trust_anchors: Vec<TrustAnchorBody>,
    repositories: Vec<RepositoryBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exceptions: Option<ExceptionsBody>,
}

#[derive(Serialize)]
struct PayloadBody {
    /// Different ones, less what has expired.
    vrps: VrpsBody,
    aspas: usize,
    router_keys: usize,
    /// When the next change by time alone is due.
    next_expiry: Option<String>,
}

#[derive(Serialize)]
struct VrpsBody {
    ipv4: usize,
    ipv6: usize,
}

impl VrpsBody {
    fn of(vrps: Vrps) -> Self {
        VrpsBody { ipv4: vrps.ipv4, ipv6: vrps.ipv6 }
    }
}

#[derive(Serialize)]
struct TrustAnchorBody {
    name: String,
    status: &'static str,
    uri: Option<String>,
    last_success: Option<String>,
    error: Option<String>,
    vrps: VrpsBody,
    points: BTreeMap<&'static str, u64>,
    objects: BTreeMap<&'static str, u64>,
    /// By reason code; `/v1/findings` has them in full.
    findings: BTreeMap<&'static str, u64>,
    findings_left_out: u64,
}

impl TrustAnchorBody {
    fn of(record: &TrustAnchorRecord, summary: &TrustAnchorSummary) -> Self {
        TrustAnchorBody {
            name: record.name.clone(),
            status: words::trust_anchor_status(record.status),
            uri: record.fetch.uri.clone(),
            last_success: record.fetch.last_success.map(time),
            error: record.fetch.error.clone(),
            vrps: VrpsBody::of(summary.vrps),
            points: summary.points.clone(),
            objects: summary.objects.iter().map(|(kind, n)| (kind.as_str(), *n)).collect(),
            findings: summary.findings.iter().map(|(reason, n)| (reason.code(), *n)).collect(),
            findings_left_out: summary.findings_left_out,
        }
    }
}

#[derive(Serialize)]
struct RepositoryBody {
    uri: String,
    transport: &'static str,
    state: &'static str,
    last_success: Option<String>,
    /// Since the last success.
    age_seconds: Option<u64>,
    last_attempt: Option<String>,
    attempt_seconds: Option<f64>,
    error: Option<String>,
    next_attempt: Option<String>,
    session: Option<String>,
    serial: Option<u64>,
    objects: u64,
    bytes: u64,
}

impl RepositoryBody {
    fn of(status: &RepositoryStatus, now: Timestamp) -> Self {
        RepositoryBody {
            uri: status.id.to_string(),
            transport: match status.id {
                RepositoryId::Rrdp(_) => "rrdp",
                RepositoryId::Rsync(_) => "rsync",
            },
            state: words::repository_state(status.state),
            last_success: status.last_success.map(time),
            age_seconds: status.last_success.map(|success| now.since(success).as_secs()),
            last_attempt: status.last_attempt.map(time),
            attempt_seconds: status.duration.map(|duration| duration.as_secs_f64()),
            error: status.error.clone(),
            next_attempt: status.next_attempt.map(time),
            session: status.session.clone(),
            serial: status.serial,
            objects: status.objects,
            bytes: status.bytes,
        }
    }
}
