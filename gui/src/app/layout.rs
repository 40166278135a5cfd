//! Where the panels are.
use crate::command::Command;
use crate::panel::Panel;
use crate::panels::Panels;
use crate::split::Split;
use crate::state::State;
use egui_tiles::{Behavior, SimplificationOptions, TileId, Tiles, Tree, UiResponse};

/// The layout of the first start: machines on the left, the model on the right, time below both.
pub(super) fn default() -> Tree<Panel> {
    let mut tiles = Tiles::default();
    let tabs = |tiles: &mut Tiles<Panel>, panels: &[Panel]| {
        let ids: Vec<TileId> = panels.iter().map(|p| tiles.insert_pane(*p)).collect();
        tiles.insert_tab_tile(ids)
    };
    let left = tabs(&mut tiles, &[Panel::Actors, Panel::Slots, Panel::Sandbox, Panel::Control]);
    let right = tabs(
        &mut tiles,
        &[
            Panel::Start,
            Panel::Tensors,
            Panel::FileMap,
            Panel::Timings,
            Panel::Why,
            Panel::Findings,
            Panel::Compare,
            Panel::Diff,
            Panel::Metadata,
        ],
    );
    let below = tabs(&mut tiles, &[Panel::Timeline]);
    let above =
        tiles.insert_container(egui_tiles::Linear::new_binary(egui_tiles::LinearDir::Horizontal, [left, right], 0.46));
    let root =
        tiles.insert_container(egui_tiles::Linear::new_binary(egui_tiles::LinearDir::Vertical, [above, below], 0.6));
    Tree::new(egui::Id::unique("panels"), root, tiles)
}

struct Show<'a> {
    panels: &'a mut Panels,
    state: &'a State,
    out: &'a mut Vec<Command>,
}

impl Behavior<Panel> for Show<'_> {
    fn pane_ui(&mut self, ui: &mut egui::Ui, _: TileId, pane: &mut Panel) -> UiResponse {
        inside(ui, *pane, self.panels, self.state, self.out);
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Panel) -> egui::WidgetText {
        title(*pane, self.state).into()
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions { all_panes_must_have_tabs: true, ..SimplificationOptions::default() }
    }

    fn tab_bar_height(&self, _: &egui::Style) -> f32 {
        26.0
    }

    fn gap_width(&self, _: &egui::Style) -> f32 {
        4.0
    }
}

/// Panels say in their title when there is something new in them.
fn title(panel: Panel, state: &State) -> String {
    let label = panel.info().label;
    match panel {
        Panel::Findings if !state.run.lints.is_empty() => format!("{label} ({})", state.run.lints.len()),
        Panel::Why if state.run.failure.is_some() || state.run.store.error().is_some() => format!("{label} !"),
        Panel::Control if !state.faults.is_empty() || !state.breaks.is_empty() => {
            format!("{label} ({})", state.faults.len() + state.breaks.len())
        }
        _ => label.to_owned(),
    }
}

fn inside(ui: &mut egui::Ui, panel: Panel, panels: &mut Panels, state: &State, out: &mut Vec<Command>) {
    egui::Frame::new().inner_margin(egui::Margin::symmetric(8, 6)).show(ui, |ui| {
        ui.set_min_size(ui.available_size());
        panels.show(panel, ui, state, out);
    });
}

/// Shows every panel in its place.
pub(super) fn show(
    ui: &mut egui::Ui,
    tree: &mut Tree<Panel>,
    panels: &mut Panels,
    state: &State,
    out: &mut Vec<Command>,
) {
    tree.ui(&mut Show { panels, state, out }, ui);
}

/// Shows one panel alone.
pub(super) fn alone(ui: &mut egui::Ui, panel: Panel, panels: &mut Panels, state: &State, out: &mut Vec<Command>) {
    egui::Frame::new().inner_margin(egui::Margin::symmetric(12, 6)).show(ui, |ui| {
        let headline = Split::left(ui, "headline", |ui| {
            ui.heading(panel.info().label);
            ui.weak(panel.info().tip);
        });
        headline.right(ui, |ui| {
            if ui.button("Restore panels").clicked() {
                out.push(Command::Maximise(None));
            }
        });
        ui.separator();
        panels.show(panel, ui, state, out);
    });
}
