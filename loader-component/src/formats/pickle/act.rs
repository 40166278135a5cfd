//! What each opcode does, its guards having held.
use super::super::escape::{escape, escape_bytes};
use super::super::fault::{fault, over_limit};
use super::arena::{Part, Ref, Value};
use super::instruction::{Instruction, Operand};
use super::machine::PickleReader;
use super::opcodes::Act;
use super::text::{self, Decimal};
use crate::types::{Cause, Error};

/// The last protocol there is.
const LAST_PROTOCOL: i64 = 5;

impl PickleReader {
    /// Executes an instruction; the pickle's value, if that was its end.
    pub(super) fn act(&mut self, i: &Instruction<'_>) -> Result<Option<Ref>, Error> {
        let number = if let Operand::Number(number) = i.operand { number } else { 0 };
        match i.opcode.act {
            Act::Proto if number > LAST_PROTOCOL => {
                let message = format!("The pickle says it has protocol {number}; 0 to {LAST_PROTOCOL} are known.");
                return Err(fault(Cause::UnsupportedFormat, i.at, self.field(i), message));
            }
            Act::Proto => self.protocol = u8::try_from(number).unwrap_or(0),
            Act::Frame if u64::try_from(number).is_ok_and(|len| len > self.end.saturating_sub(i.next)) => {
                return Err(self.bad(i, "says that more bytes follow than remain"));
            }
            Act::Frame => {}
            Act::Stop => return Ok(self.stack.pop()),
            Act::Mark => self.marks.push(self.stack.len()),
            Act::Pop if self.stack.len() > self.fence() => _ = self.stack.pop(),
            Act::Pop if self.marks.pop().is_some() => {}
            Act::Pop => return Err(self.bad(i, "drops the top of an empty stack")),
            Act::PopMark => _ = self.take_to_mark(),
            Act::Dup => self.stack.extend(self.stack.last().copied()),
            Act::Put => {
                let number = self.memo_number(i)?;
                self.remember(number);
            }
            Act::Memoize => self.remember(self.memo.len()),
            Act::Get => {
                let number = self.memo_number(i)?;
                let Some(value) = self.memo.get(number) else {
                    return Err(self.bad(i, &format!("wants what was remembered as {number}, and nothing was")));
                };
                self.stack.push(value);
            }
            Act::Null => self.push(i, Value::Null)?,
            Act::Truth(truth) => self.push(i, Value::Bool(truth))?,
            Act::Int => self.push(i, Value::Int(number))?,
            Act::Decimal | Act::Long | Act::Float => {
                let value = self.numeric(i)?;
                self.push(i, value)?;
            }
            Act::Text | Act::Escaped | Act::OldText | Act::Quoted | Act::Bytes => {
                let value = self.textual(i)?;
                self.push(i, value)?;
            }
            Act::Buffer => {
                let message = "The pickle wants a buffer that lies outside of it; PyTorch gives it none.";
                return Err(fault(Cause::UnsupportedFormat, i.at, self.field(i), message));
            }
            Act::EmptyList | Act::EmptyTuple | Act::EmptyDict | Act::EmptySet => self.collect(i, &[])?,
            Act::Tuple | Act::List | Act::FrozenSet | Act::Dict => {
                let values = self.take_to_mark();
                let whole = i.opcode.act != Act::Dict || values.len().is_multiple_of(2);
                let made = if whole { self.collect(i, &values) } else { Err(self.bad(i, "has a key without a value")) };
                self.scratch = values;
                made?;
            }
            Act::TupleOf(count) => {
                let values = self.take(usize::from(count));
                let made = self.collect(i, &values);
                self.scratch = values;
                made?;
            }
            Act::Append | Act::SetItem | Act::Appends | Act::SetItems | Act::AddItems => self.add_items(i)?,
            Act::Global | Act::StackGlobal | Act::Extension => {
                let global = self.global(i)?;
                self.stack.push(global);
            }
            Act::Reduce | Act::NewObj | Act::NewObjEx | Act::Obj | Act::Inst => self.make(i)?,
            Act::Build => self.build(i)?,
            Act::PersId => {
                let value = self.textual(i)?;
                let id = self.keep(i, value)?;
                self.push(i, Value::Persistent(id))?;
            }
            Act::BinPersId => {
                if let Some(id) = self.stack.pop() {
                    self.push(i, Value::Persistent(id))?;
                }
            }
        }
        Ok(None)
    }

    fn keep(&mut self, i: &Instruction<'_>, value: Value) -> Result<Ref, Error> {
        self.arena.push(value).map_err(self.full(i))
    }

    fn push(&mut self, i: &Instruction<'_>, value: Value) -> Result<(), Error> {
        let value = self.keep(i, value)?;
        self.stack.push(value);
        Ok(())
    }

    fn remember(&mut self, number: u32) {
        if let Some(top) = self.stack.last() {
            self.memo.put(number, *top);
        }
    }

    /// The top values, `count` of them, in a vector that is to be given back.
    fn take(&mut self, count: usize) -> Vec<Ref> {
        let mut values = std::mem::take(&mut self.scratch);
        values.clear();
        values.extend(self.stack.drain(self.stack.len().saturating_sub(count)..));
        values
    }

