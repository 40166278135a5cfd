//! Other metadata before the same data. What the new file consists of is the component's to say, which knows the format; the
//! core checks it, and it is opened and held against the old file before it gets its name.
use crate::{
    error::Error,
    files::{ModelFiles, Part},
    media::{Native, Source},
    output::{Output, unwritten},
    platform,
    runtime::Runtime,
    session::Session,
};
use std::{
    collections::HashMap,
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};
use weighbridge_core::{
    self as core, Cause, Engine, MetadataEdit, NewPart, Phase, SessionOptions, Span, TensorInfo, escape_path,
};

/// Bytes of a block of the file systems that can share blocks between files.
const BLOCK: u64 = 4096;
/// Bytes of a file that is worth some padding for that.
const LARGE: u64 = 1 << 20;
/// Bytes that are copied at once where the system cannot do it by itself.
const CHUNK: usize = 1 << 20;

impl<E: Engine<Media = Native>> Session<E> {
    /// Writes a file of the model with other metadata to `to`, which may be where that file is: whoever has the old one open
    /// or mapped keeps it. Tensor data stays as it is, and so do all other entries, byte for byte in GGUF. Where the file
    /// system can, both files share the data. Answers the bytes of the new file.
    ///
    /// ```
    /// use weighbridge::{MetadataEdit, MetadataValue, NewValue, Runtime};
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("tiny.safetensors");
    /// # std::fs::write(&path, tiny())?;
    ///
    /// let value = NewValue { kind: None, sequence: false, elements: vec!["pt".to_owned()] };
    /// let edit = MetadataEdit { key: "format".to_owned(), value: Some(value) };
    /// let runtime = Runtime::new()?;
    /// runtime.open(&path)?.rewrite(0, &[edit], &path, true)?;
    /// let entry = runtime.open(&path)?.metadata(0)?.remove(0);
    /// assert_eq!((entry.key.as_str(), entry.value), ("format", MetadataValue::Text("pt".to_owned())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The format has no metadata that can be changed, or no such value; `to` is there and `overwrite` is not set, or cannot be
    /// written; the file changed meanwhile. Nothing is left of what was begun, and the old file is as it was.
    pub fn rewrite(
        &mut self,
        file: u32,
        edits: &[MetadataEdit],
        to: impl AsRef<Path>,
        overwrite: bool,
    ) -> Result<u64, Error> {
        let to = to.as_ref();
        let size = self.files().get(file as usize).map_or(0, |file| file.size);
        let block = if size < LARGE { 1 } else { BLOCK };
        let parts = self.inner.rewrite(file, edits, block).map_err(|error| self.named(error))?;
        let source = self.inner.host(|host| host.table()?.source(file).cloned());
        let source = source.ok_or_else(|| {
            Error::new(Phase::Request, Cause::InvalidRequest, "a replayed session has no file that could be written")
        })?;
        let output = Output::create(to, overwrite)?;
        for part in parts {
            match part {
                NewPart::Bytes(bytes) => {
                    output.file().write_all(&bytes).map_err(|error| unwritten(to, error))?;
                }
                NewPart::Kept(span) => copy(&source, span, &output)?,
            }
        }
        self.unchanged()?;
        if let Some(runtime) = self.runtime.clone() {
            self.same(&runtime, file, &output)?;
        }
        output.finish()
    }

    /// That the model's files are still what they were.
    pub(crate) fn unchanged(&mut self) -> Result<(), Error> {
        for number in (0u32..).take(self.files().len()) {
            let source = self.inner.host(|host| host.table()?.source(number).cloned());
            if source.is_some_and(|source| source.check().is_err()) {
                let message = "the file changed while it was read; nothing was written. Try again when it is at rest";
                let mut error = core::Error::new(Phase::Transfer, Cause::SourceChanged, message);
                error.source = Some(number);
                return Err(self.named(error));
            }
        }
        Ok(())
    }

    /// That the new file, in the place of the old one, is the same model: every tensor as it was, and in its bytes.
    fn same(&self, runtime: &Runtime, file: u32, output: &Output) -> Result<(), Error> {
        let paths: HashMap<String, PathBuf> =
            self.files().iter().filter_map(|other| Some((other.name.clone(), other.path.clone()?))).collect();
        let Some(name) = self.files().get(file as usize).map(|file| file.name.clone()) else { return Ok(()) };
        let handle = output.file().try_clone().map_err(|error| unwritten(output.path(), error))?;
        let find = move |name: &str| paths.get(name).cloned().map(Part::from).ok_or(io::ErrorKind::NotFound.into());
        let files = ModelFiles::new().part(name, handle).find(find);
        let new = runtime
            .open_with(files, SessionOptions::new().ring(0))
            .map_err(|error| unlike(output.path(), Some(&error)))?;
        let of = |tensors: &[TensorInfo], source: u32| -> HashMap<String, TensorInfo> {
            tensors.iter().filter(|t| t.source == source).map(|t| (t.name.clone(), t.clone())).collect()
        };
        let (old, new) = (of(self.tensors()?, file), of(new.tensors()?, 0));
        let mut moved = None;
        let same = old.len() == new.len()
            && old.iter().all(|(name, old)| {
                new.get(name).is_some_and(|new| {
                    // All of them by as much.
                    let by = i128::from(new.offset) - i128::from(old.offset);
                    let steady = old.bytes == 0 || *moved.get_or_insert(by) == by;
                    steady && (&new.dtype, &new.shape, new.bytes) == (&old.dtype, &old.shape, old.bytes)
                })
            });
        if same { Ok(()) } else { Err(unlike(output.path(), None)) }
    }
}

fn unlike(path: &Path, why: Option<&Error>) -> Error {
    let why = why.map_or_else(|| "it has other tensors".to_owned(), ToString::to_string);
    let message = format!(
        "what was to be {} is not the same model ({why}); nothing was written. This is a bug of the component: please report it",
        escape_path(path)
    );
    Error::new(Phase::Request, Cause::Internal, message)
}

/// Puts bytes of a file behind what the output has. The system shares them between the files where it can, which takes that
/// they begin at the same place of a block.
fn copy(source: &Source, span: Span, output: &Output) -> Result<(), Error> {
    let failed = |error| unwritten(output.path(), error);
    let mut to = output.file();
    let mut place = to.stream_position().map_err(failed)?;
    let (mut at, end) = (span.offset(), span.end());
    // The first piece ends with a block of the file.
    let mut most = BLOCK - at % BLOCK;
    let file = source.file().ok().flatten();
    while at < end
        && let Some((file, base)) = &file
    {
        let piece = most.min(end - at);
        match platform::copy_range(file, base + at, to, place, piece) {
            Ok(moved) if moved > 0 && moved <= piece => {
                (at, place) = (at + moved, place + moved);
                most = u64::MAX;
            }
            // The plain way below tells what is wrong.
            _ => break,
        }
    }
    to.seek(SeekFrom::Start(place)).map_err(failed)?;
    let mut chunk = vec![0; CHUNK];
    while at < end {
        let len = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
        let Some(bytes) = chunk.get_mut(..len) else { break };
        source.read_exact(bytes, at)?;
        to.write_all(bytes).map_err(failed)?;
        at += len as u64;
    }
    Ok(())
}
