//! Deltas are held against whole worlds, and the log against the worlds that went into it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::fixture::{
    NOW, assembly, finding, hours, object, point, status, validation, vrp, world,
};
use super::*;
use crate::model::{Asn, Aspa, KeyIdentifier, RouterKey, TimeWindow, WorldId};
use crate::validate::{Payload, PayloadObject, PointOutcome, PointStatus, Validation};

/// The points that there may be: the name, and the position of the parent.
const TREE: [(&str, Option<usize>); 8] = [
    ("alpha", None),
    ("left", Some(0)),
    ("leaf", Some(1)),
    ("right", Some(0)),
    ("beta", None),
    ("deep", Some(2)),
    ("bush", Some(4)),
    ("twig", Some(5)),
];

/// What may be otherwise about a point: is it there, how is it, which objects does it have.
type Shape = (bool, u8, Vec<(u8, u8)>);

fn shape() -> impl Strategy<Value = Vec<Shape>> {
    let objects = prop::collection::btree_map(0u8..4, 0u8..5, 0..4);
    let objects = objects.prop_map(|objects| objects.into_iter().collect());
    let shape = (prop::bool::weighted(0.8), 0u8..6, objects);
    prop::collection::vec(shape, TREE.len())
}

/// An object that is one of few, so that two points often give the same.
fn any_object(name: &str, number: u8, kind: u8) -> PayloadObject {
    let payload = match kind {
        0 => Payload::Roa(vec![vrp("192.0.2.0/24", 24, 64496)]),
        1 => Payload::Roa(vec![
            vrp("192.0.2.0/24", 24, 64496 + u32::from(number)),
            vrp("2001:db8::/32", 48, 64496),
        ]),
        2 => Payload::Aspa(Aspa { customer: Asn(64496), providers: vec![Asn(number.into())] }),
        3 => Payload::RouterKeys(vec![RouterKey {
            ski: KeyIdentifier([number; 20]),
            asn: Asn(64497),
            spki: vec![0x30, number],
        }]),
        _ => Payload::Roa(vec![]),
    };
    // The same bytes may be judged otherwise: the name says nothing about the kind.
    object(&format!("rsync://{name}.example/repo/{number}.roa"), payload)
}

fn shaped(shapes: &[Shape]) -> Validation {
    let mut made: Vec<Option<PointOutcome>> = Vec::new();
    for ((name, parent), (is_there, how, objects)) in TREE.iter().zip(shapes) {
        let above = parent.map(|parent| made[parent].as_ref());
        let (true, Some(above)) = (*is_there, above.map_or(Some(None), |p| p.map(Some))) else {
            made.push(None);
            continue;
        };
        let trust_anchor = usize::from(matches!(*name, "beta" | "bush"));
        let objects = objects.iter().map(|(number, kind)| any_object(name, *number, *kind));
        let mut point = point(trust_anchor, above, name, &["192.0.2.0/24"], objects.collect());
        match how {
            0 => point.status = PointStatus::LastGood,
            1 => point.findings = vec![finding("stale"); 3],
            2 => point.validity = TimeWindow::new(NOW, hours(2)),
            3 => {
                point.status = PointStatus::Pending;
                point.repository = None;
            }
            _ => {}
        }
        made.push(Some(point));
    }
    let points = made.into_iter().flatten().map(Arc::new).collect();
    Validation { points, ..validation() }
}

/// The world of `shapes`, the number `id`, which follows `previous`.
fn shaped_world(id: u64, previous: Option<&World>, shapes: &[Shape]) -> World {
    let validation = shaped(shapes);
    let parent = previous.map(|world| world.id);
    let mut assembly = Assembly { id: WorldId(id), parent, previous, ..assembly(&validation) };
    // The list of repositories changes, too.
    if id.is_multiple_of(2) {
        assembly.repositories.remove(1);
        assembly.repositories.insert(0, status("zero", RepositoryState::Current));
    }
    World::assemble(assembly)
}

/// Makes a course of worlds, each after the one before.
fn course(steps: &[Vec<Shape>]) -> Vec<World> {
    let mut worlds: Vec<World> = Vec::new();
    for (id, shapes) in (1..).zip(steps) {
        let next = shaped_world(id, worlds.last(), shapes);
        worlds.push(next);
    }
    worlds
}

