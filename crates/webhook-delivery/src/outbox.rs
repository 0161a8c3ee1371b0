//! Where messages wait, and what a store has to do for a deliverer.

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::health::UnknownWord;
use crate::{EndpointEvent, EndpointId, EndpointState, Message, MessageId};

/// A durable store of messages and of what is known of endpoints. How messages get in is its own affair: best in the
/// transaction that makes what they tell true.
///
/// Every method is one transaction. The suite in `conformance` (a feature) checks these rules:
///
/// * **Order.** Of the messages with one endpoint and one key only the first in order of arrival that still
///   [waits](MessageState::Waiting) can be claimed. It holds the later ones up while it waits for a retry and while it is
///   claimed, and the next is due at once when it no longer does. What is delivered or exhausted holds nothing up; keys and
///   endpoints never hold each other up.
/// * **Claims.** A message is in one pair of hands until its lease is over, and can then be claimed again under the next
///   number. What the earlier holder settles after that changes nothing.
/// * **Disabled endpoints** yield nothing; their messages wait until somebody enables them.
/// * **Replay** gives a message its old place in the order, with the same id and the same bytes.
///
/// Times may be floored to the millisecond.
pub trait Outbox: Send + Sync {
    /// What can go wrong in the store.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Claims at most `limit` due messages of one endpoint, those due longest first.
    fn claim(
        &self,
        endpoint: &EndpointId,
        limit: usize,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<Claim>, Self::Error>> + Send;

    /// Records attempts, all or none, in the order given: message, claim and endpoint. One answer each, in that order.
    fn settle(
        &self,
        settlements: &[Settlement],
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<Settled>, Self::Error>> + Send;

    /// What is known of an endpoint; the default where nothing is.
    fn endpoint(
        &self,
        id: &EndpointId,
    ) -> impl Future<Output = Result<EndpointState, Self::Error>> + Send;

    /// Enables an endpoint again. All its waiting messages that nobody holds become due now and begin a new round of attempts.
    /// Gives the state before.
    fn enable(
        &self,
        id: &EndpointId,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<EndpointState, Self::Error>> + Send;

    /// One message, if it is known.
    fn message(
        &self,
        id: &MessageId,
    ) -> impl Future<Output = Result<Option<MessageRow>, Self::Error>> + Send;

    /// Makes a message due now, whatever became of it, with a new round of attempts.
    fn replay(
        &self,
        id: &MessageId,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Replayed, Self::Error>> + Send;

    /// Makes the settled messages of a range due now, and tells how many.
    fn replay_range(
        &self,
        range: &ReplayRange,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<u64, Self::Error>> + Send;
}

/// A message in somebody's hands until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The message.
    pub message: Message,
    /// The number of the claim, counted from 1 over the message's life.
    pub claim: u32,
}

/// What becomes of a message after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// It was taken. It is not sent again, unless it is replayed.
    Delivered,
    /// It was not; the next attempt is due then.
    RetryAt(DateTime<Utc>),
    /// It was not, and this was the last attempt of the round.
    Exhausted,
}

/// What one attempt met.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began; its whole seconds were signed.
    pub at: DateTime<Utc>,
    /// How long it took, the answer's body included.
    pub took: Duration,
    /// What came of it.
    pub result: AttemptResult,
    /// The beginning of the answer's body, at most [`MAX_RESPONSE`](crate::MAX_RESPONSE) bytes. It is somebody else's text: show it to
    /// people who ask for it, and put it into no log.
    pub response: Bytes,
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("at", &self.at)
            .field("took", &self.took)
            .field("result", &self.result)
            .field("response_bytes", &self.response.len())
            .finish()
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptResult {
    /// The endpoint answered with this status. 200 to 299 is success and nothing else is.
    Answered(u16),
    /// There was no answer.
    Failed {
        /// The kind.
        kind: FailureKind,
        /// A sentence for people, without secrets and customers' data.
        reason: String,
    },
}

impl AttemptResult {
    /// Whether the message was taken.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }
}

impl fmt::Display for AttemptResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(status @ 300..=399) => {
                write!(f, "status {status} (redirects are not followed)")
            }
            Self::Answered(status) => write!(f, "status {status}"),
            Self::Failed { reason, .. } => f.write_str(reason),
        }
    }
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The guard let no address of the host through.
    Refused,
    /// No connection was made: unknown host, refused, TLS refused.
    NoConnection,
    /// No answer came in time.
    Timeout,
    /// The connection broke before the answer.
    ConnectionLost,
    /// The request could not be put on the wire.
    Unsendable,
}

