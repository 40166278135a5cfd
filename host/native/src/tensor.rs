//! The bytes of a tensor, where they lie.
use crate::{error::Error, media::Native, permanence::Permanence};
use std::{
    ops::{Deref, Range},
    path::Path,
    sync::Arc,
};
use weighbridge_core::{Cause, Held, Phase, StorageError, TensorInfo, View, types::Error as Record};

/// A view of a resident tensor. It keeps its mapping or its buffer alive, so it can outlive the session; as long as it is
/// there, releasing or evicting the tensor is answered `busy`. Clones are views of their own.
#[derive(Clone)]
pub struct Tensor {
    info: Arc<TensorInfo>,
    held: Held<Native>,
    range: Range<usize>,
    file: Option<Arc<Path>>,
}

impl Tensor {
    /// The core has checked the span; here it is checked against the memory that is there.
    pub(crate) fn new(view: View<Native>, file: Option<Arc<Path>>) -> Result<Self, Error> {
        let fits = |value: u64| usize::try_from(value).ok();
        let range = fits(view.span.offset()).zip(fits(view.span.end())).map(|(start, end)| start..end);
        let tensor = range.map(|range| Self { info: Arc::new(view.info), held: view.held, range, file });
        let tensor = tensor.filter(|tensor| tensor.held().get(tensor.range.clone()).is_some()).ok_or_else(|| {
            let message =
                "the memory that a tensor lies in is shorter than it was; registered memory must stay as it is";
            Error::new(Phase::Request, Cause::OutOfBounds, message)
        })?;
        match &tensor.held {
            Held::Mapped(mapping) if mapping.inner().lost() => Err(tensor.error(&StorageError::Changed)),
            _ => Ok(tensor),
        }
    }

    fn held(&self) -> &[u8] {
        match &self.held {
            Held::Mapped(mapping) => mapping.inner(),
            Held::Copied(buffer) => buffer.memory().bytes(),
            Held::Empty => &[],
        }
    }

    /// Its name, as in the file: escape it before it is shown.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// The name that the format gives the element type, such as `Q4_K` or `BF16`.
    #[must_use]
    pub fn dtype(&self) -> &str {
        &self.info.dtype
    }

    /// Elements per dimension, in the order of the file.
    #[must_use]
    pub fn shape(&self) -> &[u64] {
        &self.info.shape
    }

    /// All that the header says of it.
    #[must_use]
    pub fn info(&self) -> &TensorInfo {
        &self.info
    }

