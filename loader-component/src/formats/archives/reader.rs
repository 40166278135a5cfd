//! Reads the directory of an archive, then has the contents read by the format that they are of.
use super::super::Limits;
use super::super::escape;
use super::super::fault::{fault, misuse};
use super::super::handler::{Progress, Reader};
use super::super::registry::ARCHIVES;
use super::super::turn::Turn;
use super::super::window::Buffer;
use super::super::zip::{Archive, ZipReader};
use crate::types::{Cause, Error};

/// A format as what is in an archive. Its folder has one of these, and `registry.rs` names it.
#[derive(Debug)]
pub(crate) struct Contents {
    /// Whether the archive is one of this format.
    pub(crate) fits: fn(&Archive) -> bool,
    /// Begins to read one that is, in a source of so many bytes.
    pub(crate) reader: fn(Archive, u64, Limits) -> Box<dyn Reader>,
}

#[derive(Debug)]
enum State {
    Directory(Box<ZipReader>),
    Contents(Box<dyn Reader>),
}

/// Reads an archive of any format.
#[derive(Debug)]
pub(crate) struct Archived {
    size: u64,
    limits: Limits,
    /// The format that it is of, where that is known.
    only: Option<&'static Contents>,
    state: State,
}

impl Archived {
    /// A reader of a source of `size` bytes; of this format alone, if there is one.
    pub(crate) fn new(size: u64, limits: Limits, only: Option<&'static Contents>) -> Self {
        Self { size, limits, only, state: State::Directory(Box::new(ZipReader::new(size, limits))) }
    }
}

impl Reader for Archived {
    fn advance(&mut self, buffer: &mut Buffer) -> Result<Progress, Error> {
        if let State::Directory(zip) = &mut self.state {
            match zip.advance(buffer)? {
                Turn::Read { offset, len } => return Ok(Progress::Read { offset, len }),
                Turn::Done(archive) => {
                    let of = ARCHIVES.iter().find(|contents| (contents.fits)(&archive)).copied();
                    let contents = self.only.or(of);
                    let contents = contents.ok_or_else(|| unknown(&archive))?;
                    self.state = State::Contents((contents.reader)(archive, self.size, self.limits));
                }
            }
        }
        match &mut self.state {
            State::Contents(reader) => reader.advance(buffer),
            State::Directory(_) => Err(misuse("The archive's directory is not read.")),
        }
    }
}

/// What an archive is that holds no model.
fn unknown(archive: &Archive) -> Error {
    let all = archive.iter().count();
    let first = archive.iter().next();
    let what = first.map_or_else(
        || "is empty".to_owned(),
        |(name, _)| {
            let others = match all.saturating_sub(1) {
                0 => String::new(),
                others => format!(" and {others} more"),
            };
            format!("holds \"{}\"{others}", escape(name))
        },
    );
    let message = format!(
        "This is a ZIP archive that {what}. It is no PyTorch checkpoint, which has a data.pkl in a directory, and no NPZ, \
         whose entries end in .npy. If a model is in it, unpack it (`unzip`) and open that."
    );
    fault(Cause::NotAModel, first.map_or(0, |(_, entry)| entry.header_at), "zip.directory", message)
}
