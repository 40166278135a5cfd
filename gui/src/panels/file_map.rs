//! What lies where in a file: tensors, extents, what was read, mapped and advised, what is in the page cache.
use crate::command::Command;
use crate::model::io::SpanKind;
use crate::split::Split;
use crate::state::State;
use crate::text::{bytes, count, plural};
use crate::theme::{self, Tone};
use egui::{Align2, Color32, FontId, Mesh, Rect, Role, Sense, Stroke, Ui, pos2, vec2};

#[derive(Default)]
pub(super) struct FileMap {
    file: u32,
    from: f64,
    to: f64,
    sorted: Vec<u32>,
    key: Option<(u32, usize)>,
}

const NAMES: f32 = 92.0;
const TICK: f32 = 100.0;
const STRIP: f32 = 30.0;

/// From bytes to pixels.
#[derive(Clone, Copy)]
struct View {
    area: Rect,
    from: f64,
    to: f64,
}

impl View {
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    fn x(&self, offset: u64) -> f32 {
        let t = (offset as f64 - self.from) / (self.to - self.from).max(1.0);
        self.area.min.x + t.clamp(-0.01, 1.01) as f32 * self.area.width()
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn offset(&self, x: f32) -> u64 {
        (self.from + f64::from((x - self.area.min.x) / self.area.width().max(1.0)) * (self.to - self.from)).max(0.0)
            as u64
    }
}

impl FileMap {
    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        let Some(opened) = &state.run.opened else {
            let text = "The file from its first byte to its last: which tensor lies where, the gaps between them, which extents are mapped, \
                        what was read, and which pages are in memory. Scroll to zoom from the whole file to a page.";
            theme::empty(ui, "No file yet", text);
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

fn bar(strip: Rect, view: View, offset: u64, len: u64) -> Option<Rect> {
    let (a, b) = (view.x(offset), view.x(offset.saturating_add(len)));
    (b >= view.area.min.x && a <= view.area.max.x).then(|| {
        Rect::from_min_max(
            pos2(a.max(view.area.min.x), strip.min.y),
            pos2(b.min(view.area.max.x).max(a + 1.0), strip.max.y),
        )
    })
}

fn extents(painter: &egui::Painter, state: &State, file: u32, view: View, strip: Rect, dark: bool) {
    for (i, slot) in
        state.run.store.io.slots_before(state.end()).iter().enumerate().filter(|(_, s)| s.file == file && s.len > 0)
    {
        let tone = Tone::of_slot(slot.status);
        if tone == Tone::Idle {
            continue;
        }
        let Some(rect) = bar(strip, view, slot.offset, slot.len) else { continue };
        let color = tone.color(dark);
        painter.rect(rect, 2.0, color.gamma_multiply(0.3), Stroke::new(1.0, color), egui::StrokeKind::Inside);
        if rect.width() > 40.0 {
            theme::text_in(
                painter,
                rect.left_center() + vec2(4.0, 0.0),
                Align2::LEFT_CENTER,
                &format!("slot {i}"),
                FontId::proportional(11.0),
                color,
                rect.width() - 6.0,
            );
        }
    }
}

fn spans(painter: &egui::Painter, state: &State, file: u32, view: View, strips: [Rect; 3], dark: bool) {
    let mut mesh = Mesh::default();
    let mut last = [f32::MIN; 3];
    for span in state.run.store.io.spans_before(state.end()).filter(|s| s.file == file) {
        let (n, color) = match span.kind {
            SpanKind::Map => (0, Tone::Good.color(dark)),
            SpanKind::Header => (1, Tone::Over.color(dark)),
            SpanKind::Copy => (1, Tone::Working.color(dark)),
            SpanKind::Advise => (2, Tone::Warn.color(dark)),
        };
        let color = if span.ok == Some(false) { Tone::Bad.color(dark) } else { color };
        let Some(rect) = bar(strips[n], view, span.offset, span.len) else { continue };
        // Spans come in order: what falls into the same pixel again is not drawn again.
        if rect.min.x >= last[n] - 1.0 && rect.max.x - last[n] < 0.4 && span.ok != Some(false) {
            continue;
        }
        last[n] = rect.max.x;
        mesh.add_colored_rect(rect, color.gamma_multiply(0.7));
    }
    painter.add(mesh);
}

fn pages(painter: &egui::Painter, state: &State, file: u32, view: View, strip: Rect, visuals: &egui::Visuals) {
    let Some(pages) = state.run.pages.get(&file) else {
        painter.text(
            strip.left_center() + vec2(6.0, 0.0),
            Align2::LEFT_CENTER,
            "Press Page cache to ask",
            FontId::proportional(11.0),
            visuals.weak_text_color(),
        );
        return;
    };
    let all = pages.bits.len() as u64 * 8;
    let resident =
        |p: u64| usize::try_from(p / 8).ok().and_then(|i| pages.bits.get(i)).is_some_and(|b| b >> (p % 8) & 1 == 1);
    let color = Tone::Good.color(visuals.dark_mode);
    let mut mesh = Mesh::default();
    let mut x = strip.min.x;
    while x < strip.max.x {
        let (from, to) = (view.offset(x) / pages.page, view.offset(x + 2.0) / pages.page);
        // A column stands for many pages: at most 64 of them are asked.
        let step = ((to - from) / 64).max(1);
        let asked = (from..=to).step_by(usize::try_from(step).unwrap_or(1)).filter(|p| *p < all);
        let (mut n, mut yes) = (0u16, 0u16);
        for page in asked {
            n += 1;
            yes += u16::from(resident(page));
        }
        if yes > 0 {
            let share = f32::from(yes) / f32::from(n.max(1));
            let top = strip.max.y - strip.height() * share;
            mesh.add_colored_rect(
                Rect::from_min_max(pos2(x, top), pos2(x + 2.0, strip.max.y)),
                color.gamma_multiply(0.7),
            );
        }
        x += 2.0;
    }
    painter.add(mesh);
}

/// Offsets below the strips, as many as have room beside each other.
fn ticks(painter: &egui::Painter, view: View, rect: Rect, color: Color32) {
    let parts = [4u8, 2, 1].into_iter().find(|n| view.area.width() >= f32::from(*n) * TICK).unwrap_or(0);
    for i in 0..=parts {
        let x = view.area.min.x + view.area.width() * f32::from(i) / f32::from(parts.max(1));
        let anchor = match i {
            0 => Align2::LEFT_BOTTOM,
            _ if i == parts => Align2::RIGHT_BOTTOM,
            _ => Align2::CENTER_BOTTOM,
        };
        painter.text(pos2(x, rect.max.y - 3.0), anchor, bytes(view.offset(x)), FontId::proportional(11.0), color);
    }
}
