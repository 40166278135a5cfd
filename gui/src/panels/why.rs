//! Why it failed: the error in words, the first guard that said no, the route that led there, the bytes that are wrong.
use crate::backend::{FileBytes, Origin};
use crate::command::Command;
use crate::model::row::Ok3;
use crate::model::{Kind, Row, export};
use crate::state::State;
use crate::text::{count, duration, escape, sentence};
use crate::theme::{self, Tone};
use egui::{Color32, RichText, Role, Sense, Stroke, Ui, vec2};
use std::fmt::Write as _;
use weighbridge_core::types::Error;

/// Steps of the route that are shown.
const ROUTE: usize = 24;
/// Steps after the first that went wrong.
const AFTER: usize = 12;

/// What went wrong last: the row after which it was known, what was asked for, the error, the bytes.
struct Wrong {
    row: u64,
    first: u64,
    doing: String,
    error: Error,
    file: Option<String>,
    bytes: Option<FileBytes>,
}

impl Wrong {
    /// The name of the file that it is about, escaped.
    fn file(&self, state: &State, file: u32) -> String {
        let known = self.file.as_deref().filter(|_| self.error.source.unwrap_or(0) == file);
        known.map_or_else(|| state.run.file_name(file), escape)
    }
}

fn wrong(state: &State) -> Option<Wrong> {
    let run = &state.run;
    let (mut wrong, from_file) = match (&run.failure, run.store.error()) {
        (Some((row, failure)), _) => {
            let wrong = Wrong {
                row: *row,
                first: *row,
                doing: failure.doing.clone(),
                error: failure.error.clone(),
                file: failure.file.clone(),
                bytes: failure.bytes.clone(),
            };
            (wrong, failure.error.offset)
        }
        (None, Some((row, error))) => {
            let doing = run
                .store
                .row(*row)
                .map_or_else(|| "request".to_owned(), |r| run.store.name(run.store.edge(r).event).to_owned());
            let end = (*row..run.store.end()).rev().find(|&id| run.store.row(id).is_some_and(|r| r.ok == Ok3::No));
            let row = end.map_or(*row + 1, |e| e + 1);
            (Wrong { row, first: row, doing, error: error.clone(), file: None, bytes: None }, error.offset)
        }
        (None, None) => return None,
    };
    wrong.first = first_bad(state, wrong.row).unwrap_or(wrong.row.saturating_sub(1));
    if let (None, Some(offset)) = (&wrong.bytes, from_file) {
        let file = wrong.error.source.unwrap_or(0);
        wrong.bytes =
            run.store.io.bytes_around(file, offset, 64).map(|(offset, bytes)| FileBytes { file, offset, bytes });
    }
    Some(wrong)
}

/// The first row that went wrong in the request that ends before row `end`: what came after it is undoing.
fn first_bad(state: &State, end: u64) -> Option<u64> {
    let store = &state.run.store;
    let exports = store.lanes.iter().find(|l| l.kind == Kind::Export)?;
    let n = exports.rows.partition_point(|&(_, id)| id < end);
    let request = exports.rows.get(n.checked_sub(1)?)?.1;
    store.bad_order.iter().copied().find(|&id| id > request && id < end)
}

/// The guard that decided for the error, in words: of the first refusing step from the first bad row on.
fn guard(state: &State, from: u64, end: u64) -> Option<String> {
    let store = &state.run.store;
    let near = from.saturating_sub(2).max(store.first());
    let decided = |by_name: bool| {
        (near..end.min(from.saturating_add(400))).filter_map(|id| store.row(id)).find(|row| {
            let machine = store.lanes.get(usize::from(row.lane)).map_or("", |lane| store.name(lane.name));
            let named = store.refuses(machine, store.name(store.edge(row).action));
            row.kind == Kind::Transition && row.guard_count > 0 && if by_name { named } else { row.ok == Ok3::No }
        })
    };
    // The table says which rows refuse; of a machine without one it is the step that was answered badly.
    let row = decided(true).or_else(|| decided(false))?;
    let (name, held) = store.guards(row).last()?;
    let edge = store.edge(row);
    let lane = store.lanes.get(usize::from(row.lane)).map_or("?", |l| store.name(l.name));
    let so = if edge.action == 0 { String::new() } else { format!(", so {}", escape(store.name(edge.action))) };
    Some(format!("{}: {} said {}{so}", escape(lane), escape(store.name(name)), if held { "yes" } else { "no" }))
}

