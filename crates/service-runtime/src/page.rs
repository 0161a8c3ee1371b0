//! What people read: lines and tables.

use std::fmt::Write;

use comfy_table::{Attribute, Cell, Color, ContentArrangement, LineStyle, TableStyle};

use crate::redact::plain;
use crate::terminal::Terminal;

/// A line below the header, and none between rows: the longest table is still one screen.
const LINES: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// How a cell or a line is meant. On a terminal it has a colour; the words must be clear without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// As it should be.
    Good,
    /// Wants attention.
    Careful,
    /// Wrong.
    Bad,
    /// Of little weight.
    Quiet,
}

/// Lines and tables, one after the other.
#[derive(Debug)]
pub struct Page {
    terminal: Terminal,
    text: String,
}

impl Page {
    pub(crate) fn new(terminal: Terminal) -> Self {
        Self {
            terminal,
            text: String::new(),
        }
    }

    /// Adds a line of text.
    pub fn line(&mut self, line: impl AsRef<str>) -> &mut Self {
        self.text.push_str(&plain(line.as_ref()));
        self.text.push('\n');
        self
    }

    /// Adds a line of text with a mood.
    pub fn mood(&mut self, mood: Mood, line: impl AsRef<str>) -> &mut Self {
        let line = plain(line.as_ref());
        if self.terminal.colour {
            let code = match mood {
                Mood::Good => "32",
                Mood::Careful => "33",
                Mood::Bad => "31",
                Mood::Quiet => "2",
            };
            // Writing to a string does not fail.
            let _ = writeln!(self.text, "\u{1b}[{code}m{line}\u{1b}[0m");
        } else {
            self.text.push_str(&line);
            self.text.push('\n');
        }
        self
    }

    /// Adds a table. One without rows shows its header alone.
    pub fn table(&mut self, table: Table) -> &mut Self {
        let mut rendered = comfy_table::Table::new();
        rendered
            .load_style(LINES)
            .set_content_arrangement(ContentArrangement::Dynamic);
        if self.terminal.is_terminal {
            if self.terminal.colour {
                rendered.enforce_styling();
            }
        } else {
            // A file or a pipe has no width: every row is one line, so that other tools can read it.
            rendered
                .force_no_tty()
                .set_content_arrangement(ContentArrangement::Disabled);
        }
        rendered.set_header(
            table
                .header
                .iter()
                .map(|name| Cell::new(name).add_attribute(Attribute::Bold))
                .collect::<Vec<_>>(),
        );
        for row in table.rows {
            rendered.add_row(row.into_iter().map(cell).collect::<Vec<_>>());
        }
        self.text.push_str(&rendered.trim_fmt());
        self.text.push('\n');
        self
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

fn cell((text, mood): (String, Option<Mood>)) -> Cell {
    let cell = Cell::new(text);
    match mood {
        Some(Mood::Good) => cell.fg(Color::Green),
        Some(Mood::Careful) => cell.fg(Color::Yellow),
        Some(Mood::Bad) => cell.fg(Color::Red),
        Some(Mood::Quiet) => cell.add_attribute(Attribute::Dim),
        None => cell,
    }
}

/// A table. Rows may be shorter than the header.
#[derive(Debug, Clone)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<(String, Option<Mood>)>>,
}

impl Table {
    /// A table with these columns and no rows.
    pub fn new<T: AsRef<str>>(header: impl IntoIterator<Item = T>) -> Self {
        Self {
            header: header
                .into_iter()
                .map(|name| plain(name.as_ref()))
                .collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row<T: ToString>(&mut self, cells: impl IntoIterator<Item = T>) -> &mut Self {
        self.rows.push(
            cells
                .into_iter()
                .map(|cell| (plain(&cell.to_string()), None))
                .collect(),
        );
        self
    }

    /// Adds a row whose cells can have moods.
    pub fn row_with_moods<T: ToString>(
        &mut self,
        cells: impl IntoIterator<Item = (T, Option<Mood>)>,
    ) -> &mut Self {
        self.rows.push(
            cells
                .into_iter()
                .map(|(cell, mood)| (plain(&cell.to_string()), mood))
                .collect(),
        );
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(terminal: Terminal) -> String {
        let mut table = Table::new(["name", "state"]);
        table
            .row(["a", "b\u{1b}[2J"])
            .row_with_moods([("twilio", None), ("fail", Some(Mood::Bad))]);
        let mut page = Page::new(terminal);
        page.line("two\nlines")
            .mood(Mood::Good, "done")
            .table(table);
        page.into_text()
    }

    #[test]
    fn without_a_terminal_there_is_no_colour_and_a_row_is_a_line() {
        let text = example(Terminal::NONE);
        assert!(!text.contains('\u{1b}'), "{text:?}");
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        assert_eq!(lines[0..2], ["two\\nlines", "done"]);
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("twilio") && line.ends_with("fail")),
            "{text}"
        );
    }

    #[test]
    fn on_a_terminal_moods_have_colours() {
        let text = example(Terminal {
            is_terminal: true,
            colour: true,
        });
        assert!(text.contains("\u{1b}[32mdone"), "{text:?}");
        let plain = example(Terminal {
            is_terminal: true,
            colour: false,
        });
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
    }

    #[test]
    fn a_wide_row_stays_one_line_without_a_terminal() {
        let mut table = Table::new(["advice"]);
        table.row(["x ".repeat(400)]);
        let mut page = Page::new(Terminal::NONE);
        page.table(table);
        assert!(page.into_text().lines().any(|line| line.len() > 700));
    }
}
