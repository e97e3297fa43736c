//! What a new process goes on from: the log of changes, and the memos.

use super::*;
use crate::model::{ObjectUri, RepositoryId};
use crate::validate::tests::{NOW, Published};
use crate::validate::{
    Advance, ChangedDirectories, Changes, Inputs, Memory, ObjectSource, Policy, State, advance,
    step,
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

/// Goes on from what the cache holds, as a new process does, and keeps the result; a full run over
/// the same must end in the same.
fn run(store: &Store, published: &Published, policy: &Policy) -> (Memory, Advance) {
    let snapshot = store.snapshot(BOTH, NOW).unwrap();
    let (state, memory) = (store.load_state().unwrap(), store.load_memory(policy).unwrap());
    let tals = std::slice::from_ref(&published.tal);
    let inputs = Inputs { tals, source: &snapshot, policy, now: NOW };
    let next = advance(inputs, &state, &memory);
    let full = step(tals, &snapshot, &state, policy, NOW);
    assert_eq!((&next.state, &next.validation), (&full.0, &full.1));
    store.save_run((&state, &memory), (&next.state, &next.memory), None).unwrap();
    (memory, next)
}

/// Returns the manifests of the points that were judged again.
fn judged(memory: &Memory, next: &Advance) -> Vec<ObjectUri> {
    let points = next.validation.points.iter();
    let is_new = |id: &_| match next.memory.points().find(|(known, _)| *known == id) {
        Some((id, memo)) => !memory.has_same(id, memo),
        None => true,
    };
    points.filter(|p| is_new(&p.id)).map(|p| p.location.manifest.clone()).collect()
}

#[test]
fn a_new_process_judges_only_what_changed_since_the_last_one() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = Published::first_and_second();
    let policy = Policy::default();
    fetch(&open(&dir), &first);
    let (memory, next) = run(&open(&dir), &first, &policy);
    assert_eq!(judged(&memory, &next).len(), 3);
    let (memory, next) = run(&open(&dir), &first, &policy);
    assert_eq!(judged(&memory, &next), [], "nothing changed");
    fetch(&open(&dir), &first);
    let (memory, next) = run(&open(&dir), &first, &policy);
    assert_eq!(judged(&memory, &next), [], "what was fetched is what was there");
    fetch(&open(&dir), &second);
    let (memory, next) = run(&open(&dir), &second, &policy);
    assert_eq!(judged(&memory, &next), [second.changed.clone().unwrap()]);
    let policy = Policy { max_depth: 1, ..policy };
    let (memory, next) = run(&open(&dir), &second, &policy);
    assert_eq!(judged(&memory, &next).len(), 2, "another policy");
    assert_eq!(open(&dir).load_memory(&policy).unwrap().points().count(), 2, "the third is gone");
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
    let (memory, next) = run(&store, &first, &policy);
    assert_eq!(memory.points().count(), 2);
    assert_eq!(judged(&memory, &next).len(), 1);
    assert_eq!(store.load_memory(&policy).unwrap().points().count(), 3);
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
    let snapshot = store.snapshot(BOTH, NOW).unwrap();
    let (state, memory) = (store.load_state().unwrap(), store.load_memory(&policy).unwrap());
    let tals = std::slice::from_ref(&second.tal);
    let inputs = Inputs { tals, source: &snapshot, policy: &policy, now: NOW };
    let next = advance(inputs, &state, &memory);
    let new = next.memory.points().filter(|(id, memo)| !memory.has_same(id, memo));
    store.write_memos(new).unwrap();
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
