//! Requests outside the documented surface: refused, and remembered here.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How many violations are kept; more are counted, not kept.
const KEPT: usize = 1_000;

/// One request outside the documented surface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug)]
pub(crate) struct Violations {
    strict: bool,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    first: Vec<Violation>,
    count: u64,
}

impl Violations {
    /// None yet. Where not `strict`, none ever.
    pub(crate) fn new(strict: bool) -> Self {
        Self {
            strict,
            kept: Mutex::default(),
        }
    }

    /// Whether undocumented requests are refused and remembered.
    pub(crate) fn strict(&self) -> bool {
        self.strict
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers one, where they are remembered.
    pub(crate) fn remember(&self, at: DateTime<Utc>, request: String, what: String) {
        if !self.strict {
            return;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn remember(violations: &Violations, times: u64) {
        for _ in 0..times {
            violations.remember(DateTime::UNIX_EPOCH, "GET a".to_owned(), "b".to_owned());
        }
    }

    #[test]
    fn the_first_are_kept_and_all_are_counted() {
        let violations = Violations::new(true);
        remember(&violations, 1_500);
        assert_eq!((violations.count(), violations.list().len()), (1_500, KEPT));
    }

    #[test]
    fn where_not_strict_nothing_is_remembered() {
        let violations = Violations::new(false);
        remember(&violations, 3);
        assert_eq!((violations.count(), violations.list().len()), (0, 0));
    }
}
