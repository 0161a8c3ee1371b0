//! The receiver of webhooks, over real HTTP.
#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use crate::common;

use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::*;
use flex_simulator::scenario::Scenario;
use flex_simulator::{FaultLevel, Simulator};
use serde_json::json;

/// Sends what is told of a leg that was set aside.
async fn send_status(simulator: &Simulator, id: &str, leg: usize) -> Option<Answer> {
    let leg = &simulator.expected()[leg];
    let body = json!({
        "ccrId": 0, "sessionId": leg.session, "legId": leg.leg, "tenantId": 4711, "status": "FAILED",
        "failureReason": "The recording could not be decrypted with the configured keys."
    })
    .to_string();
    let (secret, _) = simulator.webhook_secrets().unwrap();
    let secret = STANDARD.decode(&secret["whsec_".len()..]).unwrap();
    let at = chrono::Utc::now().timestamp().to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let tag = hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(tag));
    let headers = [
        ("Content-Type", "application/json"),
        ("webhook-id", id),
        ("webhook-timestamp", &at),
        ("webhook-signature", &signature),
    ];
    let path = "/hooks.example/contact-status";
    send(simulator, "POST", path, &headers, body.as_bytes()).await
}

#[tokio::test]
async fn what_is_told_is_verified_written_down_and_accounted_for() {
    let simulator =
        start_with("contacts = 3\n[kinds]\nmissing-key = 1\nconference-mono = 1\nexcluded = 1")
            .await;
    assert_eq!(
        simulator.webhook_url(),
        format!("{}/hooks.example/contact-status", simulator.base_url())
    );
    let parked = simulator
        .expected()
        .iter()
        .position(|leg| leg.outcome.status() == Some("FAILED"));
    let answer = send_status(&simulator, "msg_1", parked.unwrap())
        .await
        .unwrap();
    assert_eq!(answer.status, 204);
    let told = tell(&simulator, "webhooks").await;
    assert_eq!(told["count"], 1);
    assert_eq!(told["webhooks"][0]["attempts"][0]["acknowledged"], true);
    let account = simulator.account();
    assert_eq!((account.webhooks_delivered, account.webhooks_lost), (1, 1));
    send_status(&simulator, "msg_2", parked.unwrap())
        .await
        .unwrap();
    let account = tell(&simulator, "account").await;
    assert_eq!(account["webhooks_double_issued"], 1);
    assert_eq!(simulator.violations(), []);
    simulator.stop().await;
}

#[tokio::test]
async fn a_slow_answer_comes_byte_by_byte_and_repetition_gets_through() {
    let mut scenario = Scenario::default();
    scenario.contacts = 60;
    let simulator = begin(scenario, FaultLevel::Hostile, 1).await;
    for leg in 0..simulator.expected().len() {
        let slow = simulator.faults_met().get("drip").copied();
        let began = Instant::now();
        let id = format!("msg_{leg}");
        let first = send_status(&simulator, &id, leg).await;
        if simulator.faults_met().get("drip").copied() > slow {
            assert!(began.elapsed() > Duration::from_secs(4));
            assert_eq!(first.unwrap().status, 200);
            assert_eq!(simulator.violations(), []);
            simulator.stop().await;
            return;
        }
        if first.is_none_or(|answer| answer.status >= 300) {
            let second = send_status(&simulator, &id, leg).await;
            assert_eq!(second.unwrap().status, 204);
        }
    }
    panic!("no answer was slow");
}
