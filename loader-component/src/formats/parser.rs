//! The parser that callers drive, whichever format the file has.
use super::Limits;
use super::escape::escape_bytes;
use super::fault::{fault, misuse};
use super::handler::{Glimpse, Handler, Match, Progress, Reader, surest};
use super::header::Header;
use super::registry::HANDLERS;
use super::window::{Buffer, Window};
use crate::types::{Cause, Error};

/// What the parser wants next.
#[allow(clippy::large_enum_variant)] // one is made per read and it is taken apart at once
#[derive(Debug)]
pub enum Step {
    /// These bytes of the source, all of them; never more than `max_read`, never beyond the end.
    Read {
        /// Byte offset in the source.
        offset: u64,
        /// Bytes.
        len: u32,
    },
    /// Nothing more.
    Done(Header),
}

#[derive(Debug)]
enum State {
    Sniff,
    Reading(Box<dyn Reader>),
    Over,
}

/// What came of looking for the format.
enum Sniffed {
    Known(Box<dyn Reader>),
    Read { offset: u64, len: u32 },
}

impl Sniffed {
    fn read(buffer: &mut Buffer, at: u64, n: u64) -> Self {
        let (offset, len) = buffer.ask(at, n, n);
        Self::Read { offset, len }
    }
}

/// Reads the header of one file through windows that its caller fetches. It holds one window (safetensors: the header's
/// JSON) and compact tables.
#[derive(Debug)]
pub struct Parser {
    handlers: &'static [&'static Handler],
    name: String,
    size: u64,
    max_read: u32,
    limits: Limits,
    buffer: Buffer,
    /// The first bytes, as long as nobody has said what they are.
    head: Vec<u8>,
    state: State,
}

impl Parser {
    /// A parser of a source of `size` bytes of which one read answers at most `max_read`. The format is told from the
    /// file's bytes; `name` breaks ties only, such as that of an index.
    #[must_use]
    pub fn new(name: &str, size: u64, max_read: u32, limits: Limits) -> Self {
        Self::among(HANDLERS, name, size, max_read, limits)
    }

    /// As [`new`](Self::new), for a file of one of these formats.
    pub(crate) fn among(
        handlers: &'static [&'static Handler],
        name: &str,
        size: u64,
        max_read: u32,
        limits: Limits,
    ) -> Self {
        let (name, buffer) = (name.to_ascii_lowercase(), Buffer::new(size, max_read));
        Self { handlers, name, size, max_read, limits, buffer, head: Vec::new(), state: State::Sniff }
    }

    /// Goes on with the bytes that the last step asked for; the first call takes none.
    ///
    /// # Errors
    /// Of phase `parse`, with offset and field, without the source's index, which the caller knows; a tensor has its number
    /// in this file. `end-of-source` where the
    /// file ends inside a field or `window` is not what was asked for. After an error, and after [`Step::Done`], the parser
    /// is over.
    pub fn step(&mut self, window: Option<Window>) -> Result<Step, Error> {
        let state = std::mem::replace(&mut self.state, State::Over);
        self.buffer.accept(window)?;
        let mut reader = match state {
            State::Over => return Err(misuse("The parser was asked to go on after its end.")),
            State::Sniff => match self.sniff()? {
                Sniffed::Known(reader) => reader,
                Sniffed::Read { offset, len } => {
                    self.state = State::Sniff;
                    return Ok(Step::Read { offset, len });
                }
            },
            State::Reading(reader) => reader,
        };
        Ok(match reader.advance(&mut self.buffer)? {
            Progress::Done(header) => Step::Done(*header),
            Progress::Read { offset, len } => {
                self.state = State::Reading(reader);
                Step::Read { offset, len }
            }
        })
    }

    /// Who reads the file, or what has to be read to tell that.
    fn sniff(&mut self) -> Result<Sniffed, Error> {
        if self.size == 0 {
            return Err(fault(Cause::EndOfSource, 0, "magic", "The file is empty."));
        }
        let longest = |of: fn(&Handler) -> u32| self.handlers.iter().map(|handler| of(handler)).max().unwrap_or(0);
        let (head, tail) = (longest(|handler| handler.head), longest(|handler| handler.tail));
        let (head, tail) = (u64::from(head).min(self.size), u64::from(tail).min(self.size));
        if self.head.is_empty() {
            if !self.buffer.has(0, head) {
                return Ok(Sniffed::read(&mut self.buffer, 0, head));
            }
            self.head = self.buffer.from(0).to_vec();
        }
        let (name, size, limits) = (self.name.as_str(), self.size, self.limits);
        let mut glimpse = Glimpse { name, size, head: &self.head, tail: &[], limits };
        let mut best = surest(self.handlers, &glimpse);
        if tail > 0 && best.is_none_or(|(_, sure)| sure < Match::Certain) {
            let at = self.size.saturating_sub(tail);
            if !self.buffer.has(at, tail) {
                return Ok(Sniffed::read(&mut self.buffer, at, tail));
            }
            glimpse.tail = self.buffer.from(at);
            best = surest(self.handlers, &glimpse);
        }
        let Some((handler, _)) = best else {
            let begins = escape_bytes(self.head.get(..8).unwrap_or(&self.head));
            let message = format!("This is not a {} file; it begins with \"{begins}\".", self.titles());
            return Err(fault(Cause::UnsupportedFormat, 0, "magic", message));
        };
        Ok(Sniffed::Known((handler.reader)(&glimpse, self.max_read)))
    }

    /// `GGUF, safetensors or NPY`
    fn titles(&self) -> String {
        let titles: Vec<&str> = self.handlers.iter().map(|handler| handler.format.title).collect();
        match titles.split_last() {
            Some((last, [])) => (*last).into(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        }
    }
}
