//! A file that appears under its name when it is whole: whoever reads the old one, or has it mapped, keeps it, and a program
//! that is killed leaves it as it was.
//!
//! Where the system has files without a name (Linux), nothing at all is left of one that was not finished.
use crate::{error::Error, platform};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};
use weighbridge_core::{Cause, Phase, escape_path};

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    to: PathBuf,
    overwrite: bool,
    /// Its name until it is whole; none for a file that has none, or one that got its name.
    part: Option<PathBuf>,
}

impl Output {
    /// Begins a file that will be at `to`.
    pub(crate) fn create(to: &Path, overwrite: bool) -> Result<Self, Error> {
        let failed = |error| unwritten(to, error);
        let there = fs::symlink_metadata(to).ok();
        if there.as_ref().is_some_and(fs::Metadata::is_dir) || to.file_name().is_none() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        // The name of a device or a pipe must not become that of a file.
        if fs::metadata(to).is_ok_and(|there| !there.is_file()) {
            let message = format!("{} is no regular file; give the name of one", escape_path(to));
            return Err(Error::new(Phase::Request, Cause::InvalidRequest, message).of_file(to));
        }
        if there.is_some() && !overwrite {
            return Err(occupied(to));
        }
        if let Some(file) = platform::unnamed(folder(to)) {
            return Ok(Self { file, to: to.to_owned(), overwrite, part: None });
        }
        let part = part_of(to);
        let file = File::options().read(true).write(true).create_new(true).open(&part).map_err(failed)?;
        Ok(Self { file, to: to.to_owned(), overwrite, part: Some(part) })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.to
    }

    /// Gives the file its name, once all of it is on the disk. One that is replaced passes on who may do what with it.
    pub(crate) fn finish(mut self) -> Result<u64, Error> {
        let size = self.settle().map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists if !self.overwrite => occupied(&self.to),
            _ => unwritten(&self.to, error),
        })?;
        // It has its name.
        self.part = None;
        Ok(size)
    }

    fn settle(&mut self) -> io::Result<u64> {
        let size = self.file.metadata()?.len();
        match fs::metadata(&self.to) {
            Ok(there) if there.is_file() => self.file.set_permissions(there.permissions())?,
            _ => {}
        }
        self.file.sync_all()?;
        match &self.part {
            None if !self.overwrite => platform::give_name(&self.file, &self.to)?,
            None => {
                let part = part_of(&self.to);
                platform::give_name(&self.file, &part)?;
                self.part = Some(part.clone());
                fs::rename(part, &self.to)?;
            }
            Some(_) if !self.overwrite && self.to.symlink_metadata().is_ok() => {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            Some(part) => fs::rename(part, &self.to)?,
        }
        platform::sync_folder(folder(&self.to))?;
        Ok(size)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            // It is of no use; if it cannot be removed, there is nobody to tell.
            let _ = fs::remove_file(part);
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A name beside the file that nobody else takes.
fn part_of(path: &Path) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".weighbridge-{}-{number}.part", process::id()))
}

/// The error for a file that could not be written.
pub(crate) fn unwritten(path: &Path, error: io::Error) -> Error {
    let (cause, what) = match error.kind() {
        io::ErrorKind::NotFound => (Cause::NotFound, "there is no such folder; make it, or check the path".to_owned()),
        io::ErrorKind::IsADirectory => (Cause::InvalidRequest, "it is a folder; give the name of a file".to_owned()),
        io::ErrorKind::PermissionDenied => {
            (Cause::AccessDenied, "permission denied; give this user the right to write there".to_owned())
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (Cause::Io, "there is no room left; free some, or write elsewhere".to_owned())
        }
        _ => (Cause::Io, format!("{error}; try again, or look at the system's log")),
    };
    let message = format!("{} cannot be written: {what}", escape_path(path));
    Error::new(Phase::Request, cause, message).caused_by(error).of_file(path)
}

fn occupied(path: &Path) -> Error {
    let message = format!("{} is there already; choose another name, or allow that it is replaced", escape_path(path));
    Error::new(Phase::Request, Cause::InvalidRequest, message).of_file(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write as _;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn begun(to: &Path, overwrite: bool, unnamed: bool) -> Output {
        if unnamed {
            return Output::create(to, overwrite).unwrap();
        }
        let part = part_of(to);
        let file = File::create_new(&part).unwrap();
        Output { file, to: to.to_owned(), overwrite, part: Some(part) }
    }

    #[test]
    fn a_file_is_there_when_it_is_whole_and_not_before() {
        for unnamed in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let to = folder.path().join("model");
            let output = begun(&to, false, unnamed);
            output.file().write_all(b"new").unwrap();
            assert!(!to.exists());
            assert_eq!(output.finish().unwrap(), 3);
            assert_eq!((fs::read(&to).unwrap(), names(folder.path())), (b"new".to_vec(), vec!["model".to_owned()]));

            let output = begun(&to, true, unnamed);
            output.file().write_all(b"newer").unwrap();
            assert_eq!(fs::read(&to).unwrap(), b"new", "the old one stays until then");
            output.finish().unwrap();
            assert_eq!((fs::read(&to).unwrap(), names(folder.path())), (b"newer".to_vec(), vec!["model".to_owned()]));

            let output = begun(&to, true, unnamed);
            output.file().write_all(b"never").unwrap();
            drop(output);
            assert_eq!((fs::read(&to).unwrap(), names(folder.path())), (b"newer".to_vec(), vec!["model".to_owned()]));
        }
    }

    #[test]
    fn a_file_that_came_in_between_is_not_replaced() {
        for unnamed in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let to = folder.path().join("model");
            let output = begun(&to, false, unnamed);
            fs::write(&to, b"other").unwrap();
            assert_eq!(output.finish().unwrap_err().cause, Cause::InvalidRequest);
            assert_eq!((fs::read(&to).unwrap(), names(folder.path())), (b"other".to_vec(), vec!["model".to_owned()]));
        }
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Output::create(folder.path(), true).unwrap_err().cause, Cause::InvalidRequest);
        assert_eq!(Output::create(&folder.path().join("no/model"), true).unwrap_err().cause, Cause::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_stays_one() {
        for path in ["/dev/null", "/dev/full"] {
            assert_eq!(Output::create(Path::new(path), true).unwrap_err().cause, Cause::InvalidRequest);
        }
    }

    #[cfg(unix)]
    #[test]
    fn who_may_read_it_stays_as_it_was() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("model");
        fs::write(&to, b"old").unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o640)).unwrap();
        Output::create(&to, true).unwrap().finish().unwrap();
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
