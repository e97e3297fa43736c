//! `/json-delta` and `/json-delta/notify`: the payload as changes, and the news of a change.

use std::fmt::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rpki::util::base64;

use super::error::{BUSY, NO_DATA, TOO_MANY, json_error};
use crate::http::chunks::{self, Coding};
use crate::http::history::beside_vrps;
use crate::http::query;
use crate::http::state::{App, Place, Served};
use crate::model::{Aspa, RouterKey, Vrp};
use crate::payload::{Changes, PayloadDelta, PayloadSet};

/// Answers `/json-delta`.
pub(crate) async fn delta(State(app): State<App>, uri: Uri) -> Response {
    let Some(served) = app.answering() else {
        return json_error(StatusCode::SERVICE_UNAVAILABLE, NO_DATA);
    };
    let asked = match version(&uri) {
        Ok(asked) => asked,
        Err(text) => return json_error(StatusCode::BAD_REQUEST, text),
    };
    let body = match asked.and_then(|(session, serial)| {
        Some((serial, served.history().delta_since(session, serial)?))
    }) {
        Some((serial, delta)) => match app.hold(changes(&served, serial, delta)) {
            Some(body) => body.into(),
            None => return json_error(StatusCode::SERVICE_UNAVAILABLE, BUSY),
        },
        None => match app.place(&served) {
            Some(place) => everything(served, place),
            None => return json_error(StatusCode::SERVICE_UNAVAILABLE, BUSY),
        },
    };
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Answers `/json-delta/notify`: at once, unless the client has what is served now.
pub(crate) async fn notify(State(app): State<App>, uri: Uri) -> Response {
    let asked = match version(&uri) {
        Ok(asked) => asked,
        Err(text) => return json_error(StatusCode::BAD_REQUEST, text),
    };
    if asked == Some(app.version()) {
        let Some(mut waiting) = app.wait() else {
            return json_error(StatusCode::SERVICE_UNAVAILABLE, TOO_MANY);
        };
        waiting.until(|| asked != Some(app.version())).await;
    }
    let (session, serial) = app.version();
    let body = format!("{{\n   \"session\": {session},\n   \"serial\": {serial}\n}}");
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Reads which payload the client has; errors have Routinator's texts.
fn version(uri: &Uri) -> Result<Option<(u64, u32)>, String> {
    let (mut session, mut serial) = (None, None);
    for (key, value) in query::pairs(uri) {
        let invalid = || format!("invalid '{key}' argument in query");
        let is_twice = match key.as_ref() {
            "session" => session.replace(value.parse().map_err(|_| invalid())?).is_some(),
            "serial" => serial.replace(value.parse().map_err(|_| invalid())?).is_some(),
            _ => return Err(format!("unexpected argument '{key}' in query")),
        };
        if is_twice {
            return Err(format!("duplicate '{key}' argument in query"));
        }
    }
    match (session, serial) {
        (Some(session), Some(serial)) => Ok(Some((session, serial))),
        (None, None) => Ok(None),
        (Some(_), None) => Err("missing 'serial' argument in query".to_owned()),
        (None, Some(_)) => Err("missing 'session' argument in query".to_owned()),
    }
}

fn head(out: &mut String, served: &Served, from: Option<u32>) -> fmt::Result {
    let (history, time) = (served.history(), served.world().time);
    write!(out, "{{\n  \"reset\": {},", from.is_none())?;
    write!(out, "\n  \"session\": \"{}\",\n  \"serial\": {},", history.session, history.serial)?;
    if let Some(from) = from {
        write!(out, "\n  \"fromSerial\": {from},")?;
    }
    write!(out, "\n  \"generated\": {},\n  \"generatedTime\": \"{time}\",", time.0)?;
    write!(out, "\n  \"announced\": [")
}

/// Writes the items of one list, a comma between two.
#[derive(Default)]
struct Items {
    delimiter: &'static str,
}

impl Items {
    fn delimit(&mut self, out: &mut String) {
        out.push_str(self.delimiter);
        self.delimiter = ",";
    }

    fn vrp(&mut self, out: &mut String, vrp: &Vrp) -> fmt::Result {
        self.delimit(out);
        write!(out, "\n    {{\n        \"type\": \"routeOrigin\",")?;
        write!(
            out,
            "\n        \"asn\": \"{}\",\n        \"prefix\": \"{}\",",
            vrp.asn, vrp.prefix
        )?;
        write!(out, "\n        \"maxLength\": {}\n    }}", vrp.max_length)
    }

    fn router_key(&mut self, out: &mut String, key: &RouterKey) -> fmt::Result {
        self.delimit(out);
        write!(out, "\n    {{\n        \"type\": \"routerKey\",")?;
        write!(out, "\n        \"keyIdentifier\": \"{}\",", key.ski)?;
        write!(out, "\n        \"asn\": \"{}\",", key.asn)?;
        let key = base64::Slurm.display(&key.spki);
        write!(out, "\n        \"keyInfo\": \"{key}\"\n    }}")
    }

    fn aspa(&mut self, out: &mut String, aspa: &Aspa) -> fmt::Result {
        self.delimit(out);
        write!(out, "\n    {{\n        \"type\": \"aspa\",")?;
        write!(out, "\n        \"customerAsn\": \"{}\",", aspa.customer)?;
        let providers: Vec<_> = aspa.providers.iter().map(|asn| format!("\"{asn}\"")).collect();
        write!(out, "\n        \"providerAsns\": [{}]\n    }}", providers.join(", "))
    }

    fn beside_vrps(&mut self, out: &mut String, keys: &[RouterKey], aspas: &[Aspa]) -> fmt::Result {
        keys.iter().try_for_each(|key| self.router_key(out, key))?;
        aspas.iter().try_for_each(|aspa| self.aspa(out, aspa))
    }
}

/// Writes the whole payload; Routinator has no list of withdrawals there.
fn everything(served: Arc<Served>, place: Place) -> Body {
    let (mut position, mut items) = (0, Items::default());
    let rest: PayloadSet = beside_vrps(served.view());
    chunks::placed(place, Coding::Identity, move |out| {
        let vrps = served.view().vrps();
        // Writing to a string does not fail.
        if position == 0 {
            let _ = head(out, &served, None);
        }
        let piece = vrps.get(position..).unwrap_or_default().iter().take(PIECE);
        for vrp in piece {
            let _ = items.vrp(out, vrp);
        }
        position += PIECE;
        if position < vrps.len() {
            return ControlFlow::Continue(());
        }
        let _ = items.beside_vrps(out, rest.router_keys(), rest.aspas());
        out.push_str("\n  ]\n}\n");
        ControlFlow::Break(())
    })
}

/// How many items are written at a time.
const PIECE: usize = 100;

/// Writes the difference; it is bounded by what is kept.
fn changes(served: &Served, from: u32, delta: PayloadDelta) -> String {
    let mut out = String::new();
    let PayloadDelta { vrps, router_keys, aspas } = delta;
    // An ASPA whose providers change is announced anew, and not withdrawn, as routers get it.
    // A withdrawn one has no providers there, either.
    let Changes { announced, withdrawn } = aspas;
    let is_new = |customer| announced.binary_search_by_key(&customer, |new| new.customer).is_ok();
    let withdrawn = withdrawn.iter().map(|aspa| aspa.customer).filter(|asn| !is_new(*asn));
    let withdrawn = withdrawn.map(|customer| Aspa { customer, providers: Vec::new() });
    let withdrawn: Vec<Aspa> = withdrawn.collect();
    let write = |out: &mut String| -> fmt::Result {
        head(out, served, Some(from))?;
        let mut items = Items::default();
        vrps.announced.iter().try_for_each(|vrp| items.vrp(out, vrp))?;
        items.beside_vrps(out, &router_keys.announced, &announced)?;
        write!(out, "\n  ],\n  \"withdrawn\": [")?;
        let mut items = Items::default();
        vrps.withdrawn.iter().try_for_each(|vrp| items.vrp(out, vrp))?;
        items.beside_vrps(out, &router_keys.withdrawn, &withdrawn)?;
        write!(out, "\n  ]\n}}\n")
    };
    // Writing to a string does not fail.
    let _ = write(&mut out);
    out
}
