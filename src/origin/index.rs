//! The origin index: every VRP whose prefix covers a given one, in well under 100 ns.
//!
//! Per family, the prefixes that VRPs name are one array sorted by (address, length), and each
//! knows its *parent*, the longest other prefix that covers it. Every prefix that covers a
//! question is then an ancestor of, or is, the last entry whose address is not above the
//! question's: one binary search, narrowed by a table of the first bits, and a walk to the root.

use std::ops::Range;

use super::address::{Address, Network};
use crate::model::{Asn, Prefix, Vrp};

/// The mark for "no node".
const NONE: u32 = u32::MAX;

/// How far a [`Cursor`] steps before it searches instead.
///
/// A step reads the next of a row of addresses, a search misses the cache about three times.
const CURSOR_STEPS: u32 = 16;

/// What a VRP permits below its prefix: the part of it that a judgement needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Permission {
    /// The AS that may originate.
    pub asn: Asn,
    /// The longest prefix length that it may announce.
    pub max_length: u8,
}

/// An index over a sorted list of VRPs; immutable.
#[derive(Clone, Debug, Default)]
pub struct Index {
    v4: Tree<u32>,
    v6: Tree<u128>,
    /// One for each VRP, at the VRP's position: a third of its size, so the cache holds more.
    permissions: Vec<Permission>,
}

/// The prefixes of one family.
#[derive(Clone, Debug)]
struct Tree<A> {
    /// Invariant: sorted together with `nodes` by (address, length); no two are equal.
    addresses: Vec<A>,
    /// One for each address, and a last one that only ends the VRPs of the one before.
    ///
    /// Invariant: a parent comes before its children.
    nodes: Vec<Node>,
    /// The position of the first address of each bucket, and a last one for the end.
    ///
    /// Empty if there are no addresses.
    buckets: Vec<u32>,
}

/// One prefix.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// The longest prefix that covers this one, or [`NONE`].
    parent: u32,
    /// The position of its first VRP; those of the next node begin where its own end.
    first: u32,
    /// Its length in bits.
    length: u8,
}

impl Index {
    /// Builds the index of `vrps`, which must ascend without duplicates.
    ///
    /// Positions that the index returns are positions in that list.
    pub fn build(vrps: &[Vrp]) -> Index {
        debug_assert!(vrps.is_sorted_by(|a, b| a < b), "VRPs must be sorted and unique");
        let (mut v4, mut v6) = (Tree::default(), Tree::default());
        let mut permissions = Vec::with_capacity(vrps.len());
        // A position is a u32, and the last one is a mark: 4 billion VRPs are 100 GB away.
        for (position, vrp) in (0..NONE).zip(vrps) {
            match Network::of(vrp.prefix) {
                Network::V4(address) => v4.push(address, vrp.prefix.len(), position),
                Network::V6(address) => v6.push(address, vrp.prefix.len(), position),
            }
            permissions.push(Permission { asn: vrp.asn, max_length: vrp.max_length });
        }
        // All of IPv4 is ordered before all of IPv6, so that IPv4 ends where IPv6 begins.
        let end = u32::try_from(permissions.len()).unwrap_or(NONE);
        v4.finish(v6.nodes.first().map_or(end, |node| node.first));
        v6.finish(end);
        Index { v4, v6, permissions }
    }

    /// Returns what covers `prefix`: the longest prefix first, each with its VRPs in list order.
    ///
    /// Source: RFC 6811, section 2, "Covered".
    pub fn covering(&self, prefix: Prefix) -> Covering<'_> {
        let length = prefix.len();
        match Network::of(prefix) {
            Network::V4(address) => {
                let node = self.v4.longest_cover(self.v4.search(address), address, length);
                self.ascend(&self.v4.nodes, node)
            }
            Network::V6(address) => {
                let node = self.v6.longest_cover(self.v6.search(address), address, length);
                self.ascend(&self.v6.nodes, node)
            }
        }
    }

    /// Returns a cursor, which answers ascending questions faster.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor { index: self, v4: NONE, v6: NONE }
    }

    fn ascend<'a>(&'a self, nodes: &'a [Node], node: u32) -> Covering<'a> {
        Covering { nodes, permissions: &self.permissions, node }
    }
}

impl<A> Default for Tree<A> {
    fn default() -> Self {
        Tree { addresses: Vec::new(), nodes: Vec::new(), buckets: Vec::new() }
    }
}

