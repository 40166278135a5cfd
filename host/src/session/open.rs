//! From paths to a model whose headers were read.
use super::{FileInfo, Session};
use crate::{
    observer::nanos,
    options::SessionOptions,
    platform::Folder,
    runtime::Runtime,
    storage::{Native, Source},
    text::{escape, escape_path},
    types::{Cause, Error, ModelSummary, Phase},
};
use std::{
    path::{Path, PathBuf},
    time::Instant,
};

/// How often a model may name further files. An index names all of them at once; a file of a split as well.
const ROUNDS: usize = 4;

impl Session {
    pub(crate) fn open(runtime: &Runtime, paths: &[PathBuf], mut options: SessionOptions) -> Result<Self, Error> {
        let began = Instant::now();
        let Some(first) = paths.first() else {
            return Err(Error::new(
                Phase::Request,
                Cause::InvalidRequest,
                "no file was given; give the file of a model",
            ));
        };
        let mut native = Native::new(options.host, options.limits, std::mem::take(&mut options.external));
        let mut files: Vec<FileInfo> = Vec::new();
        let mut given = Vec::new();
        for path in paths {
            let name = file_name(path)?;
            room_for(files.len() + 1, options.limits.files)?;
            if files.iter().any(|file| file.name == name) {
                let message = format!("two of the files are called {}; give each file once", escape(&name));
                return Err(Error::new(Phase::Request, Cause::InvalidRequest, message));
            }
            let source = Source::open(path)?;
            files.push(FileInfo { path: path.clone(), name: name.clone(), size: source.size() });
            given.push((name, native.add(source)));
        }
        let (usage, capabilities) = (native.usage.clone(), native.capabilities());
        let guest = runtime.guest(Box::new(native), &options)?;
        let mut session = Self {
            guest,
            runtime: runtime.clone(),
            usage,
            capabilities,
            summary: ModelSummary {
                format: String::new(),
                version: 0,
                architecture: None,
                sources: 0,
                tensors: 0,
                metadata_entries: 0,
                tensor_bytes: 0,
                alignment: 1,
            },
            files,
            listing: None,
            listing_bytes: options.limits.listing_bytes,
            open_ns: 0,
            closed: false,
        };
        session.guest.open(&given, options.guest)?;
        session.provide_missing(first, options.limits.files)?;
        session.summary = session.guest.summary()?;
        session.open_ns = nanos(began.elapsed());
        Ok(session)
    }

    /// Gives the guest the further files of the model, all from the folder of the first.
    fn provide_missing(&mut self, first: &Path, max_files: u32) -> Result<(), Error> {
        let mut folder = None;
        for _ in 0..ROUNDS {
            let missing = self.guest.missing()?;
            if missing.is_empty() {
                return Ok(());
            }
            room_for(self.files.len() + missing.len(), max_files)?;
            let beside = first.parent().unwrap_or(Path::new("."));
            if folder.is_none() {
                folder = Some(Folder::open(beside).map_err(|error| {
                    let message = format!("the folder {} cannot be read: {error}", escape_path(beside));
                    Error::new(Phase::Request, Cause::Io, message)
                })?);
            }
            let Some(folder) = &folder else { break };
            let mut granted = Vec::new();
            for name in missing {
                if self.files.iter().any(|file| file.name == name) {
                    let message = format!("the component asks again for {}, which it has", escape(&name));
                    return Err(Error::new(Phase::Parse, Cause::Internal, message));
                }
                let source = Source::open_in(folder, &name)?;
                self.files.push(FileInfo { path: beside.join(&name), name: name.clone(), size: source.size() });
                granted.push((name, self.native()?.add(source)));
            }
            self.guest.provide(&granted)?;
        }
        match self.guest.missing()?.first() {
            None => Ok(()),
            Some(name) => {
                let message =
                    format!("the model names one more file after another, lastly {}; it is not followed", escape(name));
                Err(Error::new(Phase::Parse, Cause::Malformed, message))
            }
        }
    }
}

fn room_for(files: usize, max: u32) -> Result<(), Error> {
    if files <= max as usize {
        return Ok(());
    }
    let message = format!("the model has more than the {max} files that the host opens; raise `files` if you trust it");
    Err(Error::new(Phase::Request, Cause::LimitExceeded, message))
}

fn file_name(path: &Path) -> Result<String, Error> {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).ok_or_else(|| {
        let message = format!("{} names no file; give the file of a model", escape_path(path));
        Error::new(Phase::Request, Cause::InvalidRequest, message)
    })
}
