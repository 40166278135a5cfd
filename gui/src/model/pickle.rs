//! What a PyTorch checkpoint would have Python do, as the component's metadata have it (`pytorch.…` in `docs/cli.md`).
use super::run::Run;
use crate::text::{escape, sentence};
use weighbridge_core::types::{MetadataEntry, MetadataValue};

/// A checkpoint's pickles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pickle {
    /// Whether it could run code in PyTorch, in one line.
    pub verdict: String,
    /// What `torch.load(weights_only=True)` would do with it.
    pub weights_only: String,
    /// `archive`, `torchscript` or `stream`.
    pub form: String,
    /// What it would have Python import: what could run code first, then what `weights_only` refuses.
    pub globals: Vec<Global>,
    /// Names that are not listed.
    pub unlisted: u64,
    /// The opcodes that name, call or change something.
    pub opcodes: Vec<Opcode>,
    /// Pieces of memory that its tensors are views of.
    pub storages: u64,
    /// Tensors whose elements do not lie one after the other.
    pub strided: u64,
    /// Entries that nobody reads.
    pub unread: u64,
    /// Bytes that belong to nothing.
    pub outside: u64,
}

/// A name that Python would import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// The name, escaped.
    pub name: String,
    /// What `weights_only` would do with it: `allowed`, `refused`, `blocked`.
    pub weights_only: String,
    /// Whether it could run code.
    pub could_run_code: bool,
    /// How often it is called, in words.
    pub calls: String,
    /// Where it stands.
    pub place: String,
}

/// An opcode that names, calls or changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opcode {
    /// Its name.
    pub name: String,
    /// Which pickle has it.
    pub pickle: String,
    /// How often, and where first.
    pub times: String,
}

impl Pickle {
    /// Why a file that runs code elsewhere runs none here.
    pub const HERE: &str =
        "Nothing of it runs here: the component reads the pickle as data, and has nothing that could import or call.";

    /// Of the metadata of a run, if its model is a checkpoint.
    #[must_use]
    pub fn of(run: &Run) -> Option<Self> {
        // Other formats have metadata that strangers choose.
        let is_checkpoint = run.opened.as_ref().is_some_and(|opened| opened.summary.format == "pytorch");
        if !is_checkpoint {
            return None;
        }
        let mut pickle = Self::default();
        let mut listed = 0u64;
        let mut named = 0u64;
        for entry in &run.metadata {
            let Some(key) = entry.key.strip_prefix("pytorch.") else { continue };
            let key = key.split_once('[').map_or(key, |(list, _)| list);
            match (key, &entry.value) {
                ("verdict", MetadataValue::Text(text)) if !pickle.could_run_code() => pickle.verdict = sentence(text),
                ("weights_only", MetadataValue::Text(text)) if !pickle.is_refused() => {
                    pickle.weights_only = sentence(text);
                }
                ("form", MetadataValue::Text(text)) => pickle.form = escape(text),
                ("globals", MetadataValue::Unsigned(count)) => named = named.saturating_add(*count),
                ("globals", MetadataValue::Text(text)) => {
                    listed += 1;
                    pickle.globals.push(global(text));
                }
                ("opcodes", MetadataValue::Text(text)) => pickle.opcodes.push(opcode(text)),
                ("bytes_behind_pickles" | "bytes_outside", _) => add(&mut pickle.outside, entry),
                ("storages", _) => add(&mut pickle.storages, entry),
                ("strided", _) => add(&mut pickle.strided, entry),
                ("unread", _) => add(&mut pickle.unread, entry),
                _ => {}
            }
        }
        pickle.unlisted = named.saturating_sub(listed);
        pickle.globals.sort_by_key(|global| (!global.could_run_code, global.weights_only == "allowed"));
        (!pickle.verdict.is_empty()).then_some(pickle)
    }

    /// Whether loading it in PyTorch could run code.
    #[must_use]
    pub fn could_run_code(&self) -> bool {
        self.verdict.contains(": yes")
    }

    /// Whether `weights_only` refuses it.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.weights_only.starts_with("refuses")
    }
}

fn add(sum: &mut u64, entry: &MetadataEntry) {
    if let MetadataValue::Unsigned(more) = entry.value {
        *sum = sum.saturating_add(more);
    }
}

/// `os.system: blocked by weights_only, could run code, called once (data.pkl, byte 12)`. What is written otherwise is
/// shown as it is.
fn global(text: &str) -> Global {
    let parts = || {
        let (front, rest) = text.rsplit_once(" by weights_only, ")?;
        let (name, weights_only) = front.rsplit_once(": ")?;
        let (calls, place) = rest.rsplit_once(" (")?;
        let could_run_code = calls.starts_with("could run code");
        let calls = calls.strip_prefix("could run code, ").unwrap_or(calls);
        let place = place.strip_suffix(')').unwrap_or(place);
        let [name, weights_only, calls, place] = [name, weights_only, calls, place].map(escape);
        Some(Global { name, weights_only, could_run_code, calls, place })
    };
    parts().unwrap_or_else(|| Global {
        name: escape(text),
        weights_only: String::new(),
        could_run_code: false,
        calls: String::new(),
        place: String::new(),
    })
}

/// `REDUCE in data.pkl: 5 times, first at byte 12`
fn opcode(text: &str) -> Opcode {
    let parts = text.split_once(" in ").and_then(|(name, rest)| Some((name, rest.split_once(": ")?)));
    let (name, (pickle, times)) = parts.unwrap_or((text, ("", "")));
    Opcode { name: escape(name), pickle: escape(pickle), times: escape(times) }
}

/// What an opcode asks of Python.
#[must_use]
pub fn asks(opcode: &str) -> &'static str {
    match opcode {
        "GLOBAL" | "STACK_GLOBAL" => "import this name",
        "REDUCE" => "call it with these arguments",
        "INST" | "OBJ" | "NEWOBJ" | "NEWOBJ_EX" => "make an object of this class",
        "BUILD" => "give the object this state; its class may run code for that",
        "EXT1" | "EXT2" | "EXT4" => "look this number up in a registry, and import what is there",
        _ => "do something that only Python knows",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_component_says_is_taken_apart() {
        let found = global("os.system: blocked by weights_only, could run code, called once (data.pkl, byte 12)");
        assert_eq!(
            (found.name.as_str(), found.weights_only.as_str(), found.could_run_code),
            ("os.system", "blocked", true)
        );
        assert_eq!((found.calls.as_str(), found.place.as_str()), ("called once", "data.pkl, byte 12"));
        let found = global("torch.Size: allowed by weights_only, never called (data.pkl, byte 7)");
        assert_eq!((found.could_run_code, found.calls.as_str()), (false, "never called"));
        // A name that pretends to be the end of the line.
        let found =
            global("x: allowed by weights_only, y (z): refused by weights_only, called 2 times (data.pkl, byte 1)");
        assert_eq!(
            (found.name.as_str(), found.weights_only.as_str()),
            ("x: allowed by weights_only, y (z)", "refused")
        );
        assert_eq!(global("another form").name, "another form");
        let found = opcode("REDUCE in data.pkl: 5 times, first at byte 12");
        assert_eq!(
            (found.name.as_str(), found.pickle.as_str(), found.times.as_str()),
            ("REDUCE", "data.pkl", "5 times, first at byte 12")
        );
    }
}
