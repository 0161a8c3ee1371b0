//! Files in the generic-interface manner.

mod fate;
mod roster;
mod whole;

use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use wfm_history::Report;
use wfm_interval::Zone;

use crate::field::{HistoryField, StateField};
use crate::layout::{Cell, FileLayout, Layouts};
use crate::pattern::Facts;
use crate::{
    Delivering, DeliveryContract, DeliveryError, FilesContract, HistoryBatch, HistorySink, LineEnd,
    Outcome, Part, Quote, Receipt, Refusal, RowRefusal, StateBatch, StateSink,
};

pub use fate::Fate;
pub use roster::RosterFiles;

/// Whether files can be written to a drop folder: one is made under a temporary name, made durable and removed again, so nobody takes it. Blocks.
pub fn probe_folder(folder: &Path) -> Result<(), DeliveryError> {
    whole::probe(folder)
}

/// The drop folder, and how files are written there.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    files: FilesContract,
    /// Whether what a crash interrupted is looked for in archive and penalty box before a file is written.
    repeats: bool,
}

impl Folder {
    /// One part: a file with these rows.
    fn part<F>(
        &self,
        layout: &FileLayout<F>,
        facts: &Facts,
        rows: Range<usize>,
        cells: impl FnMut(&mut dyn FnMut(Vec<Cell>) -> io::Result<()>) -> io::Result<()>,
    ) -> Part {
        let (file, outcome) = match layout.name.file_name(facts) {
            Ok(name) => {
                let outcome = self.write(layout, facts, &name, cells);
                (Some(name), outcome)
            }
            Err(error) => (None, Err(error)),
        };
        Part {
            rows,
            file,
            outcome: outcome.unwrap_or_else(|error| Outcome::RetryLater {
                error,
                in_doubt: false,
            }),
        }
    }

    fn write<F>(
        &self,
        layout: &FileLayout<F>,
        facts: &Facts,
        name: &str,
        mut cells: impl FnMut(&mut dyn FnMut(Vec<Cell>) -> io::Result<()>) -> io::Result<()>,
    ) -> Result<Outcome, DeliveryError> {
        // The same delivery, before a crash, may have gone further already.
        if self.repeats && layout.name.is_unique(facts) {
            match self.fates([(name, None)])?.first().map(|(_, fate)| *fate) {
                Some(Fate::Archived) => return Ok(Outcome::Accepted),
                Some(Fate::Refused) => return Ok(Outcome::Refused(Refusal::PenaltyBox)),
                _ => {}
            }
        }
        let files = &self.files;
        let line_end = match files.line_end {
            LineEnd::CrLf => "\r\n",
            LineEnd::Lf => "\n",
        };
        let write = |out: &mut dyn Write| {
            if files.byte_order_mark {
                out.write_all("\u{feff}".as_bytes())?;
            }
            for line in &layout.header {
                write!(out, "{}{line_end}", line.render(facts, layout.rows.zone))?;
            }
            let mut out = csv::WriterBuilder::new()
                .delimiter(u8::try_from(files.delimiter).unwrap_or(b','))
                .terminator(match files.line_end {
                    LineEnd::CrLf => csv::Terminator::CRLF,
                    LineEnd::Lf => csv::Terminator::Any(b'\n'),
                })
                .quote_style(match files.quote {
                    Quote::Necessary => csv::QuoteStyle::Necessary,
                    Quote::Always => csv::QuoteStyle::Always,
                })
                .from_writer(out);
            if files.column_header {
                out.write_record(layout.rows.columns.iter().map(|column| &column.name))
                    .map_err(of_csv)?;
            }
            cells(&mut |row| {
                out.write_record(row.into_iter().map(Cell::into_text))
                    .map_err(of_csv)
            })?;
            out.flush()
        };
        whole::write_whole(&self.path, name, write, &mut |_| {})?;
        Ok(Outcome::Accepted)
    }

    fn fates<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a str, Option<DateTime<Utc>>)>,
    ) -> Result<Vec<(&'a str, Fate)>, DeliveryError> {
        let set = &self.files;
        fate::fates(&self.path, &set.archive, &set.penalty_box, files)
    }
}

