//! What every format writes, in the order in which Routinator writes it.
//!
//! Routinator has one row for each item, and names the trust anchor of its first source.

use std::cmp::Ordering;

use super::Selection;
use crate::model::{Aspa, RouterKey, Timestamp, Vrp};
use crate::world::{ItemSource, View, ViewSource};

/// A payload item with all its sources.
pub(super) struct Row<T> {
    pub payload: T,
    pub sources: Vec<ItemSource>,
}

impl<T> Row<T> {
    /// Returns the name of the trust anchor, as Routinator gives it.
    pub fn trust_anchor<'a>(&self, view: &'a View) -> &'a str {
        let first = self.sources.first().and_then(|source| view.trust_anchor(*source));
        first.unwrap_or("N/A")
    }
}

impl Row<Vrp> {
    /// Returns the max length if it says more than the prefix length does.
    ///
    /// Whether a ROA names a max length that equals the prefix length is not kept: it means the
    /// same.
    pub fn max_length_beyond(&self) -> Option<u8> {
        Some(self.payload.max_length).filter(|max_length| *max_length > self.payload.prefix.len())
    }
}

/// Returns the time that the metadata name: when the data set was made, not when it was asked for.
pub(super) fn generated(view: &View) -> Timestamp {
    match view.source() {
        ViewSource::World { time, .. } => *time,
        ViewSource::File { generated, .. } => generated.unwrap_or(Timestamp(0)),
    }
}

/// Returns the VRPs: IPv4 first, by address, but more specific prefixes before what covers them.
pub(super) fn vrps(view: &View, selection: &Selection) -> impl Iterator<Item = Row<Vrp>> {
    let vrps = view.vrps().iter().copied().zip(0..);
    let mut positions: Vec<(Vrp, usize)> =
        vrps.filter(|(vrp, _)| selection.has_vrp(vrp.prefix, vrp.asn)).collect();
    positions.sort_by(|(left, _), (right, _)| routinator_order(left, right));
    positions
        .into_iter()
        .map(|(payload, position)| Row { payload, sources: view.vrp_sources(position).to_vec() })
}

fn routinator_order(left: &Vrp, right: &Vrp) -> Ordering {
    if left.prefix != right.prefix {
        if left.prefix.covers(right.prefix) {
            return Ordering::Greater;
        }
        if right.prefix.covers(left.prefix) {
            return Ordering::Less;
        }
    }
    left.cmp(right)
}

/// Returns the router keys, each once.
pub(super) fn router_keys<'a>(view: &'a View, selection: &Selection) -> Vec<Row<&'a RouterKey>> {
    let mut rows: Vec<Row<&RouterKey>> = Vec::new();
    let keys = view.router_keys().iter();
    for item in keys.filter(|item| selection.has_router_key(item.payload.asn)) {
        match rows.last_mut() {
            Some(row) if *row.payload == item.payload => row.sources.push(item.source),
            _ => rows.push(Row { payload: &item.payload, sources: vec![item.source] }),
        }
    }
    rows
}

/// Returns one ASPA for each customer, with the providers of all its objects.
pub(super) fn aspas(view: &View, selection: &Selection) -> Vec<Row<Aspa>> {
    let mut rows: Vec<Row<Aspa>> = Vec::new();
    for item in view.aspas().iter().filter(|item| selection.has_aspa(item.payload.customer)) {
        match rows.last_mut() {
            Some(row) if row.payload.customer == item.payload.customer => {
                row.payload.providers.extend(&item.payload.providers);
                row.payload.providers.sort_unstable();
                row.payload.providers.dedup();
                row.sources.push(item.source);
            }
            _ => rows.push(Row { payload: item.payload.clone(), sources: vec![item.source] }),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rpki::resources::addr::{MaxLenPrefix, Prefix as RpkiPrefix};
    use rpki::rtr::payload::RouteOrigin;

    use super::*;
    use crate::model::{Asn, Prefix};

    fn vrp() -> impl Strategy<Value = Vrp> {
        let v4 = (0u32..64, 20u8..33)
            .prop_map(|(n, length)| (std::net::Ipv4Addr::from(n << 8).into(), length));
        let v6 = (0u128..64, 40u8..60)
            .prop_map(|(n, length)| (std::net::Ipv6Addr::from(n << 72).into(), length));
        (prop_oneof![v4, v6], 0u8..3, 0u32..3).prop_map(|((address, length), more, asn)| {
            let prefix = Prefix::truncating(address, length).unwrap();
            let max_length = (length + more).min(prefix.family().bits());
            Vrp { prefix, max_length, asn: Asn(asn) }
        })
    }

    /// The type whose order Routinator sorts by.
    fn route_origin(vrp: &Vrp) -> RouteOrigin {
        let prefix = RpkiPrefix::new(vrp.prefix.address(), vrp.prefix.len()).unwrap();
        let prefix = MaxLenPrefix::new(prefix, Some(vrp.max_length)).unwrap();
        RouteOrigin::new(prefix, rpki::resources::Asn::from_u32(vrp.asn.0))
    }

    proptest! {
        #[test]
        fn rows_are_in_the_order_of_routinator(mut vrps in prop::collection::vec(vrp(), 0..40)) {
            vrps.sort_by(routinator_order);
            let ours = vrps.iter().map(route_origin);
            let mut theirs: Vec<_> = vrps.iter().map(route_origin).collect();
            theirs.sort();
            prop_assert!(ours.eq(theirs));
        }
    }
}
