//! Builds a world out of what validation found and what is known about fetching. Pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;

use super::carry::Previous;
use super::{
    AspaRecord, ObjectData, ObjectRecord, PointData, PointRecord, Purpose, RepositoryState,
    RepositoryStatus, RouterKeyRecord, TrustAnchorFetch, TrustAnchorRecord, VrpList, VrpRecord,
    World,
};
use crate::model::{ObjectHash, PointId, RepositoryId, ResourceSet, WorldId};
use crate::validate::{
    Finding, Payload, PayloadObject, PointOutcome, PointStatus, TrustAnchorOutcome,
    TrustAnchorStatus, Validation,
};

/// What a world is built from.
#[derive(Debug)]
pub struct Assembly<'a> {
    /// The number of the new world.
    pub id: WorldId,
    /// What the data are for.
    pub purpose: Purpose,
    /// What validation found.
    pub validation: &'a Validation,
    /// How long it took.
    pub validation_duration: Duration,
    /// What is known about each repository.
    pub repositories: Vec<RepositoryStatus>,
    /// How fetching each trust anchor's certificate went, by the TAL's name.
    pub trust_anchor_fetches: BTreeMap<String, TrustAnchorFetch>,
    /// The number of the world before this one.
    pub parent: Option<WorldId>,
    /// The world before this one, if it is needed ([`World::needs_previous`]); points that cannot be
    /// read keep what it had.
    pub previous: Option<&'a World>,
    /// Which state of the cache it shows.
    pub stamp: Option<ObjectHash>,
}

impl World {
    /// Builds a world.
    ///
    /// A point that could not be read takes its objects, and the points below it, from the
    /// previous world, cut to what its certificate permits now; a trust anchor whose certificate
    /// could not be read takes everything. A read error is not absence.
    pub fn assemble(assembly: Assembly<'_>) -> World {
        let mut builder = Builder::new(&assembly);
        let outcomes = &assembly.validation.points;
        let anchors = &assembly.validation.trust_anchors;
        let is_needed = World::needs_previous(assembly.validation);
        let previous = assembly.previous.filter(|_| is_needed).map(Previous::new);
        let each: Vec<(Arc<PointData>, Vec<Arc<ObjectData>>)> = outcomes
            .par_iter()
            .map(|outcome| {
                let objects = outcome.objects.iter().map(|object| ObjectData::of(object).into());
                (PointData::of(outcome).into(), objects.collect())
            })
            .collect();
        for (outcome, (point, objects)) in outcomes.iter().zip(each) {
            let number = builder.add_point(outcome, point);
            let kept = previous.as_ref().and_then(|previous| previous.unreadable(outcome));
            match kept {
                Some(kept) => builder.carry_over(outcome, number, &kept),
                None => builder.add_objects(outcome, objects, number),
            }
        }
        if let Some(previous) = &previous {
            for (number, anchor) in (0u16..).zip(anchors).filter(|(_, anchor)| is_lost(anchor)) {
                builder.carry_trust_anchor(&anchor.name, number, previous);
            }
        }
        builder.finish()
    }

    /// Tells whether what was found takes something from the world before: where it was not read.
    pub fn needs_previous(found: &Validation) -> bool {
        let is_unreadable = |point: &PointOutcome| point.status == PointStatus::Unreadable;
        found.trust_anchors.iter().any(is_lost)
            || found.points.iter().any(|point| is_unreadable(point))
    }
}

fn is_lost(anchor: &TrustAnchorOutcome) -> bool {
    anchor.status == TrustAnchorStatus::Unreadable
}

pub(super) struct Builder {
    pub(super) world: World,
    /// The VRPs, before they are put in order.
    pub(super) vrps: Vec<VrpRecord>,
    pub(super) points: HashMap<PointId, u32>,
    repositories: HashMap<RepositoryId, u32>,
}

/// Turns a position into an index; `World::check` refuses a world that has more than fit.
pub(super) fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

impl Builder {
    fn new(assembly: &Assembly<'_>) -> Self {
        let trust_anchors = assembly.validation.trust_anchors.iter();
        let trust_anchors = trust_anchors
            .map(|outcome| TrustAnchorRecord::of(outcome, &assembly.trust_anchor_fetches));
        let mut builder = Builder {
            world: World {
                id: assembly.id,
                parent: assembly.parent,
                purpose: assembly.purpose,
                time: assembly.validation.time,
                validation_duration: assembly.validation_duration,
                stamp: assembly.stamp,
                trust_anchors: trust_anchors.collect(),
                repositories: Vec::new(),
                points: Vec::new(),
                objects: Vec::new(),
                vrps: VrpList::default(),
                aspas: Vec::new(),
                router_keys: Vec::new(),
            },
            vrps: Vec::new(),
            points: HashMap::new(),
            repositories: HashMap::new(),
        };
        for status in &assembly.repositories {
            builder.repository(&status.id, || status.clone());
        }
        builder
    }

