//! JSON of our own endpoints: indented, for people read it, with one line end.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::state::{App, Served};
use crate::model::Timestamp;
use crate::output::answer::Text;
use crate::output::words;
use crate::world::Purpose;

/// A body in JSON.
pub(super) struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], pretty(&self.0)).into_response()
    }
}

/// Writes a value; ours have no keys that JSON lacks, so it does not fail.
pub(super) fn pretty(value: &impl Serialize) -> Vec<u8> {
    let mut body = serde_json::to_vec_pretty(value).unwrap_or_default();
    body.push(b'\n');
    body
}

/// Returns an answer whose body is JSON that is written already.
pub(super) fn written(body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    let content_type = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// Writes a time as text.
pub(super) fn time(time: Timestamp) -> String {
    time.to_string()
}

/// Which data an answer comes from; part of every answer of ours.
#[derive(Debug, Serialize)]
pub(super) struct WorldBody {
    id: u64,
    time: Text<Timestamp>,
    age_seconds: u64,
    /// Whether the world is older than the maximal age; an archive never is.
    older_than_max_age: bool,
    purpose: &'static str,
    /// Whether nothing of this is real.
    lab: bool,
}

impl WorldBody {
    pub fn of(app: &App, served: &Served) -> Self {
        let world = served.world();
        let age = app.now().since(world.time);
        WorldBody {
            id: world.id.0,
            time: Text(world.time),
            age_seconds: age.as_secs(),
            older_than_max_age: app.is_old(world),
            purpose: words::purpose(world.purpose),
            lab: world.purpose == Purpose::Lab,
        }
    }
}