/// Publishes a course: a base first, then what differs.
fn publish_course(dir: &Path, worlds: &[World]) {
    publish(dir, &worlds[0]).unwrap();
    for pair in worlds.windows(2) {
        let delta = Delta::between(&pair[0], &pair[1]);
        publish_next(dir, &delta, || panic!("the log has room")).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_world_and_what_differs_make_the_next_world(
        steps in prop::collection::vec(shape(), 2..6),
    ) {
        let worlds = course(&steps);
        let mut patch = Patch::new(&worlds[0]);
        for pair in worlds.windows(2) {
            pair[1].check().unwrap();
            let delta = Delta::between(&pair[0], &pair[1]);
            prop_assert_eq!(&pair[0].after(delta.clone()).unwrap(), &pair[1]);
            patch.add(delta).unwrap();
        }
        prop_assert_eq!(&patch.finish().unwrap(), worlds.last().unwrap());
    }

    #[test]
    fn base_and_log_are_the_whole_world(steps in prop::collection::vec(shape(), 1..5)) {
        let dir = tempfile::tempdir().unwrap();
        let worlds = course(&steps);
        publish_course(dir.path(), &worlds);
        let last = worlds.last().unwrap();
        prop_assert_eq!(&load_current(dir.path()).unwrap().unwrap(), last);
        prop_assert_eq!(load_head(dir.path()).unwrap(), Some(last.head()));
        prop_assert_eq!(next_id(dir.path()).unwrap(), WorldId(last.id.0 + 1));
    }
}

fn all(how: u8, objects: &[(u8, u8)]) -> Vec<Shape> {
    vec![(true, how, objects.to_vec()); TREE.len()]
}

/// Three worlds that differ in one point each.
fn three() -> Vec<World> {
    let first = all(5, &[(0, 0), (1, 1)]);
    let mut second = first.clone();
    second[2].2.push((2, 2));
    let mut third = second.clone();
    third[3].0 = false;
    course(&[first, second, third])
}

#[test]
fn what_stays_is_not_in_the_delta_and_is_shared() {
    let worlds = three();
    let delta = Delta::between(&worlds[0], &worlds[1]);
    assert_eq!(delta.points.len(), 1);
    let next = delta.points[0].next.as_ref().unwrap();
    assert_eq!((next.dropped.len(), next.added.len()), (0, 1));
    let second = worlds[0].after(delta).unwrap();
    assert!(Arc::ptr_eq(&second.points[0].data, &worlds[0].points[0].data));
    assert!(Arc::ptr_eq(&second.objects[0].data, &worlds[0].objects[0].data));
    assert!(Delta::between(&second, &worlds[1]).is_empty());
    let gone = Delta::between(&worlds[1], &worlds[2]);
    assert_eq!(gone.points.iter().filter(|point| point.next.is_none()).count(), 1);
}

#[test]
fn the_same_object_that_gives_something_else_is_in_the_delta() {
    let first = all(5, &[(0, 0), (1, 1)]);
    for (position, kind) in [(0, 1), (0, 2), (0, 3), (0, 4), (1, 0)] {
        let mut second = first.clone();
        second[2].2[position].1 = kind;
        let worlds = course(&[first.clone(), second]);
        let delta = Delta::between(&worlds[0], &worlds[1]);
        let objects: Vec<_> = delta.points.iter().filter_map(|p| p.next.as_ref()).collect();
        let [next] = objects.as_slice() else { panic!("{delta:?}") };
        assert_eq!((next.dropped.len(), next.added.len()), (1, 1), "{position} {kind}");
    }
}

#[test]
fn a_delta_of_another_world_is_refused() {
    let worlds = three();
    let delta = Delta::between(&worlds[1], &worlds[2]);
    assert!(worlds[0].after(delta.clone()).is_err());
    let mut other = worlds[1].clone();
    other.points.retain(|point| !point.manifest_uri.as_str().contains("left"));
    let _ = other.after(delta);
    let mut patch = Patch::new(&worlds[0]);
    patch.add(Delta::between(&worlds[0], &worlds[1])).unwrap();
    patch.add(Delta::between(&worlds[1], &worlds[2])).unwrap();
    assert_eq!(patch.finish().unwrap(), worlds[2]);
}

#[test]
fn a_delta_that_contradicts_its_world_is_refused_and_never_panics() {
    let worlds = three();
    let delta = Delta::between(&worlds[0], &worlds[1]);
    let harms: [fn(&mut NextPoint); 6] = [
        |next| next.parent = Some(crate::model::PointId([0; 32])),
        |next| next.parent = Some(next.data.id),
        |next| next.repository = Some(99),
        |next| Arc::make_mut(&mut next.data).trust_anchor = 7,
        |next| next.dropped = vec![5],
        |next| {
            next.added[0].given.vrps = vec![vrp("192.0.2.0/24", 24, 1)];
            next.added[0].given.vrps[0].max_length = 8;
        },
    ];
    for harm in harms {
        let mut delta = delta.clone();
        harm(delta.points[0].next.as_mut().unwrap());
        assert!(worlds[0].after(delta).is_err());
    }
    // A point that is gone while another one stays below it.
    let mut delta = delta;
    delta.points[0].id = worlds[0].points[0].id;
    delta.points[0].next = None;
    assert!(worlds[0].after(delta).is_err());
}

/// L01: every state of the directory that a kill may leave while world 3 is appended.
#[test]
fn l01_a_log_that_was_cut_anywhere_leaves_the_old_world_or_the_new_one() {
    let worlds = three();
    let whole = tempfile::tempdir().unwrap();
    publish_course(whole.path(), &worlds[..2]);
    let log = |dir: &Path| dir.join("0000000001.log");
    let (before, current) =
        (fs::read(log(whole.path())).unwrap(), fs::read(whole.path().join("CURRENT")).unwrap());
    publish_next(whole.path(), &Delta::between(&worlds[1], &worlds[2]), || panic!()).unwrap();
    let after = fs::read(log(whole.path())).unwrap();
    assert!(after.starts_with(&before));
    let dir = tempfile::tempdir().unwrap();
    fs::copy(whole.path().join("0000000001.world"), dir.path().join("0000000001.world")).unwrap();
    for length in before.len()..=after.len() {
        fs::write(log(dir.path()), &after[..length]).unwrap();
        fs::write(dir.path().join("CURRENT"), &current).unwrap();
        assert_eq!(load_current(dir.path()).unwrap().as_ref(), Some(&worlds[1]), "{length}");
        assert_eq!(load_head(dir.path()).unwrap().unwrap().id, WorldId(2));
        // The next writer goes on over it.
        let delta = Delta::between(&worlds[1], &worlds[2]);
        publish_next(dir.path(), &delta, || panic!()).unwrap();
        assert_eq!(load_current(dir.path()).unwrap().as_ref(), Some(&worlds[2]), "{length}");
        assert_eq!(fs::read(log(dir.path())).unwrap(), after);
    }
}

#[test]
fn l04_a_damaged_log_leaves_an_older_world_and_the_next_one_is_a_base() {
    let worlds = three();
    let dir = tempfile::tempdir().unwrap();
    publish_course(dir.path(), &worlds);
    let path = dir.path().join("0000000001.log");
    let sound = fs::read(&path).unwrap();
    for at in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] ^= 1;
        fs::write(&path, damaged).unwrap();
        let world = load_current(dir.path()).unwrap().unwrap();
        assert!(world == worlds[0] || world == worlds[1], "byte {at}: world {}", world.id);
    }
    fs::write(&path, &sound[..sound.len() - 1]).unwrap();
    let world = load_current(dir.path()).unwrap().unwrap();
    assert_eq!(world, worlds[1]);
    // What follows on an older world is no delta of the current one.
    let next = World { id: next_id(dir.path()).unwrap(), ..worlds[2].clone() };
    let delta = Delta::between(&world, &World { parent: Some(world.id), ..next.clone() });
    publish_next(dir.path(), &delta, || Ok(next.clone().into())).unwrap();
    assert!(dir.path().join("0000000004.world").exists());
    assert_eq!(load_current(dir.path()).unwrap(), Some(next));
}

