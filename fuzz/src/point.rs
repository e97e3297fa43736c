//! A small signed world in memory, in which one part of one object is what the fuzzer says.
//!
//! The first byte chooses the part. All but the raw object are signed again, so that the rules
//! are reached. A sister CA stands beside: nothing may change what it gives.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use provost::ca::{self, Issuer, KeyPool, ManifestFields, ObjectFields, Resources, SigningKey};
use provost::model::{
    AsRange, Asn, Aspa, ObjectHash, ObjectUri, RepositoryId, ResourceSet, TimeWindow, Timestamp,
};
use provost::object::{Tal, TalUri};
use provost::validate::{
    CaLocation, ObjectSource, Payload, Policy, Reason, Selection, SourceError, State, Validation,
    step,
};

/// 2026-01-01T00:00:00Z.
pub const NOW: Timestamp = Timestamp(1_767_225_600);

/// The parts that can be replaced; the first byte of the input, modulo their number.
pub const PARTS: &[&str] = &[
    "roa-object",
    "roa-content",
    "roa-certificate",
    "roa-attributes",
    "aspa-content",
    "crl",
    "manifest-content",
    "manifest-certificate",
    "ca-certificate",
    "router-certificate",
];

struct Memory {
    anchor: Bytes,
    files: BTreeMap<ObjectUri, ObjectHash>,
    bytes: BTreeMap<ObjectHash, Bytes>,
}

impl Memory {
    fn put(&mut self, uri: ObjectUri, bytes: Bytes) {
        let hash = ObjectHash::of(&bytes);
        self.files.insert(uri, hash);
        self.bytes.insert(hash, bytes);
    }
}

impl ObjectSource for Memory {
    fn trust_anchor(&self, _: &str) -> Result<Option<Bytes>, SourceError> {
        Ok(Some(self.anchor.clone()))
    }

    fn select(&self, ca: &CaLocation) -> Result<Selection, SourceError> {
        Ok(Selection::Ready(RepositoryId::Rsync(ca.directory.module())))
    }

    fn lookup(&self, _: &RepositoryId, uri: &ObjectUri) -> Result<Option<ObjectHash>, SourceError> {
        Ok(self.files.get(uri).copied())
    }

    fn bytes(&self, hash: &ObjectHash) -> Result<Option<Bytes>, SourceError> {
        Ok(self.bytes.get(hash).cloned())
    }
}

/// A CA: its key, its certificate's place and its directory.
struct Ca {
    key: Arc<SigningKey>,
    certificate: ObjectUri,
    directory: ObjectUri,
    crl: ObjectUri,
    manifest: ObjectUri,
    resources: ResourceSet,
}

fn key(index: usize) -> Arc<SigningKey> {
    KeyPool::shared().key(index).expect("the pool has some hundred keys")
}

fn uri(text: &str) -> ObjectUri {
    text.parse().expect("a URI")
}

fn window(days: u32) -> TimeWindow {
    let day = Duration::from_secs(86_400);
    TimeWindow::new(NOW.minus(day), NOW.plus(day * days))
}

impl Ca {
    fn new(name: &str, number: usize, certificate: &str, prefix: &str) -> Ca {
        let directory = uri(&format!("rsync://fuzz.example.net/repo/{name}/"));
        let set = ResourceSet::from_prefixes([prefix.parse().expect("a prefix")]);
        let asns = AsRange { min: 64496, max: 64511 };
        Ca {
            key: key(number),
            certificate: uri(certificate),
            crl: directory.join("ca.crl").expect("a name"),
            manifest: directory.join("ca.mft").expect("a name"),
            directory,
            resources: ResourceSet::new(set.v4().iter().copied(), [], [asns]),
        }
    }

