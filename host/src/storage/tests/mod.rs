//! The native storage, asked as a guest would ask it: good, absurd and hostile.
#![allow(clippy::unwrap_used, clippy::panic)]
mod files;
mod transfer;

use super::{Backend, Native, Source};
use crate::{
    external::External,
    options::{Control, HostCapabilities, HostLimits},
    platform,
    stats::Usage,
    trace::{Answer, Call},
    types::{Advice, AdviceEffect, BatchError, CopySpan, StorageError},
};
use std::{fs, io::Write as _, path::PathBuf, sync::Arc, time::Instant};

struct Bench {
    folder: tempfile::TempDir,
    native: Native,
    control: Control,
}

/// The byte that a test file has at an offset.
fn byte(at: usize) -> u8 {
    (at.wrapping_mul(31) >> 3) as u8
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(byte).collect()
}

impl Bench {
    fn with(size: usize, limits: HostLimits, offers: HostCapabilities, external: External) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut bench = Self { folder, native: Native::new(offers, limits, external), control: Control::default() };
        bench.add("model", size);
        bench
    }

    fn new(size: usize) -> Self {
        Self::with(size, HostLimits::default(), HostCapabilities::default(), External::default())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn add(&mut self, name: &str, size: usize) -> u32 {
        fs::write(self.path(name), pattern(size)).unwrap();
        self.native.add(Source::open(&self.path(name)).unwrap())
    }

    fn ask(&mut self, call: Call) -> Answer {
        self.native.perform(&call, &self.control).unwrap()
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
        let sources = (0..self.native.sources.len() as u32).collect();
        match self.ask(Call::ReadInto { sources, targets: targets.to_vec(), batch }) {
            Answer::Done => Ok(()),
            Answer::BatchFailed(error) => Err(error),
            other => panic!("{other:?}"),
        }
    }

    fn usage(&self) -> Arc<Usage> {
        self.native.usage.clone()
    }
}

fn span(offset: u64, len: u64, target: u32, target_offset: u64) -> CopySpan {
    CopySpan { source: 0, offset, len, target, target_offset }
}

fn failed(span: u32, error: StorageError) -> Result<(), BatchError> {
    Err(BatchError { span, error })
}
