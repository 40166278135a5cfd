//! One model: its files, its guest, its views.
mod external;
mod open;
mod view;

use crate::{
    guest::Guest,
    platform,
    runtime::Runtime,
    stats::{Stats, Timings, Usage},
    storage::Native,
    trace::Record,
    types::{
        Advice, AdviceEffect, BufferState, Capabilities, Cause, Error, Level, LoadOptions, LoadReport, MachineStatus,
        MetadataEntry, MetadataValue, ModelSummary, Phase, Selection, SlotState, TensorInfo, TensorState,
    },
};
use std::{path::PathBuf, sync::Arc};

/// Entries of a list that are asked of the guest at a time.
const PAGE: u32 = 4096;
/// As [`PAGE`], of metadata, whose entries can be long.
const METADATA_PAGE: u32 = 256;

/// One model. Calls into the guest need `&mut`; views of tensors ([`Tensor`](crate::Tensor)) are independent of the session.
///
/// Dropping a session gives back everything that no view uses.
pub struct Session {
    pub(crate) guest: Guest,
    runtime: Runtime,
    usage: Arc<Usage>,
    capabilities: Capabilities,
    summary: ModelSummary,
    files: Vec<FileInfo>,
    listing: Option<Vec<TensorInfo>>,
    listing_bytes: u64,
    open_ns: u64,
    closed: bool,
}

/// A file of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Where it is.
    pub path: PathBuf,
    /// The name that the guest knows it by.
    pub name: String,
    /// Bytes, when it was opened.
    pub size: u64,
}

/// Which pages of a file the system has in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageMap {
    /// Bytes of a page.
    pub page_bytes: u64,
    /// Of each page, in order, whether it is in memory.
    pub pages: Vec<bool>,
}

impl Session {
    pub(crate) fn native(&mut self) -> Result<&mut Native, Error> {
        self.guest.store.data_mut().backend.native().ok_or_else(|| {
            Error::new(Phase::Request, Cause::Internal, "this session has no files of its own; open the model itself")
        })
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

    /// What the headers say of every tensor, in the order of the files. Asked of the guest once, then kept.
    ///
    /// # Errors
    /// The guest failed, or its list is longer than the host keeps.
    pub fn tensors(&mut self) -> Result<&[TensorInfo], Error> {
        if self.listing.is_none() {
            self.listing = Some(self.list()?);
        }
        Ok(self.listing.as_deref().unwrap_or_default())
    }

    fn list(&mut self) -> Result<Vec<TensorInfo>, Error> {
        let guest = &mut self.guest;
        let weigh = |tensor: &TensorInfo| tensor.name.len() + tensor.dtype.len() + tensor.shape.len() * 8;
        pages(self.summary.tensors, PAGE, self.listing_bytes, weigh, |start, count| guest.tensors(start, count))
    }

    /// The index of a tensor, by its exact name.
    ///
    /// # Errors
    /// The guest failed.
    pub fn find(&mut self, name: &str) -> Result<Option<u32>, Error> {
        self.guest.find(name)
    }

    /// The metadata in file order; of an array at most `head` elements.
    ///
    /// # Errors
    /// A value cannot be read, or the guest failed.
    pub fn metadata(&mut self, head: u32) -> Result<Vec<MetadataEntry>, Error> {
        let guest = &mut self.guest;
        let total = self.summary.metadata_entries;
        pages(total, METADATA_PAGE, self.listing_bytes, weigh_entry, |start, count| guest.metadata(start, count, head))
    }

    /// Makes tensors resident. On an error residency is what it was before.
    ///
    /// # Errors
    /// The request cannot be met; the error says why, and for which tensor.
    pub fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Result<LoadReport, Error> {
        self.guest.load(selection, options)
    }

    /// Ends mapped residency and answers of how many tensors. `busy` while views are out; it can be asked again.
    ///
    /// # Errors
    /// `busy`, `not-mapped` and the like.
    pub fn release(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.guest.release(selection)
    }

    /// Ends copied residency and answers of how many tensors.
    ///
    /// # Errors
    /// `busy` while views are out; refused for mapped tensors.
    pub fn evict(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.guest.evict(selection)
    }

    /// Advice for the bytes of one mapped tensor, and what became of it.
    ///
    /// # Errors
    /// `not-mapped` and the like.
    pub fn advise(&mut self, tensor: u32, advice: Advice) -> Result<AdviceEffect, Error> {
        self.guest.advise(tensor, advice)
    }

    /// Residency of every tensor.
    ///
    /// # Errors
    /// The guest failed.
    pub fn states(&mut self) -> Result<Vec<TensorState>, Error> {
        let guest = &mut self.guest;
        let total = self.summary.tensors;
        pages(total, PAGE, self.listing_bytes, |_| 0, |start, count| guest.states(start, count))
    }

    /// Every slot of the pool of mappings.
    ///
    /// # Errors
    /// The guest failed.
    pub fn slots(&mut self) -> Result<Vec<SlotState>, Error> {
        self.guest.slots()
    }

    /// Every buffer that copies of tensors lie in, by its number.
    ///
    /// # Errors
    /// The guest failed, or lists more than `listing_bytes`.
    pub fn buffers(&mut self) -> Result<Vec<BufferState>, Error> {
        let most = usize::try_from(self.listing_bytes).unwrap_or(usize::MAX) / size_of::<BufferState>();
        let mut all: Vec<BufferState> = Vec::new();
        while let Ok(start) = u32::try_from(all.len()) {
            let some = self.guest.buffers(start, PAGE)?;
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
        self.guest.machines()
    }

    /// Changes what the observer is told.
    ///
    /// # Errors
    /// The guest failed.
    pub fn observe(&mut self, level: Level) -> Result<(), Error> {
        self.guest.observe(level)
    }

    /// What the session holds and what it did.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            mapped_bytes: self.usage.mapped_bytes(),
            mappings: self.usage.mappings(),
            buffer_bytes: self.usage.buffer_bytes(),
            buffers: self.usage.buffers(),
            ..self.guest.store.data().stats
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
        Timings { open: self.open_ns, ..self.guest.store.data().timings }
    }

    /// Which pages of a file are in memory; none where the system does not say.
    pub fn residency(&mut self, file: usize) -> Option<PageMap> {
        let source = self.native().ok()?.sources.get(file)?.clone();
        source.check().ok()?;
        let pages = platform::residency(&source.file, source.size())?;
        Some(PageMap { page_bytes: platform::page_bytes(), pages })
    }

    /// The last records of the session, as many as the ring keeps.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.guest.store.data().log.records()
    }

