//! The HTTP transport by its public face.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]
#![cfg(feature = "http")]

use crate::support;

use std::time::Duration;

use http_retry::{HttpClient, RetryPolicy, RetrySettings};
use secrecy::SecretString;
use serde_json::{Value, json};
use support::*;
use wfm_delivery::{
    DeliveryError, HistoryHttp, HistorySink, HttpAccess, Opening, Outcome, Refusal, SessionCookie,
    Sessions, StateHttp, StateSink,
};
use wfm_history::Redelivery;
use wfm_interval::Zone;
use wfm_state_mapping::CalabrioState;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const NOW: &str = "2026-03-01T12:20:00.250Z";

fn client() -> HttpClient {
    let quick = RetrySettings {
        attempts: 2,
        unauthorized_retries: 1,
        backoff_base: Duration::from_millis(1),
        backoff_max: Duration::from_millis(2),
        ..RetrySettings::default()
    };
    HttpClient::builder()
        .policy(RetryPolicy::new(quick).unwrap())
        .build()
        .unwrap()
}

struct Setting {
    contract: Value,
    access: HttpAccess,
    redelivery: Redelivery,
    deadline: Duration,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            contract: json!({}),
            access: HttpAccess::Open,
            redelivery: Redelivery::Replace,
            deadline: Duration::from_secs(20),
        }
    }
}

fn history(server: &str, setting: Setting) -> HistoryHttp {
    HistoryHttp::new(
        client(),
        &server.parse().unwrap(),
        setting.access,
        &contract(setting.contract),
        7,
        Zone::UTC,
        setting.redelivery,
        setting.deadline,
    )
    .unwrap()
}

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

async fn bodies(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    let body = |request: &Request| request.body_json().unwrap();
    requests.iter().map(body).collect()
}

fn rows(count: u8) -> Vec<wfm_history::Change> {
    (0..count)
        .map(|queue| queue_row(queue, "2026-03-01T12:00:00Z", queue.into()))
        .collect()
}

/// What became of two rows with this answer, and how often it was asked.
async fn met(answer: ResponseTemplate, setting: Setting) -> (Outcome, usize) {
    let server = answering(answer).await;
    let sink = history(&server.uri(), setting);
    let mut receipt = sink.deliver(&queues(&rows(2)), at(NOW)).await;
    assert_eq!(receipt.parts.len(), 1, "{receipt:?}");
    assert_eq!(receipt.parts[0].rows, 0..2);
    let asked = server.received_requests().await.unwrap().len();
    (receipt.parts.remove(0).outcome, asked)
}

