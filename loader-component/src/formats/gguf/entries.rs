//! Metadata entries: key, type, value.
use super::super::bytes::little;
use super::super::escape;
use super::super::fault::fault;
use super::super::header::Part;
use super::super::kind::Kind;
use super::super::metadata::{INLINE, Stored};
use super::super::window::{Buffer, Got};
use super::arrays::{ArrayWalk, bool_fault, element_kind};
use super::item::Item;
use super::reader::{Gguf, refused};
use super::values::{element, least};
use crate::types::{Cause, Error};

/// Longest key, by the format.
pub(super) const LONGEST_KEY: u64 = 65_535;
/// The key that says how tensors are aligned.
pub(super) const ALIGNMENT: &str = "general.alignment";
/// What it says when it is absent.
const DEFAULT_ALIGNMENT: u32 = 32;
/// Largest alignment that is taken: 1 GiB, the largest page there is.
const LARGEST_ALIGNMENT: u32 = 1 << 30;
/// Most parts of a split model: ggml's own tool writes their number in 16 bits.
const MOST_PARTS: u32 = 65_535;

/// An array entry whose elements are being passed over.
#[derive(Debug, Default)]
pub(super) struct PendingArray {
    pub(super) key: String,
    key_at: u64,
    value_at: u64,
    element: Option<Kind>,
    count: u64,
    /// Where the elements begin.
    at: u64,
}

impl Gguf {
    /// Reads one entry; an array whose elements have to be walked is answered and not yet kept.
    pub(super) fn entry(&mut self, buffer: &Buffer) -> Got<Option<(ArrayWalk, PendingArray)>> {
        let number = self.metadata.len();
        let mut item = Item::new(buffer, self.at, self.bounds);
        let key_at = item.at();
        let length_field = || format!("kv[{number}].key.length");
        let length = item.u64(length_field)?;
        self.bounds.room(item.at(), length, 1, key_at, length_field)?;
        if length == 0 || length > LONGEST_KEY {
            let message = format!("A key has {length} bytes; it must have 1 to {LONGEST_KEY}.");
            return Err(fault(Cause::Malformed, key_at, length_field(), message).into());
        }
        let text_at = item.at();
        let key_field = || format!("kv[{number}].key");
        let key = item.take(length, key_field)?;
        let bad_key = |why: &str| {
            let shown = escape(&String::from_utf8_lossy(key));
            fault(Cause::Malformed, text_at, key_field(), format!("The key \"{shown}\" {why}."))
        };
        let key = str::from_utf8(key).map_err(|_| bad_key("is not UTF-8"))?;
        if key.contains('\0') {
            return Err(bad_key("contains a NUL").into());
        }
        let field = |part: &str| format!("kv[\"{}\"]{part}", escape(key));
        let kind_at = item.at();
        let kind = element_kind(item.u32(|| field(".type"))?, kind_at, || field(".type"))?;
        if key == ALIGNMENT && kind != Kind::U32 {
            let message = format!("{ALIGNMENT} is of type {}; it must be u32.", kind.name());
            return Err(fault(Cause::Malformed, kind_at, field(".type"), message).into());
        }
        let value_at = item.at();
        let kept = match kind {
            Kind::String => {
                let length = item.u64(|| field(".length"))?;
                let offset = item.at();
                let end = self.bounds.room(offset, length, 1, value_at, || field(".length"))?;
                if length <= INLINE {
                    let text = item.take(length, || field(""))?;
                    self.metadata.push_text(key, text, Some(value_at))
                } else {
                    self.metadata.push(key, kind, Stored::Far { offset, len: length }, Some(value_at))
                }
                .map(|()| end)
            }
            Kind::Array => {
                let element_code = item.u32(|| field(".element_type"))?;
                let inner = element_kind(element_code, value_at, || field(".element_type"))?;
                let count_at = item.at();
                let count = item.u64(|| field(".count"))?;
                let offset = item.at();
                let end = self.bounds.room(offset, count, least(inner), count_at, || field(".count"))?;
                if inner.width().is_none() || inner == Kind::Bool {
                    let pending = PendingArray {
                        key: key.into(),
                        key_at: text_at,
                        value_at,
                        element: Some(inner),
                        count,
                        at: offset,
                    };
                    self.at = offset;
                    return Ok(Some((ArrayWalk::new(inner, count), pending)));
                }
                let len = end.saturating_sub(offset);
                let stored = Stored::Sequence { element: inner, count, offset, len, read: element };
                self.metadata.push(key, kind, stored, Some(value_at)).map(|()| end)
            }
            _ => {
                let width = kind.width().unwrap_or(1);
                let bits = little(item.take(width, || field(""))?, width);
                if kind == Kind::Bool && bits > 1 {
                    return Err(bool_fault(bits as u8, value_at, &field("")).into());
                }
                if key == ALIGNMENT {
                    // A second one is refused below, so this is the only one.
                    self.alignment = Some(alignment(bits, value_at)?);
                }
                let end = item.at();
                self.metadata.push(key, kind, Stored::Bits(bits), Some(value_at)).map(|()| end)
            }
        };
        self.at = kept.map_err(|why| refused(why, text_at, field(""), key))?;
        Ok(None)
    }

