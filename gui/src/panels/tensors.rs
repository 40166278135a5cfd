//! Every tensor: sorted, filtered, with its state at the cursor.
use super::sums::{Group, Sums};
use super::tensor_detail;
use crate::command::Command;
use crate::model::query::matches;
use crate::split::Split;
use crate::state::State;
use crate::text::{bytes, count, duration, escape, parameters, plural, shape};
use crate::theme::{self, Tone};
use egui::Ui;
use egui_extras::{Column, TableBuilder};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum By {
    #[default]
    Index,
    Name,
    Dtype,
    Bytes,
    Offset,
    State,
    Time,
}

#[derive(Default)]
pub(super) struct Tensors {
    reveal: bool,
    /// What the tensors are added up by; none where each has a line.
    group: Option<Group>,
    sums: Sums,
    filter: String,
    by: By,
    down: bool,
    list: Vec<u32>,
    key: Option<(String, By, bool, usize, u64, u64)>,
    times: Vec<u64>,
    times_at: u64,
}

impl Tensors {
    /// The tensor that is selected comes into view.
    pub(super) fn reveal(&mut self) {
        (self.reveal, self.group) = (true, None);
    }

    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        if state.run.tensors.is_empty() {
            let text = "Every tensor of the model is listed here with its type, shape, place in the file and whether it is loaded. \
                        Open a model: nothing but its header is read.";
            if !super::refusal::instead(ui, state, out) {
                theme::empty(ui, "No tensors yet", text);
            }
            return;
        }
        self.bar(ui, state);
        if let Some(group) = self.group {
            if let Some(filter) = self.sums.show(ui, state, group) {
                (self.filter, self.group) = (filter, None);
            }
            return;
        }
        self.refresh(state);
        let Some(tensor) = state.tensor.filter(|t| (*t as usize) < state.run.tensors.len()) else {
            self.table(ui, state, out);
            return;
        };
        // The table's lines reach to the end of its area, so the details get an area of their own.
        let room = ui.available_rect_before_wrap();
        let middle = (room.max.y - 222.0).max(room.min.y + room.height() * 0.4);
        let above = egui::Rect::from_min_max(room.min, egui::pos2(room.max.x, middle));
        let below = egui::Rect::from_min_max(egui::pos2(room.min.x, middle + 4.0), room.max);
        ui.scope_builder(egui::UiBuilder::new().max_rect(above), |ui| {
            ui.set_clip_rect(above.intersect(ui.clip_rect()));
            self.table(ui, state, out);
        });
        ui.scope_builder(egui::UiBuilder::new().max_rect(below), |ui| {
            ui.separator();
            tensor_detail::show(ui, state, tensor, out);
        });
    }

    fn bar(&mut self, ui: &mut Ui, state: &State) {
        let bar = Split::left(ui, "bar", |ui| {
            for (group, text) in [(None, "Each"), (Some(Group::Type), "By type"), (Some(Group::Layer), "By layer")] {
                ui.selectable_value(&mut self.group, group, text);
            }
            if self.group.is_some() {
                ui.weak(format!("{} parameters", parameters(state.run.totals.all.parameters)));
                return;
            }
            let label = ui.label("Name or type").id;
            let edit = egui::TextEdit::singleline(&mut self.filter).hint_text("*attn* or q8_0").desired_width(170.0);
            ui.add(edit).labelled_by(label);
            let total: u64 = state.run.tensors.iter().map(|t| t.bytes).fold(0, u64::saturating_add);
            if self.list.len() == state.run.tensors.len() {
                ui.weak(format!("{}, {}", plural(self.list.len() as u64, "tensor"), bytes(total)));
            } else {
                ui.weak(format!(
                    "{} of {}",
                    count(self.list.len() as u64),
                    plural(state.run.tensors.len() as u64, "tensor")
                ));
            }
        });
        if !state.is_live() {
            bar.right(ui, |ui| drop(theme::badge(ui, Tone::Warn, "as it was at the cursor")));
        }
    }

    /// Filters and sorts again when something of it changed.
    fn refresh(&mut self, state: &State) {
        let moving = matches!(self.by, By::State | By::Time);
        let end = if moving { state.end() } else { 0 };
        let key = (
            self.filter.clone(),
            self.by,
            self.down,
            state.run.tensors.len(),
            if moving { state.run.revision } else { 0 },
            end,
        );
        if self.times_at != state.end() {
            self.times_at = state.end();
            self.times = load_times(state);
        }
        if self.key.as_ref() == Some(&key) {
            return;
        }
        let run = &state.run;
        let filter = self.filter.trim().to_lowercase();
        #[allow(clippy::cast_possible_truncation)]
        let mut list: Vec<u32> = (0..run.tensors.len() as u32)
            .filter(|&i| {
                let i = i as usize;
                filter.is_empty() || matches(&filter, &run.names[i]) || run.tensors[i].dtype.to_lowercase() == filter
            })
            .collect();
        let lane = run.store.machine_lane("model/tensor");
        match self.by {
            By::Index => {}
            By::Name => list.sort_by(|&a, &b| run.names[a as usize].cmp(&run.names[b as usize])),
            By::Dtype => list.sort_by(|&a, &b| run.tensors[a as usize].dtype.cmp(&run.tensors[b as usize].dtype)),
            By::Bytes => list.sort_by_key(|&i| run.tensors[i as usize].bytes),
            By::Offset => list.sort_by_key(|&i| (run.tensors[i as usize].source, run.tensors[i as usize].offset)),
            By::State => list.sort_by_key(|&i| state.lifecycle(lane, i) as u8),
            By::Time => list.sort_by_key(|&i| self.times.get(i as usize).copied().unwrap_or(0)),
        }
        if self.down {
            list.reverse();
        }
        (self.list, self.key) = (list, Some(key));
    }

    fn table(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        let columns = [
            ("Name", By::Name, 200.0),
            ("Type", By::Dtype, 54.0),
            ("Shape", By::Bytes, 96.0),
            ("Bytes", By::Bytes, 72.0),
            ("File", By::Offset, 60.0),
            ("Offset", By::Offset, 92.0),
            ("State", By::State, 116.0),
            ("Strategy", By::State, 92.0),
            ("Slot", By::State, 38.0),
            ("Load time", By::Time, 70.0),
        ];
        let files = state.run.opened.as_ref().map_or(1, |o| o.files.len());
        ui.spacing_mut().item_spacing.y = 1.0;
        let fixed: f32 = columns
            .iter()
            .filter(|c| c.0 != "Name" && (c.0 != "File" || files > 1))
            .map(|c| c.2 + ui.spacing().item_spacing.x)
            .sum();
        let wide = (ui.available_width() - fixed - 28.0).max(180.0);
        let mut table = TableBuilder::new(ui)
            .striped(true)
            .sense(egui::Sense::click())
            .auto_shrink([false, false])
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center));
        for (name, _, width) in columns {
            if name != "File" || files > 1 {
                let width = if name == "Name" { wide } else { width };
                table = table.column(Column::initial(width).at_least(30.0).clip(true).resizable(true));
            }
        }
        if std::mem::take(&mut self.reveal)
            && let Some(at) = state.tensor.and_then(|t| self.list.iter().position(|&i| i == t))
        {
            table = table.scroll_to_row(at, Some(egui::Align::Center));
        }
        let lane = state.run.store.machine_lane("model/tensor");
        table
            .header(22.0, |mut header| {
                for (name, by, _) in columns {
                    if name != "File" || files > 1 {
                        header.col(|ui| self.heading(ui, name, by));
                    }
                }
            })
            .body(|body| {
                body.rows(21.0, self.list.len(), |mut line| {
                    let i = self.list[line.index()];
                    line.set_selected(state.tensor == Some(i));
                    cells(&mut line, state, i, lane, files > 1, self.times.get(i as usize).copied().unwrap_or(0));
                    if line.response().clicked() {
                        out.push(Command::SelectTensor((state.tensor != Some(i)).then_some(i)));
                    }
                });
            });
    }

    fn heading(&mut self, ui: &mut Ui, name: &str, by: By) {
        let chosen = self.by == by && !matches!(name, "Shape" | "File" | "Strategy" | "Slot");
        let text = if chosen { format!("{name} {}", if self.down { "↓" } else { "↑" }) } else { name.to_owned() };
        let button = egui::Button::new(egui::RichText::new(text).strong()).frame(false);
        if ui.add(button).on_hover_text(format!("Sort by {}", name.to_lowercase())).clicked() {
            (self.by, self.down) = match (self.by == by, self.down) {
                (true, false) => (by, true),
                (true, true) => (By::Index, false),
                _ => (by, false),
            };
        }
    }
}

