//! Group commit: requests that wait together are committed together.
//!
//! A durable commit costs about the same for one event as for hundreds. One task commits; what arrives meanwhile waits in a bounded queue and is the next group.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::timeout;

use crate::quiet::Quiet;
use crate::{InboundEvent, Inbox, InboxError, Limits, Observation, Observer};

/// The events of one request, on their way to the inbox.
#[derive(Debug)]
struct Submission {
    events: Vec<InboundEvent>,
    done: oneshot::Sender<Result<(), NotCommitted>>,
    /// The room that the events take.
    _room: Option<OwnedSemaphorePermit>,
}

/// Events were not committed. They are to be delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotCommitted;

/// The requests between their head and their answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    /// Counts one request until the guard is dropped.
    pub(crate) fn enter(&self) -> UnderWayGuard {
        self.0.fetch_add(1, Ordering::Relaxed);
        UnderWayGuard(self.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(crate) struct UnderWayGuard(UnderWay);

impl Drop for UnderWayGuard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Hands events to the committer. The committer ends when all of these are gone.
#[derive(Debug, Clone)]
pub(crate) struct Commits(mpsc::Sender<Submission>);

impl Commits {
    /// Ends when the events are durable, or are known not to be. Safe to drop at any time: they may then be committed all the same.
    pub(crate) async fn commit(
        &self,
        events: Vec<InboundEvent>,
        room: Option<OwnedSemaphorePermit>,
    ) -> Result<(), NotCommitted> {
        let (done, answer) = oneshot::channel();
        let submission = Submission {
            events,
            done,
            _room: room,
        };
        self.0.try_send(submission).map_err(|_| NotCommitted)?;
        answer.await.unwrap_or(Err(NotCommitted))
    }
}

/// The one task that commits.
#[derive(Debug)]
pub(crate) struct Committer<I, O> {
    queue: mpsc::Receiver<Submission>,
    inbox: I,
    observer: O,
    under_way: UnderWay,
    limits: Limits,
    failed: Quiet,
}

impl<I: Inbox, O: Observer> Committer<I, O> {
    pub(crate) fn new(
        inbox: I,
        observer: O,
        under_way: UnderWay,
        limits: Limits,
    ) -> (Commits, Self) {
        let (sender, queue) = mpsc::channel(limits.queue.max(1));
        let committer = Self {
            queue,
            inbox,
            observer,
            under_way,
            limits,
            failed: Quiet::default(),
        };
        (Commits(sender), committer)
    }

    /// Commits what comes until nobody can send any more.
    pub(crate) async fn run(mut self) {
        while let Some(first) = self.queue.recv().await {
            let mut group = self.gather(first).await;
            // Whoever gave up waiting was told to deliver again, and will.
            group.retain(|submission| !submission.done.is_closed());
            if !group.is_empty() {
                self.commit(group).await;
            }
        }
    }

    /// What waits already, and, where requests are still being read, what comes within a moment.
    async fn gather(&mut self, first: Submission) -> Vec<Submission> {
        let mut events = first.events.len();
        let mut group = vec![first];
        let mut waited = false;
        while events < self.limits.commit_events {
            match self.queue.try_recv() {
                Ok(next) => {
                    events += next.events.len();
                    group.push(next);
                }
                Err(_) if waited || self.under_way.count() <= group.len() => break,
                Err(_) => {
                    waited = true;
                    tokio::time::sleep(self.limits.gather).await;
                }
            }
        }
        group
    }

    async fn commit(&self, group: Vec<Submission>) {
        let started = Instant::now();
        let together = if group.len() == 1 {
            None
        } else {
            let events = group.iter().flat_map(|one| one.events.iter().cloned());
            Some(self.receive(events.collect(), group.len(), started).await)
        };
        match together {
            Some(Ok(())) => {
                for submission in group {
                    // Whoever no longer waits has no use for the answer.
                    let _ = submission.done.send(Ok(()));
                }
            }
            // It may be the fault of one request; the others need not suffer for it while there is time.
            None | Some(Err(InboxError::Unavailable { .. })) => {
                for submission in group {
                    let result = self.receive(submission.events, 1, started).await;
                    let _ = submission.done.send(result.map_err(|_| NotCommitted));
                }
            }
            Some(Err(InboxError::Full)) => {
                for submission in group {
                    let _ = submission.done.send(Err(NotCommitted));
                }
            }
        }
    }

    async fn receive(
        &self,
        events: Vec<InboundEvent>,
        requests: usize,
        group_started: Instant,
    ) -> Result<(), InboxError> {
        let started = Instant::now();
        let late = || InboxError::Unavailable {
            reason: "it took too long".to_owned(),
        };
        let left = self
            .limits
            .answer_within
            .saturating_sub(group_started.elapsed());
        let result = if left == Duration::ZERO {
            Err(late())
        } else {
            timeout(left, self.inbox.receive(events, Utc::now()))
                .await
                .unwrap_or_else(|_| Err(late()))
        };
        let took = started.elapsed();
        match result {
            Ok(receipt) => {
                self.observer.observe(Observation::Committed {
                    requests,
                    stored: receipt.stored,
                    duplicates: receipt.duplicates,
                    took,
                });
                Ok(())
            }
            Err(error) => {
                self.observer
                    .observe(Observation::NotCommitted { requests, took });
                if let Some(unsaid) = self.failed.speak(Instant::now()) {
                    tracing::error!(%error, requests, unsaid, took_ms = took.as_millis(), "pushed events were not committed; they will be delivered again");
                }
                Err(error)
            }
        }
    }
}
