//! The state diagram of a machine: where it stands, what it did last, what it never did.
use super::actor_rows::{Counts, counts, first, rows, tables, taken, words};
use super::graph::{Picture, picture, smooth};
use crate::backend::Breakpoint;
use crate::command::Command;
use crate::model::store::{Standing, Store};
use crate::split::Split;
use crate::state::State;
use crate::text::{count, duration, escape};
use crate::theme::{self, Tone};
use egui::{Align2, Color32, FontId, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, Vec2, vec2};
use std::collections::HashMap;
use weighbridge_core::types::MachineTable;

#[derive(Default)]
pub(super) struct Actors {
    chosen: Option<String>,
    pictures: HashMap<(String, usize, bool), Picture>,
    look: Look,
    rows: bool,
}

/// How the diagram is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Look {
    /// All of it if it can be read so, else around the state that is current.
    #[default]
    Follow,
    /// All of it.
    Whole,
    /// As the user moved it: scale, and where the middle of the picture is from the middle of the panel.
    Free(f32, Vec2),
}

/// Below this the names of states cannot be read.
const READABLE: f32 = 0.64;

impl Actors {
    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        let tables = tables(state);
        if tables.is_empty() {
            let text = "Each state machine of the loader is drawn here: where it stands, what it did last and what it never did. \
                        Open a model, or show the made-up trace from the File menu.";
            theme::empty(ui, "No machines yet", text);
            return;
        }
        let chosen = self.chosen.clone().filter(|c| tables.iter().any(|t| t.machine == *c));
        let chosen = chosen.unwrap_or_else(|| first(&tables));
        self.choose(ui, state, &tables, &chosen);
        let Some(table) = tables.iter().find(|t| t.machine == chosen) else { return };
        let counts = counts(&state.run.store, state.standing(), &chosen);
        self.headline(ui, state, table, &counts);
        let height = if self.rows { ui.available_height() * 0.5 } else { ui.available_height() };
        let picture = self.picture(table, vec2(ui.available_width(), height));
        if picture.too_big {
            ui.weak("This machine has too many states for a picture; its rows are below.");
            rows(ui, table, &counts, out);
            return;
        }
        self.draw(ui, state, table, &picture, &counts, height, out);
        if self.rows {
            ui.separator();
            rows(ui, table, &counts, out);
        }
    }

    /// The layout, downwards or to the right, whichever is bigger in this panel.
    fn picture(&mut self, table: &MachineTable, room: Vec2) -> Picture {
        let fit = |p: &Picture| (room.x / p.size.x.max(1.0)).min(room.y / p.size.y.max(1.0));
        let key = |right| (table.machine.clone(), table.rows.len(), right);
        let down = self.pictures.entry(key(false)).or_insert_with(|| picture(table, false)).clone();
        if down.too_big || fit(&down) >= READABLE || room.x < room.y {
            return down;
        }
        let right = self.pictures.entry(key(true)).or_insert_with(|| picture(table, true)).clone();
        if fit(&right) > fit(&down) { right } else { down }
    }

    fn choose(&mut self, ui: &mut Ui, state: &State, tables: &[MachineTable], chosen: &str) {
        ui.horizontal_wrapped(|ui| {
            for table in tables {
                let standing = state.standing();
                let lane = state.run.store.machine_lane(&table.machine);
                let now = lane.and_then(|l| standing.last.get(usize::from(l)).copied()).filter(|&s| s != 0);
                let tip = now.map_or_else(
                    || "Did not move yet".to_owned(),
                    |s| format!("Last reached: {}", escape(state.run.store.name(s))),
                );
                let name = escape(&table.machine);
                if ui.selectable_label(table.machine == chosen, name).on_hover_text(tip).clicked() {
                    self.chosen = Some(table.machine.clone());
                    self.look = Look::Follow;
                }
            }
        });
    }

    fn headline(&mut self, ui: &mut Ui, state: &State, table: &MachineTable, counts: &Counts) {
        let store = &state.run.store;
        let taken = table.rows.iter().filter(|r| taken(counts, r) > 0).count();
        let headline = Split::left(ui, "headline", |ui| {
            match counts.lane {
                None => theme::badge(ui, Tone::Idle, &format!("{}, not moved yet", escape(&table.initial))),
                Some(lane) if store.lanes[usize::from(lane)].machine.pooled => {
                    let mut population = store.population(state.standing(), lane);
                    population.sort_by_key(|p| std::cmp::Reverse(p.1));
                    for (name, n) in population.into_iter().take(4) {
                        let name = store.name(name);
                        theme::badge(ui, Tone::of_state(name), &format!("{} {}", count(u64::from(n)), escape(name)));
                    }
                    ui.weak("")
                }
                Some(lane) => {
                    let name = standing_name(store, state.standing(), lane);
                    let since = store.last_in_lane(lane, state.end()).map_or(0, |r| r.at);
                    let until = if state.is_live() {
                        store.last_at()
                    } else {
                        state.cursor.and_then(|c| store.row(c)).map_or(0, |r| r.at)
                    };
                    theme::badge(
                        ui,
                        Tone::of_state(&name),
                        &format!("{} for {}", escape(&name), duration(until.saturating_sub(since))),
                    )
                }
            };
        });
        headline.right(ui, |ui| {
            ui.toggle_value(&mut self.rows, "Rows").on_hover_text("Every row of the table, with counts");
            if ui
                .selectable_label(self.look == Look::Whole, "Whole")
                .on_hover_text("The whole diagram, however small")
                .clicked()
            {
                self.look = if self.look == Look::Whole { Look::Follow } else { Look::Whole };
            }
            ui.weak(format!("{taken} of {} rows taken", table.rows.len()))
                .on_hover_text("Rows of the table that this run has used");
        });
    }

    #[allow(clippy::too_many_arguments)]
    fn draw(
        &mut self,
        ui: &mut Ui,
        state: &State,
        table: &MachineTable,
        picture: &Picture,
        counts: &Counts,
        height: f32,
        out: &mut Vec<Command>,
    ) {
        let dark = ui.visuals().dark_mode;
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), height.max(80.0)), Sense::click_and_drag());
        theme::named(&response, Role::Canvas, format!("State diagram of {}", table.machine));
        let painter = ui.painter_at(rect);
        painter.rect_filled(rect, 5.0, theme::canvas(dark));
        let fit = (rect.width() / picture.size.x).min(rect.height() / picture.size.y).min(1.25);
        let current =
            counts.lane.map_or_else(|| table.initial.clone(), |l| standing_name(&state.run.store, state.standing(), l));
        let (mut scale, mut pan) = match self.look {
            Look::Follow => follow(picture, &current, rect.size(), fit),
            Look::Whole => (fit, Vec2::ZERO),
            Look::Free(scale, pan) => (scale, pan),
        };
        let before = (scale, pan);
        if response.dragged() {
            pan += response.drag_delta();
        }
        if let Some(pointer) = response.hover_pos() {
            let (zoom, scroll) = ui.input(|i| (i.zoom_delta(), i.smooth_scroll_delta()));
            let factor = if zoom == 1.0 { (scroll.y / 300.0).exp() } else { zoom };
            let next = (scale * factor).clamp(fit * 0.6, 4.0);
            pan = (pointer - rect.center()) * (1.0 - next / scale) + pan * (next / scale);
            scale = next;
        }
        if (scale, pan) != before {
            self.look = Look::Free(scale, pan);
        }
        let origin = rect.center() + pan - picture.size * scale / 2.0;
        let place = |p: Pos2| origin + p.to_vec2() * scale;
        let store = &state.run.store;
        let last = counts.lane.and_then(|l| store.last_in_lane(l, state.end())).map(|r| store.edge(r));
        let last = last.map(|e| (store.name(e.from).to_owned(), store.name(e.to).to_owned()));
        for arrow in &picture.arrows {
            let n = counts.by_route.get(&(arrow.from.clone(), arrow.to.clone())).copied().unwrap_or(0);
            let lit = last.as_ref().is_some_and(|(f, t)| *f == arrow.from && *t == arrow.to);
            let color = arrow_color(dark, n, lit, state.flash());
            let points: Vec<Pos2> = smooth(&arrow.points).into_iter().map(place).collect();
            let stroke = if lit {
                2.2 + 1.5 * state.flash()
            } else if n > 0 {
                1.5
            } else {
                1.0
            };
            head(&painter, &points, color, scale);
            painter.add(Shape::line(points, Stroke::new(stroke, color)));
            let text = if n > 0 { format!("{} ×{}", arrow.label, count(n)) } else { arrow.label.clone() };
            let at = place(arrow.label_at);
            let size = (11.0 * scale).clamp(4.0, 15.0);
            if size >= 6.0 {
                let galley = painter.layout_no_wrap(text, FontId::proportional(size), color);
                let back = Rect::from_center_size(at, galley.size()).expand2(vec2(3.0, 0.0));
                painter.rect_filled(back, 3.0, theme::canvas(dark));
                painter.galley(back.center() - galley.size() / 2.0, galley, color);
                self.arrow_click(ui, table, arrow, back, n, out);
            }
        }
        self.nodes(ui, &painter, state, table, picture, counts, (&place, scale), out);
    }

    fn arrow_click(
        &self,
        ui: &Ui,
        table: &MachineTable,
        arrow: &super::graph::Arrow,
        rect: Rect,
        n: u64,
        out: &mut Vec<Command>,
    ) {
        let name = format!("{} to {}", arrow.from, arrow.to);
        let response = ui.interact(rect, ui.scope_id().with(("arrow", &table.machine, &name)), Sense::click());
        theme::named(&response, Role::Button, format!("Transition {name}"));
        if response.clicked() {
            out.push(Command::Query(format!("actor:{} edge:{}>{}", table.machine, arrow.from, arrow.to)));
        }
        let at = Breakpoint::Edge { machine: table.machine.clone(), from: arrow.from.clone(), to: arrow.to.clone() };
        menu(&response, at, out);
        response.on_hover_ui(|ui| {
            ui.strong(format!("{} → {}", escape(&arrow.from), escape(&arrow.to)));
            ui.label(if n == 0 { "Never taken in this run".to_owned() } else { format!("Taken {} times", count(n)) });
            for &i in arrow.rows.iter().take(12) {
                ui.monospace(words(&table.rows[i]));
            }
            ui.weak("Click to filter the timeline, right-click to break");
        });
    }

    #[allow(clippy::too_many_arguments)]
    fn nodes(
        &self,
        ui: &Ui,
        painter: &egui::Painter,
        state: &State,
        table: &MachineTable,
        picture: &Picture,
        counts: &Counts,
        (place, scale): (&dyn Fn(Pos2) -> Pos2, f32),
        out: &mut Vec<Command>,
    ) {
        let dark = ui.visuals().dark_mode;
        let store = &state.run.store;
        let population: HashMap<String, u32> =
            counts.lane.filter(|&l| store.lanes[usize::from(l)].machine.pooled).map_or_else(HashMap::new, |lane| {
                store
                    .population(state.standing(), lane)
                    .into_iter()
                    .map(|(s, n)| (store.name(s).to_owned(), n))
                    .collect()
            });
        let current = counts.lane.map_or_else(|| table.initial.clone(), |l| standing_name(store, state.standing(), l));
        for node in &picture.nodes {
            let rect = Rect::from_min_max(place(node.rect.min), place(node.rect.max));
            let many = population.get(&node.name).copied();
            let lit = if population.is_empty() { node.name == current } else { many.is_some() };
            let seen = lit || counts.by_route.iter().any(|((f, t), &n)| n > 0 && (*f == node.name || *t == node.name));
            let tone = Tone::of_state(&node.name);
            let color = if seen { tone.color(dark) } else { ui.visuals().weak_text_color() };
            let fill = if lit { color.gamma_multiply(0.28) } else { ui.visuals().panel_fill };
            painter.rect(
                rect,
                6.0 * scale,
                fill,
                Stroke::new(if lit { 2.2 } else { 1.0 }, color),
                egui::StrokeKind::Inside,
            );
            let size = (12.5 * scale).clamp(5.0, 17.0);
            let mark = rect.left_center() + vec2(11.0 * scale, 0.0);
            painter.add(tone.shape(mark, 4.2 * scale, color));
            let text = if seen { ui.visuals().strong_text_color() } else { ui.visuals().weak_text_color() };
            let room = rect.width() - 24.0 * scale;
            let own: u64 = counts.by_route.get(&(node.name.clone(), node.name.clone())).copied().unwrap_or(0);
            let second = match many {
                Some(n) => Some(format!("{} tensors", count(u64::from(n)))),
                None if own > 0 => Some(format!("stayed ×{}", count(own))),
                None => None,
            };
            let up = if second.is_some() { vec2(0.0, -6.5 * scale) } else { Vec2::ZERO };
            let at = rect.left_center() + vec2(20.0 * scale, 0.0);
            theme::text_in(
                painter,
                at + up,
                Align2::LEFT_CENTER,
                &escape(&node.name),
                FontId::proportional(size),
                text,
                room,
            );
            if let Some(second) = second {
                let font = FontId::proportional(size * 0.82);
                theme::text_in(painter, at - up, Align2::LEFT_CENTER, &second, font, color, room);
            }
            let response = ui.interact(rect, ui.scope_id().with(("node", &table.machine, &node.name)), Sense::click());
            let said = if lit { ", current" } else { "" };
            theme::named(&response, Role::Button, format!("State {}{said}", node.name));
            if response.clicked() {
                out.push(Command::Query(format!("actor:{} state:{}", table.machine, node.name)));
            }
            menu(&response, Breakpoint::State { machine: table.machine.clone(), state: node.name.clone() }, out);
            response.on_hover_ui(|ui| {
                ui.strong(escape(&node.name));
                for &i in node.own.iter().take(16) {
                    let n = taken(counts, &table.rows[i]);
                    ui.monospace(format!("{} ×{n}", words(&table.rows[i])));
                }
                ui.weak("Click to filter the timeline, right-click to break");
            });
        }
    }
}

