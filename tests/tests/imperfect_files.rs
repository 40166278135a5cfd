//! Files as people have them, through the driver: what is listed, what is loaded, and what is said of the rest.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]
use weighbridge_loader::api::{Finding, Selection, Severity};
use weighbridge_loader::formats::build::{GgufBuilder, SafetensorsBuilder};
use weighbridge_loader::formats::pickle::build::{PickleBuilder, archive};
use weighbridge_loader::types::{Cause, Error};
use weighbridge_tests::files::{File, Model};
use weighbridge_tests::harness::{Harness, Setup};
use weighbridge_tests::native::Native;
use weighbridge_tests::run::{options, selection};

const ONE: &str = "model-00001-of-00002.safetensors";
const TWO: &str = "model-00002-of-00002.safetensors";

fn shard(names: &[&str]) -> Vec<u8> {
    names.iter().fold(SafetensorsBuilder::new(), |file, name| file.tensor(name, "U8", &[4], &[7; 4])).build()
}

fn model(files: Vec<(&str, Vec<u8>)>) -> Model {
    let files: Vec<File> = files.into_iter().map(|(name, bytes)| File { name: name.into(), bytes }).collect();
    Model { given: files.len(), files, tensors: Vec::new() }
}

fn sharded(map: &[(&str, &str)], one: Vec<u8>, two: Vec<u8>) -> Model {
    let map: Vec<String> = map.iter().map(|(tensor, file)| format!("\"{tensor}\":\"{file}\"")).collect();
    let index = format!("{{\"weight_map\":{{{}}}}}", map.join(","));
    model(vec![("model.safetensors.index.json", index.into_bytes()), (ONE, one), (TWO, two)])
}

fn open(model: &Model) -> Result<Native, Error> {
    Native::open(model, &Setup::default(), &[])
}

fn load(host: &mut Native, which: &Selection) -> Result<u32, Error> {
    host.load(which, &options(&["mapped-file".to_owned()])).map(|report| report.tensors)
}

fn rules(findings: &[Finding]) -> Vec<(&str, Severity)> {
    findings.iter().map(|finding| (finding.rule.as_str(), finding.severity)).collect()
}

