//! Routinator's `csv`, `csvcompat` and `csvext`: the VRPs, one a line.

use std::fmt::{self, Write};

use super::rows;
use crate::model::{Timestamp, Vrp};
use crate::world::{ItemSource, View};

pub(super) const HEAD: &str = "ASN,IP Prefix,Max Length,Trust Anchor\n";

pub(super) fn row(
    out: &mut String,
    view: &View,
    vrp: Vrp,
    source: Option<ItemSource>,
) -> fmt::Result {
    let trust_anchor = rows::trust_anchor(view, source);
    writeln!(out, "{},{},{},{trust_anchor}", vrp.asn, vrp.prefix, vrp.max_length)
}

pub(super) const HEAD_COMPAT: &str = "\"ASN\",\"IP Prefix\",\"Max Length\",\"Trust Anchor\"\n";

/// Writes every field in quotes.
pub(super) fn row_compat(
    out: &mut String,
    view: &View,
    vrp: Vrp,
    source: Option<ItemSource>,
) -> fmt::Result {
    let trust_anchor = rows::trust_anchor(view, source);
    let (asn, prefix, max_length) = (vrp.asn, vrp.prefix, vrp.max_length);
    writeln!(out, "\"{asn}\",\"{prefix}\",\"{max_length}\",\"{trust_anchor}\"")
}

pub(super) const HEAD_EXT: &str = "URI,ASN,IP Prefix,Max Length,Not Before,Not After\n";

/// Writes the ROA and the validity of its certificate with each VRP.
pub(super) fn row_ext(
    out: &mut String,
    view: &View,
    vrp: Vrp,
    source: Option<ItemSource>,
) -> fmt::Result {
    let object = source.and_then(|source| view.object(source));
    let uri = object.map_or("N/A", |object| object.uri.as_str());
    write!(out, "{uri},{},{},{},", vrp.asn, vrp.prefix, vrp.max_length)?;
    match object {
        Some(object) => writeln!(
            out,
            "{},{}",
            with_blank(object.validity.from),
            with_blank(object.validity.until)
        ),
        None => writeln!(out, "N/A,N/A"),
    }
}

/// Writes a time as `2026-11-24 06:00:00`, in UTC.
fn with_blank(time: Timestamp) -> String {
    time.to_string().replace('T', " ").replace('Z', "")
}
