//! NPY files: what loads, and what is refused and where.
use super::super::tests::{drive, parse, parse_as};
use super::super::{Catalogue, Header, Limits};
use super::build::NpyBuilder;
use crate::types::{Cause, Error};

/// Where the text begins in a file of version 1.
const TEXT: u64 = 10;

fn dict(descr: &str, order: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}")
}

/// That a file is refused for this reason, in this field, with these words.
#[track_caller]
fn refused(file: &NpyBuilder, cause: Cause, field: &str, words: &str) -> Error {
    let error = parse(&file.build()).unwrap_err();
    assert_eq!((&error.cause, error.field.as_deref()), (&cause, Some(field)), "{error:?}");
    assert!(error.message.contains(words), "{error:?}");
    error
}

/// That a text is refused, at the byte where `at` first stands in it.
#[track_caller]
fn refused_at(text: &str, at: &str, cause: Cause, field: &str, words: &str) {
    let error = refused(&NpyBuilder::of(text), cause, field, words);
    assert_eq!(error.offset, Some(TEXT + text.find(at).unwrap() as u64), "{error:?}");
}

/// Name, type, shape, offset and bytes of the one tensor.
fn tensor(header: &Header) -> (&str, &str, &[u64], u64, u64) {
    assert_eq!(header.tensors.len(), 1);
    let tensor = header.tensors.get(0).unwrap();
    (tensor.name, tensor.dtype, tensor.shape, tensor.offset, tensor.bytes)
}

#[test]
fn every_version_loads() {
    for version in [1, 2, 3] {
        let file = NpyBuilder::new("<f4", &[3, 2]).version(version, 0).data(&[1; 24]).build();
        for name in ["x.npy", "model", "model.safetensors"] {
            let header = parse_as(name, &file, Limits::default()).unwrap();
            assert_eq!((header.format.name, header.version), ("npy", u32::from(version)));
            assert_eq!((header.alignment, header.metadata.len()), (1, 0));
            assert_eq!(tensor(&header), ("array", "F32", &[3, 2][..], file.len() as u64 - 24, 24));
            assert_eq!(header.data_offset % 64, 0);
        }
    }
}

/// As numpy 2.3 writes `numpy.save(file, numpy.arange(3, dtype="u1"))`.
#[test]
fn a_file_of_numpy_itself() {
    let mut file = b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }".to_vec();
    file.resize(127, b' ');
    file.extend(b"\n\x00\x01\x02");
    assert_eq!(tensor(&parse(&file).unwrap()), ("array", "U8", &[3][..], 128, 3));
}

#[test]
fn numpy_types() {
    for (descr, name, bytes) in [
        ("|b1", "BOOL", 1),
        ("|i1", "I8", 1),
        ("|u1", "U8", 1),
        (">i1", "I8", 1),
        ("i1", "I8", 1),
        ("<i2", "I16", 2),
        ("<u2", "U16", 2),
        ("<f2", "F16", 2),
        ("<i4", "I32", 4),
        ("<u4", "U32", 4),
        ("<f4", "F32", 4),
        ("<i8", "I64", 8),
        ("<u8", "U64", 8),
        ("<f8", "F64", 8),
        ("<c8", "C64", 8),
        ("<c16", "C128", 16),
    ] {
        let header = parse(&NpyBuilder::new(descr, &[2, 3]).data(&vec![0; 6 * bytes]).build()).unwrap();
        let (_, dtype, _, _, size) = tensor(&header);
        assert_eq!((dtype, size), (name, 6 * bytes as u64), "{descr}");
    }
}