pub(super) fn show(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let Some(wrong) = wrong(state) else {
        let text = "When a request fails, this card says why: the error in words, the guard that said no, the route of states that led there, \
                    and, if the file is at fault, the bytes around the place.";
        theme::empty(ui, "Nothing has failed", text);
        return;
    };
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        card(ui, state, &wrong);
        ui.horizontal_wrapped(|ui| {
            if ui.button("Go to the moment").on_hover_text("Show everything as it was when it failed").clicked() {
                out.push(Command::Scrub(Some(wrong.first)));
            }
            for command in [Command::CopyReport(false), Command::CopyReport(true)] {
                let info = command.info();
                if ui.button(info.label).on_hover_text(info.tip).clicked() {
                    out.push(command);
                }
            }
            if let Some(tensor) = wrong.error.tensor
                && ui.button("Show tensor").clicked()
            {
                out.push(Command::SelectTensor(Some(tensor)));
                out.push(Command::Show(super::Panel::Tensors));
            }
            if ui
                .button("Save recording…")
                .on_hover_text("So that someone else can replay it without the file")
                .clicked()
            {
                out.push(Command::SaveRecording(None));
            }
        });
        if let Some(bytes) = &wrong.bytes {
            theme::section(ui, &format!("Bytes of {}", wrong.file(state, bytes.file)));
            hex(ui, bytes, &wrong.error);
        }
        theme::section(ui, "Route");
        route(ui, state, &wrong, out);
    });
}

fn card(ui: &mut Ui, state: &State, wrong: &Wrong) {
    let e = &wrong.error;
    super::refusal::frame(ui, &wrong.doing, e, |ui| {
        ui.add_space(3.0);
        egui::Grid::new("error").num_columns(2).spacing([14.0, 3.0]).show(ui, |ui| {
            let mut fact = |name: &str, value: Option<String>| {
                if let Some(value) = value {
                    ui.weak(name);
                    ui.label(value);
                    ui.end_row();
                }
            };
            fact("Cause", Some(e.cause.name().into()));
            fact("Phase", Some(e.phase.name().into()));
            fact("Strategy", e.strategy.map(|s| s.name().into()));
            fact("Tensor", e.tensor.map(|t| format!("{t} {}", state.run.names.get(t as usize).map_or("", |n| n))));
            fact("File", e.source.map(|s| wrong.file(state, s)));
            fact("Byte", e.offset.map(count));
            fact("Field", e.field.as_deref().map(escape));
            fact("System code", e.os_code.map(|c| c.to_string()));
            fact("First guard", guard(state, wrong.first, wrong.row));
        });
    });
}

/// Rows in a row that took the same way are one step of the route.
struct Step {
    from: u64,
    rows: u64,
}

/// The steps to the first row that went wrong, that row, and some steps after it.
fn steps(state: &State, wrong: &Wrong) -> Vec<Step> {
    let store = &state.run.store;
    let same = |a: u64, b: u64| {
        store
            .row(a)
            .zip(store.row(b))
            .is_some_and(|(a, b)| a.edge == b.edge && a.ok == b.ok && a.kind == Kind::Transition)
    };
    let mut steps: Vec<Step> = Vec::new();
    for id in (store.first()..wrong.first).rev().take(100_000) {
        let room = steps.len() < ROUTE;
        match steps.last_mut() {
            Some(step) if same(id, step.from) => (step.from, step.rows) = (id, step.rows + 1),
            _ if !room => break,
            _ => steps.push(Step { from: id, rows: 1 }),
        }
        if store.row(id).is_some_and(|r| r.kind == Kind::Export) {
            break;
        }
    }
    steps.reverse();
    steps.push(Step { from: wrong.first, rows: 1 });
    let before = steps.len();
    for id in wrong.first + 1..wrong.row.min(store.end()) {
        let room = steps.len() < before + AFTER;
        match steps.last_mut() {
            Some(step) if step.from != wrong.first && same(id, step.from) => step.rows += 1,
            _ if !room => break,
            _ => steps.push(Step { from: id, rows: 1 }),
        }
    }
    steps
}

fn route(ui: &mut Ui, state: &State, wrong: &Wrong, out: &mut Vec<Command>) {
    let store = &state.run.store;
    let steps = steps(state, wrong);
    if steps.iter().all(|s| store.row(s.from).is_none()) {
        ui.weak(if state.run.origin == Origin::Live {
            "It failed before the guest was asked"
        } else {
            "The recording has no rows of it"
        });
        return;
    }
    egui::Grid::new("route").num_columns(3).spacing([12.0, 2.0]).striped(true).show(ui, |ui| {
        for step in steps {
            let Some(row) = store.row(step.from) else { continue };
            if ui.link(count(step.from)).on_hover_text("Go there").clicked() {
                out.push(Command::Scrub(Some(step.from)));
            }
            ui.weak(duration(row.at));
            let mut text: String = export::sentence(store, row).chars().take(90).collect();
            if step.rows > 1 {
                text += &format!(", and {} more like it", count(step.rows - 1));
            }
            ui.horizontal(|ui| {
                theme::badge(ui, tone(state, row), &text);
                if step.from == wrong.first {
                    ui.strong("the first that went wrong");
                }
            });
            ui.end_row();
        }
    });
}

fn tone(state: &State, row: &Row) -> Tone {
    let store = &state.run.store;
    match (row.ok, row.kind) {
        (Ok3::No, _) => Tone::Bad,
        (_, Kind::Transition) => Tone::of_state(store.name(store.edge(row).to)),
        _ => Tone::Idle,
    }
}

