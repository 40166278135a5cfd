//! NPZ files: what loads, and what is refused and where.
use super::super::build::NpyBuilder;
use super::super::tests::{parse, parse_as};
use super::super::zip::build::ZipBuilder;
use super::super::{Catalogue, Header, Limits};
use crate::types::{Cause, Error};

fn array(descr: &str, shape: &[u64], data: &[u8]) -> Vec<u8> {
    NpyBuilder::new(descr, shape).data(data).build()
}

fn two() -> ZipBuilder {
    let (one, two) = (array("<f4", &[2, 1], &[1; 8]), array("|u1", &[3], &[2; 3]));
    ZipBuilder::new().entry("arr_0.npy", &one).entry("layers/bias.npy", &two)
}

#[track_caller]
fn refused(file: &ZipBuilder, cause: Cause, field: &str, words: &str) -> Error {
    let error = parse(&file.build()).unwrap_err();
    assert_eq!((&error.cause, error.field.as_deref()), (&cause, Some(field)), "{error:?}");
    assert!(error.message.contains(words), "{error:?}");
    error
}

#[test]
fn arrays_are_spans_by_the_names_of_their_entries() {
    for file in [two(), two().align(64), two().behind(), two().wide(), two().comment(b"of somebody")] {
        let bytes = file.build();
        for name in ["x.npz", "model", "model.gguf"] {
            let header: Header = parse_as(name, &bytes, Limits::default()).unwrap();
            assert_eq!((header.format.name, header.alignment, header.metadata.len()), ("npz", 1, 0));
            let told: Vec<_> = header.tensors.iter().map(|t| (t.name, t.dtype, t.shape, t.bytes)).collect();
            assert_eq!(told, [("arr_0", "F32", &[2, 1][..], 8), ("layers/bias", "U8", &[3][..], 3)]);
            for (tensor, fill) in header.tensors.iter().zip([1u8, 2]) {
                let from = usize::try_from(tensor.offset).unwrap();
                assert!(bytes[from..][..usize::try_from(tensor.bytes).unwrap()].iter().all(|byte| *byte == fill));
            }
        }
    }
}

#[test]
fn what_is_wrong_with_an_array_names_it() {
    let big = two().entry("big.npy", &array(">f4", &[1], &[0; 4]));
    let error = refused(&big, Cause::UnsupportedFormat, "arrays[\"big\"].header.descr", "big-endian");
    assert_eq!(error.tensor, Some(2));
    refused(
        &two().entry("s.npy", &array("<f4", &[2], &[0; 4])),
        Cause::EndOfSource,
        "arrays[\"s\"].tensor_data",
        "cut off",
    );
    refused(
        &two().entry("l.npy", &array("<f4", &[2], &[0; 9])),
        Cause::Malformed,
        "arrays[\"l\"].tensor_data",
        "1 bytes",
    );
    refused(&two().entry("e.npy", b"no array"), Cause::Malformed, "arrays[\"e\"].magic", "NUMPY");
    let objects = two().entry("o.npy", &array("|O", &[1], &[0; 4]));
    refused(&objects, Cause::UnsupportedDtype, "arrays[\"o\"].header.descr", "pickle");
}

#[test]
fn entries_that_are_no_arrays() {
    refused(&two().entry("readme.txt", b"x"), Cause::UnsupportedFormat, "zip.entry[\"readme.txt\"].name", "no array");
    refused(&two().entry(".npy", b"x"), Cause::UnsupportedFormat, "zip.entry[\".npy\"].name", "no array");
    let long = format!("{}.npy", "n".repeat(5_000));
    let error = parse(&two().entry(&long, &array("|u1", &[1], &[0])).build()).unwrap_err();
    assert_eq!(error.cause, Cause::LimitExceeded);
}

/// As much as is known of them is listed, and the others load.
#[test]
fn compressed_arrays_are_listed_by_name() {
    let packed = two().packed(b"p.npy", 8, Some(200), &[0; 9]).packed(b"q.npy", 8, Some(200), &[0; 9]);
    let header = parse(&packed.build()).unwrap();
    let told: Vec<_> = header.tensors.iter().map(|tensor| (tensor.name, tensor.bytes)).collect();
    assert_eq!(told, [("arr_0", 8), ("layers/bias", 3), ("p", 0), ("q", 0)]);
    let why = header.tensors.unreadable(2).unwrap();
    assert!(why.why.contains("numpy.savez instead"), "{why:?}");
    assert_eq!((header.tensors.unreadable(3), header.tensors.unreadable(0)), (Some(why), None));
    let catalogue = Catalogue::build(vec![("x.npz".into(), header)], 9).unwrap();
    let [finding] = catalogue.findings() else { panic!("{:?}", catalogue.findings()) };
    assert_eq!((finding.rule.as_str(), finding.tensor), ("unreadable-tensor", Some(2)));
    assert!(finding.message.starts_with("Each of the tensors \"p\", \"q\" is compressed (method 8)"), "{finding:?}");
}

/// NumPy writes an archive without entries where it is given no arrays.
#[test]
fn an_archive_of_no_arrays_is_a_model_without_tensors() {
    let empty = ZipBuilder::new().build();
    let header = parse_as("none.npz", &empty, Limits::default()).unwrap();
    assert_eq!((header.format.name, header.tensors.len()), ("npz", 0));
    assert_eq!(parse_as("none.pt", &empty, Limits::default()).unwrap_err().cause, Cause::NotAModel);
    for len in 0..empty.len() {
        assert!(parse_as("none.npz", &empty[..len], Limits::default()).is_err(), "{len}");
    }
}

/// numpy takes both; only PyTorch looks names up without case.
#[test]
fn names_that_differ_by_case_are_two_arrays() {
    let both = ZipBuilder::new().entry("W.npy", &array("|u1", &[1], &[0])).entry("w.npy", &array("|u1", &[1], &[0]));
    let header = parse(&both.build()).unwrap();
    assert_eq!(header.tensors.iter().map(|tensor| tensor.name).collect::<Vec<_>>(), ["W", "w"]);
    let twice = ZipBuilder::new().entry("w.npy", &array("|u1", &[1], &[0])).entry("w.npy", &array("|u1", &[1], &[0]));
    refused(&twice, Cause::Malformed, "zip.directory[1].name", "already");
}

#[test]
fn other_archives_are_called_what_they_are() {
    let document = ZipBuilder::new().entry("[Content_Types].xml", b"x").entry("word/document.xml", b"y");
    let error = refused(&document, Cause::NotAModel, "zip.directory", "[Content_Types].xml");
    assert!(error.message.contains("and 1 more"), "{error:?}");
}

#[test]
fn prefixes_and_flipped_bits() {
    let file = two().build();
    for len in 0..file.len() {
        parse(&file[..len]).unwrap_err();
    }
    for bit in 0..file.len() * 8 {
        let mut bytes = file.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let _either = parse(&bytes);
    }
}
