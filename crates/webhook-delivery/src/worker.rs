//! The loop of one endpoint.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    AttemptOutcome, AttemptResult, Claim, DeliveryEvent, DeliverySettings, EndpointEvent,
    EndpointId, EndpointState, Observer, Outbox, Sender, Sent, Settled, Settlement,
};

/// The wait after the store failed, so that it is not stormed.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// What the loops of all endpoints share.
pub(crate) struct Shared<O> {
    pub(crate) outbox: Arc<O>,
    /// Attempts under way, over all endpoints.
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) settings: DeliverySettings,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    pub(crate) random: Arc<dyn Fn() -> f64 + Send + Sync>,
}

pub(crate) struct Worker<O> {
    pub(crate) shared: Arc<Shared<O>>,
    pub(crate) sender: Arc<Sender>,
    pub(crate) wake: Arc<Notify>,
}

/// What a loop has in its hands.
#[derive(Default)]
struct Hands {
    /// Attempts under way. They are aborted when the loop is dropped.
    flights: JoinSet<Settlement>,
    /// Attempts that ended and are not recorded yet.
    ended: Vec<Settlement>,
    /// A slot that was waited for.
    spare: Option<OwnedSemaphorePermit>,
}

/// What to wait for when there is nothing to do at once.
enum Rest {
    /// Until something ends, somebody wakes, or it is time to look.
    Until(Instant),
    /// Other endpoints have all slots: until one is free, or something ends.
    ForSlot,
}

impl<O: Outbox + 'static> Worker<O> {
    pub(crate) async fn run(&self, stopping: &CancellationToken) {
        let mut hands = Hands::default();
        while !stopping.is_cancelled() {
            let rest = if self.settle(&mut hands).await {
                self.take_off(&mut hands).await
            } else {
                // Nothing is claimed while records wait: so no claim runs out in our own hands.
                Rest::Until(Instant::now() + STORE_PAUSE)
            };
            self.rest(&mut hands, rest, stopping).await;
        }
        let ending = self.end(&mut hands);
        if tokio::time::timeout(self.shared.settings.grace, ending)
            .await
            .is_err()
        {
            tracing::info!(
                endpoint = %self.id(),
                under_way = hands.flights.len(),
                "webhooks under way were dropped at the stop; they are sent again with the same ids"
            );
        }
    }

    fn id(&self) -> &EndpointId {
        self.sender.endpoint().id()
    }

    /// Claims as much as there is room for, and sends it off.
    async fn take_off(&self, hands: &mut Hands) -> Rest {
        let settings = &self.shared.settings;
        let look = Rest::Until(Instant::now() + settings.poll);
        let room = settings
            .endpoint_concurrency
            .saturating_sub(hands.flights.len());
        if room == 0 {
            return look;
        }
        let mut slots: Vec<OwnedSemaphorePermit> = hands.spare.take().into_iter().collect();
        while slots.len() < room
            && let Ok(slot) = Arc::clone(&self.shared.slots).try_acquire_owned()
        {
            slots.push(slot);
        }
        if slots.is_empty() {
            return Rest::ForSlot;
        }
        let now = (self.shared.clock)();
        let lease = TimeDelta::from_std(settings.lease()).unwrap_or(TimeDelta::MAX);
        let claimed = self
            .shared
            .outbox
            .claim(self.id(), slots.len(), now, now + lease);
        match claimed.await {
            Ok(claims) => {
                // A store that gives more than was asked for gets it back when the leases are over.
                for (claim, slot) in claims.into_iter().zip(slots) {
                    hands.flights.spawn(fly(
                        Arc::clone(&self.shared),
                        Arc::clone(&self.sender),
                        claim,
                        slot,
                    ));
                }
                look
            }
            Err(error) => {
                self.outbox_failed("claim", &error);
                Rest::Until(Instant::now() + STORE_PAUSE)
            }
        }
    }

    async fn rest(&self, hands: &mut Hands, rest: Rest, stopping: &CancellationToken) {
        let Hands {
            flights,
            ended,
            spare,
        } = hands;
        // Every branch is cancel-safe. After the store failed, neither an end nor a call cuts the pause short.
        let records_wait = !ended.is_empty();
        let until = match rest {
            Rest::Until(until) => until,
            Rest::ForSlot => Instant::now() + self.shared.settings.poll,
        };
        let wants_slot = matches!(rest, Rest::ForSlot);
        tokio::select! {
            Some(landed) = flights.join_next(), if !records_wait => {
                self.landed(landed, ended);
                while let Some(landed) = flights.try_join_next() {
                    self.landed(landed, ended);
                }
            }
            slot = Arc::clone(&self.shared.slots).acquire_owned(), if wants_slot => *spare = slot.ok(),
            () = self.wake.notified(), if !records_wait => {}
            () = tokio::time::sleep_until(until) => {}
            () = stopping.cancelled() => {}
        }
    }

    fn landed(
        &self,
        landed: Result<Settlement, tokio::task::JoinError>,
        ended: &mut Vec<Settlement>,
    ) {
        match landed {
            Ok(settlement) => ended.push(settlement),
            // Its claim runs out, and it is sent again.
            Err(error) => {
                tracing::error!(endpoint = %self.id(), %error, "sending a webhook panicked");
            }
        }
    }

    /// Waits for what is under way, and records it.
    async fn end(&self, hands: &mut Hands) {
        loop {
            if !self.settle(hands).await {
                tokio::time::sleep(STORE_PAUSE).await;
                continue;
            }
            match hands.flights.join_next().await {
                Some(landed) => self.landed(landed, &mut hands.ended),
                None => return,
            }
        }
    }

    /// Records what ended; `false` if the store failed and it is to be tried again.
    async fn settle(&self, hands: &mut Hands) -> bool {
        if hands.ended.is_empty() {
            return true;
        }
        let settled = self
            .shared
            .outbox
            .settle(&hands.ended, (self.shared.clock)());
        match settled.await {
            Ok(settled) => {
                for (settlement, settled) in hands.ended.drain(..).zip(settled) {
                    self.tell(settlement, settled);
                }
                true
            }
            Err(error) => {
                self.outbox_failed("settle", &error);
                false
            }
        }
    }

    fn outbox_failed(&self, operation: &'static str, error: &O::Error) {
        tracing::warn!(endpoint = %self.id(), operation, %error, "the outbox failed; trying again");
        self.shared.observer.observe(&DeliveryEvent::OutboxFailed {
            endpoint: self.id().clone(),
            operation,
        });
    }

    fn tell(&self, settlement: Settlement, settled: Settled) {
        let Settled::Recorded { before, after } = settled else {
            tracing::debug!(
                endpoint = %self.id(),
                message = %settlement.claim.message.id,
                "somebody else took this webhook over; the attempt is not counted"
            );
            return;
        };
        log(&settlement);
        let Settlement {
            claim,
            attempt,
            outcome,
            ..
        } = settlement;
        let age = attempt.at.signed_duration_since(claim.message.created_at);
        self.shared.observer.observe(&DeliveryEvent::Attempted {
            endpoint: claim.message.endpoint,
            message: claim.message.id,
            attempt: claim.message.attempts.saturating_add(1),
            result: attempt.result,
            outcome,
            took: attempt.took,
            age: age.to_std().unwrap_or_default() + attempt.took,
        });
        self.tell_of_endpoint(&before, &after);
    }

    fn tell_of_endpoint(&self, before: &EndpointState, after: &EndpointState) {
        let endpoint = self.id().clone();
        if let (None, Some(disabled)) = (before.disabled, after.disabled) {
            tracing::error!(
                %endpoint,
                reason = disabled.reason.as_str(),
                failing_since = ?after.failing_since,
                "the webhook endpoint is disabled: {}; its messages wait until it is enabled again",
                disabled.reason
            );
            self.shared
                .observer
                .observe(&DeliveryEvent::EndpointDisabled {
                    endpoint,
                    reason: disabled.reason,
                    failing_since: after.failing_since,
                });
        } else if let (Some(failing_since), None) = (before.failing_since, after.failing_since) {
            tracing::info!(%endpoint, %failing_since, "the webhook endpoint works again");
            self.shared
                .observer
                .observe(&DeliveryEvent::EndpointRecovered {
                    endpoint,
                    failing_since,
                });
        }
    }
}