/// Hex and text, with the field in a box.
fn hex(ui: &mut Ui, bytes: &FileBytes, error: &Error) {
    let dark = ui.visuals().dark_mode;
    let at = error.offset.unwrap_or(bytes.offset);
    // The length of the field is not in the error: eight bytes is what most fields have.
    let field = at..at.saturating_add(8);
    let begin = bytes.offset - bytes.offset % 16;
    let end = bytes.offset.saturating_add(bytes.bytes.len() as u64);
    let font = egui::TextStyle::Monospace.resolve(ui.style());
    let width = ui.fonts_mut(|f| f.glyph_width(&font, '0'));
    let lines = (end - begin).div_ceil(16).min(16);
    #[allow(clippy::cast_precision_loss)]
    let (rect, response) = ui.allocate_exact_size(vec2(width * 78.0, lines as f32 * 18.0 + 6.0), Sense::hover());
    theme::named(&response, Role::GraphicsObject, format!("Bytes around offset {at}"));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 4.0, theme::canvas(dark));
    let (text, weak, bad) = (ui.visuals().text_color(), ui.visuals().weak_text_color(), Tone::Bad.color(dark));
    let put = |x: f32, y: f32, s: String, color: Color32| {
        painter.text(rect.min + vec2(x * width + 6.0, y), egui::Align2::LEFT_TOP, s, font.clone(), color)
    };
    for line in 0..lines {
        let from = begin.saturating_add(line * 16);
        #[allow(clippy::cast_precision_loss)]
        let y = line as f32 * 18.0 + 4.0;
        put(0.0, y, format!("{from:08x}"), weak);
        for i in 0..16u16 {
            let offset = from.saturating_add(u64::from(i));
            let byte = offset.checked_sub(bytes.offset).and_then(|n| bytes.bytes.get(usize::try_from(n).ok()?));
            let Some(byte) = byte else { continue };
            let boxed = field.contains(&offset);
            let x = 10.0 + f32::from(i) * 3.0 + if i >= 8 { 1.0 } else { 0.0 };
            let color = if boxed { bad } else { text };
            let cell = put(x, y, format!("{byte:02x}"), color);
            if boxed {
                painter.rect_stroke(cell.expand(1.5), 2.0, Stroke::new(1.2, bad), egui::StrokeKind::Outside);
            }
            let c = if byte.is_ascii_graphic() { char::from(*byte) } else { '.' };
            put(60.0 + f32::from(i), y, c.to_string(), color);
        }
    }
    if let Some(name) = &error.field {
        ui.label(RichText::new(format!("The box begins at byte {at}: {}", escape(name))).color(bad));
    }
}

/// The card as text, without paths.
#[must_use]
pub fn report(state: &State) -> String {
    let run = &state.run;
    let mut out = String::from("Weighbridge report\n");
    let _ = writeln!(out, "component {}", escape(&state.host.component_id));
    if let Some(opened) = &run.opened {
        let s = &opened.summary;
        let _ = writeln!(
            out,
            "model: {} version {}, {} tensors, {} bytes, {} file(s)",
            escape(&s.format),
            s.version,
            s.tensors,
            s.tensor_bytes,
            s.sources
        );
    }
    let Some(wrong) = wrong(state) else {
        out.push_str("nothing has failed\n");
        return out;
    };
    let e = &wrong.error;
    let _ = writeln!(out, "\n{} failed\nphase {}, cause {}", escape(&wrong.doing), e.phase.name(), e.cause.name());
    let _ = writeln!(out, "{}", sentence(&e.message));
    for (name, value) in [
        ("strategy", e.strategy.map(|s| s.name().to_owned())),
        ("tensor", e.tensor.map(|t| t.to_string())),
        ("file", e.source.map(|s| s.to_string())),
        ("byte", e.offset.map(|o| o.to_string())),
        ("field", e.field.as_deref().map(escape)),
        ("system code", e.os_code.map(|c| c.to_string())),
        ("guard", guard(state, wrong.first, wrong.row)),
    ] {
        if let Some(value) = value {
            let _ = writeln!(out, "{name}: {value}");
        }
    }
    out.push_str("\nroute\n");
    for step in steps(state, &wrong) {
        if let Some(row) = run.store.row(step.from) {
            let more = if step.rows > 1 { format!(" (and {} more)", step.rows - 1) } else { String::new() };
            let mark = if step.from == wrong.first { " <- first" } else { "" };
            let _ = writeln!(out, "{:>8} {:>12} ns  {}{more}{mark}", step.from, row.at, route_line(state, row));
        }
    }
    if let Some(bytes) = &wrong.bytes {
        let text: Vec<String> = bytes.bytes.iter().map(|b| format!("{b:02x}")).collect();
        let _ = writeln!(out, "\nbytes from {}\n{}", bytes.offset, text.join(" "));
    }
    out
}

/// The card as text, and where the files were: for oneself, not for a bug tracker.
#[must_use]
pub fn report_with_paths(state: &State) -> String {
    let mut out = report(state);
    out.push_str("\nfiles\n");
    for path in &state.paths {
        let _ = writeln!(out, "{}", escape(path));
    }
    out
}

/// A row of the report: exports name files, which a report must not.
fn route_line(state: &State, row: &Row) -> String {
    if row.kind == Kind::Export {
        state.run.store.name(state.run.store.edge(row).event).to_owned()
    } else {
        export::sentence(&state.run.store, row)
    }
}
