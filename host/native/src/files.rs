//! What a model is opened from.
use crate::{
    error::Error,
    folder::model_in,
    media::{Folder, Source as Granted},
    permanence::Unchanging,
    source::{Memory, Source},
};
use std::{
    ffi::{OsStr, OsString},
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use weighbridge_core::{Cause, Finding, FormatInfo, Phase, Severity, escape, escape_path};

/// The files of a model: paths, and [parts](Part) that have no path, each under a name.
///
/// One file of a model is enough where the others lie beside it: those that it names are opened in the folder of the first
/// path. A path may also be that of a folder with one model: a model's own, a snapshot of a hub's cache, or the cache's folder
/// of a model. Where there is no folder, [`find`](Self::find) says where they are.
///
/// ```
/// use weighbridge::{ModelFiles, Runtime};
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
///
/// let model = Runtime::new()?.open(ModelFiles::new().part("tiny.safetensors", tiny()))?;
/// assert_eq!(model.files()[0].name, "tiny.safetensors");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct ModelFiles {
    files: Vec<Named>,
    find: Option<Arc<Find>>,
    unchanging: bool,
}

type Find = dyn Fn(&str) -> io::Result<Part> + Send + Sync;

#[derive(Clone, Debug)]
struct Named {
    /// None for a path, which has its own.
    name: Option<String>,
    part: Part,
}

/// A file of a model: a path, an open file or a part of one, bytes in memory, or a [`Source`].
#[derive(Clone)]
pub struct Part(Kind);

#[derive(Clone)]
enum Kind {
    Path(PathBuf),
    File { file: Arc<File>, span: Option<(u64, u64)> },
    Source(Arc<dyn Source>),
}

/// A file that is open, with what people know it by.
pub(crate) struct Opened {
    pub(crate) path: Option<PathBuf>,
    pub(crate) name: String,
    pub(crate) source: Granted,
}

impl Part {
    /// A file that is open: whatever its name means by now, this file is read.
    #[must_use]
    pub fn file(file: File) -> Self {
        Self(Kind::File { file: Arc::new(file), span: None })
    }

    /// `len` bytes of an open file, from `offset` on: a model inside an archive or a package, say.
    ///
    /// ```
    /// use std::{fs, fs::File};
    /// use weighbridge::{ModelFiles, Part, Runtime};
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let (path, model) = (folder.path().join("package"), tiny());
    /// fs::write(&path, [b"header of the package", &model[..], b"more"].concat())?;
    /// let part = Part::range(File::open(path)?, 21, model.len() as u64);
    /// let model = Runtime::new()?.open(ModelFiles::new().part("tiny.safetensors", part))?;
    /// assert_eq!(model.summary().tensors, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn range(file: File, offset: u64, len: u64) -> Self {
        Self(Kind::File { file: Arc::new(file), span: Some((offset, len)) })
    }

    /// Bytes in memory. They are mapped where they are, without a copy.
    #[must_use]
    pub fn bytes(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self::source(Memory(Arc::new(bytes)))
    }

    /// Bytes from anywhere.
    #[must_use]
    pub fn source(source: impl Source + 'static) -> Self {
        Self(Kind::Source(Arc::new(source)))
    }

    /// Opens it; `name` is what people know it by.
    pub(crate) fn open(&self, name: &str) -> Result<Granted, Error> {
        let opened = match &self.0 {
            Kind::Path(path) => return Granted::open(path),
            Kind::File { file, span } => Granted::of_file(file.clone(), *span, &escape(name)),
            Kind::Source(source) => Granted::of_source(source.clone(), &escape(name)),
        };
        opened.map_err(|error| error.of_file(Path::new(name)))
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Kind::File { file, span } => f.debug_struct("File").field("file", file).field("span", span).finish(),
            Kind::Source(_) => f.write_str("Source"),
        }
    }
}

