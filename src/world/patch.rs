//! Applies deltas to a world: one pass over it, however many they are. Pure.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::delta::{Delta, Given, NewObject, NextPoint};
use super::{
    AspaRecord, Head, ObjectRecord, PointData, PointRecord, RouterKeyRecord, VrpList, VrpRecord,
    World, WorldError,
};
use crate::model::{ObjectHash, PointId, RepositoryId};

/// Stands for "nowhere".
const NONE: u32 = u32::MAX;

/// A world with changes that are noted, but not carried out yet.
#[derive(Debug)]
pub struct Patch<'a> {
    base: &'a World,
    places: HashMap<PointId, u32>,
    objects: Vec<Range<u32>>,
    /// The points that differ from the base; `None` where one is gone.
    changed: BTreeMap<PointId, Option<Changed>>,
    head: Option<Head>,
}

/// A point that differs from the base.
#[derive(Debug)]
struct Changed {
    parent: Option<PointId>,
    repository: Option<RepositoryId>,
    data: Arc<PointData>,
    objects: Vec<Slot>,
}

/// An object of a changed point.
#[derive(Debug)]
enum Slot {
    /// One of the base.
    Old(u32),
    New(NewObject),
}

fn broken(what: &'static str) -> WorldError {
    WorldError::Inconsistent(what)
}

fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(NONE)
}

impl World {
    /// Returns the next world.
    ///
    /// # Errors
    ///
    /// The delta belongs to another world.
    pub fn after(&self, delta: Delta) -> Result<World, WorldError> {
        let mut patch = Patch::new(self);
        patch.add(delta)?;
        patch.finish()
    }
}

impl<'a> Patch<'a> {
    /// Begins with `base` as it is.
    pub fn new(base: &'a World) -> Self {
        let places = base.points.iter().map(|point| point.id).zip(0..).collect();
        let objects = base.object_ranges();
        Patch { base, places, objects, changed: BTreeMap::new(), head: None }
    }

    /// Notes one more delta.
    ///
    /// # Errors
    ///
    /// It belongs to another world.
    pub fn add(&mut self, delta: Delta) -> Result<(), WorldError> {
        let last = self.head.as_ref().map_or(self.base.id, |head| head.id);
        if delta.head.parent != Some(last) {
            return Err(broken("a delta of another world"));
        }
        let Delta { head, points } = delta;
        for point in points {
            let before = self.take(point.id);
            let next = point.next.map(|next| self.change(before, next, &head)).transpose()?;
            self.changed.insert(point.id, next);
        }
        self.head = Some(head);
        Ok(())
    }

    /// Returns the objects of a point as it is so far.
    fn take(&mut self, id: PointId) -> Vec<Slot> {
        if let Some(changed) = self.changed.remove(&id) {
            return changed.map(|changed| changed.objects).unwrap_or_default();
        }
        let place = self.places.get(&id);
        let range = place.and_then(|place| self.objects.get(*place as usize)).cloned();
        range.into_iter().flatten().map(Slot::Old).collect()
    }

    /// Makes a changed point of its objects so far and of what becomes of it.
    fn change(
        &self,
        before: Vec<Slot>,
        next: NextPoint,
        head: &Head,
    ) -> Result<Changed, WorldError> {
        let NextPoint { parent, repository, data, dropped, added } = next;
        let mut dropped = dropped.into_iter().peekable();
        let kept = (0u32..).zip(before).filter(|(at, _)| dropped.next_if_eq(at).is_none());
        let mut objects: Vec<Slot> = kept.map(|(_, slot)| slot).collect();
        if dropped.next().is_some() {
            return Err(broken("an object that was not there is gone"));
        }
        for object in &added {
            let is_possible = |vrp: &crate::model::Vrp| {
                vrp.prefix.len() <= vrp.max_length && vrp.max_length <= vrp.prefix.family().bits()
            };
            if !object.given.vrps.iter().all(is_possible) {
                return Err(broken("a VRP's max length is out of bounds"));
            }
        }
        objects.extend(added.into_iter().map(Slot::New));
        // The next delta counts them in order.
        objects.sort_by(|a, b| self.key(a).cmp(&self.key(b)));
        let repository = match repository {
            Some(at) => {
                let status = head.repositories.get(at as usize);
                Some(status.ok_or_else(|| broken("point without a repository"))?.id.clone())
            }
            None => None,
        };
        if usize::from(data.trust_anchor) >= head.trust_anchors.len() {
            return Err(broken("point without a trust anchor"));
        }
        Ok(Changed { parent, repository, data, objects })
    }

