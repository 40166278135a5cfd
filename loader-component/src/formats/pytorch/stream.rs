//! The form of before 1.6: five pickles in a row, then the storages, each with its number of elements before it.
//!
//! Nothing says how long the pickles are, so they are read in windows of a few KiB, the last of which may have the
//! beginning of a storage in it. Of the storages themselves only their eight bytes of length are read.
use super::super::Limits;
use super::super::escape;
use super::super::fault::{LONGEST_FILE, Length, cut_off, fault, truncated};
use super::super::pickle::{Pickle, PickleReader, Value};
use super::super::turn::Turn;
use super::super::window::Buffer;
use super::checkpoint::{Checkpoint, Form, with_imports};
use super::storages::Storages;
use super::walk::{Found, Walk};
use crate::types::{Cause, Error};

/// 0x1950a86a20f9469cfc6c, the low byte first.
const MAGIC: &[u8] = &[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const PROTOCOL: i64 = 1001;
/// The pickles, in their order.
const LABELS: [&str; 5] = ["magic_number", "protocol_version", "sys_info", "object", "storage_keys"];
/// Bytes of the first header of a tar archive, the form of before 0.1.11.
const TAR: usize = 512;

/// Reads a stream.
#[derive(Debug)]
pub(super) struct StreamReader {
    limits: Limits,
    size: u64,
    tar_checked: bool,
    pickle: PickleReader,
    /// The pickle that is read.
    number: usize,
    storages: Storages,
    found: Vec<Found>,
    /// The storages in the order in which they lie in the file, by number.
    order: Vec<usize>,
    placed: usize,
    at: u64,
    checkpoint: Checkpoint,
}

impl StreamReader {
    pub(super) fn new(size: u64, limits: Limits) -> Self {
        Self {
            limits,
            size,
            tar_checked: false,
            pickle: PickleReader::stream(LABELS[0], 0, size, limits),
            number: 0,
            storages: Storages::default(),
            found: Vec::new(),
            order: Vec::new(),
            placed: 0,
            at: 0,
            checkpoint: Checkpoint { form: Form::Stream, ..Checkpoint::default() },
        }
    }

    pub(super) fn advance(&mut self, buffer: &mut Buffer) -> Result<Turn<Checkpoint>, Error> {
        if !self.tar_checked {
            let len = (TAR as u64).min(self.size);
            if !buffer.has(0, len) {
                return Ok(Turn::read(buffer.ask(0, len, len)));
            }
            no_tar(buffer.from(0))?;
            self.tar_checked = true;
        }
        while let Some(label) = LABELS.get(self.number).copied() {
            let turn = self.pickle.advance(buffer);
            match turn.map_err(|error| with_imports(with_the_file(error), self.pickle.globals()))? {
                Turn::Read { offset, len } => return Ok(Turn::Read { offset, len }),
                Turn::Done(pickle) => self.take(label, &pickle)?,
            }
        }
        while let Some(number) = self.order.get(self.placed).copied() {
            if self.size.saturating_sub(self.at) < 8 {
                return Err(truncated(self.at, 8, "storage.length", self.size));
            }
            let Some(length) = buffer.from(self.at).first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes)) else {
                return Ok(Turn::read(buffer.ask(self.at, 8, 8)));
            };
            self.place(number, length)?;
        }
        let found = std::mem::take(&mut self.found);
        self.checkpoint.add(found, std::mem::take(&mut self.storages))?;
        let mut checkpoint = std::mem::take(&mut self.checkpoint);
        if self.at < self.size {
            checkpoint.outside = std::iter::once(self.at..self.size).collect();
            checkpoint.outside_bytes = self.size.saturating_sub(self.at);
        }
        Ok(Turn::Done(checkpoint))
    }

    fn place(&mut self, number: usize, length: u64) -> Result<(), Error> {
        let (at, size) = (self.at, self.size);
        let Some(storage) = self.storages.all.get_mut(number) else { return Ok(()) };
        let key = escape(&storage.key);
        let bad = |what: String| fault(Cause::Malformed, at, format!("storage[\"{key}\"].length"), what);
        if length != storage.elements {
            return Err(bad(format!(
                "Storage \"{key}\" has {length} elements here, and {} where it is named.",
                storage.elements
            )));
        }
        storage.offset = at.saturating_add(8);
        let end = storage.offset.checked_add(storage.bytes).filter(|end| *end <= LONGEST_FILE);
        let end = end.ok_or_else(|| bad(format!("Storage \"{key}\" has {} bytes, as no file has.", storage.bytes)))?;
        if end > size {
            let what = format!("inside storage \"{key}\"");
            return Err(cut_off(at, format!("storage[\"{key}\"].length"), size, Length::AtLeast(end), &what));
        }
        self.at = end;
        self.placed = self.placed.saturating_add(1);
        Ok(())
    }

    fn take(&mut self, label: &'static str, pickle: &Pickle) -> Result<(), Error> {
        self.checkpoint.note(label, pickle, pickle.end);
        match self.number {
            0 => is_magic(pickle)?,
            1 => {
                let version = pickle.values.get(pickle.root);
                if version != Value::Int(PROTOCOL) {
                    let message = format!("The checkpoint's version is not {PROTOCOL}, the only one there ever was.");
                    return Err(fault(Cause::UnsupportedFormat, pickle.start, label, message));
                }
            }
            2 => is_little(pickle)?,
            3 => {
                let walk = Walk::new(pickle, &mut self.storages, label, false, self.limits);
                (self.found, self.checkpoint.left_out) = walk.run("")?;
            }
            _ => self.keys(pickle)?,
        }
        self.number = self.number.saturating_add(1);
        self.at = pickle.end;
        if let Some(label) = LABELS.get(self.number) {
            self.pickle = PickleReader::stream(label, pickle.end, self.size, self.limits);
        }
        Ok(())
    }

    /// The order of the storages, each of which must be there once.
    fn keys(&mut self, pickle: &Pickle) -> Result<(), Error> {
        let bad = |what: String| fault(Cause::Malformed, pickle.start, "storage_keys", what);
        let Value::List(keys) = pickle.values.get(pickle.root) else {
            return Err(bad("The keys of the storages are no list.".into()));
        };
        let mut seen = vec![false; self.storages.all.len()];
        for key in pickle.values.chain(keys) {
            let text = pickle.values.text(key).ok_or_else(|| bad("A key of a storage is no text.".into()))?;
            let number = self.storages.find(text);
            let number = number.ok_or_else(|| {
                bad(format!("Storage \"{}\" is of no tensor, so that its size is not known.", escape(text)))
            })?;
            if let Some(seen) = seen.get_mut(number)
                && std::mem::replace(seen, true)
            {
                return Err(bad(format!("Storage \"{}\" is there twice.", escape(text))));
            }
            self.order.push(number);
        }
        match seen.iter().position(|seen| !seen).and_then(|number| self.storages.all.get(number)) {
            Some(missing) => {
                Err(bad(format!("Storage \"{}\" is of a tensor, but not in the file.", escape(&missing.key))))
            }
            None => Ok(()),
        }
    }
}

