//! `/v1/validity`: our own answer, with the reason, the proof and how far it can be trusted.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;

use crate::http::json::{self, WorldBody};
use crate::http::problem::Problem;
use crate::http::query::{self, Parameters};
use crate::http::state::App;
use crate::model::{Origin, Route};
use crate::output::answer_line::push_members;

/// Answers `/v1/validity?prefix=&asn=`.
pub(crate) async fn by_query(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    answer_query(&app, &uri)
}

/// Answers a question in the query of an address.
pub(crate) fn answer_query(app: &App, uri: &Uri) -> Result<Response, Problem> {
    let parameters = Parameters::read(uri, &["prefix", "asn"])?;
    answer(app, parameters.required("prefix")?, parameters.required("asn")?)
}

/// Answers `/v1/validity/{asn}/{*prefix}`.
pub(crate) async fn by_path(
    State(app): State<App>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let Ok(Path((asn, prefix))) = path else {
        return Err(Problem::parameter("the path is no UTF-8"));
    };
    answer(&app, &prefix, &asn)
}

/// Answers a question.
pub(crate) fn answer(app: &App, prefix: &str, asn: &str) -> Result<Response, Problem> {
    let (prefix, asn) = (query::prefix(prefix)?, query::asn(asn)?);
    let served = app.answering().ok_or_else(Problem::no_data)?;
    let route = Route { prefix, origin: Origin::As(asn) };
    let answer = served.view().answer(route, app.now(), app.max_age);
    let mut body = String::with_capacity(2048);
    push_members(&mut body, served.view(), &answer);
    body.push_str(",\"world\":");
    body.push_str(&serde_json::to_string(&WorldBody::of(app, &served)).unwrap_or_default());
    body.push_str("}\n");
    Ok(json::written(body))
}
