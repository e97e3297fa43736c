//! The decoder of certificates, held against the one of the `rpki` crate.
//!
//! Certificates are generated, damaged in their structure, and signed again or not. What is taken
//! here, the crate takes with equal fields, and the other way round, but for the rules in two lists.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends by a panic")]

#[path = "../src/validate/tests/surgery.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod surgery;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use provost::ca::{self, Issuer, KeyPool, ObjectFields, Resources, SigningKey, tlv};
use provost::model::{
    AsRange, Asn, KeyIdentifier, ObjectUri, ResourceSet, TimeWindow, Timestamp, V4Range, V6Range,
};
use provost::object::{Cert, Claim, Fault, Profile};
use rpki::repository::resources::{AsResources, IpResources};

type Theirs = rpki::repository::Cert;

fn key(index: usize) -> Arc<SigningKey> {
    KeyPool::shared().key(index).unwrap()
}

fn uri(text: &str) -> ObjectUri {
    text.parse().unwrap()
}

/// Where Provost is stricter: what it says, and the clause. The crate is asked strictly.
const STRICTER: &[(Fault, &str, &str)] = &[
    (Fault::CertificateProfile, "no authority information access", "RFC 6487, section 4.8.7"),
    (Fault::CertificateProfile, "notBefore is after notAfter", "RFC 5280, section 4.1.2.5"),
    (Fault::CertificateProfile, "subject: not a text", "RFC 6487, section 4.5"),
    (Fault::CertificateProfile, "the issuer is not the subject", "RFC 8630, section 2.3"),
    (Fault::Syntax, "basic constraints: unexpected data at its end", "RFC 6487, section 4.8.1"),
];

/// What a certificate is generated from.
#[derive(Clone, Debug)]
struct Seed {
    profile: usize,
    serial: u64,
    from: i64,
    until: i64,
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
    asn: Vec<(u32, u32)>,
    inherits: bool,
    has_notify: bool,
    is_signed_again: bool,
    damages: usize,
    dice: Vec<u8>,
}

fn seeds() -> impl Strategy<Value = Seed> {
    let v4 = prop::collection::vec((any::<u32>(), 0u32..=0xffff), 1..4);
    let v6 = prop::collection::vec((any::<u128>(), any::<u128>()), 0..3);
    let asn = prop::collection::vec((any::<u32>(), 0u32..20), 0..3);
    // Up to the years in which UTCTime ends.
    let times = (0i64..2_600_000_000, 0i64..200_000_000);
    let flags = (prop::bool::weighted(0.2), any::<bool>(), any::<bool>());
    let damage = (0usize..=2, prop::collection::vec(any::<u8>(), 40));
    (0usize..4, 1u64.., times, (v4, v6, asn), flags, damage).prop_map(
        |(profile, serial, (from, length), (v4, v6, asn), flags, (damages, dice))| Seed {
            profile,
            serial,
            from,
            until: from + length,
            v4,
            v6,
            asn,
            inherits: flags.0,
            has_notify: flags.1,
            is_signed_again: flags.2,
            damages,
            dice,
        },
    )
}

const PROFILES: [Profile; 4] = [Profile::TrustAnchor, Profile::Ca, Profile::Ee, Profile::Router];

impl Seed {
    fn profile(&self) -> Profile {
        PROFILES[self.profile]
    }

    fn resources(&self) -> ResourceSet {
        ResourceSet::new(
            self.v4.iter().map(|&(min, more)| V4Range { min, max: min.saturating_add(more) }),
            self.v6.iter().map(|&(a, b)| V6Range { min: a.min(b), max: a.max(b) }),
            self.asn.iter().map(|&(min, more)| AsRange { min, max: min.saturating_add(more) }),
        )
    }

