//! A Calabrio of the test's own making, and a client for it.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use calabrio_client::{Audio, CalabrioClient, CalabrioSettings, ContactImport, Content};
use contact_model::{Direction, LegId};
use futures_util::stream;
use http_retry::{ConcurrencyLimit, HttpClient, RetryPolicy, RetrySettings};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockBuilder, MockServer, ResponseTemplate};

/// The prefix below which the server lives, as behind a gateway.
pub const PREFIX: &str = "/calabrio.example";

pub fn fixture(name: &str) -> String {
    std::fs::read_to_string(format!(
        "{}/../../fixtures/calabrio/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

pub fn json(name: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(fixture(name), "application/json")
}

pub fn page() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(fixture("login-page.html"), "text/html; charset=utf-8")
}

pub fn on(verb: &str, below: &str) -> MockBuilder {
    Mock::given(method(verb)).and(path(format!("{PREFIX}/{below}")))
}

pub const AUTHORIZE: &str = "api/rest/authorize";
pub const CONTACTS: &str = "api/rest/recording/contact";
pub const UPLOAD: &str = "api/upload/contacts";

/// A server that answers every login.
pub async fn server() -> MockServer {
    let server = MockServer::start().await;
    on("POST", AUTHORIZE)
        .respond_with(json("authorize.json"))
        .with_priority(200)
        .mount(&server)
        .await;
    server
}

pub fn http() -> HttpClient {
    let policy = RetryPolicy::new(RetrySettings {
        attempts: 3,
        unauthorized_retries: 1,
        backoff_base: Duration::from_millis(1),
        backoff_max: Duration::from_millis(2),
        retry_after_max: Duration::from_millis(5),
        ..RetrySettings::default()
    })
    .unwrap();
    HttpClient::builder()
        .policy(policy)
        .limit(ConcurrencyLimit::new(32))
        .build()
        .unwrap()
}

pub fn settings(uri: &str) -> CalabrioSettings {
    let base = format!("{uri}{PREFIX}").parse().unwrap();
    let mut settings = CalabrioSettings::new(base, "service@example.com", "hunter2".into());
    settings.acd_server_id = Some(3);
    settings
}

pub fn client(server: &MockServer) -> CalabrioClient {
    CalabrioClient::new(settings(&server.uri()), http()).unwrap()
}

pub fn client_with(
    server: &MockServer,
    change: impl FnOnce(&mut CalabrioSettings),
) -> CalabrioClient {
    let mut settings = settings(&server.uri());
    change(&mut settings);
    CalabrioClient::new(settings, http()).unwrap()
}

pub fn leg(number: u32) -> LegId {
    format!("WR{number:032}").parse().unwrap()
}

/// The audio comes in pieces of a few bytes.
pub fn audio(bytes: &'static [u8]) -> Audio {
    Audio::new(bytes.len() as u64, move || {
        Box::pin(stream::iter(
            bytes
                .chunks(3)
                .map(|piece| Ok(piece.into()))
                .collect::<Vec<_>>(),
        ))
    })
}

pub fn contact() -> ContactImport {
    ContactImport {
        leg: leg(1),
        session: "CH00000000000000000000000000000001".parse().unwrap(),
        start: "2026-03-01T12:00:00.250Z".parse().unwrap(),
        duration_ms: 61_500,
        direction: Some(Direction::Inbound),
        ani: Some("+15550100001".into()),
        dnis: Some("+15550100002".into()),
        agent_acd_id: Some("WK00000000000000000000000000000001".into()),
        metadata: BTreeMap::from([("Name-key".to_owned(), "Jo Customer".to_owned())]),
        content: Content::Call(Some(audio(b"RIFF....WAVE"))),
    }
}

/// How many requests of that kind the server got.
pub async fn count(server: &MockServer, verb: &str, below: &str) -> usize {
    requests(server, verb, below).await.len()
}

pub async fn requests(server: &MockServer, verb: &str, below: &str) -> Vec<wiremock::Request> {
    let path = format!("{PREFIX}/{below}");
    let all = server.received_requests().await.unwrap();
    all.into_iter()
        .filter(|request| request.method.as_str() == verb && request.url.path() == path)
        .collect()
}

pub fn header(request: &wiremock::Request, name: &str) -> String {
    request
        .headers
        .get(name)
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

/// An address at which nobody listens.
pub fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
