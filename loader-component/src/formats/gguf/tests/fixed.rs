//! Magic, version, counts, keys, scalar values, alignment, limits; prefixes and flipped bits.
use super::super::build::{GgufBuilder, Value};
use super::*;

#[test]
fn a_valid_file_loads() {
    let header = loads(&valid());
    assert_eq!((header.format.name, header.version, header.alignment), ("gguf", 3, 32));
    assert_eq!(header.data_offset % 32, 0);
    let names: Vec<&str> = header.tensors.iter().map(|tensor| tensor.name).collect();
    assert_eq!(names, ["token_embd.weight", "blk.0.attn_q.weight", "output_norm.weight"]);
    let second = header.tensors.get(1).unwrap();
    assert_eq!(
        (second.dtype, second.shape, second.offset, second.bytes),
        ("Q4_0", &[32u64][..], header.data_offset + 64, 18)
    );
    assert_eq!(header.tensors.find("output_norm.weight"), Some(2));
    assert_eq!(header.metadata.get_text("general.architecture"), Some("llama"));
    assert_eq!((header.metadata.get_u64("a.u32"), header.metadata.get_u64("a.i32")), (Some(3), None));
    assert!(parse(&valid().version(2).build()).is_ok());
}

#[test]
fn every_prefix_is_refused() {
    let file = valid().build();
    for end in 0..file.len() {
        let error = parse(&file[..end]).unwrap_err();
        let known = matches!(error.cause, Cause::EndOfSource | Cause::Malformed | Cause::UnsupportedFormat);
        assert!(known && error.offset <= Some(end as u64), "{end}: {error:?}");
    }
}

#[test]
fn a_flipped_bit_never_does_worse_than_an_error() {
    let long = "x".repeat(300);
    let texts: Vec<String> = (0..60).map(|n| format!("token {n}")).collect();
    let file = valid()
        .kv("a.long", Value::text(&long))
        .kv("a.vocabulary", Value::texts(texts.iter().map(String::as_str)))
        .build();
    assert!(file.len() > 2_000);
    for bit in 0..file.len() * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let verdict = parse_in(&WINDOWS[1..], "model", &flipped, Limits::default());
        if let Ok(header) = verdict {
            assert!(header.tensors.iter().all(|t| t.bytes == 0 || t.offset + t.bytes <= header.size));
        }
    }
}

#[test]
fn magic_and_version() {
    let error = refused(&GgufBuilder::new().magic(*b"PK\x03\x1b"), Cause::UnsupportedFormat, "magic");
    assert!(error.message.contains("PK\\x03\\x1b"), "{}", error.message);
    for (version, says) in [(0, "0"), (1, "version 1"), (4, "version 4"), (u32::MAX, "4294967295")] {
        let error = refused(&GgufBuilder::new().version(version), Cause::UnsupportedFormat, "version");
        assert!(error.message.contains(says) && error.offset == Some(4), "{error:?}");
    }
    for swapped in [2u32.swap_bytes(), 3u32.swap_bytes()] {
        let error = refused(&GgufBuilder::new().version(swapped), Cause::UnsupportedFormat, "version");
        assert!(error.message.contains("big-endian"), "{error:?}");
    }
    assert_eq!(parse(b"").unwrap_err().cause, Cause::EndOfSource);
    assert_eq!(parse(b"GG").unwrap_err().cause, Cause::EndOfSource);
}

#[test]
fn counts_are_held_against_the_bytes_that_remain() {
    assert!(loads(&GgufBuilder::new()).tensors.is_empty());
    let (lie, cut) = (Cause::Malformed, Cause::EndOfSource);
    for (count, cause) in [(u64::MAX, lie), (1 << 63, lie), (1_000_000, cut), (1, cut)] {
        refused(&GgufBuilder::new().claim_tensors(count), cause, "tensor_count");
        refused(&GgufBuilder::new().claim_entries(count), cause, "metadata_kv_count");
    }
}

#[test]
fn limits_come_second() {
    let file = valid().build();
    let with = |limits| parse_as("model", &file, limits).unwrap_err();
    let error = with(Limits { tensors: 2, ..Limits::default() });
    assert_eq!((error.cause, error.field.as_deref()), (Cause::LimitExceeded, Some("tensor_count")));
    let error = with(Limits { metadata_entries: 2, ..Limits::default() });
    assert_eq!((error.cause, error.field.as_deref()), (Cause::LimitExceeded, Some("metadata_kv_count")));
    assert_eq!(with(Limits { header_bytes: 100, ..Limits::default() }).cause, Cause::LimitExceeded);
}

