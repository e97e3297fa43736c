//! Routinator's `rpsl`: VRPs as route objects, for tools that read routing registries.

use std::io::{self, Write};

use super::{Selection, rows};
use crate::model::Family;
use crate::world::View;

pub(super) fn write(view: &View, selection: &Selection, out: &mut impl Write) -> io::Result<()> {
    let made = rows::generated(view);
    for row in rows::vrps(view, selection) {
        let vrp = row.payload;
        let class = match vrp.prefix.family() {
            Family::V4 => "route",
            Family::V6 => "route6",
        };
        let source = row.trust_anchor(view).to_uppercase();
        write!(
            out,
            "\n{class}: {}\norigin: {}\ndescr: RPKI attestation\nmnt-by: NA\ncreated: {made}\n\
             last-modified: {made}\nsource: ROA-{source}-RPKI-ROOT\n\n",
            vrp.prefix, vrp.asn
        )?;
    }
    Ok(())
}
