//! THREATS E: manifests, CRLs and the state of publication points.

use super::*;
use PointStatus::{Current, Failed, LastGood as Earlier, Pending, Unreadable};

#[test]
fn a_good_world_gives_all_its_payload_and_no_finding() {
    let world = World::new();
    let (state, run) = world.run_from(&State::default(), NOW);
    assert_eq!(run.vrps(), sorted(&[A, B, C, A6]));
    assert_eq!(run.trust_anchor(), (TrustAnchorStatus::Valid, vec![]));
    for ca in [&world.root, &world.isp, &world.customer] {
        assert_eq!((run.status(ca), run.reasons(ca)), (Current, vec![]));
    }
    let isp = run.point(&world.isp);
    let counts = ObjectCounts::from([
        (ObjectKind::CaCertificate, 1),
        (ObjectKind::Crl, 1),
        (ObjectKind::Manifest, 1),
        (ObjectKind::Roa, 2),
    ]);
    assert_eq!(isp.counts, counts);
    assert_eq!(isp.parent, Some(run.point(&world.root).id));
    assert_eq!(isp.validity, day());
    assert_eq!(isp.objects[0].validity, year());
    assert_eq!(run.0.horizon, day());
    assert_eq!(state.points.len(), 3);
    assert_eq!(state.points[&isp.id].objects.len(), 5);
}

/// Runs a good world, breaks the ISP's point, and runs again: with and without the earlier state.
fn broken(change: impl FnOnce(&mut World)) -> (Summary, Summary, World) {
    let mut world = World::new();
    let (state, _) = world.run_from(&State::default(), NOW);
    change(&mut world);
    let with = world.run_from(&state, NOW).1;
    (with, world.run(), world)
}

/// Checks that a fault of the ISP's point keeps its last good state, or else costs the point.
fn fails_with(reason: Reason, change: impl FnOnce(&mut World)) {
    let (with, without, world) = broken(change);
    assert_eq!(with.status(&world.isp), Earlier, "{reason}");
    assert_eq!(with.reasons(&world.isp), [reason]);
    assert_eq!(with.vrps(), sorted(&[A, B, C, A6]), "{reason}");
    assert_eq!(without.status(&world.isp), Failed, "{reason}");
    assert_eq!(without.reasons(&world.isp), [reason]);
    assert!(without.vrps().is_empty() && !without.has_point(&world.customer), "{reason}");
}

#[test]
fn e01_a_replayed_manifest_leaves_the_newer_state_in_use() {
    let mut world = World::new();
    let old = world.source.clone();
    world.isp.number = 2;
    world.isp.files.remove("b.roa");
    world.isp.publish(&mut world.source);
    let (state, run) = world.run_from(&State::default(), NOW);
    assert_eq!(run.vrps().len(), 3);
    let bytes = world.source.bytes.clone();
    world.source = old;
    world.source.bytes.extend(bytes);
    let (state, run) = world.run_from(&state, NOW);
    assert_eq!((run.status(&world.isp), run.vrps().len()), (Earlier, 3));
    assert_eq!(run.reasons(&world.isp), [Reason::ManifestReplay]);
    // The state stays, so that the replay does not work the second time either.
    assert_eq!(world.run_from(&state, NOW).1.reasons(&world.isp), [Reason::ManifestReplay]);
}

#[test]
fn e01_a_replay_after_the_newer_state_ran_out_gives_nothing() {
    let mut world = World::new();
    let old = world.source.clone();
    world.isp.number = 2;
    world.isp.updates = TimeWindow::new(NOW, NOW.plus(hours(1)));
    world.isp.publish(&mut world.source);
    let (state, _) = world.run_from(&State::default(), NOW);
    let bytes = std::mem::replace(&mut world.source, old).bytes;
    world.source.bytes.extend(bytes);
    let (state, run) = world.run_from(&state, NOW.plus(hours(2)));
    assert_eq!(run.status(&world.isp), Failed);
    assert_eq!(run.reasons(&world.isp), [Reason::ManifestReplay, Reason::ManifestStale]);

    // A CA that lost its state starts again: newer, so no replay.
    world.isp.number = 1;
    world.isp.updates = TimeWindow::new(NOW.plus(hours(1)), NOW.plus(hours(9)));
    world.isp.publish(&mut world.source);
    let (_, run) = world.run_from(&state, NOW.plus(hours(2)));
    assert_eq!(run.status(&world.isp), Current);
    assert_eq!(run.reasons(&world.isp), [Reason::ManifestNumberReset]);
}