#[test]
fn a_log_of_another_base_is_not_read() {
    let worlds = three();
    let dir = tempfile::tempdir().unwrap();
    publish_course(dir.path(), &worlds);
    let mut other = worlds[0].clone();
    other.time = hours(1);
    let file = format::encode(&other).unwrap();
    fs::write(dir.path().join("0000000001.world"), file.bytes).unwrap();
    assert_eq!(load_current(dir.path()).unwrap(), Some(other));
}

#[test]
fn without_current_the_log_says_which_number_is_next() {
    let worlds = three();
    let dir = tempfile::tempdir().unwrap();
    publish_course(dir.path(), &worlds);
    fs::write(dir.path().join("CURRENT"), "nonsense").unwrap();
    assert_eq!(next_id(dir.path()).unwrap(), WorldId(4));
}

#[test]
fn a_small_change_is_a_small_write_and_a_full_log_becomes_a_base() {
    let mut world = world();
    let record = world.vrps.iter().next().unwrap();
    let more = (0..40_000).map(|asn| VrpRecord { vrp: vrp("192.0.2.0/24", 24, asn), ..record });
    world.vrps.edit(|rows| {
        rows.extend(more);
        rows.sort_unstable();
    });
    let dir = tempfile::tempdir().unwrap();
    publish(dir.path(), &world).unwrap();
    let size = |name: &str| fs::metadata(dir.path().join(name)).map_or(0, |file| file.len());
    let base = size("0000000001.world");
    let mut bases = 0;
    for step in 0..400 {
        let mut next = world.clone();
        next.id = WorldId(world.id.0 + 1);
        next.parent = Some(world.id);
        next.points[1].validity.until = hours(step);
        let delta = Delta::between(&world, &next);
        let before = size("0000000001.log");
        publish_next(dir.path(), &delta, || Ok(next.clone().into())).unwrap();
        if dir.path().join(format!("{:010}.world", next.id.0)).exists() {
            bases += 1;
            assert!(before > base / 20, "a log of {before} octets is no reason");
            break;
        }
        let written = size("0000000001.log") - before;
        assert!(written < 4_000, "{written} octets for one point");
        world = next;
    }
    assert_eq!(bases, 1);
    assert!(!dir.path().join("0000000000.log").exists());
}