/// Scale and place at which names can be read and the current state is in view.
fn follow(picture: &Picture, current: &str, room: Vec2, fit: f32) -> (f32, Vec2) {
    if fit >= READABLE {
        return (fit, Vec2::ZERO);
    }
    let size = picture.size * READABLE;
    let middle =
        picture.nodes.iter().find(|n| n.name == current).map_or(picture.size / 2.0, |n| n.rect.center().to_vec2());
    let wanted = size / 2.0 - middle * READABLE;
    // No further than to the edge of the picture.
    let most = ((size - room) / 2.0).max(Vec2::ZERO);
    (READABLE, wanted.clamp(-most, most))
}

fn standing_name(store: &Store, standing: &Standing, lane: u16) -> String {
    let id = standing.last.get(usize::from(lane)).copied().unwrap_or(0);
    store.name(id).to_owned()
}

fn menu(response: &egui::Response, at: Breakpoint, out: &mut Vec<Command>) {
    response.context_menu(|ui| {
        if ui.button("Break here").on_hover_text("Hold the guest when it comes here; again to forget").clicked() {
            out.push(Command::ToggleBreak(at));
            ui.close();
        }
    });
}

fn arrow_color(dark: bool, n: u64, lit: bool, flash: f32) -> Color32 {
    let base = if dark { Color32::from_rgb(0xa8, 0xb3, 0xc2) } else { Color32::from_rgb(0x4a, 0x55, 0x63) };
    let never = if dark { Color32::from_rgb(0x4e, 0x57, 0x63) } else { Color32::from_rgb(0xb3, 0xbb, 0xc6) };
    if lit {
        theme::accent(dark).lerp_to_gamma(Tone::Working.color(dark), flash)
    } else if n > 0 {
        base
    } else {
        never
    }
}

fn head(painter: &egui::Painter, points: &[Pos2], color: Color32, scale: f32) {
    let [.., before, tip] = points else { return };
    let direction = (*tip - *before).normalized();
    let size = 7.0 * scale.clamp(0.5, 1.4);
    let side = vec2(-direction.y, direction.x) * size * 0.5;
    let back = *tip - direction * size;
    painter.add(Shape::convex_polygon(vec![*tip, back + side, back - side], color, Stroke::NONE));
}
