//! What the cache promises: all or nothing, verified bytes, consistent views.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::model::{ObjectHash, ObjectUri, PointId, RepositoryId, Timestamp};
use crate::validate::{
    CaLocation, LastGood, ManifestRef, NextKey, ObjectSource, Selection, State, Wanted,
};
use crate::world::{Purpose, RepositoryState, TrustAnchorFetch};

const NOW: Timestamp = Timestamp(1_000_000);
const BOTH: Transports = Transports { rrdp: true, rsync: true, fallback: Fallback::Stale };

struct Cache {
    dir: tempfile::TempDir,
    store: Store,
}

fn cache() -> Cache {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    Cache { dir, store }
}

fn open(dir: &tempfile::TempDir) -> Store {
    Store::open(&dir.path().join("cache.sqlite"), Purpose::Lab, Access::Write).unwrap()
}

fn id() -> RepositoryId {
    "https://h/n.xml".parse().unwrap()
}

fn uri(name: &str) -> ObjectUri {
    format!("rsync://h/m/{name}").parse().unwrap()
}

fn ca() -> CaLocation {
    CaLocation {
        notify: Some("https://h/n.xml".parse().unwrap()),
        directory: "rsync://h/m/".parse().unwrap(),
        manifest: uri("a.mft"),
    }
}

fn success(serial: u64) -> Success {
    Success {
        finished: NOW,
        duration: Duration::from_millis(1500),
        next_attempt: NOW.plus(Duration::from_secs(600)),
        bytes: 7,
        rrdp: Some(RrdpState {
            session: "s".into(),
            serial,
            snapshot: ObjectHash::of(b"snapshot"),
            deltas: vec![DeltaHash { serial, hash: ObjectHash::of(b"delta") }],
            validators: Validators { etag: Some("\"e\"".into()), last_modified: None },
        }),
    }
}

/// Brings `objects` (name and content) as the whole repository.
fn replace(store: &Store, serial: u64, objects: &[(&str, &str)]) -> Attempt {
    let attempt = store.begin(&id(), NOW).unwrap();
    let mut staging = store.stage();
    let map = objects
        .iter()
        .map(|(name, content)| (uri(name), staging.put(Bytes::from(content.to_string())).unwrap()))
        .collect();
    staging.commit(&attempt, &MapChange::Replace(map), &success(serial)).unwrap();
    attempt
}

/// Reads the whole repository back through a snapshot.
fn contents(store: &Store, names: &[&str]) -> Vec<(String, String)> {
    let snapshot = store.snapshot(BOTH, NOW).unwrap();
    names
        .iter()
        .filter_map(|name| Some((name, snapshot.lookup(&id(), &uri(name)).unwrap()?)))
        .map(|(name, hash)| (name, snapshot.bytes(&hash).unwrap().unwrap()))
        .map(|(name, bytes)| (name.to_string(), String::from_utf8(bytes.to_vec()).unwrap()))
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect()
}

fn prune_all(store: &Store) -> u64 {
    let mut removed = 0;
    loop {
        let pruned = store.prune().unwrap();
        removed += pruned.removed;
        if pruned.finished {
            return removed;
        }
    }
}

#[test]
fn a_commit_moves_map_rrdp_state_and_status_together() {
    let cache = cache();
    replace(&cache.store, 1, &[("a", "1"), ("b", "2"), ("c", "3")]);
    replace(&cache.store, 2, &[("a", "1"), ("c", "4"), ("d", "5")]);
    let want = pairs(&[("a", "1"), ("c", "4"), ("d", "5")]);
    assert_eq!(contents(&cache.store, &["a", "b", "c", "d"]), want);

    let attempt = cache.store.begin(&id(), NOW).unwrap();
    assert_eq!(attempt.before.rrdp, success(2).rrdp);
    let mut staging = cache.store.stage();
    let hash = staging.put(Bytes::from_static(b"6")).unwrap();
    let change = BTreeMap::from([(uri("a"), None), (uri("c"), Some(hash))]);
    let status = staging.commit(&attempt, &MapChange::Apply(change), &success(3)).unwrap().status;
    assert_eq!(contents(&cache.store, &["a", "c", "d"]), pairs(&[("c", "6"), ("d", "5")]));
    assert_eq!(
        (status.state, status.serial, status.objects),
        (RepositoryState::Current, Some(3), 2)
    );
    assert_eq!(cache.store.repositories().unwrap()[0].status, status);
}

