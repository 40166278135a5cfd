//! Re-execution: the component runs again, is told what it was told then, and everything that it does is compared with
//! what it did.
mod player;
mod report;

pub use report::{Last, ReplayError, ReplayReport};

use super::header::{Recording, RecordingHeader};
use crate::Runtime;
use crate::observer::Observer;
use crate::options::{HostLimits, SessionOptions};
use crate::trace::{Answer, Record, What};
use crate::types::{Error, GuestOptions};
use player::{Player, Shared};
use std::sync::Arc;
use std::time::{Duration, Instant};

impl RecordingHeader {
    /// The header for records of a session of `runtime`.
    ///
    /// # Errors
    /// The component failed to describe its machines.
    pub fn of(runtime: &Runtime, records: &[Record]) -> Result<Self, Error> {
        let capabilities = records.iter().find_map(|record| match &record.what {
            What::Return { answer, .. } => match **answer {
                Answer::Capabilities(capabilities) => Some(capabilities),
                _ => None,
            },
            _ => None,
        });
        Ok(Self {
            weighbridge: env!("CARGO_PKG_VERSION").to_owned(),
            component: runtime.component_id().to_owned(),
            capabilities,
            machines: runtime.describe()?,
            ..Self::default()
        })
    }
}

/// Runs the component of `runtime` against a recording, to its end or to the record with the number `until`. No file is
/// opened: every answer comes from the recording.
///
/// # Errors
/// The recording cannot be replayed here, or the component now does something else; see [`ReplayError`].
pub fn replay(runtime: &Runtime, recording: &Recording, until: Option<u64>) -> Result<ReplayReport, ReplayError> {
    let header = &recording.header;
    if header.component != runtime.component_id() {
        return Err(ReplayError::OtherComponent {
            recorded: header.component.clone(),
            weighbridge: header.weighbridge.clone(),
            here: runtime.component_id().to_owned(),
        });
    }
    if header.lost > 0 {
        return Err(ReplayError::Lost { lost: header.lost });
    }
    let last = recording.records.last().map(|record| record.seq);
    if let Some(until) = until
        && last.is_none_or(|last| until > last)
    {
        return Err(ReplayError::Until { until, last });
    }
    let began = Instant::now();
    let player = Shared::new(Player::new(recording, until));
    let options = SessionOptions {
        guest: GuestOptions::default(),
        observer: Some(Arc::new(player.clone()) as Arc<dyn Observer>),
        ring: 0,
        names_in_trace: true,
        limits: unbounded(),
        ..SessionOptions::default()
    };
    let mut guest =
        runtime.guest(Box::new(player.clone()), &options).map_err(|error| ReplayError::Failed(Box::new(error)))?;
    let mut sources = 0;
    while let Some((seq, export)) = player.next_export()? {
        guest.perform(&export, &mut sources);
        player.settle(seq)?;
    }
    drop(guest);
    Ok(player.report(recording, began.elapsed()))
}

/// Where the recorded host reached a limit, its answer says so. Those that end a guest without an answer (memory, time) are
/// this host's own: a session that reached one, or was given more than the defaults, is not the same here, and the report
/// says at which record.
fn unbounded() -> HostLimits {
    let limits = HostLimits::default();
    HostLimits { handles: u32::MAX, guest_time: Duration::from_secs(60), ..limits }
}

impl Runtime {
    /// As [`replay`].
    ///
    /// # Errors
    /// As of [`replay`].
    pub fn replay(&self, recording: &Recording, until: Option<u64>) -> Result<ReplayReport, ReplayError> {
        replay(self, recording, until)
    }
}
