//! Arrays: counts, lengths, elements, nesting.
use super::super::build::{GgufBuilder, Value};
use super::*;

fn array(code: u32, count: u64, elements: Vec<Value>) -> GgufBuilder {
    GgufBuilder::new().kv("a", Value::Array(code, count, elements))
}

/// Arrays of one array each, `depth` of them, around an empty one.
fn nested(depth: usize) -> GgufBuilder {
    let mut bytes = Vec::new();
    for _ in 1..depth {
        bytes.extend(9u32.to_le_bytes());
        bytes.extend(1u64.to_le_bytes());
    }
    bytes.extend(4u32.to_le_bytes());
    bytes.extend(0u64.to_le_bytes());
    GgufBuilder::new().kv("a", Value::Raw(9, bytes))
}

#[test]
fn counts_are_held_against_the_bytes_that_remain() {
    let filler = vec![Value::Raw(0, vec![0; 400])];
    for (code, count) in [(8, (1u64 << 61) + 1), (4, (1 << 62) + 1), (12, 1 << 30)] {
        refused(&array(code, count, filler.clone()), Cause::Malformed, "kv[\"a\"].count");
    }
    // A longer file may have so many.
    for (code, count) in [(0, 401), (7, 401), (9, 34), (8, 51)] {
        refused(&array(code, count, filler.clone()), Cause::EndOfSource, "kv[\"a\"].count");
    }
    assert!(parse(&array(0, 400, filler).build()).is_ok());
}

#[test]
fn elements() {
    refused(&array(13, 0, vec![]), Cause::Malformed, "kv[\"a\"].element_type");
    refused(&array(7, 3, vec![Value::Bool(1), Value::Bool(0), Value::Bool(2)]), Cause::Malformed, "kv[\"a\"][2]");
    for (length, cause) in [(u64::MAX, Cause::Malformed), (1 << 63, Cause::Malformed), (9, Cause::EndOfSource)] {
        let last = Value::Raw(8, [length.to_le_bytes().as_slice(), &[0; 8]].concat());
        refused(&array(8, 2, vec![Value::text("x"), last]), cause, "kv[\"a\"][1].length");
    }
    let error = refused(&array(8, 2, vec![Value::text("0123456789")]), Cause::EndOfSource, "kv[\"a\"][1].length");
    assert_eq!(error.offset, Some(array(8, 2, vec![Value::text("0123456789")]).build().len() as u64));
    for code in (0..=12).filter(|code| *code != 9) {
        assert_eq!(loads(&array(code, 0, vec![])).metadata.sequence_len("a"), Some(0));
    }
}

#[test]
fn nesting() {
    assert_eq!(loads(&nested(1)).metadata.len(), 1);
    assert_eq!(loads(&nested(16)).metadata.len(), 1);
    assert_eq!(
        refused(&nested(17), Cause::LimitExceeded, &format!("kv[\"a\"]{}", "[0]".repeat(16))).phase,
        crate::types::Phase::Parse
    );
    for depth in [64, 100_000] {
        assert_eq!(parse(&nested(depth).build()).unwrap_err().cause, Cause::LimitExceeded);
    }
    let inner = |texts: &[&str]| {
        let Value::Array(code, count, elements) = Value::texts(texts.iter().copied()) else { unreachable!() };
        let mut bytes = code.to_le_bytes().to_vec();
        bytes.extend(count.to_le_bytes());
        for element in elements {
            let Value::Text(text) = element else { unreachable!() };
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text);
        }
        Value::Raw(9, bytes)
    };
    let file = array(9, 3, vec![inner(&["a", "b"]), inner(&[]), inner(&["c"])]).kv("b", Value::U8(7));
    assert_eq!(loads(&file).metadata.get_u64("b"), Some(7));
    let mut broken = file.build();
    let at = broken.windows(9).rposition(|w| w == b"\x01\0\0\0\0\0\0\0c").unwrap();
    broken[at + 6] = 1;
    let error = parse(&broken).unwrap_err();
    assert_eq!(error.field.as_deref(), Some("kv[\"a\"][2][0].length"));
    refused(
        &array(9, 1, vec![Value::Raw(9, [&13u32.to_le_bytes()[..], &[0; 8]].concat())]),
        Cause::Malformed,
        "kv[\"a\"][0].type",
    );
}

#[test]
fn a_file_that_ends_inside_an_array_says_in_what() {
    let whole = GgufBuilder::new().kv("a", Value::texts(["0123456789abcdef", "z"])).build();
    // Three bytes into the second length.
    let cut = whole.windows(4).position(|four| four == b"cdef").unwrap() + 7;
    let error = parse(&whole[..cut]).unwrap_err();
    assert!(error.message.contains("inside the string's length, which begins"), "{}", error.message);
}
