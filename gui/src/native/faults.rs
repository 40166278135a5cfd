//! Fault switches: answers in the host's place, so that the guest walks its real error routes.
use crate::backend::{Fault, FaultCall, FaultKind};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use weighbridge::Interpose;
use weighbridge::trace::{Answer, Call};
use weighbridge::types::{BatchError, StorageError};

/// The faults that are armed.
#[derive(Default)]
pub(super) struct Faults {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    armed: Vec<Fault>,
    files: Vec<PathBuf>,
    struck: bool,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, armed: Vec<Fault>) {
        self.lock().armed = armed;
    }

    /// The files of the session, for short reads.
    pub(super) fn set_files(&self, files: Vec<PathBuf>) {
        self.lock().files = files;
    }

    /// What is left, if one struck since this was asked last.
    pub(super) fn struck(&self) -> Option<Vec<Fault>> {
        let mut inside = self.lock();
        std::mem::take(&mut inside.struck).then(|| inside.armed.clone())
    }
}

const fn kind_of(call: &Call) -> Option<FaultCall> {
    Some(match call {
        Call::Stat { .. } => FaultCall::Stat,
        Call::Read { .. } => FaultCall::Read,
        Call::MapRange { .. } => FaultCall::Map,
        Call::Advise { .. } => FaultCall::Advise,
        Call::Unmap { .. } => FaultCall::Unmap,
        Call::Allocate { .. } => FaultCall::Allocate,
        Call::ReadInto { .. } => FaultCall::ReadInto,
        _ => return None,
    })
}

/// The first span of the call that ends past `at`.
fn past(call: &Call, at: u64) -> Option<u32> {
    let reaches = |offset: u64, len: u64| offset.checked_add(len).is_none_or(|end| end > at);
    match call {
        Call::Read { offset, len, .. } => reaches(*offset, u64::from(*len)).then_some(0),
        Call::MapRange { offset, len, .. } => reaches(*offset, *len).then_some(0),
        Call::ReadInto { batch, .. } => {
            batch.iter().position(|p| reaches(p.offset, p.len)).and_then(|i| u32::try_from(i).ok())
        }
        _ => None,
    }
}

fn failed(call: &Call, span: u32, error: StorageError) -> Answer {
    if matches!(call, Call::ReadInto { .. }) {
        Answer::BatchFailed(BatchError { span, error })
    } else {
        Answer::Failed(error)
    }
}

impl Interpose for Faults {
    fn before(&self, call: &Call) -> Option<Answer> {
        let which = kind_of(call)?;
        let mut inside = self.lock();
        let mut strikes = None;
        for (i, fault) in inside.armed.iter_mut().enumerate() {
            match fault {
                Fault::Truncate { at } => {
                    if let Some(span) = past(call, *at) {
                        return Some(failed(call, span, StorageError::EndOfSource));
                    }
                }
                Fault::Call { call: wanted, nth, .. } if *wanted == which => {
                    *nth = nth.saturating_sub(1);
                    if *nth == 0 && strikes.is_none() {
                        strikes = Some(i);
                    }
                }
                Fault::Call { .. } => {}
            }
        }
        let Fault::Call { kind, .. } = inside.armed.remove(strikes?) else { return None };
        inside.struck = true;
        match (kind, call) {
            (FaultKind::Fail(error), call) => Some(failed(call, 0, error)),
            (FaultKind::Short, Call::Read { source, offset, len }) => {
                let path = inside.files.get(*source as usize)?;
                Some(
                    half(path, *offset, *len / 2)
                        .map_or(Answer::Failed(StorageError::Io(5)), |bytes| Answer::Bytes(bytes.into())),
                )
            }
            // Other calls have no short answer: the nearest thing to it is the end of the file.
            (FaultKind::Short, call) => Some(failed(call, 0, StorageError::EndOfSource)),
        }
    }
}

fn half(path: &PathBuf, offset: u64, len: u32) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(u64::from(len)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_call_fails_once() {
        let faults = Faults::default();
        faults.set(vec![Fault::Call { call: FaultCall::Unmap, nth: 2, kind: FaultKind::Fail(StorageError::Busy) }]);
        let call = Call::Unmap { mapping: 1 };
        assert_eq!(faults.before(&call), None);
        assert_eq!(faults.before(&Call::Allocate { len: 1 }), None);
        assert_eq!(faults.before(&call), Some(Answer::Failed(StorageError::Busy)));
        assert_eq!(faults.before(&call), None);
        assert_eq!(faults.struck(), Some(Vec::new()));
    }

    #[test]
    fn a_truncated_file_ends_early_every_time() {
        let faults = Faults::default();
        faults.set(vec![Fault::Truncate { at: 100 }]);
        let read = |offset| Call::Read { source: 0, offset, len: 50 };
        assert_eq!(faults.before(&read(50)), None);
        assert_eq!(faults.before(&read(51)), Some(Answer::Failed(StorageError::EndOfSource)));
        assert_eq!(faults.before(&read(u64::MAX)), Some(Answer::Failed(StorageError::EndOfSource)));
    }
}
