//! Carrying out what the policy decides: discovery, turns of contacts, wishes, and the end of it all.

mod acd;
pub(crate) mod agents;
mod ask;
mod conversations;
mod discover;
mod document;
mod finder;
mod holds;
mod intake;
mod people;
mod pushed;
pub(crate) mod reconcile;
mod room;
mod schedule;
mod screen;
mod siblings;
mod sources;
mod state;
mod tell;
mod transfer;
mod turn;
mod webhooks;
mod wishes;
mod witness;
mod worker;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use recording_spool::Spool;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::report::AcdNames;

pub(crate) use ask::EVENTS_KEPT;
pub use discover::EVENTS_STREAM;
pub(crate) use discover::read_window;
pub use intake::intake;
pub use state::{AcdHealth, Health};
pub use webhooks::{LedgerOutbox, OutboxError, deliverer, endpoint_id};
pub(crate) use wishes::retry_one;
pub use witness::{Nobody, Step, Witness};
pub use worker::{RunReport, Until, Worker};

/// For how long a worker holds what it has taken. There is one worker per ledger, and it lets go of everything when it
/// starts, so this only has to be longer than any turn.
pub(crate) const LEASE: TimeDelta = TimeDelta::hours(12);

/// What every part of the runner shares.
pub(crate) struct Core<L> {
    pub(crate) ledger: L,
    pub(crate) spool: Spool,
    pub(crate) witness: Arc<dyn Witness>,
    pub(crate) state: Arc<Health>,
    pub(crate) names: AcdNames,
    pub(crate) clock: fn() -> DateTime<Utc>,
    /// Cancelled when the worker is to stop: nothing long is begun any more.
    pub(crate) stopping: CancellationToken,
    /// Something may have become due.
    pub(crate) wake: Notify,
    /// Events were pushed.
    pub(crate) pushed: Arc<Notify>,
    /// Something is to be told outside.
    pub(crate) told: Notify,
    /// Held while a source recording is deleted, and while contacts are taken up again that may want theirs once more. One for
    /// all: ACDs of one workspace share recordings.
    pub(crate) sources: Mutex<()>,
}

impl<L> Core<L> {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }
}
