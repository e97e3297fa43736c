//! Runs that remember are held against runs that do not.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::model::PointId;

/// A source that knows what has changed when, and notes what is read.
#[derive(Default)]
struct Tracked {
    source: MemorySource,
    committed: BTreeMap<ObjectUri, ObjectHash>,
    generation: i64,
    changed: BTreeMap<ObjectUri, i64>,
    read: Mutex<Vec<ObjectHash>>,
}

impl Tracked {
    /// Takes over the files of `source`, as one change.
    fn commit(&mut self, source: &MemorySource) {
        self.source = source.clone();
        self.generation += 1;
        let old = std::mem::replace(&mut self.committed, source.files.clone());
        let new = &source.files;
        for uri in old.keys().chain(new.keys()).filter(|uri| old.get(uri) != new.get(uri)) {
            self.changed.insert(uri.directory(), self.generation);
        }
    }

    /// Returns how many objects were read since the last call.
    fn reads(&self) -> usize {
        std::mem::take(&mut *self.read.lock().unwrap()).len()
    }
}

impl ObjectSource for Tracked {
    fn trust_anchor(&self, name: &str) -> Result<Option<Bytes>, SourceError> {
        self.source.trust_anchor(name)
    }

    fn select(&self, ca: &CaLocation) -> Result<Selection, SourceError> {
        self.source.select(ca)
    }

    fn lookup(
        &self,
        repository: &RepositoryId,
        uri: &ObjectUri,
    ) -> Result<Option<ObjectHash>, SourceError> {
        self.source.lookup(repository, uri)
    }

    fn bytes(&self, hash: &ObjectHash) -> Result<Option<Bytes>, SourceError> {
        self.read.lock().unwrap().push(*hash);
        self.source.bytes(hash)
    }

    fn generation(&self) -> Option<i64> {
        Some(self.generation)
    }

    fn changes_since(&self, generation: i64) -> Result<Changes, SourceError> {
        let mut changes = ChangedDirectories::default();
        for (directory, _) in self.changed.iter().filter(|(_, at)| **at > generation) {
            changes.add(&RepositoryId::Rsync(directory.module()), directory.clone());
        }
        Ok(Changes::Directories(changes))
    }
}

/// What a run left in memory.
#[derive(Clone, Default)]
struct Memory {
    /// The rules, and the generation.
    mark: Option<(ObjectHash, Option<i64>)>,
    points: HashMap<PointId, Arc<PointMemo>>,
}

/// A world that goes on, judged with and without memory.
struct Course {
    world: World,
    tracked: Tracked,
    now: Timestamp,
    state: State,
    memory: Memory,
    policy: Policy,
}

impl Course {
    fn new() -> Course {
        let world = World::new();
        let mut tracked = Tracked::default();
        tracked.commit(&world.source);
        let (state, memory) = (State::default(), Memory::default());
        Course { world, tracked, now: NOW, state, memory, policy: Policy::default() }
    }

    /// Judges with the memory, compares with a run without, and goes on from there.
    fn run(&mut self) -> Summary {
        self.tracked.commit(&self.world.source);
        let tals = std::slice::from_ref(&self.world.tal);
        let (source, policy, now) = (&self.tracked, &self.policy, self.now);
        let (state, full) = step(tals, source, &self.state, policy, now);
        source.reads();
        let inputs = Inputs { tals, source, policy, now };
        let memo = |id: &PointId| self.memory.points.get(id).cloned();
        let earlier = self.memory.mark;
        let earlier = earlier.map(|(basis, generation)| Earlier { basis, generation, memo: &memo });
        let new = Mutex::new(Vec::new());
        // As a cache keeps them: encoded.
        let keep = |memo: &PointMemo| {
            new.lock().unwrap().push(memo.encode().unwrap());
            true
        };
        let next = advance(inputs, &self.state, earlier, &keep);
        assert_eq!(next.validation, full);
        assert_eq!(next.state, state);
        for memo in new.into_inner().unwrap() {
            let memo = PointMemo::decode(&memo).expect("what was written can be read");
            self.memory.points.insert(memo.id(), Arc::new(memo));
        }
        self.memory.points.retain(|id, _| next.kept.points.contains(id));
        assert_eq!(self.memory.points.len(), next.kept.points.len());
        (self.state, self.memory.mark) =
            (next.state, Some((next.kept.basis, next.kept.generation)));
        Summary(full)
    }

    fn ca(&mut self, which: usize) -> &mut TestCa {
        match which % 3 {
            0 => &mut self.world.root,
            1 => &mut self.world.isp,
            _ => &mut self.world.customer,
        }
    }
}

