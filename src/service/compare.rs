//! Holds work that grows with the change against a walk over everything: what `doctor --full` asks.

use super::engine::{Engine, Known};
use super::error::WorkerError;
use crate::model::Timestamp;
use crate::validate::State;
use crate::world::{Delta, Tally, TrustAnchorRecord, World};

/// What came of a comparison.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Comparison {
    /// How many points there are.
    pub points: usize,
    /// How many of them had to be judged again without a walk over everything; `None` where it took
    /// such a walk, though with what was remembered.
    pub judged: Option<usize>,
    /// What differs, one line each; there must be nothing.
    pub differences: Vec<String>,
}

impl Engine {
    /// Judges the cache at `now` twice, once with all that is remembered and once without, and says
    /// what differs: in the world, findings included, and in the last good states. Changes nothing.
    /// Blocks.
    ///
    /// # Errors
    ///
    /// The cache or the published world cannot be read.
    pub fn compare(&self, now: Timestamp) -> Result<Comparison, WorkerError> {
        let state = self.store.load_state()?;
        let full = self.judge(&Known { state: state.clone(), with_memory: false }, now)?;
        let (mut incremental, incremental_state, judged) =
            match self.compare_lightly(&state, now)? {
                Some(found) => found,
                None => {
                    let found = self.judge(&Known { state, with_memory: true }, now)?;
                    (self.assemble(&found, None)?, found.state, None)
                }
            };
        let world = self.assemble(&full, None)?;
        let mut comparison =
            Comparison { points: world.points.len(), judged, differences: Vec::new() };
        let differences = &mut comparison.differences;
        for (a, b) in incremental.trust_anchors.iter().zip(&world.trust_anchors) {
            if (a.status, &a.findings) != (b.status, &b.findings) {
                differences.push(format!("the trust anchor {} is judged otherwise", b.name));
            }
        }
        // A point may only differ where both worlds name it the same.
        incremental.id = world.id;
        for point in Delta::between(&incremental, &world).points {
            let uri = |world: &World| {
                let point = world.points.iter().find(|record| record.id == point.id);
                point.map(|point| point.manifest_uri.to_string())
            };
            let (before, after) = (uri(&incremental), uri(&world));
            let what = match (&before, &after) {
                (None, _) => "is missing",
                (_, None) => "should not be there",
                _ => "is judged otherwise",
            };
            let uri = after.or(before).unwrap_or_else(|| point.id.to_string());
            differences.push(format!("the point of {uri} {what}"));
        }
        let State { points: expected, next_keys } = &full.state;
        let other =
            expected.iter().filter(|(id, last)| incremental_state.points.get(id) != Some(last));
        let surplus = incremental_state.points.keys().filter(|id| !expected.contains_key(id));
        let count = other.count() + surplus.count();
        if count > 0 {
            differences.push(format!("the last good states of {count} points differ"));
        }
        if *next_keys != incremental_state.next_keys {
            differences.push("the next keys of trust anchors differ".to_owned());
        }
        Ok(comparison)
    }

    /// Makes the world, the states, and the number of points that were judged, as the worker does
    /// without a walk over everything.
    fn compare_lightly(
        &self,
        state: &State,
        now: Timestamp,
    ) -> Result<Option<(World, State, Option<usize>)>, WorkerError> {
        let Some(world) = self.last_world()? else { return Ok(None) };
        let snapshot = self.store.snapshot(self.transports, now)?;
        let head = world.head();
        let Some((stood, revision)) = self.revise(&snapshot, &head, now) else { return Ok(None) };
        let mut state = state.clone();
        let Some(revision) = revision else {
            return Ok(Some((World::clone(&world), state, Some(0))));
        };
        let Some(standing) = self.standing_after(&snapshot, &stood, &revision) else {
            return Ok(None);
        };
        let fetches = self.trust_anchor_fetches()?;
        let mut head = head;
        head.parent = Some(world.id);
        head.repositories = self.wanted(&standing.named)?.0;
        head.tally = Tally::default();
        let anchors = revision.trust_anchors.iter();
        head.trust_anchors =
            anchors.map(|outcome| TrustAnchorRecord::of(outcome, &fetches)).collect();
        let outcomes = revision.judged.iter().map(|judged| &judged.outcome);
        let Some((next, _)) = world.revised(outcomes, head) else { return Ok(None) };
        for judged in &revision.judged {
            match &judged.last_good.1 {
                Some(last) => drop(state.points.insert(judged.outcome.id, last.clone())),
                None => drop(state.points.remove(&judged.outcome.id)),
            }
        }
        Ok(Some((next, state, Some(revision.judged.len()))))
    }
}
