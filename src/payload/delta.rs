//! The difference between two payload sets, and differences one after the other.

use serde::{Deserialize, Serialize};

use super::PayloadSet;
use crate::model::{Aspa, RouterKey, Vrp};

/// What to remove from a set of items and what to add; never the same item.
///
/// Invariant: both lists are sorted and have no duplicates, and nothing is in both.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Changes<T> {
    /// The items of the later set alone.
    pub announced: Vec<T>,
    /// The items of the earlier set alone.
    pub withdrawn: Vec<T>,
}

impl<T: Ord + Clone> Changes<T> {
    /// Compares two sorted lists without duplicates.
    pub fn between(earlier: &[T], later: &[T]) -> Self {
        // Nearly all is the same: runs of it are skipped without a comparison of order.
        let (mut announced, mut withdrawn) = (Vec::new(), Vec::new());
        let (mut old, mut new) = (earlier, later);
        loop {
            let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
            old = old.get(same..).unwrap_or_default();
            new = new.get(same..).unwrap_or_default();
            match (old.split_first(), new.split_first()) {
                (Some((gone, rest)), next) if next.is_none_or(|(next, _)| gone < next) => {
                    withdrawn.push(gone.clone());
                    old = rest;
                }
                (_, Some((come, rest))) => {
                    announced.push(come.clone());
                    new = rest;
                }
                _ => return Changes { announced, withdrawn },
            }
        }
    }

    /// Joins these changes with those that follow; what cancels out is gone.
    pub fn then(&self, next: &Self) -> Self {
        // Whatever was announced and then withdrawn, or the reverse, is as it was.
        Changes {
            announced: merged(
                &without(&self.announced, &next.withdrawn),
                &without(&next.announced, &self.withdrawn),
            ),
            withdrawn: merged(
                &without(&self.withdrawn, &next.announced),
                &without(&next.withdrawn, &self.announced),
            ),
        }
    }

    fn len(&self) -> usize {
        self.announced.len() + self.withdrawn.len()
    }
}

/// Returns the items of one sorted list that are not in the other.
fn without<T: Ord + Clone>(items: &[T], others: &[T]) -> Vec<T> {
    let mut others = others.iter().peekable();
    let is_alone = |item: &&T| {
        while others.next_if(|other| other < item).is_some() {}
        others.peek() != Some(item)
    };
    items.iter().filter(is_alone).cloned().collect()
}

/// Merges two sorted lists that have nothing in common.
fn merged<T: Ord + Clone>(a: &[T], b: &[T]) -> Vec<T> {
    let mut all = [a, b].concat();
    // Two runs, which this merges in one pass.
    all.sort();
    all
}

/// The difference between two payload sets.
///
/// An ASPA counts with its providers: another provider withdraws the old one and announces the
/// new one. (On the wire the new one alone replaces it.)
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PayloadDelta {
    /// VRPs.
    pub vrps: Changes<Vrp>,
    /// Router keys.
    pub router_keys: Changes<RouterKey>,
    /// ASPAs.
    pub aspas: Changes<Aspa>,
}

impl PayloadDelta {
    /// Compares two sets.
    pub fn between(earlier: &PayloadSet, later: &PayloadSet) -> Self {
        PayloadDelta {
            vrps: Changes::between(earlier.vrps(), later.vrps()),
            router_keys: Changes::between(earlier.router_keys(), later.router_keys()),
            aspas: Changes::between(earlier.aspas(), later.aspas()),
        }
    }

    /// Joins this delta with the one that follows: the smallest from the first set to the last.
    pub fn then(&self, next: &Self) -> Self {
        PayloadDelta {
            vrps: self.vrps.then(&next.vrps),
            router_keys: self.router_keys.then(&next.router_keys),
            aspas: self.aspas.then(&next.aspas),
        }
    }

    /// Returns how many items are announced or withdrawn.
    pub fn len(&self) -> usize {
        self.vrps.len() + self.router_keys.len() + self.aspas.len()
    }

    /// Tells whether both sets are the same.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{Asn, Prefix};

    fn set(items: &BTreeSet<u8>) -> Vec<u8> {
        items.iter().copied().collect()
    }

    fn apply(changes: &Changes<u8>, items: &BTreeSet<u8>) -> BTreeSet<u8> {
        let mut items = items.clone();
        for item in &changes.withdrawn {
            assert!(items.remove(item), "I17: {item} is not there");
        }
        for item in &changes.announced {
            assert!(items.insert(*item), "I16: {item} is there already");
        }
        items
    }

    fn items() -> impl Strategy<Value = BTreeSet<u8>> {
        proptest::collection::btree_set(0u8..12, 0..12)
    }

    proptest! {
        #[test]
        fn a_delta_applied_to_the_earlier_set_is_the_later_one(a in items(), b in items()) {
            let changes = Changes::between(&set(&a), &set(&b));
            prop_assert_eq!(apply(&changes, &a), b);
        }

        #[test]
        fn deltas_joined_are_the_delta_between_the_ends(a in items(), b in items(), c in items()) {
            let joined = Changes::between(&set(&a), &set(&b))
                .then(&Changes::between(&set(&b), &set(&c)));
            prop_assert_eq!(joined, Changes::between(&set(&a), &set(&c)));
        }
    }

    #[test]
    fn an_aspa_that_comes_back_as_it_was_cancels_out() {
        let aspa = |providers: &[u32]| Aspa {
            customer: Asn(1),
            providers: providers.iter().copied().map(Asn).collect(),
        };
        let prefix: Prefix = "192.0.2.0/24".parse().unwrap();
        let vrp = Vrp { prefix, max_length: 24, asn: Asn(1) };
        let first = PayloadSet::new([vrp], [], [aspa(&[2])]);
        let second = PayloadSet::new([], [], [aspa(&[2, 3])]);
        let there = PayloadDelta::between(&first, &second);
        assert_eq!((there.len(), there.aspas.announced.len()), (3, 1));
        assert!(there.then(&PayloadDelta::between(&second, &first)).is_empty());
    }
}
