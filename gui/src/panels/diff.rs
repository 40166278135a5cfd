//! Another model beside the one that is open: what their headers say differently, and whose bytes differ.
use super::metadata::value;
use crate::backend::{DiffSide, MetadataDiff, ModelDiff, Origin, TensorDiff};
use crate::command::Command;
use crate::state::State;
use crate::text::{bytes, count, escape, percent, plural, sentence, shape};
use crate::theme::{self, Tone};
use egui::{Label, Ui};
use egui_extras::{Column, TableBuilder};
use weighbridge_core::model::TensorDifference;
use weighbridge_core::types::{MetadataEntry, TensorInfo};

/// Least height of a list, however small the panel is.
const LIST: f32 = 150.0;
/// Tensors that could not be compared and are named.
const NAMED: usize = 3;

/// Which changes are shown.
#[derive(Default)]
pub(super) struct Diff {
    metadata: bool,
    only: Option<TensorDifference>,
}

impl Diff {
    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        let Some(diff) = &state.run.diff else {
            let text = "Choose another model: metadata and tensors that were added, removed or changed are listed, the largest change first. \
                        Names tell which tensors belong together, whatever the formats and the number of files.";
            theme::empty(ui, "Nothing to compare with yet", text);
            ui.vertical_centered(|ui| button(ui, state, Command::Diff, out));
            return;
        };
        egui::ScrollArea::vertical().id_salt("diff").auto_shrink(false).show(ui, |ui| {
            head(ui, state, diff, out);
            if diff.tensors.is_empty() && diff.metadata.is_empty() {
                return;
            }
            self.choose(ui, diff);
            let room = (ui.clip_rect().max.y - ui.cursor().min.y - 30.0).max(LIST);
            if self.metadata {
                metadata(ui, &diff.metadata, room);
            } else {
                tensors(ui, &self.shown(diff), room, out);
            }
        });
    }

    fn shown<'d>(&self, diff: &'d ModelDiff) -> Vec<&'d TensorDiff> {
        diff.tensors.iter().filter(|change| self.only.is_none_or(|only| only == change.difference)).collect()
    }

    /// How many changes there are of each kind; one kind is shown alone, or all tensors.
    fn choose(&mut self, ui: &mut Ui, diff: &ModelDiff) {
        const KINDS: [TensorDifference; 5] = [
            TensorDifference::Added,
            TensorDifference::Removed,
            TensorDifference::Shape,
            TensorDifference::Dtype,
            TensorDifference::Comparable,
        ];
        let number = |kind| diff.tensors.iter().filter(|change| change.difference == kind).count() as u64;
        if self.only.is_some_and(|only| number(only) == 0) {
            self.only = None;
        }
        if diff.metadata.is_empty() {
            self.metadata = false;
        } else if diff.tensors.is_empty() {
            self.metadata = true;
        }
        ui.horizontal_wrapped(|ui| {
            let (entries, all) = (count(diff.metadata.len() as u64), count(diff.tensors.len() as u64));
            ui.selectable_value(&mut self.metadata, true, format!("Metadata {entries}"));
            ui.selectable_value(&mut self.metadata, false, format!("Tensors {all}"));
            if self.metadata {
                return;
            }
            ui.separator();
            ui.selectable_value(&mut self.only, None, "all");
            for kind in KINDS {
                let number = number(kind);
                if number > 0 {
                    ui.selectable_value(&mut self.only, Some(kind), format!("{} {}", count(number), kind.name()));
                }
            }
        });
    }
}

fn button(ui: &mut Ui, state: &State, command: Command, out: &mut Vec<Command>) {
    let info = command.info();
    let live = state.run.origin == Origin::Live && state.run.opened.is_some() && state.busy.is_none();
    let button = egui::Button::new(info.label);
    let response = ui.add_enabled(live, button).on_hover_text(info.tip);
    if response.on_disabled_hover_text("Open a model first, and wait until it is idle").clicked() {
        out.push(command);
    }
}

fn head(ui: &mut Ui, state: &State, diff: &ModelDiff, out: &mut Vec<Command>) {
    for (name, side) in [("A", &diff.a), ("B", &diff.b)] {
        ui.horizontal_wrapped(|ui| {
            ui.strong(name);
            ui.label(escape(&side.label));
            ui.weak(about(side));
        });
    }
    let tensors = plural(diff.tensors.len() as u64, "tensor");
    let entries = match diff.metadata.len() {
        1 => "1 metadata entry".to_owned(),
        n => format!("{} metadata entries", count(n as u64)),
    };
    ui.horizontal_wrapped(|ui| {
        if diff.tensors.is_empty() && diff.metadata.is_empty() {
            let what = if diff.compared { "No tensor and no metadata differ" } else { "The headers say the same" };
            theme::badge(ui, Tone::Good, what);
        } else {
            theme::badge(ui, Tone::Warn, &format!("{tensors} and {entries} differ"));
        }
    });
    ui.horizontal_wrapped(|ui| {
        let same = plural(diff.comparable, "tensor");
        ui.weak(if diff.compared {
            format!("The bytes of {same} of the same type and shape were compared")
        } else {
            format!("{same} of the same type and shape: their bytes were not compared")
        });
        if !diff.compared && diff.comparable > 0 {
            button(ui, state, Command::DiffBytes, out);
        }
        button(ui, state, Command::Diff, out);
    });
    for left in diff.uncompared.iter().take(NAMED) {
        ui.horizontal_wrapped(|ui| theme::badge(ui, Tone::Warn, &format!("Not compared: {}", escape(&left.name))));
        ui.label(sentence(&left.why));
    }
    if diff.uncompared.len() > NAMED {
        ui.weak(format!("and {} more", count((diff.uncompared.len() - NAMED) as u64)));
    }
}

