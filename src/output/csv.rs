//! Routinator's `csv`: the VRPs.

use std::io::{self, Write};

use super::rows;
use crate::world::View;

pub(super) fn write(view: &View, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "ASN,IP Prefix,Max Length,Trust Anchor")?;
    for row in rows::vrps(view) {
        let vrp = row.payload;
        let trust_anchor = row.trust_anchor(view);
        writeln!(out, "{},{},{},{trust_anchor}", vrp.asn, vrp.prefix, vrp.max_length)?;
    }
    Ok(())
}
