//! Models of which not all is there, opened to be listed: what is listed, what is found, and that `load` stays strict.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]
use weighbridge_loader::api::{Selection, SessionOptions, Severity};
use weighbridge_loader::formats::build::{GgufBuilder, NpyBuilder, SafetensorsBuilder, Value};
use weighbridge_loader::types::{Cause, Error};
use weighbridge_tests::files::{File, Model};
use weighbridge_tests::harness::{Harness, Setup, default_options};
use weighbridge_tests::native::Native;
use weighbridge_tests::run::{options, selection};

const ONE: &str = "model-00001-of-00002.safetensors";
const TWO: &str = "model-00002-of-00002.safetensors";

fn model(files: Vec<(&str, Vec<u8>)>, given: usize) -> Model {
    let files: Vec<File> = files.into_iter().map(|(name, bytes)| File { name: name.into(), bytes }).collect();
    Model { given, files, tensors: Vec::new() }
}

fn open(model: &Model) -> Result<Native, Error> {
    let options = SessionOptions { partial: true, ..default_options() };
    Native::open(model, &Setup { options, ..Setup::default() }, &[])
}

fn load(host: &mut Native, which: &Selection) -> Result<u32, Error> {
    host.load(which, &options(&["read-copy".to_owned()])).map(|report| report.tensors)
}

fn rules(host: &mut Native) -> Vec<(String, Severity)> {
    host.findings().into_iter().map(|finding| (finding.rule, finding.severity)).collect()
}

fn names(host: &mut Native) -> Vec<String> {
    host.tensors().into_iter().map(|tensor| tensor.name).collect()
}

fn gguf() -> Vec<u8> {
    GgufBuilder::new().tensor("a", 24, &[64], &[1; 64]).tensor("b", 24, &[64], &[2; 64]).build()
}

fn shard(names: &[&str]) -> Vec<u8> {
    names.iter().fold(SafetensorsBuilder::new(), |file, name| file.tensor(name, "U8", &[64], &[7; 64])).build()
}

/// A download that has not ended, cut in its data, of every format whose header is in front.
#[test]
fn a_file_that_is_cut_off_is_listed() {
    let npy = NpyBuilder::new("|u1", &[64]).data(&[3; 64]).build();
    for (name, bytes, tensors) in
        [("m.gguf.part", gguf(), 2), ("m.incomplete", shard(&["a", "b"]), 2), ("w.npy", npy, 1)]
    {
        // In the last tensor, and right behind the header.
        for left in [bytes.len() - 1, bytes.len() - 64 * tensors] {
            let cut = model(vec![(name, bytes[..left].to_vec())], 1);
            assert_eq!(Native::open(&cut, &Setup::default(), &[]).err().unwrap().cause, Cause::EndOfSource, "{name}");
            let mut host = open(&cut).unwrap_or_else(|error| panic!("{name} of {left}: {error:?}"));
            assert_eq!(names(&mut host).len(), tensors, "{name}");
            assert_eq!(rules(&mut host), [("cut-off".to_owned(), Severity::Error)]);
            let message = &host.findings()[0].message;
            assert!(message.contains(&format!("has {left} of {} bytes", bytes.len())), "{message}");
            let error = load(&mut host, &Selection::All).unwrap_err();
            assert_eq!((error.cause, error.source), (Cause::EndOfSource, Some(0)), "{error:?}");
            assert!(error.message.contains("is cut off"), "{error:?}");
            let first_is_there = tensors > 1 && left == bytes.len() - 1;
            assert_eq!(load(&mut host, &selection("0")).is_ok(), first_is_there, "{name} of {left}");
            host.close().unwrap();
        }
    }
}

