//! The outbox of the reference.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId};

use super::{Kind, MemoryLedger, State};
use crate::page::rows;
use crate::{
    ClaimedMessage, ClaimedMessages, EnabledEndpoint, Endpoint, Judge, LastAttempt,
    MAX_ANSWER_BYTES, MessageFilter, MessageOutcome, MessagePage, MessageRecord, MessageRow,
    MessageSettled, MessageSettlement, MessageState, OutboxCount, OutboxStore, Replayed, Result,
    RowMark, StoredBytes, Tell, Undelivered, floor_ms,
};

#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) row: MessageRow,
    pub(super) body: Option<Bytes>,
    pub(super) answer: Option<Bytes>,
    claims: u32,
}

impl OutboxStore for MemoryLedger {
    async fn claim_messages(
        &self,
        acd: &AcdKey,
        now: DateTime<Utc>,
        limit: u32,
        lease_until: DateTime<Utc>,
    ) -> Result<ClaimedMessages> {
        let now = floor_ms(now);
        let mut state = self.state();
        state.demand_acd(acd)?;
        let mut claimed = ClaimedMessages::default();
        if state.endpoint_of(acd).disabled.is_some() {
            return Ok(claimed);
        }
        let mut due: Vec<_> = state
            .messages
            .iter()
            .filter(|(_, message)| {
                let row = &message.row;
                row.acd == *acd
                    && row.due_at.is_some_and(|due| due <= now)
                    && row.lease_until.is_none_or(|lease| lease <= now)
            })
            .map(|(id, message)| (message.row.due_at, *id))
            .collect();
        due.sort_unstable();
        for (_, id) in due.into_iter().take(limit as usize) {
            let Some(message) = state.messages.get_mut(&id) else {
                continue;
            };
            let Some(body) = message.body.clone() else {
                continue;
            };
            message.row.lease_until = Some(floor_ms(lease_until));
            message.claims += 1;
            let row = &message.row;
            claimed.messages.push(ClaimedMessage {
                id: row.id.clone(),
                claim: message.claims,
                acd: row.acd.clone(),
                leg: row.leg,
                body,
                created_at: row.created_at,
                attempts: row.attempts,
            });
        }
        Ok(claimed)
    }

