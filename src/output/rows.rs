//! What every format writes, in the order in which Routinator writes it.
//!
//! Routinator has one row for each item, and names the trust anchor of its first source.

use std::ops::Range;

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
        trust_anchor(view, self.sources.first().copied())
    }
}

/// Returns the time that the metadata name: when the data set was made, not when it was asked for.
pub(super) fn generated(view: &View) -> Timestamp {
    match view.source() {
        ViewSource::World { time, .. } => *time,
        ViewSource::File { generated, .. } => generated.unwrap_or(Timestamp(0)),
    }
}

/// Goes through the VRPs in Routinator's order: IPv4 first, by address, but more specific prefixes
/// before what covers them.
///
/// In the order of a view what covers comes first, so that it waits here until what it covers is
/// through: at most as many prefixes as an address has bits.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    /// Where the next prefix begins.
    next: usize,
    /// The VRPs of prefixes that cover what comes now, the most specific last.
    waiting: Vec<Range<usize>>,
    /// The VRPs whose turn it is.
    now: Range<usize>,
}

impl Order {
    /// Returns the position of the next one; `vrps` are the same at each call.
    pub fn next(&mut self, vrps: &[Vrp]) -> Option<usize> {
        loop {
            if let Some(position) = self.now.next() {
                return Some(position);
            }
            let next = vrps.get(self.next).map(|vrp| vrp.prefix);
            let last = self.waiting.last().and_then(|group| vrps.get(group.start));
            let waits = last.is_some_and(|last| next.is_some_and(|next| last.prefix.covers(next)));
            if !waits && let Some(group) = self.waiting.pop() {
                self.now = group;
                continue;
            }
            let prefix = next?;
            let same = vrps.get(self.next..).unwrap_or_default().iter();
            let end = self.next + same.take_while(|vrp| vrp.prefix == prefix).count();
            self.waiting.push(self.next..end);
            self.next = end;
        }
    }
}

/// Returns the name of the trust anchor of an item, as Routinator gives it.
pub(super) fn trust_anchor(view: &View, source: Option<ItemSource>) -> &str {
    source.and_then(|source| view.trust_anchor(source)).unwrap_or("N/A")
}

/// Returns the max length if it says more than the prefix length does.
///
/// Whether a ROA names a max length that equals the prefix length is not kept: it means the same.
pub(super) fn max_length_beyond(vrp: Vrp) -> Option<u8> {
    Some(vrp.max_length).filter(|max_length| *max_length > vrp.prefix.len())
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
        fn rows_are_in_the_order_of_routinator(vrps in prop::collection::btree_set(vrp(), 0..40)) {
            let vrps: Vec<Vrp> = vrps.into_iter().collect();
            let mut order = Order::default();
            let ours = std::iter::from_fn(|| order.next(&vrps));
            let ours: Vec<_> = ours.map(|position| route_origin(&vrps[position])).collect();
            let mut theirs: Vec<_> = vrps.iter().map(route_origin).collect();
            theirs.sort();
            prop_assert_eq!(ours, theirs);
        }
    }
}
