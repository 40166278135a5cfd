//! The table of decisions, and what it has to be.
use crate::dispatch::MODULES;
use crate::fuzz::TARGETS;
use crate::script::scenarios;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// `docs/decisions.md`.
const TABLE: &str = include_str!("../../docs/decisions.md");

/// Sections of the references, and how many numbered lines each has.
const NUMBERED: &[(&str, u32)] = &[
    ("IO-2.2-", 5),
    ("IO-3.9-", 31),
    ("IO-3.9-A", 9),
    ("IO-4.7-", 30),
    ("IO-5.6-", 20),
    ("IO-6.6-", 20),
    ("IO-8-", 5),
    ("IO-T", 42),
    ("IO-13-", 13),
    ("TL-4.9-", 5),
    ("TL-9.1-", 43),
    ("TL-9.1-G", 9),
    ("TL-9.2-", 26),
    ("TL-9.2-G", 8),
    ("TL-9.3-", 38),
    ("TL-9.3-G", 9),
    ("TL-9.4-", 7),
    ("TL-9.4-G", 13),
    ("TL-9.5-", 4),
    ("TL-10-", 59),
    ("TL-16-", 25),
];

/// What became of a line of the references.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// A test holds it.
    Covered,
    /// Decided differently.
    Differently,
    /// Does not apply.
    NotApplicable,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Where it is tested, or why not.
    pub why: String,
}

/// Every id that must be there, once.
#[must_use]
pub fn ids() -> BTreeSet<String> {
    let numbered =
        NUMBERED.iter().flat_map(|(prefix, last)| (1..=*last).map(move |number| format!("{prefix}{number}")));
    numbered.chain(('a'..='i').map(|choice| format!("IO-14-{choice}"))).collect()
}

/// Every row.
#[must_use]
pub fn rows() -> Vec<Row> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [id, _, verdict, why] = cells[..] else { return None };
        let verdict = match verdict {
            "covered" => Verdict::Covered,
            "differently" => Verdict::Differently,
            "n/a" => Verdict::NotApplicable,
            _ => return None,
        };
        Some(Row { id: id.to_owned(), verdict, why: why.to_owned() })
    };
    TABLE.lines().filter(|line| line.starts_with('|')).filter_map(row).collect()
}

/// What is wrong with the table.
#[must_use]
pub fn complaints() -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let known = names();
    for row in rows() {
        *seen.entry(row.id.clone()).or_default() += 1;
        let references = references(&row.why);
        if row.verdict == Verdict::Covered && references.is_empty() {
            wrong.push(format!("{} is covered by nothing", row.id));
        }
        if row.verdict != Verdict::Covered && row.why.len() < 8 {
            wrong.push(format!("{} has no reason", row.id));
        }
    }
    for line in TABLE.lines().filter(|line| line.starts_with('|')) {
        let first = line.trim_matches('|').split('|').next().unwrap_or_default().trim();
        let unknown = references(line).into_iter().filter(|name| !known.contains(name));
        wrong.extend(unknown.map(|name| format!("{first} names {name}")));
    }
    let wanted = ids();
    wrong.extend(wanted.iter().filter(|id| !seen.contains_key(*id)).map(|id| format!("{id} is missing")));
    wrong.extend(seen.keys().filter(|id| !wanted.contains(*id)).map(|id| format!("{id} is of no reference")));
    wrong
        .extend(seen.iter().filter(|(_, times)| **times > 1).map(|(id, times)| format!("{id} is there {times} times")));
    wrong
}

fn references(why: &str) -> Vec<String> {
    let quoted = why.split('`').skip(1).step_by(2);
    let kinds = ["scenario:", "dispatch:", "test:", "fuzz:"];
    quoted.filter(|name| kinds.iter().any(|kind| name.starts_with(kind))).map(str::to_owned).collect()
}

/// Everything that a row may name.
fn names() -> BTreeSet<String> {
    let mut names: BTreeSet<String> =
        scenarios().iter().map(|scenario| format!("scenario:{}", scenario.name)).collect();
    for (module, cases) in MODULES {
        names.extend(cases.iter().map(|(case, _)| format!("dispatch:{module}/{case}")));
    }
    names.extend(TARGETS.iter().map(|(target, _)| format!("fuzz:{target}")));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for folder in ["tests", "host", "loader-component", "xtask"] {
        scan(&root.join(folder), &mut names);
    }
    names
}

/// Test functions, by name and by file and name.
fn scan(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            scan(&entry, names);
            continue;
        }
        if entry.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let file = entry.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&entry).unwrap();
        let mut test = false;
        for line in text.lines().map(str::trim) {
            if line == "#[test]" {
                test = true;
            } else if let Some(rest) = line.strip_prefix("fn ").filter(|_| test) {
                let name = rest.split(['(', '<']).next().unwrap();
                names.insert(format!("test:{name}"));
                names.insert(format!("test:{file}::{name}"));
                test = false;
            }
        }
    }
}
