//! Agents and queues, by both transports.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]
#![cfg(all(feature = "file", feature = "http"))]

use crate::support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use http_retry::{HttpClient, RetryPolicy, RetrySettings};
use serde_json::{Value, json};
use support::*;
use wfm_delivery::{
    DeliveryError, Fate, HttpAccess, NoSession, Opening, Outcome, Probed, Refusal, RosterAgent,
    RosterBatch, RosterFiles, RosterHttp, RosterQueue, RosterSink, SessionCookie, Sessions, probe,
    probe_folder,
};
use wfm_interval::Zone;
use wiremock::matchers::{header, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const NOW: &str = "2026-03-01T12:20:00.250Z";

fn agent(number: u8, names: [&str; 2], active: bool) -> RosterAgent {
    RosterAgent {
        sid: format!("WK{number:032x}").parse().unwrap(),
        first_name: names[0].to_owned(),
        last_name: names[1].to_owned(),
        full_name: names.join(" "),
        login: Some(format!("login{number}")),
        email: None,
        active,
    }
}

fn queue(number: u8, name: &str, active: bool) -> RosterQueue {
    RosterQueue {
        sid: format!("WQ{number:032x}").parse().unwrap(),
        name: name.to_owned(),
        active,
    }
}

fn people() -> RosterBatch {
    RosterBatch::agents([
        agent(1, ["Ada", "Lovelace, Lady"], true),
        agent(2, ["Bo", "Diddley"], false),
    ])
}

fn both_queues() -> RosterBatch {
    RosterBatch::queues([queue(1, "Everyone", true), queue(2, "Old queue", false)])
}

fn chicago() -> Zone {
    "America/Chicago".parse().unwrap()
}

#[test]
fn the_default_files_are_those_of_the_fixtures_and_who_is_inactive_is_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let files = RosterFiles::new(folder.path(), &contract(json!({})), 7, chicago()).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (batch, name) in [
        (people(), "Users.csv"),
        (both_queues(), "ServiceQueues.7.20260301T122000250.1.csv"),
    ] {
        let receipt = files.write(&batch, at(NOW));
        assert!(receipt.is_accepted(), "{receipt:?}");
        assert_eq!(receipt.parts[0].file.as_deref(), Some(name));
        assert_eq!(receipt.parts[0].rows, 0..2);
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        let wanted = fs::read_to_string(golden.join(name)).unwrap();
        assert_eq!(text.replace("\r\n", "\n"), wanted, "{name}");
        assert_eq!(
            files.fates([(name, at(NOW))]).unwrap(),
            [(name, Fate::Waiting)]
        );
    }
    assert_eq!(files.sweep().unwrap(), 0);
    // Nothing but the two whole files lies there.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[tokio::test]
async fn a_file_whose_name_never_changes_waits_until_calabrio_has_taken_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let files = RosterFiles::new(folder.path(), &contract(json!({})), 7, chicago()).unwrap();
    assert!(files.deliver(&people(), at(NOW)).await.is_accepted());
    // The same is the same delivery, also later.
    let later = at("2026-03-01T13:20:00Z");
    assert!(files.deliver(&people(), later).await.is_accepted());
    let others = RosterBatch::agents([agent(3, ["Cleo", "Patra"], true)]);
    let receipt = files.deliver(&others, later).await;
    assert!(
        matches!(
            receipt.retry_later(),
            Some(DeliveryError::NameTaken { file, .. }) if file == "Users.csv"
        ),
        "{receipt:?}"
    );
    fs::remove_file(folder.path().join("Users.csv")).unwrap();
    assert!(files.deliver(&others, later).await.is_accepted());
}

#[test]
fn a_delivery_that_a_crash_interrupted_is_not_written_again_once_calabrio_has_taken_it() {
    let folder = tempfile::tempdir().unwrap();
    let written = json!({"user_file": {"name": "Users.{now:%Y%m%dT%H%M%S%3f}.{number}.csv"}});
    let files = RosterFiles::new(folder.path(), &contract(written), 7, chicago()).unwrap();
    for (kept_in, batch) in [("archives", people()), ("penaltyBox", both_queues())] {
        let receipt = files.write(&batch, at(NOW));
        let name = receipt.parts[0].file.clone().unwrap();
        let taken = folder.path().join(kept_in).join("20260301");
        fs::create_dir_all(&taken).unwrap();
        fs::rename(folder.path().join(&name), taken.join(&name)).unwrap();
        let again = files.write(&batch, at(NOW));
        assert!(!folder.path().join(&name).exists());
        assert_eq!(again.is_accepted(), kept_in == "archives", "{again:?}");
    }
}

