//! What the tests share: messages, endpoints, a clock that a test moves, and what was told.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::format_push_string
)]

pub mod receiver;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use receiver::Receiver;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use webhook_delivery::{
    AddressGuard, Deliverer, DelivererBuilder, DeliveryEvent, DeliverySettings, Endpoint,
    MemoryOutbox, Message, MessageId, MessageRow, MessageState, Outbox, SigningSecret, Verifier,
};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub const OTHER: &str = "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub fn secret(text: &str) -> SigningSecret {
    SigningSecret::parse(&SecretString::from(text)).unwrap()
}

pub fn verifier(secrets: &[&str]) -> Verifier {
    Verifier::new(secrets.iter().map(|text| secret(text).into()))
}

pub fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000 + second, 0).unwrap()
}

pub fn id(number: u8) -> MessageId {
    let mut random = [0; 20];
    random[19] = number;
    MessageId::from_random(random)
}

/// A message of endpoint `a`, created at second 0.
pub fn message(number: u8, key: &str) -> Message {
    message_for("a", number, key)
}

pub fn message_for(endpoint: &str, number: u8, key: &str) -> Message {
    let payload = serde_json::json!({ "number": number, "key": key });
    let (endpoint, key) = (endpoint.parse().unwrap(), key.parse().unwrap());
    Message::new(id(number), endpoint, key, &payload, at(0)).unwrap()
}

pub fn endpoint(name: &str, receiver: &Receiver) -> Endpoint {
    endpoint_with(name, receiver, &[SECRET])
}

pub fn endpoint_with(name: &str, receiver: &Receiver, secrets: &[&str]) -> Endpoint {
    let guard = AddressGuard::new().allow_loopback(receiver.address);
    let secrets = secrets.iter().map(|text| secret(text));
    Endpoint::new(name.parse().unwrap(), &receiver.url(), guard, secrets).unwrap()
}

/// A clock that stands until a test moves it.
#[derive(Clone)]
pub struct Clock(Arc<Mutex<DateTime<Utc>>>);

impl Clock {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(at(0))))
    }

    pub fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    pub fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap() = now;
    }

    pub fn go(&self, by: TimeDelta) {
        let now = self.now();
        self.set(now + by);
    }
}

/// Everything that a deliverer told.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<Vec<DeliveryEvent>>>);

impl Told {
    pub fn all(&self) -> Vec<DeliveryEvent> {
        self.0.lock().unwrap().clone()
    }

    pub fn attempts(&self) -> usize {
        let attempted = |event: &DeliveryEvent| matches!(event, DeliveryEvent::Attempted { .. });
        self.all().iter().filter(|event| attempted(event)).count()
    }

    pub fn disabled(&self) -> Vec<webhook_delivery::DisabledReason> {
        self.all()
            .iter()
            .filter_map(|event| match event {
                DeliveryEvent::EndpointDisabled { reason, .. } => Some(*reason),
                _ => None,
            })
            .collect()
    }
}

/// One outbox, one clock, and what was told.
pub struct Stage {
    pub outbox: Arc<MemoryOutbox>,
    pub clock: Clock,
    pub told: Told,
}

impl Stage {
    pub fn new() -> Self {
        Self {
            outbox: Arc::new(MemoryOutbox::new()),
            clock: Clock::new(),
            told: Told::default(),
        }
    }

    /// Looks every few milliseconds; no spread.
    pub fn builder<O: Outbox + 'static>(&self, outbox: Arc<O>) -> DelivererBuilder<O> {
        let (clock, told) = (self.clock.clone(), self.told.clone());
        Deliverer::builder(outbox)
            .settings(settings())
            .clock(move || clock.now())
            .randomness(|| 0.0)
            .observer(Arc::new(move |event: &DeliveryEvent| {
                told.0.lock().unwrap().push(event.clone());
            }))
    }

    pub fn deliverer(&self, endpoint: Endpoint) -> Deliverer<MemoryOutbox> {
        self.builder(Arc::clone(&self.outbox))
            .endpoint(endpoint)
            .build()
            .unwrap()
    }

    pub async fn row(&self, number: u8) -> MessageRow {
        self.outbox.message(&id(number)).await.unwrap().unwrap()
    }

    pub async fn due(&self, number: u8) -> DateTime<Utc> {
        match self.row(number).await.state {
            MessageState::Waiting { due } => due,
            other => panic!("message {number} does not wait: {other:?}"),
        }
    }
}

pub fn settings() -> DeliverySettings {
    DeliverySettings {
        poll: Duration::from_millis(5),
        timeout: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(5),
        ..DeliverySettings::default()
    }
}

/// Runs the deliverer while the work lasts, then stops it gracefully.
pub async fn during<O: Outbox + 'static, T>(
    deliverer: &Deliverer<O>,
    work: impl Future<Output = T>,
) -> T {
    let stop = CancellationToken::new();
    let working = async {
        let done = work.await;
        stop.cancel();
        done
    };
    tokio::join!(working, deliverer.run(stop.cancelled())).0
}

/// Waits until it is so, at most ten seconds.
pub async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..5000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("it never came to this: {what}");
}