#[test]
fn l01_a_fetch_that_dies_before_its_commit_changes_nothing() {
    let cache = cache();
    replace(&cache.store, 1, &[("a", "1")]);
    let mut staging = cache.store.stage();
    staging.put(Bytes::from_static(b"new")).unwrap();
    staging.flush().unwrap();
    // As a kill leaves it: objects written, nothing committed, pins lost with the process.
    drop(staging);
    let Cache { dir, store } = cache;
    drop(store);
    let store = open(&dir);
    assert_eq!(contents(&store, &["a"]), pairs(&[("a", "1")]));
    assert_eq!(store.repositories().unwrap()[0].status.serial, Some(1));
    assert_eq!(prune_all(&store), 1);
    assert_eq!(contents(&store, &["a"]), pairs(&[("a", "1")]));
}

#[test]
fn l01_a_copy_taken_between_any_two_commits_opens_as_old_or_new() {
    let cache = cache();
    replace(&cache.store, 1, &[("a", "1"), ("b", "1")]);
    replace(&cache.store, 2, &[("a", "2"), ("b", "2")]);
    // The log cut at every page boundary is what a kill in the middle of a write leaves.
    let path = cache.store.path().to_owned();
    let wal = std::fs::read(path.with_file_name("cache.sqlite-wal")).unwrap();
    for cut in (0..=wal.len()).step_by(16_384 + 24) {
        let copy = tempfile::tempdir().unwrap();
        let to = copy.path().join("cache.sqlite");
        std::fs::copy(&path, &to).unwrap();
        std::fs::write(copy.path().join("cache.sqlite-wal"), &wal[..cut]).unwrap();
        let store = Store::open(&to, Purpose::Lab, Access::Write).unwrap();
        let serial = store.repositories().unwrap().first().and_then(|r| r.status.serial);
        let has = contents(&store, &["a", "b"]);
        let want = match serial {
            None => vec![],
            Some(serial) => {
                let text = serial.to_string();
                pairs(&[("a", &text), ("b", &text)])
            }
        };
        assert_eq!(has, want, "cut at {cut}");
    }
}

#[test]
fn a12_a_late_result_is_dropped() {
    let cache = cache();
    replace(&cache.store, 1, &[("a", "1")]);
    let late = cache.store.begin(&id(), NOW).unwrap();
    let status =
        cache.store.fail(&late, "deadline", Duration::ZERO, NOW.plus(Duration::ZERO)).unwrap();
    assert_eq!(status.state, RepositoryState::Failing);
    let change = MapChange::Replace(BTreeMap::new());
    let error = cache.store.stage().commit(&late, &change, &success(9)).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Superseded);
    assert_eq!(contents(&cache.store, &["a"]), pairs(&[("a", "1")]));

    let first = cache.store.begin(&id(), NOW).unwrap();
    cache.store.begin(&id(), NOW).unwrap();
    let error = cache.store.stage().commit(&first, &change, &success(9)).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Superseded);
}

#[test]
fn failures_are_counted_from_the_first_and_forgotten_with_a_success() {
    let cache = cache();
    cache.store.discover(&[id()]).unwrap();
    assert_eq!(cache.store.repositories().unwrap()[0].status.state, RepositoryState::Pending);
    for (started, failures) in [(10, 1), (20, 2)] {
        let attempt = cache.store.begin(&id(), Timestamp(started)).unwrap();
        let status = cache.store.fail(&attempt, "refused", Duration::ZERO, NOW).unwrap();
        assert_eq!(status.state, RepositoryState::Unavailable);
        assert_eq!(status.error.as_deref(), Some("refused"));
        let record = cache.store.repositories().unwrap().remove(0);
        assert_eq!(record.failures, failures);
        assert_eq!(record.failing_since, Some(Timestamp(10)));
    }
    replace(&cache.store, 1, &[]);
    let record = cache.store.repositories().unwrap().remove(0);
    assert_eq!((record.failures, record.failing_since), (0, None));
    assert_eq!((record.status.state, record.status.error), (RepositoryState::Current, None));
}

