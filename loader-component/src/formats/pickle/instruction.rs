//! One opcode and what follows it, read from the window it begins in.
use super::super::fault::{LONGEST_FILE, ends_inside, fault, over_limit};
use super::super::window::{Got, Stop};
use super::opcodes::{Argument, Opcode, opcode};
use crate::types::{Cause, Error};

/// Longest line, and longest text or bytes that are kept: names of tensors are shorter than a thousandth of that. What is
/// longer is passed over unread, and only its length is known.
const LONGEST_KEPT: u64 = 64 << 10;
/// Bytes that a line is looked for in at first.
const LINE_AT_FIRST: u64 = 256;

/// What an opcode brought along.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operand<'b> {
    Nothing,
    Number(i64),
    Double(f64),
    Bytes(&'b [u8]),
    Lines(&'b [u8], &'b [u8]),
    /// So many bytes that nobody needs.
    Unread,
}

/// One opcode with its operand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction<'b> {
    pub(super) at: u64,
    pub(super) opcode: &'static Opcode,
    pub(super) operand: Operand<'b>,
    /// Where the next one begins.
    pub(super) next: u64,
}

/// Where an instruction may be: from `at` to `end`, of which `bytes` are here.
pub(super) struct Place<'b> {
    pub(super) at: u64,
    pub(super) end: u64,
    pub(super) bytes: &'b [u8],
}

impl<'b> Place<'b> {
    pub(super) fn read(&self, field: &dyn Fn(&str) -> String) -> Got<Instruction<'b>> {
        let room = self.end.saturating_sub(self.at);
        if room == 0 {
            return Err(self.cut_off(field("opcode")).into());
        }
        let Some(code) = self.bytes.first() else { return Err(Stop::Need(1)) };
        let Some(opcode) = opcode(*code) else {
            let message = format!("{code:#04x} is no opcode of the pickle protocols 0 to 5.");
            return Err(fault(Cause::Malformed, self.at, field("opcode"), message).into());
        };
        let name = || field(opcode.name);
        let (operand, len) = match opcode.argument {
            Argument::Nothing => (Operand::Nothing, 1),
            Argument::Unsigned(width) => {
                let number = self.number(width, &name)?;
                (
                    Operand::Number(i64::try_from(number).map_err(|_| self.too_long(number, room, name()))?),
                    1 + u64::from(width),
                )
            }
            Argument::Signed => (Operand::Number(i64::from(self.number(4, &name)? as u32 as i32)), 5),
            Argument::Double => {
                let bytes = self.take(1, 8, &name)?.first_chunk::<8>();
                (Operand::Double(bytes.map_or(0.0, |bytes| f64::from_be_bytes(*bytes))), 9)
            }
            Argument::Counted(width) => self.counted(self.number(width, &name)?, width, room, &name)?,
            Argument::CountedSigned => {
                let count = self.number(4, &name)? as u32 as i32;
                let count = u64::try_from(count).map_err(|_| {
                    fault(Cause::Malformed, self.at, name(), format!("{} has a length of {count}.", opcode.name))
                })?;
                self.counted(count, 4, room, &name)?
            }
            Argument::Line => {
                let (line, end) = self.line(1, &name)?;
                (Operand::Bytes(line), end)
            }
            Argument::Lines => {
                let (one, middle) = self.line(1, &name)?;
                let (two, end) = self.line(middle, &name)?;
                (Operand::Lines(one, two), end)
            }
        };
        Ok(Instruction { at: self.at, opcode, operand, next: self.at.saturating_add(len) })
    }

    fn cut_off(&self, field: String) -> Error {
        ends_inside("pickle", self.end, self.at, field)
    }

    fn too_long(&self, len: u64, room: u64, field: String) -> Error {
        if len <= LONGEST_FILE {
            return self.cut_off(field);
        }
        let message = format!("A length of {len} was given, but only {room} bytes remain.");
        fault(Cause::Malformed, self.at, field, message)
    }

    /// `len` bytes from the `skip`th on.
    fn take(&self, skip: u64, len: u64, field: &dyn Fn() -> String) -> Got<&'b [u8]> {
        let end = skip.saturating_add(len);
        if end > self.end.saturating_sub(self.at) {
            return Err(self.cut_off(field()).into());
        }
        let range = usize::try_from(skip).ok().zip(usize::try_from(end).ok());
        range.and_then(|(from, to)| self.bytes.get(from..to)).ok_or(Stop::Need(end))
    }

    fn number(&self, width: u8, field: &dyn Fn() -> String) -> Got<u64> {
        let bytes = self.take(1, width.into(), field)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn counted(&self, count: u64, width: u8, room: u64, field: &dyn Fn() -> String) -> Got<(Operand<'b>, u64)> {
        let skip = 1 + u64::from(width);
        if count > room.saturating_sub(skip) {
            return Err(self.too_long(count, room.saturating_sub(skip), field()).into());
        }
        let len = skip.saturating_add(count);
        if count > LONGEST_KEPT {
            return Ok((Operand::Unread, len));
        }
        Ok((Operand::Bytes(self.take(skip, count, field)?), len))
    }

    /// The line from the `skip`th byte on without its newline, and where the next begins.
    fn line(&self, skip: u64, field: &dyn Fn() -> String) -> Got<(&'b [u8], u64)> {
        let from = usize::try_from(skip).ok().and_then(|skip| self.bytes.get(skip..)).unwrap_or_default();
        let room = self.end.saturating_sub(self.at).saturating_sub(skip);
        if let Some(len) = from.iter().position(|byte| *byte == b'\n') {
            if len as u64 > LONGEST_KEPT {
                return Err(self.long_line(field()).into());
            }
            return Ok((from.get(..len).unwrap_or_default(), skip.saturating_add(len as u64).saturating_add(1)));
        }
        let have = from.len() as u64;
        if have >= room {
            return Err(self.cut_off(field()).into());
        }
        if have > LONGEST_KEPT {
            return Err(self.long_line(field()).into());
        }
        Err(Stop::Need(skip.saturating_add(have.saturating_mul(2).max(LINE_AT_FIRST).min(room))))
    }

    fn long_line(&self, field: String) -> Error {
        over_limit(self.at, field, format!("A line is longer than {LONGEST_KEPT} bytes."))
    }
}
