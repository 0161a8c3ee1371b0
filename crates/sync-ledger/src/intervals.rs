//! History for workforce management: what was delivered of each interval, batches on their way, and what is held.

use std::fmt;
use std::future::Future;
use std::ops::Range;

use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use serde::{Deserialize, Serialize};
use wfm_history::{Change, Delivered, HeldRow, IntervalKey, Report, Sighting};
use wfm_interval::Interval;

use crate::Result;

/// What was delivered of each interval of a report, batches on their way, what is held, and when Flex Insights was seen to load.
///
/// An interval has the values of the newest batch that it was put into, in the transaction that wrote the batch: so a pull that is
/// compared with [`intervals`](Self::intervals) never puts the same values into two batches, whatever became of either. Batches of a
/// report are delivered in the order of their numbers.
///
/// Every method is one transaction. Times are to the millisecond, rounded down.
pub trait IntervalStore: Send + Sync {
    /// The intervals of a report that were put into batches, in the order of their keys: those that start in the range, behind `after`,
    /// at most so many.
    fn intervals(
        &self,
        acd: &AcdKey,
        report: Report,
        range: Range<Interval>,
        after: Option<&IntervalKey>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Delivered>>> + Send;

    /// Writes down a batch, takes over its values as those of its intervals, and drops the held rows that became part of it.
    ///
    /// Where a batch of its report was made at the same time or later, it counts as made a millisecond after the newest of them.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownAcd`](crate::LedgerError::UnknownAcd); [`LedgerError::EmptyBatch`](crate::LedgerError::EmptyBatch) where
    /// it has no row, and [`LedgerError::ForeignRow`](crate::LedgerError::ForeignRow) where a row is of the other report or not
    /// one that is delivered.
    fn add_batch(&self, batch: &NewBatch) -> impl Future<Output = Result<BatchNumber>> + Send;

    /// The oldest batch of a report that has rows which wait, with those rows; whether its time has come is told by `due`.
    fn next_batch(
        &self,
        acd: &AcdKey,
        report: Report,
    ) -> impl Future<Output = Result<Option<StoredBatch>>> + Send;

    /// Writes down that an attempt to deliver a batch begins, before anything is sent. Until it is settled the batch comes back with
    /// that time: its rows may have arrived.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownBatch`](crate::LedgerError::UnknownBatch).
    fn begin_attempt(
        &self,
        number: BatchNumber,
        at: DateTime<Utc>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Tells what became of rows of a batch, and ends an attempt that was begun. Rows that are not named go on waiting until `due`. A
    /// row that was settled before stays as it was then.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownBatch`](crate::LedgerError::UnknownBatch).
    fn settle_batch(
        &self,
        number: BatchNumber,
        settlement: &BatchSettlement,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The files of settled rows of which it is not known yet what Calabrio made of them, the oldest first: those behind `after`, at most so many.
    fn open_files(
        &self,
        acd: &AcdKey,
        after: Option<&DeliveredFile>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<DeliveredFile>>> + Send;

    /// Tells what Calabrio made of a file: `refused` says why it was refused, and all its rows with it.
    fn close_file(
        &self,
        file: &DeliveredFile,
        refused: Option<&str>,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// How many rows of each report are in which state.
    fn row_counts(&self, acd: &AcdKey) -> impl Future<Output = Result<Vec<RowCount>>> + Send;

    /// The newest rows that were refused or are in doubt, at most so many, the newest first.
    fn troubled_rows(
        &self,
        acd: &AcdKey,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<TroubledRow>>> + Send;

    /// Begins to write down what a pull of a report holds; what an unfinished one left is dropped.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownAcd`](crate::LedgerError::UnknownAcd).
    fn begin_held(
        &self,
        acd: &AcdKey,
        report: Report,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<HeldPull>> + Send;

    /// Writes down held rows of a pull. Names of agents and queues are sealed like details.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownPull`](crate::LedgerError::UnknownPull) where it is finished, or a later one was begun.
    fn put_held(
        &self,
        pull: &HeldPull,
        rows: &[HeldRow],
    ) -> impl Future<Output = Result<()>> + Send;

    /// Ends a pull: its rows take the place of what was held of the intervals in the range before.
    ///
    /// # Errors
    ///
    /// As [`put_held`](Self::put_held).
    fn finish_held(
        &self,
        pull: &HeldPull,
        range: Range<Interval>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Held rows of finished pulls that start before an interval, in the order in which they were written down, behind `after`, at
    /// most so many.
    fn held(
        &self,
        acd: &AcdKey,
        report: Report,
        before: Option<Interval>,
        after: Option<HeldNumber>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<HeldInterval>>> + Send;

    /// How many rows are held of each report.
    fn held_count(&self, acd: &AcdKey) -> impl Future<Output = Result<Vec<(Report, u64)>>> + Send;

    /// Writes down that a pull of a report was whole, and the newest closed interval that it showed; the last 64 are kept. Failures before it are
    /// over.
    fn record_pull(
        &self,
        acd: &AcdKey,
        report: Report,
        pull: &Pull,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Writes down that a report could not be pulled, and why: with no customer data.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownAcd`](crate::LedgerError::UnknownAcd).
    fn record_failed_pull(
        &self,
        acd: &AcdKey,
        report: Report,
        at: DateTime<Utc>,
        reason: &str,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Why a report cannot be pulled; `None` where its last pull was whole, or none was tried.
    fn failed_pull(
        &self,
        acd: &AcdKey,
        report: Report,
    ) -> impl Future<Output = Result<Option<FailedPull>>> + Send;

    /// What was recorded of the last pulls, the oldest first.
    fn pulls(&self, acd: &AcdKey, report: Report)
    -> impl Future<Output = Result<Vec<Pull>>> + Send;

    /// Drops what is older than an interval, of every ACD: settled batches with their rows and files, held rows, and at most so many
    /// intervals of each report. What waits stays.
    ///
    /// Gives the number of intervals.
    fn prune_intervals(
        &self,
        before: Interval,
        limit: u32,
    ) -> impl Future<Output = Result<u64>> + Send;
}

/// A batch that is to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBatch {
    /// The ACD.
    pub acd: AcdKey,
    /// The report.
    pub report: Report,
    /// When it was made. Its deliveries name this time, so that a repetition is the same delivery, and no other batch of the report has it.
    pub created: DateTime<Utc>,
    /// What it tells. Each is one to [deliver](Change::deliver).
    pub rows: Vec<Change>,
    /// Held rows that are part of it now.
    pub released: Vec<HeldNumber>,
}

/// The number of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchNumber(pub i64);

impl fmt::Display for BatchNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A batch on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBatch {
    /// Its number.
    pub number: BatchNumber,
    /// The ACD.
    pub acd: AcdKey,
    /// The report.
    pub report: Report,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it can be tried next.
    pub due: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
    /// When an attempt began of which nobody told how it ended.
    pub begun: Option<DateTime<Utc>>,
    /// Its rows that wait, by their place in the batch.
    pub rows: Vec<(u32, Change)>,
}

/// What became of an attempt to deliver a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchSettlement {
    /// When it was tried.
    pub at: DateTime<Utc>,
    /// When the rows that wait can be tried again.
    pub due: DateTime<Utc>,
    /// What became of rows, by their place in the batch.
    pub rows: Vec<(u32, RowFate)>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "fate")]
pub enum RowFate {
    /// Calabrio has it, or the file that it is in.
    Delivered {
        /// The file, in transports of files.
        file: Option<String>,
    },
    /// Calabrio refused it. It is not delivered again until its values change.
    Refused {
        /// Why. No customer data.
        reason: String,
    },
    /// Nobody can tell whether Calabrio has it, and it must not come twice: it is set aside for a person to decide.
    InDoubt {
        /// Why. No customer data.
        reason: String,
    },
}

/// A file that was put into the drop folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveredFile {
    /// The batch.
    pub batch: BatchNumber,
    /// Its name in the folder.
    pub name: String,
    /// When it was put there.
    pub at: DateTime<Utc>,
}

/// In which state a row of a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowState {
    /// It is to be delivered.
    Waiting,
    /// Calabrio has it, or the file that it is in.
    Delivered,
    /// Calabrio refused it.
    Refused,
    /// Nobody can tell.
    InDoubt,
}

/// How many rows are in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RowCount {
    /// The report.
    pub report: Report,
    /// The state.
    pub state: RowState,
    /// How many.
    pub rows: u64,
    /// The oldest interval among them; of delivered ones, the oldest that the ledger still knows.
    pub oldest: Interval,
}

/// A row that was refused, or of which nobody can tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TroubledRow {
    /// The batch.
    pub batch: BatchNumber,
    /// The report.
    pub report: Report,
    /// What it is of.
    #[serde(flatten)]
    pub key: IntervalKey,
    /// In which state it is.
    pub state: RowState,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// A pull whose held rows are being written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPull {
    /// The ACD.
    pub acd: AcdKey,
    /// The report.
    pub report: Report,
    /// Its number.
    pub number: i64,
}

/// The number of a held row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeldNumber(pub i64);

/// A row that waits until it is known whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldInterval {
    /// Its number.
    pub number: HeldNumber,
    /// The row.
    #[serde(flatten)]
    pub row: HeldRow,
    /// When the pull that showed it was made.
    pub at: DateTime<Utc>,
}

/// What is remembered of a pull.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The newest closed interval that it showed, if it showed any.
    pub newest: Option<Interval>,
    /// What came of it, for `status`: counts alone, no customer data.
    pub account: serde_json::Value,
}

/// Why a report cannot be pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedPull {
    /// The first failure since a pull was whole.
    pub since: DateTime<Utc>,
    /// The newest failure.
    pub last: DateTime<Utc>,
    /// How many there were.
    pub pulls: u64,
    /// Why the newest one failed.
    pub reason: String,
}

impl Pull {
    /// What it tells of how often Flex Insights loads.
    pub fn sighting(&self) -> Option<Sighting> {
        Some(Sighting {
            at: self.at,
            newest: self.newest?,
        })
    }
}
