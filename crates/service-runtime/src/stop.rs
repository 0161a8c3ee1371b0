//! How a process is asked to end: first gracefully, then at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::RuntimeError;

/// Tells every task when to end. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    gracefully: CancellationToken,
    at_once: CancellationToken,
}

impl Stop {
    /// A stop that nobody has asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks: begin nothing new, end what is under way.
    pub fn request(&self) {
        self.gracefully.cancel();
    }

    /// Asks: end now, whatever is under way.
    pub fn request_at_once(&self) {
        self.gracefully.cancel();
        self.at_once.cancel();
    }

    /// Whether a stop was asked for, of either kind.
    pub fn is_requested(&self) -> bool {
        self.gracefully.is_cancelled()
    }

    /// Whether it was asked for at once.
    pub fn is_at_once(&self) -> bool {
        self.at_once.is_cancelled()
    }

    /// Ends when a stop of either kind was asked for. Safe to drop at any time.
    pub async fn requested(&self) {
        self.gracefully.cancelled().await;
    }

    /// Ends when a stop was asked for at once. Safe to drop at any time.
    pub async fn at_once(&self) {
        self.at_once.cancelled().await;
    }

    /// Runs `work` until it ends or a stop is asked for at once; then it is dropped where it stands, and `None` returned.
    pub async fn unless_at_once<F: Future>(&self, work: F) -> Option<F::Output> {
        self.at_once.run_until_cancelled(work).await
    }
}

/// Listens for signals while it lives: the first SIGTERM or SIGINT asks for a graceful stop, the second for one at once.
#[derive(Debug)]
pub struct Signals(JoinHandle<()>);

impl Signals {
    /// Begins to listen. From now on those signals do not end the process by themselves.
    pub fn listen(stop: &Stop) -> Result<Self, RuntimeError> {
        let mut terminate = signal(SignalKind::terminate()).map_err(RuntimeError::Signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(RuntimeError::Signals)?;
        let stop = stop.clone();
        Ok(Self(tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                };
                if stop.is_requested() {
                    tracing::warn!(signal = name, "stopping at once");
                    stop.request_at_once();
                    return;
                }
                tracing::info!(signal = name, "stopping; a second signal stops at once");
                stop.request();
            }
        })))
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_graceful_request_is_not_one_at_once_and_every_clone_hears_it() {
        let stop = Stop::new();
        let other = stop.clone();
        stop.request();
        other.requested().await;
        assert!(other.is_requested() && !other.is_at_once());
        assert_eq!(other.unless_at_once(async { 7 }).await, Some(7));
        stop.request_at_once();
        other.at_once().await;
        assert_eq!(
            other.unless_at_once(std::future::pending::<()>()).await,
            None
        );
    }
}
