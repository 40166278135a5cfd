//! What tells an NPY file: its magic number.
use super::super::assembly::SINGLE;
use super::super::handler::{Handler, by_magic};
use super::format::{FORMAT, MAGIC};
use super::reader::Npy;

pub(in super::super) static HANDLER: Handler = Handler {
    format: &FORMAT,
    head: MAGIC.len() as u32,
    tail: 0,
    sniff: |file| by_magic(file.head, MAGIC),
    reader: |file, _| Box::new(Npy::new(0, file.size, file.limits)),
    assembly: &SINGLE,
    rewrite: None,
};