#[test]
fn e03_and_e04_reused_and_skipped_numbers_are_accepted_with_a_warning() {
    for (number, reason) in [(1, Reason::ManifestNumberReused), (3, Reason::ManifestNumberGap)] {
        let (with, without, world) = broken(|world| {
            world.isp.number = number;
            world.isp.files.remove("b.roa");
            world.isp.publish(&mut world.source);
        });
        assert_eq!((with.status(&world.isp), with.reasons(&world.isp)), (Current, vec![reason]));
        assert_eq!(with.vrps(), without.vrps());
    }
}

#[test]
fn e09_a_manifest_lists_exactly_the_crl_of_its_certificate() {
    let publish = |world: &mut World, list: &[(String, ObjectHash)]| {
        world.isp.number = 2;
        let manifest = world.isp.manifest_bytes(list);
        world.isp.publish_with(&mut world.source, &manifest);
    };
    fails_with(Reason::ManifestNoCrl, |world| {
        let list: Vec<_> = world.isp.list().into_iter().skip(1).collect();
        publish(world, &list);
    });
    fails_with(Reason::ManifestTwoCrls, |world| {
        let mut list = world.isp.list();
        list.push(("other.crl".to_owned(), list[0].1));
        publish(world, &list);
    });
    fails_with(Reason::ManifestCrlName, |world| {
        let mut list = world.isp.list();
        list[0].0 = "other.crl".to_owned();
        publish(world, &list);
    });
    fails_with(Reason::ManifestDuplicate, |world| {
        let mut list = world.isp.list();
        list.push(list[1].clone());
        publish(world, &list);
    });
}

#[test]
fn e11_to_e13_a_missing_or_other_file_fails_the_point() {
    fails_with(Reason::ManifestMissingFile, |world| {
        world.source.files.remove(&world.isp.directory.join("a.roa").unwrap());
    });
    fails_with(Reason::ManifestHashMismatch, |world| {
        let uri = world.isp.directory.join("a.roa").unwrap();
        world.source.put(&uri, &Bytes::from_static(b"other"));
    });
    fails_with(Reason::ManifestMissingFile, |world| {
        world.isp.number = 2;
        world.isp.files.insert("x.xyz".to_owned(), Bytes::from_static(b"x"));
        world.isp.publish(&mut world.source);
        world.source.files.remove(&world.isp.directory.join("x.xyz").unwrap());
    });
    fails_with(Reason::ManifestMissing, |world| {
        world.source.files.remove(&world.isp.manifest);
    });
    fails_with(Reason::RepositoryUnavailable, |world| {
        world.source.unavailable.insert(world.isp.directory.clone());
    });
}

#[test]
fn e14_and_h20_unlisted_files_are_ignored_and_unknown_kinds_only_hashed() {
    let mut world = World::new();
    let roa = world.isp.files["a.roa"].clone();
    world.source.put(&world.isp.directory.join("unlisted.roa").unwrap(), &roa);
    world.customer.files.insert("x.xyz".to_owned(), Bytes::from_static(b"x"));
    world.customer.publish(&mut world.source);
    let (state, run) = world.run_from(&State::default(), NOW);
    assert_eq!(run.vrps().len(), 4);
    assert_eq!(run.point(&world.customer).counts[&ObjectKind::Other], 1);
    // Also in an earlier state.
    world.source.files.remove(&world.customer.manifest);
    let run = world.run_from(&state, NOW).1;
    assert_eq!((run.status(&world.customer), run.vrps().len()), (Earlier, 4));
}

#[test]
fn e15_an_earlier_state_is_used_only_while_it_is_valid() {
    let mut world = World::new();
    let (state, run) = world.run_from(&State::default(), NOW);
    let last = day().until;
    assert_eq!(run.0.horizon.until, last);
    world.source.files.remove(&world.isp.manifest);
    assert_eq!(world.run_from(&state, last).1.status(&world.isp), Earlier);

    world.root.number = 2;
    world.root.updates = TimeWindow::new(NOW, year().until);
    world.root.crl_updates = year();
    world.root.publish(&mut world.source);
    let run = world.run_from(&state, Timestamp(last.0 + 1)).1;
    assert_eq!(run.status(&world.isp), Failed);
    assert_eq!(run.reasons(&world.isp), [Reason::ManifestMissing, Reason::ManifestStale]);
}

