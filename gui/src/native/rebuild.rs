//! The tensors of a recording: its header bytes become sparse files of the recorded sizes, which the component opens as any
//! model. Opening reads header bytes only, and those are all there.
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use weighbridge::types::TensorInfo;
use weighbridge::{Runtime, SessionOptions};
use weighbridge_core::desk::RecordedFile;

/// The list, or none where the recording does not have the whole header.
pub(super) fn tensors(runtime: &Runtime, files: &[RecordedFile]) -> Option<Vec<TensorInfo>> {
    let folder = tempfile::tempdir().ok()?;
    let paths = files.iter().map(|file| put(file, folder.path()).ok()).collect::<Option<Vec<_>>>()?;
    let session = runtime.open_with(&paths, SessionOptions::new().ring(0)).ok()?;
    session.tensors().ok().map(<[TensorInfo]>::to_vec)
}

/// A sparse file. Its name is a plain one, which the core has seen to.
fn put(recorded: &RecordedFile, folder: &Path) -> std::io::Result<PathBuf> {
    let path = folder.join(&recorded.name);
    let mut file = File::create_new(&path)?;
    file.set_len(recorded.size)?;
    for (offset, bytes) in &recorded.read {
        file.seek(SeekFrom::Start(*offset))?;
        file.write_all(bytes)?;
    }
    Ok(path)
}
