//! A view: a world (or a VRP file) less what has expired, indexed, ready to be asked.

use std::ops::Range;
use std::sync::Arc;

use super::chain::{Chain, chains, oldest_anchor};
use super::freshness::Age;
use super::slurm::Local;
use super::{ObjectRecord, PointRecord, Purpose, World};
use crate::model::{Aspa, ResourceSet, RouterKey, TimeWindow, Timestamp, Vrp, WorldId};
use crate::origin::Index;
use crate::payload::{FileFormat, RuleId, VrpFile};
use crate::validate::TrustAnchorStatus;

/// A world or a VRP file at one time: what is valid then, and the origin index over it.
///
/// It stays right until [`View::next_expiry`].
#[derive(Clone, Debug)]
pub struct View {
    pub(super) source: ViewSource,
    pub(super) world: Option<Arc<World>>,
    /// Sorted, without duplicates.
    pub(super) vrps: Vec<Vrp>,
    sources: Sources,
    pub(super) index: Index,
    pub(super) aspas: Vec<Item<Aspa>>,
    pub(super) router_keys: Vec<Item<RouterKey>>,
    pub(super) trust_anchors: Vec<String>,
    next_expiry: Option<Timestamp>,
    /// For each point of the world.
    pub(super) chains: Vec<Chain>,
    /// What a route that is not found rests on: every trust anchor, so the oldest counts.
    pub(super) oldest_anchor: Option<Age>,
    /// The points with unproven resources, and all those resources together.
    pub(super) unproven: (Vec<u32>, ResourceSet),
    /// Whether there were VRPs before local exceptions.
    pub(super) had_vrps: bool,
    pub(super) local: Local,
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
    /// The local exception that gives the item, if it is no object that does.
    pub exception: Option<RuleId>,
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
        // One answer for each object, so that each is worked out once; that of one which is not
        // valid now says that it is of no object.
        let sources: Vec<ItemSource> = (0u32..u32::MAX)
            .zip(&world.objects)
            .map(|(index, object)| {
                let chain = chains.get(object.point as usize);
                let point = world.points.get(object.point as usize);
                let validity = chain
                    .map_or(TimeWindow::NEVER, |chain| chain.validity.intersect(object.validity));
                ItemSource {
                    trust_anchor: point.map(|point| point.trust_anchor),
                    object: horizon.admit(validity).then_some(index),
                    exception: None,
                    expires: Some(validity.until),
                }
            })
            .collect();
        let valid = |object: u32| {
            sources.get(object as usize).filter(|source| source.object.is_some()).copied()
        };
        let rows = world.vrps.iter().filter(|row| valid(row.object).is_some());
        let (vrps, places) = places(rows.map(|row| (row.vrp, row.object)), world.vrps.len());
        let aspas = world
            .aspas
            .iter()
            .filter_map(|row| Some(Item { payload: row.aspa.clone(), source: valid(row.object)? }));
        let keys = world
            .router_keys
            .iter()
            .filter_map(|row| Some(Item { payload: row.key.clone(), source: valid(row.object)? }));
        View {
            source: ViewSource::World { id: world.id, time: world.time, purpose: world.purpose },
            index: Index::build(&vrps),
            had_vrps: !vrps.is_empty(),
            local: Local::default(),
            vrps,
            aspas: aspas.collect(),
            router_keys: keys.collect(),
            sources: Sources::new(sources, places),
            trust_anchors: world.trust_anchors.iter().map(|ta| ta.name.clone()).collect(),
            next_expiry: horizon.next,
            oldest_anchor: oldest_anchor(&world, &chains),
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
            let source = ItemSource { trust_anchor, object: None, exception: None, expires };
            (at.is_none() || horizon.admit(window)).then_some(source)
        };
        let rows = file.vrps.iter();
        let rows: Vec<(Vrp, ItemSource)> =
            rows.filter_map(|row| Some((row.vrp, keep(row.trust_anchor, row.expires)?))).collect();
        let (vrps, sources) = collect(rows);
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
            index: Index::build(&vrps),
            had_vrps: !vrps.is_empty(),
            local: Local::default(),
            vrps,
            sources,
            aspas,
            router_keys,
            trust_anchors: file.trust_anchors,
            next_expiry: horizon.next,
            chains: Vec::new(),
            oldest_anchor: None,
            unproven: (Vec::new(), ResourceSet::default()),
        }
    }

    /// Puts other VRPs into the place of those that there are.
    pub(super) fn set_vrps(&mut self, rows: Vec<(Vrp, ItemSource)>) {
        (self.vrps, self.sources) = collect(rows);
        self.index = Index::build(&self.vrps);
    }

    /// Returns what the view was made from.
    pub fn source(&self) -> &ViewSource {
        &self.source
    }

    /// Returns the world, unless the view is that of a VRP file.
    pub fn world(&self) -> Option<&Arc<World>> {
        self.world.as_ref()
    }

    /// Tells whether there is anything to answer from: a valid trust anchor, or a VRP that no
    /// local exception gives.
    ///
    /// Without, "unknown" would be a silent wrong answer.
    pub fn has_data(&self) -> bool {
        let anchors = self.world.iter().flat_map(|world| &world.trust_anchors);
        let mut statuses = anchors.map(|anchor| anchor.status);
        self.had_vrps || statuses.any(|status| status == TrustAnchorStatus::Valid)
    }

    /// Returns when the newest of the world's sources was last found or brought up to date.
    ///
    /// `None` where age means nothing: an archive, or a VRP file.
    pub fn confirmed(&self) -> Option<Timestamp> {
        let world = self
            .world
            .as_ref()
            .filter(|world| matches!(world.purpose, Purpose::Live | Purpose::Lab))?;
        let repositories = world.repositories.iter().map(|status| status.last_success);
        let anchors = world.trust_anchors.iter().map(|anchor| anchor.fetch.last_success);
        // Objects from files were never fetched; then the validation counts.
        repositories.chain(anchors).flatten().max().or(Some(world.time))
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
        self.sources.of(position)
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
        self.object(source).map(|object| object.uri.as_str())
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
}

