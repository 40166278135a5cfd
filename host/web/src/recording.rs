//! Recordings, for `js/recording.js`.
use crate::{
    answers::{self, thrown},
    guest::{Instance, Shared, Start},
    media::Hooks,
};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use weighbridge_core::{self as core, recording};

#[wasm_bindgen]
extern "C" {
    /// Makes the package's error of a sentence about a recording.
    #[wasm_bindgen(method)]
    fn sentence(this: &Hooks, text: &str) -> JsValue;
}

/// A recorded session.
#[wasm_bindgen]
pub struct Recording(recording::Recording);

impl Recording {
    pub(crate) const fn of(recording: recording::Recording) -> Self {
        Self(recording)
    }
}

#[wasm_bindgen]
impl Recording {
    /// Reads a file.
    ///
    /// # Errors
    /// It is none, or not whole.
    pub fn read(hooks: &Hooks, file: &[u8]) -> Result<Self, JsValue> {
        recording::Recording::read(file).map(Self).map_err(|error| hooks.sentence(&error.to_string()))
    }

    /// The bytes of its file.
    ///
    /// # Errors
    /// A value cannot be written as JSON.
    pub fn write(&self, hooks: &Hooks) -> Result<Vec<u8>, JsValue> {
        let mut file = Vec::new();
        self.0.write(&mut file).map_err(|error| hooks.sentence(&error.to_string()))?;
        Ok(file)
    }

    /// Its first line.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn header(&self, hooks: &Hooks) -> Result<String, JsValue> {
        answers::text(hooks, &self.0.header)
    }

    /// How many records there are.
    #[wasm_bindgen(getter)]
    pub fn length(&self) -> usize {
        self.0.records.len()
    }

    /// Records from one on, at most so many.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn records(&self, hooks: &Hooks, start: usize, count: usize) -> Result<String, JsValue> {
        let all = &self.0.records;
        let start = start.min(all.len());
        answers::text(hooks, &all[start..start.saturating_add(count).min(all.len())])
    }

    /// Runs a component against it, to its end or to the record `until`. `id` is the component's hash.
    ///
    /// # Errors
    /// It cannot be replayed here, or the component now does something else.
    pub fn replay(&self, hooks: &Hooks, start: &Start, id: &str, until: Option<f64>) -> Result<String, JsValue> {
        let until = until.map(|record| record as u64);
        let run = |host| Instance::start(start, Shared::new(host, hooks.clone()));
        match core::replay(&self.0, until, id, run) {
            Ok(report) => answers::text(hooks, &report),
            Err(core::ReplayError::Failed(error)) => Err(thrown(hooks, &error)),
            Err(error) => Err(hooks.sentence(&error.to_string())),
        }
    }
}
