//! What the outside may watch: one observation per attempt.

use std::time::Duration;

use crate::{Method, Outcome};

/// One attempt, seen from outside. Everything in it may stand in a log or a metric.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallObservation {
    /// The call's name, a fixed word.
    pub call: &'static str,
    /// The method.
    pub method: Method,
    /// The host that was called.
    pub host: String,
    /// The attempt, counted from 1.
    pub attempt: u32,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// What went wrong; `None` for an attempt that served.
    pub failure: Option<Outcome>,
    /// Whether another attempt follows.
    pub retried: bool,
    /// How long this attempt took, up to the headers (or to the end of the body for calls that collect it).
    pub elapsed: Duration,
}

/// Receives observations. It is called on the calling task, so it must be quick and must not block.
pub trait Observer: Send + Sync {
    /// One attempt ended.
    fn observe(&self, observation: &CallObservation);
}

impl<F: Fn(&CallObservation) + Send + Sync> Observer for F {
    fn observe(&self, observation: &CallObservation) {
        self(observation);
    }
}
