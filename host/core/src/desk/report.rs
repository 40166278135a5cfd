//! How things stand, and what went wrong.
use super::{
    answer::{Desk, Model},
    facts::{Failure, FileBytes, Sandbox},
    host::{DeskHost, Link as _},
    messages::Update,
};
use crate::types::Error;
use std::io::{Read as _, Seek as _, SeekFrom};

/// Tensors sent at once.
const PAGE: usize = 8192;
/// Elements of an array of metadata: enough for one of each layer.
const HEAD: u32 = 256;
/// Bytes of a file that are shown around the one that is to blame: so many before, and so many in all.
const BEFORE: u64 = 64;
const AROUND: u64 = 176;

impl<H: DeskHost> Desk<H> {
    /// Reports how things stand: for a host that did something of its own with the model.
    pub fn refresh(&mut self) {
        let Model::Live(model) = &mut self.model else { return };
        let session = H::session(model);
        // A guest that was ended answers nothing; the error that ended it has been reported.
        if let Ok(states) = session.states() {
            self.link.send(Update::States(states.to_vec()));
        }
        if let Ok(slots) = session.slots() {
            self.link.send(Update::Slots(slots));
        }
        if let Ok(buffers) = session.buffers() {
            self.link.send(Update::Buffers(buffers));
        }
        let s = session.stats();
        let limits = session.host(|host| *host.limits());
        self.send(Update::Sandbox(Box::new(Sandbox {
            guest_memory: s.guest_memory_bytes,
            guest_limit: limits.guest_memory,
            deadline_ms: self.deadline_ms,
            handles: s.handles,
            handle_limit: u64::from(limits.handles),
            crossings_in: s.crossings_in,
            crossings_out: s.crossings_out,
            bytes_to_guest: s.bytes_to_guest,
            bytes_moved: s.bytes_moved,
            mapped_bytes: s.mapped_bytes,
            mapped_limit: limits.mapped_bytes,
            mappings: s.mappings,
            buffer_bytes: s.buffer_bytes,
            buffer_limit: limits.buffer_bytes,
        })));
    }

    /// Sends every tensor.
    pub(super) fn send_tensors(&mut self) {
        let Model::Live(model) = &mut self.model else { return };
        match H::session(model).tensors() {
            Ok(tensors) => {
                for (number, page) in (0u32..).zip(tensors.chunks(PAGE)) {
                    let start = number.saturating_mul(PAGE as u32);
                    self.link.send(Update::Tensors { start, tensors: page.to_vec() });
                }
            }
            Err(error) => self.fail("list tensors", error),
        }
    }

    pub(super) fn metadata(&mut self) {
        let Model::Live(model) = &mut self.model else { return };
        match H::session(model).metadata(HEAD) {
            Ok(entries) => self.send(Update::Metadata(entries)),
            Err(error) => self.fail("read metadata", error),
        }
    }

    /// Reports what went wrong, with the bytes that are to blame.
    pub(super) fn fail(&mut self, doing: &str, error: Error) {
        let bytes = error.offset.and_then(|offset| self.bytes_around(error.source.unwrap_or(0), offset));
        let file = error.source.and_then(|source| self.file_name(source));
        self.send(Update::Failed(Box::new(Failure { doing: doing.to_owned(), error, file, bytes })));
    }

    /// The name of a file; of a model that could not be opened only those are known that were given.
    fn file_name(&mut self, file: u32) -> Option<String> {
        let file = file as usize;
        match &mut self.model {
            Model::Live(model) => H::session(model).files().get(file).map(|file| file.name.clone()),
            Model::Recorded(_) | Model::Nothing => self.files.get(file).map(|file| file.name.clone()),
        }
    }

    pub(super) fn problem(&self, sentence: impl Into<String>) {
        self.send(Update::Problem(sentence.into()));
    }

    pub(super) fn notice(&self, sentence: impl Into<String>) {
        self.send(Update::Notice(sentence.into()));
    }

    fn bytes_around(&mut self, file: u32, offset: u64) -> Option<FileBytes> {
        let from = offset.saturating_sub(BEFORE) / 16 * 16;
        let bytes = match &mut self.model {
            Model::Live(model) => {
                H::session(model).host(|host| host.table().and_then(|table| table.excerpt(file, from, AROUND)))?
            }
            // A model that could not be opened has no session to ask.
            Model::Recorded(_) | Model::Nothing => {
                let mut open = self.host.open_file(self.files.get(file as usize)?).ok()?;
                open.seek(SeekFrom::Start(from)).ok()?;
                let mut bytes = Vec::new();
                open.take(AROUND).read_to_end(&mut bytes).ok()?;
                bytes
            }
        };
        (!bytes.is_empty()).then_some(FileBytes { file, offset: from, bytes })
    }
}
