//! Pages that say what the code does are complete, and their links lead somewhere.

use std::path::Path;

#[test]
fn the_page_of_reason_codes_is_that_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reasons.md");
    let wanted = provost::cli::explain::markdown();
    if std::env::var_os("PROVOST_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).expect("the page can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    // Said in words: the whole page twice would help nobody.
    assert!(
        found == wanted,
        "docs/reasons.md is not what the table says: \
         `PROVOST_UPDATE_DOCS=1 cargo test --test docs` writes it again"
    );
}

fn project(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns what stands between `start` and the next quote, for each place.
fn quoted<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    let pieces = text.split(start).skip(1);
    pieces.filter_map(|piece| piece.split('"').next()).collect()
}

#[test]
fn every_path_is_on_the_page_on_http() {
    let page = project("docs/http.md");
    let (router, payload) = (project("src/http/router.rs"), project("src/http/payload.rs"));
    let paths = quoted(&router, ".route(\"").into_iter().chain(quoted(&payload, "    (\""));
    let mut count = 0;
    for path in paths {
        // `/v1/validity/{asn}/{*prefix}` is described as `/v1/validity/AS/PREFIX`.
        let fixed = path.split('{').next().unwrap_or_default();
        assert!(page.contains(fixed), "docs/http.md does not know {path}");
        count += 1;
    }
    assert!(count >= 24, "the sources of the paths are read");
}

#[test]
fn every_metric_is_on_the_page_on_http() {
    let page = project("docs/http.md");
    let source = project("src/http/metrics.rs");
    let counters = project("src/http/counters.rs");
    let mut count = 0;
    for name in quoted(&source, "\"provost_").into_iter().chain(quoted(&counters, "\"provost_")) {
        assert!(page.contains(&format!("`provost_{name}")), "docs/http.md lacks provost_{name}");
        count += 1;
    }
    assert!(count >= 10, "the sources of the metrics are read: {count}");
}

#[test]
fn every_link_leads_to_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).expect("there are docs").flatten();
    let docs = docs.filter(|entry| entry.path().extension().is_some_and(|e| e == "md"));
    let docs = docs.map(|entry| format!("docs/{}", entry.file_name().to_string_lossy()));
    let pages = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(String::from);
    for page in pages.into_iter().chain(docs) {
        let text = project(&page);
        let folder = Path::new(&page).parent().unwrap_or(Path::new(""));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            assert!(root.join(folder).join(target).exists(), "{page} links to {link}");
        }
    }
}
