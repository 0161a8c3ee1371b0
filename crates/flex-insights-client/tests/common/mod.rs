//! A Flex Insights of a few answers.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::time::Duration;

use chrono::Utc;
use flex_insights_client::{FlexInsightsClient, InsightsSettings, ReportId};
use http_retry::{HttpClient, RetryPolicy, RetrySettings};
use secrecy::SecretString;
use serde_json::json;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockBuilder, MockServer, ResponseTemplate};

pub(crate) const LOGIN: &str = "/gdc/account/login";
pub(crate) const TOKEN: &str = "/gdc/account/token";
pub(crate) const EXECUTE: &str = "/gdc/app/projects/p1/execute/raw";
pub(crate) const RESULT: &str = "/gdc/projects/p1/execute/raw/77";

pub(crate) fn on(verb: &str, at: &str) -> MockBuilder {
    Mock::given(method(verb)).and(path(at))
}

pub(crate) fn ok(value: serde_json::Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(value)
}

pub(crate) fn logged_in(token: &str) -> ResponseTemplate {
    ok(
        json!({"userLogin": {"profile": "/gdc/account/profile/u9", "state": "/gdc/account/login/u9", "token": token}}),
    )
}

pub(crate) fn temporary(token: &str) -> ResponseTemplate {
    ok(json!({"userToken": {"token": token}}))
}

pub(crate) fn settings(base: &str) -> InsightsSettings {
    let password = SecretString::from("hunter2");
    let mut settings = InsightsSettings::new(
        "me@example.com",
        password,
        "p1".parse().unwrap(),
        Utc::now,
        || 0.5,
    );
    settings.base = base.parse().unwrap();
    settings.polling.first = Duration::from_millis(5);
    settings.polling.longest = Duration::from_millis(20);
    settings.polling.within = Duration::from_secs(20);
    settings
}

pub(crate) fn client(settings: InsightsSettings) -> FlexInsightsClient {
    let policy = RetrySettings {
        attempts: 2,
        unauthorized_retries: 1,
        backoff_base: Duration::from_millis(5),
        backoff_max: Duration::from_millis(5),
        ..RetrySettings::default()
    };
    let http = HttpClient::builder()
        .policy(RetryPolicy::new(policy).unwrap())
        .build()
        .unwrap();
    FlexInsightsClient::new(settings, http).unwrap()
}

pub(crate) fn report() -> ReportId {
    "4711".parse().unwrap()
}

/// Lets anyone in.
pub(crate) async fn let_in(server: &MockServer) {
    on("POST", LOGIN)
        .respond_with(logged_in("sst-1"))
        .mount(server)
        .await;
    on("GET", TOKEN)
        .and(header("X-GDC-AuthSST", "sst-1"))
        .respond_with(temporary("tt-1"))
        .mount(server)
        .await;
}

/// A server that lets anyone in and computes; what the result is, the test says.
pub(crate) async fn server() -> MockServer {
    let server = MockServer::start().await;
    let_in(&server).await;
    on("POST", EXECUTE)
        .respond_with(ok(json!({"uri": RESULT})))
        .mount(&server)
        .await;
    server
}

pub(crate) async fn count(server: &MockServer, verb: &str, at: &str) -> usize {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .filter(|r| r.method.as_str() == verb && r.url.path() == at)
        .count()
}
