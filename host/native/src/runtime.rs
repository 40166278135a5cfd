//! The engine with the compiled component, shared by all sessions.
#[cfg(feature = "compile")]
use crate::compile::{CompileLimits, compile};
use crate::{
    clock::{Ticker, engine, room},
    error::Error,
    files::ModelFiles,
    folder::models_in,
    guest::{Exports, Instance, WeighbridgeCtx, add_to_linker, not_the_contract, out_of_resources},
    media::Native,
    platform::unsafe_ops::compiled_component,
    session::Session,
};
use serde::Serialize;
use std::{path::Path, sync::Arc, time::Instant};
use wasmtime::{
    Engine,
    component::{Component, InstancePre, Linker},
};
use weighbridge_core::{
    self as core, Bare, Cause, FormatInfo, Host, MachineTable, Phase, ReplayError, ReplayReport, SessionOptions, nanos,
    recording::{Recording, RecordingHeader},
    trace::Record,
};

pub(crate) static COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/component.wasm"));

/// The loader component that is part of this library, for an engine of the embedder's own; see
/// [`add_to_linker`](crate::add_to_linker). Its interfaces are `weighbridge:loader@0.1.0`, and it imports nothing else.
///
/// ```
/// assert!(weighbridge::component_bytes().starts_with(b"\0asm"));
/// ```
#[must_use]
pub const fn component_bytes() -> &'static [u8] {
    COMPONENT
}

const COMPONENT_SHA256: &str = env!("WEIGHBRIDGE_COMPONENT_SHA256");

/// The engine with the compiled component. Clones share it; one for a program is enough, and any thread may use it.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    component: Component,
    pre: InstancePre<WeighbridgeCtx>,
    exports: Arc<Exports>,
    ticker: Arc<Ticker>,
    id: String,
    startup: Startup,
}

/// What getting ready took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Startup {
    /// Bytes of the component.
    pub component_bytes: usize,
    /// Nanoseconds of compiling; 0 for the component of this library, which was compiled when the library was.
    pub compile_ns: u64,
    /// Nanoseconds of everything together: engine, machine code, linking.
    pub load_ns: u64,
}

/// Settings of a [`Runtime`].
#[derive(Clone, Debug, Default)]
pub struct RuntimeBuilder {
    #[cfg(feature = "compile")]
    component: Option<Vec<u8>>,
    #[cfg(feature = "compile")]
    limits: CompileLimits,
}

impl RuntimeBuilder {
    /// Another component that speaks the contract `weighbridge:loader@0.1.0`; it is trusted no more than any other. It is compiled
    /// each time: machine code is never kept, nor taken from anywhere.
    ///
    /// ```
    /// use weighbridge::{Cause, Runtime};
    ///
    /// let error = Runtime::builder().component(*b"no component").build().unwrap_err();
    /// assert_eq!(error.cause, Cause::UnsupportedFormat);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "compile")]
    #[must_use]
    pub fn component(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.component = Some(bytes.into());
        self
    }

    /// Bounds on what is compiled of another component.
    #[cfg(feature = "compile")]
    #[must_use]
    pub const fn compile_limits(mut self, limits: CompileLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Gets the component ready.
    ///
    /// # Errors
    /// WebAssembly cannot run on this machine; another component cannot be compiled, or does not speak the contract.
    pub fn build(self) -> Result<Runtime, Error> {
        let began = Instant::now();
        let engine = engine().map_err(|error| cannot_run(&error))?;
        let Code { component, id, bytes, compile_ns } = self.code(&engine)?;
        let mut linker = Linker::new(&engine);
        let pre = add_to_linker(&mut linker, |ctx| ctx).and_then(|()| linker.instantiate_pre(&component));
        let pre = pre.map_err(|error| not_the_contract(&error))?;
        let exports = Exports::of(&component)?;
        let load_ns = nanos(began.elapsed());
        let startup = Startup { component_bytes: bytes, compile_ns, load_ns };
        let ticker = Ticker::new(&engine);
        Ok(Runtime(Arc::new(Inner { component, pre, exports, ticker, id, startup })))
    }

    fn code(&self, engine: &Engine) -> Result<Code, Error> {
        #[cfg(feature = "compile")]
        if let Some(bytes) = &self.component {
            let began = Instant::now();
            let component = compile(engine, bytes, &self.limits)?;
            let compile_ns = nanos(began.elapsed());
            return Ok(Code { component, id: sha256(bytes), bytes: bytes.len(), compile_ns });
        }
        let component = compiled_component(engine, room()).map_err(|error| cannot_run(&error))?;
        Ok(Code { component, id: COMPONENT_SHA256.to_owned(), bytes: COMPONENT.len(), compile_ns: 0 })
    }
}

/// A component that can be run.
struct Code {
    component: Component,
    id: String,
    bytes: usize,
    compile_ns: u64,
}

fn cannot_run(error: &wasmtime::Error) -> Error {
    match out_of_resources(error) {
        Some(error) => error.into(),
        None => {
            Error::new(Phase::Request, Cause::Internal, format!("WebAssembly cannot run on this machine: {error:#}"))
        }
    }
}

impl Runtime {
    /// With the component that is part of this library.
    ///
    /// ```
    /// use weighbridge::Runtime;
    ///
    /// let runtime = Runtime::new()?;
    /// assert_eq!(runtime.component_id().len(), 64);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// WebAssembly cannot run on this machine.
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// With other settings.
    #[must_use]
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// Opens a model: by the path of its file, of its first file or of its index, where the others are found in the same
    /// folder; or by [`ModelFiles`], which also are open files, bytes in memory, and whatever else is a
    /// [`Source`](crate::Source).
    ///
    /// ```
    /// use weighbridge::{ModelFiles, Runtime};
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    ///
    /// let runtime = Runtime::new()?;
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("tiny.safetensors");
    /// std::fs::write(&path, tiny())?;
    /// assert_eq!(runtime.open(&path)?.summary().tensors, 1);
    ///
    /// let files = ModelFiles::new().part("tiny.safetensors", std::fs::File::open(path)?);
    /// assert_eq!(runtime.open(files)?.summary().format, "safetensors");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The file cannot be opened, or is no model that can be read.
    pub fn open(&self, files: impl Into<ModelFiles>) -> Result<Session, Error> {
        self.open_with(files, SessionOptions::new())
    }

