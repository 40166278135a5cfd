//! Values of metadata entries, read when somebody asks.
use super::super::fault::{over_limit, truncated};
use super::super::gguf::{ArrayWalk, Bounds, little};
use super::super::kind::Kind;
use super::super::window::{Buffer, Stop, Window};
use super::super::{Limits, escape};
use super::{MetadataIndex, Stored, signed};
use crate::api::{MetadataValue, SequenceHead};
use crate::types::{Cause, Error, Phase};

/// Most bytes of text that one value answers: an entry is for people, and 16 MiB is more than they read.
const MOST_TEXT: u64 = 16 << 20;

/// Reads `(offset, len)` of the source; an answer of another length is refused.
type Fetch<'f> = dyn FnMut(u64, u32) -> Result<Vec<u8>, Error> + 'f;

impl MetadataIndex {
    /// The value of an entry. Of an array, the first `head` elements as text. Reads through `fetch` (an offset in the source
    /// and a length of at most the parser's `max_read`) only what the value needs, and keeps one window of it.
    ///
    /// # Errors
    /// Those of `fetch`; `not-found` for an index that is not there; `limit-exceeded` where the answer would have more
    /// than 16 MiB of text; `malformed` or `end-of-source` where the file is no longer what was parsed.
    pub fn decode(&self, index: usize, head: u32, fetch: &mut Fetch<'_>) -> Result<MetadataValue, Error> {
        let Some(entry) = self.entries.get(index) else {
            let message = format!("There is no metadata entry {index}; the file has {}.", self.entries.len());
            return Err(Error::new(Phase::Request, Cause::NotFound, message));
        };
        let field = || format!("kv[\"{}\"]", self.get(index).map(|(key, _)| escape(key)).unwrap_or_default());
        match entry.stored {
            Stored::Bits(bits) => Ok(scalar(entry.kind, bits)),
            Stored::Text { start, len } => {
                Ok(MetadataValue::Text(String::from_utf8_lossy(self.inline(start, len)).into_owned()))
            }
            Stored::Far { offset, len } => {
                let mut reader = self.reader(offset, len, &field, fetch);
                Ok(MetadataValue::Text(reader.text(len)?))
            }
            Stored::Sequence { element, count, offset, len } => {
                let mut reader = self.reader(offset, len, &field, fetch);
                let mut elements = Vec::new();
                for _ in 0..count.min(u64::from(head)) {
                    elements.push(reader.element(element)?);
                }
                Ok(MetadataValue::Sequence(SequenceHead { element: element.name().into(), count, head: elements }))
            }
        }
    }

    fn reader<'r>(&self, offset: u64, len: u64, field: &'r dyn Fn() -> String, fetch: &'r mut Fetch<'r>) -> Reader<'r> {
        let end = offset.saturating_add(len);
        Reader { buffer: Buffer::new(end, self.max_read), at: offset, end, text_left: MOST_TEXT, field, fetch }
    }
}

/// Walks one value.
struct Reader<'r> {
    buffer: Buffer,
    at: u64,
    end: u64,
    text_left: u64,
    field: &'r dyn Fn() -> String,
    fetch: &'r mut Fetch<'r>,
}

impl Reader<'_> {
    fn fill(&mut self, n: u64) -> Result<(), Error> {
        if self.at.checked_add(n).is_none_or(|end| end > self.end) {
            return Err(truncated(self.at, (self.field)(), self.end));
        }
        while !self.buffer.has(self.at, n) {
            let (offset, len) = self.buffer.ask(self.at, n, self.end.saturating_sub(self.at));
            let bytes = (self.fetch)(offset, len)?;
            self.buffer.accept(Some(Window { offset, bytes }))?;
        }
        Ok(())
    }

    /// The next `n` bytes, at most 8, as a little-endian number.
    fn number(&mut self, n: u64) -> Result<u64, Error> {
        self.fill(n)?;
        let number = little(self.buffer.from(self.at), n);
        self.at = self.at.saturating_add(n);
        Ok(number)
    }

    fn text(&mut self, len: u64) -> Result<String, Error> {
        let Some(left) = self.text_left.checked_sub(len) else {
            let message = format!("The value's text exceeds {MOST_TEXT} bytes, which is more than is shown.");
            return Err(over_limit(self.at, (self.field)(), message));
        };
        self.text_left = left;
        self.fill(len)?;
        let bytes = usize::try_from(len).ok().and_then(|len| self.buffer.from(self.at).get(..len)).unwrap_or_default();
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.at = self.at.saturating_add(len);
        Ok(text)
    }

    fn element(&mut self, kind: Kind) -> Result<String, Error> {
        match kind {
            Kind::String => {
                let len = self.number(8)?;
                self.text(len)
            }
            Kind::Array => self.nested(),
            _ => {
                let bits = self.number(kind.width().unwrap_or(1))?;
                Ok(match scalar(kind, bits) {
                    MetadataValue::Boolean(value) => value.to_string(),
                    MetadataValue::Unsigned(value) => value.to_string(),
                    MetadataValue::Signed(value) => value.to_string(),
                    // Widened first, 0.1f32 would read 0.10000000149011612.
                    MetadataValue::Floating(_) if kind == Kind::F32 => f32::from_bits(bits as u32).to_string(),
                    MetadataValue::Floating(value) => value.to_string(),
                    MetadataValue::Text(_) | MetadataValue::Sequence(_) => String::new(),
                })
            }
        }
    }

    /// An array inside an array, as its type and length; its elements are passed over.
    fn nested(&mut self) -> Result<String, Error> {
        self.fill(12)?;
        let bytes = self.buffer.from(self.at);
        let (code, count) = (little(bytes, 4) as u32, little(bytes.get(4..).unwrap_or_default(), 8));
        let bounds =
            Bounds { size: self.end, header: self.end, nesting: Limits::default().nesting.max(u32::from(u16::MAX)) };
        let mut walk = ArrayWalk::inside_array();
        loop {
            match walk.run(&mut self.at, &self.buffer, bounds, self.field) {
                Ok(()) => break,
                Err(Stop::Fail(error)) => return Err(error),
                Err(Stop::Need(n)) => self.fill(n)?,
            }
        }
        let element = Kind::from_code(code).map_or("unknown", Kind::name);
        Ok(format!("[{element}; {count}]"))
    }
}

fn scalar(kind: Kind, bits: u64) -> MetadataValue {
    match kind {
        Kind::Bool => MetadataValue::Boolean(bits != 0),
        Kind::F32 => MetadataValue::Floating(f64::from(f32::from_bits(bits as u32))),
        Kind::F64 => MetadataValue::Floating(f64::from_bits(bits)),
        Kind::I8 | Kind::I16 | Kind::I32 | Kind::I64 => MetadataValue::Signed(signed(kind, bits)),
        _ => MetadataValue::Unsigned(bits),
    }
}
