//! What the tests share: running a program with a deadline, and reading what it wrote.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use provost::lab::{Lab, LabOptions, RsyncUse, Truth, generate, small_internet};
use tokio::process::Command;

/// How long a program may take for a lab of a few dozen objects, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// Tells whether `program` can be started, and prints that the test is skipped if not.
pub async fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let installed = command.kill_on_drop(true).status().await.is_ok();
    if !installed {
        println!("skipped: {program} is not installed");
    }
    installed
}

/// Runs a program to its end; one that hangs or fails is a failure that shows what it said.
pub async fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(DEADLINE, command.output());
    let output = output.await.expect("ends before its deadline").expect("starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?} said:\n{said}", command.as_std());
    output
}

/// Starts the default lab.
pub async fn lab(rsync: RsyncUse) -> Lab {
    let now = provost::clock::now();
    Lab::start(LabOptions { plan: small_internet(), seed: 0, now, rsync }).await.unwrap()
}

/// Writes the default lab to disk, as of now, readable and writable for everybody: programs that
/// are started as root become somebody else.
pub fn tree(directory: &Path) -> Truth {
    generate(directory, small_internet(), 0, provost::clock::now()).unwrap();
    open_to_all(directory);
    small_internet().truth()
}

pub fn open_to_all(path: &Path) {
    let mode = if path.is_dir() { 0o777 } else { 0o666 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            open_to_all(&entry.unwrap().path());
        }
    }
}

/// Returns the first `columns` columns of a CSV, without its head.
pub fn rows(csv: &str, columns: usize) -> BTreeSet<String> {
    let row = |line: &str| line.split(',').take(columns).collect::<Vec<_>>().join(",");
    csv.lines().skip(1).filter(|line| !line.is_empty()).map(row).collect()
}