#[test]
fn a_tensor_that_no_shard_has() {
    let map = [("a", ONE), ("b", ONE), ("mtp.fc", TWO), ("c", TWO)];
    let mut host = open(&sharded(&map, shard(&["a", "b"]), shard(&["c"]))).unwrap();
    assert_eq!(host.tensors().iter().map(|tensor| tensor.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(rules(&host.findings()), [("absent-tensors", Severity::Error)]);
    let error = load(&mut host, &Selection::All).unwrap_err();
    assert!(error.cause == Cause::Malformed && error.message.contains("\"mtp.fc\""), "{error:?}");
    assert_eq!(load(&mut host, &selection("glob:[abc]")), Ok(3));
}

#[test]
fn a_tensor_that_the_index_does_not_name() {
    let map = [("a", ONE), ("c", TWO)];
    let mut host = open(&sharded(&map, shard(&["a"]), shard(&["experts.1", "c"]))).unwrap();
    assert_eq!(rules(&host.findings()), [("unindexed-tensors", Severity::Warning)]);
    assert_eq!(load(&mut host, &Selection::All), Ok(2));
    assert!(load(&mut host, &selection("glob:experts*")).is_err());
}

#[test]
fn a_tensor_of_a_type_that_is_not_known() {
    let file = GgufBuilder::new().tensor("q", 137, &[256], &[0; 76]).tensor("w", 24, &[4], &[1; 4]).build();
    let mut host = open(&model(vec![("m.gguf", file)])).unwrap();
    assert_eq!(rules(&host.findings()), [("unknown-dtype", Severity::Error)]);
    for which in [Selection::All, selection("0")] {
        let error = load(&mut host, &which).unwrap_err();
        assert_eq!((error.cause, error.tensor, error.source), (Cause::UnsupportedDtype, Some(0), Some(0)));
        assert!(error.message.contains("IQ2_K of ik_llama.cpp"), "{error:?}");
    }
    assert_eq!(load(&mut host, &selection("1")), Ok(1));
}

/// What only Python could make is listed and named; the others load.
#[test]
fn a_tensor_that_depends_on_what_python_would_import() {
    let good = PickleBuilder::new(2).raw(b"}(").text("a").tensor("ByteStorage", "0", 4, 0, &[4], &[1]);
    let model_of = good.text("model").global("evil", "Model").raw(b")\x81}(").text("w");
    let pickle = model_of.tensor("ByteStorage", "0", 4, 0, &[2], &[1]).raw(b"ubu").stop();
    let file = archive(&pickle, &[("0", &[7; 4])]).build();
    let at = file.windows(5).position(|window| window == b"cevil").unwrap() as u64;
    let mut host = open(&model(vec![("m.pt", file)])).unwrap();
    let told: Vec<_> = host.tensors().iter().map(|tensor| (tensor.name.clone(), tensor.shape.clone())).collect();
    assert_eq!(told, [("a".to_owned(), vec![4]), ("model.w".to_owned(), vec![2])]);
    let findings = host.findings();
    assert_eq!(rules(&findings), [("pytorch-code", Severity::Warning), ("unreadable-tensor", Severity::Error)]);
    assert_eq!((findings[1].tensor, findings[1].offset), (Some(1), Some(at)));
    for which in [Selection::All, selection("1")] {
        let error = load(&mut host, &which).unwrap_err();
        assert_eq!((error.cause, error.tensor, error.offset), (Cause::UnsupportedFormat, Some(1), Some(at)));
        assert!(
            error
                .message
                .contains(&format!("depends on evil.Model, which PyTorch would import (it is named at byte {at})"))
        );
    }
    assert_eq!(load(&mut host, &selection("0")), Ok(1));
}

#[test]
fn a_tensor_that_is_no_span() {
    let mut host = open(&weighbridge_tests::files::named("pytorch-strided").unwrap()).unwrap();
    assert_eq!(rules(&host.findings()), [("strided-tensors", Severity::Error)]);
    assert!(load(&mut host, &Selection::All).is_err());
}

/// Whatever stands where a shard should be, the shard is named.
#[test]
fn a_shard_that_is_none_is_named() {
    let map = [("a", ONE), ("c", TWO)];
    let good = shard(&["c"]);
    let lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:abab\nsize 4976698672\n".to_vec();
    for (two, cause, said) in [
        (lfs, Cause::NotAModel, "4,976,698,672 bytes were not fetched"),
        (b"<!doctype html><html><title>Sign in</title>".to_vec(), Cause::NotAModel, "a web page"),
        (vec![0; 4096], Cause::NotAModel, "zeros"),
        (good[..good.len() - 1].to_vec(), Cause::EndOfSource, "it is cut off"),
        (good[..20].to_vec(), Cause::EndOfSource, "has 20 of at least"),
        (Vec::new(), Cause::EndOfSource, "empty"),
    ] {
        let error = open(&sharded(&map, shard(&["a"]), two)).err().unwrap();
        assert_eq!((error.cause, error.source), (cause, Some(2)), "{error:?}");
        assert!(error.message.contains(TWO) && error.message.contains(said), "{error:?}");
    }
}

#[test]
fn every_missing_file_is_named() {
    let map: Vec<(String, String)> = (0..13).map(|n| (format!("t{n}"), format!("s-{n}.safetensors"))).collect();
    let map: Vec<String> = map.iter().map(|(tensor, file)| format!("\"{tensor}\":\"{file}\"")).collect();
    let index = format!("{{\"weight_map\":{{{}}}}}", map.join(","));
    let mut host = open(&model(vec![("m.safetensors.index.json", index.into_bytes())])).unwrap();
    let error = load(&mut host, &Selection::All).unwrap_err();
    assert!(error.message.contains("13 of") && error.message.contains("s-9.safetensors"), "{error:?}");
    assert!(error.message.contains("and 3 more"), "{error:?}");
}

/// As many slots as files, where nobody says otherwise.
#[test]
fn a_model_of_many_files_is_mapped() {
    let names: Vec<String> = (0..300).map(|n| format!("s-{n}: \"it's\" {n}.safetensors")).collect();
    let map: Vec<String> = names.iter().enumerate().map(|(n, name)| format!("\"t{n}\":{name:?}")).collect();
    let index = format!("{{\"weight_map\":{{{}}}}}", map.join(",")).into_bytes();
    let shards: Vec<(String, Vec<u8>)> =
        names.iter().enumerate().map(|(n, name)| (name.clone(), shard(&[&format!("t{n}")]))).collect();
    let mut files = vec![("m.safetensors.index.json", index)];
    files.extend(shards.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())));
    let mut host = open(&model(files)).unwrap();
    assert_eq!(load(&mut host, &Selection::All), Ok(300));
}
