//! What differs between a world and the next one. Pure.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Head, ObjectData, PointData, World};
use crate::model::{Aspa, PointId, RepositoryId, RouterKey, Vrp};
use crate::validate::{Payload, PayloadObject};

/// What leads from a world to the next one: as small as what has changed, beside the head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// The head of the next world.
    pub head: Head,
    /// The points that differ, each once.
    pub points: Vec<PointDelta>,
}

/// What becomes of a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointDelta {
    /// The point.
    pub id: PointId,
    /// What it is in the next world; `None` if it is gone.
    pub next: Option<NextPoint>,
}

/// A point as it is in the next world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NextPoint {
    /// Its issuer's point.
    pub parent: Option<PointId>,
    /// The index of its repository in the new head.
    pub repository: Option<u32>,
    /// What is known about it.
    pub data: Arc<PointData>,
    /// Which of its objects are gone: ascending positions among those that it had.
    pub dropped: Vec<u32>,
    /// The objects that are new.
    pub added: Vec<NewObject>,
}

/// An object that is new, with all that it gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewObject {
    /// What is known about it.
    pub data: Arc<ObjectData>,
    /// What it gives.
    pub given: Given,
}

/// The payload of one object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// VRPs.
    pub vrps: Vec<Vrp>,
    /// ASPA payloads.
    pub aspas: Vec<Aspa>,
    /// Router keys.
    pub router_keys: Vec<RouterKey>,
}

impl From<&PayloadObject> for NewObject {
    fn from(object: &PayloadObject) -> Self {
        let mut given = Given::default();
        match &object.payload {
            Payload::Roa(vrps) => given.vrps.clone_from(vrps),
            Payload::Aspa(aspa) => given.aspas.push(aspa.clone()),
            Payload::RouterKeys(keys) => given.router_keys.clone_from(keys),
        }
        NewObject { data: Arc::new(ObjectData::of(object)), given }
    }
}

/// Stands for "no object".
const NONE: u32 = u32::MAX;

impl Delta {
    /// Finds what leads from `old` to `new`: one pass over both, without hashing an object.
    pub fn between(old: &World, new: &World) -> Delta {
        let mut pairs = Pairs::new(old, new);
        pairs.part_where_payload_differs();
        let mut given = pairs.given();
        let places: HashMap<PointId, usize> =
            new.points.iter().map(|point| point.id).zip(0..).collect();
        let gone = old.points.iter().filter(|point| !places.contains_key(&point.id));
        let mut points: Vec<_> = gone.map(|p| PointDelta { id: p.id, next: None }).collect();
        for (at, twin) in pairs.points.iter().enumerate() {
            let Some(point) = new.points.get(at) else { continue };
            let change = pairs.objects_of(at, *twin, &mut given);
            let before = twin.and_then(|twin| old.points.get(twin));
            let is_same = before.is_some_and(|before| {
                (Arc::ptr_eq(&before.data, &point.data) || before.data == point.data)
                    && id_of(old, before.parent) == id_of(new, point.parent)
                    && repository(old, before.repository) == repository(new, point.repository)
            });
            let (dropped, added) = change;
            if is_same && dropped.is_empty() && added.is_empty() {
                continue;
            }
            let next = NextPoint {
                parent: id_of(new, point.parent),
                repository: point.repository,
                data: point.data.clone(),
                dropped,
                added,
            };
            points.push(PointDelta { id: point.id, next: Some(next) });
        }
        Delta { head: new.head(), points }
    }

    /// Tells whether all points, and what they give, stay as they are.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}

fn id_of(world: &World, point: Option<u32>) -> Option<PointId> {
    world.points.get(point? as usize).map(|point| point.id)
}

fn repository(world: &World, at: Option<u32>) -> Option<&RepositoryId> {
    world.repositories.get(at? as usize).map(|status| &status.id)
}

/// Which points and objects of two worlds are the same.
struct Pairs<'a> {
    old: &'a World,
    new: &'a World,
    old_objects: Vec<Range<u32>>,
    new_objects: Vec<Range<u32>>,
    /// For each new point, the old one.
    points: Vec<Option<usize>>,
    /// For each new object, the old one that is the same, or [`NONE`].
    twins: Vec<u32>,
    /// For each old object, the new one that is the same, or [`NONE`].
    heirs: Vec<u32>,
}

impl<'a> Pairs<'a> {
    fn new(old: &'a World, new: &'a World) -> Self {
        let (old_objects, new_objects) = (old.object_ranges(), new.object_ranges());
        let places: HashMap<PointId, usize> =
            old.points.iter().map(|point| point.id).zip(0..).collect();
        let points: Vec<_> =
            new.points.iter().map(|point| places.get(&point.id).copied()).collect();
        let (twins, heirs) = (vec![NONE; new.objects.len()], vec![NONE; old.objects.len()]);
        let mut pairs = Pairs { old, new, old_objects, new_objects, points, twins, heirs };
        for at in 0..pairs.points.len() {
            pairs.pair_objects(at);
        }
        pairs
    }

