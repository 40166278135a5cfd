//! Files that are no models: each kind is told under any name, by any window, and with what to do.
use super::super::tests::parse_as;
use super::super::zip::build::ZipBuilder;
use super::super::{Limits, build};
use crate::types::Cause;

fn padded(head: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = head.to_vec();
    bytes.resize(size.max(head.len()), 7);
    bytes
}

fn tar() -> Vec<u8> {
    let mut bytes = padded(b"model/config.json", 257);
    bytes.extend(b"ustar\x0000");
    padded(&bytes, 1024)
}

fn aria2() -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend((1u32 << 20).to_be_bytes());
    bytes.extend((80u64 << 20).to_be_bytes());
    bytes.extend(0u64.to_be_bytes());
    bytes.extend(10u32.to_be_bytes());
    padded(&bytes, 48)
}

fn llamafile() -> Vec<u8> {
    let mut bytes = padded(b"MZqFpD='\n", 6000);
    bytes.extend(b"PK\x05\x06");
    bytes.extend([0; 18]);
    bytes
}

const LFS: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d4d\nsize 4976698672\n";

/// What the file holds, and what has to be said of it.
fn kinds() -> Vec<(Vec<u8>, &'static str)> {
    let text = |text: &str| text.as_bytes().to_vec();
    let long =
        format!("<!doctype html>\n<html><head><title>model - Hugging Face</title></head><body>{}", "ü".repeat(9000));
    vec![
        (text(LFS), "4,976,698,672 bytes were not fetched; run `git lfs pull`"),
        (text("version https://hawser.github.com/spec/v1\noid sha256:00\nsize 12\n"), "12 bytes were not fetched"),
        (text("# xet version 0\nfilesize = 1234567\nhash = 'ab'\n"), "1,234,567 bytes were not fetched"),
        (text(&long), "a web page (\"model - Hugging Face\")"),
        (text("\u{feff}  <HTML>\n<body>Sign in</body>"), "a web page"),
        (text("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"), "an XML document (\"AccessDenied\")"),
        (
            text("{\"error\":\"Access to model org/name is restricted.\"}"),
            "\"Access to model org/name is restricted.\"",
        ),
        (text("{\"errors\":[{\"message\":\"no such revision\"}]}"), "\"no such revision\""),
        (text("{\"detail\": \"Not found\"}"), "\"Not found\""),
        (text("{\"architectures\": [\"LlamaForCausalLM\"]}"), "beside a model"),
        (text("[1, 2, 3]"), "JSON text"),
        (text("Entry not found"), "text that begins with \"Entry not found\""),
        (padded(b"\x1f\x8b\x08\0", 200), "gunzip"),
        (padded(b"\x28\xb5\x2f\xfd", 200), "zstd -d"),
        (padded(b"\xfd7zXZ\0", 200), "xz -d"),
        (padded(b"BZh91AY", 200), "bunzip2"),
        (padded(b"7z\xbc\xaf\x27\x1c", 200), "7z x"),
        (tar(), "tar -xf"),
        (ZipBuilder::new().entry("model.gguf", b"GGUF").build(), "holds \"model.gguf\""),
        (ZipBuilder::new().build(), "an empty ZIP archive"),
        (padded(b"\x89HDF\r\n\x1a\n", 200), "an HDF5 file"),
        (padded(b"\x1c\0\0\0TFL3", 200), "a TensorFlow Lite model"),
        (padded(b"\x08\x08\x12\x07pytorch\x1a\x051.9.0", 200), "an ONNX model"),
        (padded(b"\x08\x03:\xff\x01", 200), "an ONNX model"),
        (llamafile(), "a llamafile"),
        (padded(b"lmgg\x01\0\0\0", 200), "before GGUF"),
        (padded(b"tjgg\x03\0\0\0", 200), "before GGUF"),
        (padded(b"ggla\x01\0\0\0", 200), "before GGUF"),
        (padded(b"FUGG\0\0\0\x03", 200), "bytes were swapped"),
        (vec![0; 9], "begin and end with nothing but zeros"),
        (vec![0; 70_000], "70,000 bytes begin and end with nothing but zeros"),
        (aria2(), "aria2 keeps of an unfinished download of 83,886,080 bytes"),
        (padded(b"%PDF-1.7", 100), "a PDF document"),
        (padded(b"\x7fELF\x02", 100), "a program for Linux"),
    ]
}

#[test]
fn what_is_no_model_is_said_under_any_name() {
    let mut wrong = Vec::new();
    for (bytes, said) in kinds() {
        for name in ["m.gguf", "model.safetensors", "pytorch_model.bin", "m", "a.npy"] {
            let error = parse_as(name, &bytes, Limits::default()).map(|header| header.format.name);
            let right = error.as_ref().is_err_and(|e| e.cause == Cause::NotAModel && e.message.contains(said));
            if !right {
                wrong.push(format!("{name}, {said}: {error:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_page_that_stands_where_an_index_should() {
    for name in ["model.safetensors.index.json", "x.index.json"] {
        for (bytes, said) in
            [(LFS, "Git LFS"), ("<!DOCTYPE html><html>", "a web page"), ("{\"error\":\"no\"}", "server's error")]
        {
            let error = parse_as(name, bytes.as_bytes(), Limits::default()).unwrap_err();
            assert!(error.cause == Cause::NotAModel && error.message.contains(said), "{name}: {error:?}");
        }
    }
}

/// What is wrong inside a model is not hidden by what the file might be besides.
#[test]
fn a_broken_model_is_still_one() {
    let index = parse_as("m.index.json", br#"{"weight_map":{"x":"../x.safetensors"}}"#, Limits::default()).unwrap_err();
    assert!(index.cause == Cause::Malformed && index.message.contains("path separator"), "{index:?}");
    let empty = parse_as("m.safetensors.index.json", b"{}", Limits::default()).unwrap_err();
    assert_eq!((empty.cause, empty.field.as_deref()), (Cause::Malformed, Some("weight_map")));
    let header = build::SafetensorsBuilder::new().json(b"{\"x\":1}").build();
    assert_eq!(parse_as("m.safetensors", &header, Limits::default()).unwrap_err().cause, Cause::Malformed);
    let noise: Vec<u8> = (0..5000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 | 1).collect();
    assert_ne!(parse_as("m.safetensors", &noise, Limits::default()).unwrap_err().cause, Cause::NotAModel);
}

#[test]
fn a_name_that_lies_is_told() {
    let file = build::SafetensorsBuilder::new().tensor("w", "F32", &[2], &[0; 8]).build();
    for (name, told) in [
        ("m.gguf", true),
        ("m.npy", true),
        ("m.ckpt", true),
        ("m", false),
        ("m.weights", false),
        ("m.safetensors", false),
    ] {
        let header = parse_as(name, &file, Limits::default()).unwrap();
        assert_eq!(header.findings.iter().any(|finding| finding.rule == "name-ending"), told, "{name}");
    }
}
