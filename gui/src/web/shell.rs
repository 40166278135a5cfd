//! Dialogs of the page. Files are tokens here: the page knows what they stand for.
use super::Bridge;
use crate::backend::{FileRef, Pick, Picked, Shell};
use std::path::Path;
use std::rc::Rc;

/// The page's dialogs.
pub struct WebShell {
    bridge: Rc<Bridge>,
    saved: Option<Picked>,
}

impl WebShell {
    /// The dialogs behind a bridge.
    #[must_use]
    pub fn new(bridge: Rc<Bridge>) -> Self {
        Self { bridge, saved: None }
    }
}

/// What a dialog was shown for, and what came of it.
#[derive(serde::Deserialize)]
struct Answer {
    what: String,
    files: Vec<FileRef>,
}

impl Shell for WebShell {
    fn pick(&mut self, pick: Pick, suggested: &str, ctx: &egui::Context) {
        match pick {
            Pick::Model => self.bridge.pick("model"),
            Pick::Recording => self.bridge.pick("recording"),
            // A browser saves to its own folder: there is nothing to ask.
            Pick::Save => {
                let file = FileRef { name: suggested.to_owned(), token: "download".to_owned() };
                self.saved = Some(Picked::Files(Pick::Save, vec![file]));
                ctx.request_repaint();
            }
        }
    }

    fn poll(&mut self) -> Option<Picked> {
        if let Some(saved) = self.saved.take() {
            return Some(saved);
        }
        let answer: Answer = serde_json::from_str(&self.bridge.picked()?).ok()?;
        if answer.files.is_empty() {
            return Some(Picked::Nothing);
        }
        let pick = if answer.what == "recording" { Pick::Recording } else { Pick::Model };
        Some(Picked::Files(pick, answer.files))
    }

    fn file(&self, path: &Path) -> Result<FileRef, String> {
        let name = crate::text::escape(&path.to_string_lossy());
        Err(format!("A page cannot open {name} by its path: drop the file here, or open it by the dialog"))
    }
}
