//! The files of a plan: bytes from the model to where they belong, through the strategy `external-buffer` in chunks.
use super::{
    options::{ConvertOptions, Converted, ConvertedFile},
    plan::{Plan, Planned},
};
use crate::{
    error::Error,
    media::Native,
    output::{Output, unwritten},
    session::Session,
};
use std::{
    collections::HashMap,
    io::{self, Seek as _, SeekFrom, Write as _},
    path::Path,
};
use weighbridge_core::{self as core, Cause, Engine, Lifecycle, Phase, Selection, StorageError, model::gather};

/// Bytes that are read at once.
const CHUNK: usize = 4 << 20;

/// Where a tensor goes: the number of its file, and its first byte there.
type Places = HashMap<u32, (usize, u64)>;

impl<E: Engine<Media = Native> + Send> Session<E> {
    /// Writes the model as safetensors, whatever format it has: what `safetensors.torch.save_file` would write of the same
    /// tensors. Elements of a tensor that is not contiguous are put one after the other; tensors that share bytes get each
    /// their own. No more than some chunks are in memory. Files appear when they are whole, and are on the disk by then.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{ConvertOptions, LoadOptions, Runtime, Selection};
    ///
    /// # let mut model = tiny_model()?;
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("copy.safetensors");
    /// let converted = model.convert(&path, &ConvertOptions::new().entry("format", "pt"))?;
    /// assert_eq!((converted.tensors, converted.bytes), (1, 8));
    ///
    /// let mut copy = Runtime::new()?.open(&path)?;
    /// copy.load(&Selection::All, &LoadOptions::new())?;
    /// assert_eq!(copy.tensor("scale")?.bytes()[..4], 0.5f32.to_le_bytes());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `unsupported-dtype` where safetensors has no such type, as of quantized weights; a file is there already, or cannot be
    /// written; a file of the model changed meanwhile. Nothing is left of what was begun.
    pub fn convert(&mut self, to: impl AsRef<Path>, options: &ConvertOptions) -> Result<Converted, Error> {
        let to = to.as_ref();
        let plan = Plan::new(self, to, options)?;
        let mut outputs = Vec::new();
        let mut places = Places::new();
        for (number, shard) in plan.shards.iter().enumerate() {
            let output = Output::create(&shard.path, options.overwrite)?;
            output.file().write_all(&shard.header).map_err(|error| unwritten(to, error))?;
            let mut at = shard.header.len() as u64;
            for tensor in &shard.tensors {
                places.insert(tensor.index, (number, at));
                at = at.saturating_add(tensor.bytes);
            }
            outputs.push(output);
        }
        let index = plan.index.as_ref().map(|(path, _)| Output::create(path, options.overwrite)).transpose()?;
        let tensors: Vec<&Planned> = plan.shards.iter().flat_map(|shard| &shard.tensors).collect();
        let mut sink = Sink { outputs: &outputs, places: &places, failed: None, at: (usize::MAX, 0) };
        self.stream(&tensors, &mut sink)?;
        self.gather(&tensors, &mut sink)?;
        self.unchanged()?;
        if let (Some(output), Some((path, text))) = (&index, &plan.index) {
            output.file().write_all(text.as_bytes()).map_err(|error| unwritten(path, error))?;
        }
        let mut converted = Converted {
            files: Vec::new(),
            tensors: count(tensors.len()),
            bytes: tensors.iter().fold(0, |sum, tensor| sum.saturating_add(tensor.bytes)),
            gathered: count(tensors.iter().filter(|tensor| !tensor.strides.is_empty()).count()),
            shared: shared(&tensors),
            left_out: plan.left_out,
        };
        // The index comes last: as long as it is not there, or the old one is, nobody reads the new files by it.
        let counts = plan.shards.iter().map(|shard| count(shard.tensors.len())).chain([0]);
        for (output, tensors) in outputs.into_iter().chain(index).zip(counts) {
            let path = output.path().to_owned();
            converted.files.push(ConvertedFile { path, bytes: output.finish()?, tensors });
        }
        Ok(converted)
    }

