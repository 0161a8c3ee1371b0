//! What receivers see, and what becomes of messages.
#![allow(clippy::unwrap_used)]

use crate::common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use common::receiver::{Receiver, Reply};
use common::{
    OTHER, SECRET, Stage, at, during, endpoint, endpoint_with, eventually, id, message,
    message_for, secret, settings, verifier,
};
use webhook_delivery::{
    AddressGuard, AttemptResult, DeliveryEvent, DeliverySettings, DisabledReason, Endpoint,
    MessageState, Outbox, ReplayRange, ReplayWhich, Replayed, WebhookError,
};

#[tokio::test]
async fn a_receiver_can_verify_what_it_gets() {
    let receiver = Receiver::start(|_, _| Reply::status(204)).await;
    let stage = Stage::new();
    let put = message(1, "leg");
    stage.outbox.put(put.clone());
    let deliverer = stage.deliverer(endpoint("a", &receiver));
    during(
        &deliverer,
        eventually("delivered", || stage.told.attempts() == 1),
    )
    .await;
    assert_eq!(
        stage.row(1).await.state,
        MessageState::Delivered { at: at(0) }
    );
    let got = &receiver.received()[0];
    assert_eq!(got.body, put.body);
    assert_eq!(got.headers["content-type"], "application/json");
    assert_eq!(got.headers["webhook-id"], put.id.as_str());
    assert_eq!(
        got.headers["webhook-timestamp"],
        at(0).timestamp().to_string()
    );
    let verdict = verifier(&[SECRET]).verify(
        got.id(),
        &got.headers["webhook-timestamp"],
        &got.headers["webhook-signature"],
        &got.body,
        at(60),
    );
    assert_eq!(verdict, Ok(()));
}

#[tokio::test]
async fn rotation_signs_with_both() {
    let receiver = Receiver::start(|_, _| Reply::status(204)).await;
    let stage = Stage::new();
    stage.outbox.put(message(1, "leg"));
    let deliverer = stage.deliverer(endpoint_with("a", &receiver, &[OTHER, SECRET]));
    during(
        &deliverer,
        eventually("delivered", || receiver.count() == 1),
    )
    .await;
    let got = &receiver.received()[0];
    let signature = &got.headers["webhook-signature"];
    assert!(
        signature.starts_with("v1a,") && signature.contains(" v1,"),
        "{signature}"
    );
    for known in [SECRET, OTHER] {
        let timestamp = &got.headers["webhook-timestamp"];
        let verdict = verifier(&[known]).verify(got.id(), timestamp, signature, &got.body, at(0));
        assert_eq!(verdict, Ok(()));
    }
}

