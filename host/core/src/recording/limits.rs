//! What a recording may make its reader hold: the bounds of a live session, and one budget for the whole.
use crate::{
    log::weight,
    trace::{Export, Outcome, Record, What},
    types::Error,
};
use serde_json::{Value, json};

/// Most bytes of a name of a machine, state or event: identifiers of source code. A live guest may give no longer one.
pub(crate) const NAME_BYTES: usize = 1024;

/// Most bytes of a text of an error. What a live guest says beyond that is cut off before anybody gets it.
pub(crate) const TEXT_BYTES: usize = 16 << 10;

/// About how many bytes a value holds beside its text.
const VALUE: u64 = 32;

/// Bounds on what a recording may make its reader hold. A recording is a file from a stranger: every one of them ends the
/// reading with a sentence, before memory is taken.
///
/// ```
/// use weighbridge_core::recording::ReadLimits;
///
/// let mut limits = ReadLimits::default();
/// limits.memory = 4 << 30;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadLimits {
    /// Most bytes of one line, the longest of which are answers with header bytes in base64. Default 64 MiB.
    pub line: usize,
    /// Most bytes of memory for all records together, zeros that the file leaves out included. Default 256 MiB.
    /// A recording of ours takes less than four times the bytes of its file, zeros aside.
    pub memory: u64,
    /// Most values (numbers, texts, lists, objects and their keys) in one line. Default 1,048,576.
    pub values: usize,
    /// As `values`, in what an export answered. Default 65,536.
    pub answer_values: usize,
    /// Deepest nesting of lists and objects. Default 24.
    pub depth: usize,
    /// Most names of machines, states and events, of at most 1,024 bytes each. Default 65,536.
    pub names: usize,
    /// Most files of a model. Default 4,097.
    pub files: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            line: 64 << 20,
            memory: 256 << 20,
            values: 1 << 20,
            answer_values: 1 << 16,
            depth: 24,
            names: 1 << 16,
            files: 4097,
        }
    }
}

/// What an export answered, as it goes into a record: an answer that no reader would take is told by its size alone.
pub(crate) fn bounded(value: Value) -> Value {
    let limits = ReadLimits::default();
    let (values, depth) = extent(&value);
    if values <= limits.answer_values && depth <= limits.depth.saturating_sub(AROUND) {
        return value;
    }
    json!({ "left-out-values": values })
}

/// How deep the value of an answer stands in its record.
const AROUND: usize = 2;

/// How many values there are, counted as [`Shape`] does or higher, and how deep they are nested.
fn extent(value: &Value) -> (usize, usize) {
    let inner = |all: &mut dyn Iterator<Item = &Value>| {
        all.map(extent)
            .fold((2, 1), |(values, depth): (usize, usize), (more, deep)| (values + more + 1, depth.max(deep + 1)))
    };
    match value {
        Value::Array(list) => inner(&mut list.iter()),
        Value::Object(map) => inner(&mut map.values()),
        _ => (1, 0),
    }
}

/// What is left of the limits while one recording is read.
pub(super) struct Budget {
    limits: ReadLimits,
    memory: u64,
    names: usize,
}

impl Budget {
    pub(super) const fn new(limits: ReadLimits) -> Self {
        Self { limits, memory: limits.memory, names: limits.names }
    }

    /// Whether there is memory for what is about to be made of a line, and how much is left then.
    pub(super) fn room(&self, bytes: u64) -> Result<u64, String> {
        self.memory.checked_sub(bytes).ok_or_else(|| {
            format!(
                "with it the recording takes more than {} bytes of memory; raise `memory` of the limits if you trust it",
                self.limits.memory
            )
        })
    }

    /// Takes memory.
    fn take(&mut self, bytes: u64) -> Result<(), String> {
        self.memory = self.room(bytes)?;
        Ok(())
    }

    /// Looks at the header's line before anything is made of it, and takes memory for it.
    pub(super) fn header(&mut self, text: &str) -> Result<(), String> {
        let values = self.look(text)? as u64;
        self.take((text.len() as u64).saturating_add(values.saturating_mul(VALUE)))
    }

    /// Looks at a line before anything is made of it: how deep it is and how many values it has, which is the answer. What
    /// a parser makes of a value is many times as large as `0,`, so values count, not bytes alone.
    pub(super) fn look(&self, text: &str) -> Result<usize, String> {
        let shape = Shape::of(text);
        if shape.depth > self.limits.depth {
            return Err(format!("its values are nested more than {} deep", self.limits.depth));
        }
        let (most, what) = if shape.answer {
            (self.limits.answer_values, "what an export answered")
        } else {
            (self.limits.values, "it")
        };
        if shape.values > most {
            return Err(format!("{what} has more than {most} values"));
        }
        Ok(shape.values)
    }

