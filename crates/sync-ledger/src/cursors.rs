//! Cursors: how far discovery has come. A cursor moves in the transaction that makes what it passed durable.

use std::fmt;
use std::future::Future;

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, Contact, Details, LegId};
use serde::{Deserialize, Serialize};

use crate::{ContactRecord, DetailsChange, Result, Schedule, Tell, floor_ms};

/// Cursors of live streams, and backfills with cursors of their own.
///
/// Every method is one transaction. Positions are times to the millisecond, rounded down.
pub trait CursorStore: Send + Sync {
    /// Where the live cursor of a stream stands; `None` before its first move.
    fn cursor(
        &self,
        acd: &AcdKey,
        stream: &str,
    ) -> impl Future<Output = Result<Option<CursorPosition>>> + Send;

    /// Writes down the legs and moves the cursor past them, both or neither.
    ///
    /// A leg that is known stays as it is, unless `merge` answers with an [`Update`] of it; [`keep`] never does.
    /// `merge` is called within the transaction and must be quick. It is not asked about a leg that was forgotten.
    ///
    /// # Errors
    ///
    /// [`LedgerError::CursorMoved`](crate::LedgerError::CursorMoved) if the cursor is not at `from`,
    /// [`LedgerError::NotForward`](crate::LedgerError::NotForward) if it would go back or beyond the backfill's end,
    /// [`LedgerError::ForeignLeg`](crate::LedgerError::ForeignLeg) if a leg is of another ACD,
    /// [`LedgerError::NeverDue`](crate::LedgerError::NeverDue) if a contact on its way would never be due,
    /// [`LedgerError::TranscriptClaimed`](crate::LedgerError::TranscriptClaimed) as in
    /// [`ContactStore::save`](crate::ContactStore::save).
    fn advance(
        &self,
        step: Advance,
        merge: Merge<'_>,
    ) -> impl Future<Output = Result<Advanced>> + Send;

    /// Begins a backfill of `from` (inclusive) to `to` (exclusive), or gives the open one of the same range, which
    /// goes on where it stopped.
    fn begin_backfill(
        &self,
        acd: &AcdKey,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Backfill>> + Send;

    /// One backfill, if it is known.
    fn backfill(&self, id: BackfillId) -> impl Future<Output = Result<Option<Backfill>>> + Send;

    /// Backfills in the order in which they were begun; only those that are open, if asked.
    fn backfills(&self, only_open: bool) -> impl Future<Output = Result<Vec<Backfill>>> + Send;

    /// Ends a backfill before it is through. What it found stays. Ending it twice changes nothing.
    fn cancel_backfill(
        &self,
        id: BackfillId,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Backfill>> + Send;
}

/// Which cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CursorId {
    /// The live cursor of an ACD's stream.
    Live {
        /// The ACD.
        acd: AcdKey,
        /// The stream's name.
        stream: String,
    },
    /// The cursor of a backfill.
    Backfill(BackfillId),
}

/// Where a live cursor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CursorPosition {
    /// Everything before this time is written down.
    pub position: DateTime<Utc>,
    /// When it last moved.
    pub moved_at: DateTime<Utc>,
}

/// A step of a cursor over what was found between two times.
#[derive(Debug, Clone, PartialEq)]
pub struct Advance {
    /// The cursor.
    pub cursor: CursorId,
    /// Where it must stand; `None` for a live cursor that never moved. A backfill's stands at its `from` at first.
    pub from: Option<DateTime<Utc>>,
    /// Where it stands afterwards: not before `from`.
    pub to: DateTime<Utc>,
    /// What was found on the way.
    pub legs: Vec<NewLeg>,
    /// When this was decided.
    pub at: DateTime<Utc>,
}

/// A leg that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLeg {
    /// Its facts, and the stage to begin in.
    pub contact: Contact,
    /// What is known of the customer's data already.
    pub details: Option<Details>,
    /// When it wants attention first.
    pub schedule: Schedule,
}

/// Decides what becomes of a known contact that was found again: nothing (`None`), or an update.
pub type Merge<'a> = &'a (dyn Fn(&ContactRecord, &NewLeg) -> Option<Update> + Send + Sync);

/// Leaves every known contact as it is.
pub fn keep(_known: &ContactRecord, _found: &NewLeg) -> Option<Update> {
    None
}

/// What a known contact becomes when it was found again. Whoever works on it meanwhile gets a conflict and reads again.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// What it is from now on; its leg and ACD stay.
    pub contact: Contact,
    /// When it wants attention next.
    pub schedule: Schedule,
    /// What becomes of its details.
    pub details: DetailsChange,
    /// A word for the history.
    pub note: Option<String>,
    /// What is to be told outside, as in a [`Change`](crate::Change).
    pub tell: Option<Tell>,
}

/// What a step found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Advanced {
    /// Legs that were not known.
    pub new: Vec<LegId>,
    /// Legs that were known, each counted once.
    pub known: u64,
    /// How many of those were updated.
    pub updated: u64,
}

impl Advanced {
    pub(crate) fn add(&mut self, other: Self) {
        self.new.extend(other.new);
        self.known += other.known;
        self.updated += other.updated;
    }
}

/// The legs of each ACD, in the order in which they stand.
pub(crate) fn by_acd(legs: Vec<NewLeg>) -> Vec<(AcdKey, Vec<NewLeg>)> {
    let mut sorted: Vec<(AcdKey, Vec<NewLeg>)> = Vec::new();
    for new in legs {
        let acd = &new.contact.leg.acd;
        match sorted.iter_mut().find(|(of, _)| of == acd) {
            Some((_, legs)) => legs.push(new),
            None => sorted.push((acd.clone(), vec![new])),
        }
    }
    sorted
}

/// The number of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BackfillId(pub i64);

impl fmt::Display for BackfillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A bounded range that is worked through beside the live sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backfill {
    /// Its number.
    pub id: BackfillId,
    /// The ACD.
    pub acd: AcdKey,
    /// The range's beginning, inclusive.
    pub from: DateTime<Utc>,
    /// The range's end, exclusive.
    pub to: DateTime<Utc>,
    /// Everything of the range before this time is written down.
    pub position: DateTime<Utc>,
    /// What it is doing.
    pub state: BackfillState,
    /// Legs that it found and that were not known.
    pub legs_new: u64,
    /// Legs that it found and that were known.
    pub legs_known: u64,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it last moved or ended.
    pub moved_at: DateTime<Utc>,
}

/// What a backfill is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackfillState {
    /// It has some way to go.
    Open,
    /// It is through.
    Done,
    /// It was ended before it was through.
    Cancelled,
}

impl BackfillState {
    /// The word as it stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Done, Self::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

impl Advance {
    /// With all times at the ledger's precision.
    pub(crate) fn floored(mut self) -> Self {
        self.from = self.from.map(floor_ms);
        self.to = floor_ms(self.to);
        self.at = floor_ms(self.at);
        self
    }
}
