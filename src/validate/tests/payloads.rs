//! THREATS H: ROAs, ASPAs and router certificates.

use super::*;
use crate::ca::tlv;
use crate::model::Aspa;

/// Publishes one more file of the ISP, and returns what was found about it.
fn isp_file(name: &str, make: impl FnOnce(&TestCa) -> Bytes) -> (Summary, World, Vec<Reason>) {
    let mut world = World::new();
    let bytes = make(&world.isp);
    world.isp.files.insert(name.to_owned(), bytes);
    world.isp.publish(&mut world.source);
    let run = world.run();
    let reasons = run.reasons(&world.isp);
    (run, world, reasons)
}

fn signed(isp: &TestCa, name: &str, kind: &[u8], content: Vec<u8>, held: ResourceSet) -> Bytes {
    isp.sign(name, 30, |fields| {
        ca::SignedObject::new(fields, kind, content, &Resources::Set(held)).unwrap()
    })
}

/// Writes the content of a ROA for 10.1.4.0/24 with any max length.
fn roa_with_max_length(max_length: &[u8]) -> Vec<u8> {
    let prefix = tlv(0x30, &[&tlv(0x03, &[&[0, 10, 1, 4]]), &tlv(0x02, &[max_length])]);
    let family = tlv(0x30, &[&tlv(0x04, &[&[0, 1]]), &tlv(0x30, &[&prefix])]);
    tlv(0x30, &[&tlv(0x02, &[&[1]]), &tlv(0x30, &[&family])])
}

#[test]
fn h01_a_roa_with_a_max_length_out_of_range_is_rejected() {
    for (max_length, reasons) in [
        (24, vec![]),
        (32, vec![]),
        (23, vec![Reason::RoaMaxLength]),
        (33, vec![Reason::RoaMaxLength]),
    ] {
        let (run, _, found) = isp_file("x.roa", |isp| {
            let held = resources(&["10.1.4.0/24"], &[]);
            signed(isp, "x.roa", ca::ROA, roa_with_max_length(&[max_length]), held)
        });
        assert_eq!(found, reasons, "{max_length}");
        assert_eq!(run.vrps().len(), 5 - reasons.len());
    }
}

#[test]
fn h03_h04_h13_the_certificate_of_a_roa_lists_just_its_addresses() {
    let content = || roa_with_max_length(&[24]);
    for (held, reason) in [
        (resources(&["10.1.4.0/24"], &[(64500, 64500)]), Reason::RoaAsResources),
        (resources(&["10.1.4.0/25"], &[]), Reason::RoaNotCovered),
        (resources(&["10.1.4.0/24", "10.2.0.0/32"], &[]), Reason::CertOverclaim),
    ] {
        let (_, _, found) = isp_file("x.roa", |isp| signed(isp, "x.roa", ca::ROA, content(), held));
        assert_eq!(found, [reason]);
    }
    let (_, _, found) = isp_file("x.roa", |isp| {
        isp.sign("x.roa", 30, |fields| {
            let inherit = Resources::Inherit;
            ca::SignedObject::new(fields, ca::ROA, content(), &inherit).unwrap()
        })
    });
    // `Resources::Inherit` inherits AS numbers, too.
    assert_eq!(found, [Reason::RoaAsResources]);
    let (_, _, found) = isp_file("x.roa", |isp| {
        isp.sign("x.roa", 30, |fields| {
            let held = Resources::Set(resources(&["10.1.4.0/24"], &[]));
            let mut object = ca::SignedObject::new(fields, ca::ROA, content(), &held).unwrap();
            let mut tbs = fields.certificate(&held).unwrap();
            tbs.set_v4_resources_inherit();
            object.certificate = ca::sign_certificate(&tbs, &isp.key).unwrap();
            object
        })
    });
    assert_eq!(found, [Reason::RoaInherit]);
}

#[test]
fn every_certificate_names_the_crl_of_the_manifest() {
    let other_crl = |isp: &TestCa| {
        let mut isp = isp.clone();
        isp.crl = isp.directory.join("other.crl").unwrap();
        isp
    };
    let (_, _, found) = isp_file("x.roa", |isp| {
        let held = resources(&["10.1.4.0/24"], &[]);
        signed(&other_crl(isp), "x.roa", ca::ROA, roa_with_max_length(&[24]), held)
    });
    assert_eq!(found, [Reason::CertCrlUri]);
    let (_, _, found) = isp_file("x.asa", |isp| {
        let aspa = Aspa { customer: Asn(64500), providers: vec![Asn(1)] };
        other_crl(isp).sign("x.asa", 30, |fields| fields.aspa(&aspa).unwrap())
    });
    assert_eq!(found, [Reason::CertCrlUri]);
    let (_, _, found) = isp_file("x.cer", |isp| {
        let isp = other_crl(isp);
        let fields = ca::RouterFields { serial: 30, validity: year(), asn: Asn(64500) };
        let tbs = ca::router_certificate(isp.issuer(), fields).unwrap();
        ca::sign_certificate(&tbs, &isp.key).unwrap()
    });
    assert_eq!(found, [Reason::CertCrlUri]);
}

