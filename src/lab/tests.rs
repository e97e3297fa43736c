//! The lab judged from outside: every object by the `rpki` crate, every transport by a client.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use rpki::repository::cert::{Cert, ResourceCert};
use rpki::repository::sigobj::SignedObject;
use rpki::repository::x509::Time;
use rpki::repository::{Crl, Manifest, Tal};
use tokio::io::AsyncReadExt;

use super::*;
use crate::ca::{Resources, RoaPrefix};
use crate::model::{Asn, ObjectUri, Timestamp, Vrp};

const NOW: Timestamp = Timestamp(1_795_502_270);

fn time(now: Timestamp) -> Time {
    Time::new(chrono::DateTime::from_timestamp(now.0, 0).unwrap())
}

fn uris() -> Vec<ServerUris> {
    let servers = small_internet().servers;
    let uris = servers.iter().enumerate().map(|(number, server)| {
        let (https, rsync) = (format!("127.0.0.{number}:8443"), format!("127.0.0.{number}:8873"));
        ServerUris::new(&https, &rsync, server.transports).unwrap()
    });
    uris.collect()
}

fn authority(seed: u64) -> Authority {
    Authority::new(small_internet(), uris(), seed, NOW).unwrap()
}

/// Walks everything that the authority publishes with the strict rules of the `rpki` crate.
struct Walk {
    objects: BTreeMap<ObjectUri, Bytes>,
    now: Time,
    vrps: BTreeSet<(Vrp, String)>,
    seen: usize,
    others: usize,
}

impl Walk {
    fn run(authority: &Authority, now: Timestamp) -> Self {
        let objects = (0..4).flat_map(|server| authority.objects(server)).collect();
        let now = time(now);
        let mut walk = Walk { objects, now, vrps: BTreeSet::new(), seen: 0, others: 0 };
        for anchor in authority.trust_anchors() {
            let name = anchor.name.clone();
            let tal = Tal::read_named(name, &mut anchor.tal.as_bytes()).unwrap();
            let certificate = Cert::decode(anchor.certificate).unwrap();
            assert_eq!(certificate.subject_public_key_info(), tal.key_info());
            let certificate = certificate.validate_ta_at(tal.info().clone(), true, now).unwrap();
            walk.point(&certificate);
        }
        assert_eq!(walk.seen, walk.objects.len(), "some objects are on no manifest");
        walk
    }

    fn take(&mut self, uri: &ObjectUri) -> Bytes {
        self.seen += 1;
        self.objects.get(uri).unwrap_or_else(|| panic!("{uri} is missing")).clone()
    }

    fn point(&mut self, ca: &ResourceCert) {
        let base: ObjectUri = ca.ca_repository().unwrap().to_string().parse().unwrap();
        let manifest = self.take(&ca.rpki_manifest().unwrap().to_string().parse().unwrap());
        let manifest = Manifest::decode(manifest, true).unwrap();
        let (ee, content) = manifest.validate_at(ca, true, self.now).unwrap();
        assert!(content.this_update() <= self.now && self.now <= content.next_update());
        let mut files = BTreeMap::new();
        for (file, hash) in content.iter().map(|entry| entry.into_pair()) {
            let name = String::from_utf8(file.to_vec()).unwrap();
            let bytes = self.take(&base.join(&name).unwrap());
            assert_eq!(crate::model::ObjectHash::of(&bytes).0, hash.as_ref());
            files.insert(name, bytes);
        }
        let crl = files.iter().find(|(name, _)| name.ends_with(".crl")).unwrap().1;
        let crl = Crl::decode(crl.clone()).unwrap();
        crl.verify_signature(ca.subject_public_key_info()).unwrap();
        assert!(!crl.contains(ee.serial_number()));
        for (name, bytes) in &files {
            match name.rsplit_once('.').unwrap().1 {
                "crl" => {}
                "cer" => {
                    let certificate = Cert::decode(bytes.clone()).unwrap();
                    assert!(!crl.contains(certificate.serial_number()));
                    if certificate.is_ca() {
                        self.point(&certificate.validate_ca_at(ca, true, self.now).unwrap());
                    } else {
                        certificate.validate_router_at(ca, true, self.now).unwrap();
                        self.others += 1;
                    }
                }
                kind => {
                    let object = SignedObject::decode(bytes.clone(), true).unwrap();
                    assert!(!crl.contains(object.cert().serial_number()));
                    object.validate_at(ca, true, self.now).unwrap();
                    if kind == "roa" {
                        self.roa(bytes, ca);
                    } else {
                        self.others += 1;
                    }
                }
            }
        }
    }

