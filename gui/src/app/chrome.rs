//! What is around the panels: menus, the bar of actions, the status line, messages.
use crate::backend::{Breakpoint, Origin};
use crate::command::{Choice, Command, Export, Extent, Look};
use crate::panel::Panel;
use crate::split::Split;
use crate::state::State;
use crate::text::{count, plural};
use crate::theme::{self, Tone};
use egui::{RichText, Ui};

/// A button of a menu: label, keys and tooltip are the command's.
fn item(ui: &mut Ui, out: &mut Vec<Command>, enabled: bool, command: Command) {
    let info = command.info();
    let keys = info.keys.map(|k| ui.ctx().format_shortcut(&k)).unwrap_or_default();
    let button = egui::Button::new(info.label).shortcut_text(keys);
    if ui.add_enabled(enabled, button).on_hover_text(info.tip).on_disabled_hover_text(info.tip).clicked() {
        out.push(command);
        ui.close();
    }
}

/// A button of the bar.
fn tool(ui: &mut Ui, out: &mut Vec<Command>, enabled: bool, label: &str, command: Command) {
    let info = command.info();
    let keys = info.keys.map(|k| format!(" ({})", ui.ctx().format_shortcut(&k))).unwrap_or_default();
    let tip = format!("{}{keys}", info.tip);
    if ui.add_enabled(enabled, egui::Button::new(label)).on_hover_text(&tip).on_disabled_hover_text(&tip).clicked() {
        out.push(command);
    }
}

/// Menus and the bar of actions.
pub(super) fn top(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let frame = egui::Frame::new().fill(ui.visuals().panel_fill).inner_margin(egui::Margin::symmetric(8, 4));
    egui::Panel::top("menu").frame(frame).show(ui, |ui| {
        egui::MenuBar::new().ui(ui, |ui| menus(ui, state, out));
        ui.add_space(2.0);
        ui.horizontal_wrapped(|ui| bar(ui, state, out));
        ui.add_space(1.0);
    });
}

fn menus(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let run = state.run.begun;
    let live = run && state.run.origin == Origin::Live;
    ui.menu_button("File", |ui| {
        item(ui, out, true, Command::Open);
        item(ui, out, true, Command::OpenFolder);
        item(ui, out, true, Command::OpenRecording);
        ui.menu_button("Recent files", |ui| {
            if state.prefs.recent.is_empty() {
                ui.weak("None yet");
            }
            for file in &state.prefs.recent {
                if ui.button(crate::text::escape(&file.name)).on_hover_text(crate::text::escape(&file.token)).clicked()
                {
                    out.push(Command::OpenPaths(vec![file.token.clone()]));
                    ui.close();
                }
            }
        });
        item(ui, out, true, Command::Demo);
        ui.separator();
        item(ui, out, run, Command::SaveRecording(None));
        for what in [Export::Perfetto, Export::Mermaid, Export::Csv, Export::Png] {
            item(ui, out, run || what == Export::Png, Command::Export(what, None));
        }
        item(ui, out, run, Command::CopyReport(false));
        item(ui, out, run, Command::CopyReport(true));
        ui.separator();
        item(ui, out, live, Command::Close);
        item(ui, out, true, Command::Quit);
    });
    ui.menu_button("Model", |ui| {
        for command in [Command::Load, Command::Release, Command::Evict, Command::Cancel, Command::Borrow(None)] {
            item(ui, out, live, command);
        }
        ui.separator();
        for choice in Choice::ALL {
            item(ui, out, true, Command::SetStrategy(*choice));
        }
        ui.separator();
        for extent in [Extent::WholeFile, Extent::PerTensor, Extent::Window(64)] {
            item(ui, out, true, Command::SetExtent(extent));
        }
        ui.separator();
        item(ui, out, true, Command::SetMmap(!state.open.mmap));
        item(ui, out, live, Command::Race);
        item(ui, out, live, Command::Diff);
    });
    ui.menu_button("Run", |ui| {
        for command in [Command::Pause, Command::Continue, Command::Step, Command::EveryStep(!state.every_step)] {
            item(ui, out, true, command);
        }
        ui.separator();
        for command in [Command::ToggleBreak(Breakpoint::Error), Command::ClearBreaks, Command::ClearFaults] {
            item(ui, out, true, command);
        }
    });
    ui.menu_button("Time", |ui| {
        for command in [Command::Follow, Command::Next, Command::Previous, Command::FirstProblem, Command::FocusQuery] {
            item(ui, out, run, command);
        }
        ui.separator();
        for command in [
            Command::ZoomIn,
            Command::ZoomOut,
            Command::ZoomFit,
            Command::ZoomLast,
            Command::StepAxis(true),
            Command::StepAxis(false),
        ] {
            item(ui, out, run, command);
        }
        ui.separator();
        for command in [Command::CompareLast, Command::Replay] {
            item(ui, out, run, command);
        }
    });
    ui.menu_button("View", |ui| {
        for panel in Panel::ALL {
            item(ui, out, true, Command::Show(*panel));
        }
        ui.separator();
        for look in [Look::System, Look::Dark, Look::Light] {
            item(ui, out, true, Command::Theme(look));
        }
        item(ui, out, true, Command::RefreshPages);
        item(ui, out, true, Command::ResetLayout);
        item(ui, out, true, Command::Palette);
    });
}

