//! `/status` and `/api/v1/status`: the numbers of the last run, as Routinator shows them.
//!
//! What this program does not count is 0 there; docs/http.md says what that is.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::error::{NO_DATA, json_error, text_error};
use super::tally::{Items, Numbers};
use crate::http::state::{App, Served};
use crate::model::{RepositoryId, Timestamp};
use crate::validate::{Effect, Finding, ObjectKind};
use crate::world::{RepositoryState, RepositoryStatus, World};

/// The name and version that stand where Routinator has its own.
const PROGRAM: &str = concat!("provost/", env!("CARGO_PKG_VERSION"));

/// Answers `/status`.
pub(crate) async fn text(State(app): State<App>) -> Response {
    let Some(served) = app.answering() else {
        return text_error(StatusCode::SERVICE_UNAVAILABLE, NO_DATA);
    };
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_text(&mut out, &app, &served);
    ([(header::CONTENT_TYPE, "text/plain;charset=utf-8")], out).into_response()
}

/// Answers `/api/v1/status`.
pub(crate) async fn api(State(app): State<App>) -> Response {
    let Some(served) = app.answering() else {
        return json_error(StatusCode::SERVICE_UNAVAILABLE, NO_DATA);
    };
    let body = serde_json::to_vec_pretty(&object(&app, &served)).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Returns the serial that routers get; where none are served, that of `/json-delta`.
pub(super) fn serial(app: &App, served: &Served) -> u32 {
    let routers = app.rtr().and_then(|status| status.serving);
    routers.map_or(served.history().serial, |serving| serving.serial)
}

/// The routers that are connected; what they sent is not counted.
#[derive(Default)]
pub(super) struct Routers {
    pub open: usize,
    pub sent_bytes: u64,
}

impl Routers {
    pub fn of(app: &App) -> Self {
        let status = app.rtr();
        status.map_or_else(Routers::default, |status| Routers {
            open: status.open,
            sent_bytes: status.clients.iter().map(|client| client.sent_bytes).sum(),
        })
    }
}

/// Returns when the last run began and ended.
fn update(world: &World) -> (Timestamp, Timestamp) {
    (world.time, world.time.plus(world.validation_duration))
}

/// Returns the code of the last attempt, as Routinator has it: of HTTP, or the exit code of
/// rsync; -1 if it failed.
pub(super) fn code(status: &RepositoryStatus) -> i32 {
    match (status.state, &status.id) {
        (RepositoryState::Current, RepositoryId::Rrdp(_)) => 200,
        (RepositoryState::Current, RepositoryId::Rsync(_)) => 0,
        _ => -1,
    }
}

/// Returns the repositories of one transport that were tried.
pub(super) fn tried(world: &World, rrdp: bool) -> impl Iterator<Item = &RepositoryStatus> {
    let repositories = world.repositories.iter();
    repositories.filter(move |status| {
        matches!(status.id, RepositoryId::Rrdp(_)) == rrdp && status.last_attempt.is_some()
    })
}

fn date(time: Timestamp) -> DateTime<Utc> {
    DateTime::<Utc>::from_timestamp(time.0, 0).unwrap_or_default()
}

/// Writes a list `NAME=NUMBER `, with the blank at its end that Routinator has.
fn per_tal(
    out: &mut String,
    key: &str,
    served: &Served,
    number: impl Fn(&Numbers) -> u64,
) -> fmt::Result {
    write!(out, "{key}: ")?;
    for (name, numbers) in &served.tally().trust_anchors {
        write!(out, "{name}={} ", number(numbers))?;
    }
    writeln!(out)
}

fn write_text(out: &mut String, app: &App, served: &Arc<Served>) -> fmt::Result {
    let (world, all) = (served.world(), &served.tally().all);
    let (start, done) = update(world);
    let ago = |time: Timestamp| format!("PT{}S", app.now().since(time).as_secs());
    writeln!(out, "version: {PROGRAM}\nserial: {}", serial(app, served))?;
    writeln!(out, "last-update-start-at:  {}\nlast-update-start-ago: {}", date(start), ago(start))?;
    writeln!(out, "last-update-done-at:   {}\nlast-update-done-ago:  {}", date(done), ago(done))?;
    writeln!(out, "last-update-duration:  PT{}S", world.validation_duration.as_secs_f64())?;
    writeln!(out, "valid-roas: {}", all.valid(ObjectKind::Roa))?;
    per_tal(out, "valid-roas-per-tal", served, |numbers| numbers.valid(ObjectKind::Roa))?;
    writeln!(out, "vrps: {}", all.vrps().valid)?;
    per_tal(out, "vrps-per-tal", served, |numbers| numbers.vrps().valid)?;
    writeln!(out, "locally-filtered-vrps: {}", all.vrps().filtered)?;
    per_tal(out, "locally-filtered-vrps-per-tal", served, |numbers| numbers.vrps().filtered)?;
    per_tal(out, "duplicate-vrps-per-tal", served, |numbers| numbers.vrps().duplicate)?;
    writeln!(out, "locally-added-vrps: {}", served.tally().asserted_vrps)?;
    writeln!(out, "final-vrps: {}", served.view().vrps().len())?;
    per_tal(out, "final-vrps-per-tal", served, |numbers| numbers.vrps().contributed())?;
    writeln!(out, "stale-count: {}", all.stale_objects())?;
    writeln!(out, "rsync-durations:")?;
    for status in tried(world, false) {
        write!(out, "   {}: status={}", status.id, code(status))?;
        write_duration(out, status.duration)?;
        writeln!(out)?;
    }
    writeln!(out, "rrdp-durations:")?;
    for status in tried(world, true) {
        let code = code(status);
        write!(out, "   {}: status={code}, notification-status={code}", status.id)?;
        write!(out, ", payload-status={code}")?;
        write_duration(out, status.duration)?;
        if let Some(serial) = status.serial {
            write!(out, ", serial={serial}")?;
        }
        writeln!(out)?;
    }
    write_connections(out, app)
}

fn write_duration(out: &mut String, duration: Option<Duration>) -> fmt::Result {
    match duration {
        Some(duration) => write!(out, ", duration={:.3}s", duration.as_secs_f64()),
        None => Ok(()),
    }
}

fn write_connections(out: &mut String, app: &App) -> fmt::Result {
    let counters = &app.counters;
    let routers = Routers::of(app);
    writeln!(out, "rtr-connections: {} current", routers.open)?;
    writeln!(out, "rtr-data: {} bytes sent, 0 bytes received", routers.sent_bytes)?;
    let (open, all) = (counters.open_connections(), counters.connections());
    writeln!(out, "http-connections: {open} current, {all} total")?;
    let (sent, received) = (counters.bytes_written(), counters.bytes_read());
    writeln!(out, "http-data: {sent} bytes sent, {received} bytes received")?;
    writeln!(out, "http-requests: {} ", counters.requests())
}

fn object(app: &App, served: &Served) -> Value {
    let (world, tally) = (served.world(), served.tally());
    let (start, done) = update(world);
    let time = |time: Timestamp| date(time).to_rfc3339();
    let tals = tally.trust_anchors.iter().map(|(name, numbers)| (name.clone(), group(numbers)));
    let repositories = tally.repositories.iter().map(|(uri, numbers)| {
        let mut group = group(numbers);
        let kind = if uri.starts_with("https://") { "RRDP" } else { "rsync" };
        group.insert("type".to_owned(), kind.into());
        (uri.clone(), group)
    });
    let (counters, routers) = (&app.counters, Routers::of(app));
    json!({
        "version": PROGRAM,
        "serial": serial(app, served),
        "now": time(app.now()),
        "lastUpdateStart": time(start),
        "lastUpdateDone": time(done),
        "lastUpdateDuration": seconds(world.validation_duration),
        "payload": payload(&tally.all),
        "aspasLargeProviderSet": 0,
        "tals": tals.collect::<Objects>(),
        "repositories": repositories.collect::<Objects>(),
        "vrpsAddedLocally": tally.asserted_vrps,
        "rsync": tried(world, false).map(rsync).collect::<Objects>(),
        "rrdp": tried(world, true).map(rrdp).collect::<Objects>(),
        "pubPointIssues": issues(world),
        "rtr": {
            "currentConnections": routers.open,
            "bytesRead": 0,
            "bytesWritten": routers.sent_bytes,
        },
        "http": {
            "totalConnections": counters.connections(),
            "currentConnections": counters.open_connections(),
            "requests": counters.requests(),
            "bytesRead": counters.bytes_read(),
            "bytesWritten": counters.bytes_written(),
        },
    })
}

/// Objects by name.
type Objects = std::collections::BTreeMap<String, Map<String, Value>>;

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn payload(numbers: &Numbers) -> Value {
    let items = |items: Items, origins: bool| {
        let mut object = members([
            ("total", items.valid.into()),
            ("locallyFiltered", items.filtered.into()),
            ("duplicate", items.duplicate.into()),
            ("final", items.contributed().into()),
        ]);
        if origins {
            object.insert("unsafe".to_owned(), 0.into());
        }
        object
    };
    json!({
        "routeOriginsIPv4": items(numbers.ipv4, true),
        "routeOriginsIPv6": items(numbers.ipv6, true),
        "routerKeys": items(numbers.router_keys, false),
        "aspas": items(numbers.aspas, false),
    })
}

/// Returns the numbers of a trust anchor or repository.
fn group(numbers: &Numbers) -> Map<String, Value> {
    use ObjectKind::{Aspa, CaCertificate, Crl, Ghostbusters, Manifest, Other, Roa};
    let vrps = numbers.vrps();
    let (valid, invalid) = (|kind| numbers.valid(kind).into(), |kind| numbers.invalid(kind).into());
    let router_certs = numbers.valid(ObjectKind::RouterCertificate);
    members([
        ("vrpsTotal", vrps.valid.into()),
        ("vrpsUnsafe", 0.into()),
        ("vrpsLocallyFiltered", vrps.filtered.into()),
        ("vrpsDuplicate", vrps.duplicate.into()),
        ("vrpsFinal", vrps.contributed().into()),
        ("payload", payload(numbers)),
        ("validPublicationPoints", numbers.valid_points.into()),
        ("rejectedPublicationPoints", numbers.rejected_points.into()),
        ("validManifests", valid(Manifest)),
        ("invalidManifests", invalid(Manifest)),
        ("prematureManifests", numbers.premature_manifests.into()),
        ("staleManifests", numbers.stale_manifests.into()),
        ("missingManifests", numbers.missing_manifests.into()),
        ("validCRLs", valid(Crl)),
        ("invalidCRLs", invalid(Crl)),
        ("staleCRLs", numbers.stale_crls.into()),
        ("strayCRLs", 0.into()),
        ("validCACerts", valid(CaCertificate)),
        ("validEECerts", router_certs.into()),
        ("validRouterCerts", router_certs.into()),
        ("invalidCerts", invalid(CaCertificate)),
        ("validROAs", valid(Roa)),
        ("invalidROAs", invalid(Roa)),
        ("validGBRs", valid(Ghostbusters)),
        ("invalidASPAs", invalid(Aspa)),
        ("validASPAs", valid(Aspa)),
        ("invalidGBRs", invalid(Ghostbusters)),
        ("otherObjects", (numbers.valid(Other) + numbers.invalid(Other)).into()),
    ])
}

fn rsync(status: &RepositoryStatus) -> (String, Map<String, Value>) {
    let mut object = members([
        ("status", code(status).into()),
        ("duration", status.duration.map(seconds).into()),
    ]);
    add_error(&mut object, status);
    (status.id.to_string(), object)
}

fn rrdp(status: &RepositoryStatus) -> (String, Map<String, Value>) {
    let code = code(status);
    let mut object = members([
        ("status", code.into()),
        ("notifyStatus", code.into()),
        ("payloadStatus", code.into()),
        ("duration", status.duration.map(seconds).into()),
        ("serial", status.serial.into()),
        ("session", status.session.clone().into()),
        ("delta", Value::Null),
        ("snapshot_reason", Value::Null),
    ]);
    add_error(&mut object, status);
    (status.id.to_string(), object)
}

fn issue(level: &str, message: &str) -> Value {
    json!({ "level": level, "repository_level": level, "messages": message })
}

fn add_error(object: &mut Map<String, Value>, status: &RepositoryStatus) {
    if let Some(error) = &status.error {
        object.insert("issues".to_owned(), [issue("WARN", error)].into_iter().collect());
    }
}

/// Returns the findings by the manifest of their point; those of today are bounded by the world.
fn issues(world: &World) -> Value {
    let text = |finding: &Finding| {
        let level = match finding.reason.effect() {
            Effect::Warning => "INFO",
            _ => "WARN",
        };
        issue(level, &format!("{}: {}: {}", finding.object, finding.reason, finding.detail))
    };
    let points = world.points.iter().filter(|point| !point.findings.is_empty());
    let points = points.map(|point| {
        (point.manifest_uri.to_string(), point.findings.iter().map(text).collect::<Value>())
    });
    Value::Object(points.collect())
}