/// Nanoseconds from `loading` to what came of it, of the last load of each tensor before the cursor.
fn load_times(state: &State) -> Vec<u64> {
    let store = &state.run.store;
    let Some(id) = store.machine_lane("model/tensor") else { return Vec::new() };
    let mut out = vec![0; state.run.tensors.len()];
    let Some(loading) = store.names.find("loading") else { return out };
    let lane = &store.lanes[usize::from(id)];
    let end = lane.rows.partition_point(|&(_, row)| row < state.end());
    // Newest first, until every tensor was seen or the rows of a few loads were.
    let most = out.len().saturating_mul(4).max(1000);
    let mut left = out.len();
    for &(_, row) in lane.rows.range(..end).rev().take(most) {
        let Some(row) = store.row(row) else { continue };
        if store.edge(row).to != loading || row.dur == u64::MAX {
            continue;
        }
        if let Some(time) = out.get_mut(row.instance as usize).filter(|t| **t == 0) {
            *time = row.dur.max(1);
            left -= 1;
            if left == 0 {
                break;
            }
        }
    }
    out
}

fn cells(line: &mut egui_extras::TableRow<'_, '_>, state: &State, i: u32, lane: Option<u16>, file: bool, time: u64) {
    let run = &state.run;
    let Some(t) = run.tensors.get(i as usize) else { return };
    line.col(|ui| drop(ui.add(egui::Label::new(&run.names[i as usize]).truncate().selectable(false))));
    line.col(|ui| drop(ui.label(escape(&t.dtype))));
    line.col(|ui| drop(ui.label(shape(&t.shape))));
    line.col(|ui| drop(ui.label(bytes(t.bytes))));
    if file {
        line.col(|ui| drop(ui.label(t.source.to_string()).on_hover_text(run.file_name(t.source))));
    }
    line.col(|ui| drop(ui.label(count(t.offset))));
    let lifecycle = state.lifecycle(lane, i);
    line.col(|ui| drop(theme::badge(ui, Tone::of_lifecycle(lifecycle), lifecycle.name())));
    let reported = state.reported(i);
    line.col(|ui| drop(ui.label(reported.and_then(|s| s.strategy).map_or("", |s| s.name()))));
    line.col(|ui| drop(ui.label(reported.and_then(|s| s.slot).map_or_else(String::new, |s| s.to_string()))));
    line.col(|ui| drop(ui.label(if time > 0 { duration(time) } else { String::new() })));
}
