//! Objects that give no payload: TAKs in a trust anchor's point, and signed checklists.

use super::*;
use crate::ca::TakKey;
use crate::object::Profile;
use crate::validate::{ACCEPTANCE, ChecklistFault, judge_alone, judge_checklist};

const URI: &[&str] = &["rsync://ta.example.net/ta/next.cer"];

/// Puts a TAK with these keys into the point of `ca`.
fn add_tak(ca: &mut TestCa, current: &SigningKey, next: Option<&SigningKey>) {
    let spki = |key: &SigningKey| key.spki_der().to_vec();
    let (current, next) = (spki(current), next.map(spki));
    let tak_key = |spki| TakKey { comments: &[], uris: URI, spki };
    let tak = ca.sign("ta.tak", 30, |fields| {
        fields.tak(tak_key(&current), None, next.as_deref().map(tak_key)).unwrap()
    });
    ca.files.insert("ta.tak".to_owned(), tak);
}

#[test]
fn g37_a_next_key_is_a_warning_and_changes_nothing() {
    let mut world = World::new();
    let before = world.run().vrps();
    let own = world.root.key.clone();
    add_tak(&mut world.root, &own, Some(&key(31)));
    world.publish();
    let found = world.run();
    assert_eq!(found.reasons(&world.root), [Reason::TakSuccessor]);
    let detail = &found.point(&world.root).findings[0].detail;
    assert!(detail.starts_with(&format!("first seen at {NOW}")) && detail.contains(URI[0]));
    assert_eq!(found.status(&world.root), PointStatus::Current);
    assert_eq!(found.vrps(), before);
    assert_eq!(found.trust_anchor(), (TrustAnchorStatus::Valid, vec![]));
}

/// Makes a world that stays valid for months, whose trust anchor announces `next`.
fn announcing(next: Option<&SigningKey>) -> World {
    let mut world = World::new();
    let months = TimeWindow::new(NOW.minus(hours(1)), NOW.plus(hours(24 * 90)));
    for ca in [&mut world.root, &mut world.isp, &mut world.customer] {
        (ca.updates, ca.crl_updates) = (months, months);
    }
    let own = world.root.key.clone();
    if next.is_some() {
        add_tak(&mut world.root, &own, next);
    }
    world.publish();
    world
}

#[test]
fn g37_a_next_key_is_due_after_thirty_days_on_the_second() {
    let world = announcing(Some(&key(31)));
    let due = NOW.plus(ACCEPTANCE);
    let (state, validation) = world.source.step(&world.tal, &State::default(), NOW);
    assert_eq!(state.next_keys["test"].first_seen, NOW);
    assert_eq!(validation.horizon.until, due.minus(Duration::from_secs(1)), "a wake-up then");
    let vrps = Summary(validation).vrps();
    let mut state = state;
    for (now, reason) in [
        (NOW.plus(hours(24 * 29)), Reason::TakSuccessor),
        (due.minus(Duration::from_secs(1)), Reason::TakSuccessor),
        (due, Reason::TakSuccessorDue),
        (due.plus(hours(24)), Reason::TakSuccessorDue),
    ] {
        let (next, found) = world.run_from(&state, now);
        assert_eq!(found.reasons(&world.root), [reason], "{now}");
        assert_eq!(found.vrps(), vrps, "nothing is followed at {now}");
        assert_eq!(next.next_keys, state.next_keys);
        state = next;
    }
}

#[test]
fn g37_another_key_or_none_ends_the_time_and_lost_data_do_not() {
    let world = announcing(Some(&key(31)));
    let (first, _) = world.run_from(&State::default(), NOW);
    let later = NOW.plus(hours(24 * 20));
    let (state, found) = announcing(Some(&key(33))).run_from(&first, later);
    assert_eq!(found.reasons(&world.root), [Reason::TakSuccessor, Reason::ManifestNumberReused]);
    assert_eq!(state.next_keys["test"].first_seen, later);
    let (state, _) = announcing(None).run_from(&first, later);
    assert!(state.next_keys.is_empty());

    let mut lost = announcing(Some(&key(31)));
    lost.source.files.clear();
    let after_all = NOW.plus(hours(24 * 100));
    let (state, found) = lost.run_from(&first, after_all);
    assert_eq!(found.status(&world.root), PointStatus::Failed);
    assert_eq!(state.next_keys, first.next_keys);
    let (state, validation) = step(&[], &lost.source, &first, &Policy::default(), later);
    assert!(validation.points.is_empty() && state.next_keys.is_empty(), "no locator any more");
}

#[test]
fn g37_a_tak_whose_certificate_lists_resources_costs_itself() {
    let mut world = World::new();
    let own = world.root.key.clone();
    let spki = own.spki_der().to_vec();
    let tak = world.root.sign("ta.tak", 30, |fields| {
        let key = TakKey { comments: &[], uris: URI, spki: &spki };
        let held = Resources::Set(resources(&["10.1.0.0/16"], &[]));
        ca::SignedObject::new(fields, ca::TAK, ca::tak_content(key, None, None), &held).unwrap()
    });
    world.root.files.insert("ta.tak".to_owned(), tak);
    world.publish();
    assert_eq!(world.run().reasons(&world.root), [Reason::TakResources]);
}

#[test]
fn g37_a_tak_without_a_next_key_is_silent() {
    let mut world = World::new();
    let own = world.root.key.clone();
    add_tak(&mut world.root, &own, None);
    world.publish();
    assert_eq!(world.run().reasons(&world.root), []);
}

