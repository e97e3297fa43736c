//! rpki-client 8.2 (Debian 12): offline on the tree, and over rsync.
//!
//! The tree is its cache as it is: `HOST/MODULE/PATH` and `ta/NAME/NAME.cer`. Started as root it
//! becomes `_rpki-client`, so the tree must be open. It drops ASPAs of version 1, being older.
//! Its HTTPS takes no further TLS roots, so RRDP is off.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

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

/// Removes what differs on purpose: 8.2 writes colons between octets, and a vCard as it is.
fn comparable(key: &str, value: &Value) -> Option<Value> {
    match (key, value) {
        // The verdict is on a chain there, and on the object alone here.
        ("file" | "validation" | "vcard", _) => None,
        ("ski" | "aki", Value::String(text)) => Some(text.replace(':', "").into()),
        _ => Some(value.clone()),
    }
}

#[test]
fn inspect_shows_every_field_that_rpki_client_shows() {
    if !is_installed("rpki-client") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    tree(directory.path());
    let hosted = "hosted.lab.example/repo/alder";
    for (file, fields) in [
        ("delegated.lab.example/repo/alder-branch/alder-twig.cer".to_owned(), 9),
        (format!("{hosted}/router-AS64496.cer"), 8),
        (format!("{hosted}/alder.crl"), 7),
        (format!("{hosted}/alder.mft"), 10),
        (format!("{hosted}/alder-v4.roa"), 8),
        (format!("{hosted}/alder.gbr"), 7),
        ("tals/north.tal".to_owned(), 5),
    ] {
        let path = directory.path().join(&file);
        let mut command = Command::new("rpki-client");
        command.args(["-j", "-d"]).arg(directory.path());
        command.arg("-t").arg(directory.path().join("tals/north.tal")).arg("-f").arg(&path);
        let theirs: Value = serde_json::from_slice(&run(&mut command).stdout).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
        let ours = run(command.args(["inspect", "--json"]).arg(&path)).stdout;
        let ours: Value = serde_json::from_slice(&ours).unwrap();
        let mut compared = 0;
        for (key, value) in theirs.as_object().unwrap() {
            let Some(value) = comparable(key, value) else { continue };
            assert_eq!(ours.get(key), Some(&value), "{file}: {key}");
            compared += 1;
        }
        assert!(compared >= fields, "{file}: only {compared} fields: {theirs}");
    }
}
