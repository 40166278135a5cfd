//! The picture of the timeline: a lane per machine and per host call.
use super::axis::{View, Window, lane_color, x_of};
use super::density::{Cache, densities, density, range};
use crate::command::Command;
use crate::model::store::{Lane, Store};
use crate::model::{Kind, export};
use crate::state::State;
use crate::text::{count, duration, escape};
use crate::theme::{self, Tone};
use egui::{Align2, FontId, Painter, Pos2, Rect, Role, Sense, Stroke, Ui, pos2, vec2};

const LANE: f32 = 19.0;
const NAMES: f32 = 118.0;
const AXIS: f32 = 20.0;

/// The whole axis.
#[allow(clippy::cast_precision_loss)]
pub(super) fn extent(store: &Store, steps: bool) -> Window {
    let from = store.row(store.first()).map_or(0, |r| r.at);
    let (from, to) = if steps { (store.first(), store.end()) } else { (from, store.last_at()) };
    let span = (to.saturating_sub(from) as f64).max(10.0);
    Window { from: from as f64 - span * 0.01, to: from as f64 + span * 1.02 }
}

/// The last request that did something, with a margin; in the past, the one that holds the cursor.
#[allow(clippy::cast_precision_loss)]
pub(super) fn last(state: &State, steps: bool) -> Option<Window> {
    let store = &state.run.store;
    let lane = store.lanes.iter().find(|l| l.kind == Kind::Export)?;
    let asks = |id: u64| {
        store.row(id).is_some_and(|r| {
            matches!(store.name(store.edge(r).event), "open" | "load" | "release" | "evict" | "advise" | "close")
        })
    };
    let before = lane.rows.partition_point(|&(_, id)| id < state.end());
    let n = (0..before).rev().find(|&n| lane.rows.get(n).is_some_and(|&(_, id)| asks(id)))?;
    let &(at, id) = lane.rows.get(n)?;
    let row = store.row(id)?;
    let (from, to) = if steps {
        (id, lane.rows.get(n + 1).map_or(store.end(), |next| next.1))
    } else {
        (at, if row.dur == u64::MAX { store.last_at() } else { at.saturating_add(row.dur) })
    };
    let span = (to.saturating_sub(from) as f64).max(10.0);
    Some(Window { from: from as f64 - span * 0.02, to: to as f64 + span * 0.04 })
}

/// The lanes in the order in which they are shown: exports, machines, calls, host.
fn order(store: &Store) -> Vec<usize> {
    let mut order: Vec<usize> = (0..store.lanes.len()).collect();
    let rank = |lane: &Lane| {
        let name = store.name(lane.name);
        let first = match lane.kind {
            Kind::Host => 3,
            Kind::Export => 0,
            Kind::Transition => 1,
            Kind::Call => 2,
        };
        (first, lane.machine.order, name)
    };
    order.sort_by_key(|&i| rank(&store.lanes[i]));
    order
}

/// How high they are.
#[allow(clippy::cast_precision_loss)]
pub(super) fn height(store: &Store) -> f32 {
    AXIS + store.lanes.len() as f32 * LANE + 4.0
}

/// Shows the lanes; answers another window when the user moved it.
pub(super) fn show(
    ui: &mut Ui,
    state: &State,
    window: Window,
    all: Window,
    steps: bool,
    cache: &mut Cache,
    out: &mut Vec<Command>,
) -> Option<Window> {
    let store = &state.run.store;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height(store)), Sense::click_and_drag());
    theme::named(&response, Role::Canvas, "Timeline lanes");
    let dark = ui.visuals().dark_mode;
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 5.0, theme::canvas(dark));
    let area = Rect::from_min_max(pos2(rect.min.x + NAMES, rect.min.y), rect.max);
    let view =
        View { area, window, steps, dark, text: ui.visuals().text_color(), weak: ui.visuals().weak_text_color() };
    axis(&painter, &view);
    let order = order(store);
    densities(store, &order, &view, cache);
    for (n, &i) in order.iter().enumerate() {
        #[allow(clippy::cast_precision_loss)]
        let top = rect.min.y + AXIS + n as f32 * LANE;
        let strip = Rect::from_min_max(pos2(area.min.x, top), pos2(area.max.x, top + LANE));
        painter.line_segment([pos2(rect.min.x, top), pos2(rect.max.x, top)], Stroke::new(1.0, theme::faint(dark)));
        let lane = &store.lanes[i];
        let name = escape(store.name(lane.name));
        let at = pos2(rect.min.x + 8.0, strip.center().y);
        theme::text_in(&painter, at, Align2::LEFT_CENTER, &name, FontId::proportional(12.0), view.text, NAMES - 14.0);
        strip_of(&painter, store, lane, strip, &view, cache.columns.get(n));
    }
    cursor(&painter, state, &view);
    pointer(ui, &response, state, &view, &order, out);
    moved(ui, &response, &view, all)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn axis(painter: &Painter, view: &View) {
    let span = view.window.to - view.window.from;
    let rough = span / f64::from((view.area.width() / 110.0).max(2.0));
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].iter().map(|m| m * power).find(|s| *s >= rough).unwrap_or(power).max(1.0);
    let begin = (view.window.from / step).ceil() * step;
    let mut first = None;
    // A number each, not a sum: at great times a small step would not get on.
    for n in 0..200u8 {
        let value = begin + f64::from(n) * step;
        if value >= view.window.to {
            break;
        }
        let x = view.x(value);
        painter.line_segment(
            [pos2(x, view.area.min.y + AXIS - 4.0), pos2(x, view.area.max.y)],
            Stroke::new(1.0, theme::faint(view.dark)),
        );
        if value >= 0.0 {
            // Far from the beginning, numbers that differ in their last digits say nothing: the first is whole, the others are added to it.
            let base = *first.get_or_insert(value);
            let text = match value - base {
                _ if view.steps => count(value as u64),
                more if more > 0.0 && base > step * 50.0 => format!("+{}", duration(more as u64)),
                _ => duration(value as u64),
            };
            painter.text(
                pos2(x + 3.0, view.area.min.y + 9.0),
                Align2::LEFT_CENTER,
                text,
                FontId::proportional(11.0),
                view.weak,
            );
        }
    }
}

