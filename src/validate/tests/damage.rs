//! THREATS F: damaged bytes never panic, and never give anything that was not signed.

use std::io::Write;

use super::*;
use crate::object::{Cert, ContentType, Crl, Profile, SignedObject};

/// Returns one object of each kind, with its file name.
fn objects(world: &World) -> Vec<(String, Bytes)> {
    let isp = &world.isp;
    let aspa = crate::model::Aspa { customer: Asn(64500), providers: vec![Asn(1), Asn(2)] };
    vec![
        ("isp.cer".to_owned(), world.root.files["isp.cer"].clone()),
        ("ca.crl".to_owned(), isp.crl_bytes()),
        ("ca.mft".to_owned(), isp.manifest_bytes(&isp.list())),
        ("a.roa".to_owned(), isp.files["a.roa"].clone()),
        ("x.asa".to_owned(), isp.sign("x.asa", 30, |fields| fields.aspa(&aspa).unwrap())),
    ]
}

fn decode(name: &str, bytes: &Bytes) -> bool {
    match ObjectKind::of_name(name) {
        ObjectKind::CaCertificate => Cert::decode(bytes).is_ok(),
        ObjectKind::Crl => Crl::decode(bytes).is_ok(),
        ObjectKind::Manifest => SignedObject::decode(bytes, ContentType::Manifest).is_ok(),
        ObjectKind::Roa => SignedObject::decode(bytes, ContentType::Roa).is_ok(),
        _ => SignedObject::decode(bytes, ContentType::Aspa).is_ok(),
    }
}

#[test]
fn f04_every_truncation_and_any_trailing_byte_is_an_error() {
    for (name, bytes) in objects(&World::new()) {
        assert!(decode(&name, &bytes), "{name}");
        for length in 0..bytes.len() {
            assert!(!decode(&name, &bytes.slice(..length)), "{name} cut at {length}");
        }
        let longer = Bytes::from([&bytes[..], &[0]].concat());
        assert!(!decode(&name, &longer), "{name} with a byte more");
    }
}

#[test]
fn one_bit_damages_never_panic_and_never_pass() {
    let world = World::new();
    let mut point = world.isp.clone();
    let aspa = objects(&world).pop().unwrap();
    point.files.insert(aspa.0, aspa.1);
    let customer = point.files["customer.cer"].clone();
    for name in ["a.roa", "x.asa", "customer.cer"] {
        let good = point.files[name].clone();
        // All damages of one object are published side by side, in one point.
        let damaged = (0..good.len() * 8).filter(|bit| bit % 7 == 0).map(|bit| {
            let mut bytes = good.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let extension = name.split_once('.').unwrap().1;
            (format!("x{bit}.{extension}"), Bytes::from(bytes))
        });
        let mut broken = point.clone();
        broken.files = damaged.collect();
        broken.files.insert("customer.cer".to_owned(), customer.clone());
        let mut world = world.clone();
        broken.publish(&mut world.source);
        let run = world.run();
        assert_eq!(run.status(&broken), PointStatus::Current);
        // Nothing passes but the customer, which was not damaged.
        let findings = &run.point(&broken).findings;
        assert_eq!(findings.len(), broken.files.len() - 1, "{name}");
        assert!(findings.iter().all(|finding| finding.reason != Reason::InternalError));
        assert_eq!(run.vrps(), [C], "{name}");
    }
}

#[test]
fn one_bit_damages_of_manifest_and_crl_fail_the_point() {
    let world = World::new();
    let isp = &world.isp;
    let (manifest, crl) = (isp.manifest_bytes(&isp.list()), isp.crl_bytes());
    for bit in (0..manifest.len() * 8).filter(|bit| bit % 61 == 0) {
        let mut bytes = manifest.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut world = world.clone();
        isp.publish_with(&mut world.source, &bytes.into());
        let run = world.run();
        assert_eq!(run.status(isp), PointStatus::Failed, "bit {bit} of the manifest");
        assert!(!run.reasons(isp).contains(&Reason::InternalError), "bit {bit} of the manifest");
    }
    for bit in (0..crl.len() * 8).filter(|bit| bit % 61 == 0) {
        let mut bytes = crl.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let bytes = Bytes::from(bytes);
        let mut list = isp.list();
        list[0].1 = ObjectHash::of(&bytes);
        let mut world = world.clone();
        isp.publish_with(&mut world.source, &isp.manifest_bytes(&list));
        world.source.put(&isp.crl, &bytes);
        let run = world.run();
        assert_eq!(run.status(isp), PointStatus::Failed, "bit {bit} of the CRL");
        assert!(!run.reasons(isp).contains(&Reason::InternalError), "bit {bit} of the CRL");
    }
}

