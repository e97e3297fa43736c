//! rpki-client's `json` and `csv`: numbers for ASes, and when each VRP expires.
//!
//! One row for each VRP, with the source that lives longest, as rpki-client does.

use std::fmt::{self, Write};

use rpki::util::base64;

use super::json::string;
use super::{Selection, rows};
use crate::model::{Timestamp, Vrp};
use crate::validate::ObjectKind;
use crate::world::{ItemSource, View};

pub(super) const HEAD_CSV: &str = "ASN,IP Prefix,Max Length,Trust Anchor,Expires\n";

pub(super) fn row_csv(
    out: &mut String,
    view: &View,
    vrp: Vrp,
    sources: impl Iterator<Item = ItemSource>,
) -> fmt::Result {
    let (anchor, expires) = longest(view, sources);
    let expires = expires.map(|time| time.0.to_string()).unwrap_or_default();
    let (asn, prefix, max_length) = (vrp.asn, vrp.prefix, vrp.max_length);
    writeln!(out, "{asn},{prefix},{max_length},{anchor},{expires}")
}

/// Writes what comes before the VRPs.
pub(super) fn head_json(out: &mut String, view: &View) -> fmt::Result {
    write_metadata(view, out)?;
    write!(out, ",\n\n\t\"roas\": [")
}

pub(super) fn row_json(
    out: &mut String,
    view: &View,
    is_first: bool,
    vrp: Vrp,
    sources: impl Iterator<Item = ItemSource>,
) -> fmt::Result {
    out.push_str(if is_first { "\n\t\t{ " } else { ",\n\t\t{ " });
    let (anchor, expires) = longest(view, sources);
    write!(
        out,
        "\"asn\": {}, \"prefix\": \"{}\", \"maxLength\": {}, \"ta\": {}",
        vrp.asn.0,
        vrp.prefix,
        vrp.max_length,
        string(anchor)
    )?;
    write_expires(out, expires)?;
    out.write_str(" }")
}

/// Writes what comes behind the VRPs.
pub(super) fn tail_json(out: &mut String, view: &View, selection: &Selection) -> fmt::Result {
    out.push_str("\n\t]");
    write_list(out, "bgpsec_keys", rows::router_keys(view, selection), |out, row| {
        let (anchor, expires) = longest(view, row.sources.into_iter());
        write!(
            out,
            "\"asn\": {}, \"ski\": \"{}\", \"pubkey\": \"{}\", \"ta\": {}",
            row.payload.asn.0,
            row.payload.ski,
            base64::Xml.encode(&row.payload.spki),
            string(anchor)
        )?;
        write_expires(out, expires)
    })?;
    write_list(out, "aspas", rows::aspas(view, selection), |out, row| {
        let (_, expires) = longest(view, row.sources.into_iter());
        let providers: Vec<_> = row.payload.providers.iter().map(|asn| asn.0.to_string()).collect();
        write!(out, "\"customer_asid\": {}", row.payload.customer.0)?;
        write_expires(out, expires)?;
        write!(out, ", \"providers\": [{}]", providers.join(", "))
    })?;
    write!(out, "\n}}\n")
}

/// Writes the members of the metadata that we know.
fn write_metadata(view: &View, out: &mut String) -> fmt::Result {
    let generated = rows::generated(view);
    write!(out, "{{\n\t\"metadata\": {{\n\t\t\"buildtime\": \"{generated}\",")?;
    // Not rpki-client's, but StayRTR takes the age of the data from it first.
    write!(out, "\n\t\t\"generated\": {},", generated.0)?;
    if let Some(world) = view.world() {
        let count = |kind| -> u64 {
            let counts = world.points.iter().filter_map(|point| point.counts.get(&kind));
            counts.map(|count| u64::from(*count)).sum()
        };
        for (name, kind) in [
            ("roas", ObjectKind::Roa),
            ("aspas", ObjectKind::Aspa),
            ("certificates", ObjectKind::CaCertificate),
            ("manifests", ObjectKind::Manifest),
            ("crls", ObjectKind::Crl),
        ] {
            write!(out, "\n\t\t\"{name}\": {},", count(kind))?;
        }
        write!(out, "\n\t\t\"repositories\": {},", world.repositories.len())?;
        write!(out, "\n\t\t\"vrps\": {},", world.vrps.len())?;
    }
    write!(out, "\n\t\t\"tals\": {},", view.trust_anchors().len())?;
    write!(out, "\n\t\t\"bgpsec_pubkeys\": {},", view.router_keys().len())?;
    write!(out, "\n\t\t\"uniquevrps\": {}\n\t}}", view.vrps().len())
}

/// Writes a member that is a list of objects, each on its own line.
fn write_list<T>(
    out: &mut String,
    name: &str,
    rows: impl IntoIterator<Item = T>,
    write: impl Fn(&mut String, T) -> fmt::Result,
) -> fmt::Result {
    write!(out, ",\n\n\t\"{name}\": [")?;
    let mut delimiter = "\n";
    for row in rows {
        write!(out, "{delimiter}\t\t{{ ")?;
        write(out, row)?;
        write!(out, " }}")?;
        delimiter = ",\n";
    }
    write!(out, "\n\t]")
}

fn write_expires(out: &mut String, expires: Option<Timestamp>) -> fmt::Result {
    match expires {
        Some(time) => write!(out, ", \"expires\": {}", time.0),
        None => Ok(()),
    }
}

/// Returns trust anchor and end of the source that lives longest.
fn longest(view: &View, sources: impl Iterator<Item = ItemSource>) -> (&str, Option<Timestamp>) {
    // Of two that end together, the first.
    let longer = |best: ItemSource, source: ItemSource| {
        if source.expires > best.expires { source } else { best }
    };
    let source = sources.reduce(longer);
    (rows::trust_anchor(view, source), source.and_then(|source| source.expires))
}