fn strip_of(painter: &Painter, store: &Store, lane: &Lane, strip: Rect, view: &View, columns: Option<&Vec<u32>>) {
    let inner = strip.shrink2(vec2(0.0, 3.0));
    if let Some(columns) = columns.filter(|c| !c.is_empty()) {
        density(painter, lane, inner, view, columns);
    } else {
        let (a, b) = range(lane, view, view.window.from, view.window.to);
        each(painter, store, lane, inner, view, a, b);
    }
    // What went wrong stays visible at any zoom.
    let from =
        lane.bad.partition_point(|&id| store.row(id).is_none_or(|r| x_of(view.steps, r.at, id) < view.window.from));
    let mut last = f32::MIN;
    for &id in lane.bad.iter().skip(from).take(4000) {
        let Some(row) = store.row(id) else { continue };
        let value = x_of(view.steps, row.at, id);
        if value > view.window.to {
            break;
        }
        let x = view.x(value);
        if x - last < 5.0 {
            continue;
        }
        last = x;
        painter.add(Tone::Bad.shape(pos2(x, inner.center().y), 4.0, Tone::Bad.color(view.dark)));
    }
}

fn each(painter: &Painter, store: &Store, lane: &Lane, inner: Rect, view: &View, a: usize, b: usize) {
    for &(at, id) in lane.rows.range(a..b) {
        let Some(row) = store.row(id) else { continue };
        let edge = store.edge(row);
        let begins = if lane.kind == Kind::Host { at.saturating_sub(row.dur) } else { at };
        let lasts = if row.dur == u64::MAX { store.last_at().saturating_sub(at) } else { row.dur };
        let from = view.x(x_of(view.steps, begins, id));
        let to = if view.steps {
            view.x(x_of(true, 0, id + 1))
        } else {
            view.x(x_of(false, begins.saturating_add(lasts), id))
        };
        let (from, to) = (from.max(inner.min.x), to.min(inner.max.x));
        if to < inner.min.x || from > inner.max.x {
            continue;
        }
        let (text, tone) = if lane.kind == Kind::Transition {
            let to = store.name(edge.to);
            (to, Some(Tone::of_state(to)))
        } else {
            (store.name(edge.event), None)
        };
        let color = tone.map_or_else(|| lane_color(lane, view.dark), |t| t.color(view.dark));
        let bar = Rect::from_min_max(pos2(from, inner.min.y), pos2(to.max(from + 1.5), inner.max.y));
        // A machine at rest is a line: only what is under way has weight.
        let resting = matches!(tone, Some(Tone::Idle | Tone::Over));
        if lane.machine.pooled || resting {
            painter.rect_filled(
                Rect::from_min_max(pos2(bar.min.x, inner.min.y + 2.0), pos2(bar.min.x + 1.5, inner.max.y - 2.0)),
                0.0,
                color,
            );
            if resting && !lane.machine.pooled {
                painter.line_segment(
                    [pos2(bar.min.x, inner.center().y), pos2(bar.max.x, inner.center().y)],
                    Stroke::new(1.0, color.gamma_multiply(0.5)),
                );
            }
        } else {
            painter.rect_filled(bar, 2.0, color.gamma_multiply(0.35));
            painter.rect_filled(Rect::from_min_max(bar.min, pos2(bar.min.x + 1.5, bar.max.y)), 0.0, color);
        }
        if bar.width() > 46.0 && !lane.machine.pooled {
            let at = pos2(bar.min.x + 5.0, bar.center().y);
            theme::text_in(
                painter,
                at,
                Align2::LEFT_CENTER,
                &escape(text),
                FontId::proportional(11.0),
                view.text,
                bar.width() - 8.0,
            );
        }
    }
}

