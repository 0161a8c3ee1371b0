//! Carrying out: lists of agents and queues, pulls and deliveries of history, live states, wishes.

mod backlog;
pub(crate) mod history;
pub(crate) mod live;
pub(crate) mod pull;
pub(crate) mod roster;
mod start;
mod sweep;
#[cfg(test)]
pub(crate) mod testing;
mod watch;
pub(crate) mod wishes;
mod worker;
pub(crate) mod workspace;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use wfm_delivery::DeliveryError;

use crate::clock::Clock;

pub use backlog::Backlog;
pub use live::Live;
pub use watch::{Nobody, Witness};
pub use worker::{RunReport, Until, WfmLedger, Worker};

/// What every part of the runner shares.
pub(crate) struct Core<L> {
    pub(crate) ledger: L,
    pub(crate) clock: Clock,
    pub(crate) witness: Arc<dyn Witness>,
    /// Something is to be delivered, or a list of agents and queues changed.
    pub(crate) wake: Notify,
}

impl<L> Core<L> {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// Works with files on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeliveryError> + Send + 'static,
) -> Result<T, DeliveryError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(DeliveryError::CutOff))
}