fn about(side: &DiffSide) -> String {
    format!("{}, {}, {}", escape(&side.format), plural(u64::from(side.tensors), "tensor"), bytes(side.tensor_bytes))
}

fn metadata(ui: &mut Ui, changes: &[MetadataDiff], room: f32) {
    ui.push_id("metadata", |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        let half = ((ui.available_width() - 240.0) / 2.0).max(90.0);
        TableBuilder::new(ui)
            .striped(true)
            .max_scroll_height(room)
            .auto_shrink([false, true])
            .column(Column::initial(220.0).at_least(60.0).clip(true).resizable(true))
            .column(Column::initial(half).at_least(60.0).clip(true).resizable(true))
            .column(Column::remainder().at_least(60.0).clip(true))
            .header(20.0, |mut header| {
                for name in ["Key", "A", "B"] {
                    header.col(|ui| drop(ui.strong(name)));
                }
            })
            .body(|body| {
                body.rows(20.0, changes.len(), |mut line| {
                    let change = &changes[line.index()];
                    let key = change.a.as_ref().or(change.b.as_ref()).map_or("", |entry| &entry.key);
                    line.col(|ui| drop(ui.add(Label::new(escape(key)).truncate())));
                    for (entry, none) in [(&change.a, "only B"), (&change.b, "only A")] {
                        line.col(|ui| cell(ui, entry.as_ref(), none));
                    }
                });
            });
    });
}

fn cell(ui: &mut Ui, entry: Option<&MetadataEntry>, none: &str) {
    match entry {
        Some(entry) => drop(ui.add(Label::new(value(&entry.value)).truncate())),
        None => drop(ui.weak(none)),
    }
}

fn tensors(ui: &mut Ui, changes: &[&TensorDiff], room: f32, out: &mut Vec<Command>) {
    ui.push_id("tensors", |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        let columns = [("Change", 84.0), ("A", 148.0), ("B", 148.0), ("Differing", 156.0)];
        let fixed: f32 = columns.iter().map(|column| column.1 + ui.spacing().item_spacing.x).sum();
        let wide = (ui.available_width() - fixed - 20.0).max(150.0);
        let mut table = TableBuilder::new(ui)
            .striped(true)
            .sense(egui::Sense::click())
            .max_scroll_height(room)
            .auto_shrink([false, true])
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
            .column(Column::initial(wide).at_least(60.0).clip(true).resizable(true));
        for (_, width) in columns {
            table = table.column(Column::initial(width).at_least(30.0).clip(true).resizable(true));
        }
        table
            .header(20.0, |mut header| {
                header.col(|ui| drop(ui.strong("Tensor")));
                for (name, _) in columns {
                    header.col(|ui| drop(ui.strong(name)));
                }
            })
            .body(|body| {
                body.rows(20.0, changes.len(), |mut line| {
                    let change = changes[line.index()];
                    line.col(|ui| drop(ui.add(Label::new(escape(change.name())).truncate().selectable(false))));
                    line.col(|ui| drop(theme::badge(ui, tone(change.difference), change.difference.name())));
                    for side in [&change.a, &change.b] {
                        line.col(|ui| described(ui, side.as_ref()));
                    }
                    line.col(|ui| drop(ui.label(differing(change))));
                    if let Some((index, _)) = &change.a
                        && line.response().on_hover_text("Show the tensor of A").clicked()
                    {
                        out.push(Command::SelectTensor(Some(*index)));
                        out.push(Command::Show(super::Panel::Tensors));
                    }
                });
            });
    });
}

const fn tone(difference: TensorDifference) -> Tone {
    match difference {
        TensorDifference::Added => Tone::Good,
        TensorDifference::Removed => Tone::Over,
        TensorDifference::Shape | TensorDifference::Dtype => Tone::Warn,
        TensorDifference::Comparable => Tone::Working,
    }
}

fn described(ui: &mut Ui, side: Option<&(u32, TensorInfo)>) {
    match side {
        Some((_, tensor)) => {
            let text = format!("{} {}", escape(&tensor.dtype), shape(&tensor.shape));
            ui.add(Label::new(text).truncate().selectable(false));
        }
        None => drop(ui.weak("–")),
    }
}

fn differing(change: &TensorDiff) -> String {
    if change.difference == TensorDifference::Comparable {
        format!("{} ({})", bytes(change.differing), percent(change.differing, change.bytes()))
    } else {
        bytes(change.differing)
    }
}