fn cursor(painter: &Painter, state: &State, view: &View) {
    let Some(cursor) = state.cursor else { return };
    let Some(row) = state.run.store.row(cursor) else { return };
    let x = view.x(x_of(view.steps, row.at, cursor) + if view.steps { 0.5 } else { 0.0 });
    if x < view.area.min.x || x > view.area.max.x {
        return;
    }
    let color = theme::accent(view.dark);
    painter.line_segment([pos2(x, view.area.min.y + 2.0), pos2(x, view.area.max.y)], Stroke::new(2.0, color));
    let top = view.area.min.y + 2.0;
    let points = vec![pos2(x - 5.0, top), pos2(x + 5.0, top), pos2(x, top + 8.0)];
    painter.add(egui::Shape::convex_polygon(points, color, Stroke::NONE));
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn row_at(store: &Store, view: &View, x: f32) -> Option<u64> {
    let value = view.value(x).max(0.0) as u64;
    if view.steps {
        Some(value.clamp(store.first(), store.end().saturating_sub(1)))
    } else {
        store.row_at(value).or(Some(store.first()))
    }
}

fn pointer(ui: &Ui, response: &egui::Response, state: &State, view: &View, order: &[usize], out: &mut Vec<Command>) {
    let store = &state.run.store;
    let Some(at) = response.hover_pos().or_else(|| response.interact_pointer_pos()).filter(|p| view.area.contains(*p))
    else {
        return;
    };
    // The top of the picture scrubs; below it a click sets the cursor and a drag moves the view.
    let scrubs = at.y < view.area.min.y + AXIS || ui.input(|i| i.modifiers.shift);
    if response.clicked() || (scrubs && response.dragged()) {
        out.push(Command::Scrub(row_at(store, view, at.x)));
        return;
    }
    let lane = lane_under(order, view, at).and_then(|i| store.lanes.get(i));
    let nearest = lane.and_then(|lane| {
        let value = view.value(at.x);
        let n = lane.rows.partition_point(|&(t, id)| x_of(view.steps, t, id) <= value);
        lane.rows.get(n.saturating_sub(1)).map(|&(_, id)| id)
    });
    if let Some((id, row)) = nearest.and_then(|id| store.row(id).map(|r| (id, r))) {
        response.clone().on_hover_ui_at_pointer(|ui| {
            ui.strong(export::sentence(store, row));
            let lasted = if row.dur == u64::MAX { "still".to_owned() } else { duration(row.dur) };
            ui.label(format!("Row {} at {}, {lasted}", count(id), duration(row.at)));
            ui.weak("Click to go there, drag to move, scroll to zoom");
        });
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn lane_under(order: &[usize], view: &View, at: Pos2) -> Option<usize> {
    let n = ((at.y - view.area.min.y - AXIS) / LANE).floor();
    if n < 0.0 { None } else { order.get(n as usize).copied() }
}

fn moved(ui: &Ui, response: &egui::Response, view: &View, all: Window) -> Option<Window> {
    let mut window = view.window;
    let mut touched = false;
    let span = window.to - window.from;
    let in_axis = response.interact_pointer_pos().is_some_and(|p| p.y < view.area.min.y + AXIS);
    if response.dragged() && !in_axis && !ui.input(|i| i.modifiers.shift) {
        let by = f64::from(response.drag_delta().x / view.area.width().max(1.0)) * span;
        (window.from, window.to) = (window.from - by, window.to - by);
        touched |= by != 0.0;
    }
    if let Some(at) = response.hover_pos().filter(|p| view.area.contains(*p)) {
        let (zoom, scroll) = ui.input(|i| (i.zoom_delta(), i.smooth_scroll_delta()));
        let factor = if zoom == 1.0 { f64::from((-scroll.y / 220.0).exp()) } else { 1.0 / f64::from(zoom) };
        if (factor - 1.0).abs() > 1e-4 {
            let here = view.value(at.x);
            let span = (span * factor).clamp(10.0, (all.to - all.from).max(10.0));
            let share = (here - window.from) / (window.to - window.from);
            window = Window { from: here - span * share, to: here + span * (1.0 - share) };
            touched = true;
        }
        let by = f64::from(-scroll.x / view.area.width().max(1.0)) * span;
        (window.from, window.to) = (window.from + by, window.to + by);
        touched |= by != 0.0;
    }
    // The view stays on the run.
    let span = window.to - window.from;
    let from = window.from.clamp(all.from, (all.to - span).max(all.from));
    let window = Window { from, to: from + span };
    touched.then_some(window)
}
