//! What users of the package are told: values as JSON text, errors as what the package throws.
use crate::media::Hooks;
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use weighbridge_core::{Cause, Error, MetadataEntry, MetadataValue, Phase};

#[wasm_bindgen]
extern "C" {
    /// Makes the package's error of the contract's one, which is JSON text.
    #[wasm_bindgen(method)]
    fn failure(this: &Hooks, error: &str) -> JsValue;
}

/// An error as the package throws it.
pub(crate) fn thrown(hooks: &Hooks, error: &Error) -> JsValue {
    hooks.failure(&serde_json::to_string(error).unwrap_or_default())
}

/// A value as JSON text.
pub(crate) fn text<T: Serialize + ?Sized>(hooks: &Hooks, value: &T) -> Result<String, JsValue> {
    serde_json::to_string(value).map_err(|error| {
        let message = format!("an answer could not be written as JSON ({error}); please report it");
        thrown(hooks, &Error::new(Phase::Request, Cause::Internal, message))
    })
}

/// A value that the caller gave as JSON text.
pub(crate) fn asked<T: DeserializeOwned>(hooks: &Hooks, what: &str, text: &str) -> Result<T, JsValue> {
    serde_json::from_str(text).map_err(|error| {
        let message = format!("the {what} given cannot be meant: {error}");
        thrown(hooks, &Error::new(Phase::Request, Cause::InvalidRequest, message))
    })
}

/// Makes texts of numbers that JSON cannot say.
pub(crate) fn in_json(entries: &mut [MetadataEntry]) {
    for entry in entries {
        if let MetadataValue::Floating(number) = entry.value
            && !number.is_finite()
        {
            entry.value = MetadataValue::Text(number.to_string());
        }
    }
}
