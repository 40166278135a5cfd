//! Archives as their bytes: what entries there are, and what is refused and how, whatever the windows.
use super::super::Limits;
use super::super::turn::Turn;
use super::super::window::{Buffer, Window};
use super::super::zip::build::ZipBuilder;
use super::super::zip::{Archive, ZipReader};
use super::{WINDOWS, slice};
use crate::types::{Cause, Error};

/// Drives a reader; the spans that it read come too.
fn drive(file: &[u8], max_read: u32, limits: Limits) -> (Result<Archive, Error>, Vec<(u64, u64)>) {
    let size = file.len() as u64;
    let (mut reader, mut buffer, mut spans) = (ZipReader::new(size, limits), Buffer::new(size, max_read), Vec::new());
    loop {
        match reader.advance(&mut buffer) {
            Err(error) => return (Err(error), spans),
            Ok(Turn::Done(archive)) => return (Ok(archive), spans),
            Ok(Turn::Read { offset, len }) => {
                assert!(len > 0 && len <= max_read && offset + u64::from(len) <= size, "{len} bytes from {offset}");
                spans.push((offset, offset + u64::from(len)));
                buffer.accept(Some(Window { offset, bytes: slice(file, offset, len) })).unwrap();
            }
        }
    }
}

fn read_with(file: &[u8], limits: Limits) -> Result<Archive, Error> {
    let mut verdicts: Vec<_> = WINDOWS.iter().map(|max| drive(file, *max, limits).0).collect();
    let last = verdicts.pop().unwrap();
    for other in verdicts {
        match (&other, &last) {
            (Ok(one), Ok(two)) => assert!(one.iter().eq(two.iter()) && one.outside() == two.outside()),
            (Err(one), Err(two)) => assert_eq!(one, two),
            (one, two) => panic!("{:?}, else {:?}", one.as_ref().err(), two.as_ref().err()),
        }
    }
    if let Err(error) = &last {
        assert!(error.offset.is_some() && error.message.chars().all(|c| !c.is_control()), "{error:?}");
    }
    last
}

fn read(file: &[u8]) -> Result<Archive, Error> {
    read_with(file, Limits::default())
}

#[track_caller]
fn refused(file: &[u8], cause: Cause, field: &str) -> Error {
    let error = read(file).unwrap_err();
    assert_eq!((&error.cause, error.field.as_deref()), (&cause, Some(field)), "{error:?}");
    error
}

fn two() -> ZipBuilder {
    ZipBuilder::new().entry("a/one", b"first").entry("a/two", b"the second")
}

/// Where this stands for the `n`th time.
fn place(file: &[u8], what: &[u8], n: usize) -> usize {
    file.windows(what.len()).enumerate().filter(|(_, window)| *window == what).nth(n).unwrap().0
}

