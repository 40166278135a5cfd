//! Recordings: what a session did, as a file. JSON Lines, versioned, without the model's path and without a byte of its
//! tensors; `docs/recording.md` describes the format.
//!
//! A recording is read, compared and drawn everywhere, a web page included. It can also be
//! re-executed ([`replay`](crate::replay)): the same component runs against the recorded answers, and the first difference
//! is an error.
//!
//! ```
//! use weighbridge_core::recording::{Recording, RecordingHeader};
//!
//! let recording = Recording { header: RecordingHeader::default(), records: Vec::new() };
//! let mut file = Vec::new();
//! recording.write(&mut file)?;
//! assert_eq!(Recording::read(file.as_slice())?, recording);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
mod checksum;
mod compare;
mod diagram;
mod header;
mod limits;
mod line;
mod name;
mod names;
mod perfetto;
mod read;
mod redact;
mod write;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod tests;

pub use compare::{Comparison, Delta, Side, compare};
pub use diagram::{Counts, diagram_file_name, dot, mermaid, mermaid_recording, transition_counts};
pub use header::{Recording, RecordingHeader, VERSION};
pub use limits::ReadLimits;
pub(crate) use limits::{NAME_BYTES, TEXT_BYTES, bounded};
pub use name::Name;
pub use names::Names;
pub use perfetto::perfetto;
pub use read::ReadError;
