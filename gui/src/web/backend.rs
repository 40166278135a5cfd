//! The worker of the page, as the inspector sees it: the same messages as those of the native worker thread, as JSON.
use super::Bridge;
use crate::backend::{Backend, Request, Update};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// The web worker behind a [`Bridge`].
pub struct WebBackend {
    bridge: Rc<Bridge>,
    /// Called by the page for as long as the app runs.
    _wake: Closure<dyn Fn()>,
}

impl WebBackend {
    /// The worker that a bridge leads to. The app is woken when it has news.
    #[must_use]
    pub fn new(bridge: Rc<Bridge>, ctx: &egui::Context) -> Self {
        let ctx = ctx.clone();
        let wake = Closure::<dyn Fn()>::new(move || ctx.request_repaint());
        bridge.on_wake(&wake);
        Self { bridge, _wake: wake }
    }
}

impl Backend for WebBackend {
    fn send(&mut self, request: Request) {
        if let Ok(json) = serde_json::to_string(&request) {
            self.bridge.send(&json);
        }
    }

    fn poll(&mut self) -> Option<Update> {
        loop {
            if let Some(update) = read(&self.bridge.poll()?) {
                return Some(update);
            }
        }
    }
}

/// An update of the worker; none for those that are of the page's plain view alone.
fn read(json: &str) -> Option<Update> {
    match serde_json::from_str(json) {
        Ok(update) => Some(update),
        Err(_) if OWN.iter().any(|name| json.starts_with(&format!("{{\"{name}\""))) => None,
        Err(error) => Some(Update::Problem(format!("The page's worker said what cannot be read: {error}"))),
    }
}

/// Updates that only the plain view asks for.
const OWN: [&str; 1] = ["Hashes"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_of_the_plain_view_are_passed_over_and_others_must_be_known() {
        assert_eq!(read("{\"Hashes\":{\"rows\":[]}}"), None);
        assert_eq!(read("\"Idle\""), Some(Update::Idle));
        assert!(matches!(read("{\"Nonsense\":1}"), Some(Update::Problem(_))));
    }
}