/// Tells whether the `rpki` crate decodes an object.
fn foreign_decode(name: &str, bytes: &Bytes) -> bool {
    use rpki::repository::{Cert, Crl, Manifest, Roa, sigobj};
    match ObjectKind::of_name(name) {
        ObjectKind::CaCertificate => Cert::decode(bytes.clone()).is_ok(),
        ObjectKind::Crl => Crl::decode(bytes.clone()).is_ok(),
        ObjectKind::Manifest => Manifest::decode(bytes.clone(), true).is_ok(),
        ObjectKind::Roa => Roa::decode(bytes.clone(), true).is_ok(),
        _ => sigobj::SignedObject::decode(bytes.clone(), true).is_ok(),
    }
}

/// Decodes an object with its content.
fn decode_all(name: &str, bytes: &Bytes) -> bool {
    let signed = |wanted| {
        let object = SignedObject::decode(bytes, wanted).ok()?;
        object.cert.inspect(Profile::Ee).is_ok().then_some(object)
    };
    match ObjectKind::of_name(name) {
        ObjectKind::Manifest => signed(ContentType::Manifest)
            .is_some_and(|object| crate::object::Manifest::decode(&object.content).is_ok()),
        ObjectKind::Roa => signed(ContentType::Roa)
            .is_some_and(|object| crate::object::decode_roa(&object.content).is_ok()),
        ObjectKind::CaCertificate => {
            Cert::decode(bytes).is_ok_and(|cert| cert.inspect(Profile::Ca).is_ok())
        }
        ObjectKind::Aspa => signed(ContentType::Aspa).is_some(),
        _ => decode(name, bytes),
    }
}

#[test]
fn what_is_decoded_here_the_rpki_crate_decodes_too() {
    let (mut both, mut neither, mut theirs) = (0, 0, 0);
    for (name, good) in objects(&World::new()) {
        for bit in 0..good.len() * 8 {
            let mut bytes = good.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let bytes = Bytes::from(bytes);
            match (decode_all(&name, &bytes), foreign_decode(&name, &bytes)) {
                (true, true) => both += 1,
                (false, false) => neither += 1,
                (false, true) => theirs += 1,
                (true, false) => panic!("{name}: only ours takes bit {bit} (byte {})", bit / 8),
            }
        }
    }
    // Most bits are of keys and signatures; of keys, only ours looks at the identifier.
    assert!(both > 1000 && neither > 1000 && theirs < both, "{both} {neither} {theirs}");
}

#[test]
fn e26_to_e31_crls_that_break_the_profile_are_named() {
    let world = World::new();
    let mut isp = world.isp.clone();
    isp.revoked = vec![5];
    let crl = isp.crl_bytes();
    let reason = |edit: &dyn Fn(&mut Vec<u8>)| {
        let bytes = ca::resign(&crl, &isp.key, |tbs| edit(tbs)).unwrap();
        Crl::decode(&bytes).map_err(|error| error.fault).err()
    };
    use crate::object::Fault::{CrlNumber, CrlProfile};
    assert_eq!(reason(&|_| {}), None);
    let position = |tbs: &[u8], part: &[u8]| tbs.windows(part.len()).position(|w| w == part);
    // The serial number 5 becomes 0, then negative.
    for serial in [0, 0x80] {
        let edit = |tbs: &mut Vec<u8>| {
            let at = position(tbs, &[0x02, 0x01, 0x05, 0x17]).unwrap();
            tbs[at + 2] = serial;
        };
        assert_eq!(reason(&edit), Some(CrlProfile));
    }
    // The CRL number becomes negative, or another extension.
    let number = [0x55, 29, 20, 0x04, 0x03, 0x02, 0x01];
    let edit = |tbs: &mut Vec<u8>| {
        let at = position(tbs, &number).unwrap();
        tbs[at + number.len()] = 0x80;
    };
    assert_eq!(reason(&edit), Some(CrlNumber));
    let edit = |tbs: &mut Vec<u8>| {
        let at = position(tbs, &number).unwrap();
        tbs[at + 2] = 28;
    };
    assert_eq!(reason(&edit), Some(CrlProfile));
}