    /// Tensors that lie as they will: in the order in which the model has them.
    fn stream(&mut self, tensors: &[&Planned], sink: &mut Sink<'_>) -> Result<(), Error> {
        let states = self.states()?.to_vec();
        let resident = |tensor: &&&Planned| {
            let state = states.get(tensor.index as usize).map(|state| state.lifecycle);
            matches!(state, Some(Lifecycle::Resident | Lifecycle::MmapResident))
        };
        let plain = || tensors.iter().filter(|tensor| tensor.strides.is_empty() && tensor.bytes > 0);
        let loaded: Vec<u32> = plain().filter(|tensor| !resident(tensor)).map(|tensor| tensor.index).collect();
        if !loaded.is_empty() {
            let selection = Selection::Tensors(loaded);
            let report = self.load_into(&selection, CHUNK as u64, |tensor, offset, bytes| {
                sink.write(tensor, offset, bytes).map_err(|()| StorageError::Cancelled)
            });
            sink.check()?;
            report?;
            self.evict(&selection)?;
        }
        // What is loaded already stays so, and no load moves it again.
        let mut chunk = vec![0; CHUNK];
        for tensor in plain().filter(resident) {
            let mut offset = 0u64;
            while offset < tensor.bytes {
                let len = usize::try_from(tensor.bytes - offset).unwrap_or(CHUNK).min(CHUNK);
                let Some(bytes) = chunk.get_mut(..len) else { break };
                self.read_tensor(tensor.index, offset, bytes)?;
                let _ = sink.write(tensor.index, offset, bytes);
                sink.check()?;
                offset += len as u64;
            }
        }
        Ok(())
    }

    /// Tensors with strides.
    fn gather(&mut self, tensors: &[&Planned], sink: &mut Sink<'_>) -> Result<(), Error> {
        for tensor in tensors.iter().filter(|tensor| !tensor.strides.is_empty()) {
            let mut done = 0u64;
            let inner = &mut self.inner;
            let gathered = gather(
                &tensor.shape,
                &tensor.strides,
                tensor.width,
                &mut |offset, to| inner.read_tensor(tensor.index, offset, to),
                &mut |bytes| {
                    let stop = || core::Error::new(Phase::Transfer, Cause::Cancelled, "the file could not be written");
                    sink.write(tensor.index, done, bytes).map_err(|()| stop())?;
                    done += bytes.len() as u64;
                    Ok(())
                },
            );
            sink.check()?;
            gathered.map_err(|error| self.named(error))?;
        }
        Ok(())
    }
}

/// Takes bytes of tensors to their places.
struct Sink<'o> {
    outputs: &'o [Output],
    places: &'o Places,
    failed: Option<Error>,
    /// The file that was written last, and where it stands.
    at: (usize, u64),
}

impl Sink<'_> {
    fn write(&mut self, tensor: u32, offset: u64, bytes: &[u8]) -> Result<(), ()> {
        let place = self.places.get(&tensor).and_then(|(number, at)| Some((*number, at.checked_add(offset)?)));
        let Some((number, at)) = place else { return Ok(()) };
        let Some(output) = self.outputs.get(number) else { return Ok(()) };
        let mut file = output.file();
        let moved = if self.at == (number, at) { Ok(at) } else { file.seek(SeekFrom::Start(at)) };
        let written: io::Result<()> = moved.and_then(|_| file.write_all(bytes));
        self.at = (number, at.saturating_add(bytes.len() as u64));
        written.map_err(|error| self.failed = Some(unwritten(output.path(), error)))
    }

    /// The error of the file, which tells more than that the work was stopped.
    fn check(&mut self) -> Result<(), Error> {
        self.failed.take().map_or(Ok(()), Err)
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// How many share bytes with one before them.
fn shared(tensors: &[&Planned]) -> u32 {
    let mut spans: Vec<(u32, u64, u64)> = tensors
        .iter()
        .filter(|tensor| tensor.info.bytes > 0)
        .map(|tensor| (tensor.info.source, tensor.info.offset, tensor.info.offset.saturating_add(tensor.info.bytes)))
        .collect();
    spans.sort_unstable();
    let (mut source, mut reached, mut shared) = (u32::MAX, 0, 0);
    for (of, start, end) in spans {
        if of == source && start < reached {
            shared += 1;
        } else if of != source {
            (source, reached) = (of, 0);
        }
        reached = reached.max(end);
    }
    shared
}
