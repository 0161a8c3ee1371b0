//! Requests outside the documented surface: refused, and remembered here.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;

/// How many violations are kept; more are counted, not kept.
const KEPT: usize = 1_000;

/// One request outside the documented surface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Violation {
    /// When it came.
    pub at: DateTime<Utc>,
    /// Method, host and path of the request; never its query's values or its body.
    pub request: String,
    /// What about it the vendor does not document.
    pub what: String,
}

/// All violations of one simulator.
#[derive(Debug, Default)]
pub(crate) struct Violations(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    first: Vec<Violation>,
    count: u64,
}

impl Violations {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers one.
    pub(crate) fn remember(&self, at: DateTime<Utc>, request: String, what: String) {
        let mut kept = self.lock();
        kept.count += 1;
        if kept.first.len() < KEPT {
            kept.first.push(Violation { at, request, what });
        }
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.lock().count
    }

    /// The first thousand, in the order they came.
    pub(crate) fn list(&self) -> Vec<Violation> {
        self.lock().first.clone()
    }
}
