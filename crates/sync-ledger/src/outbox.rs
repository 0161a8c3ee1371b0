//! The outbox: what is to be told outside, put there in the transaction of the change that it tells of
//! (see [`Change::tell`](crate::Change)), and what became of it.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use contact_model::{AcdKey, ContactStatus, LegId};
use serde::{Deserialize, Serialize};

use crate::{Result, RowMark, StoredBytes, floor_ms};

/// Webhook messages, each known by its id, and the endpoints that they go to: one for each ACD.
///
/// Of one leg only the oldest message that is still pending can be claimed: it holds back the later ones while it waits for
/// another attempt and while somebody is at it. Every method is one transaction. Times are kept to the millisecond.
pub trait OutboxStore: Send + Sync {
    /// Takes at most `limit` messages of an ACD that are due and that nobody works on, for work until `lease_until`: those
    /// that were due first, then those that came first. None while its endpoint is disabled.
    ///
    /// A message whose body cannot be read is set aside as exhausted and told.
    fn claim_messages(
        &self,
        acd: &AcdKey,
        now: DateTime<Utc>,
        limit: u32,
        lease_until: DateTime<Utc>,
    ) -> impl Future<Output = Result<ClaimedMessages>> + Send;

    /// Writes down what became of claimed messages, in this order, and what that means for their endpoints; gives an answer
    /// for each, in the same order.
    ///
    /// `judge` is called within the transaction for each settlement that counts, with its place and the endpoint as it is,
    /// and gives what the endpoint becomes. It must be quick.
    fn settle_messages(
        &self,
        settlements: &[MessageSettlement],
        judge: Judge<'_>,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<MessageSettled>>> + Send;

    /// When the next message of an ACD can be claimed; `None` if none ever can, also while its endpoint is disabled.
    fn next_message_due(
        &self,
        acd: &AcdKey,
    ) -> impl Future<Output = Result<Option<DateTime<Utc>>>> + Send;

    /// The endpoint of an ACD, as it is.
    fn endpoint(&self, acd: &AcdKey) -> impl Future<Output = Result<Endpoint>> + Send;

    /// Lets messages go to an endpoint again. What it failed before is forgotten, and every pending message that nobody
    /// works on is due now with its attempts counted anew. What is exhausted stays so until it is replayed.
    fn enable_endpoint(
        &self,
        acd: &AcdKey,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<EnabledEndpoint>> + Send;

    /// One message, whatever its ACD.
    fn message(&self, id: &str) -> impl Future<Output = Result<Option<MessageRecord>>> + Send;

    /// A page of messages, the newest first.
    fn messages(
        &self,
        filter: &MessageFilter,
        limit: u32,
        after: Option<RowMark>,
    ) -> impl Future<Output = Result<MessagePage>> + Send;

    /// Sends a message again: the same id, the same bytes, due now, with its attempts counted anew. It takes its old place
    /// among those of its leg.
    fn replay_message(
        &self,
        id: &str,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Replayed>> + Send;

    /// Sends again what an ACD's endpoint did not take of the messages that came from `from` (inclusive) to `to`
    /// (exclusive), and what it took as well, if asked. Gives how many are due now that were not pending.
    fn replay_messages(
        &self,
        acd: &AcdKey,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        delivered: bool,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// How many messages stand where, of each ACD that is known, ordered by its key.
    fn outbox_counts(
        &self,
        acd: Option<&AcdKey>,
    ) -> impl Future<Output = Result<Vec<OutboxCount>>> + Send;

    /// How many messages of a leg nobody has taken yet.
    fn undelivered_of_leg(
        &self,
        acd: &AcdKey,
        leg: LegId,
    ) -> impl Future<Output = Result<Undelivered>> + Send;
}

/// What an endpoint becomes after an attempt: the settlement's place and the endpoint before.
pub type Judge<'a> = &'a (dyn Fn(usize, &Endpoint) -> Endpoint + Send + Sync);

/// Where an ACD's messages go, as it has fared. One that was never tried is [`Default`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Endpoint {
    /// The first failure since the last success.
    pub failing_since: Option<DateTime<Utc>>,
    /// The last failure.
    pub last_failure: Option<DateTime<Utc>>,
    /// The last success.
    pub last_success: Option<DateTime<Utc>>,
    /// That it is disabled, since when and why.
    pub disabled: Option<EndpointDisabled>,
}

/// Why nothing is sent to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointDisabled {
    /// Since when.
    pub at: DateTime<Utc>,
    /// Why, in a word.
    pub reason: String,
}

/// What enabling an endpoint did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnabledEndpoint {
    /// What it was before.
    pub before: Endpoint,
    /// How many messages that were pending are taken up again.
    pub pending: u64,
}

/// What was claimed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClaimedMessages {
    /// Messages, in the order in which they should be sent.
    pub messages: Vec<ClaimedMessage>,
    /// The ids of messages that were due and cannot be read. They are exhausted now.
    pub unreadable: Vec<String>,
}