#[test]
fn a_snapshot_does_not_see_later_commits() {
    let cache = cache();
    replace(&cache.store, 1, &[("a", "1")]);
    let snapshot = cache.store.snapshot(BOTH, NOW).unwrap();
    replace(&cache.store, 2, &[("a", "2")]);
    prune_all(&cache.store);
    let hash = snapshot.lookup(&id(), &uri("a")).unwrap().unwrap();
    assert_eq!(snapshot.bytes(&hash).unwrap().unwrap(), "1");
    assert_eq!(contents(&cache.store, &["a"]), pairs(&[("a", "2")]));
}

#[test]
fn snapshots_taken_beside_a_writer_are_consistent_on_every_connection() {
    let cache = cache();
    replace(&cache.store, 1, &[("a", "1")]);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for serial in 2..60 {
                let text = serial.to_string();
                replace(&cache.store, serial, &[("a", &text), ("b", &text)]);
            }
        });
        while !writer.is_finished() {
            let snapshot = cache.store.snapshot(BOTH, NOW).unwrap();
            let seen: Vec<_> = std::thread::scope(|inner| {
                let read = || snapshot.lookup(&id(), &uri("a")).unwrap();
                let threads: Vec<_> = (0..4).map(|_| inner.spawn(read)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
        }
    });
}

#[test]
fn files_looked_up_together_are_those_looked_up_one_by_one() {
    let cache = cache();
    let names: Vec<String> = (0..200).map(|number| format!("{number:03}")).collect();
    let objects: Vec<_> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    replace(&cache.store, 1, &objects);
    let damage = |hash: ObjectHash| {
        let writer = cache.store.writer().unwrap();
        let sql = "UPDATE objects SET bytes = x'00' WHERE sha256 = ?1";
        writer.connection.execute(sql, [hash.0]).unwrap();
    };
    damage(ObjectHash::of(b"100"));
    let snapshot = cache.store.snapshot(BOTH, NOW).unwrap();
    let every = |step: usize| names.iter().step_by(step).map(|name| uri(name)).collect::<Vec<_>>();
    let beside: Vec<_> = ["0000", "100", "1000", "199", "zzz"].map(uri).into();
    // Of each, of some with few and with many strangers between them, with gaps, of one, of none.
    for uris in [every(1), every(3), every(50), beside, vec![uri("100")], vec![]] {
        let asked: Vec<&ObjectUri> = uris.iter().collect();
        for wanted in [Wanted::Hashes, Wanted::Bytes] {
            let found = snapshot.lookup_sorted(&id(), &asked, wanted).unwrap();
            assert_eq!(found.len(), uris.len());
            for (uri, located) in uris.iter().zip(found) {
                let hash = located.as_ref().map(|located| located.hash);
                assert_eq!(hash, snapshot.lookup(&id(), uri).unwrap(), "{uri}");
                let Some(bytes) = located.and_then(|located| located.bytes) else { continue };
                assert_eq!(wanted, Wanted::Bytes);
                assert_eq!(Some(ObjectHash::of(&bytes)), hash, "{uri} is damaged");
            }
        }
    }
    let all = every(1);
    let asked: Vec<&ObjectUri> = all.iter().collect();
    let found = snapshot.lookup_sorted(&id(), &asked, Wanted::Bytes).unwrap();
    let with_bytes = found.iter().flatten().filter(|located| located.bytes.is_some()).count();
    assert_eq!(with_bytes, 199, "all but the damaged one");
    let other = "https://other/n.xml".parse().unwrap();
    assert_eq!(snapshot.lookup_sorted(&other, &asked, Wanted::Bytes).unwrap(), vec![None; 200]);
}