impl ModelFiles {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file by its path.
    #[must_use]
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(Named { name: None, part: Part(Kind::Path(path.into())) });
        self
    }

    /// Adds a file under a name: a file name, whose extension and whose number of a shard count as they would on a disk.
    #[must_use]
    pub fn part(mut self, name: impl Into<String>, part: impl Into<Part>) -> Self {
        self.files.push(Named { name: Some(name.into()), part: part.into() });
        self
    }

    /// Says where the further files of the model are, by their names, instead of the folder of the first path. The names come
    /// from a stranger: they are plain file names, without a separator. [`io::ErrorKind::NotFound`] for one that is missing.
    ///
    /// ```
    /// use weighbridge::{ModelFiles, Part};
    ///
    /// let files = ModelFiles::new().path("shards/model.safetensors.index.json").find(|name| {
    ///     let folder = if name.ends_with("-00001-of-00002.safetensors") { "first" } else { "second" };
    ///     Ok(Part::file(std::fs::File::open(std::path::Path::new(folder).join(name))?))
    /// });
    /// # drop(files);
    /// ```
    #[must_use]
    pub fn find(mut self, find: impl Fn(&str) -> io::Result<Part> + Send + Sync + 'static) -> Self {
        self.find = Some(Arc::new(find));
        self
    }

    /// Takes the promise that the files, those that are found later too, stay as they are while anything of them is mapped.
    /// Without it the views of a model are [guarded](crate::Tensor::bytes).
    ///
    /// ```
    /// use std::io::Write as _;
    /// use weighbridge::{ModelFiles, Part, Unchanging};
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    ///
    /// let mut file = tempfile::tempfile()?; // without a name: nobody else can open it
    /// file.write_all(&tiny())?;
    /// // SAFETY: no other process has this file, and this one no longer writes to it.
    /// let promise = unsafe { Unchanging::promise() };
    /// let files = ModelFiles::new().part("tiny.safetensors", Part::file(file)).unchanging(promise);
    /// assert_eq!(weighbridge::Runtime::new()?.open(files)?.summary().tensors, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn unchanging(mut self, promise: Unchanging) -> Self {
        let _ = promise;
        self.unchanging = true;
        self
    }

    pub(crate) const fn is_unchanging(&self) -> bool {
        self.unchanging
    }

    /// With the models that lie in the folders among the paths, in the place of the folders.
    pub(crate) fn resolved(&self, formats: impl FnOnce() -> Result<Vec<FormatInfo>, Error>) -> Result<Self, Error> {
        let is_folder = |named: &Named| matches!(&named.part.0, Kind::Path(path) if path.is_dir());
        if !self.files.iter().any(is_folder) {
            return Ok(self.clone());
        }
        let (formats, mut all) = (formats()?, Self { files: Vec::new(), ..self.clone() });
        for named in &self.files {
            match &named.part.0 {
                Kind::Path(path) if path.is_dir() => {
                    all = model_in(path, &formats)?.into_iter().fold(all, Self::path);
                }
                _ => all.files.push(named.clone()),
            }
        }
        Ok(all)
    }

    /// What lies beside the paths and says that their downloads have not ended.
    pub(crate) fn unfinished(&self) -> Vec<Finding> {
        let paths = self.files.iter().filter_map(|file| match &file.part.0 {
            Kind::Path(path) => Some(path),
            _ => None,
        });
        let with_control = paths.filter_map(|path| {
            let mut control = path.file_name()?.to_owned();
            control.push(".aria2");
            let control = path.with_file_name(control);
            control.is_file().then(|| {
                let message = format!(
                    "{} lies beside it: aria2 has not ended the download, and parts of the file may be zeros. Run aria2 again, or \
                     remove that file if the model is whole.",
                    escape_path(&control)
                );
                Finding::new("unfinished-download", Severity::Warning, message)
            })
        });
        with_control.collect()
    }

    /// Opens what was given.
    pub(crate) fn open(&self) -> Result<Vec<Opened>, Error> {
        if self.files.is_empty() {
            let message = "no file was given; give the file of a model";
            return Err(Error::new(Phase::Request, Cause::InvalidRequest, message));
        }
        self.files.iter().map(Named::open).collect()
    }

    /// How the further files are found.
    pub(crate) fn finder(&self, follow_links: bool) -> Finder<'_> {
        Finder { files: self, folder: None, follow_links }
    }

    /// The folder of the first path.
    fn folder(&self) -> Option<&Path> {
        let path = self.files.iter().find_map(|file| match &file.part.0 {
            Kind::Path(path) => Some(path),
            _ => None,
        });
        path.map(|path| path.parent().unwrap_or(Path::new(".")))
    }
}

impl Named {
    fn open(&self) -> Result<Opened, Error> {
        let path = match &self.part.0 {
            Kind::Path(path) => Some(path.clone()),
            _ => None,
        };
        let name = match (&self.name, &path) {
            (Some(name), _) => name.clone(),
            (None, Some(path)) => file_name(path)?,
            (None, None) => String::new(),
        };
        let source = self.part.open(&name)?;
        Ok(Opened { path, name, source })
    }
}

impl fmt::Debug for ModelFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelFiles").field("files", &self.files).field("find", &self.find.is_some()).finish()
    }
}

/// Finds further files by the names that the model has for them.
pub(crate) struct Finder<'a> {
    files: &'a ModelFiles,
    /// The folder, held open from the first file on that is found in it.
    folder: Option<Arc<Folder>>,
    /// Whether a link in the folder may lead anywhere.
    follow_links: bool,
}

