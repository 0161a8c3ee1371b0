//! What is taken, from whom, and what is answered: through real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may end here"
)]

use crate::support;

use event_intake::{AcdKey, Limits};
use flex_events::{Pushed, WireForm};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{
    ACCOUNT, PATH, Request, Running, TOKEN, batch, callback, event, settings, sign, start,
    worker_change,
};

#[tokio::test]
async fn a_batch_of_event_streams_is_committed_and_answered_200() {
    let (intake, inbox) = Running::in_memory().await;
    let answer = intake.send(Request::signed_json(PATH, batch(0..3))).await;
    assert_eq!(answer.status, 200);
    let events = inbox.events();
    assert_eq!(events.len(), 3);
    assert_eq!(events[1].acd, AcdKey::new("main"));
    assert_eq!(events[1].id, format!("EV{:032}", 1));
    assert_eq!(
        events[1].kind,
        "com.twilio.taskrouter.reservation.completed"
    );
    assert_eq!(events[1].form, WireForm::CloudEvent);
    assert_eq!(events[1].at.unwrap().timestamp_millis(), 1_772_446_470_250);
    let payload: Value = serde_json::from_slice(&events[1].payload).unwrap();
    assert_eq!(payload, event(1));
    assert!(matches!(
        Pushed::read(events[1].form, &events[1].payload),
        Ok(Pushed::TaskRouter(_))
    ));
    let printed = format!("{events:?}");
    assert!(
        !printed.contains("Ada") && printed.contains("bytes"),
        "{printed}"
    );
    assert_eq!(inbox.commits(), 1, "one request is one commit");
    assert_eq!(
        intake.seen.all(),
        [
            "committed 1 requests, 3 stored, 0 duplicates",
            "answered accepted"
        ]
    );
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_callback_is_committed_as_json_and_answered_204() {
    let (intake, inbox) = Running::in_memory().await;
    let answer = intake.send(Request::signed_form(PATH, &callback())).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body, "");
    let events = inbox.events();
    assert_eq!(events[0].form, WireForm::TaskRouterCallback);
    assert_eq!(events[0].id, "EV00000000000000000000000000000077");
    let payload: Value = serde_json::from_slice(&events[0].payload).unwrap();
    assert_eq!(payload["TaskAttributes"], "{\"name\": \"Ada & Bob\"}");
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_conferences_callback_needs_no_workspace() {
    let (intake, inbox) = Running::in_memory().await;
    let fields = [
        ("StatusCallbackEvent", "participant-hold"),
        ("ConferenceSid", "CF00000000000000000000000000000001"),
        ("CallSid", "CA00000000000000000000000000000001"),
        ("AccountSid", ACCOUNT),
        ("SequenceNumber", "4"),
        ("Timestamp", "Mon, 02 Mar 2026 10:12:30 +0000"),
    ];
    assert_eq!(
        intake
            .send(Request::signed_form(PATH, &fields))
            .await
            .status,
        204
    );
    assert_eq!(inbox.events()[0].form, WireForm::ConferenceCallback);
    assert_eq!(inbox.events()[0].kind, "participant-hold");

    let mut speech = fields;
    speech[0].1 = "participant-speech-start";
    assert_eq!(
        intake
            .send(Request::signed_form(PATH, &speech))
            .await
            .status,
        204
    );
    assert_eq!(inbox.events().len(), 1, "nobody reads who speaks");
    assert_eq!(intake.seen.count("left out 1 unread"), 1);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn the_same_event_twice_is_stored_once_whatever_its_form_and_order() {
    let (intake, inbox) = Running::in_memory().await;
    let request = Request::signed_json(PATH, batch(76..79));
    for _ in 0..2 {
        assert_eq!(intake.send(request.clone()).await.status, 200);
    }
    assert_eq!(
        intake
            .send(Request::signed_form(PATH, &callback()))
            .await
            .status,
        204
    );
    assert_eq!(inbox.events().len(), 3);
    assert_eq!(
        intake
            .seen
            .count("committed 1 requests, 0 stored, 3 duplicates"),
        1
    );
    assert_eq!(
        intake
            .seen
            .count("committed 1 requests, 0 stored, 1 duplicates"),
        1
    );
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_broken_member_leaves_the_others() {
    let (intake, inbox) = Running::in_memory().await;
    let body = format!("[{},{{\"type\": oops}},{}]", event(1), event(2));
    assert_eq!(
        intake.send(Request::signed_json(PATH, body)).await.status,
        200
    );
    assert_eq!(inbox.events().len(), 2);
    assert_eq!(intake.seen.count("left out 1 broken"), 1);

    assert_eq!(
        intake.send(Request::signed_json(PATH, "[7]")).await.status,
        400
    );
    assert_eq!(
        intake
            .send(Request::signed_json(PATH, "{\"a\":"))
            .await
            .status,
        400
    );
    assert_eq!(
        intake
            .send(Request::signed_form(PATH, &[("a", "b")]))
            .await
            .status,
        400
    );
    assert_eq!(
        intake.send(Request::signed_json(PATH, "[]")).await.status,
        200
    );
    assert_eq!(intake.seen.count("answered broken"), 3);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn any_method_but_post_is_answered_405() {
    let (intake, _) = Running::in_memory().await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let mut request = Request::signed_json(PATH, batch(0..1));
        request.method = method.to_owned();
        let answer = intake.send(request).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    }
    assert_eq!(intake.seen.count("answered method"), 4);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_answered_413_announced_or_not() {
    let mut small = settings();
    small.limits = Limits {
        max_body: 2_000,
        ..Limits::default()
    };
    let (intake, inbox) = start(small).await;
    let answer = intake.send(Request::signed_json(PATH, batch(0..10))).await;
    assert_eq!(answer.status, 413);
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: a\r\nX-Twilio-Signature: {}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        sign(TOKEN, "x")
    );
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    let chunked = [head, chunk.repeat(3), "0\r\n\r\n".to_owned()].concat();
    assert_eq!(
        support::send_raw(intake.address, chunked.as_bytes())
            .await
            .status,
        413
    );
    assert_eq!(intake.seen.count("answered too-large"), 2);
    assert_eq!(inbox.commits(), 0);
    let answer = intake.send(Request::signed_json(PATH, batch(0..1))).await;
    assert_eq!(answer.status, 200);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn the_content_type_does_not_matter() {
    let (intake, inbox) = Running::in_memory().await;
    for (number, kind) in [
        "text/plain",
        "application/cloudevents-batch+json; charset=utf-8",
        "nonsense",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        let mut request = Request::signed_json(PATH, batch(number..number + 1));
        request.headers[1].1 = kind.to_owned();
        assert_eq!(intake.send(request).await.status, 200, "{kind}");
    }
    let mut form = Request::signed_form(PATH, &callback());
    form.headers[1].1 = "application/json".to_owned();
    assert_eq!(intake.send(form).await.status, 204);
    assert_eq!(inbox.events().len(), 5);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn the_event_that_tries_a_sink_is_answered_200_and_told_and_not_kept() {
    let (intake, inbox) = Running::in_memory().await;
    let body = json!([{"specversion": "1.0", "type": "com.twilio.eventstreams.test-event", "source": "Sink", "id": ACCOUNT,
        "data": {"test_id": "95001c1e-5b8e-45f5-830d-f9cbf1d16420"}}]);
    let answer = intake
        .send(Request::signed_json(PATH, body.to_string()))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(inbox.commits(), 0);
    assert_eq!(
        intake
            .seen
            .count("sink test Some(\"95001c1e-5b8e-45f5-830d-f9cbf1d16420\")"),
        1
    );
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn events_that_nobody_reads_are_answered_and_not_kept() {
    let (intake, inbox) = Running::in_memory().await;
    let other = json!({"type": "com.twilio.messaging.message.delivered", "id": "EZ1", "data": {"accountSid": ACCOUNT}});
    let body = json!([other, event(1)]).to_string();
    assert_eq!(
        intake.send(Request::signed_json(PATH, body)).await.status,
        200
    );
    let body = json!([other]).to_string();
    assert_eq!(
        intake.send(Request::signed_json(PATH, body)).await.status,
        200
    );
    assert_eq!(inbox.events().len(), 1);
    assert_eq!(intake.seen.count("left out 1 unread"), 2);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (intake, inbox) = Running::in_memory().await;
    let mut stream = tokio::net::TcpStream::connect(intake.address)
        .await
        .unwrap();
    for number in 0..3 {
        let request = Request::signed_json(PATH, batch(number..number + 1)).keep_alive();
        stream.write_all(&request.bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).await.unwrap();
        assert_eq!(support::parse(&answer[..read]).status, 200);
    }
    assert_eq!(inbox.events().len(), 3);
    intake.stop().await.unwrap();
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just(event(1).to_string()),
        Just("{\"type\":\"com.twilio.taskrouter.task.created\"}".to_owned()),
        Just(worker_change()),
        r#"["\[\]{},:a1\\ ]{0,12}"#,
    ];
    prop_oneof![
        prop::collection::vec(pieces, 0..5)
            .prop_map(|pieces| format!("[{}]", pieces.join(",")).into_bytes()),
        prop::collection::vec(any::<u8>(), 0..200),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_twilio_signs_is_taken_or_refused_and_each_whole_event_is_kept(body in any_body()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (intake, inbox) = Running::in_memory().await;
            let answer = intake.send(Request::signed_json(PATH, body.clone())).await;
            // What is no JSON was signed as if it were, and is no form that was.
            assert!(matches!(answer.status, 200 | 400 | 403), "{answer:?}");
            if let Ok(Value::Array(members)) = serde_json::from_slice(&body) {
                let whole = members.contains(&event(1));
                assert_eq!(whole, inbox.events().iter().any(|event| event.kind.starts_with("com.twilio")));
            }
            intake.stop().await.unwrap();
        });
    }
}
