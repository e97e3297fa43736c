//! A repository of many cases: one trust anchor, and for each case a CA with one thing changed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use provost::ca::{
    self, CaFields, Issuer, KeyPool, ManifestFields, ObjectFields, Resources, Revoked, RoaPrefix,
    RouterFields, SignedObject, SigningKey,
};
use provost::model::{
    AsRange, Asn, Aspa, ObjectHash, ObjectUri, Prefix, ResourceSet, TimeWindow, Timestamp, Vrp,
};
use provost::object::{Tal, TalUri};

use crate::change::{Change, Part};
use crate::dice::Dice;

/// The host of the one publication server.
pub(crate) const HOST: &str = "rpki.example.net";
/// The first AS number; each case has a hundred.
const FIRST_AS: u32 = 4_200_000_000;

/// Where a case stands in its repository, and what it has there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    /// From 1; its resources are `10.NUMBER.0.0/16`, `2001:db8:NUMBER::/48` and a hundred ASes.
    pub(crate) number: u8,
    pub(crate) now: Timestamp,
}

impl Seat {
    pub(crate) fn name(self) -> String {
        format!("c{}", self.number)
    }

    pub(crate) fn asn(self, offset: u32) -> u32 {
        FIRST_AS + u32::from(self.number) * 100 + offset
    }

    pub(crate) fn resources(self) -> ResourceSet {
        let prefixes = [self.v4(0, 16), self.v6(0, 48)];
        let set = ResourceSet::from_prefixes(prefixes);
        let asns = AsRange { min: self.asn(0), max: self.asn(99) };
        ResourceSet::new(set.v4().iter().copied(), set.v6().iter().copied(), [asns])
    }

    /// Returns `10.NUMBER.THIRD.0/LEN`.
    pub(crate) fn v4(self, third: u8, len: u8) -> Prefix {
        let address = Ipv4Addr::new(10, self.number, third, 0);
        Prefix::new(address.into(), len).unwrap()
    }

    fn v6(self, fourth: u16, len: u8) -> Prefix {
        let address = Ipv6Addr::new(0x2001, 0xdb8, self.number.into(), fourth, 0, 0, 0, 0);
        Prefix::new(address.into(), len).unwrap()
    }
}

pub(crate) fn directory(name: &str) -> ObjectUri {
    format!("rsync://{HOST}/repo/{name}/").parse().unwrap()
}

fn days(days: u32) -> Duration {
    Duration::from_secs(86_400) * days
}

/// From a day ago until so many days from now.
fn window(now: Timestamp, until: u32) -> TimeWindow {
    TimeWindow::new(now.minus(days(1)), now.plus(days(until)))
}

/// Hands out each key of the pool once.
struct Keys(usize);

impl Keys {
    fn take(&mut self) -> Arc<SigningKey> {
        self.0 += 1;
        KeyPool::shared().key(self.0 - 1).unwrap()
    }
}

/// A CA with what it publishes.
struct Ca {
    key: Arc<SigningKey>,
    certificate: ObjectUri,
    directory: ObjectUri,
    manifest: ObjectUri,
    crl: ObjectUri,
    resources: Resources,
    serial: u64,
    files: BTreeMap<String, Bytes>,
    revoked: Vec<Revoked>,
}

impl Ca {
    fn new(name: &str, key: Arc<SigningKey>, certificate: ObjectUri, resources: Resources) -> Ca {
        let directory = directory(name);
        Ca {
            key,
            certificate,
            manifest: directory.join("ca.mft").unwrap(),
            crl: directory.join("ca.crl").unwrap(),
            directory,
            resources,
            serial: 1,
            files: BTreeMap::new(),
            revoked: Vec::new(),
        }
    }

    fn issuer(&self) -> Issuer<'_> {
        Issuer { key: &self.key, certificate: &self.certificate, crl: &self.crl }
    }
}

/// What the cases of one repository publish, and what is under way for one of them.
pub(crate) struct Repository {
    now: Timestamp,
    keys: Keys,
    root: Ca,
    /// Everything that is published, by URI.
    pub(crate) files: BTreeMap<ObjectUri, Bytes>,
    /// The certificate of the trust anchor.
    pub(crate) anchor: Bytes,
    /// The VRPs that there would be without the changes.
    pub(crate) undamaged: BTreeSet<Vrp>,
}

