//! FORT 1.5.4 (Debian 12), offline on the tree.
//!
//! Its repository is the tree as it is; it names no trust anchors.

use std::fs;

use tokio::process::Command;

use crate::support::{is_installed, rows, run, tree};

#[tokio::test]
async fn fort_finds_the_truth_on_the_tree() {
    if !is_installed("fort").await {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let truth = tree(directory.path());
    let output = directory.path().join("roas.csv");
    let mut command = Command::new("fort");
    command.args(["--mode=standalone", "--work-offline=true", "--output.format=csv"]);
    let argument = |name: &str, path: &std::path::Path| format!("--{name}={}", path.display());
    command.arg(argument("local-repository", directory.path()));
    command.arg(argument("tal", &directory.path().join("tals")));
    command.arg(argument("output.roa", &output));
    run(&mut command).await;
    let csv = fs::read_to_string(&output).unwrap();
    assert_eq!(rows(&csv, 3), rows(&truth.to_csv(), 3));
}
