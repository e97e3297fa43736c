//! Small signed worlds in memory, and the rules tried on them.

mod certificates;
mod conformance;
mod damage;
mod degradation;
mod display;
mod memo;
pub(crate) use memo::any_course;
mod payloads;
mod points;
mod policies;
mod steps;
mod surgery;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::ca::{
    self, Issuer, KeyPool, ManifestFields, ObjectFields, Resources, Revoked, RoaPrefix, SigningKey,
};
use crate::model::{
    AsRange, Asn, ObjectHash, ObjectUri, RepositoryId, ResourceSet, TimeWindow, Timestamp,
};
use crate::object::{Tal, TalUri};

/// 2026-01-01T00:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_767_225_600);

fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3600)
}

/// A day around now.
fn day() -> TimeWindow {
    TimeWindow::new(NOW.minus(hours(1)), NOW.plus(hours(23)))
}

/// A year around now.
fn year() -> TimeWindow {
    TimeWindow::new(NOW.minus(hours(24)), NOW.plus(hours(364 * 24)))
}

fn key(index: usize) -> Arc<SigningKey> {
    KeyPool::shared().key(index).unwrap()
}

fn uri(text: &str) -> ObjectUri {
    text.parse().unwrap()
}

fn resources(prefixes: &[&str], asns: &[(u32, u32)]) -> ResourceSet {
    let set = ResourceSet::from_prefixes(prefixes.iter().map(|text| text.parse().unwrap()));
    let asns = asns.iter().map(|&(min, max)| AsRange { min, max });
    ResourceSet::new(set.v4().iter().copied(), set.v6().iter().copied(), asns)
}

/// Objects in memory, all in one repository for each rsync module.
#[derive(Clone, Default)]
struct MemorySource {
    trust_anchors: BTreeMap<String, Bytes>,
    files: BTreeMap<ObjectUri, ObjectHash>,
    bytes: BTreeMap<ObjectHash, Bytes>,
    /// Directories whose repository was not fetched yet.
    pending: BTreeSet<ObjectUri>,
    /// Directories whose repository was never reached.
    unavailable: BTreeSet<ObjectUri>,
    /// Objects whose bytes cannot be read.
    broken: BTreeSet<ObjectHash>,
    /// Objects on which the program itself fails.
    fatal: BTreeSet<ObjectHash>,
    /// Whether the trust anchors cannot be read.
    is_broken: bool,
}

impl MemorySource {
    fn put(&mut self, uri: &ObjectUri, bytes: &Bytes) {
        let hash = ObjectHash::of(bytes);
        self.files.insert(uri.clone(), hash);
        self.bytes.insert(hash, bytes.clone());
    }

    fn step(&self, tal: &Tal, state: &State, now: Timestamp) -> (State, Validation) {
        step(std::slice::from_ref(tal), self, state, &Policy::default(), now)
    }
}

impl ObjectSource for MemorySource {
    fn trust_anchor(&self, name: &str) -> Result<Option<Bytes>, SourceError> {
        match self.is_broken {
            true => Err(SourceError("a bad sector".to_owned())),
            false => Ok(self.trust_anchors.get(name).cloned()),
        }
    }

    fn select(&self, ca: &CaLocation) -> Result<Selection, SourceError> {
        if self.pending.contains(&ca.directory) {
            return Ok(Selection::Pending);
        }
        if self.unavailable.contains(&ca.directory) {
            return Ok(Selection::Unavailable);
        }
        Ok(Selection::Ready(RepositoryId::Rsync(ca.directory.module())))
    }

    fn lookup(&self, _: &RepositoryId, uri: &ObjectUri) -> Result<Option<ObjectHash>, SourceError> {
        Ok(self.files.get(uri).copied())
    }

    fn bytes(&self, hash: &ObjectHash) -> Result<Option<Bytes>, SourceError> {
        assert!(!self.fatal.contains(hash), "an error in the program, for the test");
        if self.broken.contains(hash) {
            return Err(SourceError("a bad sector".to_owned()));
        }
        Ok(self.bytes.get(hash).cloned())
    }
}

/// A CA that signs what a test wants it to sign.
#[derive(Clone)]
struct TestCa {
    key: Arc<SigningKey>,
    certificate: ObjectUri,
    directory: ObjectUri,
    manifest: ObjectUri,
    crl: ObjectUri,
    resources: Resources,
    /// What is published beside manifest and CRL.
    files: BTreeMap<String, Bytes>,
    number: u64,
    updates: TimeWindow,
    crl_updates: TimeWindow,
    revoked: Vec<u64>,
}

/// The serial number of every manifest's certificate.
const MANIFEST_SERIAL: u64 = 1;

impl TestCa {
    fn new(name: &str, key_index: usize, resources: Resources, certificate: ObjectUri) -> Self {
        let directory = uri(&format!("rsync://rpki.example.net/repo/{name}/"));
        TestCa {
            key: key(key_index),
            certificate,
            manifest: directory.join("ca.mft").unwrap(),
            crl: directory.join("ca.crl").unwrap(),
            directory,
            resources,
            files: BTreeMap::new(),
            number: 1,
            updates: day(),
            crl_updates: day(),
            revoked: Vec::new(),
        }
    }

