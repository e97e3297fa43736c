//! Provost itself, each way in: over RRDP, over rsync, from a tree, from rpki-client's cache.

use std::fs;
use std::path::Path;

use provost::lab::{Lab, RsyncUse, Truth};
use serde_json::Value;
use tokio::process::Command;

use crate::support::{is_installed, lab, run, tree};

fn provost(data: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
    command.args(words).arg("--data-dir").arg(data);
    command.env("HOME", data).env_remove("PROVOST_CONFIG").env_remove("STATE_DIRECTORY");
    command
}

/// Exports what the last run found, and compares it in any order.
async fn assert_truth(data: &Path, truth: &Truth) {
    let output = run(&mut provost(data, &["export", "--format", "json"])).await;
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let truth = truth.to_json();
    for kind in ["roas", "routerKeys", "aspas"] {
        let sorted = |value: &Value| {
            let mut items: Vec<_> =
                value[kind].as_array().unwrap().iter().map(Value::to_string).collect();
            items.sort();
            items
        };
        assert_eq!(sorted(&found), sorted(&truth), "{kind}");
    }
}

async fn sync(lab: &Lab, data: &Path, transport: &str) {
    let mut command = provost(data, &["sync", "--lab", "--no-rir-tals", transport]);
    command.arg("--allow-local-addresses").arg("--root-cert").arg(lab.tls_root());
    for tal in lab.tals() {
        command.arg("--tal").arg(tal);
    }
    run(&mut command).await;
}

#[tokio::test]
async fn provost_finds_the_truth_over_rrdp() {
    // Without rsync every server of the lab has RRDP.
    let lab = lab(RsyncUse::Never).await;
    let data = tempfile::tempdir().unwrap();
    sync(&lab, data.path(), "--no-rsync").await;
    assert_truth(data.path(), &lab.truth()).await;
    let asked = |name: &str| lab.requests().iter().filter(|r| r.path.ends_with(name)).count();
    assert_eq!(asked("/snapshot.xml"), 4);
    sync(&lab, data.path(), "--no-rsync").await;
    assert_eq!(asked("/snapshot.xml"), 4, "nothing changed, nothing is fetched again");
}

#[tokio::test]
async fn provost_finds_the_truth_over_rsync() {
    if !is_installed("rsync").await {
        return;
    }
    let lab = lab(RsyncUse::WhereInstalled).await;
    let data = tempfile::tempdir().unwrap();
    sync(&lab, data.path(), "--no-rrdp").await;
    assert_truth(data.path(), &lab.truth()).await;
    assert!(lab.requests().iter().all(|request| !request.path.contains("rrdp")));
}

/// Takes objects from a tree below `tree`, with the TALs of the lab at `lab`.
async fn sync_from(tree: &Path, lab: &Path, data: &Path) {
    let mut command = provost(data, &["sync", "--lab", "--no-rir-tals"]);
    command.arg("--from").arg(tree);
    for anchor in ["north", "east", "south"] {
        command.arg("--tal").arg(lab.join(format!("tals/{anchor}.tal")));
    }
    run(&mut command).await;
}

#[tokio::test]
async fn provost_finds_the_truth_on_a_tree() {
    let directory = tempfile::tempdir().unwrap();
    let truth = tree(directory.path());
    let data = tempfile::tempdir().unwrap();
    sync_from(directory.path(), directory.path(), data.path()).await;
    assert_truth(data.path(), &truth).await;
}

#[tokio::test]
async fn provost_finds_the_truth_in_rpki_clients_cache() {
    if !is_installed("rpki-client").await {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let lab = directory.path().join("lab");
    let truth = tree(&lab);
    // rpki-client's own copy of it: offline, it leaves just what it validated.
    let output = directory.path().join("output");
    fs::create_dir(&output).unwrap();
    crate::support::open_to_all(directory.path());
    let mut command = Command::new("rpki-client");
    command.args(["-n", "-c", "-d"]).arg(&lab);
    for anchor in ["north", "east", "south"] {
        command.arg("-t").arg(lab.join(format!("tals/{anchor}.tal")));
    }
    run(command.arg(&output)).await;
    // The certificates where only its layout has them.
    for entry in fs::read_dir(&lab).unwrap() {
        let ta = entry.unwrap().path().join("ta");
        if ta.is_dir() && ta.parent() != Some(&lab) {
            fs::remove_dir_all(ta).unwrap();
        }
    }
    let data = tempfile::tempdir().unwrap();
    sync_from(&lab, &lab, data.path()).await;
    assert_truth(data.path(), &truth).await;
}
