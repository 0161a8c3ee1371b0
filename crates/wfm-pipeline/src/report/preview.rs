//! The first rows of a report: its columns, and a mapping that is proposed.

use std::collections::BTreeMap;

use flex_insights_client::Report as Answer;
use serde::Serialize;
use service_runtime::{Mood, Page, Report as Printed, Table};
use wfm_history::{ColumnConfig, Proposal, Report, propose};

use crate::error::{PipelineError, PullError};
use crate::services::AcdServices;

/// How much of a report is read: enough for the first rows.
const ENOUGH: usize = 64 * 1024;

/// How many rows are shown.
const ROWS: usize = 10;

/// The first rows of the reports.
#[derive(Debug, Clone, Serialize)]
pub struct PreviewReport {
    /// Each report of each ACD.
    pub reports: Vec<ReportPreview>,
}

/// The first rows of a report. They may name agents: they are printed and never logged.
#[derive(Clone, Serialize)]
pub struct ReportPreview {
    /// The ACD.
    pub acd: String,
    /// The report.
    pub report: Report,
    /// Its columns.
    pub columns: Vec<String>,
    /// The first rows.
    pub rows: Vec<Vec<String>>,
    /// What each column would hold.
    pub proposal: Proposal,
    /// The setting `columns` that the proposal amounts to; columns that are found by themselves are not in it.
    pub setting: BTreeMap<String, ColumnConfig>,
}

impl std::fmt::Debug for ReportPreview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReportPreview")
            .field("report", &self.report)
            .field("columns", &self.columns)
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

impl PreviewReport {
    /// Whether every report has the columns that are needed.
    pub fn is_sound(&self) -> bool {
        self.reports
            .iter()
            .all(|one| one.proposal.missing.is_empty())
    }
}

/// Downloads the first rows of both reports of an ACD.
///
/// # Errors
///
/// [`PipelineError::NoHistory`], [`PipelineError::Pull`].
pub async fn preview(acd: &AcdServices) -> Result<Vec<ReportPreview>, PipelineError> {
    let services = acd
        .history
        .as_ref()
        .ok_or_else(|| PipelineError::NoHistory {
            acd: acd.name.clone(),
        })?;
    let mut previews = Vec::new();
    for source in &services.reports {
        let mut text = Vec::new();
        if let Answer::Rows(mut rows) = services
            .insights
            .report(&source.id)
            .await
            .map_err(PullError::from)?
        {
            // The rest is not wanted: the download ends when it is dropped.
            while text.len() < ENOUGH {
                let Some(piece) = rows.next_chunk().await.map_err(PullError::from)? else {
                    break;
                };
                text.extend_from_slice(&piece);
            }
        }
        let delimiter = services.rules.delimiter(source.report);
        let (columns, rows) = table_of(&text, delimiter);
        let header: Vec<&str> = columns.iter().map(String::as_str).collect();
        let cells: Vec<Vec<&str>> = rows
            .iter()
            .map(|row| row.iter().map(String::as_str).collect())
            .collect();
        let proposal = propose(source.report, &header, &cells);
        previews.push(ReportPreview {
            acd: acd.name.clone(),
            report: source.report,
            setting: proposal.config(),
            columns,
            rows,
            proposal,
        });
    }
    Ok(previews)
}

/// The header and the first rows; a last row that was cut off is left out.
fn table_of(text: &[u8], delimiter: u8) -> (Vec<String>, Vec<Vec<String>>) {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text);
    let mut rows = reader.byte_records().filter_map(Result::ok).map(|record| {
        record
            .iter()
            .map(|cell| String::from_utf8_lossy(cell).trim().to_owned())
            .collect::<Vec<_>>()
    });
    let header = rows.next().unwrap_or_default();
    let mut rows: Vec<_> = rows.take(ROWS + 1).collect();
    rows.truncate(ROWS);
    (header, rows)
}

impl Printed for PreviewReport {
    fn page(&self, page: &mut Page) {
        for one in &self.reports {
            page.line(format!("{}: {}", one.acd, one.report));
            if one.columns.is_empty() {
                page.mood(
                    Mood::Bad,
                    "the report is empty: check its filters in Flex Insights",
                );
                continue;
            }
            let mut table = Table::new(&one.columns);
            for row in &one.rows {
                table.row(row);
            }
            page.table(table);
            let mut table = Table::new(["holds", "column", "found by"]);
            for column in &one.proposal.columns {
                table.row([
                    column.field.name().to_owned(),
                    column.column.clone(),
                    format!("{:?}", column.reason).to_lowercase(),
                ]);
            }
            page.table(table);
            for missing in &one.proposal.missing {
                let names: Vec<_> = missing.iter().map(|field| field.name()).collect();
                page.mood(
                    Mood::Bad,
                    format!(
                        "no column holds {}: name it under `columns`",
                        names.join(" or ")
                    ),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_and_ten_rows_are_read_whatever_parts_them() {
        let text = format!("\u{feff}\"Agent, name\";Zeit\n{}", "Ada;1\n".repeat(30));
        let (header, rows) = table_of(text.as_bytes(), b';');
        assert_eq!(header, ["Agent, name", "Zeit"]);
        assert_eq!(rows.len(), 10);
        assert_eq!(rows[9], ["Ada", "1"]);
        assert_eq!(table_of(b"", b','), (vec![], vec![]));
    }
}
