//! An outbox in memory.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::future::{Future, ready};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::{
    AttemptOutcome, Claim, EndpointEvent, EndpointId, EndpointState, Message, MessageId,
    MessageRow, MessageState, OrderingKey, Outbox, ReplayRange, ReplayWhich, Replayed, Settled,
    Settlement,
};

/// An outbox that forgets everything when the process ends: for tests, examples, and messages that may be lost. It never
/// forgets before that.
///
/// It is the reference of the conformance suite (feature `conformance`).
#[derive(Debug, Default)]
pub struct MemoryOutbox(Mutex<Store>);

/// The messages of one key that wait, in order of arrival.
type Lane = (EndpointId, OrderingKey);

#[derive(Debug, Default)]
struct Store {
    /// Every message, in order of arrival.
    rows: Vec<Row>,
    numbers: HashMap<MessageId, usize>,
    endpoints: HashMap<EndpointId, EndpointState>,
    lanes: HashMap<Lane, BTreeSet<usize>>,
    /// The first message of each lane, by the time at which it is due.
    heads: HashMap<EndpointId, BTreeSet<(DateTime<Utc>, usize)>>,
}

#[derive(Debug)]
struct Row {
    kept: MessageRow,
    claims: u32,
}

impl Row {
    fn is_held(&self, now: DateTime<Utc>) -> bool {
        self.kept.claimed_until.is_some_and(|until| until > now)
    }

    fn due(&self) -> Option<DateTime<Utc>> {
        match self.kept.state {
            MessageState::Waiting { due } => Some(due),
            _ => None,
        }
    }
}

impl MemoryOutbox {
    /// An empty outbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a message that is due at its creation; `false` if its id is there already, and then nothing is changed.
    pub fn put(&self, message: Message) -> bool {
        let mut store = self.store();
        if store.numbers.contains_key(&message.id) {
            return false;
        }
        let number = store.rows.len();
        store.numbers.insert(message.id.clone(), number);
        let due = message.created_at;
        store.rows.push(Row {
            kept: MessageRow {
                message,
                state: MessageState::Waiting { due },
                claimed_until: None,
                last_attempt: None,
            },
            claims: 0,
        });
        store.change(number, due, |_| {});
        true
    }

