//! This system for the core's desk: models by their paths, files, views, the page cache.
use super::folder::model_in;
use super::link::Outbox;
use super::{page_cache, rebuild};
use crate::backend::{FileRef, HostFacts};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use weighbridge::recording::Recording;
use weighbridge::types::{Cause, Error, Phase, TensorInfo};
use weighbridge::{Instance, ReplayError, ReplayReport, Runtime, Session, SessionOptions, Tensor};
use weighbridge_core::desk::{DeskHost, PageBits, RecordedFile};

/// The component, compiled, over the files of this machine.
pub(super) struct System {
    runtime: Runtime,
}

impl System {
    pub(super) const fn new(runtime: Runtime) -> Self {
        Self { runtime }
    }
}

impl System {
    /// The path of a file; of a folder that of the model in it.
    fn found(&self, file: &FileRef) -> Result<PathBuf, Error> {
        let path = path(file);
        if !path.is_dir() {
            return Ok(path);
        }
        let formats = self.runtime.formats().map_err(weighbridge::Error::into_record)?;
        let extensions: Vec<String> = formats.into_iter().flat_map(|format| format.extensions).collect();
        model_in(&path, &extensions).map_err(|why| Error::new(Phase::Request, Cause::NotFound, why))
    }
}

/// The path behind a token.
fn path(file: &FileRef) -> PathBuf {
    PathBuf::from(&file.token)
}

impl DeskHost for System {
    type Engine = Instance;
    type Model = Session;
    type View = Tensor;
    type File = File;
    type Link = Outbox;

    fn facts(&mut self) -> HostFacts {
        let startup = self.runtime.startup();
        HostFacts {
            component_id: self.runtime.component_id().to_owned(),
            component_bytes: startup.component_bytes as u64,
            code: "part of this program".into(),
            ready_ns: startup.load_ns,
            imports: self.runtime.imports(),
            exports: self.runtime.exports(),
            granted: vec![HostFacts::GRANTED.into()],
            formats: self.runtime.formats().unwrap_or_default(),
            tables: self.runtime.describe().unwrap_or_default(),
        }
    }

    fn open(&mut self, files: &[FileRef], options: SessionOptions) -> Result<Session, Error> {
        let paths = files.iter().map(|file| self.found(file)).collect::<Result<Vec<_>, _>>()?;
        self.runtime.open_with(&paths, options).map_err(weighbridge::Error::into_record)
    }

    fn session(model: &mut Session) -> &mut weighbridge_core::Session<Instance> {
        model.core()
    }

    fn view(&mut self, model: &mut Session, tensor: u32) -> Result<Tensor, Error> {
        model.tensor_at(tensor).map_err(weighbridge::Error::into_record)
    }

    fn copy(&mut self, view: &Tensor, offset: u64, to: &mut [u8]) -> Result<(), Error> {
        view.copy_to(offset, to).map_err(weighbridge::Error::into_record)
    }

    fn open_file(&mut self, file: &FileRef) -> io::Result<File> {
        File::open(path(file))
    }

    fn write_file(&mut self, file: &FileRef, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let to = path(file);
        let beside = to.with_extension("part");
        let written = File::create(&beside).and_then(|f| {
            let mut out = BufWriter::new(f);
            fill(&mut out)?;
            out.flush()?;
            out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            std::fs::rename(&beside, &to)
        });
        if written.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        written
    }

    fn replay(&mut self, recording: &Recording) -> Result<ReplayReport, ReplayError> {
        self.runtime.replay(recording, None)
    }

    fn tensors(&mut self, files: &[RecordedFile]) -> Option<Vec<TensorInfo>> {
        rebuild::tensors(&self.runtime, files)
    }

    fn pages(&mut self, model: &mut Session, file: u32) -> Option<PageBits> {
        let map = model.residency(file as usize)?;
        let byte = |pages: &[bool]| (0..).zip(pages).fold(0u8, |bits, (i, resident)| bits | u8::from(*resident) << i);
        Some(PageBits { page: map.page_bytes, bits: map.pages.chunks(8).map(byte).collect() })
    }

    fn races_cold(&self) -> bool {
        true
    }

    fn drop_pages(&mut self, model: &mut Session) -> Result<(), String> {
        let files: Vec<PathBuf> = model.files().iter().map(|file| file.shown().to_owned()).collect();
        page_cache::drop_files(&files)
    }
}
