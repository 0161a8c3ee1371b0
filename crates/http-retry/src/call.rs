//! What a caller says about a call, beside the request itself.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::{Idempotency, RetryPolicy};

/// How long each stage of an attempt may take. `Default` gives the real defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Making the connection, TLS included (default 10 s). One value per client: the connection pool knows no calls.
    pub connect: Duration,
    /// From the last movement of the request's body to the answer's headers (default 30 s).
    pub headers: Duration,
    /// Between two pieces of the answer's body (default 30 s).
    pub idle: Duration,
    /// Waiting for a free slot under the concurrency limit (default 10 min).
    pub slot: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            headers: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            slot: Duration::from_mins(10),
        }
    }
}

/// What the closure that builds a request knows about the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Counted from 1.
    pub number: u32,
    /// The status with which the attempt before this one ended, if it ended with one.
    pub previous_status: Option<u16>,
}

/// A kind of call: its name for metrics and errors, and what may be done when it fails.
#[derive(Debug, Clone)]
pub struct Call {
    pub(crate) name: &'static str,
    pub(crate) idempotency: Idempotency,
    pub(crate) policy: Option<RetryPolicy>,
    pub(crate) deadlines: Option<Deadlines>,
    pub(crate) accepted: BTreeSet<u16>,
    pub(crate) accept_all: bool,
    pub(crate) retry_unauthorized: bool,
}

impl Call {
    /// A call under the client's own policy and deadlines.
    ///
    /// `name` is a fixed word such as `twilio.recordings.get`: it labels metrics, so it must not hold SIDs.
    pub fn new(name: &'static str, idempotency: Idempotency) -> Self {
        Self {
            name,
            idempotency,
            policy: None,
            deadlines: None,
            accepted: BTreeSet::new(),
            accept_all: false,
            retry_unauthorized: true,
        }
    }

    /// Another policy than the client's.
    pub fn policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Other deadlines than the client's; `connect` stays the client's.
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = Some(deadlines);
        self
    }

    /// Takes this status as an answer like a success: it is neither tried again nor an error.
    pub fn accept(mut self, status: u16) -> Self {
        self.accepted.insert(status);
        self
    }

    /// Takes every status as an answer: for a caller that judges them itself.
    pub fn accept_all(mut self) -> Self {
        self.accept_all = true;
        self
    }

    pub(crate) fn accepts(&self, status: u16) -> bool {
        self.accept_all || self.accepted.contains(&status)
    }

    /// Makes a first 401 an authentication failure: for a caller that renews its session itself.
    pub fn unauthorized_at_once(mut self) -> Self {
        self.retry_unauthorized = false;
        self
    }

    /// The call's name.
    pub fn name(&self) -> &'static str {
        self.name
    }
}
