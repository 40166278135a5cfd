//! What happened, when: lanes to zoom and scrub, one query box, and the rows that answer it.
use super::axis::Window;
use super::{density, lanes, rows};
use crate::backend::Origin;
use crate::command::Command;
use crate::model::query;
use crate::split::Split;
use crate::state::State;
use crate::text::{count, duration};
use crate::theme::{self, Tone};
use egui::{RichText, Ui};

#[derive(Default)]
pub(super) struct Timeline {
    pub(super) query: String,
    pub(super) focus_query: bool,
    pub(super) reveal: bool,
    window: Option<Window>,
    whole: bool,
    steps: bool,
    hidden: bool,
    shown: Option<u64>,
    cache: density::Cache,
}

impl Timeline {
    /// Everything.
    pub(super) fn fit(&mut self) {
        (self.window, self.whole) = (None, true);
    }

    /// The last request, and the next ones as they come.
    pub(super) fn last(&mut self) {
        (self.window, self.whole) = (None, false);
    }

    /// Time or rows.
    pub(super) fn axis(&mut self, steps: bool) {
        self.steps = steps;
        self.window = None;
    }

    /// Zooms around the cursor, or around the middle.
    pub(super) fn zoom(&mut self, state: &State, factor: f64) {
        let all = lanes::extent(&state.run.store, self.steps);
        let now = self.view(state, all);
        let middle = match state.cursor.and_then(|c| state.run.store.row(c).map(|r| (c, r.at))) {
            #[allow(clippy::cast_precision_loss)]
            Some((row, at)) => {
                if self.steps {
                    row as f64
                } else {
                    at as f64
                }
            }
            None => f64::midpoint(now.from, now.to),
        };
        let half = ((now.to - now.from) * factor / 2.0).max(5.0);
        if half * 2.0 < all.to - all.from {
            self.window = Some(Window { from: middle - half, to: middle + half });
        } else {
            self.fit();
        }
    }

    /// What is looked at: what the user chose, else the last request, else everything.
    fn view(&self, state: &State, all: Window) -> Window {
        if self.whole {
            self.window.unwrap_or(all)
        } else {
            self.window.or_else(|| lanes::last(state, self.steps)).unwrap_or(all)
        }
    }

    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        if !state.run.begun || state.run.store.is_empty() {
            let text = "Every transition, guard, call and answer of a load appears here as it happens. Drag to move, scroll to zoom, \
                        click to see the whole app as it was at that moment.";
            theme::empty(ui, "Nothing has happened yet", text);
            return;
        }
        self.bar(ui, state, out);
        let all = lanes::extent(&state.run.store, self.steps);
        let window = self.view(state, all);
        if !self.hidden {
            let height = lanes::height(&state.run.store).min(ui.available_height() * 0.5);
            egui::ScrollArea::vertical().id_salt("lanes").max_height(height).auto_shrink([false, true]).show(
                ui,
                |ui| {
                    if let Some(moved) = lanes::show(ui, state, window, all, self.steps, &mut self.cache, out) {
                        self.window = Some(moved);
                    }
                },
            );
            ui.add_space(2.0);
        }
        // Follow what happens, or go to where the cursor was put.
        let end = state.end();
        let to = (self.reveal || (state.is_live() && self.shown != Some(end))).then_some(end.saturating_sub(1));
        self.reveal = false;
        self.shown = Some(end);
        rows::show(ui, state, to, out);
    }

    fn bar(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        let bar = Split::left(ui, "bar", |ui| {
            let label = ui.label("Filter").id;
            let edit = egui::TextEdit::singleline(&mut self.query)
                .hint_text("actor:mmap state:error tensor:blk.3* dur>1ms")
                .desired_width((ui.available_width() * 0.4).clamp(180.0, 460.0));
            let response = ui.add(edit).labelled_by(label).on_hover_text(query::HELP);
            if std::mem::take(&mut self.focus_query) {
                response.request_focus();
            }
            if response.changed() {
                out.push(Command::Query(self.query.clone()));
            }
            if !self.query.is_empty() && ui.button("Clear").clicked() {
                out.push(Command::Query(String::new()));
            }
            match &state.query_error {
                Some(why) => drop(theme::badge(ui, Tone::Bad, why)),
                None if state.search.is_all() => {}
                None => {
                    let found = state.search.len(&state.run.store);
                    let more = if state.searching { " so far" } else { "" };
                    ui.label(
                        RichText::new(format!(
                            "{} of {} rows{more}",
                            count(found as u64),
                            count(state.run.store.len() as u64)
                        ))
                        .weak(),
                    );
                }
            }
        });
        bar.right(ui, |ui| {
            let mut lanes = !self.hidden;
            if ui.toggle_value(&mut lanes, "Lanes").on_hover_text("Show the lanes").changed() {
                self.hidden = !lanes;
            }
            for (label, command) in [
                ("All", Command::ZoomFit),
                ("Last", Command::ZoomLast),
                ("+", Command::ZoomIn),
                ("–", Command::ZoomOut),
            ] {
                if ui.button(label).on_hover_text(command.info().label).clicked() {
                    out.push(command);
                }
            }
            if ui.selectable_label(self.steps, "Steps").on_hover_text("Every row has the same width").clicked() {
                out.push(Command::StepAxis(true));
            }
            if ui.selectable_label(!self.steps, "Time").on_hover_text("Width is time").clicked() {
                out.push(Command::StepAxis(false));
            }
            let all = duration(state.run.store.last_at());
            let what = if state.run.origin == Origin::Live { "since open" } else { "recorded" };
            ui.label(RichText::new(format!("{all} {what}")).weak());
        });
    }
}
