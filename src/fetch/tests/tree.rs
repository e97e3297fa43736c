//! Trees of files, and trust anchors from wherever they are.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::server::{Reply, Server};
use super::*;
use crate::ca::{
    KeyPool, SigningKey, TrustAnchorFields, sign_certificate, trust_anchor_certificate,
};
use crate::model::{ResourceSet, TimeWindow};
use crate::object::{Tal, TalUri};
use crate::world::RepositoryState;

const NOW: Timestamp = Timestamp(1_790_000_000);

fn key(index: usize) -> Arc<SigningKey> {
    KeyPool::shared().key(index).unwrap()
}

fn certificate(key: &SigningKey) -> Bytes {
    certificate_of(key, TimeWindow::new(Timestamp(NOW.0 - 3600), Timestamp(NOW.0 + 3600)))
}

fn certificate_of(key: &SigningKey, validity: TimeWindow) -> Bytes {
    let fields = TrustAnchorFields {
        serial: 1,
        validity,
        key,
        resources: &ResourceSet::from_prefixes(["192.0.2.0/24".parse().unwrap()]),
        repository: &"rsync://h.example/m/ta/".parse().unwrap(),
        manifest: &"rsync://h.example/m/ta/ta.mft".parse().unwrap(),
        notify: None,
    };
    sign_certificate(&trust_anchor_certificate(fields).unwrap(), key).unwrap()
}

fn tal(name: &str, uris: Vec<TalUri>, key: &SigningKey) -> Tal {
    Tal { name: name.to_owned(), uris, spki: key.spki_der().to_vec() }
}

fn kept(bench: &Bench, name: &str) -> Option<Bytes> {
    bench.store.snapshot(BOTH, NOW).unwrap().trust_anchor(name).unwrap()
}

