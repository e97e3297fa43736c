//! Which addresses and AS numbers the CAs of a lab of scale hold, and what their ROAs say. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::draw::Draw;
use super::plan::ScalePlan;
use super::size::{ANCHORS, Anchor, FOREIGN_ASN, INSIDE, V6, WITH_MAX_LENGTH, lengths, longest};
use crate::ca::RoaPrefix;
use crate::lab::{LabError, Roa};
use crate::model::{AsRange, Asn, Family, Prefix, ResourceSet, V4Range, V6Range};

/// Gives every CA resources and ROAs: `counts` says how many prefixes each ROA has.
///
/// A CA's resources are one range of each kind, with its own first and those of its children
/// behind; so no two CAs hold the same but along a chain.
pub(super) fn fill(plan: &mut ScalePlan, counts: &[Vec<usize>]) -> Result<(), LabError> {
    for (anchor, root) in ANCHORS.iter().zip(plan.anchors()) {
        let first = Cursor::at_start_of(anchor);
        let end = Cursor::at_end_of(anchor);
        let mut cursor = first;
        let Some(ca) = plan.cas.get_mut(root) else { continue };
        ca.resources = first.until(end)?;
        for child in ca.children.clone() {
            place(plan, counts, child, &mut cursor)?;
        }
        if cursor.v4 > end.v4 || cursor.v6 > end.v6 || cursor.asn > end.asn {
            return Err(LabError::Plan(format!("{} has too little space", anchor.name)));
        }
    }
    Ok(())
}

/// Up to where addresses and AS numbers are given away.
#[derive(Clone, Copy)]
struct Cursor {
    v4: u128,
    v6: u128,
    asn: u32,
}

impl Cursor {
    fn at_start_of(anchor: &Anchor) -> Self {
        Cursor {
            v4: u128::from(anchor.v4.0) << 24,
            v6: u128::from(anchor.v6) << 112,
            asn: anchor.asn.0,
        }
    }

    fn at_end_of(anchor: &Anchor) -> Self {
        Cursor {
            v4: (u128::from(anchor.v4.1) + 1) << 24,
            v6: (u128::from(anchor.v6) << 112) + (1 << 116),
            asn: anchor.asn.1 + 1,
        }
    }

    /// Takes the next prefix of this length.
    fn take(&mut self, family: Family, length: u8) -> u128 {
        let size = 1u128 << (family.bits() - length);
        let next = match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        };
        let start = next.div_ceil(size) * size;
        *next = start + size;
        start
    }

    /// Returns the resources from here to before `end`.
    fn until(self, end: Cursor) -> Result<ResourceSet, LabError> {
        let out_of_space = |_| LabError::Plan("out of addresses".into());
        let address = |n: u128| u32::try_from(n).map_err(out_of_space);
        let v4 = match self.v4 < end.v4 {
            true => Some(V4Range { min: address(self.v4)?, max: address(end.v4 - 1)? }),
            false => None,
        };
        let v6 = (self.v6 < end.v6).then(|| V6Range { min: self.v6, max: end.v6 - 1 });
        let asn = AsRange { min: self.asn, max: end.asn.saturating_sub(1) };
        Ok(ResourceSet::new(v4, v6, [asn]))
    }
}

/// A prefix that a ROA will have.
struct Entry {
    roa: usize,
    family: Family,
    length: u8,
    /// Its first address; one that lies inside another gets it last.
    start: Option<u128>,
}

/// Gives resources to a CA and to all below it.
fn place(
    plan: &mut ScalePlan,
    counts: &[Vec<usize>],
    index: usize,
    cursor: &mut Cursor,
) -> Result<(), LabError> {
    let first = *cursor;
    let mut draw = Draw::new(plan.seed, "space", index);
    let counts_here = counts.get(index).map(Vec::as_slice).unwrap_or_default();
    let mut entries = draw_entries(&mut draw, counts_here);
    // The largest first, so that nothing is lost between them.
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|position| entries.get(*position).map(|entry| entry.length));
    for position in order {
        if let Some(entry) = entries.get_mut(position).filter(|entry| entry.start.is_some()) {
            entry.start = Some(cursor.take(entry.family, entry.length));
        }
    }
    if entries.is_empty() {
        // It holds something, as every member does, and says nothing about it.
        cursor.take(Family::V4, 22);
    }
    put_inside(&mut draw, &mut entries);
    let own_asns = 1 + draw.below(2);
    cursor.asn += u32::try_from(own_asns).unwrap_or(1);
    let roas = make_roas(plan, index, &mut draw, &entries, (first.asn, own_asns))?;
    let Some(ca) = plan.cas.get_mut(index) else { return Ok(()) };
    ca.roas = roas;
    for child in ca.children.clone() {
        place(plan, counts, child, cursor)?;
    }
    if let Some(ca) = plan.cas.get_mut(index) {
        ca.resources = first.until(*cursor)?;
    }
    Ok(())
}

