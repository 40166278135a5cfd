//! The axis of the timeline: what of it is looked at, and where on the screen a moment lies.
use crate::model::Kind;
use crate::model::store::Lane;
use crate::theme::Tone;
use egui::{Color32, Rect};

/// Where the lanes are looked at: from and to on the axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) from: f64,
    pub(super) to: f64,
}

/// Where a row lies on the axis: by its number, or by its time.
#[allow(clippy::cast_precision_loss)]
pub(super) const fn x_of(steps: bool, at: u64, id: u64) -> f64 {
    if steps { id as f64 } else { at as f64 }
}

/// Where the lanes are, and what of them.
pub(super) struct View {
    pub(super) area: Rect,
    pub(super) window: Window,
    pub(super) steps: bool,
    pub(super) dark: bool,
    pub(super) text: Color32,
    pub(super) weak: Color32,
}

impl View {
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn x(&self, value: f64) -> f32 {
        let t = (value - self.window.from) / (self.window.to - self.window.from);
        self.area.min.x + (t.clamp(-1.0, 2.0) as f32) * self.area.width()
    }

    pub(super) fn value(&self, x: f32) -> f64 {
        let t = f64::from((x - self.area.min.x) / self.area.width().max(1.0));
        self.window.from + t * (self.window.to - self.window.from)
    }
}

/// The colour of a lane whose rows have no state.
pub(super) fn lane_color(lane: &Lane, dark: bool) -> Color32 {
    match lane.kind {
        Kind::Transition => Tone::Good.color(dark),
        Kind::Call => Tone::Working.color(dark),
        Kind::Export => Tone::Over.color(dark),
        Kind::Host => Tone::Idle.color(dark),
    }
}
