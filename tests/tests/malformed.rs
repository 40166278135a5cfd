//! Malformed files through the component: one clear error each, and the runtime goes on. Every case of the list is tested
//! against the parser, in the component's own tests; here a sample crosses the bridge.
#![cfg(feature = "component")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]
use std::time::Instant;
use weighbridge::{Cause, LoadOptions, Phase, Selection};
use weighbridge_loader::formats::build::{GgufBuilder, NpyBuilder, SafetensorsBuilder, Value};
use weighbridge_loader::formats::pickle::build::{PickleBuilder, archive};
use weighbridge_loader::formats::zip::build::ZipBuilder;
use weighbridge_tests::component::{Component, runtime};
use weighbridge_tests::files::{self, File, Model};
use weighbridge_tests::harness::{Harness, Setup};

fn valid() -> GgufBuilder {
    GgufBuilder::new()
        .kv("general.architecture", Value::text("llama"))
        .kv("a.numbers", Value::numbers(&[1, 2, 3]))
        .tensor("one", 0, &[8, 2], &[1; 64])
        .tensor("two", 2, &[32], &[2; 18])
}

fn parts(count: u32) -> GgufBuilder {
    GgufBuilder::new().kv("split.no", Value::U16(0)).kv("split.count", Value::U32(count))
}

fn safetensors(json: &str) -> Vec<u8> {
    SafetensorsBuilder::new().json(json.as_bytes()).build()
}

