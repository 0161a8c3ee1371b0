//! Processes that end at the wrong moment, and stores that fail.
#![allow(clippy::unwrap_used)]

use crate::common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use common::receiver::{Receiver, Reply};
use common::{Stage, at, during, endpoint, eventually, id, message, settings};
use tokio_util::sync::CancellationToken;
use webhook_delivery::{
    Claim, DeliveryEvent, DeliverySettings, EndpointId, EndpointState, MemoryOutbox, MessageId,
    MessageRow, MessageState, Outbox, ReplayRange, Replayed, Settled, Settlement,
};

/// An outbox that fails or hangs when it is told to.
struct Shaky {
    kept: Arc<MemoryOutbox>,
    claims_fail: AtomicUsize,
    settles_fail: AtomicUsize,
    settles_hang: AtomicBool,
}

#[derive(Debug, thiserror::Error)]
#[error("the disk is full")]
struct DiskFull;

impl Shaky {
    fn new(kept: &Arc<MemoryOutbox>) -> Self {
        Self {
            kept: Arc::clone(kept),
            claims_fail: AtomicUsize::new(0),
            settles_fail: AtomicUsize::new(0),
            settles_hang: AtomicBool::new(false),
        }
    }

    fn fails(left: &AtomicUsize) -> Result<(), DiskFull> {
        let once = |left: usize| left.checked_sub(1);
        match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, once) {
            Ok(_) => Err(DiskFull),
            Err(_) => Ok(()),
        }
    }
}

fn fine<T>(result: Result<T, std::convert::Infallible>) -> Result<T, DiskFull> {
    result.map_err(|never| match never {})
}

impl Outbox for Shaky {
    type Error = DiskFull;

    async fn claim(
        &self,
        endpoint: &EndpointId,
        limit: usize,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<Claim>, DiskFull> {
        Self::fails(&self.claims_fail)?;
        fine(self.kept.claim(endpoint, limit, now, lease_until).await)
    }

    async fn settle(
        &self,
        settlements: &[Settlement],
        now: DateTime<Utc>,
    ) -> Result<Vec<Settled>, DiskFull> {
        if self.settles_hang.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Self::fails(&self.settles_fail)?;
        fine(self.kept.settle(settlements, now).await)
    }

    async fn endpoint(&self, id: &EndpointId) -> Result<EndpointState, DiskFull> {
        fine(self.kept.endpoint(id).await)
    }

    async fn enable(&self, id: &EndpointId, now: DateTime<Utc>) -> Result<EndpointState, DiskFull> {
        fine(self.kept.enable(id, now).await)
    }

    async fn message(&self, id: &MessageId) -> Result<Option<MessageRow>, DiskFull> {
        fine(self.kept.message(id).await)
    }

    async fn replay(&self, id: &MessageId, now: DateTime<Utc>) -> Result<Replayed, DiskFull> {
        fine(self.kept.replay(id, now).await)
    }

    async fn replay_range(&self, range: &ReplayRange, now: DateTime<Utc>) -> Result<u64, DiskFull> {
        fine(self.kept.replay_range(range, now).await)
    }
}

#[tokio::test]
async fn a_crash_between_send_and_record_sends_again_with_the_same_id() {
    let receiver = Receiver::start(|_, _| Reply::status(200)).await;
    let stage = Stage::new();
    stage.outbox.put(message(1, "leg"));
    stage.outbox.put(message(2, "leg"));
    let shaky = Arc::new(Shaky::new(&stage.outbox));
    shaky.settles_hang.store(true, Ordering::SeqCst);
    let first = stage
        .builder(shaky)
        .endpoint(endpoint("a", &receiver))
        .build()
        .unwrap();
    tokio::select! {
        () = first.run(std::future::pending()) => {}
        () = eventually("sent", || receiver.count() == 1) => {}
    }
    drop(first);
    assert_eq!(stage.row(1).await.last_attempt, None);
    // The next process. As long as the claim lasts, nobody touches the message, nor those behind it.
    let next = stage.deliverer(endpoint("a", &receiver));
    during(&next, async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(receiver.count(), 1);
        stage
            .clock
            .go(TimeDelta::from_std(settings().lease()).unwrap());
        eventually("delivered", || stage.told.attempts() == 2).await;
    })
    .await;
    let (first, second) = (id(1).to_string(), id(2).to_string());
    assert_eq!(receiver.ids(), [first.clone(), first, second]);
    assert!(matches!(
        stage.row(1).await.state,
        MessageState::Delivered { .. }
    ));
}