fn draw_entries(draw: &mut Draw, counts: &[usize]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::with_capacity(counts.iter().sum());
    for (roa, count) in counts.iter().enumerate() {
        for _ in 0..*count {
            let family = if draw.chance(V6) { Family::V6 } else { Family::V4 };
            let length = draw.choose(lengths(family)).unwrap_or(longest(family));
            let has_room = entries.iter().any(|other| other.family == family);
            // Zero stands for "to be taken".
            let start = (!draw.chance(INSIDE) || !has_room).then_some(0);
            entries.push(Entry { roa, family, length, start });
        }
    }
    entries
}

/// Puts the prefixes that lie inside others there.
fn put_inside(draw: &mut Draw, entries: &mut [Entry]) {
    let placed = |family: Family| -> Vec<(u128, u8)> {
        let placed = entries.iter().filter(|entry| entry.family == family);
        placed.filter_map(|entry| Some((entry.start?, entry.length))).collect()
    };
    let (v4, v6) = (placed(Family::V4), placed(Family::V6));
    for entry in entries.iter_mut().filter(|entry| entry.start.is_none()) {
        let outer = match entry.family {
            Family::V4 => &v4,
            Family::V6 => &v6,
        };
        let Some((start, length)) = outer.get(draw.below(outer.len())) else { continue };
        let room = usize::from(longest(entry.family).saturating_sub(*length));
        entry.start = Some(*start);
        entry.length = length + u8::try_from(draw.below(room + 1)).unwrap_or_default();
    }
}

fn make_roas(
    plan: &ScalePlan,
    index: usize,
    draw: &mut Draw,
    entries: &[Entry],
    (first_asn, own_asns): (u32, usize),
) -> Result<Vec<Roa>, LabError> {
    let anchor = plan.cas.get(index).and_then(|ca| ANCHORS.get(ca.anchor));
    let mut roas: Vec<Roa> = Vec::new();
    for entry in entries {
        if roas.len() <= entry.roa {
            let asn = match anchor {
                Some(anchor) if draw.chance(FOREIGN_ASN) => any_asn(draw, anchor),
                _ => Asn(first_asn + u32::try_from(draw.below(own_asns)).unwrap_or_default()),
            };
            roas.push(Roa { name: file_stem(draw), asn, prefixes: Vec::new() });
        }
        let prefix = prefix(entry.family, entry.start.unwrap_or_default(), entry.length)?;
        let room = longest(entry.family).saturating_sub(entry.length);
        let max_length = match room > 0 && draw.chance(WITH_MAX_LENGTH) {
            true => {
                let more = 1 + draw.below(usize::from(room));
                Some(entry.length + u8::try_from(more).unwrap_or_default())
            }
            false => None,
        };
        if let Some(roa) = roas.last_mut() {
            roa.prefixes.push(RoaPrefix { prefix, max_length });
        }
    }
    Ok(roas)
}

/// Draws an AS number of a registry.
pub(super) fn any_asn(draw: &mut Draw, anchor: &Anchor) -> Asn {
    let count = usize::try_from(anchor.asn.1 - anchor.asn.0).unwrap_or_default();
    Asn(anchor.asn.0 + u32::try_from(draw.below(count)).unwrap_or_default())
}

/// Draws a file name as long as real ones are, without the extension.
pub(super) fn file_stem(draw: &mut Draw) -> String {
    format!("{:016x}{:016x}{:08x}", draw.next(), draw.next(), draw.next() >> 32)
}

fn prefix(family: Family, start: u128, length: u8) -> Result<Prefix, LabError> {
    let address = match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::from(u32::try_from(start).unwrap_or(u32::MAX))),
        Family::V6 => IpAddr::V6(Ipv6Addr::from(start)),
    };
    Prefix::new(address, length).map_err(|error| LabError::Plan(error.to_string()))
}