    /// Returns the index of a repository, which is added if it is new.
    pub(super) fn repository(
        &mut self,
        id: &RepositoryId,
        status: impl FnOnce() -> RepositoryStatus,
    ) -> u32 {
        if let Some(known) = self.repositories.get(id) {
            return *known;
        }
        let new = index(self.world.repositories.len());
        self.world.repositories.push(status());
        self.repositories.insert(id.clone(), new);
        new
    }

    fn add_point(&mut self, outcome: &PointOutcome, data: Arc<PointData>) -> u32 {
        let repository = self.repository_of(outcome);
        let new = index(self.world.points.len());
        self.points.insert(outcome.id, new);
        self.world.points.push(PointRecord {
            parent: outcome.parent.and_then(|id| self.points.get(&id).copied()),
            repository,
            data,
        });
        new
    }

    fn add_objects(&mut self, outcome: &PointOutcome, objects: Vec<Arc<ObjectData>>, point: u32) {
        for (object, data) in outcome.objects.iter().zip(objects) {
            let number = index(self.world.objects.len());
            self.world.objects.push(ObjectRecord { point, data });
            self.add_payload(&object.payload, number);
        }
    }

    fn add_payload(&mut self, payload: &Payload, object: u32) {
        match payload {
            Payload::Roa(vrps) => {
                self.vrps.extend(vrps.iter().map(|vrp| VrpRecord { vrp: *vrp, object }));
            }
            Payload::Aspa(aspa) => {
                self.world.aspas.push(AspaRecord { aspa: aspa.clone(), object });
            }
            Payload::RouterKeys(keys) => {
                let keys = keys.iter().map(|key| RouterKeyRecord { key: key.clone(), object });
                self.world.router_keys.extend(keys);
            }
        }
    }

    /// Returns the repository that a point was read from.
    ///
    /// One that waits for its first fetch is listed too: the world names what is missing.
    fn repository_of(&mut self, outcome: &PointOutcome) -> Option<u32> {
        if let Some(id) = &outcome.repository {
            return Some(self.repository(id, || unknown(id, RepositoryState::Current)));
        }
        if let Some(id) = awaited(outcome) {
            self.repository(&id, || unknown(&id, RepositoryState::Pending));
        }
        None
    }

    fn finish(mut self) -> World {
        self.world.put_in_order(self.vrps);
        self.world
    }
}

impl World {
    /// Brings points, objects and payload into the order that every world has.
    fn put_in_order(&mut self, mut vrps: Vec<VrpRecord>) {
        let depths = self.depths();
        let mut order: Vec<u32> = (0..index(self.points.len())).collect();
        let key = |at: &u32| {
            let point = self.points.get(*at as usize);
            (point.map(|point| point.trust_anchor), depths.get(*at as usize), point.map(|p| p.id))
        };
        order.sort_by_key(key);
        let mut place = vec![0u32; order.len()];
        for (new, old) in (0u32..).zip(&order) {
            if let Some(place) = place.get_mut(*old as usize) {
                *place = new;
            }
        }
        let moved = |old: u32| place.get(old as usize).copied().unwrap_or(u32::MAX);
        let points = order.iter().filter_map(|old| self.points.get(*old as usize));
        let points =
            points.map(|point| PointRecord { parent: point.parent.map(moved), ..point.clone() });
        self.points = points.collect();
        let mut objects: Vec<(u32, ObjectRecord)> = (0u32..)
            .zip(std::mem::take(&mut self.objects))
            .map(|(old, object)| (old, ObjectRecord { point: moved(object.point), ..object }))
            .collect();
        objects.par_sort_unstable_by(|(_, a), (_, b)| (a.point, a.key()).cmp(&(b.point, b.key())));
        let mut place = vec![0u32; objects.len()];
        for (new, (old, _)) in (0u32..).zip(&objects) {
            if let Some(place) = place.get_mut(*old as usize) {
                *place = new;
            }
        }
        self.objects = objects.into_iter().map(|(_, object)| object).collect();
        let moved = |object: &mut u32| {
            *object = place.get(*object as usize).copied().unwrap_or(u32::MAX);
        };
        vrps.iter_mut().for_each(|record| moved(&mut record.object));
        self.aspas.iter_mut().for_each(|record| moved(&mut record.object));
        self.router_keys.iter_mut().for_each(|record| moved(&mut record.object));
        vrps.par_sort_unstable();
        self.vrps = vrps.into_iter().collect();
        self.aspas.sort_unstable();
        self.router_keys.sort_unstable();
    }
}

