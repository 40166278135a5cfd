//! The app on its canvas, and what the page and its tests may ask of it.
use super::{Bridge, WebBackend, WebShell};
use crate::app::Inspector;
use eframe::web_sys::HtmlCanvasElement;
use std::cell::OnceCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// The app in a form that its runner can hand out again.
struct Shown(Inspector);

impl eframe::App for Shown {
    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        self.0.ui(ui, frame);
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.0.save(storage);
    }

    fn as_any_mut(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(self)
    }
}

/// The running app, as the page and its tests see it.
#[wasm_bindgen]
pub struct Handle {
    runner: eframe::WebRunner,
    ctx: Rc<OnceCell<egui::Context>>,
}

#[wasm_bindgen]
impl Handle {
    /// How far the app is, as JSON: rows, tensors, whether anything is under way, what went wrong, what was compared.
    #[must_use]
    pub fn facts(&self) -> String {
        self.runner.app_mut::<Shown>().map_or_else(String::new, |app| {
            let Shown(app) = &*app;
            let state = &app.state;
            serde_json::json!({
                "label": state.run.label,
                "rows": state.run.store.len(),
                "tensors": state.run.tensors.len(),
                "used": state.run.report.as_ref().and_then(|report| report.used),
                "failure": state.run.failure.as_ref().map(|(_, failure)| failure.error.message.clone()),
                "held": state.held,
                "compared": state.compared.as_ref().map(|compared| &compared.result).map(|result| serde_json::json!({
                    "rows": result.rows.len(),
                    "parts": result.parts,
                    "tensors": result.tensors.len(),
                })),
                "idle": app.is_idle(),
            })
            .to_string()
        })
    }

    /// Carries out a command by its name, as scripts write them.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn command(&self, line: &str) -> Result<(), String> {
        let command = crate::app::parse(line)?;
        let mut app = self.runner.app_mut::<Shown>().ok_or("the app has ended")?;
        let ctx = self.ctx.get().ok_or("the app has not begun")?;
        app.0.run(command, ctx);
        ctx.request_repaint();
        Ok(())
    }

    /// Ends the app.
    pub fn destroy(&self) {
        self.runner.destroy();
    }
}

/// Shows the inspector on a canvas.
///
/// # Errors
/// WebGL is missing.
#[wasm_bindgen]
pub async fn start(canvas: HtmlCanvasElement, bridge: Bridge) -> Result<Handle, JsValue> {
    let bridge = Rc::new(bridge);
    let runner = eframe::WebRunner::new();
    let ctx = Rc::new(OnceCell::new());
    let slot = ctx.clone();
    let app = move |cc: &eframe::CreationContext<'_>| {
        // Set once: an app is made once.
        let _ = slot.set(cc.egui_ctx.clone());
        let backend = WebBackend::new(bridge.clone(), &cc.egui_ctx);
        let shell = WebShell::new(bridge);
        let app = Inspector::new(&cc.egui_ctx, Box::new(backend), Box::new(shell), cc.storage);
        Ok(Box::new(Shown(app)) as Box<dyn eframe::App>)
    };
    runner.start(canvas, eframe::WebOptions::default(), Box::new(app)).await?;
    Ok(Handle { runner, ctx })
}