/// A pickle of this form ends before the file does, so one that is cut off is so with the file.
fn with_the_file(mut error: Error) -> Error {
    if error.cause == Cause::EndOfSource {
        error.message.push_str(" Fetch the rest of the file.");
    }
    error
}

fn is_magic(pickle: &Pickle) -> Result<(), Error> {
    if let Value::Wide(span) = pickle.values.get(pickle.root)
        && pickle.values.bytes(span) == MAGIC
    {
        return Ok(());
    }
    let would = pickle.globals.first().map_or_else(String::new, |global| {
        format!(" It would have Python import {} (named at byte {}).", global.shown(), global.at)
    });
    let message =
        format!("This is a pickle, but not that of a PyTorch checkpoint, which begins with its magic number.{would}");
    Err(fault(Cause::NotAModel, pickle.start, LABELS[0], message))
}

fn is_little(pickle: &Pickle) -> Result<(), Error> {
    let values = &pickle.values;
    let bad = |cause: Cause, what: &str| Err(fault(cause, pickle.start, "sys_info.little_endian", what));
    let Value::Dict(mut pairs) = values.get(pickle.root) else {
        return bad(Cause::Malformed, "What is said of the machine is no dictionary.");
    };
    let mut order = None;
    while let Some((key, value)) = values.pop_front(&mut pairs).zip(values.pop_front(&mut pairs)) {
        if values.text(key) == Some("little_endian") {
            order = Some(values.get(value));
        }
    }
    match order {
        Some(Value::Bool(true)) => Ok(()),
        Some(Value::Bool(false)) => bad(
            Cause::UnsupportedFormat,
            "The checkpoint was saved on a big-endian machine; only little-endian ones are read.",
        ),
        _ => bad(Cause::Malformed, "The byte order of the machine is not said."),
    }
}

/// That this is no tar archive, which `torch.load` looks for before anything else: a file may be both.
fn no_tar(bytes: &[u8]) -> Result<(), Error> {
    let Some(header) = bytes.get(..TAR) else { return Ok(()) };
    let said = header.get(148..156).unwrap_or_default();
    let digits = said.iter().skip_while(|byte| **byte == b' ').take_while(|byte| (b'0'..=b'7').contains(byte));
    let said = digits.clone().fold(0u64, |sum, digit| sum << 3 | u64::from(digit - b'0'));
    let sum = (0usize..).zip(header).fold(0u64, |sum, (at, byte)| {
        sum.saturating_add(u64::from(if (148..156).contains(&at) { b' ' } else { *byte }))
    });
    if digits.count() == 0 || sum != said {
        return Ok(());
    }
    let message = "This is a tar archive, as PyTorch before 0.1.11 wrote, and torch.load would read it as one; such files are not read.";
    Err(fault(Cause::UnsupportedFormat, 0, "magic", message))
}
