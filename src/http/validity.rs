//! `/api/v1/validity/ASN/PREFIX` and `/validity?asn=&prefix=`, to the byte as Routinator has them.
//!
//! One thing differs on purpose: AS0 is never valid (RFC 6811, section 2).

use std::fmt::{self, Write};

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::query;
use super::routinator::{NO_DATA, json_error};
use super::state::{App, Served};
use crate::model::{Asn, Origin, Prefix, Route, Vrp};
use crate::origin::{Fit, Verdict};

/// Answers `/api/v1/validity/{*rest}`.
pub(super) async fn by_path(
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
pub(super) async fn by_query(State(app): State<App>, uri: Uri) -> Response {
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

fn answer(app: &App, question: Result<(&str, &str), String>) -> Response {
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
    let body = body(&served, asn, prefix).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Writes the answer; the layout is Routinator's, empty lists with their line end included.
fn body(served: &Served, asn: Asn, prefix: Prefix) -> Result<String, fmt::Error> {
    let view = served.view();
    let route = Route { prefix, origin: Origin::As(asn) };
    let lists = Lists::of(&Verdict::of(view.index(), view.vrps(), route));
    let (state, reason, description) = lists.state();
    let mut out = String::with_capacity(1024);
    writeln!(out, "{{\n  \"validated_route\": {{\n    \"route\": {{")?;
    writeln!(out, "      \"origin_asn\": \"{asn}\",\n      \"prefix\": \"{prefix}\"\n    }},")?;
    writeln!(out, "    \"validity\": {{\n      \"state\": \"{state}\",")?;
    if let Some(reason) = reason {
        writeln!(out, "      \"reason\": \"{reason}\",")?;
    }
    writeln!(out, "      \"description\": \"{description}\",\n      \"VRPs\": {{")?;
    write_list(&mut out, "matched", &lists.matched)?;
    writeln!(out, ",")?;
    write_list(&mut out, "unmatched_as", &lists.unmatched_as)?;
    writeln!(out, ",")?;
    write_list(&mut out, "unmatched_length", &lists.unmatched_length)?;
    writeln!(out, "\n      }}\n    }}\n  }},")?;
    writeln!(out, "  \"generatedTime\": \"{}\"\n}}", served.world().time)?;
    Ok(out)
}

fn write_list(out: &mut String, name: &str, vrps: &[Vrp]) -> fmt::Result {
    write!(out, "        \"{name}\": [")?;
    let mut delimiter = "";
    for vrp in vrps {
        write!(out, "{delimiter}\n          {{\n            \"asn\": \"{}\",", vrp.asn)?;
        write!(out, "\n            \"prefix\": \"{}\",", vrp.prefix)?;
        write!(out, "\n            \"max_length\": \"{}\"\n          }}", vrp.max_length)?;
        delimiter = ",";
    }
    write!(out, "\n        ]")
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