    /// Makes the certificate, undamaged.
    fn certificate(&self, issuer: &SigningKey) -> Bytes {
        let (ca_key, own_key) = (issuer, key(2));
        let (place, crl) = (uri("rsync://h.example/m/ca.cer"), uri("rsync://h.example/m/ca.crl"));
        let directory = uri("rsync://h.example/m/x/");
        let manifest = directory.join("x.mft").unwrap();
        let notify = "https://h.example/n.xml".parse().unwrap();
        let notify = self.has_notify.then_some(&notify);
        let validity = TimeWindow::new(Timestamp(self.from), Timestamp(self.until));
        let issuer = Issuer { key: ca_key, certificate: &place, crl: &crl };
        let held = match self.inherits {
            true => Resources::Inherit,
            false => Resources::Set(self.resources()),
        };
        let serial = self.serial;
        let tbs = match self.profile() {
            Profile::TrustAnchor => ca::trust_anchor_certificate(ca::TrustAnchorFields {
                serial,
                validity,
                key: ca_key,
                resources: &self.resources(),
                repository: &directory,
                manifest: &manifest,
                notify,
            }),
            Profile::Ca => ca::ca_certificate(
                issuer,
                ca::CaFields {
                    serial,
                    validity,
                    subject: own_key.public_key(),
                    resources: &held,
                    repository: &directory,
                    manifest: &manifest,
                    notify,
                },
            ),
            Profile::Router => {
                let asn = Asn(self.v4[0].0);
                ca::router_certificate(issuer, ca::RouterFields { serial, validity, asn })
            }
            _ => ObjectFields {
                issuer,
                key: &own_key,
                serial,
                validity,
                signing_time: validity.from,
                uri: &directory.join("a.roa").unwrap(),
            }
            .certificate(&held),
        };
        ca::sign_certificate(&tbs.unwrap(), ca_key).unwrap()
    }
}

/// Random numbers that were drawn before.
struct Dice<'a>(std::iter::Cycle<std::slice::Iter<'a, u8>>);

impl Dice<'_> {
    fn byte(&mut self) -> u8 {
        *self.0.next().unwrap()
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }
}

/// Splits a value into tag and content, if its length is written as DER has it.
fn open(value: &[u8]) -> Option<(u8, &[u8])> {
    let (tag, rest) = value.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, content) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long => {
            let (digits, content) = rest.split_at_checked(usize::from(long & 0x7f))?;
            let join = |sum: usize, digit: &u8| sum.checked_mul(256)?.checked_add((*digit).into());
            (digits.iter().try_fold(0, join)?, content)
        }
    };
    (tag & 0x1f != 0x1f && content.len() == length).then_some((*tag, content))
}

/// Splits the content of a value into values, if it consists of values.
fn parts(value: &[u8]) -> Option<(u8, Vec<Vec<u8>>)> {
    let (tag, mut rest) = open(value)?;
    // Extensions are values in an OCTET STRING.
    if tag & 0x20 == 0 && tag != 0x04 {
        return None;
    }
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let length = (2..=rest.len()).find(|length| open(&rest[..*length]).is_some())?;
        parts.push(rest[..length].to_vec());
        rest = &rest[length..];
    }
    (!parts.is_empty()).then_some((tag, parts))
}

