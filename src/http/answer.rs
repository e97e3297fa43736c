//! `/v1/validity`: our own answer, with the reason, the proof and how far it can be trusted.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::json::{Json, WorldBody};
use super::problem::Problem;
use super::query::Parameters;
use super::state::App;
use crate::model::{Asn, Origin, Prefix, PrefixError, Route};
use crate::output::answer::AnswerBody;

/// Answers `/v1/validity?prefix=&asn=`.
pub(super) async fn by_query(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let parameters = Parameters::read(&uri, &["prefix", "asn"])?;
    answer(&app, parameters.required("prefix")?, parameters.required("asn")?)
}

/// Answers `/v1/validity/{asn}/{*prefix}`.
pub(super) async fn by_path(
    State(app): State<App>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let Ok(Path((asn, prefix))) = path else {
        return Err(Problem::parameter("the path is no UTF-8"));
    };
    answer(&app, &prefix, &asn)
}

fn answer(app: &App, prefix: &str, asn: &str) -> Result<Response, Problem> {
    let prefix = read_prefix(prefix)?;
    let asn: Asn = asn.parse().map_err(|error: crate::model::AsnError| {
        Problem::asn(error.to_string()).hint("write it as AS64500 or 64500")
    })?;
    let served = app.answering().ok_or_else(Problem::no_data)?;
    let route = Route { prefix, origin: Origin::As(asn) };
    let answer = served.view().answer(route, app.now(), app.max_age);
    let answer = AnswerBody::new(served.view(), &answer);
    Ok(Json(Body { answer, world: WorldBody::of(app, &served) }).into_response())
}

fn read_prefix(text: &str) -> Result<Prefix, Problem> {
    text.parse().map_err(|error: PrefixError| {
        let problem = Problem::prefix(error.to_string());
        match (error, Prefix::from_str_truncating(text)) {
            (PrefixError::HostBits, Ok(cleared)) => problem.hint(format!("meant: {cleared}?")),
            _ => problem.hint("write it as 192.0.2.0/24 or 2001:db8::/32"),
        }
    })
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    answer: AnswerBody<'a>,
    world: WorldBody,
}