#[tokio::test]
async fn a_follower_goes_on_from_the_world_that_it_has() {
    let worlds = three();
    let dir = tempfile::tempdir().unwrap();
    publish(dir.path(), &worlds[0]).unwrap();
    let mut follower = Follower::new(dir.path().to_owned());
    let first = follower.next().await;
    // What it does not need any more may be gone.
    let base = dir.path().join("0000000001.world");
    let delta = Delta::between(&worlds[0], &worlds[1]);
    publish_next(dir.path(), &delta, || panic!()).unwrap();
    fs::write(&base, "").unwrap();
    let second = follower.next().await;
    assert_eq!(*second, worlds[1]);
    assert!(Arc::ptr_eq(&second.points[0].data, &first.points[0].data), "shared");
    assert!(follower.look().await.is_none());
    publish(dir.path(), &worlds[2]).unwrap();
    assert_eq!(*follower.next().await, worlds[2]);
}

#[tokio::test]
async fn a_follower_goes_on_to_a_new_base_by_the_log_of_the_one_before() {
    let worlds = three();
    let dir = tempfile::tempdir().unwrap();
    publish(dir.path(), &worlds[0]).unwrap();
    let mut follower = Follower::new(dir.path().to_owned());
    let first = follower.next().await;
    // So many findings that the log grows to its limit soon.
    let mut last = worlds[0].clone();
    for number in 2..400 {
        let mut next = last.clone();
        (next.id, next.parent) = (WorldId(number), Some(last.id));
        let finding = super::fixture::finding(&format!("{number} {}", "x".repeat(4_000)));
        next.points[1].findings = vec![finding];
        publish_next(dir.path(), &Delta::between(&last, &next), || Ok(Arc::new(next.clone())))
            .unwrap();
        last = next;
        if dir.path().join(format!("{number:010}.world")).exists() {
            break;
        }
    }
    assert!(last.id.0 < 399, "no new base was due");
    // The whole of it would make everything anew.
    let second = follower.next().await;
    assert_eq!(*second, last);
    assert!(Arc::ptr_eq(&second.points[0].data, &first.points[0].data), "shared");
    // And from there by the new log.
    let mut next = last.clone();
    (next.id, next.parent) = (WorldId(last.id.0 + 1), Some(last.id));
    publish_next(dir.path(), &Delta::between(&last, &next), || panic!()).unwrap();
    let third = follower.next().await;
    assert_eq!(*third, next);
    assert!(Arc::ptr_eq(&third.points[0].data, &first.points[0].data), "shared");
    assert_eq!(load_current(dir.path()).unwrap(), Some(next));
}

#[tokio::test]
async fn l01_what_a_killed_writer_left_in_the_log_leads_to_no_world() {
    let worlds = three();
    let dir = tempfile::tempdir().unwrap();
    publish(dir.path(), &worlds[0]).unwrap();
    let mut follower = Follower::new(dir.path().to_owned());
    follower.next().await;
    // Its writer was killed before `CURRENT` named the new base.
    let before = fs::read(dir.path().join("CURRENT")).unwrap();
    publish_next(dir.path(), &Delta::between(&worlds[0], &worlds[1]), || panic!()).unwrap();
    fs::write(dir.path().join("CURRENT"), before).unwrap();
    let other = World { id: worlds[1].id, ..worlds[0].clone() };
    publish(dir.path(), &other).unwrap();
    assert_eq!(*follower.next().await, other);
}