#[test]
fn every_value_of_a_row_has_a_name_in_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let written = json!({
        "values": {"statuses": ["A", "I"]},
        "files": {"line_end": "lf", "rows": 1},
        "user_file": {"name": "U{number}", "columns": [
            "a = agent", "b = name", "c = login", "d = email", "e = inactive", "f = status", "g = now %H:%M", "h = constant x y"
        ]},
        "service_queue_file": {"name": "Q{number}", "columns": ["a = queue", "b = inactive", "c = status", "d = time_zone"]}
    });
    let files = RosterFiles::new(folder.path(), &contract(written), 7, chicago()).unwrap();
    let receipt = files.write(&people(), at(NOW));
    assert_eq!(receipt.parts.len(), 2);
    files.write(&both_queues(), at(NOW));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let sid = "WK00000000000000000000000000000002";
    assert_eq!(
        read("U2"),
        format!("a,b,c,d,e,f,g,h\n{sid},Bo Diddley,login2,,true,I,06:20,x y\n")
    );
    assert_eq!(
        read("Q1"),
        "a,b,c,d\nWQ00000000000000000000000000000001,false,A,America/Chicago\n"
    );
}

#[test]
fn what_a_roster_does_not_have_is_refused_by_its_name() {
    let faults = contract(json!({
        "user_file": {"columns": ["a = agnt", "b = queue"]},
        "service_queue_file": {"columns": ["a = email"], "name": "Users.csv"},
        "user_http": {"fields": ["a = name x"], "path": "/users"},
        "service_queue_http": {"fields": []}
    }))
    .validate()
    .unwrap_err()
    .to_string();
    for part in [
        "user_file.columns: nothing is called \"agnt\" (did you mean agent?)",
        "user_file.columns: nothing is called \"queue\"",
        "service_queue_file.columns: nothing is called \"email\"",
        "user_file.name, service_queue_file.name: two kinds of files have one name",
        "user_http.fields: behind name stands \"x\"",
        "user_http.path: it must be a path below",
        "service_queue_http.fields: there is none",
    ] {
        assert!(faults.contains(part), "{part} is not in {faults}");
    }
}

fn client() -> HttpClient {
    let quick = RetrySettings {
        attempts: 3,
        backoff_base: Duration::from_millis(1),
        backoff_max: Duration::from_millis(2),
        ..RetrySettings::default()
    };
    HttpClient::builder()
        .policy(RetryPolicy::new(quick).unwrap())
        .build()
        .unwrap()
}

fn http(server: &MockServer, written: Value) -> RosterHttp {
    RosterHttp::new(
        client(),
        &server.uri().parse().unwrap(),
        HttpAccess::Basic {
            user: "u".to_owned(),
            password: "p".into(),
        },
        &contract(written),
        7,
        chicago(),
        Duration::from_secs(20),
    )
    .unwrap()
}

