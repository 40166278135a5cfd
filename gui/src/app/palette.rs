//! The command palette.
use crate::command::Command;
use egui::{Key, Modifiers};

#[derive(Default)]
pub(super) struct Palette {
    open: bool,
    fresh: bool,
    text: String,
    at: usize,
}

impl Palette {
    pub(super) fn toggle(&mut self) {
        *self = Self { open: !self.open, fresh: true, ..Self::default() };
    }

    pub(super) fn close(&mut self) {
        self.open = false;
    }

    pub(super) fn show(&mut self, ctx: &egui::Context, out: &mut Vec<Command>) {
        if !self.open {
            return;
        }
        let found = find(&self.text);
        let down = ctx.input_mut(|i| i.consume_key(Modifiers::NONE, Key::ArrowDown));
        let up = ctx.input_mut(|i| i.consume_key(Modifiers::NONE, Key::ArrowUp));
        let enter = ctx.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Enter));
        self.at = (self.at + usize::from(down)).saturating_sub(usize::from(up)).min(found.len().saturating_sub(1));
        let mut chosen = if enter { found.get(self.at).cloned() } else { None };
        let mut open = true;
        egui::Window::new("Command palette")
            .anchor(egui::Align2::CENTER_TOP, [0.0, 90.0])
            .fixed_size([460.0, 340.0])
            .collapsible(false)
            .open(&mut open)
            .show(ctx, |ui| {
                let label = ui.label("Type a part of a command's name").id;
                let edit =
                    ui.add(egui::TextEdit::singleline(&mut self.text).desired_width(f32::INFINITY)).labelled_by(label);
                if self.fresh {
                    edit.request_focus();
                    self.fresh = false;
                }
                if edit.changed() {
                    self.at = 0;
                }
                egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                    for (i, command) in found.iter().enumerate() {
                        if line(ui, command, i == self.at, down || up) {
                            chosen = Some(command.clone());
                        }
                    }
                    if found.is_empty() {
                        ui.weak("No command has such a name");
                    }
                });
            });
        if let Some(command) = chosen {
            out.push(command);
            open = false;
        }
        self.open = open;
    }
}

fn line(ui: &mut egui::Ui, command: &Command, selected: bool, moved: bool) -> bool {
    let info = command.info();
    let keys = info.keys.map(|k| ui.ctx().format_shortcut(&k)).unwrap_or_default();
    let response = ui.add_sized(
        [ui.available_width(), 22.0],
        egui::Button::selectable(selected, info.label).shortcut_text(keys).right_text(""),
    );
    if selected && moved {
        response.scroll_to_me(None);
    }
    response.on_hover_text(info.tip).clicked()
}

/// Commands whose label or tooltip has every word, those whose label begins with it first.
fn find(text: &str) -> Vec<Command> {
    let words: Vec<String> = text.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let mut found: Vec<Command> = Command::catalog()
        .into_iter()
        .filter(|c| {
            let info = c.info();
            let all = format!("{} {} {}", info.label, info.tip, info.name).to_lowercase();
            *c != Command::Palette && words.iter().all(|w| all.contains(w))
        })
        .collect();
    found.sort_by_key(|c| {
        let label = c.info().label.to_lowercase();
        (!words.first().is_some_and(|w| label.starts_with(w)), !words.iter().all(|w| label.contains(w)))
    });
    found
}
