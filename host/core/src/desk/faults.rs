//! Fault switches: answers in the host's place, so that the guest walks its real error routes.
use super::control::{Fault, FaultCall, FaultKind};
use crate::{
    trace::{Answer, Call},
    types::{BatchError, StorageError},
};

/// The faults that are armed.
#[derive(Debug, Default)]
pub(super) struct Faults {
    armed: Vec<Fault>,
    struck: bool,
    /// Half of the bytes of the read under way are to be answered.
    halve: bool,
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

impl Faults {
    pub(super) fn set(&mut self, armed: Vec<Fault>) {
        self.armed = armed;
    }

    /// What is left, if one struck since this was asked last.
    pub(super) fn struck(&mut self) -> Option<Vec<Fault>> {
        std::mem::take(&mut self.struck).then(|| self.armed.clone())
    }

    /// An answer instead of the work, or none.
    pub(super) fn before(&mut self, call: &Call) -> Option<Answer> {
        self.halve = false;
        let which = kind_of(call)?;
        let mut strikes = None;
        for (i, fault) in self.armed.iter_mut().enumerate() {
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
        let Fault::Call { kind, .. } = self.armed.remove(strikes?) else { return None };
        self.struck = true;
        match (kind, call) {
            (FaultKind::Fail(error), call) => Some(failed(call, 0, error)),
            (FaultKind::Short, Call::Read { .. }) => {
                self.halve = true;
                None
            }
            // Other calls have no short answer: the nearest thing to it is the end of the file.
            (FaultKind::Short, call) => Some(failed(call, 0, StorageError::EndOfSource)),
        }
    }

    /// What stands for the header bytes that were read, or none.
    pub(super) fn after_read(&mut self, bytes: &[u8]) -> Option<Answer> {
        let half = bytes.get(..bytes.len() / 2).filter(|_| std::mem::take(&mut self.halve))?;
        Some(Answer::Bytes(half.to_vec().into()))
    }
}
