//! `/api/v1/validity/ASN/PREFIX` and `/validity`, to the byte as Routinator has them.
//!
//! One thing differs on purpose: AS0 is never valid (RFC 6811, section 2).

use std::fmt::{self, Write};
use std::ops::ControlFlow;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::error::{NO_DATA, json_error};
use crate::http::body::{self, Unread};
use crate::http::chunks;
use crate::http::limits::MAX_LIST_BYTES;
use crate::http::query;
use crate::http::question::Question;
use crate::http::state::{App, Served};
use crate::model::{Asn, Origin, Prefix, Route, Vrp};
use crate::origin::{Fit, Verdict};

/// Answers `/api/v1/validity/{*rest}`.
pub(crate) async fn by_path(
    State(app): State<App>,
    rest: Result<Path<String>, PathRejection>,
) -> Response {
    // A path that is no UTF-8 is no prefix either.
    let rest = rest.map(|Path(rest)| rest).unwrap_or_default();
    answer(
        &app,
        match rest.split_once('/') {
            Some((asn, prefix)) => Ok((asn, prefix)),
            None => Err("missing prefix in path".to_owned()),
        },
    )
}

/// Answers `/validity`.
pub(crate) async fn by_query(State(app): State<App>, uri: Uri) -> Response {
    let (mut asn, mut prefix) = (None, None);
    let pairs = query::pairs(&uri);
    let mut wrong = uri.query().is_none().then(|| "missing query arguments".to_owned());
    for (key, value) in &pairs {
        match key.as_str() {
            "asn" => asn = Some(value.as_str()),
            "prefix" => prefix = Some(value.as_str()),
            _ => {
                wrong.get_or_insert_with(|| format!("unexpected argument '{key}' in query"));
            }
        }
    }
    answer(
        &app,
        match (wrong, asn, prefix) {
            (Some(wrong), _, _) => Err(wrong),
            (None, None, _) => Err("missing 'asn' argument in query".to_owned()),
            (None, _, None) => Err("missing 'prefix' argument in query".to_owned()),
            (None, Some(asn), Some(prefix)) => Ok((asn, prefix)),
        },
    )
}

