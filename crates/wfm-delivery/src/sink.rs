//! What is delivered, and the two faces that deliver it.

use std::pin::Pin;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use wfm_history::{Change, Happened, IntervalRow, Report};
use wfm_state_mapping::StateChange;

use crate::Receipt;

/// A delivery on its way. Dropping it leaves open what was delivered.
pub type Delivering<'a> = Pin<Box<dyn Future<Output = Receipt> + Send + 'a>>;

/// Whether an interval was delivered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FirstOrAgain {
    /// It was not.
    First,
    /// It was, with other values, which these replace.
    Replaced,
    /// It was, and is gone: its values are zero.
    Gone,
}

/// An interval to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryRow {
    /// Its key and values.
    pub row: IntervalRow,
    /// Whether it was delivered before.
    pub first_or_again: FirstOrAgain,
}

/// Intervals of one report. A copy is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryBatch {
    report: Report,
    rows: Arc<[HistoryRow]>,
}

impl HistoryBatch {
    /// The changes of a report that are to be delivered. Others, and rows of the other report, are left out.
    pub fn new<'a>(report: Report, changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let rows = changes
            .into_iter()
            .filter(|change| change.deliver && change.row.values.report() == report)
            .map(|change| HistoryRow {
                row: change.row,
                first_or_again: match change.happened {
                    Happened::New => FirstOrAgain::First,
                    Happened::Changed { .. } => FirstOrAgain::Replaced,
                    Happened::Gone { .. } => FirstOrAgain::Gone,
                },
            });
        Self {
            report,
            rows: rows.collect(),
        }
    }

    /// The report.
    pub fn report(&self) -> Report {
        self.report
    }

    /// The intervals, in the order in which they were given.
    pub fn rows(&self) -> &[HistoryRow] {
        &self.rows
    }
}

/// The newest states of some agents. A copy is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateBatch {
    pub(crate) rows: Arc<[StateChange]>,
    pub(crate) numbers: Arc<[u64]>,
    /// Of which snapshot they are.
    pub(crate) snapshot: Option<u64>,
    pub(crate) last: bool,
}

impl StateBatch {
    /// The states.
    pub fn rows(&self) -> &[StateChange] {
        &self.rows
    }

    /// Whether these are some of all agents, after a start or an outage, and not those that changed.
    pub fn is_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Whether a snapshot ends with these.
    pub fn is_last(&self) -> bool {
        self.last
    }
}

/// Takes intervals to Calabrio.
pub trait HistorySink: Send + Sync {
    /// Delivers a batch. `now` goes into names of files and into columns that ask for it.
    ///
    /// The same batch with the same `now` is the same delivery: files of it are not written twice, as long as their names hold the milliseconds
    /// of `now`, which they do unless the settings say otherwise. So a caller that writes both down before it calls can call again after a
    /// crash; each batch needs a `now` of its own.
    fn deliver<'a>(&'a self, batch: &'a HistoryBatch, now: DateTime<Utc>) -> Delivering<'a>;
}

/// Takes agents' states to Calabrio.
pub trait StateSink: Send + Sync {
    /// Delivers states; `now` as in [`HistorySink::deliver`].
    fn deliver<'a>(&'a self, batch: &'a StateBatch, now: DateTime<Utc>) -> Delivering<'a>;
}
