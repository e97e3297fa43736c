//! Session, serial and recent changes: what makes a Serial Query answerable. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use super::limits::{MAX_DELTA_ITEMS, MAX_DELTAS};
use crate::payload::{PayloadDelta, PayloadSet};

/// A line of payload sets, each with its serial number.
#[derive(Clone, Debug)]
pub(super) struct History {
    /// Names this line; the session of version 0.
    pub session: u16,
    /// The number of the last set.
    pub serial: u32,
    /// The last set.
    pub set: Arc<PayloadSet>,
    /// The changes that led to it; the last one leads from the serial before.
    deltas: VecDeque<Arc<PayloadDelta>>,
}

impl History {
    /// Begins a line that nobody knows.
    pub fn begin(session: u16, set: Arc<PayloadSet>) -> Self {
        History { session, serial: 1, set, deltas: VecDeque::new() }
    }

    /// Goes on with a line that was saved, at the set at which it ended.
    pub fn resume(
        session: u16,
        serial: u32,
        set: Arc<PayloadSet>,
        deltas: impl IntoIterator<Item = PayloadDelta>,
    ) -> Self {
        History { session, serial, set, deltas: deltas.into_iter().map(Arc::new).collect() }
    }

    /// Returns the line with another set behind the last; serials begin again after 2^32 - 1
    /// (RFC 1982).
    pub fn with(&self, set: Arc<PayloadSet>, delta: PayloadDelta) -> Self {
        let mut deltas = self.deltas.clone();
        deltas.push_back(Arc::new(delta));
        let mut items: usize = deltas.iter().map(|delta| delta.len()).sum();
        while deltas.len() > MAX_DELTAS || items > MAX_DELTA_ITEMS {
            let Some(oldest) = deltas.pop_front() else { break };
            items -= oldest.len();
        }
        History { session: self.session, serial: self.serial.wrapping_add(1), set, deltas }
    }

    /// Returns the changes, oldest first.
    pub fn deltas(&self) -> impl Iterator<Item = &PayloadDelta> {
        self.deltas.iter().map(AsRef::as_ref)
    }

    /// Returns how many changes lead from `serial` to the last set; `None` where they are not
    /// kept, or `serial` never was in this line.
    pub fn steps_since(&self, serial: u32) -> Option<usize> {
        let steps = usize::try_from(self.serial.wrapping_sub(serial)).ok()?;
        (steps <= self.deltas.len()).then_some(steps)
    }

    /// Returns the smallest difference that leads from `steps` changes ago to the last set.
    pub fn delta_over(&self, steps: usize) -> PayloadDelta {
        let nothing = PayloadDelta::between(&PayloadSet::default(), &PayloadSet::default());
        let first = self.deltas.len().saturating_sub(steps);
        self.deltas.iter().skip(first).fold(nothing, |delta, next| delta.then(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Asn, Vrp};

    fn set(asns: std::ops::Range<u32>) -> Arc<PayloadSet> {
        let prefix = "192.0.2.0/24".parse().unwrap();
        Arc::new(PayloadSet::new(
            asns.map(|asn| Vrp { prefix, max_length: 24, asn: Asn(asn) }),
            [],
            [],
        ))
    }

    fn next(history: &History, asns: std::ops::Range<u32>) -> History {
        let set = set(asns);
        let delta = PayloadDelta::between(&history.set, &set);
        history.with(set, delta)
    }

    #[test]
    fn i16_the_difference_over_several_changes_is_the_smallest() {
        let history = next(&next(&History::begin(7, set(0..2)), 0..1), 0..3);
        assert_eq!(history.serial, 3);
        assert_eq!(history.steps_since(3), Some(0));
        assert!(history.delta_over(0).is_empty());
        assert_eq!(history.delta_over(1).len(), 2);
        assert_eq!(history.delta_over(2), PayloadDelta::between(&set(0..2), &set(0..3)));
    }

    #[test]
    fn i11_serials_go_around_and_one_that_is_ahead_is_unknown() {
        let mut history = History::resume(7, u32::MAX, set(0..1), []);
        history = next(&history, 0..2);
        assert_eq!(history.serial, 0);
        history = next(&history, 0..3);
        assert_eq!(history.steps_since(u32::MAX), Some(2));
        assert_eq!(history.steps_since(2), None);
        assert_eq!(history.steps_since(u32::MAX - 1), None);
    }

    #[test]
    fn i12_old_changes_are_dropped_by_number_and_by_size() {
        let mut history = History::begin(7, set(0..1));
        for _ in 0..MAX_DELTAS {
            let more = history.serial + 1;
            history = next(&history, 0..more);
        }
        assert_eq!(history.steps_since(1), Some(MAX_DELTAS));
        let more = history.serial + 1;
        history = next(&history, 0..more);
        assert_eq!(history.steps_since(1), None);
        let half = u32::try_from(MAX_DELTA_ITEMS / 2 + 1).unwrap();
        let mut history = History::begin(7, set(0..0));
        history = next(&history, 0..half);
        history = next(&history, half..2 * half);
        // One such change is as large as three quarters of a full table: not kept either.
        assert_eq!(history.steps_since(2), None);
        assert_eq!(history.steps_since(3), Some(0));
    }
}