fn of_csv(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Parts of a batch, as ranges of at most `most` rows.
fn ranges(rows: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows)
        .step_by(most)
        .map(move |start| start..rows.min(start + most))
}

/// Runs on a thread that may block. A runtime that shuts down cuts it off; then what was written is found by the next delivery.
async fn blocking(rows: usize, work: impl FnOnce() -> Receipt + Send + 'static) -> Receipt {
    match tokio::task::spawn_blocking(work).await {
        Ok(receipt) => receipt,
        Err(_) => Receipt {
            parts: vec![Part {
                rows: 0..rows,
                file: None,
                outcome: Outcome::RetryLater {
                    error: DeliveryError::CutOff,
                    in_doubt: true,
                },
            }],
        },
    }
}

/// Intervals as files in a drop folder. Its methods block; as a [`HistorySink`] it works on the runtime's threads for that. A copy is cheap.
#[derive(Debug, Clone)]
pub struct HistoryFiles(Arc<HistoryInner>);

#[derive(Debug)]
struct HistoryInner {
    folder: Folder,
    agent: FileLayout<HistoryField>,
    queue: FileLayout<HistoryField>,
}

impl HistoryFiles {
    /// Files of the ACD that Calabrio knows by this number, in this folder, with times in this zone unless the settings name another.
    ///
    /// # Errors
    ///
    /// [`DeliveryError::Contract`] with every fault of the settings.
    pub fn new(
        folder: impl Into<PathBuf>,
        contract: &DeliveryContract,
        acd_server: u32,
        zone: Zone,
    ) -> Result<Self, DeliveryError> {
        let layouts = Layouts::new(contract, acd_server, zone)?;
        Ok(Self(Arc::new(HistoryInner {
            folder: Folder {
                path: folder.into(),
                files: contract.files.clone(),
                repeats: true,
            },
            agent: layouts.agent_file,
            queue: layouts.queue_file,
        })))
    }

    /// Removes temporary files that a crash left, and tells how many. To be called at the start, before anything is written.
    pub fn sweep(&self) -> Result<usize, DeliveryError> {
        whole::sweep(&self.0.folder.path)
    }

    /// What Calabrio made of files, by the names in receipts.
    pub fn fates<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<(&'a str, Fate)>, DeliveryError> {
        let files = names.into_iter().map(|name| (name, None));
        self.0.folder.fates(files)
    }

    /// Writes a batch: as [`HistorySink::deliver`], on the thread that calls.
    pub fn write(&self, batch: &HistoryBatch, now: DateTime<Utc>) -> Receipt {
        let inner = &self.0;
        let layout = match batch.report() {
            Report::AgentProductivity => &inner.agent,
            Report::QueueHistory => &inner.queue,
        };
        let mut receipt = Receipt::default();
        for (number, range) in (1..).zip(ranges(batch.rows().len(), inner.folder.files.rows)) {
            let rows = &batch.rows()[range.clone()];
            let refused: Vec<_> = range
                .clone()
                .zip(rows)
                .filter(|(_, row)| layout.rows.refuses(row))
                .map(|(row, _)| RowRefusal {
                    row,
                    refusal: Refusal::RepeatedHour,
                })
                .collect();
            if refused.len() == rows.len() {
                receipt.parts.push(Part {
                    rows: range,
                    file: None,
                    outcome: Outcome::Refused(Refusal::RepeatedHour),
                });
                continue;
            }
            let starts = || rows.iter().map(|row| row.row.key.interval.start());
            let facts = Facts {
                acd_server: layout.rows.acd_server,
                number,
                first: starts().min().unwrap_or(now),
                last: starts().max().unwrap_or(now),
                now,
            };
            let mut part = inner.folder.part(layout, &facts, range, |put| {
                rows.iter()
                    .filter(|row| !layout.rows.refuses(row))
                    .try_for_each(|row| put(layout.rows.cells(row, now).collect()))
            });
            if matches!(part.outcome, Outcome::Accepted) && !refused.is_empty() {
                part.outcome = Outcome::RowsRefused(refused);
            }
            receipt.parts.push(part);
        }
        receipt
    }
}

