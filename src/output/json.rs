//! Routinator's `json`: VRPs, router keys and ASPAs with their trust anchor.

use std::fmt::{self, Write};

use rpki::util::base64;

use super::{Selection, jsonext, rows};
use crate::model::Vrp;
use crate::world::{ItemSource, View};

/// What a row gives its sources for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Roa,
    RouterKey,
    Aspa,
}

/// What a row says about where it comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Provenance {
    /// The trust anchor: `json`.
    TrustAnchor,
    /// Every object: `jsonext`.
    Objects,
}

impl Provenance {
    /// Writes the last member of a row.
    fn write(
        self,
        out: &mut String,
        view: &View,
        kind: Kind,
        mut sources: impl Iterator<Item = ItemSource>,
    ) -> fmt::Result {
        match self {
            Provenance::TrustAnchor => {
                let name = rows::trust_anchor(view, sources.next());
                write!(out, "\"ta\": {}", string(name))
            }
            Provenance::Objects => jsonext::sources(out, view, kind, sources),
        }
    }
}

/// Writes what comes before the VRPs. A kind that is not wanted has no list at all.
pub(super) fn head(out: &mut String, view: &View, selection: &Selection) -> fmt::Result {
    let generated = rows::generated(view);
    writeln!(out, "{{\n  \"metadata\": {{")?;
    writeln!(out, "    \"generated\": {},", generated.0)?;
    writeln!(out, "    \"generatedTime\": \"{generated}\",")?;
    // Not Routinator's, but StayRTR reads the age of the data from it.
    write!(out, "    \"buildtime\": \"{generated}\"\n  }}")?;
    if selection.no_route_origins {
        return Ok(());
    }
    write!(out, ",\n  \"roas\": [\n")
}

/// Writes a VRP.
pub(super) fn row(
    out: &mut String,
    view: &View,
    provenance: Provenance,
    is_first: bool,
    vrp: Vrp,
    sources: impl Iterator<Item = ItemSource>,
) -> fmt::Result {
    out.push_str(if is_first { "    { " } else { ",\n    { " });
    write!(
        out,
        "\"asn\": \"{}\", \"prefix\": \"{}\", \"maxLength\": {}, ",
        vrp.asn, vrp.prefix, vrp.max_length
    )?;
    provenance.write(out, view, Kind::Roa, sources)?;
    out.write_str(" }")
}

/// Writes what comes behind the VRPs.
pub(super) fn tail(
    out: &mut String,
    view: &View,
    selection: &Selection,
    provenance: Provenance,
) -> fmt::Result {
    if !selection.no_route_origins {
        out.push_str("\n  ]");
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
            provenance.write(out, view, Kind::RouterKey, row.sources.into_iter())
        })?;
    }
    if !selection.no_aspas {
        let rows = rows::aspas(view, selection);
        write_list(out, "aspas", rows, |out, row| {
            let providers = row.payload.providers.iter();
            let providers: Vec<_> = providers.map(|asn| format!("\"{asn}\"")).collect();
            let (customer, providers) = (row.payload.customer, providers.join(", "));
            write!(out, "\"customer\": \"{customer}\", \"providers\": [{providers}], ")?;
            provenance.write(out, view, Kind::Aspa, row.sources.into_iter())
        })?;
    }
    write!(out, "\n}}\n")
}

/// Writes a member that is a list of objects, each on its own line.
fn write_list<T>(
    out: &mut String,
    name: &str,
    rows: impl IntoIterator<Item = T>,
    write: impl Fn(&mut String, T) -> fmt::Result,
) -> fmt::Result {
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