    /// Finds the objects that the point at `at` had before: both lists are in order.
    fn pair_objects(&mut self, at: usize) {
        let Some(twin) = self.points.get(at).copied().flatten() else { return };
        let ranges = self.old_objects.get(twin).zip(self.new_objects.get(at));
        let Some((olds, news)) = ranges else { return };
        let mut olds = olds.clone().peekable();
        for new in news.clone() {
            let Some(here) = self.new.objects.get(new as usize) else { continue };
            let before = |old: &u32| {
                let old = self.old.objects.get(*old as usize);
                old.is_some_and(|old| old.key() < here.key())
            };
            while olds.next_if(before).is_some() {}
            let is_same = |old: &u32| {
                let old = self.old.objects.get(*old as usize);
                old.is_some_and(|old| Arc::ptr_eq(&old.data, &here.data) || old.data == here.data)
            };
            let Some(old) = olds.next_if(is_same) else { continue };
            if let Some(twin) = self.twins.get_mut(new as usize) {
                *twin = old;
            }
            if let Some(heir) = self.heirs.get_mut(old as usize) {
                *heir = new;
            }
        }
    }

    fn twin(&self, new: u32) -> u32 {
        self.twins.get(new as usize).copied().unwrap_or(NONE)
    }

    fn heir(&self, old: u32) -> u32 {
        self.heirs.get(old as usize).copied().unwrap_or(NONE)
    }

    /// Parts the objects that give something else than before.
    fn part_where_payload_differs(&mut self) {
        let (old, new) = (self.old, self.new);
        let vrps = |world: &'a World| world.vrps.iter().map(|record| (record.vrp, record.object));
        self.compare(vrps(old), vrps(new));
        let aspas =
            |world: &'a World| world.aspas.iter().map(|record| (&record.aspa, record.object));
        self.compare(aspas(old), aspas(new));
        let keys =
            |world: &'a World| world.router_keys.iter().map(|record| (&record.key, record.object));
        self.compare(keys(old), keys(new));
    }

    /// Compares two lists of payload, which are in order; pairs of objects keep that order.
    fn compare<P: Ord>(
        &mut self,
        olds: impl Iterator<Item = (P, u32)>,
        news: impl Iterator<Item = (P, u32)>,
    ) {
        let mut differing = Vec::new();
        {
            let olds = olds.filter(|(_, object)| self.heir(*object) != NONE);
            let news = news.map(|(p, object)| (p, self.twin(object)));
            let mut news = news.filter(|(_, twin)| *twin != NONE).peekable();
            let mut olds = olds.peekable();
            loop {
                let order = match (olds.peek(), news.peek()) {
                    (Some(old), Some(new)) => old.cmp(new),
                    (Some(_), None) => std::cmp::Ordering::Less,
                    (None, Some(_)) => std::cmp::Ordering::Greater,
                    (None, None) => break,
                };
                if order.is_le() {
                    let old = olds.next();
                    differing.extend(old.filter(|_| order.is_lt()).map(|(_, object)| object));
                }
                if order.is_ge() {
                    let new = news.next();
                    differing.extend(new.filter(|_| order.is_gt()).map(|(_, object)| object));
                }
            }
        }
        for old in differing {
            let new = self.heir(old);
            if let Some(heir) = self.heirs.get_mut(old as usize) {
                *heir = NONE;
            }
            if let Some(twin) = self.twins.get_mut(new as usize) {
                *twin = NONE;
            }
        }
    }

    /// Returns what each new object without a twin gives.
    fn given(&self) -> HashMap<u32, Given> {
        let mut given: HashMap<u32, Given> = (0u32..)
            .zip(&self.twins)
            .filter(|(_, twin)| **twin == NONE)
            .map(|(object, _)| (object, Given::default()))
            .collect();
        if given.is_empty() {
            return given;
        }
        let is_new = |object: u32| self.twin(object) == NONE;
        for record in self.new.vrps.iter().filter(|record| is_new(record.object)) {
            given.entry(record.object).or_default().vrps.push(record.vrp);
        }
        for record in self.new.aspas.iter().filter(|record| is_new(record.object)) {
            given.entry(record.object).or_default().aspas.push(record.aspa.clone());
        }
        for record in self.new.router_keys.iter().filter(|record| is_new(record.object)) {
            given.entry(record.object).or_default().router_keys.push(record.key.clone());
        }
        given
    }

    /// Returns the positions of the objects that a point lost, and the objects that it got.
    fn objects_of(
        &self,
        at: usize,
        twin: Option<usize>,
        given: &mut HashMap<u32, Given>,
    ) -> (Vec<u32>, Vec<NewObject>) {
        let olds = twin.and_then(|twin| self.old_objects.get(twin).cloned()).unwrap_or_default();
        let dropped = (0u32..).zip(olds).filter(|(_, old)| self.heir(*old) == NONE);
        let dropped = dropped.map(|(position, _)| position).collect();
        let news = self.new_objects.get(at).cloned().unwrap_or_default();
        let added = news.filter(|new| self.twin(*new) == NONE).filter_map(|new| {
            let data = self.new.objects.get(new as usize)?.data.clone();
            Some(NewObject { data, given: given.remove(&new).unwrap_or_default() })
        });
        (dropped, added.collect())
    }
}
