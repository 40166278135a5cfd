//! What whoever has a desk brings for it.
use crate::media::JsSource;
use js_sys::{Function, Uint8Array};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// Files by their tokens, and a place for what the desk has to tell (`js/desk.js`).
    #[derive(Clone)]
    pub type Embedder;
    /// The file behind a token, opened anew.
    #[wasm_bindgen(method, catch)]
    pub(super) fn source(this: &Embedder, name: &str, token: &str) -> Result<JsSource, JsValue>;
    /// What finds further files of the model that begins with the file behind a token, by their names.
    #[wasm_bindgen(method)]
    pub(super) fn beside(this: &Embedder, token: &str) -> Function;
    /// An update, as JSON text.
    #[wasm_bindgen(method, catch)]
    pub(super) fn tell(this: &Embedder, update: &str) -> Result<(), JsValue>;
    /// A file for the person.
    #[wasm_bindgen(method, catch)]
    pub(super) fn deliver(this: &Embedder, name: &str, bytes: &Uint8Array) -> Result<(), JsValue>;
    /// An urgent request that came meanwhile, as JSON text.
    #[wasm_bindgen(method, catch)]
    pub(super) fn take(this: &Embedder) -> Result<Option<String>, JsValue>;
    /// Blocks until there is one.
    #[wasm_bindgen(method, catch)]
    pub(super) fn wait(this: &Embedder) -> Result<(), JsValue>;
}