#[tokio::test]
async fn rows_go_as_json_to_their_paths_again_after_a_failure_that_passes() {
    let server = MockServer::start().await;
    Mock::given(path("/api/rest/wfm/users"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(header("authorization", "Basic dTpw"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
        .mount(&server)
        .await;
    let sink = http(&server, json!({}));
    assert!(sink.deliver(&both_queues(), at(NOW)).await.is_accepted());
    assert!(sink.deliver(&people(), at(NOW)).await.is_accepted());
    let requests = server.received_requests().await.unwrap();
    let told: Vec<(String, Value)> = requests
        .iter()
        .map(|request: &Request| (request.url.path().to_owned(), request.body_json().unwrap()))
        .collect();
    assert_eq!(told.len(), 3);
    assert_eq!(told[0].0, "/api/rest/wfm/servicequeues");
    assert_eq!(
        told[0].1,
        json!({"records": [
            {"acdServerId": 7, "serviceQueueId": "WQ00000000000000000000000000000001", "name": "Everyone", "active": true},
            {"acdServerId": 7, "serviceQueueId": "WQ00000000000000000000000000000002", "name": "Old queue", "active": false}
        ]})
    );
    assert_eq!(told[1], told[2]);
    assert_eq!(
        told[2].1["records"][1],
        json!({
            "acdId": "WK00000000000000000000000000000002", "acdServerId": 7, "displayTimeZone": "America/Chicago",
            "firstName": "Bo", "lastName": "Diddley", "roles": "Agent", "active": false
        })
    );
}

#[tokio::test]
async fn a_row_that_is_refused_takes_no_other_with_it() {
    let server = MockServer::start().await;
    let errors = json!({"errors": [{"index": 1, "errorMessage": "no such role"}]});
    Mock::given(path("/api/rest/wfm/users"))
        .respond_with(ResponseTemplate::new(200).set_body_json(errors))
        .mount(&server)
        .await;
    let sink = http(&server, json!({}));
    let receipt = sink.deliver(&people(), at(NOW)).await;
    let refused: Vec<_> = receipt.refused().collect();
    assert!(
        matches!(refused[..], [(1, Refusal::Answer { status: 200, .. })]),
        "{receipt:?}"
    );
}

#[tokio::test]
async fn a_test_request_asks_every_path_with_credentials_and_delivers_nothing() {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::method("GET"))
        .and(header("authorization", "Basic dTpw"))
        .respond_with(ResponseTemplate::new(405))
        .mount(&server)
        .await;
    let access = HttpAccess::Basic {
        user: "u".to_owned(),
        password: "p".into(),
    };
    let base = server.uri().parse().unwrap();
    let settings = contract(json!({}));
    let probed = probe(&client(), &base, &access, &settings, Duration::from_secs(5)).await;
    let told: Vec<_> = probed
        .iter()
        .map(|probed| (probed.setting, *probed.status.as_ref().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("user_http.path", 405),
            ("service_queue_http.path", 405),
            ("agent_http.path", 405),
            ("queue_http.path", 405),
            ("state_http.path", 405)
        ]
    );
    let paths: Vec<_> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|request| request.url.path().to_owned())
        .collect();
    assert!(
        paths.contains(&format!("/{}", settings.state_http.path)),
        "{paths:?}"
    );
    drop(server);
    let gone = probe(
        &client(),
        &"http://127.0.0.1:1".parse().unwrap(),
        &access,
        &settings,
        Duration::from_secs(5),
    )
    .await;
    assert!(
        matches!(
            &gone[..],
            [Probed {
                status: Err(DeliveryError::Call { .. }),
                ..
            }]
        ),
        "{gone:?}"
    );
}

#[test]
fn a_folder_is_probed_without_leaving_anything_in_it() {
    let folder = tempfile::tempdir().unwrap();
    probe_folder(folder.path()).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let gone = folder.path().join("gone");
    assert!(matches!(
        probe_folder(&gone),
        Err(DeliveryError::NoFolder { .. })
    ));
}

#[tokio::test]
async fn where_nothing_answers_the_whole_batch_waits() {
    let server = MockServer::start().await;
    Mock::given(path("/api/rest/wfm/users"))
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    let sink = http(&server, json!({"http": {"rows": 1}}));
    let receipt = sink.deliver(&people(), at(NOW)).await;
    let later = |part: &wfm_delivery::Part| matches!(part.outcome, Outcome::RetryLater { .. });
    assert_eq!(receipt.parts.len(), 2);
    assert!(receipt.parts.iter().all(later), "{receipt:?}");
    let told = receipt.retry_later().unwrap().to_string();
    assert_eq!(
        told,
        "Calabrio refuses the credentials for the roster with status 401; correct them"
    );
}

/// Gives out sessions s1, s2 and so on.
#[derive(Default)]
struct Lender {
    logins: std::sync::atomic::AtomicU64,
    refuses: bool,
}

impl Sessions for Lender {
    fn session<'a>(&'a self, ended: Option<&'a SessionCookie>) -> Opening<'a> {
        use std::sync::atomic::Ordering::SeqCst;
        Box::pin(async move {
            if self.refuses {
                return Err(NoSession {
                    refused: true,
                    source: "no".into(),
                });
            }
            let current = self.logins.load(SeqCst);
            let number = if current == 0 || ended.is_some_and(|ended| ended.number() == current) {
                self.logins.fetch_add(1, SeqCst) + 1
            } else {
                current
            };
            Ok(SessionCookie::new(number, format!("id=s{number}").into()))
        })
    }
}

fn with_sessions(server: &MockServer, lender: Lender) -> RosterHttp {
    RosterHttp::new(
        client(),
        &server.uri().parse().unwrap(),
        HttpAccess::Session(std::sync::Arc::new(lender)),
        &contract(json!({})),
        7,
        chicago(),
        Duration::from_secs(20),
    )
    .unwrap()
}

#[tokio::test]
async fn a_session_that_has_ended_is_renewed_once_in_the_middle_of_a_delivery() {
    for ended in [
        ResponseTemplate::new(401),
        ResponseTemplate::new(200).set_body_raw("<html>log in</html>", "text/html"),
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
        let sink = with_sessions(&server, Lender::default());
        let receipt = sink.deliver(&people(), at(NOW)).await;
        assert!(receipt.is_accepted(), "{receipt:?}");
        assert!(sink.deliver(&both_queues(), at(NOW)).await.is_accepted());
        assert!(!format!("{sink:?}").contains("id=s"));
    }
}

#[tokio::test]
async fn without_a_session_nothing_is_sent_and_all_of_it_waits() {
    let server = MockServer::start().await;
    let lender = Lender {
        refuses: true,
        ..Lender::default()
    };
    let receipt = with_sessions(&server, lender)
        .deliver(&people(), at(NOW))
        .await;
    assert!(
        matches!(
            receipt.retry_later(),
            Some(DeliveryError::CredentialsRefused { .. })
        ),
        "{receipt:?}"
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}