#[tokio::test]
async fn a_row_carries_its_key_and_its_values_under_the_names_of_the_settings() {
    let server = MockServer::start().await;
    Mock::given(path("/api/rest/wfm/history/queues"))
        .and(header("authorization", "Bearer secret-token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"status": "SUCCESS"})))
        .mount(&server)
        .await;
    let setting = Setting {
        contract: json!({"queue_http": {"fields": [
            "server = acd_server", "queue = queue", "start = interval_start epoch-milliseconds", "offered = offered", "longest = longest_wait_time",
            "again = first_or_again", "merged = ambiguous"
        ]}}),
        access: HttpAccess::Bearer("secret-token".into()),
        ..Setting::default()
    };
    let sink = history(&server.uri(), setting);
    assert!(!format!("{sink:?}").contains("secret-token"));
    let receipt = sink.deliver(&queues(&rows(1)), at(NOW)).await;
    assert!(receipt.is_accepted(), "{receipt:?}");
    assert_eq!(
        bodies(&server).await,
        [json!({"records": [{
            "server": 7, "queue": "WQ00000000000000000000000000000000", "start": 1_772_366_400_000_i64, "offered": 0, "longest": 62,
            "again": "new", "merged": false
        }]})]
    );
}

#[tokio::test]
async fn every_access_shows_in_the_request_and_not_in_debug() {
    let secret = || SecretString::from("pass-word");
    for (access, name, value) in [
        (
            HttpAccess::Basic {
                user: "wfm".to_owned(),
                password: secret(),
            },
            "authorization",
            "Basic d2ZtOnBhc3Mtd29yZA==",
        ),
        (
            HttpAccess::Header {
                name: "x-api-key".to_owned(),
                value: secret(),
            },
            "x-api-key",
            "pass-word",
        ),
    ] {
        assert!(!format!("{access:?}").contains("pass-word"));
        let server = MockServer::start().await;
        Mock::given(header(name, value))
            .respond_with(ResponseTemplate::new(204))
            .mount(&server)
            .await;
        let setting = Setting {
            access,
            ..Setting::default()
        };
        let receipt = history(&server.uri(), setting)
            .deliver(&agents(&[agent_row(1, "2026-03-01T12:00:00Z", 1)]), at(NOW))
            .await;
        assert!(receipt.is_accepted(), "{receipt:?}");
    }
}

#[tokio::test]
async fn requests_are_bounded() {
    let server = answering(ResponseTemplate::new(200)).await;
    let setting = Setting {
        contract: json!({"http": {"rows": 2, "list_field": ""}}),
        ..Setting::default()
    };
    let receipt = history(&server.uri(), setting)
        .deliver(&queues(&rows(5)), at(NOW))
        .await;
    assert!(receipt.is_accepted());
    let sizes: Vec<_> = bodies(&server)
        .await
        .iter()
        .map(|body| body.as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [2, 2, 1]);
}

#[tokio::test]
async fn rows_that_an_answer_lists_are_refused_and_the_others_taken() {
    let answer = json!({"requestId": "r-1", "errors": [{"index": 1, "errorMessage": "Jane Doe is unknown"}]});
    let (outcome, asked) = met(
        ResponseTemplate::new(200).set_body_json(answer),
        Setting::default(),
    )
    .await;
    let Outcome::RowsRefused(refused) = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((asked, refused.len(), refused[0].row), (1, 1, 1));
    assert!(!format!("{outcome:?}").contains("Jane"));
    assert_eq!(
        refused[0].refusal.to_string(),
        "Calabrio refused it with status 200, request id r-1"
    );
    let Refusal::Answer { text, .. } = &refused[0].refusal else {
        panic!("{refused:?}")
    };
    assert_eq!(text.as_ref().unwrap().as_str(), "Jane Doe is unknown");
}

/// Refuses requests that hold the row with three offered contacts.
fn refuses_three(listing: bool) -> impl Fn(&Request) -> ResponseTemplate + Send + Sync {
    move |request: &Request| {
        let body: Value = request.body_json().unwrap();
        let rows = body["records"].as_array().unwrap();
        match rows.iter().position(|row| row["offered"] == 3) {
            None => ResponseTemplate::new(200),
            Some(place) if listing => {
                ResponseTemplate::new(422).set_body_json(json!({"errors": [{"index": place}]}))
            }
            Some(_) => ResponseTemplate::new(422).set_body_json(json!({"errorMessage": "no"})),
        }
    }
}

#[tokio::test]
async fn one_bad_row_is_found_and_takes_no_other_with_it() {
    for (listing, requests) in [(true, 2), (false, 7)] {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(refuses_three(listing))
            .mount(&server)
            .await;
        let receipt = history(&server.uri(), Setting::default())
            .deliver(&queues(&rows(8)), at(NOW))
            .await;
        let refused: Vec<_> = receipt.refused().map(|(row, _)| row).collect();
        assert_eq!(refused, [3], "{receipt:?}");
        assert!(receipt.retry_later().is_none());
        let mut covered: Vec<_> = receipt
            .parts
            .iter()
            .flat_map(|part| part.rows.clone())
            .collect();
        covered.sort_unstable();
        assert_eq!(covered, (0..8).collect::<Vec<_>>());
        assert_eq!(bodies(&server).await.len(), requests);
    }
}

#[tokio::test]
async fn rows_that_are_listed_one_by_one_are_bounded_too() {
    let server = MockServer::start().await;
    let first = ResponseTemplate::new(422).set_body_json(json!({"errors": [{"index": 0}]}));
    Mock::given(method("POST"))
        .respond_with(first)
        .mount(&server)
        .await;
    let setting = Setting {
        contract: json!({"http": {"splits": 2}}),
        ..Setting::default()
    };
    let receipt = history(&server.uri(), setting)
        .deliver(&queues(&rows(8)), at(NOW))
        .await;
    assert_eq!(receipt.refused().count(), 8, "{receipt:?}");
    assert_eq!(bodies(&server).await.len(), 3);
}

#[tokio::test]
async fn halving_is_bounded() {
    let setting = Setting {
        contract: json!({"http": {"splits": 0}}),
        ..Setting::default()
    };
    let (outcome, asked) = met(ResponseTemplate::new(400), setting).await;
    assert!(
        matches!(
            outcome,
            Outcome::Refused(Refusal::Answer { status: 400, .. })
        ),
        "{outcome:?}"
    );
    assert_eq!(asked, 1);
}

fn later(outcome: &Outcome) -> (&DeliveryError, bool) {
    match outcome {
        Outcome::RetryLater { error, in_doubt } => (error, *in_doubt),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn refused_credentials_say_nothing_about_rows() {
    let (outcome, asked) = met(ResponseTemplate::new(401), Setting::default()).await;
    let (error, in_doubt) = later(&outcome);
    assert!(
        matches!(error, DeliveryError::CredentialsRefused { what: "history" }),
        "{error}"
    );
    assert_eq!((in_doubt, asked), (false, 2));
}

#[tokio::test]
async fn other_errors_can_be_tried_later_and_say_whether_calabrio_may_have_the_rows() {
    for (status, redelivery, doubt, requests) in [
        (403, Redelivery::Replace, false, 1),
        (404, Redelivery::Never, false, 1),
        (429, Redelivery::Never, false, 2),
        (500, Redelivery::Replace, true, 2),
        (500, Redelivery::Never, true, 1),
        (503, Redelivery::Replace, true, 2),
    ] {
        let setting = Setting {
            redelivery,
            ..Setting::default()
        };
        let (outcome, asked) = met(ResponseTemplate::new(status), setting).await;
        let (error, in_doubt) = later(&outcome);
        assert!(
            matches!(
                error,
                DeliveryError::Call {
                    what: "history",
                    ..
                }
            ),
            "{error}"
        );
        assert_eq!((in_doubt, asked), (doubt, requests), "{status}");
    }
}

#[tokio::test]
async fn no_server_is_no_doubt() {
    let sink = history("http://127.0.0.1:9", Setting::default());
    let receipt = sink.deliver(&queues(&rows(2)), at(NOW)).await;
    let (error, in_doubt) = later(&receipt.parts[0].outcome);
    assert!(matches!(error, DeliveryError::Call { .. }), "{error}");
    assert!(!in_doubt);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_pages_and_errors_in_a_success_are_unexpected() {
    let elsewhere = answering(ResponseTemplate::new(200)).await;
    for (answer, problem) in [
        (
            ResponseTemplate::new(307).insert_header("location", elsewhere.uri()),
            "redirect",
        ),
        (
            ResponseTemplate::new(200).set_body_string("<html>login</html>"),
            "JSON",
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({"errorMessage": "Jane Doe"})),
            "although the status says success",
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({"status": "failed"})),
            "although the status says success",
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({"errors": [{"index": 2}]})),
            "none of those that were sent",
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({"errors": "many"})),
            "no list",
        ),
    ] {
        let (outcome, _) = met(answer, Setting::default()).await;
        let (error, in_doubt) = later(&outcome);
        assert!(
            matches!(error, DeliveryError::UnexpectedAnswer { .. }),
            "{error}"
        );
        let told = error.to_string();
        assert!(told.contains(problem) && !told.contains("Jane"), "{told}");
        assert!(in_doubt);
    }
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_error_in_a_success_refuses_where_the_settings_say_so() {
    let setting = Setting {
        contract: json!({"answers": {"error_in_success": "refused"}, "http": {"splits": 0}}),
        ..Setting::default()
    };
    let answer = ResponseTemplate::new(200).set_body_json(json!({"errorMessage": "no"}));
    let (outcome, asked) = met(answer, setting).await;
    assert!(
        matches!(
            outcome,
            Outcome::Refused(Refusal::Answer { status: 200, .. })
        ),
        "{outcome:?}"
    );
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_deadline_ends_it_all_and_what_follows_waits() {
    let answer = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    let server = answering(answer).await;
    let setting = Setting {
        contract: json!({"http": {"rows": 1}}),
        deadline: Duration::from_millis(200),
        ..Setting::default()
    };
    let receipt = history(&server.uri(), setting)
        .deliver(&queues(&rows(3)), at(NOW))
        .await;
    let told: Vec<_> = receipt
        .parts
        .iter()
        .map(|part| later(&part.outcome))
        .collect();
    assert!(matches!(told[0], (DeliveryError::Deadline { .. }, true)));
    for waits in &told[1..] {
        assert!(matches!(waits, (DeliveryError::NotTried { .. }, false)));
    }
    assert_eq!(told.len(), 3);
}

#[tokio::test]
async fn states_say_whether_they_are_a_snapshot_and_where_it_ends() {
    let server = answering(ResponseTemplate::new(200)).await;
    let contract = contract(json!({
        "values": {"states": ["0", "2", "3", "4", "10", "5", "6"]},
        "http": {"rows": 1},
        "state_http": {"path": "rta", "fields": [
            "agent = agent", "state = state", "reason = reason_code", "since = since", "seconds = seconds_in_state", "all = snapshot",
            "kind = constant Flex", "sent = now epoch-seconds", "server = acd_server"
        ]}
    }));
    let base = server.uri().parse().unwrap();
    let deadline = Duration::from_secs(20);
    let sink = StateHttp::new(
        client(),
        &base,
        HttpAccess::Open,
        &contract,
        7,
        Zone::UTC,
        deadline,
    )
    .unwrap();
    let batch = states(
        [
            state(1, CalabrioState::Hold, None),
            state(2, CalabrioState::NotReady, Some("Lunch, long")),
        ],
        true,
    );
    assert!(sink.deliver(&batch, at(NOW)).await.is_accepted());
    let batch = states([state(1, CalabrioState::Talking, None)], false);
    assert!(sink.deliver(&batch, at(NOW)).await.is_accepted());
    let body = |agent: u8, state: &str, reason: Value, snapshot: bool, last: bool| {
        json!({"snapshot": snapshot, "last": last, "records": [{
            "agent": format!("WK{agent:032x}"), "state": state, "reason": reason, "since": "2026-03-01T12:00:00+00:00", "seconds": 1200,
            "all": snapshot, "kind": "Flex", "sent": 1_772_367_600, "server": 7
        }]})
    };
    assert_eq!(
        bodies(&server).await,
        [
            body(1, "10", Value::Null, true, false),
            body(2, "2", json!("Lunch long"), true, true),
            body(1, "4", Value::Null, false, false),
        ]
    );
}

#[tokio::test]
async fn how_long_calabrio_wants_to_be_left_alone_is_told() {
    let answer = |status| {
        let answer = ResponseTemplate::new(status);
        answer.insert_header("Retry-After", "0.002")
    };
    for (status, asked) in [(429, Some(2)), (503, Some(2)), (401, None)] {
        let (outcome, _) = met(answer(status), Setting::default()).await;
        let Outcome::RetryLater { error, .. } = outcome else {
            panic!("{outcome:?}")
        };
        let told = error.retry_after().map(|told| told.as_millis());
        assert_eq!(told, asked, "{status}");
    }
}

/// Gives out a new session whenever one is said to have ended.
#[derive(Default)]
struct Lender(std::sync::atomic::AtomicU64);

impl Sessions for Lender {
    fn session<'a>(&'a self, ended: Option<&'a SessionCookie>) -> Opening<'a> {
        use std::sync::atomic::Ordering::SeqCst;
        let number = match ended {
            Some(_) => self.0.fetch_add(1, SeqCst) + 2,
            None => self.0.load(SeqCst) + 1,
        };
        Box::pin(async move { Ok(SessionCookie::new(number, format!("id=s{number}").into())) })
    }
}

#[tokio::test]
async fn an_interval_that_must_not_come_twice_is_sent_again_after_a_401_and_not_after_a_page() {
    for (ended, accepted) in [
        (ResponseTemplate::new(401), true),
        (
            ResponseTemplate::new(200).set_body_raw("<html>log in</html>", "text/html"),
            false,
        ),
    ] {
        let server = MockServer::start().await;
        Mock::given(header("cookie", "id=s1"))
            .respond_with(ended)
            .mount(&server)
            .await;
        Mock::given(header("cookie", "id=s2"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
            .mount(&server)
            .await;
        let setting = Setting {
            access: HttpAccess::Session(std::sync::Arc::new(Lender::default())),
            redelivery: Redelivery::Never,
            ..Setting::default()
        };
        let sink = history(&server.uri(), setting);
        let receipt = sink.deliver(&queues(&rows(1)), at(NOW)).await;
        assert_eq!(receipt.is_accepted(), accepted, "{receipt:?}");
        if !accepted {
            assert!(
                matches!(
                    receipt.parts[0].outcome,
                    Outcome::RetryLater { in_doubt: true, .. }
                ),
                "{receipt:?}"
            );
        }
        // The next delivery has the new session either way.
        assert!(
            sink.deliver(&queues(&rows(1)), at(NOW)).await.is_accepted(),
            "{accepted}"
        );
    }
}
