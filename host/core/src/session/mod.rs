//! One model: its files, its guest, its views.
mod deliver;
mod found;
mod listing;
mod open;
mod pages;
mod rewrite;
mod ring;
mod size;
mod view;

pub use open::Granted;
pub use rewrite::NewPart;
pub use view::{Held, View};

use crate::{
    engine::Engine,
    guest::Guest,
    host::Host,
    log::Log,
    names::Names,
    stats::{Stats, Timings, Usage},
    trace::Record,
    types::{
        Advice, AdviceEffect, BufferState, Capabilities, Cause, Error, Finding, FormatInfo, Level, LoadOptions,
        LoadReport, MachineStatus, MachineTable, MetadataEntry, ModelSummary, Phase, Selection, SlotState, TensorState,
    },
};
use listing::{Listing, PAGE};
use pages::{pages, together, weigh_entry};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Metadata entries that are asked of the guest at a time: they can be long.
const METADATA_PAGE: u32 = 256;

/// One model. What it holds is given back when it is dropped, but for what views use.
///
/// What the guest says of the tensors and of their residency is asked of it once and kept, so looking a tensor up needs a
/// shared reference and calls nobody; threads that share a session can all do it. Whatever changes residency needs `&mut`.
pub struct Session<E: Engine> {
    /// Locked only where a shared reference has to ask the guest; `&mut` is there before anyone else.
    guest: Mutex<Guest<E>>,
    names: Names,
    usage: Arc<Usage>,
    capabilities: Capabilities,
    summary: ModelSummary,
    files: Vec<FileInfo>,
    listing: OnceLock<Listing>,
    /// Residency since it last changed.
    states: OnceLock<Vec<TensorState>>,
    listing_bytes: u64,
    /// What the host noticed of the model.
    noticed: Vec<Finding>,
    open_ns: u64,
    closed: bool,
}

/// A file of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileInfo {
    /// Its name.
    pub name: String,
    /// Bytes, when it was opened.
    pub size: u64,
}

/// An instance that has no model and is asked about itself alone.
pub struct Bare<E: Engine>(Guest<E>);

impl<E: Engine> Bare<E> {
    /// Over an instance.
    pub const fn new(engine: E) -> Self {
        Self(Guest::new(engine))
    }

    /// The formats that the component reads.
    ///
    /// # Errors
    /// The component failed.
    pub fn formats(&mut self) -> Result<Vec<FormatInfo>, Error> {
        self.0.formats()
    }

    /// The transition tables of every machine of the component.
    ///
    /// # Errors
    /// The component failed.
    pub fn describe(&mut self) -> Result<Vec<MachineTable>, Error> {
        self.0.describe()
    }
}

impl<E: Engine> Session<E> {
    /// Access to the host's side, for what a system adds of its own.
    pub fn host<R>(&mut self, use_it: impl FnOnce(&mut Host<E::Media>) -> R) -> R {
        self.guest().engine.host(use_it)
    }

