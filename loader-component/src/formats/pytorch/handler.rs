//! What tells a checkpoint: a ZIP archive in which a directory has a `data.pkl`, or a pickle of the magic number of the stream
//! form. An index in JSON is told by its shards' names (`registry.rs`).
use super::super::Limits;
use super::super::archives::{Archived, Contents as ArchiveContents};
use super::super::assembly::INDEXED;
use super::super::handler::{Glimpse, Handler, Match, Progress, Reader, by_magic};
use super::super::turn::Turn;
use super::super::window::Buffer;
use super::super::zip;
use super::format::FORMAT;
use super::header;
use super::reader::Contents;
use crate::types::Error;

/// What the entry is called that says what there is.
const DATA: &str = "/data.pkl";
/// The opcode that says which protocol a pickle has.
const PROTO: u8 = 0x80;
/// The rest of the first bytes of the stream form, behind the protocol: the opcode of a number of ten bytes, and five of these.
const NUMBER: &[u8] = &[0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9];

pub(in super::super) static HANDLER: Handler = Handler {
    format: &FORMAT,
    head: 2 + NUMBER.len() as u32,
    tail: 0,
    sniff,
    reader,
    assembly: &INDEXED,
    rewrite: None,
};

pub(in super::super) static CONTENTS: ArchiveContents = ArchiveContents {
    fits: |archive| archive.iter().any(|(name, _)| name.ends_with(DATA)),
    reader: |archive, size, limits| {
        Box::new(Checkpoints { contents: Contents::of(archive, size, limits), size, limits })
    },
};

fn sniff(file: &Glimpse<'_>) -> Match {
    match file.head {
        [PROTO, 2..=5, rest @ ..] if rest.starts_with(NUMBER) => Match::Certain,
        // A pickle of something else, of which the reader says what it would import; or the length of a JSON header.
        [PROTO, 2..=5, rest @ ..] if rest.last() != Some(&b'{') => Match::Likely,
        head => by_magic(head, zip::MAGIC),
    }
}

fn reader(file: &Glimpse<'_>, _: u32) -> Box<dyn Reader> {
    let (size, limits) = (file.size, file.limits);
    if by_magic(file.head, zip::MAGIC) == Match::Certain {
        return Box::new(Archived::new(size, limits, None));
    }
    Box::new(Checkpoints { contents: Contents::new(size, limits), size, limits })
}

/// Reads a checkpoint of either form, and makes a header of it.
#[derive(Debug)]
struct Checkpoints {
    contents: Contents,
    size: u64,
    limits: Limits,
}

impl Reader for Checkpoints {
    fn advance(&mut self, buffer: &mut Buffer) -> Result<Progress, Error> {
        match self.contents.advance(buffer)? {
            Turn::Read { offset, len } => Ok(Progress::Read { offset, len }),
            Turn::Done(checkpoint) => Ok(Progress::Done(Box::new(header::of(checkpoint, self.size, &self.limits)?))),
        }
    }
}
