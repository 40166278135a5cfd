//! A part of a file that is in memory without a copy.
use crate::{
    platform::{self, unsafe_ops},
    source::Mapped,
};
use memmap2::Mmap;
use std::{fs::File, io, ops::Deref};

/// A mapping of the system, or memory that the embedder has anyway.
#[derive(Debug)]
pub enum Mapping {
    /// Of a file. A private one shows the same bytes, and what others write to the file may never be seen in it.
    File { map: Mmap, private: bool },
    /// The embedder's.
    Memory(Mapped),
}

/// Maps a part of a file, shared with everybody who maps it; privately on a file system that has no such mappings.
pub(super) fn of_file(file: &File, offset: u64, len: usize) -> io::Result<Mapping> {
    shared_or_private(|private| {
        if private { unsafe_ops::map_private(file, offset, len) } else { unsafe_ops::map(file, offset, len) }
    })
}

fn shared_or_private(map: impl Fn(bool) -> io::Result<Mmap>) -> io::Result<Mapping> {
    let (map, private) = match map(false) {
        Err(error) if platform::has_no_shared_mappings(&error) => (map(true).map_err(|_| error)?, true),
        shared => (shared?, false),
    };
    Ok(Mapping::File { map, private })
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::File { map, .. } => map,
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
            let mapping = shared_or_private(refuses).unwrap();
            assert!(matches!(mapping, Mapping::File { private: true, .. }));
            assert_eq!(&*mapping, b"weights");
            // Where there is no private one either, the first answer counts.
            let code = io::Error::from_raw_os_error(code).raw_os_error();
            let never = |private| Err(io::Error::from_raw_os_error(if private { libc::EPERM } else { code.unwrap() }));
            assert_eq!(shared_or_private(never).unwrap_err().raw_os_error(), code);
        }
        let full = |_| Err(io::Error::from_raw_os_error(libc::ENOMEM));
        assert_eq!(shared_or_private(full).unwrap_err().raw_os_error(), Some(libc::ENOMEM));
        assert!(matches!(of_file(&file, 0, 7).unwrap(), Mapping::File { private: false, .. }));
    }
}
