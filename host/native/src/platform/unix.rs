//! POSIX systems.
use super::{Identity, unsafe_ops};
use crate::permanence::Permanence;
use rustix::{
    fs::{FileType, Mode, OFlags},
    io::Errno,
};
use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
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
    pub(crate) fn link(&self, name: &OsStr) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStringExt as _;
        let target = rustix::fs::readlinkat(&self.0, name, Vec::new()).ok()?;
        Some(std::ffi::OsString::from_vec(target.into_bytes()).into())
    }

    /// Opens a file of this folder. `name` is a plain file name. A link in its place is followed where it is one of a cache
    /// of models, or where `follow` asks for it; else there is no file.
    pub(crate) fn file(&self, name: &OsStr, follow: bool) -> io::Result<Option<File>> {
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

/// A new file of this folder that has no name yet, so that nothing is left of it if it never gets one; none where the system
/// has no such files.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn unnamed(folder: &Path) -> Option<File> {
    // Without it there is no way to the name.
    if !Path::new(OPEN_FILES).is_dir() {
        return None;
    }
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::from_raw_mode(0o666)).ok().map(File::from)
}

/// Where the system has the files that this process has open.
#[cfg(any(target_os = "linux", target_os = "android"))]
const OPEN_FILES: &str = "/proc/self/fd";

/// Gives a file that has no name the one of `path`, which nothing has.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn give_name(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD};
    use std::os::fd::AsRawFd as _;
    let open = format!("{OPEN_FILES}/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, open, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// As on Linux: this system has no such files.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn unnamed(_: &Path) -> Option<File> {
    None
}

/// As on Linux: this system has no such files.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn give_name(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Brings the names in a folder to the disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Copies bytes from one file to another within the system, which shares them where the file system can (Btrfs, XFS, bcachefs,
/// NFS). Answers how many.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn copy_range(from: &File, at: u64, to: &File, place: u64, len: u64) -> io::Result<u64> {
    let (mut at, mut place) = (at, place);
    let len = usize::try_from(len).unwrap_or(usize::MAX).min(MOST_COPIED);
    let moved = rustix::fs::copy_file_range(from, Some(&mut at), to, Some(&mut place), len)?;
    Ok(moved as u64)
}

/// Bytes that are copied by one call: a multiple of every block.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MOST_COPIED: usize = 1 << 30;

/// As on Linux: there is no such call.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn copy_range(_: &File, _: u64, _: &File, _: u64, _: u64) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether a file was not opened since there are as many open as there may be.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Whether an error is that of a system without memory, addresses or mappings.
pub(crate) fn is_no_memory(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<Errno>() == Some(&Errno::NOMEM)
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

/// What the system says of whether a file's bytes can change.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn permanence(file: &File) -> Permanence {
    use rustix::fs::{AtFlags, SealFlags, StatVfsMountFlags, StatxAttributes, StatxFlags};
    let sealed = rustix::fs::fcntl_get_seals(file);
    if sealed.is_ok_and(|seals| seals.contains(SealFlags::SHRINK | SealFlags::WRITE)) {
        return Permanence::Sealed;
    }
    let attributes = rustix::fs::statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::empty());
    if attributes.is_ok_and(|stat| stat.stx_attributes.contains(StatxAttributes::VERITY)) {
        return Permanence::Verity;
    }
    let mount = rustix::fs::fstatvfs(file);
    if mount.is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::RDONLY)) {
        return Permanence::ReadOnly;
    }
    Permanence::Unknown
}

/// What the system says of whether a file's bytes can change.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn permanence(file: &File) -> Permanence {
    let mount = rustix::fs::fstatvfs(file);
    let read_only = mount.is_ok_and(|mount| mount.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY));
    if read_only { Permanence::ReadOnly } else { Permanence::Unknown }
}

/// When anything of a file was changed last, in nanoseconds: bytes, name, rights.
pub(crate) fn changed_ns(file: &File) -> io::Result<i128> {
    let stat = file.metadata()?;
    Ok(i128::from(stat.ctime()) * 1_000_000_000 + i128::from(stat.ctime_nsec()))
}

/// How many files this process may have open; none where there is no bound.
pub(crate) fn file_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// How many bytes of addresses this process may have; none where there is no bound.
pub(crate) fn address_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

/// Whether a file system refused a mapping since it has no shared ones (mmap(2): ENODEV, EINVAL).
pub(crate) fn has_no_shared_mappings(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NODEV | Errno::INVAL | Errno::OPNOTSUPP))
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

/// Advice for a part of a mapping, and of its file, where it is at hand, in which the mapping begins at an offset.
///
/// Hints of how it is read are widened to whole pages; `dont-need` is narrowed to those that are wholly inside.
pub(crate) fn advise(
    map: &memmap2::Mmap,
    file: Option<(&File, u64)>,
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
            if let Some((file, offset)) = file {
                forget(file, offset + range.start as u64, len as u64);
            }
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