#[test]
fn types_that_are_refused() {
    for (descr, cause, words) in [
        (">f4", Cause::UnsupportedFormat, "big-endian"),
        (">c16", Cause::UnsupportedFormat, "big-endian"),
        ("f4", Cause::UnsupportedFormat, "no byte order"),
        ("=f4", Cause::UnsupportedFormat, "no byte order"),
        ("|f4", Cause::UnsupportedFormat, "no byte order"),
        ("|O", Cause::UnsupportedDtype, "Python objects"),
        ("|O8", Cause::UnsupportedDtype, "can run code"),
        ("|V2", Cause::UnsupportedDtype, "bfloat16"),
        ("<U5", Cause::UnsupportedDtype, "text"),
        ("|S5", Cause::UnsupportedDtype, "text"),
        ("<M8[ns]", Cause::UnsupportedDtype, "dates"),
        ("<m8", Cause::UnsupportedDtype, "dates"),
        ("<f16", Cause::UnsupportedDtype, "not known"),
        ("<f1", Cause::UnsupportedDtype, "not known"),
        ("<f04", Cause::UnsupportedDtype, "not known"),
        ("", Cause::UnsupportedDtype, "not known"),
        ("<", Cause::UnsupportedDtype, "not known"),
    ] {
        let text = dict(&format!("'{descr}'"), "False", "(1,)");
        refused_at(&text, &format!("'{descr}'"), cause, "header.descr", words);
    }
    for descr in ["[('a', '<f4'), ('b', '<i4')]", "('<f4', (2,))", "[]"] {
        refused_at(&dict(descr, "False", "(1,)"), descr, Cause::UnsupportedDtype, "header.descr", "structured");
    }
    for descr in ["1", "None", "b'<f4'", "u'<f4'", "'<f\\x34'", "'größe'", "'<f\u{1b}'"] {
        refused_at(&dict(descr, "False", "(1,)"), descr, Cause::Malformed, "header.descr", "a string of ASCII");
    }
}

#[test]
fn orders() {
    refused_at(
        &dict("'<f4'", "True", "(2, 3)"),
        "True",
        Cause::UnsupportedFormat,
        "header.fortran_order",
        "Fortran order",
    );
    for order in ["0", "false", "'False'", "None"] {
        refused_at(&dict("'<f4'", order, "(1,)"), order, Cause::Malformed, "header.fortran_order", "True or False");
    }
}

#[test]
fn numpy_shapes() {
    let loads = |shape: &str, bytes: usize| {
        let file = NpyBuilder::of(&dict("'|u1'", "False", shape)).data(&vec![0; bytes]).build();
        let header = parse(&file).unwrap();
        tensor(&header).2.to_vec()
    };
    assert!(loads("()", 1).is_empty());
    assert_eq!(loads("( 3 , )", 3), [3]);
    assert_eq!(loads("(3L, 2L)", 6), [3, 2]);
    assert_eq!(loads("(3, 2,)", 6), [3, 2]);
    assert_eq!(loads("(0, 5)", 0), [0, 5]);
    let ones = vec!["1"; 64].join(", ");
    assert_eq!(loads(&format!("({ones})"), 1).len(), 64);
    let bad = |shape: &str, at: &str, field: &str, words: &str| {
        refused_at(&dict("'<f4'", "False", shape), at, Cause::Malformed, field, words);
    };
    bad("(-1,)", "-1", "header.shape[0]", "a number");
    bad("(1, 2.5)", ".5", "header.shape", ")");
    bad("(1, x)", "x)", "header.shape[1]", "a number");
    bad("(1, 18446744073709551616)", "18446744073709551616", "header.shape[1]", "a number");
    bad("(07,)", "07", "header.shape[0]", "a number");
    bad("((1,),)", "(1,)", "header.shape[0]", "a number");
    bad("[3]", "[3]", "header.shape", "(");
    bad("(3)", "(3)", "header.shape", "(3,)");
    bad("(,)", ",)", "header.shape[0]", "a number");
    bad("(1, 9223372036854775808)", "9223372036854775808", "header.shape[1]", "2^63");
    bad("(4294967296, 4294967296)", "(4294967296", "header.shape", "elements");
    bad("(9223372036854775807, 1)", "(9223372036854775807", "header.shape", "bytes");
    bad(&format!("({ones}, 9)"), "9)", "header.shape", "64 dimensions");
    // Nesting is nothing that is followed, however deep.
    bad(&format!("(1, {}", "(".repeat(60_000)), "((", "header.shape[1]", "a number");
}

