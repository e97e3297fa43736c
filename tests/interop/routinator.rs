//! Routinator 0.16.0-rc1, over RRDP and over rsync.
//!
//! It takes IP addresses and ports in URIs with `--allow-dubious-hosts` only, and the lab's HTTPS
//! with `--rrdp-root-cert`. The configuration file keeps the user's own one out.

use std::fs;
use std::path::Path;

use provost::ca::RoaPrefix;
use provost::lab::{Lab, Roa, RsyncUse};
use provost::model::Asn;
use serde_json::Value;
use tokio::process::Command;

use crate::support::{is_installed, lab, run};

/// Lets Routinator validate the lab, with its cache in `directory`.
async fn validate(lab: &Lab, directory: &Path, transport: &str) -> Value {
    let config = directory.join("routinator.conf");
    let cache = directory.join("cache");
    fs::create_dir_all(&cache).unwrap();
    fs::write(&config, format!("repository-dir = {cache:?}\n")).unwrap();
    let mut command = Command::new("routinator");
    command.arg("--config").arg(&config);
    command.arg("--no-rir-tals").arg("--extra-tals-dir").arg(lab.tal_directory());
    command.arg("--rrdp-root-cert").arg(lab.tls_root());
    command.args(["--allow-dubious-hosts", transport, "vrps", "--format", "json"]);
    serde_json::from_slice(&run(&mut command).await.stdout).unwrap()
}

/// Compares VRPs, router keys and ASPAs, in any order.
fn assert_truth(found: &Value, lab: &Lab) {
    let truth = lab.truth().to_json();
    for kind in ["roas", "routerKeys", "aspas"] {
        let sorted = |value: &Value| {
            let mut items: Vec<_> =
                value[kind].as_array().unwrap().iter().map(Value::to_string).collect();
            items.sort();
            items
        };
        assert_eq!(sorted(found), sorted(&truth), "{kind}");
    }
}

#[tokio::test]
async fn routinator_finds_the_truth_over_rrdp() {
    if !is_installed("routinator").await {
        return;
    }
    // Without rsync every server of the lab has RRDP.
    let lab = lab(RsyncUse::Never).await;
    let directory = tempfile::tempdir().unwrap();
    assert_truth(&validate(&lab, directory.path(), "--disable-rsync").await, &lab);
}

#[tokio::test]
async fn routinator_finds_the_truth_over_rsync() {
    if !is_installed("routinator").await || !is_installed("rsync").await {
        return;
    }
    let lab = lab(RsyncUse::WhereInstalled).await;
    let directory = tempfile::tempdir().unwrap();
    assert_truth(&validate(&lab, directory.path(), "--disable-rrdp").await, &lab);
}

#[tokio::test]
async fn routinator_follows_a_change_by_delta() {
    if !is_installed("routinator").await {
        return;
    }
    let mut lab = lab(RsyncUse::Never).await;
    let directory = tempfile::tempdir().unwrap();
    let before = validate(&lab, directory.path(), "--disable-rsync").await;
    let prefix = "192.0.2.128/26".parse().unwrap();
    let prefixes = vec![RoaPrefix { prefix, max_length: Some(27) }];
    let roa = Roa { name: "added".into(), asn: Asn(64501), prefixes };
    lab.add_roa("birch", roa, provost::clock::now()).unwrap();
    let after = validate(&lab, directory.path(), "--disable-rsync").await;
    let asked =
        |name: &str| lab.requests().iter().filter(|request| request.path.ends_with(name)).count();
    // Each of four servers gave its snapshot once; the change came as a delta.
    assert_eq!((asked("/snapshot.xml"), asked("/2/delta.xml")), (4, 1));
    assert_ne!(before["roas"], after["roas"]);
    assert_truth(&after, &lab);
    lab.remove_roa("birch", "added", provost::clock::now()).unwrap();
    let removed = validate(&lab, directory.path(), "--disable-rsync").await;
    assert_eq!(before["roas"], removed["roas"]);
}