#[test]
fn l04_a_flipped_bit_is_an_error_never_absence_and_is_fetched_again() {
    let cache = cache();
    let attempt = replace(&cache.store, 1, &[("a", "good"), ("b", "fine")]);
    let hash = ObjectHash::of(b"good");
    let flip = |bytes: &[u8]| {
        let writer = cache.store.writer().unwrap();
        let sql = "UPDATE objects SET bytes = ?1 WHERE sha256 = ?2";
        writer.connection.execute(sql, rusqlite::params![bytes, hash.0]).unwrap();
    };
    flip(b"gooe");
    let old = cache.store.snapshot(BOTH, NOW).unwrap();
    assert!(old.bytes(&hash).is_err());
    let snapshot = cache.store.snapshot(BOTH, NOW).unwrap();
    assert_eq!(snapshot.lookup(&id(), &uri("a")).unwrap(), Some(hash));
    assert!(snapshot.bytes(&hash).is_err());
    assert!(snapshot.bytes(&ObjectHash::of(b"fine")).unwrap().is_some());
    assert!(cache.store.repositories().unwrap()[0].refetch);
    assert_ne!(attempt.before.rrdp, cache.store.repositories().unwrap()[0].rrdp);

    replace(&cache.store, 1, &[("a", "good"), ("b", "fine")]);
    assert!(!cache.store.repositories().unwrap()[0].refetch);
    assert!(old.bytes(&hash).is_err(), "an old view still sees the damage");
    assert_eq!(contents(&cache.store, &["a"]), pairs(&[("a", "good")]), "and must not undo");
}

#[test]
fn l04_a_damaged_object_that_only_a_last_good_state_needs_becomes_absent() {
    let cache = cache();
    let attempt = replace(&cache.store, 1, &[("a", "good")]);
    let hash = ObjectHash::of(b"good");
    let writer = cache.store.writer().unwrap();
    writer.connection.execute("UPDATE objects SET bytes = x'00'", []).unwrap();
    drop(writer);
    let again = cache.store.begin(&id(), attempt.started).unwrap();
    let change = MapChange::Replace(BTreeMap::new());
    cache.store.stage().commit(&again, &change, &success(2)).unwrap();
    assert!(cache.store.snapshot(BOTH, NOW).unwrap().bytes(&hash).is_err());
    assert_eq!(cache.store.snapshot(BOTH, NOW).unwrap().bytes(&hash).unwrap(), None);
}

#[test]
fn a23_what_one_repository_holds_is_not_visible_through_another() {
    let cache = cache();
    replace(&cache.store, 1, &[("a", "1")]);
    let other: RepositoryId = "https://evil/n.xml".parse().unwrap();
    cache.store.discover(std::slice::from_ref(&other)).unwrap();
    let snapshot = cache.store.snapshot(BOTH, NOW).unwrap();
    assert_eq!(snapshot.lookup(&other, &uri("a")).unwrap(), None);
    assert_eq!(snapshot.select(&ca()).unwrap(), Selection::Ready(id()));
}

#[test]
fn pruning_keeps_what_is_referenced_staged_last_good_or_a_trust_anchor() {
    let cache = cache();
    let store = &cache.store;
    replace(store, 1, &[("a", "mapped"), ("b", "last good"), ("c", "manifest"), ("d", "old")]);
    let certificate = Bytes::from_static(b"certificate");
    store.save_trust_anchor("ta", "https://h/ta.cer", &certificate, NOW).unwrap();
    let last = LastGood {
        manifest: ManifestRef {
            hash: ObjectHash::of(b"manifest"),
            number: [3; 20],
            this_update: Timestamp(1),
            next_update: Timestamp(2),
        },
        manifest_uri: uri("c"),
        objects: vec![ObjectHash::of(b"last good")],
    };
    let next_key = NextKey { key: ObjectHash::of(b"next key"), first_seen: Timestamp(3) };
    let state = State {
        points: [(PointId([1; 32]), last.into())].into(),
        next_keys: [("ta".to_owned(), next_key)].into(),
    };
    store.save_state(&State::default(), &state).unwrap();
    assert_eq!(store.load_state().unwrap(), state);
    replace(store, 2, &[("a", "mapped")]);
    let mut staging = store.stage();
    staging.put(Bytes::from_static(b"staged")).unwrap();
    staging.flush().unwrap();

    assert_eq!(prune_all(store), 1);
    drop(staging);
    assert_eq!(prune_all(store), 1);
    store.save_state(&state, &State::default()).unwrap();
    assert_eq!(store.load_state().unwrap(), State::default());
    assert_eq!(prune_all(store), 2);
    let snapshot = store.snapshot(BOTH, NOW).unwrap();
    assert_eq!(snapshot.trust_anchor("ta").unwrap(), Some(certificate));
    assert_eq!(contents(store, &["a"]), pairs(&[("a", "mapped")]));
    drop(snapshot);
    assert_eq!(store.retain_repositories(&|_| false, 10).unwrap(), 1);
    assert_eq!(prune_all(store), 1);
}