    /// What is above the mark, which goes too.
    fn take_to_mark(&mut self) -> Vec<Ref> {
        let mark = self.marks.pop().unwrap_or(0);
        self.take(self.stack.len().saturating_sub(mark))
    }

    fn memo_number(&self, i: &Instruction<'_>) -> Result<u32, Error> {
        let number = match i.operand {
            Operand::Number(number) => Some(number),
            Operand::Bytes(line) => match text::decimal(line) {
                Some(Decimal::Number(number)) => Some(number),
                _ => None,
            },
            _ => None,
        };
        number.and_then(|number| u32::try_from(number).ok()).ok_or_else(|| self.bad(i, "has no number below 2^32"))
    }

    fn numeric(&mut self, i: &Instruction<'_>) -> Result<Value, Error> {
        match (i.opcode.act, i.operand) {
            (Act::Float, Operand::Double(number)) => Ok(Value::Float(number)),
            (Act::Float, Operand::Bytes(line)) => {
                let number = str::from_utf8(line).ok().and_then(|line| line.trim().parse().ok());
                number.map(Value::Float).ok_or_else(|| self.bad(i, "has no number"))
            }
            // Truth values of the protocols 0 and 1.
            (Act::Decimal, Operand::Bytes(b"00")) if i.opcode.code == b'I' => Ok(Value::Bool(false)),
            (Act::Decimal, Operand::Bytes(b"01")) if i.opcode.code == b'I' => Ok(Value::Bool(true)),
            (Act::Decimal, Operand::Bytes(line)) => match text::decimal(line) {
                Some(Decimal::Number(number)) => Ok(Value::Int(number)),
                Some(Decimal::Huge) => Ok(Value::Huge),
                None => Err(self.bad(i, "has no whole number")),
            },
            (Act::Long, Operand::Bytes(bytes)) if bytes.len() <= 8 => {
                let negative = bytes.last().is_some_and(|high| *high > 127);
                let mut number = [if negative { 0xff } else { 0 }; 8];
                number.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                Ok(Value::Int(i64::from_le_bytes(number)))
            }
            (Act::Long, Operand::Bytes(bytes)) => self.arena.keep(bytes).map(Value::Wide).map_err(self.full(i)),
            _ => Ok(Value::Huge),
        }
    }

    fn textual(&mut self, i: &Instruction<'_>) -> Result<Value, Error> {
        let Operand::Bytes(bytes) = i.operand else { return Ok(Value::Unread) };
        let not_text = |this: &Self| {
            let shown = escape_bytes(bytes);
            this.bad(i, &format!("has no text in the encoding that it should have: \"{shown}\""))
        };
        let (owned, lenient);
        let bytes = match i.opcode.act {
            Act::Escaped => {
                owned = text::escaped(bytes).ok_or_else(|| not_text(self))?;
                owned.as_bytes()
            }
            Act::Quoted => {
                lenient = text::quoted(bytes).ok_or_else(|| not_text(self))?;
                &lenient
            }
            _ => bytes,
        };
        let is_text = i.opcode.act != Act::Bytes && str::from_utf8(bytes).is_ok();
        // Python 2 had no other strings, so those may be bytes.
        if !is_text && !matches!(i.opcode.act, Act::Bytes | Act::OldText | Act::Quoted) {
            return Err(not_text(self));
        }
        let span = self.arena.keep(bytes).map_err(self.full(i))?;
        Ok(if is_text { Value::Text(span) } else { Value::Bytes(span) })
    }

    /// Pushes a new container with these in it.
    fn collect(&mut self, i: &Instruction<'_>, values: &[Ref]) -> Result<(), Error> {
        let chain = self.arena.link(values).map_err(self.full(i))?;
        self.push(
            i,
            match i.opcode.act {
                Act::EmptyList | Act::List => Value::List(chain),
                Act::EmptyDict | Act::Dict => Value::Dict(chain),
                Act::EmptySet | Act::FrozenSet => Value::Set(chain),
                _ => Value::Tuple(chain),
            },
        )
    }

    fn add_items(&mut self, i: &Instruction<'_>) -> Result<(), Error> {
        let values = match i.opcode.act {
            Act::Append => self.take(1),
            Act::SetItem => self.take(2),
            _ => self.take_to_mark(),
        };
        let pairs = matches!(i.opcode.act, Act::SetItem | Act::SetItems);
        let added = self.stack.last().copied().map_or(Ok(false), |to| {
            let set = matches!(self.arena.get(to), Value::Set(_)) == (i.opcode.act == Act::AddItems);
            let fits = set || matches!(self.arena.get(to), Value::Object(_));
            if pairs && !values.len().is_multiple_of(2) {
                return Err(self.bad(i, "has a key without a value"));
            }
            let part = if pairs { Part::Pairs } else { Part::Items };
            if fits { self.arena.add(to, part, &values).map_err(self.full(i)) } else { Ok(false) }
        });
        self.scratch = values;
        if added? {
            return Ok(());
        }
        let kind = self.top_kind();
        Err(self.bad(i, &format!("adds to {kind}, to which nothing can be added so")))
    }