/// One attempt, and what follows from it. The slot is held to its end.
async fn fly<O: Outbox>(
    shared: Arc<Shared<O>>,
    sender: Arc<Sender>,
    claim: Claim,
    slot: OwnedSemaphorePermit,
) -> Settlement {
    let began = (shared.clock)();
    let sent = sender.send(&claim.message, began).await;
    drop(slot);
    let sent = sent.unwrap_or_else(|error| Sent::unsendable(began, &error));
    let at = (shared.clock)();
    judge(claim, sent, at, &shared.settings, (shared.random)())
}

/// What an attempt that ended at `at` comes to, for the message and for the endpoint.
fn judge(
    claim: Claim,
    sent: Sent,
    at: DateTime<Utc>,
    settings: &DeliverySettings,
    random: f64,
) -> Settlement {
    let Sent {
        attempt,
        retry_after,
    } = sent;
    let failed = claim.message.attempts.saturating_add(1);
    let retry = |wait: Duration| {
        let due = TimeDelta::from_std(wait)
            .ok()
            .and_then(|wait| at.checked_add_signed(wait));
        AttemptOutcome::RetryAt(due.unwrap_or(DateTime::<Utc>::MAX_UTC))
    };
    let (outcome, event) = match attempt.result {
        AttemptResult::Answered(200..=299) => {
            (AttemptOutcome::Delivered, EndpointEvent::Succeeded { at })
        }
        // The message is not lost: it waits with the others until the endpoint is enabled.
        AttemptResult::Answered(410) => (retry(Duration::ZERO), EndpointEvent::Gone { at }),
        _ => (
            settings
                .schedule
                .next(failed, retry_after, random)
                .map_or(AttemptOutcome::Exhausted, retry),
            EndpointEvent::Failed {
                at,
                rule: settings.disable,
            },
        ),
    };
    Settlement {
        claim,
        attempt,
        outcome,
        event,
    }
}

fn log(settlement: &Settlement) {
    let message = &settlement.claim.message;
    let (endpoint, id) = (&message.endpoint, &message.id);
    let attempt = message.attempts.saturating_add(1);
    let took_ms = u64::try_from(settlement.attempt.took.as_millis()).unwrap_or(u64::MAX);
    let result = &settlement.attempt.result;
    match settlement.outcome {
        AttemptOutcome::Delivered => {
            tracing::debug!(%endpoint, message = %id, attempt, took_ms, "webhook delivered");
        }
        AttemptOutcome::RetryAt(due) => {
            tracing::info!(%endpoint, message = %id, attempt, took_ms, %result, %due, "webhook not delivered; trying again");
        }
        AttemptOutcome::Exhausted => {
            tracing::warn!(%endpoint, message = %id, attempt, took_ms, %result, "webhook not delivered in all attempts; replay it once the endpoint works");
        }
    }
}