fn patched(file: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

const LOCAL: &[u8] = b"PK\x03\x04";
const RECORD: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";

#[test]
fn every_form_gives_the_same_spans() {
    let forms = [
        two(),
        two().align(64),
        two().behind(),
        two().wide(),
        two().align(64).behind().wide(),
        two().comment(b"hello"),
    ];
    for builder in forms {
        let file = builder.build();
        let archive = read(&file).unwrap();
        let found: Vec<_> =
            archive.iter().map(|(name, entry)| (name, slice(&file, entry.data_at, entry.size as u32))).collect();
        assert_eq!(found, [("a/one", b"first".to_vec()), ("a/two", b"the second".to_vec())]);
        assert_eq!(
            (archive.outside_bytes(), archive.find("a/two").unwrap().size, archive.find("a/three")),
            (0, 10, None)
        );
    }
    assert_eq!(read(&two().comment(b"hello").build()).unwrap().comment_bytes(), 5);
    assert!(read(&two().align(64).build()).unwrap().iter().all(|(_, entry)| entry.data_at % 64 == 0));
    assert_eq!(read(&ZipBuilder::new().build()).unwrap().iter().count(), 0);
}

#[test]
fn no_byte_of_an_entry_is_read() {
    for builder in [ZipBuilder::new().align(64), ZipBuilder::new().align(64).behind().wide()] {
        let big = vec![1; 100_000];
        let file = builder.entry("a/one", &big).entry("a/none", b"").entry("a/two", &big).build();
        let (archive, spans) = drive(&file, 1 << 20, Limits::default());
        for (_, entry) in archive.unwrap().iter().filter(|(_, entry)| entry.size > 0) {
            let (from, to) = (entry.data_at, entry.data_at + entry.size);
            // The end record is looked for in as many bytes as it can have.
            assert!(spans.iter().skip(1).all(|(start, end)| *end <= from || *start >= to), "{spans:?}");
        }
    }
}

#[test]
fn the_end_record() {
    let file = two().build();
    let end = place(&file, END, 0);
    refused(&file[..end], Cause::EndOfSource, "zip.end");
    refused(&file[..10], Cause::EndOfSource, "zip.end");
    refused(&patched(&file, end + 20, &[1, 0]), Cause::Malformed, "zip.end.comment_length");
    refused(&patched(&file, end + 4, &[1, 0]), Cause::UnsupportedFormat, "zip.end.disk");
    refused(&patched(&file, end + 8, &[1, 0]), Cause::Malformed, "zip.end.entries");
    refused(&patched(&file, end + 8, &[3, 0, 3, 0]), Cause::Malformed, "zip.end.entries");
    refused(&patched(&file, end + 8, &[1, 0, 1, 0]), Cause::Malformed, "zip.directory");
    refused(&patched(&file, end + 8, &[255; 4]), Cause::Malformed, "zip.end.entries");
    refused(&patched(&file, end + 16, &[0; 4]), Cause::Malformed, "zip.end.directory_offset");
    // What stands before the archive shifts it, for readers that put up with that.
    refused(&[b"#!/bin/sh\n", file.as_slice()].concat(), Cause::Malformed, "zip.end.directory_offset");
    // A comment that is an end record, of another directory.
    let (other, comment) = (ZipBuilder::new().build(), ZipBuilder::new().entry("x", b"").build());
    assert_eq!(read(&two().comment(&other).build()).unwrap_err().field.as_deref(), Some("zip.end.directory_offset"));
    assert!(read(&two().comment(&comment).build()).is_err());
}

#[test]
fn the_wide_end_record() {
    let file = two().wide().build();
    let (wide, locator) = (place(&file, b"PK\x06\x06", 0), place(&file, b"PK\x06\x07", 0));
    refused(&patched(&file, locator + 8, &[0]), Cause::Malformed, "zip.zip64_locator.offset");
    refused(&patched(&file, locator + 4, &[1]), Cause::UnsupportedFormat, "zip.end.disk");
    refused(&patched(&file, wide + 4, &[45]), Cause::Malformed, "zip.zip64_end.size");
    refused(&patched(&file, wide + 16, &[1]), Cause::UnsupportedFormat, "zip.end.disk");
    refused(&patched(&file, wide + 32, &[1]), Cause::Malformed, "zip.end");
    refused(&patched(&file, wide + 48, &[9]), Cause::Malformed, "zip.end");
    let end = place(&file, END, 0);
    let ones = patched(&patched(&file, end + 8, &[255; 12]), wide + 24, &2u64.to_le_bytes());
    assert_eq!(read(&ones).unwrap().iter().count(), 2);
}

#[test]
fn records_of_the_directory() {
    let file = two().build();
    let second = place(&file, RECORD, 1);
    let field = |part: &str| format!("zip.directory[1].{part}");
    refused(&patched(&file, second, b"X"), Cause::Malformed, &field("signature"));
    refused(&patched(&file, second + 28, &[255, 255]), Cause::Malformed, &field("name_length"));
    refused(&patched(&file, second + 8, &[1]), Cause::UnsupportedFormat, &field("flags"));
    refused(&patched(&file, second + 34, &[1]), Cause::UnsupportedFormat, &field("disk"));
    refused(&patched(&file, second + 20, &[1]), Cause::Malformed, &field("sizes"));
    refused(&patched(&file, second + 46, &[0xff]), Cause::Malformed, &field("name"));
    refused(&patched(&file, second + 20, &[255; 8]), Cause::Malformed, "zip.entry[\"a/two\"].local.compressed_size");
    let extra = |extra: &[u8]| ZipBuilder::new().entry("a/x", b"x").extra(extra).build();
    assert!(read(&extra(&[0; 3])).is_ok() && read(&extra(b"FB\x01\0z")).is_ok());
    for bad in [&b"FB"[..], b"FB\x09\0z", b"\x01\0\0\0\x01\0\0\0", b"up\x02\0\0\0"] {
        let error = refused(&extra(bad), Cause::Malformed, "zip.directory[0].extra");
        assert!(error.offset.is_some_and(|at| at > 0));
    }
}

#[test]
fn wide_numbers_stand_in_their_field() {
    let wide = |numbers: &[u64]| {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let extra = [&[1, 0, bytes.len() as u8, 0][..], &bytes].concat();
        let file = ZipBuilder::new().entry("a/x", b"xyz").extra(&extra).build();
        let record = place(&file, RECORD, 0);
        patched(&patched(&file, record + 20, &[255; 8]), record + 42, &[255; 4])
    };
    assert_eq!(read(&wide(&[3, 3, 0])).unwrap().find("a/x").unwrap().size, 3);
    refused(&wide(&[3, 3]), Cause::Malformed, "zip.directory[0].extra");
    refused(&wide(&[4, 4, 0]), Cause::Malformed, "zip.entry[\"a/x\"].local.compressed_size");
    refused(&wide(&[u64::MAX - 1; 3]), Cause::Malformed, "zip.entry[\"a/x\"].size");
    refused(&wide(&[3, 3, u64::MAX - 1]), Cause::Malformed, "zip.entry[\"a/x\"].size");
}

#[test]
fn names_that_are_no_good() {
    for bad in ["../x", "/x", "a\\x", "C:x", "a/\u{1b}[2J", "a//x", "a/\u{202e}x", ""] {
        refused(&ZipBuilder::new().entry(bad, b"").build(), Cause::Malformed, "zip.directory[0].name");
    }
    let error = refused(&two().entry("a/one", b"").build(), Cause::Malformed, "zip.directory[2].name");
    assert!(error.message.contains("a/one"), "{error:?}");
    for twin in ["A/ONE", "a/One"] {
        let archive = read(&two().entry(twin, b"").entry("A/TWO", b"").build()).unwrap();
        let error = archive.require_distinct_without_case().unwrap_err();
        assert_eq!((error.cause, error.field.as_deref()), (Cause::Malformed, Some("zip.directory[2].name")));
        assert!(error.message.contains("a/one"), "{error:?}");
    }
}

#[test]
fn local_headers_that_say_otherwise() {
    let file = two().build();
    let second = place(&file, LOCAL, 1);
    let field = |part: &str| format!("zip.entry[\"a/two\"].local.{part}");
    refused(&patched(&file, second, b"X"), Cause::Malformed, &field("signature"));
    refused(&patched(&file, second + 6, &[2]), Cause::Malformed, &field("flags"));
    refused(&patched(&file, second + 8, &[8]), Cause::Malformed, &field("method"));
    refused(&patched(&file, second + 14, &[0; 4]), Cause::Malformed, &field("crc"));
    refused(&patched(&file, second + 18, &[9]), Cause::Malformed, &field("compressed_size"));
    refused(&patched(&file, second + 22, &[9]), Cause::Malformed, &field("size"));
    refused(&patched(&file, second + 26, &[4]), Cause::Malformed, &field("name"));
    refused(&patched(&file, second + 30, b"b"), Cause::Malformed, &field("name"));
    refused(&patched(&file, second + 28, &[1]), Cause::Malformed, "zip.entry[\"a/two\"].size");
    refused(&patched(&file, second + 18, &[255; 8]), Cause::Malformed, &field("compressed_size"));
}

#[test]
fn descriptors_that_say_otherwise() {
    let file = two().behind().build();
    let descriptor = place(&file, b"PK\x07\x08", 0);
    for at in [4, 8, 12] {
        refused(&patched(&file, descriptor + at, &[0xee]), Cause::Malformed, "zip.entry[\"a/one\"].descriptor");
    }
    // The signature may be absent; then it belongs to nothing here.
    refused(&patched(&file, descriptor, &[0]), Cause::Malformed, "zip.entry[\"a/one\"].descriptor");
    // A local header may know the sizes all the same, but not others.
    let local = place(&file, LOCAL, 0);
    assert!(read(&patched(&file, local + 18, &[5])).is_ok());
    refused(&patched(&file, local + 18, &[6]), Cause::Malformed, "zip.entry[\"a/one\"].local.compressed_size");
}

#[test]
fn entries_on_one_another() {
    let file = two().build();
    let second = place(&file, RECORD, 1);
    // Two records of one header, as bombs have them, and a record of a header within the data of another entry.
    let error = refused(&patched(&file, second + 42, &[0; 4]), Cause::Malformed, "zip.entry[\"a/one\"].size");
    assert!(error.message.contains("another entry begins at byte 0"), "{error:?}");
    let inner = ZipBuilder::new().entry("i/x", b"12345").build();
    let outer = ZipBuilder::new().entry("a/inner.zip", &inner).entry("i/x", b"12345").build();
    assert_eq!(read(&outer).unwrap().iter().count(), 2);
    let (within, last) = (place(&outer, LOCAL, 1) as u32, place(&outer, RECORD, 2));
    refused(&patched(&outer, last + 42, &within.to_le_bytes()), Cause::Malformed, "zip.entry[\"a/inner.zip\"].size");
}

#[test]
fn packed_entries_are_names_alone() {
    let file = ZipBuilder::new().packed(b"a/bomb", 8, Some(u32::MAX - 1), b"\x03\0").entry("a/x", b"").build();
    let archive = read(&file).unwrap();
    let bomb = archive.find("a/bomb").unwrap();
    assert_eq!((bomb.is_stored(), bomb.method, bomb.compressed, bomb.size), (false, 8, 2, 4_294_967_294));
}

#[test]
fn bytes_outside_are_a_fact() {
    let file = two().before_directory(b"hidden").build();
    let archive = read(&file).unwrap();
    let at = place(&file, b"hidden", 0) as u64;
    assert_eq!((archive.outside().first(), archive.outside_bytes()), (Some(&(at..at + 6)), 6));
    let longer = [file.as_slice(), b"#!"].concat();
    assert_eq!(read(&longer).unwrap().outside_bytes(), 8);
    let record = place(&file, RECORD, 1);
    // Only the first entry is named, so the second lies outside.
    let mut one = file[..record].to_vec();
    let directory = place(&file, RECORD, 0);
    one.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    one.extend(((record - directory) as u32).to_le_bytes());
    one.extend((directory as u32).to_le_bytes());
    one.extend([0, 0]);
    let second = place(&file, LOCAL, 1) as u64;
    assert_eq!(read(&one).unwrap().outside().first(), Some(&(second..directory as u64)));
}

#[test]
fn limits_are_kept() {
    let file = two().build();
    for limits in [Limits { tensors: 1, ..Limits::default() }, Limits { header_bytes: 100, ..Limits::default() }] {
        let error = read_with(&file, limits).unwrap_err();
        assert_eq!((error.cause, error.field.as_deref()), (Cause::LimitExceeded, Some("zip.end.entries")));
    }
}

#[test]
fn every_prefix_and_every_flipped_bit() {
    for builder in [two(), two().align(64).behind().wide(), two().comment(b"note")] {
        let whole = builder.build();
        for len in 0..whole.len() {
            assert!(drive(&whole[..len], 1 << 20, Limits::default()).0.is_err(), "a prefix of {len} bytes");
        }
        let mut file = whole.clone();
        for bit in 0..whole.len() * 8 {
            file[bit / 8] ^= 1 << (bit % 8);
            if let Ok(archive) = drive(&file, 1 << 20, Limits::default()).0 {
                let mut ends: Vec<_> =
                    archive.iter().map(|(_, entry)| (entry.data_at, entry.data_at + entry.compressed)).collect();
                ends.sort_unstable();
                assert!(ends.iter().all(|(_, end)| *end <= whole.len() as u64), "bit {bit}");
                assert!(ends.windows(2).all(|pair| pair[0].1 <= pair[1].0), "bit {bit}");
            }
            file[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
