//! What the headers say besides tensors, below what they add up to.
use super::totals;
use crate::command::Command;
use crate::state::State;
use crate::text::{count, escape};
use crate::theme;
use egui::{Label, Ui};
use egui_extras::{Column, TableBuilder};
use weighbridge_core::types::MetadataValue;

/// Elements of an array that are shown.
const HEAD: usize = 8;

#[derive(Default)]
pub(super) struct Metadata {
    /// The context of the estimate, and the run that it was chosen for.
    context: Option<(String, u64)>,
}

impl Metadata {
    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
        if state.run.opened.is_none() {
            if !super::refusal::instead(ui, state, out) {
                let text = "Parameters, bytes by type and by layer, an estimate of the memory, and the key-value pairs of the header: \
                            architecture, tokenizer, quantisation, authors.";
                theme::empty(ui, "No metadata yet", text);
            }
            return;
        }
        totals::summary(ui, state, &mut self.context);
        theme::section(ui, "Metadata");
        let entries = &state.run.metadata;
        if entries.is_empty() {
            ui.weak("This model has no key-value pairs");
            return;
        }
        ui.spacing_mut().item_spacing.y = 1.0;
        TableBuilder::new(ui)
            .striped(true)
            .auto_shrink([false, false])
            .column(Column::initial(260.0).resizable(true).clip(true))
            .column(Column::initial(70.0).clip(true))
            .column(Column::remainder().clip(true))
            .header(20.0, |mut header| {
                for name in ["Key", "Type", "Value"] {
                    header.col(|ui| drop(ui.strong(name)));
                }
            })
            .body(|body| {
                body.rows(20.0, entries.len(), |mut line| {
                    let entry = &entries[line.index()];
                    line.col(|ui| drop(ui.add(Label::new(escape(&entry.key)).truncate())));
                    line.col(|ui| drop(ui.weak(escape(&entry.kind))));
                    line.col(|ui| drop(ui.add(Label::new(value(&entry.value)).truncate())));
                });
            });
    }
}

/// A value in one line.
pub(super) fn value(v: &MetadataValue) -> String {
    match v {
        MetadataValue::Boolean(b) => b.to_string(),
        MetadataValue::Unsigned(n) => n.to_string(),
        MetadataValue::Signed(n) => n.to_string(),
        MetadataValue::Floating(n) => floating(*n),
        MetadataValue::Text(t) => escape(t),
        MetadataValue::Sequence(s) => {
            let head: Vec<String> = s.head.iter().take(HEAD).map(|t| escape(t)).collect();
            let more = if s.count > head.len() as u64 { ", …" } else { "" };
            format!("{} × {}: {}{more}", count(s.count), escape(&s.element), head.join(", "))
        }
    }
}

/// An f32 was widened: what is shown is the shortest number that it came from.
#[allow(clippy::cast_possible_truncation)]
fn floating(value: f64) -> String {
    let narrow = value as f32;
    if f64::from(narrow) == value { format!("{narrow:?}") } else { format!("{value:?}") }
}
