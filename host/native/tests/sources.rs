//! Models that are no files on a disk: open files, parts of files, memory, and sources of the embedder.
#![allow(clippy::unwrap_used, clippy::panic)]
mod common;

use common::{file, loader, safetensors, value};
use std::error::Error as _;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use weighbridge::{Advice, AdviceEffect, Cause, LoadOptions, ModelFiles, Part, Selection, Session, Source, Strategy};

const NAME: &str = "model.safetensors";

fn bytes() -> Vec<u8> {
    safetensors(&[("a", 5000), ("b", 0), ("c", 70_000)])
}

fn open(part: impl Into<Part>) -> Session {
    loader().open(ModelFiles::new().part(NAME, part)).unwrap()
}

#[track_caller]
fn check(session: &Session) {
    let all: Vec<u8> = session.resident().unwrap().iter().flat_map(|tensor| tensor.to_vec()).collect();
    assert!(all == (0..75_000).map(value).collect::<Vec<u8>>());
    let mut copy = vec![0; 100];
    session.tensor("c").unwrap().copy_to(7, &mut copy).unwrap();
    assert!(copy == (5007..5107).map(value).collect::<Vec<u8>>());
}

fn load(session: &mut Session, strategy: Strategy) {
    let report = session.load(&Selection::All, &LoadOptions::new().policy(strategy)).unwrap();
    assert_eq!(report.used, Some(strategy));
    check(session);
}

#[test]
fn memory_is_mapped_where_it_is() {
    let whole: Arc<[u8]> = bytes().into();
    let mut session = open(whole.clone());
    load(&mut session, Strategy::MappedFile);
    let tensor = session.tensor("c").unwrap();
    assert!(tensor.is_mapped());
    assert!(whole.as_ptr_range().contains(&tensor.bytes().as_ptr()), "no copy was made");
    assert_eq!(session.advise(2, Advice::WillNeed).unwrap(), AdviceEffect::Unsupported);
    assert_eq!(session.files()[0].path, None);
    assert_eq!(session.residency(0), None, "the system knows no pages of it");
    drop((session, whole));
    assert_eq!(tensor.bytes()[0], value(5000), "a view outlives its session");
    for strategy in [Strategy::ReadCopy, Strategy::StagedRead] {
        load(&mut open(bytes()), strategy);
    }
}

#[test]
fn an_open_file_is_read_whatever_its_name_means_by_now() {
    let (_folder, path) = file(NAME, &bytes());
    let mut session = open(File::open(&path).unwrap());
    fs::rename(&path, path.with_extension("old")).unwrap();
    load(&mut session, Strategy::MappedFile);
    #[cfg(unix)]
    load(&mut open(std::os::fd::OwnedFd::from(File::open(path.with_extension("old")).unwrap())), Strategy::StagedRead);
}

#[test]
fn a_part_of_a_file_is_a_model_wherever_it_begins() {
    let model = bytes();
    for before in [0, 1, 4096, 5000] {
        let (_folder, path) = file("package", &[&vec![9; before][..], &model, &[9; 77]].concat());
        for strategy in [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead] {
            let mut session = open(Part::range(File::open(&path).unwrap(), before as u64, model.len() as u64));
            load(&mut session, strategy);
            if strategy == Strategy::MappedFile {
                for advice in Advice::ALL {
                    session.advise(2, *advice).unwrap();
                }
                check(&session);
            }
        }
        for (offset, len) in [(0, u64::MAX), (u64::MAX, 1), (before as u64 + 78, model.len() as u64)] {
            let part = Part::range(File::open(&path).unwrap(), offset, len);
            let error = loader().open(ModelFiles::new().part(NAME, part)).unwrap_err();
            assert_eq!((error.cause, error.file()), (Cause::OutOfBounds, Some(Path::new(NAME))), "{error}");
        }
    }
}

/// A source that does as it is told.
struct Told {
    bytes: Vec<u8>,
    does: AtomicU8,
    version: AtomicU64,
}

const FAILS: u8 = 1;
const LIES: u8 = 2;
const ENDS: u8 = 3;

impl Source for Told {
    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn fingerprint(&self) -> io::Result<(u64, u64)> {
        Ok((self.version.load(Relaxed), 0))
    }

    fn read_at(&self, offset: u64, to: &mut [u8]) -> io::Result<usize> {
        match self.does.load(Relaxed) {
            FAILS => return Err(io::Error::from_raw_os_error(5)),
            LIES => return Ok(to.len() + 1),
            ENDS => return Ok(0),
            _ => {}
        }
        // Short reads: no more than 1,000 bytes at a time.
        let from = &self.bytes[usize::try_from(offset).unwrap()..];
        let len = to.len().min(from.len()).min(1000);
        to[..len].copy_from_slice(&from[..len]);
        Ok(len)
    }
}

fn told() -> Arc<Told> {
    Arc::new(Told { bytes: bytes(), does: AtomicU8::new(0), version: AtomicU64::new(0) })
}

