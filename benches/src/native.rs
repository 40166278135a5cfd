//! The loader as a plain library: the same parser and machines without WebAssembly, over files of its own.
use crate::Result;
use std::{fs::File, os::unix::fs::FileExt as _, path::Path};
use weighbridge_loader::{
    api::{Limits, SessionOptions},
    driver::Session,
    storage::{BatchError, Capabilities, CopySpan, SourceStat, Storage, StorageError},
    types::{Advice, AdviceEffect, Level},
};

/// Files alone: headers can be read, and nothing else.
#[derive(Debug)]
pub struct Files;

impl Storage for Files {
    type Source = File;
    type Mapping = ();
    type Target = ();

    fn capabilities(&mut self) -> Capabilities {
        Capabilities {
            mmap: false,
            advise: false,
            map_granularity: 4096,
            max_read: 1 << 20,
            max_batch: 1,
            auto: Vec::new(),
        }
    }

    fn stat(&mut self, source: &File) -> std::result::Result<SourceStat, StorageError> {
        let size = source.metadata().map_err(|_| StorageError::AccessDenied)?.len();
        Ok(SourceStat { size, fingerprint: (0, 0) })
    }

    fn read(&mut self, source: &File, offset: u64, len: u32) -> std::result::Result<Vec<u8>, StorageError> {
        let mut bytes = vec![0; len as usize];
        source.read_exact_at(&mut bytes, offset).map_err(|_| StorageError::EndOfSource)?;
        Ok(bytes)
    }

    fn map_range(&mut self, _: &File, _: u64, _: u64) -> std::result::Result<(), StorageError> {
        Err(StorageError::Unsupported)
    }

    fn mapping_id(&mut self, (): &()) -> u64 {
        0
    }

    fn advise(&mut self, (): &(), _: u64, _: u64, _: Advice) -> std::result::Result<AdviceEffect, StorageError> {
        Err(StorageError::Unsupported)
    }

    fn unmap(&mut self, (): &()) -> std::result::Result<(), StorageError> {
        Err(StorageError::Unsupported)
    }

    fn allocate(&mut self, _: u64) -> std::result::Result<(), StorageError> {
        Err(StorageError::Unsupported)
    }

    fn target_id(&mut self, (): &()) -> u64 {
        0
    }

    fn target_len(&mut self, (): &()) -> u64 {
        0
    }

    fn free(&mut self, (): &()) -> std::result::Result<(), StorageError> {
        Err(StorageError::Unsupported)
    }

    fn registered(&mut self, _: &[String]) -> std::result::Result<Vec<Option<()>>, StorageError> {
        Err(StorageError::Unsupported)
    }

    fn read_into(&mut self, _: &[&File], _: &[&()], _: &[CopySpan]) -> std::result::Result<(), BatchError> {
        Err(BatchError { span: 0, error: StorageError::Unsupported })
    }
}

/// Opens a model of one file.
///
/// # Errors
/// It cannot be opened or parsed.
pub fn open(path: &Path) -> Result<Session<Files>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let limits = Limits { header_bytes: 0, tensors: 0, metadata_entries: 0, name_bytes: 0, nesting: 0 };
    let options = SessionOptions { slots: 0, limits, observe: Level::Off, partial: false };
    let sources = vec![(name, File::open(path)?)];
    Session::open(Files, sources, &options, Box::new(())).map_err(|error| error.message.into())
}