#[test]
fn g37_a_tak_about_another_key_costs_itself() {
    let mut world = World::new();
    let before = world.run().vrps();
    add_tak(&mut world.root, &key(32), Some(&key(31)));
    world.publish();
    let found = world.run();
    assert_eq!(found.reasons(&world.root), [Reason::TakCurrentKey]);
    assert_eq!(found.vrps(), before);
}

#[test]
fn g37_a_tak_that_is_revoked_announces_nothing() {
    let mut world = World::new();
    let own = world.root.key.clone();
    add_tak(&mut world.root, &own, Some(&key(31)));
    world.root.revoked.push(30);
    world.publish();
    assert_eq!(world.run().reasons(&world.root), [Reason::ObjectRevoked]);
}

#[test]
fn h20_a_tak_below_a_trust_anchor_is_hash_checked_only() {
    let mut world = World::new();
    add_tak(&mut world.isp, &key(32), Some(&key(31)));
    world.publish();
    assert_eq!(world.run().reasons(&world.isp), []);
}

/// Signs a checklist as the CA `isp`, for `prefix`.
fn checklist(isp: &TestCa, prefix: &str) -> ca::SignedObject {
    let mut made = None;
    isp.sign("unused.sig", 40, |fields| {
        let files = [(Some("a.pdf"), ObjectHash::of(b"a"))];
        let list = fields.checklist(&resources(&[prefix], &[]), &files).unwrap();
        made = Some(list.clone());
        list
    });
    made.unwrap()
}

/// Returns the reason for which a checklist is not valid.
fn verify(world: &World, bytes: &Bytes) -> Result<(), Option<Reason>> {
    let (_, validation) = world.source.step(&world.tal, &State::default(), NOW);
    match judge_checklist(bytes, "a.sig", &validation, &world.source) {
        Ok(valid) => {
            let point = &validation.points[valid.point];
            assert_eq!(point.location.manifest, world.isp.manifest);
            Ok(())
        }
        Err(ChecklistFault::Rejected(finding)) => Err(Some(finding.reason)),
        Err(ChecklistFault::NoIssuer { .. }) => Err(None),
        Err(ChecklistFault::Unreadable(error)) => panic!("{error}"),
    }
}

#[test]
fn h20_a_checklist_is_valid_below_the_ca_that_signed_it() {
    let world = World::new();
    let list = checklist(&world.isp, "10.1.0.0/24");
    assert_eq!(verify(&world, &list.encode()), Ok(()));
    assert_eq!(judge_alone(&list.encode(), "a.sig"), None);
}

#[test]
fn h20_a_checklist_that_breaks_a_rule_is_rejected_for_it() {
    let world = World::new();
    // Not held by the CA.
    let list = checklist(&world.isp, "11.0.0.0/8").encode();
    assert_eq!(verify(&world, &list), Err(Some(Reason::CertOverclaim)));
    let mut list = checklist(&world.isp, "10.1.0.0/24");
    list.content.push(0);
    assert_eq!(verify(&world, &list.encode()), Err(Some(Reason::ObjectDigest)));
    let list = checklist(&world.isp, "10.1.0.0/24").sign(&key(41)).unwrap();
    assert_eq!(verify(&world, &list.encode()), Err(Some(Reason::ObjectSignature)));
    // A ROA is no checklist.
    let roa = world.isp.files["a.roa"].clone();
    assert_eq!(verify(&world, &roa), Err(Some(Reason::ObjectContentType)));
    // A certificate by another key that claims to be the CA's.
    let mut list = checklist(&world.isp, "10.1.0.0/24");
    list.certificate = ca::resign(&list.certificate, &key(42), |_| {}).unwrap();
    assert_eq!(verify(&world, &list.encode()), Err(Some(Reason::CertSignature)));
}

#[test]
fn h20_a_revoked_checklist_and_one_of_an_unknown_ca_are_not_valid() {
    let mut world = World::new();
    let list = checklist(&world.isp, "10.1.0.0/24").encode();
    world.isp.revoked.push(40);
    world.publish();
    assert_eq!(verify(&world, &list), Err(Some(Reason::ObjectRevoked)));
    let mut stranger = world.isp.clone();
    stranger.key = key(43);
    let list = checklist(&stranger, "10.1.0.0/24").encode();
    assert_eq!(verify(&world, &list), Err(None));
}

#[test]
fn h20_the_certificate_of_a_checklist_names_no_place() {
    let world = World::new();
    let isp = &world.isp;
    let mut made = None;
    isp.sign("a.sig", 44, |fields| {
        let held = resources(&["10.1.0.0/24"], &[]);
        let content = ca::checklist_content(&held, &[(None, ObjectHash::of(b"a"))]);
        let set = Resources::Set(held);
        let list = ca::SignedObject::new(fields, ca::CHECKLIST, content, &set).unwrap();
        made = Some(list.clone());
        list
    });
    let bytes = made.unwrap().encode();
    assert_eq!(verify(&world, &bytes), Err(Some(Reason::CertProfile)));
    let object = crate::object::SignedObject::decode(&bytes, crate::object::ContentType::Rsc);
    let cert = object.unwrap().cert;
    assert!(cert.inspect(Profile::Ee).is_ok());
    assert!(cert.inspect(Profile::DetachedEe).is_err());
}
