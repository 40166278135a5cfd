//! The app: takes updates, carries out commands, shows the panels.
mod act;
mod chrome;
mod layout;
mod palette;
mod script;

use crate::backend::{Backend, Pick, Picked, Shell, Update};
use crate::command::{Command, Export};
use crate::model::Run;
use crate::panel::Panel;
use crate::panels::Panels;
use crate::state::{Prefs, State};
use crate::theme;
use std::sync::{Arc, Mutex};

pub use script::parse;

/// Records taken in one frame; the rest waits for the next.
const RECORDS_PER_FRAME: usize = 24_000;

/// What is saved between two starts.
#[derive(serde::Serialize, serde::Deserialize)]
struct Saved {
    prefs: Prefs,
    tree: egui_tiles::Tree<Panel>,
}

/// The inspector.
pub struct Inspector {
    /// Everything that is shown.
    pub state: State,
    backend: Box<dyn Backend>,
    shell: Box<dyn Shell>,
    panels: Panels,
    tree: egui_tiles::Tree<Panel>,
    palette: palette::Palette,
    saving: Option<Export>,
    picture: Arc<Mutex<Option<Arc<egui::ColorImage>>>>,
    picture_to: Option<String>,
    backlog: Option<std::vec::IntoIter<weighbridge_core::trace::Record>>,
}

impl Inspector {
    /// The app over a backend and a shell; `storage` has what was saved.
    #[must_use]
    pub fn new(
        ctx: &egui::Context,
        backend: Box<dyn Backend>,
        shell: Box<dyn Shell>,
        storage: Option<&dyn eframe::Storage>,
    ) -> Self {
        theme::install(ctx);
        let saved: Option<Saved> = storage.and_then(|s| eframe::get_value(s, eframe::APP_KEY));
        let (prefs, tree) = saved.map_or_else(|| (Prefs::default(), layout::default()), |s| (s.prefs, s.tree));
        // A layout of an older version may lack a panel: then none of its panels could be found again.
        let whole = Panel::ALL.iter().all(|p| tree.tiles.find_pane(p).is_some());
        let tree = if whole { tree } else { layout::default() };
        let mut state = State::default();
        state.prefs = prefs;
        let app = Self {
            state,
            backend,
            shell,
            panels: Panels::default(),
            tree,
            palette: palette::Palette::default(),
            saving: None,
            picture: Arc::default(),
            picture_to: None,
            backlog: None,
        };
        app.apply_theme(ctx);
        app
    }

    /// Shows one frame.
    pub fn frame(&mut self, ui: &mut egui::Ui) {
        let ctx = ui.ctx().clone();
        self.state.now = ctx.input(|i| i.time);
        self.take_updates(&ctx);
        self.take_files(&ctx);
        let mut out = self.keys(&ctx);
        self.state.tick();
        chrome::top(ui, &self.state, &mut out);
        chrome::bottom(ui, &self.state, &mut out);
        egui::CentralPanel::default().frame(egui::Frame::new().fill(ui.visuals().panel_fill)).show(ui, |ui| {
            if let Some(panel) = self.state.maximised {
                layout::alone(ui, panel, &mut self.panels, &self.state, &mut out);
            } else {
                layout::show(ui, &mut self.tree, &mut self.panels, &self.state, &mut out);
            }
        });
        self.palette.show(&ctx, &mut out);
        chrome::messages(&ctx, &self.state, &mut out);
        chrome::drop_hint(&ctx);
        for command in out {
            self.run(command, &ctx);
        }
        if self.state.searching || self.backlog.is_some() || self.state.flashing() {
            ctx.request_repaint();
        }
    }

