//! One step of the worker: what has changed is judged, and what stands is left alone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::admission::Admission;
use super::engine::{Engine, Known, Validated};
use super::error::WorkerError;
use super::in_hand::InHand;
use super::watched::Watched;
use crate::model::{Asn, ObjectHash, RepositoryId, Timestamp};
use crate::store::{Snapshot, Standing, Stood};
use crate::validate::{
    Changes, Inputs, Kept, ObjectSource, Payload, PointOutcome, Revision, State, Sums,
    TrustAnchorStatus, Validation, allows_revision, providers, revise,
};
use crate::world::{Head, RepositoryStatus};

/// A step that ended.
pub struct Advanced {
    /// What it found.
    pub found: Found,
    /// The name of what the cache remembers from now on.
    pub stamp: Option<ObjectHash>,
    /// The time at which everything was judged.
    pub time: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// The last second in which the result holds.
    pub horizon: Timestamp,
    /// The repositories that the certificates name, with what is known about each.
    pub wanted: Vec<RepositoryStatus>,
    /// Which of them are fetched.
    pub admission: Admission,
    /// How many VRPs there are, each counted once for each ROA that gives it.
    pub vrps: usize,
}

/// What a step found.
pub enum Found {
    /// What the published world says.
    Same,
    /// What differs from the published world.
    Revised(Revision),
    /// Everything, anew; with what the next walk over everything may go on from.
    Whole(Validation, Known),
}

impl Engine {
    /// Judges what may come out otherwise than the world with the head `published` says, and keeps
    /// in the cache what the next step goes on from. Blocks.
    ///
    /// `known` is what the cache holds, if that is at hand; then it walks over everything.
    pub fn advance(
        &self,
        known: Option<Known>,
        published: Option<&Head>,
        now: Timestamp,
    ) -> Result<Advanced, WorkerError> {
        if known.is_none()
            && let Some(published) = published
            && let Some(advanced) = self.advance_lightly(published, now)?
        {
            return Ok(advanced);
        }
        let known = match known {
            Some(known) => known,
            None => self.load_known()?,
        };
        let validated = self.validate(&known, now)?;
        let vrps = validated.vrps();
        let Validated { state, validation, duration, wanted, admission, stamp, .. } = validated;
        let known = Known { state, with_memory: true };
        Ok(Advanced {
            stamp,
            time: validation.time,
            duration,
            horizon: validation.horizon.until,
            wanted,
            admission,
            vrps,
            found: Found::Whole(validation, known),
        })
    }

    /// The same, as far as it goes without a walk over everything; else `None`.
    fn advance_lightly(
        &self,
        published: &Head,
        now: Timestamp,
    ) -> Result<Option<Advanced>, WorkerError> {
        let started = Instant::now();
        let snapshot = self.store.snapshot(self.transports, now)?;
        let Some((stood, revision)) = self.revise(&snapshot, published, now) else {
            return Ok(None);
        };
        let Some(revision) = revision else {
            let (wanted, admission) = self.wanted(&stood.standing.named)?;
            return Ok(Some(Advanced {
                found: Found::Same,
                stamp: Some(stood.stamp),
                time: now,
                duration: started.elapsed(),
                horizon: stood.standing.window.until,
                wanted,
                admission,
                vrps: stood.standing.sums.iter().map(|sums| sums.vrps).sum(),
            }));
        };
        let Some(standing) = self.standing_after(&snapshot, &stood, &revision) else {
            return Ok(None);
        };
        snapshot.check_health()?;
        let Some(generation) = snapshot.generation() else { return Ok(None) };
        drop(snapshot);
        let (stamp, standing) = self.store.save_revision(&revision, generation, |until| {
            let mut standing = standing;
            standing.window.until =
                until.min(revision.trust_anchor_window.until).min(standing.walk_after);
            standing
        })?;
        let (wanted, admission) = self.wanted(&standing.named)?;
        Ok(Some(Advanced {
            found: Found::Revised(revision),
            stamp: Some(stamp),
            time: now,
            duration: started.elapsed(),
            horizon: standing.window.until,
            wanted,
            admission,
            vrps: standing.sums.iter().map(|sums| sums.vrps).sum(),
        }))
    }

