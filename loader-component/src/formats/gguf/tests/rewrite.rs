//! Other metadata before the same data.
use super::super::super::build::{GgufBuilder, Value};
use super::super::super::rewrite;
use super::super::super::tests::rewritten;
use super::*;
use crate::api::{MetadataEdit, NewValue};

fn edit(key: &str, kind: Option<&str>, elements: &[&str], sequence: bool) -> MetadataEdit {
    let elements = elements.iter().map(|element| (*element).to_owned()).collect();
    let value = Some(NewValue { kind: kind.map(Into::into), sequence, elements });
    MetadataEdit { key: key.into(), value }
}

fn set(key: &str, kind: Option<&str>, value: &str) -> MetadataEdit {
    edit(key, kind, &[value], false)
}

fn without(key: &str) -> MetadataEdit {
    MetadataEdit { key: key.into(), value: None }
}

fn begun() -> GgufBuilder {
    GgufBuilder::new()
        .kv("general.architecture", Value::text("llama"))
        .kv("general.alignment", Value::U32(64))
        .kv("raw.text", Value::Text(vec![0xff, 0xfe]))
        .kv("tokens", Value::texts(["a", "bb", ""]))
        .kv("gone", Value::F64(0.5))
}

fn tensors(file: GgufBuilder) -> Vec<u8> {
    file.align(64).tensor("a", 0, &[4], &[7; 16]).tensor("b.weight", 8, &[32, 2], &[9; 68]).build()
}

#[test]
fn a_file_is_what_its_writer_would_have_made_of_it() {
    let file = tensors(begun());
    let changed = rewritten(
        &file,
        &[
            set("general.architecture", None, "bert"),
            without("gone"),
            set("n", Some("u32"), "5"),
            edit("f", Some("f32"), &["0.5", "-1"], true),
        ],
    )
    .unwrap();
    let wanted = GgufBuilder::new()
        .kv("general.architecture", Value::text("bert"))
        .kv("general.alignment", Value::U32(64))
        .kv("raw.text", Value::Text(vec![0xff, 0xfe]))
        .kv("tokens", Value::texts(["a", "bb", ""]))
        .kv("n", Value::U32(5))
        .kv("f", Value::Array(6, 2, vec![Value::F32(0.5), Value::F32(-1.0)]));
    assert_eq!(changed, tensors(wanted));
    assert_eq!(rewritten(&file, &[]).unwrap(), file, "no change is none");
}

#[test]
fn every_type_is_written_as_ggml_has_it() {
    let values = [
        ("u8", "255", Value::U8(255)),
        ("i8", "-128", Value::I8(-128)),
        ("u16", "65535", Value::U16(65535)),
        ("i16", "-5", Value::I16(-5)),
        ("u32", "7", Value::U32(7)),
        ("i32", "-7", Value::I32(-7)),
        ("u64", "18446744073709551615", Value::U64(u64::MAX)),
        ("i64", "-9223372036854775808", Value::I64(i64::MIN)),
        ("f32", "1e-5", Value::F32(1e-5)),
        ("f64", "0.1", Value::F64(0.1)),
        ("bool", "true", Value::Bool(1)),
        ("string", "größe", Value::text("größe")),
    ];
    for (kind, text, value) in values {
        let wanted = tensors(begun().kv("x", value.clone()));
        assert_eq!(rewritten(&tensors(begun()), &[set("x", Some(kind), text)]).unwrap(), wanted, "{kind}");
        // Of the type that is there.
        assert_eq!(rewritten(&wanted, &[set("x", None, text)]).unwrap(), wanted, "{kind}");
        let array = tensors(begun().kv("x", Value::Array(value.code(), 2, vec![value.clone(), value])));
        assert_eq!(rewritten(&wanted, &[edit("x", Some(kind), &[text, text], true)]).unwrap(), array, "{kind}");
        assert_eq!(rewritten(&array, &[edit("x", None, &[text, text], true)]).unwrap(), array, "{kind}");
    }
}

#[test]
fn what_cannot_be_written_is_said_by_its_key() {
    let header = loads_of(&tensors(begun()));
    for (edits, cause) in [
        (vec![set("n", Some("u8"), "256")], Cause::InvalidRequest),
        (vec![set("n", Some("bool"), "1")], Cause::InvalidRequest),
        (vec![set("n", Some("f16"), "1")], Cause::InvalidRequest),
        (vec![set("n", Some("array"), "1")], Cause::InvalidRequest),
        (vec![set("tokens", None, "1")], Cause::InvalidRequest),
        (vec![edit("n", None, &[], false)], Cause::InvalidRequest),
        (vec![set("", None, "1")], Cause::InvalidRequest),
        (vec![set("a\0b", None, "1")], Cause::InvalidRequest),
        (vec![set("n", None, "1"), without("n")], Cause::InvalidRequest),
        (vec![without("n")], Cause::NotFound),
        (vec![set("general.alignment", None, "32")], Cause::InvalidRequest),
        (vec![without("general.alignment")], Cause::InvalidRequest),
    ] {
        let error = rewrite(&header, &edits, 1).unwrap_err();
        assert_eq!(error.cause, cause, "{edits:?}: {error:?}");
        assert!(error.field.is_some_and(|field| field.starts_with("kv[")), "{edits:?}");
    }
}

fn loads_of(file: &[u8]) -> super::super::super::Header {
    parse(file).unwrap()
}

#[test]
fn a_file_without_tensors_or_entries_is_one_still() {
    let empty = GgufBuilder::new().build();
    let one = GgufBuilder::new().kv("a", Value::text("b"));
    assert_eq!(rewritten(&empty, &[set("a", None, "b")]).unwrap(), one.build());
    assert_eq!(rewritten(&one.build(), &[without("a")]).unwrap(), empty);
}
