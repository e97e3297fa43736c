//! The worker's steps over a real cache are held against walks over everything.

use std::path::Path;

use proptest::prelude::*;

use super::advance::{Advanced, Found};
use super::at_hand::AtHand;
use super::engine::{Engine, Known};
use crate::fetch::{FetchConfig, Fetcher};
use crate::model::{RepositoryId, Timestamp};
use crate::store::{Access, MapChange, Store, Success, Transports};
use crate::validate::tests::{NOW, Published, any_course};
use crate::validate::{Policy, State};
use crate::world::{Delta, Purpose, World, load_current, load_head};

fn engine(dir: &Path, published: &Published) -> Engine {
    Engine {
        tals: vec![published.tal.clone()],
        store: Store::open(&dir.join("cache.sqlite"), Purpose::Lab, Access::Write).unwrap(),
        fetcher: Fetcher::new(&FetchConfig::new(dir.join("staging"))).unwrap(),
        refresh: std::time::Duration::from_secs(600),
        transports: Transports { rrdp: true, rsync: true, fallback: Default::default() },
        world_dir: dir.join("world"),
        purpose: Purpose::Lab,
        policy: Policy::default(),
        in_hand: None,
        record: None,
        suspects_turn: tokio::sync::Mutex::new(()),
    }
}

/// Brings what is published into the cache, as one fetch does.
fn fetch(store: &Store, published: &Published, now: Timestamp) {
    let Published { tal, certificate, files, .. } = published;
    store.save_trust_anchor(&tal.name, "file", certificate, NOW).unwrap();
    let id: RepositoryId = "rsync://rpki.example.net/repo/".parse().unwrap();
    let attempt = store.begin(&id, now).unwrap();
    let mut staging = store.stage();
    let map = files.iter().map(|(uri, bytes)| (uri.clone(), staging.put(bytes.clone()).unwrap()));
    let change = MapChange::Replace(map.collect());
    let success = Success {
        finished: now,
        duration: std::time::Duration::ZERO,
        next_attempt: now,
        bytes: 0,
        rrdp: None,
    };
    staging.commit(&attempt, &change, &success).unwrap();
}

/// Does what the worker does after a fetch, and fails if a walk over everything, from the same
/// states, does not end in the same; returns how many points it judged without one.
fn go(engine: &Engine, at_hand: &mut AtHand, now: Timestamp) -> Option<usize> {
    loop {
        let expected = full(engine, now);
        let advanced = engine.advance(None, at_hand.head.as_ref(), now).unwrap();
        let judged = judged(&advanced);
        match at_hand.next(engine, advanced).unwrap() {
            Some(next) => {
                at_hand.publish(engine, next).unwrap();
                check(engine, expected, now);
                return judged;
            }
            None => at_hand.distrust(),
        }
    }
}

/// Judges everything, without memory, and makes the world of it.
fn full(engine: &Engine, now: Timestamp) -> (World, State) {
    let state = engine.store.load_state().unwrap();
    let found = engine.judge(&Known { state, with_memory: false }, now).unwrap();
    (engine.assemble(&found, None).unwrap(), found.state)
}

/// Fails if the published world, or the state in the cache, is not what was expected.
fn check(engine: &Engine, (mut world, state): (World, State), now: Timestamp) {
    let published = load_current(&engine.world_dir).unwrap().unwrap();
    assert_eq!(load_head(&engine.world_dir).unwrap().unwrap(), published.head());
    assert_eq!(engine.store.load_state().unwrap(), state);
    let differing = Delta::between(&published, &world);
    assert!(differing.is_empty(), "{:#?}", differing.points);
    world.set_head(&published.head());
    assert_eq!(world, published);
    assert_eq!(engine.compare(now).unwrap().differences, [""; 0]);
}

fn judged(advanced: &Advanced) -> Option<usize> {
    match &advanced.found {
        Found::Same => Some(0),
        Found::Revised(revision) => Some(revision.judged.len()),
        Found::Whole(..) => None,
    }
}