#[test]
fn a_trust_anchor_that_cannot_be_fetched_keeps_its_certificate() {
    let cache = cache();
    let store = &cache.store;
    assert_eq!(store.trust_anchor_fetch("ta").unwrap(), TrustAnchorFetch::default());
    store.fail_trust_anchor("ta", "refused", Timestamp(5)).unwrap();
    assert_eq!(store.snapshot(BOTH, NOW).unwrap().trust_anchor("ta").unwrap(), None);
    store.save_trust_anchor("ta", "https://h/ta.cer", &Bytes::from_static(b"c"), NOW).unwrap();
    assert_eq!(store.trust_anchor_fetch("ta").unwrap().error, None);
    store.fail_trust_anchor("ta", "refused", NOW.plus(Duration::from_secs(1))).unwrap();
    let fetch = store.trust_anchor_fetch("ta").unwrap();
    assert_eq!((fetch.last_success, fetch.error.as_deref()), (Some(NOW), Some("refused")));
    assert_eq!(store.snapshot(BOTH, NOW).unwrap().trust_anchor("ta").unwrap().unwrap(), "c");
}

#[test]
fn wanted_repositories_are_listed_once() {
    let cache = cache();
    let snapshot = cache.store.snapshot(BOTH, NOW).unwrap();
    let other = CaLocation { notify: None, ..ca() };
    let wanted: Vec<_> = snapshot.wanted([&ca(), &other, &ca()]).into_iter().collect();
    assert_eq!(wanted, [id(), "rsync://h/m/".parse().unwrap()]);
}

#[test]
fn a_reader_sees_commits_beside_the_writer_and_after_it_has_ended() {
    let cache = cache();
    replace(&cache.store, 1, &[("a", "1")]);
    let path = cache.store.path().to_owned();
    let reader = Store::open(&path, Purpose::Lab, Access::Read).unwrap();
    assert_eq!(contents(&reader, &["a"]), pairs(&[("a", "1")]));
    replace(&cache.store, 2, &[("a", "2")]);
    assert_eq!(contents(&reader, &["a"]), pairs(&[("a", "2")]));
    cache.store.checkpoint().unwrap();
    drop(cache.store);
    assert_eq!(contents(&reader, &["a"]), pairs(&[("a", "2")]));
    assert_eq!(reader.begin(&id(), NOW).unwrap_err().kind, StoreErrorKind::Locked);
}

#[test]
fn a_large_new_repository_is_written_in_pieces_and_appears_at_once() {
    let cache = cache();
    let store = &cache.store;
    let count = limits::MAP_BATCH * 2 + 7;
    let begin = || {
        let mut staging = store.stage();
        let hash = staging.put(Bytes::from_static(b"same")).unwrap();
        let map = (0..count).map(|n| (uri(&n.to_string()), hash)).collect();
        (store.begin(&id(), NOW).unwrap(), staging, MapChange::Replace(map))
    };
    // An attempt that is given up leaves pieces behind, at most; nobody is told to read them.
    let (late, staging, change) = begin();
    let (attempt, again, same) = begin();
    let error = staging.commit(&late, &change, &success(1)).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Superseded);
    let snapshot = store.snapshot(BOTH, NOW).unwrap();
    assert_eq!(snapshot.select(&ca()).unwrap(), Selection::Pending);

    let committed = again.commit(&attempt, &same, &success(1)).unwrap();
    assert_eq!((committed.changed, committed.status.objects), (true, count as u64));
    assert_eq!(snapshot.select(&ca()).unwrap(), Selection::Pending);
    let snapshot = store.snapshot(BOTH, NOW).unwrap();
    assert_eq!(snapshot.select(&ca()).unwrap(), Selection::Ready(id()));
    assert!(snapshot.lookup(&id(), &uri("0")).unwrap().is_some());
}
