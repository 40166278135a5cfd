//! The native storage, asked as a guest would ask it: good, absurd and hostile.
#![allow(clippy::unwrap_used, clippy::panic)]
mod files;
mod transfer;

use super::{Buffer, Native, Source};
use crate::platform;
use std::{fs, io::Write as _, path::PathBuf, sync::Arc, time::Duration};
use weighbridge_core::{
    Advice, AdviceEffect, BatchError, CancelToken, CopySpan, Host, HostCapabilities, HostLimits, Mapping,
    SessionOptions, StorageError, Table, Usage,
    trace::{Answer, Call},
};

struct Bench {
    folder: tempfile::TempDir,
    host: Host<Native>,
    cancel: CancelToken,
}

/// The byte that a test file has at an offset.
fn byte(at: usize) -> u8 {
    (at.wrapping_mul(31) >> 3) as u8
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(byte).collect()
}

impl Bench {
    fn with(size: usize, limits: HostLimits, host: HostCapabilities, external: Vec<(&str, Buffer)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cancel = CancelToken::default();
        let options = SessionOptions::new().limits(limits).host(host).cancel(cancel.clone());
        let mut bench = Self { folder, host: Host::new(Native::new(host.threads), &options), cancel };
        for (name, memory) in external {
            assert!(bench.table().register(name.to_owned(), memory));
        }
        bench.add("model", size);
        bench
    }

    fn new(size: usize) -> Self {
        Self::with(size, HostLimits::default(), HostCapabilities::default(), Vec::new())
    }

    fn table(&mut self) -> &mut Table<Native> {
        self.host.table().unwrap()
    }

    fn bytes(&mut self, target: u64) -> Vec<u8> {
        self.table().buffer(target).unwrap().memory().bytes().to_vec()
    }

    fn mapping(&mut self, id: u64) -> Arc<Mapping<Native>> {
        self.table().mapping(id).unwrap().clone()
    }

    /// Waits until the deadline has passed.
    fn expire(&self) {
        std::thread::sleep(self.host.limits().deadline.unwrap() * 2);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn add(&mut self, name: &str, size: usize) -> u32 {
        fs::write(self.path(name), pattern(size)).unwrap();
        let source = Source::open(&self.path(name)).unwrap();
        self.table().add(source)
    }

    fn ask(&mut self, call: Call) -> Answer {
        self.host.perform(call).unwrap()
    }

    fn fails(&mut self, call: Call) -> StorageError {
        match self.ask(call) {
            Answer::Failed(error) => error,
            other => panic!("{other:?}"),
        }
    }

    fn map(&mut self, offset: u64, len: u64) -> u64 {
        match self.ask(Call::MapRange { source: 0, offset, len }) {
            Answer::Mapping(id) => id,
            other => panic!("{other:?}"),
        }
    }

    fn allocate(&mut self, len: u64) -> u64 {
        match self.ask(Call::Allocate { len }) {
            Answer::Target { id, .. } => id,
            other => panic!("{other:?}"),
        }
    }

    fn read_into(&mut self, targets: &[u64], batch: Vec<CopySpan>) -> Result<(), BatchError> {
        let sources = (0..self.table().sources() as u32).collect();
        match self.ask(Call::ReadInto { sources, targets: targets.to_vec(), batch }) {
            Answer::Done => Ok(()),
            Answer::BatchFailed(error) => Err(error),
            other => panic!("{other:?}"),
        }
    }

    fn usage(&mut self) -> Arc<Usage> {
        self.table().usage()
    }
}

fn registered(memory: impl AsRef<[u8]> + AsMut<[u8]> + Send + Sync + 'static) -> Buffer {
    Buffer::external(Box::new(memory))
}

fn span(offset: u64, len: u64, target: u32, target_offset: u64) -> CopySpan {
    CopySpan { source: 0, offset, len, target, target_offset }
}

fn failed(span: u32, error: StorageError) -> Result<(), BatchError> {
    Err(BatchError { span, error })
}
