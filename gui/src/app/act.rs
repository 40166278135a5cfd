//! Carries out commands.
use super::{Inspector, layout};
use crate::backend::{FileRef, Pick, Request};
use crate::command::{Command, Export};
use crate::model::compare::{Slice, compare};
use crate::model::{Query, export};
use crate::panel::Panel;
use crate::panels::{report, report_with_paths};
use crate::state::{Compared, LoadAt};
use std::path::Path;
use std::sync::Arc;
use weighbridge_core::types::{Level, Selection};

/// Files remembered.
const RECENT: usize = 8;

impl Inspector {
    /// Carries out a command.
    pub fn run(&mut self, command: Command, ctx: &egui::Context) {
        self.panels.run(&command, &self.state);
        match command {
            Command::Open => self.shell.pick(Pick::Model, "", ctx),
            Command::OpenFolder => self.shell.pick(Pick::Folder, "", ctx),
            Command::OpenRecording => self.shell.pick(Pick::Recording, "", ctx),
            Command::OpenPaths(paths) => self.open_paths(&paths),
            Command::OpenRecordingPath(path) => match self.shell.file(Path::new(&path)) {
                Ok(file) => self.open_recording(file),
                Err(why) => self.state.say(why, true),
            },
            Command::OpenFiles(files) => self.open(files),
            Command::Demo => {
                for update in crate::demo::updates(crate::demo::Size::default()) {
                    self.take(update, ctx);
                }
            }
            Command::SaveRecording(to) => self.save(None, to, "load.wbrec", ctx),
            Command::Export(what, to) => self.save(Some(what), to, what.file(), ctx),
            Command::CopyReport(paths) => {
                ctx.copy_text(if paths { report_with_paths(&self.state) } else { report(&self.state) });
                let which = if paths { "with the paths of the files" } else { "it has no paths" };
                self.state.say(format!("The report is on the clipboard; {which}"), false);
            }
            Command::Close => self.ask(Request::Close),
            Command::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            Command::SetStrategy(choice) => self.state.prefs.choice = choice,
            Command::SetExtent(extent) => self.state.prefs.extent = extent,
            Command::SetChunk(kib) => self.state.prefs.chunk_kib = kib,
            Command::SetSlots(slots) => self.state.open.guest.slots = slots,
            Command::SetSelection(glob) => self.state.selection = glob,
            Command::SetMmap(on) => self.state.open.mmap = on,
            Command::SetDeadline(ms) => self.state.open.deadline_ms = u64::from(ms),
            Command::SetValidate(on) => self.state.prefs.validate = on,
            Command::Load => self.load(self.state.selected()),
            Command::LoadTensor(i) => self.load(Selection::Tensors(vec![i])),
            Command::Release => self.ask(Request::Release(Selection::All)),
            Command::ReleaseTensor(i) => self.ask(Request::Release(Selection::Tensors(vec![i]))),
            Command::ReleaseSlot(slot) => {
                let tensors = self.state.tensors_of(slot);
                self.ask(Request::Release(Selection::Tensors(tensors)));
            }
            Command::AdviseSlot(slot, advice) => {
                for tensor in self.state.tensors_of(slot) {
                    self.ask(Request::Advise(tensor, advice));
                }
            }
            Command::Evict => self.ask(Request::Evict(Selection::All)),
            Command::EvictTensor(i) => self.ask(Request::Evict(Selection::Tensors(vec![i]))),
            Command::Advise(i, advice) => self.ask(Request::Advise(i, advice)),
            Command::Borrow(tensor) => {
                self.state.borrowed = tensor;
                self.ask(Request::Borrow(tensor));
            }
            Command::Cancel => self.ask(Request::Cancel),
            Command::Pause => {
                self.ask(Request::Pause);
                if self.state.busy.is_none() {
                    self.state.say("The guest will be held at its next step", false);
                }
            }
            Command::Continue => self.ask(Request::Continue),
            Command::Step => self.ask(Request::Step),
            Command::EveryStep(on) => {
                self.state.every_step = on;
                let level = if on { Level::Steps } else { Level::Transitions };
                self.state.open.guest.observe = level;
                self.ask(Request::Observe(level));
            }
            Command::ToggleBreak(at) => {
                match self.state.breaks.iter().position(|b| *b == at) {
                    Some(i) => drop(self.state.breaks.remove(i)),
                    None => self.state.breaks.push(at),
                }
                self.ask(Request::SetBreakpoints(self.state.breaks.clone()));
                if !self.state.breaks.is_empty() && !self.state.every_step {
                    self.run(Command::EveryStep(true), ctx);
                }
            }
            Command::ClearBreaks => {
                self.state.breaks.clear();
                self.ask(Request::SetBreakpoints(Vec::new()));
            }
            Command::Arm(fault) => {
                self.state.faults.push(fault);
                self.ask(Request::SetFaults(self.state.faults.clone()));
            }
            Command::Disarm(i) => {
                if i < self.state.faults.len() {
                    self.state.faults.remove(i);
                }
                self.ask(Request::SetFaults(self.state.faults.clone()));
            }
            Command::ClearFaults => {
                self.state.faults.clear();
                self.ask(Request::SetFaults(Vec::new()));
            }
            Command::Scrub(row) => self.state.scrub(row),
            Command::Next => self.walk(true),
            Command::Previous => self.walk(false),
            Command::FirstProblem => match self.state.run.store.first_bad(0) {
                Some(row) => self.state.scrub(Some(row)),
                None => self.state.say("Nothing went wrong in this run", false),
            },
            Command::Follow => self.state.scrub(None),
            Command::Query(text) => self.query(text),
            Command::FocusQuery => self.show_panel(Panel::Timeline),
            Command::ZoomIn | Command::ZoomOut | Command::ZoomFit | Command::ZoomLast | Command::StepAxis(_) => {}
            Command::Show(panel) => self.show_panel(panel),
            Command::Maximise(panel) => self.state.maximised = panel,
            Command::ResetLayout => {
                self.tree = layout::default();
                self.state.maximised = None;
            }
            Command::Theme(look) => {
                self.state.prefs.look = look;
                self.apply_theme(ctx);
            }
            Command::Palette => self.palette.toggle(),
            Command::CompareLast => {
                let loads = self.state.loads().len();
                if loads < 2 {
                    self.state
                        .say("Two loads are needed: load again, under another strategy, or open a recording", true);
                } else {
                    self.compare(loads - 2, loads - 1);
                }
            }
            Command::CompareLoads(a, b) => self.compare(a, b),
            Command::Diff => self.shell.pick(Pick::Other, "", ctx),
            Command::DiffPath(path) => match self.shell.file(Path::new(&path)) {
                Ok(file) => self.diff(vec![file], false),
                Err(why) => self.state.say(why, true),
            },
            Command::DiffFiles(files) => self.diff(files, false),
            Command::DiffBytes => self.diff(self.state.other.clone(), true),
            Command::Replay => self.ask(Request::Replay),
            Command::Race => self.ask(Request::Race(self.state.selected())),
            Command::RefreshPages => self.pages(),
            Command::SelectTensor(tensor) => {
                self.state.tensor = tensor;
                if let Some(tensor) = tensor
                    && self.state.busy.is_none()
                {
                    self.backend.send(Request::Preview(tensor));
                }
            }
            Command::ShowByte(..) => self.show_panel(Panel::FileMap),
            Command::Dismiss => {
                self.state.messages.clear();
                self.palette.close();
            }
        }
    }

