//! The last of a session as a recording.
use super::Session;
use crate::{
    engine::Engine,
    host::Host,
    media::Media,
    recording::{Recording, RecordingHeader},
    table::Table,
    types::MachineTable,
};

impl<E: Engine> Session<E> {
    /// What the ring still has, as a recording that can be saved: after a load that failed, say. `component` is the hash of
    /// the component and `machines` its tables. Where the ring had to drop its beginning the recording says so; it can be
    /// looked at then, not replayed. Machines are in it as far as
    /// [`GuestOptions::observe`](crate::GuestOptions::observe) asked for.
    ///
    /// It holds no path, no file name that names the model, unless
    /// [`names_in_trace`](crate::SessionOptions::names_in_trace) allowed it, and no byte of a tensor.
    #[must_use]
    pub fn recording(&mut self, component: &str, machines: Vec<MachineTable>) -> Recording {
        // Before the guest is asked where its tensors are: what is asked for the recording is not in it.
        let mut recording = self.host(|host| host.recording(component, machines));
        // A guest that was ended no longer says where its tensors are, unless it has been asked before.
        recording.forget_tensor_bytes(self.tensors().unwrap_or_default());
        recording
    }
}

impl<M: Media> Host<M> {
    /// The same of a session that could not be opened: nobody knows where its tensors begin, so what the guest read of its
    /// files is in it as it was read.
    #[must_use]
    pub fn recording(&self, component: &str, machines: Vec<MachineTable>) -> Recording {
        let (lost, names) = self.log.lost();
        let header = RecordingHeader {
            weighbridge: env!("CARGO_PKG_VERSION").to_owned(),
            component: component.to_owned(),
            capabilities: self.peek_table().map(Table::capabilities),
            lost,
            names: names.to_vec(),
            paths: Vec::new(),
            machines,
        };
        Recording { header, records: self.log.records() }
    }
}