#[test]
fn texts() {
    let order = "{\"shape\":(1,),\t\"fortran_order\":False,\"descr\":\"|u1\"}";
    assert!(parse(&NpyBuilder::of(order).data(&[0]).build()).is_ok());
    let bad = |text: &str, at: &str, field: &str, words: &str| refused_at(text, at, Cause::Malformed, field, words);
    let good = dict("'<f4'", "False", "(1,)");
    bad(&good[1..], "'descr'", "header", "where { must be");
    bad(&format!("{good} x"), "x", "header", "blanks alone");
    bad(&good.replace("'descr'", "descr"), "descr", "header", "a string of ASCII");
    bad(&good.replace("descr':", "descr'"), "'<f4'", "header", "where : must be");
    bad(&good.replace("(1,), ", "(1,) ! "), "!", "header", "a comma or }");
    bad(&good.replace("descr", "dtype"), "'dtype'", "header", "no key");
    bad(&good.replace("}", "'order': 1}"), "'order'", "header", "no key");
    bad(&good.replace("}", "'shape': ()}"), "'shape': ()", "header.shape", "given twice");
    let parts = ["'descr': '<f4'", "'fortran_order': False", "'shape': (1,)"];
    for (absent, key) in ["descr", "fortran_order", "shape"].into_iter().enumerate() {
        let others: Vec<&str> = (0..3).filter(|part| *part != absent).map(|part| parts[part]).collect();
        bad(&format!("{{{}}}", others.join(", ")), "{", &format!("header.{key}"), "has no");
    }
    let error = refused(&NpyBuilder::of(""), Cause::Malformed, "header", "ends where { must be");
    assert_eq!(error.offset, Some(64));
}

#[test]
fn fixed_fields() {
    let file = NpyBuilder::new("<f4", &[1]).data(&[0; 4]);
    for (major, minor) in [(0, 0), (1, 1), (4, 0), (255, 0)] {
        let error =
            refused(&file.clone().version(major, minor), Cause::UnsupportedFormat, "version", "1.0, 2.0 and 3.0");
        assert_eq!(error.offset, Some(6));
    }
    let two = file.clone().version(2, 0);
    for length in [u32::MAX, 1 << 20] {
        let error = refused(&two.clone().claim_length(length), Cause::EndOfSource, "header.length", "at least");
        assert_eq!(error.offset, Some(8));
    }
    // Longer than any header of numbers, and not read for that.
    let long = two.claim_length(1 << 20).data(&vec![0; 1 << 20]).build();
    let read = &mut |offset: u64, len: u32| {
        assert!(offset + u64::from(len) <= 64, "{offset} {len}");
        long[offset as usize..][..len as usize].to_vec()
    };
    let error = drive("x.npy", long.len() as u64, 1 << 20, Limits::default(), read).unwrap_err();
    assert_eq!((error.cause, error.field.as_deref()), (Cause::LimitExceeded, Some("header.length")));
    assert!(parse(&file.claim_length(0).build()).is_err());
}

#[test]
fn lengths_of_the_data() {
    let cut =
        refused(&NpyBuilder::new("<f4", &[100]).data(&[0; 399]), Cause::EndOfSource, "tensor_data", "527 of 528 bytes");
    assert_eq!((cut.tensor, cut.offset), (Some(0), Some(128)));
    let two = NpyBuilder::new("<f4", &[1]).data(&[0; 4]).build();
    let twice = NpyBuilder::new("<f4", &[1]).data(&[0; 4]).data(&two);
    let error = refused(&twice, Cause::Malformed, "tensor_data", "132 bytes after the last tensor");
    assert_eq!(error.offset, Some(132));
}

#[test]
fn prefixes_and_flipped_bits() {
    let file = NpyBuilder::new("<i4", &[2, 3]).data(&[7; 24]).build();
    for end in 0..file.len() {
        let error = parse(&file[..end]).unwrap_err();
        assert_eq!(error.cause, Cause::EndOfSource, "{end}: {error:?}");
    }
    for bit in 0..file.len() * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(header) = parse(&flipped) {
            assert!(tensor(&header).4 <= 24, "bit {bit}");
        }
    }
}

/// A model is one file, and no file says that it belongs to another.
#[test]
fn two_arrays_are_no_model() {
    let header = || parse(&NpyBuilder::new("|u1", &[1]).data(&[0]).build()).unwrap();
    let one = Catalogue::build(vec![("x.npy".into(), header())], 1).unwrap();
    assert_eq!((one.find("array"), one.summary().format.as_str(), one.summary().version), (Some(0), "npy", 1));
    let error = Catalogue::build(vec![("x.npy".into(), header()), ("y.npy".into(), header())], 9).unwrap_err();
    assert_eq!(
        (&error.cause, error.field.as_deref(), error.source),
        (&Cause::InvalidRequest, Some("sources"), Some(1))
    );
    assert!(error.message.contains("\"y.npy\" was given with another file"), "{error:?}");
}