    /// Judges what is touched, if the rest stands as `published` shows it; without a revision, all
    /// of it does. Writes nothing.
    pub(super) fn revise(
        &self,
        snapshot: &Snapshot,
        published: &Head,
        now: Timestamp,
    ) -> Option<(Stood, Option<Revision>)> {
        let suspects = self.in_hand.as_ref().map(InHand::suspects).unwrap_or_default();
        if !suspects.units.is_empty() || !allows_revision(&self.policy) {
            return None;
        }
        // What cannot be read is for the walk over everything to report.
        let stood = snapshot.stood(&self.policy).ok().flatten()?;
        let Standing { circumstances, window, walk_after, .. } = &stood.standing;
        if published.stamp != Some(stood.stamp)
            || snapshot.circumstances(&self.tals).ok().as_ref() != Some(circumstances)
            || now < window.from
            || now > *walk_after
        {
            return None;
        }
        let Changes::Directories(changed) = snapshot.changes_since(stood.generation).ok()? else {
            return None;
        };
        if changed.has_repositories() {
            return None;
        }
        let touched = snapshot.touched(&changed).ok()?;
        if touched.is_empty() && window.contains(now) {
            return Some((stood, None));
        }
        let source = Watched { snapshot, in_hand: self.in_hand.as_ref(), suspects, now };
        let inputs = Inputs { tals: &self.tals, source: &source, policy: &self.policy, now };
        let revision = revise(inputs, snapshot, Changes::Directories(changed), &touched);
        if let Some(in_hand) = &self.in_hand {
            in_hand.release_threads();
        }
        let revision = revision?;
        let before = published.trust_anchors.iter().map(|anchor| anchor.status);
        let after = revision.trust_anchors.iter().map(|anchor| anchor.status);
        before.eq(after).then_some((stood, Some(revision)))
    }

    /// Returns the result as a whole after a revision, less the time up to which it stands; `None`
    /// if only a walk over everything tells it.
    pub(super) fn standing_after(
        &self,
        snapshot: &Snapshot,
        stood: &Stood,
        revision: &Revision,
    ) -> Option<Standing> {
        let mut standing = stood.standing.clone();
        standing.window.from = standing.window.from.max(revision.trust_anchor_window.from);
        for judged in &revision.judged {
            let outcome = &judged.outcome;
            standing.window.from = standing.window.from.max(judged.memo.window().from);
            standing.providers = standing.providers.saturating_add(providers(outcome));
            let sums = standing.sums.get_mut(outcome.trust_anchor)?;
            if let Some(known) = &judged.known {
                sums.subtract(known.outcome());
            }
            sums.add(outcome);
            let (_, named) = standing.named.get(outcome.trust_anchor)?;
            let fetch = snapshot.choose(&outcome.location).fetch;
            if !sums.fit(&self.policy) || !fetch.iter().all(|id| named.contains(id)) {
                return None;
            }
        }
        (standing.providers <= self.policy.max_providers_per_customer).then_some(standing)
    }

    /// Returns the result as a whole after a walk over everything, if it stands without one.
    pub(super) fn standing(
        &self,
        circumstances: Option<ObjectHash>,
        kept: &Kept,
        state: &State,
        validation: &Validation,
        named: &[(String, Vec<RepositoryId>)],
    ) -> Option<Standing> {
        let is_read = |status: TrustAnchorStatus| !matches!(status, TrustAnchorStatus::Unreadable);
        // Where a point is not remembered, the next walk looks at it again.
        if kept.points.len() != validation.points.len()
            || !allows_revision(&self.policy)
            || !validation.trust_anchors.iter().all(|anchor| is_read(anchor.status))
        {
            return None;
        }
        let mut sums = vec![Sums::default(); validation.trust_anchors.len()];
        for point in &validation.points {
            sums.get_mut(point.trust_anchor)?.add(point);
        }
        let providers = most_providers(validation.points.iter().map(|point| &**point));
        let unreached = state.points.iter().filter(|(id, _)| !kept.points.contains(id));
        let unreached = unreached.map(|(_, last)| last.manifest.next_update);
        let now = validation.time;
        let due = state.next_keys.values().map(|next| Timestamp(next.due().0.saturating_sub(1)));
        let walk_after = unreached.chain(due.filter(|before| *before >= now)).min();
        let walk_after = walk_after.unwrap_or(Timestamp::MAX);
        let mut window = validation.horizon;
        window.until = window.until.min(walk_after);
        let fits = sums.iter().all(|sums| sums.fit(&self.policy))
            && providers <= self.policy.max_providers_per_customer;
        fits.then_some(Standing {
            circumstances: circumstances?,
            window,
            named: named.to_vec(),
            sums,
            providers,
            walk_after,
        })
    }
}

/// Returns how many providers the ASPAs of one customer name together at most.
fn most_providers<'a>(points: impl Iterator<Item = &'a PointOutcome>) -> usize {
    let mut sums: BTreeMap<Asn, usize> = BTreeMap::new();
    for object in points.flat_map(|point| &point.objects) {
        if let Payload::Aspa(aspa) = &object.payload {
            let sum = sums.entry(aspa.customer).or_default();
            *sum = sum.saturating_add(aspa.providers.len());
        }
    }
    sums.into_values().max().unwrap_or(0)
}
