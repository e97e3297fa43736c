//! Pages that are made from the code are what the code makes.

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
