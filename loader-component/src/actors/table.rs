//! A machine's table as data, made of the very rows that `sml!` was given.
use crate::actors::{io_buffer, io_loader, io_mmap, io_read, io_staged_read, model_loader, model_tensor};
use crate::api::{MachineRow, MachineTable, Pool};

/// The whole behaviour of one machine.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub machine: &'static str,
    /// Whether there is one for each tensor.
    pub pooled: bool,
    /// What it keeps many of.
    pub owns: Option<Pool>,
    /// The sections with their rows.
    pub sections: &'static [(&'static str, &'static [Row])],
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    source: &'static str,
    event: &'static str,
    completion: bool,
    guard: &'static str,
    action: &'static str,
    target: &'static str,
}

impl Row {
    /// A row from its tokens: `"target"_s <= "source"_s`, or `"source"_s` and nothing where the machine stays; the kind of
    /// event and the event; the guard or nothing; the action.
    pub(crate) const fn new(
        (first, second): (&'static str, &'static str),
        (kind, event): (&'static str, &'static str),
        guard: &'static str,
        action: &'static str,
    ) -> Self {
        let source = if second.is_empty() { first } else { second };
        // A kind of event is as good as its first letter: `event`, `completion`, `unexpected_event`.
        let kind = kind.as_bytes();
        let (unexpected, completion) = (matches!(kind, [b'u', ..]), matches!(kind, [b'c', ..]));
        Self {
            source: state(source),
            event: if unexpected { "unexpected" } else { event },
            completion,
            guard,
            action,
            target: state(first),
        }
    }

    fn described(&self, section: &str) -> MachineRow {
        MachineRow {
            section: section.to_owned(),
            source: self.source.to_owned(),
            event: self.event.to_owned(),
            completion: self.completion,
            guard: self.guard.to_owned(),
            action: self.action.to_owned(),
            target: self.target.to_owned(),
            refuses: self.action.starts_with("refuse_") || self.action.starts_with("fail_"),
        }
    }
}

/// The name in `"name"_s`.
const fn state(token: &'static str) -> &'static str {
    let (_, rest) = token.split_at(1);
    rest.split_at(rest.len() - "\"_s".len()).0
}

/// The transition tables of every machine, in the order in which a load meets them.
#[must_use]
pub fn tables() -> Vec<MachineTable> {
    let tables = [
        model_loader::TABLE,
        model_tensor::TABLE,
        io_loader::TABLE,
        io_mmap::TABLE,
        io_buffer::TABLE,
        io_read::TABLE,
        io_staged_read::TABLE,
    ];
    tables.iter().zip(0..).map(|(table, order)| described(table, order)).collect()
}

fn described(table: &Table, order: u32) -> MachineTable {
    let rows = || table.sections.iter().flat_map(|(section, rows)| rows.iter().map(move |row| (section, row)));
    MachineTable {
        machine: table.machine.to_owned(),
        initial: rows().next().map(|(_, row)| row.source.to_owned()).unwrap_or_default(),
        rows: rows().map(|(section, row)| row.described(section)).collect(),
        order,
        pooled: table.pooled,
        owns: table.owns,
    }
}
/// `sml` names its states as Rust does; tables, traces and diagrams name them as the table does.
#[must_use]
pub fn snake(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_they_are_written() {
        const ROWS: &[Row] = crate::actors::rows! {
            "ready"_s + event<Go> [may] / run,
            "on"_s <= "ready"_s + event<Go> / start,
            "ready"_s <= "on"_s + completion<Go> / refuse_more,
            "on"_s + unexpected_event<_> / no,
        };
        let table = described(&Table { machine: "t", pooled: true, owns: None, sections: &[("all", ROWS)] }, 7);
        assert_eq!((table.initial.as_str(), table.order, table.pooled), ("ready", 7, true));
        let rows: Vec<_> = table
            .rows
            .iter()
            .map(|r| {
                assert_eq!((r.section.as_str(), r.refuses), ("all", r.action == "refuse_more"));
                (
                    r.source.as_str(),
                    r.event.as_str(),
                    r.completion,
                    r.guard.as_str(),
                    r.action.as_str(),
                    r.target.as_str(),
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("ready", "Go", false, "may", "run", "ready"),
                ("ready", "Go", false, "", "start", "on"),
                ("on", "Go", true, "", "refuse_more", "ready"),
                ("on", "unexpected", false, "", "no", "on"),
            ]
        );
    }

    /// A state has a row for each event, or one that answers all others; never both, for such a row could not be taken.
    #[test]
    fn every_state_answers_every_event() {
        use std::collections::BTreeSet;
        let names = |rows: &[MachineRow]| -> BTreeSet<String> {
            let external = rows.iter().filter(|row| !row.completion && row.event != "unexpected");
            external.map(|row| row.event.clone()).collect()
        };
        for table in tables() {
            let events = names(&table.rows);
            let states: BTreeSet<_> = table.rows.iter().map(|row| &row.target).chain([&table.initial]).collect();
            assert!(!events.is_empty());
            for state in states {
                let own: Vec<MachineRow> = table.rows.iter().filter(|row| row.source == *state).cloned().collect();
                assert!(!own.is_empty(), "{} cannot leave {state}", table.machine);
                if own.iter().all(|row| row.completion) {
                    // The machine does not rest here: the last row has no guard, as the test below says.
                    continue;
                }
                let others = own.iter().any(|row| row.event == "unexpected");
                assert_eq!(others, names(&own) != events, "{}: what is not expected in {state}", table.machine);
            }
        }
    }

    #[test]
    fn every_guarded_event_ends_in_a_row_without_a_guard() {
        for table in tables() {
            for row in table.rows.iter().filter(|row| !row.guard.is_empty()) {
                let same = |other: &&MachineRow| {
                    other.source == row.source && other.event == row.event && other.completion == row.completion
                };
                let last = table.rows.iter().rfind(same);
                assert!(
                    last.is_some_and(|row| row.guard.is_empty()),
                    "{}: {} + {} can strand",
                    table.machine,
                    row.source,
                    row.event
                );
            }
        }
    }
}
