//! rpki-client 8.2 (Debian 12): offline on the tree, and over rsync.
//!
//! The tree is its cache as it is: `HOST/MODULE/PATH` and `ta/NAME/NAME.cer`. Started as root it
//! becomes `_rpki-client`, so the tree must be open. It drops ASPAs of version 1, being older.
//! Its HTTPS takes no further TLS roots, so RRDP is off.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{
    Bench, assert_payload, exported_json, is_installed, provost_in, run, stdout, tal_flags,
};
use crate::tree::{columns, open_directory, tree};

/// Lets rpki-client validate with its cache in `cache`, and returns the VRPs.
fn validate(cache: &Path, tals: &Path, transport: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("output");
    open_directory(&output);
    let mut command = Command::new("rpki-client");
    command.args([transport, "-c", "-d"]).arg(cache);
    for anchor in ["north", "east", "south"] {
        command.arg("-t").arg(tals.join(format!("{anchor}.tal")));
    }
    run(command.arg(&output));
    fs::read_to_string(output.join("csv")).unwrap()
}

#[test]
fn rpki_client_finds_the_truth_on_the_tree() {
    if !is_installed("rpki-client") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let truth = tree(directory.path());
    let csv = validate(directory.path(), &directory.path().join("tals"), "-n");
    assert_eq!(columns(&csv, 4), columns(&truth.to_csv(), 4));
}

#[test]
fn rpki_client_finds_the_truth_over_rsync_and_its_cache_gives_us_the_truth() {
    if !is_installed("rpki-client") || !is_installed("rsync") {
        return;
    }
    let bench = Bench::start();
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    open_directory(&cache);
    let csv = validate(&cache, &bench.lab.tal_directory(), "-R");
    assert_eq!(columns(&csv, 4), columns(&bench.lab.truth().to_csv(), 4));

    stdout(bench.provost(&["sync", "--from"]).arg(&cache).args(bench.tal_flags()));
    bench.assert_truth();
}

#[test]
fn the_layout_of_rpki_clients_cache_gives_us_the_truth() {
    // By hand, for machines without rpki-client: what it has validated lies at the top, what it
    // has only fetched below `.rsync` and `.rrdp/HASH`; certificates of trust anchors below `ta`.
    let directory = tempfile::tempdir().unwrap();
    let (lab, cache) = (directory.path().join("lab"), directory.path().join("cache"));
    let truth = tree(&lab);
    fs::create_dir_all(cache.join(".rsync")).unwrap();
    fs::create_dir_all(cache.join(".rrdp/0123abcd")).unwrap();
    for (name, place) in [
        ("ta", "ta"),
        ("registry.lab.example", "registry.lab.example"),
        ("hosted.lab.example", ".rrdp/0123abcd/hosted.lab.example"),
        ("delegated.lab.example", "delegated.lab.example"),
        ("archive.lab.example", ".rsync/archive.lab.example"),
    ] {
        fs::rename(lab.join(name), cache.join(place)).unwrap();
    }
    // rpki-client keeps the certificates of trust anchors at one place only.
    fs::remove_dir_all(cache.join("registry.lab.example/ta")).unwrap();
    let data = directory.path().join("data");
    let tals = tal_flags(&lab.join("tals"));
    stdout(provost_in(&data, &["sync", "--from"]).arg(&cache).args(tals));
    assert_payload(&exported_json(&data), &truth.to_json());
}