    async fn settle_messages(
        &self,
        settlements: &[MessageSettlement],
        judge: Judge<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<MessageSettled>> {
        let mut state = self.state();
        let settle = |(place, settlement)| state.settle(place, settlement, judge, floor_ms(now));
        Ok(settlements.iter().enumerate().map(settle).collect())
    }

    async fn next_message_due(&self, acd: &AcdKey) -> Result<Option<DateTime<Utc>>> {
        let state = self.state();
        if state.endpoint_of(acd).disabled.is_some() {
            return Ok(None);
        }
        let next = |message: &Message| {
            let row = &message.row;
            let due = row.due_at.filter(|_| row.acd == *acd)?;
            Some(row.lease_until.map_or(due, |lease| lease.max(due)))
        };
        Ok(state.messages.values().filter_map(next).min())
    }

    async fn endpoint(&self, acd: &AcdKey) -> Result<Endpoint> {
        Ok(self.state().endpoint_of(acd))
    }

    async fn enable_endpoint(&self, acd: &AcdKey, now: DateTime<Utc>) -> Result<EnabledEndpoint> {
        let now = floor_ms(now);
        let mut state = self.state();
        state.demand_acd(acd)?;
        let before = state.endpoint_of(acd);
        let after = Endpoint {
            failing_since: None,
            disabled: None,
            ..before.clone()
        };
        state.endpoints.insert(acd.clone(), after);
        let mut pending = 0;
        for Message { row, .. } in state.messages.values_mut() {
            let free = row.lease_until.is_none_or(|lease| lease <= now);
            if row.acd == *acd && row.state == MessageState::Pending && free {
                (row.attempts, row.lease_until) = (0, None);
                row.due_at = row.due_at.map(|_| now);
                pending += 1;
            }
        }
        Ok(EnabledEndpoint { before, pending })
    }

    async fn message(&self, id: &str) -> Result<Option<MessageRecord>> {
        let stored = |bytes: &Option<Bytes>| {
            bytes
                .clone()
                .map_or(StoredBytes::Absent, StoredBytes::Present)
        };
        let state = self.state();
        let message = state.messages.values().find(|message| message.row.id == id);
        Ok(message.map(|message| MessageRecord {
            row: message.row.clone(),
            body: stored(&message.body),
            answer: stored(&message.answer),
        }))
    }

    async fn messages(
        &self,
        filter: &MessageFilter,
        limit: u32,
        after: Option<RowMark>,
    ) -> Result<MessagePage> {
        let state = self.state();
        let limit = rows(limit) as usize;
        let wanted: Vec<_> = state
            .messages
            .iter()
            .rev()
            .filter(|(id, message)| {
                after.is_none_or(|RowMark(mark)| **id < mark) && matches(&message.row, filter)
            })
            .take(limit + 1)
            .collect();
        let shown = wanted.get(..limit).unwrap_or(&wanted);
        let last = shown.last().map(|(id, _)| RowMark(**id));
        Ok(MessagePage {
            messages: shown
                .iter()
                .map(|(_, message)| message.row.clone())
                .collect(),
            next: last.filter(|_| wanted.len() > limit),
        })
    }

    async fn replay_message(&self, id: &str, now: DateTime<Utc>) -> Result<Replayed> {
        let now = floor_ms(now);
        let mut state = self.state();
        let Some(message) = state
            .messages
            .values_mut()
            .find(|message| message.row.id == id)
        else {
            return Ok(Replayed::Unknown);
        };
        if message.body.is_none() {
            return Ok(Replayed::Erased);
        }
        if message.row.lease_until.is_some_and(|lease| lease > now) {
            return Ok(Replayed::UnderWay);
        }
        let (acd, leg) = message.replay(now);
        state.order_leg(&acd, leg, now);
        Ok(Replayed::Due)
    }

    async fn replay_messages(
        &self,
        acd: &AcdKey,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        delivered: bool,
        now: DateTime<Utc>,
    ) -> Result<u64> {
        let (from, to, now) = (floor_ms(from), floor_ms(to), floor_ms(now));
        let mut state = self.state();
        state.demand_acd(acd)?;
        let mut replayed = Vec::new();
        for message in state.messages.values_mut() {
            let row = &message.row;
            let wanted = match row.state {
                MessageState::Exhausted => true,
                MessageState::Delivered => delivered,
                MessageState::Pending | MessageState::Erased => false,
            };
            let within = row.acd == *acd && from <= row.created_at && row.created_at < to;
            if wanted && within && message.body.is_some() {
                replayed.push(message.replay(now));
            }
        }
        for (acd, leg) in &replayed {
            state.order_leg(acd, *leg, now);
        }
        Ok(replayed.len() as u64)
    }

    async fn outbox_counts(&self, acd: Option<&AcdKey>) -> Result<Vec<OutboxCount>> {
        let state = self.state();
        let wanted = state
            .acds
            .keys()
            .filter(|of| acd.is_none_or(|acd| acd == *of));
        let count = |of: &AcdKey| {
            let in_state = |wanted: MessageState| {
                let created = state
                    .messages
                    .values()
                    .filter(|message| message.row.acd == *of && message.row.state == wanted)
                    .map(|message| message.row.created_at);
                (created.clone().count() as u64, created.min())
            };
            let (pending, oldest_pending) = in_state(MessageState::Pending);
            let (exhausted, oldest_exhausted) = in_state(MessageState::Exhausted);
            OutboxCount {
                acd: of.clone(),
                endpoint: state.endpoint_of(of),
                pending,
                oldest_pending,
                delivered: in_state(MessageState::Delivered).0,
                exhausted,
                oldest_exhausted,
            }
        };
        Ok(wanted.map(count).collect())
    }

    async fn undelivered_of_leg(&self, acd: &AcdKey, leg: LegId) -> Result<Undelivered> {
        let state = self.state();
        let mut undelivered = Undelivered::default();
        for Message { row, .. } in state.messages.values() {
            if (&row.acd, row.leg) == (acd, leg) {
                undelivered.pending += u64::from(row.state == MessageState::Pending);
                undelivered.exhausted += u64::from(row.state == MessageState::Exhausted);
            }
        }
        Ok(undelivered)
    }
}

impl State {
    pub(super) fn put_message(&mut self, acd: &AcdKey, leg: LegId, tell: Tell, at: DateTime<Utc>) {
        let id = self.number(Kind::Message);
        let row = MessageRow {
            id: tell.message_id,
            acd: acd.clone(),
            leg,
            status: tell.status,
            state: MessageState::Pending,
            created_at: at,
            due_at: None,
            lease_until: None,
            attempts: 0,
            last: None,
            settled_at: None,
        };
        let message = Message {
            row,
            body: Some(tell.body),
            answer: None,
            claims: 0,
        };
        self.messages.insert(id, message);
        self.order_leg(acd, leg, at);
    }