impl Repository {
    pub(crate) fn new(now: Timestamp) -> Repository {
        let mut keys = Keys(0);
        let everything = ResourceSet::from_prefixes([
            "10.0.0.0/8".parse().unwrap(),
            "2001:db8::/32".parse().unwrap(),
        ]);
        let asns = AsRange { min: FIRST_AS, max: FIRST_AS + 99_999 };
        let everything = ResourceSet::new(
            everything.v4().iter().copied(),
            everything.v6().iter().copied(),
            [asns],
        );
        let certificate = format!("rsync://{HOST}/ta/ta.cer").parse().unwrap();
        let root = Ca::new("root", keys.take(), certificate, Resources::Set(everything.clone()));
        let fields = ca::TrustAnchorFields {
            serial: 1,
            validity: window(now, 1000),
            key: &root.key,
            resources: &everything,
            repository: &root.directory,
            manifest: &root.manifest,
            notify: None,
        };
        let tbs = ca::trust_anchor_certificate(fields).unwrap();
        let anchor = ca::sign_certificate(&tbs, &root.key).unwrap();
        let (files, undamaged) = (BTreeMap::new(), BTreeSet::new());
        Repository { now, keys, root, files, anchor, undamaged }
    }

    /// Returns the trust anchor locator, as text.
    pub(crate) fn tal_text(&self) -> String {
        ca::tal(
            "Made for a test; its key is public.",
            &[self.root.certificate.as_str()],
            &self.root.key,
        )
    }

    /// Returns the trust anchor locator.
    pub(crate) fn tal(&self) -> Tal {
        let uris = vec![TalUri::Rsync(self.root.certificate.clone())];
        Tal { name: "ta".to_owned(), uris, spki: self.root.key.spki_der().to_vec() }
    }

    /// Publishes what the trust anchor has issued; the last thing to be done.
    pub(crate) fn finish(mut self) -> Repository {
        let mut root = std::mem::replace(
            &mut self.root,
            Ca::new(
                "none",
                KeyPool::shared().key(0).unwrap(),
                directory("none"),
                Resources::Inherit,
            ),
        );
        self.publish(&mut root, &Change::None);
        self.root = root;
        self
    }

    /// Publishes a case: a CA with a few ROAs and more, in which `change` is made.
    pub(crate) fn add(&mut self, seat: Seat, change: &Change, dice: &mut Dice) {
        let held = Resources::Set(seat.resources());
        let certificate = self.root.directory.join(&format!("{}.cer", seat.name())).unwrap();
        let mut case = Ca::new(&seat.name(), self.keys.take(), certificate, held);
        self.certify_in_root(&case, &seat.name(), change);

        self.roas(&mut case, seat, change, dice);
        let aspa = Aspa { customer: Asn(seat.asn(1)), providers: vec![Asn(64_500), Asn(64_501)] };
        let asns = AsRange { min: seat.asn(1), max: seat.asn(1) };
        let held = ResourceSet::new([], [], [asns]);
        self.object(
            &mut case,
            "a.asa",
            ca::ASPA,
            ca::aspa_content(&aspa),
            held,
            (Part::Aspa, change),
        );
        if dice.below(2) == 0 || change.part() == Some(Part::Ghostbusters) {
            let card = b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Nobody\r\nEND:VCARD\r\n".to_vec();
            self.inheriting(
                &mut case,
                "a.gbr",
                ca::GHOSTBUSTERS,
                card,
                (Part::Ghostbusters, change),
            );
        }
        if change.part() == Some(Part::Router) {
            self.router(&mut case, seat, change);
        }
        for number in 0..change.children() {
            let name = format!("{}s{number}", seat.name());
            self.child(&mut case, &name, number, seat, change);
        }
        self.chain(&mut case, seat, change);
        if let Change::Listed(edit) = change {
            let key = case.key.clone();
            edit(&mut case.files, &key);
        }
        self.publish(&mut case, change);
    }

    /// Issues the certificate of a case below the trust anchor.
    fn certify_in_root(&mut self, case: &Ca, name: &str, change: &Change) {
        let serial = self.root.serial;
        self.root.serial += 1;
        let bytes = certify(&self.root, case, serial, self.now);
        let bytes = change.certificate(Part::Ca, bytes, &self.root.key);
        self.root.files.insert(format!("{name}.cer"), bytes);
    }

