//! What the outside may watch.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{AttemptOutcome, AttemptResult, DisabledReason, EndpointId, MessageId};

/// Something happened. Everything in it may stand in a log; the endpoint may label a metric, the message's id may not.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum DeliveryEvent {
    /// An attempt ended and was recorded.
    Attempted {
        /// The endpoint.
        endpoint: EndpointId,
        /// The message.
        message: MessageId,
        /// The attempt, counted from 1 in its round.
        attempt: u32,
        /// What came of it.
        result: AttemptResult,
        /// What becomes of the message.
        outcome: AttemptOutcome,
        /// How long it took.
        took: Duration,
        /// From the message's creation to the end of this attempt.
        age: Duration,
    },
    /// An endpoint is not called any more, until somebody enables it: tell a person.
    EndpointDisabled {
        /// The endpoint.
        endpoint: EndpointId,
        /// Why.
        reason: DisabledReason,
        /// The first of its failures.
        failing_since: Option<DateTime<Utc>>,
    },
    /// An endpoint took a message after it had failed.
    EndpointRecovered {
        /// The endpoint.
        endpoint: EndpointId,
        /// The first of its failures.
        failing_since: DateTime<Utc>,
    },
    /// The outbox could not be read or written; it is tried again.
    OutboxFailed {
        /// The endpoint that was worked for.
        endpoint: EndpointId,
        /// What was tried: `claim` or `settle`.
        operation: &'static str,
    },
}

/// Receives events. It is called on the worker's task, so it must be quick and must not block.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn observe(&self, event: &DeliveryEvent);
}

impl<F: Fn(&DeliveryEvent) + Send + Sync> Observer for F {
    fn observe(&self, event: &DeliveryEvent) {
        self(event);
    }
}
