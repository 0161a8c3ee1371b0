//! The client against servers that answer, and against servers that do not.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use common::{Deed, Raw, builder, client, quick};
use futures_util::StreamExt;
use http_retry::{
    AnswerFacts, BaseUrl, BodyError, BodyStream, Call, CallObservation, ConcurrencyLimit,
    Deadlines, HttpClient, Idempotency, Multipart, Outcome, Part, Request, RetryPolicy,
    RetrySettings, SafeUrl, SetupError, StopReason,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const LIMIT: usize = 64 * 1024;

fn get() -> Call {
    Call::new("test.get", Idempotency::Idempotent)
}

fn post() -> Call {
    Call::new("test.post", Idempotency::SafeIfUnsent)
}

fn base(server: &MockServer) -> BaseUrl {
    server.uri().parse().unwrap()
}

/// Answers the statuses in turn, then `{"ok": true}`.
async fn after(statuses: &[ResponseTemplate]) -> MockServer {
    let server = MockServer::start().await;
    for template in statuses {
        Mock::given(path("/x"))
            .respond_with(template.clone())
            .up_to_n_times(1)
            .mount(&server)
            .await;
    }
    Mock::given(path("/x"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"ok": true})))
        .mount(&server)
        .await;
    server
}

async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

async fn fetch(
    client: &HttpClient,
    base: &BaseUrl,
    call: &Call,
) -> Result<Value, http_retry::CallError> {
    client
        .fetch_json(call, LIMIT, |_| {
            Request::get(base.join(["x"]).with_query("Name", "Jane Doe"))
        })
        .await
}

fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
}

#[tokio::test]
async fn every_retryable_status_is_tried_again() {
    for code in [401, 408, 425, 429, 500, 502, 503, 504] {
        let server = after(&[status(code)]).await;
        assert_eq!(
            fetch(&client(), &base(&server), &get()).await.unwrap(),
            json!({"ok": true}),
            "{code}"
        );
        assert_eq!(requests(&server).await, 2, "{code}");
    }
}

#[tokio::test]
async fn a_refusal_comes_back_at_once_with_its_code_and_without_its_content() {
    let body = json!({"code": 20404, "message": "no resource of Jane Doe"});
    let server = after(&[status(404)
        .insert_header("Twilio-Request-Id", "RQ1")
        .set_body_json(&body)])
    .await;
    let client = builder()
        .describe_errors(|answer| AnswerFacts {
            code: serde_json::from_slice::<Value>(answer.body)
                .ok()
                .map(|value| value["code"].to_string()),
            request_id: None,
        })
        .build()
        .unwrap();
    let error = fetch(&client, &base(&server), &get()).await.unwrap_err();
    assert_eq!(
        (error.status(), error.vendor_code(), error.request_id()),
        (Some(404), Some("20404"), Some("RQ1"))
    );
    assert!(error.is_definite_refusal());
    assert!(!error.may_have_been_processed());
    assert_eq!(error.attempts(), 1);
    assert_eq!(error.stop_reason(), StopReason::NotRetryable);
    assert_eq!(
        serde_json::from_slice::<Value>(error.answer_body()).unwrap(),
        body
    );
    let printed = error.to_string();
    assert!(
        printed.starts_with(&format!(
            "GET {}/x?Name=*** failed after 1 attempt in ",
            server.uri()
        )),
        "{printed}"
    );
    assert!(
        printed.ends_with(" s: status 404, code 20404, request id RQ1"),
        "{printed}"
    );
    assert!(!format!("{error:?}").contains("Jane"));
}

#[tokio::test]
async fn it_gives_up_after_the_bound_and_tells_the_whole_story() {
    let server = MockServer::start().await;
    Mock::given(path("/x"))
        .respond_with(status(503).insert_header("X-Request-Id", "abc-1"))
        .mount(&server)
        .await;
    let error = fetch(&client(), &base(&server), &get()).await.unwrap_err();
    assert_eq!(requests(&server).await, 4);
    assert_eq!(error.stop_reason(), StopReason::AttemptsSpent);
    let printed = error.to_string();
    assert!(
        printed.starts_with(&format!(
            "GET {}/x?Name=*** failed after 4 attempts in ",
            server.uri()
        )),
        "{printed}"
    );
    assert!(
        printed.ends_with(" s: status 503, request id abc-1"),
        "{printed}"
    );
}

