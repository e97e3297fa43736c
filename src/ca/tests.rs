//! What the signing side makes, judged by the `rpki` crate.

use std::sync::Arc;

use bytes::Bytes;
use rpki::repository::cert::{Cert, ResourceCert};
use rpki::repository::sigobj::SignedObject as ForeignObject;
use rpki::repository::tal::TalInfo;
use rpki::repository::x509::Time;
use rpki::repository::{Crl, Manifest, Roa};
use rpki::rtr::payload::RouteOrigin;

use super::*;
use crate::model::{
    AsRange, Asn, Aspa, ObjectHash, ObjectUri, Prefix, ResourceSet, TimeWindow, Timestamp, V4Range,
};

const NOW: Timestamp = Timestamp(1_795_502_270);

fn rpki_now() -> Time {
    certificate::time(NOW).unwrap()
}

fn uri(text: &str) -> ObjectUri {
    text.parse().unwrap()
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn key(index: usize) -> Arc<SigningKey> {
    KeyPool::shared().key(index).unwrap()
}

fn window() -> TimeWindow {
    TimeWindow::new(Timestamp(NOW.0 - 3600), Timestamp(NOW.0 + 86400))
}

/// A trust anchor with key 0 and a CA below it with key 1.
struct Chain {
    ta_key: Arc<SigningKey>,
    ca_key: Arc<SigningKey>,
    ta: Bytes,
    ca: Bytes,
    ca_uri: ObjectUri,
    crl_uri: ObjectUri,
}

impl Chain {
    fn new() -> Self {
        let (ta_key, ca_key) = (key(0), key(1));
        let asns = AsRange { min: 64496, max: 64511 };
        let v6 = ResourceSet::from_prefixes([prefix("2001:db8::/32")]).v6().to_vec();
        // A range that is no prefix, and one that is.
        let odd = V4Range { min: 0xc000_0200, max: 0xc000_0302 };
        let whole = V4Range { min: 0xc633_6400, max: 0xc633_64ff };
        let resources = ResourceSet::new([odd, whole], v6, [asns]);
        let ta_uri = uri("rsync://h.example/m/ta.cer");
        let ta_crl = uri("rsync://h.example/m/ta/ta.crl");
        let ta = trust_anchor_certificate(TrustAnchorFields {
            serial: 1,
            validity: window(),
            key: &ta_key,
            resources: &resources,
            repository: &uri("rsync://h.example/m/ta/"),
            manifest: &uri("rsync://h.example/m/ta/ta.mft"),
            notify: Some(&"https://h.example/n.xml".parse().unwrap()),
        })
        .unwrap();
        let ta = sign_certificate(&ta, &ta_key).unwrap();
        let issuer = Issuer { key: &ta_key, certificate: &ta_uri, crl: &ta_crl };
        let ca = ca_certificate(
            issuer,
            CaFields {
                serial: 5,
                validity: window(),
                subject: ca_key.public_key(),
                resources: &Resources::Set(resources),
                repository: &uri("rsync://h.example/m/ca/"),
                manifest: &uri("rsync://h.example/m/ca/ca.mft"),
                notify: None,
            },
        )
        .unwrap();
        let ca = sign_certificate(&ca, &ta_key).unwrap();
        let ca_uri = uri("rsync://h.example/m/ta/ca.cer");
        let crl_uri = uri("rsync://h.example/m/ca/ca.crl");
        Chain { ta_key, ca_key, ta, ca, ca_uri, crl_uri }
    }

    fn issuer(&self) -> Issuer<'_> {
        Issuer { key: &self.ca_key, certificate: &self.ca_uri, crl: &self.crl_uri }
    }

    fn fields<'a>(&'a self, ee: &'a SigningKey, uri: &'a ObjectUri) -> ObjectFields<'a> {
        ObjectFields {
            issuer: self.issuer(),
            key: ee,
            serial: 17,
            validity: window(),
            signing_time: NOW,
            uri,
        }
    }

    /// Validates both certificates.
    fn validate(&self) -> ResourceCert {
        let info = TalInfo::from_name("test".into()).into_arc();
        let ta = Cert::decode(self.ta.clone()).unwrap();
        let ta = ta.validate_ta_at(info, true, rpki_now()).unwrap();
        Cert::decode(self.ca.clone()).unwrap().validate_ca_at(&ta, true, rpki_now()).unwrap()
    }
}

/// Judges a signed object; `rpki` asks the clock only for the ROA's own `process`.
fn validates(object: &Bytes, issuer: &ResourceCert) -> bool {
    ForeignObject::decode(object.clone(), true)
        .is_ok_and(|object| object.validate_at(issuer, true, rpki_now()).is_ok())
}

#[test]
fn certificates_carry_their_resources_through_strict_validation() {
    let ca = Chain::new().validate();
    assert_eq!(ca.v4_resources().as_v4().to_string(), "192.0.2.0-192.0.3.2, 198.51.100.0/24");
    assert_eq!(ca.v6_resources().as_v6().to_string(), "2001:db8::/32");
    assert_eq!(ca.as_resources().to_string(), "AS64496-AS64511");
}

#[test]
fn a_roa_validates_and_says_what_was_asked() {
    let chain = Chain::new();
    let (ee, at) = (key(2), uri("rsync://h.example/m/ca/r.roa"));
    let prefixes = [
        RoaPrefix { prefix: prefix("2001:db8::/32"), max_length: Some(48) },
        RoaPrefix { prefix: prefix("198.51.100.0/24"), max_length: None },
        RoaPrefix { prefix: prefix("192.0.2.0/24"), max_length: Some(26) },
    ];
    let roa = chain.fields(&ee, &at).roa(Asn(64496), &prefixes).unwrap().encode();
    assert!(validates(&roa, &chain.validate()));
    let read = Roa::decode(roa, true).unwrap();
    let text = |origin: RouteOrigin| format!("{} {}", origin.prefix, origin.asn);
    let origins: Vec<_> = read.content().iter_origins().map(text).collect();
    assert_eq!(
        origins,
        ["192.0.2.0/24-26 AS64496", "198.51.100.0/24 AS64496", "2001:db8::/32-48 AS64496"]
    );
}

