//! The published world, as far as the worker holds it: its head always, the rest when it is needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::advance::{Advanced, Found};
use super::engine::Engine;
use super::error::WorkerError;
use crate::world::{
    self, Assembly, Delta, Head, RepositoryStatus, Tally, TrustAnchorRecord, World, WorldError,
};

/// The world that was published last.
#[derive(Debug, Default)]
pub(super) struct AtHand {
    /// Its head; `None` if there is no world, or none that can be read.
    pub(super) head: Option<Head>,
    /// The whole of it, if it was needed before.
    world: Option<Arc<World>>,
}

/// What is to be published next.
pub(super) struct Next {
    /// What leads to it; `None` where there is no world before it.
    pub(super) delta: Option<Delta>,
    /// Its head.
    pub(super) head: Head,
    /// The whole of it, unless its points are those of the world before.
    world: Option<Arc<World>>,
}

impl AtHand {
    /// Reads the head of the current world.
    pub(super) fn load(engine: &Engine) -> Result<AtHand, WorkerError> {
        let head = match world::load_head(&engine.world_dir) {
            Ok(head) => head,
            Err(error) if error.is_newer() => return Err(error.into()),
            Err(_) => {
                // An older one may be sound.
                let world = engine.last_world()?;
                let head = world.as_ref().map(|world| world.head());
                return Ok(AtHand { head, world });
            }
        };
        Ok(AtHand { head, world: None })
    }

    /// Returns the whole world.
    fn world(&mut self, engine: &Engine) -> Result<Option<&Arc<World>>, WorkerError> {
        if self.world.is_none() && self.head.is_some() {
            self.world = engine.last_world()?;
        }
        let id = self.head.as_ref().map(|head| head.id);
        Ok(self.world.as_ref().filter(|world| Some(world.id) == id))
    }

    /// Makes what is to be published after a step; `None` if that takes a walk over everything.
    pub(super) fn next(
        &mut self,
        engine: &Engine,
        advanced: Advanced,
    ) -> Result<Option<Next>, WorkerError> {
        let mut statuses = engine.statuses()?;
        let wanted = advanced.wanted.iter().map(|status| {
            // Fetches went on while validation ran: their times are newer, their states, too.
            statuses.remove(&status.id).unwrap_or_else(|| status.clone())
        });
        let repositories: Vec<RepositoryStatus> = wanted.collect();
        let fetches = engine.trust_anchor_fetches()?;
        let id = world::next_id(&engine.world_dir)?;
        let head = |trust_anchors: Vec<TrustAnchorRecord>, parent, tally| Head {
            id,
            parent,
            purpose: engine.purpose,
            time: advanced.time,
            validation_duration: advanced.duration,
            stamp: advanced.stamp,
            trust_anchors,
            repositories: repositories.clone(),
            tally,
        };
        match advanced.found {
            Found::Same => {
                let Some(last) = &self.head else { return Ok(None) };
                let ids = |list: &[RepositoryStatus]| -> Vec<_> {
                    list.iter().map(|status| status.id.clone()).collect()
                };
                if ids(&last.repositories) != ids(&repositories) {
                    // Points refer to the list by position.
                    return Ok(None);
                }
                let mut trust_anchors = last.trust_anchors.clone();
                for anchor in &mut trust_anchors {
                    if let Some(fetch) = fetches.get(&anchor.name) {
                        anchor.fetch = fetch.clone();
                    }
                }
                let head = head(trust_anchors, Some(last.id), last.tally.clone());
                Ok(Some(Next::with_same_points(head)))
            }
            Found::Revised(revision) => {
                let Some(last) = self.world(engine)? else { return Ok(None) };
                let anchors = revision.trust_anchors.iter();
                let anchors =
                    anchors.map(|outcome| TrustAnchorRecord::of(outcome, &fetches)).collect();
                let head = head(anchors, Some(last.id), Tally::default());
                let outcomes = revision.judged.iter().map(|judged| &judged.outcome);
                let Some((world, delta)) = last.revised(outcomes, head) else { return Ok(None) };
                let (head, world) = (delta.head.clone(), Some(Arc::new(world)));
                Ok(Some(Next { delta: Some(delta), head, world }))
            }
            Found::Whole(validation, _) => {
                let previous = match World::needs_previous(&validation) {
                    true => self.world(engine)?.cloned(),
                    false => None,
                };
                let world = World::assemble(Assembly {
                    id,
                    purpose: engine.purpose,
                    validation: &validation,
                    validation_duration: advanced.duration,
                    repositories,
                    trust_anchor_fetches: fetches,
                    parent: self.head.as_ref().map(|head| head.id),
                    previous: previous.as_deref(),
                    stamp: advanced.stamp,
                });
                // Before the last world is read: the two together are the most that is held.
                drop((validation, previous));
                let delta = self.world(engine)?.map(|previous| Delta::between(previous, &world));
                self.world = None;
                let head = delta.as_ref().map_or_else(|| world.head(), |delta| delta.head.clone());
                Ok(Some(Next { delta, head, world: Some(Arc::new(world)) }))
            }
        }
    }

    /// Makes the same world with newer states of its sources.
    pub(super) fn renewed(
        &self,
        engine: &Engine,
        renew: impl FnOnce(&Head, &BTreeMap<crate::model::RepositoryId, RepositoryStatus>) -> Head,
    ) -> Result<Option<Next>, WorkerError> {
        let Some(last) = &self.head else { return Ok(None) };
        let mut head = renew(last, &engine.statuses()?);
        head.id = world::next_id(&engine.world_dir)?;
        Ok(Some(Next::with_same_points(head)))
    }

    /// Publishes what comes next.
    pub(super) fn publish(&mut self, engine: &Engine, next: Next) -> Result<(), WorkerError> {
        let Next { delta, head, world } = next;
        let dir = &engine.world_dir;
        let mut kept = world;
        match (&delta, &kept) {
            (Some(delta), Some(world)) => {
                world::publish_next(dir, delta, || Ok(world.clone()))?;
            }
            (Some(delta), None) => {
                kept = self.world.take().filter(|world| Some(world.id) == delta.head.parent);
                if let Some(world) = &mut kept {
                    Arc::make_mut(world).set_head(&head);
                }
                world::publish_next(dir, delta, || match &kept {
                    Some(world) => Ok(world.clone()),
                    None => {
                        let last = world::load_current(dir)?.ok_or(WorldError::Current)?;
                        Ok(Arc::new(last.after(delta.clone())?))
                    }
                })?;
            }
            (None, Some(world)) => {
                world::publish(dir, world)?;
            }
            (None, None) => {}
        }
        self.head = Some(head);
        self.world = kept;
        Ok(())
    }

    /// Notes that the world at hand shows what the cache remembers now, though it is not published
    /// anew.
    pub(super) fn shows(&mut self, next: &Next) {
        if let Some(head) = &mut self.head {
            head.stamp = next.head.stamp;
        }
        if let Some(world) = &mut self.world {
            Arc::make_mut(world).stamp = next.head.stamp;
        }
    }

    /// Forgets the world, so that the next step walks over everything.
    pub(super) fn distrust(&mut self) {
        if let Some(head) = &mut self.head {
            head.stamp = None;
        }
    }
}

impl Next {
    fn with_same_points(head: Head) -> Next {
        let delta = Delta { head: head.clone(), points: Vec::new() };
        Next { delta: Some(delta), head, world: None }
    }

    /// Tells whether the points are those of the world before.
    pub(super) fn has_same_points(&self) -> bool {
        self.delta.as_ref().is_some_and(Delta::is_empty)
    }
}
