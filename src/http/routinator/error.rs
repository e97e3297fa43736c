//! Routinator's two shapes of an error, and its texts: clients compare them.

use std::fmt::Display;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Answers with the error of Routinator's JSON endpoints.
///
/// `message` may hold what the client sent: it is escaped.
pub(crate) fn json_error(status: StatusCode, message: impl Display) -> Response {
    let message = serde_json::Value::from(message.to_string());
    let body = format!("{{\n   \"error\": {message}\n}}");
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Answers with the error of Routinator's other endpoints.
pub(crate) fn text_error(status: StatusCode, message: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain;charset=utf-8")], message).into_response()
}

/// What Routinator says before the end of its first validation.
pub(crate) const NO_DATA: &str = "Initial validation ongoing. Please wait.";

/// What is said, with 503, when [`MAX_WAITING`](crate::http::limits::MAX_WAITING) wait already.
pub(crate) const TOO_MANY: &str = "too many clients wait for changes";

/// What is said, with 503, when the answers that other clients read slowly fill the memory.
pub(crate) const BUSY: &str = "too many large answers are being read";
