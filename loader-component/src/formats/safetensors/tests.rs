//! safetensors files and indices.
use super::super::tests::{MANY, drive, parse, parse_as, rewritten, slice};
use super::super::{Header, Limits, rewrite};
use super::build::SafetensorsBuilder;
use crate::api::{FilePart, MetadataEdit, NewValue};
use crate::types::{Cause, Error};

fn with(json: &str, data: usize) -> Vec<u8> {
    SafetensorsBuilder::new().json(json.as_bytes()).data(&vec![0; data]).build()
}

#[track_caller]
fn bad_bytes(file: &[u8], cause: Cause, field: &str) -> Error {
    let error = parse_as("model.safetensors", file, Limits::default()).unwrap_err();
    assert_eq!((&error.cause, error.field.as_deref()), (&cause, Some(field)), "{error:?}");
    error
}

/// That a tensor `x`, whose fields are given, is refused in this field.
#[track_caller]
fn bad_tensor(fields: &str, data: usize, cause: Cause, field: &str) -> Error {
    bad_bytes(&with(&format!("{{\"x\":{{{fields}}}}}"), data), cause, field)
}

#[test]
fn a_valid_file_loads() {
    let file = SafetensorsBuilder::new()
        .metadata("format", "pt\n\u{202e}")
        .tensor("a", "F32", &[2, 2], &[1; 16])
        .tensor("b", "F4", &[4], &[2; 2])
        .tensor("s", "I64", &[], &[3; 8])
        .tensor("e", "BF16", &[0, 9], &[])
        .build();
    for name in ["model", "model.safetensors"] {
        let header = parse_as(name, &file, Limits::default()).unwrap();
        assert_eq!((header.format.name, header.version, header.alignment), ("safetensors", 0, 1));
        let last = header.tensors.get(2).unwrap();
        assert_eq!((last.name, last.dtype, last.shape, last.offset), ("s", "I64", &[][..], header.data_offset + 18));
        assert_eq!(header.metadata.get_text("format"), Some("pt\n\u{202e}"));
    }
    for end in 0..file.len() {
        assert!(parse_as("model.safetensors", &file[..end], Limits::default()).is_err());
    }
    for bit in 0..file.len() * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        _ = parse_as("model.safetensors", &flipped, Limits::default());
    }
}

#[test]
fn lengths() {
    assert_eq!(bad_bytes(&[2, 0, 0], Cause::EndOfSource, "header.length").offset, Some(0));
    bad_bytes(&SafetensorsBuilder::new().claim_length(3).build(), Cause::EndOfSource, "header.length");
    for length in [u64::MAX, 1 << 63, 100_000_001, 0] {
        bad_bytes(&SafetensorsBuilder::new().claim_length(length).build(), Cause::Malformed, "header.length");
    }
    let long = SafetensorsBuilder::new().claim_length(100_000_001).build();
    let read = &mut |offset: u64, len: u32| {
        let mut bytes = long.get(offset as usize..).unwrap_or_default().to_vec();
        bytes.resize(len as usize, b' ');
        bytes
    };
    let error = drive("m.safetensors", 200_000_000, 1 << 20, Limits::default(), read).unwrap_err();
    assert_eq!((error.cause, error.field.as_deref()), (Cause::LimitExceeded, Some("header.length")));
}

