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

/// What differs between the kinds of signed objects.
struct ObjectCase<'a> {
    /// The CA that signs.
    ca: &'a TestCa,
    extension: &'a str,
    content_type: &'a [u8],
    content: Vec<u8>,
    held: Resources,
}

/// Makes a signed object whose certificate and envelope have these faults.
fn broken_object(case: ObjectCase<'_>, faults: &[Reason]) -> Bytes {
    let ObjectCase { ca: issuer, extension, content_type, content, held } = case;
    let has = |reason| faults.contains(&reason);
    let (own, other) = (key(20), key(21));
    let wrong = |good: &ObjectUri, name: &str| good.directory().join(name).unwrap();
    let crl =
        if has(Reason::CertCrlUri) { wrong(&issuer.crl, "no.crl") } else { issuer.crl.clone() };
    let place = if has(Reason::ObjectUri) { "b" } else { "a" };
    let issuer_key = if has(Reason::CertAki) { &other } else { &issuer.key };
    let validity = if has(Reason::CertExpired) { last_night() } else { year() };
    let fields = ObjectFields {
        issuer: Issuer { key: issuer_key, certificate: &issuer.certificate, crl: &crl },
        key: &own,
        serial: 20,
        validity,
        signing_time: validity.from,
        uri: &issuer.directory.join(&format!("{place}.{extension}")).unwrap(),
    };
    let mut tbs = fields.certificate(&held).unwrap();
    if has(Reason::CertProfile) {
        tbs.set_ca_issuer(None);
    }
    let mut object =
        ca::SignedObject::with_certificate(&fields, content_type, content, &tbs).unwrap();
    if has(Reason::CertSignature) {
        object.certificate = ca::sign_certificate(&tbs, &key(22)).unwrap();
    }
    if has(Reason::ObjectSigner) {
        object.signer = other.ski();
    }
    if has(Reason::ObjectDigest) {
        object.content.push(0);
    }
    if has(Reason::ObjectSignature) {
        object = object.sign(&other).unwrap();
    }
    let bytes = object.encode();
    if has(Reason::ObjectMalformed) { bytes.slice(..bytes.len() - 1) } else { bytes }
}

fn last_night() -> TimeWindow {
    TimeWindow::new(NOW.minus(hours(9)), NOW.minus(hours(8)))
}

/// Makes a ROA with these faults.
fn broken_roa(isp: &TestCa, faults: &[Reason]) -> Bytes {
    let has = |reason| faults.contains(&reason);
    let held = if has(Reason::CertOverclaim) { "11.0.0.0/8" } else { "10.1.0.0/17" };
    let asns = if has(Reason::RoaAsResources) { vec![(64500, 64500)] } else { Vec::new() };
    let prefix = match (has(Reason::RoaNotCovered), has(Reason::CertOverclaim)) {
        (true, _) => "10.2.0.0/16",
        (false, true) => held,
        (false, false) => "10.1.0.0/17",
    };
    let prefixes = [RoaPrefix { prefix: prefix.parse().unwrap(), max_length: None }];
    let case = ObjectCase {
        ca: isp,
        extension: "roa",
        content_type: ca::ROA,
        content: ca::roa_content(Asn(64500), &prefixes),
        held: Resources::Set(resources(&[held], &asns)),
    };
    broken_object(case, faults)
}

/// Makes an ASPA with these faults.
fn broken_aspa(isp: &TestCa, faults: &[Reason]) -> Bytes {
    let has = |reason| faults.contains(&reason);
    let asns = if has(Reason::CertOverclaim) { (64499, 64500) } else { (64500, 64500) };
    let addresses: &[&str] = if has(Reason::AspaIpResources) { &["10.1.0.0/17"] } else { &[] };
    let customer = if has(Reason::AspaNotCovered) { Asn(64501) } else { Asn(64500) };
    let provider = if has(Reason::AspaCustomer) { customer } else { Asn(64502) };
    let case = ObjectCase {
        ca: isp,
        extension: "asa",
        content_type: ca::ASPA,
        content: ca::aspa_content(&crate::model::Aspa { customer, providers: vec![provider] }),
        held: Resources::Set(resources(addresses, &[asns])),
    };
    broken_object(case, faults)
}

/// Makes a TAK with these faults.
fn broken_tak(root: &TestCa, faults: &[Reason]) -> Bytes {
    let has = |reason| faults.contains(&reason);
    let current = if has(Reason::TakCurrentKey) { key(21) } else { root.key.clone() };
    let (current, next) = (current.spki_der(), key(22).spki_der());
    let uris = &["rsync://ta.example.net/ta/next.cer"];
    let tak_key = |spki| ca::TakKey { comments: &[], uris, spki };
    let next = has(Reason::TakSuccessor).then(|| tak_key(next.as_ref()));
    let held = match has(Reason::TakResources) {
        true => Resources::Set(resources(&["10.1.0.0/16"], &[])),
        false => Resources::Inherit,
    };
    let case = ObjectCase {
        ca: root,
        extension: "tak",
        content_type: ca::TAK,
        content: ca::tak_content(tak_key(current.as_ref()), None, next),
        held,
    };
    broken_object(case, faults)
}