    fn roa(&mut self, bytes: &Bytes, ca: &ResourceCert) {
        for origin in
            rpki::repository::Roa::decode(bytes.clone(), true).unwrap().content().iter_origins()
        {
            let prefix = origin.prefix.prefix();
            let prefix = crate::model::Prefix::new(prefix.addr(), prefix.len()).unwrap();
            let max_length = origin.prefix.resolved_max_len();
            let vrp = Vrp { prefix, max_length, asn: Asn(origin.asn.into_u32()) };
            self.vrps.insert((vrp, ca.tal().name().to_owned()));
        }
    }
}

fn new_roa() -> Roa {
    let prefix = "192.0.2.128/26".parse().unwrap();
    let prefixes = vec![RoaPrefix { prefix, max_length: Some(27) }];
    Roa { name: "extra".into(), asn: Asn(64501), prefixes }
}

#[test]
fn everything_validates_and_gives_the_truth() {
    let authority = authority(0);
    let walk = Walk::run(&authority, NOW);
    assert_eq!(walk.vrps, authority.plan().truth().vrps);
    // One ASPA, one router certificate, one Ghostbusters record.
    assert_eq!(walk.others, 3);
}

#[test]
fn a_ca_that_inherits_its_resources_validates() {
    let mut plan = small_internet();
    plan.ca_mut("elm-lease").unwrap().resources = Resources::Inherit;
    let authority = Authority::new(plan, uris(), 0, NOW).unwrap();
    assert_eq!(Walk::run(&authority, NOW).vrps, small_internet().truth().vrps);
}

#[test]
fn the_same_seed_and_time_give_the_same_bytes_and_another_seed_other_keys() {
    let bytes = |seed| (0..4).map(|server| authority(seed).objects(server)).collect::<Vec<_>>();
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
    assert_eq!(authority(7).session(0), authority(7).session(0));
    assert_ne!(authority(7).session(0), authority(7).session(1));
    assert_ne!(authority(7).session(0), authority(8).session(0));
}

#[test]
fn a_roa_added_and_removed_within_a_second_is_published_each_time() {
    let mut authority = authority(3);
    let before = Walk::run(&authority, NOW).vrps;
    authority.add_roa("birch", new_roa(), NOW).unwrap();
    let added = Walk::run(&authority, NOW).vrps;
    assert_eq!(added, authority.plan().truth().vrps);
    assert_eq!(added.difference(&before).count(), 1);
    let again = authority.add_roa("birch", new_roa(), NOW);
    assert!(matches!(again, Err(LabError::Plan(_))), "the same name twice");
    authority.remove_roa("birch", "extra", NOW).unwrap();
    assert_eq!(Walk::run(&authority, NOW).vrps, before);
    let manifest = "rsync://127.0.0.2:8873/repo/birch/birch.mft".parse().unwrap();
    let manifest = Manifest::decode(authority.objects(2)[&manifest].clone(), true).unwrap();
    assert_eq!(manifest.content().manifest_number(), 3u64.into());
    let crl = "rsync://127.0.0.2:8873/repo/birch/birch.crl".parse().unwrap();
    let crl = Crl::decode(authority.objects(2)[&crl].clone()).unwrap();
    // The ROA and two manifests.
    assert_eq!(crl.revoked_certs().iter().count(), 3);
    assert!(matches!(authority.remove_roa("birch", "extra", NOW), Err(LabError::Plan(_))));
    assert!(matches!(authority.remove_roa("oak", "extra", NOW), Err(LabError::Plan(_))));
}

#[test]
fn a_refresh_carries_the_lab_over_the_end_of_its_manifests() {
    let mut authority = authority(1);
    let later = Timestamp(NOW.0 + 10 * 86_400);
    authority.refresh(later).unwrap();
    assert_eq!(Walk::run(&authority, later).vrps, authority.plan().truth().vrps);
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    let missing = Authority::new(small_internet(), uris()[..2].to_vec(), 0, NOW).map(|_| ());
    assert!(matches!(missing, Err(LabError::Plan(_))));
    let mut plan = small_internet();
    plan.trust_anchors[1].name = "birch".into();
    assert!(matches!(Authority::new(plan, uris(), 0, NOW).map(|_| ()), Err(LabError::Plan(_))));
}

#[test]
fn a_lab_on_disk_is_the_same_each_time_and_holds_the_truth() {
    let written = |directory: &std::path::Path| {
        generate(directory, small_internet(), 5, NOW).unwrap();
        let mut files = BTreeMap::new();
        let mut directories = vec![directory.to_owned()];
        while let Some(next) = directories.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    let name = path.strip_prefix(directory).unwrap().display().to_string();
                    files.insert(name, std::fs::read(path).unwrap());
                }
            }
        }
        files
    };
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = written(one.path());
    assert_eq!(files, written(two.path()));
    for name in [
        "registry.lab.example/repo/north/north.mft",
        "registry.lab.example/ta/north.cer",
        "ta/north/north.cer",
        "tals/south.tal",
        "rrdp/hosted.lab.example/notification.xml",
        "README.md",
    ] {
        assert!(files.contains_key(name), "{name}");
    }
    assert!(!files.keys().any(|name| name.starts_with("rrdp/archive")));
    let csv = String::from_utf8(files["truth.csv"].clone()).unwrap();
    assert_eq!(csv.lines().count(), 14);
    assert!(csv.contains("AS64496,192.0.2.0/25,26,north\n"));
}