/// The sources of each VRP. Nearly all have one, which it shares with the VRPs of its object.
#[derive(Clone, Debug, Default)]
struct Sources {
    /// For each VRP its source in `single`; one that is not there names a range, counted from the
    /// end of `single`.
    places: Vec<u32>,
    single: Vec<ItemSource>,
    ranges: Vec<Range<u32>>,
    several: Vec<ItemSource>,
}

/// Where the sources of each VRP are: the position of the only one, or of each.
#[derive(Default)]
struct Places {
    only: Vec<u32>,
    /// The VRPs with several, by position.
    several: Vec<(u32, Vec<u32>)>,
}

/// Sorts the rows and joins those of the same VRP.
fn collect(mut rows: Vec<(Vrp, ItemSource)>) -> (Vec<Vrp>, Sources) {
    // Most come sorted, which this sees in one pass.
    rows.sort_by_key(|(vrp, _)| *vrp);
    let count = rows.len();
    let (list, sources): (Vec<Vrp>, Vec<ItemSource>) = rows.into_iter().unzip();
    let (vrps, places) = places(list.into_iter().zip(0u32..), count);
    (vrps, Sources::new(sources, places))
}

/// Takes ascending rows apart into the VRPs, each once, and the positions of their sources.
fn places(rows: impl Iterator<Item = (Vrp, u32)>, count: usize) -> (Vec<Vrp>, Places) {
    let (mut list, mut places) = (Vec::with_capacity(count), Places::default());
    places.only.reserve_exact(count);
    for (vrp, source) in rows {
        if list.last() != Some(&vrp) {
            list.push(vrp);
            places.only.push(source);
            continue;
        }
        let position = u32::try_from(list.len()).unwrap_or(u32::MAX).saturating_sub(1);
        match places.several.last_mut() {
            Some((last, sources)) if *last == position => sources.push(source),
            _ => {
                let first = places.only.last().copied();
                places.several.push((position, first.into_iter().chain([source]).collect()));
            }
        }
    }
    (list, places)
}

impl Sources {
    fn new(single: Vec<ItemSource>, places: Places) -> Sources {
        let base = u32::try_from(single.len()).unwrap_or(u32::MAX);
        let mut sources = Sources { places: places.only, single, ..Sources::default() };
        for (number, (position, several)) in (0u32..).zip(places.several) {
            let start = u32::try_from(sources.several.len()).unwrap_or(u32::MAX);
            let each = several.iter().filter_map(|at| sources.single.get(*at as usize).copied());
            sources.several.extend(each);
            let end = u32::try_from(sources.several.len()).unwrap_or(u32::MAX);
            sources.ranges.push(start..end);
            if let Some(place) = sources.places.get_mut(position as usize) {
                *place = base.saturating_add(number);
            }
        }
        sources
    }

