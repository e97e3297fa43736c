//! Each kind of object, shown for people and as JSON; and what damage leaves.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::ca::{
    self, Issuer, KeyPool, ManifestFields, ObjectFields, Resources, Revoked, RoaPrefix,
    RouterFields, SigningKey, TakKey,
};
use crate::model::{AsRange, Asn, Aspa, ObjectHash, ResourceSet, TimeWindow};

/// 2026-01-01T00:00:00Z.
const NOW: Timestamp = Timestamp(1_767_225_600);

fn key(index: usize) -> Arc<SigningKey> {
    KeyPool::shared().key(index).unwrap()
}

fn year() -> TimeWindow {
    TimeWindow::new(NOW, NOW.plus(Duration::from_secs(365 * 86_400)))
}

fn uri(name: &str) -> ObjectUri {
    format!("rsync://rpki.example.net/repo/{name}").parse().unwrap()
}

fn resources() -> ResourceSet {
    let set = ResourceSet::from_prefixes(["192.0.2.0/24".parse().unwrap()]);
    ResourceSet::new(set.v4().to_vec(), [], [AsRange { min: 64496, max: 64499 }])
}

fn signed(name: &str, make: impl FnOnce(&ObjectFields<'_>) -> ca::SignedObject) -> Bytes {
    let (issuer_key, ee) = (key(10), key(11));
    let (certificate, crl) = (uri("ca.cer"), uri("ca.crl"));
    let issuer = Issuer { key: &issuer_key, certificate: &certificate, crl: &crl };
    make(&ObjectFields {
        issuer,
        key: &ee,
        serial: 258,
        validity: year(),
        signing_time: NOW,
        uri: &uri(name),
    })
    .encode()
}

fn roa() -> ca::SignedObject {
    let mut made = None;
    signed("a.roa", |fields| {
        let prefix = "192.0.2.0/24".parse().unwrap();
        let roa = fields.roa(Asn(64496), &[RoaPrefix { prefix, max_length: Some(26) }]).unwrap();
        made = Some(roa.clone());
        roa
    });
    made.unwrap()
}

fn text(bytes: &Bytes, name: &str) -> String {
    let mut out = Vec::new();
    of_bytes(bytes, name).write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn all() -> Vec<(&'static str, Bytes)> {
    let (issuer_key, subject) = (key(10), key(12));
    let (certificate, crl_uri) = (uri("ca.cer"), uri("ca.crl"));
    let issuer = Issuer { key: &issuer_key, certificate: &certificate, crl: &crl_uri };
    let fields = ca::CaFields {
        serial: 7,
        validity: year(),
        subject: subject.public_key(),
        resources: &Resources::Set(resources()),
        repository: &uri("child/"),
        manifest: &uri("child/child.mft"),
        notify: None,
    };
    let cer = ca::sign_certificate(&ca::ca_certificate(issuer, fields).unwrap(), &issuer_key);
    let fields = RouterFields { serial: 8, validity: year(), asn: Asn(64496) };
    let tbs = ca::router_certificate(issuer, fields).unwrap();
    let router = ca::sign_certificate(&tbs, &issuer_key);
    let revoked = [Revoked { serial: 9, at: NOW }];
    let crl = ca::crl(&issuer_key, 3, year(), &revoked).unwrap();
    let files = [("ca.crl".to_owned(), ObjectHash::of(&crl))];
    let tal = ca::tal("a lab", &["rsync://rpki.example.net/ta/ta.cer".to_owned()], &issuer_key);
    let uris = ["rsync://rpki.example.net/ta/ta.cer"];
    let ta_key = |key: &SigningKey| key.spki_der().to_vec();
    let (current, next) = (ta_key(&issuer_key), ta_key(&subject));
    let tak_key = |spki| TakKey { comments: &[], uris: &uris, spki };
    vec![
        ("ca.cer", cer.unwrap()),
        ("router.cer", router.unwrap()),
        ("ca.crl", crl),
        (
            "ca.mft",
            signed("ca.mft", |fields| {
                let content = ManifestFields { number: 5, updates: year(), files: &files };
                fields.manifest(content).unwrap()
            }),
        ),
        ("a.roa", roa().encode()),
        (
            "a.asa",
            signed("a.asa", |fields| {
                let aspa = Aspa { customer: Asn(64496), providers: vec![Asn(64500), Asn(64501)] };
                fields.aspa(&aspa).unwrap()
            }),
        ),
        (
            "a.gbr",
            signed("a.gbr", |fields| {
                let card = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:\u{1b}[31mNoc\r\nEMAIL:noc@example.net\r\nEND:VCARD\r\n";
                fields.ghostbusters(card).unwrap()
            }),
        ),
        (
            "a.sig",
            signed("a.sig", |fields| {
                fields.checklist(&resources(), &[(Some("a.pdf"), ObjectHash::of(b"a"))]).unwrap()
            }),
        ),
        (
            "a.tak",
            signed("a.tak", |fields| {
                fields.tak(tak_key(&current), None, Some(tak_key(&next))).unwrap()
            }),
        ),
        (
            "a.spl",
            signed("a.spl", |fields| {
                fields.prefix_list(Asn(64496), &["192.0.2.0/24".parse().unwrap()]).unwrap()
            }),
        ),
        ("ta.tal", Bytes::from(tal)),
    ]
}

#[test]
fn every_kind_of_object_is_shown_for_people() {
    let shown: Vec<_> = all().iter().map(|(name, bytes)| text(bytes, name)).collect();
    insta::assert_snapshot!(shown.join("--\n"));
}

#[test]
fn every_kind_of_object_is_shown_as_json() {
    let lines = all().into_iter().map(|(name, bytes)| {
        let value = serde_json::to_value(of_bytes(&bytes, name)).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn damage_is_shown_with_the_first_rule_that_is_broken() {
    let reason = |bytes: &Bytes, name: &str| {
        let value = serde_json::to_value(of_bytes(bytes, name)).unwrap();
        value["reason"].as_str().unwrap().to_owned()
    };
    let mut object = roa();
    object.signature[0] ^= 1;
    assert_eq!(reason(&object.encode(), "a.roa"), "object.signature");
    // The content is shown although the signature is wrong.
    assert!(text(&object.encode(), "a.roa").contains("192.0.2.0/24 maxlen: 26 AS64496"));
    let mut object = roa();
    object.content.pop();
    assert_eq!(reason(&object.encode(), "a.roa"), "object.digest-mismatch");
    assert!(text(&object.encode(), "a.roa").contains("rsync://rpki.example.net/repo/a.roa"));
    let cut = roa().encode().slice(..200);
    assert_eq!(reason(&cut, "a.roa"), "object.malformed");
    assert_eq!(reason(&Bytes::from_static(b"\x1b[2J"), "x"), "object.malformed");
    let mut object = roa();
    *object.content_type.last_mut().unwrap() = 99;
    assert_eq!(reason(&object.encode(), "a.roa"), "object.content-type");
}

#[test]
fn h19_names_and_contents_are_safe_to_print() {
    for (name, bytes) in all() {
        let shown = text(&bytes, &format!("\u{1b}{name}"));
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown}");
    }
}

#[test]
fn no_cut_and_no_flipped_bit_makes_it_panic() {
    for (name, bytes) in all() {
        for at in (0..bytes.len()).step_by(7) {
            of_bytes(&bytes.slice(..at), name);
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 0x55;
            of_bytes(&flipped.into(), name);
        }
    }
}
