//! Why a guest was ended.
use js_sys::{Error as JsError, RangeError, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use weighbridge_core::{Cause, Error, Phase};

/// A guest that threw what is no answer.
pub(super) fn trapped(thrown: &JsValue) -> Error {
    if overflowed(thrown) {
        let message = "the component ran out of stack; the session has ended. Please report it";
        return Error::new(Phase::Request, Cause::Internal, message);
    }
    let said = thrown.dyn_ref::<JsError>().map(|error| String::from(error.message()));
    let said = said.or_else(|| thrown.as_string()).unwrap_or_else(|| "for no reason given".to_owned());
    let message =
        format!("the component trapped: {said}. This is a bug in the component; please report it with a recording");
    Error::new(Phase::Request, Cause::Internal, message)
}

fn overflowed(thrown: &JsValue) -> bool {
    thrown.dyn_ref::<RangeError>().is_some_and(|error| String::from(error.message()).to_lowercase().contains("stack"))
}

/// The error that a guest answered with: the glue throws it as a payload.
pub(super) fn payload(thrown: &JsValue) -> Option<JsValue> {
    let key = JsValue::from_str("payload");
    let has = thrown.is_object() && Reflect::has(thrown, &key).unwrap_or(false);
    if has { Reflect::get(thrown, &key).ok() } else { None }
}

/// A guest whose answer is not what the contract says.
pub(super) fn not_the_contract(export: &str, what: impl std::fmt::Display) -> Error {
    let message = format!("the component's answer to {export} is not what the contract says: {what}; please report it");
    Error::new(Phase::Request, Cause::Internal, message)
}

/// An answer of a kind that the call cannot have: a fault of the backend, and the end of the session.
pub(super) fn unfitting(call: &str) -> Error {
    let message = format!("the host's storage gave an answer to {call} that it cannot have; please report it");
    Error::new(Phase::Transfer, Cause::Internal, message)
}
