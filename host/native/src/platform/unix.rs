//! POSIX systems.
use super::{Identity, unsafe_ops};
use rustix::{
    fs::{FileType, Mode, OFlags},
    io::Errno,
};
use std::{
    fs::File,
    io,
    os::{
        fd::AsRawFd as _,
        unix::fs::{FileExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
};
use weighbridge_core::{Advice, AdviceEffect};

/// A directory held open, so that what is opened in it later is in the same one.
pub(crate) struct Folder(rustix::fd::OwnedFd);

impl Folder {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// Opens a file of this folder. `name` is a plain file name; a link in its place is followed, since caches of models
    /// are made of links.
    pub(crate) fn file(&self, name: &str) -> io::Result<File> {
        Ok(File::from(rustix::fs::openat(&self.0, name, READ, Mode::empty())?))
    }
}

// NONBLOCK: a FIFO without a writer would block open(2) for ever. It has no effect on regular files, and only those stay open.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

pub(crate) fn open(path: &Path) -> io::Result<File> {
    Ok(File::from(rustix::fs::open(path, READ, Mode::empty())?))
}

/// A path to a file that is open: to that file, whatever its name means by now, where the system has such paths.
pub(crate) fn path_of_open(file: &File, name: &Path) -> PathBuf {
    if cfg!(any(target_os = "linux", target_os = "android")) {
        PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
    } else {
        name.to_owned()
    }
}

/// What the file is if it is not a regular one.
pub(crate) fn irregular(file: &File) -> io::Result<Option<&'static str>> {
    Ok(match FileType::from_raw_mode(rustix::fs::fstat(file)?.st_mode) {
        FileType::RegularFile => None,
        FileType::Directory => Some("a directory"),
        FileType::Fifo => Some("a FIFO"),
        FileType::Socket => Some("a socket"),
        FileType::CharacterDevice | FileType::BlockDevice => Some("a device"),
        _ => Some("no regular file"),
    })
}

pub(crate) fn identity(file: &File) -> io::Result<Identity> {
    let stat = file.metadata()?;
    Ok(Identity {
        device: stat.dev(),
        inode: stat.ino(),
        size: stat.size(),
        modified_ns: i128::from(stat.mtime()) * 1_000_000_000 + i128::from(stat.mtime_nsec()),
    })
}

pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(bytes, offset)
}

/// Appends up to `len` bytes to `bytes`, whose room is not cleared first.
pub(crate) fn read_append(file: &File, bytes: &mut Vec<u8>, len: usize, offset: u64) -> io::Result<usize> {
    let start = bytes.len();
    bytes.reserve_exact(len);
    let read = rustix::io::pread(file, rustix::buffer::spare_capacity(bytes), offset)?;
    // The allocator may have given more room than was asked for.
    bytes.truncate(start + len);
    Ok(read.min(len))
}

pub(crate) fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}

/// Offsets of mappings are multiples of this.
pub(crate) fn map_granularity() -> u64 {
    page_bytes()
}

/// Advice for a part of a mapping that lies at `file_offset` of its file.
///
/// Hints of how it is read are widened to whole pages; `dont-need` is narrowed to those that are wholly inside.
pub(crate) fn advise(
    map: &memmap2::Mmap,
    file: &File,
    file_offset: u64,
    range: std::ops::Range<usize>,
    advice: Advice,
) -> io::Result<AdviceEffect> {
    use memmap2::Advice as Hint;
    let page = rustix::param::page_size();
    let range = if advice == Advice::DontNeed {
        range.start.next_multiple_of(page)..range.end / page * page
    } else {
        range.start / page * page..range.end
    };
    if range.is_empty() {
        return Ok(AdviceEffect::Ignored);
    }
    let len = range.len();
    let done = match advice {
        Advice::Normal => map.advise_range(Hint::Normal, range.start, len),
        Advice::Sequential => map.advise_range(Hint::Sequential, range.start, len),
        Advice::Random => map.advise_range(Hint::Random, range.start, len),
        Advice::WillNeed => map.advise_range(Hint::WillNeed, range.start, len),
        Advice::DontNeed => unsafe_ops::drop_pages(map, range.clone()).inspect(|()| {
            // The mapping has let go of the pages; the page cache may, too. Only it can say whether it does, and it is
            // not asked for more: other processes may use them.
            forget(file, file_offset + range.start as u64, len as u64);
        }),
    };
    match done {
        Ok(()) => Ok(AdviceEffect::Applied),
        // madvise(2): EINVAL where the advice is not known, ENOSYS and EOPNOTSUPP where there is none at all.
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(AdviceEffect::Unsupported),
            // EBADF: no file behind it; EAGAIN: no resources for a hint.
            Some(Errno::BADF | Errno::AGAIN) => Ok(AdviceEffect::Ignored),
            _ => Err(error),
        },
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn forget(file: &File, offset: u64, len: u64) {
    let _ = rustix::fs::fadvise(file, offset, std::num::NonZeroU64::new(len), rustix::fs::Advice::DontNeed);
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn forget(_: &File, _: u64, _: u64) {}

/// Which pages of a file are in the page cache.
pub(crate) fn residency(file: &File, size: u64) -> Option<Vec<bool>> {
    if size == 0 {
        return Some(Vec::new());
    }
    let map = unsafe_ops::map(file, 0, usize::try_from(size).ok()?).ok()?;
    unsafe_ops::pages_in_memory(&map)
}

/// Whether a file or a folder is this user's, and nobody else can write to it.
pub(crate) fn is_private(stat: &std::fs::Metadata) -> bool {
    stat.uid() == rustix::process::geteuid().as_raw() && stat.mode() & 0o022 == 0
}

/// Makes a folder that only this user can enter.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens a file of the cache, refusing links.
pub(crate) fn open_cached(path: &Path) -> io::Result<File> {
    Ok(File::from(rustix::fs::open(path, READ | OFlags::NOFOLLOW, Mode::empty())?))
}

/// Whether a folder can be told to be private on this system.
pub(crate) const CAN_BE_PRIVATE: bool = true;