#[test]
fn e16_to_e25_times_of_manifest_and_crl() {
    let future = TimeWindow::new(NOW.plus(hours(1)), NOW.plus(hours(2)));
    let past = TimeWindow::new(NOW.minus(hours(2)), NOW.minus(hours(1)));
    let fails = |reason, change: &dyn Fn(&mut TestCa)| {
        fails_with(reason, |world| {
            world.isp.number = 2;
            change(&mut world.isp);
            world.isp.publish(&mut world.source);
        });
    };
    fails(Reason::ManifestPremature, &|isp| isp.updates = future);
    fails(Reason::ManifestStale, &|isp| isp.updates = past);
    fails(Reason::CrlPremature, &|isp| isp.crl_updates = future);
    fails(Reason::CrlStale, &|isp| isp.crl_updates = past);
    fails(Reason::ObjectRevoked, &|isp| isp.revoked = vec![MANIFEST_SERIAL]);
}

#[test]
fn e23_a_manifest_with_explicit_resources_is_rejected() {
    fails_with(Reason::ManifestResources, |world| {
        let isp = &mut world.isp;
        isp.number = 2;
        let list = isp.list();
        let fields = ManifestFields { number: 2, updates: isp.updates, files: &list };
        let content = ca::manifest_content(fields).unwrap();
        let manifest = isp.sign("ca.mft", MANIFEST_SERIAL, |fields| {
            ca::SignedObject::new(fields, ca::MANIFEST, content, &isp.resources).unwrap()
        });
        isp.publish_with(&mut world.source, &manifest);
    });
}

#[test]
fn e27_a_crl_of_another_key_is_rejected() {
    for (reason, crl_key) in [(Reason::CrlIssuer, 703), (Reason::CrlSignature, ISP_KEY)] {
        fails_with(reason, |world| {
            world.isp.number = 2;
            let mut crl = ca::crl(&key(crl_key), 2, day(), &[]).unwrap().to_vec();
            if reason == Reason::CrlSignature {
                *crl.last_mut().unwrap() ^= 1;
            }
            let crl = Bytes::from(crl);
            let mut list = world.isp.list();
            list[0].1 = ObjectHash::of(&crl);
            let manifest = world.isp.manifest_bytes(&list);
            world.isp.publish_with(&mut world.source, &manifest);
            world.source.put(&world.isp.crl, &crl);
        });
    }
}

#[test]
fn e32_a_revoked_ca_is_gone_with_all_below_it() {
    let mut world = World::new();
    let (state, _) = world.run_from(&State::default(), NOW);
    world.root.number = 2;
    world.root.revoked = vec![100 + ISP_KEY as u64];
    world.root.publish(&mut world.source);
    let run = world.run_from(&state, NOW).1;
    assert!(run.vrps().is_empty() && !run.has_point(&world.isp));
    assert_eq!(run.reasons(&world.root), [Reason::ObjectRevoked]);
}

#[test]
fn e34_nothing_that_only_the_failed_manifest_lists_is_followed() {
    let mut world = World::new();
    let (state, _) = world.run_from(&State::default(), NOW);
    world.isp.number = 2;
    let newcomer = world.isp.child("newcomer", 704, Resources::Inherit);
    newcomer.publish(&mut world.source);
    world.isp.publish(&mut world.source);
    world.source.files.remove(&world.isp.directory.join("a.roa").unwrap());
    let (_, run) = world.run_from(&state, NOW);
    assert_eq!(run.status(&world.isp), Earlier);
    assert_eq!(run.status(&world.customer), Current);
    assert!(!run.has_point(&newcomer));
}

#[test]
fn e36_a_bad_roa_with_a_good_hash_costs_only_itself() {
    let mut world = World::new();
    world.isp.files.insert("a.roa".to_owned(), Bytes::from_static(b"\0"));
    world.isp.publish(&mut world.source);
    let run = world.run();
    assert_eq!(run.vrps(), sorted(&[B, C]));
    assert_eq!(run.status(&world.isp), Current);
    assert_eq!(run.reasons(&world.isp), [Reason::ObjectMalformed]);
    let finding = &run.point(&world.isp).findings[0];
    assert!(finding.object.ends_with("/isp/a.roa") && finding.hash.is_some());
}

