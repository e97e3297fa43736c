//! Which units of work killed the worker: marks, quarantine and forgiveness. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limits::{CRASHES_TO_QUARANTINE, FIRST_QUARANTINE, LONGEST_QUARANTINE, SUSPECTS};
use crate::model::Timestamp;

/// What the name of a unit begins with that is a publication point.
pub(super) const POINT: &str = "P ";

/// What earlier workers died of, as far as it is known.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Suspects {
    /// How many workers ended without saying goodbye.
    pub crashes: u64,
    /// When that was noticed last.
    pub last_crash: Option<Timestamp>,
    /// The units that they had in hand, until each has been worked on without harm.
    pub units: BTreeMap<String, Suspect>,
}

/// A unit of work that was in hand when a worker died.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Suspect {
    /// How often.
    pub crashes: u32,
    /// Until when it is not touched.
    pub until: Option<Timestamp>,
}

impl Suspects {
    /// Notes that a worker died with `units` in hand, and quarantines those that had it thrice.
    ///
    /// Points that are suspect are judged one after the other, each for some milliseconds. So where
    /// one of them is in hand it is the culprit, and no fetch that happened to be slow is marked.
    pub fn note_crash(&mut self, units: &[String], now: Timestamp) {
        self.crashes = self.crashes.saturating_add(1);
        self.last_crash = Some(now);
        let is_culprit = |unit: &&String| unit.starts_with(POINT) && self.is_suspect(unit);
        let culprits: Vec<&String> = units.iter().filter(is_culprit).collect();
        let marked = if culprits.is_empty() { units.iter().collect() } else { culprits };
        for unit in marked {
            let room = self.units.len() < SUSPECTS || self.units.contains_key(unit);
            if !room {
                continue;
            }
            let suspect =
                self.units.entry(unit.clone()).or_insert(Suspect { crashes: 0, until: None });
            suspect.crashes = suspect.crashes.saturating_add(1);
            suspect.until = suspect.crashes.checked_sub(CRASHES_TO_QUARANTINE).map(|more| {
                let factor = 1u32.checked_shl(more).unwrap_or(u32::MAX);
                let pause: Duration = FIRST_QUARANTINE.saturating_mul(factor);
                now.plus(pause.min(LONGEST_QUARANTINE))
            });
        }
    }

    /// Returns until when `unit` must not be touched, if that is after `now`.
    pub fn quarantine(&self, unit: &str, now: Timestamp) -> Option<Timestamp> {
        self.units.get(unit)?.until.filter(|until| *until > now)
    }

    /// Tells whether `unit` was in hand at a crash; suspects are worked on one at a time, so that
    /// the next crash has one culprit.
    pub fn is_suspect(&self, unit: &str) -> bool {
        self.units.contains_key(unit)
    }

    /// Forgives a unit that was worked on without harm; returns whether that changes anything.
    pub fn forgive(&mut self, unit: &str) -> bool {
        self.units.remove(unit).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_unit_in_hand_at_three_crashes_is_quarantined_with_growing_pauses() {
        let mut suspects = Suspects::default();
        for crash in 1..=2 {
            suspects.note_crash(&units(&["evil", "innocent"]), Timestamp(crash));
        }
        assert_eq!(suspects.quarantine("evil", Timestamp(2)), None);
        assert!(suspects.forgive("innocent"), "it was worked on without harm");
        suspects.note_crash(&units(&["evil", "innocent"]), Timestamp(1_000));
        let until = Timestamp(1_000).plus(FIRST_QUARANTINE);
        assert_eq!(suspects.quarantine("evil", Timestamp(1_000)), Some(until));
        assert_eq!(suspects.quarantine("evil", until), None, "then it is tried again");
        assert_eq!(suspects.quarantine("innocent", Timestamp(1_000)), None);
        suspects.note_crash(&units(&["evil"]), until);
        assert_eq!(suspects.quarantine("evil", until), Some(until.plus(FIRST_QUARANTINE * 2)));
        for _ in 0..100 {
            suspects.note_crash(&units(&["evil"]), until);
        }
        assert_eq!(suspects.quarantine("evil", until), Some(until.plus(LONGEST_QUARANTINE)));
        assert!(suspects.forgive("evil"));
        assert_eq!((suspects.crashes, suspects.units.len()), (104, 1));
    }

    #[test]
    fn a_fetch_that_is_slow_while_a_point_kills_thrice_is_not_quarantined() {
        let mut suspects = Suspects::default();
        for crash in 1..=3 {
            suspects.note_crash(&units(&["F slow", "P evil"]), Timestamp(crash));
        }
        assert!(suspects.quarantine("P evil", Timestamp(3)).is_some());
        assert_eq!(suspects.units.get("F slow").map(|suspect| suspect.crashes), Some(1));
        // Without a suspect point in hand, the fetch is what is left.
        for crash in 4..=5 {
            suspects.note_crash(&units(&["F slow"]), Timestamp(crash));
        }
        assert!(suspects.quarantine("F slow", Timestamp(5)).is_some());
    }

    #[test]
    fn the_list_is_bounded() {
        let mut suspects = Suspects::default();
        let many: Vec<String> = (0..SUSPECTS + 10).map(|number| number.to_string()).collect();
        suspects.note_crash(&many, Timestamp(1));
        assert_eq!(suspects.units.len(), SUSPECTS);
    }
}
