//! Every path that is answered, and what every answer has in common.

use std::any::Any;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

use super::problem::Problem;
use super::routinator::error::{json_error, text_error};
use super::routinator::{delta, status as routinator_status, validity};
use super::state::App;
use super::v1::{aspas, chain, changes, events, findings, many, openapi, router_keys};
use super::v1::{validity as answer, vrps};
use super::{guard, health, metrics, payload, repositories, status};
use crate::output::words;
use crate::world::Purpose;

/// Says on every answer, also on those whose body must be as Routinator's, what the data are for,
/// unless they are live.
const PURPOSE: HeaderName = HeaderName::from_static("provost-purpose");

/// Returns the service.
pub fn router(app: App) -> Router {
    let defect = {
        let app = app.clone();
        move |panic: Box<dyn Any + Send>| panicked(&app, panic.as_ref())
    };
    let payloads = payload::PATHS.into_iter().fold(Router::new(), |router, (path, format)| {
        let answer = move |app, uri, headers| payload::answer(app, uri, headers, format);
        router.route(path, get(answer))
    });
    let compressed = Router::new()
        // Routinator's.
        .route("/json-delta", get(delta::delta))
        .route("/status", get(routinator_status::text))
        .route("/api/v1/status", get(routinator_status::api))
        // Ours.
        .route("/metrics", get(metrics::metrics))
        .route("/v1/status", get(status::status))
        .route("/v1/trust-anchors", get(status::trust_anchors))
        .route("/v1/repositories", get(repositories::repositories))
        .route("/v1/findings", get(findings::findings))
        .route("/v1/vrps", get(vrps::vrps))
        .route("/v1/aspas", get(aspas::aspas))
        .route("/v1/router-keys", get(router_keys::router_keys))
        .route("/v1/chain", get(chain::chain))
        .route("/v1/worlds", get(changes::worlds))
        .route("/v1/changes", get(changes::changes))
        .route("/v1/openapi.json", get(openapi::openapi))
        .layer(compression());
    let lists = Router::new()
        .route("/validity", post(validity::by_list))
        .route("/v1/validity", post(many::many))
        .layer(compression());
    payloads
        .merge(compressed)
        .merge(lists)
        // Routinator's. Short answers are not worth compressing.
        .route("/api/v1/validity/", get(validity::by_path))
        .route("/api/v1/validity/{*rest}", get(validity::by_path))
        .route("/validity", get(validity::by_query))
        .route("/json-delta/notify", get(delta::notify))
        .route("/version", get(health::version))
        // Ours.
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/v1/validity", get(answer::by_query))
        .route("/v1/validity/{asn}/{*prefix}", get(answer::by_path))
        .route("/v1/events", get(events::events))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app.clone())
        .layer(CatchPanicLayer::custom(defect))
        .layer(middleware::from_fn_with_state(app, finish))
}

/// Compresses what is worth it, for those who take it. Nothing secret is ever beside what a
/// stranger chose, so the length tells nothing (THREATS J08).
fn compression() -> CompressionLayer<SizeAbove> {
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(SizeAbove::new(1024))
}

/// Tells whether a path belongs to the API of ours, whose errors are problems.
fn is_ours(path: &str) -> bool {
    path.starts_with("/v1/") || matches!(path, "/metrics" | "/health" | "/ready")
}

async fn not_found(uri: Uri) -> Response {
    if is_ours(uri.path()) {
        Problem::not_found().into_response()
    } else {
        text_error(StatusCode::NOT_FOUND, "resource not found")
    }
}

async fn method_not_allowed(uri: Uri) -> Response {
    let (path, text) = (uri.path(), "method not allowed");
    if is_ours(path) {
        Problem::method().into_response()
    } else if path.starts_with("/api/") {
        json_error(StatusCode::METHOD_NOT_ALLOWED, text)
    } else {
        text_error(StatusCode::METHOD_NOT_ALLOWED, text)
    }
}

/// Refuses strangers, and adds to every answer what all have.
async fn finish(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let (ours, guarded) = (is_ours(path), path.starts_with("/v1/"));
    let refusal = guarded.then(|| guard::refusal(&app.names, request.uri(), request.headers()));
    let mut response = match refusal.flatten() {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    complete(&app, ours, &mut response);
    response
}

/// Says that a request met a defect of the program.
pub(super) fn panicked(app: &App, panic: &(dyn Any + Send)) -> Response {
    app.counters.panic();
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text, "a request met a defect of the program");
    Problem::internal().into_response()
}

/// Adds what every answer has, and counts it.
pub(super) fn complete(app: &App, ours: bool, response: &mut Response) {
    app.counters.answer(response.status().as_u16());
    let no_data = response.status() == StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    let mut add = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    // Nothing here is a page: whatever a browser finds in it, it must not run it (THREATS J09).
    add(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    add(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    add(header::REFERRER_POLICY, "no-referrer");
    add(header::CACHE_CONTROL, "no-cache");
    if !ours {
        add(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    }
    if no_data {
        add(header::RETRY_AFTER, "10");
    }
    if let Some(purpose) = app.purpose().filter(|purpose| *purpose != Purpose::Live) {
        add(PURPOSE, words::purpose(purpose));
    }
}
