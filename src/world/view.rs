//! A view: a world (or a VRP file) less what has expired, indexed, ready to be asked.

use std::sync::Arc;
use std::time::Duration;

use super::chain::{Chain, chains, trust_anchor_age};
use super::freshness::{Age, Aged};
use super::{Answer, DataSource, Freshness, Gap, ObjectRecord, PointRecord, Purpose, World};
use crate::model::{
    Aspa, Prefix, ResourceSet, Route, RouterKey, TimeWindow, Timestamp, Vrp, WorldId,
};
use crate::origin::{Fit, Index, Validity, Verdict};
use crate::payload::{FileFormat, VrpFile};
use crate::validate::TrustAnchorStatus;

/// A world or a VRP file at one time: what is valid then, and the origin index over it.
///
/// It stays right until [`View::next_expiry`].
#[derive(Clone, Debug)]
pub struct View {
    source: ViewSource,
    world: Option<Arc<World>>,
    /// Sorted, without duplicates.
    vrps: Vec<Vrp>,
    /// Where the sources of each VRP begin in `vrp_sources`, and a last one for the end.
    first_sources: Vec<u32>,
    vrp_sources: Vec<ItemSource>,
    index: Index,
    aspas: Vec<Item<Aspa>>,
    router_keys: Vec<Item<RouterKey>>,
    trust_anchors: Vec<String>,
    next_expiry: Option<Timestamp>,
    /// For each point of the world.
    chains: Vec<Chain>,
    /// The points with unproven resources, and all those resources together.
    unproven: (Vec<u32>, ResourceSet),
}

/// What a view was made from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ViewSource {
    /// A world.
    World {
        /// Its number.
        id: WorldId,
        /// The time at which it was validated.
        time: Timestamp,
        /// What its data are for.
        purpose: Purpose,
    },
    /// A VRP file of another validator.
    File {
        /// The name under which it was read.
        name: String,
        /// Its format.
        format: FileFormat,
        /// When it was made, if it says so.
        generated: Option<Timestamp>,
    },
}

/// Where a payload item comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ItemSource {
    /// The index in [`View::trust_anchors`]; a VRP file may name none.
    pub trust_anchor: Option<u16>,
    /// The index of the object in [`World::objects`]; a VRP file knows none.
    pub object: Option<u32>,
    /// The last second in which the whole chain is valid, where that is known.
    pub expires: Option<Timestamp>,
}

/// A payload item with one source.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item<T> {
    /// The item.
    pub payload: T,
    /// Where it comes from.
    pub source: ItemSource,
}

impl View {
    /// Makes the view of `world` at `now`; an archive is always seen at its own time.
    pub fn of_world(world: Arc<World>, now: Timestamp) -> View {
        let now = match world.purpose {
            Purpose::Archive { at } => at,
            Purpose::Live | Purpose::Lab => now,
        };
        let chains = chains(&world);
        let mut horizon = Horizon::new(now);
        // One answer for each object, so that each is worked out once.
        let sources: Vec<Option<ItemSource>> = (0u32..u32::MAX)
            .zip(&world.objects)
            .map(|(index, object)| {
                let chain = chains.get(object.point as usize)?;
                let point = world.points.get(object.point as usize)?;
                let validity = chain.validity.intersect(object.validity);
                horizon.admit(validity).then_some(ItemSource {
                    trust_anchor: Some(point.trust_anchor),
                    object: Some(index),
                    expires: Some(validity.until),
                })
            })
            .collect();
        let source = |object: u32| sources.get(object as usize).copied().flatten();
        let rows = world.vrps.iter().filter_map(|row| Some((row.vrp, source(row.object)?)));
        let vrps = Vrps::collect(rows.collect());
        let aspas = world.aspas.iter().filter_map(|row| {
            Some(Item { payload: row.aspa.clone(), source: source(row.object)? })
        });
        let keys = world
            .router_keys
            .iter()
            .filter_map(|row| Some(Item { payload: row.key.clone(), source: source(row.object)? }));
        View {
            source: ViewSource::World { id: world.id, time: world.time, purpose: world.purpose },
            index: Index::build(&vrps.list),
            vrps: vrps.list,
            first_sources: vrps.first_sources,
            vrp_sources: vrps.sources,
            aspas: aspas.collect(),
            router_keys: keys.collect(),
            trust_anchors: world.trust_anchors.iter().map(|ta| ta.name.clone()).collect(),
            next_expiry: horizon.next,
            chains,
            unproven: unproven(&world.points),
            world: Some(world),
        }
    }

