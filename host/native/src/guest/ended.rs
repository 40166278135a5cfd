//! What becomes of a guest that does not behave, in the words of the one error.
use super::context::WeighbridgeCtx;
use crate::{clock::NoClock, platform};
use weighbridge_core::{Cause, Error, Phase, limit};

/// The error with which the host ends a session; it travels through wasmtime as the reason of the trap.
#[derive(Debug)]
pub(crate) struct Ended(pub(crate) Error);

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Ended {}

/// Why a guest cannot run for want of a clock.
pub(super) fn no_clock(why: NoClock) -> Error {
    let (cause, message) = match why {
        NoClock::NoThread => (
            Cause::OutOfMemory,
            "the system has no thread left for the clock that bounds the component; end other work and try again",
        ),
        NoClock::Forked => (
            Cause::InvalidRequest,
            "this process was forked from the one that made the runtime, whose clock it does not have; make a new `Runtime` in it",
        ),
    };
    Error::new(Phase::Request, cause, message)
}

/// Why a guest cannot run for want of a thread whose stack is large enough.
pub(super) fn no_stack(error: &std::io::Error) -> Error {
    let message = format!(
        "this thread has too little stack for the component, and the system has no thread for it ({error}); call from a \
         thread with at least 1 MiB"
    );
    Error::new(Phase::Request, Cause::OutOfMemory, message)
}

/// Whether the system had no addresses, mappings, memory or descriptors for what was asked of it.
fn is_out_of_resources(error: &wasmtime::Error) -> bool {
    use std::io::{Error, ErrorKind};
    let system = error.chain().any(|cause| {
        cause
            .downcast_ref::<Error>()
            .is_some_and(|error| error.kind() == ErrorKind::OutOfMemory || platform::is_out_of_files(error))
            || platform::is_no_memory(cause)
    });
    // The type of these errors is wasmtime's own affair, so they are known by their text; a test holds it to that.
    let text = format!("{error:#}");
    system
        || ["mmap failed", "failed to reserve", "failed to allocate", "Cannot allocate memory", "out of memory"]
            .iter()
            .any(|words| text.contains(words))
}

/// The error, where the system had nothing left for what was asked of it.
pub(crate) fn out_of_resources(error: &wasmtime::Error) -> Option<Error> {
    let is = error.downcast_ref::<wasmtime::Trap>().is_none() && is_out_of_resources(error);
    is.then(|| {
        let limit = platform::address_limit().map(|bytes| format!("; `ulimit -v` is {} KiB", bytes >> 10));
        let message = format!(
            "the system has no more memory, addresses or mappings for a component ({error:#}{}); close other sessions, or raise \
             the limit, and try again",
            limit.unwrap_or_default()
        );
        Error::new(Phase::Request, Cause::OutOfMemory, message)
    })
}

pub(crate) fn not_the_contract(error: &wasmtime::Error) -> Error {
    let message = format!(
        "the component does not speak the contract weighbridge:loader@0.1.0 ({error:#}); use the component of this version"
    );
    Error::new(Phase::Request, Cause::UnsupportedFormat, message)
}

/// Why the guest was ended, as the one error.
pub(super) fn ended(error: &wasmtime::Error, ctx: &WeighbridgeCtx) -> Error {
    if let Some(Ended(error)) = error.downcast_ref::<Ended>() {
        return error.clone();
    }
    if let Some(error) = ctx.host.refused_growth() {
        return error;
    }
    if let Some(error) = out_of_resources(error) {
        return error;
    }
    let reason = error.root_cause().to_string();
    // wasmtime keeps the type of this error to itself, so it is known by its text; a test holds it to that.
    if reason.contains("hostcall") || reason.contains("handle limit") {
        return limit(format!(
            "the component carried more over the bridge than the host allows ({reason}); the session has ended"
        ));
    }
    if reason.contains("resource limit exceeded") || reason.contains("count too high") {
        return limit(format!("the component has more parts than the host allows ({reason}); the session has ended"));
    }
    let message = format!(
        "the loader component failed ({reason}); the session has ended and other sessions are not touched. This is a bug in \
         the component: please report it with a recording"
    );
    Error::new(Phase::Request, Cause::Internal, message)
}
