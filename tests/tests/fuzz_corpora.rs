//! The corpora of the fuzz targets, run without a fuzzer: what a run once reached, and what once failed, holds at each test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so by failing"
)]
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use weighbridge_tests::fuzz::TARGETS;

/// All corpora together: small enough to be in a repository.
const MOST_BYTES: u64 = 300_000;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = listed.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn stems(folder: &str) -> BTreeSet<String> {
    files(&fuzz().join(folder)).iter().map(|file| file.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_input_of_every_corpus_holds() {
    for (name, target) in TARGETS {
        let inputs = files(&fuzz().join("corpus").join(name));
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for file in inputs {
            let input = fs::read(&file).unwrap();
            let run = std::panic::catch_unwind(|| target(&input));
            assert!(run.is_ok(), "{} fails", file.display());
        }
    }
}

#[test]
fn every_target_has_a_program_and_a_corpus() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names.len(), TARGETS.len(), "a name stands there twice");
    assert_eq!(stems("targets"), names);
    assert_eq!(stems("corpus"), names);
}

#[test]
fn corpora_are_small() {
    let inputs = TARGETS.iter().flat_map(|(name, _)| files(&fuzz().join("corpus").join(name)));
    let bytes: u64 = inputs.map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!(bytes <= MOST_BYTES, "{bytes} bytes: make them again with `cargo xtask fuzz --keep`");
}
