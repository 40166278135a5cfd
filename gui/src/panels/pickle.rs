//! What a checkpoint would have PyTorch do, and why none of it happens here.
use crate::model::pickle::{Pickle, asks};
use crate::text::{bytes, count, plural};
use crate::theme::{self, Tone};
use egui::{RichText, Stroke, Ui};
use egui_extras::{Column, TableBuilder};

/// Heights of the lists: what is longer scrolls.
const LIST: f32 = 190.0;

pub(super) fn card(ui: &mut Ui, pickle: &Pickle) {
    let runs = pickle.could_run_code();
    let tone = if runs { Tone::Warn } else { Tone::Good };
    let dark = ui.visuals().dark_mode;
    let frame =
        egui::Frame::group(ui.style()).stroke(Stroke::new(1.5, tone.color(dark))).fill(ui.visuals().faint_bg_color);
    frame.inner_margin(10).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| theme::badge(ui, tone, if runs { "Runs code in PyTorch, not here" } else { "Runs no code" }));
        ui.label(RichText::new(&pickle.verdict).size(15.0));
        let why = if runs {
            "A checkpoint is a pickle: a program, which torch.load runs. It would import and call what is listed below. Here the same \
             program is read as data: a stack machine keeps names as text and calls as values, and has nothing that imports or calls. \
             The sandbox around it has no files by path, no processes and no network."
        } else {
            "A checkpoint is a pickle: a program, which torch.load runs. It names only what PyTorch itself takes for tensors. Here it is \
             read as data all the same: nothing is imported or called."
        };
        ui.label(why);
        ui.weak(format!("torch.load(weights_only=True) {}", pickle.weights_only));
        let mut facts = vec![format!("Form: {}", pickle.form), plural(pickle.storages, "storage")];
        if pickle.strided > 0 {
            facts.push(format!("{} with strides", plural(pickle.strided, "tensor")));
        }
        if pickle.unread > 0 {
            facts.push(format!("entries that nobody reads: {}", count(pickle.unread)));
        }
        if pickle.outside > 0 {
            facts.push(format!("{} that belong to nothing", bytes(pickle.outside)));
        }
        ui.weak(facts.join(" · "));
    });
    globals(ui, pickle);
    opcodes(ui, pickle);
}

fn globals(ui: &mut Ui, pickle: &Pickle) {
    theme::section(ui, "What it would have Python import");
    if pickle.globals.is_empty() {
        ui.weak("Nothing");
        return;
    }
    let columns = [("Name", None), ("weights_only", Some(92.0)), ("Called", Some(92.0)), ("Where", Some(132.0))];
    table(ui, "globals", &columns, pickle.globals.len(), |line, i| {
        let global = &pickle.globals[i];
        let tone = if global.could_run_code {
            Tone::Warn
        } else if global.weights_only == "allowed" {
            Tone::Good
        } else {
            Tone::Idle
        };
        line.col(|ui| drop(theme::badge(ui, tone, &global.name).on_hover_text(&global.name)));
        line.col(|ui| drop(ui.label(&global.weights_only)));
        line.col(|ui| drop(ui.label(&global.calls)));
        line.col(|ui| drop(ui.weak(&global.place)));
    });
    if pickle.unlisted > 0 {
        ui.weak(format!("and {} more, which are not listed", count(pickle.unlisted)));
    }
}

fn opcodes(ui: &mut Ui, pickle: &Pickle) {
    if pickle.opcodes.is_empty() {
        return;
    }
    theme::section(ui, "Opcodes that name, call or change something");
    let columns = [("Opcode", Some(110.0)), ("Asks Python to", None), ("There", Some(176.0))];
    table(ui, "opcodes", &columns, pickle.opcodes.len(), |line, i| {
        let opcode = &pickle.opcodes[i];
        line.col(|ui| drop(ui.strong(&opcode.name).on_hover_text(format!("In {}", opcode.pickle))));
        line.col(|ui| drop(ui.add(egui::Label::new(asks(&opcode.name)).truncate())));
        line.col(|ui| drop(ui.weak(&opcode.times)));
    });
    ui.weak(
        "Here each is one step of a machine that has one state until it stops: it moves values on a stack of its own.",
    );
}

/// A table with columns of these widths; those without one share what is left.
fn table(
    ui: &mut Ui,
    id: &str,
    columns: &[(&str, Option<f32>)],
    rows: usize,
    mut line: impl FnMut(&mut egui_extras::TableRow<'_, '_>, usize),
) {
    ui.push_id(id, |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        let fixed: f32 = columns.iter().map(|(_, width)| width.unwrap_or(0.0) + ui.spacing().item_spacing.x).sum();
        let wide = (ui.available_width() - fixed - 12.0).clamp(120.0, 420.0);
        let mut table = TableBuilder::new(ui)
            .striped(true)
            .max_scroll_height(LIST)
            .auto_shrink([false, true])
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center));
        for (_, width) in columns {
            let width = width.unwrap_or(wide);
            table = table.column(Column::initial(width).at_least(30.0).clip(true).resizable(true));
        }
        table
            .header(20.0, |mut header| {
                for (name, _) in columns {
                    header.col(|ui| drop(ui.strong(*name)));
                }
            })
            .body(|body| {
                body.rows(20.0, rows, |mut row| {
                    let index = row.index();
                    line(&mut row, index);
                });
            });
    });
}
