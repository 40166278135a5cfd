//! State diagrams as text: of a transition table, and of what a recording took of it.
use super::header::Recording;
use super::name::Name;
use super::names::Names;
use crate::trace::What;
use crate::types::is_hidden;
use crate::types::{Happening, MachineRow, MachineTable};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

/// How often each transition was taken: `(from, to, event)` of each machine, over all its instances.
pub type Counts = BTreeMap<Name, BTreeMap<(Name, Name, Name), u64>>;

/// Counts the transitions of a recording.
#[must_use]
pub fn transition_counts(recording: &Recording) -> Counts {
    let names = Names::of(recording);
    let mut counts = Counts::new();
    let mut last: HashMap<(u32, Option<u32>), u32> = HashMap::new();
    for record in &recording.records {
        let What::Step(entry) = &record.what else { continue };
        let who = (entry.machine, entry.instance);
        match entry.what {
            Happening::Event(event) => {
                last.insert(who, event);
            }
            Happening::Transition((from, to)) => {
                let event = last.get(&who).map_or_else(|| Name::from(""), |event| names.get(*event));
                let edges = counts.entry(names.get(entry.machine)).or_default();
                *edges.entry((names.get(from), names.get(to), event)).or_default() += 1;
            }
            _ => {}
        }
    }
    counts
}

/// The name of the file that a machine's diagram is kept in: `io/mmap` is `io-mmap.mmd`.
#[must_use]
pub fn diagram_file_name(machine: &str, extension: &str) -> String {
    let name: String = machine.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    format!("{name}.{extension}")
}

/// A machine as a Mermaid state diagram, an edge for every row. Rows that answer the unexpected by staying where they are
/// would be a loop on every state; they are one comment.
#[must_use]
pub fn mermaid(table: &MachineTable) -> String {
    let mut text =
        format!("%% {}: made from its transition table, not by hand\nstateDiagram-v2\n", comment(&table.machine));
    let mut line = |line: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "    {line}");
    };
    line(format_args!("[*] --> {}", id(&table.initial)));
    let mut section = "";
    let mut silent = BTreeSet::new();
    for row in &table.rows {
        if stays_unexpected(row) {
            silent.insert(comment(&row.source));
            continue;
        }
        if row.section != section {
            section = &row.section;
            line(format_args!("%% {}", comment(section)));
        }
        line(format_args!("{} --> {}: {}", id(&row.source), id(&row.target), mermaid_text(&label(row))));
    }
    if !silent.is_empty() {
        let states: Vec<_> = silent.into_iter().collect();
        line(format_args!("%% any other event is answered and changes nothing in: {}", comment(&states.join(", "))));
    }
    text
}

/// A machine as a Graphviz digraph.
#[must_use]
pub fn dot(table: &MachineTable) -> String {
    let mut text = format!("// {}: made from its transition table, not by hand\n", comment(&table.machine));
    let mut line = |line: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "{line}");
    };
    line(format_args!("digraph {} {{", quoted(&table.machine)));
    line(format_args!("    rankdir=LR;\n    node [shape=box, style=rounded, fontname=\"sans-serif\"];"));
    line(format_args!("    edge [fontname=\"sans-serif\", fontsize=10];"));
    line(format_args!("    start [shape=point];\n    start -> {};", quoted(&table.initial)));
    for row in table.rows.iter().filter(|row| !stays_unexpected(row)) {
        let label = quoted(&label(row));
        line(format_args!("    {} -> {} [label={label}];", quoted(&row.source), quoted(&row.target)));
    }
    text.push_str("}\n");
    text
}

/// What a recording did, as one Mermaid diagram: a composite state for each machine, and on each edge how often it was taken.
#[must_use]
pub fn mermaid_recording(recording: &Recording) -> String {
    let counts = transition_counts(recording);
    let mut text =
        "%% every transition that the recording has, and how often it was taken\nstateDiagram-v2\n".to_owned();
    for (number, (machine, edges)) in counts.iter().enumerate() {
        let state = |name: &str| format!("m{number}_{}", id(name));
        let _ = writeln!(text, "    state \"{}\" as m{number} {{", mermaid_text(machine));
        let states: BTreeSet<_> = edges.keys().flat_map(|(from, to, _)| [from, to]).collect();
        for name in states {
            let _ = writeln!(text, "        state \"{}\" as {}", mermaid_text(name), state(name));
        }
        for ((from, to, event), count) in edges {
            let _ = writeln!(text, "        {} --> {}: {} ×{count}", state(from), state(to), mermaid_text(event));
        }
        text.push_str("    }\n");
    }
    text
}

fn stays_unexpected(row: &MachineRow) -> bool {
    row.event == "unexpected" && row.source == row.target
}

/// `event [guard] / action`, as UML writes it.
fn label(row: &MachineRow) -> String {
    let mut text = if row.completion { format!("after {}", row.event) } else { row.event.clone() };
    if !row.guard.is_empty() {
        let _ = write!(text, " [{}]", row.guard);
    }
    if !row.action.is_empty() {
        let _ = write!(text, " / {}", row.action);
    }
    text
}

/// A name as an identifier of Mermaid.
fn id(name: &str) -> String {
    let id: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    // A few words mean something to Mermaid.
    if matches!(id.as_str(), "end" | "state" | "note" | "class" | "direction" | "") { format!("{id}_") } else { id }
}

/// A text in which nothing means anything to Mermaid.
fn mermaid_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | ';' | '#' | '<' | '>' | '{' | '}' => {
                let _ = write!(safe, "#{};", u32::from(c));
            }
            c if is_hidden(c) => safe.push('?'),
            c => safe.push(c),
        }
    }
    safe
}

/// A text that stays inside a comment: of one line, and without the braces of Mermaid's directives (`%%{init: …}%%`).
fn comment(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) || matches!(c, '{' | '}') { '?' } else { c }).collect()
}

fn quoted(text: &str) -> String {
    let mut safe = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => safe.extend(['\\', c]),
            c if is_hidden(c) => safe.push('?'),
            c => safe.push(c),
        }
    }
    safe.push('"');
    safe
}
