//! `docs/limits.md` names every limit of the source, with its value.

use std::fs;
use std::path::Path;

#[test]
fn every_limit_is_on_its_page_with_its_value() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/limits.md")).expect("docs/limits.md");
    let mut limits = 0;
    for entry in fs::read_dir(root.join("src")).expect("src") {
        let path = entry.expect("an entry").path().join("limits.rs");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for line in text.lines().map(str::trim).filter(|line| line.starts_with("pub")) {
            // Values that take more than one line, and types, are left to the source.
            let Some((name, value)) = line
                .split_once("const ")
                .and_then(|(_, rest)| rest.split_once(':'))
                .and_then(|(name, rest)| Some((name, rest.split_once(" = ")?.1)))
            else {
                continue;
            };
            let Some(value) = value.strip_suffix(';') else { continue };
            limits += 1;
            let row = format!("| `{name}` | `{value}` |");
            assert!(page.contains(&row), "{}: docs/limits.md lacks {row}", path.display());
        }
    }
    assert!(limits > 30, "found only {limits} limits");
}
