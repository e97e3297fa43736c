//! Routinator's `rpsl`: VRPs as route objects, for tools that read routing registries.

use std::fmt::{self, Write};

use super::rows;
use crate::model::{Family, Vrp};
use crate::world::{ItemSource, View};

pub(super) fn row(
    out: &mut String,
    view: &View,
    vrp: Vrp,
    source: Option<ItemSource>,
) -> fmt::Result {
    let made = rows::generated(view);
    let class = match vrp.prefix.family() {
        Family::V4 => "route",
        Family::V6 => "route6",
    };
    let source = rows::trust_anchor(view, source).to_uppercase();
    write!(
        out,
        "\n{class}: {}\norigin: {}\ndescr: RPKI attestation\nmnt-by: NA\ncreated: {made}\n\
         last-modified: {made}\nsource: ROA-{source}-RPKI-ROOT\n\n",
        vrp.prefix, vrp.asn
    )
}