fn write(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

#[test]
fn a_tree_as_rsync_leaves_it_becomes_one_repository_for_each_module() {
    let bench = Bench::new(|_| {});
    let tree = tempfile::tempdir().unwrap();
    write(tree.path(), "h/m/a.roa", b"1");
    write(tree.path(), "h/m/deep/b.mft", b"2");
    write(tree.path(), "h/other/c.crl", b"3");
    write(tree.path(), "127.0.0.2:8873/m/d", b"4");
    write(tree.path(), "h/m/%41", b"x");
    write(tree.path(), "h/m/new\nline", b"x");
    write(tree.path(), "no-module", b"x");
    write(tree.path(), ".hidden/m/x", b"x");
    std::os::unix::fs::symlink("/etc", tree.path().join("h/m/etc")).unwrap();

    let report = import_tree(tree.path(), &bench.store, &[], NOW).unwrap();
    let ids: Vec<_> = report.modules.iter().map(|m| m.id.as_str().to_owned()).collect();
    assert_eq!(ids, ["rsync://127.0.0.2:8873/m/", "rsync://h/m/", "rsync://h/other/"]);
    assert!(report.modules.iter().all(|m| m.state == RepositoryState::Current));
    let read = |base: &str, names: &[&str]| bench.contents(&base.parse().unwrap(), base, names);
    assert_eq!(read("rsync://h/m/", &["a.roa", "deep/b.mft"]), ["a.roa=1", "deep/b.mft=2"]);
    assert_eq!(read("rsync://h/other/", &["c.crl"]), ["c.crl=3"]);
    let mut drops: Vec<_> = report.drops.listed.iter().map(|(name, _)| name.as_str()).collect();
    drops.sort_unstable();
    let want = [".hidden/m/x", "h/m/%41", "h/m/etc", "h/m/new?line", "no-module"];
    assert_eq!(drops, want);

    // Imported again, what is gone is gone.
    std::fs::remove_file(tree.path().join("h/m/a.roa")).unwrap();
    import_tree(tree.path(), &bench.store, &[], NOW).unwrap();
    assert_eq!(read("rsync://h/m/", &["a.roa", "deep/b.mft"]), ["deep/b.mft=2"]);
}

#[test]
fn rpki_clients_cache_is_read_with_what_was_validated_first() {
    let bench = Bench::new(|_| {});
    let tree = tempfile::tempdir().unwrap();
    write(tree.path(), "h/m/a", b"validated");
    write(tree.path(), ".rrdp/0af3/h/m/a", b"fetched");
    write(tree.path(), ".rrdp/0af3/h/m/b", b"only fetched");
    write(tree.path(), ".rsync/h/m/b", b"by rsync");
    write(tree.path(), ".rsync/h/m/c", b"only rsync");
    let report = import_tree(tree.path(), &bench.store, &[], NOW).unwrap();
    assert_eq!(report.modules.len(), 1);
    let base = "rsync://h/m/";
    let has = bench.contents(&base.parse().unwrap(), base, &["a", "b", "c"]);
    assert_eq!(has, ["a=validated", "b=by rsync", "c=only rsync"]);
}

#[test]
fn trust_anchors_lie_at_their_rsync_path_or_below_their_name() {
    let bench = Bench::new(|_| {});
    let tree = tempfile::tempdir().unwrap();
    let rsync = |text: &str| vec![TalUri::Rsync(text.parse().unwrap())];
    let tals = [
        tal("by-path", rsync("rsync://h/m/by-path.cer"), &key(0)),
        tal("by-name", rsync("rsync://h/m/other-key.cer"), &key(1)),
        tal("missing", rsync("rsync://h/m/none.cer"), &key(2)),
    ];
    write(tree.path(), "h/m/by-path.cer", &certificate(&key(0)));
    write(tree.path(), "h/m/other-key.cer", &certificate(&key(0)));
    write(tree.path(), "ta/by-name/garbage.cer", b"garbage");
    write(tree.path(), "ta/by-name/some.cer", &certificate(&key(1)));
    let report = import_tree(tree.path(), &bench.store, &tals, NOW).unwrap();
    assert_eq!(report.trust_anchors, ["by-path", "by-name"]);
    assert_eq!(kept(&bench, "by-path"), Some(certificate(&key(0))));
    assert_eq!(kept(&bench, "by-name"), Some(certificate(&key(1))));
    assert_eq!(kept(&bench, "missing"), None);
    assert!(bench.store.trust_anchor_fetch("missing").unwrap().error.is_some());
}

#[test]
fn a_repository_that_is_not_in_the_tree_is_unavailable() {
    let bench = Bench::new(|_| {});
    record_absent(&bench.store, &"rsync://h/m/".parse().unwrap(), NOW).unwrap();
    let record = bench.store.repositories().unwrap().remove(0);
    assert_eq!(record.status.state, RepositoryState::Unavailable);
    assert!(record.status.error.unwrap().contains("not in the tree"));
}

#[tokio::test]
async fn a_trust_anchor_comes_from_the_first_uri_that_gives_its_key() {
    let server = Server::start().await;
    let bench = Bench::new(|config| config.root_certificates = vec![server.root.clone()]);
    let https = |path: &str| TalUri::Https(server.uri(path).parse().unwrap());
    server.put("/other-key.cer", Reply::ok(certificate(&key(1)).to_vec()));
    server.put("/garbage.cer", Reply::ok("garbage"));
    server.put("/large.cer", Reply::ok(vec![0x30; 2_000_000]));
    server.put("/good.cer", Reply::ok(certificate(&key(0)).to_vec()));
    let bad = ["/none.cer", "/garbage.cer", "/large.cer", "/other-key.cer"];
    let bad = || bad.iter().map(|path| https(path));

    let only_bad = tal("ta", bad().collect(), &key(0));
    let fetch = bench.fetcher.fetch_trust_anchor(&bench.store, &only_bad, BOTH).await.unwrap();
    assert!(fetch.last_success.is_none() && fetch.error.is_some());
    assert_eq!(kept(&bench, "ta"), None);

    let good = tal("ta", bad().chain([https("/good.cer")]).collect(), &key(0));
    let fetch = bench.fetcher.fetch_trust_anchor(&bench.store, &good, BOTH).await.unwrap();
    assert_eq!((fetch.uri, fetch.error), (Some(server.uri("/good.cer")), None));
    assert_eq!(kept(&bench, "ta"), Some(certificate(&key(0))));

    let fetch = bench.fetcher.fetch_trust_anchor(&bench.store, &only_bad, BOTH).await.unwrap();
    assert!(fetch.last_success.is_some() && fetch.error.is_some());
    assert_eq!(kept(&bench, "ta"), Some(certificate(&key(0))));
}

#[tokio::test]
async fn g34_an_older_certificate_that_is_served_again_is_not_kept() {
    let server = Server::start().await;
    let bench = Bench::new(|config| config.root_certificates = vec![server.root.clone()]);
    let tal = tal("ta", vec![TalUri::Https(server.uri("/ta.cer").parse().unwrap())], &key(0));
    // 2096: both are valid, whenever the test runs.
    let until = Timestamp(4_000_000_000);
    let make = |from| certificate_of(&key(0), TimeWindow::new(Timestamp(from), until));
    let (older, newer) = (make(1_000_000_000), make(1_000_000_001));
    for (served, wanted) in [(&older, &older), (&newer, &newer), (&older, &newer)] {
        server.put("/ta.cer", Reply::ok(served.to_vec()));
        let fetch = bench.fetcher.fetch_trust_anchor(&bench.store, &tal, BOTH).await.unwrap();
        assert_eq!(fetch.error, None);
        assert_eq!(kept(&bench, "ta").as_ref(), Some(wanted));
    }
}

#[tokio::test]
async fn a_trust_anchor_comes_over_rsync() {
    let Some(daemon) = super::rsync::Daemon::start().await else { return };
    let bench = Bench::new(|_| {});
    write(&daemon.files, "ta/ta.cer", &certificate(&key(0)));
    let uri: ObjectUri = format!("{}ta/ta.cer", daemon.base).parse().unwrap();
    let tal = tal("ta", vec![TalUri::Rsync(uri)], &key(0));
    let off = Transports { rsync: false, ..BOTH };
    let fetch = bench.fetcher.fetch_trust_anchor(&bench.store, &tal, off).await.unwrap();
    assert!(fetch.error.is_some());
    let fetch = bench.fetcher.fetch_trust_anchor(&bench.store, &tal, BOTH).await.unwrap();
    assert_eq!(fetch.error, None);
    assert_eq!(kept(&bench, "ta"), Some(certificate(&key(0))));
}
