//! Re-execution: the component runs again, is told what it was told then, and everything that it does is compared with
//! what it did.
mod player;
mod report;

pub(crate) use player::Player;
pub use report::{Last, ReplayError, ReplayReport};

use crate::{
    engine::Engine,
    guest::Guest,
    host::Host,
    media::Media,
    observer::Observer,
    options::{HostLimits, SessionOptions},
    recording::{Recording, RecordingHeader},
    trace::{Answer, Record, What},
    types::{Error, MachineTable},
};
use std::{sync::Arc, time::Duration};

impl RecordingHeader {
    /// The header for records of a session with the component whose hash is `component` and whose tables are `machines`.
    #[must_use]
    pub fn of(component: &str, machines: Vec<MachineTable>, records: &[Record]) -> Self {
        let capabilities = records.iter().find_map(|record| match &record.what {
            What::Return { answer, .. } => match &**answer {
                Answer::Capabilities(capabilities) => Some(capabilities.clone()),
                _ => None,
            },
            _ => None,
        });
        Self {
            weighbridge: env!("CARGO_PKG_VERSION").to_owned(),
            component: component.to_owned(),
            capabilities,
            machines,
            ..Self::default()
        }
    }
}

/// Runs a component against a recording, to its end or to the record with the number `until`. No file is opened: every
/// answer comes from the recording. `component` is the hash of the component that `start` instantiates.
///
/// # Errors
/// The recording cannot be replayed here, or the component now does something else; see [`ReplayError`].
pub fn replay<E: Engine>(
    recording: &Recording,
    until: Option<u64>,
    component: &str,
    start: impl FnOnce(Host<E::Media>) -> Result<E, Error>,
) -> Result<ReplayReport, ReplayError> {
    let header = &recording.header;
    if header.component != component {
        return Err(ReplayError::OtherComponent {
            recorded: header.component.clone(),
            weighbridge: header.weighbridge.clone(),
            here: component.to_owned(),
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
    let began = E::Media::now();
    let player = Player::new(recording, until);
    let options = SessionOptions {
        observer: Some(Arc::new(player.clone()) as Arc<dyn Observer>),
        ring: 0,
        limits: as_recorded(),
        ..SessionOptions::default()
    };
    let engine = start(Host::replay(player.clone(), &options)).map_err(|error| ReplayError::Failed(Box::new(error)))?;
    let mut guest = Guest::new(engine);
    let mut sources = 0;
    while let Some((seq, export)) = player.next_export()? {
        guest.perform(&export, &mut sources);
        player.settle(seq)?;
    }
    drop(guest);
    Ok(player.report(recording, E::Media::now().saturating_sub(began)))
}

/// Where the recorded host reached a limit, its answer says so. Those that end a guest without an answer (memory, time) are
/// this host's own: a session that reached one, or was given more than the defaults, is not the same here, and the report
/// says at which record.
fn as_recorded() -> HostLimits {
    HostLimits { handles: u32::MAX, guest_time: Duration::from_secs(60), ..HostLimits::default() }
}