    /// Issues three ROAs, the first of which is the one that is changed.
    fn roas(&mut self, case: &mut Ca, seat: Seat, change: &Change, dice: &mut Dice) {
        let len = 18 + dice.below(5) as u8;
        let entry = |prefix: Prefix, max: Option<u8>| RoaPrefix { prefix, max_length: max };
        let max = (dice.below(2) == 0).then(|| len + dice.below(3) as u8);
        let mut first = vec![entry(seat.v4(0, len), max)];
        if dice.below(2) == 0 {
            first.push(entry(seat.v6(0, 56), Some(64)));
        }
        let second = vec![entry(seat.v4(128, 17), Some(20 + dice.below(4) as u8))];
        let third = vec![entry(seat.v6(0x8000, 49), None)];
        for (name, asn, prefixes) in
            [("a.roa", 10, first), ("b.roa", 11, second), ("c.roa", 12, third)]
        {
            let part = if name == "a.roa" { Part::Roa } else { Part::OtherRoa };
            self.roa(case, name, seat.asn(asn), &prefixes, (part, change));
        }
        if let Change::Origins(count) = change {
            for number in 0..*count {
                let prefix = vec![entry(seat.v4(192, 20), None)];
                let name = format!("o{number}.roa");
                self.roa(case, &name, 64_000 + number, &prefix, (Part::None, change));
            }
        }
    }

    fn roa(
        &mut self,
        case: &mut Ca,
        name: &str,
        asn: u32,
        prefixes: &[RoaPrefix],
        at: (Part, &Change),
    ) {
        let set = ResourceSet::from_prefixes(prefixes.iter().map(|entry| entry.prefix));
        self.undamaged.extend(prefixes.iter().map(|entry| Vrp {
            prefix: entry.prefix,
            max_length: entry.max_length.unwrap_or(entry.prefix.len()),
            asn: Asn(asn),
        }));
        self.object(case, name, ca::ROA, ca::roa_content(Asn(asn), prefixes), set, at);
    }

    fn object(
        &mut self,
        case: &mut Ca,
        name: &str,
        kind: &[u8],
        content: Vec<u8>,
        held: ResourceSet,
        at: (Part, &Change),
    ) {
        self.sign(case, name, kind, content, &Resources::Set(held), at);
    }

    fn inheriting(
        &mut self,
        case: &mut Ca,
        name: &str,
        kind: &[u8],
        content: Vec<u8>,
        at: (Part, &Change),
    ) {
        self.sign(case, name, kind, content, &Resources::Inherit, at);
    }

    /// Signs an object with the next serial number and a key of its own, changed where it must be.
    fn sign(
        &mut self,
        case: &mut Ca,
        name: &str,
        kind: &[u8],
        mut content: Vec<u8>,
        held: &Resources,
        (part, change): (Part, &Change),
    ) {
        case.serial += 1;
        let serial = case.serial;
        let key = self.keys.take();
        let uri = case.directory.join(name).unwrap();
        change.content(part, &mut content);
        // Mostly as long as the manifest says (RFC 9286, section 5.1); row E18 has others.
        let until = if kind == ca::MANIFEST { 3 } else { 300 };
        let fields = ObjectFields {
            issuer: case.issuer(),
            key: &key,
            serial,
            validity: window(self.now, until),
            signing_time: self.now.minus(days(1)),
            uri: &uri,
        };
        let held = change.held(part).unwrap_or(held);
        let mut object = SignedObject::new(&fields, kind, content, held).unwrap();
        object.certificate = change.certificate(part, object.certificate, &case.key);
        let bytes = change.object(part, object, &key);
        if change.is_revoked(part) {
            case.revoked.push(Revoked { serial, at: self.now });
        }
        case.files.insert(name.to_owned(), bytes);
    }

    fn router(&mut self, case: &mut Ca, seat: Seat, change: &Change) {
        case.serial += 1;
        let fields = RouterFields {
            serial: case.serial,
            validity: window(self.now, 300),
            asn: Asn(seat.asn(20)),
        };
        let tbs = ca::router_certificate(case.issuer(), fields).unwrap();
        let bytes = ca::sign_certificate(&tbs, &case.key).unwrap();
        let bytes = change.certificate(Part::Router, bytes, &case.key);
        case.files.insert("router.cer".to_owned(), bytes);
    }

