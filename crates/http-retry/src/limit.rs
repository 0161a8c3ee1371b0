//! How many calls may be under way at one vendor account.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A number of slots, shared by all clones.
///
/// Twilio counts concurrent requests per account, so every client of an account is given a clone of one limit. A slot
/// is held from before the request is sent until the answer's body is read or dropped; it is free during the
/// waits between attempts. A caller that holds an answer and calls again under the same limit uses two.
///
/// Waiting callers are served in order.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit {
    slots: Arc<Semaphore>,
    size: usize,
}

impl ConcurrencyLimit {
    /// So many slots, at least one.
    pub fn new(slots: usize) -> Self {
        let size = slots.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            slots: Arc::new(Semaphore::new(size)),
            size,
        }
    }

    /// The number of slots.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The slots in use.
    pub fn in_use(&self) -> usize {
        self.size.saturating_sub(self.slots.available_permits())
    }

    /// A slot, or `None` if none became free in time. Dropping the future gives up the place in the queue.
    pub(crate) async fn acquire(&self, deadline: Duration) -> Option<OwnedSemaphorePermit> {
        let slot = Arc::clone(&self.slots).acquire_owned();
        tokio::time::timeout(deadline, slot).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slot_is_waited_for_until_the_deadline_and_no_longer() {
        let limit = ConcurrencyLimit::new(1);
        let clone = limit.clone();
        let held = limit.acquire(Duration::from_secs(1)).await.unwrap();
        assert_eq!(clone.in_use(), 1);
        assert!(clone.acquire(Duration::from_secs(1)).await.is_none());
        drop(held);
        assert!(clone.acquire(Duration::from_secs(1)).await.is_some());
        assert_eq!(limit.in_use(), 0);
    }

    #[test]
    fn no_limit_is_without_a_slot() {
        assert_eq!(ConcurrencyLimit::new(0).size(), 1);
    }
}
