#![doc = include_str!("../README.md")]

mod acds;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod contacts;
mod cursors;
mod deletions;
mod erasure;
mod error;
mod facts;
mod holds;
mod inbox;
mod intervals;
mod lock;
mod needle;
mod outbox;
mod page;
mod reconciliations;
mod record;
mod retention;
mod roster;
mod seal;
mod sqlite;
mod wishes;

pub use acds::{AcdRow, AcdStore, RemovedAcd};
pub use contacts::{
    Claimed, ContactFilter, ContactStore, Page, PageMark, PageRequest, Siblings, StageCount,
    WaitCount,
};
pub use cursors::{
    Advance, Advanced, Backfill, BackfillId, BackfillState, CursorId, CursorPosition, CursorStore,
    Merge, NewLeg, Update, keep,
};
pub use deletions::{
    DeletionCount, DeletionFilter, DeletionPage, DeletionRow, DeletionState, DeletionStore,
    HeldRecording, HeldRecordings, Verdict,
};
pub use erasure::{Elsewhere, ErasureStore, FORGOTTEN, Forgotten, FoundByText};
pub use error::{Cause, LedgerError, Result};
pub use facts::{TenantFact, TenantFacts};
pub use holds::{ConferenceChange, HoldNote, HoldSource, HoldStore, POLL_GAP};
pub use inbox::{
    ClaimedEvent, ClaimedEvents, EventClaim, EventNumber, Inbox, InboxBacklog, ProcessedEvent,
    PushedEvent, REMEMBER_EVENTS, Received, SettledEvents,
};
pub use intervals::{
    BatchNumber, BatchSettlement, DeliveredFile, FailedPull, HeldInterval, HeldNumber, HeldPull,
    IntervalStore, NewBatch, Pull, RowCount, RowFate, RowState, StoredBatch, TroubledRow,
};
pub use lock::{Holder, WorkerLock};
pub use outbox::{
    ClaimedMessage, ClaimedMessages, EnabledEndpoint, Endpoint, EndpointDisabled, Judge,
    LastAttempt, MAX_ANSWER_BYTES, MessageAttempt, MessageFilter, MessageOutcome, MessagePage,
    MessageRecord, MessageRow, MessageSettled, MessageSettlement, MessageState, OutboxCount,
    OutboxStore, Replayed, Undelivered,
};
pub use page::RowMark;
pub use reconciliations::{Reconciliation, ReconciliationStore};
pub use record::{
    Change, ContactRecord, ContactRow, DetailsChange, Schedule, StoredDetails, Tell, Transition,
    UnreadableContact,
};
pub use retention::{Pruned, Retention, RetentionStore};
pub use roster::{
    RosterChange, RosterStore, SeenSubject, Subject, SubjectKind, SubjectNames, SubjectSid,
    ToldSubject,
};
pub use seal::{DetailsFault, Sealing, SealingKey, StoredBytes};
pub use sqlite::{DetailsAtRest, SqliteLedger, SqliteOptions};
pub use wishes::{ClaimedWish, Outcome, Wish, WishId, WishRow, WishState, WishStore};

/// Everything that a ledger does, for code that wants one bound.
pub trait Ledger:
    AcdStore
    + ContactStore
    + CursorStore
    + WishStore
    + RetentionStore
    + OutboxStore
    + Inbox
    + DeletionStore
    + HoldStore
    + TenantFacts
    + ErasureStore
    + ReconciliationStore
    + Clone
    + 'static
{
}

impl<T> Ledger for T where
    T: AcdStore
        + ContactStore
        + CursorStore
        + WishStore
        + RetentionStore
        + OutboxStore
        + Inbox
        + DeletionStore
        + HoldStore
        + TenantFacts
        + ErasureStore
        + ReconciliationStore
        + Clone
        + 'static
{
}

/// Milliseconds since 1970 UTC, rounded down: the precision of the ledger.
pub(crate) fn floor_ms(at: chrono::DateTime<chrono::Utc>) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at)
}
