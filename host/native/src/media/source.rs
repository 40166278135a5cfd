//! A file of a model: opened once, a regular file, the same one throughout.
use super::storage_error;
use crate::platform::{self, Identity};
use std::{fs::File, io, path::Path};
use weighbridge_core::{Cause, Error, Phase, SourceStat, Span, StorageError, escape, escape_path};

pub(crate) use crate::platform::Folder;

/// A file as it was when it was granted.
#[derive(Debug)]
pub(crate) struct Source {
    file: File,
    identity: Identity,
}

impl Source {
    /// Opens the file at a path that the embedder gave.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let shown = escape_path(path);
        let file = platform::open(path).map_err(|error| refused(&shown, &error))?;
        Self::grant(file, &shown)
    }

    /// Opens a file that the guest named as a further part of the model. Nothing but a plain name gets out of here, so
    /// nothing outside the folder can be named.
    pub(crate) fn open_in(folder: &Folder, name: &str) -> Result<Self, Error> {
        if !is_plain(name) {
            return Err(Error::new(
                Phase::Parse,
                Cause::Malformed,
                format!(
                    "the model names the file \"{}\", which is not a plain file name; it was not opened",
                    escape(name)
                ),
            ));
        }
        let shown = escape(name);
        let file = folder.file(name).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                let message = format!(
                    "{shown} is a part of this model and is not beside its first file; fetch it into the same folder"
                );
                let mut missing = Error::new(Phase::Request, Cause::NotFound, message);
                missing.os_code = error.raw_os_error();
                missing
            }
            _ => refused(&shown, &error),
        })?;
        Self::grant(file, &shown)
    }

    fn grant(file: File, shown: &str) -> Result<Self, Error> {
        if let Some(what) = platform::irregular(&file).map_err(|error| refused(shown, &error))? {
            let message = format!("{shown} is {what}; give a regular file");
            return Err(Error::new(Phase::Request, Cause::InvalidRequest, message));
        }
        let identity = platform::identity(&file).map_err(|error| refused(shown, &error))?;
        Ok(Self { file, identity })
    }

    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    pub(crate) const fn size(&self) -> u64 {
        self.identity.size
    }

    /// Whether it is still what was granted.
    pub(crate) fn check(&self) -> Result<(), StorageError> {
        let now = platform::identity(&self.file).map_err(|error| storage_error(&error))?;
        if now == self.identity { Ok(()) } else { Err(StorageError::Changed) }
    }

    pub(crate) fn stat(&self) -> Result<SourceStat, StorageError> {
        self.check()?;
        Ok(SourceStat { size: self.identity.size, fingerprint: self.identity.fingerprint() })
    }

    /// Header bytes.
    pub(crate) fn read(&self, span: Span) -> Result<Vec<u8>, StorageError> {
        let (offset, len) = (span.offset(), usize::try_from(span.len()).map_err(|_| StorageError::OutOfBounds)?);
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| StorageError::Exhausted)?;
        while bytes.len() < len {
            let have = bytes.len();
            match platform::read_append(&self.file, &mut bytes, len - have, offset + have as u64) {
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
            match platform::read_at(&self.file, bytes, offset) {
                Ok(0) => return Err(self.ended()),
                Ok(read) => {
                    bytes = &mut bytes[read..];
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(storage_error(&error)),
            }
        }
        Ok(())
    }

    /// Why a span that was inside the file could not be read to its end.
    fn ended(&self) -> StorageError {
        self.check().err().unwrap_or(StorageError::EndOfSource)
    }
}

/// Whether a name can only mean a file in the folder it is looked for in.
pub(crate) fn is_plain(name: &str) -> bool {
    // `C:x` and `x:stream` mean other places on Windows alone; elsewhere a colon is a character like any other.
    let other = |c: char| matches!(c, '/' | '\\' | '\0') || (cfg!(windows) && c == ':');
    !name.is_empty() && name != "." && name != ".." && name.len() <= 255 && !name.contains(other)
}

fn refused(shown: &str, error: &io::Error) -> Error {
    let (cause, advice) = match error.kind() {
        io::ErrorKind::NotFound => (Cause::NotFound, "check the path".to_owned()),
        io::ErrorKind::PermissionDenied => (Cause::AccessDenied, "give this user the right to read it".to_owned()),
        io::ErrorKind::NotADirectory => (Cause::NotFound, "a part of the path is no folder; check it".to_owned()),
        _ => (Cause::Io, "try again, or look at the system's log".to_owned()),
    };
    let what = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    let mut refused = Error::new(Phase::Request, cause, format!("{shown} cannot be opened: {what}; {advice}"));
    refused.os_code = error.raw_os_error();
    refused
}

#[cfg(test)]
mod tests {
    use super::is_plain;

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
            assert!(is_plain(name), "{name}");
        }
        for name in ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", "a\0b", &"n".repeat(256)] {
            assert!(!is_plain(name), "{name:?}");
        }
        assert_eq!(is_plain("model:q4"), !cfg!(windows));
    }
}
