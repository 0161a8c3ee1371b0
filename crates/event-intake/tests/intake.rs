//! What is taken, from whom, and what is answered: through real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may end here"
)]

mod support;

use std::sync::Arc;

use event_intake::{AcdKey, FeedSettings, IntakeSettings, Limits, MemoryInbox};
use flex_events::{Pushed, WireForm};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{
    ACCOUNT, PATH, Request, Running, TOKEN, batch, callback, credentials, event, feed, settings,
    sign, worker_change,
};

fn with_feed(change: impl FnOnce(&mut FeedSettings)) -> IntakeSettings {
    let mut settings = settings();
    change(&mut settings.feeds[0]);
    settings
}

async fn start(settings: IntakeSettings) -> (Running, Arc<MemoryInbox>) {
    let inbox = Arc::new(MemoryInbox::new(10_000));
    (Running::start(settings, inbox.clone()).await, inbox)
}

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
async fn members_of_another_account_or_workspace_are_left_out_and_counted() {
    let (intake, inbox) = Running::in_memory().await;
    let foreign = |pointers: &[&str], sid: &str| {
        let mut event = event(5);
        for pointer in pointers {
            *event.pointer_mut(pointer).unwrap() = json!(sid);
        }
        event
    };
    let accounts = ["/data/account_sid", "/data/payload/account_sid"];
    let other_account = foreign(&accounts, "AC00000000000000000000000000000009");
    let workspace = ["/data/payload/workspace_sid"];
    let other_workspace = foreign(&workspace, "WS00000000000000000000000000000009");
    let mut nobodys = event(6);
    nobodys["data"]["payload"]["workspace_sid"] = Value::Null;
    let body = json!([other_account, event(1), other_workspace, nobodys]).to_string();
    assert_eq!(
        intake.send(Request::signed_json(PATH, body)).await.status,
        200
    );
    assert_eq!(inbox.events().len(), 1);
    assert_eq!(intake.seen.count("left out 3 foreign"), 1);

    // A sink has the events of all workspaces of its account; that is no reason to complain to Twilio.
    let body = json!([other_workspace]).to_string();
    assert_eq!(
        intake.send(Request::signed_json(PATH, body)).await.status,
        200
    );
    // A callback was pointed here by somebody, who should hear of it.
    let mut fields = callback();
    fields[2].1 = "WS00000000000000000000000000000009";
    assert_eq!(
        intake
            .send(Request::signed_form(PATH, &fields))
            .await
            .status,
        403
    );
    assert_eq!(intake.seen.count("answered foreign"), 1);
    assert_eq!(inbox.events().len(), 1);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn sids_are_compared_without_case() {
    let (intake, inbox) = start(with_feed(|feed| {
        feed.account = "AC000000000000000000000000000000AB".parse().unwrap();
    }))
    .await;
    let body = batch(1..2).replace(ACCOUNT, "AC000000000000000000000000000000ab");
    assert_eq!(
        intake.send(Request::signed_json(PATH, body)).await.status,
        200
    );
    assert_eq!(inbox.events().len(), 1);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_forged_signature_is_answered_403_and_counted() {
    let (intake, inbox) = Running::in_memory().await;
    let good = Request::signed_json(PATH, batch(0..1));
    let mut other_body = good.clone();
    other_body.body = batch(1..2).into_bytes();
    let mut other_token = good.clone();
    other_token.headers[0].1 = sign("another token", "another text");
    let mut no_hash = good.clone();
    no_hash.target = PATH.to_owned();
    let mut no_base64 = good.clone();
    no_base64.headers[0].1 = "a signature".to_owned();
    let mut form = Request::signed_form(PATH, &callback());
    form.body.extend_from_slice(b"&Extra=1");
    let forged = [other_body, other_token, no_hash, no_base64, form];
    for request in &forged {
        let answer = intake.send(request.clone()).await;
        assert_eq!(answer.status, 403, "{request:?}");
        assert!(answer.body.contains("signature"));
    }
    assert_eq!(intake.seen.count("answered forged"), forged.len());
    assert_eq!(inbox.events().len(), 0);
    assert_eq!(intake.send(good).await.status, 200);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_good_signature_does_not_excuse_a_second_one_over_the_requests_own_host() {
    let (intake, inbox) = Running::in_memory().await;
    let body = batch(0..1);
    let mut request = Request::signed_json(PATH, body);
    let (_, query) = request.target.split_once('?').unwrap();
    // Every request of this client says `Host: attacker.example`.
    request.headers[0].1 = sign(TOKEN, &format!("https://attacker.example{PATH}?{query}"));
    assert_eq!(intake.send(request).await.status, 403);
    assert_eq!(inbox.events().len(), 0);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_request_that_proves_nothing_is_refused_before_its_body_is_read() {
    let (intake, inbox) = Running::in_memory().await;
    // The body that this announces never comes.
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nConnection: close\r\n\r\n"
    );
    let answer = raw(&intake, head.as_bytes()).await;
    assert_eq!(answer.status, 403);
    assert_eq!(intake.seen.count("answered unauthenticated"), 1);
    assert_eq!(inbox.commits(), 0);
    intake.stop().await.unwrap();
}

async fn raw(intake: &Running, bytes: &[u8]) -> support::Response {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(intake.address)
        .await
        .unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    support::parse(&answer)
}

#[tokio::test]
async fn without_a_token_the_credentials_decide() {
    let (intake, inbox) = start(with_feed(|feed| {
        feed.auth_tokens.clear();
        feed.credentials = Some(credentials());
    }))
    .await;
    let request = Request::post(PATH, batch(0..2));
    let answer = intake.send(request.clone()).await;
    assert_eq!(answer.status, 401);
    assert!(
        answer
            .header("www-authenticate")
            .unwrap()
            .starts_with("Basic")
    );
    for (username, password) in [
        ("flex", "secret"),
        ("flex", ""),
        ("", "s3cret"),
        ("flex:s3cret", ""),
    ] {
        let answer = intake.send(request.clone().basic(username, password)).await;
        assert_eq!(answer.status, 401, "{username}");
    }
    for value in ["Basic", "Basic !", "Bearer s3cret"] {
        let answer = intake
            .send(request.clone().header("Authorization", value))
            .await;
        assert_eq!(answer.status, 401, "{value}");
    }
    assert_eq!(inbox.commits(), 0);
    assert_eq!(
        intake.send(request.basic("flex", "s3cret")).await.status,
        200
    );
    assert_eq!(inbox.events().len(), 2);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn with_a_token_the_credentials_open_only_what_twilio_does_not_sign() {
    let (intake, inbox) = start(with_feed(|feed| feed.credentials = Some(credentials()))).await;
    let unsigned = |body: String| Request::post(PATH, body).basic("flex", "s3cret");
    assert_eq!(intake.send(unsigned(batch(0..1))).await.status, 403);
    assert_eq!(inbox.commits(), 0);
    assert_eq!(intake.send(unsigned(worker_change())).await.status, 200);
    assert_eq!(inbox.events()[0].form, WireForm::WorkerChange);
    assert_eq!(inbox.events()[0].kind, "WFMWorkerChange");
    // A signature that is there must be good, whatever else is.
    let forged = unsigned(worker_change()).header("X-Twilio-Signature", &sign("x", "y"));
    assert_eq!(intake.send(forged).await.status, 403);
    assert_eq!(intake.seen.count("answered forged"), 1);
    // Twilio may have signed the URL with the credentials in it.
    let mut request = Request::signed_json(PATH, batch(0..1));
    let (_, query) = request.target.split_once('?').unwrap();
    let url = format!("https://flex:s3cret@connector.example.com{PATH}?{query}");
    request.headers[0].1 = sign(TOKEN, &url);
    assert_eq!(intake.send(request).await.status, 200);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_secret_path_is_proof_enough_where_it_is_meant_to_be() {
    let secret = "f00dfeedf00dfeedf00dfeedf00dfeed";
    let (intake, inbox) = start(with_feed(|feed| {
        feed.auth_tokens.clear();
        feed.path = secret.to_owned();
        feed.secret_path = true;
    }))
    .await;
    let answer = intake
        .send(Request::post(&format!("/{secret}"), batch(0..1)))
        .await;
    assert_eq!(answer.status, 200);
    let answer = intake
        .send(Request::post(
            "/f00dfeedf00dfeedf00dfeedf00dfeee",
            batch(1..2),
        ))
        .await;
    assert_eq!(answer.status, 404);
    assert_eq!(inbox.events().len(), 1);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn each_acd_has_its_own_path_with_or_without_that_of_the_proxy() {
    let mut two = settings();
    two.feeds.push(feed("second", "ws2/events"));
    two.feeds[1].auth_tokens = vec!["another token".into()];
    let (intake, inbox) = start(two).await;
    for (path, status) in [
        ("/twilio/ws1", 200),
        ("/ws1", 200),
        // Signed with the token of the first.
        ("/twilio/ws2/events", 403),
        ("/twilio", 404),
        ("/", 404),
        ("/twilio/ws1/", 404),
        ("/twilio/WS1", 404),
        ("/twilio/ws2", 404),
        ("/twilio/twilio/ws1", 404),
    ] {
        let answer = intake.send(Request::signed_json(path, batch(0..1))).await;
        assert_eq!(answer.status, status, "{path}");
    }
    assert_eq!(intake.seen.count("answered unknown-path"), 6);
    assert!(
        inbox
            .events()
            .iter()
            .all(|event| event.acd.as_str() == "main")
    );
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
    assert_eq!(raw(&intake, chunked.as_bytes()).await.status, 413);
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