#[test]
fn a_run_after_which_nothing_changed_reads_no_object() {
    let mut course = Course::new();
    course.run();
    assert_eq!(course.tracked.reads(), 11, "three manifests, three CRLs, three ROAs, two CAs");
    course.run();
    assert_eq!(course.tracked.reads(), 0);
}

#[test]
fn a_change_costs_what_changed() {
    let mut course = Course::new();
    course.run();
    course.tracked.reads();
    let isp = &mut course.world.isp;
    isp.number += 1;
    isp.roa("n.roa", 13, 64500, &[("10.1.4.0/24", None)]);
    isp.publish(&mut course.world.source);
    assert!(course.run().vrps().contains(&"10.1.4.0/24-24 AS64500".to_owned()));
    assert_eq!(course.tracked.reads(), 3, "the manifest, the CRL and the new ROA");
}

#[test]
fn revocation_is_looked_up_again_on_remembered_verdicts() {
    let mut course = Course::new();
    course.run();
    course.tracked.reads();
    let isp = &mut course.world.isp;
    isp.number += 1;
    isp.revoked = vec![11];
    isp.publish(&mut course.world.source);
    assert!(!course.run().vrps().contains(&B.to_owned()));
    assert_eq!(course.tracked.reads(), 2, "the manifest and the CRL");
}

#[test]
fn an_expiry_costs_the_points_that_it_touches_on_the_second() {
    let mut course = Course::new();
    course.world.customer.updates.until = NOW.plus(hours(2));
    course.world.customer.publish(&mut course.world.source);
    course.run();
    course.tracked.reads();
    course.now = NOW.plus(hours(2));
    assert!(course.run().vrps().contains(&C.to_owned()), "the last second counts");
    assert_eq!(course.tracked.reads(), 0);
    course.now = Timestamp(course.now.0 + 1);
    assert!(!course.run().vrps().contains(&C.to_owned()));
    assert_eq!(course.tracked.reads(), 2, "the manifest, as it is and as the last good one");
}

#[test]
fn the_renewal_of_a_ca_costs_nothing_below_it() {
    let mut course = Course::new();
    course.run();
    course.tracked.reads();
    let World { root, isp, source, .. } = &mut course.world;
    root.number += 1;
    let renewed = root.certify(isp, 900, year());
    root.files.insert("isp.cer".to_owned(), renewed);
    root.publish(source);
    course.run();
    let cost = "the root's manifest, CRL and certificate; the manifest and the CRL below it";
    assert_eq!(course.tracked.reads(), 5, "{cost}");
}

#[test]
fn l04_what_could_not_be_read_is_not_remembered() {
    let mut course = Course::new();
    let roa = ObjectHash::of(&course.world.customer.files["c.roa"]);
    course.world.source.broken.insert(roa);
    assert_eq!(course.run().status(&course.world.customer.clone()), PointStatus::Unreadable);
    course.world.source.broken.clear();
    assert_eq!(course.run().status(&course.world.customer.clone()), PointStatus::Current);
}

#[test]
fn l11_what_ended_in_a_panic_is_not_remembered() {
    let mut course = Course::new();
    let roa = ObjectHash::of(&course.world.customer.files["c.roa"]);
    course.world.source.fatal.insert(roa);
    assert_eq!(course.run().status(&course.world.customer.clone()), PointStatus::Failed);
    course.world.source.fatal.clear();
    assert_eq!(course.run().status(&course.world.customer.clone()), PointStatus::Current);
}

#[test]
fn another_policy_forgets_everything() {
    let mut course = Course::new();
    course.run();
    course.policy.max_depth = 1;
    let summary = course.run();
    assert!(!summary.has_point(&course.world.customer));
    course.policy.max_points_per_trust_anchor = 1;
    assert!(!course.run().has_point(&course.world.isp));
}

#[test]
fn a_memo_that_was_cut_or_changed_is_dropped_or_fits_together() {
    let mut course = Course::new();
    course.run();
    let memo = course.memory.points.values().next().unwrap();
    let bytes = memo.encode().unwrap();
    for length in 0..bytes.len() {
        assert!(PointMemo::decode(&bytes[..length]).is_none(), "{length} bytes");
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x55;
        let _ = PointMemo::decode(&changed);
    }
}

/// Says in one line what became of each point.
fn describe(summary: &Summary) -> String {
    let mut text = String::new();
    for point in &summary.0.points {
        let name = point.location.directory.path();
        let reasons: Vec<_> = point.findings.iter().map(|f| f.reason.code()).collect();
        let counts: Vec<_> =
            point.counts.iter().map(|(k, n)| format!("{}:{n}", k.as_str())).collect();
        text +=
            &format!("  {name} {:?} {} {}\n", point.status, counts.join(","), reasons.join(","));
    }
    text
}

