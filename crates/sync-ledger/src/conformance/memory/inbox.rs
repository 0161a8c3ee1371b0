//! The inbox of the reference.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{Kind, MemoryLedger, State};
use crate::cursors::by_acd;
use crate::{
    ClaimedEvent, ClaimedEvents, EventClaim, EventNumber, Inbox, InboxBacklog, LedgerError, Merge,
    ProcessedEvent, PushedEvent, Received, Result, SettledEvents, floor_ms,
};

#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) pushed: PushedEvent,
    pub(super) lease_until: Option<DateTime<Utc>>,
    pub(super) settled_at: Option<DateTime<Utc>>,
    claims: u32,
}

impl Event {
    pub(super) fn settle(&mut self, now: DateTime<Utc>) {
        self.pushed.payload = Bytes::new();
        (self.lease_until, self.settled_at) = (None, Some(now));
    }
}

impl Inbox for MemoryLedger {
    async fn receive(&self, events: &[PushedEvent], room: u64) -> Result<Received> {
        self.transact(|state| {
            let waiting = state.waiting();
            let mut received = Received::default();
            for event in events {
                state.demand_acd(&event.acd)?;
                let known =
                    |kept: &Event| kept.pushed.acd == event.acd && kept.pushed.id == event.id;
                if state.events.values().any(known) {
                    received.duplicates += 1;
                    continue;
                }
                let number = state.number(Kind::Event);
                let event = Event {
                    pushed: PushedEvent {
                        at: event.at.map(floor_ms),
                        received_at: floor_ms(event.received_at),
                        ..event.clone()
                    },
                    lease_until: None,
                    settled_at: None,
                    claims: 0,
                };
                state.events.insert(number, event);
                received.stored += 1;
            }
            if received.stored > 0 && waiting + received.stored > room {
                return Err(LedgerError::InboxFull {
                    waiting,
                    limit: room,
                });
            }
            Ok(received)
        })
    }

    async fn claim_events(
        &self,
        now: DateTime<Utc>,
        limit: u32,
        lease_until: DateTime<Utc>,
    ) -> Result<ClaimedEvents> {
        let now = floor_ms(now);
        let mut state = self.state();
        let free = |event: &Event| {
            event.settled_at.is_none() && event.lease_until.is_none_or(|lease| lease <= now)
        };
        let mut claimed = ClaimedEvents::default();
        let next = state.events.iter_mut().filter(|(_, event)| free(event));
        for (number, event) in next.take(limit as usize) {
            event.lease_until = Some(floor_ms(lease_until));
            event.claims += 1;
            let claim = EventClaim {
                number: EventNumber(*number),
                claim: event.claims,
            };
            let event = event.pushed.clone();
            claimed.events.push(ClaimedEvent { claim, event });
        }
        Ok(claimed)
    }

    async fn settle_events(
        &self,
        events: Vec<ProcessedEvent>,
        merge: Merge<'_>,
        now: DateTime<Utc>,
    ) -> Result<SettledEvents> {
        let now = floor_ms(now);
        self.transact(|state| {
            let (mut settled, mut legs) = (SettledEvents::default(), Vec::new());
            for ProcessedEvent { claim, legs: told } in events {
                let held = state.events.get_mut(&claim.number.0).filter(|event| {
                    event.claims == claim.claim
                        && event.lease_until.is_some()
                        && event.settled_at.is_none()
                });
                match held {
                    Some(event) => {
                        event.settle(now);
                        legs.extend(told);
                    }
                    None => settled.not_held.push(claim.number),
                }
            }
            for (acd, legs) in by_acd(legs) {
                state.demand_acd(&acd)?;
                let of_acd = state.write_down(&acd, &legs, now, merge)?;
                settled.advanced.add(of_acd);
            }
            Ok(settled)
        })
    }

    async fn inbox_backlog(&self) -> Result<Vec<InboxBacklog>> {
        let state = self.state();
        let of_acd = |acd: &contact_model::AcdKey| {
            let received = state
                .events
                .values()
                .filter(|event| event.pushed.acd == *acd && event.settled_at.is_none())
                .map(|event| event.pushed.received_at);
            Some(InboxBacklog {
                acd: acd.clone(),
                waiting: received.clone().count() as u64,
                oldest: received.min()?,
            })
        };
        Ok(state.acds.keys().filter_map(of_acd).collect())
    }
}

impl State {
    fn waiting(&self) -> u64 {
        let waiting = self
            .events
            .values()
            .filter(|event| event.settled_at.is_none());
        waiting.count() as u64
    }
}