/// Changes one thing somewhere in a value; all lengths above it fit again.
fn damage(value: &mut Vec<u8>, dice: &mut Dice<'_>) {
    if let Some((tag, mut parts)) = parts(value).filter(|_| dice.below(8) > 0) {
        let at = dice.below(parts.len());
        match dice.below(12) {
            0 => drop(parts.remove(at)),
            1 => parts.insert(at, parts[at].clone()),
            2 => {
                let other = (at + 1) % parts.len();
                parts.swap(at, other);
            }
            3 => parts.insert(at, vec![0x01, 0x01, [0, 0xff][dice.below(2)]]),
            _ => damage(&mut parts[at], dice),
        }
        *value = tlv(tag, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
        return;
    }
    let Some((tag, content)) = open(value) else { return };
    let mut content = content.to_vec();
    let mut new_tag = tag;
    match dice.below(8) {
        0 => new_tag = dice.byte(),
        1 => new_tag = [0x0c, 0x13, 0x14, 0x16, 0x17, 0x18, 0x30, 0x31][dice.below(8)],
        2 => drop(content.pop()),
        3 => content.push(dice.byte()),
        4 => content = (0..dice.below(5)).map(|_| dice.byte()).collect(),
        5 if content.len() < 0x80 => {
            // The length in more octets than it needs.
            let length = u8::try_from(content.len()).unwrap();
            *value = [&[tag, 0x81, length], content.as_slice()].concat();
            return;
        }
        _ if !content.is_empty() => {
            let at = (usize::from(dice.byte()) * 256 + usize::from(dice.byte())) % content.len();
            content[at] ^= 1 << dice.below(8);
        }
        _ => {}
    }
    *value = tlv(new_tag, &[&content]);
}

/// Asks our decoder and our profile.
fn ours(bytes: &Bytes, profile: Profile) -> Result<Cert, (Fault, String)> {
    let judged = Cert::decode(bytes).and_then(|cert| cert.inspect(profile).map(|()| cert));
    judged.map_err(|error| (error.fault, error.detail.into_owned()))
}

/// Asks the crate's, strictly.
fn theirs(bytes: &Bytes, profile: Profile) -> Result<Theirs, String> {
    let cert = Theirs::decode(bytes.clone()).map_err(|error| error.to_string())?;
    match profile {
        Profile::TrustAnchor => cert.inspect_ta(true),
        Profile::Ca => cert.inspect_ca(true),
        Profile::Router => cert.inspect_router(true),
        _ => cert.inspect_ee(true),
    }
    .map_err(|error| error.to_string())?;
    Ok(cert)
}

/// Resources in a common form: `None` if they are inherited.
type Ranges<T> = Option<Vec<(T, T)>>;

fn addresses(resources: &IpResources, shift: u32) -> Ranges<u128> {
    let blocks = resources.to_blocks().ok()?;
    let number = |address: rpki::repository::resources::Addr| address.to_bits() >> shift;
    Some(blocks.iter().map(|block| (number(block.min()), number(block.max()))).collect())
}

fn numbers(resources: &AsResources) -> Ranges<u32> {
    let blocks = resources.to_blocks().ok()?;
    Some(blocks.iter().map(|b| (b.min().into_u32(), b.max().into_u32())).collect())
}

fn claimed<R, T>(claim: &Claim<R>, ends: impl Fn(&R) -> (T, T)) -> Ranges<T> {
    match claim {
        Claim::Inherit => None,
        Claim::Missing => Some(Vec::new()),
        Claim::Ranges(ranges) => Some(ranges.iter().map(ends).collect()),
    }
}

/// Returns what the two decoders have read otherwise.
fn difference(ours: &Cert, theirs: &Theirs) -> Option<&'static str> {
    // A scheme is written in lower case here.
    let same_uri = |ours: Option<String>, theirs: Option<&rpki::uri::Rsync>| {
        let theirs = theirs.and_then(|uri| uri.as_str().parse::<ObjectUri>().ok());
        ours == theirs.map(|uri| uri.to_string())
    };
    let text = |uri: Option<&str>| uri.map(str::to_owned);
    let validity = (ours.validity().from.0, ours.validity().until.0);
    let their_validity = theirs.validity();
    let directory = theirs.ca_repository().and_then(|uri| uri.as_str().parse::<ObjectUri>().ok());
    let notify = theirs.rpki_notify().map(|uri| uri.as_str().to_lowercase());
    let resources = ours.resources();
    let fields = [
        ("serial number", ours.serial() == theirs.serial_number().into_array()),
        ("notBefore", validity.0 == their_validity.not_before().timestamp()),
        ("notAfter", validity.1 == their_validity.not_after().timestamp()),
        // The crate writes the algorithm again, so that only the key itself can be compared.
        ("key", ours.public_key() == theirs.subject_public_key_info().bits()),
        ("SKI", ours.ski() == KeyIdentifier(theirs.subject_key_identifier().into())),
        ("AKI", ours.aki() == theirs.authority_key_identifier().map(|id| KeyIdentifier(id.into()))),
        ("CA flag", ours.is_ca() == theirs.is_ca()),
        ("key usage", ours.has_extended_key_usage() == theirs.extended_key_usage().is_some()),
        (
            "policy",
            ours.is_trimmed() == (theirs.overclaim() == rpki::repository::cert::Overclaim::Trim),
        ),
        ("CRL", same_uri(text(ours.crl_uri()), theirs.crl_uri())),
        ("AIA", same_uri(ours.issuer_uri().map(ToString::to_string), theirs.ca_issuer())),
        ("signedObject", same_uri(text(ours.signed_object_uri()), theirs.signed_object())),
        ("rpkiManifest", same_uri(ours.manifest().map(|u| u.to_string()), theirs.rpki_manifest())),
        ("caRepository", ours.ca_repository() == directory.map(|uri| uri.to_directory())),
        (
            "rpkiNotify",
            ours.notify().is_err()
                || ours.notify().ok().flatten().map(|uri| uri.as_str().to_lowercase()) == notify,
        ),
        (
            "IPv4",
            claimed(&resources.v4, |r| (r.min.into(), r.max.into()))
                == addresses(theirs.v4_resources(), 96),
        ),
        ("IPv6", claimed(&resources.v6, |r| (r.min, r.max)) == addresses(theirs.v6_resources(), 0)),
        ("AS", claimed(&resources.asn, |r| (r.min, r.max)) == numbers(theirs.as_resources())),
    ];
    fields.into_iter().find(|(_, is_same)| !is_same).map(|(name, _)| name)
}

