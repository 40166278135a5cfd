//! From the end of the archive to its directory to the local headers, in bounded windows.
use super::super::Limits;
use super::super::fault::fault;
use super::super::turn::Turn;
use super::super::window::{Buffer, Stop};
use super::directory::Archive;
use super::end::{self, End, Search};
use super::local::Walk;
use crate::types::{Cause, Error};

/// Most bytes of a directory unless the caller says otherwise: 64 MiB, some half a million entries.
const DIRECTORY: u64 = 64 << 20;

#[derive(Debug)]
enum Phase {
    End(Search),
    Directory { end: End, at: u64 },
    Headers { end: End, order: Vec<u32>, walk: Walk },
}

/// Reads what an archive holds. Never a byte of an entry's data is asked for.
#[derive(Debug)]
pub struct ZipReader {
    size: u64,
    limits: end::Limits,
    phase: Phase,
    archive: Archive,
}

impl ZipReader {
    /// A reader of a source of `size` bytes.
    #[must_use]
    pub fn new(size: u64, limits: Limits) -> Self {
        let bytes = if limits.header_bytes == 0 { DIRECTORY } else { limits.header_bytes };
        let limits = end::Limits { bytes, entries: limits.tensors };
        Self { size, limits, phase: Phase::End(Search::default()), archive: Archive::default() }
    }

    /// Reads as far as the window reaches.
    ///
    /// # Errors
    /// The archive is damaged, is not the same archive for every reader, or exceeds a limit; with field and offset.
    pub(crate) fn advance(&mut self, buffer: &mut Buffer) -> Result<Turn<Archive>, Error> {
        loop {
            match self.item(buffer) {
                Ok(false) => {}
                Ok(true) => return Ok(Turn::Done(std::mem::take(&mut self.archive))),
                Err(Stop::Fail(error)) => return Err(error),
                Err(Stop::Need(n)) => {
                    let (at, sure) = match &self.phase {
                        Phase::End(search) => search.span(self.size),
                        Phase::Directory { end, at } => (*at, end.directory_end.saturating_sub(*at)),
                        Phase::Headers { end, order, walk } => walk.span(&self.archive, order, end.directory_at),
                    };
                    return Ok(Turn::read(buffer.ask(at, n, sure.max(n))));
                }
            }
        }
    }

    /// Reads one record; true when there are no more.
    fn item(&mut self, buffer: &Buffer) -> Result<bool, Stop> {
        match &mut self.phase {
            Phase::End(search) => {
                let end = search.run(buffer, self.size, self.limits)?;
                self.phase = Phase::Directory { end, at: end.directory_at };
            }
            Phase::Directory { end, at } if self.archive.entries.len() as u64 == end.entries => {
                if *at != end.directory_end {
                    let message =
                        format!("{} bytes of the directory belong to no entry.", end.directory_end.saturating_sub(*at));
                    return Err(fault(Cause::Malformed, *at, "zip.directory", message).into());
                }
                let mut order: Vec<u32> = (0u32..).zip(&self.archive.entries).map(|(number, _)| number).collect();
                let at = |number: &u32| self.archive.entries.get(*number as usize).map_or(0, |entry| entry.header_at);
                order.sort_by_key(at);
                self.phase = Phase::Headers { end: *end, order, walk: Walk::new() };
            }
            Phase::Directory { end, at } => *at = self.archive.record(buffer, *at, *end)?,
            Phase::Headers { end, order, walk } => {
                if walk.step(&mut self.archive, order, end.directory_at, buffer)? {
                    self.archive.comment = end.comment;
                    self.archive.note_outside(end.over_at..self.size);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
