//! The form since 1.6: a ZIP archive.
use super::super::Limits;
use super::super::escape;
use super::super::fault::fault;
use super::super::pickle::{Pickle, PickleReader};
use super::super::turn::Turn;
use super::super::window::Buffer;
use super::super::zip::{self, Entry, ZipReader};
use super::checkpoint::{Checkpoint, Form, with_imports};
use super::records;
use super::storages::Storages;
use super::walk::Walk;
use crate::types::{Cause, Error};

/// What is read in the archive, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Version,
    ByteOrder,
    Data,
    Constants,
}

impl Part {
    const ALL: [Self; 4] = [Self::Version, Self::ByteOrder, Self::Data, Self::Constants];

    const fn record(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::ByteOrder => "byteorder",
            Self::Data => "data.pkl",
            Self::Constants => "constants.pkl",
        }
    }

    /// The directory of the storages of a pickle, and what comes before the names of its tensors.
    const fn directory(self) -> (&'static str, &'static str) {
        if let Self::Constants = self { ("constants", "constants") } else { ("data", "") }
    }
}

/// Reads an archive.
#[derive(Debug)]
pub(super) struct ArchiveReader {
    limits: Limits,
    zip: ZipReader,
    /// The directory, where somebody else has read it.
    given: Option<zip::Archive>,
    archive: Option<zip::Archive>,
    prefix: String,
    /// What is to be read next, by its place in [`Part::ALL`].
    next: usize,
    pickle: Option<PickleReader>,
    /// Entries that were read, by name.
    used: Vec<String>,
    checkpoint: Checkpoint,
}

impl ArchiveReader {
    pub(super) fn new(size: u64, limits: Limits) -> Self {
        Self {
            limits,
            zip: ZipReader::new(size, limits),
            given: None,
            archive: None,
            prefix: String::new(),
            next: 0,
            pickle: None,
            used: Vec::new(),
            checkpoint: Checkpoint::default(),
        }
    }

    /// A reader of an archive whose directory is known.
    pub(super) fn of(archive: zip::Archive, size: u64, limits: Limits) -> Self {
        Self { given: Some(archive), ..Self::new(size, limits) }
    }

    pub(super) fn advance(&mut self, buffer: &mut Buffer) -> Result<Turn<Checkpoint>, Error> {
        if self.archive.is_none() {
            let archive = match self.given.take() {
                Some(archive) => archive,
                None => match self.zip.advance(buffer)? {
                    Turn::Read { offset, len } => return Ok(Turn::Read { offset, len }),
                    Turn::Done(archive) => archive,
                },
            };
            self.begin(archive)?;
        }
        while let Some(part) = Part::ALL.get(self.next).copied() {
            if let Some((name, entry)) = self.entry(part.record()) {
                let read = self.part(part, &name, &entry, buffer)?;
                if let Some((offset, len)) = read {
                    return Ok(Turn::Read { offset, len });
                }
                self.used.push(name);
            }
            self.next = self.next.saturating_add(1);
        }
        Ok(Turn::Done(self.finish()))
    }

    fn entry(&self, record: &str) -> Option<(String, Entry)> {
        let name = format!("{}/{record}", self.prefix);
        let entry = self.archive.as_ref()?.find(&name).copied()?;
        Some((name, entry))
    }

    fn begin(&mut self, archive: zip::Archive) -> Result<(), Error> {
        archive.require_distinct_without_case()?;
        self.prefix = records::prefix(&archive)?;
        self.archive = Some(archive);
        if self.entry(Part::Data.record()).is_none() {
            let message =
                format!("The archive has no \"{}/data.pkl\", so it is no PyTorch checkpoint.", escape(&self.prefix));
            return Err(fault(Cause::NotAModel, 0, "zip.directory", message));
        }
        // As torch.load tells them apart.
        if self.entry(Part::Constants.record()).is_some() {
            self.checkpoint.form = Form::TorchScript;
        }
        Ok(())
    }

    /// Reads one entry; what it wants next, if anything.
    fn part(
        &mut self,
        part: Part,
        name: &str,
        entry: &Entry,
        buffer: &mut Buffer,
    ) -> Result<Option<(u64, u32)>, Error> {
        records::stored(name, entry)?;
        let end = entry.data_at.saturating_add(entry.size);
        if matches!(part, Part::Version | Part::ByteOrder) {
            if entry.size > records::LONGEST {
                let message = format!("The record has {} bytes; at most {} are read.", entry.size, records::LONGEST);
                return Err(fault(Cause::Malformed, entry.data_at, part.record(), message));
            }
            if !buffer.has(entry.data_at, entry.size) {
                return Ok(Some(buffer.ask(entry.data_at, entry.size, entry.size)));
            }
            let bytes = usize::try_from(entry.size).ok().and_then(|len| buffer.from(entry.data_at).get(..len));
            let bytes = bytes.unwrap_or_default();
            if part == Part::Version {
                self.checkpoint.version = Some(records::version(bytes, entry.data_at)?);
            } else {
                records::byte_order(bytes, entry.data_at)?;
            }
            return Ok(None);
        }
        let limits = self.limits;
        let reader = self.pickle.get_or_insert_with(|| PickleReader::within(part.record(), entry.data_at, end, limits));
        match reader.advance(buffer).map_err(|error| with_imports(error, reader.globals()))? {
            Turn::Read { offset, len } => Ok(Some((offset, len))),
            Turn::Done(pickle) => {
                self.pickle = None;
                self.take(part, &pickle, end)?;
                Ok(None)
            }
        }
    }

    fn take(&mut self, part: Part, pickle: &Pickle, end: u64) -> Result<(), Error> {
        self.checkpoint.note(part.record(), pickle, end);
        let mut storages = Storages::default();
        let script = self.checkpoint.form == Form::TorchScript;
        let (directory, prefix) = part.directory();
        let (found, left_out) = Walk::new(pickle, &mut storages, part.record(), script, self.limits).run(prefix)?;
        self.checkpoint.left_out.extend(left_out);
        for storage in &mut storages.all {
            let key = escape(&storage.key);
            let field = format!("storage[\"{key}\"]");
            let Some((name, entry)) = self.entry(&format!("{directory}/{}", storage.key)) else {
                let message =
                    format!("Storage \"{key}\" is named in {}, but the archive has no entry of it.", part.record());
                return Err(fault(Cause::Malformed, storage.named_at, field, message));
            };
            records::stored(&name, &entry)?;
            if entry.size != storage.bytes {
                let message = format!(
                    "Storage \"{key}\" has {} bytes in {}, but its entry has {}.",
                    storage.bytes,
                    part.record(),
                    entry.size
                );
                return Err(fault(Cause::Malformed, storage.named_at, field, message));
            }
            storage.offset = entry.data_at;
            self.used.push(name);
        }
        self.checkpoint.add(found, storages)
    }

    fn finish(&mut self) -> Checkpoint {
        let mut checkpoint = std::mem::take(&mut self.checkpoint);
        self.used.sort_unstable();
        if let Some(archive) = &self.archive {
            let unread = archive
                .iter()
                .map(|(name, _)| name)
                .filter(|name| self.used.binary_search_by(|used| used.as_str().cmp(name)).is_err());
            checkpoint.unread = unread.map(str::to_owned).collect();
            checkpoint.outside = archive.outside().to_vec();
            checkpoint.outside_bytes = archive.outside_bytes();
        }
        checkpoint
    }
}