    fn issuer(&self) -> Issuer<'_> {
        Issuer { key: &self.key, certificate: &self.certificate, crl: &self.crl }
    }

    /// Signs an object whose key and serial number are `number`.
    fn sign<T>(&self, name: &str, number: usize, make: impl FnOnce(&ObjectFields<'_>) -> T) -> T {
        let uri = self.directory.join(name).expect("a name");
        make(&ObjectFields {
            issuer: self.issuer(),
            key: &key(number),
            serial: number as u64,
            validity: window(300),
            signing_time: NOW,
            uri: &uri,
        })
    }

    fn roa(&self, number: usize) -> ca::SignedObject {
        let set = self.resources.v4().first().expect("one range");
        let address = std::net::Ipv4Addr::from(set.min);
        let prefix = format!("{address}/24").parse().expect("a prefix");
        let prefixes = [ca::RoaPrefix { prefix, max_length: Some(26) }];
        self.sign("a.roa", number, |f| f.roa(Asn(64500), &prefixes).expect("a ROA"))
    }

    fn crl(&self) -> Bytes {
        ca::crl(&self.key, 1, window(3), &[]).expect("a CRL")
    }

    fn content(&self, files: &BTreeMap<&str, Bytes>) -> Vec<u8> {
        let list: Vec<_> =
            files.iter().map(|(name, f)| ((*name).to_owned(), ObjectHash::of(f))).collect();
        let fields = ManifestFields { number: 1, updates: window(3), files: &list };
        ca::manifest_content(fields).expect("a manifest")
    }

    fn sign_manifest(&self, number: usize, content: Vec<u8>) -> ca::SignedObject {
        self.sign("ca.mft", number, |fields| {
            ca::SignedObject::new(fields, ca::MANIFEST, content, &Resources::Inherit)
                .expect("a manifest")
        })
    }

    fn publish(&self, number: usize, memory: &mut Memory, files: BTreeMap<&str, Bytes>) {
        let manifest = self.sign_manifest(number, self.content(&files)).encode();
        self.store(memory, files, manifest);
    }

    fn store(&self, memory: &mut Memory, files: BTreeMap<&str, Bytes>, manifest: Bytes) {
        memory.put(self.manifest.clone(), manifest);
        for (name, bytes) in files {
            memory.put(self.directory.join(name).expect("a name"), bytes);
        }
    }

    fn certify(&self, child: &Ca, serial: u64) -> Bytes {
        let fields = ca::CaFields {
            serial,
            validity: window(300),
            subject: child.key.public_key(),
            resources: &Resources::Set(child.resources.clone()),
            repository: &child.directory,
            manifest: &child.manifest,
            notify: None,
        };
        let tbs = ca::ca_certificate(self.issuer(), fields).expect("a certificate");
        ca::sign_certificate(&tbs, &self.key).expect("a signature")
    }
}

/// What does not change from one input to the next.
struct Scene {
    tal: Tal,
    root: Ca,
    one: Ca,
    sister: Ca,
    /// The files of the CA under test, all good.
    files: BTreeMap<&'static str, Bytes>,
    /// The certificate of the CA under test.
    one_certificate: Bytes,
    sister_certificate: Bytes,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let base = "rsync://fuzz.example.net/repo";
    let root = Ca::new("root", 0, &format!("{base}/root.cer"), "10.0.0.0/8");
    let one = Ca::new("one", 1, &format!("{base}/root/one.cer"), "10.1.0.0/16");
    let sister = Ca::new("sister", 2, &format!("{base}/root/sister.cer"), "10.2.0.0/16");
    let uris = vec![TalUri::Rsync(root.certificate.clone())];
    let tal = Tal { name: "fuzz".to_owned(), uris, spki: root.key.spki_der().to_vec() };
    let aspa = Aspa { customer: Asn(64500), providers: vec![Asn(1), Asn(2)] };
    let aspa = one.sign("a.asa", 11, |fields| fields.aspa(&aspa).expect("an ASPA").encode());
    let router = ca::RouterFields { serial: 12, validity: window(300), asn: Asn(64500) };
    let router = ca::router_certificate(one.issuer(), router).expect("a router certificate");
    let router = ca::sign_certificate(&router, &one.key).expect("a signature");
    let files = BTreeMap::from([
        ("a.asa", aspa),
        ("a.roa", one.roa(10).encode()),
        ("ca.crl", one.crl()),
        ("router.cer", router),
    ]);
    let (one_certificate, sister_certificate) = (root.certify(&one, 2), root.certify(&sister, 3));
    Scene { tal, root, one, sister, files, one_certificate, sister_certificate }
});

fn anchor(root: &Ca) -> Bytes {
    let fields = ca::TrustAnchorFields {
        serial: 1,
        validity: window(3000),
        key: &root.key,
        resources: &root.resources,
        repository: &root.directory,
        manifest: &root.manifest,
        notify: None,
    };
    let tbs = ca::trust_anchor_certificate(fields).expect("a certificate");
    ca::sign_certificate(&tbs, &root.key).expect("a signature")
}