#[tokio::test]
async fn what_a_failing_store_could_not_record_is_recorded_later_and_not_sent_twice() {
    let receiver = Receiver::start(|_, _| Reply::status(200)).await;
    let stage = Stage::new();
    for number in 0..4 {
        stage
            .outbox
            .put(message(number, &format!("leg-{}", number % 2)));
    }
    let shaky = Arc::new(Shaky::new(&stage.outbox));
    shaky.claims_fail.store(1, Ordering::SeqCst);
    shaky.settles_fail.store(1, Ordering::SeqCst);
    let deliverer = stage
        .builder(shaky)
        .endpoint(endpoint("a", &receiver))
        .build()
        .unwrap();
    during(
        &deliverer,
        eventually("delivered", || stage.told.attempts() == 4),
    )
    .await;
    assert_eq!(receiver.count(), 4);
    let failed: Vec<&'static str> = stage
        .told
        .all()
        .iter()
        .filter_map(|event| match event {
            DeliveryEvent::OutboxFailed { operation, .. } => Some(*operation),
            _ => None,
        })
        .collect();
    assert_eq!(failed, ["claim", "settle"]);
}

#[tokio::test]
async fn a_graceful_stop_records_what_is_under_way_and_begins_nothing() {
    let receiver = Receiver::start(|_, _| Reply::Late(Duration::from_millis(200), 200)).await;
    let stage = Stage::new();
    stage.outbox.put(message(1, "leg"));
    stage.outbox.put(message(2, "leg"));
    let deliverer = stage.deliverer(endpoint("a", &receiver));
    during(
        &deliverer,
        eventually("under way", || receiver.count() == 1),
    )
    .await;
    assert!(matches!(
        stage.row(1).await.state,
        MessageState::Delivered { .. }
    ));
    assert_eq!(stage.row(2).await.last_attempt, None);
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn a_stop_waits_no_longer_than_its_grace() {
    let receiver = Receiver::start(|_, _| Reply::Silence).await;
    let stage = Stage::new();
    stage.outbox.put(message(1, "leg"));
    let settings = DeliverySettings {
        grace: Duration::from_millis(100),
        ..settings()
    };
    let deliverer = stage
        .builder(Arc::clone(&stage.outbox))
        .settings(settings)
        .endpoint(endpoint("a", &receiver))
        .build()
        .unwrap();
    let began = std::time::Instant::now();
    during(
        &deliverer,
        eventually("under way", || receiver.count() == 1),
    )
    .await;
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(stage.row(1).await.claimed_until, Some(at(35)));
}

#[tokio::test]
async fn a_deliverer_that_has_nothing_to_do_is_woken_for_a_message() {
    let receiver = Receiver::start(|_, _| Reply::status(200)).await;
    let stage = Stage::new();
    let settings = DeliverySettings {
        poll: Duration::from_hours(1),
        ..settings()
    };
    let deliverer = stage
        .builder(Arc::clone(&stage.outbox))
        .settings(settings)
        .endpoint(endpoint("a", &receiver))
        .build()
        .unwrap();
    let wake = deliverer.wake();
    during(&deliverer, async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stage.outbox.put(message(1, "leg"));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(receiver.count(), 0);
        wake.wake();
        eventually("delivered", || stage.told.attempts() == 1).await;
    })
    .await;
}

#[tokio::test]
async fn a_deliverer_without_endpoints_waits_for_its_stop() {
    let stage = Stage::new();
    let deliverer = stage.builder(Arc::clone(&stage.outbox)).build().unwrap();
    let stop = CancellationToken::new();
    let running = deliverer.run(stop.cancelled());
    assert!(
        tokio::time::timeout(Duration::from_millis(20), running)
            .await
            .is_err()
    );
    stop.cancel();
    deliverer.run(stop.cancelled()).await;
}
