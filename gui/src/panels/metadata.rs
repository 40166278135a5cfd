//! What the header says besides tensors.
use crate::state::State;
use crate::text::{count, escape};
use crate::theme;
use egui::{Label, Ui};
use egui_extras::{Column, TableBuilder};
use weighbridge_core::types::MetadataValue;

pub(super) fn show(ui: &mut Ui, state: &State) {
    let entries = &state.run.metadata;
    if entries.is_empty() {
        let text = "The key-value pairs of the header: architecture, tokenizer, quantisation, authors.";
        theme::empty(
            ui,
            if state.run.opened.is_some() { "This model has no metadata" } else { "No metadata yet" },
            text,
        );
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

fn value(v: &MetadataValue) -> String {
    match v {
        MetadataValue::Boolean(b) => b.to_string(),
        MetadataValue::Unsigned(n) => n.to_string(),
        MetadataValue::Signed(n) => n.to_string(),
        MetadataValue::Floating(n) => n.to_string(),
        MetadataValue::Text(t) => escape(t),
        MetadataValue::Sequence(s) => {
            let head: Vec<String> = s.head.iter().map(|t| escape(t)).collect();
            let more = if s.count > s.head.len() as u64 { ", …" } else { "" };
            format!("{} × {}: {}{more}", count(s.count), escape(&s.element), head.join(", "))
        }
    }
}