/// A message in somebody's hands.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimedMessage {
    /// Its id.
    pub id: String,
    /// Counted from 1 over the message's life: what [`OutboxStore::settle_messages`] wants to see.
    pub claim: u32,
    /// Its ACD.
    pub acd: AcdKey,
    /// The leg that it tells of.
    pub leg: LegId,
    /// The exact bytes to send.
    pub body: Bytes,
    /// When it was put into the outbox.
    pub created_at: DateTime<Utc>,
    /// How often it was tried in vain since it was put there or replayed.
    pub attempts: u32,
}

/// What became of a claimed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSettlement {
    /// The message's id.
    pub id: String,
    /// The claim under which it was held.
    pub claim: u32,
    /// What the attempt met.
    pub attempt: MessageAttempt,
    /// What follows from it.
    pub outcome: MessageOutcome,
}

/// What one attempt met. `Debug` does not print what was answered.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageAttempt {
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took; kept to the millisecond.
    pub took: Duration,
    /// The status that was answered.
    pub status: Option<u16>,
    /// The kind of failure where nothing was answered, in a word.
    pub failure: Option<String>,
    /// More of that, for people. No secret, no customer data.
    pub reason: Option<String>,
    /// The beginning of what was answered; no more than [`MAX_ANSWER_BYTES`] of it is kept, sealed like details.
    pub answer: Bytes,
}

/// How many bytes of an answer are kept.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageOutcome {
    /// It was taken.
    Delivered,
    /// It is tried again at this time.
    RetryAt(DateTime<Utc>),
    /// It is tried no more, unless it is replayed.
    Exhausted,
}

/// What a settlement did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageSettled {
    /// It was written down.
    Recorded {
        /// The endpoint before.
        before: Endpoint,
        /// What it has become.
        after: Endpoint,
    },
    /// The message is unknown, was claimed again, or is settled: nothing was written.
    NotHeld,
}

/// What a replay did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replayed {
    /// It is due now.
    Due,
    /// Somebody is sending it: nothing was changed.
    UnderWay,
    /// Its body was erased: there is nothing to send.
    Erased,
    /// There is no such message: it never was, or was pruned.
    Unknown,
}

/// How a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageState {
    /// It waits to be sent, for the first time or again.
    Pending,
    /// It was taken.
    Delivered,
    /// It was tried often enough.
    Exhausted,
    /// Its body was erased on request before it was taken: it never will be.
    Erased,
}

impl MessageState {
    /// Every state.
    pub const ALL: [Self; 4] = [
        Self::Pending,
        Self::Delivered,
        Self::Exhausted,
        Self::Erased,
    ];

