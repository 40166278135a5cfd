//! A part of a file that is in memory without a copy.
use crate::{
    platform::{
        self,
        unsafe_ops::{self, Guard},
    },
    source::Mapped,
};
use memmap2::Mmap;
use std::{fs::File, io, ops::Deref};

/// A mapping of the system, or memory that the embedder has anyway.
#[derive(Debug)]
pub enum Mapping {
    File(FileMap),
    Memory(Mapped),
}

/// A mapping of the system. Dropped in this order: the guard goes before what it guards.
#[derive(Debug)]
pub struct FileMap {
    guard: Option<Guard>,
    map: Mmap,
    /// What others write to the file may never be seen in it.
    private: bool,
}

impl FileMap {
    /// Maps a part of a file, shared with everybody who maps it; privately on a file system that has no such mappings. A view
    /// of it reads zeros where the file has lost a page, unless its owner `promised` that it stays as it is.
    ///
    /// # Errors
    /// The system's; out of memory where no more mappings can be guarded.
    pub(super) fn new(file: &File, offset: u64, len: usize, promised: bool) -> io::Result<Self> {
        let (map, private) = shared_or_private(|private| {
            if private { unsafe_ops::map_private(file, offset, len) } else { unsafe_ops::map(file, offset, len) }
        })?;
        let guard = (!promised).then(|| Guard::of(&map).ok_or(io::ErrorKind::OutOfMemory)).transpose()?;
        Ok(Self { guard, map, private })
    }

    pub(super) const fn map(&self) -> &Mmap {
        &self.map
    }
}

/// A mapping, and whether it is a private one.
fn shared_or_private(map: impl Fn(bool) -> io::Result<Mmap>) -> io::Result<(Mmap, bool)> {
    match map(false) {
        Err(error) if platform::has_no_shared_mappings(&error) => Ok((map(true).map_err(|_| error)?, true)),
        shared => Ok((shared?, false)),
    }
}

impl Mapping {
    pub(super) const fn is_private(&self) -> bool {
        matches!(self, Self::File(FileMap { private: true, .. }))
    }

    /// Whether a read has found that the file has lost a page: from there on, zeros were shown.
    pub(crate) fn lost(&self) -> bool {
        match self {
            Self::File(FileMap { guard: Some(guard), .. }) => guard.lost(),
            Self::File(_) | Self::Memory(_) => false,
        }
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::File(file) => &file.map,
            Self::Memory(mapped) => mapped,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Some file systems over the network and in user space answer so (mmap(2)).
    #[test]
    fn a_file_system_without_shared_mappings_gets_a_private_one() {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"weights").unwrap();
        for code in [libc::ENODEV, libc::EINVAL, libc::EOPNOTSUPP] {
            let refuses = |private| {
                if private { unsafe_ops::map_private(&file, 0, 7) } else { Err(io::Error::from_raw_os_error(code)) }
            };
            let (map, private) = shared_or_private(refuses).unwrap();
            assert!(private);
            assert_eq!(&*map, b"weights");
            // Where there is no private one either, the first answer counts.
            let code = io::Error::from_raw_os_error(code).raw_os_error();
            let never = |private| Err(io::Error::from_raw_os_error(if private { libc::EPERM } else { code.unwrap() }));
            assert_eq!(shared_or_private(never).unwrap_err().raw_os_error(), code);
        }
        let full = |_| Err(io::Error::from_raw_os_error(libc::ENOMEM));
        assert_eq!(shared_or_private(full).unwrap_err().raw_os_error(), Some(libc::ENOMEM));
        assert!(!FileMap::new(&file, 0, 7, false).unwrap().private);
    }
}
