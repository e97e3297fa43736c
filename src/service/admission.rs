//! Which newly named repositories are taken in: a cap for each trust anchor. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::RepositoryId;

/// What the cap lets in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Admission {
    /// The repositories to fetch.
    pub admitted: BTreeSet<RepositoryId>,
    /// Those that are left out for now, with the trust anchor that has too many.
    pub blocked: BTreeMap<RepositoryId, String>,
    /// How many repositories each trust anchor has, blocked ones included.
    pub wanted: BTreeMap<String, usize>,
}

/// Admits the repositories that the CAs below each trust anchor name, in the order given.
///
/// `known` are those that were admitted before. They stay, however many newcomers there are, and
/// count first: a cap blocks newcomers only and never evicts (DESIGN, section 2). A repository
/// that two trust anchors name is admitted if either has room for it.
pub fn admit(
    named: &[(String, Vec<RepositoryId>)],
    known: &BTreeSet<RepositoryId>,
    cap: usize,
) -> Admission {
    let mut admission = Admission::default();
    for (anchor, ids) in named {
        let distinct: BTreeSet<&RepositoryId> = ids.iter().collect();
        admission.wanted.insert(anchor.clone(), distinct.len());
        let old: Vec<&RepositoryId> =
            distinct.into_iter().filter(|id| known.contains(*id)).collect();
        let mut room = cap.saturating_sub(old.len());
        admission.admitted.extend(old.into_iter().cloned());
        for id in ids.iter().filter(|id| !known.contains(*id)) {
            if admission.admitted.contains(id) {
                continue;
            }
            if room > 0 {
                room -= 1;
                admission.blocked.remove(id);
                admission.admitted.insert(id.clone());
            } else {
                admission.blocked.insert(id.clone(), anchor.clone());
            }
        }
    }
    admission.blocked.retain(|id, _| !admission.admitted.contains(id));
    admission
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> RepositoryId {
        format!("https://h{number}.example/n.xml").parse().unwrap()
    }

    fn ids(numbers: impl IntoIterator<Item = usize>) -> Vec<RepositoryId> {
        numbers.into_iter().map(id).collect()
    }

    #[test]
    fn a11_a_cap_blocks_newcomers_and_never_evicts() {
        let known: BTreeSet<_> = ids([90, 91, 92]).into_iter().collect();
        // Newcomers come first in the walk, and are far too many.
        let named = [("ta".to_owned(), ids((0..80).chain([90, 91, 92])))];
        let admission = admit(&named, &known, 5);
        assert!(known.is_subset(&admission.admitted));
        assert_eq!(admission.admitted.len(), 5);
        assert_eq!(admission.blocked.len(), 78);
        assert_eq!(admission.wanted["ta"], 83, "what is blocked is told");
        // More known ones than the cap allows, after it was lowered: all stay.
        assert_eq!(admit(&named, &known, 1).admitted, known);
    }

    #[test]
    fn a11_one_trust_anchor_takes_nothing_from_another() {
        let named = [("evil".to_owned(), ids(0..50)), ("good".to_owned(), ids([3, 48, 60]))];
        let admission = admit(&named, &BTreeSet::new(), 3);
        let good: BTreeSet<_> = ids([3, 48, 60]).into_iter().collect();
        assert!(good.is_subset(&admission.admitted), "{:?}", admission.admitted);
        assert!(!admission.blocked.contains_key(&id(48)), "another has room for it");
    }

    #[test]
    fn the_same_walk_admits_the_same_repositories() {
        let named = [("ta".to_owned(), ids((0..40).rev()))];
        let first = admit(&named, &BTreeSet::new(), 4);
        assert_eq!(first.admitted, ids([39, 38, 37, 36]).into_iter().collect());
        assert_eq!(admit(&named, &first.admitted, 4), first);
    }
}
