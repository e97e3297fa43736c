//! `/v1/repositories`: how fetching each repository goes.

use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;

use super::json::{Json, WorldBody, time};
use super::problem::Problem;
use super::query::Parameters;
use super::state::App;
use crate::model::{RepositoryId, Timestamp};
use crate::output::words;
use crate::world::RepositoryStatus;

/// Answers `/v1/repositories?state=&uri=`.
pub(super) async fn repositories(
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<impl Serialize>, Problem> {
    let parameters = Parameters::read(&uri, &["state", "uri"])?;
    let states = words::REPOSITORY_STATES.map(words::repository_state);
    let state = parameters.get("state");
    if state.is_some_and(|state| !states.contains(&state)) {
        let problem = Problem::parameter("parameter state is none that a repository can have");
        return Err(problem.hint(format!("there are {}", states.join(", "))));
    }
    let served = app.current().ok_or_else(Problem::no_data)?;
    let found = served.world().repositories.iter().filter(|status| {
        state.is_none_or(|state| words::repository_state(status.state) == state)
            && parameters.get("uri").is_none_or(|uri| status.id.as_str() == uri)
    });
    Ok(Json(Repositories {
        world: WorldBody::of(&app, &served),
        repositories: found.map(|status| RepositoryBody::of(status, app.now())).collect(),
    }))
}

#[derive(Serialize)]
struct Repositories {
    world: WorldBody,
    repositories: Vec<RepositoryBody>,
}

/// A repository in JSON.
#[derive(Clone, Debug, Serialize)]
pub struct RepositoryBody {
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
    /// Describes a repository at `now`.
    pub fn of(status: &RepositoryStatus, now: Timestamp) -> Self {
        RepositoryBody {
            uri: status.id.to_string(),
            transport: transport(&status.id),
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

/// Returns the word for how a repository is fetched.
pub fn transport(id: &RepositoryId) -> &'static str {
    match id {
        RepositoryId::Rrdp(_) => "rrdp",
        RepositoryId::Rsync(_) => "rsync",
    }
}