#[test]
fn a_source_that_cannot_be_mapped_is_read() {
    let mut session = open(Part::source(told()));
    let report = session.load(&Selection::All, &LoadOptions::new()).unwrap();
    assert_eq!(report.used, Some(Strategy::StagedRead));
    assert_eq!(report.refused.iter().map(|refused| refused.strategy).collect::<Vec<_>>(), [Strategy::MappedFile]);
    check(&session);
    let error =
        open(Part::source(told())).load(&Selection::All, &LoadOptions::new().policy(Strategy::MappedFile)).unwrap_err();
    assert_eq!(error.strategy, Some(Strategy::MappedFile), "{error}");
}

#[test]
fn what_a_source_does_wrong_is_an_error_that_names_it() {
    for (does, cause) in [(FAILS, Cause::Io), (ENDS, Cause::EndOfSource)] {
        for strategy in [Strategy::ReadCopy, Strategy::StagedRead] {
            let source = told();
            let mut session = open(Part::source(source.clone()));
            source.does.store(does, Relaxed);
            let error = session.load(&Selection::All, &LoadOptions::new().policy(strategy)).unwrap_err();
            assert_eq!((&error.cause, error.file()), (&cause, Some(Path::new(NAME))), "{error}");
            assert!(error.to_string().contains(NAME), "{error}");
            let io = error.source().and_then(|error| error.downcast_ref::<io::Error>());
            assert_eq!(io.and_then(io::Error::raw_os_error), (does == FAILS).then_some(5));
            source.does.store(0, Relaxed);
            load(&mut session, strategy);
        }
    }
    let source = told();
    let mut session = open(Part::source(source.clone()));
    source.does.store(LIES, Relaxed);
    let error = session.load(&Selection::All, &LoadOptions::new().policy(Strategy::ReadCopy)).unwrap_err();
    assert!(error.to_string().contains("read more than it was asked"), "{error}");
}

#[test]
fn a_source_that_changed_is_noticed() {
    let source = told();
    let mut session = open(Part::source(source.clone()));
    source.version.store(1, Relaxed);
    let error = session.load(&Selection::All, &LoadOptions::new()).unwrap_err();
    assert_eq!(error.cause, Cause::SourceChanged, "{error}");
    source.version.store(0, Relaxed);
    session.load(&Selection::All, &LoadOptions::new()).unwrap();
    check(&session);
}

const INDEX: &str = r#"{"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}"#;

fn sharded() -> ModelFiles {
    ModelFiles::new().part("model.safetensors.index.json", INDEX.as_bytes())
}

#[test]
fn shards_come_from_whoever_says_where_they_are() {
    let find = |name: &str| -> io::Result<Part> {
        match name {
            "one.safetensors" => Ok(safetensors(&[("a", 10)]).into()),
            "two.safetensors" => Ok(safetensors(&[("b", 20)]).into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    };
    let mut session = loader().open(sharded().find(find)).unwrap();
    session.load(&Selection::All, &LoadOptions::new()).unwrap();
    assert_eq!((session.tensor("a").unwrap().len(), session.tensor("b").unwrap().len()), (10, 20));
}

#[test]
fn a_shard_that_is_missing_or_broken_is_named() {
    let none = loader().open(sharded()).unwrap_err();
    assert_eq!(none.cause, Cause::NotFound, "{none}");
    assert!(["one.safetensors", "two.safetensors"].iter().all(|name| none.to_string().contains(name)), "{none}");
    let denied = loader().open(sharded().find(|_| Err(io::ErrorKind::PermissionDenied.into()))).unwrap_err();
    assert_eq!((&denied.cause, denied.file()), (&Cause::AccessDenied, Some(Path::new("one.safetensors"))), "{denied}");
    assert!(denied.source().is_some());
    let broken = |name: &str| -> io::Result<Part> {
        let good = name == "one.safetensors";
        let bad = [&64u64.to_le_bytes()[..], &[b'x'; 64]].concat();
        Ok(if good { safetensors(&[("a", 10)]) } else { bad }.into())
    };
    let error = loader().open(sharded().find(broken)).unwrap_err();
    assert_eq!((&error.cause, error.file()), (&Cause::Malformed, Some(Path::new("two.safetensors"))), "{error}");
    assert!(error.to_string().contains("two.safetensors"), "{error}");
    let escapes = r#"{"weight_map":{"a":"../one.safetensors"}}"#;
    let files = ModelFiles::new().part("model.safetensors.index.json", escapes.as_bytes());
    let error = loader().open(files.find(|name| panic!("{name} is no plain name"))).unwrap_err();
    assert_eq!(error.cause, Cause::Malformed, "{error}");
}

#[test]
fn files_and_parts_and_errors_can_be_looked_at() {
    let files = sharded().path("x.gguf").part("y.gguf", File::open(env!("CARGO_MANIFEST_DIR")).unwrap());
    let shown = format!("{:?}", files.clone());
    assert!(shown.contains("model.safetensors.index.json") && shown.contains("x.gguf"), "{shown}");
    let error = loader().open(files).unwrap_err();
    assert_eq!(error, error.clone());
    assert!(format!("{error:?}").contains("x.gguf"), "{error:?}");
}
