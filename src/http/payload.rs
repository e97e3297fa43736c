//! `/csv`, `/json` and `/jsonext`: the whole payload, written once and shared, with conditional requests.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

use super::routinator::{NO_DATA, text_error};
use super::state::{App, Payload, Served};
use crate::model::Timestamp;
use crate::output::Format;

/// Answers `/csv`.
pub(super) async fn csv(state: State<App>, uri: Uri, headers: HeaderMap) -> Response {
    answer(state, &uri, &headers, Format::Csv).await
}

/// Answers `/json`.
pub(super) async fn json(state: State<App>, uri: Uri, headers: HeaderMap) -> Response {
    answer(state, &uri, &headers, Format::Json).await
}

/// Answers `/jsonext`.
pub(super) async fn jsonext(state: State<App>, uri: Uri, headers: HeaderMap) -> Response {
    answer(state, &uri, &headers, Format::JsonExt).await
}

async fn answer(
    State(app): State<App>,
    uri: &Uri,
    headers: &HeaderMap,
    format: Format,
) -> Response {
    let Some(served) = app.answering() else {
        return text_error(StatusCode::SERVICE_UNAVAILABLE, NO_DATA);
    };
    // A selection that is not understood must not be answered with everything.
    if uri.query().is_some_and(|query| !query.is_empty()) {
        return text_error(StatusCode::BAD_REQUEST, "invalid query");
    }
    let Some(payload) = written(&served, format).await else {
        return text_error(StatusCode::INTERNAL_SERVER_ERROR, "internal server error");
    };
    let validators =
        [(header::ETAG, payload.etag.clone()), (header::LAST_MODIFIED, http_date(served.made()))];
    if is_unchanged(headers, &payload.etag, served.made()) {
        return (StatusCode::NOT_MODIFIED, validators).into_response();
    }
    let content_type = [(header::CONTENT_TYPE, format.content_type())];
    (validators, content_type, payload.body).into_response()
}

/// Returns the payload; whoever comes first has it written, on a thread that may block.
async fn written(served: &Arc<Served>, format: Format) -> Option<Payload> {
    if let Some(payload) = served.written(format) {
        return Some(payload.clone());
    }
    let served = Arc::clone(served);
    tokio::task::spawn_blocking(move || served.write(format).clone()).await.ok()
}

/// Tells whether the client has this payload (RFC 9110, section 13.2.2: the tag wins).
fn is_unchanged(headers: &HeaderMap, etag: &str, made: Timestamp) -> bool {
    let tags = headers.get_all(header::IF_NONE_MATCH);
    if tags.iter().next().is_some() {
        let tags = tags.iter().filter_map(|value| value.to_str().ok());
        let mut tags = tags.flat_map(|value| value.split(',')).map(str::trim);
        return tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag);
    }
    let since = headers.get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    let since = since.and_then(|value| DateTime::parse_from_rfc2822(value).ok());
    since.is_some_and(|since| made.0 <= since.timestamp())
}

fn http_date(time: Timestamp) -> String {
    let time = DateTime::<Utc>::from_timestamp(time.0, 0).unwrap_or_default();
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