impl<A: Address> Tree<A> {
    /// Adds the prefix of the VRP at `position`, unless it was added last.
    fn push(&mut self, address: A, length: u8, position: u32) {
        let last = self.addresses.last().zip(self.nodes.last());
        if last.is_some_and(|(last, node)| *last == address && node.length == length) {
            return;
        }
        let before = u32::try_from(self.nodes.len()).ok().and_then(|count| count.checked_sub(1));
        let parent = self.longest_cover(before.unwrap_or(NONE), address, length);
        self.addresses.push(address);
        self.nodes.push(Node { parent, first: position, length });
    }

    /// Ends the list; `end` is the position behind the last VRP of this family.
    fn finish(&mut self, end: u32) {
        self.nodes.push(Node { parent: NONE, first: end, length: 0 });
        if self.addresses.is_empty() {
            return;
        }
        self.buckets.reserve_exact(A::BUCKETS + 1);
        for (position, address) in (0..NONE).zip(&self.addresses) {
            while self.buckets.len() <= address.bucket() {
                self.buckets.push(position);
            }
        }
        let count = u32::try_from(self.addresses.len()).unwrap_or(NONE);
        self.buckets.resize(A::BUCKETS + 1, count);
    }

    /// Returns the last node whose address is not above `address`.
    #[inline]
    fn search(&self, address: A) -> u32 {
        let bucket = address.bucket();
        let bounds = self.buckets.get(bucket).zip(self.buckets.get(bucket + 1));
        let Some((&start, &end)) = bounds else { return NONE };
        let Some(addresses) = self.addresses.get(start as usize..end as usize) else { return NONE };
        let inside = addresses.partition_point(|other| *other <= address);
        // Without one in the bucket it is the last of an earlier one; before the first, none.
        #[expect(clippy::cast_possible_truncation, reason = "not above `end`, which is a u32")]
        (start + inside as u32).checked_sub(1).unwrap_or(NONE)
    }

    /// Walks from `node` to the first ancestor, itself included, that covers the prefix.
    #[inline]
    fn longest_cover(&self, mut node: u32, address: A, length: u8) -> u32 {
        while let (Some(here), Some(other)) =
            (self.nodes.get(node as usize), self.addresses.get(node as usize))
        {
            if here.length <= length && other.shares(address, here.length) {
                return node;
            }
            node = here.parent;
        }
        NONE
    }

    /// Does what `search` does, from the node that an earlier search returned.
    fn search_from(&self, mut node: u32, address: A) -> u32 {
        match self.addresses.get(node as usize) {
            Some(here) if *here <= address => {}
            _ => return self.search(address),
        }
        for _ in 0..CURSOR_STEPS {
            match self.addresses.get(node as usize + 1) {
                Some(next) if *next <= address => node += 1,
                _ => return node,
            }
        }
        self.search(address)
    }
}

/// What covers one prefix: an iterator over the covering prefixes, longest first.
#[derive(Clone, Debug)]
pub struct Covering<'a> {
    nodes: &'a [Node],
    permissions: &'a [Permission],
    node: u32,
}

/// The VRPs of one covering prefix.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cover<'a> {
    /// The length of the covering prefix.
    pub length: u8,
    /// Their positions in the list that the index was built from.
    pub positions: Range<usize>,
    /// What each of them permits, in the same order.
    pub permissions: &'a [Permission],
}

impl<'a> Iterator for Covering<'a> {
    type Item = Cover<'a>;

    #[inline]
    fn next(&mut self) -> Option<Cover<'a>> {
        let node = self.nodes.get(self.node as usize)?;
        let end = self.nodes.get(self.node as usize + 1)?.first;
        let positions = node.first as usize..end as usize;
        self.node = node.parent;
        let permissions = self.permissions.get(positions.clone())?;
        Some(Cover { length: node.length, positions, permissions })
    }
}

/// A place in the index, from which the next question is near if questions ascend.
///
/// Right for questions in any order; fast for those in the order of [`Prefix`].
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    index: &'a Index,
    v4: u32,
    v6: u32,
}