/// Where the header itself is cut there is nothing to list.
#[test]
fn a_header_that_is_cut_is_refused_all_the_same() {
    for (name, bytes) in [("m.gguf", gguf()), ("m.safetensors", shard(&["a"]))] {
        for left in [0, 3, 8, 20] {
            let error = open(&model(vec![(name, bytes[..left].to_vec())], 1)).err().unwrap();
            assert_eq!(error.cause, Cause::EndOfSource, "{name} of {left}: {error:?}");
        }
    }
    // What is wrong is not made right by it.
    let mut wrong = shard(&["a"]);
    wrong.push(0);
    assert_eq!(open(&model(vec![("m.safetensors", wrong)], 1)).err().unwrap().cause, Cause::Malformed);
}

/// Files that a model names and the host does not have: it provides those that it has, or none.
#[test]
fn what_is_there_of_a_model_of_several_files_is_listed() {
    let index = format!("{{\"weight_map\":{{\"a\":\"{ONE}\",\"b\":\"{ONE}\",\"c\":\"{TWO}\"}}}}").into_bytes();
    let files = vec![("model.safetensors.index.json", index), (ONE, shard(&["a", "b"]))];
    let mut host = open(&model(files, 1)).unwrap();
    assert_eq!(host.missing(), [ONE, TWO]);
    assert!(host.tensors().is_empty() && host.findings().is_empty(), "it is not known yet what will be there");
    host.provide(&[1]).unwrap();
    assert_eq!(names(&mut host), ["a", "b"]);
    assert_eq!(rules(&mut host), [("missing-files".to_owned(), Severity::Error)]);
    assert!(host.findings()[0].message.contains(TWO));
    let error = load(&mut host, &Selection::All).unwrap_err();
    assert!(error.cause == Cause::NotFound && error.message.contains(TWO), "{error:?}");
    assert_eq!(load(&mut host, &selection("glob:[ab]")), Ok(2));
    assert!(host.provide(&[1]).is_err(), "what is listed is not changed any more");
}

#[test]
fn a_part_of_a_split_model_is_listed_alone() {
    let part = |number: u16| {
        GgufBuilder::new()
            .kv("split.no", Value::U16(number))
            .kv("split.count", Value::U16(3))
            .tensor(&format!("t{number}"), 24, &[4], &[1; 4])
            .build()
    };
    let mut host = open(&model(vec![("m-00002-of-00003.gguf", part(1))], 1)).unwrap();
    assert_eq!(host.missing(), ["m-00001-of-00003.gguf", "m-00003-of-00003.gguf"]);
    host.provide(&[]).unwrap();
    assert_eq!((names(&mut host), rules(&mut host).len()), (vec!["t1".to_owned()], 1));
    // In a cache the names are hashes, which do not tell what the others are called.
    let mut host = open(&model(vec![("0f3a", part(2))], 1)).unwrap();
    assert!(host.missing().is_empty());
    assert_eq!(rules(&mut host), [("missing-files".to_owned(), Severity::Error)]);
    assert_eq!(names(&mut host), ["t2"]);
    assert_eq!(load(&mut host, &Selection::All).unwrap_err().cause, Cause::NotFound);
    assert_eq!(load(&mut host, &selection("0")), Ok(1));
}

/// A file that cannot be read is left out, by providing the others without it.
#[test]
fn a_shard_that_is_no_model_can_be_left_out() {
    let index = format!("{{\"weight_map\":{{\"a\":\"{ONE}\",\"c\":\"{TWO}\"}}}}").into_bytes();
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:abab\nsize 4976698672\n".to_vec();
    let files = vec![("model.safetensors.index.json", index), (ONE, shard(&["a"])), (TWO, pointer)];
    let mut host = open(&model(files, 1)).unwrap();
    let error = host.provide(&[1, 2]).unwrap_err();
    assert_eq!((error.cause, error.source), (Cause::NotAModel, Some(2)), "{error:?}");
    host.provide(&[1]).unwrap();
    assert_eq!(names(&mut host), ["a"]);
    assert_eq!(rules(&mut host), [("missing-files".to_owned(), Severity::Error)]);
}
