//! rpki-client 8.2 (Debian 12), offline on the tree.
//!
//! The tree is its cache as it is: `HOST/MODULE/PATH` and `ta/NAME/NAME.cer`. Started as root it
//! becomes `_rpki-client`, so the tree must be open. It drops ASPAs of version 1, being older.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tokio::process::Command;

use crate::support::{is_installed, rows, run, tree};

#[tokio::test]
async fn rpki_client_finds_the_truth_on_the_tree() {
    if !is_installed("rpki-client").await {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let truth = tree(directory.path());
    let output = directory.path().join("output");
    fs::create_dir(&output).unwrap();
    fs::set_permissions(&output, fs::Permissions::from_mode(0o777)).unwrap();
    let mut command = Command::new("rpki-client");
    // Offline; CSV only; the cache is the tree.
    command.args(["-n", "-c", "-d"]).arg(directory.path());
    for anchor in ["north", "east", "south"] {
        command.arg("-t").arg(directory.path().join(format!("tals/{anchor}.tal")));
    }
    run(command.arg(&output)).await;
    let csv = fs::read_to_string(output.join("csv")).unwrap();
    assert_eq!(rows(&csv, 4), rows(&truth.to_csv(), 4));
}
