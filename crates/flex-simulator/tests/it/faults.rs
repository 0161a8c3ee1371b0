//! Faults over real HTTP: the same seed meets the same ones, and whoever repeats gets through.
#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use crate::common;

use common::*;
use flex_simulator::{FaultLevel, Simulator};

/// What became of one attempt.
fn outcome(answer: Option<&Answer>) -> String {
    match answer {
        None => "no answer".to_owned(),
        Some(answer) if !answer.whole => format!("{} half", answer.status),
        Some(answer) => {
            let kind = answer.header("content-type").unwrap_or_default();
            let error = String::from_utf8_lossy(&answer.body).contains("errorMessage");
            format!("{} {kind} {error}", answer.status)
        }
    }
}

async fn attempts(simulator: &Simulator) -> Vec<String> {
    let mut outcomes = Vec::new();
    let legs: Vec<String> = simulator
        .expected()
        .iter()
        .map(|leg| leg.leg.clone())
        .collect();
    let audio = wav();
    for leg in legs {
        let mut cookie = log_in(simulator).await;
        for _ in 0..12 {
            let answer = import_leg(simulator, &cookie, &leg, &audio).await;
            if answer.as_ref().is_some_and(|answer| answer.status == 401) {
                cookie = log_in(simulator).await;
            }
            outcomes.push(outcome(answer.as_ref()));
        }
        assert!(
            outcomes.last().unwrap().starts_with("200 application/json"),
            "{outcomes:?}"
        );
    }
    outcomes
}

#[tokio::test]
async fn the_same_seed_meets_the_same_faults_and_repetition_gets_through() {
    let first = start(FaultLevel::Hostile, 5).await;
    let seen = attempts(&first).await;
    assert!(
        seen.iter()
            .any(|outcome| !outcome.starts_with("200 application/json"))
    );
    let second = start(FaultLevel::Hostile, 5).await;
    assert_eq!(attempts(&second).await, seen);
    assert!(first.faults_met().values().sum::<u64>() > 0);
    assert_eq!((first.violations(), second.violations()), (vec![], vec![]));
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn without_faults_every_request_is_answered_rightly() {
    let simulator = start(FaultLevel::None, 5).await;
    for outcome in attempts(&simulator).await {
        assert_eq!(outcome, "200 application/json; charset=utf-8 false");
    }
    assert!(simulator.faults_met().is_empty());
    simulator.stop().await;
}

#[tokio::test]
async fn an_effect_can_come_without_an_answer_and_an_answer_without_an_effect() {
    let mut silent = 0;
    let mut hollow = 0;
    for seed in 0..12 {
        let simulator = start(FaultLevel::Hostile, seed).await;
        let legs: Vec<String> = simulator
            .expected()
            .iter()
            .map(|leg| leg.leg.clone())
            .collect();
        let audio = wav();
        for leg in legs {
            let cookie = log_in(&simulator).await;
            let before = simulator.received_count();
            let answer = import_leg(&simulator, &cookie, &leg, &audio).await;
            let taken = simulator.received_count() > before;
            silent += u32::from(answer.is_none() && taken);
            hollow += u32::from(!taken && answer.is_some_and(|answer| answer.status == 200));
        }
        simulator.stop().await;
    }
    assert!(silent > 0 && hollow > 0, "{silent} {hollow}");
}

#[tokio::test]
async fn once_faults_are_stopped_nothing_goes_wrong() {
    let simulator = start(FaultLevel::Hostile, 5).await;
    let answer = send(&simulator, "POST", "/__simulator/faults/stop", &[], &[])
        .await
        .unwrap();
    assert_eq!(answer.status, 204);
    for outcome in attempts(&simulator).await {
        assert_eq!(outcome, "200 application/json; charset=utf-8 false");
    }
    simulator.stop().await;
}