/// Name, bytes, cause, field.
fn cases() -> Vec<(&'static str, Vec<u8>, Cause, &'static str)> {
    let bad = |file: GgufBuilder, cause, field| (file.build(), cause, field);
    let gguf: Vec<(Vec<u8>, Cause, &str)> = vec![
        (Vec::new(), Cause::EndOfSource, "magic"),
        (b"GG".to_vec(), Cause::EndOfSource, "magic"),
        (b"PK\x03\x04 begins like a ZIP archive".to_vec(), Cause::EndOfSource, "zip.end"),
        bad(valid().version(1), Cause::UnsupportedFormat, "version"),
        bad(valid().version(4), Cause::UnsupportedFormat, "version"),
        bad(valid().version(3 << 24), Cause::UnsupportedFormat, "version"),
        bad(valid().claim_tensors(u64::MAX), Cause::Malformed, "tensor_count"),
        bad(valid().claim_tensors(1_000_000), Cause::EndOfSource, "tensor_count"),
        bad(valid().claim_entries(1 << 63), Cause::Malformed, "metadata_kv_count"),
        bad(valid().kv("general.architecture", Value::text("again")), Cause::Malformed, "kv[\"general.architecture\"]"),
        bad(valid().kv("b", Value::Bool(2)), Cause::Malformed, "kv[\"b\"]"),
        bad(valid().kv("b", Value::Raw(13, vec![0; 8])), Cause::Malformed, "kv[\"b\"].type"),
        bad(valid().kv("b", Value::Array(8, (1 << 61) + 1, Vec::new())), Cause::Malformed, "kv[\"b\"].count"),
        bad(valid().kv("general.alignment", Value::U32(48)), Cause::Malformed, "kv[\"general.alignment\"]"),
        bad(parts(65_536), Cause::LimitExceeded, "kv[\"split.count\"]"),
        bad(parts(u32::MAX), Cause::LimitExceeded, "kv[\"split.count\"]"),
        bad(valid().tensor("one", 0, &[1], &[0; 4]), Cause::Malformed, "tensor_infos[2].name"),
        bad(valid().tensor_at(b"far", 0, &[1], (1 << 40) + 32), Cause::Malformed, "tensor_infos[2].offset"),
        bad(valid().tensor_at(b"odd", 0, &[1], 1), Cause::Malformed, "tensor_infos[2].offset"),
        bad(valid().tensor_at(b"same", 0, &[16], 0), Cause::Malformed, "tensor_infos[2].offset"),
        bad(valid().tensor_at(b"big", 0, &[1 << 32, 1 << 32], 0), Cause::Malformed, "tensor_infos[2].dims"),
    ];
    let json: Vec<(Vec<u8>, Cause, &str)> = vec![
        (SafetensorsBuilder::new().claim_length(u64::MAX).build(), Cause::Malformed, "header.length"),
        (SafetensorsBuilder::new().claim_length(100_000_001).build(), Cause::Malformed, "header.length"),
        (SafetensorsBuilder::new().claim_length(3).build(), Cause::EndOfSource, "header.length"),
        (safetensors("[]"), Cause::Malformed, "header"),
        (safetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}"), Cause::Malformed, ""),
        (safetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}"), Cause::Malformed, ""),
        (safetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"), Cause::EndOfSource, ""),
        (SafetensorsBuilder::new().tensor("x", "U8", &[4], &[0; 4]).data(b"polyglot").build(), Cause::Malformed, ""),
    ];
    let npy = |descr: &str, cause| (NpyBuilder::new(descr, &[1]).data(&[0; 4]).build(), cause, "header.descr");
    let numpy: Vec<(Vec<u8>, Cause, &str)> = vec![
        (b"\x93NUM".to_vec(), Cause::EndOfSource, "magic"),
        npy(">f4", Cause::UnsupportedFormat),
        npy("|O", Cause::UnsupportedDtype),
        (NpyBuilder::new("<f4", &[2]).data(&[0; 4]).build(), Cause::EndOfSource, "tensor_data"),
        (NpyBuilder::new("<f4", &[]).data(&[0; 8]).build(), Cause::Malformed, "tensor_data"),
    ];
    let arrays: Vec<(Vec<u8>, Cause, &str)> = vec![
        (ZipBuilder::new().entry("a.npy", b"").build(), Cause::EndOfSource, "arrays[\"a\"].magic"),
        (ZipBuilder::new().entry("../a.npy", b"").build(), Cause::Malformed, "zip.directory[0].name"),
        (ZipBuilder::new().entry("word/document.xml", b"").build(), Cause::NotAModel, "zip.directory"),
    ];
    let pickle = |pickle: PickleBuilder| archive(&pickle.stop(), &[("0", &[0; 48])]).build();
    let one = |key: &str, count, shape: &[i64]| {
        PickleBuilder::new(2).raw(b"}(").text("w").tensor("FloatStorage", key, count, 0, shape, &[1]).raw(b"u")
    };
    let checkpoints: Vec<(Vec<u8>, Cause, &str)> = vec![
        (pickle(one("1", 12, &[12])), Cause::Malformed, "storage[\"1\"]"),
        (pickle(one("0", 13, &[12])), Cause::Malformed, "storage[\"0\"]"),
        (pickle(one("0", 12, &[13])), Cause::Malformed, ""),
        (pickle(PickleBuilder::new(2).raw(b"R")), Cause::Malformed, "data.pkl.REDUCE"),
        (PickleBuilder::new(2).global("os", "system").stop(), Cause::NotAModel, "magic_number"),
    ];
    let index = vec![
        (br#"{"weight_map":{"x":"../../etc/passwd"}}"#.to_vec(), Cause::Malformed, ""),
        (br#"{"weight_map":{"x":"/etc/passwd"}}"#.to_vec(), Cause::Malformed, ""),
    ];
    let named = |name: &'static str, cases: Vec<(Vec<u8>, Cause, &'static str)>| {
        cases.into_iter().map(move |(bytes, cause, field)| (name, bytes, cause, field))
    };
    let cases = named("m.gguf", gguf).chain(named("m.safetensors", json)).chain(named("m.npy", numpy));
    let cases = cases.chain(named("m.npz", arrays)).chain(named("m.pt", checkpoints));
    cases.chain(named("m.safetensors.index.json", index)).collect()
}

#[test]
fn one_clear_error_and_the_runtime_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.gguf");
    std::fs::write(&good, valid().build()).unwrap();
    // Compiling the component, where no cache has it, is not the time that is bounded below.
    runtime();
    let mut wrong = Vec::new();
    for (at, (name, bytes, cause, field)) in cases().into_iter().enumerate() {
        let path = folder.path().join(format!("{at}{name}"));
        std::fs::write(&path, &bytes).unwrap();
        let began = Instant::now();
        let error = runtime().open(&path).unwrap_err();
        assert!(began.elapsed().as_secs() < 5, "case {at} took {:?}", began.elapsed());
        let clear = error.phase == Phase::Parse
            && error.cause == cause
            && (field.is_empty() || error.field.as_deref() == Some(field))
            && error.offset.is_some()
            && error.source == Some(0)
            && error.message.len() > 10
            && !error.message.chars().any(char::is_control);
        if !clear {
            wrong.push(format!("case {at}, {cause:?} {field}: {error:?}"));
        }
        let mut model = runtime().open(&good).unwrap();
        model.load(&Selection::All, &LoadOptions::default()).unwrap();
        assert_eq!(model.tensor("two").unwrap().bytes(), [2; 18]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A shard that fails does not take the session of another model with it.
#[test]
fn shards_that_do_not_fit() {
    for (name, cause) in [("foreign-shard", Cause::Malformed), ("twice", Cause::Malformed)] {
        let model = Model { given: 1, ..files::named(name).unwrap() };
        let error = Component::open(&model, &Setup::default(), &[]).err().unwrap();
        assert_eq!(error.source, Some(2), "{error:?}");
        assert_eq!(format!("{:?}", error.cause), format!("Cause::{cause:?}"), "{error:?}");
    }
    let mut missing = files::named("split").unwrap();
    missing.files.truncate(2);
    let error = Component::open(&missing, &Setup::default(), &[]).err().unwrap();
    assert!(error.message.contains("m-00003-of-00003.gguf"), "{error:?}");
    let mut renamed = files::named("sharded").unwrap();
    renamed.files[2] = File { name: "other.safetensors".into(), ..renamed.files[2].clone() };
    let error = Component::open(&renamed, &Setup::default(), &[]).err().unwrap();
    assert!(error.message.contains("s-2.safetensors"), "{error:?}");
}