impl<'a> Cursor<'a> {
    /// Returns what [`Index::covering`] returns, and moves to `prefix`.
    pub fn covering(&mut self, prefix: Prefix) -> Covering<'a> {
        let length = prefix.len();
        let index = self.index;
        match Network::of(prefix) {
            Network::V4(address) => {
                self.v4 = index.v4.search_from(self.v4, address);
                let node = index.v4.longest_cover(self.v4, address, length);
                index.ascend(&index.v4.nodes, node)
            }
            Network::V6(address) => {
                self.v6 = index.v6.search_from(self.v6, address);
                let node = index.v6.longest_cover(self.v6, address, length);
                index.ascend(&index.v6.nodes, node)
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vrp(prefix: &str, max_length: u8, asn: u32) -> Vrp {
        Vrp { prefix: prefix.parse().unwrap(), max_length, asn: Asn(asn) }
    }

    fn positions(covering: Covering<'_>) -> Vec<usize> {
        covering.flat_map(|cover| cover.positions).collect()
    }

    /// Prefixes that are close together, so that they often cover each other.
    pub(in crate::origin) fn any_prefix() -> impl Strategy<Value = Prefix> {
        let v4 = (0u32..64, 0u8..=32, 0u32..4).prop_map(|(high, length, low)| {
            let address = high << 26 | low << 16 | low;
            Prefix::truncating(std::net::Ipv4Addr::from(address).into(), length).unwrap()
        });
        let v6 = (0u128..8, 0u8..=128, 0u128..8).prop_map(|(high, length, low)| {
            let address = high << 125 | low << 108 | low << 62 | low;
            Prefix::truncating(std::net::Ipv6Addr::from(address).into(), length).unwrap()
        });
        prop_oneof![v4, v6]
    }

    pub(in crate::origin) fn any_vrps() -> impl Strategy<Value = Vec<Vrp>> {
        let vrp = (any_prefix(), 0u8..=128, 0u32..4).prop_map(|(prefix, more, asn)| {
            let max_length = prefix.len().saturating_add(more).min(prefix.family().bits());
            Vrp { prefix, max_length, asn: Asn(asn) }
        });
        prop::collection::btree_set(vrp, 0..80).prop_map(|set| set.into_iter().collect())
    }

    #[test]
    fn the_longest_covering_prefix_comes_first() {
        let vrps = [
            vrp("0.0.0.0/0", 0, 1),
            vrp("10.0.0.0/8", 8, 1),
            vrp("10.0.0.0/8", 16, 2),
            vrp("10.0.0.0/16", 24, 1),
            vrp("10.1.0.0/16", 24, 1),
            vrp("2001:db8::/32", 48, 1),
        ];
        let index = Index::build(&vrps);
        let ask = |prefix: &str| positions(index.covering(prefix.parse().unwrap()));
        assert_eq!(ask("10.0.0.0/16"), [3, 1, 2, 0]);
        assert_eq!(ask("10.0.0.0/15"), [1, 2, 0]);
        assert_eq!(ask("10.2.0.0/16"), [1, 2, 0]);
        assert_eq!(ask("9.0.0.0/8"), [0]);
        assert_eq!(ask("2001:db8:1::/48"), [5]);
        assert_eq!(ask("2001:db9::/32"), [0usize; 0]);
        assert_eq!(ask("::/0"), [0usize; 0]);
        let cover = index.covering("10.0.0.0/8".parse().unwrap()).next().unwrap();
        assert_eq!((cover.length, cover.positions), (8, 1..3));
        assert_eq!(cover.permissions[1], Permission { asn: Asn(2), max_length: 16 });
    }

    #[test]
    fn an_empty_index_covers_nothing() {
        let index = Index::build(&[]);
        assert!(index.covering("10.0.0.0/8".parse().unwrap()).next().is_none());
        assert!(index.cursor().covering("::/0".parse().unwrap()).next().is_none());
        assert!(Index::default().covering("::/0".parse().unwrap()).next().is_none());
    }

    proptest! {
        #[test]
        fn equals_a_naive_scan(
            vrps in any_vrps(),
            questions in prop::collection::vec(any_prefix(), 1..40),
        ) {
            let index = Index::build(&vrps);
            let mut cursor = index.cursor();
            let own = vrps.iter().map(|vrp| vrp.prefix);
            for prefix in questions.into_iter().chain(own) {
                let mut naive: Vec<usize> =
                    (0..vrps.len()).filter(|&i| vrps[i].prefix.covers(prefix)).collect();
                naive.sort_by_key(|&i| (std::cmp::Reverse(vrps[i].prefix.len()), i));
                prop_assert_eq!(&positions(index.covering(prefix)), &naive);
                prop_assert_eq!(&positions(cursor.covering(prefix)), &naive);
                for cover in index.covering(prefix) {
                    prop_assert_eq!(cover.positions.len(), cover.permissions.len());
                    for (position, permission) in cover.positions.zip(cover.permissions) {
                        let vrp = vrps[position];
                        prop_assert_eq!(vrp.asn, permission.asn);
                        prop_assert_eq!(vrp.max_length, permission.max_length);
                        prop_assert_eq!(vrp.prefix.len(), cover.length);
                    }
                }
            }
        }
    }
}
