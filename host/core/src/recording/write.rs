//! Writing.
use super::checksum::Checks;
use super::header::{Recording, RecordingHeader, VERSION};
use super::limits::ReadLimits;
use super::line;
use serde::Serialize;
use std::io::{self, Write};

/// The first line: the format's name and version, then the header.
#[derive(Serialize)]
struct FirstLine<'a> {
    #[serde(rename = "weighbridge-recording")]
    version: u32,
    #[serde(flatten)]
    header: &'a RecordingHeader,
}

/// The last line: how many records there are, and the checks.
#[derive(Serialize)]
struct LastLine {
    end: usize,
    checks: String,
    check: u16,
}

impl Recording {
    /// Writes the recording as JSON Lines.
    ///
    /// # Errors
    /// What `out` answers; a record is too long for a line that is read again.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        let mut checks = Checks::default();
        let mut text = serde_json::to_string(&FirstLine { version: VERSION, header: &self.header })?;
        let longest = ReadLimits::default().line;
        let mut before = 0;
        let mut records = self.records.iter();
        loop {
            checks.push(text.as_bytes());
            text.push('\n');
            out.write_all(text.as_bytes())?;
            text.clear();
            let Some(record) = records.next() else { break };
            line::encode(record, before, &mut text)?;
            if text.len() > longest {
                let message = format!(
                    "record {} needs a line of more than {longest} bytes, which no reader takes; record with a smaller `max_read`",
                    record.seq
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            before = record.at;
        }
        let (encoded, check) = checks.encode();
        serde_json::to_writer(&mut out, &LastLine { end: self.records.len(), checks: encoded, check })?;
        out.write_all(b"\n")?;
        out.flush()
    }
}
