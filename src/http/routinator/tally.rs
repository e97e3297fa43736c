//! The numbers of a world as Routinator counts them, for its status and its metrics.

use std::collections::{BTreeMap, HashSet};

use crate::model::{Family, Vrp};
use crate::validate::{Effect, Finding, ObjectKind, PointStatus, Reason};
use crate::world::{ItemSource, PointRecord, View, World};

/// The numbers of a world, in all, by trust anchor and by repository.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub all: Numbers,
    /// In the world's order, by name.
    pub trust_anchors: Vec<(String, Numbers)>,
    /// By URI.
    pub repositories: BTreeMap<String, Numbers>,
    /// VRPs that local exceptions assert.
    pub asserted_vrps: u64,
}

/// What Routinator counts of a trust anchor or a repository.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    pub valid_points: u64,
    pub rejected_points: u64,
    /// By kind.
    pub valid: BTreeMap<ObjectKind, u64>,
    /// By kind; those of a state with a number of its own are not here.
    pub invalid: BTreeMap<ObjectKind, u64>,
    pub premature_manifests: u64,
    pub stale_manifests: u64,
    pub missing_manifests: u64,
    pub stale_crls: u64,
    pub ipv4: Items,
    pub ipv6: Items,
    pub router_keys: Items,
    pub aspas: Items,
}

/// Items of payload; what an object gives that another gave already is a duplicate.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Items {
    pub valid: u64,
    /// Taken out by local exceptions.
    pub filtered: u64,
    pub duplicate: u64,
}

impl Items {
    /// Returns how many are in the payload.
    pub fn contributed(self) -> u64 {
        self.valid - self.filtered - self.duplicate
    }
}

impl Numbers {
    pub fn valid(&self, kind: ObjectKind) -> u64 {
        self.valid.get(&kind).copied().unwrap_or(0)
    }

    pub fn invalid(&self, kind: ObjectKind) -> u64 {
        self.invalid.get(&kind).copied().unwrap_or(0)
    }

    /// Returns the VRPs of both families.
    pub fn vrps(&self) -> Items {
        let (v4, v6) = (self.ipv4, self.ipv6);
        Items {
            valid: v4.valid + v6.valid,
            filtered: v4.filtered + v6.filtered,
            duplicate: v4.duplicate + v6.duplicate,
        }
    }

    pub fn stale_objects(&self) -> u64 {
        self.stale_manifests + self.stale_crls
    }

    /// Counts a point and its objects; each rejected object once, by its first finding.
    fn add_point(&mut self, point: &PointRecord) {
        match point.status {
            PointStatus::Current | PointStatus::LastGood => self.valid_points += 1,
            PointStatus::Failed | PointStatus::Unreadable => self.rejected_points += 1,
            PointStatus::Pending => {}
        }
        for (kind, count) in &point.counts {
            *self.valid.entry(*kind).or_default() += u64::from(*count);
        }
        let mut seen = HashSet::new();
        let costs = |finding: &&Finding| finding.reason.effect() != Effect::Warning;
        for finding in point.findings.iter().filter(costs) {
            if seen.insert(finding.object.as_str()) {
                self.add_finding(finding);
            }
        }
    }

    fn add_finding(&mut self, finding: &Finding) {
        match finding.reason {
            Reason::ManifestMissing => self.missing_manifests += 1,
            Reason::ManifestStale => self.stale_manifests += 1,
            Reason::ManifestPremature => self.premature_manifests += 1,
            Reason::CrlStale => self.stale_crls += 1,
            _ => *self.invalid.entry(ObjectKind::of_name(&finding.object)).or_default() += 1,
        }
    }
}

/// What one item adds: the first one, one that is there already, one that is taken out.
const NEW: Items = Items { valid: 1, filtered: 0, duplicate: 0 };
const AGAIN: Items = Items { valid: 1, filtered: 0, duplicate: 1 };
const FILTERED: Items = Items { valid: 1, filtered: 1, duplicate: 0 };

fn family(vrp: &Vrp) -> Which {
    match vrp.prefix.family() {
        Family::V4 => |numbers| &mut numbers.ipv4,
        Family::V6 => |numbers| &mut numbers.ipv6,
    }
}

/// Which list of items is counted.
type Which = fn(&mut Numbers) -> &mut Items;

impl Tally {
    /// Counts a view and its world: one pass over everything.
    pub fn of(view: &View, world: &World) -> Tally {
        let mut tally = Tally {
            trust_anchors: world
                .trust_anchors
                .iter()
                .map(|record| (record.name.clone(), Numbers::default()))
                .collect(),
            asserted_vrps: u64::try_from(view.exceptions().vrps().len()).unwrap_or(u64::MAX),
            ..Tally::default()
        };
        for point in &world.points {
            tally.each(world, point, |numbers| numbers.add_point(point));
        }
        for (position, vrp) in view.vrps().iter().enumerate() {
            let sources = view.vrp_sources(position);
            // What is asserted is no object's.
            let sources = sources.filter(|source| source.object.is_some());
            for (index, source) in sources.enumerate() {
                tally.add_item(world, source, family(vrp), if index > 0 { AGAIN } else { NEW });
            }
        }
        for filtered in view.filtered_vrps() {
            for source in &filtered.sources {
                tally.add_item(world, *source, family(&filtered.vrp), FILTERED);
            }
        }
        let mut last = None;
        for item in view.router_keys() {
            let is_same = last.replace(&item.payload) == Some(&item.payload);
            let what = if is_same { AGAIN } else { NEW };
            tally.add_item(world, item.source, |numbers| &mut numbers.router_keys, what);
        }
        for (item, _) in view.filtered_router_keys() {
            tally.add_item(world, item.source, |numbers| &mut numbers.router_keys, FILTERED);
        }
        let mut last = None;
        for item in view.aspas() {
            let is_same = last.replace(item.payload.customer) == Some(item.payload.customer);
            let what = if is_same { AGAIN } else { NEW };
            tally.add_item(world, item.source, |numbers| &mut numbers.aspas, what);
        }
        for (item, _) in view.filtered_aspas() {
            tally.add_item(world, item.source, |numbers| &mut numbers.aspas, FILTERED);
        }
        tally
    }

    /// Counts in all, in the point's trust anchor, and in its repository.
    fn each(&mut self, world: &World, point: &PointRecord, mut count: impl FnMut(&mut Numbers)) {
        count(&mut self.all);
        if let Some((_, numbers)) = self.trust_anchors.get_mut(usize::from(point.trust_anchor)) {
            count(numbers);
        }
        let repository = point.repository.and_then(|index| world.repositories.get(index as usize));
        if let Some(repository) = repository {
            match self.repositories.get_mut(repository.id.as_str()) {
                Some(numbers) => count(numbers),
                None => {
                    count(self.repositories.entry(repository.id.as_str().to_owned()).or_default());
                }
            }
        }
    }

    fn add_item(&mut self, world: &World, source: ItemSource, which: Which, what: Items) {
        let object = source.object.and_then(|index| world.objects.get(index as usize));
        let point = object.and_then(|object| world.points.get(object.point as usize));
        let Some(point) = point else { return };
        self.each(world, point, |numbers| {
            let items = which(numbers);
            items.valid += what.valid;
            items.filtered += what.filtered;
            items.duplicate += what.duplicate;
        });
    }
}
