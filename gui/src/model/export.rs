//! Rows in words, and as CSV.
use super::row::{OPEN, Ok3, Row};
use super::store::Store;
use std::fmt::Write as _;

/// Calls, answers and exports in words.
pub mod words {
    use crate::text::{bytes, escape, plural, storage_error};
    use weighbridge::trace::{Answer, Call, Export, Outcome};
    use weighbridge::types::{Advice, LoadOptions, Selection, StrategyPolicy};

    /// A selection.
    #[must_use]
    pub fn selection(s: &Selection) -> String {
        match s {
            Selection::All => "all tensors".into(),
            Selection::Tensors(list) => plural(list.len() as u64, "tensor"),
            Selection::Matching(glob) => format!("tensors {}", escape(glob)),
        }
    }

    /// A policy.
    #[must_use]
    pub fn policy(p: &StrategyPolicy) -> String {
        match p {
            StrategyPolicy::Only(s) => s.name().into(),
            StrategyPolicy::Auto => "auto".into(),
            StrategyPolicy::FirstAvailable(list) => list.iter().map(|s| s.name()).collect::<Vec<_>>().join(", then "),
        }
    }

    fn load(options: &LoadOptions) -> String {
        let extent = match options.extent {
            weighbridge::types::ExtentPolicy::WholeFile => "whole file".into(),
            weighbridge::types::ExtentPolicy::PerTensor => "per tensor".into(),
            weighbridge::types::ExtentPolicy::Window(n) => format!("windows of {}", bytes(n)),
        };
        format!("{}, {extent}", policy(&options.policy))
    }

    fn advice(a: Advice) -> &'static str {
        a.name()
    }

    /// The arguments of an export.
    #[must_use]
    pub fn export(e: &Export) -> String {
        match e {
            Export::Open { sources, .. } | Export::Provide { sources } => {
                let first: Vec<String> = sources.iter().take(3).map(|s| escape(s)).collect();
                format!("{}{}", first.join(", "), if sources.len() > 3 { ", …" } else { "" })
            }
            Export::Missing | Export::Summary | Export::Close | Export::Observe { .. } => String::new(),
            Export::Tensors { start, count } => format!("from {start}, {count}"),
            Export::Metadata { start, count, .. } => format!("from {start}, {count}"),
            Export::Load { selection: s, options } => format!("{}: {}", selection(s), load(options)),
            Export::Release { selection: s } | Export::Evict { selection: s } => selection(s),
            Export::Advise { tensor, advice: a } => format!("tensor {tensor}: {}", advice(*a)),
        }
    }

    /// The answer of an export.
    #[must_use]
    pub fn outcome(o: &Outcome) -> String {
        match o {
            Outcome::Ok(serde_json::Value::Null) => "ok".into(),
            Outcome::Ok(value) => {
                if value.is_number() || value.is_string() {
                    escape(&value.to_string())
                } else {
                    "ok".into()
                }
            }
            Outcome::Failed(e) => format!("{}: {}", e.cause.name(), escape(&e.message)),
            Outcome::Trapped(why) => format!("trapped: {}", escape(why)),
        }
    }

    /// The arguments of a call.
    #[must_use]
    pub fn call(c: &Call) -> String {
        match c {
            Call::GetCapabilities => String::new(),
            Call::Stat { source } => format!("file {source}"),
            Call::Read { source, offset, len } => format!("file {source}, {} at {offset}", bytes(u64::from(*len))),
            Call::MapRange { source, offset, len } => format!("file {source}, {} at {offset}", bytes(*len)),
            Call::Advise { mapping, len, advice: a, .. } => {
                format!("mapping {mapping}, {}: {}", bytes(*len), advice(*a))
            }
            Call::Unmap { mapping } => format!("mapping {mapping}"),
            Call::Allocate { len } => bytes(*len),
            Call::Free { target } => format!("target {target}"),
            Call::Registered { tensors } => plural(tensors.len() as u64, "tensor"),
            Call::ReadInto { batch, .. } => {
                let total = batch.iter().map(|p| p.len).fold(0, u64::saturating_add);
                format!("{}, {}", plural(batch.len() as u64, "span"), bytes(total))
            }
        }
    }

    /// An answer.
    #[must_use]
    pub fn answer(a: &Answer) -> String {
        match a {
            Answer::Capabilities(c) => {
                format!("{}, reads of {}", if c.mmap { "mmap" } else { "no mmap" }, bytes(u64::from(c.max_read)))
            }
            Answer::Stat(s) => bytes(s.size),
            Answer::Bytes(b) => bytes(b.len() as u64),
            Answer::Mapping(id) => format!("mapping {id}"),
            Answer::Target { id, .. } => format!("target {id}"),
            Answer::Targets(list) => format!("{} registered", list.iter().flatten().count()),
            Answer::Effect(e) => e.name().into(),
            Answer::Done => "done".into(),
            Answer::Failed(e) => storage_error(e),
            Answer::BatchFailed(e) => format!("span {}: {}", e.span, storage_error(&e.error)),
        }
    }
}

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