#[test]
fn f24_an_object_under_the_wrong_extension_is_rejected() {
    let (_, _, found) = isp_file("x.asa", |isp| isp.files["a.roa"].clone());
    assert_eq!(found, [Reason::ObjectContentType]);
    let (_, _, found) = isp_file("x.roa", |isp| isp.manifest_bytes(&isp.list()));
    assert_eq!(found, [Reason::ObjectContentType]);
    let (_, _, found) = isp_file("x.cer", |isp| isp.files["a.roa"].clone());
    assert_eq!(found, [Reason::CertMalformed]);
}

#[test]
fn an_object_that_was_moved_or_replaced_is_rejected() {
    let (_, _, found) = isp_file("moved.roa", |isp| isp.files["a.roa"].clone());
    assert_eq!(found, [Reason::ObjectUri]);
}

#[test]
fn f18_and_f20_the_parts_of_the_envelope_must_fit_together() {
    let roa = |change: &dyn Fn(&mut ca::SignedObject), sign: bool| {
        let (_, _, found) = isp_file("x.roa", |isp| {
            isp.sign("x.roa", 30, |fields| {
                let prefix = RoaPrefix { prefix: "10.1.4.0/24".parse().unwrap(), max_length: None };
                let mut object = fields.roa(Asn(1), &[prefix]).unwrap();
                change(&mut object);
                if sign { object.sign(&key(30)).unwrap() } else { object }
            })
        });
        found
    };
    let attributes = |kind: &[u8], content: &[u8], time| {
        ca::signed_attributes(kind, ObjectHash::of(content), time).unwrap()
    };
    assert_eq!(roa(&|_| {}, true), []);
    assert_eq!(roa(&|object| object.signer.0[0] ^= 1, true), [Reason::ObjectSigner]);
    assert_eq!(roa(&|object| object.content.push(0), true), [Reason::ObjectDigest]);
    assert_eq!(roa(&|object| object.signature[9] ^= 1, false), [Reason::ObjectSignature]);
    let late = year().until.plus(hours(1));
    let change = |object: &mut ca::SignedObject| {
        object.attributes = attributes(ca::ROA, &object.content, late);
    };
    assert_eq!(roa(&change, true), [Reason::ObjectSigningTime]);
    let change = |object: &mut ca::SignedObject| {
        object.attributes = attributes(ca::ASPA, &object.content, NOW);
    };
    assert_eq!(roa(&change, true), [Reason::ObjectContentType]);
    // F13: anything behind the content, signed and all.
    let change = |object: &mut ca::SignedObject| {
        object.content.push(0);
        object.attributes = attributes(ca::ROA, &object.content, NOW);
    };
    assert_eq!(roa(&change, true), [Reason::ObjectMalformed]);
    // F09, F15, F16: unsorted, missing and double attributes.
    let change = |object: &mut ca::SignedObject| {
        let first = usize::from(object.attributes[1]) + 2;
        object.attributes.rotate_left(first);
    };
    assert_eq!(roa(&change, true), [Reason::ObjectMalformed]);
    assert_eq!(roa(&|object| object.attributes.clear(), true), [Reason::ObjectMalformed]);
    let change = |object: &mut ca::SignedObject| {
        object.attributes = [&object.attributes[..], &object.attributes[..]].concat();
    };
    assert_eq!(roa(&change, true), [Reason::ObjectMalformed]);
}

#[test]
fn a_revoked_roa_is_rejected() {
    let mut world = World::new();
    world.isp.revoked = vec![9, 10, 99];
    world.isp.publish(&mut world.source);
    let run = world.run();
    assert_eq!(run.reasons(&world.isp), [Reason::ObjectRevoked]);
    assert_eq!(run.vrps().len(), 2);
}