    /// How many messages wait.
    pub fn waiting(&self) -> usize {
        self.store().lanes.values().map(BTreeSet::len).sum()
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // Every change is whole before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Changes a row and keeps the indexes true. A message that has waited for others of its key is due once none is left before it.
    fn change(&mut self, number: usize, now: DateTime<Utc>, change: impl FnOnce(&mut Row)) {
        let message = &self.rows[number].kept.message;
        let lane = (message.endpoint.clone(), message.key.clone());
        let waiting = self.lanes.entry(lane.clone()).or_default();
        let heads = self.heads.entry(lane.0.clone()).or_default();
        let before = waiting.first().copied();
        if let Some(head) = before
            && let Some(due) = self.rows[head].due()
        {
            heads.remove(&(due, head));
        }
        change(&mut self.rows[number]);
        if self.rows[number].due().is_some() {
            waiting.insert(number);
        } else {
            waiting.remove(&number);
        }
        match waiting.first() {
            Some(head) => {
                if *head != number && before != Some(*head) {
                    self.rows[*head].kept.state = MessageState::Waiting { due: now };
                }
                if let Some(due) = self.rows[*head].due() {
                    heads.insert((due, *head));
                }
            }
            None => {
                self.lanes.remove(&lane);
            }
        }
    }

    fn make_due(&mut self, number: usize, now: DateTime<Utc>) {
        self.change(number, now, |row| {
            row.kept.state = MessageState::Waiting { due: now };
            row.kept.message.attempts = 0;
            row.kept.claimed_until = None;
        });
    }

    fn claim(
        &mut self,
        endpoint: &EndpointId,
        limit: usize,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Vec<Claim> {
        let enabled = self
            .endpoints
            .get(endpoint)
            .is_none_or(EndpointState::is_enabled);
        let Some(heads) = self.heads.get(endpoint).filter(|_| enabled) else {
            return Vec::new();
        };
        let numbers: Vec<usize> = heads
            .iter()
            .take_while(|(due, _)| *due <= now)
            .map(|(_, number)| *number)
            .filter(|number| !self.rows[*number].is_held(now))
            .take(limit)
            .collect();
        let claimed = numbers.into_iter().map(|number| {
            // What is due, and which messages wait, does not change by a claim.
            let row = &mut self.rows[number];
            row.claims = row.claims.saturating_add(1);
            row.kept.claimed_until = Some(lease_until);
            Claim {
                message: row.kept.message.clone(),
                claim: row.claims,
            }
        });
        claimed.collect()
    }

    fn settle(&mut self, settlement: &Settlement, now: DateTime<Utc>) -> Settled {
        let message = &settlement.claim.message;
        let held = self.numbers.get(&message.id).copied().filter(|number| {
            let row = &self.rows[*number];
            row.claims == settlement.claim.claim && row.kept.claimed_until.is_some()
        });
        let Some(number) = held else {
            return Settled::NotHeld;
        };
        self.change(number, now, |row| {
            row.kept.claimed_until = None;
            row.kept.last_attempt = Some(settlement.attempt.clone());
            row.kept.state = match settlement.outcome {
                AttemptOutcome::Delivered => MessageState::Delivered { at: now },
                AttemptOutcome::RetryAt(due) => MessageState::Waiting { due },
                AttemptOutcome::Exhausted => MessageState::Exhausted { at: now },
            };
            if settlement.outcome != AttemptOutcome::Delivered {
                row.kept.message.attempts = row.kept.message.attempts.saturating_add(1);
            }
        });
        let state = self.endpoints.entry(message.endpoint.clone()).or_default();
        let before = *state;
        *state = before.after(&settlement.event);
        Settled::Recorded {
            before,
            after: *state,
        }
    }

    fn enable(&mut self, id: &EndpointId, now: DateTime<Utc>) -> EndpointState {
        let state = self.endpoints.entry(id.clone()).or_default();
        let before = *state;
        *state = before.after(&EndpointEvent::Enabled);
        for number in 0..self.rows.len() {
            let row = &self.rows[number];
            if row.kept.message.endpoint == *id && row.due().is_some() && !row.is_held(now) {
                self.make_due(number, now);
            }
        }
        before
    }

    fn replay(&mut self, id: &MessageId, now: DateTime<Utc>) -> Replayed {
        let Some(number) = self.numbers.get(id).copied() else {
            return Replayed::Unknown;
        };
        if self.rows[number].is_held(now) {
            return Replayed::UnderWay;
        }
        self.make_due(number, now);
        Replayed::Due
    }

    fn replay_range(&mut self, range: &ReplayRange, now: DateTime<Utc>) -> u64 {
        let mut replayed = 0;
        for number in 0..self.rows.len() {
            let row = &self.rows[number].kept;
            let wanted = match row.state {
                MessageState::Waiting { .. } => false,
                MessageState::Delivered { .. } => range.which == ReplayWhich::Settled,
                MessageState::Exhausted { .. } => true,
            };
            let message = &row.message;
            let in_range = (range.from..range.to).contains(&message.created_at)
                && range
                    .endpoint
                    .as_ref()
                    .is_none_or(|id| *id == message.endpoint);
            if wanted && in_range {
                self.make_due(number, now);
                replayed += 1;
            }
        }
        replayed
    }
}

impl Outbox for MemoryOutbox {
    type Error = Infallible;

    fn claim(
        &self,
        endpoint: &EndpointId,
        limit: usize,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<Claim>, Infallible>> + Send {
        ready(Ok(self.store().claim(endpoint, limit, now, lease_until)))
    }

    fn settle(
        &self,
        settlements: &[Settlement],
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<Settled>, Infallible>> + Send {
        let mut store = self.store();
        ready(Ok(settlements
            .iter()
            .map(|settlement| store.settle(settlement, now))
            .collect()))
    }

    fn endpoint(
        &self,
        id: &EndpointId,
    ) -> impl Future<Output = Result<EndpointState, Infallible>> + Send {
        ready(Ok(self
            .store()
            .endpoints
            .get(id)
            .copied()
            .unwrap_or_default()))
    }

    fn enable(
        &self,
        id: &EndpointId,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<EndpointState, Infallible>> + Send {
        ready(Ok(self.store().enable(id, now)))
    }

    fn message(
        &self,
        id: &MessageId,
    ) -> impl Future<Output = Result<Option<MessageRow>, Infallible>> + Send {
        let store = self.store();
        let number = store.numbers.get(id).copied();
        ready(Ok(number.map(|number| store.rows[number].kept.clone())))
    }

    fn replay(
        &self,
        id: &MessageId,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Replayed, Infallible>> + Send {
        ready(Ok(self.store().replay(id, now)))
    }

    fn replay_range(
        &self,
        range: &ReplayRange,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<u64, Infallible>> + Send {
        ready(Ok(self.store().replay_range(range, now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{Fixture, run};

    struct InMemory;

    impl Fixture for InMemory {
        type Outbox = MemoryOutbox;

        async fn fresh(&self) -> MemoryOutbox {
            MemoryOutbox::new()
        }

        async fn put(&self, outbox: &MemoryOutbox, message: Message) {
            outbox.put(message);
        }
    }

    #[tokio::test]
    async fn the_outbox_in_memory_keeps_every_rule() {
        run(&InMemory).await;
    }
}
