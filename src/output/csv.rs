//! Routinator's `csv`, `csvcompat` and `csvext`: the VRPs, one a line.

use std::io::{self, Write};

use super::{Selection, rows};
use crate::model::Timestamp;
use crate::world::View;

pub(super) fn write(view: &View, selection: &Selection, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "ASN,IP Prefix,Max Length,Trust Anchor")?;
    for row in rows::vrps(view, selection) {
        let vrp = row.payload;
        let trust_anchor = row.trust_anchor(view);
        writeln!(out, "{},{},{},{trust_anchor}", vrp.asn, vrp.prefix, vrp.max_length)?;
    }
    Ok(())
}

/// Writes every field in quotes.
pub(super) fn write_compat(
    view: &View,
    selection: &Selection,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "\"ASN\",\"IP Prefix\",\"Max Length\",\"Trust Anchor\"")?;
    for row in rows::vrps(view, selection) {
        let vrp = row.payload;
        let trust_anchor = row.trust_anchor(view);
        let (asn, prefix, max_length) = (vrp.asn, vrp.prefix, vrp.max_length);
        writeln!(out, "\"{asn}\",\"{prefix}\",\"{max_length}\",\"{trust_anchor}\"")?;
    }
    Ok(())
}

/// Writes the ROA and the validity of its certificate with each VRP.
pub(super) fn write_ext(
    view: &View,
    selection: &Selection,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "URI,ASN,IP Prefix,Max Length,Not Before,Not After")?;
    for row in rows::vrps(view, selection) {
        let vrp = row.payload;
        let object = row.sources.first().and_then(|source| view.object(*source));
        let uri = object.map_or("N/A", |object| object.uri.as_str());
        write!(out, "{uri},{},{},{},", vrp.asn, vrp.prefix, vrp.max_length)?;
        match object {
            Some(object) => writeln!(
                out,
                "{},{}",
                with_blank(object.validity.from),
                with_blank(object.validity.until)
            )?,
            None => writeln!(out, "N/A,N/A")?,
        }
    }
    Ok(())
}

/// Writes a time as `2026-11-24 06:00:00`, in UTC.
fn with_blank(time: Timestamp) -> String {
    time.to_string().replace('T', " ").replace('Z', "")
}
