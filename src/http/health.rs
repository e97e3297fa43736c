//! `/health`, `/ready` and `/version`: is the process up, has it data, which program is it.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::json::{Json, WorldBody};
use super::problem::Problem;
use super::state::App;

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// Answers `/health`: that it answers is the answer.
pub(super) async fn health() -> Response {
    Json(Health { status: "up" }).into_response()
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    max_age_seconds: u64,
    world: WorldBody,
}

/// Answers `/ready`: a world is loaded that is not too old for routers, and how old it is.
pub(super) async fn ready(State(app): State<App>) -> Result<Json<impl Serialize>, Problem> {
    let served = app.answering().ok_or_else(Problem::no_data)?;
    if app.is_too_old_for_routers(&served) {
        return Err(Problem::too_old());
    }
    Ok(Json(Ready {
        ready: true,
        max_age_seconds: app.max_age.as_secs(),
        world: WorldBody::of(&app, &served),
    }))
}

/// Answers `/version`.
pub(super) async fn version() -> Response {
    let content_type = [(header::CONTENT_TYPE, "text/plain;charset=utf-8")];
    (StatusCode::OK, content_type, env!("CARGO_PKG_VERSION")).into_response()
}
