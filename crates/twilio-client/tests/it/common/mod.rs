//! A stand-in of Twilio behind one address, with the answers of `fixtures/twilio`.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::Duration;

use http_retry::{Deadlines, RetryPolicy, RetrySettings};
use secrecy::SecretString;
use serde_json::Value;
use twilio_client::{Credentials, Endpoints, TaskRouter, TwilioClient, TwilioSettings};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub const ACCOUNT: &str = "AC00000000000000000000000000000a01";
pub const WORKSPACE: &str = "WS00000000000000000000000000000001";
/// `Basic` of the account SID and the token below.
pub const BASIC: &str =
    "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMGEwMTp0aGUtYXV0aC10b2tlbg==";
pub const TOKEN: &str = "the-auth-token";

pub fn text(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/twilio")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

pub fn fixture(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap()
}

/// `RE…1` and the like.
pub fn sid<T: std::str::FromStr<Err: std::fmt::Debug>>(prefix: &str, number: u32) -> T {
    format!("{prefix}{number:032x}").parse().unwrap()
}

pub fn settings(server: &MockServer) -> TwilioSettings {
    let credentials = Credentials::AuthToken(SecretString::from(TOKEN));
    let mut settings = TwilioSettings::new(ACCOUNT.parse().unwrap(), credentials);
    settings.endpoints = Endpoints::behind(&server.uri().parse().unwrap());
    settings.policy = RetryPolicy::new(RetrySettings {
        attempts: 3,
        backoff_base: Duration::from_millis(1),
        backoff_max: Duration::from_millis(2),
        retry_after_max: Duration::from_millis(20),
        budget: Duration::from_secs(20),
        ..RetrySettings::default()
    })
    .unwrap();
    settings.deadlines = Deadlines {
        idle: Duration::from_secs(2),
        headers: Duration::from_secs(2),
        ..Deadlines::default()
    };
    settings
}

pub fn client(server: &MockServer) -> TwilioClient {
    TwilioClient::new(settings(server)).unwrap()
}

pub fn taskrouter(client: &TwilioClient) -> TaskRouter<'_> {
    client.taskrouter(WORKSPACE.parse().unwrap())
}

pub fn api(rest: &str) -> String {
    format!("/api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/{rest}")
}

pub fn workspace(rest: &str) -> String {
    format!("/taskrouter.twilio.com/v1/Workspaces/{WORKSPACE}{rest}")
}

pub fn ok(name: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(text(name), "application/json")
}

/// Answers GETs of that path with a fixture.
pub async fn serve(server: &MockServer, at: &str, name: &str) {
    Mock::given(method("GET"))
        .and(path(at))
        .respond_with(ok(name))
        .mount(server)
        .await;
}

/// What the server was asked, as `METHOD path?query`.
pub async fn asked(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .map(|request| {
            let query = request
                .url
                .query()
                .map(|query| format!("?{query}"))
                .unwrap_or_default();
            format!("{} {}{query}", request.method, request.url.path())
        })
        .collect()
}