    /// Returns what orders the objects of a point.
    fn key<'s>(&'s self, slot: &'s Slot) -> Option<(&'s str, &'s ObjectHash)> {
        match slot {
            Slot::Old(old) => self.base.objects.get(*old as usize).map(|old| old.key()),
            Slot::New(new) => Some(new.data.key()),
        }
    }

    /// Carries the changes out.
    ///
    /// # Errors
    ///
    /// What came of them contradicts itself.
    pub fn finish(mut self) -> Result<World, WorldError> {
        let Some(head) = self.head.take() else { return Ok(self.base.clone()) };
        let order = self.order()?;
        let mut next = Next::new(self.base, head, &order, &self.places);
        for entry in &order {
            match entry {
                Entry::Old(place) => {
                    let objects = self.objects.get(*place as usize).cloned().unwrap_or_default();
                    next.keep(*place, objects)?;
                }
                Entry::New(id) => {
                    if let Some(changed) = self.changed.remove(id).flatten() {
                        next.put(changed)?;
                    }
                }
            }
        }
        Ok(next.finish())
    }

    /// Returns all points in the order of the next world.
    fn order(&self) -> Result<Vec<Entry>, WorldError> {
        let depths = self.base.depths();
        let mut news: Vec<(u16, u32, PointId)> = Vec::new();
        for (id, changed) in &self.changed {
            if let Some(changed) = changed {
                let depth = self.depth(changed, &depths)?;
                news.push((changed.data.trust_anchor, depth, *id));
            }
        }
        news.sort_unstable();
        let mut news = news.into_iter().peekable();
        let mut order = Vec::with_capacity(self.base.points.len() + news.len());
        for ((place, point), depth) in (0u32..).zip(&self.base.points).zip(depths) {
            if self.changed.contains_key(&point.id) {
                continue;
            }
            let key = (point.trust_anchor, depth, point.id);
            while let Some((.., id)) = news.next_if(|new| *new < key) {
                order.push(Entry::New(id));
            }
            order.push(Entry::Old(place));
        }
        order.extend(news.map(|(.., id)| Entry::New(id)));
        Ok(order)
    }

    /// Returns how deep a changed point stands.
    fn depth(&self, changed: &Changed, depths: &[u32]) -> Result<u32, WorldError> {
        let mut above = 0u32;
        let mut parent = changed.parent;
        while let Some(id) = parent {
            above = above.saturating_add(1);
            match self.changed.get(&id) {
                Some(Some(changed)) => parent = changed.parent,
                Some(None) => return Err(broken("a point below one that is gone")),
                None => {
                    let place = self.places.get(&id);
                    let depth = place.and_then(|place| depths.get(*place as usize));
                    let depth = depth.ok_or_else(|| broken("a point without its parent"))?;
                    return Ok(above.saturating_add(*depth));
                }
            }
            if above as usize > self.changed.len() {
                return Err(broken("a point above itself"));
            }
        }
        Ok(above)
    }
}

/// A point of the next world.
#[derive(Clone, Copy, Debug)]
enum Entry {
    Old(u32),
    New(PointId),
}

/// The next world, as far as it is made.
struct Next<'a> {
    base: &'a World,
    places: &'a HashMap<PointId, u32>,
    world: World,
    /// Where each repository of the base is now.
    old_repositories: Vec<u32>,
    repositories: HashMap<RepositoryId, u32>,
    /// Where each point of the base is now, and where the changed ones are.
    old_points: Vec<u32>,
    points: HashMap<PointId, u32>,
    /// Where each object of the base is now.
    old_objects: Vec<u32>,
    added: Added,
}

/// Payload that the base does not have.
#[derive(Default)]
struct Added {
    vrps: Vec<VrpRecord>,
    aspas: Vec<AspaRecord>,
    router_keys: Vec<RouterKeyRecord>,
}

impl Added {
    fn add(&mut self, given: Given, object: u32) {
        self.vrps.extend(given.vrps.into_iter().map(|vrp| VrpRecord { vrp, object }));
        self.aspas.extend(given.aspas.into_iter().map(|aspa| AspaRecord { aspa, object }));
        let keys = given.router_keys.into_iter();
        self.router_keys.extend(keys.map(|key| RouterKeyRecord { key, object }));
    }
}

impl<'a> Next<'a> {
    fn new(
        base: &'a World,
        head: Head,
        order: &[Entry],
        places: &'a HashMap<PointId, u32>,
    ) -> Self {
        let mut world = head.without_points();
        let repositories: HashMap<_, _> =
            world.repositories.iter().map(|status| status.id.clone()).zip(0..).collect();
        let old_repositories = base.repositories.iter();
        let old_repositories = old_repositories
            .map(|status| repositories.get(&status.id).copied().unwrap_or(NONE))
            .collect();
        let mut old_points = vec![NONE; base.points.len()];
        let mut points = HashMap::new();
        for (at, entry) in (0u32..).zip(order) {
            match entry {
                Entry::Old(place) => {
                    if let Some(old) = old_points.get_mut(*place as usize) {
                        *old = at;
                    }
                }
                Entry::New(id) => drop(points.insert(*id, at)),
            }
        }
        world.points.reserve_exact(order.len());
        world.objects.reserve(base.objects.len());
        Next {
            base,
            places,
            world,
            old_repositories,
            repositories,
            old_points,
            points,
            old_objects: vec![NONE; base.objects.len()],
            added: Added::default(),
        }
    }

