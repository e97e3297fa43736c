//! Sets of Internet number resources: address ranges and AS ranges.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::{Asn, Prefix};

/// An inclusive range of resources.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct ResourceRange<T> {
    /// The first resource.
    pub min: T,
    /// The last resource.
    pub max: T,
}

/// A range of IPv4 addresses.
pub type V4Range = ResourceRange<u32>;
/// A range of IPv6 addresses.
pub type V6Range = ResourceRange<u128>;
/// A range of AS numbers.
pub type AsRange = ResourceRange<u32>;

/// A set of Internet number resources.
///
/// Invariant: each list ascends, and its ranges neither overlap nor touch, so that a question is
/// one binary search (the `rpki` crate scans: quadratic on hostile input).
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct ResourceSet {
    v4: Vec<V4Range>,
    v6: Vec<V6Range>,
    asn: Vec<AsRange>,
}

impl ResourceSet {
    /// Makes a set from ranges in any order; reversed ranges are left out.
    pub fn new(
        v4: impl IntoIterator<Item = V4Range>,
        v6: impl IntoIterator<Item = V6Range>,
        asn: impl IntoIterator<Item = AsRange>,
    ) -> Self {
        ResourceSet {
            v4: normalise(v4.into_iter().collect(), |n| n.checked_add(1)),
            v6: normalise(v6.into_iter().collect(), |n| n.checked_add(1)),
            asn: normalise(asn.into_iter().collect(), |n| n.checked_add(1)),
        }
    }

    /// Makes the set that holds everything.
    pub fn all() -> Self {
        ResourceSet {
            v4: vec![V4Range { min: 0, max: u32::MAX }],
            v6: vec![V6Range { min: 0, max: u128::MAX }],
            asn: vec![AsRange { min: 0, max: u32::MAX }],
        }
    }

    /// Makes the set that holds just these prefixes.
    pub fn from_prefixes(prefixes: impl IntoIterator<Item = Prefix>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for prefix in prefixes {
            match bounds(prefix) {
                Bounds::V4(range) => v4.push(range),
                Bounds::V6(range) => v6.push(range),
            }
        }
        ResourceSet::new(v4, v6, [])
    }

    /// Returns the IPv4 ranges, ascending.
    pub fn v4(&self) -> &[V4Range] {
        &self.v4
    }

    /// Returns the IPv6 ranges, ascending.
    pub fn v6(&self) -> &[V6Range] {
        &self.v6
    }

    /// Returns the AS ranges, ascending.
    pub fn asn(&self) -> &[AsRange] {
        &self.asn
    }

    /// Tells whether the set holds nothing.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty() && self.asn.is_empty()
    }

    /// Tells whether every address of `prefix` is in the set.
    pub fn contains_prefix(&self, prefix: Prefix) -> bool {
        match bounds(prefix) {
            Bounds::V4(range) => contains(&self.v4, range),
            Bounds::V6(range) => contains(&self.v6, range),
        }
    }

    /// Tells whether any address of `prefix` is in the set.
    pub fn intersects_prefix(&self, prefix: Prefix) -> bool {
        match bounds(prefix) {
            Bounds::V4(range) => intersects(&self.v4, range),
            Bounds::V6(range) => intersects(&self.v6, range),
        }
    }

    /// Tells whether `asn` is in the set.
    pub fn contains_asn(&self, asn: Asn) -> bool {
        contains(&self.asn, AsRange { min: asn.0, max: asn.0 })
    }

    /// Tells whether every resource of `other` is in the set.
    pub fn contains_set(&self, other: &ResourceSet) -> bool {
        other.v4.iter().all(|range| contains(&self.v4, *range))
            && other.v6.iter().all(|range| contains(&self.v6, *range))
            && other.asn.iter().all(|range| contains(&self.asn, *range))
    }

    /// Returns what both sets have in common.
    pub fn intersection(&self, other: &ResourceSet) -> ResourceSet {
        ResourceSet {
            v4: intersection(&self.v4, &other.v4),
            v6: intersection(&self.v6, &other.v6),
            asn: intersection(&self.asn, &other.asn),
        }
    }
}

enum Bounds {
    V4(V4Range),
    V6(V6Range),
}

/// Returns the first and last address of a prefix.
fn bounds(prefix: Prefix) -> Bounds {
    match prefix.address() {
        IpAddr::V4(address) => {
            let min = u32::from(address);
            let max = min | u32::MAX.checked_shr(prefix.len().into()).unwrap_or(0);
            Bounds::V4(ResourceRange { min, max })
        }
        IpAddr::V6(address) => {
            let min = u128::from(address);
            let max = min | u128::MAX.checked_shr(prefix.len().into()).unwrap_or(0);
            Bounds::V6(ResourceRange { min, max })
        }
    }
}

fn normalise<T: Ord + Copy>(
    mut ranges: Vec<ResourceRange<T>>,
    successor: impl Fn(T) -> Option<T>,
) -> Vec<ResourceRange<T>> {
    ranges.retain(|range| range.min <= range.max);
    ranges.sort_unstable();
    let mut merged: Vec<ResourceRange<T>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            // Without a successor the last range reaches the end, and holds this one.
            Some(last) if successor(last.max).is_none_or(|next| range.min <= next) => {
                last.max = last.max.max(range.max);
            }
            _ => merged.push(range),
        }
    }
    merged
}

/// Returns the first range that does not end before `min`.
fn first_reaching<T: Ord + Copy>(ranges: &[ResourceRange<T>], min: T) -> Option<&ResourceRange<T>> {
    ranges.get(ranges.partition_point(|range| range.max < min))
}

