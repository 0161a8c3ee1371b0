//! Holding up single requests: a test then knows what has been done and what has not when it ends a client.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Where a request is held up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldAt {
    /// Its head has come; nothing has been done. If its client is gone by then, what had come of it whole is done all the same.
    Arrival,
    /// It has been done; nothing of its answer has been sent.
    Answer,
}

/// A request that is to be held up. It goes on when this is dropped or the simulator stops.
pub struct Held {
    reached: watch::Receiver<bool>,
    go_on: CancellationToken,
}

impl fmt::Debug for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Held")
            .field("reached", &self.is_reached())
            .finish_non_exhaustive()
    }
}

impl Held {
    /// Whether the request has come to where it is held up.
    pub fn is_reached(&self) -> bool {
        *self.reached.borrow()
    }

    /// Waits until the request has come to where it is held up. Never ends if no such request comes.
    pub async fn reached(&mut self) {
        if self.reached.wait_for(|reached| *reached).await.is_err() {
            // The simulator is gone, and no request will come.
            std::future::pending::<()>().await;
        }
    }

    /// Lets the request go on.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.go_on.cancel();
    }
}

type Picks = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// A request that has not come yet.
struct Awaited {
    at: HoldAt,
    /// How many that fit go by before it.
    before: usize,
    picks: Picks,
    reached: watch::Sender<bool>,
    go_on: CancellationToken,
}

/// The requests that are to be held up.
#[derive(Default)]
pub(crate) struct Holds(Mutex<Vec<Awaited>>);

impl Holds {
    fn lock(&self) -> MutexGuard<'_, Vec<Awaited>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, at: HoldAt, before: usize, picks: Picks) -> Held {
        let (reached, receiver) = watch::channel(false);
        let go_on = CancellationToken::new();
        self.lock().push(Awaited {
            at,
            before,
            picks,
            reached,
            go_on: go_on.clone(),
        });
        Held {
            reached: receiver,
            go_on,
        }
    }

    /// The holds of a request that has come: method, host and path, and its query.
    pub(crate) fn catch(&self, request: &str) -> Caught {
        let mut caught = Vec::new();
        self.lock().retain_mut(|awaited| {
            if awaited.go_on.is_cancelled() {
                return false;
            }
            if !(awaited.picks)(request) {
                return true;
            }
            if let Some(before) = awaited.before.checked_sub(1) {
                awaited.before = before;
                return true;
            }
            caught.push((awaited.at, awaited.reached.clone(), awaited.go_on.clone()));
            false
        });
        Caught(caught)
    }
}

/// What one request is held up by; mostly nothing.
pub(crate) struct Caught(Vec<(HoldAt, watch::Sender<bool>, CancellationToken)>);

impl Caught {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Waits where the request is held up.
    pub(crate) async fn pass(&self, at: HoldAt, stop: &CancellationToken) {
        for (held_at, reached, go_on) in &self.0 {
            if *held_at == at {
                reached.send_replace(true);
                tokio::select! {
                    () = go_on.cancelled() => {}
                    () = stop.cancelled() => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_request_that_was_counted_to_waits_where_it_should_and_no_other_does() {
        let (holds, stop) = (Holds::default(), CancellationToken::new());
        let mut held = holds.add(
            HoldAt::Answer,
            1,
            Box::new(|request| request.contains("/b")),
        );
        for passes in ["GET /a", "GET /b", "GET /a"] {
            let caught = holds.catch(passes);
            caught.pass(HoldAt::Arrival, &stop).await;
            caught.pass(HoldAt::Answer, &stop).await;
        }
        assert!(!held.is_reached());
        let caught = holds.catch("GET /b");
        caught.pass(HoldAt::Arrival, &stop).await;
        let waiting = tokio::spawn(async move { caught.pass(HoldAt::Answer, &stop).await });
        held.reached().await;
        assert!(!waiting.is_finished());
        held.release();
        waiting.await.unwrap();
        assert!(holds.lock().is_empty());
    }

    #[tokio::test]
    async fn nothing_waits_for_a_hold_that_was_dropped_or_once_the_simulator_stops() {
        let (holds, stop) = (Holds::default(), CancellationToken::new());
        drop(holds.add(HoldAt::Arrival, 0, Box::new(|_| true)));
        holds.catch("GET /a").pass(HoldAt::Arrival, &stop).await;
        let held = holds.add(HoldAt::Arrival, 0, Box::new(|_| true));
        stop.cancel();
        holds.catch("GET /a").pass(HoldAt::Arrival, &stop).await;
        assert!(held.is_reached());
    }
}
