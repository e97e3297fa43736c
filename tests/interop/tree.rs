//! The default lab on disk, and the CSV that other validators write about it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use provost::lab::{Truth, generate, small_internet};

/// Writes the default lab to disk, as of now, readable and writable for everybody: programs that
/// are started as root become somebody else.
pub fn tree(directory: &Path) -> Truth {
    generate(directory, small_internet(), 0, provost::clock::now()).unwrap();
    open_to_all(directory);
    small_internet().truth()
}

/// Makes a directory that everybody may write to.
pub fn open_directory(path: &Path) {
    fs::create_dir(path).unwrap();
    open_to_all(path);
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
pub fn columns(csv: &str, columns: usize) -> BTreeSet<String> {
    let row = |line: &str| line.split(',').take(columns).collect::<Vec<_>>().join(",");
    csv.lines().skip(1).filter(|line| !line.is_empty()).map(row).collect()
}
