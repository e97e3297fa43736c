//! Routinator's `openbgpd`, `bird1` and `bird2`: VRPs in the words of routers' configurations.

use std::io::{self, Write};

use super::{Selection, rows};
use crate::world::View;

pub(super) fn write_openbgpd(
    view: &View,
    selection: &Selection,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "roa-set {{")?;
    for row in rows::vrps(view, selection) {
        write!(out, "    {}", row.payload.prefix)?;
        if let Some(max_length) = row.max_length_beyond() {
            write!(out, " maxlen {max_length}")?;
        }
        writeln!(out, " source-as {}", row.payload.asn.0)?;
    }
    writeln!(out, "}}")
}

/// Writes BIRD's static ROA entries; version 1 begins them with `roa`, version 2 with `route`.
pub(super) fn write_bird(
    view: &View,
    selection: &Selection,
    keyword: &str,
    out: &mut impl Write,
) -> io::Result<()> {
    for row in rows::vrps(view, selection) {
        let vrp = row.payload;
        writeln!(out, "{keyword} {} max {} as {};", vrp.prefix, vrp.max_length, vrp.asn.0)?;
    }
    Ok(())
}
