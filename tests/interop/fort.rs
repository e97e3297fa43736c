//! FORT 1.5.4 (Debian 12): offline on the tree, and over rsync.
//!
//! Its repository is the tree as it is; it names no trust anchors, and drops ASPAs, being older.
//! Its HTTPS takes no further TLS roots, so RRDP is off.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Bench, is_installed, run};
use crate::tree::{columns, tree};

/// Lets FORT validate with its cache in `repository`, and returns the VRPs.
fn validate(repository: &Path, tals: &Path, transport: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("roas.csv");
    let argument = |name: &str, path: &Path| format!("--{name}={}", path.display());
    let mut command = Command::new("fort");
    command.args(["--mode=standalone", transport, "--output.format=csv"]);
    command.arg(argument("local-repository", repository));
    command.args([argument("tal", tals), argument("output.roa", &output)]);
    run(&mut command);
    fs::read_to_string(&output).unwrap()
}

#[test]
fn fort_finds_the_truth_on_the_tree() {
    if !is_installed("fort") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let truth = tree(directory.path());
    let csv = validate(directory.path(), &directory.path().join("tals"), "--work-offline=true");
    assert_eq!(columns(&csv, 3), columns(&truth.to_csv(), 3));
}

#[test]
fn fort_finds_the_truth_over_rsync() {
    if !is_installed("fort") || !is_installed("rsync") {
        return;
    }
    let bench = Bench::start();
    let cache = tempfile::tempdir().unwrap();
    let csv = validate(cache.path(), &bench.lab.tal_directory(), "--http.enabled=false");
    assert_eq!(columns(&csv, 3), columns(&bench.lab.truth().to_csv(), 3));
}
