//! Routinator's `json`: VRPs, router keys and ASPAs with their trust anchor.

use std::io::{self, Write};

use rpki::util::base64;

use super::rows;
use crate::world::{ItemSource, View};

/// What a row gives its sources for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Roa,
    RouterKey,
    Aspa,
}

pub(super) fn write(view: &View, out: &mut impl Write) -> io::Result<()> {
    write_rows(view, out, |out, _, sources| {
        let first = sources.first().and_then(|source| view.trust_anchor(*source));
        write!(out, "\"ta\": {}", string(first.unwrap_or("N/A")))
    })
}

/// Writes everything that `json` and `jsonext` share; `provenance` writes the last member.
pub(super) fn write_rows<W: Write>(
    view: &View,
    out: &mut W,
    provenance: impl Fn(&mut W, Kind, &[ItemSource]) -> io::Result<()>,
) -> io::Result<()> {
    let generated = rows::generated(view);
    writeln!(out, "{{\n  \"metadata\": {{")?;
    writeln!(out, "    \"generated\": {},", generated.0)?;
    writeln!(out, "    \"generatedTime\": \"{generated}\",")?;
    // Not Routinator's, but StayRTR reads the age of the data from it.
    write!(out, "    \"buildtime\": \"{generated}\"\n  }},\n  \"roas\": [\n")?;
    let mut delimiter = "";
    for row in rows::vrps(view) {
        let vrp = row.payload;
        write!(
            out,
            "{delimiter}    {{ \"asn\": \"{}\", \"prefix\": \"{}\", \"maxLength\": {}, ",
            vrp.asn, vrp.prefix, vrp.max_length
        )?;
        provenance(out, Kind::Roa, &row.sources)?;
        write!(out, " }}")?;
        delimiter = ",\n";
    }
    write!(out, "\n  ],\n  \"routerKeys\": [\n")?;
    delimiter = "";
    for row in rows::router_keys(view) {
        let key = row.payload;
        write!(
            out,
            "{delimiter}    {{ \"asn\": \"{}\", \"SKI\": \"{}\", \"routerPublicKey\": \"{}\", ",
            key.asn,
            key.ski,
            base64::Slurm.display(&key.spki)
        )?;
        provenance(out, Kind::RouterKey, &row.sources)?;
        write!(out, " }}")?;
        delimiter = ",\n";
    }
    write!(out, "\n  ],\n  \"aspas\": [\n")?;
    delimiter = "";
    for row in rows::aspas(view) {
        let providers: Vec<_> =
            row.payload.providers.iter().map(|provider| format!("\"{provider}\"")).collect();
        write!(
            out,
            "{delimiter}    {{ \"customer\": \"{}\", \"providers\": [{}], ",
            row.payload.customer,
            providers.join(", ")
        )?;
        provenance(out, Kind::Aspa, &row.sources)?;
        write!(out, " }}")?;
        delimiter = ",\n";
    }
    write!(out, "\n  ]\n}}\n")
}

/// Returns a text as a JSON string, with its quotes.
pub(super) fn string(text: &str) -> serde_json::Value {
    serde_json::Value::from(text)
}