#[test]
fn manifest_aspa_and_ghostbusters_validate() {
    let chain = Chain::new();
    let issuer = chain.validate();
    let (ee, at) = (key(3), uri("rsync://h.example/m/ca/x.obj"));
    let files = [("a.roa".to_owned(), ObjectHash::of(b"a"))];
    let fields = chain.fields(&ee, &at);
    let manifest = ManifestFields { number: 300, updates: window(), files: &files };
    let manifest = fields.manifest(manifest).unwrap().encode();
    let read = Manifest::decode(manifest, true).unwrap();
    let (_, read) = read.validate_at(&issuer, true, rpki_now()).unwrap();
    assert_eq!((read.len(), read.manifest_number().to_string()), (1, "300".to_owned()));
    let aspa = Aspa { customer: Asn(64496), providers: vec![Asn(64497), Asn(65551)] };
    let aspa = fields.aspa(&aspa).unwrap().encode();
    assert!(validates(&aspa, &issuer));
    let read = rpki::repository::Aspa::decode(aspa, true).unwrap();
    assert_eq!(read.content().provider_as_set().len(), 2);
    let record = fields.ghostbusters("BEGIN:VCARD\r\nEND:VCARD\r\n").unwrap().encode();
    assert!(validates(&record, &issuer));
}

#[test]
fn a_router_certificate_validates() {
    let chain = Chain::new();
    let fields = RouterFields { serial: 20, validity: window(), asn: Asn(64497) };
    let tbs = router_certificate(chain.issuer(), fields).unwrap();
    let router = Cert::decode(sign_certificate(&tbs, &chain.ca_key).unwrap()).unwrap();
    router.validate_router_at(&chain.validate(), true, rpki_now()).unwrap();
    assert_eq!(router.subject_public_key_info().to_info_bytes().as_ref(), ROUTER_SPKI);
}

#[test]
fn a_crl_verifies_and_lists_what_was_revoked() {
    let chain = Chain::new();
    let revoked = [Revoked { serial: 17, at: NOW }];
    let crl = Crl::decode(crl(&chain.ca_key, 5, window(), &revoked).unwrap()).unwrap();
    crl.verify_signature(chain.ca_key.public_key()).unwrap();
    assert!(crl.contains(17u64.into()) && !crl.contains(18u64.into()));
    let empty = Crl::decode(super::crl(&chain.ca_key, 6, window(), &[]).unwrap()).unwrap();
    assert_eq!(empty.revoked_certs().iter().count(), 0);
}

#[test]
fn the_same_arguments_give_the_same_bytes() {
    let made = || {
        let chain = Chain::new();
        let (ee, at) = (key(2), uri("rsync://h.example/m/ca/r.roa"));
        let prefixes = [RoaPrefix { prefix: prefix("192.0.2.0/24"), max_length: None }];
        let roa = chain.fields(&ee, &at).roa(Asn(64496), &prefixes).unwrap().encode();
        let crl = crl(&chain.ta_key, 1, window(), &[]).unwrap();
        [chain.ta, chain.ca, roa, crl]
    };
    assert_eq!(made(), made());
}

#[test]
fn a_changed_part_breaks_the_object_until_it_is_signed_again() {
    let chain = Chain::new();
    let issuer = chain.validate();
    let (ee, at) = (key(2), uri("rsync://h.example/m/ca/r.roa"));
    let prefixes = [RoaPrefix { prefix: prefix("192.0.2.0/24"), max_length: None }];
    let mut object = chain.fields(&ee, &at).roa(Asn(64496), &prefixes).unwrap();
    object.content = roa_content(Asn(64497), &prefixes);
    assert!(!validates(&object.encode(), &issuer), "digest of other content");
    let digest = ObjectHash::of(&object.content);
    object.attributes = signed_attributes(ROA, digest, NOW).unwrap();
    assert!(!validates(&object.encode(), &issuer), "signature over other attributes");
    let object = object.sign(&ee).unwrap();
    assert!(validates(&object.encode(), &issuer));
}

#[test]
fn a_certificate_edited_and_signed_again_still_verifies() {
    let chain = Chain::new();
    assert_eq!(resign(&chain.ca, &chain.ta_key, |_| ()).unwrap(), chain.ca);
    let edited = resign(&chain.ca, &chain.ta_key, |tbs| {
        let serial = tbs.windows(3).position(|bytes| bytes == [2, 1, 5]).unwrap();
        tbs[serial + 2] = 99;
    })
    .unwrap();
    let (old, new) = (Cert::decode(chain.ca.clone()).unwrap(), Cert::decode(edited).unwrap());
    assert_eq!((old.serial_number(), new.serial_number()), (5u64.into(), 99u64.into()));
    let ta = Cert::decode(chain.ta.clone()).unwrap();
    new.verify_signature(&ta, true).unwrap();
    assert_eq!(resign(b"\x30\x03abc", &chain.ta_key, |_| ()), Err(CaError::Der));
}

#[test]
fn times_that_x509_cannot_write_are_refused() {
    for time in [Timestamp(-1), Timestamp::MAX] {
        let result = crl(&key(0), 1, TimeWindow::new(time, time), &[]);
        assert_eq!(result, Err(CaError::Time));
    }
}