    /// Takes names of machines, states and events.
    pub(super) fn names(&mut self, names: &[String]) -> Result<(), String> {
        let left = self.names.checked_sub(names.len());
        self.names = left.ok_or_else(|| format!("with it there are more than {} names", self.limits.names))?;
        names.iter().try_for_each(|name| short("a name", name, NAME_BYTES))
    }

    /// Takes a record: it has the bounds that one of a live session has.
    pub(super) fn record(&mut self, record: &Record) -> Result<(), String> {
        self.take(weight(record))?;
        match &record.what {
            What::Names { names, .. } => self.names(names),
            What::Host { part, .. } => short("the field `part`", part, NAME_BYTES),
            What::Enter(export) => match &**export {
                Export::Open { sources, .. } | Export::Provide { sources } => self.files(sources),
                _ => Ok(()),
            },
            What::Leave(outcome) => match &**outcome {
                Outcome::Ok(_) => Ok(()),
                Outcome::Failed(error) => failure(error),
                Outcome::Trapped(why) => short("the field `trapped`", why, TEXT_BYTES),
            },
            What::Step(_) | What::Call(_) | What::Return { .. } => Ok(()),
        }
    }

    /// Files by their names.
    pub(super) fn files(&self, names: &[String]) -> Result<(), String> {
        if names.len() > self.limits.files {
            return Err(format!("it has more than {} files", self.limits.files));
        }
        names.iter().try_for_each(|name| short("a file name", name, TEXT_BYTES))
    }
}

fn failure(error: &Error) -> Result<(), String> {
    short("the field `message`", &error.message, TEXT_BYTES)?;
    if let Some(field) = &error.field {
        short("the field `field`", field, TEXT_BYTES)?;
    }
    Ok(())
}

fn short(what: &str, text: &str, most: usize) -> Result<(), String> {
    if text.len() <= most { Ok(()) } else { Err(format!("{what} is longer than {most} bytes")) }
}

/// What a line looks like from outside: found without making anything of it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    values: usize,
    depth: usize,
    /// Whether it is what an export answered: an object with the key `leave`.
    answer: bool,
}

impl Shape {
    /// Counts what stands outside texts. Whether it is JSON at all is the parser's to say; of JSON the count is exact but
    /// for empty lists, which count one too many.
    fn of(text: &str) -> Self {
        let mut shape = Self { values: 1, ..Self::default() };
        let (mut depth, mut begin) = (0usize, None);
        let mut escaped = false;
        for (at, byte) in text.bytes().enumerate() {
            if let Some(began) = begin {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => {
                        shape.answer |= depth == 1 && text.get(began..at) == Some("\"leave");
                        begin = None;
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => begin = Some(at),
                b'[' | b'{' => {
                    depth += 1;
                    shape.depth = shape.depth.max(depth);
                    shape.values += 1;
                }
                b']' | b'}' => depth = depth.saturating_sub(1),
                b',' | b':' => shape.values += 1,
                _ => {}
            }
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_of_an_answer_is_read_again() {
        let small = json!({"missing": ["a", "b"], "more": [[], {}]});
        assert_eq!(bounded(small.clone()), small);
        let large = json!(vec!["name"; 100_000]);
        assert_eq!(bounded(large), json!({"left-out-values": 200_002}));
        let limits = ReadLimits::default();
        for value in
            [small, json!(vec![Value::Array(Vec::new()); 20_000]), json!(vec![0; limits.answer_values / 2 - 20])]
        {
            let kept = bounded(value);
            let text = json!({"seq": u64::MAX, "at": u64::MAX, "leave": {"ok": kept}}).to_string();
            assert!(Budget::new(limits).look(&text).is_ok(), "{} bytes", text.len());
        }
    }

    #[test]
    fn a_line_is_seen_from_outside() {
        for (text, values, depth, answer) in [
            ("1", 1, 0, false),
            ("[1,2]", 3, 1, false),
            (r#"{"seq":1,"leave":{"ok":null}}"#, 7, 2, true),
            (r#"{"seq":"leave"}"#, 3, 1, true),
            (r#"{"a":{"leave":1}}"#, 5, 2, false),
            (r#"{"a\"leave":",,[[{{\\"}"#, 3, 1, false),
            ("]]]}}}", 1, 0, false),
            ("\"never ends [[[[", 1, 0, false),
        ] {
            assert_eq!(Shape::of(text), Shape { values, depth, answer }, "{text}");
        }
    }
}
