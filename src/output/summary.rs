//! Routinator's `summary`: how many objects and items each trust anchor gives.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::rows;
use crate::validate::ObjectKind;
use crate::world::{ItemSource, View};

#[derive(Clone, Copy, Default)]
struct Counts {
    roas: u64,
    vrps: u64,
    unique_vrps: u64,
    certificates: u64,
    keys: u64,
    unique_keys: u64,
    aspas: u64,
    unique_aspas: u64,
}

/// Finds the two counts of a kind of item: all, and the different ones.
type Add = fn(&mut Counts) -> (&mut u64, &mut u64);

pub(super) fn write(out: &mut String, view: &View) -> fmt::Result {
    let mut anchors: BTreeMap<&str, Counts> =
        view.trust_anchors().iter().map(|name| (name.as_str(), Counts::default())).collect();
    if let Some(world) = view.world() {
        for point in &world.points {
            let name = view.trust_anchors().get(usize::from(point.trust_anchor));
            let Some(counts) = name.and_then(|name| anchors.get_mut(name.as_str())) else {
                continue;
            };
            let count = |kind| u64::from(point.counts.get(&kind).copied().unwrap_or(0));
            counts.roas += count(ObjectKind::Roa);
            counts.certificates += count(ObjectKind::RouterCertificate);
        }
    }
    let mut add = |index: usize, source: ItemSource, add: Add| {
        let name = view.trust_anchor(source).unwrap_or_default();
        let Some(counts) = anchors.get_mut(name) else { return };
        let (all, unique) = add(counts);
        *all += 1;
        // An item counts as final for its first source, as duplicates are dropped.
        *unique += u64::from(index == 0);
    };
    let everything = &super::Selection::default();
    for position in 0..view.vrps().len() {
        for (index, source) in view.vrp_sources(position).enumerate() {
            add(index, source, |counts| (&mut counts.vrps, &mut counts.unique_vrps));
        }
    }
    for row in rows::router_keys(view, everything) {
        for (index, source) in row.sources.into_iter().enumerate() {
            add(index, source, |counts| (&mut counts.keys, &mut counts.unique_keys));
        }
    }
    for row in rows::aspas(view, everything) {
        for (index, source) in row.sources.into_iter().enumerate() {
            add(index, source, |counts| (&mut counts.aspas, &mut counts.unique_aspas));
        }
    }
    let time = rows::generated(view).to_string().replace('T', " ").replace('Z', "");
    writeln!(out, "Summary at {time} UTC")?;
    let mut total = Counts::default();
    for (name, counts) in &anchors {
        write_counts(out, name, counts)?;
        total = Counts {
            roas: total.roas + counts.roas,
            vrps: total.vrps + counts.vrps,
            unique_vrps: total.unique_vrps + counts.unique_vrps,
            certificates: total.certificates + counts.certificates,
            keys: total.keys + counts.keys,
            unique_keys: total.unique_keys + counts.unique_keys,
            aspas: total.aspas + counts.aspas,
            unique_aspas: total.unique_aspas + counts.unique_aspas,
        };
    }
    write_counts(out, "total", &total)
}

fn write_counts(out: &mut String, name: &str, counts: &Counts) -> fmt::Result {
    writeln!(out, "{name}: ")?;
    writeln!(out, "            ROAs: {:>7} verified;", counts.roas)?;
    for (label, all, unique) in [
        ("            VRPs", counts.vrps, Some(counts.unique_vrps)),
        ("    router certs", counts.certificates, None),
        ("     router keys", counts.keys, Some(counts.unique_keys)),
        ("           ASPAs", counts.aspas, Some(counts.unique_aspas)),
    ] {
        match unique {
            Some(unique) => writeln!(out, "{label}: {all:>7} verified, {unique:>7} final;")?,
            None => writeln!(out, "{label}: {all:>7} verified;")?,
        }
    }
    Ok(())
}
