//! Routinator's `openbgpd`, `bird1` and `bird2`: VRPs in the words of routers' configurations.

use std::fmt::{self, Write};

use super::rows;
use crate::model::Vrp;

pub(super) fn row_openbgpd(out: &mut String, vrp: Vrp) -> fmt::Result {
    write!(out, "    {}", vrp.prefix)?;
    if let Some(max_length) = rows::max_length_beyond(vrp) {
        write!(out, " maxlen {max_length}")?;
    }
    writeln!(out, " source-as {}", vrp.asn.0)
}

/// Writes BIRD's static ROA entry; version 1 begins it with `roa`, version 2 with `route`.
pub(super) fn row_bird(out: &mut String, keyword: &str, vrp: Vrp) -> fmt::Result {
    writeln!(out, "{keyword} {} max {} as {};", vrp.prefix, vrp.max_length, vrp.asn.0)
}
