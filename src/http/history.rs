//! What changed between the payload that was served before and what is served now.

use std::collections::VecDeque;
use std::sync::Arc;

use super::limits::{MAX_HISTORY, MAX_HISTORY_ITEMS};
use crate::model::{Aspa, RouterKey, Timestamp, WorldId};
use crate::payload::{Changes, PayloadDelta, PayloadSet};
use crate::world::{View, World};

/// The number of the payload that is served, and the changes that led to it.
///
/// A restart begins a new session: what was served before is not kept.
#[derive(Clone, Debug)]
pub(super) struct History {
    /// Names the numbering. Below 2^53, so that every reader of JSON keeps it exactly.
    pub session: u64,
    /// Counts the different payloads of this session.
    pub serial: u32,
    /// Counts the views, of which some have the same payload.
    pub views: u64,
    /// Oldest first; the last one led to `serial`.
    steps: VecDeque<Arc<Step>>,
}

/// One change.
#[derive(Debug)]
pub(super) struct Step {
    /// The number of the payload that it led to.
    pub serial: u32,
    /// The world that brought it; time alone may change the payload of the same world.
    pub world: WorldId,
    /// When that world was validated.
    pub time: Timestamp,
    /// What was added and removed.
    pub delta: PayloadDelta,
}

impl History {
    /// Begins a session; the first payload has serial 1, before it there is 0.
    pub fn begin(session: u64) -> Self {
        History { session, serial: 0, views: 0, steps: VecDeque::new() }
    }

    /// Returns the history with the payload of `view` at its end, if it differs from `last`.
    pub fn after(&self, last: Option<&View>, view: &View, world: &World) -> Self {
        let mut history = History { views: self.views + 1, ..self.clone() };
        let Some(last) = last else {
            history.serial += 1;
            return history;
        };
        let delta = between(last, view);
        if delta.is_empty() {
            return history;
        }
        // 2^32 different payloads are not reached; if they were, clients would begin again.
        history.serial = history.serial.saturating_add(1);
        let step = Step { serial: history.serial, world: world.id, time: world.time, delta };
        history.steps.push_back(Arc::new(step));
        let mut items: usize = history.steps.iter().map(|step| step.delta.len()).sum();
        while history.steps.len() > MAX_HISTORY || items > MAX_HISTORY_ITEMS {
            let Some(oldest) = history.steps.pop_front() else { break };
            items -= oldest.delta.len();
        }
        history
    }

    /// Returns the steps after `serial`, oldest first; `None` where they are not known.
    pub fn since(&self, session: u64, serial: u32) -> Option<impl Iterator<Item = &Arc<Step>>> {
        let first = self.steps.front().map_or(self.serial, |step| step.serial - 1);
        let known = session == self.session && (first..=self.serial).contains(&serial);
        known.then(|| self.steps.iter().filter(move |step| step.serial > serial))
    }

    /// Returns all changes after `serial` as one; `None` where they are not known.
    pub fn delta_since(&self, session: u64, serial: u32) -> Option<PayloadDelta> {
        let none = PayloadDelta::between(&PayloadSet::default(), &PayloadSet::default());
        Some(self.since(session, serial)?.fold(none, |sum, next| sum.then(&next.delta)))
    }

    /// Returns the steps that are known, oldest first.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &Arc<Step>> {
        self.steps.iter()
    }
}

/// Compares two views; the lists of VRPs are those that they hold already.
fn between(last: &View, next: &View) -> PayloadDelta {
    let delta = PayloadDelta::between(&beside_vrps(last), &beside_vrps(next));
    PayloadDelta { vrps: Changes::between(last.vrps(), next.vrps()), ..delta }
}

/// Returns router keys and ASPAs, each once.
pub(super) fn beside_vrps(view: &View) -> PayloadSet {
    let keys = view.router_keys().iter().map(|item| -> RouterKey { item.payload.clone() });
    let aspas = view.aspas().iter().map(|item| -> Aspa { item.payload.clone() });
    PayloadSet::new([], keys, aspas)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::fixture::{NOW, world};

    fn view(asns: impl IntoIterator<Item = u32>) -> (View, World) {
        let mut world = world();
        let row = world.vrps.iter().next().unwrap();
        let with = |asn| {
            let mut row = row;
            row.vrp.asn = crate::model::Asn(asn);
            row
        };
        world.vrps = asns.into_iter().map(with).collect();
        (View::of_world(Arc::new(world.clone()), NOW), world)
    }

    #[test]
    fn a_serial_counts_payloads_and_not_worlds() {
        let (one, world) = view([1]);
        let (two, _) = view([2]);
        let history = History::begin(7).after(None, &one, &world);
        assert_eq!(history.serial, 1);
        let same = history.after(Some(&one), &one, &world);
        assert_eq!((same.serial, same.steps().count()), (1, 0));
        let next = same.after(Some(&one), &two, &world);
        assert_eq!((next.serial, next.steps().count()), (2, 1));
        let back = next.after(Some(&two), &one, &world);
        assert!(back.delta_since(7, 1).unwrap().is_empty(), "there and back is no change");
        assert_eq!(back.delta_since(7, 2).unwrap().len(), 2);
        assert!(back.delta_since(7, 3).unwrap().is_empty());
        for (session, serial) in [(7, 0), (7, 4), (8, 1)] {
            assert!(back.delta_since(session, serial).is_none(), "{session} {serial}");
        }
    }

    #[test]
    fn old_steps_go_and_what_is_kept_is_bounded() {
        let (first, world) = view([0]);
        let mut history = History::begin(7).after(None, &first, &world);
        let mut last = first;
        for asn in 1..=u32::try_from(MAX_HISTORY).unwrap() + 5 {
            let (next, world) = view([asn]);
            history = history.after(Some(&last), &next, &world);
            last = next;
        }
        assert_eq!(history.steps().count(), MAX_HISTORY);
        assert!(history.delta_since(7, 5).is_none());
        assert_eq!(history.delta_since(7, 6).unwrap().len(), 2);
        let many = u32::try_from(MAX_HISTORY_ITEMS).unwrap();
        let (flood, world) = view(1000..1001 + many);
        let history = history.after(Some(&last), &flood, &world);
        assert_eq!(history.steps().count(), 0, "more than may be kept");
        assert!(history.delta_since(7, history.serial - 1).is_none());
        assert!(history.delta_since(7, history.serial).unwrap().is_empty());
    }
}
