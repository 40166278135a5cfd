//! Metadata values, read when asked for.
use super::super::Budget;
use super::super::build::{GgufBuilder, SafetensorsBuilder, Value};
use super::*;
use crate::api::MetadataValue;

fn value(file: &[u8], key: &str, head: u32) -> Result<MetadataValue, Error> {
    let mut answers = Vec::new();
    for max in WINDOWS {
        let header = drive("m", file.len() as u64, max, Limits::default(), &mut |o, l| slice(file, o, l)).unwrap();
        let index = header.metadata.find(key).unwrap();
        let fetch = &mut |offset: u64, len: u32| {
            assert!(len > 0 && len <= max);
            Ok(slice(file, offset, len))
        };
        answers.push(header.metadata.decode(index, head, &mut Budget::default(), fetch));
    }
    let last = answers.pop().unwrap();
    assert!(answers.iter().all(|answer| *answer == last), "{answers:?} {last:?}");
    last
}

fn sequence(file: &[u8], key: &str, head: u32) -> (String, u64, Vec<String>) {
    let MetadataValue::Sequence(sequence) = value(file, key, head).unwrap() else { panic!("no sequence") };
    (sequence.element, sequence.count, sequence.head)
}

#[test]
fn every_type() {
    let file = valid().build();
    let is = |key: &str, wanted: MetadataValue| assert_eq!(value(&file, key, 9), Ok(wanted), "{key}");
    is("a.u8", MetadataValue::Unsigned(1));
    is("a.i8", MetadataValue::Signed(-1));
    is("a.i16", MetadataValue::Signed(-2));
    is("a.i32", MetadataValue::Signed(-3));
    is("a.f32", MetadataValue::Floating(f64::from(0.1f32)));
    is("a.bool", MetadataValue::Boolean(true));
    is("a.text", MetadataValue::Text("größe".into()));
    is("a.u64", MetadataValue::Unsigned(u64::MAX));
    is("a.i64", MetadataValue::Signed(i64::MIN));
    is("a.f64", MetadataValue::Floating(0.5));
    assert_eq!(sequence(&file, "a.texts", 2), ("string".into(), 3, vec!["one".into(), String::new()]));
    assert_eq!(sequence(&file, "a.numbers", 9), ("u32".into(), 3, vec!["1".into(), "2".into(), "3".into()]));
    assert_eq!(sequence(&file, "a.numbers", 0), ("u32".into(), 3, vec![]));
}

#[test]
fn long_texts_are_read_and_bad_ones_replaced() {
    let long = "ä".repeat(200_000);
    let file = GgufBuilder::new().kv("long", Value::text(&long)).kv("bad", Value::Text(vec![b'a', 0xff])).build();
    assert_eq!(value(&file, "long", 0), Ok(MetadataValue::Text(long)));
    assert_eq!(value(&file, "bad", 0), Ok(MetadataValue::Text("a\u{fffd}".into())));
}

/// What an answer of one value is, and whether it is less than what the file has.
fn answer(file: &[u8], head: u32) -> (MetadataValue, bool) {
    let header = drive("m", file.len() as u64, 1 << 20, Limits::default(), &mut |o, l| slice(file, o, l)).unwrap();
    let mut budget = Budget::default();
    let value = header.metadata.decode(0, head, &mut budget, &mut |o, l| Ok(slice(file, o, l))).unwrap();
    (value, budget.is_cut())
}

#[test]
fn a_text_that_is_too_long_is_cut_and_says_so() {
    for text in ["x".repeat((32 << 20) + 1), "ä".repeat(17 << 20)] {
        let ending = format!("… [cut: {} bytes in the file]", text.len());
        let gguf = GgufBuilder::new().kv("huge", Value::text(&text)).build();
        let safetensors = SafetensorsBuilder::new().metadata("huge", &text).build();
        for file in [gguf, safetensors] {
            let (MetadataValue::Text(shown), true) = answer(&file, 0) else { panic!("no text, or not cut") };
            let rest = shown.strip_suffix(&ending).unwrap();
            assert!(text.starts_with(rest) && ((32 << 20) - 100..=32 << 20).contains(&rest.len()), "{}", rest.len());
        }
    }
}

/// Forty million elements of a byte each would be a gigabyte of strings.
#[test]
fn every_element_counts() {
    let bytes = Value::Raw(9, [&0u32.to_le_bytes()[..], &40_000_000u64.to_le_bytes(), &vec![7; 40_000_000]].concat());
    let (value, cut) = answer(&GgufBuilder::new().kv("bytes", bytes).build(), u32::MAX);
    let MetadataValue::Sequence(sequence) = value else { panic!("no sequence") };
    assert!(cut && sequence.count == 40_000_000);
    assert!((100_000..1_100_000).contains(&sequence.head.len()), "{}", sequence.head.len());
    let texts = Value::texts(std::iter::repeat_n("", 2_000_000));
    let (MetadataValue::Sequence(sequence), true) = answer(&GgufBuilder::new().kv("texts", texts).build(), u32::MAX)
    else {
        panic!("no sequence, or not cut")
    };
    assert!((100_000..1_100_000).contains(&sequence.head.len()), "{}", sequence.head.len());
}

#[test]
fn arrays_of_other_things() {
    let inner = |count: u64| {
        let mut bytes = 8u32.to_le_bytes().to_vec();
        bytes.extend(count.to_le_bytes());
        (0..count).for_each(|_| bytes.extend([1, 0, 0, 0, 0, 0, 0, 0, b'x']));
        Value::Raw(9, bytes)
    };
    let file = GgufBuilder::new()
        .kv("nested", Value::Array(9, 3, vec![inner(2), inner(0), inner(9)]))
        .kv("floats", Value::Array(6, 2, vec![Value::F32(0.1), Value::F32(-1.5)]))
        .kv("bools", Value::Array(7, 2, vec![Value::Bool(1), Value::Bool(0)]))
        .build();
    let heads = vec!["[string; 2]".to_owned(), "[string; 0]".into(), "[string; 9]".into()];
    assert_eq!(sequence(&file, "nested", 9), ("array".into(), 3, heads));
    assert_eq!(sequence(&file, "floats", 9).2, ["0.1", "-1.5"]);
    assert_eq!(sequence(&file, "bools", 9).2, ["true", "false"]);
}

#[test]
fn a_file_that_changed_is_an_error() {
    let file = valid().build();
    let header = parse(&file).unwrap();
    let index = header.metadata.find("a.texts").unwrap();
    let error = header
        .metadata
        .decode(index, 9, &mut Budget::default(), &mut |_, len| Ok(vec![0xff; len as usize]))
        .unwrap_err();
    assert!(matches!(error.cause, Cause::LimitExceeded | Cause::EndOfSource), "{error:?}");
    let error = header.metadata.decode(index, 9, &mut Budget::default(), &mut |_, _| Ok(vec![])).unwrap_err();
    assert_eq!(error.cause, Cause::EndOfSource);
    assert_eq!(
        header.metadata.decode(99, 9, &mut Budget::default(), &mut |_, _| Ok(vec![])).unwrap_err().cause,
        Cause::NotFound
    );
}

#[test]
fn safetensors_texts_are_there() {
    let file = SafetensorsBuilder::new().metadata("k", &"x".repeat(70_000)).build();
    assert_eq!(value(&file, "k", 0), Ok(MetadataValue::Text("x".repeat(70_000))));
}
