//! Finds what differs from a world where only some points were judged again. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use super::delta::{Delta, NewObject, NextPoint, PointDelta};
use super::{Head, ObjectData, PointData, Tally, World};
use crate::model::{PointId, RepositoryId};
use crate::validate::{PointOutcome, PointStatus};

impl World {
    /// Returns the next world and what leads to it; `outcomes` are the points that were judged again,
    /// parents before children, and `head` is the new head, less its sums.
    ///
    /// The same object of the same point gives the same payload: so only what is new is looked at.
    /// `None` if an outcome does not fit to this world: then it takes a whole assembly.
    pub fn revised<'a>(
        &self,
        outcomes: impl IntoIterator<Item = &'a Arc<PointOutcome>>,
        head: Head,
    ) -> Option<(World, Delta)> {
        let places: HashMap<PointId, u32> =
            self.points.iter().map(|point| point.id).zip(0..).collect();
        let repositories: HashMap<RepositoryId, u32> =
            head.repositories.iter().map(|status| status.id.clone()).zip(0..).collect();
        let ranges = self.object_ranges();
        let mut points = Vec::new();
        for outcome in outcomes {
            if matches!(outcome.status, PointStatus::Unreadable | PointStatus::Pending) {
                return None;
            }
            let repository = match &outcome.repository {
                Some(id) => Some(*repositories.get(id)?),
                None => None,
            };
            let place = places.get(&outcome.id).copied();
            let data = PointData::of(outcome);
            let mut olds: HashMap<ObjectData, u32> = HashMap::new();
            let range = place.and_then(|place| ranges.get(place as usize)).cloned();
            for (position, old) in (0u32..).zip(range.into_iter().flatten()) {
                let old = self.objects.get(old as usize)?;
                olds.insert(ObjectData::clone(old), position);
            }
            let mut added = Vec::new();
            for object in &outcome.objects {
                if olds.remove(&ObjectData::of(object)).is_none() {
                    added.push(NewObject::from(object.as_ref()));
                }
            }
            added.sort_by(|a, b| a.data.key().cmp(&b.data.key()));
            let mut dropped: Vec<u32> = olds.into_values().collect();
            dropped.sort_unstable();
            let before = place.and_then(|place| self.points.get(place as usize));
            let is_same = before.is_some_and(|before| {
                let id = before.repository.and_then(|at| self.repositories.get(at as usize));
                *before.data == data && id.map(|status| &status.id) == outcome.repository.as_ref()
            });
            if is_same && dropped.is_empty() && added.is_empty() {
                continue;
            }
            let next = NextPoint {
                parent: outcome.parent,
                repository,
                data: Arc::new(data),
                dropped,
                added,
            };
            points.push(PointDelta { id: outcome.id, next: Some(next) });
        }
        let mut delta = Delta { head, points };
        let next = self.after(delta.clone()).ok()?;
        delta.head.tally = Tally::of(&next);
        Some((next, delta))
    }

    /// Takes over the head of the next world, whose points are these.
    pub fn set_head(&mut self, head: &Head) {
        self.id = head.id;
        self.parent = head.parent;
        self.purpose = head.purpose;
        self.time = head.time;
        self.validation_duration = head.validation_duration;
        self.stamp = head.stamp;
        self.trust_anchors.clone_from(&head.trust_anchors);
        self.repositories.clone_from(&head.repositories);
    }
}
