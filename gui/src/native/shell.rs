//! Dialogs and paths. A dialog runs on a thread of its own: portals answer when they like.
use crate::backend::{FileRef, Pick, Picked, Shell};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

/// The dialogs of the desktop.
pub struct NativeShell {
    results: Receiver<Picked>,
    sender: Sender<Picked>,
}

impl Default for NativeShell {
    fn default() -> Self {
        let (sender, results) = channel();
        Self { results, sender }
    }
}

const UNAVAILABLE: &str =
    "No file dialog: this desktop has no portal and no zenity. Drop the file on the window, or give it as an argument";

fn reference(path: &Path) -> FileRef {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    FileRef { name, token: path.to_string_lossy().into_owned() }
}

/// Whether anything could show a dialog. Windows and macOS have their own; elsewhere it takes a session bus, or the program
/// that the dialogs fall back to.
fn possible() -> bool {
    if cfg!(any(windows, target_os = "macos")) {
        return true;
    }
    let zenity = || {
        std::env::var_os("PATH").is_some_and(|paths| std::env::split_paths(&paths).any(|p| p.join("zenity").is_file()))
    };
    std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some() || zenity()
}

impl Shell for NativeShell {
    fn pick(&mut self, pick: Pick, suggested: &str, ctx: &egui::Context) {
        let (sender, ctx, suggested) = (self.sender.clone(), ctx.clone(), suggested.to_owned());
        let asked = std::thread::Builder::new().name("weighbridge-dialog".into()).spawn(move || {
            let result = if possible() { ask(pick, &suggested) } else { Picked::Unavailable(UNAVAILABLE.into()) };
            let _ = sender.send(result);
            ctx.request_repaint();
        });
        if asked.is_err() {
            let _ = self.sender.send(Picked::Unavailable(UNAVAILABLE.into()));
        }
    }

    fn poll(&mut self) -> Option<Picked> {
        self.results.try_recv().ok()
    }

    fn file(&self, path: &Path) -> Result<FileRef, String> {
        let file = reference(path);
        let name = crate::text::escape(&file.name);
        match std::fs::metadata(path) {
            Ok(m) if m.is_dir() => {
                Err(format!("{name} is a folder: open the model file in it, or the index of its shards"))
            }
            Ok(_) => Ok(file),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(format!("{name} is not there (any more)")),
            Err(e) => Err(format!("{name} cannot be opened: {e}")),
        }
    }
}

fn ask(pick: Pick, suggested: &str) -> Picked {
    let dialog = rfd::AsyncFileDialog::new();
    let paths: Option<Vec<FileRef>> = match pick {
        Pick::Model => {
            let dialog = dialog
                .set_title("Open model")
                .add_filter("Models", &["gguf", "safetensors", "json"])
                .add_filter("Recordings", &["wbrec", "jsonl"]);
            pollster::block_on(dialog.pick_files()).map(|files| files.iter().map(|f| reference(f.path())).collect())
        }
        Pick::Recording => {
            let dialog = dialog.set_title("Open recording").add_filter("Recordings", &["wbrec", "jsonl"]);
            pollster::block_on(dialog.pick_file()).map(|f| vec![reference(f.path())])
        }
        Pick::Save => {
            let dialog = dialog.set_title("Save").set_file_name(suggested);
            pollster::block_on(dialog.save_file()).map(|f| vec![reference(f.path())])
        }
    };
    paths.map_or(Picked::Nothing, |files| Picked::Files(pick, files))
}
