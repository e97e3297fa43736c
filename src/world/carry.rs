//! What a new world keeps of the previous one where the cache could not be read. Pure.

use std::collections::HashMap;

use super::assemble::{Builder, index};
use super::{AspaRecord, ObjectRecord, PointRecord, RouterKeyRecord, VrpRecord, World};
use crate::model::{PointId, ResourceSet};
use crate::validate::{PointOutcome, PointStatus};

/// The previous world, with the ways into it that carrying over needs.
pub(super) struct Previous<'a> {
    world: &'a World,
    points: HashMap<PointId, u32>,
    children: HashMap<u32, Vec<u32>>,
    vrps: ByObject<VrpRecord>,
    aspas: ByObject<&'a AspaRecord>,
    router_keys: ByObject<&'a RouterKeyRecord>,
}

/// Under what the carried records stand in the new world.
struct Heir<'a> {
    trust_anchor: u16,
    /// What the records may say at most.
    resources: &'a ResourceSet,
}

/// One point of the previous world.
pub(super) struct Kept<'a> {
    previous: &'a Previous<'a>,
    point: u32,
}

/// Records, sorted by the object that gives them.
struct ByObject<T>(Vec<(u32, T)>);

impl<T: Copy> ByObject<T> {
    fn new(records: impl IntoIterator<Item = T>, object: impl Fn(T) -> u32) -> Self {
        let records = records.into_iter();
        let mut sorted: Vec<_> = records.map(|record| (object(record), record)).collect();
        sorted.sort_by_key(|(object, _)| *object);
        ByObject(sorted)
    }

    fn of(&self, object: u32) -> impl Iterator<Item = T> {
        let first = self.0.partition_point(|(o, _)| *o < object);
        self.0.iter().skip(first).take_while(move |(o, _)| *o == object).map(|(_, record)| *record)
    }
}

impl<'a> Previous<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        let mut points = HashMap::with_capacity(world.points.len());
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for (number, point) in (0..).zip(&world.points) {
            points.insert(point.id, number);
            if let Some(parent) = point.parent {
                children.entry(parent).or_default().push(number);
            }
        }
        Previous {
            world,
            points,
            children,
            vrps: ByObject::new(world.vrps.iter(), |record| record.object),
            aspas: ByObject::new(&world.aspas, |record| record.object),
            router_keys: ByObject::new(&world.router_keys, |record| record.object),
        }
    }

    /// Returns what the previous world had for a point, if it cannot be read now.
    pub(super) fn unreadable(&'a self, outcome: &PointOutcome) -> Option<Kept<'a>> {
        let point = self.points.get(&outcome.id)?;
        let unreadable = outcome.status == PointStatus::Unreadable;
        unreadable.then_some(Kept { previous: self, point: *point })
    }

    /// Returns the children of a point, each with the new index of its parent; the last first.
    fn children_of(&self, point: u32, parent: Option<u32>) -> Vec<(u32, Option<u32>)> {
        let children = self.children.get(&point).into_iter().flatten().rev();
        children.map(|child| (*child, parent)).collect()
    }

    fn point(&self, number: u32) -> Option<&'a PointRecord> {
        self.world.points.get(usize::try_from(number).ok()?)
    }

    fn objects(&self, point: u32) -> impl Iterator<Item = (u32, &'a ObjectRecord)> {
        let first = self.world.objects.partition_point(|object| object.point < point);
        let objects = self.world.objects.iter().skip(first);
        (index(first)..).zip(objects).take_while(move |(_, object)| object.point == point)
    }
}