/// Checks the signature inside a signed object; its issuer is not at hand.
fn check_signature(object: &SignedObject) {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    object.cert.inspect(Profile::Ee).unwrap();
    assert_eq!(object.digest.as_ref(), ObjectHash::of(&object.content).0);
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, object.cert.public_key())
        .verify(&object.signed_bytes(), &object.signature)
        .unwrap();
}

#[test]
fn real_objects_are_decoded_and_their_signatures_verified() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/objects/rpkitouch");
    let read = |name: &str| std::fs::read(format!("{directory}/{name}")).map(Bytes::from);
    let Ok(cert) = read("t7xg6ZtXdcYhy-YGTMk_ONTD31E.cer") else {
        // Past the harness, which shows nothing of tests that pass.
        let _ = writeln!(std::io::stderr(), "skipped: no real objects in {directory}");
        return;
    };
    let decode = |name, wanted| SignedObject::decode(&read(name).unwrap(), wanted).unwrap();
    // Each is judged a minute before it ends.
    let at = |window: TimeWindow| window.until.minus(Duration::from_secs(60));
    let cert = Cert::decode(&cert).unwrap();
    cert.inspect(Profile::Ca).unwrap();
    assert!(cert.validity().contains(at(cert.validity())));
    let crl = Crl::decode(&read("yqgF26w2R0m5sRVZCrbvD5cM29g.crl").unwrap()).unwrap();
    let manifest = decode("yqgF26w2R0m5sRVZCrbvD5cM29g.mft", ContentType::Manifest);
    check_signature(&manifest);
    assert_eq!(manifest.cert.aki(), Some(crl.aki));
    assert!(!crl.is_revoked(&manifest.cert.serial()));
    let content = crate::object::Manifest::decode(&manifest.content).unwrap();
    assert_eq!(content.files.len(), 12);
    let now = at(TimeWindow::new(content.this_update, content.next_update));
    assert!(manifest.cert.validity().contains(now) && manifest.signing_time < now);
    assert!(content.this_update < now && crl.this_update < now && now < crl.next_update);
    let roa = decode("5EjPZ8Kw2_h5hRqKpwmjdnq7Tq8.roa", ContentType::Roa);
    check_signature(&roa);
    assert!(roa.signing_time < at(roa.cert.validity()));
    assert_eq!(crate::object::decode_roa(&roa.content).unwrap().len(), 1);
    let list = decode("9X0AhXWTJDl8lJhfOwvnac-42CA.spl", ContentType::Spl);
    check_signature(&list);
    assert!(list.signing_time < at(list.cert.validity()));
    assert!(!crate::object::SignedPrefixList::decode(&list.content).unwrap().prefixes.is_empty());
    // It is of an old draft.
    let aspa = decode("FjSf5hX1GmGhKMu9AG7WVIl8m1M.asa", ContentType::Aspa);
    check_signature(&aspa);
    let fault = crate::object::decode_aspa(&aspa.content).unwrap_err().fault;
    assert_eq!(fault, crate::object::Fault::AspaVersion);
    // A validator's own output, in an older form; no signed object at all.
    let finding = judge_alone(&read("test.ccr").unwrap(), "test.ccr").unwrap();
    assert_eq!(finding.reason, Reason::ObjectContentType);
}

#[test]
fn e30_and_f32_nothing_beyond_the_limit_is_even_looked_at() {
    use crate::object::Fault::TooLarge;
    use crate::object::limits::{MAX_CERTIFICATE_SIZE, MAX_OBJECT_SIZE};
    let object = Bytes::from(vec![0x30; MAX_OBJECT_SIZE + 1]);
    assert_eq!(Crl::decode(&object).unwrap_err().fault, TooLarge);
    let fault = SignedObject::decode(&object, ContentType::Roa).unwrap_err().fault;
    assert_eq!(fault, TooLarge);
    let certificate = object.slice(..MAX_CERTIFICATE_SIZE + 1);
    assert_eq!(Cert::decode(&certificate).unwrap_err().fault, TooLarge);
    let mut world = World::new();
    world.source.trust_anchors.insert("test".to_owned(), certificate);
    let rejected = TrustAnchorStatus::Rejected;
    assert_eq!(world.run().trust_anchor(), (rejected, vec![Reason::ObjectTooLarge]));
}
