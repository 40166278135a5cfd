//! Rows in words, and as CSV.
use super::row::{OPEN, Ok3, Row};
use super::store::Store;
use std::fmt::Write as _;

/// A quoted CSV field.
fn field(text: &str) -> String {
    // A leading `=`, `+`, `-` or `@` is a formula to a spreadsheet, and names come from files.
    let risky = text.starts_with(['=', '+', '-', '@']);
    let text = if risky { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// Columns of [`csv`].
pub const COLUMNS: &str =
    "row,at_ns,duration_ns,kind,lane,instance,event,guards,action,from,to,command,outcome,ok,detail,answer\n";

fn line(store: &Store, id: u64, row: &Row, out: &mut String) {
    let edge = store.edge(row);
    let guards: Vec<String> =
        store.guards(row).map(|(g, held)| format!("{}{}", if held { "" } else { "!" }, store.name(g))).collect();
    let detail = store.detail(row);
    let name = |n| field(&crate::text::escape(store.name(n)));
    let dur = if row.dur == OPEN { String::new() } else { row.dur.to_string() };
    let instance = if row.instance == super::NONE { String::new() } else { row.instance.to_string() };
    let ok = match row.ok {
        Ok3::Unknown => "",
        Ok3::Yes => "yes",
        Ok3::No => "no",
    };
    let lane = store.lanes.get(usize::from(row.lane)).map_or(0, |l| l.name);
    let _ = writeln!(
        out,
        "{id},{},{dur},{},{},{instance},{},{},{},{},{},{},{},{ok},{},{}",
        row.at,
        row.kind.name(),
        name(lane),
        name(edge.event),
        field(&guards.join(" ")),
        name(edge.action),
        name(edge.from),
        name(edge.to),
        name(row.command),
        name(row.outcome),
        field(detail.map_or("", |d| &d.text)),
        field(detail.map_or("", |d| &d.answer)),
    );
}

/// The rows with these numbers as CSV.
#[must_use]
pub fn csv(store: &Store, ids: impl Iterator<Item = u64>) -> String {
    let mut out = String::from(COLUMNS);
    for id in ids {
        if let Some(row) = store.row(id) {
            line(store, id, row, &mut out);
        }
    }
    out
}

/// One row in words: for tooltips, the why card and reports.
#[must_use]
pub fn sentence(store: &Store, row: &Row) -> String {
    use crate::text::escape;
    let edge = store.edge(row);
    let lane = store.lanes.get(usize::from(row.lane)).map_or("?", |l| store.name(l.name));
    if row.kind != super::Kind::Transition {
        let detail = store.detail(row);
        let text = detail.map_or("", |d| &d.text);
        let answer = detail.map_or("", |d| &d.answer);
        let answer = if answer.is_empty() { String::new() } else { format!(" → {answer}") };
        return format!("{} {text}{answer}", escape(store.name(edge.event)));
    }
    let instance = if row.instance == super::NONE { String::new() } else { format!(" {}", row.instance) };
    let route = if edge.from == edge.to {
        format!("stays {}", escape(store.name(edge.to)))
    } else {
        format!("{} → {}", escape(store.name(edge.from)), escape(store.name(edge.to)))
    };
    format!("{}{instance}: {} · {route}", escape(lane), escape(store.name(edge.event)))
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_name_cannot_become_a_formula() {
        assert_eq!(field("=1+1"), "'=1+1");
        assert_eq!(field("a,\"b"), "\"a,\"\"b\"");
    }
}
