//! The suite that every outbox must pass.
//!
//! Each case is an async function that takes a fresh, empty outbox, panics where it breaks a rule, and needs no runtime of its
//! own. [`run`] names them all, so that a store cannot miss one. [`MemoryOutbox`](crate::MemoryOutbox) is the reference: the last
//! case lets any store and the reference go the same long way of random steps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "cases of a test suite panic where a rule is broken"
)]

mod bench;
mod claims;
mod endpoints;
mod replays;
mod walk;

use std::future::Future;

pub use bench::at;

use crate::{EndpointId, Message, MessageId, OrderingKey, Outbox};

/// Makes outboxes to test, and fills them.
pub trait Fixture: Sync {
    /// The outbox.
    type Outbox: Outbox;

    /// An outbox without messages and without endpoints that failed.
    fn fresh(&self) -> impl Future<Output = Self::Outbox> + Send;

    /// Puts a message that is due at its creation; what is there already under its id stays as it is.
    fn put(&self, outbox: &Self::Outbox, message: Message) -> impl Future<Output = ()> + Send;

    /// An endpoint by its number.
    fn endpoint(&self, number: u8) -> EndpointId {
        format!("endpoint-{number}").parse().unwrap()
    }

    /// A key by its number.
    fn key(&self, number: u8) -> OrderingKey {
        format!("key-{number}").parse().unwrap()
    }

    /// A message's id by its number.
    fn id(&self, number: u32) -> MessageId {
        let mut random = [0; 20];
        random[16..].copy_from_slice(&number.to_be_bytes());
        MessageId::from_random(random)
    }
}

/// Runs every case, each on an outbox of its own.
pub async fn run<F: Fixture>(fixture: &F) {
    claims::run(fixture).await;
    endpoints::run(fixture).await;
    replays::run(fixture).await;
    walk::run(fixture).await;
}

/// Runs each named case on a fresh outbox.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        pub(super) async fn run<F: crate::conformance::Fixture>(fixture: &F) {
            $($case(&crate::conformance::bench::Bench::new(fixture).await).await;)+
        }
    };
}
use cases;
