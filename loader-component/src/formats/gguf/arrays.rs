//! Passing over arrays: strings by their lengths, fixed-size elements at once, arrays inside arrays without recursion.
use super::super::fault::{fault, over_limit};
use super::super::kind::Kind;
use super::super::window::{Buffer, Got, Stop};
use super::item::{Bounds, Item};
use super::values::{kind, least};
use crate::types::Cause;

#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: Kind,
    count: u64,
    left: u64,
}

/// A walk through one array that can stop at any element and go on in the next window.
#[derive(Debug)]
pub(super) struct ArrayWalk {
    /// From the outermost array to the one being walked.
    stack: Vec<Frame>,
}

impl ArrayWalk {
    /// A walk through `count` elements.
    pub(super) fn new(kind: Kind, count: u64) -> Self {
        Self { stack: vec![Frame { kind, count, left: count }] }
    }

    /// A walk through one array that is itself an element.
    pub(super) fn inside_array() -> Self {
        Self::new(Kind::Array, 1)
    }

    /// Least bytes that the elements ahead have.
    pub(super) fn least(&self) -> u64 {
        let frames = self.stack.iter();
        frames.fold(0, |sum, frame| sum.saturating_add(frame.left.saturating_mul(least(frame.kind))))
    }

    /// Moves `at` to the end of the array, or as far as the window reaches. `field` names the array.
    pub(super) fn run(&mut self, at: &mut u64, buffer: &Buffer, bounds: Bounds, field: &dyn Fn() -> String) -> Got<()> {
        while let Some(frame) = self.stack.last_mut() {
            if frame.left == 0 {
                self.stack.pop();
                continue;
            }
            match frame.kind {
                Kind::Array => {
                    let mut item = Item::new(buffer, *at, bounds);
                    let kind_at = item.at();
                    let code = item.u32(|| format!("{}.type", self.element(field)))?;
                    let count_at = item.at();
                    let count = item.u64(|| format!("{}.count", self.element(field)))?;
                    let kind = element_kind(code, kind_at, || format!("{}.type", self.element(field)))?;
                    let end = item.at();
                    bounds.room(end, count, least(kind), count_at, || format!("{}.count", self.element(field)))?;
                    if self.stack.len() >= bounds.nesting as usize {
                        let field = self.element(field);
                        let message =
                            format!("Arrays are nested deeper than {}, the limit of this session.", bounds.nesting);
                        return Err(over_limit(kind_at, field, message).into());
                    }
                    if let Some(frame) = self.stack.last_mut() {
                        frame.left = frame.left.saturating_sub(1);
                    }
                    *at = end;
                    self.stack.push(Frame { kind, count, left: count });
                }
                Kind::String => strings(frame, at, buffer, bounds)
                    .map_err(|stop| named(stop, || format!("{}.length", self.element(field))))?,
                Kind::Bool => bools(frame, at, buffer, bounds).map_err(|stop| named(stop, || self.element(field)))?,
                kind => {
                    *at = bounds.room(*at, frame.left, least(kind), *at, field)?;
                    frame.left = 0;
                }
            }
        }
        Ok(())
    }

    /// The name of the element that the walk stands at, such as `kv["a"][3][0]`.
    fn element(&self, field: &dyn Fn() -> String) -> String {
        let mut name = field();
        for (depth, frame) in self.stack.iter().enumerate() {
            // An outer frame has counted the array that is being walked already.
            let inner = depth + 1 < self.stack.len();
            let index = frame.count.saturating_sub(frame.left).saturating_sub(u64::from(inner));
            name.push_str(&format!("[{index}]"));
        }
        name
    }
}

/// The type of an array's elements.
pub(super) fn element_kind(code: u32, at: u64, field: impl FnOnce() -> String) -> Got<Kind> {
    kind(code).ok_or_else(|| {
        let message = format!("{code} is no type of a metadata value; GGUF has 0 to 12.");
        Stop::Fail(fault(Cause::Malformed, at, field(), message))
    })
}

/// Gives the error the name of the element that it is about; the tight loops below make none.
fn named(stop: Stop, field: impl FnOnce() -> String) -> Stop {
    match stop {
        Stop::Fail(error) => Stop::Fail(error.at_field(field())),
        need => need,
    }
}

/// The loop that a vocabulary of a quarter of a million strings runs through.
fn strings(frame: &mut Frame, at: &mut u64, buffer: &Buffer, bounds: Bounds) -> Got<()> {
    let limit = bounds.size.min(bounds.header);
    let mut bytes = buffer.from(*at);
    let mut here = *at;
    // As far as the window and the limit reach, one comparison says of each string that it is inside.
    let sure = usize::try_from(limit.saturating_sub(here)).unwrap_or(usize::MAX);
    let mut inside = bytes.get(..sure).unwrap_or(bytes);
    let all = inside.len();
    while frame.left > 0
        && let Some((length, rest)) = inside.split_first_chunk::<8>()
        && let Ok(length) = usize::try_from(u64::from_le_bytes(*length))
        && let Some(rest) = rest.get(length..)
    {
        inside = rest;
        frame.left -= 1;
    }
    let passed = all - inside.len();
    here = here.saturating_add(passed as u64);
    bytes = bytes.get(passed..).unwrap_or_default();
    while frame.left > 0 {
        let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
            *at = here;
            // The file may end before the length does.
            Item::new(buffer, here, bounds).u64(|| "the string's length".into())?;
            return Err(Stop::Need(8));
        };
        let length = u64::from_le_bytes(*length);
        match here.checked_add(8).and_then(|start| start.checked_add(length)).filter(|end| *end <= limit) {
            Some(end) => here = end,
            None => {
                *at = here;
                let start = here.saturating_add(8);
                bounds.room(start, length, 1, here, || "the string's length".into())?;
                return Err(Stop::Need(8));
            }
        }
        // A string that the window does not hold to its end is passed over unread.
        bytes = usize::try_from(length).ok().and_then(|length| rest.get(length..)).unwrap_or_default();
        frame.left = frame.left.saturating_sub(1);
    }
    *at = here;
    Ok(())
}

fn bools(frame: &mut Frame, at: &mut u64, buffer: &Buffer, bounds: Bounds) -> Got<()> {
    bounds.room(*at, frame.left, 1, *at, || "the number of bools left".into())?;
    let bytes = buffer.from(*at);
    let here = bytes.get(..usize::try_from(frame.left).unwrap_or(usize::MAX)).unwrap_or(bytes);
    let good = here.iter().position(|byte| *byte > 1).unwrap_or(here.len());
    let bad = here.get(good).copied();
    *at = at.saturating_add(good as u64);
    frame.left = frame.left.saturating_sub(good as u64);
    match bad {
        Some(byte) => Err(bool_fault(byte, *at, "bool").into()),
        None if frame.left > 0 => Err(Stop::Need(1)),
        None => Ok(()),
    }
}

/// The error for a bool that is neither 0 nor 1.
pub(super) fn bool_fault(byte: u8, at: u64, field: &str) -> crate::types::Error {
    fault(Cause::Malformed, at, field, format!("A bool is {byte}; it must be 0 or 1."))
}