/// A client that trusts the lab's TLS root alone.
fn client(lab: &Lab) -> reqwest::Client {
    let root = std::fs::read(lab.tls_root()).unwrap();
    let root = reqwest::Certificate::from_pem(&root).unwrap();
    reqwest::Client::builder().tls_certs_only([root]).build().unwrap()
}

fn options(rsync: RsyncUse) -> LabOptions {
    LabOptions { plan: small_internet(), seed: 0, now: crate::clock::now(), rsync }
}

#[tokio::test]
async fn a_running_lab_serves_rrdp_over_https_with_conditional_requests() {
    let mut lab = Lab::start(options(RsyncUse::Never)).await.unwrap();
    assert_eq!((lab.tals().len(), lab.repositories().len()), (3, 4));
    let client = client(&lab);
    let repositories = lab.repositories();
    let uri = repositories[2].as_str();
    let first = client.get(uri).send().await.unwrap().error_for_status().unwrap();
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    let body = first.bytes().await.unwrap();
    let first = rpki::rrdp::NotificationFile::parse(body.as_ref()).unwrap();
    let same = client.get(uri).header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(same.status(), 304);
    lab.add_roa("birch", new_roa(), crate::clock::now()).unwrap();
    let next = client.get(uri).header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(next.status(), 200);
    let body = next.bytes().await.unwrap();
    let next = rpki::rrdp::NotificationFile::parse(body.as_ref()).unwrap();
    assert_eq!((first.serial(), next.serial(), next.deltas().len()), (1, 2, 1));
    assert_eq!(first.session_id(), next.session_id());
    for info in [next.snapshot(), &next.deltas()[0]] {
        let bytes = client.get(info.uri().as_str()).send().await.unwrap().bytes().await.unwrap();
        assert!(info.hash().matches(&bytes), "{}", info.uri());
    }
    let tal = std::fs::read_to_string(&lab.tals()[0]).unwrap();
    assert!(!tal.contains("rsync://"), "nobody listens there");
    let certificate = tal.lines().find(|line| line.starts_with("https://")).unwrap();
    let bytes = client.get(certificate).send().await.unwrap().bytes().await.unwrap();
    assert!(Cert::decode(bytes).is_ok());
}

#[tokio::test]
async fn a_running_lab_serves_rsync_and_takes_its_files_with_it() {
    if !rsync::is_installed().await {
        // Past the harness, which shows nothing of tests that pass.
        let _ = writeln!(std::io::stderr(), "skipped: the rsync program is not installed");
        return;
    }
    let mut lab = Lab::start(options(RsyncUse::WhereInstalled)).await.unwrap();
    // Four modules, and RRDP on all servers but the archive.
    assert_eq!(lab.repositories().len(), 7);
    let module = lab.repositories().last().unwrap().as_str().to_owned();
    let target = tempfile::tempdir().unwrap();
    let copy = async || {
        let mut command = tokio::process::Command::new("rsync");
        command.args(["-rt", "--delete", &module]).arg(target.path());
        assert!(command.status().await.unwrap().success());
        std::fs::read(target.path().join("dogwood/dogwood.mft")).unwrap()
    };
    let first = copy().await;
    let prefix = "2001:db8:8000::/48".parse().unwrap();
    let roa = Roa { prefixes: vec![RoaPrefix { prefix, max_length: None }], ..new_roa() };
    lab.add_roa("dogwood", roa, crate::clock::now()).unwrap();
    assert_ne!(copy().await, first, "a change within a second is seen");
    lab.remove_roa("dogwood", "extra", crate::clock::now()).unwrap();
    copy().await;
    assert!(!target.path().join("dogwood/extra.roa").exists());
    let directory = lab.directory().to_owned();
    drop(lab);
    assert!(!directory.exists());
}

#[tokio::test]
async fn no_rsync_process_outlives_the_lab() {
    if !rsync::is_installed().await {
        // Past the harness, which shows nothing of tests that pass.
        let _ = writeln!(std::io::stderr(), "skipped: the rsync program is not installed");
        return;
    }
    let lab = Lab::start(options(RsyncUse::WhereInstalled)).await.unwrap();
    let repositories = lab.repositories();
    let authority = repositories[1].as_str().split('/').nth(2).unwrap();
    let mut stream = tokio::net::TcpStream::connect(authority).await.unwrap();
    let mut greeting = [0; 8];
    stream.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"@RSYNCD:");
    drop(lab);
    // The process waits for our answer; only its end can end this.
    let mut rest = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest));
    end.await.expect("the connection ends").ok();
}
