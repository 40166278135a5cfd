//! The tensors of a recording: its header bytes become sparse files of the recorded sizes, which the component opens as any
//! model. Opening reads header bytes only, and those are all there.
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use weighbridge::Runtime;
use weighbridge::recording::Recording;
use weighbridge::trace::{Answer, Call, Export, What};
use weighbridge::types::TensorInfo;

/// The list, or none where the recording does not have the whole header.
pub(super) fn tensors(runtime: &Runtime, recording: &Recording, sizes: &[u64]) -> Option<Vec<TensorInfo>> {
    let folder = tempfile::tempdir().ok()?;
    let paths = files(recording, sizes, folder.path())?;
    let session = runtime.open_with(&paths, weighbridge::SessionOptions::new().ring(0)).ok()?;
    session.tensors().ok().map(<[TensorInfo]>::to_vec)
}

/// The names that the guest was given, if each is a plain file name: a recording is untrusted.
fn names(recording: &Recording) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for record in &recording.records {
        if let What::Enter(export) = &record.what
            && let Export::Open { sources, .. } | Export::Provide { sources } = &**export
        {
            all.extend(sources.iter().cloned());
        }
    }
    let plain = |n: &String| Path::new(n).file_name().is_some_and(|f| f == n.as_str()) && n.len() < 200;
    (all.len() < 1024 && all.iter().all(plain)).then_some(all)
}

fn files(recording: &Recording, sizes: &[u64], folder: &Path) -> Option<Vec<PathBuf>> {
    let names = names(recording)?;
    let mut files = Vec::new();
    for (name, size) in names.iter().zip(sizes) {
        let file = File::create_new(folder.join(name)).ok()?;
        file.set_len(*size).ok()?;
        files.push(file);
    }
    let mut asked = None;
    for record in &recording.records {
        match &record.what {
            What::Call(call) => {
                asked = match **call {
                    Call::Read { source, offset, .. } => Some((source, offset)),
                    _ => None,
                };
            }
            What::Return { answer, .. } => {
                if let (Some((source, offset)), Answer::Bytes(bytes)) = (asked.take(), &**answer)
                    && let Some(file) = usize::try_from(source).ok().and_then(|i| files.get_mut(i))
                {
                    file.seek(SeekFrom::Start(offset)).ok()?;
                    file.write_all(bytes).ok()?;
                }
            }
            _ => {}
        }
    }
    (!files.is_empty()).then(|| names.iter().take(files.len()).map(|n| folder.join(n)).collect())
}
