//! A file of a model: opened once, a regular file or somebody's source, the same one throughout.
use super::storage_error;
use crate::{
    error::Error,
    files::missing,
    platform::{self, Identity},
    source::{Mapped, Source as Custom},
};
use std::{fs::File, io, path::Path, sync::Arc};
use weighbridge_core::{Cause, Phase, SourceStat, Span, StorageError, escape, escape_path, types};

pub(crate) use crate::platform::Folder;

/// A file as it was when it was granted.
pub struct Source {
    from: From,
    size: u64,
}

enum From {
    /// A part of a file, from `base` on.
    File { file: Arc<File>, identity: Identity, base: u64 },
    /// Whatever the embedder has.
    Custom { source: Arc<dyn Custom>, fingerprint: (u64, u64) },
}

impl Source {
    /// Opens the file at a path that the embedder gave.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let shown = escape_path(path);
        let opened = platform::open(path).map_err(|error| match std::fs::read_link(path) {
            Ok(target) if error.kind() == io::ErrorKind::NotFound => dangling(&shown, path.parent(), &target, error),
            _ => refused(&shown, error),
        });
        opened.and_then(|file| Self::of_file(Arc::new(file), None, &shown)).map_err(|error| error.of_file(path))
    }

    /// Opens a file of a folder by its plain name. A link there leads outside only as `platform::Folder::file` says.
    pub(crate) fn open_in(folder: &Folder, path: &Path, name: &str, follow_links: bool) -> Result<Self, Error> {
        let file = folder.file(name, follow_links).map_err(|error| match (error.kind(), folder.link(name)) {
            (io::ErrorKind::NotFound, Some(target)) => dangling(&escape(name), path.parent(), &target, error),
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
        Self::of_file(Arc::new(file), None, &escape(name))
    }

    /// An open file, or the part (offset, length) of it.
    pub(crate) fn of_file(file: Arc<File>, span: Option<(u64, u64)>, shown: &str) -> Result<Self, Error> {
        if let Some(what) = platform::irregular(&file).map_err(|error| refused(shown, error))? {
            let message = format!("{shown} is {what}; give a regular file");
            return Err(Error::new(Phase::Request, Cause::InvalidRequest, message));
        }
        let identity = platform::identity(&file).map_err(|error| refused(shown, error))?;
        let (base, size) = span.unwrap_or((0, identity.size));
        if base.checked_add(size).is_none_or(|end| end > identity.size) {
            let message = format!(
                "{shown} was to be {size} bytes from byte {base} of a file that has {}; give a part that is inside it",
                identity.size
            );
            return Err(Error::new(Phase::Request, Cause::OutOfBounds, message));
        }
        Ok(Self { from: From::File { file, identity, base }, size })
    }

    /// Bytes of the embedder.
    pub(crate) fn of_source(source: Arc<dyn Custom>, shown: &str) -> Result<Self, Error> {
        let size = source.size().map_err(|error| refused(shown, error))?;
        let fingerprint = source.fingerprint().map_err(|error| refused(shown, error))?;
        Ok(Self { from: From::Custom { source, fingerprint }, size })
    }

    /// The file behind it, and where it begins in that.
    pub(crate) fn file(&self) -> Option<(&File, u64)> {
        match &self.from {
            From::File { file, base, .. } => Some((file, *base)),
            From::Custom { .. } => None,
        }
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Whether it is still what was granted.
    pub(crate) fn check(&self) -> Result<(), StorageError> {
        let same = match &self.from {
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
        let From::File { file, base, .. } = &self.from else {
            bytes.resize(len, 0);
            self.read_exact(&mut bytes, span.offset())?;
            self.check()?;
            return Ok(bytes);
        };
        while bytes.len() < len {
            let have = bytes.len();
            match platform::read_append(file, &mut bytes, len - have, base + span.offset() + have as u64) {
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
        while !bytes.is_empty() {
            let read = match &self.from {
                From::File { file, base, .. } => platform::read_at(file, bytes, base + offset),
                From::Custom { source, .. } => source.read_at(offset, bytes),
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
        io::ErrorKind::NotFound => (Cause::NotFound, "check the path"),
        io::ErrorKind::PermissionDenied => (Cause::AccessDenied, "give this user the right to read it"),
        io::ErrorKind::NotADirectory => (Cause::NotFound, "a part of the path is no folder; check it"),
        _ if platform::is_out_of_files(&error) => {
            (Cause::Io, "this process or the system has as many files open as it may: close some, or raise `ulimit -n`")
        }
        _ => (Cause::Io, "try again, or look at the system's log"),
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
