//! Files that are shorter, or longer, than their headers say.
use super::super::build::{GgufBuilder, NpyBuilder, SafetensorsBuilder, Value};
use super::super::pickle::build::{PickleBuilder, archive, stream};
use super::super::zip::build::ZipBuilder;
use super::*;
use crate::api::Severity;

fn gguf() -> Vec<u8> {
    let texts: Vec<String> = (0..200).map(|n| format!("token {n}")).collect();
    let mut file = GgufBuilder::new()
        .kv("general.architecture", Value::text("llama"))
        .kv("tokenizer.tokens", Value::texts(texts.iter().map(String::as_str)))
        .kv("tokenizer.scores", Value::numbers(&[7; 300]));
    for n in 0..20 {
        file = file.tensor(&format!("blk.{n}.w"), 0, &[64], &[9; 256]);
    }
    file.build()
}

fn safetensors() -> Vec<u8> {
    let names: Vec<String> = (0..20).map(|n| format!("layer.{n}.w")).collect();
    names.iter().fold(SafetensorsBuilder::new(), |file, name| file.tensor(name, "F32", &[64], &[9; 256])).build()
}

/// Wherever a file is cut, it is cut off, and how much of it is here is said.
#[test]
fn every_cut_is_the_end_of_the_source() {
    let npy = NpyBuilder::new("<f4", &[64]).data(&[9; 256]).build();
    for (name, file) in [("m.gguf", gguf()), ("m.safetensors", safetensors()), ("m.npy", npy)] {
        parse_in(&[1 << 20], name, &file, Limits::default()).unwrap();
        let mut wrong = Vec::new();
        for cut in 1..file.len() {
            // What is too short to be told from text is not of interest.
            let error = match parse_in(&[1 << 20], name, &file[..cut], Limits::default()) {
                Err(error) => error,
                Ok(_) => panic!("{name} at {cut} loads"),
            };
            let of = [format!("has {cut} of {} bytes", file.len()), format!("has {cut} of at least ")];
            if error.cause != Cause::EndOfSource || !of.iter().any(|of| error.message.contains(of)) {
                wrong.push(format!("{cut}: {error:?}"));
            }
        }
        assert!(wrong.is_empty(), "{name}, {} of {}: {}", wrong.len(), file.len(), wrong[0]);
    }
}

/// The same of archives, which are told by their ends, and of the stream form, whose pickles say not how long they are.
#[test]
fn every_cut_of_a_checkpoint_is_the_end_of_the_source() {
    let pickle =
        || PickleBuilder::new(2).raw(b"}(").text("w").tensor("FloatStorage", "0", 12, 0, &[12], &[1]).raw(b"u");
    let npz = ZipBuilder::new().entry("w.npy", &NpyBuilder::new("<f4", &[64]).data(&[9; 256]).build()).build();
    for (name, file) in [
        ("m.npz", npz),
        ("m.pt", archive(&pickle().stop(), &[("0", &[7; 48])]).build()),
        ("m.ckpt", stream(&pickle().stop(), &[("0", 12, &[7; 48])])),
    ] {
        parse_in(&[1 << 20], name, &file, Limits::default()).unwrap();
        for cut in 9..file.len() {
            let error = parse_in(&[1 << 20], name, &file[..cut], Limits::default()).unwrap_err();
            let told = error.message.contains("cut off") && error.message.contains("Fetch the rest");
            assert!(error.cause == Cause::EndOfSource && told, "{name} at {cut}: {error:?}");
        }
    }
}

/// Numbers that no file could bear out are wrong, not cut off.
#[test]
fn lies_are_no_cuts() {
    refused(&valid().claim_tensors(u64::MAX), Cause::Malformed, "tensor_count");
    refused(&valid().tensor_at(b"far", 0, &[1], (1 << 40) + 32), Cause::Malformed, "tensor_infos[3].offset");
    let long = SafetensorsBuilder::new().json(b"{}").claim_length(1 << 40).build();
    assert_eq!(parse_as("m.safetensors", &long, Limits::default()).unwrap_err().cause, Cause::Malformed);
}

#[test]
fn what_lies_behind_is_said() {
    let (gguf, safetensors) = (gguf(), safetensors());
    let zip = b"PK\x03\x04 and more";
    for (more, said) in [
        (gguf.as_slice(), "a second GGUF file"),
        (zip, "a ZIP archive"),
        (&[0; 40], "zeros"),
        (b"tail of 33 bytes, of no one's use", "tail of 33"),
    ] {
        let joined = [gguf.as_slice(), more].concat();
        let header = parse_as("m.gguf", &joined, Limits::default()).unwrap();
        let [finding] = header.findings.as_slice() else { panic!("{:?}", header.findings) };
        assert_eq!(
            (finding.rule.as_str(), finding.severity, finding.offset),
            ("trailing-bytes", Severity::Warning, Some(gguf.len() as u64))
        );
        assert!(finding.message.contains(said) && finding.message.contains(&more.len().to_string()), "{finding:?}");
        let error = parse_as("m.safetensors", &[safetensors.as_slice(), more].concat(), Limits::default()).unwrap_err();
        assert_eq!((error.cause, error.offset), (Cause::Malformed, Some(safetensors.len() as u64)));
        assert!(error.message.contains(said), "{error:?}");
    }
    let twice = [safetensors.as_slice(), &safetensors].concat();
    let error = parse_as("m.safetensors", &twice, Limits::default()).unwrap_err();
    assert!(error.message.contains("a second safetensors file"), "{error:?}");
}

#[test]
fn unknown_types_are_listed() {
    let header = loads(&valid().tensor_at(b"q", 137, &[256], 160).data_len(300));
    let tensor = header.tensors.get(3).unwrap();
    assert_eq!((tensor.dtype, tensor.bytes), ("type 137 (IQ2_K of ik_llama.cpp)", 300 - 160));
    for (code, said) in
        [(4, "type 4 (Q4_2, retired)"), (36, "type 36 (IQ4_NL_4_4, retired; I2_S in bitnet.cpp)"), (7_777, "type 7777")]
    {
        let header = loads(&GgufBuilder::new().tensor("a", code, &[32], &[1; 40]).tensor("b", 0, &[8], &[2; 32]));
        assert_eq!(header.tensors.iter().map(|t| (t.dtype, t.bytes)).collect::<Vec<_>>(), [(said, 64), ("F32", 32)]);
    }
    let json = SafetensorsBuilder::new().tensor("x", "F8_NEW", &[3], &[0; 3]).tensor("y", "U8", &[1], &[0]).build();
    let header = parse(&json).unwrap();
    assert_eq!(header.tensors.iter().map(|t| (t.dtype, t.bytes)).collect::<Vec<_>>(), [("F8_NEW", 3), ("U8", 1)]);
}

#[test]
fn what_ggml_does_not_read_is_a_note() {
    let long = loads(&GgufBuilder::new().tensor(&"n".repeat(127), 0, &[1], &[0; 4]));
    let wide = loads(&GgufBuilder::new().tensor("w", 0, &[1, 1, 1, 1, 1], &[0; 4]));
    for (header, rule) in [(long, "long-names"), (wide, "many-dimensions")] {
        assert_eq!(
            header.findings.iter().map(|f| (f.rule.as_str(), f.severity, f.tensor)).collect::<Vec<_>>(),
            [(rule, Severity::Note, Some(0))]
        );
    }
    assert!(loads(&valid()).findings.is_empty());
}
