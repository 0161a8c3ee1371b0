//! Who wants to know what the listener sees: metrics and health.

use std::sync::Arc;
use std::time::Duration;

use crate::AcdKey;

/// Told what the listener sees, from within its tasks: be quick, and never block.
pub trait Observer: Send + Sync + 'static {
    /// One thing was seen.
    fn observe(&self, observation: Observation<'_>);
}

/// Nobody wants to know.
impl Observer for () {
    fn observe(&self, _: Observation<'_>) {}
}

impl<O: Observer> Observer for Arc<O> {
    fn observe(&self, observation: Observation<'_>) {
        O::observe(self, observation);
    }
}

/// One thing that the listener saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Observation<'a> {
    /// Requests were committed together.
    Committed {
        /// How many requests.
        requests: usize,
        /// Events that were new.
        stored: u64,
        /// Events that were there already.
        duplicates: u64,
        /// How long it took.
        took: Duration,
    },
    /// A commit failed, or took too long. Its requests are told to come again.
    NotCommitted {
        /// How many requests.
        requests: usize,
        /// How long it took.
        took: Duration,
    },
    /// A request was answered. Each request is told once.
    Answered {
        /// Whose feed it came by; nobody's where the path is unknown.
        acd: Option<&'a AcdKey>,
        /// How.
        outcome: Outcome,
        /// How long it took from the head of the request on.
        took: Duration,
    },
    /// Members of a request that was authentic were not kept.
    LeftOut {
        /// Whose feed they came by.
        acd: &'a AcdKey,
        /// Why.
        fate: Fate,
        /// How many.
        members: u64,
    },
    /// Event Streams tried its sink. What `POST /v1/Sinks/{Sid}/Validate` wants is the id.
    SinkTest {
        /// Whose feed it came by.
        acd: &'a AcdKey,
        /// The id of the test.
        test_id: Option<&'a str>,
    },
}

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Outcome {
    /// What it brought is committed, or is nothing to keep: 200 or 204.
    Accepted,
    /// Its signature is forged: 403.
    Forged,
    /// It proves nothing about who sent it: 401 or 403.
    Unauthenticated,
    /// It is a callback for another account or workspace: 403.
    Foreign,
    /// It brings nothing that can be told as an event: 400.
    Broken,
    /// Its body is too large: 413.
    TooLarge,
    /// It could not be taken in time: 503.
    Unavailable,
    /// Nobody listens on its path: 404.
    UnknownPath,
    /// Its method is not POST: 405.
    Method,
}

impl Outcome {
    /// Every outcome there is.
    pub const ALL: [Self; 9] = [
        Self::Accepted,
        Self::Forged,
        Self::Unauthenticated,
        Self::Foreign,
        Self::Broken,
        Self::TooLarge,
        Self::Unavailable,
        Self::UnknownPath,
        Self::Method,
    ];

    /// A name for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Forged => "forged",
            Self::Unauthenticated => "unauthenticated",
            Self::Foreign => "foreign",
            Self::Broken => "broken",
            Self::TooLarge => "too-large",
            Self::Unavailable => "unavailable",
            Self::UnknownPath => "unknown-path",
            Self::Method => "method",
        }
    }
}

/// Why a member was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fate {
    /// It is of another account or workspace, or says neither.
    Foreign,
    /// It cannot be told which event it is, or whose.
    Broken,
    /// Nothing reads events of its type.
    Unread,
}

impl Fate {
    /// Every fate there is.
    pub const ALL: [Self; 3] = [Self::Foreign, Self::Broken, Self::Unread];

    /// A name for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Broken => "broken",
            Self::Unread => "unread",
        }
    }
}
