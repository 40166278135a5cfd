//! One record, one line. A machine's step, of which a load has thousands, is an array; everything else is an object.
use super::limits::Budget;
use crate::trace::{Answer, Record, What};
use crate::types::{Entry, Happening};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

/// A record that is no step.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    seq: u64,
    at: u64,
    /// Zeros that the bytes of the answer end with and that are not written out.
    #[serde(default, skip_serializing_if = "is_zero")]
    zeros: usize,
    #[serde(flatten)]
    what: Cow<'a, What>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}

/// Fewer zeros are not worth a field.
const FEW_ZEROS: usize = 64;

/// An answer whose bytes end in many zeros (they stand for tensors), without them, and how many there were.
fn without_zeros(what: &What) -> Option<(What, usize)> {
    let What::Return { answer, ns } = what else { return None };
    let Answer::Bytes(bytes) = &**answer else { return None };
    let len = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let zeros = bytes.len() - len;
    let short = || Answer::Bytes(Arc::new(bytes[..len].to_vec()));
    (zeros >= FEW_ZEROS).then(|| (What::Return { answer: Box::new(short()), ns: *ns }, zeros))
}

fn with_zeros(what: &mut What, zeros: usize) -> Result<(), String> {
    let What::Return { answer, .. } = what else { return Err("the field `zeros` is of an answer".to_owned()) };
    let Answer::Bytes(bytes) = &mut **answer else { return Err("the field `zeros` is of bytes".to_owned()) };
    let too_large = "the field `zeros` is too large";
    let len = zeros.checked_add(bytes.len()).ok_or(too_large)?;
    let bytes = Arc::make_mut(bytes);
    bytes.try_reserve_exact(zeros).map_err(|_| too_large)?;
    bytes.resize(len, 0);
    Ok(())
}

/// Appends a record without its line break. `before` is the time of the record before it.
pub(super) fn encode(record: &Record, before: u64, line: &mut String) -> Result<(), serde_json::Error> {
    let What::Step(entry) = &record.what else {
        let (what, zeros) = match without_zeros(&record.what) {
            Some((what, zeros)) => (Cow::Owned(what), zeros),
            None => (Cow::Borrowed(&record.what), 0),
        };
        line.push_str(&serde_json::to_string(&Line { seq: record.seq, at: record.at, zeros, what })?);
        return Ok(());
    };
    let wait = record.at.saturating_sub(before);
    let result = write!(line, "[{},{wait},{},", record.seq, entry.machine).and_then(|()| match entry.instance {
        Some(instance) => write!(line, "{instance},"),
        None => line.write_str("null,"),
    });
    // Writing to a string has no way to fail.
    let _ = result.and_then(|()| match entry.what {
        Happening::Event(name) => write!(line, "\"e\",{name}]"),
        Happening::Guard((name, held)) => write!(line, "\"g\",{name},{}]", u8::from(held)),
        Happening::Action(name) => write!(line, "\"a\",{name}]"),
        Happening::Transition((from, to)) => write!(line, "\"t\",{from},{to}]"),
        Happening::Command(name) => write!(line, "\"c\",{name}]"),
        Happening::Answer((name, good)) => write!(line, "\"r\",{name},{}]", u8::from(good)),
        Happening::Outcome((name, good)) => write!(line, "\"o\",{name},{}]", u8::from(good)),
    });
    Ok(())
}

/// A step has seven numbers at most.
const STEP_BYTES: usize = 256;

/// Reads a record. The error is a sentence about the line.
pub(super) fn decode(text: &str, before: u64, budget: &mut Budget) -> Result<Record, String> {
    if !text.starts_with('[') {
        budget.look(text)?;
        let Line { seq, at, zeros, what } = serde_json::from_str(text).map_err(|error| sentence(&error))?;
        let mut what = what.into_owned();
        if zeros > 0 {
            // They take no room in the file, and all in memory.
            budget.room(zeros as u64).map_err(|why| format!("the field `zeros` is too large: {why}"))?;
            with_zeros(&mut what, zeros)?;
        }
        let record = Record { seq, at, what };
        budget.record(&record)?;
        return Ok(record);
    }
    if text.len() > STEP_BYTES {
        return Err(format!("it is a step of more than {STEP_BYTES} bytes"));
    }
    let fields: Vec<Value> = serde_json::from_str(text).map_err(|error| sentence(&error))?;
    let mut step = Step { fields: &fields, next: 0 };
    let seq = step.number("seq")?;
    let at = before.checked_add(step.number("wait")?).ok_or("the field `wait` is too large")?;
    let machine = step.index("machine")?;
    let instance = step.instance()?;
    let kind = step.text("kind")?;
    let what = match kind {
        "e" => Happening::Event(step.index("event")?),
        "g" => Happening::Guard((step.index("guard")?, step.flag("held")?)),
        "a" => Happening::Action(step.index("action")?),
        "t" => Happening::Transition((step.index("from")?, step.index("to")?)),
        "c" => Happening::Command(step.index("command")?),
        "r" => Happening::Answer((step.index("answer")?, step.flag("good")?)),
        "o" => Happening::Outcome((step.index("outcome")?, step.flag("good")?)),
        other => return Err(format!("the field `kind` is {other:?}; it is one of e, g, a, t, c, r, o")),
    };
    step.end()?;
    let record = Record { seq, at, what: What::Step(Entry { machine, instance, what }) };
    budget.record(&record)?;
    Ok(record)
}

/// What serde says, without its "line 1", which would be read as a line of the file.
pub(super) fn sentence(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    if error.column() > 0 { format!("{text} (column {})", error.column()) } else { text.to_owned() }
}

