//! An outbox on the bench, and short words for what is done to it.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::Fixture;
use crate::{
    Attempt, AttemptOutcome, AttemptResult, Claim, DisableRule, EndpointEvent, EndpointState,
    Message, MessageRow, MessageState, Outbox, Settled, Settlement,
};

/// So many seconds after some moment.
pub fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000 + second, 0).unwrap()
}

pub(super) struct Bench<'a, F: Fixture> {
    pub(super) fixture: &'a F,
    pub(super) outbox: F::Outbox,
}

impl<'a, F: Fixture> Bench<'a, F> {
    pub(super) async fn new(fixture: &'a F) -> Self {
        let outbox = fixture.fresh().await;
        Self { fixture, outbox }
    }

    pub(super) fn message(&self, number: u32, endpoint: u8, key: u8, second: i64) -> Message {
        let body = Bytes::from(format!("{{\"number\":{number}}}"));
        let (id, endpoint, key) = (
            self.fixture.id(number),
            self.fixture.endpoint(endpoint),
            self.fixture.key(key),
        );
        Message::from_body(id, endpoint, key, body, at(second)).unwrap()
    }

    /// Puts a message of endpoint 1, created at second 0.
    pub(super) async fn put(&self, number: u32, key: u8) {
        self.put_for(number, 1, key, 0).await;
    }

    pub(super) async fn put_for(&self, number: u32, endpoint: u8, key: u8, second: i64) {
        let message = self.message(number, endpoint, key, second);
        self.fixture.put(&self.outbox, message).await;
    }

    /// Claims for endpoint 1 until ten seconds later.
    pub(super) async fn claim(&self, second: i64) -> Vec<Claim> {
        self.claim_for(1, second).await
    }

    pub(super) async fn claim_for(&self, endpoint: u8, second: i64) -> Vec<Claim> {
        let endpoint = self.fixture.endpoint(endpoint);
        let claimed = self
            .outbox
            .claim(&endpoint, 100, at(second), at(second + 10));
        claimed.await.unwrap()
    }

    /// The numbers of what was claimed for endpoint 1.
    pub(super) async fn claimed(&self, second: i64) -> Vec<u32> {
        let claims = self.claim(second).await;
        self.numbers(&claims)
    }

    pub(super) fn numbers(&self, claims: &[Claim]) -> Vec<u32> {
        claims
            .iter()
            .map(|claim| self.number(&claim.message))
            .collect()
    }

    fn number(&self, message: &Message) -> u32 {
        (0..10_000)
            .find(|number| self.fixture.id(*number) == message.id)
            .expect("a message that was never put")
    }

    /// Records what an attempt came to, and expects it to be recorded.
    pub(super) async fn record(&self, claim: &Claim, outcome: AttemptOutcome, second: i64) {
        let settled = self
            .settle(&[settlement(claim, outcome, second)], second)
            .await;
        assert!(
            matches!(settled[..], [Settled::Recorded { .. }]),
            "{settled:?}"
        );
    }

    pub(super) async fn settle(&self, settlements: &[Settlement], second: i64) -> Vec<Settled> {
        self.outbox.settle(settlements, at(second)).await.unwrap()
    }

    pub(super) async fn row(&self, number: u32) -> MessageRow {
        let row = self.outbox.message(&self.fixture.id(number)).await.unwrap();
        row.expect("a message that was put is known")
    }

    pub(super) async fn state(&self, number: u32) -> MessageState {
        self.row(number).await.state
    }

    pub(super) async fn endpoint(&self, number: u8) -> EndpointState {
        self.outbox
            .endpoint(&self.fixture.endpoint(number))
            .await
            .unwrap()
    }
}

/// An attempt that the endpoint took or did not take, as the outcome says.
pub(super) fn settlement(claim: &Claim, outcome: AttemptOutcome, second: i64) -> Settlement {
    let (status, event) = if outcome == AttemptOutcome::Delivered {
        (204, EndpointEvent::Succeeded { at: at(second) })
    } else {
        let rule = DisableRule::default();
        (
            500,
            EndpointEvent::Failed {
                at: at(second),
                rule,
            },
        )
    };
    Settlement {
        claim: claim.clone(),
        attempt: attempt(status, second),
        outcome,
        event,
    }
}

pub(super) fn attempt(status: u16, second: i64) -> Attempt {
    Attempt {
        at: at(second),
        took: Duration::from_millis(25),
        result: AttemptResult::Answered(status),
        response: Bytes::from_static(b"an answer"),
    }
}