#[test]
fn another_result_for_the_same_objects_needs_another_rules_version() {
    type Harm = fn(&mut World);
    let table: [(&str, Harm); 8] = [
        ("as published", |_| ()),
        ("stale manifest", |world| {
            world.isp.updates = TimeWindow::new(NOW.minus(hours(3)), NOW.minus(hours(1)));
        }),
        ("premature CRL", |world| world.isp.crl_updates.from = NOW.plus(hours(1))),
        ("revoked ROA", |world| world.isp.revoked = vec![10]),
        ("revoked manifest", |world| world.isp.revoked = vec![MANIFEST_SERIAL]),
        ("ROA not covered", |world| world.isp.roa("x.roa", 14, 1, &[("192.0.2.0/24", None)])),
        ("no object", |world| {
            world.isp.files.insert("x.roa".to_owned(), Bytes::from_static(b"no object"));
        }),
        ("another kind", |world| {
            world.isp.files.insert("x.txt".to_owned(), Bytes::from_static(b"a text"));
        }),
    ];
    let mut text = format!("rules version {RULES_VERSION}\n");
    for (name, harm) in table {
        let mut world = World::new();
        harm(&mut world);
        world.publish();
        text += &format!("{name}\n{}", describe(&world.run()));
    }
    for reason in Reason::ALL {
        text += &format!("{} {:?}\n", reason.code(), reason.effect());
    }
    // A row that is new, and nothing else: no memo can hold it, the version may stay. Any other
    // change: raise RULES_VERSION, then accept.
    insta::assert_snapshot!(text);
}

/// One thing that happens between two runs.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A CA publishes again; its manifest's number moves by this much.
    Publish { ca: usize, number: i64 },
    /// A ROA comes, goes, or is replaced.
    Roa { ca: usize, serial: u64 },
    /// A serial number is put on the CRL, or taken off it.
    Revoke { ca: usize, serial: u64 },
    /// A manifest runs out soon.
    Short { ca: usize, hours: u64 },
    /// A file of the repository is not what the manifest says, or is gone.
    Damage { ca: usize, file: usize, gone: bool },
    /// The issuer renews a CA, with all or half of its resources.
    Renew { ca: usize, half: bool },
    /// The repository of a CA becomes pending or unavailable, or comes back.
    Repository { ca: usize, state: usize },
    /// The trust anchor publishes another certificate.
    Anchor { hours: u64 },
    /// Time passes.
    Time { seconds: i64 },
    /// The process starts again: with what it wrote, without, or with what it wrote earlier.
    Restart { kept: usize },
}

fn event() -> impl Strategy<Value = Event> {
    let (ca, serial) = (0..3usize, 10..15u64);
    prop_oneof![
        3 => (ca.clone(), prop_oneof![Just(1), Just(0), Just(-1), Just(4)])
            .prop_map(|(ca, number)| Event::Publish { ca, number }),
        3 => (ca.clone(), serial.clone()).prop_map(|(ca, serial)| Event::Roa { ca, serial }),
        1 => (ca.clone(), serial).prop_map(|(ca, serial)| Event::Revoke { ca, serial }),
        1 => (ca.clone(), 0..3u64).prop_map(|(ca, hours)| Event::Short { ca, hours }),
        2 => (ca.clone(), 0..5usize, any::<bool>())
            .prop_map(|(ca, file, gone)| Event::Damage { ca, file, gone }),
        1 => (1..3usize, any::<bool>()).prop_map(|(ca, half)| Event::Renew { ca, half }),
        1 => (ca, 0..3usize).prop_map(|(ca, state)| Event::Repository { ca, state }),
        1 => (1..3u64).prop_map(|hours| Event::Anchor { hours }),
        3 => prop_oneof![Just(0), Just(1), 0..7_300i64, 0..90_000i64]
            .prop_map(|seconds| Event::Time { seconds }),
        2 => (0..2usize).prop_map(|kept| Event::Restart { kept }),
    ]
}

impl Course {
    fn publish(&mut self, ca: usize) {
        let ca = self.ca(ca).clone();
        ca.publish(&mut self.world.source);
    }