    /// Makes the view of a VRP file, read under `name`.
    ///
    /// The file is taken as it is, unless `at` is given: then what expires before it is left out.
    pub fn of_vrp_file(file: VrpFile, name: &str, at: Option<Timestamp>) -> View {
        let mut horizon = Horizon::new(at.unwrap_or(Timestamp::MIN));
        let mut keep = |trust_anchor: Option<u16>, expires: Option<Timestamp>| {
            let until = expires.unwrap_or(Timestamp::MAX);
            let window = TimeWindow::new(Timestamp::MIN, until);
            let source = ItemSource { trust_anchor, object: None, expires };
            (at.is_none() || horizon.admit(window)).then_some(source)
        };
        let rows = file
            .vrps
            .iter()
            .filter_map(|row| Some((row.vrp, keep(row.trust_anchor, row.expires)?)));
        let vrps = Vrps::collect(rows.collect());
        let mut aspas: Vec<_> = file
            .aspas
            .into_iter()
            .filter_map(|row| {
                let source = keep(row.trust_anchor, row.expires)?;
                Some(Item { payload: row.aspa, source })
            })
            .collect();
        aspas.sort_by(|a, b| a.payload.cmp(&b.payload));
        let mut router_keys: Vec<_> = file
            .router_keys
            .into_iter()
            .filter_map(|row| {
                let source = keep(row.trust_anchor, row.expires)?;
                Some(Item { payload: row.key, source })
            })
            .collect();
        router_keys.sort_by(|a, b| a.payload.cmp(&b.payload));
        View {
            source: ViewSource::File {
                name: name.to_owned(),
                format: file.format,
                generated: file.generated,
            },
            world: None,
            index: Index::build(&vrps.list),
            vrps: vrps.list,
            first_sources: vrps.first_sources,
            vrp_sources: vrps.sources,
            aspas,
            router_keys,
            trust_anchors: file.trust_anchors,
            next_expiry: horizon.next,
            chains: Vec::new(),
            unproven: (Vec::new(), ResourceSet::default()),
        }
    }

    /// Returns what the view was made from.
    pub fn source(&self) -> &ViewSource {
        &self.source
    }

    /// Returns the world, unless the view is that of a VRP file.
    pub fn world(&self) -> Option<&Arc<World>> {
        self.world.as_ref()
    }

    /// Returns the VRPs, sorted and each once.
    pub fn vrps(&self) -> &[Vrp] {
        &self.vrps
    }

    /// Returns the origin index over [`View::vrps`].
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Returns where the VRP at `position` comes from: at least one source for each VRP.
    pub fn vrp_sources(&self, position: usize) -> &[ItemSource] {
        let first = self.first_sources.get(position);
        let end = position.checked_add(1).and_then(|next| self.first_sources.get(next));
        first
            .zip(end)
            .and_then(|(first, end)| self.vrp_sources.get(*first as usize..*end as usize))
            .unwrap_or_default()
    }

    /// Returns the ASPAs, sorted by customer, one for each object that gives one.
    pub fn aspas(&self) -> &[Item<Aspa>] {
        &self.aspas
    }

    /// Returns the router keys, sorted, one for each certificate that gives one.
    pub fn router_keys(&self) -> &[Item<RouterKey>] {
        &self.router_keys
    }

    /// Returns the names of the trust anchors.
    pub fn trust_anchors(&self) -> &[String] {
        &self.trust_anchors
    }

    /// Returns the name of a source's trust anchor.
    pub fn trust_anchor(&self, source: ItemSource) -> Option<&str> {
        let index = source.trust_anchor?;
        self.trust_anchors.get(usize::from(index)).map(String::as_str)
    }

    /// Returns the URI of the object that a source names.
    pub fn object_uri(&self, source: ItemSource) -> Option<&str> {
        let world = self.world.as_ref()?;
        Some(world.objects.get(source.object? as usize)?.uri.as_str())
    }

