//! `POST /v1/validity`: many routes, as a JSON list or as a table in text.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::table;
use crate::http::body::{self, Unread};
use crate::http::chunks;
use crate::http::json::WorldBody;
use crate::http::limits::MAX_QUESTIONS_BYTES;
use crate::http::problem::Problem;
use crate::http::query::Parameters;
use crate::http::question::Question;
use crate::http::state::{App, Served};
use crate::model::{Origin, Route};
use crate::output::answer_line;
use crate::world::Answer;

/// Answers `POST /v1/validity`.
pub(crate) async fn many(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    Parameters::read(request.uri(), &[])?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        list(app, request).await
    } else if kind.eq_ignore_ascii_case("text/plain") || kind.eq_ignore_ascii_case("text/csv") {
        table::table(app, request).await
    } else {
        Err(Problem::media_type())
    }
}

/// Says why a body was not read.
pub(super) fn unread(why: Unread, limit: usize) -> Problem {
    match why {
        Unread::TooLong => Problem::too_large(format!("the body is longer than {limit} bytes")),
        Unread::TooLate => Problem::too_slow(),
        Unread::Broken => Problem::body("the body ends too early"),
    }
}

/// The body of a list of questions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Questions {
    routes: Vec<Question>,
}

async fn list(app: App, request: Request) -> Result<Response, Problem> {
    let served = app.answering().ok_or_else(Problem::no_data)?;
    let body = body::read(request.into_body(), MAX_QUESTIONS_BYTES, app.times.body).await;
    let body = body.map_err(|why| unread(why, MAX_QUESTIONS_BYTES))?;
    let Questions { routes } = serde_json::from_slice(&body).map_err(|error| {
        Problem::body(error.to_string())
            .hint("write {\"routes\": [{\"prefix\": \"192.0.2.0/24\", \"asn\": 64500}]}")
    })?;
    let world = serde_json::to_string(&WorldBody::of(&app, &served)).unwrap_or_default();
    let mut routes = routes.into_iter();
    let mut before = format!("{{\"world\": {world}, \"answers\": [\n");
    let body = chunks::body(move |out| {
        let Some(Question { prefix, asn }) = routes.next() else {
            out.push_str(before.trim_start_matches(','));
            out.push_str("]}\n");
            return ControlFlow::Break(());
        };
        out.push_str(&before);
        ",\n".clone_into(&mut before);
        push_answer(out, &app, &served, Route { prefix, origin: Origin::As(asn) });
        ControlFlow::Continue(())
    });
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Writes the answer about one route in one line, without its end.
pub(super) fn push_answer(
    out: &mut String,
    app: &App,
    served: &Arc<Served>,
    route: Route,
) -> Answer {
    let answer = served.view().answer(route, app.now(), app.max_age);
    answer_line::push_answer(out, served.view(), &answer);
    answer
}
