//! The parser that callers drive, whichever format the file has.
use super::Limits;
use super::escape::escape_bytes;
use super::fault::{fault, misuse, truncated};
use super::gguf::{self, Gguf};
use super::metadata::MetadataIndex;
use super::safetensors::{Index, Safetensors, ShardIndex};
use super::table::TensorTable;
use super::window::{Buffer, Window};
use crate::types::{Cause, Error};

/// Bytes that tell the formats apart: a magic, or a length and the first byte of JSON.
const SNIFF: u64 = 9;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A GGUF file.
    Gguf,
    /// A safetensors file.
    Safetensors,
    /// A `model.safetensors.index.json`, which names shards and holds no tensors.
    SafetensorsIndex,
}

/// A GGUF file's place among the parts of its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// Number of this part, from 0.
    pub no: u32,
    /// Parts.
    pub count: u32,
    /// Tensors in all parts, where the file says so.
    pub tensors: Option<u64>,
}

/// What one file's header says.
#[derive(Clone, Debug)]
pub struct Header {
    /// What the file is.
    pub format: Format,
    /// The format's version; 0 where it has none.
    pub version: u32,
    /// Alignment of tensor data in bytes; 1 where the format has none.
    pub alignment: u64,
    /// Where tensor data begins, in bytes.
    pub data_offset: u64,
    /// Bytes of the source.
    pub size: u64,
    /// Tensors in file order, with offsets in the source.
    pub tensors: TensorTable,
    /// Metadata entries in file order.
    pub metadata: MetadataIndex,
    /// A part of a split GGUF model.
    pub split: Option<Split>,
    /// The content of an index.
    pub index: Option<ShardIndex>,
    /// Most tensors of the whole model, which only the catalogue can count.
    pub(crate) tensor_limit: u32,
}

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

/// What a format's reader wants next.
pub(crate) enum Progress {
    Read { offset: u64, len: u32 },
    Done(Box<Header>),
}

#[derive(Debug)]
enum State {
    Sniff,
    Gguf(Box<Gguf>),
    Safetensors(Box<Safetensors>),
    Index(Box<Index>),
    Over,
}

/// Reads the header of one file through windows that its caller fetches. It holds one window (safetensors: the header's
/// JSON) and compact tables.
#[derive(Debug)]
pub struct Parser {
    name: String,
    size: u64,
    max_read: u32,
    limits: Limits,
    buffer: Buffer,
    state: State,
}

impl Parser {
    /// A parser of a source of `size` bytes of which one read answers at most `max_read`. The format is told from the
    /// file's bytes; `name` breaks ties only, such as that of an index.
    #[must_use]
    pub fn new(name: &str, size: u64, max_read: u32, limits: Limits) -> Self {
        let buffer = Buffer::new(size, max_read);
        Self { name: name.to_ascii_lowercase(), size, max_read, limits, buffer, state: State::Sniff }
    }

    /// Goes on with the bytes that the last step asked for; the first call takes none.
    ///
    /// # Errors
    /// Of phase `parse`, with offset and field, without the source's index, which the caller knows; a tensor has its number
    /// in this file. `end-of-source` where the
    /// file ends inside a field or `window` is not what was asked for. After an error, and after [`Step::Done`], the parser
    /// is over.
    pub fn step(&mut self, window: Option<Window>) -> Result<Step, Error> {
        let mut state = std::mem::replace(&mut self.state, State::Over);
        self.buffer.accept(window)?;
        loop {
            let progress = match &mut state {
                State::Over => return Err(misuse("The parser was asked to go on after its end.")),
                State::Sniff => match self.sniff()? {
                    Ok(known) => {
                        state = known;
                        continue;
                    }
                    Err(read) => read,
                },
                State::Gguf(gguf) => gguf.advance(&mut self.buffer)?,
                State::Safetensors(file) => file.advance(&mut self.buffer)?,
                State::Index(index) => index.advance(&mut self.buffer)?,
            };
            return Ok(match progress {
                Progress::Done(header) => Step::Done(*header),
                Progress::Read { offset, len } => {
                    self.state = state;
                    Step::Read { offset, len }
                }
            });
        }
    }

    /// Tells what the file is, or what has to be read for that.
    fn sniff(&mut self) -> Result<Result<State, Progress>, Error> {
        if self.size == 0 {
            return Err(fault(Cause::EndOfSource, 0, "magic", "The file is empty."));
        }
        let wanted = SNIFF.min(self.size);
        if !self.buffer.has(0, wanted) {
            let (offset, len) = self.buffer.ask(0, wanted, wanted);
            return Ok(Err(Progress::Read { offset, len }));
        }
        let bytes = self.buffer.from(0);
        if bytes.starts_with(gguf::MAGIC) {
            return Ok(Ok(State::Gguf(Box::new(Gguf::new(self.size, self.max_read, self.limits)))));
        }
        if gguf::MAGIC.starts_with(bytes) {
            return Err(truncated(0, "magic", self.size));
        }
        let index = || State::Index(Box::new(Index::new(self.size, self.limits)));
        let safetensors = || State::Safetensors(Box::new(Safetensors::new(self.size, self.max_read, self.limits)));
        if self.name.ends_with(".index.json") {
            return Ok(Ok(index()));
        }
        if self.name.ends_with(".safetensors") {
            return Ok(Ok(safetensors()));
        }
        let length = bytes.first_chunk::<8>().map(|length| u64::from_le_bytes(*length));
        let brace = bytes.get(8) == Some(&b'{');
        Ok(Ok(match length {
            // `{` as the low byte of a length is no sign of JSON: 123 is a length too.
            Some(length) if brace && (length <= self.limits.json_header() || bytes.first() != Some(&b'{')) => {
                safetensors()
            }
            _ if bytes.first() == Some(&b'{') => index(),
            // No brace, but a length that a header could have: let the reader say what is wrong with it.
            Some(length) if length > 0 && length <= self.limits.json_header() => safetensors(),
            _ => {
                let message = format!(
                    "This is neither a GGUF nor a safetensors file; it begins with \"{}\".",
                    escape_bytes(bytes.get(..bytes.len().min(8)).unwrap_or_default())
                );
                return Err(fault(Cause::UnsupportedFormat, 0, "magic", message));
            }
        }))
    }
}
