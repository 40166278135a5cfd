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

    /// Where a link of this folder leads to.
    pub(crate) fn link(&self, name: &str) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStringExt as _;
        let target = rustix::fs::readlinkat(&self.0, name, Vec::new()).ok()?;
        Some(std::ffi::OsString::from_vec(target.into_bytes()).into())
    }

    /// Opens a file of this folder. `name` is a plain file name. A link in its place is followed where it is one of a cache
    /// of models, or where `follow` asks for it; else there is no file.
    pub(crate) fn file(&self, name: &str, follow: bool) -> io::Result<Option<File>> {
        if follow {
            return Ok(Some(File::from(rustix::fs::openat(&self.0, name, READ, Mode::empty())?)));
        }
        let plain = READ.union(OFlags::NOFOLLOW);
        match rustix::fs::openat(&self.0, name, plain, Mode::empty()) {
            // FreeBSD has EMLINK for it.
            Err(Errno::LOOP | Errno::MLINK) => {
                let target = rustix::fs::readlinkat(&self.0, name, Vec::new())?.into_bytes();
                if !is_blob(&target) {
                    return Ok(None);
                }
                Ok(Some(File::from(rustix::fs::openat(&self.0, target.as_slice(), plain, Mode::empty())?)))
            }
            opened => Ok(Some(File::from(opened?))),
        }
    }
}

/// Whether a link is one of the hub's cache, whose snapshots are links to blobs: `../../blobs/NAME`, with a `..` more for each
/// folder that the file lies in.
fn is_blob(target: &[u8]) -> bool {
    let mut parts = target.split(|byte| *byte == b'/');
    let (name, folder) = (parts.next_back(), parts.next_back());
    let ups = parts.clone().count();
    name.is_some_and(|name| !name.is_empty() && name != b"." && name != b"..")
        && folder == Some(b"blobs".as_slice())
        && (2..=16).contains(&ups)
        && parts.all(|part| part == b"..")
}

// NONBLOCK: a FIFO without a writer would block open(2) for ever. It has no effect on regular files, and only those stay open.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

pub(crate) fn open(path: &Path) -> io::Result<File> {
    Ok(File::from(rustix::fs::open(path, READ, Mode::empty())?))
}

/// Whether a file was not opened since there are as many open as there may be.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Whether an error is that of a system without memory, addresses or mappings.
pub(crate) fn is_no_memory(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<Errno>() == Some(&Errno::NOMEM)
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

/// Bytes of a file that are looked at at once.
const WINDOW: u64 = 1 << 30;
/// Largest file of whose pages the system is asked: it takes seconds for a TiB, however little of it there is.
const MOST: u64 = 256 << 30;

/// Which pages of a part of a file, which begins with a page, are in the page cache; none of one that is too large to ask.
pub(crate) fn residency(file: &File, start: u64, size: u64) -> Option<Vec<bool>> {
    if size > MOST {
        return None;
    }
    let mut pages = Vec::new();
    pages.try_reserve_exact(usize::try_from(size.div_ceil(page_bytes())).ok()?).ok()?;
    for offset in (0..size).step_by(WINDOW as usize) {
        let map = unsafe_ops::map(file, start + offset, usize::try_from(WINDOW.min(size - offset)).ok()?).ok()?;
        pages.extend(unsafe_ops::pages_in_memory(&map)?);
    }
    Some(pages)
}

/// Nanoseconds that this thread has computed.
pub(crate) fn thread_time() -> Option<u64> {
    unsafe_ops::thread_time()
}

/// Bytes that are left of this thread's stack, where the system says it.
pub(crate) fn stack_left() -> Option<usize> {
    unsafe_ops::stack_left()
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

#[cfg(test)]
mod tests {
    use super::is_blob;

    #[test]
    fn only_links_of_a_cache_are_followed() {
        for target in ["../../blobs/0f3a", "../../../blobs/x", "../../blobs/größe"] {
            assert!(is_blob(target.as_bytes()), "{target}");
        }
        for target in [
            "/etc/passwd",
            "../blobs/x",
            "blobs/x",
            "../../blobs/",
            "../../blobs/..",
            "../../blobs",
            "../../blobs/a/b",
            "../x/blobs/a",
            "/../../blobs/x",
            "./../blobs/x",
            "../../secret/x",
            "x",
            "",
            "..//../blobs/x",
        ] {
            assert!(!is_blob(target.as_bytes()), "{target}");
        }
    }
}
