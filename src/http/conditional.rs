//! Answers that a client may have already: entity tags (RFC 9110, sections 8.8.3 and 13.1.2).

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::json::Json;
use super::problem::Problem;
use super::state::{App, Served};

/// Answers with `body`, unless the client has what follows from the same data already.
///
/// The tag is weak: the age of the data, which every answer names, is not part of it, but whether
/// they are too old is. The address names the rest of the question.
pub(super) fn answer<T: Serialize>(
    app: &App,
    served: &Served,
    headers: &HeaderMap,
    body: impl FnOnce() -> Result<T, Problem>,
) -> Result<Response, Problem> {
    let tag = tag(app, served);
    let headers = if has_tag(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    } else {
        [(header::ETAG, tag)]
    };
    Ok((headers, Json(body()?)).into_response())
}

fn tag(app: &App, served: &Served) -> String {
    let is_old = u8::from(app.is_old(served.world()));
    let history = served.history();
    format!("W/\"{:x}-{}-{is_old}\"", history.session, history.views)
}

/// Tells whether a condition names `etag`; weak comparison, so only the text within quotes counts.
pub(super) fn has_tag(headers: &HeaderMap, etag: &str) -> bool {
    let strong = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let wanted = strong(etag);
    let tags = headers.get_all(header::IF_NONE_MATCH).into_iter();
    let mut tags = tags.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    tags.any(|tag| tag.trim() == "*" || strong(tag.trim()) == wanted)
}
