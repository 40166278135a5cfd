//! Reading: every line is bounded, every error says which line it is about and what to do.
use super::checksum::Checks;
use super::header::{Recording, RecordingHeader, VERSION};
use super::limits::{Budget, ReadLimits};
use super::line;
use crate::trace::Record;
use serde::Deserialize;
use std::io::{self, BufRead, Read};

/// Why a recording was not read. Lines count from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file could not be read.
    #[error("the recording could not be read: {0}")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("this is no weighbridge recording: {0}")]
    NotARecording(String),
    /// It was written by a later weighbridge.
    #[error(
        "the recording has format version {found}, and this weighbridge reads up to {VERSION}: use weighbridge {writer} or newer"
    )]
    Newer {
        /// Its version.
        found: u64,
        /// The version of weighbridge that wrote it.
        writer: String,
    },
    /// A line is not what it has to be.
    #[error("line {line} of the recording is damaged: {what}")]
    Line {
        /// Which.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The file ends too early.
    #[error("the recording is cut short after {line} whole lines: {what}; copy it again, or record again")]
    Truncated {
        /// Lines that are whole.
        line: usize,
        /// What is missing.
        what: String,
    },
    /// A line was changed after it was written.
    #[error("line {line} of the recording ({what}) was changed after it was written: its check does not match")]
    Changed {
        /// Which.
        line: usize,
        /// `header`, or the record and its `seq`.
        what: String,
    },
}

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "weighbridge-recording")]
    version: u64,
    #[serde(default)]
    weighbridge: String,
}

#[derive(Deserialize)]
struct LastLine {
    end: usize,
    checks: String,
    check: u16,
}

impl Recording {
    /// Reads a recording and checks that it is whole.
    ///
    /// # Errors
    /// [`ReadError`] for anything that is not a whole recording of a known version.
    pub fn read(input: impl BufRead) -> Result<Self, ReadError> {
        Self::read_within(input, ReadLimits::default())
    }

    /// As [`Self::read`], with other bounds on what it may make the reader hold.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_within(input: impl BufRead, limits: ReadLimits) -> Result<Self, ReadError> {
        let mut lines = Lines { input, number: 0, text: Vec::new(), longest: limits.line };
        let mut budget = Budget::new(limits);
        let header = header(&mut lines, &mut budget)?;
        let mut checks = Checks::default();
        checks.push(&lines.text);
        let mut records: Vec<Record> = Vec::new();
        let mut before = 0;
        let mut expected = header.lost;
        loop {
            if !lines.advance()? {
                let what = "its last line, `{\"end\":…}`, is missing".to_owned();
                return Err(ReadError::Truncated { line: lines.number, what });
            }
            let text = lines.text()?;
            if text.starts_with("{\"end\":") {
                let last: LastLine = serde_json::from_str(text)
                    .map_err(|error| ReadError::Line { line: lines.number, what: line::sentence(&error) })?;
                finish(&last, &checks, &records, lines.number)?;
                lines.nothing_more()?;
                return Ok(Self { header, records });
            }
            let record = line::decode(text, before, &mut budget)
                .and_then(|record| follows(record, expected))
                .map_err(|what| ReadError::Line { line: lines.number, what })?;
            checks.push(&lines.text);
            before = record.at;
            expected = expected.checked_add(1).ok_or_else(|| ReadError::Line {
                line: lines.number,
                what: "the field `seq` is the largest that there is, and more follows".to_owned(),
            })?;
            records.push(record);
        }
    }
}

fn header(lines: &mut Lines<impl BufRead>, budget: &mut Budget) -> Result<RecordingHeader, ReadError> {
    const BEGINS: &str = "{\"weighbridge-recording\":";
    let none = || ReadError::NotARecording(format!("its first line does not begin with {BEGINS}"));
    match lines.advance() {
        Ok(_) if lines.text.starts_with(BEGINS.as_bytes()) => {}
        // The line is damaged, but it is one of a recording.
        Err(error) if matches!(error, ReadError::Io(_)) || lines.text.starts_with(BEGINS.as_bytes()) => {
            return Err(error);
        }
        Ok(_) | Err(_) => return Err(none()),
    }
    let text = lines.text()?;
    let damaged = |what: String| ReadError::Line { line: 1, what };
    budget.header(text).map_err(damaged)?;
    let version: Version = serde_json::from_str(text).map_err(|_| none())?;
    if version.version > u64::from(VERSION) {
        return Err(ReadError::Newer { found: version.version, writer: version.weighbridge });
    }
    if version.version == 0 {
        return Err(ReadError::NotARecording("there is no format version 0".to_owned()));
    }
    let header: RecordingHeader = serde_json::from_str(text).map_err(|error| damaged(line::sentence(&error)))?;
    budget.names(&header.names).and_then(|()| budget.files(&header.paths)).map_err(damaged)?;
    Ok(header)
}

/// Sequence numbers have no gaps.
fn follows(record: Record, expected: u64) -> Result<Record, String> {
    if record.seq != expected {
        return Err(format!("the field `seq` is {}, and {expected} is next", record.seq));
    }
    Ok(record)
}

fn finish(last: &LastLine, found: &Checks, records: &[Record], line: usize) -> Result<(), ReadError> {
    let damaged = |what: String| ReadError::Line { line, what };
    let written = Checks::decode(&last.checks, last.check)
        .ok_or_else(|| damaged("the field `checks` does not match the field `check`".to_owned()))?;
    if last.end != records.len() {
        return Err(damaged(format!("it counts {} records, and {} are there", last.end, records.len())));
    }
    if written.len() != found.len() {
        return Err(damaged(format!("it checks {} lines, and {} are there", written.len(), found.len())));
    }
    match written.first_difference(found) {
        None => Ok(()),
        Some(0) => Err(ReadError::Changed { line: 1, what: "header".to_owned() }),
        Some(index) => Err(ReadError::Changed {
            line: index + 1,
            what: records.get(index - 1).map_or_else(String::new, |record| format!("record {}", record.seq)),
        }),
    }
}

/// Lines of bounded length.
struct Lines<R> {
    input: R,
    number: usize,
    text: Vec<u8>,
    longest: usize,
}

impl<R: BufRead> Lines<R> {
    /// Goes to the next line; false at the end of the file.
    fn advance(&mut self) -> Result<bool, ReadError> {
        self.text.clear();
        let read =
            self.input.by_ref().take((self.longest as u64).saturating_add(1)).read_until(b'\n', &mut self.text)?;
        if read == 0 {
            return Ok(false);
        }
        self.number += 1;
        if self.text.pop_if(|last| *last == b'\n').is_some() {
            return Ok(true);
        }
        Err(if self.text.len() > self.longest {
            ReadError::Line { line: self.number, what: format!("it is longer than {} bytes", self.longest) }
        } else {
            let what = format!("line {} ends after {} bytes", self.number, self.text.len());
            ReadError::Truncated { line: self.number - 1, what }
        })
    }

    /// The line, without its line break.
    fn text(&self) -> Result<&str, ReadError> {
        str::from_utf8(&self.text).map_err(|error| ReadError::Line {
            line: self.number,
            what: format!("it is not UTF-8 (byte {})", error.valid_up_to()),
        })
    }

    fn nothing_more(&mut self) -> Result<(), ReadError> {
        if self.advance()? {
            return Err(ReadError::Line { line: self.number, what: "it stands after the last line".to_owned() });
        }
        Ok(())
    }
}
