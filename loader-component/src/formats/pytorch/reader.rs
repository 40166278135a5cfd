//! The reader that callers drive, whichever form the checkpoint has.
use super::super::Limits;
use super::super::fault::{fault, misuse};
use super::super::turn::Turn;
use super::super::window::{Buffer, Window};
use super::super::zip;
use super::archive::ArchiveReader;
use super::checkpoint::Checkpoint;
use super::stream::StreamReader;
use crate::types::{Cause, Error};

/// Bytes that tell the forms apart, as `torch.load` does.
const SNIFF: u64 = 4;

#[derive(Debug)]
enum State {
    Sniff,
    Archive(Box<ArchiveReader>),
    Stream(Box<StreamReader>),
}

/// Reads what is in a checkpoint from a buffer that somebody else fills.
#[derive(Debug)]
pub(crate) struct Contents {
    size: u64,
    limits: Limits,
    state: State,
}

impl Contents {
    pub(crate) const fn new(size: u64, limits: Limits) -> Self {
        Self { size, limits, state: State::Sniff }
    }

    /// A reader of an archive whose directory is known.
    pub(super) fn of(archive: zip::Archive, size: u64, limits: Limits) -> Self {
        Self { size, limits, state: State::Archive(Box::new(ArchiveReader::of(archive, size, limits))) }
    }

    /// Goes on as far as the bytes reach that are here.
    pub(crate) fn advance(&mut self, buffer: &mut Buffer) -> Result<Turn<Checkpoint>, Error> {
        loop {
            match &mut self.state {
                State::Sniff => {
                    if self.size == 0 {
                        return Err(fault(Cause::EndOfSource, 0, "magic", "The file is empty."));
                    }
                    let len = SNIFF.min(self.size);
                    if !buffer.has(0, len) {
                        return Ok(Turn::read(buffer.ask(0, len, len)));
                    }
                    self.state = if buffer.from(0).starts_with(zip::MAGIC) {
                        State::Archive(Box::new(ArchiveReader::new(self.size, self.limits)))
                    } else {
                        State::Stream(Box::new(StreamReader::new(self.size, self.limits)))
                    };
                }
                State::Archive(reader) => return reader.advance(buffer),
                State::Stream(reader) => return reader.advance(buffer),
            }
        }
    }
}

/// Reads what is in a checkpoint, through windows that its caller fetches.
#[derive(Debug)]
pub struct CheckpointReader {
    buffer: Buffer,
    /// None when it is over.
    contents: Option<Contents>,
}

impl CheckpointReader {
    /// A reader of a source of `size` bytes of which one read answers at most `max_read`.
    #[must_use]
    pub fn new(size: u64, max_read: u32, limits: Limits) -> Self {
        Self { buffer: Buffer::new(size, max_read), contents: Some(Contents::new(size, limits)) }
    }

    /// Goes on with the bytes that the last step asked for; the first call takes none.
    ///
    /// # Errors
    /// Of phase `parse`, with field and offset. After an error, and after the end, the reader is over.
    pub fn step(&mut self, window: Option<Window>) -> Result<Turn<Checkpoint>, Error> {
        let contents = self.contents.take();
        self.buffer.accept(window)?;
        let mut contents = contents.ok_or_else(|| misuse("The reader was asked to go on after its end."))?;
        let turn = contents.advance(&mut self.buffer)?;
        if let Turn::Read { .. } = turn {
            self.contents = Some(contents);
        }
        Ok(turn)
    }
}
