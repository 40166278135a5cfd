//! Tensors added up by type or by layer: a table that can be sorted, and whose lines lead to the tensors of each.
use crate::state::State;
use crate::text::{bytes, count, escape, parameters, percent};
use egui::{Label, RichText, Ui};
use egui_extras::{Column, TableBuilder};
use weighbridge_core::model::Sum;

/// What tensors are added up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Type,
    Layer,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum By {
    /// As the model has them: types by size, layers by number.
    #[default]
    Order,
    Name,
    Tensors,
    Parameters,
    Bytes,
}

/// How the table is sorted.
#[derive(Default)]
pub(super) struct Sums {
    by: By,
    down: bool,
}

/// A line: what it is called, which names it stands for, what they are together.
struct Line {
    name: String,
    pattern: String,
    sum: Sum,
}

fn lines(state: &State, group: Group) -> Vec<Line> {
    let totals = &state.run.totals;
    match group {
        Group::Type => {
            let line = |total: &weighbridge_core::model::DtypeTotal| Line {
                name: escape(&total.dtype),
                pattern: total.dtype.to_lowercase(),
                sum: total.sum,
            };
            totals.dtypes.iter().map(line).collect()
        }
        Group::Layer => {
            let line = |total: &weighbridge_core::model::LayerTotal| {
                let stem = escape(&total.stem);
                let name = match total.number {
                    Some(number) if stem.is_empty() => number.to_string(),
                    Some(number) => format!("{stem}.{number}"),
                    None => stem,
                };
                let pattern = if total.number.is_some() { format!("{name}.*") } else { format!("{name}*") };
                Line { pattern: pattern.to_lowercase(), name, sum: total.sum }
            };
            totals.layers.iter().map(line).collect()
        }
    }
}

impl Sums {
    /// Shows the table. Answers the filter for the tensors of the line that was clicked.
    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, group: Group) -> Option<String> {
        let mut lines = lines(state, group);
        match self.by {
            By::Order => {}
            By::Name => lines.sort_by(|a, b| a.name.cmp(&b.name)),
            By::Tensors => lines.sort_by_key(|line| line.sum.tensors),
            By::Parameters => lines.sort_by_key(|line| line.sum.parameters),
            By::Bytes => lines.sort_by_key(|line| line.sum.bytes),
        }
        if self.down {
            lines.reverse();
        }
        let all = state.run.totals.all;
        let columns = [
            (By::Tensors, "Tensors", 76.0),
            (By::Parameters, "Parameters", 92.0),
            (By::Bytes, "Bytes", 84.0),
            (By::Bytes, "Share", 64.0),
        ];
        let first = if group == Group::Type { "Type" } else { "Layer" };
        let mut chosen = None;
        ui.spacing_mut().item_spacing.y = 1.0;
        let mut table = TableBuilder::new(ui)
            .striped(true)
            .sense(egui::Sense::click())
            .auto_shrink([false, false])
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
            .column(Column::remainder().at_least(90.0).clip(true));
        for (_, _, width) in columns {
            table = table.column(Column::initial(width).at_least(40.0).clip(true).resizable(true));
        }
        table
            .header(22.0, |mut header| {
                header.col(|ui| self.heading(ui, first, By::Name));
                for (by, name, _) in columns {
                    header.col(|ui| self.heading(ui, name, by));
                }
            })
            .body(|body| {
                body.rows(21.0, lines.len(), |mut row| {
                    let line = &lines[row.index()];
                    row.col(|ui| drop(ui.add(Label::new(&line.name).truncate().selectable(false))));
                    row.col(|ui| drop(ui.label(count(line.sum.tensors))));
                    row.col(|ui| {
                        drop(ui.label(parameters(line.sum.parameters)).on_hover_text(count(line.sum.parameters)))
                    });
                    row.col(|ui| drop(ui.label(bytes(line.sum.bytes))));
                    row.col(|ui| drop(ui.weak(percent(line.sum.bytes, all.bytes))));
                    if row.response().on_hover_text("Show its tensors").clicked() {
                        chosen = Some(line.pattern.clone());
                    }
                });
            });
        chosen
    }

    fn heading(&mut self, ui: &mut Ui, name: &str, by: By) {
        let chosen = self.by == by && name != "Share";
        let text = if chosen { format!("{name} {}", if self.down { "↓" } else { "↑" }) } else { name.to_owned() };
        let button = egui::Button::new(RichText::new(text).strong()).frame(false);
        if ui.add(button).on_hover_text(format!("Sort by {}", name.to_lowercase())).clicked() {
            // Of numbers the largest first; a third click is the model's own order again.
            let first = by != By::Name;
            (self.by, self.down) = match (self.by == by, self.down == first) {
                (true, true) => (by, !first),
                (true, false) => (By::Order, false),
                _ => (by, first),
            };
        }
    }
}
