//! rpki-client 8.2 (Debian 12), offline on the tree.
//!
//! The tree is its cache as it is: `HOST/MODULE/PATH` and `ta/NAME/NAME.cer`. Started as root it
//! becomes `_rpki-client`, so the tree must be open. It drops ASPAs of version 1, being older.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
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

/// Removes what differs on purpose: 8.2 writes colons between octets, and a vCard as it is.
fn comparable(key: &str, value: &Value) -> Option<Value> {
    match (key, value) {
        // The verdict is on a chain there, and on the object alone here.
        ("file" | "validation" | "vcard", _) => None,
        ("ski" | "aki", Value::String(text)) => Some(text.replace(':', "").into()),
        _ => Some(value.clone()),
    }
}

#[tokio::test]
async fn inspect_shows_every_field_that_rpki_client_shows() {
    if !is_installed("rpki-client").await {
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
        let theirs: Value = serde_json::from_slice(&run(&mut command).await.stdout).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
        let ours = run(command.args(["inspect", "--json"]).arg(&path)).await.stdout;
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
