//! THREATS G: certificates, resources and the tree of CAs.

use super::*;

/// Publishes the ISP's certificate anew as `change` wants it, and runs.
fn with_isp(change: impl FnOnce(&mut World) -> Bytes) -> (Summary, World) {
    let mut world = World::new();
    let cert = change(&mut world);
    world.root.files.insert("isp.cer".to_owned(), cert);
    world.publish();
    (world.run(), world)
}

fn isp_with(world: &mut World, held: ResourceSet) -> Bytes {
    world.isp.resources = Resources::Set(held);
    world.root.certify(&world.isp, 300, year())
}

#[test]
fn g01_and_g02_a_child_with_one_address_or_as_too_many_is_rejected() {
    for held in [
        resources(&["10.0.0.0/8", "11.0.0.0/32"], &[]),
        resources(&["9.255.255.255/32", "10.1.0.0/16"], &[]),
        resources(&["2001:db9::/128"], &[]),
        resources(&["10.1.0.0/16"], &[(64496, 64512)]),
        resources(&["10.1.0.0/16"], &[(64495, 64495)]),
    ] {
        let (run, world) = with_isp(|world| isp_with(world, held.clone()));
        assert_eq!(run.reasons(&world.root), [Reason::CertOverclaim], "{held}");
        assert!(!run.has_point(&world.isp));
    }
    let all = resources(&["10.0.0.0/8", "2001:db8::/32"], &[(64496, 64511)]);
    let (run, _) = with_isp(|world| isp_with(world, all));
    assert_eq!(run.vrps().len(), 4);
}

#[test]
fn g01_a_certificate_of_rfc_8360_is_cut_to_what_its_issuer_holds() {
    let (run, world) = with_isp(|world| {
        let held = Resources::Set(resources(&["10.1.0.0/17", "11.0.0.0/8"], &[(1, 64500)]));
        let fields = ca::CaFields {
            serial: 300,
            validity: year(),
            subject: world.isp.key.public_key(),
            resources: &held,
            repository: &world.isp.directory,
            manifest: &world.isp.manifest,
            notify: None,
        };
        let mut tbs = ca::ca_certificate(world.root.issuer(), fields).unwrap();
        tbs.set_overclaim(rpki::repository::cert::Overclaim::Trim);
        ca::sign_certificate(&tbs, &world.root.key).unwrap()
    });
    assert_eq!(run.reasons(&world.root), []);
    let isp = run.point(&world.isp);
    assert_eq!(isp.resources.to_string(), "10.1.0.0/17, AS64496-AS64500");
    assert_eq!(run.vrps(), [C]);
}

#[test]
fn g03_and_g04_inherited_resources_are_those_of_the_issuer() {
    let mut world = World::new();
    let mut ca = world.customer.child("level0", 710, Resources::Inherit);
    world.customer.publish(&mut world.source);
    for (n, key_index) in (711..725).enumerate() {
        let next = ca.child(&format!("level{}", n + 1), key_index, Resources::Inherit);
        ca.publish(&mut world.source);
        ca = next;
    }
    ca.roa("in.roa", 20, 64510, &[("10.1.2.128/25", None)]);
    ca.roa("out.roa", 21, 64510, &[("10.1.3.0/24", None)]);
    ca.publish(&mut world.source);
    let run = world.run();
    assert_eq!(run.point(&ca).resources.to_string(), "10.1.2.0/24");
    assert_eq!(run.reasons(&ca), [Reason::CertOverclaim]);
    assert!(run.vrps().contains(&"10.1.2.128/25-25 AS64510".to_owned()));
}

#[test]
fn g11_and_g30_serial_and_validity_of_a_ca() {
    let later = TimeWindow::new(NOW.plus(hours(1)), NOW.plus(hours(2)));
    let earlier = TimeWindow::new(NOW.minus(hours(2)), NOW.minus(hours(1)));
    let crossed = TimeWindow::new(NOW.plus(hours(1)), NOW.minus(hours(1)));
    for (serial, validity, reason) in [
        (300, later, Reason::CertNotYetValid),
        (300, earlier, Reason::CertExpired),
        (300, crossed, Reason::CertProfile),
        (0, year(), Reason::CertSerial),
    ] {
        let (run, world) = with_isp(|world| world.root.certify(&world.isp, serial, validity));
        assert_eq!(run.reasons(&world.root), [reason]);
        assert!(run.vrps().is_empty());
    }
}

#[test]
fn f27_a_ca_with_another_kind_of_key_is_rejected() {
    let (run, world) = with_isp(|world| {
        let fields = ca::CaFields {
            serial: 300,
            validity: year(),
            subject: world.isp.key.public_key(),
            resources: &world.isp.resources,
            repository: &world.isp.directory,
            manifest: &world.isp.manifest,
            notify: None,
        };
        let mut tbs = ca::ca_certificate(world.root.issuer(), fields).unwrap();
        // The exponent 3, which RFC 7935 does not permit.
        let modulus = &world.isp.key.public_key().bits()[9..265];
        tbs.set_subject_public_key(
            rpki::crypto::PublicKey::rsa_from_components(modulus, &[3]).unwrap(),
        );
        ca::sign_certificate(&tbs, &world.root.key).unwrap()
    });
    assert_eq!(run.reasons(&world.root), [Reason::CertKey]);
}