#[test]
fn documents() {
    // As in the format's own reader, a header without tensors is a file without tensors.
    assert!(parse(&with("{}", 0)).unwrap().tensors.is_empty());
    assert!(parse(&with("{}   ", 0)).is_ok());
    for json in ["[]", "null", "1 ", "\u{feff}{}", " {}"] {
        bad_bytes(&with(json, 0), Cause::Malformed, "header");
    }
    assert_eq!(bad_bytes(&with("{}}", 0), Cause::Malformed, "header").offset, Some(10));
    bad_bytes(&with("{", 0), Cause::Malformed, "header.length");
    bad_bytes(&with("{\"x\"", 0), Cause::Malformed, "tensor[\"x\"]");
    bad_bytes(&SafetensorsBuilder::new().json(b"{\"\xff\":1}").build(), Cause::Malformed, "header");
    bad_bytes(&with("{\"__metadata__\":{\"a\":1}}", 0), Cause::Malformed, "__metadata__[\"a\"]");
    bad_bytes(&with("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0), Cause::Malformed, "__metadata__[\"a\"]");
    bad_bytes(&with("{\"__metadata__\":{},\"__metadata__\":{}}", 0), Cause::Malformed, "__metadata__");
}

#[test]
fn tensors_twice() {
    let entry = "\"x\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
    bad_bytes(&with(&format!("{{{entry},{entry}}}"), 0), Cause::Malformed, "tensor[\"x\"]");
    let escaped = entry.replace("\"x\"", "\"\\u0078\"");
    bad_bytes(&with(&format!("{{{entry},{escaped}}}"), 0), Cause::Malformed, "tensor[\"x\"]");
    bad_tensor("\"dtype\":\"U8\",\"dtype\":\"U8\"", 0, Cause::Malformed, "tensor[\"x\"].dtype");
    bad_tensor("\"dtype\":\"U8\",\"shape\":[],\"shape\":[]", 0, Cause::Malformed, "tensor[\"x\"].shape");
    bad_tensor("\"type\":\"U8\"", 0, Cause::Malformed, "tensor[\"x\"]");
}

#[test]
fn types() {
    bad_tensor("\"dtype\":7", 0, Cause::Malformed, "tensor[\"x\"].dtype");
    bad_tensor("\"shape\":[0],\"data_offsets\":[0,0]", 0, Cause::Malformed, "tensor[\"x\"].dtype");
    bad_tensor("\"dtype\":\"U8\",\"data_offsets\":[0,0]", 0, Cause::Malformed, "tensor[\"x\"].shape");
    bad_tensor("\"dtype\":\"U8\",\"shape\":[0]", 0, Cause::Malformed, "tensor[\"x\"].data_offsets");
}

#[test]
fn shapes() {
    let deep = "[".repeat(100_000);
    for value in ["-1", "1.5", "1e3", "\"2\"", "18446744073709551616", "null", deep.as_str()] {
        bad_tensor(&format!("\"dtype\":\"U8\",\"shape\":[1,{value}]"), 0, Cause::Malformed, "tensor[\"x\"].shape[1]");
    }
    let sized = |shape: &str| format!("\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[0,0]");
    bad_tensor(&sized("[4294967296,4294967296]"), 0, Cause::Malformed, "tensor[\"x\"].shape");
    bad_tensor(&sized("[9223372036854775807,1]"), 0, Cause::Malformed, "tensor[\"x\"].shape");
    bad_tensor(&sized("[9223372036854775808]"), 0, Cause::Malformed, "tensor[\"x\"].shape[0]");
    bad_tensor(&sized("[1]"), 0, Cause::Malformed, "tensor[\"x\"].data_offsets");
    bad_tensor("\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]", 1, Cause::Malformed, "tensor[\"x\"].shape");
}

#[test]
fn offsets() {
    let at = |offsets: &str| format!("\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":{offsets}");
    for offsets in ["[4,0]", "[0]", "[0,4,8]", "[]"] {
        bad_tensor(&at(offsets), 4, Cause::Malformed, "tensor[\"x\"].data_offsets");
    }
    bad_tensor(&at("[-4,0]"), 4, Cause::Malformed, "tensor[\"x\"].data_offsets[0]");
    bad_tensor(&at("[\"0\",4]"), 4, Cause::Malformed, "tensor[\"x\"].data_offsets[0]");
    bad_tensor(&at("[1,5]"), 5, Cause::Malformed, "tensor[\"x\"].data_offsets");
    bad_tensor(&at("[0,4]"), 3, Cause::EndOfSource, "tensor[\"x\"].data_offsets");
    bad_tensor(&at("[18446744073709551611,18446744073709551615]"), 3, Cause::Malformed, "tensor[\"x\"].data_offsets");
    bad_tensor(&at("[0,4]"), 5, Cause::Malformed, "tensor_data");
}

#[test]
fn layout() {
    let two = |b: &str| {
        format!(
            "{{\"a\":{{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}},\"b\":{{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":{b}}}}}"
        )
    };
    assert!(parse(&with(&two("[4,8]"), 8)).is_ok());
    bad_bytes(&with(&two("[5,9]"), 9), Cause::Malformed, "tensor[\"b\"].data_offsets");
    bad_bytes(&with(&two("[2,6]"), 6), Cause::Malformed, "tensor[\"b\"].data_offsets");
    bad_bytes(&with(&two("[0,4]"), 4), Cause::Malformed, "tensor[\"b\"].data_offsets");
    let error = bad_bytes(&with(&two("[4,8]"), 9), Cause::Malformed, "tensor_data");
    assert_eq!(error.offset, Some(8 + two("[4,8]").len() as u64 + 8));
}