#[test]
fn a_pending_repository_keeps_the_earlier_state() {
    let (with, without, world) = broken(|world| {
        world.source.pending.insert(world.isp.directory.clone());
    });
    assert_eq!((with.status(&world.isp), with.vrps().len()), (Pending, 4));
    assert_eq!((without.status(&world.isp), without.vrps().len()), (Pending, 0));
}

#[test]
fn a_read_error_is_not_absence() {
    let (with, without, world) = broken(|world| {
        world.isp.number = 2;
        world.isp.roa("d.roa", 13, 64500, &[("10.1.3.0/24", None)]);
        world.isp.publish(&mut world.source);
        world.source.broken.insert(ObjectHash::of(&world.isp.files["d.roa"]));
    });
    assert_eq!((with.status(&world.isp), with.vrps().len()), (Earlier, 4));
    assert_eq!((without.status(&world.isp), without.vrps().len()), (Unreadable, 0));
    assert_eq!(without.reasons(&world.isp), [Reason::CacheUnreadable]);

    // What the earlier state needs cannot be read either.
    let (with, _, world) = broken(|world| {
        world.source.broken.insert(ObjectHash::of(&world.isp.files["a.roa"]));
    });
    assert_eq!(with.status(&world.isp), Unreadable);
    assert_eq!(with.status(&world.root), Current);
}

#[test]
fn an_error_in_the_program_costs_one_point_at_most() {
    let (with, without, world) = broken(|world| {
        world.isp.number = 2;
        world.isp.roa("d.roa", 13, 64500, &[("10.1.3.0/24", None)]);
        world.isp.publish(&mut world.source);
        world.source.fatal.insert(ObjectHash::of(&world.isp.files["d.roa"]));
    });
    assert_eq!((with.status(&world.isp), with.vrps().len()), (Earlier, 4));
    assert_eq!(with.reasons(&world.isp), [Reason::InternalError]);
    assert_eq!(with.0.horizon, TimeWindow::new(NOW, NOW));
    assert_eq!((without.status(&world.isp), without.vrps().len()), (Failed, 0));
    let (with, _, world) = broken(|world| {
        world.source.fatal.insert(ObjectHash::of(&world.isp.files["a.roa"]));
    });
    assert_eq!((with.status(&world.isp), with.status(&world.root)), (Failed, Current));
}

#[test]
fn an_earlier_state_is_cut_to_what_the_new_certificate_holds() {
    let (with, _, world) = broken(|world| {
        world.isp.resources = Resources::Set(resources(&["10.1.128.0/17"], &[]));
        let cert = world.root.certify(&world.isp, 300, year());
        world.root.files.insert("isp.cer".to_owned(), cert);
        world.root.number = 2;
        world.root.publish(&mut world.source);
        world.source.files.remove(&world.isp.manifest);
    });
    assert_eq!(with.status(&world.isp), Earlier);
    assert_eq!(with.vrps(), [B]);
    let overclaim = Reason::CertOverclaim;
    assert_eq!(with.reasons(&world.isp), [Reason::ManifestMissing, overclaim, overclaim]);
}

#[test]
fn e33_of_two_manifests_only_the_one_that_the_certificate_names_counts() {
    let mut world = World::new();
    let mut other = world.isp.clone();
    other.number = 9;
    other.roa("x.roa", 40, 64500, &[("10.1.9.0/24", None)]);
    let list = other.list();
    let fields = ManifestFields { number: 9, updates: other.updates, files: &list };
    let manifest = other.sign("other.mft", 41, |object| object.manifest(fields).unwrap());
    world.source.put(&other.directory.join("other.mft").unwrap(), &manifest);
    world.source.put(&other.directory.join("x.roa").unwrap(), &other.files["x.roa"]);
    let run = world.run();
    assert_eq!((run.vrps(), run.reasons(&world.isp)), (sorted(&[A, B, C, A6]), vec![]));
}

#[test]
fn e35_what_moves_between_two_points_in_one_update_is_always_there() {
    let mut world = World::new();
    let (state, run) = world.run_from(&State::default(), NOW);
    assert!(run.vrps().contains(&C.to_owned()));
    world.customer.files.clear();
    world.customer.number = 2;
    world.isp.number = 2;
    world.isp.roa("c.roa", 42, 64510, &[("10.1.2.0/24", None)]);
    world.publish();
    let run = world.run_from(&state, NOW).1;
    assert_eq!(run.vrps(), sorted(&[A, B, C, A6]));
    assert_eq!((run.reasons(&world.isp), run.reasons(&world.customer)), (vec![], vec![]));
}