fn bar(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let live = state.run.begun && state.run.origin == Origin::Live && state.run.opened.is_some();
    let idle = state.busy.is_none();
    tool(ui, out, true, "Open…", Command::Open);
    ui.separator();
    let mut choice = state.prefs.choice;
    let label = ui.label("Strategy").id;
    egui::ComboBox::from_id_salt("strategy")
        .selected_text(choice.name())
        .width(120.0)
        .show_ui(ui, |ui| {
            for c in Choice::ALL {
                ui.selectable_value(&mut choice, *c, c.name()).on_hover_text(Command::SetStrategy(*c).info().tip);
            }
        })
        .response
        .labelled_by(label);
    if choice != state.prefs.choice {
        out.push(Command::SetStrategy(choice));
    }
    extent(ui, state, out);
    let mut glob = state.selection.clone();
    let label = ui.label("Tensors").id;
    let edit = egui::TextEdit::singleline(&mut glob).hint_text("all, or a glob such as *attn*").desired_width(160.0);
    if ui.add(edit).labelled_by(label).on_hover_text("A glob of names; empty means all").changed() {
        out.push(Command::SetSelection(glob));
    }
    options(ui, state, out);
    tool(ui, out, live && idle, "Load", Command::Load);
    tool(ui, out, live && idle, "Release", Command::Release);
    tool(ui, out, live && idle, "Evict", Command::Evict);
    tool(ui, out, !idle, "Cancel", Command::Cancel);
    ui.separator();
    tool(ui, out, state.held.is_none(), "Pause", Command::Pause);
    tool(ui, out, state.held.is_some(), "Step", Command::Step);
    tool(ui, out, state.held.is_some(), "Continue", Command::Continue);
}

/// What is set once and then forgotten.
fn options(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let stays = egui::containers::menu::MenuConfig::new().close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
    egui::containers::menu::MenuButton::new("Options").config(stays).ui(ui, |ui| {
        ui.strong("Next load");
        egui::Grid::new("load options").num_columns(3).spacing([10.0, 4.0]).show(ui, |ui| {
            let mut kib = state.prefs.chunk_kib;
            if number(ui, Command::SetChunk(0), &mut kib, 0..=1 << 20, "KiB, 0 is 4 MiB") {
                out.push(Command::SetChunk(kib));
            }
        });
        let mut validate = state.prefs.validate;
        let info = Command::SetValidate(true).info();
        if ui.checkbox(&mut validate, info.label).on_hover_text(info.tip).changed() {
            out.push(Command::SetValidate(validate));
        }
        ui.separator();
        ui.strong("Next open");
        egui::Grid::new("open options").num_columns(3).spacing([10.0, 4.0]).show(ui, |ui| {
            let mut slots = state.open.guest.slots;
            if number(ui, Command::SetSlots(0), &mut slots, 1..=65_536, "mappings at once") {
                out.push(Command::SetSlots(slots));
            }
            let mut ms = u32::try_from(state.open.deadline_ms).unwrap_or(u32::MAX);
            if number(ui, Command::SetDeadline(0), &mut ms, 0..=3_600_000, "ms a call, 0 is none") {
                out.push(Command::SetDeadline(ms));
            }
        });
        let mut mmap = state.open.mmap;
        let info = Command::SetMmap(true).info();
        if ui.checkbox(&mut mmap, info.label).on_hover_text(info.tip).changed() {
            out.push(Command::SetMmap(mmap));
        }
    });
}

/// A line of the options: name, number, unit.
fn number(ui: &mut Ui, command: Command, value: &mut u32, range: std::ops::RangeInclusive<u32>, unit: &str) -> bool {
    let info = command.info();
    let label = ui.label(info.label).on_hover_text(info.tip).id;
    let changed = ui.add(egui::DragValue::new(value).range(range)).labelled_by(label).changed();
    ui.weak(unit);
    ui.end_row();
    changed
}

