//! Checkpoints as their bytes: what is in them, and what is refused and how, whatever the windows.
mod bypasses;
mod contents;
mod format;
mod refused;

use super::super::pickle::build::{PickleBuilder, archive, stream};
use super::super::pytorch::{Checkpoint, CheckpointReader};
use super::super::table::Unreadable;
use super::super::{Limits, Turn, Window};
use super::{WINDOWS, slice};
use crate::types::{Cause, Error};

/// Drives a reader over a file, and answers how many bytes it read too.
fn drive(file: &[u8], max_read: u32, limits: Limits) -> (Result<Checkpoint, Error>, u64) {
    let size = file.len() as u64;
    let mut reader = CheckpointReader::new(size, max_read, limits);
    let (mut window, mut read) = (None, 0);
    loop {
        match reader.step(window.take()) {
            Err(error) => return (Err(error), read),
            Ok(Turn::Done(checkpoint)) => return (Ok(checkpoint), read),
            Ok(Turn::Read { offset, len }) => {
                assert!(len > 0 && len <= max_read, "a read of {len} bytes");
                assert!(offset + u64::from(len) <= size, "a read beyond the end");
                read += u64::from(len);
                window = Some(Window { offset, bytes: slice(file, offset, len) });
            }
        }
    }
}

/// The verdict on a file, the same for all windows.
pub(super) fn read(file: &[u8]) -> Result<Checkpoint, Error> {
    let mut verdicts: Vec<_> = WINDOWS.iter().map(|max| drive(file, *max, Limits::default()).0).collect();
    let last = verdicts.pop().unwrap();
    for other in verdicts {
        match (&other, &last) {
            (Ok(one), Ok(two)) => {
                let told = |read: &Checkpoint| format!("{:?} {:?}", read.tensors, read.storages);
                assert_eq!((told(one), &one.pickles), (told(two), &two.pickles));
            }
            (Err(one), Err(two)) => assert_eq!(one, two),
            (one, two) => panic!("{:?}, else {:?}", one.as_ref().err(), two.as_ref().err()),
        }
    }
    if let Err(error) = &last {
        assert!(error.offset.is_some() && error.field.is_some() && !error.message.is_empty(), "{error:?}");
        assert!(error.message.chars().all(|c| !c.is_control()), "{error:?}");
    }
    last
}

#[track_caller]
fn refused(file: &[u8], cause: Cause, field: &str) -> Error {
    let error = read(file).unwrap_err();
    assert_eq!((&error.cause, error.field.as_deref()), (&cause, Some(field)), "{error:?}");
    error
}

/// The first tensor of a checkpoint that is listed and cannot be read, and why.
#[track_caller]
fn unreadable(file: &[u8], name: &str, cause: Cause) -> Unreadable {
    let checkpoint = read(file).unwrap();
    let tensor = checkpoint.tensors.iter().find(|tensor| tensor.unreadable.is_some()).unwrap();
    let why = tensor.unreadable.as_deref().unwrap().clone();
    assert_eq!((tensor.name.as_str(), why.cause), (name, cause), "{why:?}");
    assert!(why.why.chars().all(|c| !c.is_control()) && !why.why.ends_with('.'), "{why:?}");
    why
}

/// A pickle of a dictionary with these tensors of one storage of twelve floats.
fn dict(tensors: &[(&str, i64, &[i64], &[i64])]) -> PickleBuilder {
    let begun = PickleBuilder::new(2).raw(b"}(");
    let all = tensors.iter().fold(begun, |pickle, (name, offset, shape, strides)| {
        pickle.text(name).tensor("FloatStorage", "0", 12, *offset, shape, strides)
    });
    all.raw(b"u")
}

const TWELVE: [u8; 48] = [7; 48];

fn zipped(pickle: &[u8]) -> Vec<u8> {
    archive(pickle, &[("0", &TWELVE)]).build()
}

fn streamed(pickle: &[u8]) -> Vec<u8> {
    stream(pickle, &[("0", 12, &TWELVE)])
}

fn names(checkpoint: &Checkpoint) -> Vec<&str> {
    checkpoint.tensors.iter().map(|tensor| tensor.name.as_str()).collect()
}

/// A good pickle in which this value is tied to a key beside a tensor.
fn beside(value: PickleBuilder) -> Vec<u8> {
    dict(&[("w", 0, &[3, 4], &[4, 1])]).raw(b"(").text("beside").raw(&value.bytes()).raw(b"u").stop()
}