    fn happen(&mut self, event: Event, earlier: &RefCell<Memory>) {
        match event {
            Event::Publish { ca, number } => {
                let published = self.ca(ca);
                published.number = published.number.saturating_add_signed(number);
                if number > 0 {
                    let now = self.now;
                    let published = self.ca(ca);
                    published.updates = TimeWindow::new(now.minus(hours(1)), now.plus(hours(23)));
                    published.crl_updates = published.updates;
                }
                self.publish(ca);
            }
            Event::Roa { ca, serial } => {
                let roa = format!("{serial}.roa");
                let published = self.ca(ca);
                published.number += 1;
                if published.files.remove(&roa).is_none() {
                    let prefix = ["10.1.0.0/16", "10.1.2.0/24"][usize::from(serial % 2 == 0)];
                    published.roa(&roa, serial, 64500, &[(prefix, None)]);
                }
                self.publish(ca);
            }
            Event::Revoke { ca, serial } => {
                let published = self.ca(ca);
                published.number += 1;
                match published.revoked.iter().position(|known| *known == serial) {
                    Some(known) => drop(published.revoked.remove(known)),
                    None => published.revoked.push(serial),
                }
                self.publish(ca);
            }
            Event::Short { ca, hours: left } => {
                let until = self.now.plus(hours(left));
                let published = self.ca(ca);
                published.number += 1;
                published.updates.until = until.max(published.updates.from);
                self.publish(ca);
            }
            Event::Damage { ca, file, gone } => {
                let directory = self.ca(ca).directory.clone();
                let files = &mut self.world.source.files;
                let found = files.keys().filter(|uri| uri.directory() == directory).nth(file);
                let Some(uri) = found.cloned() else { return };
                match gone {
                    true => drop(files.remove(&uri)),
                    false => self.world.source.put(&uri, &Bytes::from_static(b"damage")),
                }
            }
            Event::Renew { ca, half } => self.renew(ca, half),
            Event::Repository { ca, state } => {
                let directory = self.ca(ca).directory.clone();
                let source = &mut self.world.source;
                source.pending.remove(&directory);
                source.unavailable.remove(&directory);
                match state {
                    0 => {}
                    1 => drop(source.pending.insert(directory)),
                    _ => drop(source.unavailable.insert(directory)),
                }
            }
            Event::Anchor { hours: more } => {
                let validity = TimeWindow::new(NOW.minus(hours(24)), NOW.plus(hours(more * 9_000)));
                let certificate = trust_anchor(&self.world.root, validity);
                self.world.source.trust_anchors.insert("test".to_owned(), certificate);
            }
            Event::Time { seconds } => self.now = Timestamp(self.now.0 + seconds),
            Event::Restart { kept: 0 } => self.memory = Memory::default(),
            Event::Restart { .. } => self.memory = earlier.borrow().clone(),
        }
    }

    fn renew(&mut self, ca: usize, half: bool) {
        let World { root, isp, customer, source, .. } = &mut self.world;
        let (issuer, child, name) = match ca % 3 {
            1 => (root, isp, "isp.cer"),
            _ => (isp, customer, "customer.cer"),
        };
        let held: &[&str] = match (ca % 3, half) {
            (1, false) => &["10.1.0.0/16", "2001:db8:1::/48"],
            (1, true) => &["10.1.0.0/17"],
            (_, false) => &["10.1.2.0/24"],
            (_, true) => &["10.1.2.0/25"],
        };
        child.resources = Resources::Set(resources(held, &[(64500, 64500)]));
        issuer.number += 1;
        let serial = 1_000 + issuer.number;
        let certificate = issuer.certify(child, serial, year());
        issuer.files.insert(name.to_owned(), certificate);
        issuer.publish(source);
    }
}

/// What is published, and when it is looked at, one after the other: without restarts, and without
/// what a cache cannot show.
pub(crate) fn any_course() -> impl Strategy<Value = Vec<(Published, Timestamp)>> {
    let steps = prop::collection::vec(prop::collection::vec(event(), 1..3), 1..8);
    steps.prop_map(|steps| {
        let mut course = Course::new();
        let earlier = RefCell::new(Memory::default());
        let mut looks = vec![(Published::of(&course.world, None), course.now)];
        for events in steps {
            for event in events {
                if !matches!(event, Event::Repository { .. } | Event::Restart { .. }) {
                    course.happen(event, &earlier);
                }
            }
            looks.push((Published::of(&course.world, None), course.now));
        }
        looks
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn an_incremental_run_ends_where_a_full_one_does(
        steps in prop::collection::vec(prop::collection::vec(event(), 1..4), 1..10),
    ) {
        let mut course = Course::new();
        let earlier = RefCell::new(Memory::default());
        course.run();
        for events in steps {
            for event in events {
                course.happen(event, &earlier);
            }
            earlier.replace(course.memory.clone());
            course.run();
        }
    }
}
