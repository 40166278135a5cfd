//! Tensor bytes into memory of the embedder.
use super::Session;
use crate::{
    external::Memory,
    storage::Sink,
    text::escape,
    types::{
        Cause, Error, LoadOptions, LoadReport, Phase, Selection, StorageError, Strategy, StrategyPolicy, TensorInfo,
    },
};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, mpsc};

/// Bytes of the staging buffer where none are said, as in the contract.
const STAGING: u64 = 4 << 20;

impl Session {
    /// Registers memory for a tensor after the model was opened, when its size is known; see
    /// [`External`](crate::External) for the rules.
    ///
    /// # Errors
    /// `busy` while a tensor lies in what was registered under this name before.
    pub fn register(
        &mut self,
        name: impl Into<String>,
        memory: impl AsRef<[u8]> + AsMut<[u8]> + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let name = name.into();
        let memory: Box<dyn Memory> = Box::new(memory);
        let shown = escape(&name);
        if self.native()?.register(name, memory) {
            return Ok(());
        }
        let message = format!("tensor {shown} lies in the memory that is registered for it; evict it first");
        Err(Error::new(Phase::Request, Cause::Busy, message))
    }

    /// Hands the bytes of tensors to `consumer` in chunks: (index of the tensor, byte offset in it, bytes), each tensor's
    /// in order. No more than `staging_bytes` (0 = 4 MiB) are in memory at a time. The tensors count as resident, without a
    /// view, until they are evicted.
    ///
    /// The consumer runs on the calling thread, while another works for the session (and calls the observer).
    ///
    /// # Errors
    /// What the consumer answers ends the load, as an answer of the storage: `cancelled` for one.
    pub fn load_into(
        &mut self,
        selection: &Selection,
        staging_bytes: u64,
        mut consumer: impl FnMut(u32, u64, &[u8]) -> Result<(), StorageError>,
    ) -> Result<LoadReport, Error> {
        let staging_bytes = if staging_bytes == 0 { STAGING } else { staging_bytes };
        let options = LoadOptions {
            policy: StrategyPolicy::Only(Strategy::ExternalBuffer),
            staging_bytes,
            ..LoadOptions::default()
        };
        let place = |(index, tensor): (usize, &TensorInfo)| {
            (tensor.name.clone(), (u32::try_from(index).unwrap_or(u32::MAX), tensor.bytes))
        };
        let tensors = self.tensors()?.iter().enumerate().map(place).collect();
        // One buffer goes to and fro, so at most one chunk is ever on the way.
        let (chunks, arrive) = mpsc::sync_channel::<(u32, u64, Vec<u8>)>(1);
        let (done, taken) = mpsc::sync_channel::<(Vec<u8>, Result<(), StorageError>)>(1);
        let lend = move |tensor, offset, bytes| {
            let gone = (Vec::new(), Err(StorageError::Cancelled));
            match chunks.send((tensor, offset, bytes)) {
                Ok(()) => taken.recv().unwrap_or(gone),
                Err(_) => gone,
            }
        };
        let chunk = usize::try_from(staging_bytes).unwrap_or(usize::MAX);
        self.native()?.sink = Some(Sink { chunk, tensors, consumer: Mutex::new((Box::new(lend), Vec::new())) });
        let session = &mut *self;
        let report = std::thread::scope(move |scope| {
            // Moved in: a consumer that panics drops it, and the worker, which waits for an answer, goes on to its end.
            let done = done;
            let worker =
                std::thread::Builder::new().name("weighbridge-load".to_owned()).spawn_scoped(scope, move || {
                    // Panics of an observer are kept until the sink is gone: with it goes the sender, and the loop below ends.
                    let report = catch_unwind(AssertUnwindSafe(|| session.load(selection, &options)));
                    if let Ok(native) = session.native() {
                        native.sink = None;
                    }
                    report.unwrap_or_else(|panic| resume_unwind(panic))
                });
            let worker = worker.map_err(|error| {
                let message = format!("the system has no thread for the load ({error}); end other work and try again");
                Error::new(Phase::Transfer, Cause::OutOfMemory, message)
            })?;
            for (tensor, offset, bytes) in arrive {
                let answer = consumer(tensor, offset, &bytes);
                if done.send((bytes, answer)).is_err() {
                    break;
                }
            }
            worker.join().unwrap_or_else(|panic| resume_unwind(panic))
        });
        if let Ok(native) = self.native() {
            native.sink = None;
        }
        report
    }
}
