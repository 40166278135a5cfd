//! A machine's table as data, read from the very tokens that `sml!` was given.
use crate::actors::{io_loader, io_mmap, io_read, io_staged_read, model_loader, model_tensor};
use crate::api::{MachineRow, MachineTable};

/// The transition tables of every machine, in the order in which a load meets them.
#[must_use]
pub fn tables() -> Vec<MachineTable> {
    let sources = [
        model_loader::SOURCE,
        model_tensor::SOURCE,
        io_loader::SOURCE,
        io_mmap::SOURCE,
        io_read::SOURCE,
        io_staged_read::SOURCE,
    ];
    sources.into_iter().map(|(name, tokens)| table(name, tokens)).collect()
}

fn table(name: &str, tokens: &str) -> MachineTable {
    // `Name[attributes] { rows }`: the attributes are in brackets, so the first brace is the table's.
    let body = tokens.split_once('{').map_or("", |(_, rest)| rest).trim_end().trim_end_matches('}');
    let tokens: String = body.split_whitespace().collect();
    let rows: Vec<&str> = tokens.split(',').filter(|row| !row.is_empty()).collect();
    let initial =
        rows.iter().find(|row| row.contains('*')).and_then(|text| row(text)).map(|row| row.source).unwrap_or_default();
    MachineTable { machine: name.to_owned(), initial, rows: rows.iter().filter_map(|text| row(text)).collect() }
}

/// `"target"_s<=*"source"_s+event<E>[guard]/action`, without spaces; the target, the guard and the action may be absent.
fn row(text: &str) -> Option<MachineRow> {
    let (target, rest) = match text.split_once("<=") {
        Some((target, rest)) => (Some(state(target)), rest),
        None => (None, text),
    };
    let (source, rest) = rest.split_once('+')?;
    let source = state(source);
    let (trigger, action) = rest.split_once('/').unwrap_or((rest, ""));
    let (trigger, guard) = trigger.split_once('[').unwrap_or((trigger, ""));
    let (kind, event) = trigger.trim_end_matches('>').split_once('<')?;
    let event = if kind == "unexpected_event" { "unexpected".to_owned() } else { event.to_owned() };
    Some(MachineRow {
        section: if event == "unexpected" { event.clone() } else { snake(&event) },
        target: target.unwrap_or_else(|| source.clone()),
        source,
        completion: kind == "completion",
        event,
        guard: guard.trim_end_matches(']').to_owned(),
        action: action.to_owned(),
    })
}

fn state(text: &str) -> String {
    text.trim_start_matches('*').trim_end_matches("_s").trim_matches('"').to_owned()
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
    fn rows_are_read_as_they_are_written() {
        let table = table(
            "t",
            r#"T[a: #[b]] { *"ready"_s + event < Go > [a && ! b] / run, "on"_s <= "ready"_s + event<Go>, "ready"_s <= "on"_s + completion<Go> / stop, "on"_s + unexpected_event<_> / no, }"#,
        );
        assert_eq!(table.initial, "ready");
        let rows: Vec<_> = table
            .rows
            .iter()
            .map(|r| {
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
                ("ready", "Go", false, "a&&!b", "run", "ready"),
                ("ready", "Go", false, "", "", "on"),
                ("on", "Go", true, "", "stop", "ready"),
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
