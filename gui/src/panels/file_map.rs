//! What lies where in a file: tensors, extents, what was read, mapped and advised, what is in the page cache.
use super::strips::{View, extents, pages, spans, ticks};
use crate::command::Command;
use crate::split::Split;
use crate::state::State;
use crate::text::{bytes, count, plural};
use crate::theme::{self, Tone};
use egui::{Align2, FontId, Mesh, Rect, Role, Sense, Stroke, Ui, pos2, vec2};

#[derive(Default)]
pub(super) struct FileMap {
    file: u32,
    from: f64,
    to: f64,
    sorted: Vec<u32>,
    key: Option<(u32, usize)>,
    /// The byte that is marked: of which run, in which file.
    mark: Option<(String, u32, u64)>,
}

const NAMES: f32 = 92.0;
const STRIP: f32 = 30.0;
/// Bytes around a marked one that are shown.
const AROUND: u64 = 64 << 10;

impl FileMap {
    /// Marks a byte, and shows what is around it.
    pub(super) fn reveal(&mut self, state: &State, file: u32, offset: u64) {
        let size = state.run.file_size(file).max(1);
        let from = offset.saturating_sub(AROUND / 2).min(size.saturating_sub(AROUND));
        #[allow(clippy::cast_precision_loss)]
        let (from, to) = (from as f64, from.saturating_add(AROUND).min(size) as f64);
        (self.file, self.from, self.to) = (file, from, to);
        self.mark = Some((state.run.label.clone(), file, offset));
    }

