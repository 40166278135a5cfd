//! A file of a model: a regular file or somebody's source, the same one throughout, however often it is opened.
use super::{
    descriptor::{Descriptor, Place},
    storage_error,
};
use crate::{
    error::Error,
    files::missing,
    permanence::Permanence,
    platform::{self, Identity},
    source::{Mapped, Source as Custom},
};
use std::{ffi::OsString, fs::File, io, path::Path, sync::Arc};
use weighbridge_core::{Cause, Phase, SourceStat, Span, StorageError, escape, escape_path, types};

pub(crate) use crate::platform::Folder;

/// A file as it was when it was granted.
pub struct Source {
    from: From,
    size: u64,
    /// Its owner promised that it stays as it is.
    promised: bool,
}

enum From {
    /// A file that is found again under its path, so that it need not stay open.
    Path(Arc<Descriptor>),
    /// A part of a file that the embedder opened, from `base` on.
    File { file: Arc<File>, identity: Identity, base: u64 },
    /// Whatever the embedder has.
    Custom { source: Arc<dyn Custom>, fingerprint: (u64, u64) },
}

impl Source {
    /// Opens the file at a path that the embedder gave.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let shown = escape_path(path);
        let place = Place::of(path);
        let opened = place.open().and_then(|file| file.ok_or_else(|| io::ErrorKind::NotFound.into()));
        let opened = opened.map_err(|error| match std::fs::read_link(path) {
            Ok(target) if error.kind() == io::ErrorKind::NotFound => dangling(&shown, path.parent(), &target, error),
            _ => refused(&shown, error),
        });
        opened.and_then(|file| Self::of_place(file, place, &shown)).map_err(|error| error.of_file(path))
    }

    /// A file that was opened at a place.
    fn of_place(file: File, place: Place, shown: &str) -> Result<Self, Error> {
        is_regular(&file, shown)?;
        let file = Descriptor::new(file, place).map_err(|error| refused(shown, error))?;
        let size = file.identity().size;
        Ok(Self { from: From::Path(file), size, promised: false })
    }

    /// Opens a file of a folder, which has the path `at`, by its plain name; it is `called` so in the folder. A link there leads
    /// outside only as `platform::Folder::file` says.
    pub(crate) fn open_in(
        folder: &Arc<Folder>,
        at: &Path,
        name: &str,
        called: OsString,
        follow_links: bool,
    ) -> Result<Self, Error> {
        let link = folder.link(&called);
        let place = Place::In(folder.clone(), called, follow_links);
        let file = place.open().map_err(|error| match (error.kind(), link) {
            (io::ErrorKind::NotFound, Some(target)) => dangling(&escape(name), Some(at), &target, error),
            (io::ErrorKind::NotFound, None) => {
                missing(name, "is not beside its first file; fetch it into the same folder", error)
            }
            _ => refused(&escape(name), error),
        })?;
        let file = file.ok_or_else(|| {
            let message = format!(
                "{} is a part of this model and is a link; it was not followed, since it may lead to any file. Put the \
                 file itself beside the first one, or set `follow_links` if you made the link",
                escape(name)
            );
            Error::new(Phase::Request, Cause::AccessDenied, message)
        })?;
        Self::of_place(file, place, &escape(name))
    }

    /// An open file, or the part (offset, length) of it.
    pub(crate) fn of_file(file: Arc<File>, span: Option<(u64, u64)>, shown: &str) -> Result<Self, Error> {
        is_regular(&file, shown)?;
        let identity = platform::identity(&file).map_err(|error| refused(shown, error))?;
        let (base, size) = span.unwrap_or((0, identity.size));
        if base.checked_add(size).is_none_or(|end| end > identity.size) {
            let message = format!(
                "{shown} was to be {size} bytes from byte {base} of a file that has {}; give a part that is inside it",
                identity.size
            );
            return Err(Error::new(Phase::Request, Cause::OutOfBounds, message));
        }
        Ok(Self { from: From::File { file, identity, base }, size, promised: false })
    }

    /// Bytes of the embedder.
    pub(crate) fn of_source(source: Arc<dyn Custom>, shown: &str) -> Result<Self, Error> {
        let size = source.size().map_err(|error| refused(shown, error))?;
        let fingerprint = source.fingerprint().map_err(|error| refused(shown, error))?;
        Ok(Self { from: From::Custom { source, fingerprint }, size, promised: false })
    }

    /// The same, with what its owner promised.
    pub(crate) const fn promised(mut self, promised: bool) -> Self {
        self.promised = promised;
        self
    }

    pub(crate) const fn is_promised(&self) -> bool {
        self.promised
    }

    /// What the system says of whether its bytes can change.
    pub(crate) fn permanence(&self) -> Permanence {
        match self.file() {
            Ok(Some((file, _))) => platform::permanence(&file),
            Ok(None) => Permanence::Owner,
            Err(_) => Permanence::Unknown,
        }
    }

    /// The file behind it, if any, and where it begins in that.
    pub(crate) fn file(&self) -> Result<Option<(Arc<File>, u64)>, StorageError> {
        Ok(match &self.from {
            From::Path(descriptor) => Some((descriptor.file()?, 0)),
            From::File { file, base, .. } => Some((file.clone(), *base)),
            From::Custom { .. } => None,
        })
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Whether it is still what was granted.
    pub(crate) fn check(&self) -> Result<(), StorageError> {
        let same = match &self.from {
            From::Path(descriptor) => platform::identity(&*descriptor.file()?).map(|now| now == descriptor.identity()),
            From::File { file, identity, .. } => platform::identity(file).map(|now| now == *identity),
            From::Custom { source, fingerprint } => {
                source.size().and_then(|size| Ok(size == self.size && source.fingerprint()? == *fingerprint))
            }
        };
        if same.map_err(|error| storage_error(&error))? { Ok(()) } else { Err(StorageError::Changed) }
    }

    pub(crate) fn stat(&self) -> Result<SourceStat, StorageError> {
        self.check()?;
        let fingerprint = match &self.from {
            From::Path(descriptor) => descriptor.identity().fingerprint(),
            From::File { identity, .. } => identity.fingerprint(),
            From::Custom { fingerprint, .. } => *fingerprint,
        };
        Ok(SourceStat { size: self.size, fingerprint })
    }

    /// Header bytes.
    pub(crate) fn read(&self, span: Span) -> Result<Vec<u8>, StorageError> {
        let len = usize::try_from(span.len()).map_err(|_| StorageError::OutOfBounds)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| StorageError::Exhausted)?;
        let Some((file, base)) = self.file()? else {
            bytes.resize(len, 0);
            self.read_exact(&mut bytes, span.offset())?;
            self.check()?;
            return Ok(bytes);
        };
        while bytes.len() < len {
            let have = bytes.len();
            match platform::read_append(&file, &mut bytes, len - have, base + span.offset() + have as u64) {
                Ok(0) => return Err(self.ended()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(storage_error(&error)),
            }
        }
        self.check()?;
        Ok(bytes)
    }

    /// Fills `bytes` from `offset`: short reads and interruptions are gone on with.
    pub(crate) fn read_exact(&self, mut bytes: &mut [u8], mut offset: u64) -> Result<(), StorageError> {
        let file = self.file()?;
        while !bytes.is_empty() {
            let read = match (&self.from, &file) {
                (From::Custom { source, .. }, _) => source.read_at(offset, bytes),
                (_, Some((file, base))) => platform::read_at(file, bytes, base + offset),
                (_, None) => return Err(StorageError::Unsupported),
            };
            match read {
                Ok(0) => return Err(self.ended()),
                Ok(read) => {
                    // Clamp: a source that says that it read more than there was room for is not believed.
                    let too_many =
                        || StorageError::Other("the source says that it read more than it was asked".to_owned());
                    bytes = bytes.get_mut(read..).ok_or_else(too_many)?;
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(storage_error(&error)),
            }
        }
        Ok(())
    }

    /// Memory of the embedder that holds a part of a source which is no file. Clamp: as much as was asked for.
    pub(super) fn memory(&self, offset: u64, len: usize) -> Result<Mapped, StorageError> {
        let From::Custom { source, .. } = &self.from else { return Err(StorageError::Unsupported) };
        let mapped = source.map(offset, len).map_err(|error| storage_error(&error))?;
        if mapped.len() == len { Ok(mapped) } else { Err(StorageError::EndOfSource) }
    }

    /// Why a span that was inside the file could not be read to its end.
    fn ended(&self) -> StorageError {
        self.check().err().unwrap_or(StorageError::EndOfSource)
    }

    /// Whether a name can only mean a file in the folder it is looked for in.
    pub(crate) fn is_plain(name: &str) -> bool {
        // `C:x` and `x:stream` mean other places on Windows alone; elsewhere a colon is a character like any other.
        let other = |c: char| matches!(c, '/' | '\\' | '\0') || (cfg!(windows) && c == ':');
        !name.is_empty() && name != "." && name != ".." && name.len() <= 255 && !name.contains(other)
    }
}

fn is_regular(file: &File, shown: &str) -> Result<(), Error> {
    let Some(what) = platform::irregular(file).map_err(|error| refused(shown, error))? else { return Ok(()) };
    let message = format!("{shown} is {what}; give a regular file");
    Err(Error::new(Phase::Request, Cause::InvalidRequest, message))
}

/// A link in `folder` that leads to a file which is not there: in a cache, one whose download did not end.
fn dangling(shown: &str, folder: Option<&Path>, target: &Path, error: io::Error) -> Error {
    let begun = target.file_name().and_then(|name| {
        let mut name = name.to_owned();
        name.push(".incomplete");
        let begun = target.with_file_name(name);
        let size = std::fs::metadata(folder?.join(&begun)).ok()?.len();
        Some(format!("; its download has begun ({} has {size} bytes), so let it end", escape_path(&begun)))
    });
    let message = format!(
        "{shown} is a link to {}, and there is no such file{}",
        escape_path(target),
        begun.unwrap_or_else(|| "; fetch the file again, or mend the link".to_owned())
    );
    let mut record = types::Error::new(Phase::Request, Cause::NotFound, message);
    record.field = Some("link".to_owned());
    Error::from(record).caused_by(error)
}

fn refused(shown: &str, error: io::Error) -> Error {
    let (cause, advice) = match error.kind() {
        io::ErrorKind::NotFound => (Cause::NotFound, "check the path".to_owned()),
        io::ErrorKind::PermissionDenied => (Cause::AccessDenied, "give this user the right to read it".to_owned()),
        io::ErrorKind::NotADirectory => (Cause::NotFound, "a part of the path is no folder; check it".to_owned()),
        _ if platform::is_out_of_files(&error) => {
            let limit = platform::file_limit().map(|limit| format!(", which is {limit}")).unwrap_or_default();
            let advice = format!(
                "this process or the system has as many files open as it may: close some, or raise `ulimit -n`{limit}"
            );
            (Cause::Io, advice)
        }
        _ => (Cause::Io, "try again, or look at the system's log".to_owned()),
    };
    let what = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    Error::new(Phase::Request, cause, format!("{shown} cannot be opened: {what}; {advice}")).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn only_plain_names_are_opened() {
        for name in [
            "model-00001-of-00002.gguf",
            "größe.safetensors",
            "...",
            "a..b",
            ".hidden",
            "it's \"quoted\"",
            "two\nlines",
            "می\u{200c}خواهم",
            "👩\u{200d}🔬",
            &"n".repeat(255),
        ] {
            assert!(Source::is_plain(name), "{name}");
        }
        for name in ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", "a\0b", &"n".repeat(256)] {
            assert!(!Source::is_plain(name), "{name:?}");
        }
        assert_eq!(Source::is_plain("model:q4"), !cfg!(windows));
    }
}