    /// Returns the object that a source names.
    pub fn object(&self, source: ItemSource) -> Option<&ObjectRecord> {
        self.world.as_ref()?.objects.get(source.object? as usize)
    }

    /// Returns when the whole chain above a source's object is valid; not the object itself.
    pub fn chain_validity(&self, source: ItemSource) -> Option<TimeWindow> {
        let point = self.object(source)?.point;
        self.chains.get(point as usize).map(|chain| chain.validity)
    }

    /// Returns the first second in which this view is no longer right; `None` means never.
    ///
    /// An object is gone the second after its `until`, and another's `from` may come.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.next_expiry
    }

    /// Answers for `route` at `now`; data older than `max_age` count as stale.
    ///
    /// Source: RFC 6811, section 2, for the verdict; the freshness is ours.
    pub fn answer(&self, route: Route, now: Timestamp, max_age: Duration) -> Answer {
        let verdict = Verdict::of(&self.index, &self.vrps, route);
        let age = self.age(&verdict);
        let known = age.map(|age| age.time).filter(|time| *time != Timestamp::MIN);
        let freshness = match age {
            None => Freshness::NoData,
            Some(age) => self
                .gap(&verdict, route.prefix)
                .map(Freshness::Incomplete)
                .or_else(|| self.stale(age, now, max_age))
                .unwrap_or(Freshness::Fresh),
        };
        Answer { route, verdict, freshness, as_of: known }
    }

    /// Returns the age of the oldest data that the verdict rests on; `None` if there are none.
    ///
    /// A valid route rests on its best match. An invalid one rests on every VRP that covers it,
    /// and one that is not found on every trust anchor: a newer state of each could match it.
    fn age(&self, verdict: &Verdict) -> Option<Age> {
        let Some(world) = &self.world else {
            let ViewSource::File { generated, .. } = self.source else { return None };
            let time = generated.unwrap_or(Timestamp::MIN);
            return (!self.vrps.is_empty()).then_some(Age { time, of: Aged::File });
        };
        let newest_of = |position: usize| {
            let sources = self.vrp_sources(position).iter();
            sources.filter_map(|source| self.source_age(world, *source)).max()
        };
        let covering = verdict.covering.iter();
        match verdict.validity {
            Validity::Valid => covering
                .filter(|covering| covering.fit == Fit::Matched)
                .filter_map(|covering| newest_of(covering.position))
                .max(),
            Validity::Invalid(_) => {
                covering.filter_map(|covering| newest_of(covering.position)).min()
            }
            Validity::NotFound => self.trust_anchors_age(world),
        }
    }

    /// Returns the oldest among the valid trust anchors and the repositories of their own points.
    fn trust_anchors_age(&self, world: &World) -> Option<Age> {
        let anchors = (0..u16::MAX).zip(&world.trust_anchors);
        let anchors = anchors
            .filter(|(_, ta)| ta.status == TrustAnchorStatus::Valid)
            .map(|(index, _)| trust_anchor_age(world, index));
        let points = world.points.iter().zip(&self.chains);
        let own = points.filter(|(point, _)| point.parent.is_none()).map(|(_, chain)| chain.age);
        anchors.chain(own).min()
    }

    fn source_age(&self, world: &World, source: ItemSource) -> Option<Age> {
        let object = world.objects.get(source.object? as usize)?;
        self.chains.get(object.point as usize).map(|chain| chain.age)
    }

    fn stale(&self, age: Age, now: Timestamp, max_age: Duration) -> Option<Freshness> {
        // What an archive says does not age.
        let now = match self.source {
            ViewSource::World { purpose: Purpose::Archive { at }, .. } => at,
            _ => now,
        };
        let known = age.time != Timestamp::MIN;
        let elapsed = now.since(age.time);
        (!known || elapsed > max_age).then(|| Freshness::Stale {
            source: self.data_source(age.of),
            age: known.then_some(elapsed),
        })
    }

    fn data_source(&self, of: Aged) -> DataSource {
        match (of, &self.source, &self.world) {
            (Aged::Repository(index), _, Some(world)) => {
                let repository = world.repositories.get(index as usize);
                DataSource::Repository(repository.map(|r| r.id.to_string()).unwrap_or_default())
            }
            (Aged::TrustAnchor(index), _, _) => {
                let name = self.trust_anchors.get(usize::from(index));
                DataSource::TrustAnchor(name.cloned().unwrap_or_default())
            }
            (_, ViewSource::File { name, .. }, _) => DataSource::File(name.clone()),
            _ => DataSource::File(String::new()),
        }
    }

    /// Returns what is missing that could cover a route that is not found.
    fn gap(&self, verdict: &Verdict, prefix: Prefix) -> Option<Gap> {
        let world = self.world.as_ref()?;
        if verdict.validity != Validity::NotFound {
            return None;
        }
        let (points, together) = &self.unproven;
        if together.contains_prefix(prefix) {
            // The last one is the deepest: children come after parents.
            let point = points
                .iter()
                .rev()
                .filter_map(|index| world.points.get(*index as usize))
                .find(|point| point.unproven.contains_prefix(prefix));
            if let Some(point) = point {
                return Some(self.point_gap(point));
            }
        }
        let missing =
            world.trust_anchors.iter().find(|ta| ta.status != TrustAnchorStatus::Valid)?;
        Some(Gap::TrustAnchor {
            name: missing.name.clone(),
            status: missing.status,
            why: missing
                .findings
                .first()
                .map(|finding| finding.detail.clone())
                .or_else(|| missing.fetch.error.clone()),
        })
    }

    fn point_gap(&self, point: &PointRecord) -> Gap {
        let name = self.trust_anchors.get(usize::from(point.trust_anchor));
        Gap::Point {
            id: point.id,
            manifest: point.manifest_uri.clone(),
            trust_anchor: name.cloned().unwrap_or_default(),
            status: point.status,
            why: point.findings.first().map(|finding| finding.detail.clone()),
        }
    }
}

