//! `/v1/openapi.json`: the description of this API for programs, as it is checked in.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// docs/openapi.json.
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// Answers `/v1/openapi.json`.
pub(crate) async fn openapi() -> Response {
    let content_type = "application/vnd.oai.openapi+json;version=3.1";
    ([(header::CONTENT_TYPE, content_type)], DOCUMENT).into_response()
}
