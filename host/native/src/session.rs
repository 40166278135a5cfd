//! One model on this machine.
use crate::{
    external::Memory,
    guest::Instance,
    media::{Buffer, Folder, Source},
    platform,
    runtime::Runtime,
    tensor::Tensor,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use weighbridge_core::{
    self as core, Advice, AdviceEffect, BufferState, Capabilities, Cause, Error, Finding, Granted, Level, LoadOptions,
    LoadReport, MachineStatus, MetadataEntry, ModelSummary, Phase, Selection, SessionOptions, SlotState, Stats,
    TensorInfo, TensorState, Timings, Usage, escape, escape_path, recording::Recording, trace::Record,
};

/// One model. Calls into the guest need `&mut`; views of tensors ([`Tensor`]) are independent of the session.
///
/// Dropping a session gives back everything that no view uses.
pub struct Session {
    pub(crate) inner: core::Session<Instance>,
    runtime: Runtime,
    files: Vec<FileInfo>,
}

/// A file of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileInfo {
    /// Where it is.
    pub path: PathBuf,
    /// Its file name.
    pub name: String,
    /// Bytes, when it was opened.
    pub size: u64,
}

/// Which pages of a file the system has in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageMap {
    /// Bytes of a page.
    pub page_bytes: u64,
    /// Of each page, in order, whether it is in memory.
    pub pages: Vec<bool>,
}

impl Session {
    pub(crate) fn open(runtime: &Runtime, paths: &[PathBuf], options: &SessionOptions) -> Result<Self, Error> {
        let Some(first) = paths.first() else {
            let message = "no file was given; give the file of a model";
            return Err(Error::new(Phase::Request, Cause::InvalidRequest, message));
        };
        let mut granted = Vec::with_capacity(paths.len());
        for path in paths {
            granted.push(Granted { name: file_name(path)?, source: Source::open(path)? });
        }
        let engine = runtime.instance(options)?;
        let beside = first.parent().unwrap_or(Path::new("."));
        let mut folder = None;
        let find = |name: &str| {
            let folder = match &folder {
                Some(folder) => folder,
                None => folder.insert(Folder::open(beside).map_err(|error| {
                    let message = format!("the folder {} cannot be read: {error}", escape_path(beside));
                    Error::new(Phase::Request, Cause::Io, message)
                })?),
            };
            Source::open_in(folder, name)
        };
        let inner = core::Session::open(engine, granted, options, find)?;
        let mut files: Vec<FileInfo> = Vec::with_capacity(inner.files().len());
        for (number, file) in inner.files().iter().enumerate() {
            let path = paths.get(number).cloned().unwrap_or_else(|| beside.join(&file.name));
            files.push(FileInfo { path, name: file.name.clone(), size: file.size });
        }
        Ok(Self { inner, runtime: runtime.clone(), files })
    }

    /// What the headers say of the model.
    #[must_use]
    pub const fn summary(&self) -> &ModelSummary {
        self.inner.summary()
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
        self.inner.tensors()
    }

    /// The index of a tensor, by its exact name.
    ///
    /// # Errors
    /// The guest failed.
    pub fn find(&mut self, name: &str) -> Result<Option<u32>, Error> {
        self.inner.find(name)
    }

    /// The metadata in file order; of an array at most `head` elements.
    ///
    /// # Errors
    /// A value cannot be read, or the guest failed.
    pub fn metadata(&mut self, head: u32) -> Result<Vec<MetadataEntry>, Error> {
        self.inner.metadata(head)
    }

    /// What was noticed of the model that did not keep it from being opened.
    ///
    /// # Errors
    /// The guest failed.
    pub fn findings(&mut self) -> Result<Vec<Finding>, Error> {
        self.inner.findings()
    }

    /// Makes tensors resident. On an error residency is what it was before.
    ///
    /// # Errors
    /// The request cannot be met; the error says why, and for which tensor.
    pub fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Result<LoadReport, Error> {
        self.inner.load(selection, options)
    }

    /// Ends mapped residency and returns of how many tensors. `busy` while views are out; it can be asked again.
    ///
    /// # Errors
    /// `busy`, `not-mapped` and the like.
    pub fn release(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.inner.release(selection)
    }

    /// Ends copied residency and returns of how many tensors.
    ///
    /// # Errors
    /// `busy` while views are out; refused for mapped tensors.
    pub fn evict(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.inner.evict(selection)
    }

    /// Advice for the bytes of one mapped tensor, and what became of it.
    ///
    /// # Errors
    /// `not-mapped` and the like.
    pub fn advise(&mut self, tensor: u32, advice: Advice) -> Result<AdviceEffect, Error> {
        self.inner.advise(tensor, advice)
    }

    /// The view of a resident tensor, by its exact name.
    ///
    /// # Errors
    /// `not-found`, `not-resident`, or the guest failed.
    pub fn tensor(&mut self, name: &str) -> Result<Tensor, Error> {
        Tensor::new(self.inner.view(name)?)
    }

