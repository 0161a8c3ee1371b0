//! Tells Calabrio what is newest.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http_retry::Backoff;
use tokio_util::sync::CancellationToken;
use wfm_delivery::{DeliveryError, Outcome, Receipt};

use super::Live;
use crate::runner::Core;
use crate::services::{AcdServices, AdherenceServices};

/// How long the first states wait until Calabrio was told of agents.
const FIRST_ROSTER: Duration = Duration::from_mins(1);

/// How long a delivery that failed is waited for: up to a quarter of a second at first, since a state that comes late is a wrong one.
const AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// The longest wait that Calabrio can ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);

/// How often it is looked whether a file was taken whose name the next one has, and after how long that is told.
const NOT_TAKEN: (Duration, TimeDelta) = (Duration::from_secs(1), TimeDelta::minutes(5));

/// Delivers what is newest, one batch after the other, until it is told to stop. `listed` is cancelled once Calabrio was told of agents, or could not be.
pub(crate) async fn deliver<L>(
    core: Arc<Core<L>>,
    acd: Arc<AcdServices>,
    services: AdherenceServices,
    live: Live,
    listed: CancellationToken,
    stop: CancellationToken,
) {
    let working = async {
        if acd.roster.sink.is_some() {
            // Of whom it does not know, it would refuse the state.
            tokio::select! {
                () = listed.cancelled() => {}
                () = core.clock.sleep(FIRST_ROSTER) => {}
            }
        }
        let mut telling = Telling {
            core: &core,
            acd: &acd,
            services: &services,
            live: &live,
            told: None,
            not_taken_since: None,
        };
        loop {
            telling.go_on().await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = working => {}
    }
}

struct Telling<'a, L> {
    core: &'a Core<L>,
    acd: &'a AcdServices,
    services: &'a AdherenceServices,
    live: &'a Live,
    /// Whether Calabrio was told of everybody, as it was said last.
    told: Option<bool>,
    /// Since when a file waits for the one before.
    not_taken_since: Option<DateTime<Utc>>,
}

impl<L> Telling<'_, L> {
    /// Delivers a batch, or waits for one. Where it is dropped on the way, the worker ends: after the next start everybody is told anew.
    async fn go_on(&mut self) {
        let (live, services) = (self.live, self.services);
        let Some(batch) = live.take(services.batch_rows) else {
            self.everybody_was_told();
            live.inner.deliver.notified().await;
            return tokio::time::sleep(services.flush).await;
        };
        let at = self.core.now();
        let receipt = services.sink.deliver(&batch, at).await;
        live.settle(&batch, &receipt, at);
        self.count(&receipt);
        let Some(error) = receipt.retry_later() else {
            self.not_taken_since = None;
            self.everybody_was_told();
            if services.files.is_some() && (batch.is_last() || !batch.is_snapshot()) {
                // Each delivery is a file.
                tokio::time::sleep(services.flush).await;
            }
            return;
        };
        let pause = if error.is_waiting() {
            let since = *self.not_taken_since.get_or_insert(at);
            if at - since >= NOT_TAKEN.1 {
                self.cannot_tell(error);
            }
            NOT_TAKEN.0
        } else {
            let (failures, outage) = live.failures();
            if outage {
                self.cannot_tell(error);
            } else {
                tracing::debug!(acd = %self.acd.name, %error, "states were not delivered; the newest are sent next");
            }
            Backoff::new(AGAIN.0, AGAIN.1).delay(failures, rand::random::<f64>())
        };
        let asked = error.retry_after().unwrap_or_default();
        // Whoever asks for it has no clock of ours.
        tokio::time::sleep(asked.min(LONGEST_RETRY_AFTER)).await;
        self.core.clock.sleep(pause).await;
    }

    fn everybody_was_told(&mut self) {
        if self.live.everybody_was_told() && self.told.replace(true) != Some(true) {
            self.core.witness.states_told(&self.acd.name, true);
        }
    }

    fn cannot_tell(&mut self, error: &DeliveryError) {
        if self.told.replace(false) != Some(false) {
            self.core.witness.states_told(&self.acd.name, false);
            tracing::warn!(acd = %self.acd.name, %error, "states cannot be delivered; the newest are sent as soon as they can be");
        }
    }

    fn count(&self, receipt: &Receipt) {
        let (witness, acd) = (&self.core.witness, self.acd.name.as_str());
        let agents = self.live.refused();
        witness.refused_agents(acd, agents);
        for part in &receipt.parts {
            let rows = part.rows.len() as u64;
            let (delivered, refused, waiting) = match &part.outcome {
                Outcome::Accepted => (rows, 0, 0),
                Outcome::RowsRefused(refused) => {
                    let refused = refused.len() as u64;
                    (rows - refused, refused, 0)
                }
                Outcome::Refused(_) => (0, rows, 0),
                _ => (0, 0, rows),
            };
            witness.states(acd, "delivered", delivered);
            witness.states(acd, "refused", refused);
            witness.states(acd, "waiting", waiting);
            if refused > 0 {
                tracing::warn!(
                    acd,
                    refused,
                    agents,
                    "Calabrio did not take the states of some agents; they go again once it is told of them, or after the workspace was read"
                );
            }
        }
    }
}

impl Live {
    /// Whether Calabrio was told the state of every agent since the start, and since an outage.
    pub(super) fn everybody_was_told(&self) -> bool {
        let state = self.lock();
        state.complete && state.newest.everybody_was_told()
    }

    /// How many deliveries failed in a row, and whether that is an outage.
    fn failures(&self) -> (u32, bool) {
        let state = self.lock();
        (state.newest.failures(), state.newest.wants_snapshot())
    }
}
