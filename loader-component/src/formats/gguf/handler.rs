//! What tells a GGUF file: its magic number.
use super::super::handler::{Handler, by_magic};
use super::format::{FORMAT, MAGIC};
use super::parts::PARTS;
use super::reader::Gguf;
use super::rewrite::rewrite;

pub(in super::super) static HANDLER: Handler = Handler {
    format: &FORMAT,
    head: MAGIC.len() as u32,
    tail: 0,
    sniff: |file| by_magic(file.head, MAGIC),
    reader: |file, max_read| Box::new(Gguf::new(file.size, max_read, file.limits)),
    assembly: &PARTS,
    rewrite: Some(rewrite),
};