    /// The view of a resident tensor, by its index.
    ///
    /// # Errors
    /// As [`Self::tensor`].
    pub fn tensor_at(&mut self, index: u32) -> Result<Tensor, Error> {
        Tensor::new(self.inner.view_at(index)?)
    }

    /// The views of all resident tensors, in the order of the files. It asks the guest for thousands of them at a time, where
    /// [`Self::tensor_at`] asks for each.
    ///
    /// # Errors
    /// The guest failed. Tensors that are not resident, or that went to a consumer, are left out.
    pub fn resident(&mut self) -> Result<Vec<Tensor>, Error> {
        self.inner.resident()?.into_iter().map(Tensor::new).collect()
    }

    /// Residency of every tensor.
    ///
    /// # Errors
    /// The guest failed.
    pub fn states(&mut self) -> Result<Vec<TensorState>, Error> {
        self.inner.states()
    }

    /// Every slot of the pool of mappings.
    ///
    /// # Errors
    /// The guest failed.
    pub fn slots(&mut self) -> Result<Vec<SlotState>, Error> {
        self.inner.slots()
    }

    /// Every buffer that copies of tensors lie in, by its number.
    ///
    /// # Errors
    /// The guest failed, or lists more than `listing_bytes`.
    pub fn buffers(&mut self) -> Result<Vec<BufferState>, Error> {
        self.inner.buffers()
    }

    /// Where every machine stands, those of single tensors aside.
    ///
    /// # Errors
    /// The guest failed.
    pub fn machines(&mut self) -> Result<Vec<MachineStatus>, Error> {
        self.inner.machines()
    }

    /// Changes what the observer is told.
    ///
    /// # Errors
    /// The guest failed.
    pub fn observe(&mut self, level: Level) -> Result<(), Error> {
        self.inner.observe(level)
    }

    /// Registers memory for a tensor after the model was opened, when its size is known; under
    /// these rules:
    /// - A buffer takes one tensor, from its first byte. It may be larger than the tensor; one that is too small is refused
    ///   before any byte moves.
    /// - The session owns the buffer, so nothing else can write to it, and no two tensors can share bytes. While a
    ///   [`Tensor`] shows it, it is not written to: such a load is answered `busy`.
    /// - A buffer must return the same memory each time that it is asked; one that got shorter is `out-of-bounds`.
    /// - When a tensor is evicted its buffer stays registered and can take the tensor again. Of two buffers for one name the
    ///   later counts.
    ///
    /// # Errors
    /// `busy` while a tensor lies in what was registered under this name before.
    pub fn register(
        &mut self,
        name: impl Into<String>,
        memory: impl AsRef<[u8]> + AsMut<[u8]> + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let name = name.into();
        let shown = escape(&name);
        let memory: Box<dyn Memory> = Box::new(memory);
        let taken = self.inner.host(|host| host.table().map(|table| table.register(name, Buffer::external(memory))));
        if taken == Some(true) {
            return Ok(());
        }
        let message = format!("tensor {shown} lies in the memory that is registered for it; evict it first");
        Err(Error::new(Phase::Request, Cause::Busy, message))
    }

    /// What the session holds and what it did.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// What the session holds, to be read from other threads and after the session is gone.
    #[must_use]
    pub fn usage(&self) -> Arc<Usage> {
        self.inner.usage()
    }

    /// What the session took.
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.inner.timings()
    }

    /// Which pages of a file are in memory; none where the system does not say.
    pub fn residency(&mut self, file: usize) -> Option<PageMap> {
        let number = u32::try_from(file).ok()?;
        let source = self.inner.host(|host| host.table()?.source(number).cloned())?;
        source.check().ok()?;
        let pages = platform::residency(source.file(), source.size())?;
        Some(PageMap { page_bytes: platform::page_bytes(), pages })
    }

    /// The last records of the session, as many as the ring keeps.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.inner.records()
    }

    /// How many records the ring has lost, and the names that the guest gave in them.
    #[must_use]
    pub fn lost_records(&self) -> (u64, Vec<String>) {
        self.inner.lost_records()
    }

    /// What the ring still has, as a recording that can be saved: after a load that failed, say. Where the ring had to drop
    /// its beginning the recording says so; it can be looked at then, not replayed. It holds no path, no file name that
    /// names the model unless [`names_in_trace`](crate::SessionOptions::names_in_trace) allowed it, and no byte of a tensor.
    #[must_use]
    pub fn recording(&mut self) -> Recording {
        // Without the tables a recording has no diagrams, and is one all the same.
        let machines = self.runtime.describe().unwrap_or_default();
        self.inner.recording(self.runtime.component_id(), machines)
    }

    /// What the host offers the guest in this session.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
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
        self.inner.close()
    }
}

fn file_name(path: &Path) -> Result<String, Error> {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).ok_or_else(|| {
        let message = format!("{} names no file; give the file of a model", escape_path(path));
        Error::new(Phase::Request, Cause::InvalidRequest, message)
    })
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("files", &self.files).field("summary", self.summary()).finish_non_exhaustive()
    }
}