/// Makes the certificate of a CA below `isp` with these faults.
fn broken_ca(isp: &TestCa, faults: &[Reason]) -> Bytes {
    let has = |reason| faults.contains(&reason);
    let other = key(21);
    let elsewhere = |good: &ObjectUri, name: &str| good.directory().join(name).unwrap();
    let crl = if has(Reason::CertCrlUri) { elsewhere(&isp.crl, "no.crl") } else { isp.crl.clone() };
    let place = match has(Reason::CertIssuerUri) {
        true => elsewhere(&isp.certificate, "no.cer"),
        false => isp.certificate.clone(),
    };
    let issuer_key = if has(Reason::CertAki) { &other } else { &isp.key };
    let is_loop = has(Reason::CaLoop);
    let (subject, own) = if is_loop { (isp.key.clone(), "isp") } else { (key(20), "x") };
    let directory = uri(&format!("rsync://rpki.example.net/repo/{own}/"));
    let manifest = if is_loop { isp.manifest.clone() } else { directory.join("x.mft").unwrap() };
    let repository = match has(Reason::CertLocation) {
        true => uri("rsync://rpki.example.net/other/"),
        false => manifest.directory(),
    };
    let held = if has(Reason::CertOverclaim) { "11.0.0.0/8" } else { "10.1.3.0/24" };
    let issuer = Issuer { key: issuer_key, certificate: &place, crl: &crl };
    let fields = ca::CaFields {
        serial: 20,
        validity: if has(Reason::CertExpired) { last_night() } else { year() },
        subject: subject.public_key(),
        resources: &Resources::Set(resources(&[held], &[])),
        repository: &repository,
        manifest: &manifest,
        notify: None,
    };
    let mut tbs = ca::ca_certificate(issuer, fields).unwrap();
    if has(Reason::CertProfile) {
        tbs.set_ca_issuer(None);
    }
    finish_certificate(&tbs, issuer_key, faults)
}

/// Makes a router certificate below `isp` with these faults.
fn broken_router(isp: &TestCa, faults: &[Reason]) -> Bytes {
    let has = |reason| faults.contains(&reason);
    let other = key(21);
    let elsewhere = |good: &ObjectUri, name: &str| good.directory().join(name).unwrap();
    let crl = if has(Reason::CertCrlUri) { elsewhere(&isp.crl, "no.crl") } else { isp.crl.clone() };
    let place = match has(Reason::CertIssuerUri) {
        true => elsewhere(&isp.certificate, "no.cer"),
        false => isp.certificate.clone(),
    };
    let issuer_key = if has(Reason::CertAki) { &other } else { &isp.key };
    let issuer = Issuer { key: issuer_key, certificate: &place, crl: &crl };
    let fields = ca::RouterFields {
        serial: 20,
        validity: if has(Reason::CertExpired) { last_night() } else { year() },
        asn: if has(Reason::CertOverclaim) { Asn(1) } else { Asn(64500) },
    };
    let mut tbs = ca::router_certificate(issuer, fields).unwrap();
    if has(Reason::CertProfile) {
        tbs.set_ca_issuer(None);
    }
    finish_certificate(&tbs, issuer_key, faults)
}

fn finish_certificate(tbs: &ca::TbsCert, issuer: &SigningKey, faults: &[Reason]) -> Bytes {
    let stranger = key(22);
    let signer = if faults.contains(&Reason::CertSignature) { &stranger } else { issuer };
    let bytes = ca::sign_certificate(tbs, signer).unwrap();
    let is_cut = faults.contains(&Reason::CertMalformed);
    if is_cut { bytes.slice(..bytes.len() - 1) } else { bytes }
}

/// Breaks all that can be broken at once, then repairs one thing after the other: what is found
/// each time is the first that is left.
fn assert_order(of: Checked, faults: &[Reason], find: impl Fn(&[Reason]) -> Vec<Reason>) {
    let all = steps(of);
    let position = |reason: &Reason| {
        let found = all.iter().position(|step| step.reasons.contains(reason));
        found.unwrap_or_else(|| panic!("{of:?} has no step for {reason}"))
    };
    let positions: Vec<_> = faults.iter().map(position).collect();
    assert!(positions.is_sorted(), "{of:?}: {positions:?}");
    for first in 0..faults.len() {
        let found = find(&faults[first..]);
        assert_eq!(found.first(), Some(&faults[first]), "{of:?}: {found:?}");
    }
    assert_eq!(find(&[]), [], "{of:?}");
}

/// The faults of every signed object, up to the content, that can be there together.
const ENVELOPE_FAULTS: [Reason; 10] = [
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
];

