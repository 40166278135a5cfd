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
    Over,
}

/// Reads what is in a checkpoint, through windows that its caller fetches.
#[derive(Debug)]
pub struct CheckpointReader {
    size: u64,
    limits: Limits,
    buffer: Buffer,
    state: State,
}

impl CheckpointReader {
    /// A reader of a source of `size` bytes of which one read answers at most `max_read`.
    #[must_use]
    pub fn new(size: u64, max_read: u32, limits: Limits) -> Self {
        Self { size, limits, buffer: Buffer::new(size, max_read), state: State::Sniff }
    }

    /// Goes on with the bytes that the last step asked for; the first call takes none.
    ///
    /// # Errors
    /// Of phase `parse`, with field and, where there is one, offset. After an error, and after the end, the reader is over.
    pub fn step(&mut self, window: Option<Window>) -> Result<Turn<Checkpoint>, Error> {
        let mut state = std::mem::replace(&mut self.state, State::Over);
        self.buffer.accept(window)?;
        let turn = loop {
            match &mut state {
                State::Over => return Err(misuse("The reader was asked to go on after its end.")),
                State::Sniff => {
                    if self.size == 0 {
                        return Err(fault(Cause::EndOfSource, 0, "magic", "The file is empty."));
                    }
                    let len = SNIFF.min(self.size);
                    if !self.buffer.has(0, len) {
                        break Turn::read(self.buffer.ask(0, len, len));
                    }
                    state = if self.buffer.from(0).starts_with(zip::MAGIC) {
                        State::Archive(Box::new(ArchiveReader::new(self.size, self.limits)))
                    } else {
                        State::Stream(Box::new(StreamReader::new(self.size, self.limits)))
                    };
                }
                State::Archive(reader) => break reader.advance(&mut self.buffer)?,
                State::Stream(reader) => break reader.advance(&mut self.buffer)?,
            }
        };
        if let Turn::Read { .. } = turn {
            self.state = state;
        }
        Ok(turn)
    }
}