/// The VRPs of a view, with the sources of each.
struct Vrps {
    list: Vec<Vrp>,
    first_sources: Vec<u32>,
    sources: Vec<ItemSource>,
}

impl Vrps {
    /// Sorts the rows and joins those of the same VRP.
    fn collect(mut rows: Vec<(Vrp, ItemSource)>) -> Vrps {
        // A world's rows are sorted, which this sees in one pass.
        rows.sort_by_key(|(vrp, _)| *vrp);
        let mut vrps = Vrps {
            list: Vec::with_capacity(rows.len()),
            first_sources: Vec::with_capacity(rows.len() + 1),
            sources: Vec::with_capacity(rows.len()),
        };
        for (at, (vrp, source)) in (0..u32::MAX).zip(rows) {
            if vrps.list.last() != Some(&vrp) {
                vrps.list.push(vrp);
                vrps.first_sources.push(at);
            }
            vrps.sources.push(source);
        }
        vrps.first_sources.push(u32::try_from(vrps.sources.len()).unwrap_or(u32::MAX));
        vrps
    }
}

/// When something next expires or begins.
struct Horizon {
    now: Timestamp,
    next: Option<Timestamp>,
}

impl Horizon {
    fn new(now: Timestamp) -> Self {
        Horizon { now, next: None }
    }

    /// Tells whether something with this validity is valid now, and notes when that changes.
    fn admit(&mut self, validity: TimeWindow) -> bool {
        let change = if self.now < validity.from && validity.from <= validity.until {
            Some(validity.from)
        } else if validity.contains(self.now) {
            // At `MAX` it never ends.
            validity.until.0.checked_add(1).map(Timestamp)
        } else {
            None
        };
        self.next = match (self.next, change) {
            (Some(next), Some(change)) => Some(next.min(change)),
            (next, change) => next.or(change),
        };
        validity.contains(self.now)
    }
}

/// Returns the points with unproven resources, and the union of those.
fn unproven(points: &[PointRecord]) -> (Vec<u32>, ResourceSet) {
    let with: Vec<(u32, &ResourceSet)> = (0..u32::MAX)
        .zip(points)
        .filter(|(_, point)| !point.unproven.is_empty())
        .map(|(index, point)| (index, &point.unproven))
        .collect();
    let union = ResourceSet::new(
        with.iter().flat_map(|(_, set)| set.v4().iter().copied()),
        with.iter().flat_map(|(_, set)| set.v6().iter().copied()),
        [],
    );
    (with.into_iter().map(|(index, _)| index).collect(), union)
}
