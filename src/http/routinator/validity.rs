//! `/api/v1/validity/ASN/PREFIX` and `/validity`, to the byte as Routinator has them.
//!
//! One thing differs on purpose: AS0 is never valid (RFC 6811, section 2).

use std::fmt::{Display, Write};
use std::ops::ControlFlow;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::error::{NO_DATA, json_error};
use crate::http::body::{self, Unread};
use crate::http::chunks;
use crate::http::json;
use crate::http::limits::MAX_LIST_BYTES;
use crate::http::query;
use crate::http::question::Question;
use crate::http::state::{App, Served};
use crate::model::{Asn, Origin, Prefix, Route, Vrp};
use crate::origin::{CoveringVrp, Fit, Verdict};

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
        match key.as_ref() {
            "asn" => asn = Some(value.as_ref()),
            "prefix" => prefix = Some(value.as_ref()),
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
        if let Some(Question { prefix, asn }) = routes.next() {
            out.push_str(before);
            out.push_str("    ");
            push_route(out, "    ", &served, asn, prefix);
            before = ",\n";
            return ControlFlow::Continue(());
        }
        out.push_str(before.trim_start_matches(",\n"));
        out.push_str("\n  ]");
        push_end(out, &served);
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
    body.push_str("{\n  \"validated_route\": ");
    push_route(&mut body, "  ", &served, asn, prefix);
    push_end(&mut body, &served);
    json::written(body)
}

/// Writes the end of a whole answer.
fn push_end(out: &mut String, served: &Served) {
    // Writing to a string does not fail.
    let _ = write!(out, ",\n  \"generatedTime\": \"{}\"\n}}\n", served.world().time);
}

/// Writes what is known about one route; the layout is Routinator's, empty lists with their line
/// end included.
fn push_route(out: &mut String, indent: &str, served: &Served, asn: Asn, prefix: Prefix) {
    let view = served.view();
    let route = Route { prefix, origin: Origin::As(asn) };
    let Verdict { covering, .. } = Verdict::of(view.index(), view.vrps(), route);
    let (state, reason, description) = state(&covering);
    // Part by part and not as formats: this is asked for often (docs/performance.md).
    let mut lines = Lines { out, indent };
    lines.push("{\n", "  \"route\": {\n");
    lines.push_value("    \"origin_asn\": \"", asn, "\",\n");
    lines.push_value("    \"prefix\": \"", prefix, "\"\n");
    lines.push("", "  },\n");
    lines.push("", "  \"validity\": {\n");
    lines.push_value("    \"state\": \"", state, "\",\n");
    if let Some(reason) = reason {
        lines.push_value("    \"reason\": \"", reason, "\",\n");
    }
    lines.push_value("    \"description\": \"", description, "\",\n");
    lines.push("", "    \"VRPs\": {\n");
    let mut before = "";
    for (list, name) in LISTS {
        lines.push(before, name);
        let vrps = covering.iter().filter(|covering| List::of(covering.fit) == list);
        lines.push_vrps(vrps.map(|covering| covering.vrp));
        before = ",\n";
    }
    lines.push("\n", "    }\n");
    lines.push("", "  }\n");
    lines.push("", "}");
}

/// Writes lines with an indent.
struct Lines<'a> {
    out: &'a mut String,
    indent: &'a str,
}

impl Lines<'_> {
    /// Writes what is before the indent and what is behind it.
    fn push(&mut self, before: &str, text: &str) {
        self.out.push_str(before);
        self.out.push_str(self.indent);
        self.out.push_str(text);
    }

    /// Writes a line with a value in it.
    fn push_value(&mut self, before: &str, value: impl Display, behind: &str) {
        self.push("", before);
        // Writing to a string does not fail.
        let _ = write!(self.out, "{value}");
        self.out.push_str(behind);
    }

    fn push_vrps(&mut self, vrps: impl Iterator<Item = Vrp>) {
        let mut before = "\n";
        for vrp in vrps {
            self.push(before, "        {\n");
            self.push_value("          \"asn\": \"", vrp.asn, "\",\n");
            self.push_value("          \"prefix\": \"", vrp.prefix, "\",\n");
            self.push_value("          \"max_length\": \"", vrp.max_length, "\"\n");
            self.push("", "        }");
            before = ",\n";
        }
        self.push("\n", "      ]");
    }
}

/// How Routinator sorts the covering VRPs: too long comes before another AS.
#[derive(Clone, Copy, Eq, PartialEq)]
enum List {
    Matched,
    UnmatchedAs,
    UnmatchedLength,
}

/// The lists in their order, each with the beginning of its line.
const LISTS: [(List, &str); 3] = [
    (List::Matched, "      \"matched\": ["),
    (List::UnmatchedAs, "      \"unmatched_as\": ["),
    (List::UnmatchedLength, "      \"unmatched_length\": ["),
];

impl List {
    fn of(fit: Fit) -> List {
        match fit {
            Fit::Matched => List::Matched,
            Fit::WrongOrigin => List::UnmatchedAs,
            Fit::TooLong | Fit::Both => List::UnmatchedLength,
        }
    }
}

/// Returns state, reason and description.
fn state(covering: &[CoveringVrp]) -> (&'static str, Option<&'static str>, &'static str) {
    let has = |list| covering.iter().any(|covering| List::of(covering.fit) == list);
    if has(List::Matched) {
        ("valid", None, "At least one VRP Matches the Route Prefix")
    } else if has(List::UnmatchedAs) {
        (
            "invalid",
            Some("as"),
            "At least one VRP Covers the Route Prefix, but no VRP ASN matches the route origin \
             ASN",
        )
    } else if has(List::UnmatchedLength) {
        (
            "invalid",
            Some("length"),
            "At least one VRP Covers the Route Prefix, but the Route Prefix length is greater \
             than the maximum length allowed by VRP(s) matching this route origin ASN",
        )
    } else {
        ("not-found", None, "No VRP Covers the Route Prefix")
    }
}
