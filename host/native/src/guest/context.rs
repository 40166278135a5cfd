//! The host's side of one model, as a part of a store.
use super::imports::{NamedSource, Source};
use crate::{error::Error, files::Part, media::Native};
use wasmtime::{ResourceLimiter, component::Resource};
use weighbridge_core::{Cause, Host, Phase, SessionOptions};

/// What a guest's imports need of the store that it runs in: the files of one model, with the bounds and the watchers of its
/// [`SessionOptions`]. A store has one for each model; [`add_to_linker`](crate::add_to_linker) says where it is.
///
/// It is also a [`ResourceLimiter`], for stores that leave the bounds of memory and tables to it.
pub struct WeighbridgeCtx {
    pub(super) host: Host<Native>,
    options: SessionOptions,
    taken: bool,
}

impl WeighbridgeCtx {
    /// For one model, with these options.
    #[must_use]
    pub fn new(options: SessionOptions) -> Self {
        let host = Host::new(Native::new(options.host.threads), &options);
        Self { host, options, taken: false }
    }

    /// For a host that was made elsewhere, such as one that answers from a recording.
    pub(crate) fn over(host: Host<Native>) -> Self {
        Self { host, options: SessionOptions::new(), taken: false }
    }

    /// The options that it was made with.
    #[must_use]
    pub const fn options(&self) -> &SessionOptions {
        &self.options
    }

    /// Grants a file to a program that calls a loader itself: what it hands to `session.open`, or to `session.provide`. Files
    /// are numbered in the order in which they are granted.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn grant(&mut self, name: impl Into<String>, part: impl Into<Part>) -> Result<NamedSource, Error> {
        let name = name.into();
        let source = part.into().open(&name)?;
        self.taken = true;
        let number = self.host.table().map(|table| table.add(source)).ok_or_else(|| {
            let message = "a replay has no files of its own; open the model itself";
            Error::new(Phase::Request, Cause::InvalidRequest, message)
        })?;
        Ok(self.hand_out(name, number))
    }

    /// The guest's handle of a file that is in the table.
    pub(super) fn hand_out(&mut self, name: String, number: u32) -> NamedSource {
        self.host.handed_out();
        NamedSource { name, source: Resource::<Source>::new_own(number) }
    }

    /// A session takes it, for its one model.
    pub(super) fn take(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.taken, true) {
            let message = "this context has the files of another model; make a context for each model";
            return Err(Error::new(Phase::Request, Cause::InvalidRequest, message));
        }
        Ok(())
    }

    /// A call into the guest begins: what one call may use is counted anew, and its deadline begins. A [`Loader`](crate::Loader)
    /// does so; a program that is called by other means must be announced here.
    pub fn enter(&mut self) {
        self.host.enter();
    }

    /// Whether the guest may go on: to be asked now and then while it computes, from an epoch callback of the store. Time in
    /// the guest, the deadline and cancellation are looked at.
    ///
    /// # Errors
    /// Why the guest must end.
    pub fn tick(&mut self) -> Result<(), Error> {
        Ok(self.host.tick()?)
    }
}

impl ResourceLimiter for WeighbridgeCtx {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.host.memory_growing(current, desired))
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.host.table_growing(desired))
    }

    fn instances(&self) -> usize {
        self.host.limits().instances as usize
    }

    fn tables(&self) -> usize {
        self.host.limits().instances as usize
    }

    fn memories(&self) -> usize {
        self.host.limits().instances as usize
    }
}

impl std::fmt::Debug for WeighbridgeCtx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WeighbridgeCtx").field("options", &self.options).finish_non_exhaustive()
    }
}
