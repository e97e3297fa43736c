//! Routinator's `slurm` and `slurm2`: the payload as locally added assertions.
//!
//! Source: RFC 8416, section 3; draft-ietf-sidrops-aspa-slurm for version 2.

use std::fmt::{self, Write};

use rpki::util::base64;

use super::json::string;
use super::{Selection, rows};
use crate::model::Vrp;
use crate::world::{ItemSource, View};

/// The version of the format.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Version {
    /// RFC 8416.
    One,
    /// With ASPAs.
    Two,
}

/// Writes what comes before the VRPs.
pub(super) fn head(out: &mut String, version: Version) -> fmt::Result {
    let (number, filters) = match version {
        Version::One => (1, ""),
        Version::Two => (2, ",\n    \"aspaFilters\": [ ]"),
    };
    write!(
        out,
        "{{\n  \"slurmVersion\": {number},\n  \"validationOutputFilters\": {{\n    \
         \"prefixFilters\": [ ],\n    \"bgpsecFilters\": [ ]{filters}\n  }},\n  \
         \"locallyAddedAssertions\": {{\n    \"prefixAssertions\": [\n"
    )
}

/// Writes a VRP.
pub(super) fn row(
    out: &mut String,
    view: &View,
    is_first: bool,
    vrp: Vrp,
    source: Option<ItemSource>,
) -> fmt::Result {
    let delimiter = if is_first { "" } else { ",\n" };
    write!(out, "{delimiter}      {{\n        \"asn\": {},\n", vrp.asn.0)?;
    writeln!(out, "        \"prefix\": \"{}\",", vrp.prefix)?;
    if let Some(max_length) = rows::max_length_beyond(vrp) {
        writeln!(out, "        \"maxPrefixLength\": {max_length},")?;
    }
    let comment = string(rows::trust_anchor(view, source));
    write!(out, "        \"comment\": {comment}\n      }}")
}

/// Writes what comes behind the VRPs.
pub(super) fn tail(
    out: &mut String,
    view: &View,
    selection: &Selection,
    version: Version,
) -> fmt::Result {
    write!(out, "\n    ],\n    \"bgpsecAssertions\": [\n")?;
    let mut delimiter = "";
    for row in rows::router_keys(view, selection) {
        let key = row.payload;
        write!(out, "{delimiter}      {{\n        \"asn\": {},\n", key.asn.0)?;
        writeln!(out, "        \"SKI\": \"{}\",", base64::Slurm.display(&key.ski.0))?;
        let spki = base64::Slurm.display(&key.spki);
        writeln!(out, "        \"routerPublicKey\": \"{spki}\",")?;
        write!(out, "        \"comment\": {}\n      }}", string(row.trust_anchor(view)))?;
        delimiter = ",\n";
    }
    write!(out, "\n    ]")?;
    if version == Version::Two {
        write!(out, ",\n    \"aspaAssertions\": [\n")?;
        delimiter = "";
        for row in rows::aspas(view, selection) {
            let providers = row.payload.providers.iter();
            let providers: Vec<_> = providers.map(|asn| format!("          {}", asn.0)).collect();
            write!(
                out,
                "{delimiter}      {{\n        \"customerAsn\": {},\n        \"providerAsns\": [\n\
                 {}\n        ],\n        \"comment\": {}\n      }}",
                row.payload.customer.0,
                providers.join(",\n"),
                string(row.trust_anchor(view))
            )?;
            delimiter = ",\n";
        }
        write!(out, "\n    ]")?;
    }
    write!(out, "\n  }}\n}}\n")
}