/// Answers `POST /validity`: many routes, each as for one.
pub(crate) async fn by_list(State(app): State<App>, request: Request) -> Response {
    let Some(served) = app.answering() else {
        return json_error(StatusCode::SERVICE_UNAVAILABLE, NO_DATA);
    };
    let content_type = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let wrong = match content_type {
        None => Some("missing content-type header"),
        Some(text) if text.eq_ignore_ascii_case(b"application/json") => None,
        Some(_) => Some("wrong content-type header"),
    };
    if let Some(wrong) = wrong {
        return json_error(StatusCode::UNSUPPORTED_MEDIA_TYPE, wrong);
    }
    let body = match body::read(request.into_body(), MAX_LIST_BYTES, app.times.body).await {
        Ok(body) => body,
        Err(Unread::TooLate) => {
            return json_error(StatusCode::REQUEST_TIMEOUT, "body missing");
        }
        Err(Unread::TooLong | Unread::Broken) => {
            return json_error(StatusCode::BAD_REQUEST, "body missing");
        }
    };
    let Ok(Questions { routes }) = serde_json::from_slice(&body) else {
        return json_error(StatusCode::BAD_REQUEST, "could not decode JSON");
    };
    let (mut routes, mut before) = (routes.into_iter(), "{\n  \"validated_routes\": [\n");
    let body = chunks::body(move |out| {
        // Writing to a string does not fail.
        if let Some(Question { prefix, asn }) = routes.next() {
            let _ = write!(out, "{before}    ");
            let _ = write_route(out, "    ", &served, asn, prefix);
            before = ",\n";
            return ControlFlow::Continue(());
        }
        let before = before.trim_start_matches(",\n");
        let time = served.world().time;
        let _ = write!(out, "{before}\n  ],\n  \"generatedTime\": \"{time}\"\n}}\n");
        ControlFlow::Break(())
    });
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The body of a list of questions; members that are not known are ignored, as Routinator does.
#[derive(Deserialize)]
struct Questions {
    routes: Vec<Question>,
}

/// Answers a question, or says what is wrong with it.
pub(crate) fn answer(app: &App, question: Result<(&str, &str), String>) -> Response {
    let Some(served) = app.answering() else {
        return json_error(StatusCode::SERVICE_UNAVAILABLE, NO_DATA);
    };
    let bad = |text: &str| json_error(StatusCode::BAD_REQUEST, text);
    let (asn, prefix) = match question {
        Ok(question) => question,
        Err(text) => return bad(&text),
    };
    let Ok(asn) = asn.parse::<Asn>() else { return bad("invalid ASN") };
    let Ok(prefix) = Prefix::from_str_truncating(prefix) else { return bad("invalid prefix") };
    let mut body = String::with_capacity(1024);
    // Writing to a string does not fail.
    let _ = write_answer(&mut body, &served, asn, prefix);
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Writes the answer; the layout is Routinator's, empty lists with their line end included.
fn write_answer(out: &mut String, served: &Served, asn: Asn, prefix: Prefix) -> fmt::Result {
    out.push_str("{\n  \"validated_route\": ");
    write_route(out, "  ", served, asn, prefix)?;
    write!(out, ",\n  \"generatedTime\": \"{}\"\n}}\n", served.world().time)
}

/// Writes what is known about one route.
fn write_route(
    out: &mut String,
    indent: &str,
    served: &Served,
    asn: Asn,
    prefix: Prefix,
) -> fmt::Result {
    let view = served.view();
    let route = Route { prefix, origin: Origin::As(asn) };
    let lists = Lists::of(&Verdict::of(view.index(), view.vrps(), route));
    let (state, reason, description) = lists.state();
    writeln!(out, "{{\n{indent}  \"route\": {{\n{indent}    \"origin_asn\": \"{asn}\",")?;
    writeln!(out, "{indent}    \"prefix\": \"{prefix}\"\n{indent}  }},")?;
    writeln!(out, "{indent}  \"validity\": {{\n{indent}    \"state\": \"{state}\",")?;
    if let Some(reason) = reason {
        writeln!(out, "{indent}    \"reason\": \"{reason}\",")?;
    }
    writeln!(out, "{indent}    \"description\": \"{description}\",")?;
    writeln!(out, "{indent}    \"VRPs\": {{")?;
    write_list(out, indent, "matched", &lists.matched)?;
    out.push_str(",\n");
    write_list(out, indent, "unmatched_as", &lists.unmatched_as)?;
    out.push_str(",\n");
    write_list(out, indent, "unmatched_length", &lists.unmatched_length)?;
    write!(out, "\n{indent}    }}\n{indent}  }}\n{indent}}}")
}

fn write_list(out: &mut String, indent: &str, name: &str, vrps: &[Vrp]) -> fmt::Result {
    write!(out, "{indent}      \"{name}\": [")?;
    let mut delimiter = "";
    for vrp in vrps {
        write!(
            out,
            "{delimiter}\n{indent}        {{\n{indent}          \"asn\": \"{}\",",
            vrp.asn
        )?;
        write!(out, "\n{indent}          \"prefix\": \"{}\",", vrp.prefix)?;
        write!(out, "\n{indent}          \"max_length\": \"{}\"", vrp.max_length)?;
        write!(out, "\n{indent}        }}")?;
        delimiter = ",";
    }
    write!(out, "\n{indent}      ]")
}

/// The covering VRPs as Routinator sorts them: too long comes before another AS.
#[derive(Default)]
struct Lists {
    matched: Vec<Vrp>,
    unmatched_as: Vec<Vrp>,
    unmatched_length: Vec<Vrp>,
}

impl Lists {
    fn of(verdict: &Verdict) -> Self {
        let mut lists = Lists::default();
        for covering in &verdict.covering {
            match covering.fit {
                Fit::Matched => lists.matched.push(covering.vrp),
                Fit::WrongOrigin => lists.unmatched_as.push(covering.vrp),
                Fit::TooLong | Fit::Both => lists.unmatched_length.push(covering.vrp),
            }
        }
        lists
    }

    /// Returns state, reason and description.
    fn state(&self) -> (&'static str, Option<&'static str>, &'static str) {
        if !self.matched.is_empty() {
            ("valid", None, "At least one VRP Matches the Route Prefix")
        } else if !self.unmatched_as.is_empty() {
            (
                "invalid",
                Some("as"),
                "At least one VRP Covers the Route Prefix, but no VRP ASN matches the route \
                 origin ASN",
            )
        } else if !self.unmatched_length.is_empty() {
            (
                "invalid",
                Some("length"),
                "At least one VRP Covers the Route Prefix, but the Route Prefix length is \
                 greater than the maximum length allowed by VRP(s) matching this route origin ASN",
            )
        } else {
            ("not-found", None, "No VRP Covers the Route Prefix")
        }
    }
}