impl Builder {
    /// Takes from the previous world what an unreadable point had, and the points below it.
    ///
    /// `number` is the new index of the point itself.
    pub(super) fn carry_over(&mut self, outcome: &PointOutcome, number: u32, kept: &Kept<'_>) {
        let previous = kept.previous;
        if let (Some(old), Some(new)) = (
            previous.point(kept.point),
            usize::try_from(number).ok().and_then(|new| self.world.points.get_mut(new)),
        ) {
            new.manifest = old.manifest.clone();
            // The older of two certificates may end first: what is old must not live longer.
            new.validity = new.validity.intersect(old.validity);
            new.counts = old.counts.clone();
        }
        let heir = Heir {
            trust_anchor: u16::try_from(outcome.trust_anchor).unwrap_or(u16::MAX),
            resources: &outcome.resources,
        };
        self.carry_objects(&heir, previous, kept.point, number);
        self.carry_subtrees(&heir, previous, previous.children_of(kept.point, Some(number)));
    }

    /// Takes from the previous world everything of the trust anchor `name`, whose certificate
    /// cannot be read; `number` is its index in the new world.
    pub(super) fn carry_trust_anchor(&mut self, name: &str, number: u16, previous: &Previous<'_>) {
        let anchors = (0u16..).zip(&previous.world.trust_anchors);
        let old = anchors.filter(|(_, anchor)| anchor.name == name).map(|(old, _)| old).next();
        let points = (0u32..).zip(&previous.world.points);
        let roots =
            points.filter(|(_, point)| point.parent.is_none() && Some(point.trust_anchor) == old);
        let heir = Heir { trust_anchor: number, resources: &ResourceSet::all() };
        self.carry_subtrees(&heir, previous, roots.map(|(root, _)| (root, None)).collect());
    }

    /// Copies points with all that is below them. `open` holds pairs of the old index of a point
    /// and the new index of its parent.
    fn carry_subtrees(
        &mut self,
        heir: &Heir<'_>,
        previous: &Previous<'_>,
        mut open: Vec<(u32, Option<u32>)>,
    ) {
        while let Some((old, parent)) = open.pop() {
            let Some(record) = previous.point(old) else { continue };
            if self.points.contains_key(&record.id) {
                continue;
            }
            let new = self.carry_point(heir, previous.world, record, parent);
            self.carry_objects(heir, previous, old, new);
            open.extend(previous.children_of(old, Some(new)));
        }
    }

    fn carry_point(
        &mut self,
        heir: &Heir<'_>,
        previous: &World,
        old: &PointRecord,
        parent: Option<u32>,
    ) -> u32 {
        let status = old.repository.and_then(|number| usize::try_from(number).ok());
        let status = status.and_then(|number| previous.repositories.get(number));
        let repository = status.map(|status| self.repository(&status.id, || status.clone()));
        let new = index(self.world.points.len());
        self.points.insert(old.id, new);
        let mut record = PointRecord { parent, repository, data: old.data.clone() };
        let unproven = old.unproven.intersection(heir.resources);
        if (old.trust_anchor, &old.unproven) != (heir.trust_anchor, &unproven) {
            (record.trust_anchor, record.unproven) = (heir.trust_anchor, unproven);
        }
        self.world.points.push(record);
        new
    }

    /// Copies the objects of one point, and what of their payload the heir may still say.
    fn carry_objects(&mut self, heir: &Heir<'_>, previous: &Previous<'_>, old: u32, point: u32) {
        let resources = heir.resources;
        for (number, record) in previous.objects(old) {
            let object = index(self.world.objects.len());
            self.world.objects.push(ObjectRecord { point, ..record.clone() });
            let vrps = previous.vrps.of(number);
            let vrps = vrps.filter(|record| resources.contains_prefix(record.vrp.prefix));
            self.vrps.extend(vrps.map(|record| VrpRecord { object, ..record }));
            let aspas = previous.aspas.of(number);
            let aspas = aspas.filter(|record| resources.contains_asn(record.aspa.customer));
            let aspas = aspas.map(|record| AspaRecord { object, ..record.clone() });
            self.world.aspas.extend(aspas);
            let keys = previous.router_keys.of(number);
            let keys = keys.filter(|record| resources.contains_asn(record.key.asn));
            let keys = keys.map(|record| RouterKeyRecord { object, ..record.clone() });
            self.world.router_keys.extend(keys);
        }
    }
}
