//! What the page offers: `Bridge` of `gui/web/page/inspector.js`.
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The page's side of the inspector.
    pub type Bridge;

    /// Sends a request, as JSON, to the worker.
    #[wasm_bindgen(method)]
    pub fn send(this: &Bridge, json: &str);

    /// The next update as JSON.
    #[wasm_bindgen(method)]
    pub fn poll(this: &Bridge) -> Option<String>;

    /// Shows the dialog for `model` or `recording`.
    #[wasm_bindgen(method)]
    pub fn pick(this: &Bridge, what: &str);

    /// The result of a dialog as JSON: `{"what": …, "files": [{"name": …, "token": …}]}`.
    #[wasm_bindgen(method)]
    pub fn picked(this: &Bridge) -> Option<String>;

    /// Has a function called when there is news.
    #[wasm_bindgen(method, js_name = onWake)]
    pub fn on_wake(this: &Bridge, wake: &Closure<dyn Fn()>);
}