impl TrustAnchorRecord {
    /// Makes what a world says about a trust anchor.
    pub fn of(
        outcome: &TrustAnchorOutcome,
        fetches: &BTreeMap<String, TrustAnchorFetch>,
    ) -> TrustAnchorRecord {
        TrustAnchorRecord {
            name: outcome.name.clone(),
            status: outcome.status,
            fetch: fetches.get(&outcome.name).cloned().unwrap_or_default(),
            findings: first_findings(&outcome.findings),
        }
    }
}

impl PointData {
    /// Makes what a world says about a point of what became of it.
    pub(super) fn of(outcome: &PointOutcome) -> PointData {
        let findings = first_findings(&outcome.findings);
        let left_out = outcome.findings.len().saturating_sub(findings.len());
        let unproven = match is_unproven(outcome) {
            true => ResourceSet::clone(&outcome.resources),
            false => ResourceSet::default(),
        };
        PointData {
            id: outcome.id,
            trust_anchor: u16::try_from(outcome.trust_anchor).unwrap_or(u16::MAX),
            certificate_uri: outcome.certificate_uri.clone(),
            certificate_hash: outcome.certificate_hash,
            ski: outcome.ski,
            manifest_uri: outcome.location.manifest.clone(),
            status: outcome.status,
            manifest: outcome.manifest.clone(),
            validity: outcome.validity,
            unproven,
            counts: outcome.counts.clone(),
            findings,
            findings_left_out: index(left_out),
        }
    }
}

impl ObjectData {
    /// Makes what a world says about an object that gives payload.
    pub(super) fn of(object: &PayloadObject) -> ObjectData {
        ObjectData { uri: object.uri.clone(), hash: object.hash, validity: object.validity }
    }
}

/// Returns the repository whose first fetch a point waits for.
fn awaited(outcome: &PointOutcome) -> Option<RepositoryId> {
    (outcome.status == PointStatus::Pending).then(|| match &outcome.location.notify {
        Some(notify) => RepositoryId::Rrdp(notify.clone()),
        None => RepositoryId::Rsync(outcome.location.directory.module()),
    })
}

/// Tells whether a route inside the point that no VRP covers may be unknown for want of data.
fn is_unproven(outcome: &PointOutcome) -> bool {
    match outcome.status {
        PointStatus::Current => false,
        PointStatus::LastGood => outcome.objects.is_empty(),
        PointStatus::Pending | PointStatus::Failed | PointStatus::Unreadable => true,
    }
}

fn first_findings(findings: &[Finding]) -> Vec<Finding> {
    findings.iter().take(World::MAX_FINDINGS_PER_POINT).cloned().collect()
}