#[test]
fn names() {
    let named =
        |name: &str| with(&format!("{{\"{name}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}}}"), 0);
    for bad in ["", "..\\\\x", "a\\u0000", "a\\u001b[2J", "a\u{202e}"] {
        assert_eq!(parse(&named(bad)).unwrap_err().cause, Cause::Malformed, "{bad}");
    }
    assert!(parse(&named(&"n".repeat(4_096))).is_ok());
    assert_eq!(parse(&named(&"n".repeat(4_097))).unwrap_err().cause, Cause::LimitExceeded);
}

#[test]
fn a_million_tensors_without_bytes() {
    let mut file = SafetensorsBuilder::new();
    for n in 0..MANY {
        file = file.raw_entry(&format!("\"t{n}\":{{\"dtype\":\"F16\",\"shape\":[0],\"data_offsets\":[0,0]}}"));
    }
    let file = file.build();
    let read = &mut |offset, len| slice(&file, offset, len);
    let header = drive("m.safetensors", file.len() as u64, 1 << 20, Limits::default(), read).unwrap();
    assert_eq!(header.tensors.len(), MANY as usize);
}

#[test]
fn indices() {
    let index = |json: &str| parse_as("model.safetensors.index.json", json.as_bytes(), Limits::default());
    let good = index("{\n \"metadata\": {\"total_size\": 12, \"note\": {\"a\": [1]}},\n \"weight_map\": {\"a\": \"m-1.safetensors\", \"b\": \"m-2.safetensors\", \"c\": \"m-1.safetensors\"}\n}\n").unwrap();
    assert_eq!(good.format.name, "safetensors");
    let shards = good.index().unwrap();
    assert_eq!(shards.files().collect::<Vec<_>>(), ["m-1.safetensors", "m-2.safetensors"]);
    assert_eq!((shards.file_of("c"), shards.file_of("d")), (Some("m-1.safetensors"), None));
    for file in ["../../etc/passwd", "/etc/passwd", "a/b", "a\\\\b", "", "..", "a\\u0000"] {
        let error = index(&format!("{{\"weight_map\":{{\"a\":\"{file}\"}}}}")).unwrap_err();
        assert_eq!((error.cause, error.field.as_deref()), (Cause::Malformed, Some("weight_map[\"a\"]")), "{file}");
    }
    for json in [
        "{}",
        "{\"weight_map\":[]}",
        "{\"weight_map\":{\"a\":1}}",
        "{\"weight_map\":{\"a\":\"x\",\"a\":\"x\"}}",
        "[]",
        "{\"weight_map\":{}} x",
    ] {
        assert_eq!(index(json).unwrap_err().cause, Cause::Malformed, "{json}");
    }
    let deep = format!("{{\"metadata\":{{\"x\":{}", "[".repeat(100_000));
    assert_eq!(index(&deep).unwrap_err().cause, Cause::LimitExceeded);
    // Told from its bytes alone.
    assert!(parse(b"{\"weight_map\":{\"a\":\"x\"}}").unwrap().index().is_some());
}

