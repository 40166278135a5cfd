//! What a replay found.
use crate::types::{Error, MachineStatus};
use serde::Serialize;

/// A replay without a difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReplayReport {
    /// Whether it ran to the end of the recording.
    pub complete: bool,
    /// Records compared; those of the host's own work are not.
    pub compared: u64,
    /// Exports called.
    pub exports: u64,
    /// Storage calls answered from the recording.
    pub calls: u64,
    /// Steps of machines.
    pub steps: u64,
    /// Bytes of files given to the component: the windows in which it reads headers.
    pub bytes_read: u64,
    /// Nanoseconds from the first to the last of these records, when they were recorded.
    pub recorded_ns: u64,
    /// Nanoseconds that the replay took.
    pub replayed_ns: u64,
    /// The last record.
    pub last: Option<Last>,
    /// Where every machine stands after it that has moved so far; of very many, the first 65,536.
    pub machines: Vec<MachineStatus>,
}

/// The record that a replay ended with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Last {
    /// Its number.
    pub seq: u64,
    /// In words.
    pub text: String,
}

/// Why a recording was not replayed to its end.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It is of another component.
    #[error(
        "the recording is of another component: it was made by weighbridge {weighbridge} with component {}, and this is component {}; \
         replay it with that version",
        short(recorded),
        short(here)
    )]
    OtherComponent {
        /// SHA-256 of the component that was recorded.
        recorded: String,
        /// The version that recorded.
        weighbridge: String,
        /// SHA-256 of the component that is here.
        here: String,
    },
    /// The ring had dropped the beginning.
    #[error(
        "the recording begins after its beginning: {lost} records had been dropped from the ring when it was saved, and a replay needs \
         them all; record again with a larger ring, or with `weighbridge record`"
    )]
    Lost {
        /// How many.
        lost: u64,
    },
    /// There is no such record to stop at.
    #[error("there is no record {until} to stop after: {}", match last {
        Some(last) => format!("the last one is {last}"),
        None => "the recording is empty".to_owned(),
    })]
    Until {
        /// Where to stop.
        until: u64,
        /// The last record.
        last: Option<u64>,
    },
    /// The component does something else.
    #[error("the replay differs at record {seq}: recorded was {expected}; now it is {got}")]
    Differs {
        /// The number of the record.
        seq: u64,
        /// What the recording has.
        expected: String,
        /// What happened.
        got: String,
    },
    /// The component could not be run.
    #[error("{0}")]
    Failed(Box<Error>),
}

/// As much of a hash as tells two apart.
fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
