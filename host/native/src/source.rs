//! Bytes that are no file of this system: in memory, encrypted, far away.
use std::{fmt, io, ops::Range, sync::Arc};

/// Bytes of a model file, wherever they are. Any thread may read at any time, and several do.
///
/// A source is bytes of somebody else, as a file is: what it answers is checked, and nothing that it answers can harm more
/// than the session. Only [`read_at`](Self::read_at) and [`size`](Self::size) are needed; a source that can't
/// [`map`](Self::map) is copied by the strategy `auto`.
///
/// ```
/// use std::io;
/// use weighbridge::{LoadOptions, ModelFiles, Part, Runtime, Selection, Source, Strategy};
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
///
/// /// A file under a (very weak) cipher, deciphered as it is read.
/// struct Ciphered(Vec<u8>);
///
/// impl Source for Ciphered {
///     fn size(&self) -> io::Result<u64> {
///         Ok(self.0.len() as u64)
///     }
///
///     fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
///         let from = self.0.get(offset as usize..).unwrap_or_default();
///         bytes.iter_mut().zip(from).for_each(|(byte, ciphered)| *byte = ciphered ^ 0x5a);
///         Ok(bytes.len().min(from.len()))
///     }
/// }
///
/// let ciphered = Ciphered(tiny().into_iter().map(|byte| byte ^ 0x5a).collect());
/// let mut model = Runtime::new()?.open(ModelFiles::new().part("tiny.safetensors", Part::source(ciphered)))?;
/// let report = model.load(&Selection::All, &LoadOptions::new())?;
/// assert_eq!(report.used, Some(Strategy::StagedRead));
/// assert_eq!(model.tensor("scale")?.bytes()[..4], 0.5f32.to_le_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Source: Send + Sync {
    /// Bytes. Asked again around each use: one that is not what it was is `source-changed`.
    ///
    /// # Errors
    /// The source cannot be reached.
    fn size(&self) -> io::Result<u64>;

    /// Two numbers that change when the bytes do, such as a hash, an ETag or a version; equal is no proof of equality. It is
    /// asked as often as [`Self::size`]. By default none are known.
    ///
    /// # Errors
    /// The source cannot be reached.
    fn fingerprint(&self) -> io::Result<(u64, u64)> {
        Ok((0, 0))
    }

    /// Reads bytes from `offset` on, and returns how many: 0 at the end alone. The span lies inside [`Self::size`] as it was
    /// when the model was opened. `bytes` are zeros, or what an earlier read left.
    ///
    /// # Errors
    /// The bytes cannot be read. [`io::ErrorKind::Interrupted`] is tried again.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// Bytes that are in memory already, for the strategy `mapped-file`: no copy is made. They must not change.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`], as by default, where there is no such memory.
    fn map(&self, offset: u64, len: usize) -> io::Result<Mapped> {
        let _ = (offset, len);
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A source that others have, too.
impl<S: Source + ?Sized> Source for Arc<S> {
    fn size(&self) -> io::Result<u64> {
        (**self).size()
    }

    fn fingerprint(&self) -> io::Result<(u64, u64)> {
        (**self).fingerprint()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, bytes)
    }

    fn map(&self, offset: u64, len: usize) -> io::Result<Mapped> {
        (**self).map(offset, len)
    }
}

/// Memory that is there as long as this is.
#[derive(Clone)]
pub struct Mapped {
    owner: Arc<dyn AsRef<[u8]> + Send + Sync>,
    range: Range<usize>,
}

impl Mapped {
    /// A part of the bytes of `owner`; none where it has no such bytes.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use weighbridge::Mapped;
    ///
    /// let owner = Arc::new(vec![1, 2, 3, 4]);
    /// assert_eq!(Mapped::new(owner.clone(), 1, 2).as_deref(), Some(&[2, 3][..]));
    /// assert!(Mapped::new(owner, 3, 2).is_none());
    /// ```
    #[must_use]
    pub fn new(owner: Arc<dyn AsRef<[u8]> + Send + Sync>, offset: u64, len: usize) -> Option<Self> {
        let start = usize::try_from(offset).ok()?;
        let range = start..start.checked_add(len)?;
        (*owner).as_ref().get(range.clone())?;
        Some(Self { owner, range })
    }
}

impl std::ops::Deref for Mapped {
    type Target = [u8];

    /// An owner whose bytes became fewer has none here.
    fn deref(&self) -> &[u8] {
        (*self.owner).as_ref().get(self.range.clone()).unwrap_or_default()
    }
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped").field("range", &self.range).finish_non_exhaustive()
    }
}

/// Bytes in memory, which are mapped where they are.
pub(crate) struct Memory(pub(crate) Arc<dyn AsRef<[u8]> + Send + Sync>);

impl Source for Memory {
    fn size(&self) -> io::Result<u64> {
        Ok((*self.0).as_ref().len() as u64)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(offset).ok().and_then(|offset| (*self.0).as_ref().get(offset..)).unwrap_or_default();
        let len = bytes.len().min(from.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..len), from.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }

    fn map(&self, offset: u64, len: usize) -> io::Result<Mapped> {
        Mapped::new(self.0.clone(), offset, len).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
