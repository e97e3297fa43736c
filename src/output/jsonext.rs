//! Routinator's `jsonext`: as `json`, with every object that gives an item.
//!
//! `chainValidity` and `stale` are narrower than Routinator's where a manifest or CRL on the chain
//! is due earlier than the certificates end: an item leaves at the earliest of these here.

use std::fmt::{self, Write};

use super::json::{self, Kind};
use crate::model::TimeWindow;
use crate::world::{ItemSource, View};

/// Writes every object that gives an item.
pub(super) fn sources(
    out: &mut String,
    view: &View,
    kind: Kind,
    sources: impl Iterator<Item = ItemSource>,
) -> fmt::Result {
    write!(out, "\"source\": [")?;
    let mut delimiter = "";
    for source in sources {
        write!(out, "{delimiter} ")?;
        write_source(view, out, kind, source)?;
        delimiter = ", ";
    }
    write!(out, "]")
}

fn write_source(view: &View, out: &mut String, kind: Kind, source: ItemSource) -> fmt::Result {
    if let Some(rule) = view.exception(source) {
        write!(out, "{{ \"type\": \"exception\", \"path\": {}", json::string(&rule.file))?;
        if let Some(comment) = &rule.comment {
            write!(out, ", \"comment\": {}", json::string(comment))?;
        }
        return write!(out, " }}");
    }
    let kind = match kind {
        Kind::Roa => "roa",
        Kind::RouterKey => "cer",
        Kind::Aspa => "aspa",
    };
    let uri = view.object_uri(source).map_or(serde_json::Value::Null, json::string);
    let tal = json::string(view.trust_anchor(source).unwrap_or("N/A"));
    write!(out, "{{ \"type\": \"{kind}\", \"uri\": {uri}, \"tal\": {tal}")?;
    if let (Some(object), Some(chain)) = (view.object(source), view.chain_validity(source)) {
        write_window(out, "validity", object.validity)?;
        write_window(out, "chainValidity", chain.intersect(object.validity))?;
        write!(out, ", \"stale\": \"{}\"", chain.until)?;
    }
    write!(out, " }}")
}

fn write_window(out: &mut String, name: &str, window: TimeWindow) -> fmt::Result {
    write!(
        out,
        ", \"{name}\": {{ \"notBefore\": \"{}\", \"notAfter\": \"{}\" }}",
        window.from, window.until
    )
}