impl Finder<'_> {
    /// Opens a file that the guest named. Nothing but a plain name gets out of here.
    pub(crate) fn open(&mut self, name: &str) -> Result<Opened, Error> {
        if !Granted::is_plain(name) {
            let name = escape(name);
            let message =
                format!("the model names the file \"{name}\", which is not a plain file name; it was not opened");
            return Err(Error::new(Phase::Parse, Cause::Malformed, message));
        }
        let Some(find) = &self.files.find else { return self.beside(name) };
        let part = find(name).map_err(|error| missing(name, "was not found", error).of_file(Path::new(name)))?;
        let path = match &part.0 {
            Kind::Path(path) => Some(path.clone()),
            _ => None,
        };
        Ok(Opened { path, name: name.to_owned(), source: part.open(name)? })
    }

    fn beside(&mut self, name: &str) -> Result<Opened, Error> {
        let Some(beside) = self.files.folder() else {
            let message = format!(
                "{} is a part of this model and was not given; give it as well, or say where it is with `find`",
                escape(name)
            );
            return Err(Error::new(Phase::Request, Cause::NotFound, message).of_file(Path::new(name)));
        };
        let called = called(beside, name);
        let path = beside.join(&called);
        let folder = match &self.folder {
            Some(folder) => folder,
            None => self.folder.insert(Folder::open(beside).map(Arc::new).map_err(|error| {
                let message = format!("the folder {} cannot be read: {error}", escape_path(beside));
                Error::new(Phase::Request, Cause::Io, message).caused_by(error).of_file(beside)
            })?),
        };
        let source =
            Granted::open_in(folder, beside, name, called, self.follow_links).map_err(|error| error.of_file(&path))?;
        Ok(Opened { path: Some(path), name: name.to_owned(), source })
    }
}

/// What a file is called in a folder. The loader knows names as text, in which what is no UTF-8 is replaced; so the parts of a
/// model whose first one has such a name are looked for by how they would be shown.
fn called(folder: &Path, name: &str) -> OsString {
    let exact = || OsString::from(name);
    if !name.contains(char::REPLACEMENT_CHARACTER) {
        return exact();
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let names = std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.file_name()));
    let mut fitting = names.filter(|found| found.to_string_lossy() == name);
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => one,
        // None, or several of which nobody knows which is meant.
        _ => exact(),
    }
}

/// A part of the model that is not there.
pub(crate) fn missing(name: &str, what: &str, error: io::Error) -> Error {
    let (cause, why) = match error.kind() {
        io::ErrorKind::NotFound => (Cause::NotFound, String::new()),
        io::ErrorKind::PermissionDenied => (Cause::AccessDenied, ": permission denied".to_owned()),
        _ => (Cause::Io, format!(": {error}")),
    };
    let message = format!("{} is a part of this model and {what}{}", escape(name), escape(&why));
    Error::new(Phase::Request, cause, message).caused_by(error)
}

fn file_name(path: &Path) -> Result<String, Error> {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).ok_or_else(|| {
        let message = format!("{} names no file; give the file of a model", escape_path(path));
        Error::new(Phase::Request, Cause::InvalidRequest, message).of_file(path)
    })
}

macro_rules! from_paths {
    ($($path:ty),*) => {
        $(
            impl From<$path> for ModelFiles {
                fn from(path: $path) -> Self {
                    Self::new().path(path)
                }
            }
        )*
    };
}

from_paths!(PathBuf, &Path, &PathBuf, &str, String, &String, &OsStr, OsString);

impl<P: AsRef<Path>> From<&[P]> for ModelFiles {
    fn from(paths: &[P]) -> Self {
        paths.iter().fold(Self::new(), |files, path| files.path(path.as_ref()))
    }
}

impl<P: AsRef<Path>> From<&Vec<P>> for ModelFiles {
    fn from(paths: &Vec<P>) -> Self {
        paths.as_slice().into()
    }
}

impl<P: AsRef<Path>, const N: usize> From<&[P; N]> for ModelFiles {
    fn from(paths: &[P; N]) -> Self {
        paths.as_slice().into()
    }
}

impl<P: AsRef<Path>> From<Vec<P>> for ModelFiles {
    fn from(paths: Vec<P>) -> Self {
        paths.as_slice().into()
    }
}

impl<P: AsRef<Path>, const N: usize> From<[P; N]> for ModelFiles {
    fn from(paths: [P; N]) -> Self {
        paths.as_slice().into()
    }
}

impl From<PathBuf> for Part {
    fn from(path: PathBuf) -> Self {
        Self(Kind::Path(path))
    }
}

impl From<&Path> for Part {
    fn from(path: &Path) -> Self {
        Self(Kind::Path(path.to_owned()))
    }
}

impl From<File> for Part {
    fn from(file: File) -> Self {
        Self::file(file)
    }
}

#[cfg(unix)]
impl From<std::os::fd::OwnedFd> for Part {
    fn from(descriptor: std::os::fd::OwnedFd) -> Self {
        Self::file(descriptor.into())
    }
}

impl From<Vec<u8>> for Part {
    fn from(bytes: Vec<u8>) -> Self {
        Self::bytes(bytes)
    }
}

impl From<Arc<[u8]>> for Part {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self::bytes(bytes)
    }
}

impl From<&'static [u8]> for Part {
    fn from(bytes: &'static [u8]) -> Self {
        Self::bytes(bytes)
    }
}

impl<const N: usize> From<&'static [u8; N]> for Part {
    fn from(bytes: &'static [u8; N]) -> Self {
        Self::bytes(bytes.as_slice())
    }
}

impl From<Arc<dyn Source>> for Part {
    fn from(source: Arc<dyn Source>) -> Self {
        Self(Kind::Source(source))
    }
}
