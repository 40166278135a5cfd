//! What acts at once, also while the guest runs: shared by the desk and whoever takes its requests.
use super::{
    control::Fault,
    faults::Faults,
    gate::Gate,
    host::Link,
    messages::{Request, Update},
};
use crate::{options::CancelToken, trace::Record};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The gate, the fault switches, and the token that cancels.
#[derive(Debug)]
pub struct Controls {
    gate: Mutex<Gate>,
    faults: Mutex<Faults>,
    cancel: CancelToken,
    can_hold: bool,
}

/// What became of a request that may have acted at once.
#[derive(Clone, Debug, PartialEq)]
pub enum AtOnce {
    /// It acted. Who waits in [`Link::hold`] is to be woken.
    Done,
    /// It is for the desk, when that has done what was asked before.
    Later(Request),
    /// This host has no way to hold the guest.
    CannotHold,
}

impl Controls {
    /// For a host that can hold the guest, or not.
    #[must_use]
    pub fn new(can_hold: bool) -> Self {
        Self { gate: Mutex::default(), faults: Mutex::default(), cancel: CancelToken::default(), can_hold }
    }

    pub(super) fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancels the work under way.
    #[must_use]
    pub const fn cancel(&self) -> &CancelToken {
        &self.cancel
    }

    /// Does what a request asks for, if that is not for the desk.
    pub fn at_once(&self, request: Request) -> AtOnce {
        match request {
            Request::Cancel => {
                self.cancel.cancel();
                self.gate().go_on();
            }
            Request::Continue => self.gate().go_on(),
            Request::SetFaults(faults) => self.faults().set(faults),
            Request::SetBreakpoints(breaks) if self.can_hold || breaks.is_empty() => self.gate().set_breaks(breaks),
            Request::Pause if self.can_hold => self.gate().pause(),
            Request::Step if self.can_hold => self.gate().step(),
            Request::Pause | Request::Step | Request::SetBreakpoints(_) => return AtOnce::CannotHold,
            request => return AtOnce::Later(request),
        }
        AtOnce::Done
    }

    /// Whether the guest has to wait.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.gate().is_held()
    }

    /// The program ends: work is cancelled, and nothing is held any more.
    pub fn end(&self) {
        self.cancel.cancel();
        self.gate().give_up();
    }

    /// The faults that are left, if one struck since this was asked last.
    pub(super) fn struck(&self) -> Option<Vec<Fault>> {
        self.faults().struck()
    }

    /// Passes records, and holds the caller where it is to be held.
    pub(super) fn pass(&self, records: &[Record], link: &impl Link) {
        let Some(why) = self.gate().arrive(records) else { return };
        link.send(Update::Held(why));
        link.hold(self);
        if self.gate().leave() {
            link.send(Update::Resumed);
        }
    }
}
