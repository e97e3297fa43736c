//! The layers of the source, read from the source: arrows point left, and the core is pure.

#![expect(clippy::expect_used, reason = "a source tree that cannot be read is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules, each layer after the ones that it may use. Modules in one layer are independent.
const LAYERS: &[&[&str]] = &[
    &["model"],
    &["object", "ca"],
    &["payload", "bgp"],
    &["validate", "origin"],
    &["world"],
    &["store"],
    &["clock", "system"],
    &["fetch"],
    &["output"],
    &["rtr"],
    &["http"],
    &["lab"],
    &["config"],
    &["service"],
    &["cli"],
];

/// Pure code: no sockets, files, environment, processes, clock, runtime or randomness.
const PURE: &[&str] = &[
    "model",
    "object",
    "ca",
    "payload",
    "bgp",
    "validate",
    "origin",
    "world/world.rs",
    "world/assemble.rs",
    "world/format.rs",
    "world/view.rs",
    "world/answer.rs",
    "world/freshness.rs",
    "world/slurm.rs",
    "world/status.rs",
    "store/select.rs",
    "fetch/plan.rs",
    "fetch/backoff.rs",
    "rtr/encode.rs",
    "rtr/guard.rs",
    "rtr/history.rs",
    "rtr/inbox.rs",
    "rtr/pdu.rs",
    "service/schedule.rs",
    "service/admission.rs",
    "service/suspects.rs",
];

/// What pure code does not name.
const IMPURE: &[&str] = &[
    "tokio",
    "reqwest",
    "rusqlite",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::env",
    "std::process",
    "SystemTime",
    "Instant::now",
    "crate::clock",
    "crate::system",
    "Uuid::new_v4",
    "thread_rng",
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the source folder can be read") {
        let path = entry.expect("an entry of the source folder can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Returns each file below `src` with its code: no tests, no comments.
fn code() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file is text");
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let name = path.strip_prefix(&root).expect("the file lies below src");
        (name.to_string_lossy().into_owned(), lines.collect::<Vec<_>>().join("\n"))
    };
    // Modules with these names are declared under `cfg(test)`.
    let tests_only = |name: &str| {
        name.split(['/', '.']).any(|part| matches!(part, "tests" | "testing" | "fixture"))
    };
    files.into_iter().map(read).filter(|(name, _)| !tests_only(name)).collect()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Returns the modules that `code` names as `crate::NAME`, also in `use crate::{a, b}`.
fn used(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let word = |text: &str| -> String {
            text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        };
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = true;
            for (at, c) in list.char_indices() {
                match c {
                    '}' if depth == 0 => break,
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    c if start && !c.is_whitespace() => {
                        names.push(word(&list[at..]));
                        start = false;
                    }
                    _ => {}
                }
            }
        } else {
            names.push(word(rest));
        }
    }
    names
}

#[test]
fn arrows_point_left() {
    let mut wrong = Vec::new();
    for (file, code) in code() {
        let module = file.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        if matches!(module, "lib" | "main") {
            continue;
        }
        let own = layer(module).unwrap_or_else(|| panic!("{file} is in no layer"));
        for name in used(&code) {
            match layer(&name) {
                Some(_) if name == module => {}
                Some(other) if other < own => {}
                _ => wrong.push(format!("{file} uses crate::{name}")),
            }
        }
    }
    assert!(wrong.is_empty(), "these arrows point right: {wrong:#?}");
}

#[test]
fn the_core_is_pure() {
    let mut wrong = Vec::new();
    for (file, code) in code() {
        if !PURE.iter().any(|pure| file == *pure || file.starts_with(&format!("{pure}/"))) {
            continue;
        }
        for impure in IMPURE.iter().filter(|impure| code.contains(**impure)) {
            wrong.push(format!("{file} names {impure}"));
        }
    }
    assert!(wrong.is_empty(), "pure code that is not: {wrong:#?}");
}

#[test]
fn every_pure_path_exists() {
    let files = code();
    for pure in PURE {
        let found = files.keys().any(|file| file == pure || file.starts_with(&format!("{pure}/")));
        assert!(found, "{pure} is named here, but is not below src");
    }
}

#[test]
fn the_reader_of_this_test_sees_lists() {
    let names = used("use crate::{a, b::{c, d}, e};\nuse crate::f::g;\nlet x = crate::h(1);");
    assert_eq!(names, ["a", "b", "e", "f", "h"]);
}
