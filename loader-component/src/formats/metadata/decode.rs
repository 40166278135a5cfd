//! Values of metadata entries, read when somebody asks.
use super::super::bytes::little;
use super::super::escape;
use super::super::fault::truncated;
use super::super::kind::Kind;
use super::super::window::{Buffer, Got, Stop, Window};
use super::{MetadataIndex, Stored, signed};
use crate::api::{MetadataValue, SequenceHead};
use crate::types::{Cause, Error, Phase};

/// Most bytes of one answer. The largest vocabularies and merges fit; and three times as much, which bytes that are no UTF-8
/// become, still gets through the host.
const MOST: u64 = 32 << 20;
/// What a string costs besides its text, and an entry besides its key: about what either takes in memory.
const EACH: u64 = 32;

/// What one answer may still have, over all of its entries.
#[derive(Debug)]
pub struct Budget {
    left: u64,
    cut: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: MOST, cut: false }
    }
}

impl Budget {
    /// Whether something was left out or cut short for lack of room.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.cut
    }

    /// Takes what an element or an entry with so many bytes of text costs; false, and nothing taken, where that is too much.
    pub(crate) fn take(&mut self, text: u64) -> bool {
        match self.left.checked_sub(text.saturating_add(EACH)) {
            Some(left) => self.left = left,
            None => self.cut = true,
        }
        !self.cut
    }

    /// Takes what there is for a text of so many bytes that is to be answered whatever it costs, and says how many that is.
    fn take_some(&mut self, text: u64) -> u64 {
        let some = text.min(self.left.saturating_sub(EACH));
        self.cut |= some < text;
        self.left = self.left.saturating_sub(some.saturating_add(EACH));
        some
    }
}

/// Reads `(offset, len)` of the source; an answer of another length is refused.
type Fetch<'f> = dyn FnMut(u64, u32) -> Result<Vec<u8>, Error> + 'f;

/// Moves an offset over bytes that are not shown, as far as the window reaches; the value ends at the number given, and
/// its name is for errors.
type Pass<'p> = dyn FnMut(&mut u64, &Buffer, u64, &dyn Fn() -> String) -> Got<()> + 'p;

impl MetadataIndex {
    /// The value of an entry. Of an array, the first `head` elements as text. Reads through `fetch` (an offset in the source
    /// and a length of at most the parser's `max_read`) only what the value needs, and keeps one window of it. The key, the
    /// value and every element are charged to `budget`: an array ends before what is too much, a text is cut there and says
    /// so. Where that happens, a caller who has other entries already does better to leave this one for the next answer.
    ///
    /// # Errors
    /// Those of `fetch`; `not-found` for an index that is not there; `malformed` or `end-of-source` where the file is no
    /// longer what was parsed.
    pub fn decode(
        &self,
        index: usize,
        head: u32,
        budget: &mut Budget,
        fetch: &mut Fetch<'_>,
    ) -> Result<MetadataValue, Error> {
        let Some(entry) = self.entries.get(index) else {
            let message = format!("There is no metadata entry {index}; the file has {}.", self.entries.len());
            return Err(Error::new(Phase::Request, Cause::NotFound, message));
        };
        let key = self.get(index).map(|(key, _)| key).unwrap_or_default();
        let field = || format!("kv[\"{}\"]", escape(key));
        // A key has at most 65,535 bytes in GGUF; whatever it has, it is in memory already.
        budget.take_some(key.len() as u64);
        match entry.stored {
            Stored::Bits(bits) => Ok(scalar(entry.kind, bits)),
            Stored::Text { start, len } => {
                let bytes = self.inline(start, len);
                let some = usize::try_from(budget.take_some(u64::from(len))).unwrap_or(usize::MAX);
                Ok(MetadataValue::Text(text(bytes.get(..some).unwrap_or(bytes), u64::from(len))))
            }
            Stored::Far { offset, len } => {
                let mut reader = self.reader(offset, len, &field, fetch);
                let some = budget.take_some(len);
                reader.fill(some)?;
                Ok(MetadataValue::Text(text(reader.bytes(some), len)))
            }
            Stored::Sequence { element, count, offset, len, read } => {
                let mut reader = self.reader(offset, len, &field, fetch);
                let mut elements = Vec::new();
                for _ in 0..count.min(u64::from(head)) {
                    let Some(element) = read(&mut reader, element, budget)? else { break };
                    elements.push(element);
                }
                Ok(MetadataValue::Sequence(SequenceHead { element: element.name().into(), count, head: elements }))
            }
        }
    }