fn contains<T: Ord + Copy>(ranges: &[ResourceRange<T>], inner: ResourceRange<T>) -> bool {
    first_reaching(ranges, inner.min).is_some_and(|r| r.min <= inner.min && inner.max <= r.max)
}

fn intersects<T: Ord + Copy>(ranges: &[ResourceRange<T>], other: ResourceRange<T>) -> bool {
    first_reaching(ranges, other.min).is_some_and(|range| range.min <= other.max)
}

fn intersection<T: Ord + Copy>(
    left: &[ResourceRange<T>],
    right: &[ResourceRange<T>],
) -> Vec<ResourceRange<T>> {
    let mut common = Vec::new();
    let (mut lefts, mut rights) = (left.iter().peekable(), right.iter().peekable());
    while let (Some(l), Some(r)) = (lefts.peek(), rights.peek()) {
        let (min, max) = (l.min.max(r.min), l.max.min(r.max));
        if min <= max {
            common.push(ResourceRange { min, max });
        }
        if l.max <= r.max {
            lefts.next()
        } else {
            rights.next()
        };
    }
    common
}

impl fmt::Display for ResourceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for range in &self.v4 {
            let (min, max) = (Ipv4Addr::from(range.min), Ipv4Addr::from(range.max));
            write_range(
                f,
                separator,
                min.into(),
                max.into(),
                u128::from(range.max - range.min),
                32,
            )?;
            separator = ", ";
        }
        for range in &self.v6 {
            let (min, max) = (Ipv6Addr::from(range.min), Ipv6Addr::from(range.max));
            write_range(f, separator, min.into(), max.into(), range.max - range.min, 128)?;
            separator = ", ";
        }
        for range in &self.asn {
            write!(f, "{separator}{}", Asn(range.min))?;
            if range.min != range.max {
                write!(f, "-{}", Asn(range.max))?;
            }
            separator = ", ";
        }
        Ok(())
    }
}

/// Writes an address range, as a prefix where it is one. `span` is `max - min`.
fn write_range(
    f: &mut fmt::Formatter<'_>,
    separator: &str,
    min: IpAddr,
    max: IpAddr,
    span: u128,
    bits: u32,
) -> fmt::Result {
    let host_bits = u128::BITS - span.leading_zeros();
    let length = u8::try_from(bits.saturating_sub(host_bits)).unwrap_or(0);
    // A span of 2^n - 1 that starts on a multiple of 2^n is a prefix.
    let is_power = span.wrapping_add(1).is_power_of_two() || span == u128::MAX;
    match Prefix::new(min, length) {
        Ok(prefix) if is_power => write!(f, "{separator}{prefix}"),
        _ => write!(f, "{separator}{min}-{max}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(ranges: &[(u32, u32)]) -> ResourceSet {
        let ranges = ranges.iter().map(|&(min, max)| AsRange { min, max });
        ResourceSet::new([], [], ranges)
    }

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(set(&[(5, 9), (1, 4), (20, 30), (8, 12)]), set(&[(1, 12), (20, 30)]));
        assert_eq!(set(&[(0, u32::MAX), (7, 9)]).asn(), [AsRange { min: 0, max: u32::MAX }]);
    }

    #[test]
    fn g02_one_address_too_many_is_not_contained() {
        let prefixes = ["192.0.2.0/24", "2001:db8::/32"].map(|p| p.parse().unwrap());
        let set = ResourceSet::from_prefixes(prefixes);
        assert!(set.contains_prefix("192.0.2.0/24".parse().unwrap()));
        assert!(set.contains_prefix("192.0.2.255/32".parse().unwrap()));
        assert!(!set.contains_prefix("192.0.2.0/23".parse().unwrap()));
        assert!(!set.contains_prefix("192.0.3.0/32".parse().unwrap()));
        assert!(set.intersects_prefix("192.0.0.0/16".parse().unwrap()));
        assert!(set.contains_prefix("2001:db8:1::/48".parse().unwrap()));
        assert!(!set.contains_prefix("::/0".parse().unwrap()));
    }

    #[test]
    fn writes_prefixes_where_it_can() {
        let v4 = |min: [u8; 4], max: [u8; 4]| V4Range {
            min: u32::from(Ipv4Addr::from(min)),
            max: u32::from(Ipv4Addr::from(max)),
        };
        let set = ResourceSet::new(
            [v4([10, 0, 0, 0], [10, 0, 0, 255]), v4([192, 0, 2, 1], [192, 0, 2, 4])],
            [V6Range { min: 0, max: u128::MAX }],
            [AsRange { min: 1, max: 1 }, AsRange { min: 64496, max: 64511 }],
        );
        let text = "10.0.0.0/24, 192.0.2.1-192.0.2.4, ::/0, AS1, AS64496-AS64511";
        assert_eq!(set.to_string(), text);
    }

    proptest! {
        #[test]
        fn agrees_with_a_naive_set(
            left in prop::collection::vec((0u32..60, 0u32..60), 0..8),
            right in prop::collection::vec((0u32..60, 0u32..60), 0..8),
        ) {
            let naive = |ranges: &[(u32, u32)], n| ranges.iter().any(|&(a, b)| a <= n && n <= b);
            let (l, r) = (set(&left), set(&right));
            let both = l.intersection(&r);
            for n in 0..60 {
                prop_assert_eq!(l.contains_asn(Asn(n)), naive(&left, n));
                prop_assert_eq!(both.contains_asn(Asn(n)), naive(&left, n) && naive(&right, n));
            }
            let subset = (0..60).all(|n| !naive(&right, n) || naive(&left, n));
            prop_assert_eq!(l.contains_set(&r), subset);
            prop_assert!(l.contains_set(&both) && r.contains_set(&both));
        }
    }
}
