//! The inbox: pushed events, durable before they are answered, processed in the order in which they came.

use std::fmt;
use std::future::Future;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use contact_model::AcdKey;
use serde::{Deserialize, Serialize};

use crate::{Advanced, Merge, NewLeg, Result};

/// How long the id of a processed event is remembered, so that it is not processed again: Twilio delivers again for four
/// hours at most.
pub const REMEMBER_EVENTS: TimeDelta = TimeDelta::hours(24);

/// Pushed events, each known by its ACD and its id. Their payloads may hold a customer's data: they are sealed like details,
/// and dropped as soon as the event is settled.
///
/// Every method is one transaction.
pub trait Inbox: Send + Sync {
    /// Makes events durable, all or none. One that is known already, or stands here twice, changes nothing.
    ///
    /// # Errors
    ///
    /// [`LedgerError::InboxFull`](crate::LedgerError::InboxFull) if more than `room` events would wait to be processed,
    /// [`LedgerError::UnknownAcd`](crate::LedgerError::UnknownAcd).
    fn receive(
        &self,
        events: &[PushedEvent],
        room: u64,
    ) -> impl Future<Output = Result<Received>> + Send;

    /// Takes at most `limit` events that nobody works on, in the order in which they came, for work until `lease_until`.
    ///
    /// An event whose payload cannot be read is settled and counted.
    fn claim_events(
        &self,
        now: DateTime<Utc>,
        limit: u32,
        lease_until: DateTime<Utc>,
    ) -> impl Future<Output = Result<ClaimedEvents>> + Send;

    /// Settles claimed events and writes down the legs that they told of, of whatever ACD, all or none. Legs that are known
    /// are treated as in [`CursorStore::advance`](crate::CursorStore::advance). The payloads are erased, the ids
    /// remembered.
    ///
    /// An event that was claimed again or settled meanwhile is somebody else's: of that one nothing is written, neither
    /// that it is settled nor its legs, and its number is given back.
    ///
    /// # Errors
    ///
    /// As [`CursorStore::advance`](crate::CursorStore::advance) has it for legs.
    fn settle_events(
        &self,
        events: Vec<ProcessedEvent>,
        merge: Merge<'_>,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<SettledEvents>> + Send;

    /// How many events wait to be processed, of each ACD that has some, ordered by its key.
    fn inbox_backlog(&self) -> impl Future<Output = Result<Vec<InboxBacklog>>> + Send;
}

/// An event that was pushed. `Debug` does not print the payload.
#[derive(Clone, PartialEq, Eq)]
pub struct PushedEvent {
    /// The ACD that it was pushed for.
    pub acd: AcdKey,
    /// Its id, unique within the ACD. No customer data.
    pub id: String,
    /// What happened, in Twilio's words. No customer data.
    pub kind: String,
    /// The wire form of the payload, in a word.
    pub form: String,
    /// When it happened, where it says so.
    pub at: Option<DateTime<Utc>>,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// The event, as it came.
    pub payload: Bytes,
}

impl fmt::Debug for PushedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushedEvent")
            .field("acd", &self.acd)
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("form", &self.form)
            .field("at", &self.at)
            .field("received_at", &self.received_at)
            .field("payload_bytes", &self.payload.len())
            .finish()
    }
}

/// What was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Received {
    /// Events that are to be processed.
    pub stored: u64,
    /// Events that were known, or stood there twice.
    pub duplicates: u64,
}

/// The number of an event in the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventNumber(pub i64);

impl fmt::Display for EventNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The right to settle an event, for as long as nobody else claims it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventClaim {
    /// Its number.
    pub number: EventNumber,
    /// Counted from 1; above 1 somebody may have begun to process it.
    pub claim: u32,
}

/// What was claimed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClaimedEvents {
    /// Events, in the order in which they came.
    pub events: Vec<ClaimedEvent>,
    /// How many were next and could not be read. They are settled now.
    pub unreadable: u64,
}

/// An event in somebody's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedEvent {
    /// What [`Inbox::settle_events`] wants to see.
    pub claim: EventClaim,
    /// The event.
    pub event: PushedEvent,
}

/// A claimed event that was processed.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessedEvent {
    /// The claim under which it is held.
    pub claim: EventClaim,
    /// The legs that it told of.
    pub legs: Vec<NewLeg>,
}

impl From<EventClaim> for ProcessedEvent {
    /// One that told of no leg.
    fn from(claim: EventClaim) -> Self {
        Self {
            claim,
            legs: Vec::new(),
        }
    }
}

/// What settling did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SettledEvents {
    /// What became of the legs.
    pub advanced: Advanced,
    /// The events that were claimed again or settled meanwhile, in the order in which they were given.
    pub not_held: Vec<EventNumber>,
}

/// What waits to be processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InboxBacklog {
    /// The ACD.
    pub acd: AcdKey,
    /// How many events.
    pub waiting: u64,
    /// When the first of them came.
    pub oldest: DateTime<Utc>,
}
