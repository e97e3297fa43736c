//! Each kind of object, shown for people and as JSON; and what damage leaves.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::ca::{
    self, Issuer, KeyPool, ManifestFields, ObjectFields, Resources, Revoked, RoaPrefix,
    RouterFields, SigningKey, TakKey,
};
use crate::model::{AsRange, Asn, Aspa, KeyIdentifier, ObjectHash, ResourceSet, TimeWindow};

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

/// Writes a CCR with each state; its VRPs are 10.0.0.0/24 to 10.0.(`count` - 1).0/24.
fn a_ccr(count: u8) -> Bytes {
    let prefixes: Vec<_> = (0..count)
        .map(|octet| RoaPrefix {
            prefix: format!("10.0.{octet}.0/24").parse().unwrap(),
            max_length: None,
        })
        .collect();
    let ski = |octet| KeyIdentifier([octet; 20]);
    let manifest = ca::ccr_manifest(&ca::CcrManifestFields {
        hash: ObjectHash::of(b"manifest"),
        size: 2_000,
        aki: ski(1),
        number: 258,
        this_update: NOW,
        uri: "rsync://rpki.example.net/repo/\u{1b}a.mft",
        subordinates: &[ski(2)],
    });
    let aspa = Aspa { customer: Asn(64496), providers: vec![Asn(64500), Asn(64501)] };
    let keys = ca::ccr_router_keys(Asn(64496), &[(ski(3), &ca::ROUTER_SPKI)]);
    let states = [
        ca::ccr_state(1, &[manifest], &ca::ccr_time(NOW)),
        ca::ccr_state(2, &[ca::roa_content(Asn(64496), &prefixes)], &[]),
        ca::ccr_state(3, &[ca::ccr_aspa(&aspa)], &[]),
        ca::ccr_state(4, &[ca::ccr_key_identifier(ski(1))], &[]),
        ca::ccr_state(5, &[keys], &[]),
    ];
    ca::ccr(NOW, &states).into()
}

#[test]
fn a_ccr_is_shown_with_counts_hashes_and_bounded_lists() {
    let shown = text(&a_ccr(200), "x.ccr");
    for wanted in [
        "Type:                     ccr\n",
        "Produced at:              2026-01-01T00:00:00Z\n",
        "Manifests:                1; newest 2026-01-01T00:00:00Z; hash verified: ",
        "    1: rsync://rpki.example.net/repo/?a.mft number 0102 of 2026-01-01T00:00:00Z (2000 bytes, ",
        "VRPs:                     200 (the first 100 are listed); hash verified: ",
        "  100: 10.0.99.0/24 maxlen: 24 AS64496\n",
        "    1: AS64496 providers: AS64500 AS64501\n",
        "Trust anchor keys:        1; hash verified: ",
        "    1: 0101010101010101010101010101010101010101\n",
        "    1: AS64496 SKI 0303030303030303030303030303030303030303 key ",
        "Validation:               N/A\n",
        "it is not signed",
    ] {
        assert!(shown.contains(wanted), "no {wanted:?} in {shown}");
    }
    assert!(!shown.contains("10.0.100.0/24"), "{shown}");
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown}");
    let value = serde_json::to_value(of_bytes(&a_ccr(200), "x.ccr")).unwrap();
    assert_eq!(value["produced_at"], 1_767_225_600);
    let vrps = &value["roapayload_state"];
    assert_eq!((vrps["count"].as_u64(), vrps["vrps"].as_array().unwrap().len()), (Some(200), 100));
    let wanted = serde_json::json!({"prefix": "10.0.1.0/24", "asn": 64496, "maxlen": 24});
    assert_eq!(vrps["vrps"][1], wanted);
    assert_eq!(value["manifest_state"]["refs"][0]["seqnum"], "0102");
    assert_eq!(value["manifest_state"]["most_recent_update"], 1_767_225_600);
    assert_eq!(value["aspapayload_state"]["vaps"][0]["providers"][1], 64501);
    assert_eq!(value["trustanchor_state"]["skis"][0], "01".repeat(20));
    assert_eq!(value["routerkey_state"]["routerkeys"][0]["asn"], 64496);
}

#[test]
fn a_ccr_that_is_refused_names_the_rule() {
    let good = a_ccr(2);
    let mut bad = good.to_vec();
    // The last octet is that of the last hash.
    *bad.last_mut().unwrap() ^= 1;
    let shown = text(&bad.into(), "x.ccr");
    assert!(shown.contains("Validation:               Failed\n"), "{shown}");
    let wanted =
        "First rule broken:        The hash of a state is the SHA-256 of the DER of its entries.\n";
    assert!(shown.contains(wanted), "{shown}");
    let shown = text(&good.slice(..good.len() - 1), "x.ccr");
    assert!(
        shown.contains("Error:                    CCR: missing, cut off or not DER\n"),
        "{shown}"
    );
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
