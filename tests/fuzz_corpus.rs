//! The corpus of the fuzz targets, replayed: whatever was found once stays found.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends by a panic")]

#[path = "../fuzz/src/entries.rs"]
#[expect(dead_code, reason = "one function is for the seeds alone")]
mod entries;
#[path = "../fuzz/src/point.rs"]
#[expect(dead_code, reason = "the seeds are written by fuzz/examples/seeds.rs")]
mod point;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

#[test]
fn every_input_of_the_corpus_is_survived() {
    for (name, entry) in entries::ENTRIES {
        let directory = fs::read_dir(corpus().join(name)).expect(name);
        let mut files: Vec<_> = directory.map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            let bytes = fs::read(&file).unwrap();
            let result = std::panic::catch_unwind(|| entry(&bytes));
            assert!(result.is_ok(), "{} is not survived", file.display());
        }
    }
}

#[test]
fn every_target_has_an_entry_and_a_corpus() {
    let names: BTreeSet<_> = entries::ENTRIES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let targets = corpus().parent().unwrap().join("fuzz_targets");
    let files = fs::read_dir(targets).unwrap().map(|file| file.unwrap().path());
    let targets = files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    assert_eq!(targets.collect::<BTreeSet<_>>(), names);
    let directories = fs::read_dir(corpus()).unwrap().map(|file| file.unwrap());
    let directories = directories.filter(|entry| entry.path().is_dir());
    let directories = directories.map(|entry| entry.file_name().into_string().unwrap());
    assert_eq!(directories.collect::<BTreeSet<_>>(), names);
}

#[test]
fn the_corpus_is_small() {
    let sizes = fs::read_dir(corpus())
        .unwrap()
        .filter_map(|directory| fs::read_dir(directory.unwrap().path()).ok());
    let sizes = sizes.flatten().map(|file| file.unwrap().metadata().unwrap().len());
    assert!(sizes.sum::<u64>() < 1_000_000, "the corpus has a megabyte at most");
}