    /// How many records the ring has lost, and the names that the guest gave in them.
    #[must_use]
    pub fn lost_records(&self) -> (u64, &[String]) {
        self.guest.store.data().log.lost()
    }

    /// What the host offers the guest in this session.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The runtime that the session runs on.
    #[must_use]
    pub const fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Releases everything. What is busy is reported and stays, and close can be asked again. Views stay valid.
    ///
    /// # Errors
    /// `busy`, or the guest failed.
    pub fn close(&mut self) -> Result<(), Error> {
        if self.closed {
            return Ok(());
        }
        self.guest.close()?;
        self.closed = true;
        Ok(())
    }
}

/// A list of the guest's, page after page. Clamp: a page is no longer than asked for, the list of a model that only claims
/// to be large ends, and no more than `most` bytes are kept. `beyond` is what an entry holds beside itself.
fn pages<T>(
    total: u32,
    page: u32,
    most: u64,
    beyond: impl Fn(&T) -> usize,
    mut ask: impl FnMut(u32, u32) -> Result<Vec<T>, Error>,
) -> Result<Vec<T>, Error> {
    let mut all: Vec<T> = Vec::new();
    let mut bytes = 0u64;
    while let Ok(start) = u32::try_from(all.len())
        && start < total
    {
        let count = page.min(total - start);
        let some = ask(start, count)?;
        if some.is_empty() || some.len() > count as usize {
            return Err(Error::new(
                Phase::Request,
                Cause::Internal,
                format!("the component says that there are {total} entries and lists others; please report it"),
            ));
        }
        bytes += some.iter().map(|one| (size_of::<T>() + beyond(one)) as u64).sum::<u64>();
        if bytes > most {
            let message =
                format!("the list is longer than the {most} bytes that the host keeps; raise `listing_bytes`");
            return Err(Error::new(Phase::Request, Cause::LimitExceeded, message));
        }
        all.extend(some);
    }
    Ok(all)
}

/// What a metadata entry holds beside itself.
fn weigh_entry(entry: &MetadataEntry) -> usize {
    let value = match &entry.value {
        MetadataValue::Text(text) => text.len(),
        MetadataValue::Sequence(array) => array.head.iter().map(|element| size_of::<String>() + element.len()).sum(),
        _ => 0,
    };
    entry.key.len() + entry.kind.len() + value
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("files", &self.files).field("summary", &self.summary).finish_non_exhaustive()
    }
}