#[test]
fn keys() {
    for length in [u64::MAX, 1 << 63] {
        let entry = [length.to_le_bytes().as_slice(), &[b'k'; 20]].concat();
        refused(&GgufBuilder::new().raw_entry(&entry), Cause::Malformed, "kv[0].key.length");
    }
    let beyond = [21u64.to_le_bytes().as_slice(), &[b'k'; 20]].concat();
    refused(&GgufBuilder::new().raw_entry(&beyond), Cause::EndOfSource, "kv[0].key.length");
    refused(&GgufBuilder::new().kv("", Value::U64(1)), Cause::Malformed, "kv[0].key.length");
    refused(&GgufBuilder::new().kv(&"k".repeat(65_536), Value::U8(1)), Cause::Malformed, "kv[0].key.length");
    assert_eq!(loads(&GgufBuilder::new().kv(&"k".repeat(65_535), Value::U8(1))).metadata.len(), 1);
    refused(&GgufBuilder::new().kv("a\0b", Value::U8(1)), Cause::Malformed, "kv[0].key");
    refused(&GgufBuilder::new().kv_bytes(b"a\xff", Value::U8(1)), Cause::Malformed, "kv[0].key");
    let twice = GgufBuilder::new().kv("a", Value::U8(1));
    refused(&twice.clone().kv("a", Value::U8(2)), Cause::Malformed, "kv[\"a\"]");
    refused(
        &twice.kv("b", Value::texts(["x"])).kv("c", Value::U8(1)).kv("a", Value::texts(["y"])),
        Cause::Malformed,
        "kv[\"a\"]",
    );
}

#[test]
fn values() {
    for code in [13, 255, 1 << 31] {
        refused(&GgufBuilder::new().kv("a", Value::Raw(code, vec![0; 8])), Cause::Malformed, "kv[\"a\"].type");
    }
    for (length, cause) in [(u64::MAX, Cause::Malformed), (1 << 63, Cause::Malformed), (9, Cause::EndOfSource)] {
        let value = Value::Raw(8, [length.to_le_bytes().as_slice(), &[0; 8]].concat());
        refused(&GgufBuilder::new().kv("a", value), cause, "kv[\"a\"].length");
    }
    for byte in [2, 255] {
        refused(&GgufBuilder::new().kv("a", Value::Bool(byte)), Cause::Malformed, "kv[\"a\"]");
    }
    refused(&GgufBuilder::new().kv("a", Value::Raw(10, vec![0; 7])), Cause::EndOfSource, "kv[\"a\"]");
    assert_eq!(loads(&GgufBuilder::new().kv("a", Value::Text(vec![0xff]))).metadata.get_text("a"), None);
}

#[test]
fn names_in_errors_are_escaped() {
    let file = GgufBuilder::new().kv("a\u{1b}[2J\u{202e}", Value::Bool(2));
    refused(&file, Cause::Malformed, "kv[\"a\\u{1b}[2J\\u{202e}\"]");
}

#[test]
fn alignment() {
    let with = |value: Value| GgufBuilder::new().kv("general.alignment", value);
    let wrong = [Value::I32(32), Value::U64(32), Value::text("32"), Value::numbers(&[32])];
    for value in wrong {
        refused(&with(value), Cause::Malformed, "kv[\"general.alignment\"].type");
    }
    for value in [0, 3, 48, 1 << 31] {
        refused(&with(Value::U32(value)), Cause::Malformed, "kv[\"general.alignment\"]");
    }
    refused(
        &with(Value::U32(32)).kv("general.alignment", Value::U32(64)),
        Cause::Malformed,
        "kv[\"general.alignment\"]",
    );
    let late = GgufBuilder::new().kv("a", Value::U8(1)).kv("general.alignment", Value::U32(64)).align(64);
    let header = loads(&late.tensor("x", 24, &[1], &[1]).tensor("y", 24, &[1], &[1]));
    assert_eq!((header.alignment, header.data_offset % 64), (64, 0));
    assert_eq!(header.tensors.get(1).unwrap().offset, header.data_offset + 64);
}

#[test]
fn splits() {
    let split = |no: u16, count: u16| {
        GgufBuilder::new()
            .kv("split.no", Value::U16(no))
            .kv("split.count", Value::U16(count))
            .kv("split.tensors.count", Value::I32(5))
    };
    let part = loads(&split(1, 3)).part().unwrap();
    assert_eq!((part.no, part.count, part.tensors), (1, 3, Some(5)));
    assert_eq!(loads(&split(0, 0)).part(), None);
    refused(&split(3, 3), Cause::Malformed, "kv[\"split.no\"]");
    refused(&GgufBuilder::new().kv("split.count", Value::text("3")), Cause::Malformed, "kv[\"split.count\"]");
}
