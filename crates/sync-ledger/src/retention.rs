//! How long the ledger remembers.

use std::future::Future;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::Result;

/// Forgetting in time.
pub trait RetentionStore: Send + Sync {
    /// Drops details and rows whose time is over, at most `limit` of each kind in this transaction.
    ///
    /// A contact that is not complete, failed or excluded keeps everything, however old it is.
    fn prune(
        &self,
        now: DateTime<Utc>,
        retention: &Retention,
        limit: u32,
    ) -> impl Future<Output = Result<Pruned>> + Send;
}

/// How long things are kept after a contact was finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Details: attributes, names.
    pub details: TimeDelta,
    /// Rows: SIDs, times, stages, history; also settled wishes and closed backfills.
    pub rows: TimeDelta,
}

impl Default for Retention {
    /// 7 days and 400 days.
    fn default() -> Self {
        Self {
            details: TimeDelta::days(7),
            rows: TimeDelta::days(400),
        }
    }
}

impl Retention {
    /// What was finished at this time or before loses its details, and its row.
    pub(crate) fn cutoffs(&self, now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        let before = |kept| {
            now.checked_sub_signed(kept)
                .unwrap_or(DateTime::<Utc>::MIN_UTC)
        };
        (before(self.details), before(self.rows))
    }
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Pruned {
    /// Contacts that lost their details.
    pub details: u64,
    /// Contacts that were removed with their history.
    pub contacts: u64,
    /// Wishes that were removed.
    pub wishes: u64,
    /// Backfills that were removed.
    pub backfills: u64,
    /// Whether more may be waiting: call again.
    pub more: bool,
}
