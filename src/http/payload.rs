//! The payload in every format of Routinator, whole or selected, with conditional requests.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

use super::chunks::{self, Coding};
use super::conditional::has_tag;
use super::query::pairs;
use super::routinator::error::{BUSY, NO_DATA, text_error};
use super::state::{App, Place, Served};
use crate::model::Timestamp;
use crate::output::{Format, Selection, Text};

/// The paths of the payload, with their formats, as Routinator has them.
pub(super) const PATHS: [(&str, Format); 13] = [
    ("/csv", Format::Csv),
    ("/csvcompat", Format::CsvCompat),
    ("/csvext", Format::CsvExt),
    ("/json", Format::Json),
    ("/api/v1/origins/", Format::Json),
    ("/jsonext", Format::JsonExt),
    ("/slurm", Format::Slurm),
    ("/slurm2", Format::Slurm2),
    ("/openbgpd", Format::OpenBgpd),
    ("/bird1", Format::Bird1),
    ("/bird2", Format::Bird2),
    ("/rpsl", Format::Rpsl),
    ("/summary", Format::Summary),
];

/// Answers with the payload in `format`.
pub(super) async fn answer(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    format: Format,
) -> Response {
    let Some(served) = app.answering() else {
        return text_error(StatusCode::SERVICE_UNAVAILABLE, NO_DATA);
    };
    // A selection that is not understood must not be answered with everything.
    let Some(selection) = selection(&uri) else {
        return text_error(StatusCode::BAD_REQUEST, "invalid query");
    };
    let coding = coding(&headers);
    let Some(place) = app.place(&served) else {
        return text_error(StatusCode::SERVICE_UNAVAILABLE, BUSY);
    };
    // A selection may go through much before it finds anything.
    let begin = tokio::task::spawn_blocking(move || {
        begin(served, place, format, selection, coding, &headers)
    });
    begin
        .await
        .unwrap_or_else(|_| text_error(StatusCode::INTERNAL_SERVER_ERROR, "internal server error"))
}

/// Writes the first part of the answer; the rest as the client reads it.
fn begin(
    served: Arc<Served>,
    place: Place,
    format: Format,
    selection: Selection,
    coding: Coding,
    headers: &HeaderMap,
) -> Response {
    let mut tag = served.tag(format, &selection);
    if coding == Coding::Gzip {
        // Other bytes have another tag (RFC 9110, section 8.8.3).
        tag = format!("{}-gzip\"", tag.trim_end_matches('"'));
    }
    let made = served.made();
    let is_unchanged = is_unchanged(headers, &tag, made);
    let validators = [
        (header::ETAG, tag),
        (header::LAST_MODIFIED, http_date(made)),
        (header::VARY, "accept-encoding".to_owned()),
    ];
    if is_unchanged {
        return (StatusCode::NOT_MODIFIED, validators).into_response();
    }
    let mut text = Text::new(format, selection);
    let body = chunks::placed(place, coding, move |out| text.next(served.view(), out));
    let content_type = [(header::CONTENT_TYPE, format.content_type())];
    let mut response = (validators, content_type, body).into_response();
    if coding == Coding::Gzip {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Returns the coding that a client takes (RFC 9110, section 12.5.3).
fn coding(headers: &HeaderMap) -> Coding {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    let is_gzip = |coding: &str| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().trim_start_matches("q=").trim_end_matches(['0', '.']);
        let refused = coding.contains(';') && weight.is_empty();
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    };
    match accepted.flat_map(|value| value.split(',')).any(is_gzip) {
        true => Coding::Gzip,
        false => Coding::Identity,
    }
}

/// How many prefixes and ASes one request may select.
const MAX_SELECTED: usize = 1_000;

/// Reads a selection as Routinator does; `None` if it has a key or a value that is not known.
fn selection(uri: &Uri) -> Option<Selection> {
    let mut selection = Selection::default();
    for (key, value) in pairs(uri) {
        match key.as_ref() {
            "select-prefix" | "filter-prefix" => selection.prefixes.push(value.parse().ok()?),
            "select-asn" | "filter-asn" => selection.asns.push(value.parse().ok()?),
            "include" => {
                selection.more_specifics |= value.split(',').any(|word| word == "more-specifics");
            }
            "exclude" => {
                for word in value.split(',') {
                    match word {
                        "routeOrigins" => selection.no_route_origins = true,
                        "routerKeys" => selection.no_router_keys = true,
                        "aspas" => selection.no_aspas = true,
                        _ => {}
                    }
                }
            }
            _ => return None,
        }
        if selection.prefixes.len() + selection.asns.len() > MAX_SELECTED {
            return None;
        }
    }
    Some(selection)
}

/// Tells whether the client has this payload (RFC 9110, section 13.2.2: the tag wins).
fn is_unchanged(headers: &HeaderMap, etag: &str, made: Timestamp) -> bool {
    if headers.contains_key(header::IF_NONE_MATCH) {
        return has_tag(headers, etag);
    }
    let since = headers.get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    let since = since.and_then(|value| DateTime::parse_from_rfc2822(value).ok());
    since.is_some_and(|since| made.0 <= since.timestamp())
}

fn http_date(time: Timestamp) -> String {
    let time = DateTime::<Utc>::from_timestamp(time.0, 0).unwrap_or_default();
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