#[tokio::test]
async fn refused_credentials_are_an_authentication_failure_only_after_a_bounded_number_of_times() {
    let server = after(&[status(401), status(401)]).await;
    assert!(fetch(&client(), &base(&server), &get()).await.is_ok());

    let server = after(&[status(401), status(401), status(401)]).await;
    let error = fetch(&client(), &base(&server), &get()).await.unwrap_err();
    assert!(error.is_authentication());
    assert_eq!(error.stop_reason(), StopReason::Unauthorized);
    assert!(
        error
            .to_string()
            .contains("the credentials were refused (status 401)"),
        "{error}"
    );

    let server = after(&[status(401)]).await;
    let error = fetch(&client(), &base(&server), &get().unauthorized_at_once())
        .await
        .unwrap_err();
    assert!(error.is_authentication());
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn a_retry_after_in_any_form_is_waited_for_up_to_its_clamp() {
    for value in [
        "0",
        "0.01",
        "99999999",
        "Fri, 31 Dec 2999 23:59:59 GMT",
        "Fri, 31 Dec 1999 23:59:59 GMT",
        "soon",
        "-4",
    ] {
        let server = after(&[status(429).insert_header("Retry-After", value)]).await;
        assert!(
            fetch(&client(), &base(&server), &get()).await.is_ok(),
            "{value}"
        );
        assert_eq!(requests(&server).await, 2, "{value}");
    }
}

#[tokio::test]
async fn what_is_asked_for_as_a_wait_is_told_where_it_is_not_waited_for() {
    let once = RetrySettings {
        attempts: 1,
        unauthorized_retries: 0,
        ..RetrySettings::default()
    };
    let once = HttpClient::builder().policy(RetryPolicy::new(once).unwrap());
    let once = once.build().unwrap();
    for (answer, asked) in [
        (status(429).insert_header("Retry-After", "40"), Some(40)),
        (status(503), None),
    ] {
        let server = after(&[answer]).await;
        let error = fetch(&once, &base(&server), &get()).await.unwrap_err();
        assert_eq!(error.stop_reason(), StopReason::AttemptsSpent);
        let told = error.retry_after().map(|told| told.delay().as_secs());
        assert_eq!(told, asked);
        assert_eq!(requests(&server).await, 1);
    }
}

#[tokio::test]
async fn what_is_safe_only_if_unsent_is_not_repeated_after_a_doubtful_end() {
    for code in [408, 500, 502, 503, 504] {
        let server = after(&[status(code)]).await;
        let error = fetch(&client(), &base(&server), &post()).await.unwrap_err();
        assert!(error.may_have_been_processed(), "{code}");
        assert_eq!(requests(&server).await, 1, "{code}");
    }
    for code in [401, 425, 429] {
        let server = after(&[status(code)]).await;
        assert!(
            fetch(&client(), &base(&server), &post()).await.is_ok(),
            "{code}"
        );
    }
    for deed in [Deed::Reset, Deed::Silence] {
        let raw = Raw::start(vec![deed]).await;
        let error = fetch(&client(), &raw.base, &post()).await.unwrap_err();
        assert!(error.may_have_been_processed());
        assert_eq!(raw.connections(), 1);
    }
}

#[tokio::test]
async fn what_is_never_repeated_is_sent_once() {
    for code in [401, 429, 503] {
        let server = after(&[status(code)]).await;
        let call = Call::new("test.once", Idempotency::Never);
        assert_eq!(
            fetch(&client(), &base(&server), &call)
                .await
                .unwrap_err()
                .status(),
            Some(code)
        );
        assert_eq!(requests(&server).await, 1);
    }
}

#[tokio::test]
async fn a_vendor_whose_503_means_unprocessed_gets_its_post_again() {
    let server = after(&[status(503)]).await;
    let policy = RetryPolicy::new(RetrySettings {
        unprocessed: [503].into(),
        ..quick()
    })
    .unwrap();
    assert!(
        fetch(&client(), &base(&server), &post().policy(policy))
            .await
            .is_ok()
    );
}

/// An address where nothing listens: a port that was just free.
async fn nowhere() -> BaseUrl {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_refused_connection_is_not_sent_and_tried_again_even_by_a_post() {
    let base = nowhere().await;
    let error = fetch(&client(), &base, &post()).await.unwrap_err();
    assert!(error.is_not_sent());
    assert!(!error.may_have_been_processed());
    assert_eq!(error.attempts(), 4);
    assert_eq!(error.outcome(), Outcome::NotSent);
    let once = fetch(
        &client(),
        &base,
        &Call::new("test.once", Idempotency::Never),
    )
    .await
    .unwrap_err();
    assert_eq!(once.attempts(), 1);
}

#[tokio::test]
async fn a_call_that_was_sent_once_never_counts_as_not_sent() {
    let first = Raw::start(vec![Deed::Reset]).await;
    let elsewhere = nowhere().await;
    let error = client()
        .fetch_json::<Value, _>(&get(), LIMIT, |attempt| {
            Request::get(if attempt.number == 1 {
                first.base.join(["x"])
            } else {
                elsewhere.join(["x"])
            })
        })
        .await
        .unwrap_err();
    assert!(!error.is_not_sent());
    assert!(error.may_have_been_processed());
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 12\r\nconnection: close\r\n\r\n{\"ok\": true}";

#[tokio::test]
async fn lost_connections_and_half_answers_are_tried_again_by_what_is_idempotent() {
    let broken = [
        Deed::Close,
        Deed::Reset,
        Deed::Silence,
        Deed::WriteAndReset("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"ok"),
        Deed::Write(
            vec!["HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"ok"],
            Duration::ZERO,
        ),
        Deed::Write(
            vec![
                "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"ok",
                "\": true}",
            ],
            Duration::from_secs(2),
        ),
        Deed::Write(
            vec!["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{\"ok\r\n"],
            Duration::ZERO,
        ),
        Deed::Write(
            vec!["HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n{\"ok"],
            Duration::ZERO,
        ),
        Deed::Write(
            vec!["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"],
            Duration::ZERO,
        ),
        Deed::Write(
            vec!["HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n<html></html>"],
            Duration::ZERO,
        ),
        Deed::Write(vec!["rubbish\r\n\r\n"], Duration::ZERO),
    ];
    for deed in broken {
        let raw = Raw::start(vec![deed.clone(), Deed::Write(vec![OK], Duration::ZERO)]).await;
        assert_eq!(
            fetch(&client(), &raw.base, &get()).await.unwrap(),
            json!({"ok": true}),
            "{deed:?}"
        );
        assert_eq!(raw.connections(), 2, "{deed:?}");
    }
}

#[tokio::test]
async fn json_of_another_shape_is_not_asked_for_again_and_not_repeated_in_the_error() {
    let server = MockServer::start().await;
    Mock::given(path("/x"))
        .respond_with(status(200).set_body_json(json!({"ok": "Jane Doe"})))
        .mount(&server)
        .await;
    let error = client()
        .fetch_json::<std::collections::BTreeMap<String, bool>, _>(&get(), LIMIT, |_| {
            Request::get(base(&server).join(["x"]))
        })
        .await
        .unwrap_err();
    assert!(error.is_unfit_answer());
    assert_eq!(requests(&server).await, 1);
    assert!(
        error
            .to_string()
            .contains("unexpected shape at line 1 column"),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("Jane"));
}

#[tokio::test]
async fn a_body_that_ends_with_its_connection_alone_has_no_end_of_its_own() {
    for (answer, own_end) in [
        ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nab", false),
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            true,
        ),
    ] {
        let raw = Raw::start(vec![Deed::Write(vec![answer], Duration::ZERO)]).await;
        let response = client()
            .send(&get(), |_| Request::get(raw.base.join(["x"])))
            .await
            .unwrap();
        assert_eq!(response.has_own_end(), own_end, "{answer}");
        let fetched = response.collect(LIMIT).await.unwrap();
        assert_eq!(fetched.body().as_ref(), b"ab");
    }
}

#[tokio::test]
async fn a_slow_but_steady_body_is_read_to_its_end() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n";
    let raw = Raw::start(vec![Deed::Write(
        vec![head, "a", "b", "c", "d", "e", "f"],
        Duration::from_millis(120),
    )])
    .await;
    let response = client()
        .send(&get(), |_| Request::get(raw.base.join(["x"])))
        .await
        .unwrap();
    assert_eq!(response.content_length(), Some(6));
    let pieces: Vec<Bytes> = response.into_stream().map(Result::unwrap).collect().await;
    assert_eq!(pieces.concat(), b"abcdef");
}

#[tokio::test]
async fn a_body_that_stops_ends_the_stream_with_an_error_and_frees_the_slot() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc";
    for (deed, timeout) in [
        (Deed::Write(vec![head, "def"], Duration::from_secs(5)), true),
        (Deed::WriteAndReset(head), false),
        (Deed::Write(vec![head], Duration::ZERO), false),
    ] {
        let raw = Raw::start(vec![deed]).await;
        let client = client();
        let mut response = client
            .send(&get(), |_| Request::get(raw.base.join(["x"])))
            .await
            .unwrap();
        assert_eq!(response.next_chunk().await.unwrap().unwrap(), "abc");
        let error = response.next_chunk().await.unwrap_err();
        assert_eq!(error.is_timeout(), timeout, "{error}");
        assert_eq!(client.limit().in_use(), 0);
    }
}

#[tokio::test]
async fn a_body_above_its_bound_is_refused_announced_or_not() {
    let announced = "HTTP/1.1 200 OK\r\ncontent-length: 70000\r\n\r\n";
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
    for (text, limit) in [(announced, LIMIT), (chunked, 15)] {
        let raw = Raw::start(vec![Deed::Write(vec![text], Duration::ZERO)]).await;
        let error = client()
            .fetch(
                &get(),
                limit,
                |_| Request::get(raw.base.join(["x"])),
                |fetched| Ok(fetched.body().len()),
            )
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("the answer is larger than {limit} bytes")),
            "{error}"
        );
        assert_eq!(raw.connections(), 1, "more of the same would not help");
    }
}

#[tokio::test]
async fn the_total_time_bounds_the_attempts() {
    let raw = Raw::start(vec![Deed::Silence]).await;
    let policy = RetryPolicy::new(RetrySettings {
        attempts: 100,
        budget: Duration::from_millis(300),
        ..quick()
    })
    .unwrap();
    let error = fetch(&client(), &raw.base, &get().policy(policy))
        .await
        .unwrap_err();
    assert_eq!(error.stop_reason(), StopReason::BudgetSpent);
    assert!(error.is_timeout());
    assert!(
        error.to_string().contains("no answer within 0.3 s"),
        "{error}"
    );
}

#[tokio::test]
async fn redirects_are_answers_and_never_followed() {
    let server = MockServer::start().await;
    Mock::given(path("/x"))
        .respond_with(status(302).insert_header("Location", "/y"))
        .mount(&server)
        .await;
    let response = client()
        .send(&get(), |_| Request::get(base(&server).join(["x"])))
        .await
        .unwrap();
    assert_eq!(
        (response.status(), response.header("location")),
        (302, Some("/y"))
    );
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn a_status_that_the_call_accepts_is_an_answer() {
    let server = after(&[status(404)]).await;
    let response = client()
        .send(&get().accept(404), |_| {
            Request::get(base(&server).join(["x"]))
        })
        .await
        .unwrap();
    assert_eq!(response.status(), 404);
}

#[tokio::test]
async fn each_attempt_is_built_anew_and_knows_how_the_last_one_ended() {
    let server = after(&[status(503), status(401)]).await;
    let seen = Mutex::new(Vec::new());
    let answer: Value = client()
        .fetch_json(&get(), LIMIT, |attempt| {
            seen.lock()
                .unwrap()
                .push((attempt.number, attempt.previous_status));
            Request::get(base(&server).join(["x"])).header("attempt", attempt.number.to_string())
        })
        .await
        .unwrap();
    assert_eq!(answer, json!({"ok": true}));
    assert_eq!(
        *seen.lock().unwrap(),
        [(1, None), (2, Some(503)), (3, Some(401))]
    );
    let sent: Vec<_> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|request| request.headers["attempt"].clone())
        .collect();
    assert_eq!(sent, ["1", "2", "3"]);
}

fn pieces(pieces: Vec<&'static str>, pause: Duration) -> BodyStream {
    Box::pin(
        futures_util::stream::iter(pieces).then(move |piece| async move {
            tokio::time::sleep(pause).await;
            Ok(Bytes::from_static(piece.as_bytes()))
        }),
    )
}

#[tokio::test]
async fn a_multipart_body_is_streamed_with_its_length_known_and_its_own_pace() {
    let raw = Raw::start(vec![Deed::Echo]).await;
    let text = client()
        .fetch(
            &post(),
            LIMIT,
            |_| {
                // Longer in all than the deadline for headers, which counts from the last piece.
                let wav = pieces(vec!["RI", "FF", "da", "ta"], Duration::from_millis(200));
                Request::post(raw.base.join(["x"])).body(
                    Multipart::new()
                        .part(Part::bytes("JSON", "{}").content_type("application/json"))
                        .part(
                            Part::stream("WAV", 8, wav)
                                .filename("a.wav")
                                .content_type("audio/x-wav"),
                        ),
                )
            },
            |fetched| Ok(String::from_utf8(fetched.body().to_vec()).unwrap()),
        )
        .await
        .unwrap();
    let (head, received) = text.split_once('\u{1}').unwrap();
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert!(
        head.contains(&format!("content-length: {received}\r\n")),
        "{head} {received}"
    );
    assert!(
        head.contains("content-type: multipart/form-data; boundary=part-"),
        "{head}"
    );
}

#[derive(Debug, thiserror::Error)]
#[error("the spool file changed")]
struct Changed;

#[tokio::test]
async fn a_source_that_fails_ends_the_call_with_its_own_error() {
    let raw = Raw::start(vec![Deed::Echo]).await;
    let error = client()
        .send(&get(), |_| {
            let wav: BodyStream = Box::pin(futures_util::stream::iter([
                Ok(Bytes::from_static(b"RIFF")),
                Err(BodyError::new(Changed)),
            ]));
            Request::post(raw.base.join(["x"]))
                .body(Multipart::new().part(Part::stream("WAV", 8, wav)))
        })
        .await
        .unwrap_err();
    assert_eq!(
        raw.connections(),
        1,
        "not even an idempotent call is repeated"
    );
    assert!(
        error
            .body_error()
            .unwrap()
            .downcast_ref::<Changed>()
            .is_some()
    );
    assert_eq!(error.outcome(), Outcome::BodyFailed);
    assert!(
        error
            .to_string()
            .ends_with("the request's body could not be read: the spool file changed"),
        "{error}"
    );
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn no_more_calls_are_under_way_than_the_limit_allows() {
    let server = MockServer::start().await;
    Mock::given(path("/x"))
        .respond_with(
            status(200)
                .set_body_json(json!({}))
                .set_delay(Duration::from_millis(20)),
        )
        .mount(&server)
        .await;
    let limit = ConcurrencyLimit::new(2);
    let most = Arc::new(AtomicU32::new(0));
    let base = base(&server);
    // Two clients of one account share one limit.
    let clients = [
        builder().limit(limit.clone()).build().unwrap(),
        builder().limit(limit.clone()).build().unwrap(),
    ];
    let calls = (0..12).map(|index| {
        let (client, limit, most) = (clients[index % 2].clone(), limit.clone(), Arc::clone(&most));
        let url = base.join(["x"]);
        async move {
            let call = get();
            client
                .fetch_json::<Value, _>(&call, LIMIT, |_| {
                    most.fetch_max(u32::try_from(limit.in_use()).unwrap(), Ordering::SeqCst);
                    Request::get(url.clone())
                })
                .await
                .unwrap();
        }
    });
    futures_util::future::join_all(calls).await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
    assert_eq!(limit.in_use(), 0);
}

#[tokio::test]
async fn an_answer_holds_its_slot_until_it_is_dropped_and_a_caller_waits_for_one_only_so_long() {
    let server = after(&[]).await;
    let deadlines = Deadlines {
        slot: Duration::from_millis(50),
        ..Deadlines::default()
    };
    let client = builder()
        .limit(ConcurrencyLimit::new(1))
        .deadlines(deadlines)
        .build()
        .unwrap();
    let held = client
        .send(&get(), |_| Request::get(base(&server).join(["x"])))
        .await
        .unwrap();
    let error = fetch(&client, &base(&server), &get()).await.unwrap_err();
    assert!(error.is_not_sent() && error.is_timeout());
    assert_eq!(error.stop_reason(), StopReason::NoSlot);
    assert!(
        error
            .to_string()
            .contains("no free slot under the concurrency limit within"),
        "{error}"
    );
    drop(held);
    assert!(fetch(&client, &base(&server), &get()).await.is_ok());
}

#[tokio::test]
async fn dropping_a_call_frees_its_slot() {
    let raw = Raw::start(vec![Deed::Silence]).await;
    let client = client();
    let call = get();
    let pending = client.send(&call, |_| Request::get(raw.base.join(["x"])));
    assert!(
        tokio::time::timeout(Duration::from_millis(50), pending)
            .await
            .is_err()
    );
    assert_eq!(client.limit().in_use(), 0);
}

#[tokio::test]
async fn every_attempt_is_observed() {
    let server = after(&[status(503)]).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let client = builder()
        .observer(Arc::new(move |seen: &CallObservation| {
            keep.lock().unwrap().push(seen.clone());
        }))
        .build()
        .unwrap();
    fetch(&client, &base(&server), &get()).await.unwrap();
    let seen = seen.lock().unwrap();
    let told: Vec<_> = seen
        .iter()
        .map(|seen| {
            (
                seen.call,
                seen.attempt,
                seen.status,
                seen.failure,
                seen.retried,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("test.get", 1, Some(503), Some(Outcome::Status(503)), true),
            ("test.get", 2, Some(200), None, false)
        ]
    );
    assert_eq!(seen[0].host, "127.0.0.1");
}

#[tokio::test]
async fn credentials_go_out_and_nothing_prints_them() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(header("authorization", "Basic QUMxOmh1bnRlcjI="))
        .respond_with(status(400))
        .mount(&server)
        .await;
    let password = SecretString::from("hunter2");
    let error = client()
        .send(&get(), |_| {
            Request::get(base(&server).join(["x"])).basic_auth("AC1", &password)
        })
        .await
        .unwrap_err();
    assert_eq!(error.status(), Some(400), "the credentials matched");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    assert!(!format!("{error} {error:?}").contains("aHVudGVyMg"));
}

#[tokio::test]
async fn a_header_that_is_none_ends_the_call_unsent() {
    let server = after(&[]).await;
    let error = client()
        .send(&get(), |_| {
            Request::get(base(&server).join(["x"])).header("x-key", "a\nb")
        })
        .await
        .unwrap_err();
    assert!(error.is_not_sent());
    assert_eq!(error.outcome(), Outcome::Unsendable);
    assert_eq!(requests(&server).await, 0);
}

#[test]
fn root_certificates_that_are_none_are_refused() {
    for pem in [
        "",
        "rubbish",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    ] {
        let built = HttpClient::builder().root_certificates_pem(pem).build();
        assert!(matches!(built, Err(SetupError::RootCertificate)), "{pem}");
    }
}

#[test]
fn what_the_transport_refuses_is_told() {
    let built = HttpClient::builder().user_agent("a\nb").build();
    assert!(matches!(built, Err(SetupError::Transport(_))));
    // PEM around something that is no certificate.
    let built = HttpClient::builder()
        .root_certificates_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .build();
    assert!(matches!(built, Err(SetupError::Transport(_))));
}

#[test]
fn a_proxy_is_taken_from_the_settings() {
    let proxy: SafeUrl = "http://127.0.0.1:3128".parse().unwrap();
    assert!(HttpClient::builder().proxy(proxy).build().is_ok());
}
