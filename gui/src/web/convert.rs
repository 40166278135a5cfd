//! Recordings in the forms that other programs read. The worker writes recordings itself; these are the library's.
use wasm_bindgen::prelude::*;
use weighbridge_core::recording::{Recording, mermaid_recording, perfetto};

/// A recording as `perfetto` or as `mermaid`.
///
/// # Errors
/// A sentence: the recording is damaged, or there is no such form.
#[wasm_bindgen]
pub fn convert(form: &str, recording: &[u8]) -> Result<Vec<u8>, String> {
    let recording = Recording::read(recording).map_err(|error| error.to_string())?;
    match form {
        "perfetto" => {
            let mut out = Vec::new();
            perfetto(&recording, &mut out).map_err(|error| error.to_string())?;
            Ok(out)
        }
        "mermaid" => Ok(mermaid_recording(&recording).into_bytes()),
        other => Err(format!("there is no form {other}")),
    }
}
