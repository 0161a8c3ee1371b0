//! Agents whose newest state Calabrio refused: most often it was not told of them yet.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use twilio_sid::WorkerSid;
use wfm_delivery::{Outcome, Receipt, StateBatch};

use super::{Live, State};

/// They stay until a state of theirs is taken.
#[derive(Debug, Default)]
pub(super) struct Refused(BTreeSet<WorkerSid>);

impl Refused {
    fn note(&mut self, batch: &StateBatch, receipt: &Receipt) {
        let agent = |row: usize| batch.rows().get(row).map(|change| change.agent);
        for part in &receipt.parts {
            if !matches!(part.outcome, Outcome::RetryLater { .. }) {
                for agent in part.rows.clone().filter_map(agent) {
                    self.0.remove(&agent);
                }
            }
        }
        let refused = receipt.refused().filter_map(|(row, _)| agent(row));
        self.0.extend(refused);
    }

    pub(super) fn add(&mut self, agents: Vec<WorkerSid>) {
        self.0.extend(agents);
    }
}

impl Live {
    /// What became of a batch that was delivered at that time.
    pub(super) fn settle(&self, batch: &StateBatch, receipt: &Receipt, at: DateTime<Utc>) {
        let mut state = self.lock();
        state.told_files.note(batch, receipt, at);
        state.newest.settle(batch, receipt);
        state.refused.note(batch, receipt);
    }

    /// How many agents there are whose newest state Calabrio refused.
    pub(super) fn refused(&self) -> u64 {
        self.lock().refused.0.len() as u64
    }

    /// Calabrio was told of these agents: what it refused of them goes again.
    pub(crate) fn told(&self, agents: impl IntoIterator<Item = WorkerSid>) {
        let mut state = self.lock();
        for agent in agents {
            state.put_again(agent);
        }
        drop(state);
        self.inner.deliver.notify_one();
    }
}

impl State {
    /// Whatever Calabrio refused goes again: the cause may be mended.
    pub(super) fn put_refused_again(&mut self) {
        for agent in self.refused.0.clone() {
            self.put_again(agent);
        }
    }

    fn put_again(&mut self, agent: WorkerSid) {
        if !self.refused.0.contains(&agent) {
            return;
        }
        let Some(change) = self.agents.state_of(agent) else {
            self.refused.0.remove(&agent);
            return;
        };
        if self.newest.put(change).is_err() {
            self.beyond += 1;
        }
    }
}
