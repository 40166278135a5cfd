//! `weighbridge machines`: the transition tables that the component runs on.
use super::failure::{Failure, Result};
use super::output::Output;
use super::session::runtime;
use super::units::plural;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use weighbridge::MachineTable;
use weighbridge::recording::{diagram_file_name, dot, mermaid};

/// Print the transition table of every state machine
///
/// The tables are those that the component runs on, asked of the component itself.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge machines
  weighbridge machines io/mmap
  weighbridge machines io/mmap --format mermaid
  weighbridge machines --format dot io/loader | dot -Tsvg -o loader.svg
  weighbridge machines --write docs/machines")]
pub(crate) struct Machines {
    /// Only these, such as io/mmap
    machine: Vec<String>,
    /// How to print them; --json is --format json
    #[arg(long, value_enum, conflicts_with = "json")]
    format: Option<Format>,
    /// Write a Mermaid diagram of each to DIR/NAME.mmd instead
    #[arg(long, value_name = "DIR", conflicts_with_all = ["format", "json"])]
    write: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Mermaid,
    Dot,
}

impl Machines {
    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        let tables = self.chosen(runtime()?.describe()?)?;
        if let Some(folder) = &self.write {
            fs::create_dir_all(folder).map_err(|error| Failure::file("made", folder, &error))?;
            for table in &tables {
                let path = folder.join(diagram_file_name(&table.machine, "mmd"));
                fs::write(&path, mermaid(table)).map_err(|error| Failure::file("written", &path, &error))?;
                output.verdict(true, &weighbridge::escape(&path.to_string_lossy()))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let format = if output.is_json() { Some(Format::Json) } else { self.format };
        match format {
            Some(Format::Json) => output.json(&Report { schema: "weighbridge.machines/1", machines: &tables })?,
            Some(Format::Mermaid) => print(&tables, mermaid, output)?,
            Some(Format::Dot) => print(&tables, dot, output)?,
            None => {
                for (index, table) in tables.iter().enumerate() {
                    if index > 0 {
                        output.text("\n")?;
                    }
                    show(table, output)?;
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn chosen(&self, tables: Vec<MachineTable>) -> Result<Vec<MachineTable>> {
        let known: Vec<_> = tables.iter().map(|table| table.machine.clone()).collect();
        if let Some(name) = self.machine.iter().find(|name| !known.contains(name)) {
            let message = format!("there is no machine {name:?}");
            return Err(Failure::new("request", "not-found", message).hint(format!("there are {}", known.join(", "))));
        }
        let wanted = |table: &MachineTable| self.machine.is_empty() || self.machine.contains(&table.machine);
        Ok(tables.into_iter().filter(wanted).collect())
    }
}

fn print(tables: &[MachineTable], draw: impl Fn(&MachineTable) -> String, output: &mut Output) -> Result<()> {
    let texts: Vec<_> = tables.iter().map(draw).collect();
    output.text(&texts.join("\n"))
}

/// The rows in the order in which they are tried, under the headings of their sections.
fn show(table: &MachineTable, output: &mut Output) -> Result<()> {
    let rows = plural(table.rows.len() as u64, "row");
    output.headline(&table.machine, &format!("begins in {} · {rows}", table.initial))?;
    let mut section = "";
    let rows = table.rows.iter().map(|row| {
        let heading = if row.section == section { String::new() } else { row.section.clone() };
        section = &row.section;
        let event = if row.completion { format!("after {}", row.event) } else { row.event.clone() };
        let target = if row.target == row.source { "stays".to_owned() } else { row.target.clone() };
        vec![heading, row.source.clone(), event, row.guard.clone(), row.action.clone(), target]
    });
    output.table(&["section", "state", "event", "guard", "action", "to"], rows)
}

/// `weighbridge.machines/1`
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    machines: &'a [MachineTable],
}
