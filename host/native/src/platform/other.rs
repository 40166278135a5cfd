//! Systems that are not POSIX: files and mappings work, the rest answers that it does not.
use super::Identity;
use crate::permanence::Permanence;
use std::{
    ffi::OsStr,
    fs::File,
    io,
    path::{Path, PathBuf},
};
use weighbridge_core::{Advice, AdviceEffect};

/// A directory by its name.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(path.to_owned()))
    }

    /// Where a link of this folder leads to.
    pub(crate) fn link(&self, name: &OsStr) -> Option<PathBuf> {
        std::fs::read_link(self.0.join(name)).ok()
    }

    /// Opens a file of this folder, and one that a link leads to only where `follow` asks for it.
    pub(crate) fn file(&self, name: &OsStr, follow: bool) -> io::Result<Option<File>> {
        let path = self.0.join(name);
        if !follow && std::fs::symlink_metadata(&path)?.is_symlink() {
            return Ok(None);
        }
        open(&path).map(Some)
    }
}

pub(crate) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Windows: `ERROR_TOO_MANY_OPEN_FILES`.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    cfg!(windows) && error.raw_os_error() == Some(4)
}

pub(crate) fn is_no_memory(_: &(dyn std::error::Error + 'static)) -> bool {
    false
}

/// Nothing here says whether a file's bytes can change. Windows does not let one shrink that is mapped.
pub(crate) fn permanence(_: &File) -> Permanence {
    Permanence::Unknown
}

pub(crate) fn irregular(file: &File) -> io::Result<Option<&'static str>> {
    Ok((!file.metadata()?.is_file()).then_some("no regular file"))
}

pub(crate) fn identity(file: &File) -> io::Result<Identity> {
    let stat = file.metadata()?;
    let modified = stat.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(Identity {
        device: 0,
        inode: 0,
        size: stat.len(),
        modified_ns: i128::try_from(modified.as_nanos()).unwrap_or(i128::MAX),
    })
}

/// No other time than that of its bytes is known here.
pub(crate) fn changed_ns(_: &File) -> io::Result<i128> {
    Ok(0)
}

pub(crate) fn file_limit() -> Option<u64> {
    None
}

pub(crate) fn address_limit() -> Option<u64> {
    None
}

pub(crate) fn has_no_shared_mappings(_: &io::Error) -> bool {
    false
}

#[cfg(windows)]
pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

#[cfg(not(windows))]
pub(crate) fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn read_append(file: &File, bytes: &mut Vec<u8>, len: usize, offset: u64) -> io::Result<usize> {
    let start = bytes.len();
    bytes.resize(start + len, 0);
    let read = read_at(file, &mut bytes[start..], offset);
    bytes.truncate(start + *read.as_ref().unwrap_or(&0));
    read
}

pub(crate) fn page_bytes() -> u64 {
    4096
}

/// Windows maps at multiples of 64 KiB (`dwAllocationGranularity`).
pub(crate) fn map_granularity() -> u64 {
    65_536
}

pub(crate) fn advise(
    _: &memmap2::Mmap,
    _: Option<(&File, u64)>,
    _: std::ops::Range<usize>,
    _: Advice,
) -> io::Result<AdviceEffect> {
    Ok(AdviceEffect::Unsupported)
}

pub(crate) fn residency(_: &File, _: u64, _: u64) -> Option<Vec<bool>> {
    None
}

pub(crate) fn thread_time() -> Option<u64> {
    None
}

pub(crate) fn stack_left() -> Option<usize> {
    None
}

/// Files without a name are Linux's.
pub(crate) fn unnamed(_: &Path) -> Option<File> {
    None
}

/// As [`unnamed`].
pub(crate) fn give_name(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Folders cannot be opened here; the system brings names to the disk by itself.
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// There is no such call.
pub(crate) fn copy_range(_: &File, _: u64, _: &File, _: u64, _: u64) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}