    fn issuer(&self) -> Issuer<'_> {
        Issuer { key: &self.key, certificate: &self.certificate, crl: &self.crl }
    }

    /// Makes a child, whose certificate is published as `NAME.cer`.
    fn child(&mut self, name: &str, key_index: usize, resources: Resources) -> TestCa {
        let certificate = self.directory.join(&format!("{name}.cer")).unwrap();
        let child = TestCa::new(name, key_index, resources, certificate);
        let bytes = self.certify(&child, 100 + key_index as u64, year());
        self.files.insert(format!("{name}.cer"), bytes);
        child
    }

    fn certify(&self, child: &TestCa, serial: u64, validity: TimeWindow) -> Bytes {
        let fields = ca::CaFields {
            serial,
            validity,
            subject: child.key.public_key(),
            resources: &child.resources,
            repository: &child.directory,
            manifest: &child.manifest,
            notify: None,
        };
        let tbs = ca::ca_certificate(self.issuer(), fields).unwrap();
        ca::sign_certificate(&tbs, &self.key).unwrap()
    }

    /// Signs an object that is published as `name`; its key is that of its serial number.
    fn sign(
        &self,
        name: &str,
        serial: u64,
        make: impl FnOnce(&ObjectFields<'_>) -> ca::SignedObject,
    ) -> Bytes {
        let uri = self.directory.join(name).unwrap();
        let key = key(usize::try_from(serial).unwrap());
        make(&ObjectFields {
            issuer: self.issuer(),
            key: &key,
            serial,
            validity: year(),
            signing_time: NOW.minus(hours(1)),
            uri: &uri,
        })
        .encode()
    }

    fn roa(&mut self, name: &str, serial: u64, asn: u32, prefixes: &[(&str, Option<u8>)]) {
        let prefixes: Vec<_> = prefixes
            .iter()
            .map(|&(prefix, max_length)| RoaPrefix { prefix: prefix.parse().unwrap(), max_length })
            .collect();
        let roa = self.sign(name, serial, |fields| fields.roa(Asn(asn), &prefixes).unwrap());
        self.files.insert(name.to_owned(), roa);
    }

    fn crl_bytes(&self) -> Bytes {
        let revoked: Vec<_> =
            self.revoked.iter().map(|&serial| Revoked { serial, at: NOW }).collect();
        ca::crl(&self.key, self.number, self.crl_updates, &revoked).unwrap()
    }

    /// Makes the manifest for `list`.
    fn manifest_bytes(&self, list: &[(String, ObjectHash)]) -> Bytes {
        self.sign("ca.mft", MANIFEST_SERIAL, |fields| {
            let content =
                ManifestFields { number: self.number, updates: self.updates, files: list };
            fields.manifest(content).unwrap()
        })
    }

    fn list(&self) -> Vec<(String, ObjectHash)> {
        let crl = ("ca.crl".to_owned(), ObjectHash::of(&self.crl_bytes()));
        let files = self.files.iter().map(|(name, bytes)| (name.clone(), ObjectHash::of(bytes)));
        std::iter::once(crl).chain(files).collect()
    }

    /// Publishes the files, the CRL and a manifest that lists them.
    fn publish(&self, source: &mut MemorySource) {
        self.publish_with(source, &self.manifest_bytes(&self.list()));
    }

    fn publish_with(&self, source: &mut MemorySource, manifest: &Bytes) {
        source.files.retain(|uri, _| uri.directory() != self.directory);
        source.put(&self.manifest, manifest);
        source.put(&self.crl, &self.crl_bytes());
        for (name, bytes) in &self.files {
            source.put(&self.directory.join(name).unwrap(), bytes);
        }
    }
}

/// A trust anchor, a CA with two ROAs, and a CA below it with one more.
#[derive(Clone)]
struct World {
    tal: Tal,
    source: MemorySource,
    root: TestCa,
    isp: TestCa,
    customer: TestCa,
}

const ROOT_KEY: usize = 700;
const ISP_KEY: usize = 701;
const CUSTOMER_KEY: usize = 702;

/// A published world as other layers need it: its locator, its certificate, its files.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) tal: Tal,
    pub(crate) certificate: Bytes,
    pub(crate) files: BTreeMap<ObjectUri, Bytes>,
    /// The manifest of the CA that has published once more, where one has.
    pub(crate) changed: Option<ObjectUri>,
}

impl Published {
    /// The world with what `isp` publishes first, or with what it publishes after that.
    pub(crate) fn first_and_second() -> (Published, Published) {
        let mut world = World::new();
        let first = Published::of(&world, None);
        world.isp.number += 1;
        world.isp.roa("n.roa", 13, 64500, &[("10.1.4.0/24", None)]);
        world.isp.publish(&mut world.source);
        let changed = Some(world.isp.manifest.clone());
        (first, Published::of(&world, changed))
    }