    /// The guest, which nobody else has.
    fn guest(&mut self) -> &mut Guest<E> {
        self.guest.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// The guest, for a shared reference. A lock that an observer's panic has poisoned is no harm: the guest itself knows
    /// whether it was ended.
    fn shared(&self) -> MutexGuard<'_, Guest<E>> {
        self.guest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The guest, for what changes residency: what was known of it is asked again when it is next needed.
    fn changing(&mut self) -> &mut Guest<E> {
        self.states.take();
        self.guest()
    }

    /// What the headers say of the model.
    #[must_use]
    pub const fn summary(&self) -> &ModelSummary {
        &self.summary
    }

    /// The files, in the order in which the tensors name them.
    #[must_use]
    pub fn files(&self) -> &[FileInfo] {
        &self.files
    }

    /// The metadata in file order; of an array at most `head` elements.
    ///
    /// # Errors
    /// A value cannot be read, or the guest failed.
    pub fn metadata(&mut self, head: u32) -> Result<Vec<MetadataEntry>, Error> {
        let guest = self.guest.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (names, total, most) = (&self.names, self.summary.metadata_entries, self.listing_bytes);
        together(guest, total, most, |guest| {
            pages(total, METADATA_PAGE, most, weigh_entry, |start, count| guest.metadata(start, count, head))
        })
        .map_err(|error| names.shown(error))
    }

    /// What was noticed of the model that did not keep it from being opened.
    ///
    /// # Errors
    /// The guest failed.
    pub fn findings(&mut self) -> Result<Vec<Finding>, Error> {
        let mut findings = self.guest().findings()?;
        for finding in &mut findings {
            finding.message = self.names.translated(&finding.message);
        }
        findings.extend(self.noticed.iter().cloned());
        Ok(findings)
    }

    /// Adds what the host itself noticed of the model, such as a link that leads nowhere, to the findings.
    pub fn notice(&mut self, finding: Finding) {
        self.noticed.push(finding);
    }

    /// Makes tensors resident. On an error residency is what it was before.
    ///
    /// # Errors
    /// The request cannot be met; the error says why, and for which tensor.
    pub fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Result<LoadReport, Error> {
        let mut report = self.changing().load(selection, options).map_err(|error| self.names.shown(error))?;
        for refused in &mut report.refused {
            refused.reason = self.names.shown(refused.reason.clone());
        }
        Ok(report)
    }

    /// Ends mapped residency and returns of how many tensors. `busy` while views are out; it can be asked again.
    ///
    /// # Errors
    /// `busy`, `not-mapped` and the like.
    pub fn release(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.changing().release(selection).map_err(|error| self.names.shown(error))
    }

    /// Ends copied residency and returns of how many tensors.
    ///
    /// # Errors
    /// `busy` while views are out; refused for mapped tensors.
    pub fn evict(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.changing().evict(selection).map_err(|error| self.names.shown(error))
    }

    /// Advice for the bytes of one mapped tensor, and what became of it.
    ///
    /// # Errors
    /// `not-mapped` and the like.
    pub fn advise(&mut self, tensor: u32, advice: Advice) -> Result<AdviceEffect, Error> {
        self.guest().advise(tensor, advice).map_err(|error| self.names.shown(error))
    }

    /// Every slot of the pool of mappings.
    ///
    /// # Errors
    /// The guest failed.
    pub fn slots(&mut self) -> Result<Vec<SlotState>, Error> {
        self.guest().slots()
    }

    /// Every buffer that copies of tensors lie in, by its number.
    ///
    /// # Errors
    /// The guest failed, or lists more than `listing_bytes`.
    pub fn buffers(&mut self) -> Result<Vec<BufferState>, Error> {
        let most = usize::try_from(self.listing_bytes).unwrap_or(usize::MAX) / size_of::<BufferState>();
        let mut all: Vec<BufferState> = Vec::new();
        while let Ok(start) = u32::try_from(all.len()) {
            let some = self.guest().buffers(start, PAGE)?;
            let is_last = some.len() < PAGE as usize;
            if some.len() > PAGE as usize || all.len().saturating_add(some.len()) > most {
                let message =
                    "the component lists more buffers than it was asked for, or than `listing_bytes` has room for";
                return Err(Error::new(Phase::Request, Cause::LimitExceeded, message));
            }
            all.extend(some);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Where every machine stands, those of single tensors aside.
    ///
    /// # Errors
    /// The guest failed.
    pub fn machines(&mut self) -> Result<Vec<MachineStatus>, Error> {
        self.guest().machines()
    }

    /// Changes what the observer is told.
    ///
    /// # Errors
    /// The guest failed.
    pub fn observe(&mut self, level: Level) -> Result<(), Error> {
        self.guest().observe(level)
    }

    /// What the session holds and what it did.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            mapped_bytes: self.usage.mapped_bytes(),
            mappings: self.usage.mappings(),
            private_mappings: self.usage.private_mappings(),
            buffer_bytes: self.usage.buffer_bytes(),
            buffers: self.usage.buffers(),
            ..self.shared().engine.host(|host| host.stats)
        }
    }

    /// What the session holds, to be read from other threads and after the session is gone.
    #[must_use]
    pub fn usage(&self) -> Arc<Usage> {
        self.usage.clone()
    }

    /// What the session took.
    #[must_use]
    pub fn timings(&self) -> Timings {
        Timings { open: self.open_ns, ..self.shared().engine.host(|host| host.timings) }
    }

    /// The last records of the session, as many as the ring keeps.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.shared().engine.host(|host| host.log.records())
    }

    /// How many records the ring has lost, and the names that the guest gave in them.
    #[must_use]
    pub fn lost_records(&self) -> (u64, Vec<String>) {
        self.shared().engine.host(|host| {
            let (lost, names) = Log::lost(&host.log);
            (lost, names.to_vec())
        })
    }

    /// What the host offers the guest in this session.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Releases everything. What is busy is reported and stays, and close can be asked again. Views stay valid.
    ///
    /// # Errors
    /// `busy`, or the guest failed.
    pub fn close(&mut self) -> Result<(), Error> {
        if self.closed {
            return Ok(());
        }
        self.changing().close().map_err(|error| self.names.shown(error))?;
        self.closed = true;
        Ok(())
    }
}

impl<E: Engine> std::fmt::Debug for Session<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("files", &self.files).field("summary", &self.summary).finish_non_exhaustive()
    }
}
