//! The worker of the page, as the inspector sees it: the same messages as those of the native worker thread, as JSON.
use super::Bridge;
use crate::backend::{Backend, Request, Update};
use crate::messages::read;
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