/// Makes the status of a repository of which nothing else is known.
fn unknown(id: &RepositoryId, state: RepositoryState) -> RepositoryStatus {
    RepositoryStatus { state, ..RepositoryStatus::pending(id.clone()) }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{NOW, assembly, finding, hours, validation, vrp, world};
    use super::*;
    use crate::model::{Prefix, TimeWindow};

    fn point<'a>(world: &'a World, name: &str) -> &'a PointRecord {
        let uri = format!("rsync://{name}.example/repo/ca.mft");
        world.points.iter().find(|point| point.manifest_uri.as_str() == uri).unwrap()
    }

    fn outcome<'a>(validation: &'a mut Validation, name: &str) -> &'a mut PointOutcome {
        let uri = format!("rsync://{name}.example/repo/ca.mft");
        let mut points = validation.points.iter_mut();
        let point = points.find(|point| point.location.manifest.as_str() == uri).unwrap();
        Arc::make_mut(point)
    }

    /// Removes `left`'s subtree, as validation does when it cannot read `left`.
    fn left_unreadable() -> Validation {
        let mut validation = validation();
        validation.points.retain(|point| !point.location.manifest.as_str().contains("leaf"));
        let left = outcome(&mut validation, "left");
        left.status = PointStatus::Unreadable;
        left.objects.clear();
        left.manifest = None;
        left.counts.clear();
        validation
    }

    #[test]
    fn the_world_of_a_validation_is_consistent_and_sorted() {
        let world = world();
        world.check().unwrap();
        let vrps: Vec<_> = world.vrps.iter().map(|record| record.vrp.to_string()).collect();
        assert_eq!(
            vrps,
            [
                "192.0.2.0/24-24 AS64496",
                "192.0.2.0/24-24 AS64496",
                "192.0.2.128/25-25 AS0",
                "198.51.100.0/22-24 AS64497",
                "203.0.113.0/24-24 AS64499",
                "2001:db8::/32-48 AS64496",
            ]
        );
        assert_eq!(world.aspas.len(), 1);
        assert_eq!(world.router_keys.len(), 1);
        let left = point(&world, "left");
        assert_eq!(left.parent, Some(0));
        assert!(left.unproven.is_empty());
    }

    #[test]
    fn findings_beyond_the_limit_are_counted() {
        let mut validation = validation();
        outcome(&mut validation, "right").findings = vec![finding("stale"); 250];
        let world = World::assemble(assembly(&validation));
        assert_eq!(point(&world, "right").findings.len(), World::MAX_FINDINGS_PER_POINT);
        assert_eq!(point(&world, "right").findings_left_out, 150);
    }

    #[test]
    fn resources_without_sound_data_are_unproven() {
        for (status, has_objects, unproven) in [
            (PointStatus::Current, false, false),
            (PointStatus::LastGood, true, false),
            (PointStatus::LastGood, false, true),
            (PointStatus::Pending, true, true),
            (PointStatus::Failed, false, true),
            (PointStatus::Unreadable, false, true),
        ] {
            let mut validation = validation();
            let right = outcome(&mut validation, "right");
            right.status = status;
            if !has_objects {
                right.objects.clear();
            }
            let world = World::assemble(assembly(&validation));
            assert_eq!(!point(&world, "right").unproven.is_empty(), unproven, "{status:?}");
        }
    }

    #[test]
    fn a_pending_point_has_its_repository_listed() {
        let mut validation = validation();
        let leaf = outcome(&mut validation, "leaf");
        leaf.status = PointStatus::Pending;
        leaf.repository = None;
        leaf.location.notify = Some("https://new.example/notify.xml".parse().unwrap());
        let world = World::assemble(assembly(&validation));
        assert_eq!(point(&world, "leaf").repository, None);
        let last = world.repositories.last().unwrap();
        assert_eq!(last.id.as_str(), "https://new.example/notify.xml");
        assert_eq!(last.state, RepositoryState::Pending);
    }

    #[test]
    fn an_unreadable_trust_anchor_keeps_everything() {
        let (previous, mut validation) = (world(), validation());
        validation.points.clear();
        for anchor in &mut validation.trust_anchors {
            anchor.status = TrustAnchorStatus::Unreadable;
        }
        let world = World::assemble(Assembly {
            parent: Some(previous.id),
            previous: Some(&previous),
            ..assembly(&validation)
        });
        world.check().unwrap();
        let payload = |world: &World| world.vrps.iter().map(|r| r.vrp).collect::<Vec<_>>();
        assert_eq!(payload(&world), payload(&previous));
        assert_eq!(world.points.len(), previous.points.len());
        assert_eq!(world.trust_anchors[0].status, TrustAnchorStatus::Unreadable);
    }

    #[test]
    fn an_unreadable_point_keeps_its_subtree() {
        let (previous, validation) = (world(), left_unreadable());
        let world = World::assemble(Assembly {
            parent: Some(previous.id),
            previous: Some(&previous),
            ..assembly(&validation)
        });
        world.check().unwrap();
        assert_eq!(world.parent, Some(previous.id));
        let payload = |world: &World| world.vrps.iter().map(|r| r.vrp).collect::<Vec<_>>();
        assert_eq!(payload(&world), payload(&previous));
        assert_eq!(world.aspas.len(), 1);
        assert_eq!(world.objects.len(), previous.objects.len());
        let left = point(&world, "left");
        assert_eq!(left.status, PointStatus::Unreadable);
        assert_eq!(left.manifest, point(&previous, "left").manifest);
        assert!(!left.unproven.is_empty());
        let leaf = point(&world, "leaf");
        let parent = &world.points[usize::try_from(leaf.parent.unwrap()).unwrap()];
        assert_eq!(parent.id, left.id);
    }

    #[test]
    fn an_unreadable_point_is_cut_to_its_new_certificate() {
        let (previous, mut validation) = (world(), left_unreadable());
        let left = outcome(&mut validation, "left");
        left.resources =
            Arc::new(ResourceSet::from_prefixes(["2001:db8::/32".parse::<Prefix>().unwrap()]));
        left.validity = TimeWindow::new(NOW, hours(2));
        let world = World::assemble(Assembly {
            parent: Some(previous.id),
            previous: Some(&previous),
            ..assembly(&validation)
        });
        world.check().unwrap();
        let lost = [vrp("192.0.2.128/25", 25, 0)];
        assert!(world.vrps.iter().all(|record| !lost.contains(&record.vrp)));
        let kept = world.vrps.iter().filter(|record| record.vrp.asn.0 == 64496);
        // From `beta`, which was read, and the one that the new certificate still covers.
        assert_eq!(kept.count(), 2);
        assert!(world.aspas.is_empty(), "AS64496 is not in the new certificate");
        assert_eq!(point(&world, "left").validity.until, hours(2));
    }

    #[test]
    fn without_a_previous_world_an_unreadable_point_is_empty() {
        let world = World::assemble(assembly(&left_unreadable()));
        world.check().unwrap();
        assert_eq!(world.vrps.len(), 3);
        assert!(!point(&world, "left").unproven.is_empty());
    }
}