    fn of(&self, position: usize) -> &[ItemSource] {
        let Some(place) = self.places.get(position) else { return &[] };
        let place = *place as usize;
        if let Some(only) = self.single.get(place) {
            return std::slice::from_ref(only);
        }
        let range = place.checked_sub(self.single.len()).and_then(|at| self.ranges.get(at));
        range
            .and_then(|range| self.several.get(range.start as usize..range.end as usize))
            .unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::super::fixture::{NOW, hours, world};
    use super::*;
    use crate::payload::VrpFile;

    fn texts(view: &View) -> Vec<String> {
        view.vrps().iter().map(Vrp::to_string).collect()
    }

    fn view(world: World, now: Timestamp) -> View {
        View::of_world(Arc::new(world), now)
    }

    fn uris(view: &View, position: usize) -> Vec<&str> {
        let sources = view.vrp_sources(position).iter();
        sources.filter_map(|source| view.object_uri(*source)).collect()
    }

    const ALL: [&str; 5] = [
        "192.0.2.0/24-24 AS64496",
        "192.0.2.128/25-25 AS0",
        "198.51.100.0/22-24 AS64497",
        "203.0.113.0/24-24 AS64499",
        "2001:db8::/32-48 AS64496",
    ];

    #[test]
    fn each_vrp_is_there_once_with_all_its_sources() {
        let view = view(world(), NOW);
        assert_eq!(texts(&view), ALL);
        let mut both = uris(&view, 0);
        both.sort_unstable();
        assert_eq!(both, ["rsync://beta.example/repo/c.roa", "rsync://left.example/repo/a.roa"]);
        assert_eq!(uris(&view, 1), ["rsync://leaf.example/repo/zero.roa"]);
        assert!(uris(&view, ALL.len()).is_empty());
        let anchors: Vec<_> =
            view.vrp_sources(0).iter().filter_map(|s| view.trust_anchor(*s)).collect();
        assert!(anchors.contains(&"alpha") && anchors.contains(&"beta"));
        assert_eq!((view.aspas().len(), view.router_keys().len()), (1, 1));
    }

    #[test]
    fn payload_is_gone_the_second_after_its_point_expires() {
        let last = view(world(), hours(24));
        assert_eq!(texts(&last), ALL);
        let gone = Timestamp(hours(24).0 + 1);
        assert_eq!(last.next_expiry(), Some(gone));
        let after = view(world(), gone);
        assert!(after.vrps().is_empty() && after.aspas().is_empty());
        assert!(after.router_keys().is_empty());
        assert_eq!(after.next_expiry(), None);
    }

    #[test]
    fn payload_lives_no_longer_than_any_ancestor() {
        let mut world = world();
        world.points[0].validity.until = hours(1);
        let soon = view(world.clone(), hours(1));
        assert_eq!(soon.next_expiry(), Some(Timestamp(hours(1).0 + 1)));
        assert_eq!(soon.vrp_sources(1)[0].expires, Some(hours(1)));
        // What the other trust anchor gives stays, and is then its alone.
        let after = view(world, Timestamp(hours(1).0 + 1));
        assert_eq!(texts(&after), [ALL[0], ALL[3]]);
        assert_eq!(uris(&after, 0), ["rsync://beta.example/repo/c.roa"]);
    }

    #[test]
    fn payload_waits_for_its_beginning() {
        let mut world = world();
        let leaf = world.objects.iter_mut().find(|o| o.uri.as_str().contains("zero")).unwrap();
        leaf.validity.from = hours(2);
        let early = view(world.clone(), NOW);
        assert!(!texts(&early).contains(&ALL[1].to_owned()));
        assert_eq!(early.next_expiry(), Some(hours(2)));
        assert_eq!(texts(&view(world, hours(2))), ALL);
    }

    #[test]
    fn an_archive_is_seen_at_its_own_time() {
        let archive = World { purpose: Purpose::Archive { at: NOW }, ..world() };
        assert_eq!(texts(&view(archive, hours(10_000))), ALL);
    }

    #[test]
    fn indices_that_point_nowhere_give_nothing() {
        let mut world = world();
        world.points[0].parent = Some(4);
        world.vrps[0].object = 999;
        world.objects[0].point = 999;
        assert!(texts(&view(world, NOW)).len() < ALL.len());
    }

    #[test]
    fn a_vrp_file_expires_only_at_a_given_time() {
        let csv = b"ASN,IP Prefix,Max Length,Trust Anchor,Expires\n\
            AS2,192.0.2.0/24,24,ripe,200\nAS1,192.0.2.0/24,24,ripe,100\nAS1,192.0.2.0/24,24,arin,90\n";
        let file = VrpFile::parse(csv).unwrap();
        let of = |at| View::of_vrp_file(file.clone(), "x.csv", at);
        let both = ["192.0.2.0/24-24 AS1", "192.0.2.0/24-24 AS2"];
        assert_eq!(texts(&of(None)), both);
        assert_eq!(of(None).next_expiry(), None);
        assert_eq!(texts(&of(Some(Timestamp(100)))), both);
        assert_eq!(of(Some(Timestamp(100))).next_expiry(), Some(Timestamp(101)));
        assert_eq!(of(Some(Timestamp(100))).vrp_sources(0).len(), 1);
        assert_eq!(texts(&of(Some(Timestamp(101)))), both[1..]);
    }
}
