//! Metadata values as GGUF writes them: thirteen types by their numbers, and the elements of arrays.
use super::super::Limits;
use super::super::bytes::little;
use super::super::kind::Kind;
use super::super::metadata::{Budget, Values};
use super::arrays::ArrayWalk;
use super::item::Bounds;
use crate::types::Error;

/// The types by their numbers.
const KINDS: [Kind; 13] = {
    use Kind::{Array, Bool, F32, F64, I8, I16, I32, I64, String, U8, U16, U32, U64};
    [U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64]
};

/// The type with this number.
pub(super) fn kind(code: u32) -> Option<Kind> {
    KINDS.get(usize::try_from(code).ok()?).copied()
}

/// The number of a type.
pub(super) fn code(kind: Kind) -> u32 {
    (0u32..).zip(KINDS).find(|(_, known)| *known == kind).map_or(0, |(code, _)| code)
}

/// Bytes of the smallest value of a type: a string has its length, an array its element type and count.
pub(super) fn least(kind: Kind) -> u64 {
    match kind {
        Kind::String => 8,
        Kind::Array => 12,
        _ => kind.width().unwrap_or(1),
    }
}

/// The next element of an array, where there is room for it.
pub(super) fn element(values: &mut Values<'_>, kind: Kind, budget: &mut Budget) -> Result<Option<String>, Error> {
    let element = match kind {
        Kind::String => {
            let len = values.number(8)?;
            return values.text(len, budget);
        }
        Kind::Array => nested(values)?,
        _ => values.scalar(kind)?,
    };
    Ok(budget.take(element.len() as u64).then_some(element))
}

/// An array inside an array, as its type and length; its elements are passed over.
fn nested(values: &mut Values<'_>) -> Result<String, Error> {
    let bytes = values.peek(12)?;
    let (code, count) = (little(bytes, 4) as u32, little(bytes.get(4..).unwrap_or_default(), 8));
    let nesting = Limits::default().nesting.max(u32::from(u16::MAX));
    let mut walk = ArrayWalk::inside_array();
    values.pass_over(&mut |at, buffer, end, field| {
        walk.run(at, buffer, Bounds { size: end, header: end, nesting }, field)
    })?;
    let element = kind(code).map_or("unknown", Kind::name);
    Ok(format!("[{element}; {count}]"))
}
