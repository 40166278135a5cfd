//! Tensor bytes into memory of the embedder (strategy `external-buffer`): buffers that were registered, or a consumer.
use crate::{error::Error, media::Native, session::Session};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::mpsc,
};
use weighbridge_core::{
    self as core, Cause, Engine, LoadOptions, LoadReport, Phase, Selection, Sink, StorageError, Strategy,
};

/// Memory that an embedder registers for one tensor.
pub(crate) trait Memory: Send + Sync {
    fn bytes(&self) -> &[u8];
    fn bytes_mut(&mut self) -> &mut [u8];
}

impl<T: AsRef<[u8]> + AsMut<[u8]> + Send + Sync> Memory for T {
    fn bytes(&self) -> &[u8] {
        self.as_ref()
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.as_mut()
    }
}

/// Bytes of the staging buffer where none are said, as in the contract.
const STAGING: u64 = 4 << 20;

impl<E: Engine<Media = Native> + Send> Session<E> {
    /// Hands the bytes of tensors to `consumer` in chunks: (index of the tensor, byte offset in it, bytes), each tensor's
    /// in order. No more than `staging_bytes` (0 = 4 MiB) are in memory at a time. The tensors count as resident, without a
    /// view, until they are evicted.
    ///
    /// The consumer runs on the calling thread, while another works for the session (and calls the observer).
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::Selection;
    ///
    /// # let mut model = tiny_model()?;
    /// let mut bytes = Vec::new();
    /// model.load_into(&Selection::All, 4, |_tensor, _offset, chunk| {
    ///     bytes.extend_from_slice(chunk);
    ///     Ok(())
    /// })?;
    /// assert_eq!(bytes, [0.5f32.to_le_bytes(), 2.0f32.to_le_bytes()].concat());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
        let options = LoadOptions::new().policy(Strategy::ExternalBuffer).staging_bytes(staging_bytes);
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
        let sink = Sink::new(staging_bytes, self.tensors()?, Box::new(lend));
        let quota = self.usage().quota().clone();
        let thread = quota.thread().ok_or_else(|| {
            let most = quota.limits().threads;
            let message =
                format!("{most} threads move bytes in this process, as many as there may be; try again later");
            Error::new(Phase::Transfer, Cause::LimitExceeded, message)
        })?;
        let session = &mut self.inner;
        let report = std::thread::scope(move |scope| {
            // Moved in: a consumer that panics drops it, and the worker, which waits for an answer, goes on to its end.
            let done = done;
            let worker =
                std::thread::Builder::new().name("weighbridge-load".to_owned()).spawn_scoped(scope, move || {
                    // Panics of an observer are kept until the sink is gone: with it goes the sender, and the loop below ends.
                    let report = catch_unwind(AssertUnwindSafe(|| session.load_to(selection, &options, sink)));
                    if report.is_err() {
                        session.host(|host| drop(host.table().and_then(|table| table.set_sink(None))));
                    }
                    report.unwrap_or_else(|panic| resume_unwind(panic))
                });
            let worker = worker.map_err(|error| {
                let message = format!("the system has no thread for the load ({error}); end other work and try again");
                core::Error::new(Phase::Transfer, Cause::OutOfMemory, message)
            })?;
            for (tensor, offset, bytes) in arrive {
                let answer = consumer(tensor, offset, &bytes);
                if done.send((bytes, answer)).is_err() {
                    break;
                }
            }
            worker.join().unwrap_or_else(|panic| resume_unwind(panic))
        });
        drop(thread);
        report.map_err(|error| self.named(error))
    }
}