    fn reader<'r>(&self, offset: u64, len: u64, field: &'r dyn Fn() -> String, fetch: &'r mut Fetch<'r>) -> Values<'r> {
        let end = offset.saturating_add(len);
        Values { buffer: Buffer::new(end, self.max_read), at: offset, end, field, fetch }
    }
}

/// What is here of a text of `whole` bytes; it says so where that is not all.
fn text(bytes: &[u8], whole: u64) -> String {
    if bytes.len() as u64 >= whole {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let text = String::from_utf8_lossy(bytes);
    // The cut may go through a character, which then is none.
    let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
    format!("{text}… [cut: {whole} bytes in the file]")
}

/// Walks through one value in the file.
pub(crate) struct Values<'r> {
    buffer: Buffer,
    at: u64,
    end: u64,
    field: &'r dyn Fn() -> String,
    fetch: &'r mut Fetch<'r>,
}

impl Values<'_> {
    /// That the value has `n` bytes more.
    fn inside(&self, n: u64) -> Result<(), Error> {
        let inside = self.at.checked_add(n).is_some_and(|end| end <= self.end);
        if inside { Ok(()) } else { Err(truncated(self.at, n, (self.field)(), self.end)) }
    }

    fn fill(&mut self, n: u64) -> Result<(), Error> {
        self.inside(n)?;
        while !self.buffer.has(self.at, n) {
            let (offset, len) = self.buffer.ask(self.at, n, self.end.saturating_sub(self.at));
            let bytes = (self.fetch)(offset, len)?;
            self.buffer.accept(Some(Window { offset, bytes }))?;
        }
        Ok(())
    }

    /// The next `n` bytes, at most 8, as a little-endian number.
    pub(crate) fn number(&mut self, n: u64) -> Result<u64, Error> {
        self.fill(n)?;
        let number = little(self.buffer.from(self.at), n);
        self.at = self.at.saturating_add(n);
        Ok(number)
    }

    /// The next `n` bytes, once they are here.
    fn bytes(&self, n: u64) -> &[u8] {
        let n = usize::try_from(n).ok();
        n.and_then(|n| self.buffer.from(self.at).get(..n)).unwrap_or_default()
    }

    /// The next `n` bytes, without going on.
    pub(crate) fn peek(&mut self, n: u64) -> Result<&[u8], Error> {
        self.fill(n)?;
        Ok(self.bytes(n))
    }

    /// A scalar of an array, as text.
    pub(crate) fn scalar(&mut self, kind: Kind) -> Result<String, Error> {
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

    /// A text of `len` bytes, where there is room for it.
    pub(crate) fn text(&mut self, len: u64, budget: &mut Budget) -> Result<Option<String>, Error> {
        self.inside(len)?;
        if !budget.take(len) {
            return Ok(None);
        }
        self.fill(len)?;
        let text = text(self.bytes(len), len);
        // Bytes that are no UTF-8 take more room than they did.
        budget.left = budget.left.saturating_sub((text.len() as u64).saturating_sub(len));
        self.at = self.at.saturating_add(len);
        Ok(Some(text))
    }

    /// Has `pass` move over bytes that are not shown, from where the value stands. It is called again, with more of the
    /// file, where it needs that.
    pub(crate) fn pass_over(&mut self, pass: &mut Pass<'_>) -> Result<(), Error> {
        loop {
            match pass(&mut self.at, &self.buffer, self.end, self.field) {
                Ok(()) => return Ok(()),
                Err(Stop::Fail(error)) => return Err(error),
                Err(Stop::Need(n)) => self.fill(n)?,
            }
        }
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