#[test]
fn h14_aspas_are_for_a_customer_that_the_ca_holds() {
    let aspa = |customer, providers: &[u32]| Aspa {
        customer: Asn(customer),
        providers: providers.iter().map(|asn| Asn(*asn)).collect(),
    };
    let good = aspa(64500, &[1, 2]);
    let (run, world, found) =
        isp_file("x.asa", |isp| isp.sign("x.asa", 30, |fields| fields.aspa(&good).unwrap()));
    assert_eq!(found, []);
    let objects = &run.point(&world.isp).objects;
    assert!(objects.iter().any(|object| object.payload == Payload::Aspa(good.clone())));

    let held = |customer| resources(&[], &[(customer, customer)]);
    for (aspa, held, reason) in [
        (aspa(64500, &[2, 1]), held(64500), Reason::AspaProviders),
        (aspa(64500, &[64500]), held(64500), Reason::AspaCustomer),
        (aspa(64500, &[1]), held(64501), Reason::AspaNotCovered),
        (aspa(64502, &[1]), held(64502), Reason::CertOverclaim),
        (
            aspa(64500, &[1]),
            resources(&["10.1.4.0/24"], &[(64500, 64500)]),
            Reason::AspaIpResources,
        ),
    ] {
        let content = ca::aspa_content(&aspa);
        let (_, _, found) = isp_file("x.asa", |isp| signed(isp, "x.asa", ca::ASPA, content, held));
        assert_eq!(found, [reason]);
    }
}

#[test]
fn h18_router_certificates_give_one_key_for_each_as() {
    let router = |asn| {
        move |isp: &TestCa| {
            let fields = ca::RouterFields { serial: 30, validity: year(), asn: Asn(asn) };
            let tbs = ca::router_certificate(isp.issuer(), fields).unwrap();
            ca::sign_certificate(&tbs, &isp.key).unwrap()
        }
    };
    let (run, world, found) = isp_file("x.cer", router(64500));
    assert_eq!(found, []);
    let point = run.point(&world.isp);
    assert_eq!(point.counts[&ObjectKind::RouterCertificate], 1);
    let keys = point.objects.iter().find_map(|object| match &object.payload {
        Payload::RouterKeys(keys) => Some(keys),
        _ => None,
    });
    let keys = keys.unwrap();
    assert_eq!((keys.len(), keys[0].asn), (1, Asn(64500)));
    assert_eq!(keys[0].spki, ca::ROUTER_SPKI);
    let (_, _, found) = isp_file("x.cer", router(64502));
    assert_eq!(found, [Reason::CertOverclaim]);
    let (_, _, found) = isp_file("x.cer", |isp| {
        let fields = ca::RouterFields { serial: 30, validity: year(), asn: Asn(64500) };
        let mut tbs = ca::router_certificate(isp.issuer(), fields).unwrap();
        tbs.set_as_resources_inherit();
        ca::sign_certificate(&tbs, &isp.key).unwrap()
    });
    assert_eq!(found, [Reason::CertProfile]);

    // F29: a point that is not on the curve, with the key identifier that belongs to it.
    let (_, _, found) = isp_file("x.cer", |isp| {
        let fields = ca::RouterFields { serial: 30, validity: year(), asn: Asn(64500) };
        let mut tbs = ca::router_certificate(isp.issuer(), fields).unwrap();
        let mut spki = ca::ROUTER_SPKI;
        spki[90] ^= 1;
        let key = rpki::crypto::PublicKey::decode(spki.as_slice()).unwrap();
        tbs.set_subject_public_key(key);
        ca::sign_certificate(&tbs, &isp.key).unwrap()
    });
    assert_eq!(found, [Reason::CertKey]);
}

#[test]
fn h18_the_as_numbers_of_a_router_certificate_are_bounded() {
    let mut world = World::new();
    let held = resources(&["10.0.0.0/8", "2001:db8::/32"], &[(1, 70_000)]);
    world.root.resources = Resources::Set(held);
    world.source.trust_anchors.insert("test".to_owned(), trust_anchor(&world.root, year()));
    for (last, reasons) in [(1_000, vec![]), (1_001, vec![Reason::RouterTooManyAsns])] {
        let root = &world.root;
        let fields = ca::RouterFields { serial: 30, validity: year(), asn: Asn(1) };
        let mut tbs = ca::router_certificate(root.issuer(), fields).unwrap();
        tbs.build_as_resource_blocks(|blocks| {
            let asn = rpki::resources::Asn::from_u32;
            blocks.push((asn(1), asn(last)));
        });
        let cert = ca::sign_certificate(&tbs, &root.key).unwrap();
        world.root.files.insert("x.cer".to_owned(), cert);
        world.root.publish(&mut world.source);
        assert_eq!(world.run().reasons(&world.root), reasons);
    }
}

#[test]
fn g23_an_end_entity_certificate_as_a_file_is_ignored_with_a_finding() {
    let (_, _, found) = isp_file("x.cer", |isp| {
        let mut cert = Bytes::new();
        isp.sign("x.roa", 30, |fields| {
            let prefix = RoaPrefix { prefix: "10.1.4.0/24".parse().unwrap(), max_length: None };
            let object = fields.roa(Asn(1), &[prefix]).unwrap();
            cert = object.certificate.clone();
            object
        });
        cert
    });
    assert_eq!(found, [Reason::CertUnknownKind]);
}
