//! What a new process goes on from: the log of changes, and the memos.

use std::sync::Mutex;

use super::*;
use crate::model::{ObjectUri, PointId, RepositoryId};
use crate::validate::tests::{NOW, Published};
use crate::validate::{
    Advance, ChangedDirectories, Changes, Earlier, Inputs, ObjectSource, Policy, Recollection,
    State, advance, basis, step,
};
use crate::world::Purpose;

const BOTH: Transports = Transports { rrdp: true, rsync: true, fallback: Fallback::Stale };

fn open(dir: &tempfile::TempDir) -> Store {
    Store::open(&dir.path().join("cache.sqlite"), Purpose::Lab, Access::Write).unwrap()
}

fn repository() -> RepositoryId {
    "rsync://rpki.example.net/repo/".parse().unwrap()
}

/// Brings what is published into the cache, as one fetch does.
fn fetch(store: &Store, published: &Published) {
    let Published { tal, certificate, files, .. } = published;
    store.save_trust_anchor(&tal.name, "file", certificate, NOW).unwrap();
    let attempt = store.begin(&repository(), NOW).unwrap();
    let mut staging = store.stage();
    let map = files.iter().map(|(uri, bytes)| (uri.clone(), staging.put(bytes.clone()).unwrap()));
    let change = MapChange::Replace(map.collect());
    let success = Success {
        finished: NOW,
        duration: std::time::Duration::ZERO,
        next_attempt: NOW,
        bytes: 0,
        rrdp: None,
    };
    staging.commit(&attempt, &change, &success).unwrap();
}

/// Goes on from what the cache holds, as a new process does, and keeps the memos.
fn judge(
    store: &Store,
    published: &Published,
    policy: &Policy,
) -> (State, Advance, Vec<ObjectUri>) {
    let snapshot = store.snapshot(BOTH, NOW).unwrap();
    let state = store.load_state().unwrap();
    let tals = std::slice::from_ref(&published.tal);
    let inputs = Inputs { tals, source: &snapshot, policy, now: NOW };
    let memo = |id: &PointId| snapshot.memo(id).unwrap_or_default();
    let earlier = snapshot.memos(policy).unwrap();
    let earlier = earlier.map(|(basis, generation)| Earlier { basis, generation, memo: &memo });
    let writer = store.write_memos_beside(basis(policy)).unwrap();
    let judged = Mutex::new(Vec::new());
    let next = advance(inputs, &state, earlier, &|memo| {
        judged.lock().unwrap().push(memo.outcome().location.manifest.clone());
        writer.keep(memo)
    });
    writer.finish().unwrap();
    let full = step(tals, &snapshot, &state, policy, NOW);
    assert_eq!((&next.state, &next.validation), (&full.0, &full.1));
    (state, next, judged.into_inner().unwrap())
}

/// The same, to its end: returns the manifests of the points that were judged.
fn run(store: &Store, published: &Published, policy: &Policy) -> Vec<ObjectUri> {
    let (state, next, judged) = judge(store, published, policy);
    store.save_run(&state, &next.state, &next.kept, None).unwrap();
    assert_eq!(memos(store), next.kept.points.len());
    judged
}

/// Returns how many memos there are.
fn memos(store: &Store) -> usize {
    let writer = store.writer().unwrap();
    let sql = "SELECT count(*) FROM memos";
    let count: i64 = writer.connection.query_row(sql, [], |row| row.get(0)).unwrap();
    usize::try_from(count).unwrap()
}

#[test]
fn a_new_process_judges_only_what_changed_since_the_last_one() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = Published::first_and_second();
    let policy = Policy::default();
    fetch(&open(&dir), &first);
    assert_eq!(run(&open(&dir), &first, &policy).len(), 3);
    assert_eq!(run(&open(&dir), &first, &policy), [], "nothing changed");
    fetch(&open(&dir), &first);
    assert_eq!(run(&open(&dir), &first, &policy), [], "what was fetched is what was there");
    fetch(&open(&dir), &second);
    assert_eq!(run(&open(&dir), &second, &policy), [second.changed.clone().unwrap()]);
    let policy = Policy { max_depth: 1, ..policy };
    assert_eq!(run(&open(&dir), &second, &policy).len(), 2, "another policy");
    assert_eq!(memos(&open(&dir)), 2, "the third is gone");
}

#[test]
fn l04_a_damaged_memo_is_dropped_and_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let (first, _) = Published::first_and_second();
    let policy = Policy::default();
    let store = open(&dir);
    fetch(&store, &first);
    run(&store, &first, &policy);
    let sql = "UPDATE memos SET memo = x'00' WHERE id = (SELECT min(id) FROM memos)";
    store.writer().unwrap().connection.execute(sql, []).unwrap();
    assert_eq!(run(&store, &first, &policy).len(), 1);
    assert_eq!(run(&store, &first, &policy).len(), 0);
}

#[test]
fn l01_a_kill_between_the_pieces_of_a_run_costs_only_time() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = Published::first_and_second();
    let policy = Policy::default();
    let store = open(&dir);
    fetch(&store, &first);
    run(&store, &first, &policy);
    fetch(&store, &second);
    // The memos of the second run are written, its states and its generation are not.
    let (_, next, _) = judge(&store, &second, &policy);
    let snapshot = store.snapshot(BOTH, NOW).unwrap();
    assert!(snapshot.stood(&policy).unwrap().is_none(), "the result as a whole is forgotten");
    drop((snapshot, store));
    run(&open(&dir), &second, &policy);
    // States that were lost are made up for, too.
    open(&dir).save_state(&next.state, &State::default()).unwrap();
    run(&open(&dir), &second, &policy);
}

#[test]
fn the_log_of_changes_is_complete_and_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let (first, second) = Published::first_and_second();
    let generation = |store: &Store| store.snapshot(BOTH, NOW).unwrap().generation().unwrap();
    let since = |store: &Store, generation| {
        store.snapshot(BOTH, NOW).unwrap().changes_since(generation).unwrap()
    };
    fetch(&store, &first);
    let before = generation(&store);
    assert!(matches!(since(&store, before), Changes::Directories(none) if none.is_empty()));
    fetch(&store, &second);
    let changed = second.changed.clone().unwrap().directory();
    let mut expected = ChangedDirectories::default();
    expected.add(&repository(), changed.clone());
    assert_eq!(since(&store, before), Changes::Directories(expected));

    store.retain_repositories(&|_| false, 1).unwrap();
    let changes = since(&store, before);
    assert!(changes.touch(&repository(), &changed), "all of a repository that was forgotten");
    assert!(changes.touch(&repository(), &first.files.keys().next().unwrap().directory()));

    run(&store, &first, &Policy::default());
    assert_eq!(since(&store, before), Changes::Everything, "taken over, so forgotten");
    let rows = "SELECT count(*) FROM changes";
    let rows: i64 =
        store.writer().unwrap().connection.query_row(rows, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
}
