//! Dialogs and paths. A dialog runs on a thread of its own: portals answer when they like.
use crate::backend::{FileRef, Pick, Picked, Shell};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

/// The dialogs of the desktop.
pub struct NativeShell {
    results: Receiver<Picked>,
    sender: Sender<Picked>,
    /// What a dialog shows of a folder: the ends of names behind their last dots.
    extensions: Vec<String>,
}

impl Default for NativeShell {
    fn default() -> Self {
        let (sender, results) = channel();
        Self { results, sender, extensions: Vec::new() }
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
    fn offer(&mut self, extensions: Vec<String>) {
        // What a component says, and a desktop shows.
        let plain = |end: &&str| (1..=16).contains(&end.len()) && end.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let last = |extension: &String| extension.rsplit('.').next().filter(plain).map(str::to_owned);
        self.extensions = extensions.iter().filter_map(last).collect();
        self.extensions.dedup();
    }

    fn pick(&mut self, pick: Pick, suggested: &str, ctx: &egui::Context) {
        let (sender, ctx, suggested) = (self.sender.clone(), ctx.clone(), suggested.to_owned());
        let extensions = self.extensions.clone();
        let asked = std::thread::Builder::new().name("weighbridge-dialog".into()).spawn(move || {
            let result =
                if possible() { ask(pick, &suggested, &extensions) } else { Picked::Unavailable(UNAVAILABLE.into()) };
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
            Ok(_) => Ok(file),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(format!("{name} is not there (any more)")),
            Err(e) => Err(format!("{name} cannot be opened: {e}")),
        }
    }
}

fn ask(pick: Pick, suggested: &str, extensions: &[String]) -> Picked {
    let dialog = rfd::AsyncFileDialog::new();
    let paths: Option<Vec<FileRef>> = match pick {
        Pick::Model => {
            let mut dialog = dialog.set_title("Open model");
            // Until the component has said what it reads, every file is shown.
            if !extensions.is_empty() {
                dialog = dialog.add_filter("Models", extensions).add_filter("Recordings", &["wbrec", "jsonl"]);
            }
            pollster::block_on(dialog.pick_files()).map(|files| files.iter().map(|f| reference(f.path())).collect())
        }
        Pick::Folder => {
            let dialog = dialog.set_title("Open folder");
            pollster::block_on(dialog.pick_folder()).map(|folder| vec![reference(folder.path())])
        }
        Pick::Other => {
            let mut dialog = dialog.set_title("Compare with another model");
            if !extensions.is_empty() {
                dialog = dialog.add_filter("Models", extensions);
            }
            pollster::block_on(dialog.pick_file()).map(|file| vec![reference(file.path())])
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

#[cfg(test)]
mod tests {
    use super::{NativeShell, Shell as _};

    #[test]
    fn a_dialog_offers_the_last_parts_of_plain_extensions() {
        let mut shell = NativeShell::default();
        let said = ["gguf", "safetensors", "safetensors.index.json", "npy", "x y", "a.--b", "", "seventeenletters1"];
        shell.offer(said.map(str::to_owned).to_vec());
        assert_eq!(shell.extensions, ["gguf", "safetensors", "json", "npy"]);
    }
}
