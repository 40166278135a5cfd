//! What goes to stdout: one JSON object, or text with tables.
use super::failure::Result;
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

/// The process's stdout.
pub(crate) struct Output {
    json: bool,
    colour: bool,
    out: BufWriter<Stdout>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let stdout = io::stdout();
        Self { json, colour: !json && colour_on(&stdout), out: BufWriter::new(stdout) }
    }

    /// Whether a program reads it.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// One JSON object, on lines of its own.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<()> {
        serde_json::to_writer_pretty(&mut self.out, value).map_err(io::Error::from)?;
        writeln!(self.out)?;
        Ok(())
    }

    /// A headline: what it is about, and then the rest.
    pub(crate) fn headline(&mut self, subject: &str, rest: &str) -> Result<()> {
        let (bold, plain) = self.styles("1");
        writeln!(self.out, "{bold}{subject}{plain}  {rest}")?;
        Ok(())
    }

    /// The title of a section.
    pub(crate) fn title(&mut self, title: &str) -> Result<()> {
        let (bold, plain) = self.styles("1");
        writeln!(self.out, "\n{bold}{title}{plain}")?;
        Ok(())
    }

    /// Labels and what belongs to them, aligned.
    pub(crate) fn facts(&mut self, facts: &[(&str, String)]) -> Result<()> {
        let width = facts.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
        let (dim, plain) = self.styles("2");
        for (label, text) in facts {
            let mut lines = text.lines();
            writeln!(self.out, "  {dim}{label:width$}{plain}  {}", lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(self.out, "  {:width$}  {line}", "")?;
            }
        }
        Ok(())
    }

    /// A line that says how it went.
    pub(crate) fn verdict(&mut self, good: bool, text: &str) -> Result<()> {
        let (style, plain) = self.styles(if good { "32" } else { "31" });
        writeln!(self.out, "{style}{}{plain} {text}", if good { "✓" } else { "✗" })?;
        Ok(())
    }

    /// A remark.
    pub(crate) fn note(&mut self, text: &str) -> Result<()> {
        let (dim, plain) = self.styles("2");
        writeln!(self.out, "{dim}{text}{plain}")?;
        Ok(())
    }

    /// A table. Columns whose title begins with `>` are numbers, and aligned to the right.
    pub(crate) fn table(&mut self, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<()> {
        const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
        let mut table = Table::new();
        table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
        match terminal_width() {
            // The lines are indented by a space.
            Some(width) => table.set_width(width.saturating_sub(1)),
            None => table.force_no_tty(),
        };
        table.set_header(columns.iter().map(|title| {
            let cell = Cell::new(title.trim_start_matches('>'));
            if self.colour { cell.add_attribute(Attribute::Bold) } else { cell }
        }));
        for (column, title) in table.column_iter_mut().zip(columns) {
            if title.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for row in rows {
            table.add_row(row);
        }
        for line in table.lines() {
            writeln!(self.out, " {}", line.trim_end())?;
        }
        Ok(())
    }

    /// Text as it is.
    pub(crate) fn text(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes())?;
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn styles(&self, code: &str) -> (String, &'static str) {
        if self.colour { (format!("\x1b[{code}m"), "\x1b[0m") } else { (String::new(), "") }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Columns of the terminal that stdout is; none where it is none.
pub(crate) fn terminal_width() -> Option<u16> {
    Table::new().width()
}

/// Whether colour may be used there (<https://no-color.org>).
pub(crate) fn colour_on(stream: &impl IsTerminal) -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    stream.is_terminal() && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}

/// At most `most` characters, the rest replaced by an ellipsis.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}
