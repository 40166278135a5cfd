//! The parser that callers drive, whichever format the file has.
use super::Limits;
use super::escape::escape_bytes;
use super::fault::{fault, misuse};
use super::handler::{Glimpse, Handler, Match, Progress, Reader, surest};
use super::header::Header;
use super::identify::{HEAD, Seen, TAIL, behind, identify};
use super::noticed::{Severity, noticed};
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
    /// The header is read, and what lies behind the last tensor is looked at.
    Behind {
        header: Box<Header>,
        at: u64,
        forbidden: bool,
    },
    /// No format could read it: what it is in truth is looked at, of which this much is here.
    Looking {
        error: Error,
        head: Option<Vec<u8>>,
    },
    Over,
}

/// Bytes behind the last tensor that are looked at.
const BEHIND: u64 = 64;

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
    /// Whether the file is without doubt of a format, so that it is nothing else where it is wrong.
    certain: bool,
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
        Self { handlers, name, size, max_read, limits, buffer, head: Vec::new(), certain: false, state: State::Sniff }
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
            State::Behind { header, at, forbidden } => return self.behind(header, at, forbidden),
            State::Looking { error, head } => return self.look(error, head),
            State::Sniff => match self.sniff() {
                Ok(Sniffed::Known(reader)) => reader,
                Ok(Sniffed::Read { offset, len }) => {
                    self.state = State::Sniff;
                    return Ok(Step::Read { offset, len });
                }
                Err(error) => return self.refuse(error),
            },
            State::Reading(reader) => reader,
        };
        match reader.advance(&mut self.buffer) {
            Ok(Progress::Done(header)) => Ok(self.done(*header)),
            Ok(Progress::Read { offset, len }) => {
                self.state = State::Reading(reader);
                Ok(Step::Read { offset, len })
            }
            Ok(Progress::Behind { header, at, forbidden }) => self.behind(header, at, forbidden),
            Err(error) => self.refuse(error),
        }
    }

    /// Looks at what lies behind the last tensor, from byte `at` to the end.
    fn behind(&mut self, header: Box<Header>, at: u64, forbidden: bool) -> Result<Step, Error> {
        let bytes = self.size.saturating_sub(at);
        let wanted = bytes.min(BEHIND);
        if !self.buffer.has(at, wanted) {
            let (offset, len) = self.buffer.ask(at, wanted, wanted);
            self.state = State::Behind { header, at, forbidden };
            return Ok(Step::Read { offset, len });
        }
        let what = behind(self.buffer.from(at));
        if forbidden {
            let message = format!("{bytes} bytes after the last tensor belong to nothing: {what}.");
            return Err(fault(Cause::Malformed, at, "tensor_data", message));
        }
        let mut header = *header;
        let message = format!("{bytes} bytes lie behind the last tensor: {what}.");
        header.findings.push(noticed("trailing-bytes", Severity::Warning, message).at(at));
        Ok(self.done(header))
    }

    /// The header, with what its file's name says that is not so.
    fn done(&self, mut header: Header) -> Step {
        let ending = self.name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let other = self
            .handlers
            .iter()
            .map(|handler| handler.format)
            .find(|format| !std::ptr::eq(*format, header.format) && format.extensions.contains(&ending));
        if let Some(other) = other.filter(|_| header.index().is_none()) {
            let message = format!(
                "The file's name ends as those of {} files do, but it is a {} file and is read as one.",
                other.title, header.format.title
            );
            header.findings.push(noticed("name-ending", Severity::Note, message));
        }
        Step::Done(header)
    }

    /// The file cannot be read. What has no magic number and does not look like a header may be something else altogether.
    fn refuse(&mut self, error: Error) -> Result<Step, Error> {
        let length = self.head.first_chunk::<8>().map(|length| u64::from_le_bytes(*length));
        let like_a_header =
            self.head.get(8) == Some(&b'{') && length.is_some_and(|length| length <= u64::from(u32::MAX));
        if self.certain || like_a_header || self.size == 0 || matches!(error.cause, Cause::Internal) {
            return Err(error);
        }
        self.look(error, None)
    }

    /// Reads the file's ends, as far as they are not here, and says what it is; where that is not known, the error stands.
    fn look(&mut self, error: Error, head: Option<Vec<u8>>) -> Result<Step, Error> {
        let (wanted, end) = (self.size.min(HEAD), self.size.min(TAIL));
        let head = match head {
            Some(head) => head,
            None if self.buffer.has(0, wanted) => self.buffer.from(0).iter().take(HEAD as usize).copied().collect(),
            None => {
                let (offset, len) = self.buffer.ask(0, wanted, wanted);
                self.state = State::Looking { error, head: None };
                return Ok(Step::Read { offset, len });
            }
        };
        let at = self.size.saturating_sub(end);
        if !self.buffer.has(at, end) {
            let (offset, len) = self.buffer.ask(at, end, end);
            self.state = State::Looking { error, head: Some(head) };
            return Ok(Step::Read { offset, len });
        }
        let seen = Seen { name: &self.name, size: self.size, head: &head, tail: self.buffer.from(at) };
        match identify(&seen) {
            Some(what) => Err(fault(Cause::NotAModel, 0, "magic", what)),
            None => Err(error),
        }
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
        let Some((handler, sure)) = best else {
            let begins = escape_bytes(self.head.get(..8).unwrap_or(&self.head));
            let message = format!(
                "This is not a {} file; it begins with \"{begins}\". Check that it is the model's file, and that it was fetched as \
                 it is.",
                self.titles()
            );
            return Err(fault(Cause::UnsupportedFormat, 0, "magic", message));
        };
        self.certain = sure == Match::Certain;
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