    /// As [`Self::open`], with options.
    ///
    /// ```
    /// use weighbridge::{HostLimits, ModelFiles, Runtime, SessionOptions};
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    ///
    /// let files = ModelFiles::new().part("tiny.safetensors", tiny());
    /// let options = SessionOptions::new().ring(0).limits(HostLimits::new().guest_memory(64 << 20));
    /// let model = Runtime::new()?.open_with(files, options)?;
    /// assert!(model.records().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A file cannot be opened, or they are no model that can be read.
    pub fn open_with(&self, files: impl Into<ModelFiles>, options: SessionOptions) -> Result<Session, Error> {
        let ctx = WeighbridgeCtx::new(options);
        let options = ctx.options().clone();
        Session::open(self.start(ctx)?, &files.into(), &options, Some(self))
    }

    /// The models in a folder, each with its files: a folder of several models is opened one by one. Told by names alone, without
    /// a look at the files.
    ///
    /// ```
    /// use weighbridge::Runtime;
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    ///
    /// let folder = tempfile::tempdir()?;
    /// std::fs::write(folder.path().join("a.safetensors"), tiny())?;
    /// std::fs::write(folder.path().join("b.safetensors"), tiny())?;
    /// let runtime = Runtime::new()?;
    /// assert!(runtime.open(folder.path()).is_err(), "which of the two?");
    /// assert_eq!(runtime.models_in(folder.path())?.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// There is none, or the folder cannot be read.
    pub fn models_in(&self, folder: impl AsRef<Path>) -> Result<Vec<ModelFiles>, Error> {
        let models = models_in(folder.as_ref(), &self.formats()?)?;
        Ok(models.into_iter().map(ModelFiles::from).collect())
    }

    /// The formats that the component reads: how they are called, and what their files' names end in.
    ///
    /// # Errors
    /// The component failed.
    pub fn formats(&self) -> Result<Vec<FormatInfo>, Error> {
        Ok(self.without_files()?.formats()?)
    }

    /// The transition tables of every machine in the component.
    ///
    /// ```
    /// use weighbridge::Runtime;
    ///
    /// let tables = Runtime::new()?.describe()?;
    /// assert!(tables.iter().any(|table| table.machine == "io/mmap" && !table.rows.is_empty()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The component failed.
    pub fn describe(&self) -> Result<Vec<MachineTable>, Error> {
        Ok(self.without_files()?.describe()?)
    }

    /// An instance that is asked about itself alone.
    fn without_files(&self) -> Result<Bare<Instance>, core::Error> {
        Ok(Bare::new(self.start(WeighbridgeCtx::new(SessionOptions::new().ring(0)))?))
    }

    /// What getting ready took.
    #[must_use]
    pub fn startup(&self) -> &Startup {
        &self.0.startup
    }

    /// SHA-256 of the component, in hexadecimal.
    #[must_use]
    pub fn component_id(&self) -> &str {
        &self.0.id
    }

    /// Names of the interfaces that the component imports.
    ///
    /// ```
    /// use weighbridge::Runtime;
    ///
    /// let imports = Runtime::new()?.imports();
    /// assert!(imports.contains(&"weighbridge:loader/storage@0.1.0".to_owned()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        let engine = self.0.component.engine();
        self.0.component.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect()
    }

    /// Names of the interfaces that the component exports.
    ///
    /// ```
    /// use weighbridge::Runtime;
    ///
    /// let exports = Runtime::new()?.exports();
    /// assert!(exports.contains(&"weighbridge:loader/loader@0.1.0".to_owned()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn exports(&self) -> Vec<String> {
        let engine = self.0.component.engine();
        self.0.component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect()
    }

    /// The header for records of a session of this runtime.
    ///
    /// # Errors
    /// The component failed to describe its machines.
    pub fn recording_header(&self, records: &[Record]) -> Result<RecordingHeader, Error> {
        Ok(RecordingHeader::of(self.component_id(), self.describe()?, records))
    }

    /// Runs the component against a recording, to its end or to the record with the number `until`. No file is opened: every
    /// answer comes from the recording.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// let recording = model.recording();
    /// let runtime = weighbridge::Runtime::new()?;
    /// assert!(runtime.replay(&recording, None)?.complete);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The recording cannot be replayed here, or the component now does something else; see [`ReplayError`].
    pub fn replay(&self, recording: &Recording, until: Option<u64>) -> Result<ReplayReport, ReplayError> {
        weighbridge_core::replay(recording, until, self.component_id(), |host: Host<Native>| {
            self.start(WeighbridgeCtx::over(host))
        })
    }

    fn start(&self, ctx: WeighbridgeCtx) -> Result<Instance, core::Error> {
        Instance::start(&self.0.pre, &self.0.exports, &self.0.ticker, ctx)
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("component", &self.0.id).field("startup", &self.0.startup).finish()
    }
}

#[cfg(feature = "compile")]
fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