    /// Bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.range.end - self.range.start
    }

    /// Whether it has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this is a view of the mapped file, and not of a copy.
    #[must_use]
    pub const fn is_mapped(&self) -> bool {
        matches!(self.held, Held::Mapped(_))
    }

    /// The bytes, without a copy.
    ///
    /// For a mapped tensor this is the file itself. No program can promise that a file of someone else stays as it is:
    /// - if it is **truncated** while it is mapped, the lost part reads as zeros, up to the end of its mapping. A handler of
    ///   SIGBUS sees to that, which is installed with the first mapping and passes on every signal that is not its own;
    /// - if it is **written to**, the bytes here change between two reads. Rust's rules call that undefined behaviour; in
    ///   practice a reader sees old bytes, new ones or a mixture, and nothing worse where it only reads them as numbers.
    ///   Whoever checks bytes here and trusts them later does what the rules forbid.
    ///
    /// [`Self::check`] says whether either has happened since the model was opened, and so does the session when it next reads,
    /// maps or loads (`source-changed`). Where a decision depends on the bytes, read with [`Self::copy_to`], or load with
    /// `read-copy`, whose views are memory of this process. [`Self::permanence`] says what the system knows of the file, and
    /// [`ModelFiles::unchanging`](crate::ModelFiles::unchanging) takes the promise of a program whose own the files are.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{LoadOptions, Selection};
    ///
    /// # let mut model = tiny_model()?;
    /// model.load(&Selection::All, &LoadOptions::new())?;
    /// let scale = model.tensor("scale")?;
    /// let values = scale.bytes().chunks_exact(4).map(|value| f32::from_le_bytes(value.try_into().unwrap()));
    /// assert_eq!(values.collect::<Vec<f32>>(), [0.5, 2.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.held().get(self.range.clone()).unwrap_or_default()
    }

    /// Copies bytes from `offset` of the tensor on into `to`, and survives a file that shrank: mapped bytes are read from
    /// the file by position instead of through the mapping, on every system.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{LoadOptions, Selection};
    ///
    /// # let mut model = tiny_model()?;
    /// model.load(&Selection::All, &LoadOptions::new())?;
    /// let mut second = [0; 4];
    /// model.tensor("scale")?.copy_to(4, &mut second)?;
    /// assert_eq!(f32::from_le_bytes(second), 2.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `out-of-bounds` where the tensor has no such bytes; `source-changed` where the file is not what it was when it was
    /// opened, before or after the copy; `io` where the system fails. `to` then holds nothing that counts.
    pub fn copy_to(&self, offset: u64, to: &mut [u8]) -> Result<(), Error> {
        let outside = || self.error(&StorageError::OutOfBounds);
        let start = usize::try_from(offset).map_err(|_| outside())?;
        if start.checked_add(to.len()).is_none_or(|end| end > self.len()) {
            return Err(outside());
        }
        if let Held::Mapped(mapping) = &self.held {
            let from = mapping.offset() + self.range.start as u64 + offset;
            let source = mapping.source();
            let copied = source.read_exact(to, from).and_then(|()| source.check());
            return copied.map_err(|error| self.error(&error));
        }
        let bytes = self.bytes().get(start..start + to.len()).ok_or_else(outside)?;
        to.copy_from_slice(bytes);
        Ok(())
    }

    /// Whether the bytes are still those of the file as it was when the model was opened, as far as its size and times tell
    /// and as no page of it was lost. To be asked after the bytes were used.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// use weighbridge::{LoadOptions, Selection};
    ///
    /// # let mut model = tiny_model()?;
    /// model.load(&Selection::All, &LoadOptions::new())?;
    /// let scale = model.tensor("scale")?;
    /// let sum: u64 = scale.bytes().iter().map(|byte| u64::from(*byte)).sum();
    /// scale.check()?; // the sum counts
    /// # assert!(sum > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `source-changed`: open the model again. `io` where the system fails.
    pub fn check(&self) -> Result<(), Error> {
        let Held::Mapped(mapping) = &self.held else { return Ok(()) };
        let lost = if mapping.inner().lost() { Err(StorageError::Changed) } else { Ok(()) };
        lost.and_then(|()| mapping.source().check()).map_err(|error| self.error(&error))
    }

    /// What the system says of whether the bytes can change while they are here. Asked anew with each call.
    #[must_use]
    pub fn permanence(&self) -> Permanence {
        match &self.held {
            Held::Mapped(mapping) => mapping.source().permanence(),
            Held::Copied(_) | Held::Empty => Permanence::Copied,
        }
    }

    fn error(&self, error: &StorageError) -> Error {
        let name = weighbridge_core::escape(&self.info.name);
        let (cause, message) = match error {
            StorageError::Changed | StorageError::EndOfSource => (
                Cause::SourceChanged,
                format!("the file of tensor {name} changed after it was opened; open the model again"),
            ),
            StorageError::Io(_) => {
                (Cause::Io, format!("the file of tensor {name} cannot be read; check the disk it is on"))
            }
            StorageError::AccessDenied => {
                (Cause::AccessDenied, format!("the file of tensor {name} may not be read any more"))
            }
            _ => (
                Cause::OutOfBounds,
                format!("tensor {name} has {} bytes, and more than these were asked for; ask for less", self.len()),
            ),
        };
        let mut found = Record::new(Phase::Transfer, cause, message);
        found.source = Some(self.info.source);
        if let StorageError::Io(code) = error {
            found.os_code = Some(*code);
        }
        match &self.file {
            Some(file) => Error::from(found).of_file(file),
            None => found.into(),
        }
    }
}

impl Deref for Tensor {
    type Target = [u8];

    /// [`Self::bytes`], and what is said there.
    fn deref(&self) -> &[u8] {
        self.bytes()
    }
}

impl AsRef<[u8]> for Tensor {
    /// [`Self::bytes`], and what is said there.
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tensor").field("info", &self.info).field("mapped", &self.is_mapped()).finish_non_exhaustive()
    }
}
