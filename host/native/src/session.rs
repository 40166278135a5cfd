//! One model on this machine.
use crate::{
    error::Error,
    external::Memory,
    files::{ModelFiles, Opened},
    guest::Instance,
    media::{Buffer, Native},
    platform,
    runtime::Runtime,
    tensor::Tensor,
};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use weighbridge_core::{
    self as core, Advice, AdviceEffect, BufferState, Capabilities, Cause, Engine, Finding, Granted, Level, LoadOptions,
    LoadReport, MachineStatus, MachineTable, MetadataEntry, ModelSummary, Phase, Selection, SessionOptions, SlotState,
    Stats, TensorInfo, TensorLayout, TensorState, Timings, Usage, escape, recording::Recording, trace::Record,
};

/// One model. What changes residency needs `&mut`; looking at tensors does not, and asks the guest at most once after each
/// change, so threads can share a session. Views of tensors ([`Tensor`]) are independent of it.
///
/// `E` is what runs the guest: an engine of this library, or a [`Loader`](crate::Loader) in a store of the embedder's own.
///
/// Dropping a session gives back everything that no view uses.
pub struct Session<E: Engine<Media = Native> = Instance> {
    pub(crate) inner: core::Session<E>,
    pub(crate) runtime: Option<Runtime>,
    files: Vec<FileInfo>,
    /// What people know each file by.
    shown: Vec<Arc<Path>>,
}

/// A file of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileInfo {
    /// Where it is; none for one that was given without a path.
    pub path: Option<PathBuf>,
    /// Its file name, or the name that it was given.
    pub name: String,
    /// Bytes, when it was opened.
    pub size: u64,
}

impl FileInfo {
    /// What people know it by: its path, or the name that it was given.
    ///
    /// ```
    /// use weighbridge::{ModelFiles, Runtime};
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    ///
    /// let model = Runtime::new()?.open(ModelFiles::new().part("tiny.safetensors", tiny()))?;
    /// assert_eq!(model.files()[0].shown(), "tiny.safetensors".as_ref() as &std::path::Path);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn shown(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(&self.name))
    }
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

impl<E: Engine<Media = Native>> Session<E> {
    pub(crate) fn open(
        mut engine: E,
        from: &ModelFiles,
        options: &SessionOptions,
        runtime: Option<&Runtime>,
    ) -> Result<Self, Error> {
        let mut places = Vec::new();
        let mut granted = Vec::new();
        let from = from.resolved(|| Ok(engine.formats()?))?;
        for Opened { path, name, source } in from.open()? {
            places.push((path, name.clone()));
            granted.push(Granted { name, source: source.promised(from.is_unchanging()) });
        }
        let unfinished = from.unfinished();
        let mut finder = from.finder(options.follow_links);
        let mut lost: Vec<Error> = Vec::new();
        // The core knows errors as the contract has them; what this one knows beside that is kept until it comes back.
        let find = |name: &str| match finder.open(name) {
            Ok(Opened { path, name, source }) => {
                places.push((path, name));
                Ok(source.promised(from.is_unchanging()))
            }
            Err(error) => {
                let record = error.record().clone();
                lost.push(error);
                Err(record)
            }
        };
        let opened = core::Session::open(engine, granted, options, find);
        let mut inner = opened.map_err(|record| {
            let of_this = |lost: &Error| (lost.cause, &lost.message) == (record.cause, &record.message);
            match lost.iter().position(of_this) {
                Some(at) => lost.swap_remove(at).in_words_of(record),
                None => {
                    let shown = places.iter().map(|(path, name)| path.as_deref().unwrap_or(Path::new(name)));
                    Error::from(record).of_files(shown)
                }
            }
        })?;
        unfinished.into_iter().for_each(|finding| inner.notice(finding));
        // Of a partial model files may have been left out, so a place is found by its name, which only one has.
        let mut places: HashMap<String, Option<PathBuf>> =
            places.into_iter().map(|(path, name)| (name, path)).collect();
        let files = inner.files().iter().map(|file| {
            let path = places.remove(&file.name).flatten();
            FileInfo { path, name: file.name.clone(), size: file.size }
        });
        let files: Vec<FileInfo> = files.collect();
        let shown = files.iter().map(|file| file.shown().into()).collect();
        Ok(Self { inner, runtime: runtime.cloned(), files, shown })
    }

