//! `weighbridge compare`: two recordings, row by row.
use super::failure::Result;
use super::output::Output;
use super::record::read;
use super::units::{bytes, grouped, parse_percent, plural, time};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use weighbridge::recording::{Comparison, Delta, Side, compare};

/// Compare two recordings, aligned by actor, event and tensor
///
/// For each export, each storage call and each event of each machine: how often it happened, how many bytes it was about, and
/// how long it took. Times below a millisecond are noise and never count as a difference.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge compare before.wbrec after.wbrec
  weighbridge compare before.wbrec after.wbrec --fail-over 10%
  weighbridge compare mapped.wbrec staged.wbrec --each
  weighbridge compare a.wbrec b.wbrec --json | jq '.rows[] | select(.actor == \"storage\")'")]
pub(crate) struct Compare {
    /// The first recording
    a: PathBuf,
    /// The second
    b: PathBuf,
    /// Exit with 1 if anything of the second is more than this above the first
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    fail_over: Option<f64>,
    /// Show every tensor, slot and file in a row of its own (with --json they always are)
    #[arg(long)]
    each: bool,
    /// Show rows without a difference, too
    #[arg(long)]
    all: bool,
}

const COLUMNS: [&str; 7] = ["actor", "event", ">of", ">count", ">bytes", ">time", ">Δ time"];
const SUMS: [&str; 6] = ["actor", "event", ">count", ">bytes", ">time", ">Δ time"];
/// Times that are shorter than this on both sides do not count.
const FLOOR_NS: u64 = 1_000_000;
/// Rows of the table at most; `--all` shows the rest.
const ROWS: usize = 40;

impl Compare {
    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        let (a, b) = (read(&self.a)?, read(&self.b)?);
        let comparison = compare(&a, &b);
        let over = self.fail_over.map_or_else(Vec::new, |limit| comparison.over(limit, FLOOR_NS));
        if output.is_json() {
            let rows: Vec<_> = comparison.rows.iter().filter(|row| self.all || differs(row)).collect();
            output.json(&Report {
                schema: "weighbridge.compare/1",
                same_component: a.header.component == b.header.component,
                fail_over: self.fail_over,
                over: &over,
                rows: &rows,
            })?;
        } else {
            if a.header.component != b.header.component {
                output.note("The recordings are of two different components.\n")?;
            }
            self.show(&if self.each { comparison.clone() } else { comparison.by_event() }, output)?;
            if let Some(limit) = self.fail_over {
                verdict(&over, limit, output)?;
            }
        }
        Ok(if over.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn show(&self, comparison: &Comparison, output: &mut Output) -> Result<()> {
        let mut rows: Vec<_> = comparison.rows.iter().filter(|row| self.all || differs(row)).collect();
        if rows.is_empty() {
            return output.verdict(true, &format!("no difference in {}", plural(comparison.rows.len() as u64, "row")));
        }
        if !self.all {
            rows.sort_by_key(|row| (row.same_work(), std::cmp::Reverse(row.a.ns.abs_diff(row.b.ns))));
        }
        let shown = if self.all { rows.len() } else { rows.len().min(ROWS) };
        output.table(
            if self.each { &COLUMNS } else { &SUMS },
            rows[..shown].iter().map(|row| {
                let Delta { a, b, .. } = row;
                let mut cells = vec![
                    weighbridge::escape(&row.actor),
                    weighbridge::escape(&row.event),
                    both(a.count, b.count, grouped),
                    both(a.bytes, b.bytes, bytes),
                    both(a.ns, b.ns, time),
                    change(a, b),
                ];
                if self.each {
                    cells.insert(2, row.instance.map_or_else(String::new, |instance| instance.to_string()));
                }
                cells
            }),
        )?;
        if shown < rows.len() {
            output.note(&format!("\n {} more; --all shows them", plural((rows.len() - shown) as u64, "row")))?;
        }
        Ok(())
    }
}

fn differs(row: &Delta) -> bool {
    !row.same_work() || row.growth(FLOOR_NS) != 0.0
}

fn verdict(over: &[&Delta], limit: f64, output: &mut Output) -> Result<()> {
    output.text("\n")?;
    let limit = format!("{} %", limit * 100.0);
    match over {
        [] => output.verdict(true, &format!("nothing is more than {limit} above the first")),
        [worst, ..] => {
            let of = worst.instance.map_or_else(String::new, |instance| format!(" of {instance}"));
            let count = plural(over.len() as u64, "row");
            let worst = format!("{} {}{of}", weighbridge::escape(&worst.actor), weighbridge::escape(&worst.event));
            output.verdict(false, &format!("{count} more than {limit} above the first; the worst is {worst}"))
        }
    }
}

/// `3`, or `3 → 4` where they differ; nothing for nothing.
fn both(a: u64, b: u64, text: impl Fn(u64) -> String) -> String {
    match (a, b) {
        (0, 0) => String::new(),
        _ if text(a) == text(b) => text(a),
        _ => format!("{} → {}", text(a), text(b)),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a percentage for people")]
fn change(a: &Side, b: &Side) -> String {
    match (a.ns, b.ns) {
        (0, 0) => String::new(),
        (0, _) => "new".to_owned(),
        (_, 0) => "gone".to_owned(),
        (a, b) => format!("{:+.0} %", (b as f64 - a as f64) / a as f64 * 100.0),
    }
}

/// `weighbridge.compare/1`
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    same_component: bool,
    fail_over: Option<f64>,
    over: &'a [&'a Delta],
    rows: &'a [&'a Delta],
}
