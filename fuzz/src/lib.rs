//! What the fuzz targets call; `tests/fuzz_corpus.rs` of the package replays the corpus with it.

pub mod entries;
pub mod point;
