//! A tiny lab by the same way: it validates to its truth, before and after changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rpki::rrdp::{Delta, DeltaElement, NotificationFile, Snapshot};

use super::{Counts, Scale, churn_scale, generate_scale};
use crate::model::Timestamp;

const NOW: Timestamp = Timestamp(1_795_502_270);
const LATER: Timestamp = Timestamp(NOW.0 + 600);

/// Returns every file below a directory, by its path there.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![directory.to_owned()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.insert(path.strip_prefix(directory).unwrap().to_owned(), bytes);
            }
        }
    }
    found
}

/// Returns the objects that rsync would find, by URI.
fn tree(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    files(directory)
        .into_iter()
        .filter(|(path, _)| path.iter().nth(1) == Some("repo".as_ref()))
        .map(|(path, bytes)| (format!("rsync://{}", path.display()), bytes))
        .collect()
}

fn document(directory: &Path, host: &Path, uri: &str) -> Vec<u8> {
    let path = uri.split_once("/rrdp/").unwrap().1;
    fs::read(directory.join("rrdp").join(host).join(path)).unwrap()
}

fn hosts(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.join("rrdp")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into()).collect()
}

fn notification(directory: &Path, host: &Path) -> NotificationFile {
    let bytes = fs::read(directory.join("rrdp").join(host).join("notification.xml")).unwrap();
    NotificationFile::parse(bytes.as_slice()).unwrap()
}

/// Returns the objects that RRDP snapshots hold, by URI.
fn snapshots(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut objects = BTreeMap::new();
    for host in hosts(directory) {
        let notification = notification(directory, &host);
        let bytes = document(directory, &host, notification.snapshot().uri().as_str());
        assert!(notification.snapshot().hash().matches(&bytes), "{}", host.display());
        let snapshot = Snapshot::parse(bytes.as_slice()).unwrap();
        assert_eq!(snapshot.serial(), notification.serial());
        for element in snapshot.into_elements() {
            let (uri, data) = element.unpack();
            objects.insert(uri.to_string(), data.to_vec());
        }
    }
    objects
}

/// Applies the newest delta of each server to `objects`, if it is of this serial.
fn apply_deltas(directory: &Path, serial: u64, objects: &mut BTreeMap<String, Vec<u8>>) {
    for host in hosts(directory) {
        let notification = notification(directory, &host);
        let Some(info) = notification.deltas().iter().find(|info| info.serial() == serial) else {
            continue;
        };
        let bytes = document(directory, &host, info.uri().as_str());
        assert!(info.hash().matches(&bytes));
        for element in Delta::parse(bytes.as_slice()).unwrap().into_elements() {
            match element {
                DeltaElement::Publish(new) => {
                    let (uri, data) = new.unpack();
                    assert!(objects.insert(uri.to_string(), data.to_vec()).is_none());
                }
                DeltaElement::Update(new) => {
                    let (uri, hash, data) = new.unpack();
                    let old = objects.insert(uri.to_string(), data.to_vec()).unwrap();
                    assert!(hash.matches(&old));
                }
                DeltaElement::Withdraw(old) => {
                    let (uri, hash) = old.unpack();
                    assert!(hash.matches(&objects.remove(uri.as_str()).unwrap()));
                }
            }
        }
    }
}

#[test]
fn the_same_seed_and_time_give_the_same_bytes_and_rrdp_says_what_rsync_does() {
    let (a, b, c) = (tempfile::tempdir(), tempfile::tempdir(), tempfile::tempdir());
    let (a, b, c) = (a.unwrap(), b.unwrap(), c.unwrap());
    let counts = generate_scale(a.path(), Scale::Tiny, 3, NOW).unwrap();
    assert_eq!(generate_scale(b.path(), Scale::Tiny, 3, NOW).unwrap(), counts);
    generate_scale(c.path(), Scale::Tiny, 4, NOW).unwrap();
    assert_eq!(files(a.path()), files(b.path()));
    assert_ne!(files(a.path()), files(c.path()));
    let tree = tree(a.path());
    assert_eq!((counts.cas, counts.roas), (80, 150));
    assert_eq!((tree.len(), counts.verifications), (counts.objects, 4 * 80 + 2 * 150));
    assert_eq!(snapshots(a.path()), tree);
    let truth = fs::read_to_string(a.path().join("truth.csv")).unwrap();
    assert_eq!(truth.lines().count(), counts.vrps + 1);
}

#[test]
fn a_change_is_a_delta_from_the_state_before_it_and_the_same_again() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for lab in [&a, &b] {
        generate_scale(lab.path(), Scale::Tiny, 3, NOW).unwrap();
    }
    let mut objects = tree(a.path());
    for (serial, minutes) in [(2, 10), (3, 20)] {
        let at = Timestamp(NOW.0 + minutes * 60);
        let counts = churn_scale(a.path(), 60, at).unwrap();
        assert_eq!(churn_scale(b.path(), 60, at).unwrap(), counts);
        let before = objects.clone();
        apply_deltas(a.path(), serial, &mut objects);
        assert_ne!(objects, before);
        assert_eq!(objects.len(), counts.objects);
        assert_eq!(tree(a.path()), objects);
        assert_eq!(snapshots(a.path()), objects);
    }
    assert_eq!(files(a.path()), files(b.path()));
    assert!(churn_scale(a.path(), 1, LATER).is_err(), "time went backwards");
}

#[test]
fn there_is_nothing_to_change_where_no_lab_of_scale_is() {
    let directory = tempfile::tempdir().unwrap();
    assert!(churn_scale(directory.path(), 1, NOW).is_err());
    let _: Counts = generate_scale(directory.path(), Scale::Tiny, 3, NOW).unwrap();
}