fn edit(key: &str, value: Option<&str>) -> MetadataEdit {
    let value = value.map(|text| NewValue { kind: None, sequence: false, elements: vec![text.to_owned()] });
    MetadataEdit { key: key.into(), value }
}

fn of_three() -> SafetensorsBuilder {
    SafetensorsBuilder::new().tensor("b\"", "F32", &[2, 2], &[1; 16]).tensor("a", "F4", &[4], &[2; 2]).tensor(
        "empty",
        "BF16",
        &[0, 9],
        &[],
    )
}

#[test]
fn metadata_is_written_before_the_same_data() {
    let file = of_three().metadata("format", "pt").metadata("old", "1").build();
    let changed = rewritten(&file, &[edit("old", None), edit("new \u{202e}", Some("\"ü\"\n"))]).unwrap();
    let header = parse_as("model.safetensors", &changed, Limits::default()).unwrap();
    assert_eq!((header.metadata.get_text("format"), header.metadata.len()), (Some("pt"), 2));
    assert_eq!(header.metadata.get_text("new \u{202e}"), Some("\"ü\"\n"));
    assert_eq!(header.data_offset % 8, 0, "as the format's own writer has it");
    let before = parse_as("model.safetensors", &file, Limits::default()).unwrap();
    assert_eq!(changed[header.data_offset as usize..], file[before.data_offset as usize..]);
    let named = |header: &Header| -> Vec<(String, Vec<u64>)> {
        header.tensors.iter().map(|tensor| (tensor.name.to_owned(), tensor.shape.to_vec())).collect()
    };
    assert_eq!(named(&header), named(&before));
    let bare = rewritten(&changed, &[edit("format", None), edit("new \u{202e}", None)]).unwrap();
    assert!(!bare.windows(12).any(|part| part == b"__metadata__"));
}

#[test]
fn data_begins_where_it_did_in_a_block() {
    let file = rewritten(&of_three().build(), &[edit("a", Some("1"))]).unwrap();
    let header = parse_as("model.safetensors", &file, Limits::default()).unwrap();
    for bytes in [1, 2, 300, 4000, 5000] {
        let parts = rewrite(&header, &[edit("a", Some(&"x".repeat(bytes)))], 4096).unwrap();
        let Some(FilePart::Bytes(head)) = parts.first() else { panic!("no header") };
        assert_eq!(head.len() as u64 % 4096, header.data_offset % 4096);
    }
}

#[test]
fn metadata_of_safetensors_is_text() {
    let header = parse_as("model.safetensors", &of_three().build(), Limits::default()).unwrap();
    let number = NewValue { kind: Some("u32".into()), sequence: false, elements: vec!["1".into()] };
    let error = rewrite(&header, &[MetadataEdit { key: "n".into(), value: Some(number) }], 1).unwrap_err();
    assert_eq!((error.cause, error.field.as_deref()), (Cause::InvalidRequest, Some("kv[\"n\"]")));
    let unknown = parse_as(
        "model.safetensors",
        &with("{\"x\":{\"dtype\":\"F128\",\"shape\":[1],\"data_offsets\":[0,16]}}", 16),
        Limits::default(),
    )
    .unwrap();
    assert_eq!(rewrite(&unknown, &[edit("a", Some("1"))], 1).unwrap_err().cause, Cause::UnsupportedDtype);
    let index = br#"{"weight_map":{"a":"m.safetensors"}}"#;
    let index = parse_as("model.safetensors.index.json", index, Limits::default()).unwrap();
    assert_eq!(rewrite(&index, &[edit("a", Some("1"))], 1).unwrap_err().cause, Cause::UnsupportedFormat);
}
