//! Whether the process is ready, and what keeps it from being so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Named conditions that must all hold before the process is ready. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, bool>>>);

impl Health {
    /// Without any condition; so, ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition that does not hold yet.
    pub fn condition(&self, name: impl Into<String>) -> Condition {
        let condition = Condition {
            health: self.clone(),
            name: name.into(),
        };
        condition.set(false);
        condition
    }

    /// Whether every condition holds.
    pub fn is_ready(&self) -> bool {
        self.lock().values().all(|holds| *holds)
    }

    /// The conditions that do not hold, by name.
    pub fn waiting_for(&self) -> Vec<String> {
        self.lock()
            .iter()
            .filter(|(_, holds)| !**holds)
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, bool>> {
        // The map is whole even if a holder of the lock panicked: each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One condition. Whoever knows about it keeps it up to date; when it is dropped, it no longer counts.
#[derive(Debug)]
pub struct Condition {
    health: Health,
    name: String,
}

impl Condition {
    /// Says whether it holds.
    pub fn set(&self, holds: bool) {
        self.health.lock().insert(self.name.clone(), holds);
    }
}

impl Drop for Condition {
    fn drop(&mut self) {
        self.health.lock().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_when_every_condition_holds() {
        let health = Health::new();
        assert!(health.is_ready());
        let (ledger, twilio) = (health.condition("ledger"), health.condition("twilio"));
        ledger.set(true);
        assert!(!health.is_ready());
        assert_eq!(health.waiting_for(), ["twilio"]);
        twilio.set(true);
        assert!(health.is_ready());
        ledger.set(false);
        drop(ledger);
        assert!(health.is_ready());
    }
}
