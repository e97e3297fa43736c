//! The list of checks is the order of the rules: everything is broken, then repaired in order.

use super::*;
use crate::validate::{Checked, OUTSIDE_OF_STEPS, steps};

const KINDS: [Checked; 8] = [
    Checked::Tak,
    Checked::TrustAnchor,
    Checked::Point,
    Checked::Object(ObjectKind::CaCertificate),
    Checked::Object(ObjectKind::RouterCertificate),
    Checked::Object(ObjectKind::Roa),
    Checked::Object(ObjectKind::Aspa),
    Checked::Object(ObjectKind::Other),
];

#[test]
fn every_reason_ends_a_step_or_is_said_to_be_outside() {
    for reason in Reason::ALL {
        let listed = KINDS.iter().flat_map(|kind| steps(*kind));
        let is_listed = listed.flat_map(|step| step.reasons).any(|other| other == reason);
        assert_ne!(is_listed, OUTSIDE_OF_STEPS.contains(reason), "{reason}");
    }
}

/// The faults of a ROA that can be there together, in the order of the steps.
const ROA_FAULTS: [Reason; 14] = [
    Reason::ObjectMalformed,
    Reason::ObjectSigner,
    Reason::ObjectDigest,
    Reason::CertProfile,
    Reason::ObjectUri,
    Reason::CertAki,
    Reason::CertExpired,
    Reason::CertSignature,
    Reason::ObjectSignature,
    Reason::CertCrlUri,
    Reason::RoaAsResources,
    Reason::CertOverclaim,
    Reason::RoaNotCovered,
    Reason::ObjectRevoked,
];

/// Makes a ROA with these faults.
fn broken_roa(isp: &TestCa, faults: &[Reason]) -> Bytes {
    let has = |reason| faults.contains(&reason);
    let (own, other) = (key(20), key(21));
    let wrong = |good: &ObjectUri, name: &str| good.directory().join(name).unwrap();
    let crl = if has(Reason::CertCrlUri) { wrong(&isp.crl, "no.crl") } else { isp.crl.clone() };
    let place = if has(Reason::ObjectUri) { "b.roa" } else { "a.roa" };
    let issuer_key = if has(Reason::CertAki) { &other } else { &isp.key };
    let validity = if has(Reason::CertExpired) {
        TimeWindow::new(NOW.minus(hours(9)), NOW.minus(hours(8)))
    } else {
        year()
    };
    let fields = ObjectFields {
        issuer: Issuer { key: issuer_key, certificate: &isp.certificate, crl: &crl },
        key: &own,
        serial: 20,
        validity,
        signing_time: validity.from,
        uri: &isp.directory.join(place).unwrap(),
    };
    let held = if has(Reason::CertOverclaim) { "11.0.0.0/8" } else { "10.1.0.0/17" };
    let asns = if has(Reason::RoaAsResources) { vec![(64500, 64500)] } else { Vec::new() };
    let mut tbs = fields.certificate(&Resources::Set(resources(&[held], &asns))).unwrap();
    if has(Reason::CertProfile) {
        tbs.set_ca_issuer(None);
    }
    let prefix = if has(Reason::RoaNotCovered) { "10.2.0.0/16" } else { "10.1.0.0/17" };
    let prefix =
        if has(Reason::CertOverclaim) && !has(Reason::RoaNotCovered) { held } else { prefix };
    let prefixes = [RoaPrefix { prefix: prefix.parse().unwrap(), max_length: None }];
    let content = ca::roa_content(Asn(64500), &prefixes);
    let mut roa = ca::SignedObject::with_certificate(&fields, ca::ROA, content, &tbs).unwrap();
    if has(Reason::CertSignature) {
        roa.certificate = ca::sign_certificate(&tbs, &key(22)).unwrap();
    }
    if has(Reason::ObjectSigner) {
        roa.signer = other.ski();
    }
    if has(Reason::ObjectDigest) {
        roa.content.push(0);
    }
    if has(Reason::ObjectSignature) {
        roa = roa.sign(&other).unwrap();
    }
    let bytes = roa.encode();
    if has(Reason::ObjectMalformed) { bytes.slice(..bytes.len() - 1) } else { bytes }
}

#[test]
fn the_checks_of_a_roa_are_made_in_the_listed_order() {
    let position = |reason: &Reason| {
        let steps = steps(Checked::Object(ObjectKind::Roa)).iter();
        steps.clone().position(|step| step.reasons.contains(reason)).unwrap()
    };
    let positions: Vec<_> = ROA_FAULTS.iter().map(position).collect();
    assert!(positions.is_sorted(), "{positions:?}");
    for first in 0..ROA_FAULTS.len() {
        let faults = &ROA_FAULTS[first..];
        let mut world = World::new();
        let roa = broken_roa(&world.isp, faults);
        world.isp.files.insert("a.roa".to_owned(), roa);
        world.isp.revoked.push(20);
        world.publish();
        assert_eq!(world.run().reasons(&world.isp), [faults[0]], "{first}");
    }
    let mut world = World::new();
    let roa = broken_roa(&world.isp, &[]);
    world.isp.files.insert("a.roa".to_owned(), roa);
    world.publish();
    assert_eq!(world.run().reasons(&world.isp), []);
}

/// The faults of a point that can be there together, in the order of the steps.
const POINT_FAULTS: [Reason; 6] = [
    Reason::ManifestMissing,
    Reason::ManifestResources,
    Reason::ManifestStale,
    Reason::ManifestMissingFile,
    Reason::CrlStale,
    Reason::ObjectRevoked,
];

#[test]
fn the_checks_of_a_point_are_made_in_the_listed_order() {
    let all = steps(Checked::Point);
    let position = |reason: &Reason| all.iter().position(|s| s.reasons.contains(reason)).unwrap();
    let positions: Vec<_> = POINT_FAULTS.iter().map(position).collect();
    assert!(positions.is_sorted(), "{positions:?}");
    for first in 0..POINT_FAULTS.len() {
        let faults = &POINT_FAULTS[first..];
        let has = |reason| faults.contains(&reason);
        let mut world = World::new();
        let past = TimeWindow::new(NOW.minus(hours(5)), NOW.minus(hours(4)));
        let isp = &mut world.isp;
        if has(Reason::CrlStale) {
            isp.crl_updates = past;
        }
        isp.revoked.push(MANIFEST_SERIAL);
        let updates = if has(Reason::ManifestStale) { past } else { day() };
        let list = isp.list();
        let manifest = isp.sign("ca.mft", MANIFEST_SERIAL, |fields| {
            let content = ManifestFields { number: 1, updates, files: &list };
            let content = ca::manifest_content(content).unwrap();
            let held = match has(Reason::ManifestResources) {
                true => Resources::Set(resources(&["10.1.0.0/16"], &[])),
                false => Resources::Inherit,
            };
            ca::SignedObject::new(fields, ca::MANIFEST, content, &held).unwrap()
        });
        let isp = world.isp.clone();
        isp.publish_with(&mut world.source, &manifest);
        if has(Reason::ManifestMissingFile) {
            world.source.files.remove(&isp.directory.join("a.roa").unwrap());
        }
        if has(Reason::ManifestMissing) {
            world.source.files.remove(&isp.manifest);
        }
        assert_eq!(world.run().reasons(&isp), [faults[0]], "{first}");
    }
}
