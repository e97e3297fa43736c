//! A view: a world (or a VRP file) less what has expired, indexed, ready to be asked.

use std::sync::Arc;

use super::chain::{Chain, chains, oldest_anchor};
use super::freshness::Age;
use super::patch::merge;
use super::slurm::Local;
use super::{ObjectRecord, PointRecord, Purpose, VrpList, VrpRecord, World};
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
    /// Sorted; the world's own where nothing of it is left out. Objects are numbers of `sources`.
    vrps: VrpList,
    sources: Sources,
    pub(super) index: Index,
    pub(super) aspas: Vec<Item<Aspa>>,
    pub(super) router_keys: Vec<Item<RouterKey>>,
    pub(super) trust_anchors: Vec<String>,
    next_expiry: Option<Timestamp>,
    since: Option<Timestamp>,
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
        let mut sources = Sources::default();
        for object in &world.objects {
            let chain = chains.get(object.point as usize);
            let point = world.points.get(object.point as usize);
            let validity =
                chain.map_or(TimeWindow::NEVER, |chain| chain.validity.intersect(object.validity));
            let anchor = point.map(|point| point.trust_anchor);
            let anchor = anchor.filter(|_| horizon.admit(validity));
            sources.trust_anchors.push(anchor.unwrap_or(NOT_NOW));
            sources.expires.push(validity.until);
        }
        let valid = |object: u32| sources.get(object);
        let is_valid = |row: &VrpRecord| sources.is_valid(row.object);
        let vrps = match world.vrps.all_objects(|object| sources.is_valid(object)) {
            true => world.vrps.clone(),
            false => VrpList::collect(world.vrps.iter().filter(is_valid), world.vrps.len()),
        };
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
            index: Index::build(vrps.vrps()),
            had_vrps: !vrps.is_empty(),
            local: Local::default(),
            vrps,
            aspas: aspas.collect(),
            router_keys: keys.collect(),
            sources,
            trust_anchors: world.trust_anchors.iter().map(|ta| ta.name.clone()).collect(),
            next_expiry: horizon.next,
            oldest_anchor: oldest_anchor(&world, &chains),
            since: horizon.last,
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
        let mut rows: Vec<(Vrp, ItemSource)> =
            rows.filter_map(|row| Some((row.vrp, keep(row.trust_anchor, row.expires)?))).collect();
        // Most come sorted, which this sees in one pass.
        rows.sort_by_key(|(vrp, _)| *vrp);
        let numbered = rows.iter().zip(0u32..);
        let vrps: VrpList =
            numbered.map(|((vrp, _), object)| VrpRecord { vrp: *vrp, object }).collect();
        let others = rows.into_iter().map(|(_, source)| source).collect();
        let sources = Sources { others, ..Sources::default() };
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
            index: Index::build(vrps.vrps()),
            had_vrps: !vrps.is_empty(),
            local: Local::default(),
            vrps,
            sources,
            aspas,
            router_keys,
            trust_anchors: file.trust_anchors,
            next_expiry: horizon.next,
            since: horizon.last,
            chains: Vec::new(),
            oldest_anchor: None,
            unproven: (Vec::new(), ResourceSet::default()),
        }
    }

    /// Takes VRPs out, and puts others in that have one source each, in any order.
    pub(super) fn set_vrps(
        &mut self,
        keep: impl Fn(&Vrp) -> bool,
        added: impl Iterator<Item = (Vrp, ItemSource)>,
    ) {
        let mut new = Vec::new();
        for (vrp, source) in added {
            new.push(VrpRecord { vrp, object: self.sources.add(source) });
        }
        new.sort_unstable();
        let size = self.vrps.len().saturating_add(new.len());
        // A VRP is judged once, however many objects give it.
        let kept = self.vrps.vrps().iter().enumerate().filter(|(_, vrp)| keep(vrp));
        let kept = kept.flat_map(|(position, vrp)| {
            self.vrps.objects(position).map(|object| VrpRecord { vrp: *vrp, object })
        });
        self.vrps = VrpList::collect(merge(kept, new), size);
        self.index = Index::build(self.vrps.vrps());
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
        self.vrps.vrps()
    }

    /// Returns the same list, to be kept longer than the view.
    pub fn shared_vrps(&self) -> Arc<Vec<Vrp>> {
        Arc::clone(self.vrps.vrps())
    }

    /// Returns the origin index over [`View::vrps`].
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Returns where the VRP at `position` comes from: at least one source for each VRP.
    pub fn vrp_sources(&self, position: usize) -> impl Iterator<Item = ItemSource> + Clone + '_ {
        self.vrps.objects(position).filter_map(|object| self.sources.get(object))
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

    /// Returns the second since which it is as it is: when something began or was gone last.
    ///
    /// Two views of the same world with the same exceptions are the same if this is.
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Returns the first second in which this view is no longer right; `None` means never.
    ///
    /// An object is gone the second after its `until`, and another's `from` may come.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.next_expiry
    }
}