#[tokio::test]
async fn ten_attempts_with_one_id_are_made_over_at_least_75_hours_and_then_it_is_the_next_ones_turn()
 {
    let receiver = Receiver::start(|_, got| {
        let first = String::from_utf8_lossy(&got.body).contains("\"number\":1");
        Reply::status(if first { 503 } else { 200 })
    })
    .await;
    let stage = Stage::new();
    stage.outbox.put(message(1, "leg"));
    stage.outbox.put(message(2, "leg"));
    let deliverer = stage.deliverer(endpoint("a", &receiver));
    during(&deliverer, async {
        for attempt in 1..=9 {
            eventually("failed", || stage.told.attempts() == attempt).await;
            assert_eq!(receiver.count(), attempt);
            stage.clock.set(stage.due(1).await);
        }
        eventually("both done", || stage.told.attempts() == 11).await;
    })
    .await;
    assert!(matches!(
        stage.row(1).await.state,
        MessageState::Exhausted { .. }
    ));
    assert!(matches!(
        stage.row(2).await.state,
        MessageState::Delivered { .. }
    ));
    let requests = receiver.received();
    let times: Vec<i64> = requests[..10]
        .iter()
        .map(|got| {
            assert_eq!(got.id(), id(1).as_str());
            got.headers["webhook-timestamp"].parse().unwrap()
        })
        .collect();
    let waits: Vec<i64> = times.windows(2).map(|two| two[1] - two[0]).collect();
    assert_eq!(
        waits,
        [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    );
    assert!(times[9] - times[0] >= 75 * 3600);
    // Each attempt is signed for its own time.
    let verifier = verifier(&[SECRET]);
    for got in &requests {
        let timestamp = &got.headers["webhook-timestamp"];
        let now = chrono::DateTime::from_timestamp(timestamp.parse().unwrap(), 0).unwrap();
        let signature = &got.headers["webhook-signature"];
        assert_eq!(
            verifier.verify(got.id(), timestamp, signature, &got.body, now),
            Ok(())
        );
    }
}

#[tokio::test]
async fn retry_after_is_honoured_in_seven_forms() {
    // The clock stands at 2026-05-28T20:26:40Z.
    let forms: [(Option<&str>, i64); 7] = [
        (Some("120"), 120),
        (Some("7.5"), 7),
        (Some("Thu, 28 May 2026 20:36:40 GMT"), 600),
        (Some("Thu, 28 May 2020 20:36:40 GMT"), 5),
        (Some("99999999999999999999"), 3600),
        (Some("when it suits you"), 5),
        (None, 5),
    ];
    let receiver = Receiver::start(move |_, got| {
        let number =
            serde_json::from_slice::<serde_json::Value>(&got.body).unwrap()["number"].clone();
        let (header, _) = forms[usize::try_from(number.as_u64().unwrap()).unwrap()];
        let headers = header.map(|text| ("retry-after", text.to_owned()));
        Reply::Answer(429, headers.into_iter().collect(), String::new())
    })
    .await;
    let stage = Stage::new();
    for number in 0..7 {
        stage.outbox.put(message(number, &format!("leg-{number}")));
    }
    let deliverer = stage.deliverer(endpoint("a", &receiver));
    during(
        &deliverer,
        eventually("failed", || stage.told.attempts() == 7),
    )
    .await;
    for (number, (header, wait)) in (0..).zip(forms) {
        let due = stage.due(number).await;
        assert_eq!((due - at(0)).num_seconds(), wait, "{header:?}");
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let trap = Receiver::start(|_, _| Reply::status(204)).await;
    let target = trap.url();
    let statuses = [301, 302, 303, 307, 308];
    let receiver = Receiver::start(move |number, _| {
        let location = ("location", target.clone());
        Reply::Answer(statuses[number % 5], vec![location], String::new())
    })
    .await;
    let stage = Stage::new();
    for number in 0..5 {
        stage.outbox.put(message(number, &format!("leg-{number}")));
    }
    // The trap may be called, if one follows.
    let guard = AddressGuard::new()
        .allow_loopback(receiver.address)
        .allow_loopback(trap.address);
    let endpoint = Endpoint::new(
        "a".parse().unwrap(),
        &receiver.url(),
        guard,
        [secret(SECRET)],
    );
    let deliverer = stage.deliverer(endpoint.unwrap());
    during(
        &deliverer,
        eventually("failed", || stage.told.attempts() == 5),
    )
    .await;
    assert_eq!((receiver.count(), trap.connections()), (5, 0));
    for number in 0..5 {
        let row = stage.row(number).await;
        assert_eq!(row.state, MessageState::Waiting { due: at(5) });
        let attempt = row.last_attempt.unwrap();
        assert!(
            matches!(attempt.result, AttemptResult::Answered(300..=399)),
            "{attempt:?}"
        );
    }
}

#[tokio::test]
async fn status_410_disables_the_endpoint_and_its_messages_wait_until_it_is_enabled() {
    let receiver =
        Receiver::start(|number, _| Reply::status(if number == 0 { 410 } else { 200 })).await;
    let stage = Stage::new();
    stage.outbox.put(message(1, "leg"));
    stage.outbox.put(message(2, "leg"));
    let name = "a".parse().unwrap();
    let deliverer = stage.deliverer(endpoint("a", &receiver));
    during(&deliverer, async {
        eventually("disabled", || {
            stage.told.disabled() == [DisabledReason::Gone]
        })
        .await;
        stage.clock.go(TimeDelta::days(30));
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(receiver.count(), 1);
        let known = stage.outbox.endpoint(&name).await.unwrap();
        assert_eq!(known.disabled.unwrap().reason, DisabledReason::Gone);
        stage.outbox.enable(&name, stage.clock.now()).await.unwrap();
        deliverer.wake().wake();
        eventually("delivered", || stage.told.attempts() == 3).await;
    })
    .await;
    let (first, second) = (id(1).to_string(), id(2).to_string());
    assert_eq!(receiver.ids(), [first.clone(), first, second]);
    assert_eq!(stage.told.disabled().len(), 1);
}

#[tokio::test]
async fn an_endpoint_is_disabled_after_repeated_failure_and_says_so_once() {
    let receiver = Receiver::start(|_, _| Reply::status(500)).await;
    let stage = Stage::new();
    let deliverer = stage.deliverer(endpoint("a", &receiver));
    during(&deliverer, async {
        // One message a day, each on a key of its own, for eleven days.
        for day in 0..11_u8 {
            stage.clock.set(at(i64::from(day) * 86_400));
            stage.outbox.put(message(day, &format!("leg-{day}")));
            let before = stage.told.attempts();
            if day <= 5 {
                eventually("tried", || stage.told.attempts() > before).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(stage.told.disabled(), [DisabledReason::FailedTooLong]);
    let known = stage.outbox.endpoint(&"a".parse().unwrap()).await.unwrap();
    assert_eq!(known.disabled.unwrap().at, at(5 * 86_400));
    assert_eq!(known.failing_since, Some(at(0)));
    // What came after it was never tried.
    assert_eq!(stage.row(10).await.last_attempt, None);
}

#[tokio::test]
async fn an_endpoint_is_not_disabled_after_sporadic_failure() {
    // It takes one message in five and fails otherwise, for thirty days.
    let receiver =
        Receiver::start(|number, _| Reply::status(if number % 5 == 4 { 200 } else { 500 })).await;
    let stage = Stage::new();
    let deliverer = stage.deliverer(endpoint("a", &receiver));
    during(&deliverer, async {
        for day in 0..30_u8 {
            stage.clock.set(at(i64::from(day) * 86_400));
            stage.outbox.put(message(day, &format!("leg-{day}")));
            let before = stage.told.attempts();
            eventually("tried", || stage.told.attempts() > before).await;
        }
    })
    .await;
    assert!(receiver.count() >= 30, "{}", receiver.count());
    assert!(stage.told.disabled().is_empty());
    let recovered =
        |event: &DeliveryEvent| matches!(event, DeliveryEvent::EndpointRecovered { .. });
    assert!(stage.told.all().iter().any(recovered));
    let known = stage.outbox.endpoint(&"a".parse().unwrap()).await.unwrap();
    assert!(known.is_enabled());
}

#[tokio::test]
async fn the_order_of_a_key_is_kept_and_no_key_waits_for_another() {
    let numbers = |receiver: &Receiver, key: &str| -> Vec<u64> {
        let bodies = receiver.received().into_iter();
        bodies
            .map(|got| serde_json::from_slice::<serde_json::Value>(&got.body).unwrap())
            .filter(|body| body["key"] == key)
            .map(|body| body["number"].as_u64().unwrap())
            .collect()
    };
    // The first message fails twice, and everything else is taken.
    let tries = AtomicUsize::new(0);
    let receiver = Receiver::start(move |_, got| {
        let first = got.id() == id(1).as_str();
        let refused = first && tries.fetch_add(1, Ordering::SeqCst) < 2;
        Reply::status(if refused { 503 } else { 200 })
    })
    .await;
    let stage = Stage::new();
    for (number, key) in [(1, "x"), (2, "x"), (3, "y"), (4, "y"), (5, "x"), (6, "z")] {
        stage.outbox.put(message(number, key));
    }
    let deliverer = stage.deliverer(endpoint("a", &receiver));
    during(&deliverer, async {
        eventually("y and z delivered", || stage.told.attempts() == 4).await;
        assert_eq!(stage.outbox.waiting(), 3);
        stage.clock.set(stage.due(1).await);
        eventually("failed again", || stage.told.attempts() == 5).await;
        stage.clock.set(stage.due(1).await);
        eventually("all delivered", || stage.outbox.waiting() == 0).await;
    })
    .await;
    assert_eq!(numbers(&receiver, "x"), [1, 1, 1, 2, 5]);
    assert_eq!(numbers(&receiver, "y"), [3, 4]);
    assert_eq!(numbers(&receiver, "z"), [6]);
}

#[tokio::test]
async fn replay_by_range_sends_again_with_the_same_ids() {
    let receiver = Receiver::start(|_, _| Reply::status(200)).await;
    let stage = Stage::new();
    for number in 1..=4 {
        let mut message = message(number, &format!("leg-{number}"));
        message.created_at = at(i64::from(number));
        stage.outbox.put(message);
    }
    stage.clock.set(at(100));
    let deliverer = stage.deliverer(endpoint("a", &receiver));
    let range = ReplayRange {
        endpoint: None,
        from: at(2),
        to: at(4),
        which: ReplayWhich::Settled,
    };
    during(&deliverer, async {
        eventually("delivered", || stage.told.attempts() == 4).await;
        assert_eq!(stage.outbox.replay_range(&range, at(100)).await.unwrap(), 2);
        eventually("range delivered", || stage.told.attempts() == 6).await;
        let replayed = stage.outbox.replay(&id(4), at(100)).await.unwrap();
        assert_eq!(replayed, Replayed::Due);
        eventually("one delivered", || stage.told.attempts() == 7).await;
    })
    .await;
    let mut ids = receiver.ids().split_off(4);
    ids.sort();
    assert_eq!(ids, [id(2), id(3), id(4)].map(|id| id.to_string()));
    let bodies = receiver.bodies();
    assert_eq!(
        bodies[6],
        String::from_utf8_lossy(&message(4, "leg-4").body)
    );
}

#[tokio::test]
async fn attempts_under_way_are_bounded_per_endpoint_and_over_all() {
    for (endpoints, expected) in [(&["a"][..], 4), (&["a", "b"], 5)] {
        let receiver = Receiver::start(|_, _| Reply::Late(Duration::from_millis(20), 200)).await;
        let stage = Stage::new();
        let settings = DeliverySettings {
            concurrency: 5,
            endpoint_concurrency: 4,
            ..settings()
        };
        let mut builder = stage.builder(Arc::clone(&stage.outbox)).settings(settings);
        for name in endpoints {
            builder = builder.endpoint(endpoint(name, &receiver));
            for _ in 0..30 {
                let number = u8::try_from(stage.outbox.waiting()).unwrap();
                let key = format!("leg-{number}");
                stage.outbox.put(message_for(name, number, &key));
            }
        }
        let deliverer = builder.build().unwrap();
        during(
            &deliverer,
            eventually("all delivered", || stage.outbox.waiting() == 0),
        )
        .await;
        assert_eq!(receiver.count(), 30 * endpoints.len());
        assert_eq!(receiver.most_under_way(), expected);
    }
}

#[tokio::test]
async fn a_silent_endpoint_takes_none_of_the_others_time() {
    let silent = Receiver::start(|_, _| Reply::Silence).await;
    let good = Receiver::start(|_, _| Reply::status(200)).await;
    let stage = Stage::new();
    for number in 0..40 {
        let name = if number % 2 == 0 { "a" } else { "b" };
        stage
            .outbox
            .put(message_for(name, number, &format!("leg-{number}")));
    }
    let deliverer = stage
        .builder(Arc::clone(&stage.outbox))
        .settings(DeliverySettings {
            grace: Duration::ZERO,
            ..settings()
        })
        .endpoint(endpoint("a", &silent))
        .endpoint(endpoint("b", &good))
        .build()
        .unwrap();
    let began = std::time::Instant::now();
    during(
        &deliverer,
        eventually("all of b delivered", || stage.told.attempts() == 20),
    )
    .await;
    assert!(began.elapsed() < settings().timeout);
    assert_eq!(silent.most_under_way(), settings().endpoint_concurrency);
}

#[tokio::test]
async fn a_test_message_is_sent_now_and_recorded_nowhere() {
    let receiver = Receiver::start(|_, _| Reply::Answer(418, vec![], "no coffee".to_owned())).await;
    let stage = Stage::new();
    let deliverer = stage.deliverer(endpoint("a", &receiver));
    let sent = deliverer.test(&message(1, "test")).await.unwrap();
    assert_eq!(sent.attempt.result, AttemptResult::Answered(418));
    assert_eq!(sent.attempt.response.as_ref(), b"no coffee");
    assert_eq!(receiver.ids(), [id(1).to_string()]);
    assert_eq!(stage.outbox.message(&id(1)).await.unwrap(), None);
    let unknown = deliverer
        .test(&message_for("z", 1, "test"))
        .await
        .unwrap_err();
    assert!(
        matches!(unknown, WebhookError::UnknownEndpoint { endpoint } if endpoint.as_str() == "z")
    );
}

#[tokio::test]
async fn two_endpoints_of_one_name_and_settings_out_of_bounds_are_refused() {
    let receiver = Receiver::counting().await;
    let stage = Stage::new();
    let twice = stage
        .builder(Arc::clone(&stage.outbox))
        .endpoint(endpoint("a", &receiver))
        .endpoint(endpoint("a", &receiver))
        .build();
    assert_eq!(
        twice.unwrap_err().to_string(),
        "the endpoint a is there twice"
    );
    let endless = DeliverySettings {
        timeout: Duration::from_mins(5),
        ..settings()
    };
    let refused = stage
        .builder(Arc::clone(&stage.outbox))
        .settings(endless)
        .build();
    assert_eq!(
        refused.unwrap_err().to_string(),
        "timeout must be between 1 and 30 s"
    );
    let no_pem = stage
        .builder(Arc::clone(&stage.outbox))
        .endpoint(endpoint("a", &receiver))
        .root_certificates_pem("no certificate")
        .build();
    assert!(matches!(no_pem, Err(WebhookError::Setup(_))));
}
