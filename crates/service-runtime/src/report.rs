//! One value, two prints.

use std::io::Write;

use serde::Serialize;

use crate::RuntimeError;
use crate::page::Page;
use crate::terminal::Terminal;

/// How a report is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Output {
    /// Tables and lines for people.
    #[default]
    Table,
    /// One JSON value.
    Json,
}

/// What a command found. Its JSON is its serialization; its page shows the same to people.
pub trait Report: Serialize {
    /// Writes it down for people.
    fn page(&self, page: &mut Page);
}

/// Prints a report.
///
/// ```
/// use service_runtime::{Output, Page, Report, Table, Terminal, print_report};
///
/// #[derive(serde::Serialize)]
/// struct Keys { keys: Vec<String> }
///
/// impl Report for Keys {
///     fn page(&self, page: &mut Page) {
///         let mut table = Table::new(["key"]);
///         for key in &self.keys {
///             table.row([key]);
///         }
///         page.table(table);
///     }
/// }
///
/// let keys = Keys { keys: vec!["key2026".into()] };
/// let mut out = Vec::new();
/// print_report(&keys, Output::Json, Terminal::NONE, &mut out)?;
/// assert_eq!(out, b"{\n  \"keys\": [\n    \"key2026\"\n  ]\n}\n");
/// # Ok::<(), service_runtime::RuntimeError>(())
/// ```
pub fn print_report<R: Report + ?Sized>(
    report: &R,
    output: Output,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<(), RuntimeError> {
    let text = match output {
        Output::Json => serde_json::to_string_pretty(report)?,
        Output::Table => {
            let mut page = Page::new(terminal);
            report.page(&mut page);
            page.into_text()
        }
    };
    out.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}
