//! Files as their bytes: what loads, and what is refused and how, whatever the windows.
mod bulk;
mod catalogue;
mod cut;
mod pickle;
mod pytorch;
mod registry;
mod tail;
mod values;
mod zip;

use super::build::{GgufBuilder, Value};
use super::reads::first_unfair;
use super::{Header, Limits, Parser, Step, Window, rewrite};
use crate::api::{FilePart, MetadataEdit};
use crate::types::{Cause, Error};

/// Reads that one call may answer, from hardly anything to everything.
pub(super) const WINDOWS: [u32; 4] = [7, 64, 4_096, 1 << 20];

/// A million, or what a build without optimization gets through in the same time.
pub(super) const MANY: u32 = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };

/// Drives a parser over a source, and checks that it asks for nothing that it may not.
pub(super) fn drive(
    name: &str,
    size: u64,
    max_read: u32,
    limits: Limits,
    read: &mut dyn FnMut(u64, u32) -> Vec<u8>,
) -> Result<Header, Error> {
    let mut parser = Parser::new(name, size, max_read, limits);
    let (mut window, mut reads) = (None, Vec::new());
    loop {
        match parser.step(window.take())? {
            Step::Done(header) => {
                // What lies behind the data in other formats lies where nobody else reads: `reads.rs` judges those.
                let ahead = matches!(header.format.name, "gguf" | "safetensors" | "npy");
                let last = header.tensors.iter().map(|tensor| tensor.offset + tensor.bytes).max().unwrap_or(0);
                for (offset, until) in reads {
                    let outside = until <= header.data_offset || offset >= last;
                    assert!(!ahead || outside, "tensor data was read: {offset} to {until}");
                }
                return Ok(header);
            }
            Step::Read { offset, len } => {
                assert!(len > 0 && len <= max_read, "a read of {len} bytes");
                assert!(offset + u64::from(len) <= size, "a read beyond the end");
                reads.push((offset, offset + u64::from(len)));
                window = Some(Window { offset, bytes: read(offset, len) });
            }
        }
    }
}

/// A file with other metadata, put together from its parts.
pub(super) fn rewritten(file: &[u8], edits: &[MetadataEdit]) -> Result<Vec<u8>, Error> {
    let header = parse(file)?;
    let parts = rewrite(&header, edits, 1)?;
    Ok(parts.into_iter().fold(Vec::new(), |mut whole, part| {
        match part {
            FilePart::Bytes(bytes) => whole.extend(bytes),
            FilePart::Kept(span) => whole.extend_from_slice(&file[span.offset as usize..][..span.len as usize]),
        }
        whole
    }))
}

pub(super) fn slice(file: &[u8], offset: u64, len: u32) -> Vec<u8> {
    file[offset as usize..][..len as usize].to_vec()
}

/// The verdict on a file, the same for all windows.
pub(super) fn parse_as(name: &str, file: &[u8], limits: Limits) -> Result<Header, Error> {
    parse_in(&WINDOWS, name, file, limits)
}

pub(super) fn parse_in(windows: &[u32], name: &str, file: &[u8], limits: Limits) -> Result<Header, Error> {
    let mut verdicts: Vec<Result<Header, Error>> = windows
        .iter()
        .map(|max| {
            let mut reads = Vec::new();
            let mut read = |offset, len| {
                reads.push((offset, len));
                slice(file, offset, len)
            };
            let header = drive(name, file.len() as u64, *max, limits, &mut read)?;
            assert_eq!(first_unfair(&header, file, &reads), None, "tensor data was read");
            Ok(header)
        })
        .collect();
    let last = verdicts.pop().unwrap();
    for (other, window) in verdicts.iter().zip(windows) {
        match (other, &last) {
            (Ok(one), Ok(two)) => {
                assert!(one.tensors.iter().eq(two.tensors.iter()), "tensors with windows of {window}");
                assert_eq!(one.metadata.len(), two.metadata.len());
                assert_eq!((one.data_offset, one.alignment, one.part()), (two.data_offset, two.alignment, two.part()));
            }
            (Err(one), Err(two)) => assert_eq!(one, two, "windows of {window}"),
            (one, two) => panic!("windows of {window}: {:?}, else {:?}", one.as_ref().err(), two.as_ref().err()),
        }
    }
    if let Err(error) = &last {
        assert!(error.offset.is_some() && error.field.is_some() && !error.message.is_empty(), "{error:?}");
        assert!(error.message.chars().all(|c| !c.is_control()), "{error:?}");
    }
    last
}

pub(super) fn parse(file: &[u8]) -> Result<Header, Error> {
    parse_as("model", file, Limits::default())
}

pub(super) fn loads(file: &GgufBuilder) -> Header {
    parse(&file.build()).unwrap()
}

/// That a file is refused for this reason, in this field.
#[track_caller]
pub(super) fn refused(file: &GgufBuilder, cause: Cause, field: &str) -> Error {
    let error = parse(&file.build()).unwrap_err();
    assert_eq!((&error.cause, error.field.as_deref()), (&cause, Some(field)), "{error:?}");
    error
}

/// A valid file: three tensors and a value of each type, arrays among them.
pub(super) fn valid() -> GgufBuilder {
    GgufBuilder::new()
        .kv("general.architecture", Value::text("llama"))
        .kv("a.u8", Value::U8(1))
        .kv("a.i8", Value::I8(-1))
        .kv("a.u16", Value::U16(2))
        .kv("a.i16", Value::I16(-2))
        .kv("a.u32", Value::U32(3))
        .kv("a.i32", Value::I32(-3))
        .kv("a.f32", Value::F32(0.1))
        .kv("a.bool", Value::Bool(1))
        .kv("a.text", Value::text("größe"))
        .kv("a.texts", Value::texts(["one", "", "three"]))
        .kv("a.numbers", Value::numbers(&[1, 2, 3]))
        .kv("a.u64", Value::U64(u64::MAX))
        .kv("a.i64", Value::I64(i64::MIN))
        .kv("a.f64", Value::F64(0.5))
        .kv("general.alignment", Value::U32(32))
        .tensor("token_embd.weight", 0, &[8, 2], &[1; 64])
        .tensor("blk.0.attn_q.weight", 2, &[32], &[2; 18])
        .tensor("output_norm.weight", 0, &[8], &[3; 32])
}
