//! What only a system can do for the desk.
use super::{
    controls::Controls,
    facts::HostFacts,
    messages::{FileRef, Update},
    recorded::RecordedFile,
};
use crate::{
    engine::Engine,
    options::SessionOptions,
    recording::Recording,
    replay::{ReplayError, ReplayReport},
    session::Session,
    types::{Error, TensorInfo},
};
use std::io::{self, Read, Seek, Write};

/// The way from the desk to the inspector.
pub trait Link: Send + Sync + 'static {
    /// Sends an update. It does not block.
    fn send(&self, update: Update);

    /// Blocks until [`Controls::is_held`] says no; returns at once where it says so already.
    fn hold(&self, controls: &Controls);

    /// Gives urgent requests that came meanwhile to [`Controls::at_once`], on hosts where they do not come by another
    /// thread.
    fn poll(&self, _controls: &Controls) {}
}

/// Pages of a file in the page cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageBits {
    /// Bytes of a page.
    pub page: u64,
    /// One bit each, lowest first.
    pub bits: Vec<u8>,
}

/// The system that the desk works on.
pub trait DeskHost {
    /// What runs the guest.
    type Engine: Engine;
    /// A model that is open: a session, with what the host knows of it beside.
    type Model;
    /// A view of a resident tensor. While it is there the tensor is in use.
    type View;
    /// A file that is open for reading.
    type File: Read + Seek;
    /// Where updates go.
    type Link: Link;

    /// What is known of the component and the host.
    fn facts(&mut self) -> HostFacts;

    /// Opens a model by its files; missing shards are the host's to find. `options` are what the inspector asks for; what
    /// the host cannot offer it takes away.
    ///
    /// # Errors
    /// A file cannot be opened, or they are no model that can be read.
    fn open(&mut self, files: &[FileRef], options: SessionOptions) -> Result<Self::Model, Error>;

    /// The session of a model.
    fn session(model: &mut Self::Model) -> &mut Session<Self::Engine>;

    /// A view of a tensor.
    ///
    /// # Errors
    /// It is not resident.
    fn view(&mut self, model: &mut Self::Model, tensor: u32) -> Result<Self::View, Error>;

    /// Copies bytes of a view from `offset` on.
    ///
    /// # Errors
    /// The view has no such bytes, or they cannot be read any more.
    fn copy(&mut self, view: &Self::View, offset: u64, to: &mut [u8]) -> Result<(), Error>;

    /// Opens a file to read it: a recording, or a file that is no model.
    ///
    /// # Errors
    /// What the system says.
    fn open_file(&mut self, file: &FileRef) -> io::Result<Self::File>;

    /// Writes a file, all of it or nothing. `fill` writes its bytes, and is called once.
    ///
    /// # Errors
    /// What the system says, or what `fill` returned.
    fn write_file(&mut self, file: &FileRef, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()>;

    /// Runs the component against a recording.
    ///
    /// # Errors
    /// It cannot be replayed here, or the component now does something else.
    fn replay(&mut self, recording: &Recording) -> Result<ReplayReport, ReplayError>;

    /// The tensors of a model of which a recording has the header bytes; none where the host cannot read them again.
    fn tensors(&mut self, _files: &[RecordedFile]) -> Option<Vec<TensorInfo>> {
        None
    }

    /// Which pages of a file of the model are in the page cache; none where the system does not say.
    fn pages(&mut self, _model: &mut Self::Model, _file: u32) -> Option<PageBits> {
        None
    }

    /// Whether a race has runs from a cold page cache, for which [`Self::drop_pages`] is asked.
    fn races_cold(&self) -> bool {
        false
    }

    /// Drops the files of a model from the page cache.
    ///
    /// # Errors
    /// A sentence why a run would not be a cold one.
    fn drop_pages(&mut self, _model: &mut Self::Model) -> Result<(), String> {
        Err("Not supported here: no call drops a file from the page cache".to_owned())
    }
}
