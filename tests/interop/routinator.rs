//! Routinator 0.16.0-rc1, over RRDP and over rsync.
//!
//! It takes IP addresses and ports in URIs with `--allow-dubious-hosts` only, and the lab's HTTPS
//! with `--rrdp-root-cert`. The configuration file keeps the user's own one out.

use std::fs;
use std::path::Path;
use std::process::Command;

use provost::ca::RoaPrefix;
use provost::lab::{Lab, Roa, RsyncUse};
use provost::model::Asn;
use serde_json::Value;

use crate::support::{Bench, assert_payload, is_installed, run};

/// Returns Routinator for the lab, with its cache in `directory`.
pub fn command(lab: &Lab, directory: &Path) -> Command {
    let config = directory.join("routinator.conf");
    let cache = directory.join("cache");
    fs::create_dir_all(&cache).unwrap();
    fs::write(&config, format!("repository-dir = {cache:?}\n")).unwrap();
    let mut command = Command::new("routinator");
    command.arg("--config").arg(&config);
    command.arg("--no-rir-tals").arg("--extra-tals-dir").arg(lab.tal_directory());
    command.arg("--rrdp-root-cert").arg(lab.tls_root());
    command.arg("--allow-dubious-hosts");
    command
}

/// Lets Routinator validate the lab, with its cache in `directory`.
fn validate(lab: &Lab, directory: &Path, transport: &str) -> Value {
    let output = run(command(lab, directory).args([transport, "vrps", "--format", "json"]));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn routinator_finds_the_truth_over_rrdp() {
    if !is_installed("routinator") {
        return;
    }
    // Without rsync every server of the lab has RRDP.
    let bench = Bench::with(RsyncUse::Never);
    let directory = tempfile::tempdir().unwrap();
    let found = validate(&bench.lab, directory.path(), "--disable-rsync");
    assert_payload(&found, &bench.lab.truth().to_json());
}

#[test]
fn routinator_finds_the_truth_over_rsync() {
    if !is_installed("routinator") || !is_installed("rsync") {
        return;
    }
    let bench = Bench::start();
    let directory = tempfile::tempdir().unwrap();
    let found = validate(&bench.lab, directory.path(), "--disable-rrdp");
    assert_payload(&found, &bench.lab.truth().to_json());
}

#[test]
fn routinator_follows_a_change_by_delta() {
    if !is_installed("routinator") {
        return;
    }
    let mut bench = Bench::with(RsyncUse::Never);
    let lab = &mut bench.lab;
    let directory = tempfile::tempdir().unwrap();
    let before = validate(lab, directory.path(), "--disable-rsync");
    let prefix = "192.0.2.128/26".parse().unwrap();
    let prefixes = vec![RoaPrefix { prefix, max_length: Some(27) }];
    let roa = Roa { name: "added".into(), asn: Asn(64501), prefixes };
    lab.add_roa("birch", roa, provost::clock::now()).unwrap();
    let after = validate(lab, directory.path(), "--disable-rsync");
    let asked =
        |name: &str| lab.requests().iter().filter(|request| request.path.ends_with(name)).count();
    // Each of four servers gave its snapshot once; the change came as a delta.
    assert_eq!((asked("/snapshot.xml"), asked("/2/delta.xml")), (4, 1));
    assert_ne!(before["roas"], after["roas"]);
    assert_payload(&after, &lab.truth().to_json());
    lab.remove_roa("birch", "added", provost::clock::now()).unwrap();
    let removed = validate(lab, directory.path(), "--disable-rsync");
    assert_eq!(before["roas"], removed["roas"]);
}