/// Takes the part `PARTS[part]` out of the undamaged world, as a seed.
pub fn seed(part: usize) -> Vec<u8> {
    let scene = &*SCENE;
    let tbs = |der: &[u8]| {
        let mut found = Vec::new();
        ca::resign(der, &scene.one.key, |tbs| found = tbs.clone()).expect("a certificate");
        found
    };
    let roa = scene.one.roa(10);
    let manifest = || scene.one.sign_manifest(13, scene.one.content(&scene.files));
    let bytes = match PARTS[part] {
        "roa-object" => roa.encode().to_vec(),
        "roa-content" => roa.content,
        "roa-certificate" => tbs(&roa.certificate),
        "roa-attributes" => roa.attributes,
        "aspa-content" => {
            ca::aspa_content(&Aspa { customer: Asn(64500), providers: vec![Asn(1), Asn(2)] })
        }
        "crl" => tbs(&scene.files["ca.crl"]),
        "manifest-content" => scene.one.content(&scene.files),
        "manifest-certificate" => tbs(&manifest().certificate),
        "ca-certificate" => tbs(&scene.one_certificate),
        "router-certificate" => tbs(&scene.files["router.cer"]),
        other => unreachable!("{other}"),
    };
    [vec![u8::try_from(part).expect("few parts")], bytes].concat()
}

/// Publishes the world with one part replaced, and judges it: no panic, and the sister as ever.
pub fn judge(data: &[u8]) {
    let Some(found) = judged(data) else { return };
    let mut faults = found.points.iter().flat_map(|point| &point.findings);
    assert!(faults.all(|finding| finding.reason != Reason::InternalError));
    let sister = found.points.iter().find(|point| point.location.manifest == SCENE.sister.manifest);
    let objects = sister.expect("the sister is there").objects.iter();
    let roas = objects.filter(|object| matches!(object.payload, Payload::Roa(_))).count();
    assert_eq!(roas, 1, "what one CA publishes changed what another gives");
}

/// Publishes the world with one part replaced, and returns what was found.
pub fn judged(data: &[u8]) -> Option<Validation> {
    let (&choice, data) = data.split_first()?;
    let part = PARTS[usize::from(choice) % PARTS.len()];
    let scene = &*SCENE;
    let one = &scene.one;
    let mut memory =
        Memory { anchor: anchor(&scene.root), files: BTreeMap::new(), bytes: BTreeMap::new() };
    let mut files = scene.files.clone();
    let mut certificate = scene.one_certificate.clone();
    let resign = |der: &[u8], key: &SigningKey| {
        ca::resign(der, key, |tbs| *tbs = data.to_vec()).expect("what we made")
    };
    let mut manifest = None;
    match part {
        "roa-object" => drop(files.insert("a.roa", Bytes::copy_from_slice(data))),
        "roa-content" | "aspa-content" => {
            let (name, kind, number) = match part {
                "roa-content" => ("a.roa", ca::ROA, 10),
                _ => ("a.asa", ca::ASPA, 11),
            };
            let held = match kind == ca::ROA {
                true => ResourceSet::new(one.resources.v4().iter().copied(), [], []),
                false => ResourceSet::new([], [], one.resources.asn().iter().copied()),
            };
            let object = one.sign(name, number, |fields| {
                ca::SignedObject::new(fields, kind, data.to_vec(), &Resources::Set(held))
            });
            files.insert(name, object.expect("an object").encode());
        }
        "roa-certificate" => {
            let mut roa = one.roa(10);
            roa.certificate = resign(&roa.certificate, &one.key);
            files.insert("a.roa", roa.encode());
        }
        "roa-attributes" => {
            let mut roa = one.roa(10);
            roa.attributes = data.to_vec();
            files.insert("a.roa", roa.sign(&key(10)).expect("a signature").encode());
        }
        "crl" => drop(files.insert("ca.crl", resign(&files["ca.crl"], &one.key))),
        "manifest-content" => manifest = Some(one.sign_manifest(13, data.to_vec())),
        "manifest-certificate" => {
            let mut object = one.sign_manifest(13, one.content(&files));
            object.certificate = resign(&object.certificate, &one.key);
            manifest = Some(object);
        }
        "ca-certificate" => certificate = resign(&certificate, &scene.root.key),
        _ => drop(files.insert("router.cer", resign(&files["router.cer"], &one.key))),
    }
    match manifest {
        Some(manifest) => one.store(&mut memory, files, manifest.encode()),
        None => one.publish(13, &mut memory, files),
    }
    let sister = &scene.sister;
    let sisters = BTreeMap::from([("a.roa", sister.roa(20).encode()), ("ca.crl", sister.crl())]);
    sister.publish(21, &mut memory, sisters);
    let roots = BTreeMap::from([
        ("ca.crl", scene.root.crl()),
        ("one.cer", certificate),
        ("sister.cer", scene.sister_certificate.clone()),
    ]);
    scene.root.publish(22, &mut memory, roots);
    let tals = std::slice::from_ref(&scene.tal);
    Some(step(tals, &memory, &State::default(), &Policy::default(), NOW).1)
}
