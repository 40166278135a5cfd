//! Files that the tool writes.
use super::failure::{Failure, Result};
use clap::Args;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Whether a file may be replaced.
#[derive(Debug, Default, Args)]
pub(crate) struct WriteArgs {
    /// Replace the file if there is one
    #[arg(long, alias = "overwrite")]
    force: bool,
}

impl WriteArgs {
    /// Whether a file that is there may be replaced.
    pub(crate) fn may_replace(&self) -> bool {
        self.force
    }

    /// Whether a file can be written there, as far as that can be known before.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        match fs::metadata(path) {
            Ok(there) if there.is_dir() => Err(Failure::file("written", path, &io::ErrorKind::IsADirectory.into())),
            Ok(there) if there.is_file() && !self.force => {
                let message = format!("{} is there already", path.display());
                Err(Failure::new("request", "invalid-request", message).hint("--force replaces it"))
            }
            Ok(_) => Ok(()),
            Err(_) => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
                fs::metadata(folder).map(drop).map_err(|error| Failure::file("written", path, &error))
            }
        }
    }
}

/// Writes a file and answers its size. It appears under its name when it is whole: a file that is replaced is not
/// changed under whoever has mapped it.
pub(crate) fn write_file(
    path: &Path,
    args: &WriteArgs,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<u64> {
    let failed = |error: io::Error| Failure::file("written", path, &error);
    args.check(path)?;
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        // A device or a pipe is written to as it is.
        let mut out = BufWriter::new(File::options().write(true).open(path).map_err(failed)?);
        return write(&mut out).and_then(|()| out.flush()).map(|()| 0).map_err(failed);
    }
    let Some(name) = path.file_name() else { return Err(failed(io::ErrorKind::IsADirectory.into())) };
    let mut part = OsString::from(".");
    part.push(name);
    part.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(part);
    let written = File::create_new(&part).and_then(|file| {
        let mut out = BufWriter::with_capacity(1 << 20, file);
        write(&mut out)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        let size = file.metadata()?.len();
        fs::rename(&part, path)?;
        Ok(size)
    });
    written.map_err(|error| {
        // It is of no use; if it cannot be removed, the error below is the one to tell.
        let _ = fs::remove_file(&part);
        failed(error)
    })
}