    /// Takes over a point of the base as it is.
    fn keep(&mut self, place: u32, objects: Range<u32>) -> Result<(), WorldError> {
        let base = self.base;
        let Some(old) = base.points.get(place as usize) else { return Ok(()) };
        let parent = match old.parent {
            None => None,
            Some(parent) => {
                let kept = self.old_points.get(parent as usize).copied().unwrap_or(NONE);
                let at = match kept == NONE {
                    true => base.points.get(parent as usize).and_then(|p| self.place(&p.id)),
                    false => Some(kept),
                };
                Some(at.ok_or_else(|| broken("a point below one that is gone"))?)
            }
        };
        let repository = match old.repository {
            None => None,
            Some(at) => {
                let at = self.old_repositories.get(at as usize).copied().unwrap_or(NONE);
                Some(at).filter(|at| *at != NONE)
            }
        };
        if repository.is_none() != old.repository.is_none() {
            return Err(broken("point without a repository"));
        }
        let point = index(self.world.points.len());
        self.world.points.push(PointRecord { parent, repository, data: old.data.clone() });
        for object in objects {
            self.keep_object(object, point);
        }
        Ok(())
    }

    fn keep_object(&mut self, old: u32, point: u32) {
        let at = index(self.world.objects.len());
        if let Some(object) = self.base.objects.get(old as usize) {
            self.world.objects.push(ObjectRecord { point, data: object.data.clone() });
        }
        if let Some(place) = self.old_objects.get_mut(old as usize) {
            *place = at;
        }
    }

    /// Adds a changed point.
    fn put(&mut self, changed: Changed) -> Result<(), WorldError> {
        let Changed { parent, repository, data, objects } = changed;
        let point = index(self.world.points.len());
        let parent = match parent {
            None => None,
            Some(id) => {
                let place = self.place(&id).filter(|place| *place < point);
                Some(place.ok_or_else(|| broken("a point without its parent"))?)
            }
        };
        let repository = match repository {
            None => None,
            Some(id) => {
                let at = self.repositories.get(&id).copied();
                Some(at.ok_or_else(|| broken("point without a repository"))?)
            }
        };
        self.world.points.push(PointRecord { parent, repository, data });
        for slot in objects {
            match slot {
                Slot::Old(old) => self.keep_object(old, point),
                Slot::New(NewObject { data, given }) => {
                    let object = index(self.world.objects.len());
                    self.world.objects.push(ObjectRecord { point, data });
                    self.added.add(given, object);
                }
            }
        }
        Ok(())
    }

    /// Returns where the point stands in the next world.
    fn place(&self, id: &PointId) -> Option<u32> {
        self.points.get(id).copied().or_else(|| {
            let old = self.places.get(id)?;
            self.old_points.get(*old as usize).copied().filter(|place| *place != NONE)
        })
    }

    fn finish(mut self) -> World {
        let place = |object: u32| match self.old_objects.get(object as usize) {
            Some(at) if *at != NONE => Some(*at),
            _ => None,
        };
        let Added { mut vrps, mut aspas, mut router_keys } = self.added;
        vrps.sort_unstable();
        aspas.sort_unstable();
        router_keys.sort_unstable();
        let size = self.base.vrps.len().saturating_add(vrps.len());
        let kept = self.base.vrps.iter();
        let kept = kept.filter_map(|r| Some(VrpRecord { object: place(r.object)?, ..r }));
        self.world.vrps = VrpList::collect(merge(kept, vrps), size);
        let kept = self.base.aspas.iter().filter_map(|record| {
            Some(AspaRecord { object: place(record.object)?, aspa: record.aspa.clone() })
        });
        self.world.aspas = merge(kept, aspas).collect();
        let kept = self.base.router_keys.iter().filter_map(|record| {
            Some(RouterKeyRecord { object: place(record.object)?, key: record.key.clone() })
        });
        self.world.router_keys = merge(kept, router_keys).collect();
        self.world
    }
}

/// Merges two ascending lists.
pub(super) fn merge<T: Ord>(
    kept: impl Iterator<Item = T>,
    added: Vec<T>,
) -> impl Iterator<Item = T> {
    let (mut kept, mut added) = (kept.peekable(), added.into_iter().peekable());
    std::iter::from_fn(move || {
        let Some(record) = kept.peek() else { return added.next() };
        added.next_if(|next| next < record).or_else(|| kept.next())
    })
}