    fn marked(&self, state: &State) -> Option<u64> {
        let mark = self.mark.as_ref().filter(|(run, file, _)| *run == state.run.label && *file == self.file);
        mark.map(|(.., offset)| *offset)
    }

    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        let Some(opened) = &state.run.opened else {
            let text = "The file from its first byte to its last: which tensor lies where, the gaps between them, which extents are mapped, \
                        what was read, and which pages are in memory. Scroll to zoom from the whole file to a page.";
            if !super::refusal::instead(ui, state, out) {
                theme::empty(ui, "No file yet", text);
            }
            return;
        };
        #[allow(clippy::cast_possible_truncation)]
        let files = opened.files.len().max(1) as u32;
        self.file = self.file.min(files - 1);
        #[allow(clippy::cast_precision_loss)]
        let size = state.run.file_size(self.file).max(1) as f64;
        if self.to <= self.from || self.to > size {
            (self.from, self.to) = (0.0, size);
        }
        self.sort(state);
        self.bar(ui, state, files, size, out);
        self.picture(ui, state, size, out);
        self.list(ui, state, out);
    }

    fn sort(&mut self, state: &State) {
        let key = (self.file, state.run.tensors.len());
        if self.key != Some(key) {
            #[allow(clippy::cast_possible_truncation)]
            let mut all: Vec<u32> = (0..state.run.tensors.len() as u32)
                .filter(|&i| state.run.tensors[i as usize].source == self.file)
                .collect();
            all.sort_by_key(|&i| state.run.tensors[i as usize].offset);
            (self.sorted, self.key) = (all, Some(key));
        }
    }

    fn bar(&mut self, ui: &mut Ui, state: &State, files: u32, size: f64, out: &mut Vec<Command>) {
        let bar = Split::left(ui, "bar", |ui| {
            if files > 1 {
                let label = ui.label("File").id;
                let before = self.file;
                egui::ComboBox::from_id_salt("file")
                    .selected_text(state.run.file_name(self.file))
                    .show_ui(ui, |ui| {
                        for f in 0..files.min(512) {
                            ui.selectable_value(&mut self.file, f, state.run.file_name(f));
                        }
                    })
                    .response
                    .labelled_by(label);
                if before != self.file {
                    (self.from, self.to) = (0.0, 0.0);
                }
            } else {
                ui.strong(state.run.file_name(0));
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let (from, to) = (self.from as u64, self.to as u64);
            ui.weak(format!("bytes {} to {} ({})", count(from), count(to), bytes(to - from)));
            if let Some(offset) = self.marked(state) {
                theme::badge(ui, Tone::Warn, &format!("byte {}", count(offset)));
            }
        });
        bar.right(ui, |ui| {
            let info = Command::RefreshPages.info();
            if ui.button("Page cache").on_hover_text(info.tip).clicked() {
                out.push(Command::RefreshPages);
            }
            if ui.button("Page").on_hover_text("Zoom to a single page in the middle").clicked() {
                let middle = f64::midpoint(self.from, self.to);
                let page = (middle / 4096.0).floor() * 4096.0;
                (self.from, self.to) = (page, (page + 4096.0).min(size));
            }
            if ui.button("Whole file").clicked() {
                (self.from, self.to) = (0.0, size);
            }
        });
    }

    fn picture(&mut self, ui: &mut Ui, state: &State, size: f64, out: &mut Vec<Command>) {
        let dark = ui.visuals().dark_mode;
        let names = ["Tensors", "Extents", "Mapped", "Read", "Advised", "Page cache"];
        #[allow(clippy::cast_precision_loss)]
        let height = names.len() as f32 * STRIP + 22.0;
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click_and_drag());
        theme::named(&response, Role::Canvas, "File map");
        let painter = ui.painter_at(rect);
        painter.rect_filled(rect, 5.0, theme::canvas(dark));
        let area = Rect::from_min_max(pos2(rect.min.x + NAMES, rect.min.y), pos2(rect.max.x - 6.0, rect.max.y));
        let view = View { area, from: self.from, to: self.to };
        let strip = |i: u8| {
            let top = rect.min.y + f32::from(i) * STRIP;
            Rect::from_min_max(pos2(area.min.x, top + 4.0), pos2(area.max.x, top + STRIP - 3.0))
        };
        for (i, name) in (0u8..).zip(names) {
            let s = strip(i);
            painter.text(
                pos2(rect.min.x + 8.0, s.center().y),
                Align2::LEFT_CENTER,
                name,
                FontId::proportional(12.0),
                ui.visuals().text_color(),
            );
            painter.rect_filled(s, 2.0, ui.visuals().faint_bg_color);
        }
        self.tensors(&painter, state, view, strip(0), ui.visuals());
        extents(&painter, state, self.file, view, strip(1), dark);
        spans(&painter, state, self.file, view, [strip(2), strip(3), strip(4)], dark);
        pages(&painter, state, self.file, view, strip(5), ui.visuals());
        if let Some(offset) = self.marked(state) {
            let x = view.x(offset);
            painter.vline(x, rect.min.y..=rect.max.y - 20.0, Stroke::new(1.5, Tone::Warn.color(dark)));
        }
        ticks(&painter, view, rect, ui.visuals().weak_text_color());
        self.pointer(ui, &response, state, view, size, strip(0), out);
    }

    fn tensors(&self, painter: &egui::Painter, state: &State, view: View, strip: Rect, visuals: &egui::Visuals) {
        let run = &state.run;
        let lane = run.store.machine_lane("model/tensor");
        let first = self.sorted.partition_point(|&i| {
            let t = &run.tensors[i as usize];
            view.x(t.offset.saturating_add(t.bytes)) < view.area.min.x
        });
        let mut mesh = Mesh::default();
        let mut last = f32::MIN;
        for &i in self.sorted.iter().skip(first) {
            let t = &run.tensors[i as usize];
            let (a, b) = (view.x(t.offset), view.x(t.offset.saturating_add(t.bytes)));
            if a > view.area.max.x {
                break;
            }
            // Several tensors in one pixel are one bar.
            if b - last < 0.6 {
                continue;
            }
            last = b.max(a + 0.6);
            let tone = Tone::of_lifecycle(state.lifecycle(lane, i));
            let color = tone.color(visuals.dark_mode).gamma_multiply(0.7);
            let seam = if last - a > 3.0 { 1.0 } else { 0.0 };
            let bar = Rect::from_min_max(pos2(a, strip.min.y), pos2(last - seam, strip.max.y));
            mesh.add_colored_rect(bar, color);
            if state.tensor == Some(i) {
                painter.rect_stroke(
                    bar.expand(1.0),
                    1.0,
                    Stroke::new(2.0, theme::accent(visuals.dark_mode)),
                    egui::StrokeKind::Outside,
                );
            }
        }
        painter.add(mesh);
        // Names where there is room for them.
        for &i in self.sorted.iter().skip(first).take(200) {
            let t = &run.tensors[i as usize];
            let (a, b) =
                (view.x(t.offset).max(view.area.min.x), view.x(t.offset.saturating_add(t.bytes)).min(view.area.max.x));
            if b - a > 60.0 {
                let at = pos2(a + 4.0, strip.center().y);
                theme::text_in(
                    painter,
                    at,
                    Align2::LEFT_CENTER,
                    &run.names[i as usize],
                    FontId::proportional(11.0),
                    visuals.strong_text_color(),
                    b - a - 6.0,
                );
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn pointer(
        &mut self,
        ui: &Ui,
        response: &egui::Response,
        state: &State,
        view: View,
        size: f64,
        strip: Rect,
        out: &mut Vec<Command>,
    ) {
        let span = view.to - view.from;
        if response.dragged() {
            let by = f64::from(response.drag_delta().x / view.area.width().max(1.0)) * span;
            (self.from, self.to) = (view.from - by, view.to - by);
        }
        if let Some(at) = response.hover_pos().filter(|p| view.area.contains(*p)) {
            let (zoom, scroll) = ui.input(|i| (i.zoom_delta(), i.smooth_scroll_delta()));
            let factor = if zoom == 1.0 { f64::from((-scroll.y / 200.0).exp()) } else { 1.0 / f64::from(zoom) };
            if (factor - 1.0).abs() > 1e-4 {
                let share = f64::from((at.x - view.area.min.x) / view.area.width().max(1.0));
                let here = view.from + span * share;
                let span = (span * factor).clamp(256.0f64.min(size), size);
                (self.from, self.to) = (here - span * share, here + span * (1.0 - share));
            }
            let offset = view.offset(at.x);
            let tensor = self.tensor_at(state, offset);
            if response.clicked() && at.y <= strip.max.y {
                out.push(Command::SelectTensor(tensor));
            }
            response.clone().on_hover_ui_at_pointer(|ui| {
                ui.label(format!("Byte {} (page {})", count(offset), count(offset / 4096)));
                match tensor.and_then(|i| state.run.names.get(i as usize)) {
                    Some(name) => ui.strong(name),
                    None => ui.weak("header, padding or a gap"),
                };
            });
        }
        let span = (self.to - self.from).min(size);
        self.from = self.from.clamp(0.0, (size - span).max(0.0));
        self.to = self.from + span;
    }

    fn tensor_at(&self, state: &State, offset: u64) -> Option<u32> {
        let tensors = &state.run.tensors;
        let n = self.sorted.partition_point(|&i| tensors[i as usize].offset <= offset);
        let i = *self.sorted.get(n.checked_sub(1)?)?;
        let t = &tensors[i as usize];
        (offset < t.offset.saturating_add(t.bytes)).then_some(i)
    }

    /// What is in view, in words, with the gaps.
    fn list(&self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        let tensors = &state.run.tensors;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let (from, to) = (self.from as u64, self.to as u64);
        let first = self
            .sorted
            .partition_point(|&i| tensors[i as usize].offset.saturating_add(tensors[i as usize].bytes) <= from);
        let past = self.sorted.partition_point(|&i| tensors[i as usize].offset < to).max(first);
        let seen = &self.sorted[first..past];
        let used: u64 = seen.iter().map(|&i| tensors[i as usize].bytes).fold(0, u64::saturating_add);
        theme::section(ui, &format!("{} in view, {}", plural(seen.len() as u64, "tensor"), bytes(used)));
        egui::ScrollArea::vertical().id_salt("list").auto_shrink(false).show_rows(ui, 18.0, seen.len(), |ui, range| {
            for n in range {
                let i = seen[n];
                let t = &tensors[i as usize];
                ui.horizontal(|ui| {
                    ui.weak(count(t.offset));
                    if ui.link(&state.run.names[i as usize]).clicked() {
                        out.push(Command::SelectTensor(Some(i)));
                    }
                    ui.label(bytes(t.bytes));
                    let before = (first + n).checked_sub(1).map(|p| &tensors[self.sorted[p] as usize]);
                    let gap = before.map_or(0, |b| t.offset.saturating_sub(b.offset.saturating_add(b.bytes)));
                    if gap > 0 {
                        ui.weak(format!("after {} of padding", bytes(gap)));
                    }
                });
            }
        });
    }
}