    fn ask(&mut self, request: Request) {
        let of_the_model = matches!(
            request,
            Request::Open { .. }
                | Request::OpenRecording(_)
                | Request::Load { .. }
                | Request::Release(_)
                | Request::Evict(_)
                | Request::Advise(..)
                | Request::Diff { .. }
                | Request::Close
        );
        if of_the_model {
            self.state.failed = false;
        }
        self.backend.send(request);
    }

    fn diff(&mut self, files: Vec<FileRef>, bytes: bool) {
        if files.is_empty() {
            self.state.say("Compare with another model first", true);
            return;
        }
        self.state.other.clone_from(&files);
        self.ask(Request::Diff { files, bytes });
    }

    fn load(&mut self, selection: Selection) {
        self.state.scrub(None);
        let options = self.state.load_options();
        self.ask(Request::Load { selection, options });
    }

    fn open_paths(&mut self, paths: &[String]) {
        let mut files = Vec::new();
        for path in paths {
            match self.shell.file(Path::new(path)) {
                Ok(file) => files.push(file),
                Err(why) => self.state.say(why, true),
            }
        }
        if !files.is_empty() {
            self.open(files);
        }
    }

    /// Opens models and recordings alike; one that its name does not give away the backend knows by its first bytes.
    fn open(&mut self, files: Vec<FileRef>) {
        for file in &files {
            self.state.prefs.recent.retain(|r| r.token != file.token);
            self.state.prefs.recent.insert(0, file.clone());
        }
        self.state.prefs.recent.truncate(RECENT);
        // Files of one model are opened together; recordings one after the other, so that they can be compared.
        let (recordings, model): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|f| f.name.ends_with(".wbrec") || f.name.ends_with(".jsonl"));
        for file in recordings {
            self.open_recording(file);
        }
        if !model.is_empty() {
            self.state.paths = model.iter().map(|f| f.token.clone()).collect();
            self.ask(Request::Open { files: model, options: self.state.open });
        }
    }

    pub(super) fn open_recording(&mut self, file: FileRef) {
        self.state.paths = vec![file.token.clone()];
        self.ask(Request::OpenRecording(file));
    }

    fn save(&mut self, what: Option<Export>, to: Option<String>, suggested: &str, ctx: &egui::Context) {
        self.saving = what;
        match to {
            Some(path) => {
                let name = Path::new(&path).file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
                self.save_to(FileRef { name, token: path }, ctx);
            }
            None => self.shell.pick(Pick::Save, suggested, ctx),
        }
    }

    pub(super) fn save_to(&mut self, file: FileRef, ctx: &egui::Context) {
        match self.saving.take() {
            None => self.ask(Request::SaveRecording(file)),
            Some(Export::Png) => {
                self.picture_to = Some(file.token);
                // A picture of the app, not of what it said a moment ago.
                self.state.messages.retain(|m| m.bad);
                let (slot, ctx2) = (self.picture.clone(), ctx.clone());
                let callback = egui::ScreenshotCallback::new(move |image| {
                    if let Ok(mut slot) = slot.lock() {
                        *slot = Some(image);
                    }
                    ctx2.request_repaint();
                });
                ctx.send_viewport_cmd(egui::ViewportCommand::Screenshot(callback));
                ctx.request_repaint();
            }
            Some(Export::Csv) => {
                let (store, search) = (&self.state.run.store, &self.state.search);
                let ids = (0..search.len(store)).filter_map(|n| search.get(store, n));
                let text = export::csv(store, ids);
                self.ask(Request::WriteFile(file, text.into_bytes()));
            }
            Some(Export::Perfetto) => self.ask(Request::ExportPerfetto(file)),
            Some(Export::Mermaid) => self.ask(Request::ExportMermaid(file)),
        }
    }

    /// Whether a picture of the window is wanted; a host without a window answers with [`Inspector::give_picture`].
    #[must_use]
    pub fn wants_picture(&self) -> bool {
        self.picture_to.is_some()
    }

    /// Gives the picture that was wanted.
    pub fn give_picture(&mut self, image: Arc<egui::ColorImage>) {
        self.write_picture(&image);
    }

    pub(super) fn write_picture(&mut self, image: &egui::ColorImage) {
        let Some(to) = self.picture_to.take() else { return };
        match crate::picture::png(image) {
            Ok(bytes) => {
                let name = Path::new(&to).file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
                self.ask(Request::WriteFile(FileRef { name, token: to }, bytes));
            }
            Err(why) => self.state.say(why, true),
        }
    }

    fn query(&mut self, text: String) {
        match Query::parse(&text) {
            Ok(query) => {
                self.state.search.set(query);
                self.state.query_error = None;
            }
            Err(why) => self.state.query_error = Some(why),
        }
        self.state.query = text;
    }

    fn walk(&mut self, forward: bool) {
        let (store, search) = (&self.state.run.store, &self.state.search);
        let len = search.len(store);
        if len == 0 {
            return;
        }
        let at = self.state.cursor.map_or(len, |c| search.position(store, if forward { c + 1 } else { c }));
        let n = if forward { at.min(len - 1) } else { at.saturating_sub(1) };
        let row = search.get(store, n);
        self.state.scrub(row);
    }

    fn pages(&mut self) {
        let files = self.state.run.opened.as_ref().map_or(0, |o| o.files.len().min(64));
        for file in 0..files {
            #[allow(clippy::cast_possible_truncation)]
            self.ask(Request::Pages(file as u32));
        }
    }

    fn compare(&mut self, a: usize, b: usize) {
        let loads = self.state.loads();
        let (Some(a), Some(b)) = (loads.get(a).cloned(), loads.get(b).cloned()) else {
            self.state.say("There is no such load", true);
            return;
        };
        let slice = |l: &LoadAt| Slice { from: l.load.from, to: l.load.to, label: l.label.clone() };
        let (Some(left), Some(right)) = (self.state.run_at(a.run), self.state.run_at(b.run)) else { return };
        let result = compare((left, &slice(&a)), (right, &slice(&b)));
        self.state.compared = Some(Compared { a, b, result });
        self.show_panel(Panel::Compare);
    }
}