    /// The word as it stands in filters and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Exhausted => "exhausted",
            Self::Erased => "erased",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A message as the ledger keeps it, without its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageRow {
    /// Its id.
    pub id: String,
    /// Its ACD.
    pub acd: AcdKey,
    /// The leg that it tells of.
    pub leg: LegId,
    /// What it tells.
    pub status: ContactStatus,
    /// How it stands.
    pub state: MessageState,
    /// When it was put into the outbox.
    pub created_at: DateTime<Utc>,
    /// When it may be sent; `None` if it is not pending, or waits for an earlier one of its leg.
    pub due_at: Option<DateTime<Utc>>,
    /// Until when somebody works on it.
    pub lease_until: Option<DateTime<Utc>>,
    /// How often it was tried in vain since it was put there or replayed.
    pub attempts: u32,
    /// What the last attempt met, without what was answered.
    pub last: Option<LastAttempt>,
    /// Since when it is pending no more.
    pub settled_at: Option<DateTime<Utc>>,
}

/// The last attempt to send a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastAttempt {
    /// When it began.
    pub at: DateTime<Utc>,
    /// How many milliseconds it took.
    pub took_ms: u64,
    /// The status that was answered.
    pub status: Option<u16>,
    /// The kind of failure where nothing was answered.
    pub failure: Option<String>,
    /// More of that, for people.
    pub reason: Option<String>,
}

/// A message with its body and the beginning of the last answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRecord {
    /// Everything else.
    pub row: MessageRow,
    /// What is sent.
    pub body: StoredBytes,
    /// The beginning of what was answered last.
    pub answer: StoredBytes,
}

/// Which messages to list. What is empty or `None` asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageFilter {
    /// Of this ACD.
    pub acd: Option<AcdKey>,
    /// In one of these states.
    pub states: Vec<MessageState>,
    /// Of this leg.
    pub leg: Option<LegId>,
    /// Put into the outbox at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Put into the outbox before this time.
    pub to: Option<DateTime<Utc>>,
}

/// A page of messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessagePage {
    /// The messages, the newest first.
    pub messages: Vec<MessageRow>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<RowMark>,
}

/// How many messages of an ACD stand where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutboxCount {
    /// The ACD.
    pub acd: AcdKey,
    /// Its endpoint.
    pub endpoint: Endpoint,
    /// How many wait to be sent.
    pub pending: u64,
    /// When the first of these was put into the outbox.
    pub oldest_pending: Option<DateTime<Utc>>,
    /// How many were taken.
    pub delivered: u64,
    /// How many were tried often enough.
    pub exhausted: u64,
    /// When the first of these was put into the outbox.
    pub oldest_exhausted: Option<DateTime<Utc>>,
}

impl Endpoint {
    /// With all times at the ledger's precision.
    pub(crate) fn floored(self) -> Self {
        Self {
            failing_since: self.failing_since.map(floor_ms),
            last_failure: self.last_failure.map(floor_ms),
            last_success: self.last_success.map(floor_ms),
            disabled: self.disabled.map(|disabled| EndpointDisabled {
                at: floor_ms(disabled.at),
                ..disabled
            }),
        }
    }
}

/// What is still to be taken of a leg's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Undelivered {
    /// Messages that wait to be sent.
    pub pending: u64,
    /// Messages that were tried often enough.
    pub exhausted: u64,
}

impl Undelivered {
    /// Whether everything was taken.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl std::fmt::Debug for ClaimedMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClaimedMessage")
            .field("id", &self.id)
            .field("claim", &self.claim)
            .field("acd", &self.acd)
            .field("leg", &self.leg)
            .field("body_bytes", &self.body.len())
            .field("created_at", &self.created_at)
            .field("attempts", &self.attempts)
            .finish()
    }
}

impl std::fmt::Debug for MessageAttempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageAttempt")
            .field("at", &self.at)
            .field("took", &self.took)
            .field("status", &self.status)
            .field("failure", &self.failure)
            .field("reason", &self.reason)
            .field("answer_bytes", &self.answer.len())
            .finish()
    }
}