#[test]
fn the_checks_of_signed_objects_are_made_in_the_listed_order() {
    type Make = fn(&TestCa, &[Reason]) -> Bytes;
    let table: [(Checked, &str, Make, &[Reason]); 3] = [
        (
            Checked::Object(ObjectKind::Roa),
            "a.roa",
            broken_roa,
            &[
                Reason::RoaAsResources,
                Reason::CertOverclaim,
                Reason::RoaNotCovered,
                Reason::ObjectRevoked,
            ],
        ),
        (
            Checked::Object(ObjectKind::Aspa),
            "a.asa",
            broken_aspa,
            &[
                Reason::AspaIpResources,
                Reason::CertOverclaim,
                Reason::AspaCustomer,
                Reason::AspaNotCovered,
                Reason::ObjectRevoked,
            ],
        ),
        (
            Checked::Tak,
            "a.tak",
            broken_tak,
            &[
                Reason::TakResources,
                Reason::TakCurrentKey,
                Reason::ObjectRevoked,
                Reason::TakSuccessor,
            ],
        ),
    ];
    for (of, name, make, more) in table {
        assert_order(of, &[&ENVELOPE_FAULTS, more].concat(), |faults| {
            let mut world = World::new();
            let ca = if of == Checked::Tak { &mut world.root } else { &mut world.isp };
            let object = make(ca, faults);
            ca.files.insert(name.to_owned(), object);
            ca.revoked.extend(faults.contains(&Reason::ObjectRevoked).then_some(20));
            let ca = ca.clone();
            world.publish();
            world.run().reasons(&ca)
        });
    }
}

#[test]
fn the_checks_of_certificates_are_made_in_the_listed_order() {
    type Make = fn(&TestCa, &[Reason]) -> Bytes;
    let table: [(ObjectKind, Make, &[Reason]); 2] = [
        (
            ObjectKind::CaCertificate,
            broken_ca,
            &[
                Reason::CertMalformed,
                Reason::CertProfile,
                Reason::CertAki,
                Reason::CertExpired,
                Reason::CertSignature,
                Reason::CertOverclaim,
                Reason::CertLocation,
                Reason::CaLoop,
                Reason::CertCrlUri,
                Reason::ObjectRevoked,
                Reason::CertIssuerUri,
            ],
        ),
        (
            ObjectKind::RouterCertificate,
            broken_router,
            &[
                Reason::CertMalformed,
                Reason::CertProfile,
                Reason::CertAki,
                Reason::CertExpired,
                Reason::CertSignature,
                Reason::CertOverclaim,
                Reason::CertCrlUri,
                Reason::ObjectRevoked,
                Reason::CertIssuerUri,
            ],
        ),
    ];
    for (kind, make, faults) in table {
        assert_order(Checked::Object(kind), faults, |faults| {
            let mut world = World::new();
            let certificate = make(&world.isp, faults);
            world.isp.files.insert("x.cer".to_owned(), certificate);
            world.isp.revoked.extend(faults.contains(&Reason::ObjectRevoked).then_some(20));
            world.publish();
            world.run().reasons(&world.isp)
        });
    }
}

#[test]
fn the_checks_of_a_trust_anchor_are_made_in_the_listed_order() {
    let faults = [
        Reason::TrustAnchorMissing,
        Reason::CertMalformed,
        Reason::TrustAnchorKey,
        Reason::CertProfile,
        Reason::CertExpired,
        Reason::TrustAnchorInherit,
        Reason::TrustAnchorSignature,
        Reason::CertLocation,
    ];
    assert_order(Checked::TrustAnchor, &faults, |faults| {
        let has = |reason| faults.contains(&reason);
        let mut world = World::new();
        let validity = if has(Reason::CertExpired) { last_night() } else { year() };
        let mut tbs = trust_anchor_fields(&world.root, validity);
        if has(Reason::CertProfile) {
            tbs.set_crl_uri(tbs.rpki_manifest().cloned());
        }
        if has(Reason::TrustAnchorInherit) {
            tbs.set_v4_resources_inherit();
        }
        if has(Reason::CertLocation) {
            let uri = "rsync://rpki.example.net/other/x.mft";
            tbs.set_rpki_manifest(Some(uri.parse().unwrap()));
        }
        let is_other = has(Reason::TrustAnchorSignature);
        let signer = if is_other { key(22) } else { world.root.key.clone() };
        let bytes = ca::sign_certificate(&tbs, &signer).unwrap();
        let end = bytes.len() - usize::from(has(Reason::CertMalformed));
        if has(Reason::TrustAnchorKey) {
            world.tal.spki = key(21).spki_der().to_vec();
        }
        world.source.trust_anchors.clear();
        if !has(Reason::TrustAnchorMissing) {
            world.source.trust_anchors.insert("test".to_owned(), bytes.slice(..end));
        }
        world.run().trust_anchor().1
    });
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
