#![doc = include_str!("../README.md")]

mod acds;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod contacts;
mod cursors;
mod error;
mod lock;
mod record;
mod retention;
mod seal;
mod sqlite;
mod wishes;

pub use acds::{AcdRow, AcdStore};
pub use contacts::{Claimed, ContactFilter, ContactStore, Page, PageMark, PageRequest, StageCount};
pub use cursors::{
    Advance, Advanced, Backfill, BackfillId, BackfillState, CursorId, CursorPosition, CursorStore,
    Merge, NewLeg, Update, keep,
};
pub use error::{Cause, LedgerError, Result};
pub use lock::{Holder, WorkerLock};
pub use record::{
    Change, ContactRecord, ContactRow, DetailsChange, Schedule, StoredDetails, Transition,
    UnreadableContact,
};
pub use retention::{Pruned, Retention, RetentionStore};
pub use seal::{DetailsFault, Sealing, SealingKey};
pub use sqlite::{DetailsAtRest, SqliteLedger, SqliteOptions};
pub use wishes::{ClaimedWish, Outcome, Wish, WishId, WishRow, WishState, WishStore};

/// Everything that a ledger does, for code that wants one bound.
pub trait Ledger:
    AcdStore + ContactStore + CursorStore + WishStore + RetentionStore + Clone + 'static
{
}

impl<T: AcdStore + ContactStore + CursorStore + WishStore + RetentionStore + Clone + 'static> Ledger
    for T
{
}

/// Milliseconds since 1970 UTC, rounded down: the precision of the ledger.
pub(crate) fn floor_ms(at: chrono::DateTime<chrono::Utc>) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at)
}
