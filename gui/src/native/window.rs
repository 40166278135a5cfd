//! The app in a window.
use super::{NativeBackend, NativeShell};
use crate::app::Inspector;
use crate::command::{Command, Export, Look};
use crate::panel::Panel;

/// A picture that is taken and written before the window closes by itself.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Where it goes.
    pub file: String,
    /// The panel that is shown alone; none for the whole app.
    pub panel: Option<Panel>,
}

/// Shows the window until it is closed.
///
/// # Errors
/// A sentence for the terminal, such as that there is no display.
pub fn run(files: Vec<String>, look: Option<Look>, picture: Option<Picture>) -> Result<(), String> {
    let viewport = egui::ViewportBuilder::default()
        .with_title("Weighbridge inspector")
        .with_app_id("weighbridge-inspector")
        .with_inner_size([1280.0, 860.0])
        .with_min_inner_size([400.0, 300.0])
        .with_drag_and_drop(true);
    let options =
        eframe::NativeOptions { viewport, persist_window: picture.is_none(), ..eframe::NativeOptions::default() };
    let started = eframe::run_native(
        "weighbridge-inspector",
        options,
        Box::new(move |cc| {
            let backend = NativeBackend::new(&cc.egui_ctx)?;
            // A picture must not depend on what this machine was used for.
            let storage = if picture.is_some() { None } else { cc.storage };
            let mut app = Inspector::new(&cc.egui_ctx, Box::new(backend), Box::new(NativeShell::default()), storage);
            if let Some(look) = look {
                app.run(Command::Theme(look), &cc.egui_ctx);
            }
            if !files.is_empty() {
                app.run(Command::OpenPaths(files), &cc.egui_ctx);
            }
            Ok(Box::new(Window { app, picture, frames: 0, state: Taking::Opening }))
        }),
    );
    started.map_err(|error| {
        format!("no window could be opened ({error}); a display is needed. Without one, use --headless --script FILE, or run under xvfb-run")
    })
}

/// How far the picture is.
#[derive(Clone, Copy, PartialEq)]
enum Taking {
    Opening,
    Loaded,
    Asked,
}

struct Window {
    app: Inspector,
    picture: Option<Picture>,
    frames: u32,
    state: Taking,
}

impl eframe::App for Window {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.app.frame(ui);
        let Some(picture) = self.picture.clone() else { return };
        let ctx = ui.ctx().clone();
        ctx.request_repaint();
        self.frames = if self.app.is_idle() { self.frames + 1 } else { 0 };
        // Some frames after each thing that it waits for: the worker says that it is busy only when it is.
        if self.frames < 40 {
            return;
        }
        self.frames = 0;
        self.state = match self.state {
            Taking::Opening => {
                if self.app.state.run.opened.is_some() {
                    self.app.run(Command::Load, &ctx);
                }
                if picture.panel.is_some() {
                    self.app.run(Command::Maximise(picture.panel), &ctx);
                }
                Taking::Loaded
            }
            Taking::Loaded => {
                self.app.state.messages.clear();
                self.app.run(Command::Export(Export::Png, Some(picture.file)), &ctx);
                Taking::Asked
            }
            Taking::Asked => {
                ctx.send_viewport_cmd(egui::ViewportCommand::Close);
                Taking::Asked
            }
        };
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        if self.picture.is_none() {
            eframe::App::save(&mut self.app, storage);
        }
    }
}
