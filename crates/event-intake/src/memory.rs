//! An inbox for tests and trials.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::{AcdKey, InboundEvent, Inbox, InboxError, Receipt};

/// An inbox that forgets everything with the process.
#[derive(Debug)]
pub struct MemoryInbox {
    capacity: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    known: HashSet<(AcdKey, String)>,
    events: Vec<InboundEvent>,
    commits: usize,
}

impl MemoryInbox {
    /// An empty inbox with room for so many events.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            held: Mutex::default(),
        }
    }

    /// The events so far, in the order of their coming.
    pub fn events(&self) -> Vec<InboundEvent> {
        self.held().events.clone()
    }

    /// Takes the events out. Their ids stay known.
    pub fn take(&self) -> Vec<InboundEvent> {
        std::mem::take(&mut self.held().events)
    }

    /// How often something was committed.
    pub fn commits(&self) -> usize {
        self.held().commits
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing between locking and unlocking leaves it half changed.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox for MemoryInbox {
    async fn receive(
        &self,
        events: Vec<InboundEvent>,
        _now: DateTime<Utc>,
    ) -> Result<Receipt, InboxError> {
        let mut held = self.held();
        if held.events.len() + events.len() > self.capacity {
            return Err(InboxError::Full);
        }
        let mut receipt = Receipt::default();
        for event in events {
            if held.known.insert((event.acd.clone(), event.id.clone())) {
                receipt.stored += 1;
                held.events.push(event);
            } else {
                receipt.duplicates += 1;
            }
        }
        held.commits += 1;
        Ok(receipt)
    }
}