    /// Keeps an array whose elements have been passed over.
    pub(super) fn keep_array(&mut self, pending: &PendingArray) -> Result<(), Error> {
        let PendingArray { key, key_at, value_at, element: inner, count, at } = pending;
        let (inner, len) = (inner.unwrap_or(Kind::U8), self.at.saturating_sub(*at));
        let stored = Stored::Sequence { element: inner, count: *count, offset: *at, len, read: element };
        let kept = self.metadata.push(key, Kind::Array, stored, Some(*value_at));
        kept.map_err(|why| refused(why, *key_at, format!("kv[\"{}\"]", escape(key)), key))
    }

    /// The alignment of tensor data in bytes.
    pub(super) fn alignment(&self) -> u32 {
        self.alignment.unwrap_or(DEFAULT_ALIGNMENT)
    }

    /// What the `split.*` entries say; none for a model in one file. A count of 0 is what ggml's own tool leaves behind when
    /// it merges the parts.
    pub(super) fn part(&self) -> Result<Option<Part>, Error> {
        let about = |key: &str, message: String| {
            let at = self.metadata.value_at(key).unwrap_or(self.infos_at);
            fault(Cause::Malformed, at, format!("kv[\"{key}\"]"), message)
        };
        let number = |key: &str| match (self.metadata.find(key), self.metadata.get_u64(key)) {
            (Some(_), None) => {
                let kind = self.metadata.kind(key).unwrap_or_default();
                Err(about(key, format!("{key} is of type {kind}, or negative.")))
            }
            (_, value) => Ok(value),
        };
        let (no, count, tensors) = (number("split.no")?, number("split.count")?, number("split.tensors.count")?);
        let Some(count) = count.filter(|count| *count > 0) else { return Ok(None) };
        let Some(count) = u32::try_from(count).ok().filter(|count| *count <= MOST_PARTS) else {
            let message = format!(
                "split.count is {count}, but a model has at most {MOST_PARTS} parts. Split it again into fewer and larger \
                 parts; if it was never split into so many, the file is damaged: fetch it again."
            );
            return Err(Error { cause: Cause::LimitExceeded, ..about("split.count", message) });
        };
        let Some(no) = no else {
            let message = "split.count is given without split.no, so the file's place among its parts is unknown.";
            // There is no such entry to point at, so this points at the one that asks for it.
            return Err(Error { offset: self.metadata.value_at("split.count"), ..about("split.no", message.into()) });
        };
        match u32::try_from(no) {
            Ok(no) if no < count => Ok(Some(Part { no, count, tensors })),
            _ => {
                let message = format!("split.no is {no}, but split.count is {count}; parts are numbered from 0.");
                Err(about("split.no", message))
            }
        }
    }
}

fn alignment(value: u64, at: u64) -> Result<u32, Error> {
    let good = u32::try_from(value).ok().filter(|v| v.is_power_of_two() && *v <= LARGEST_ALIGNMENT);
    good.ok_or_else(|| {
        let message = format!("{ALIGNMENT} is {value}; it must be a power of two, from 1 to {LARGEST_ALIGNMENT}.");
        fault(Cause::Malformed, at, format!("kv[\"{ALIGNMENT}\"]"), message)
    })
}
