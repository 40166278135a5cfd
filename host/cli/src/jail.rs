//! `--jail`: what this program gives up before a guest runs.
use super::failure::{Failure, Result};
use std::path::{Path, PathBuf};
use weighbridge::Jail;

/// The files of a command.
#[derive(Debug, Default)]
pub(crate) struct Paths<'a> {
    read: Vec<&'a Path>,
    write: Vec<&'a Path>,
}

impl<'a> Paths<'a> {
    /// Of models, of which a file may stand for others beside it, or of what else is read.
    pub(crate) fn read(mut self, paths: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        self.read.extend(paths.into_iter().map(PathBuf::as_path));
        self
    }

    /// Of what is written.
    pub(crate) fn write(mut self, paths: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        self.write.extend(paths.into_iter().map(PathBuf::as_path));
        self
    }

    /// Gives up everything but these.
    pub(crate) fn enter(self) -> Result<()> {
        let read = self.read.into_iter().flat_map(folders).fold(Jail::new(), Jail::read);
        // A file that cannot be written since its folder is not there is told as everywhere.
        let write = self.write.into_iter().map(folder_of).filter(|folder| folder.is_dir()).fold(read, Jail::write);
        write.enter().map_err(|error| {
            Failure::from(error).hint("leave --jail out where the sandbox of the component is enough".to_owned())
        })
    }
}

/// Where the files of a model are: in the folder of the file that was given, in that folder if it is one, and where links lead to,
/// which in a hub's cache is the folder `blobs`. What is not there is told as everywhere, when it is opened.
fn folders(path: &Path) -> Vec<PathBuf> {
    let beside = if path.is_dir() { path.to_owned() } else { folder_of(path) };
    let linked = path.canonicalize().ok().map(|real| if real.is_dir() { real } else { folder_of(&real) });
    let blobs = beside.join("../../blobs");
    [Some(beside), linked, Some(blobs)].into_iter().flatten().filter(|folder| folder.is_dir()).collect()
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}