    /// Names the file in an error.
    pub(crate) fn named(&self, error: core::Error) -> Error {
        Error::from(error).of_files(self.shown.iter().map(|file| &**file))
    }

    fn view(&self, view: core::View<Native>) -> Result<Tensor, Error> {
        let file = self.shown.get(view.info.source as usize).cloned();
        Tensor::new(view, file)
    }

    /// The session of the core that this one is made of, for what works with the sessions of every host.
    pub const fn core(&mut self) -> &mut core::Session<E> {
        &mut self.inner
    }

    /// What the headers say of the model.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// assert_eq!((model.summary().format.as_str(), model.summary().tensors), ("safetensors", 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn summary(&self) -> &ModelSummary {
        self.inner.summary()
    }

    /// The files, in the order in which the tensors name them.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// assert_eq!(model.files()[0].size, 8 + 58 + 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn files(&self) -> &[FileInfo] {
        &self.files
    }

    /// What the headers say of every tensor, in the order of the files. Asked of the guest once, then kept.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// let names: Vec<&str> = model.tensors()?.iter().map(|tensor| tensor.name.as_str()).collect();
    /// assert_eq!(names, ["scale"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The guest failed, or its list is longer than the host keeps.
    pub fn tensors(&self) -> Result<&[TensorInfo], Error> {
        self.inner.tensors().map_err(|error| self.named(error))
    }

    /// How a tensor's elements lie in its bytes; none for one whose type is not known.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// let layout = model.layout(0)?.ok_or("F32 is known")?;
    /// assert_eq!((layout.block_elements, layout.block_bytes, layout.strides.len()), (1, 4, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// There is no such tensor, or the guest failed.
    pub fn layout(&mut self, tensor: u32) -> Result<Option<TensorLayout>, Error> {
        self.inner.layout(tensor).map_err(|error| self.named(error))
    }

    /// Bytes of a tensor from `offset` on, straight from its file, whether it is loaded or not. Of one that is not contiguous,
    /// which no load takes, they are those from its first element to its last: see [`Self::layout`].
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// let mut second = [0; 4];
    /// model.read_tensor(0, 4, &mut second)?;
    /// assert_eq!(f32::from_le_bytes(second), 2.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `out-of-bounds` where the tensor has no such bytes; the file cannot be read.
    pub fn read_tensor(&mut self, tensor: u32, offset: u64, to: &mut [u8]) -> Result<(), Error> {
        self.inner.read_tensor(tensor, offset, to).map_err(|error| self.named(error))
    }

    /// The index of a tensor, by its exact name.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// assert_eq!((model.find("scale")?, model.find("other")?), (Some(0), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The guest failed.
    pub fn find(&self, name: &str) -> Result<Option<u32>, Error> {
        self.inner.find(name).map_err(|error| self.named(error))
    }

    /// The metadata in file order; of an array at most `head` elements.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// assert!(model.metadata(8)?.is_empty(), "this file has none");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A value cannot be read, or the guest failed.
    pub fn metadata(&mut self, head: u32) -> Result<Vec<MetadataEntry>, Error> {
        self.inner.metadata(head).map_err(|error| self.named(error))
    }

    /// What was noticed of the model that did not keep it from being opened.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// assert!(model.findings()?.is_empty(), "nothing is odd about this file");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The guest failed.
    pub fn findings(&mut self) -> Result<Vec<Finding>, Error> {
        self.inner.findings().map_err(|error| self.named(error))
    }

    /// Makes tensors resident. On an error residency is what it was before.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{LoadOptions, Selection, Strategy};
    ///
    /// # let mut model = tiny_model()?;
    /// let report = model.load(&Selection::All, &LoadOptions::new().policy(Strategy::ReadCopy))?;
    /// assert_eq!((report.used, report.bytes), (Some(Strategy::ReadCopy), 8));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The request cannot be met; the error says why, and for which tensor.
    pub fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Result<LoadReport, Error> {
        self.inner.load(selection, options).map_err(|error| self.named(error))
    }

    /// Ends mapped residency and returns of how many tensors. `busy` while views are out; it can be asked again.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{Cause, LoadOptions, Selection, Strategy};
    ///
    /// # let mut model = tiny_model()?;
    /// model.load(&Selection::All, &LoadOptions::new().policy(Strategy::MappedFile))?;
    /// let view = model.tensor("scale")?;
    /// assert_eq!(model.release(&Selection::All).unwrap_err().cause, Cause::Busy);
    /// drop(view);
    /// assert_eq!(model.release(&Selection::All)?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `busy`, `not-mapped` and the like.
    pub fn release(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.inner.release(selection).map_err(|error| self.named(error))
    }

    /// Ends copied residency and returns of how many tensors.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{LoadOptions, Selection, Strategy};
    ///
    /// # let mut model = tiny_model()?;
    /// model.load(&Selection::All, &LoadOptions::new().policy(Strategy::ReadCopy))?;
    /// assert_eq!(model.evict(&Selection::All)?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `busy` while views are out; refused for mapped tensors.
    pub fn evict(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.inner.evict(selection).map_err(|error| self.named(error))
    }

    /// Advice for the bytes of one mapped tensor, and what became of it.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{Advice, AdviceEffect, LoadOptions, Selection, Strategy};
    ///
    /// # let mut model = tiny_model()?;
    /// model.load(&Selection::All, &LoadOptions::new().policy(Strategy::MappedFile))?;
    /// let effect = model.advise(0, Advice::WillNeed)?;
    /// assert_eq!(effect, AdviceEffect::Unsupported, "this model is in memory anyway");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `not-mapped` and the like.
    pub fn advise(&mut self, tensor: u32, advice: Advice) -> Result<AdviceEffect, Error> {
        self.inner.advise(tensor, advice).map_err(|error| self.named(error))
    }

    /// The view of a resident tensor, by its exact name.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{Cause, LoadOptions, Selection};
    ///
    /// # let mut model = tiny_model()?;
    /// assert_eq!(model.tensor("scale").unwrap_err().cause, Cause::NotResident);
    /// model.load(&Selection::All, &LoadOptions::new())?;
    /// assert_eq!(model.tensor("scale")?.shape(), [2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `not-found`, `not-resident`, or the guest failed.
    pub fn tensor(&self, name: &str) -> Result<Tensor, Error> {
        self.view(self.inner.view(name).map_err(|error| self.named(error))?)
    }

    /// The view of a resident tensor, by its index.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{LoadOptions, Selection};
    ///
    /// # let mut model = tiny_model()?;
    /// model.load(&Selection::from(0), &LoadOptions::new())?;
    /// assert_eq!(model.tensor_at(0)?.name(), "scale");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Self::tensor`].
    pub fn tensor_at(&self, index: u32) -> Result<Tensor, Error> {
        self.view(self.inner.view_at(index).map_err(|error| self.named(error))?)
    }

    /// The views of all resident tensors, in the order of the files.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{LoadOptions, Selection};
    ///
    /// # let mut model = tiny_model()?;
    /// assert!(model.resident()?.is_empty());
    /// model.load(&Selection::All, &LoadOptions::new())?;
    /// assert_eq!(model.resident()?.iter().map(|tensor| tensor.len()).sum::<usize>(), 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The guest failed. Tensors that are not resident, or that went to a consumer, are left out.
    pub fn resident(&self) -> Result<Vec<Tensor>, Error> {
        let views = self.inner.resident().map_err(|error| self.named(error))?;
        views.into_iter().map(|view| self.view(view)).collect()
    }

    /// Residency of every tensor. Asked of the guest once after each change, then kept.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{Lifecycle, LoadOptions, Selection, Strategy};
    ///
    /// # let mut model = tiny_model()?;
    /// model.load(&Selection::All, &LoadOptions::new().policy(Strategy::ReadCopy))?;
    /// assert_eq!(model.states()?[0].lifecycle, Lifecycle::Resident);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The guest failed.
    pub fn states(&self) -> Result<&[TensorState], Error> {
        self.inner.states().map_err(|error| self.named(error))
    }

    /// Every slot of the pool of mappings.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::SlotStatus;
    ///
    /// # let mut model = tiny_model()?;
    /// assert!(model.slots()?.iter().all(|slot| slot.status == SlotStatus::Free));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The guest failed.
    pub fn slots(&mut self) -> Result<Vec<SlotState>, Error> {
        self.inner.slots().map_err(|error| self.named(error))
    }

    /// Every buffer that copies of tensors lie in, by its number.
    ///
    /// # Errors
    /// The guest failed, or lists more than `listing_bytes`.
    pub fn buffers(&mut self) -> Result<Vec<BufferState>, Error> {
        self.inner.buffers().map_err(|error| self.named(error))
    }

    /// Where every machine stands, those of single tensors aside.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// assert!(model.machines()?.iter().any(|machine| machine.machine == "model/loader"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The guest failed.
    pub fn machines(&mut self) -> Result<Vec<MachineStatus>, Error> {
        self.inner.machines().map_err(|error| self.named(error))
    }

    /// Changes what the observer is told.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{Level, LoadOptions, Selection, trace::What};
    ///
    /// # let mut model = tiny_model()?;
    /// model.observe(Level::Transitions)?;
    /// model.load(&Selection::All, &LoadOptions::new())?;
    /// assert!(model.records().iter().any(|record| matches!(record.what, What::Step(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The guest failed.
    pub fn observe(&mut self, level: Level) -> Result<(), Error> {
        self.inner.observe(level).map_err(|error| self.named(error))
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
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{LoadOptions, Selection, Strategy};
    ///
    /// # let mut model = tiny_model()?;
    /// model.register("scale", vec![0; 8])?;
    /// model.load(&Selection::All, &LoadOptions::new().policy(Strategy::ExternalBuffer))?;
    /// assert_eq!(model.tensor("scale")?.bytes()[..4], 0.5f32.to_le_bytes());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// let before = model.stats().crossings_in;
    /// model.tensors()?;
    /// model.tensors()?;
    /// assert_eq!(model.stats().crossings_in, before + 1, "asked once, then kept");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// What the session holds, to be read from other threads and after the session is gone.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{LoadOptions, Selection, Strategy};
    ///
    /// # let mut model = tiny_model()?;
    /// let usage = model.usage();
    /// model.load(&Selection::All, &LoadOptions::new().policy(Strategy::ReadCopy))?;
    /// assert_eq!(usage.buffer_bytes(), 8);
    /// drop(model);
    /// assert_eq!(usage.buffer_bytes(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn usage(&self) -> Arc<Usage> {
        self.inner.usage()
    }

    /// What the session took.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// assert!(model.timings().open > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.inner.timings()
    }

    /// Which pages of a file are in memory; none where the system does not say, or where the file is larger than 256 GiB, of which
    /// it would take seconds to say it.
    pub fn residency(&mut self, file: usize) -> Option<PageMap> {
        let number = u32::try_from(file).ok()?;
        let source = self.inner.host(|host| host.table()?.source(number).cloned())?;
        source.check().ok()?;
        let (file, base) = source.file().ok()??;
        // The system knows pages of the file; those of a part are these only where it begins with one.
        let aligned = base.is_multiple_of(platform::page_bytes());
        let pages = aligned.then(|| platform::residency(&file, base, source.size()))??;
        Some(PageMap { page_bytes: platform::page_bytes(), pages })
    }

    /// The last records of the session, as many as the ring keeps.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// assert!(!model.records().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// `component` is the SHA-256 of the component that runs, in hexadecimal, and `machines` are its tables, without which a
    /// recording has no diagrams: [`Session::recording`] knows both of a session on a [`Runtime`].
    #[must_use]
    pub fn recording_of(&mut self, component: &str, machines: Vec<MachineTable>) -> Recording {
        self.inner.recording(component, machines)
    }

    /// What the host offers the guest in this session.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// assert!(model.capabilities().mmap);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    /// Releases everything. What is busy is reported and stays, and close can be asked again. Views stay valid.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// model.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `busy`, or the guest failed.
    pub fn close(&mut self) -> Result<(), Error> {
        self.inner.close().map_err(|error| self.named(error))
    }
}

impl Session {
    /// The runtime that the session runs on.
    #[must_use]
    pub const fn runtime(&self) -> Option<&Runtime> {
        self.runtime.as_ref()
    }

    /// As [`Self::recording_of`], of the component of the session's runtime.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::recording::Recording;
    ///
    /// # let mut model = tiny_model()?;
    /// let mut file = Vec::new();
    /// let recording = model.recording();
    /// recording.write(&mut file)?;
    /// assert_eq!(Recording::read(file.as_slice())?, recording);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn recording(&mut self) -> Recording {
        let Some(runtime) = self.runtime.clone() else { return self.recording_of("", Vec::new()) };
        // Without the tables a recording has no diagrams, and is one all the same.
        let machines = runtime.describe().unwrap_or_default();
        self.recording_of(runtime.component_id(), machines)
    }
}

impl<E: Engine<Media = Native>> std::fmt::Debug for Session<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("files", &self.files).field("summary", self.summary()).finish_non_exhaustive()
    }
}
