//! Lanes that are too dense to draw row by row: how many rows fall into each column, found by bisection, so that a frame costs
//! the same for a thousand rows and for a million.
use super::axis::{View, lane_color, x_of};
use crate::model::Store;
use crate::model::store::Lane;
use egui::{Painter, Rect, pos2};

/// Rows in view up to which each is drawn.
const EACH: usize = 700;

/// Pixels of a column of density.
const COLUMN: f32 = 2.0;

/// What was drawn last, and for which view.
#[derive(Default)]
pub(super) struct Cache {
    key: Option<(u64, u64, u64, u32, bool)>,
    pub(super) columns: Vec<Vec<u32>>,
}

pub(super) fn range(lane: &Lane, view: &View, from: f64, to: f64) -> (usize, usize) {
    let a = lane.rows.partition_point(|&(at, id)| x_of(view.steps, at, id) < from);
    let b = lane.rows.partition_point(|&(at, id)| x_of(view.steps, at, id) <= to);
    // The one before reaches into the view.
    (a.saturating_sub(1), b)
}

/// Rows per column, for lanes that are too dense; counted again when the view or the rows changed.
pub(super) fn densities(store: &Store, order: &[usize], view: &View, cache: &mut Cache) {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let columns = (view.area.width() / COLUMN).max(1.0) as u32;
    let key = (view.window.from.to_bits(), view.window.to.to_bits(), store.end(), columns, view.steps);
    if cache.key == Some(key) {
        return;
    }
    cache.key = Some(key);
    cache.columns.clear();
    for &i in order {
        let lane = &store.lanes[i];
        let (a, b) = range(lane, view, view.window.from, view.window.to);
        if b - a <= EACH {
            cache.columns.push(Vec::new());
            continue;
        }
        let width = (view.window.to - view.window.from) / f64::from(columns);
        let mut counts = Vec::with_capacity(columns as usize);
        let mut from = lane.rows.partition_point(|&(at, id)| x_of(view.steps, at, id) < view.window.from);
        for column in 0..columns {
            let until = view.window.from + f64::from(column + 1) * width;
            let to = gallop(lane, view.steps, from, b, until);
            counts.push(u32::try_from(to - from).unwrap_or(u32::MAX));
            from = to;
        }
        cache.columns.push(counts);
    }
}

/// The first row from `from` on at or past `until`: steps that double, then bisection between the last two.
fn gallop(lane: &Lane, steps: bool, from: usize, end: usize, until: f64) -> usize {
    let before = |i: usize| lane.rows.get(i).is_some_and(|&(at, id)| x_of(steps, at, id) < until);
    let (mut low, mut step) = (from, 1);
    while low + step < end && before(low + step) {
        low += step;
        step *= 2;
    }
    let (mut a, mut b) = (low, (low + step).min(end));
    while a < b {
        let middle = usize::midpoint(a, b);
        if before(middle) { a = middle + 1 } else { b = middle }
    }
    a
}

#[allow(clippy::cast_precision_loss)]
pub(super) fn density(painter: &Painter, lane: &Lane, inner: Rect, view: &View, columns: &[u32]) {
    let most = columns.iter().copied().max().unwrap_or(1).max(1) as f32;
    let color = lane_color(lane, view.dark);
    let mut mesh = egui::Mesh::default();
    for (i, &n) in columns.iter().enumerate().filter(|(_, n)| **n > 0) {
        let x = inner.min.x + i as f32 * COLUMN;
        let share = ((n as f32).ln_1p() / most.ln_1p()).max(0.15);
        let top = inner.max.y - inner.height() * share;
        mesh.add_colored_rect(Rect::from_min_max(pos2(x, top), pos2(x + COLUMN, inner.max.y)), color);
    }
    painter.add(mesh);
}
