//! The diagrams that are kept are those of the tables that run.
#![allow(clippy::unwrap_used, reason = "a test")]
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use weighbridge_core::recording::{diagram_file_name, mermaid};
use weighbridge_core::types::{MachineRow, MachineTable, Pool};
use weighbridge_loader::actors::tables;

fn drawn() -> BTreeMap<String, String> {
    let table = |table: weighbridge_loader::api::MachineTable| MachineTable {
        machine: table.machine,
        initial: table.initial,
        rows: table
            .rows
            .into_iter()
            .map(|row| MachineRow {
                section: row.section,
                source: row.source,
                event: row.event,
                completion: row.completion,
                guard: row.guard,
                action: row.action,
                target: row.target,
                refuses: row.refuses,
            })
            .collect(),
        order: table.order,
        pooled: table.pooled,
        owns: table.owns.map(|pool| match pool {
            weighbridge_loader::api::Pool::Slots => Pool::Slots,
            weighbridge_loader::api::Pool::Buffers => Pool::Buffers,
        }),
    };
    tables().into_iter().map(table).map(|table| (diagram_file_name(&table.machine, "mmd"), mermaid(&table))).collect()
}

#[test]
fn diagrams_are_those_of_the_tables() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/machines");
    if std::env::var_os("BLESS").is_some() {
        for (name, diagram) in drawn() {
            fs::write(folder.join(name), diagram).unwrap();
        }
    }
    let kept = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let kept: BTreeMap<String, String> = kept
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()))
        .collect();
    let drawn = drawn();
    assert!(kept.keys().eq(drawn.keys()), "{:?} instead of {:?}", kept.keys(), drawn.keys());
    for (name, diagram) in &drawn {
        assert_eq!(
            kept.get(name),
            Some(diagram),
            "{name}: run `weighbridge machines --write docs/machines`, or this test with BLESS=1"
        );
    }
}