fn extent(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let mut extent = state.prefs.extent;
    let name = |e: Extent| match e {
        Extent::WholeFile => "whole file".to_owned(),
        Extent::PerTensor => "per tensor".to_owned(),
        Extent::Window(mib) => format!("windows of {mib} MiB"),
    };
    let label = ui.label("Extent").id;
    egui::ComboBox::from_id_salt("extent")
        .selected_text(name(extent))
        .width(120.0)
        .show_ui(ui, |ui| {
            for e in [Extent::WholeFile, Extent::PerTensor, Extent::Window(4), Extent::Window(64), Extent::Window(1024)]
            {
                ui.selectable_value(&mut extent, e, name(e)).on_hover_text(Command::SetExtent(e).info().tip);
            }
        })
        .response
        .labelled_by(label);
    if extent != state.prefs.extent {
        out.push(Command::SetExtent(extent));
    }
}

/// The status line.
pub(super) fn bottom(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let frame = egui::Frame::new().fill(ui.visuals().panel_fill).inner_margin(egui::Margin::symmetric(10, 4));
    egui::Panel::bottom("status").frame(frame).show(ui, |ui| {
        let line = Split::left(ui, "status", |ui| status(ui, state));
        line.right(ui, |ui| {
            follow(ui, state, out);
            if state.run.begun {
                ui.weak(plural(state.run.store.end(), "row"));
                if !state.run.tensors.is_empty() {
                    ui.weak(plural(state.run.tensors.len() as u64, "tensor"));
                }
                let origin = match state.run.origin {
                    Origin::Live => "",
                    Origin::Recording => " (recording)",
                    Origin::Synthetic => " (made up)",
                };
                let name = RichText::new(format!("{}{origin}", state.run.label)).strong();
                ui.add(egui::Label::new(name).truncate());
            }
        });
    });
}

fn status(ui: &mut Ui, state: &State) {
    if let Some(why) = &state.held {
        theme::badge(ui, Tone::Warn, &format!("Held: {why}"));
    } else if let Some((what, since)) = &state.busy {
        ui.spinner();
        ui.label(format!("{what}, {:.1} s", (state.now - since).max(0.0)));
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(100));
    } else if !state.run.begun {
        theme::badge(ui, Tone::Idle, "Nothing is open");
    } else if state.failed {
        theme::badge(ui, Tone::Bad, "The last request failed: see Why");
    } else {
        theme::badge(ui, Tone::Good, "Ready");
    }
    if !state.faults.is_empty() {
        theme::badge(ui, Tone::Warn, &format!("{} armed", plural(state.faults.len() as u64, "fault")));
    }
}

fn follow(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let Some(cursor) = state.cursor else {
        theme::badge(ui, Tone::Good, "Following live");
        return;
    };
    let unseen = state.unseen();
    let text =
        if unseen > 0 { format!("Paused, {} new", count(unseen)) } else { format!("Paused at row {}", count(cursor)) };
    if ui.button(format!("{text} · follow live")).on_hover_text("Show what is happening now (F2)").clicked() {
        out.push(Command::Follow);
    }
}

/// Messages in the corner.
pub(super) fn messages(ctx: &egui::Context, state: &State, out: &mut Vec<Command>) {
    if state.messages.is_empty() {
        return;
    }
    egui::Area::new(egui::Id::unique("messages"))
        .anchor(egui::Align2::RIGHT_BOTTOM, [-14.0, -36.0])
        .order(egui::Order::Foreground)
        .show(ctx, |ui| {
            egui::Frame::window(ui.style()).show(ui, |ui| {
                ui.set_max_width(430.0);
                for message in &state.messages {
                    let tone = if message.bad { Tone::Bad } else { Tone::Good };
                    ui.horizontal(|ui| {
                        ui.spacing_mut().item_spacing.x = 6.0;
                        let (rect, _) = ui.allocate_exact_size(egui::Vec2::splat(12.0), egui::Sense::hover());
                        ui.painter().add(tone.shape(rect.center(), 4.5, tone.color(ui.visuals().dark_mode)));
                        ui.add(egui::Label::new(&message.text).wrap());
                    });
                }
                if ui.button("Dismiss").clicked() {
                    out.push(Command::Dismiss);
                }
            });
        });
}

/// Says that files can be dropped, while some hover.
pub(super) fn drop_hint(ctx: &egui::Context) {
    if ctx.input(|i| i.raw.hovered_files.is_empty()) {
        return;
    }
    let rect = ctx.content_rect();
    let painter = ctx.layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop")));
    painter.rect_filled(rect, 0.0, egui::Color32::from_black_alpha(170));
    let font = egui::FontId::proportional(24.0);
    painter.text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        "Drop a model, its folder or a recording to open it",
        font,
        egui::Color32::WHITE,
    );
}
