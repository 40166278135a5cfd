//! The one interface that a format stands behind: how it is told from others, read, and put together with other files.
use std::fmt;

use super::Limits;
use super::assembly::Assembly;
use super::format::Format;
use super::header::Header;
use super::window::Buffer;
use crate::api::{FilePart, MetadataEdit};
use crate::types::Error;

/// A format as the functions that know it. Its folder has one of these, and `registry.rs` names it.
#[derive(Debug)]
pub(crate) struct Handler {
    /// What anybody may be told of it.
    pub(crate) format: &'static Format,
    /// Bytes of the file's beginning that `sniff` looks at.
    pub(crate) head: u32,
    /// Bytes of the file's end that `sniff` looks at where no format is certain by the beginning; 0 for a format whose
    /// beginning says enough.
    pub(crate) tail: u32,
    /// How sure it is of a file.
    pub(crate) sniff: fn(&Glimpse<'_>) -> Match,
    /// Begins to read a file that it is the surest of. One read answers at most so many bytes.
    pub(crate) reader: fn(&Glimpse<'_>, u32) -> Box<dyn Reader>,
    /// Which files are one model.
    pub(crate) assembly: &'static Assembly,
    /// Makes the parts of a file that has other metadata; none for a format that has none which anybody could change.
    pub(crate) rewrite: Option<Rewrite>,
}

/// A file with other metadata, as the parts that it consists of: see `rewrite` of `wit/loader.wit`.
pub(crate) type Rewrite = fn(&Header, &[MetadataEdit], u64) -> Result<Vec<FilePart>, Error>;

/// What there is to tell a format by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glimpse<'f> {
    /// The file's name in lower case. It breaks ties only.
    pub(crate) name: &'f str,
    /// Bytes of the file.
    pub(crate) size: u64,
    /// Its first bytes, as many as the longest head of all formats, or the whole file.
    pub(crate) head: &'f [u8],
    /// Its last bytes, as many as the longest tail of all formats, or the whole file; empty where they were not needed.
    pub(crate) tail: &'f [u8],
    /// Bounds on the file.
    pub(crate) limits: Limits,
}

/// How sure a format is of a file. The surest reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Match {
    /// It is something else.
    No,
    /// Nothing speaks against it, and its reader can say what is wrong.
    Possible,
    /// It is built like one.
    Likely,
    /// Its name says so.
    Named,
    /// Its magic number is there.
    Certain,
}

/// Reads one file, from wherever in it that stands which it wants next. A reader may have others read what lies in its
/// file: what they want is a place in the same file, and [`Header`]s can be put together.
pub(crate) trait Reader: fmt::Debug + Send {
    /// Goes on as far as the bytes reach that are here.
    fn advance(&mut self, buffer: &mut Buffer) -> Result<Progress, Error>;
}

/// What a reader wants next.
pub(crate) enum Progress {
    /// These bytes, anywhere in the file, as [`Buffer::ask`] cut them.
    Read { offset: u64, len: u32 },
    /// Nothing more.
    Done(Box<Header>),
    /// Nothing more of the header; the bytes from `at` to the file's end are of no tensor, and are looked at.
    Behind {
        header: Box<Header>,
        at: u64,
        /// Whether the format forbids them.
        forbidden: bool,
    },
}

impl Progress {
    /// The next read on the way to `n` bytes from `at` on; [`Buffer::ask`] says what `sure` is.
    pub(crate) fn read(buffer: &mut Buffer, at: u64, n: u64, sure: u64) -> Self {
        let (offset, len) = buffer.ask(at, n, sure);
        Self::Read { offset, len }
    }
}

/// How sure the first bytes make a format that begins with a magic number. A file that ends inside the number counts: its
/// reader says that it is cut off.
pub(crate) fn by_magic(head: &[u8], magic: &[u8]) -> Match {
    if head.starts_with(magic) || magic.starts_with(head) { Match::Certain } else { Match::No }
}

/// The surest of these about a file; the first of several, none where it is none's.
pub(crate) fn surest(among: &[&'static Handler], file: &Glimpse<'_>) -> Option<(&'static Handler, Match)> {
    let mut best = None;
    for handler in among {
        let sure = (handler.sniff)(file);
        if sure > best.map_or(Match::No, |(_, best)| best) {
            best = Some((*handler, sure));
        }
    }
    best
}
