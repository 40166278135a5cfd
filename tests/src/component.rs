//! The component on wasmtime, over real files, through the host library.
use crate::convert;
use crate::double::Leaks;
use crate::faults::{Fault, Faults, Instead, Kind};
use crate::files::Model;
use crate::harness::{Harness, Setup};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use weighbridge::trace::{Answer, Call};
use weighbridge::{HostCapabilities, Interpose, Runtime, Session, SessionOptions, Tensor, Usage};
use weighbridge_loader::api::{
    BufferState, LoadOptions, LoadReport, MachineStatus, Selection, SlotState, TensorInfo, TensorState,
};
use weighbridge_loader::types::{Advice, AdviceEffect, Error};

/// The runtime of all tests of a program.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

/// Faults in the host's place.
struct Meddler(Arc<Faults>);

impl Interpose for Meddler {
    fn before(&self, call: &Call) -> Option<Answer> {
        let kind = Kind::named(call.name())?;
        Some(match (self.0.next(kind)?, call) {
            (Instead::Error(error, span), Call::ReadInto { .. }) => {
                let error = weighbridge_loader::storage::BatchError { span, error };
                Answer::BatchFailed(convert::to_batch_error(error))
            }
            (Instead::Error(error, _), _) => Answer::Failed(convert::to_storage_error(error)),
            (Instead::Short(len), Call::Read { .. }) => Answer::Bytes(Arc::new(vec![b'G'; len as usize])),
            (Instead::Short(_), _) => panic!("{} has no short answer here", call.name()),
        })
    }
}

/// A session of the component.
pub struct Component {
    session: Session,
    usage: Arc<Usage>,
    faults: Arc<Faults>,
    folder: tempfile::TempDir,
    views: Vec<Tensor>,
    names: Vec<String>,
}

impl Component {
    /// Opens with options of the host that a setup does not have.
    ///
    /// # Errors
    /// As the session's.
    pub fn open_with(
        model: &Model,
        setup: &Setup,
        faults: &[Fault],
        change: impl FnOnce(&mut SessionOptions),
    ) -> Result<Self, Error> {
        let folder = tempfile::tempdir().unwrap();
        for file in &model.files {
            std::fs::write(folder.path().join(&file.name), &file.bytes).unwrap();
        }
        let meddler = Arc::new(Faults::default());
        faults.iter().for_each(|fault| meddler.arm(fault.clone()));
        let mut options = SessionOptions::new()
            .guest(convert::to_guest_options(&setup.options))
            .host(
                HostCapabilities::new()
                    .mmap(setup.mmap)
                    .advise(setup.advise)
                    .max_read(setup.max_read)
                    .max_batch(setup.max_batch)
                    .threads(1),
            )
            .interpose(Arc::new(Meddler(meddler.clone())))
            .ring(if setup.quiet { 0 } else { 65_536 });
        change(&mut options);
        let paths: Vec<PathBuf> =
            model.files.iter().take(model.given).map(|file| folder.path().join(&file.name)).collect();
        let mut session = runtime().open_with(&paths, options).map_err(convert::error)?;
        for (name, len) in &setup.registered {
            session.register(name.clone(), vec![0u8; *len]).map_err(convert::error)?;
        }
        let usage = session.usage();
        let names = model.files.iter().map(|file| file.name.clone()).collect();
        Ok(Self { session, usage, faults: meddler, folder, views: Vec::new(), names })
    }

    /// The session itself.
    pub const fn session(&mut self) -> &mut Session {
        &mut self.session
    }
}

impl Harness for Component {
    fn open(model: &Model, setup: &Setup, faults: &[Fault]) -> Result<Self, Error> {
        Self::open_with(model, setup, faults, |_| {})
    }

    fn missing(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn provide(&mut self, _: &[usize]) -> Result<(), Error> {
        panic!("the host gives missing files by itself")
    }

    fn tensors(&mut self) -> Vec<TensorInfo> {
        self.session.tensors().unwrap().iter().map(convert::tensor).collect()
    }

    fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Result<LoadReport, Error> {
        let (selection, options) = (convert::to_selection(selection), convert::to_options(options));
        self.session.load(&selection, &options).map(convert::report).map_err(convert::error)
    }

    fn release(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.session.release(&convert::to_selection(selection)).map_err(convert::error)
    }

    fn evict(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.session.evict(&convert::to_selection(selection)).map_err(convert::error)
    }

    fn advise(&mut self, tensor: u32, advice: Advice) -> Result<AdviceEffect, Error> {
        self.session.advise(tensor, convert::to_advice(advice)).map(convert::effect).map_err(convert::error)
    }

    fn states(&mut self) -> Vec<TensorState> {
        self.session.states().unwrap().iter().copied().map(convert::state).collect()
    }

    fn buffers(&mut self) -> Vec<BufferState> {
        self.session.buffers().unwrap().into_iter().map(convert::buffer).collect()
    }

    fn slots(&mut self) -> Vec<SlotState> {
        self.session.slots().unwrap().iter().map(convert::slot).collect()
    }

    fn machines(&mut self) -> Vec<MachineStatus> {
        self.session.machines().unwrap().into_iter().map(convert::machine).collect()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.session.close().map_err(convert::error)
    }

    fn bytes(&mut self, tensor: u32) -> Option<Vec<u8>> {
        self.session.tensor_at(tensor).ok().map(|view| view.bytes().to_vec())
    }

    fn view(&mut self, tensor: u32) {
        let view = self.session.tensor_at(tensor).unwrap();
        self.views.push(view);
    }

    fn unview(&mut self) {
        self.views.clear();
    }

    fn arm(&mut self, fault: Fault) {
        self.faults.arm(fault);
    }

    fn disarm(&mut self) {
        self.faults.clear();
    }

    fn calls(&mut self, kind: Option<Kind>) -> usize {
        self.faults.calls().iter().filter(|call| kind.is_none_or(|kind| **call == kind)).count()
    }

    fn struck(&mut self) -> usize {
        self.faults.struck().len()
    }

    fn slots_when_closed(&mut self) -> Vec<SlotState> {
        Vec::new()
    }

    fn change(&mut self, file: usize, len: usize) {
        let path = self.folder.path().join(&self.names[file]);
        std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(len as u64).unwrap();
    }

    fn leaks(&mut self) -> Leaks {
        let signed = |count: u64| i64::try_from(count).unwrap();
        // Registered memory counts as no buffer of the host's.
        Leaks {
            mappings: signed(self.usage.mappings()),
            buffers: signed(self.usage.buffers()),
            registered: 0,
            violations: Vec::new(),
        }
    }
}