/// The fields of a step, one after the other.
struct Step<'a> {
    fields: &'a [Value],
    next: usize,
}

impl<'a> Step<'a> {
    fn take(&mut self, name: &str) -> Result<&'a Value, String> {
        let value = self.fields.get(self.next).ok_or_else(|| format!("the field `{name}` is missing"))?;
        self.next += 1;
        Ok(value)
    }

    fn number(&mut self, name: &str) -> Result<u64, String> {
        let value = self.take(name)?;
        value.as_u64().ok_or_else(|| format!("the field `{name}` is {value}; it is a number of 64 bits"))
    }

    fn index(&mut self, name: &str) -> Result<u32, String> {
        let value = self.take(name)?;
        index(value, name)
    }

    fn instance(&mut self) -> Result<Option<u32>, String> {
        let value = self.take("instance")?;
        if value.is_null() { Ok(None) } else { index(value, "instance").map(Some) }
    }

    fn flag(&mut self, name: &str) -> Result<bool, String> {
        match self.take(name)?.as_u64() {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            _ => Err(format!("the field `{name}` is neither 0 nor 1")),
        }
    }

    fn text(&mut self, name: &str) -> Result<&'a str, String> {
        let value = self.take(name)?;
        value.as_str().ok_or_else(|| format!("the field `{name}` is {value}; it is a text"))
    }

    fn end(&self) -> Result<(), String> {
        let more = self.fields.len() - self.next;
        if more == 0 { Ok(()) } else { Err(format!("the step has {more} fields too many")) }
    }
}

fn index(value: &Value, name: &str) -> Result<u32, String> {
    value
        .as_u64()
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| format!("the field `{name}` is {value}; it is a number of 32 bits"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::recording::ReadLimits;
    use crate::trace::{Answer, Call};

    fn step(what: Happening) -> Record {
        Record { seq: 20_123, at: 51_234_567, what: What::Step(Entry { machine: 3, instance: Some(640), what }) }
    }

    #[test]
    fn every_kind_of_step_comes_back() {
        for what in [
            Happening::Event(1),
            Happening::Guard((2, true)),
            Happening::Guard((2, false)),
            Happening::Action(3),
            Happening::Transition((4, 5)),
            Happening::Command(6),
            Happening::Answer((7, false)),
            Happening::Outcome((8, true)),
        ] {
            let record = step(what);
            let mut line = String::new();
            encode(&record, 51_234_000, &mut line).unwrap();
            assert!(line.len() < 100, "{line}");
            assert_eq!(decode(&line, 51_234_000, &mut Budget::new(ReadLimits::default())).unwrap(), record, "{line}");
        }
    }

    #[test]
    fn a_step_is_short() {
        let mut line = String::new();
        encode(&step(Happening::Transition((12, 13))), 51_234_567, &mut line).unwrap();
        assert_eq!(line, "[20123,0,3,640,\"t\",12,13]");
    }

    #[test]
    fn header_bytes_come_back() {
        for what in [
            What::Call(Box::new(Call::Read { source: 0, offset: 0, len: 4 })),
            What::Return { answer: Box::new(Answer::Bytes(vec![0, 255, 10, 13].into())), ns: 12 },
            What::Call(Box::new(Call::GetCapabilities)),
            What::Return { answer: Box::new(Answer::Done), ns: 0 },
        ] {
            let record = Record { seq: 1, at: 2, what };
            let mut line = String::new();
            encode(&record, 0, &mut line).unwrap();
            assert_eq!(decode(&line, 0, &mut Budget::new(ReadLimits::default())).unwrap(), record, "{line}");
        }
    }

    #[test]
    fn zeros_at_the_end_are_counted() {
        for zeros in [0, 63, 64, 60_000] {
            let mut bytes = b"GGUF".to_vec();
            bytes.resize(4 + zeros, 0);
            let what = What::Return { answer: Box::new(Answer::Bytes(bytes.into())), ns: 12 };
            let record = Record { seq: 1, at: 2, what };
            let mut line = String::new();
            encode(&record, 0, &mut line).unwrap();
            assert!(line.len() < 200, "{line}");
            assert_eq!(decode(&line, 0, &mut Budget::new(ReadLimits::default())).unwrap(), record, "{line}");
        }
    }

    #[test]
    fn errors_name_the_field() {
        for (line, says) in [
            ("[1,2,3]", "`instance` is missing"),
            ("[1,-2,3,4,\"e\",5]", "`wait` is -2"),
            ("[1,2,4294967296,4,\"e\",5]", "`machine` is 4294967296"),
            ("[1,2,3,4,\"x\",5]", "`kind` is \"x\""),
            ("[1,2,3,4,\"g\",5,2]", "`held` is neither"),
            ("[1,2,3,4,\"e\",5,6]", "1 fields too many"),
            ("{\"seq\":1,\"at\":2,\"call\":{\"read\":{\"source\":0,\"len\":3}}}", "missing field `offset`"),
            ("[1,2", "EOF"),
            ("{\"seq\":1,\"at\":2,\"zeros\":3,\"enter\":\"close\"}", "`zeros` is of an answer"),
            (
                "{\"seq\":1,\"at\":2,\"zeros\":99999999999,\"return\":{\"answer\":{\"bytes\":\"\"},\"ns\":1}}",
                "too large",
            ),
        ] {
            let error = decode(line, 0, &mut Budget::new(ReadLimits::default())).unwrap_err();
            assert!(error.contains(says), "{line}: {error}");
            assert!(!error.contains("line"), "{line}: {error}");
        }
    }
}
