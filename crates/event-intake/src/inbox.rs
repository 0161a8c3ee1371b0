//! Where events go before they are answered.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use flex_events::WireForm;

/// How the inbox knows an ACD. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AcdKey(Arc<str>);

impl AcdKey {
    /// Takes a key as it is.
    pub fn new(key: impl Into<Arc<str>>) -> Self {
        Self(key.into())
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AcdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One event, authenticated and not yet read.
///
/// `Debug` shows how long the payload is and nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct InboundEvent {
    /// The ACD whose feed it came by.
    pub acd: AcdKey,
    /// What tells it from every other event of the ACD: at most 200 printable ASCII characters, the same however often it comes.
    pub id: String,
    /// Its type as Twilio wrote it: at most 200 printable ASCII characters.
    pub kind: String,
    /// The form in which [`Pushed::read`](flex_events::Pushed::read) reads the payload.
    pub form: WireForm,
    /// When it happened, where it says so.
    pub at: Option<DateTime<Utc>>,
    /// When the request was received.
    pub received_at: DateTime<Utc>,
    /// The event as JSON, as it came (of a form: its fields as an object). Holds what customers wrote: seal it where it rests.
    pub payload: Bytes,
}

impl fmt::Debug for InboundEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundEvent")
            .field("acd", &self.acd)
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("form", &self.form)
            .field("at", &self.at)
            .field("received_at", &self.received_at)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish()
    }
}

/// What became of the events of one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Receipt {
    /// Events that were new.
    pub stored: u64,
    /// Events that were there already, or twice among those of the commit.
    pub duplicates: u64,
}

/// Why nothing was committed. Twilio is told to deliver again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InboxError {
    /// There is no more room for events that nobody has read.
    #[error("the inbox is full")]
    Full,
    /// It could not be done now.
    #[error("the inbox could not commit: {reason}")]
    Unavailable {
        /// Why, without anything that a customer wrote.
        reason: String,
    },
}

/// Keeps events until they are read.
pub trait Inbox: Send + Sync + 'static {
    /// Makes all of the events durable, or none.
    ///
    /// An event whose ACD and id are there already changes nothing and counts as a duplicate; so does one that occurs twice among these. `now` is the
    /// time of the commit. There is one call at a time. The future may be dropped when it takes too long: it must then have
    /// done all or nothing, and either is well, since Twilio delivers again.
    fn receive(
        &self,
        events: Vec<InboundEvent>,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Receipt, InboxError>> + Send;
}

impl<I: Inbox> Inbox for Arc<I> {
    fn receive(
        &self,
        events: Vec<InboundEvent>,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Receipt, InboxError>> + Send {
        I::receive(self, events, now)
    }
}