impl HistorySink for HistoryFiles {
    fn deliver<'a>(&'a self, batch: &'a HistoryBatch, now: DateTime<Utc>) -> Delivering<'a> {
        let (sink, batch) = (self.clone(), batch.clone());
        Box::pin(async move { blocking(batch.rows().len(), move || sink.write(&batch, now)).await })
    }
}

/// States as files in a drop folder, a file for each batch. Otherwise as [`HistoryFiles`].
///
/// Where the name is always the same, as with `AgentState.EVENT`, the next batch waits until Calabrio has taken the file away.
#[derive(Debug, Clone)]
pub struct StateFiles(Arc<StateInner>);

#[derive(Debug)]
struct StateInner {
    folder: Folder,
    layout: FileLayout<StateField>,
}

impl StateFiles {
    /// As [`HistoryFiles::new`].
    pub fn new(
        folder: impl Into<PathBuf>,
        contract: &DeliveryContract,
        acd_server: u32,
        zone: Zone,
    ) -> Result<Self, DeliveryError> {
        let layouts = Layouts::new(contract, acd_server, zone)?;
        Ok(Self(Arc::new(StateInner {
            folder: Folder {
                path: folder.into(),
                files: contract.files.clone(),
                // A state that is written twice does no harm, and looking would cost more than writing.
                repeats: false,
            },
            layout: layouts.state_file,
        })))
    }

    /// The drop folder.
    pub fn folder(&self) -> &Path {
        &self.0.folder.path
    }

    /// As [`HistoryFiles::sweep`].
    pub fn sweep(&self) -> Result<usize, DeliveryError> {
        whole::sweep(&self.0.folder.path)
    }

    /// What Calabrio made of files, by name and by when they were written. The archive, where there may be a file for each second of a week, is not
    /// looked into: what lies neither in the drop folder nor in the penalty box is [`Fate::Gone`].
    ///
    /// Where a name is always the same, the newest of that name counts, as with [`RosterFiles::fates`]: so it is known of the last file alone.
    pub fn fates<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a str, DateTime<Utc>)>,
    ) -> Result<Vec<(&'a str, Fate)>, DeliveryError> {
        let StateInner { folder, layout } = &*self.0;
        let files = files.into_iter().map(|(name, at)| {
            let facts = Facts {
                acd_server: layout.rows.acd_server,
                number: 1,
                first: at,
                last: at,
                now: at,
            };
            let is_unique = layout.name.is_unique(&facts);
            (name, (!is_unique).then_some(at))
        });
        fate::fates(&folder.path, "", &folder.files.penalty_box, files)
    }

    /// Writes states: as [`StateSink::deliver`], on the thread that calls.
    pub fn write(&self, batch: &StateBatch, now: DateTime<Utc>) -> Receipt {
        let inner = &self.0;
        let layout = &inner.layout;
        let parts = ranges(batch.rows().len(), inner.folder.files.rows);
        let write = |(number, range): (usize, Range<usize>)| {
            let rows = &batch.rows()[range.clone()];
            let since = || rows.iter().map(|row| row.since);
            let facts = Facts {
                acd_server: layout.rows.acd_server,
                number,
                first: since().min().unwrap_or(now),
                last: since().max().unwrap_or(now),
                now,
            };
            inner.folder.part(layout, &facts, range, |put| {
                rows.iter().try_for_each(|row| {
                    put(layout.rows.cells(row, batch.is_snapshot(), now).collect())
                })
            })
        };
        Receipt {
            parts: (1..).zip(parts).map(write).collect(),
        }
    }
}

impl StateSink for StateFiles {
    fn deliver<'a>(&'a self, batch: &'a StateBatch, now: DateTime<Utc>) -> Delivering<'a> {
        let (sink, batch) = (self.clone(), batch.clone());
        Box::pin(async move { blocking(batch.rows().len(), move || sink.write(&batch, now)).await })
    }
}
