//! Files that were opened by a path are closed again where too many are open, and opened anew when they are needed: a model
//! may have more files than a process may have open. A file that is opened anew has to be the one that it was.
use super::storage_error;
use crate::platform::{self, Folder, Identity};
use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};
use weighbridge_core::StorageError;

/// Where a file is found again.
pub(super) enum Place {
    /// Under a path that does not depend on the working directory.
    Path(PathBuf),
    /// In a folder that is held open; whether links in it are followed.
    In(Arc<Folder>, OsString, bool),
}

/// A file that may be closed.
pub(super) struct Descriptor {
    open: Mutex<Option<Arc<File>>>,
    place: Place,
    identity: Identity,
    /// When anything of it was changed last, its name and its rights included.
    changed_ns: i128,
}

/// The files that are open, in the order in which they were opened.
static OPEN: Mutex<VecDeque<Weak<Descriptor>>> = Mutex::new(VecDeque::new());

/// Of so many descriptors that this process may have one is for files of models: the rest is the embedder's.
const SHARE: u64 = 4;
/// Fewest and most that are kept open.
const KEPT: (u64, u64) = (8, 1024);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place {
    /// What a path means from now on, wherever the process goes.
    pub(super) fn of(path: &Path) -> Self {
        Self::Path(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
    }

    /// The file that is there; none where a link is that is not to be followed.
    pub(super) fn open(&self) -> io::Result<Option<File>> {
        let open = || match self {
            Self::Path(path) => platform::open(path).map(Some),
            Self::In(folder, name, follow) => folder.file(name, *follow),
        };
        match open() {
            Err(error) if platform::is_out_of_files(&error) && close_all() => open(),
            opened => opened,
        }
    }
}

impl Descriptor {
    pub(super) fn new(file: File, place: Place) -> io::Result<Arc<Self>> {
        let (identity, changed_ns) = (platform::identity(&file)?, platform::changed_ns(&file)?);
        let new = Arc::new(Self { open: Mutex::new(Some(Arc::new(file))), place, identity, changed_ns });
        new.is_open();
        Ok(new)
    }

    pub(super) const fn identity(&self) -> Identity {
        self.identity
    }

    /// The file, which stays open as long as the answer is there.
    pub(super) fn file(self: &Arc<Self>) -> Result<Arc<File>, StorageError> {
        if let Some(file) = &*lock(&self.open) {
            return Ok(file.clone());
        }
        let opened = match self.place.open() {
            Ok(opened) => opened.ok_or(StorageError::Changed)?,
            // It was there: what its name means now is another file, or none.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(StorageError::Changed);
            }
            Err(error) => return Err(storage_error(&error)),
        };
        let now = platform::identity(&opened).and_then(|identity| Ok((identity, platform::changed_ns(&opened)?)));
        if now.map_err(|error| storage_error(&error))? != (self.identity, self.changed_ns) {
            return Err(StorageError::Changed);
        }
        let file = lock(&self.open).get_or_insert_with(|| Arc::new(opened)).clone();
        self.is_open();
        Ok(file)
    }

    fn close(&self) {
        *lock(&self.open) = None;
    }

    /// Counts it among the open ones, and closes the first of them where they are too many.
    fn is_open(self: &Arc<Self>) {
        let most = platform::file_limit().map_or(KEPT.1, |limit| (limit / SHARE).clamp(KEPT.0, KEPT.1));
        let mut open = lock(&OPEN);
        open.push_back(Arc::downgrade(self));
        let over = open.len().saturating_sub(usize::try_from(most).unwrap_or(usize::MAX));
        let closed: Vec<_> = open.drain(..over).collect();
        drop(open);
        closed.iter().filter_map(Weak::upgrade).for_each(|descriptor| descriptor.close());
    }
}

/// Closes all files that can be opened again; whether there were any.
fn close_all() -> bool {
    let open = std::mem::take(&mut *lock(&OPEN));
    let open: Vec<_> = open.iter().filter_map(Weak::upgrade).collect();
    open.iter().for_each(|descriptor| descriptor.close());
    !open.is_empty()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    fn descriptor(path: &Path) -> Arc<Descriptor> {
        Descriptor::new(platform::open(path).unwrap(), Place::of(path)).unwrap()
    }

    #[test]
    fn a_file_that_is_opened_anew_is_the_one_that_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        fs::write(&path, [7; 100]).unwrap();
        let file = descriptor(&path);
        let held = file.file().unwrap();
        file.close();
        assert!(file.file().is_ok(), "nothing changed");
        // The same bytes under the same name, and another file.
        let other = folder.path().join("other");
        fs::copy(&path, &other).unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(file.file().is_ok(), "it is open, whatever its name means by now");
        file.close();
        assert_eq!(file.file().err(), Some(StorageError::Changed));
        fs::remove_file(&path).unwrap();
        assert_eq!(file.file().err(), Some(StorageError::Changed));
        assert_eq!(held.metadata().unwrap().len(), 100, "what is held stays open");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_came_in_its_place_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("model"), [7; 100]).unwrap();
        let beside = Arc::new(Folder::open(folder.path()).unwrap());
        let place = Place::In(beside, "model".into(), false);
        let file = Descriptor::new(place.open().unwrap().unwrap(), place).unwrap();
        file.close();
        fs::rename(folder.path().join("model"), folder.path().join("moved")).unwrap();
        std::os::unix::fs::symlink("moved", folder.path().join("model")).unwrap();
        assert_eq!(file.file().err(), Some(StorageError::Changed));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_whose_time_was_put_back_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        fs::write(&path, [7; 100]).unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        let file = descriptor(&path);
        file.close();
        // So that the clock of the file system has gone on.
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&path, [8; 100]).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
        assert_eq!(file.file().err(), Some(StorageError::Changed));
    }
}