    fn endpoint_of(&self, acd: &AcdKey) -> Endpoint {
        self.endpoints.get(acd).cloned().unwrap_or_default()
    }

    /// Of the pending messages of a leg the oldest is due, at its own time or now; the others wait for it.
    fn order_leg(&mut self, acd: &AcdKey, leg: LegId, now: DateTime<Utc>) {
        let mut first = true;
        for Message { row, .. } in self.messages.values_mut() {
            if (&row.acd, row.leg, row.state) == (acd, leg, MessageState::Pending) {
                row.due_at = first.then_some(row.due_at.unwrap_or(now));
                first = false;
            }
        }
    }

    fn settle(
        &mut self,
        place: usize,
        settlement: &MessageSettlement,
        judge: Judge<'_>,
        now: DateTime<Utc>,
    ) -> MessageSettled {
        let held = self.messages.values_mut().find(|message| {
            let row = &message.row;
            row.id == settlement.id
                && row.state == MessageState::Pending
                && message.claims == settlement.claim
                && row.lease_until.is_some()
        });
        let Some(message) = held else {
            return MessageSettled::NotHeld;
        };
        let attempt = &settlement.attempt;
        let kept = attempt.answer.len().min(MAX_ANSWER_BYTES);
        message.answer = Some(attempt.answer.slice(..kept)).filter(|answer| !answer.is_empty());
        let row = &mut message.row;
        row.last = Some(LastAttempt {
            at: floor_ms(attempt.at),
            took_ms: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
            status: attempt.status,
            failure: attempt.failure.clone(),
            reason: attempt.reason.clone(),
        });
        row.lease_until = None;
        (row.state, row.due_at, row.settled_at) = match settlement.outcome {
            MessageOutcome::Delivered => (MessageState::Delivered, None, Some(now)),
            MessageOutcome::RetryAt(due) => (MessageState::Pending, Some(floor_ms(due)), None),
            MessageOutcome::Exhausted => (MessageState::Exhausted, None, Some(now)),
        };
        row.attempts += u32::from(settlement.outcome != MessageOutcome::Delivered);
        let (acd, leg) = (row.acd.clone(), row.leg);
        self.order_leg(&acd, leg, now);
        let before = self.endpoint_of(&acd);
        let after = judge(place, &before).floored();
        self.endpoints.insert(acd, after.clone());
        MessageSettled::Recorded { before, after }
    }
}

impl Message {
    /// Gives whose it is.
    fn replay(&mut self, now: DateTime<Utc>) -> (AcdKey, LegId) {
        let row = &mut self.row;
        row.state = MessageState::Pending;
        (row.settled_at, row.attempts, row.due_at, row.lease_until) = (None, 0, Some(now), None);
        (row.acd.clone(), row.leg)
    }
}

fn matches(row: &MessageRow, filter: &MessageFilter) -> bool {
    filter.acd.as_ref().is_none_or(|acd| *acd == row.acd)
        && (filter.states.is_empty() || filter.states.contains(&row.state))
        && filter.leg.is_none_or(|leg| leg == row.leg)
        && filter
            .from
            .is_none_or(|from| row.created_at >= floor_ms(from))
        && filter.to.is_none_or(|to| row.created_at < floor_ms(to))
}
