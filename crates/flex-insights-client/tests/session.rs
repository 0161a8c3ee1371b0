//! Logging in and out, and the two tokens.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod common;

use std::time::Duration;

use common::*;
use flex_insights_client::{Concern, InsightsError, Report};
use serde_json::json;
use wiremock::matchers::header;
use wiremock::{MockServer, ResponseTemplate};

#[tokio::test]
async fn a_login_is_kept_and_can_be_handed_to_another_client() {
    let server = server().await;
    on("GET", RESULT)
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let first = client(settings(&server.uri()));
    let login = first.login().await.unwrap();
    first.report(&report()).await.unwrap();
    let second = client(settings(&server.uri()));
    second.resume(login).await;
    second.report(&report()).await.unwrap();
    assert_eq!(count(&server, "POST", LOGIN).await, 1);
    assert_eq!(count(&server, "GET", TOKEN).await, 2);
    let requests = server.received_requests().await.unwrap();
    let sent: serde_json::Value = requests[0].body_json().unwrap();
    assert_eq!(
        sent,
        json!({"postUserLogin": {"login": "me@example.com", "password": "hunter2", "remember": 0, "verify_level": 2}})
    );
}

#[tokio::test]
async fn tokens_past_their_life_are_fetched_anew_before_they_are_used() {
    let server = server().await;
    on("GET", RESULT)
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let mut settings = settings(&server.uri());
    settings.temporary_life = Duration::ZERO;
    let temporary_only = client(settings.clone());
    temporary_only.report(&report()).await.unwrap();
    assert_eq!(count(&server, "GET", TOKEN).await, 2, "execute and fetch");
    assert_eq!(count(&server, "POST", LOGIN).await, 1);
    settings.login_life = Duration::ZERO;
    client(settings).report(&report()).await.unwrap();
    assert_eq!(count(&server, "POST", LOGIN).await, 3);
}

#[tokio::test]
async fn a_wrong_password_is_told_once_and_not_sent_again_for_a_while() {
    let server = MockServer::start().await;
    on("POST", LOGIN)
        .respond_with(ResponseTemplate::new(401).set_body_json(
            json!({"error": {"message": "Bad login %s", "parameters": ["me@example.com"]}}),
        ))
        .mount(&server)
        .await;
    let client = client(settings(&server.uri()));
    for _ in 0..2 {
        let error = client.report(&report()).await.unwrap_err();
        assert!(matches!(
            error,
            InsightsError::CredentialsRefused { status: 401, .. }
        ));
        assert_eq!(error.concern(), Some(Concern::Credentials));
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("Bad login ***") && text.contains("check both"),
            "{text}"
        );
        assert!(!text.contains("hunter2") && !text.contains("me@example"));
    }
    assert_eq!(count(&server, "POST", LOGIN).await, 1);
}

#[tokio::test]
async fn a_short_retry_after_on_login_is_waited_for() {
    let server = MockServer::start().await;
    on("POST", LOGIN)
        .respond_with(ResponseTemplate::new(429).insert_header("retry-after", "1"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("POST", LOGIN)
        .respond_with(logged_in("sst-1"))
        .mount(&server)
        .await;
    let began = std::time::Instant::now();
    client(settings(&server.uri())).login().await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_long_retry_after_on_login_is_an_error_and_no_login_is_sent_before_its_time() {
    let server = MockServer::start().await;
    on("POST", LOGIN)
        .respond_with(ResponseTemplate::new(429).insert_header("retry-after", "900"))
        .mount(&server)
        .await;
    let client = client(settings(&server.uri()));
    for _ in 0..2 {
        let error = client.login().await.unwrap_err();
        let InsightsError::LoginThrottled { wait } = error else {
            panic!("{error}")
        };
        assert!(wait > Duration::from_secs(890), "{wait:?}");
    }
    assert_eq!(count(&server, "POST", LOGIN).await, 1);
}

#[tokio::test]
async fn a_login_that_flex_insights_ended_is_replaced() {
    let server = MockServer::start().await;
    on("POST", LOGIN)
        .respond_with(logged_in("sst-1"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("POST", LOGIN)
        .respond_with(logged_in("sst-2"))
        .mount(&server)
        .await;
    on("GET", TOKEN)
        .and(header("X-GDC-AuthSST", "sst-2"))
        .respond_with(temporary("tt-2"))
        .mount(&server)
        .await;
    on("GET", TOKEN)
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    on("POST", EXECUTE)
        .and(header("cookie", "GDCAuthTT=tt-2"))
        .respond_with(ok(json!({"uri": RESULT})))
        .mount(&server)
        .await;
    on("GET", RESULT)
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let got = client(settings(&server.uri()))
        .report(&report())
        .await
        .unwrap();
    assert!(matches!(got, Report::Empty(_)));
    assert_eq!(count(&server, "POST", LOGIN).await, 2);
}

#[tokio::test]
async fn a_new_token_that_is_refused_ends_in_an_error() {
    let server = MockServer::start().await;
    let_in(&server).await;
    on("POST", EXECUTE)
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    let error = client(settings(&server.uri()))
        .report(&report())
        .await
        .unwrap_err();
    assert!(
        matches!(error, InsightsError::TokenRefused { .. }),
        "{error}"
    );
    assert_eq!(count(&server, "POST", EXECUTE).await, 3);
}

#[tokio::test]
async fn logging_out_sends_both_tokens_once() {
    let server = server().await;
    on("DELETE", "/gdc/account/login/u9")
        .and(header("X-GDC-AuthSST", "sst-1"))
        .and(header("cookie", "GDCAuthTT=tt-1"))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    let client = client(settings(&server.uri()));
    client.logout().await.unwrap();
    client.login().await.unwrap();
    client.logout().await.unwrap();
    client.logout().await.unwrap();
}

#[tokio::test]
async fn nothing_prints_a_secret() {
    let server = server().await;
    let client = client(settings(&server.uri()));
    let login = client.login().await.unwrap();
    let text = format!("{client:?} {login:?} {:?}", client.settings());
    for secret in ["hunter2", "sst-1", "tt-1", "me@example.com"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_login_and_a_server_that_is_down_are_told_apart() {
    let server = MockServer::start().await;
    on("POST", LOGIN)
        .respond_with(ok(json!({"other": 1})))
        .mount(&server)
        .await;
    let error = client(settings(&server.uri())).login().await.unwrap_err();
    assert!(
        matches!(error, InsightsError::UnexpectedAnswer { .. }),
        "{error}"
    );
    let error = client(settings("http://127.0.0.1:9"))
        .login()
        .await
        .unwrap_err();
    assert!(matches!(error, InsightsError::Call { .. }), "{error}");
}
