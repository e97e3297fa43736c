//! Routinator's `json`: VRPs, router keys and ASPAs with their trust anchor.

use std::io::{self, Write};

use rpki::util::base64;

use super::{Selection, rows};
use crate::world::{ItemSource, View};

/// What a row gives its sources for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Roa,
    RouterKey,
    Aspa,
}

pub(super) fn write(view: &View, selection: &Selection, out: &mut impl Write) -> io::Result<()> {
    write_rows(view, selection, out, |out, _, sources| {
        let first = sources.first().and_then(|source| view.trust_anchor(*source));
        write!(out, "\"ta\": {}", string(first.unwrap_or("N/A")))
    })
}

/// Writes everything that `json` and `jsonext` share; `provenance` writes the last member of each
/// row. A kind that is not wanted has no list at all.
pub(super) fn write_rows<W: Write>(
    view: &View,
    selection: &Selection,
    out: &mut W,
    provenance: impl Fn(&mut W, Kind, &[ItemSource]) -> io::Result<()>,
) -> io::Result<()> {
    let generated = rows::generated(view);
    writeln!(out, "{{\n  \"metadata\": {{")?;
    writeln!(out, "    \"generated\": {},", generated.0)?;
    writeln!(out, "    \"generatedTime\": \"{generated}\",")?;
    // Not Routinator's, but StayRTR reads the age of the data from it.
    write!(out, "    \"buildtime\": \"{generated}\"\n  }}")?;
    if !selection.no_route_origins {
        let rows = rows::vrps(view, selection);
        write_list(out, "roas", rows, |out, row| {
            let vrp = row.payload;
            write!(
                out,
                "\"asn\": \"{}\", \"prefix\": \"{}\", \"maxLength\": {}, ",
                vrp.asn, vrp.prefix, vrp.max_length
            )?;
            provenance(out, Kind::Roa, &row.sources)
        })?;
    }
    if !selection.no_router_keys {
        let rows = rows::router_keys(view, selection);
        write_list(out, "routerKeys", rows, |out, row| {
            let key = row.payload;
            write!(
                out,
                "\"asn\": \"{}\", \"SKI\": \"{}\", \"routerPublicKey\": \"{}\", ",
                key.asn,
                key.ski,
                base64::Slurm.display(&key.spki)
            )?;
            provenance(out, Kind::RouterKey, &row.sources)
        })?;
    }
    if !selection.no_aspas {
        let rows = rows::aspas(view, selection);
        write_list(out, "aspas", rows, |out, row| {
            let providers = row.payload.providers.iter();
            let providers: Vec<_> = providers.map(|asn| format!("\"{asn}\"")).collect();
            let (customer, providers) = (row.payload.customer, providers.join(", "));
            write!(out, "\"customer\": \"{customer}\", \"providers\": [{providers}], ")?;
            provenance(out, Kind::Aspa, &row.sources)
        })?;
    }
    write!(out, "\n}}\n")
}

/// Writes a member that is a list of objects, each on its own line.
fn write_list<W: Write, T>(
    out: &mut W,
    name: &str,
    rows: impl IntoIterator<Item = T>,
    write: impl Fn(&mut W, T) -> io::Result<()>,
) -> io::Result<()> {
    write!(out, ",\n  \"{name}\": [\n")?;
    let mut delimiter = "";
    for row in rows {
        write!(out, "{delimiter}    {{ ")?;
        write(out, row)?;
        write!(out, " }}")?;
        delimiter = ",\n";
    }
    write!(out, "\n  ]")
}

/// Returns a text as a JSON string, with its quotes.
pub(super) fn string(text: &str) -> serde_json::Value {
    serde_json::Value::from(text)
}
