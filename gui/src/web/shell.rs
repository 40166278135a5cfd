//! Dialogs of the page. Files are tokens here: the page knows what they stand for.
use super::Bridge;
use crate::backend::{FileRef, Pick, Picked, Shell};
use std::path::Path;
use std::rc::Rc;

/// The page's dialogs.
pub struct WebShell {
    bridge: Rc<Bridge>,
    ready: Option<Picked>,
}

impl WebShell {
    /// The dialogs behind a bridge.
    #[must_use]
    pub fn new(bridge: Rc<Bridge>) -> Self {
        Self { bridge, ready: None }
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
            Pick::Other => self.bridge.pick("other"),
            Pick::Recording => self.bridge.pick("recording"),
            Pick::Folder => {
                let text =
                    "A page cannot open a folder: choose all files of the model in the dialog, or drop them here";
                self.ready = Some(Picked::Unavailable(text.to_owned()));
                ctx.request_repaint();
            }
            // A browser saves to its own folder: there is nothing to ask.
            Pick::Save => {
                let file = FileRef { name: suggested.to_owned(), token: "download".to_owned() };
                self.ready = Some(Picked::Files(Pick::Save, vec![file]));
                ctx.request_repaint();
            }
        }
    }

    fn poll(&mut self) -> Option<Picked> {
        if let Some(ready) = self.ready.take() {
            return Some(ready);
        }
        let answer: Answer = serde_json::from_str(&self.bridge.picked()?).ok()?;
        if answer.files.is_empty() {
            return Some(Picked::Nothing);
        }
        let pick = match answer.what.as_str() {
            "recording" => Pick::Recording,
            "other" => Pick::Other,
            _ => Pick::Model,
        };
        Some(Picked::Files(pick, answer.files))
    }

    fn file(&self, path: &Path) -> Result<FileRef, String> {
        let name = crate::text::escape(&path.to_string_lossy());
        Err(format!("A page cannot open {name} by its path: drop the file here, or open it by the dialog"))
    }
}