fn is_signed_by(cert: &Cert, issuer: &SigningKey) -> bool {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, issuer.public_key().bits())
        .verify(cert.tbs(), cert.signature())
        .is_ok()
}

/// Returns the rule by which Provost is laxer, if that is why it takes a certificate.
fn laxer(cert: &Cert, bytes: &Bytes) -> Option<&'static str> {
    if cert.manifest().map(|uri| uri.directory()) != cert.ca_repository() && cert.is_ca() {
        return Some("RFC 6487, section 4.8.8.1: rejected as cert.location, by a later rule");
    }
    let decoded = Theirs::decode(bytes.clone()).ok();
    if let Some(theirs) = decoded {
        let bad = |name: &rpki::repository::x509::Name| name.inspect_rpki(true).is_err();
        return (bad(theirs.issuer()) || bad(theirs.subject()))
            .then_some("RFC 6487, section 4.5: a name decides nothing, and is worth a warning");
    }
    let tbs = cert.tbs();
    let accesses = |extension| {
        let has = tbs.windows(8).any(|w| w == surgery::extension_id(extension));
        if has { surgery::children(&surgery::content(tbs, extension)) } else { Vec::new() }
    };
    let is_uri = |access: &Vec<u8>| surgery::children(access)[1][0] == 0x86;
    (accesses(surgery::AIA).len() > 1 || !accesses(surgery::SIA).iter().all(is_uri))
        .then_some("RFC 6487, sections 4.8.7 and 4.8.8: other access descriptions may be there")
}

#[test]
fn certificates_are_decoded_as_the_rpki_crate_does() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let issuer = key(1);
    let mut unexplained: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let (mut both, mut neither, mut stricter, mut lax) = (0, 0, 0, 0);
    for _ in 0..6000 {
        let seed = seeds().new_tree(&mut runner).unwrap().current();
        let mut dice = Dice(seed.dice.iter().cycle());
        let mut bytes = seed.certificate(&issuer);
        for _ in 0..seed.damages {
            bytes = match seed.is_signed_again {
                true => ca::resign(&bytes, &issuer, |tbs| damage(tbs, &mut dice)).unwrap_or(bytes),
                false => {
                    let mut whole = bytes.to_vec();
                    damage(&mut whole, &mut dice);
                    whole.into()
                }
            };
        }
        let profile = seed.profile();
        let mut explain = |text: String| {
            let entry = unexplained.entry(text).or_insert_with(|| (0, format!("{seed:?}")));
            entry.0 += 1;
        };
        match (ours(&bytes, profile), theirs(&bytes, profile)) {
            (Ok(ours), Ok(theirs)) => {
                if let Some(name) = difference(&ours, &theirs) {
                    explain(format!("other: {name}"));
                }
                let is_signed = is_signed_by(&ours, &issuer);
                assert!(is_signed || !seed.is_signed_again && seed.damages > 0, "{seed:?}");
                both += 1;
            }
            (Err(_), Err(_)) => neither += 1,
            (Err((fault, detail)), Ok(_)) => {
                let is_listed =
                    STRICTER.iter().any(|(f, words, _)| *f == fault && detail.contains(words));
                match is_listed {
                    true => stricter += 1,
                    false => explain(format!("stricter: {fault:?}: {detail}")),
                }
            }
            (Ok(ours), Err(error)) => match laxer(&ours, &bytes) {
                Some(_) => lax += 1,
                None => explain(format!("laxer: {error}")),
            },
        }
    }
    let list: Vec<_> = unexplained
        .iter()
        .map(|(text, (count, seed))| format!("{count:5} {text}\n      {seed}"))
        .collect();
    assert!(list.is_empty(), "not explained:\n{}", list.join("\n"));
    let counts = format!("{both} both, {neither} neither, {stricter} stricter, {lax} laxer");
    assert!(both > 500 && neither > 500 && stricter > 5 && lax > 0, "{counts}");
}