    fn of(world: &World, changed: Option<ObjectUri>) -> Published {
        let World { tal, source, .. } = world;
        let files = source.files.iter();
        let files = files.map(|(uri, hash)| (uri.clone(), source.bytes[hash].clone()));
        let certificate = source.trust_anchors["test"].clone();
        Published { tal: tal.clone(), certificate, files: files.collect(), changed }
    }
}

impl World {
    fn new() -> World {
        static WORLD: LazyLock<World> = LazyLock::new(World::make);
        WORLD.clone()
    }

    fn make() -> World {
        let everything = resources(&["10.0.0.0/8", "2001:db8::/32"], &[(64496, 64511)]);
        let certificate = uri("rsync://rpki.example.net/repo/root.cer");
        let mut root = TestCa::new("root", ROOT_KEY, Resources::Set(everything), certificate);
        let held = resources(&["10.1.0.0/16", "2001:db8:1::/48"], &[(64500, 64501)]);
        let mut isp = root.child("isp", ISP_KEY, Resources::Set(held));
        isp.roa("a.roa", 10, 64500, &[("10.1.0.0/16", None), ("2001:db8:1::/48", Some(64))]);
        isp.roa("b.roa", 11, 64501, &[("10.1.128.0/17", Some(24))]);
        let held = Resources::Set(resources(&["10.1.2.0/24"], &[]));
        let mut customer = isp.child("customer", CUSTOMER_KEY, held);
        customer.roa("c.roa", 12, 64510, &[("10.1.2.0/24", None)]);
        let mut source = MemorySource::default();
        source.trust_anchors.insert("test".to_owned(), trust_anchor(&root, year()));
        let uris = vec![TalUri::Rsync(root.certificate.clone())];
        let tal = Tal { name: "test".to_owned(), uris, spki: root.key.spki_der().to_vec() };
        let world = World { tal, source, root, isp, customer };
        let mut published = world.clone();
        published.publish();
        published
    }

    fn publish(&mut self) {
        self.root.publish(&mut self.source);
        self.isp.publish(&mut self.source);
        self.customer.publish(&mut self.source);
    }

    fn run(&self) -> Summary {
        self.run_from(&State::default(), NOW).1
    }

    fn run_from(&self, state: &State, now: Timestamp) -> (State, Summary) {
        let (state, validation) = self.source.step(&self.tal, state, now);
        (state, Summary(validation))
    }
}

/// Makes the self-signed certificate of a trust anchor.
fn trust_anchor(root: &TestCa, validity: TimeWindow) -> Bytes {
    ca::sign_certificate(&trust_anchor_fields(root, validity), &root.key).unwrap()
}

fn trust_anchor_fields(root: &TestCa, validity: TimeWindow) -> ca::TbsCert {
    let Resources::Set(resources) = &root.resources else { panic!("a trust anchor lists") };
    let fields = ca::TrustAnchorFields {
        serial: 1,
        validity,
        key: &root.key,
        resources,
        repository: &root.directory,
        manifest: &root.manifest,
        notify: None,
    };
    ca::trust_anchor_certificate(fields).unwrap()
}

/// A validation in the words that tests ask in.
struct Summary(Validation);

const A: &str = "10.1.0.0/16-16 AS64500";
const A6: &str = "2001:db8:1::/48-64 AS64500";
const B: &str = "10.1.128.0/17-24 AS64501";
const C: &str = "10.1.2.0/24-24 AS64510";

fn sorted(vrps: &[&str]) -> Vec<String> {
    let mut vrps: Vec<_> = vrps.iter().map(|vrp| (*vrp).to_owned()).collect();
    vrps.sort();
    vrps
}

impl Summary {
    fn vrps(&self) -> Vec<String> {
        let objects = self.0.points.iter().flat_map(|point| &point.objects);
        let mut vrps: Vec<_> = objects
            .flat_map(|object| match &object.payload {
                Payload::Roa(vrps) => vrps.as_slice(),
                _ => &[],
            })
            .map(|vrp| vrp.to_string())
            .collect();
        vrps.sort();
        vrps
    }

    fn point(&self, ca: &TestCa) -> &PointOutcome {
        self.0.points.iter().find(|point| point.location.manifest == ca.manifest).unwrap()
    }

    fn has_point(&self, ca: &TestCa) -> bool {
        self.0.points.iter().any(|point| point.location.manifest == ca.manifest)
    }

    fn status(&self, ca: &TestCa) -> PointStatus {
        self.point(ca).status
    }

    fn reasons(&self, ca: &TestCa) -> Vec<Reason> {
        self.point(ca).findings.iter().map(|finding| finding.reason).collect()
    }

    fn trust_anchor(&self) -> (TrustAnchorStatus, Vec<Reason>) {
        let outcome = &self.0.trust_anchors[0];
        (outcome.status, outcome.findings.iter().map(|finding| finding.reason).collect())
    }
}
