//! Pause, step and break; faults that go down the real error routes.
use crate::backend::{Breakpoint, Fault, FaultCall, FaultKind};
use crate::command::Command;
use crate::state::State;
use crate::text::{escape, storage_error};
use crate::theme::{self, Tone};
use egui::{DragValue, Ui};
use weighbridge_core::types::StorageError;

pub(super) struct Control {
    call: FaultCall,
    nth: u32,
    kind: FaultKind,
    truncate: u64,
}

impl Default for Control {
    fn default() -> Self {
        Self { call: FaultCall::Map, nth: 1, kind: FaultKind::Fail(StorageError::Io(5)), truncate: 4096 }
    }
}

/// Faults to choose from.
fn kinds() -> Vec<FaultKind> {
    let mut all: Vec<FaultKind> = [
        StorageError::Busy,
        StorageError::Io(5),
        StorageError::EndOfSource,
        StorageError::Changed,
        StorageError::Exhausted,
        StorageError::AccessDenied,
        StorageError::OutOfBounds,
        StorageError::Unsupported,
        StorageError::Cancelled,
        StorageError::Deadline,
    ]
    .into_iter()
    .map(FaultKind::Fail)
    .collect();
    all.push(FaultKind::Short);
    all
}

fn kind_name(kind: &FaultKind) -> String {
    match kind {
        FaultKind::Fail(e) => storage_error(e),
        FaultKind::Short => "short read".into(),
    }
}

impl Control {
    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            theme::section(ui, "Step");
            match (&state.held, &state.busy) {
                (Some(why), _) => theme::badge(ui, Tone::Warn, &format!("Held: {why}")),
                (None, Some(_)) => theme::badge(ui, Tone::Working, "Running"),
                (None, None) => {
                    theme::badge(ui, Tone::Idle, "Not running: pause first, then load, to step from the beginning")
                }
            };
            ui.horizontal_wrapped(|ui| {
                for command in [Command::Pause, Command::Step, Command::Continue] {
                    let info = command.info();
                    let keys = info.keys.map(|k| ui.ctx().format_shortcut(&k)).unwrap_or_default();
                    let enabled = matches!(command, Command::Pause) || state.held.is_some();
                    let label = format!("{} ({keys})", info.label);
                    if ui.add_enabled(enabled, egui::Button::new(label)).on_hover_text(info.tip).clicked() {
                        out.push(command);
                    }
                }
            });
            let mut every = state.every_step;
            if ui.checkbox(&mut every, "Watch every step").on_hover_text(Command::EveryStep(true).info().tip).changed()
            {
                out.push(Command::EveryStep(every));
            }
            breaks(ui, state, out);
            self.faults(ui, state, out);
        });
    }

    fn faults(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        theme::section(ui, "Faults");
        ui.weak("An armed fault answers in place of the host, once. The guest cannot tell the difference.");
        ui.horizontal_wrapped(|ui| {
            for (label, fault) in [
                (
                    "Fail the next map",
                    Fault::Call { call: FaultCall::Map, nth: 1, kind: FaultKind::Fail(StorageError::Io(12)) },
                ),
                (
                    "Next unmap is busy",
                    Fault::Call { call: FaultCall::Unmap, nth: 1, kind: FaultKind::Fail(StorageError::Busy) },
                ),
                (
                    "Fail the next batch",
                    Fault::Call { call: FaultCall::ReadInto, nth: 1, kind: FaultKind::Fail(StorageError::Io(5)) },
                ),
                ("Short header read", Fault::Call { call: FaultCall::Read, nth: 1, kind: FaultKind::Short }),
            ] {
                if ui.button(label).clicked() {
                    out.push(Command::Arm(fault));
                }
            }
        });
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("Call").id;
            egui::ComboBox::from_id_salt("call")
                .selected_text(self.call.name())
                .width(90.0)
                .show_ui(ui, |ui| {
                    for call in FaultCall::ALL {
                        ui.selectable_value(&mut self.call, *call, call.name());
                    }
                })
                .response
                .labelled_by(label);
            let label = ui.label("number").id;
            ui.add(DragValue::new(&mut self.nth).range(1..=1_000_000)).labelled_by(label);
            let label = ui.label("answers").id;
            egui::ComboBox::from_id_salt("kind")
                .selected_text(kind_name(&self.kind))
                .width(110.0)
                .show_ui(ui, |ui| {
                    for kind in kinds() {
                        let name = kind_name(&kind);
                        ui.selectable_value(&mut self.kind, kind, name);
                    }
                })
                .response
                .labelled_by(label);
            if ui.button("Arm").on_hover_text("Counted from now on; 1 is the next such call").clicked() {
                out.push(Command::Arm(Fault::Call { call: self.call, nth: self.nth, kind: self.kind.clone() }));
            }
        });
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("Files end at byte").id;
            ui.add(DragValue::new(&mut self.truncate).speed(4096)).labelled_by(label);
            if ui.button("Truncate").on_hover_text("As if the files had been cut while they are open").clicked() {
                out.push(Command::Arm(Fault::Truncate { at: self.truncate }));
            }
        });
        if state.faults.is_empty() {
            ui.weak("No fault is armed");
            return;
        }
        for (i, fault) in state.faults.iter().enumerate() {
            ui.horizontal(|ui| {
                theme::badge(ui, Tone::Warn, &crate::text::fault(fault));
                if ui.small_button("Disarm").clicked() {
                    out.push(Command::Disarm(i));
                }
            });
        }
        if ui.button("Clear faults").clicked() {
            out.push(Command::ClearFaults);
        }
    }
}

fn breaks(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    theme::section(ui, "Breakpoints");
    let mut on_error = state.breaks.contains(&Breakpoint::Error);
    if ui
        .checkbox(&mut on_error, "Break on error (F7)")
        .on_hover_text(Command::ToggleBreak(Breakpoint::Error).info().tip)
        .changed()
    {
        out.push(Command::ToggleBreak(Breakpoint::Error));
    }
    ui.weak("Right-click a state or a transition in Actors to break there");
    for at in &state.breaks {
        let text = match at {
            Breakpoint::Error => continue,
            Breakpoint::State { machine, state } => format!("{}: into {}", escape(machine), escape(state)),
            Breakpoint::Edge { machine, from, to } => format!("{}: {} → {}", escape(machine), escape(from), escape(to)),
        };
        ui.horizontal(|ui| {
            theme::badge(ui, Tone::Warn, &text);
            if ui.small_button("Remove").clicked() {
                out.push(Command::ToggleBreak(at.clone()));
            }
        });
    }
    if !state.breaks.is_empty() && ui.button("Clear breakpoints").clicked() {
        out.push(Command::ClearBreaks);
    }
}