    fn top_kind(&self) -> String {
        match self.stack.last().map(|top| self.arena.get(*top)) {
            Some(Value::Global(number)) => self.shown_global(number),
            Some(value) => value.kind().to_owned(),
            None => "nothing".to_owned(),
        }
    }

    fn shown_global(&self, number: u32) -> String {
        self.uses
            .globals
            .get(number as usize)
            .map_or_else(String::new, |global| format!("the global {}", global.shown()))
    }

    /// What Python would look up, by its number.
    fn global(&mut self, i: &Instruction<'_>) -> Result<Ref, Error> {
        let (module, name) = match (i.opcode.act, i.operand) {
            (Act::Extension, Operand::Number(code)) if code > 0 => (String::new(), format!("extension {code}")),
            (Act::Extension, _) => return Err(self.bad(i, "has no number above 0")),
            (_, Operand::Lines(module, name)) => {
                let [module, name] = [module, name].map(|part| str::from_utf8(part).ok().map(str::to_owned));
                module.zip(name).ok_or_else(|| self.bad(i, "has a name that is not UTF-8"))?
            }
            _ => {
                let values = self.take(2);
                let texts =
                    values.split_first_chunk().map(|(pair, _): (&[Ref; 2], _)| pair.map(|part| self.arena.text(part)));
                let named = match texts {
                    Some([Some(module), Some(name)]) => Some((module.to_owned(), name.to_owned())),
                    _ => None,
                };
                self.scratch = values;
                named.ok_or_else(|| self.bad(i, "has a name that is no text"))?
            }
        };
        let named = i.opcode.act == Act::Extension || !(module.is_empty() || name.is_empty());
        if !named || module.chars().chain(name.chars()).any(char::is_control) {
            let shown = escape(&format!("{module}.{name}"));
            return Err(self.bad(i, &format!("names \"{shown}\", which cannot be a name")));
        }
        let number = self.uses.name(&module, &name, i.at);
        let number =
            number.map_err(|_| over_limit(i.at, self.field(i), "The names of this pickle were made to collide."))?;
        self.keep(i, Value::Global(number))
    }

    /// What Python would call, remembered as an object.
    fn make(&mut self, i: &Instruction<'_>) -> Result<(), Error> {
        let (callee, arguments, named) = match i.opcode.act {
            Act::Inst => {
                let values = self.take_to_mark();
                let tuple = self.arena.link(&values).map_err(self.full(i));
                self.scratch = values;
                let arguments = self.keep(i, Value::Tuple(tuple?))?;
                (Some(self.global(i)?), Some(arguments), None)
            }
            Act::Obj => {
                let values = self.take_to_mark();
                let callee = values.first().copied();
                let tuple = self.arena.link(values.get(1..).unwrap_or_default()).map_err(self.full(i));
                self.scratch = values;
                (callee, Some(self.keep(i, Value::Tuple(tuple?))?), None)
            }
            Act::NewObjEx => {
                let named = self.stack.pop();
                let arguments = self.stack.pop();
                (self.stack.pop(), arguments, named)
            }
            _ => {
                let arguments = self.stack.pop();
                (self.stack.pop(), arguments, None)
            }
        };
        let (Some(callee), Some(arguments)) = (callee, arguments) else {
            return Err(self.bad(i, "has no class above its mark"));
        };
        match self.arena.get(callee) {
            Value::Global(number) => self.uses.call(number),
            // Checkpoints of before 1.6 keep classes under persistent ids, with their source.
            Value::Object(_) | Value::Persistent(_) => {}
            other => return Err(self.bad(i, &format!("calls {}", other.kind()))),
        }
        let kind = self.arena.get(arguments);
        if !matches!(kind, Value::Tuple(_)) {
            return Err(self.bad(i, &format!("has {} for arguments, and not a tuple", kind.kind())));
        }
        let object = self.arena.push_object(callee, arguments, i.at).map_err(self.full(i))?;
        self.stack.push(object);
        match named.map(|named| (named, self.arena.get(named))) {
            None => Ok(()),
            Some((_, Value::Dict(pairs))) if pairs.is_empty() => Ok(()),
            Some((named, Value::Dict(_))) => {
                self.arena.add(object, Part::States, &[named]).map(drop).map_err(self.full(i))
            }
            Some((_, other)) => Err(self.bad(i, &format!("has {} for named arguments", other.kind()))),
        }
    }

    /// Gives an object its state. That of a global would change what others get by that name, so that no name could be
    /// trusted any more; no pickler writes it.
    fn build(&mut self, i: &Instruction<'_>) -> Result<(), Error> {
        let state = self.stack.pop();
        let target = self.stack.last().copied().filter(|top| matches!(self.arena.get(*top), Value::Object(_)));
        match target.zip(state) {
            Some((target, state)) => self.arena.add(target, Part::States, &[state]).map(drop).map_err(self.full(i)),
            None => {
                let kind = self.top_kind();
                Err(self.bad(i, &format!("gives a state to {kind}")))
            }
        }
    }
}
