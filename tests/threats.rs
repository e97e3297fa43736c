//! The table of threats: complete, and every name in it exists.

#![expect(clippy::expect_used, reason = "a tree that cannot be read is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// How many rows each group has; a group is enforced once the table lists any of it.
const GROUPS: &[(char, u32)] = &[
    ('A', 37),
    ('B', 39),
    ('C', 15),
    ('D', 14),
    ('E', 37),
    ('F', 33),
    ('G', 40),
    ('H', 21),
    ('I', 25),
    ('J', 15),
    ('K', 10),
    ('L', 20),
];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// Returns the rows of the table: the id, and what proves it.
fn rows() -> Vec<(String, String)> {
    let is_id = |text: &str| {
        let digits = text.get(1..).unwrap_or_default();
        text.starts_with(|c: char| c.is_ascii_uppercase())
            && digits.len() == 2
            && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let text = read("docs/threats.md");
    let cells = text.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    cells
        .filter_map(|cells| match cells.as_slice() {
            ["", id, _, proof, ""] if is_id(id) => Some(((*id).to_owned(), (*proof).to_owned())),
            _ => None,
        })
        .collect()
}

/// Collects the names of all functions below a directory.
fn functions(directory: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("a directory of the source") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            for (_, rest) in text.match_indices("fn ").map(|(at, _)| text.split_at(at + 3)) {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                names.insert(rest.get(..end.unwrap_or_default()).unwrap_or_default().to_owned());
            }
        }
    }
}

#[test]
fn every_row_of_a_listed_group_is_there_once() {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for (id, _) in rows() {
        *counts.entry(id).or_default() += 1;
    }
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let mut wanted = BTreeSet::new();
    for (group, last) in GROUPS {
        let is_listed = counts.keys().any(|id| id.starts_with(*group));
        assert!(is_listed || !"EFGHK".contains(*group), "group {group} is missing");
        if is_listed {
            wanted.extend((1..=*last).map(|number| format!("{group}{number:02}")));
        }
    }
    assert_eq!(counts.into_keys().collect::<BTreeSet<_>>(), wanted);
}

#[test]
fn every_name_in_the_table_is_a_test_or_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = BTreeSet::new();
    functions(&root.join("src"), &mut names);
    functions(&root.join("tests"), &mut names);
    let expected = read("testdata/conformance/expected.tsv");
    names.extend(expected.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned));
    for (id, proof) in rows() {
        let named: Vec<_> = proof.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{id} names nothing that proves it");
        for name in named {
            assert!(names.contains(name), "{id}: there is no {name}");
        }
    }
}

#[test]
fn every_case_that_is_named_after_a_row_is_in_that_row() {
    let rows: BTreeMap<_, _> = rows().into_iter().collect();
    for line in read("testdata/conformance/expected.tsv").lines().skip(1) {
        let path = line.split('\t').next().unwrap_or_default();
        let name = path.trim_end_matches("/ca.mft").rsplit('/').next().unwrap_or_default();
        let id = name.get(..3).unwrap_or_default().to_ascii_uppercase();
        if let Some(proof) = rows.get(&id) {
            assert!(proof.contains(&format!("`{path}`")), "{path} is not in {id}");
        }
    }
}

#[test]
fn every_proof_on_the_page_on_conformance_is_a_test_or_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = BTreeSet::new();
    functions(&root.join("src"), &mut names);
    let expected = read("testdata/conformance/expected.tsv");
    names.extend(expected.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned));
    let mut count = 0;
    for line in read("docs/conformance.md").lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let ["", .., proof, ""] = cells.as_slice() else { continue };
        for name in proof.split('`').skip(1).step_by(2) {
            assert!(names.contains(name), "there is no {name}");
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
}