#[test]
fn g24_two_cas_with_one_key_are_two_cas() {
    let mut world = World::new();
    let held = Resources::Set(resources(&["10.2.0.0/16"], &[]));
    let mut twin = world.root.child("twin", ISP_KEY, held);
    let cert = world.root.certify(&twin, 301, year());
    world.root.files.insert("twin.cer".to_owned(), cert);
    twin.roa("t.roa", 20, 64500, &[("10.2.0.0/16", None)]);
    twin.publish(&mut world.source);
    world.root.publish(&mut world.source);
    let run = world.run();
    assert_eq!(run.vrps().len(), 5);
    assert_eq!(run.point(&twin).ski, run.point(&world.isp).ski);
    assert_ne!(run.point(&twin).id, run.point(&world.isp).id);
}

#[test]
fn g12_of_two_certificates_for_one_ca_the_newer_is_in_use() {
    let mut world = World::new();
    let narrow = resources(&["10.1.128.0/17"], &[]);
    let mut isp = world.isp.clone();
    isp.resources = Resources::Set(narrow);
    let newer = TimeWindow::new(NOW.minus(hours(1)), NOW.plus(hours(90)));
    let cert = world.root.certify(&isp, 301, newer);
    world.root.files.insert("again.cer".to_owned(), cert);
    world.root.publish(&mut world.source);
    let run = world.run();
    assert_eq!(run.reasons(&world.root), [Reason::CaTwice]);
    assert_eq!(run.vrps(), [B]);
    assert_eq!(run.0.points.len(), 2);
}

#[test]
fn g26_a_ca_that_is_its_own_ancestor_is_not_followed() {
    let mut world = World::new();
    let mut again = world.isp.clone();
    again.resources = Resources::Inherit;
    let cert = world.customer.certify(&again, 300, year());
    world.customer.files.insert("again.cer".to_owned(), cert);
    world.customer.publish(&mut world.source);
    let run = world.run();
    assert_eq!(run.reasons(&world.customer), [Reason::CaLoop]);
    assert_eq!((run.0.points.len(), run.vrps().len()), (3, 4));
}

#[test]
fn g27_and_g28_depth_and_number_of_cas_are_bounded() {
    let world = World::new();
    let run = |policy: Policy| {
        let tals = std::slice::from_ref(&world.tal);
        Summary(step(tals, &world.source, &State::default(), &policy, NOW).1)
    };
    let shallow = run(Policy { max_depth: 1, ..Policy::default() });
    assert_eq!(shallow.reasons(&world.isp), [Reason::CaTooDeep]);
    assert!(!shallow.has_point(&world.customer));
    let few = run(Policy { max_points_per_trust_anchor: 2, ..Policy::default() });
    assert_eq!(few.trust_anchor(), (TrustAnchorStatus::Valid, vec![Reason::CaTooMany]));
    assert!(few.has_point(&world.isp) && !few.has_point(&world.customer));
}

#[test]
fn g33_g36_a_trust_anchor_has_the_key_of_its_locator_and_signs_itself() {
    let check = |change: &dyn Fn(&mut World), status, reason| {
        let mut world = World::new();
        change(&mut world);
        let run = world.run();
        assert_eq!(run.trust_anchor(), (status, vec![reason]));
        assert!(run.0.points.is_empty());
    };
    let put = |world: &mut World, bytes: Bytes| {
        world.source.trust_anchors.insert("test".to_owned(), bytes);
    };
    let rejected = TrustAnchorStatus::Rejected;
    let missing = TrustAnchorStatus::Missing;
    check(&|world| world.source.trust_anchors.clear(), missing, Reason::TrustAnchorMissing);
    check(
        &|world| world.tal.spki = world.isp.key.spki_der().to_vec(),
        rejected,
        Reason::TrustAnchorKey,
    );
    check(
        &|world| {
            let mut bytes = trust_anchor(&world.root, year()).to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            put(world, bytes.into());
        },
        rejected,
        Reason::TrustAnchorSignature,
    );
    check(
        &|world| {
            put(world, trust_anchor(&world.root, TimeWindow::new(NOW.plus(hours(1)), day().until)))
        },
        rejected,
        Reason::CertNotYetValid,
    );
    check(&|world| put(world, Bytes::from_static(b"x")), rejected, Reason::CertMalformed);
    check(
        &|world| {
            let mut tbs = trust_anchor_fields(&world.root, year());
            tbs.set_v6_resources_inherit();
            put(world, ca::sign_certificate(&tbs, &world.root.key).unwrap());
        },
        rejected,
        Reason::TrustAnchorInherit,
    );
    let unreadable = TrustAnchorStatus::Unreadable;
    check(&|world| world.source.is_broken = true, unreadable, Reason::CacheUnreadable);
}

#[test]
fn a_certificate_with_another_crl_or_issuer_is_rejected() {
    let (run, world) = with_isp(|world| {
        let mut root = world.root.clone();
        root.crl = root.directory.join("other.crl").unwrap();
        root.certify(&world.isp, 300, year())
    });
    assert_eq!(run.reasons(&world.root), [Reason::CertCrlUri]);
    let (run, world) = with_isp(|world| {
        let mut root = world.root.clone();
        root.key = key(705);
        root.certify(&world.isp, 300, year())
    });
    assert_eq!(run.reasons(&world.root), [Reason::CertAki]);
    let (run, world) = with_isp(|world| {
        let mut bytes = world.root.certify(&world.isp, 300, year()).to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes.into()
    });
    assert_eq!(run.reasons(&world.root), [Reason::CertSignature]);
}
