//! The driver, as plain Rust, over the double.
use crate::double::{Double, Leaks, Source};
use crate::faults::{Fault, Kind};
use crate::files::Model;
use crate::harness::{Harness, Setup};
use crate::rows;
use weighbridge_loader::api::{
    BufferState, LoadOptions, LoadReport, MachineStatus, Place, Selection, SessionOptions, SlotState, TensorInfo,
    TensorState,
};
use weighbridge_loader::driver::Session;
use weighbridge_loader::storage::Capabilities;
use weighbridge_loader::types::{Advice, AdviceEffect, Error, Level};

/// A session on the double.
pub struct Native {
    /// The double.
    pub host: Double,
    session: Session<Double>,
    views: Vec<Place>,
    model: Model,
}

impl Native {
    /// What was noticed of the model.
    #[must_use]
    pub fn findings(&self) -> Vec<weighbridge_loader::api::Finding> {
        self.session.findings()
    }
}

/// The double of a setup.
#[must_use]
pub fn double(model: &Model, setup: &Setup) -> Double {
    let host = Double::new(
        &model.files,
        Capabilities {
            mmap: setup.mmap,
            advise: setup.advise,
            map_granularity: setup.granularity,
            max_read: setup.max_read,
            max_batch: setup.max_batch,
            auto: Double::capabilities().auto,
        },
    );
    for (name, len) in &setup.registered {
        host.register(name, *len);
    }
    host
}

impl Native {
    /// The session itself.
    pub const fn session(&mut self) -> &mut Session<Double> {
        &mut self.session
    }

    /// A session over a double that is there already.
    ///
    /// # Errors
    /// As the session's.
    pub fn over(host: Double, model: &Model, setup: &Setup) -> Result<Self, Error> {
        let given: Vec<(String, Source)> =
            (0..model.given.min(model.files.len())).map(|file| host.grant(file)).collect();
        // Whatever is run natively also tells which rows were taken.
        let observe = if setup.quiet { Level::Off } else { Level::Transitions };
        let options = SessionOptions { observe, ..setup.options };
        let session = Session::open(host.clone(), given, &options, Box::new(rows::Watcher::default()))?;
        Ok(Self { host, session, views: Vec::new(), model: model.clone() })
    }
}

impl Harness for Native {
    fn open(model: &Model, setup: &Setup, faults: &[Fault]) -> Result<Self, Error> {
        let host = double(model, setup);
        for fault in faults {
            host.faults().arm(fault.clone());
        }
        Self::over(host, model, setup)
    }

    fn missing(&mut self) -> Vec<String> {
        self.session.missing().to_vec()
    }

    fn provide(&mut self, files: &[usize]) -> Result<(), Error> {
        let given = files.iter().map(|file| self.host.grant(*file)).collect();
        self.session.provide(given)
    }

    fn tensors(&mut self) -> Vec<TensorInfo> {
        self.session.tensors(0, u32::MAX)
    }

    fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Result<LoadReport, Error> {
        self.session.load(selection, options)
    }

    fn release(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.session.release(selection)
    }

    fn evict(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.session.evict(selection)
    }

    fn advise(&mut self, tensor: u32, advice: Advice) -> Result<AdviceEffect, Error> {
        self.session.advise(tensor, advice)
    }

    fn states(&mut self) -> Vec<TensorState> {
        self.session.states(0, u32::MAX)
    }

    fn buffers(&mut self) -> Vec<BufferState> {
        self.session.buffers(0, u32::MAX)
    }

    fn slots(&mut self) -> Vec<SlotState> {
        self.session.slots()
    }

    fn machines(&mut self) -> Vec<MachineStatus> {
        self.session.machines()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.session.close()
    }

    fn bytes(&mut self, tensor: u32) -> Option<Vec<u8>> {
        let state = self.session.states(tensor, 1).first().copied()?;
        let size = self.session.tensors(tensor, 1).first()?.bytes;
        match state.location {
            Some(location) => {
                assert_eq!(location.bytes, size, "tensor {tensor} lies in {location:?}");
                self.host.bytes(&location)
            }
            None => (size == 0).then(Vec::new),
        }
    }

    fn view(&mut self, tensor: u32) {
        let place = self.session.states(tensor, 1)[0].location.expect("a view of a resident tensor").place;
        self.host.view(place);
        self.views.push(place);
    }

    fn unview(&mut self) {
        for place in self.views.drain(..) {
            self.host.unview(place);
        }
    }

    fn arm(&mut self, fault: Fault) {
        self.host.faults().arm(fault);
    }

    fn disarm(&mut self) {
        self.host.faults().clear();
    }

    fn calls(&mut self, kind: Option<Kind>) -> usize {
        self.host.faults().calls().iter().filter(|call| kind.is_none_or(|kind| **call == kind)).count()
    }

    fn struck(&mut self) -> usize {
        self.host.faults().struck().len()
    }

    fn slots_when_closed(&mut self) -> Vec<SlotState> {
        self.session.slots()
    }

    fn change(&mut self, file: usize, len: usize) {
        let mut bytes = self.model.files[file].bytes.clone();
        bytes.resize(len, 0);
        self.host.change(file, bytes);
    }

    fn leaks(&mut self) -> Leaks {
        self.host.leaks()
    }
}
