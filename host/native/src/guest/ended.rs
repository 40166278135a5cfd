//! What becomes of a guest that does not behave, in the words of the one error.
use super::context::WeighbridgeCtx;
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

pub(super) fn no_clock() -> Error {
    Error::new(
        Phase::Request,
        Cause::OutOfMemory,
        "the system has no thread left for the clock that bounds the component; end other work and try again",
    )
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
    let reason = error.root_cause().to_string();
    // wasmtime keeps the type of this error to itself, so it is known by its text; a test holds it to that.
    if reason.contains("hostcall") || reason.contains("handle limit") {
        return limit(format!(
            "the component carried more over the bridge than the host allows ({reason}); the session has ended"
        ));
    }
    let message = format!(
        "the loader component failed ({reason}); the session has ended and other sessions are not touched. This is a bug in \
         the component: please report it with a recording"
    );
    Error::new(Phase::Request, Cause::Internal, message)
}
