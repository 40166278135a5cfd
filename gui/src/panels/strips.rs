//! The strips of the file map: what of a file is mapped, was read and advised, and is in the page cache.
use crate::model::io::SpanKind;
use crate::state::State;
use crate::text::bytes;
use crate::theme::{self, Tone};
use egui::{Align2, Color32, FontId, Mesh, Rect, Stroke, pos2, vec2};

/// Room for an offset below the strips.
const TICK: f32 = 100.0;

/// From bytes to pixels.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub(super) area: Rect,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl View {
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    pub(super) fn x(&self, offset: u64) -> f32 {
        let t = (offset as f64 - self.from) / (self.to - self.from).max(1.0);
        self.area.min.x + t.clamp(-0.01, 1.01) as f32 * self.area.width()
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(super) fn offset(&self, x: f32) -> u64 {
        (self.from + f64::from((x - self.area.min.x) / self.area.width().max(1.0)) * (self.to - self.from)).max(0.0)
            as u64
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

pub(super) fn extents(painter: &egui::Painter, state: &State, file: u32, view: View, strip: Rect, dark: bool) {
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

pub(super) fn spans(painter: &egui::Painter, state: &State, file: u32, view: View, strips: [Rect; 3], dark: bool) {
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

pub(super) fn pages(
    painter: &egui::Painter,
    state: &State,
    file: u32,
    view: View,
    strip: Rect,
    visuals: &egui::Visuals,
) {
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
pub(super) fn ticks(painter: &egui::Painter, view: View, rect: Rect, color: Color32) {
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
