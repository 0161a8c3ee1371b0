//! Endpoints that answer badly, slowly, endlessly or not at all.
#![allow(clippy::unwrap_used)]

use crate::common;

use std::time::{Duration, Instant};

use common::receiver::{Receiver, Reply};
use common::{Stage, at, during, endpoint, eventually, message, secret, settings};
use webhook_delivery::{
    AddressGuard, Attempt, AttemptResult, DeliverySettings, Endpoint, FailureKind, Sender,
};

/// A sender with a timeout of one second.
fn sender(endpoint: Endpoint) -> Sender {
    let settings = DeliverySettings {
        timeout: Duration::from_secs(1),
        connect_timeout: Duration::from_secs(1),
        ..settings()
    };
    Sender::builder()
        .settings(settings)
        .build(endpoint)
        .unwrap()
}

async fn attempt(receiver: &Receiver) -> Attempt {
    let sender = sender(endpoint("a", receiver));
    let sent = sender.send(&message(1, "leg"), at(0)).await.unwrap();
    sent.attempt
}

fn kind(attempt: &Attempt) -> FailureKind {
    match &attempt.result {
        AttemptResult::Failed { kind, reason } => {
            assert!(!reason.is_empty() && !reason.contains("/hook"), "{reason}");
            *kind
        }
        AttemptResult::Answered(status) => panic!("answered with {status}"),
    }
}

#[tokio::test]
async fn a_slow_drip_response_ends_with_the_timeout_and_its_status_counts() {
    let head = "HTTP/1.1 200 X\r\ncontent-length: 100000\r\n\r\n";
    let receiver =
        Receiver::start(move |_, _| Reply::Drip(head, "x", Duration::from_millis(20))).await;
    let began = Instant::now();
    let attempt = attempt(&receiver).await;
    assert!(began.elapsed() < Duration::from_secs(3));
    assert!(attempt.took >= Duration::from_millis(900), "{attempt:?}");
    assert_eq!(attempt.result, AttemptResult::Answered(200));
    let kept = attempt.response.len();
    assert!((1..100).contains(&kept), "{kept}");
    assert!(attempt.response.iter().all(|byte| *byte == b'x'));
}

#[tokio::test]
async fn headers_that_drip_in_slowly_are_a_timeout_although_something_always_comes() {
    let receiver = Receiver::start(|_, _| {
        Reply::Drip(
            "HTTP/1.1 200 X\r\n",
            "x-more: 1\r\n",
            Duration::from_millis(20),
        )
    })
    .await;
    let began = Instant::now();
    let attempt = attempt(&receiver).await;
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(kind(&attempt), FailureKind::Timeout);
    assert!(attempt.response.is_empty());
}

#[tokio::test]
async fn a_one_gigabyte_response_is_read_no_further_than_what_is_kept() {
    let receiver = Receiver::start(|_, _| Reply::Flood).await;
    let began = Instant::now();
    let attempt = attempt(&receiver).await;
    assert_eq!(attempt.result, AttemptResult::Answered(200));
    assert_eq!(attempt.response.len(), 16 * 1024);
    assert!(began.elapsed() < Duration::from_secs(3));
    // The receiver is stuck with what the buffers of both systems hold: its connection was closed.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(
        receiver.written() < 32 * 1024 * 1024,
        "{}",
        receiver.written()
    );
}

#[tokio::test]
async fn the_body_of_a_response_is_kept_to_a_bound_for_every_status() {
    for (status, length) in [
        (200, 0),
        (200, 10),
        (500, 16 * 1024),
        (500, 16 * 1024 + 1),
        (404, 100_000),
    ] {
        let body = "y".repeat(length);
        let receiver =
            Receiver::start(move |_, _| Reply::Answer(status, vec![], body.clone())).await;
        let attempt = attempt(&receiver).await;
        assert_eq!(attempt.result, AttemptResult::Answered(status));
        assert_eq!(attempt.response.len(), length.min(16 * 1024));
    }
}

#[tokio::test]
async fn silence_and_a_broken_connection_are_told_apart() {
    let silent = Receiver::start(|_, _| Reply::Silence).await;
    let slow = attempt(&silent).await;
    assert_eq!(kind(&slow), FailureKind::Timeout);
    assert_eq!(slow.result.to_string(), "no answer within 1.0 s");
    let closing = Receiver::start(|_, _| Reply::Close).await;
    assert_eq!(kind(&attempt(&closing).await), FailureKind::ConnectionLost);
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let guard = AddressGuard::new().allow_loopback(address);
    let url = format!("http://{address}/hook");
    let gone = Endpoint::new("a".parse().unwrap(), &url, guard, [secret(common::SECRET)]).unwrap();
    let sent = sender(gone).send(&message(1, "leg"), at(0)).await.unwrap();
    assert_eq!(kind(&sent.attempt), FailureKind::NoConnection);
}

#[tokio::test]
async fn an_interim_answer_is_no_answer() {
    let head = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 X\r\ncontent-length: 2\r\n\r\n";
    let receiver =
        Receiver::start(move |_, _| Reply::Drip(head, "no", Duration::from_secs(9))).await;
    let attempt = attempt(&receiver).await;
    assert_eq!(attempt.result, AttemptResult::Answered(500));
    assert_eq!(attempt.response.as_ref(), b"no");
}

#[tokio::test]
async fn connections_are_used_again() {
    let receiver = Receiver::counting().await;
    let stage = Stage::new();
    for number in 0..200 {
        stage
            .outbox
            .put(message(number, &format!("leg-{}", number % 4)));
    }
    let deliverer = stage.deliverer(endpoint("a", &receiver));
    during(
        &deliverer,
        eventually("delivered", || receiver.count() == 200),
    )
    .await;
    assert!(receiver.connections() <= 16, "{}", receiver.connections());
}