#[test]
fn a_new_process_reaches_the_current_world_without_judging_anything() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = Published::first_and_second();
    let start = |now| {
        let engine = engine(dir.path(), &first);
        let mut at_hand = AtHand::load(&engine).unwrap();
        go(&engine, &mut at_hand, now)
    };
    fetch(&engine(dir.path(), &first).store, &first, NOW);
    assert_eq!(start(NOW), None, "the first walk");
    assert_eq!(start(NOW), Some(0), "nothing changed");
    fetch(&engine(dir.path(), &first).store, &first, NOW);
    assert_eq!(start(Timestamp(NOW.0 + 60)), Some(0), "the same was fetched again");
    fetch(&engine(dir.path(), &first).store, &second, NOW);
    assert_eq!(start(NOW), Some(1), "one point changed");
    assert_eq!(start(NOW), Some(0), "nothing changed since");
    assert_eq!(start(Timestamp(NOW.0 + 100 * 86_400)), None, "nothing is left below the root");
    let names = std::fs::read_dir(dir.path().join("world")).unwrap();
    let bases = names.filter(|name| {
        let name = name.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".world")
    });
    assert_eq!(bases.count(), 1, "all but the first was written as what differs");
}

#[test]
fn l01_a_world_that_was_not_published_is_made_up_for() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = Published::first_and_second();
    let engine = engine(dir.path(), &first);
    let mut at_hand = AtHand::load(&engine).unwrap();
    fetch(&engine.store, &first, NOW);
    go(&engine, &mut at_hand, NOW);
    fetch(&engine.store, &second, NOW);
    // Killed after the cache was written, before the world was.
    drop(engine.advance(None, at_hand.head.as_ref(), NOW).unwrap());
    let mut at_hand = AtHand::load(&engine).unwrap();
    assert_eq!(go(&engine, &mut at_hand, NOW), None);
    // The disk loses the last world.
    std::fs::remove_file(engine.world_dir.join("0000000001.log")).unwrap();
    let mut at_hand = AtHand::load(&engine).unwrap();
    go(&engine, &mut at_hand, NOW);
}

#[test]
fn what_the_worker_shows_but_did_not_publish_is_no_reason_to_walk() {
    let dir = tempfile::tempdir().unwrap();
    let (first, _) = Published::first_and_second();
    let engine = engine(dir.path(), &first);
    let mut at_hand = AtHand::load(&engine).unwrap();
    fetch(&engine.store, &first, NOW);
    go(&engine, &mut at_hand, NOW);
    let advanced = engine.advance(None, at_hand.head.as_ref(), NOW).unwrap();
    let next = at_hand.next(&engine, advanced).unwrap().unwrap();
    assert!(next.has_same_points());
    at_hand.shows(&next);
    assert_eq!(go(&engine, &mut at_hand, NOW), Some(0));
}

/// What happens between a look and the next one, beside what is published.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    Nothing,
    /// The process ends, and another one starts.
    Restart,
    /// The process is killed before it publishes what it has found and kept.
    Kill,
    /// Nothing is fetched: time passes alone.
    NoFetch,
    /// The operator runs another walk over everything.
    Whole,
}

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        3 => Just(Mishap::Nothing),
        2 => Just(Mishap::Restart),
        1 => Just(Mishap::Kill),
        1 => Just(Mishap::NoFetch),
        1 => Just(Mishap::Whole),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// World, findings and state, and the log of deltas that leads there.
    #[test]
    fn steps_end_where_walks_over_everything_do(
        course in any_course(),
        mishaps in prop::collection::vec(mishap(), 8),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut engine = engine(dir.path(), &course[0].0);
        let mut at_hand = AtHand::load(&engine).unwrap();
        for ((published, now), mishap) in course.iter().zip(mishaps.iter().cycle()) {
            if !matches!(mishap, Mishap::NoFetch) {
                fetch(&engine.store, published, *now);
            }
            match mishap {
                Mishap::Nothing | Mishap::NoFetch => {}
                Mishap::Whole => at_hand.distrust(),
                Mishap::Kill => {
                    drop(engine.advance(None, at_hand.head.as_ref(), *now).unwrap());
                    at_hand = AtHand::load(&engine).unwrap();
                }
                Mishap::Restart => {
                    drop(engine);
                    engine = self::engine(dir.path(), published);
                    at_hand = AtHand::load(&engine).unwrap();
                }
            }
            go(&engine, &mut at_hand, *now);
        }
    }
}