impl FailureKind {
    const ALL: [Self; 5] = [
        Self::Refused,
        Self::NoConnection,
        Self::Timeout,
        Self::ConnectionLost,
        Self::Unsendable,
    ];

    /// The word as it stands in reports and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::NoConnection => "no-connection",
            Self::Timeout => "timeout",
            Self::ConnectionLost => "connection-lost",
            Self::Unsendable => "unsendable",
        }
    }
}

impl FromStr for FailureKind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownWord)
    }
}

/// An attempt, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The claim under which it was made.
    pub claim: Claim,
    /// What it met.
    pub attempt: Attempt,
    /// What becomes of the message.
    pub outcome: AttemptOutcome,
    /// What it says about the endpoint; a store applies it with [`EndpointState::after`].
    pub event: EndpointEvent,
}

/// Whether a settlement was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It was.
    Recorded {
        /// The endpoint before.
        before: EndpointState,
        /// The endpoint now.
        after: EndpointState,
    },
    /// The message was claimed again or settled meanwhile, or is not known: nothing was changed.
    NotHeld,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageState {
    /// It waits for an attempt.
    Waiting {
        /// When it is due.
        due: DateTime<Utc>,
    },
    /// It was taken.
    Delivered {
        /// When that was recorded.
        at: DateTime<Utc>,
    },
    /// All attempts of its round failed.
    Exhausted {
        /// When that was recorded.
        at: DateTime<Utc>,
    },
}

impl MessageState {
    /// The word as it stands in reports and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Delivered { .. } => "delivered",
            Self::Exhausted { .. } => "exhausted",
        }
    }
}

/// A message as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// The message.
    pub message: Message,
    /// What became of it.
    pub state: MessageState,
    /// Until when somebody holds it.
    pub claimed_until: Option<DateTime<Utc>>,
    /// The last attempt.
    pub last_attempt: Option<Attempt>,
}

/// Which settled messages are replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRange {
    /// Of this endpoint only.
    pub endpoint: Option<EndpointId>,
    /// Created then or later.
    pub from: DateTime<Utc>,
    /// Created before.
    pub to: DateTime<Utc>,
    /// Which of them.
    pub which: ReplayWhich,
}

/// Which messages of a range are replayed. Those that wait are due anyway, and are left as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayWhich {
    /// Those that were not delivered in all attempts.
    Exhausted,
    /// Those that were delivered, too.
    Settled,
}

/// What a replay did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// The message is due.
    Due,
    /// Somebody is sending it at this moment: nothing was changed.
    UnderWay,
    /// There is no such message.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_store_are_read_back() {
        for kind in FailureKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!("else".parse::<FailureKind>(), Err(UnknownWord));
    }

    #[test]
    fn success_is_a_status_of_the_two_hundreds_and_nothing_else() {
        for (status, success) in [
            (199, false),
            (200, true),
            (299, true),
            (300, false),
            (304, false),
            (404, false),
        ] {
            assert_eq!(
                AttemptResult::Answered(status).is_success(),
                success,
                "{status}"
            );
        }
        assert_eq!(
            AttemptResult::Answered(307).to_string(),
            "status 307 (redirects are not followed)"
        );
    }

    #[test]
    fn printing_an_attempt_shows_nothing_of_the_answer() {
        let attempt = Attempt {
            at: DateTime::UNIX_EPOCH,
            took: Duration::from_millis(7),
            result: AttemptResult::Answered(500),
            response: Bytes::from_static(b"hunter2"),
        };
        let printed = format!("{attempt:?}");
        assert!(
            !printed.contains("hunter2") && printed.contains("response_bytes: 7"),
            "{printed}"
        );
    }
}