    /// Issues a CA below a case, with one ROA.
    fn child(&mut self, case: &mut Ca, name: &str, number: u8, seat: Seat, change: &Change) {
        let (third, fourth) = (64 + 8 * number, 0x100 * (u16::from(number) + 1));
        let set = ResourceSet::from_prefixes([seat.v4(third, 21), seat.v6(fourth, 60)]);
        let certificate = case.directory.join(&format!("{name}.cer")).unwrap();
        let key = match (number, change) {
            (1.., Change::SharedKey(first)) => first.get().cloned().unwrap(),
            _ => self.keys.take(),
        };
        if let Change::SharedKey(first) = change {
            first.get_or_init(|| key.clone());
        }
        let mut child = Ca::new(name, key, certificate, Resources::Set(set));
        case.serial += 1;
        let bytes = certify(case, &child, case.serial, self.now);
        if number == 0 && change.is_revoked(Part::Child) {
            case.revoked.push(Revoked { serial: case.serial, at: self.now });
        }
        let part = if number == 0 { Part::Child } else { Part::OtherChild };
        let bytes = change.certificate(part, bytes, &case.key);
        case.files.insert(format!("{name}.cer"), bytes);
        let prefix = RoaPrefix { prefix: seat.v4(third, 22), max_length: None };
        let asn = seat.asn(30 + u32::from(number));
        self.roa(&mut child, "a.roa", asn, &[prefix], (Part::None, change));
        self.publish(&mut child, &Change::None);
    }

    /// Issues a chain of CAs that inherit, each with a ROA.
    fn chain(&mut self, case: &mut Ca, seat: Seat, change: &Change) {
        let Change::Chain(depth) = change else { return };
        let mut chain: Vec<Ca> = Vec::new();
        for level in 0..*depth {
            let name = format!("{}d{level}", seat.name());
            let issuer = chain.last_mut().unwrap_or(case);
            let uri = issuer.directory.join(&format!("{name}.cer")).unwrap();
            let ca = Ca::new(&name, self.keys.take(), uri, Resources::Inherit);
            issuer.serial += 1;
            let bytes = certify(issuer, &ca, issuer.serial, self.now);
            issuer.files.insert(format!("{name}.cer"), bytes);
            chain.push(ca);
        }
        for (level, mut ca) in chain.into_iter().enumerate() {
            let prefix = RoaPrefix { prefix: seat.v4(96, 24), max_length: None };
            let asn = seat.asn(40 + level as u32);
            self.roa(&mut ca, "a.roa", asn, &[prefix], (Part::None, change));
            self.publish(&mut ca, &Change::None);
        }
    }

    /// Issues CRL and manifest over what is there, and publishes everything.
    fn publish(&mut self, case: &mut Ca, change: &Change) {
        let mut updates = window(self.now, 3);
        if let Change::CrlTimes(from, until) = change {
            updates = TimeWindow::new(*from, *until);
        }
        if change.is_revoked(Part::Manifest) {
            case.revoked.push(Revoked { serial: case.serial + 1, at: self.now });
        }
        let crl = ca::crl(&case.key, 1, updates, &case.revoked).unwrap();
        let crl = change.crl(crl, &case.key);
        case.files.insert("ca.crl".to_owned(), crl);
        let list = case.files.iter().map(|(name, file)| (name.clone(), ObjectHash::of(file)));
        let list: Vec<_> = list.collect();
        let mut updates = window(self.now, 3);
        if let Change::ManifestTimes(from, until) = change {
            updates = TimeWindow::new(*from, *until);
        }
        let content =
            ca::manifest_content(ManifestFields { number: 1, updates, files: &list }).unwrap();
        self.inheriting(case, "ca.mft", ca::MANIFEST, content, (Part::Manifest, change));
        if let Change::Published(edit) = change {
            edit(&mut case.files, &case.key);
        }
        for (name, bytes) in &case.files {
            self.files.insert(case.directory.join(name).unwrap(), bytes.clone());
        }
    }
}

fn certify(issuer: &Ca, subject: &Ca, serial: u64, now: Timestamp) -> Bytes {
    let fields = CaFields {
        serial,
        validity: window(now, 300),
        subject: subject.key.public_key(),
        resources: &subject.resources,
        repository: &subject.directory,
        manifest: &subject.manifest,
        notify: None,
    };
    let tbs = ca::ca_certificate(issuer.issuer(), fields).unwrap();
    ca::sign_certificate(&tbs, &issuer.key).unwrap()
}
