//! How long the ledger remembers.

use std::future::Future;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::Result;

/// Forgetting in time.
pub trait RetentionStore: Send + Sync {
    /// Drops details and rows whose time is over, at most `limit` of each kind in this transaction.
    ///
    /// A contact that is not complete, failed or excluded keeps everything, however old it is; so does a webhook message that
    /// may still be sent and a pushed event that is not processed. Of each ACD the last reconciliation stays.
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
    /// Details: attributes, names; also what was answered to webhooks, and what was seen of hold.
    pub details: TimeDelta,
    /// Rows: SIDs, times, stages, history; also settled wishes, closed backfills, settled webhook messages, deletions and
    /// reconciliations.
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
    /// Webhook messages that lost what was answered to them.
    pub answers: u64,
    /// Webhook messages that were removed.
    pub messages: u64,
    /// Processed events whose ids are remembered no longer (see [`REMEMBER_EVENTS`](crate::REMEMBER_EVENTS)).
    pub events: u64,
    /// Observations of hold that were removed.
    pub holds: u64,
    /// Deletions at the source that are remembered no longer.
    pub deletions: u64,
    /// Reconciliations that were removed.
    pub reconciliations: u64,
    /// Whether more may be waiting: call again.
    pub more: bool,
}

impl Pruned {
    pub(crate) fn of_each(&self) -> [u64; 10] {
        [
            self.details,
            self.contacts,
            self.wishes,
            self.backfills,
            self.answers,
            self.messages,
            self.events,
            self.holds,
            self.deletions,
            self.reconciliations,
        ]
    }
}