/// What the numbers of sources stand for: first the objects of the world, then the others.
#[derive(Clone, Debug, Default)]
struct Sources {
    /// For each object of the world its trust anchor, or [`NOT_NOW`].
    trust_anchors: Vec<u16>,
    /// For each object of the world the end of its chain.
    expires: Vec<Timestamp>,
    /// What no object of a world gives.
    others: Vec<ItemSource>,
}

/// Stands for an object that is not valid now.
const NOT_NOW: u16 = u16::MAX;

impl Sources {
    fn is_valid(&self, object: u32) -> bool {
        self.trust_anchors.get(object as usize).is_some_and(|anchor| *anchor != NOT_NOW)
    }

    fn get(&self, number: u32) -> Option<ItemSource> {
        let at = number as usize;
        let Some(anchor) = self.trust_anchors.get(at).copied() else {
            return self.others.get(at.checked_sub(self.trust_anchors.len())?).copied();
        };
        (anchor != NOT_NOW).then(|| ItemSource {
            trust_anchor: Some(anchor),
            object: Some(number),
            exception: None,
            expires: self.expires.get(at).copied(),
        })
    }

    /// Adds a source that is no object of the world, and returns its number.
    fn add(&mut self, source: ItemSource) -> u32 {
        let number = self.trust_anchors.len().saturating_add(self.others.len());
        self.others.push(source);
        u32::try_from(number).unwrap_or(u32::MAX)
    }
}

/// When something last began or expired, and when it next does.
struct Horizon {
    now: Timestamp,
    last: Option<Timestamp>,
    next: Option<Timestamp>,
}

impl Horizon {
    fn new(now: Timestamp) -> Self {
        Horizon { now, last: None, next: None }
    }

    /// Tells whether something with this validity is valid now, and notes when that changes.
    fn admit(&mut self, validity: TimeWindow) -> bool {
        if validity.from <= validity.until {
            // At `MAX` it never ends.
            let gone = validity.until.0.checked_add(1).map(Timestamp);
            let changes = [Some(validity.from), gone].into_iter().flatten();
            self.last = changes.filter(|time| *time <= self.now).chain(self.last).max();
        }
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
        let sources = view.vrp_sources(position);
        sources.filter_map(|source| view.object_uri(source)).collect()
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
        let anchors: Vec<_> = view.vrp_sources(0).filter_map(|s| view.trust_anchor(s)).collect();
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
    fn the_list_of_the_world_is_shared_while_nothing_of_it_is_left_out() {
        let world = Arc::new(world());
        let whole = View::of_world(Arc::clone(&world), NOW);
        assert!(Arc::ptr_eq(&whole.shared_vrps(), world.vrps.vrps()));
        let again = View::of_world(Arc::clone(&world), hours(1));
        assert_eq!(whole.since(), again.since(), "nothing came or went in between");
        let mut shorter = World::clone(&world);
        shorter.points[0].validity.until = hours(1);
        let later = View::of_world(Arc::new(shorter), Timestamp(hours(1).0 + 1));
        assert_eq!(later.vrps().len(), 2);
        assert_eq!(later.since(), Some(Timestamp(hours(1).0 + 1)));
        let exceptions = super::super::fixture::without("192.0.2.0/24");
        let excepted = View::of_world(world, NOW).except(&exceptions);
        assert_eq!(excepted.vrps().len(), 3);
        assert_eq!(texts(&whole), ALL, "the other view is as it was");
    }

    #[test]
    fn payload_lives_no_longer_than_any_ancestor() {
        let mut world = world();
        world.points[0].validity.until = hours(1);
        let soon = view(world.clone(), hours(1));
        assert_eq!(soon.next_expiry(), Some(Timestamp(hours(1).0 + 1)));
        assert_eq!(soon.vrp_sources(1).next().unwrap().expires, Some(hours(1)));
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
        world.vrps.edit(|rows| rows[0].object = 999);
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
        assert_eq!(of(Some(Timestamp(100))).vrp_sources(0).count(), 1);
        assert_eq!(texts(&of(Some(Timestamp(101)))), both[1..]);
    }
}
