//! The engine with the compiled component, shared by all sessions.
use crate::{
    cache::{self, Cache, CacheUse},
    clock::{Ticker, engine},
    guest::{Exports, Instance, State, add_to_linker, not_the_contract},
    media::Native,
    platform,
    session::Session,
};
use serde::Serialize;
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use wasmtime::{
    Engine,
    component::{Component, InstancePre, Linker},
};
use weighbridge_core::{
    Bare, Cause, Error, FormatInfo, Host, MachineTable, Phase, ReplayError, ReplayReport, SessionOptions, nanos,
    recording::{Recording, RecordingHeader},
    trace::Record,
};

static COMPONENT: &[u8] = include_bytes!(env!("WEIGHBRIDGE_COMPONENT_PATH"));
const COMPONENT_SHA256: &str = env!("WEIGHBRIDGE_COMPONENT_SHA256");

/// The engine with the compiled component. Clones share it; one for a program is enough, and any thread may use it.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    component: Component,
    pre: InstancePre<State>,
    exports: Arc<Exports>,
    ticker: Arc<Ticker>,
    id: String,
    startup: Startup,
}

/// What getting ready took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Startup {
    /// Bytes of the component.
    pub component_bytes: usize,
    /// How the cache of compiled code took part.
    pub cache: CacheUse,
    /// Nanoseconds of compiling; 0 where the cache had it.
    pub compile_ns: u64,
    /// Nanoseconds of everything together: engine, cache, linking.
    pub load_ns: u64,
}

/// Settings of a [`Runtime`].
#[derive(Clone, Debug, Default)]
pub struct RuntimeBuilder {
    component: Option<Vec<u8>>,
    cache: CacheDir,
}

#[derive(Clone, Debug, Default)]
enum CacheDir {
    #[default]
    User,
    At(PathBuf),
    None,
}

impl RuntimeBuilder {
    /// Another component that speaks the contract `weighbridge:loader@0.1.0`; it is trusted no more than any other.
    #[must_use]
    pub fn component(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.component = Some(bytes.into());
        self
    }

    /// Where compiled code is kept; none for nowhere. The default is `weighbridge` in the user's cache folder
    /// (`$XDG_CACHE_HOME`, else `~/.cache`). A folder that others can write to is not used.
    #[must_use]
    pub fn cache_dir(mut self, folder: Option<PathBuf>) -> Self {
        self.cache = folder.map_or(CacheDir::None, CacheDir::At);
        self
    }

    /// Compiles the component, or finds it compiled.
    ///
    /// # Errors
    /// The component cannot be compiled, or does not speak the contract.
    pub fn build(self) -> Result<Runtime, Error> {
        let began = Instant::now();
        let engine = engine().map_err(|error| {
            let message = format!("WebAssembly cannot run on this machine: {error:#}");
            Error::new(Phase::Request, Cause::Internal, message)
        })?;
        let (bytes, id) = match &self.component {
            Some(bytes) => (bytes.as_slice(), sha256(bytes)),
            None => (COMPONENT, COMPONENT_SHA256.to_owned()),
        };
        let folder = match self.cache {
            CacheDir::User => cache::default_dir(),
            CacheDir::At(folder) => Some(folder),
            CacheDir::None => None,
        };
        let cache = folder.and_then(|folder| Cache::open(&folder, &engine, &id));
        let (component, cache, compile_ns) = compiled(&engine, bytes, cache.as_ref())?;
        let mut linker = Linker::new(&engine);
        let pre = add_to_linker(&mut linker).and_then(|()| linker.instantiate_pre(&component));
        let pre = pre.map_err(|error| not_the_contract(&error))?;
        let exports = Exports::find(&component)
            .map_err(|name| not_the_contract(&wasmtime::Error::msg(format!("it has no export {name}"))))?;
        let load_ns = nanos(began.elapsed());
        let startup = Startup { component_bytes: bytes.len(), cache, compile_ns, load_ns };
        let ticker = Ticker::new(&engine);
        Ok(Runtime(Arc::new(Inner { component, pre, exports: Arc::new(exports), ticker, id, startup })))
    }
}

fn compiled(engine: &Engine, bytes: &[u8], cache: Option<&Cache>) -> Result<(Component, CacheUse, u64), Error> {
    if let Some(component) = cache.and_then(|cache| cache.load(engine)) {
        return Ok((component, CacheUse::Hit, 0));
    }
    let began = Instant::now();
    let component = Component::new(engine, bytes).map_err(|error| {
        let message = format!("this is no component that can be run: {error:#}");
        Error::new(Phase::Request, Cause::UnsupportedFormat, message)
    })?;
    let compile_ns = nanos(began.elapsed());
    Ok(match cache {
        Some(cache) => {
            cache.store(&component);
            (component, CacheUse::Miss, compile_ns)
        }
        None => (component, CacheUse::Off, compile_ns),
    })
}

impl Runtime {
    /// With the component that is part of this library.
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

    /// Opens a model by its file, or by its first file or index: the other files are found in the same folder.
    ///
    /// # Errors
    /// The file cannot be opened, or is no model that can be read.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Session, Error> {
        self.open_with(&[path.as_ref().to_owned()], SessionOptions::default())
    }

    /// As [`Self::open`], with options, and with all files of a model where they do not lie in one folder.
    ///
    /// # Errors
    /// A file cannot be opened, or they are no model that can be read.
    pub fn open_with(&self, paths: &[PathBuf], options: SessionOptions) -> Result<Session, Error> {
        Session::open(self, paths, &options)
    }

    /// The formats that the component reads: how they are called, and what their files' names end in.
    ///
    /// # Errors
    /// The component failed.
    pub fn formats(&self) -> Result<Vec<FormatInfo>, Error> {
        self.without_files()?.formats()
    }

    /// The transition tables of every machine in the component.
    ///
    /// # Errors
    /// The component failed.
    pub fn describe(&self) -> Result<Vec<MachineTable>, Error> {
        self.without_files()?.describe()
    }

    /// An instance that is asked about itself alone.
    fn without_files(&self) -> Result<Bare<Instance>, Error> {
        let options = SessionOptions { ring: 0, ..SessionOptions::default() };
        Ok(Bare::new(self.instance(&options)?))
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
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        let engine = self.0.component.engine();
        self.0.component.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect()
    }

    /// Names of the interfaces that the component exports.
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
    /// # Errors
    /// The recording cannot be replayed here, or the component now does something else; see [`ReplayError`].
    pub fn replay(&self, recording: &Recording, until: Option<u64>) -> Result<ReplayReport, ReplayError> {
        weighbridge_core::replay(recording, until, self.component_id(), |host| self.start(host))
    }

    /// An instance of the component over files of this machine.
    pub(crate) fn instance(&self, options: &SessionOptions) -> Result<Instance, Error> {
        let mut options = options.clone();
        options.limits.buffer_bytes = options.limits.buffer_bytes.min(platform::memory_bytes().unwrap_or(u64::MAX));
        self.start(Host::new(Native::new(options.host.threads), &options))
    }

    fn start(&self, host: Host<Native>) -> Result<Instance, Error> {
        Instance::start(&self.0.pre, &self.0.exports, &self.0.ticker, host)
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("component", &self.0.id).field("startup", &self.0.startup).finish()
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