    /// Whether nothing is under way: scripts wait for it.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.state.busy.is_none() && self.backlog.is_none() && !self.state.searching && self.picture_to.is_none()
    }

    fn take_updates(&mut self, ctx: &egui::Context) {
        let mut budget = RECORDS_PER_FRAME;
        while budget > 0 {
            if let Some(rest) = &mut self.backlog {
                for record in rest.by_ref().take(budget) {
                    self.state.run.store.push(&record);
                    budget -= 1;
                }
                if rest.len() > 0 {
                    break;
                }
                self.backlog = None;
                continue;
            }
            match self.backend.poll() {
                Some(Update::Records(records)) => self.backlog = Some(records.into_iter()),
                Some(update) => self.take(update, ctx),
                None => break,
            }
        }
    }

    /// Takes one update.
    pub fn take(&mut self, update: Update, ctx: &egui::Context) {
        match update {
            Update::Host(host) => {
                self.shell.offer(host.formats.iter().flat_map(|format| format.extensions.clone()).collect());
                self.state.run.store.describe(&host.tables);
                self.state.host = *host;
            }
            Update::Began { label, origin } => self.begin(Run::new(&label, origin)),
            Update::Notice(text) => self.state.say(text, false),
            Update::Problem(text) => self.state.say(text, true),
            Update::Busy(what) => {
                let since = self.state.busy.as_ref().map_or(self.state.now, |(_, since)| *since);
                self.state.busy = Some((what, since));
            }
            Update::Idle => {
                self.state.busy = None;
                self.state.held = None;
            }
            Update::Held(why) => {
                self.state.held = Some(why);
                ctx.request_repaint();
            }
            Update::Faults(faults) => self.state.faults = faults,
            Update::Resumed => self.state.held = None,
            Update::Failed(failure) => {
                let text = format!("{}: {}", failure.doing, crate::text::sentence(&failure.error.message));
                self.state.say(text, true);
                self.state.failed = true;
                self.state.run.take(Update::Failed(failure));
                self.show_panel(Panel::Why);
            }
            Update::Race(rows) => {
                self.state.run.take(Update::Race(rows));
                self.show_panel(Panel::Compare);
            }
            Update::Diff(diff) => {
                self.state.run.take(Update::Diff(diff));
                self.show_panel(Panel::Diff);
            }
            other => {
                let opened = matches!(other, Update::Opened(_));
                self.state.run.take(other);
                if opened && !self.state.scripted {
                    self.show_panel(Panel::Tensors);
                }
            }
        }
    }

    fn begin(&mut self, mut run: Run) {
        run.store.describe(&self.state.host.tables);
        let old = std::mem::replace(&mut self.state.run, run);
        self.state.keep(old);
        self.state.cursor = None;
        self.state.tensor = None;
        self.state.search.restart();
    }

    fn take_files(&mut self, ctx: &egui::Context) {
        while let Some(picked) = self.shell.poll() {
            match picked {
                Picked::Files(Pick::Model | Pick::Folder, files) => self.run(Command::OpenFiles(files), ctx),
                Picked::Files(Pick::Other, files) => self.run(Command::DiffFiles(files), ctx),
                Picked::Files(Pick::Recording, files) => {
                    for file in files.into_iter().take(1) {
                        self.open_recording(file);
                    }
                }
                Picked::Files(Pick::Save, files) => {
                    for file in files.into_iter().take(1) {
                        self.save_to(file, ctx);
                    }
                }
                Picked::Nothing => {}
                Picked::Unavailable(text) => self.state.say(text, true),
            }
        }
        let dropped: Vec<String> =
            ctx.input(|i| i.raw.dropped_files.iter().map(|f| f.path().to_string_lossy().into_owned()).collect());
        if !dropped.is_empty() {
            self.run(Command::OpenPaths(dropped), ctx);
        }
        let picture = self.picture.lock().ok().and_then(|mut p| p.take());
        if let Some(image) = picture {
            self.write_picture(&image);
        }
    }

    fn keys(&mut self, ctx: &egui::Context) -> Vec<Command> {
        let typing = ctx.egui_wants_keyboard_input();
        Command::catalog()
            .into_iter()
            .filter(|command| {
                let Some(keys) = command.info().keys else { return false };
                let plain = keys.modifiers.is_none()
                    && !matches!(keys.logical_key, egui::Key::Escape)
                    && !is_function(keys.logical_key);
                !(typing && plain) && ctx.input_mut(|i| i.consume_shortcut(&keys))
            })
            .collect()
    }

    fn show_panel(&mut self, panel: Panel) {
        if self.state.maximised.is_some() {
            self.state.maximised = Some(panel);
        }
        self.tree.make_active(|_, tile| matches!(tile, egui_tiles::Tile::Pane(p) if *p == panel));
    }

    fn apply_theme(&self, ctx: &egui::Context) {
        use crate::command::Look;
        ctx.set_theme(match self.state.prefs.look {
            Look::System => egui::ThemePreference::System,
            Look::Dark => egui::ThemePreference::Dark,
            Look::Light => egui::ThemePreference::Light,
        });
    }
}

const fn is_function(key: egui::Key) -> bool {
    use egui::Key::{F1, F2, F3, F4, F5, F6, F7, F8, F9, F10, F11, F12};
    matches!(key, F1 | F2 | F3 | F4 | F5 | F6 | F7 | F8 | F9 | F10 | F11 | F12)
}

impl eframe::App for Inspector {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.frame(ui);
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        #[derive(serde::Serialize)]
        struct View<'a> {
            prefs: &'a Prefs,
            tree: &'a egui_tiles::Tree<Panel>,
        }
        eframe::set_value(storage, eframe::APP_KEY, &View { prefs: &self.state.prefs, tree: &self.tree });
    }
}
