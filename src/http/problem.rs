//! What our own endpoints say when they cannot answer: RFC 9457, with stable types.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::json::pretty;

/// A problem (RFC 9457).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Problem {
    fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Problem { kind, title, status: status.as_u16(), detail: detail.into(), hint: None }
    }

    /// A parameter is missing, unknown, given twice or unreadable.
    pub fn parameter(detail: impl Into<String>) -> Self {
        let title = "A parameter is wrong";
        Problem::new(StatusCode::BAD_REQUEST, "urn:provost:problem:parameter", title, detail)
    }

    /// A text is no prefix.
    pub fn prefix(detail: impl Into<String>) -> Self {
        let title = "The prefix cannot be read";
        Problem::new(StatusCode::BAD_REQUEST, "urn:provost:problem:prefix", title, detail)
    }

    /// A text is no AS number.
    pub fn asn(detail: impl Into<String>) -> Self {
        let title = "The AS number cannot be read";
        Problem::new(StatusCode::BAD_REQUEST, "urn:provost:problem:asn", title, detail)
    }

    /// There is no world yet.
    pub fn no_data() -> Self {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "urn:provost:problem:no-data",
            "There are no validated data yet",
            "the first validation has not ended, or it found no valid trust anchor",
        )
        .hint("/v1/status says which trust anchors there are; else wait for the first sync")
    }

    /// No source was brought up to date for so long that routers get nothing any more.
    pub fn too_old() -> Self {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "urn:provost:problem:too-old",
            "The data are too old",
            "no source was found or brought up to date within --rtr-max-age, so routers get none",
        )
        .hint("/v1/status says which repositories fail; see whether the worker runs")
    }

    /// The path leads nowhere.
    pub fn not_found() -> Self {
        let title = "There is nothing at this path";
        let detail = "this version of the API has no such resource";
        Problem::new(StatusCode::NOT_FOUND, "urn:provost:problem:not-found", title, detail)
    }

    /// The method is none that the resource has.
    pub fn method() -> Self {
        Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "urn:provost:problem:method",
            "The resource does not have this method",
            "only GET and HEAD are answered here",
        )
    }

    /// A bug.
    pub fn internal() -> Self {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "urn:provost:problem:internal",
            "The server failed",
            "a defect in the program; the log says where",
        )
    }

    /// Adds the next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let content_type = HeaderValue::from_static("application/problem+json");
        (status, [(header::CONTENT_TYPE, content_type)], pretty(&self)).into_response()
    }
}
