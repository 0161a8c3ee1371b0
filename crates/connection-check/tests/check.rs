//! Test Connection against servers of the test's own making.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use connection_check::{
    CheckReport, CheckSettings, ClientsError, Connector, Question, Status, check_configuration,
    check_offline,
};
use connector_config::{Config, SecretError, SecretPlace, SecretSource};
use secrecy::SecretSlice;
use serde_json::{Value, json};
use service_runtime::{Output, Terminal, print_report};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const WORKSPACE: &str = "WS00000000000000000000000000000001";
const KEY: &str = "CR00000000000000000000000000000001";

const PEOPLE: &str = "/calabrio.example/api/rest/org/common/person/permission/ViewOrg";
const CONVERSATION: &str = "/conversations.twilio.com/v1/Services/IS00000000000000000000000000000001/Conversations/CH00000000000000000000000000000000";

struct Map(HashMap<&'static str, Vec<u8>>);

impl SecretSource for Map {
    fn get(&self, place: &SecretPlace) -> Result<SecretSlice<u8>, SecretError> {
        match place {
            SecretPlace::Env(name) => self
                .0
                .get(name.as_str())
                .cloned()
                .map(Into::into)
                .ok_or_else(|| SecretError::Unset(name.clone())),
            other => Err(SecretError::Unset(other.to_string())),
        }
    }
}

fn secrets() -> Map {
    let key = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/recording-crypto/keys/test-only-rsa-2048.pkcs8.pem");
    Map(HashMap::from([
        ("SIGNS", b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_vec()),
        ("SIGNS_NOT", b"whsec_hunter4".to_vec()),
        ("TOKEN", b"hunter2".to_vec()),
        ("PASSWORD", b"hunter3".to_vec()),
        ("KEY", std::fs::read(key).unwrap()),
    ]))
}

fn text(server: &MockServer, extra: &str) -> String {
    let (address, uri) = (server.address(), server.uri());
    format!(
        r#"
[tls]
allow_http_loopback = ["{address}"]
[[acd]]
name = "main"
time_zone = "America/Chicago"
[acd.twilio]
account_sid = "{ACCOUNT}"
workspace_sid = "{WORKSPACE}"
auth_token = {{ env = "TOKEN" }}
[acd.twilio.endpoints]
api = "{uri}/api.twilio.com"
taskrouter = "{uri}/taskrouter.twilio.com"
flex_api = "{uri}/flex-api.twilio.com"
insights = "{uri}/insights.twilio.com"
accounts = "{uri}/accounts.twilio.com"
conversations = "{uri}/conversations.twilio.com"
[acd.calabrio]
base_url = "{uri}/calabrio.example"
username = "connector@example.com"
password = {{ env = "PASSWORD" }}
[[acd.metadata]]
attribute = "tier"
label = "Customer Tier"
[[acd.encryption_key]]
name = "one"
public_key_sid = "{KEY}"
private_key = {{ env = "KEY" }}
{extra}"#
    )
}

fn workspace(sid: &str, account: &str) -> Value {
    json!({ "sid": sid, "account_sid": account, "friendly_name": "Flex Task Assignment" })
}

fn list(key: &str, items: Value) -> Value {
    let meta = json!({ "key": key, "page": 0, "page_size": 50, "next_page_url": null });
    let mut page = json!({ "meta": meta });
    page[key] = items;
    page
}

/// The answers by path; each test changes what it is about.
fn sound() -> HashMap<&'static str, (u16, Value)> {
    HashMap::from([
        (
            "/taskrouter.twilio.com/v1/Workspaces",
            (
                200,
                list("workspaces", json!([workspace(WORKSPACE, ACCOUNT)])),
            ),
        ),
        (
            "/flex-api.twilio.com/v1/Configuration",
            (
                200,
                json!({ "account_sid": ACCOUNT, "taskrouter_workspace_sid": WORKSPACE, "call_recording_enabled": true, "status": "ok" }),
            ),
        ),
        (
            "/accounts.twilio.com/v1/Credentials/PublicKeys",
            (
                200,
                list(
                    "credentials",
                    json!([{ "sid": KEY, "friendly_name": "2026" }]),
                ),
            ),
        ),
        (
            "/calabrio.example/api/rest/authorize",
            (200, json!({ "sessionId": "HZ1" })),
        ),
        (
            "/calabrio.example/api/rest/recording/contact",
            (200, json!([])),
        ),
        (PEOPLE, (200, json!([{ "id": 7, "acdId": null }]))),
        (
            "/calabrio.example/api/rest/recording/metadata",
            (
                200,
                json!([
                    { "key": "Twilio-Leg-key", "label": "Twilio Leg", "type": "TEXT" },
                    { "key": "Customer-Tier-key", "label": "Customer Tier", "type": "TEXT" },
                ]),
            ),
        ),
    ])
}

async fn server(answers: &HashMap<&'static str, (u16, Value)>) -> MockServer {
    let server = MockServer::start().await;
    for (at, (status, body)) in answers {
        Mock::given(path(*at))
            .respond_with(ResponseTemplate::new(*status).set_body_json(body))
            .mount(&server)
            .await;
    }
    server
}

fn settings() -> CheckSettings {
    CheckSettings::new(DateTime::from_timestamp(1_772_366_400, 0).unwrap())
}

async fn checked(answers: &HashMap<&'static str, (u16, Value)>, extra: &str) -> CheckReport {
    let server = server(answers).await;
    let loaded = Config::parse(&text(&server, extra), Path::new("connector.toml"));
    check_configuration(loaded, Arc::new(secrets()), &settings()).await
}

async fn changed(at: &'static str, status: u16, body: Value) -> CheckReport {
    let mut answers = sound();
    assert!(answers.insert(at, (status, body)).is_some());
    checked(&answers, "").await
}

/// Status and detail of the rows of a question.
fn rows(report: &CheckReport, question: Question) -> Vec<(Status, String)> {
    report
        .rows_of(question)
        .map(|row| (row.status, row.detail.clone()))
        .collect()
}

fn only(report: &CheckReport, question: Question) -> (Status, String) {
    let rows = rows(report, question);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_sound_connection_passes_every_question() {
    let report = checked(&sound(), "").await;
    assert!(report.passed(), "{report:#?}");
    let found: Vec<_> = report
        .rows
        .iter()
        .filter(|row| row.acd.is_some())
        .map(|row| (row.question, row.status))
        .collect();
    assert_eq!(
        found,
        [
            (Question::KeyRing, Status::Ok),
            (Question::TwilioCredentials, Status::Ok),
            (Question::Workspace, Status::Ok),
            (Question::FlexConfiguration, Status::Ok),
            (Question::CallRecording, Status::Ok),
            (Question::PublicKeys, Status::Ok),
            (Question::Clock, Status::Ok),
            (Question::CalabrioLogin, Status::Ok),
            (Question::CalabrioSearch, Status::Ok),
            (Question::People, Status::Ok),
            (Question::CalabrioImport, Status::Skipped),
            (Question::MetadataFields, Status::Ok),
            (Question::LegKeyField, Status::Ok),
        ]
    );
    // What the file itself wants: a sealing key.
    let warned: Vec<_> = report
        .rows
        .iter()
        .filter(|row| row.status == Status::Warn)
        .collect();
    assert_eq!(warned.len(), 1);
    assert!(
        warned[0].detail.contains("ledger.sealing_key: is not set"),
        "{}",
        warned[0].detail
    );
}

#[tokio::test]
async fn the_report_prints_as_a_table_and_as_json_without_a_secret() {
    let report = checked(&sound(), "").await;
    let mut printed = Vec::new();
    print_report(&report, Output::Table, Terminal::NONE, &mut printed).unwrap();
    print_report(&report, Output::Json, Terminal::NONE, &mut printed).unwrap();
    let printed = String::from_utf8(printed).unwrap();
    assert!(
        printed.contains("14 ok, 1 to attend to, 0 failed"),
        "{printed}"
    );
    assert!(
        printed.contains("\"question\": \"leg-key-field\",\n      \"status\": \"ok\""),
        "{printed}"
    );
    assert!(!printed.contains("hunter"));
}

#[tokio::test]
async fn refused_twilio_credentials_are_said_once_and_the_rest_is_skipped() {
    let body = json!({ "code": 20003, "message": "Authenticate", "more_info": "", "status": 401 });
    let report = changed("/taskrouter.twilio.com/v1/Workspaces", 401, body).await;
    let (status, detail) = only(&report, Question::TwilioCredentials);
    assert_eq!(status, Status::Fail);
    assert!(!detail.contains("hunter2"), "{detail}");
    for question in [
        Question::Workspace,
        Question::FlexConfiguration,
        Question::CallRecording,
        Question::PublicKeys,
        Question::Clock,
    ] {
        assert_eq!(only(&report, question).0, Status::Skipped);
    }
    assert_eq!(
        only(&report, Question::CalabrioLogin).0,
        Status::Ok,
        "the other vendor is asked all the same"
    );
}

#[tokio::test]
async fn a_workspace_of_another_account_or_none_at_all_is_named() {
    let at = "/taskrouter.twilio.com/v1/Workspaces";
    let other = "WS00000000000000000000000000000002";
    let report = changed(
        at,
        200,
        list("workspaces", json!([workspace(other, ACCOUNT)])),
    )
    .await;
    let (status, detail) = only(&report, Question::Workspace);
    assert_eq!(
        (status, detail),
        (
            Status::Fail,
            format!(
                "the account has no workspace {WORKSPACE}: it has {other} (\"Flex Task Assignment\")"
            )
        )
    );

    let sub = "AC00000000000000000000000000000009";
    let report = changed(
        at,
        200,
        list("workspaces", json!([workspace(WORKSPACE, sub)])),
    )
    .await;
    assert!(
        only(&report, Question::Workspace)
            .1
            .contains(&format!("belongs to the account {sub}"))
    );

    let report = changed(
        at,
        200,
        list(
            "workspaces",
            json!([workspace(WORKSPACE, ACCOUNT), workspace(other, ACCOUNT)]),
        ),
    )
    .await;
    let (status, detail) = only(&report, Question::Workspace);
    assert_eq!(status, Status::Ok);
    assert!(
        detail
            .contains("is the one that Flex uses; not carried: WS00000000000000000000000000000002"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_workspace_among_others_is_a_warning_where_flex_does_not_confirm_it() {
    let mut answers = sound();
    let both = json!([
        workspace(WORKSPACE, ACCOUNT),
        workspace("WS00000000000000000000000000000002", ACCOUNT)
    ]);
    answers.insert(
        "/taskrouter.twilio.com/v1/Workspaces",
        (200, list("workspaces", both)),
    );
    answers.insert(
        "/flex-api.twilio.com/v1/Configuration",
        (
            404,
            json!({ "code": 20404, "message": "not found", "status": 404 }),
        ),
    );
    let report = checked(&answers, "").await;
    assert_eq!(only(&report, Question::Workspace).0, Status::Warn);
    assert_eq!(
        only(&report, Question::FlexConfiguration),
        (Status::Fail, "this account has no Flex".to_owned())
    );
}

#[tokio::test]
async fn a_flex_configuration_that_disagrees_is_a_failure() {
    let at = "/flex-api.twilio.com/v1/Configuration";
    let other = "WS00000000000000000000000000000002";
    let report = changed(at, 200, json!({ "account_sid": ACCOUNT, "taskrouter_workspace_sid": other, "call_recording_enabled": false })).await;
    assert_eq!(
        only(&report, Question::FlexConfiguration),
        (
            Status::Fail,
            format!("Flex uses the workspace {other}, not {WORKSPACE}")
        )
    );
    assert_eq!(
        only(&report, Question::CallRecording),
        (
            Status::Warn,
            "Flex does not record calls by itself".to_owned()
        )
    );
    let other = "AC00000000000000000000000000000002";
    let report = changed(
        at,
        200,
        json!({ "account_sid": other, "taskrouter_workspace_sid": WORKSPACE }),
    )
    .await;
    assert_eq!(
        only(&report, Question::FlexConfiguration).1,
        format!("Flex belongs to the account {other}, not to {ACCOUNT}")
    );
}

#[tokio::test]
async fn public_keys_and_private_keys_are_compared_in_both_directions() {
    let at = "/accounts.twilio.com/v1/Credentials/PublicKeys";
    let other = "CR00000000000000000000000000000002";
    let report = changed(
        at,
        200,
        list(
            "credentials",
            json!([{ "sid": other, "friendly_name": "old" }]),
        ),
    )
    .await;
    assert_eq!(
        rows(&report, Question::PublicKeys),
        [
            (
                Status::Warn,
                format!(
                    "there is no private key for the public key {other} (\"old\"): recordings under it would park"
                )
            ),
            (
                Status::Warn,
                format!("Twilio has no public key {KEY} for the private key one")
            ),
        ]
    );
    assert!(report.passed());
    let forbidden = json!({ "code": 20003, "message": "Permission Denied", "status": 403 });
    let report = changed(at, 403, forbidden).await;
    let (status, detail) = only(&report, Question::PublicKeys);
    assert_eq!(status, Status::Warn);
    assert!(
        detail.starts_with("the public keys cannot be listed with these credentials"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_refused_login_at_calabrio_is_said_once_and_the_rest_is_skipped() {
    let report = changed(
        "/calabrio.example/api/rest/authorize",
        401,
        json!({ "error": "bad credentials" }),
    )
    .await;
    let row = report.rows_of(Question::CalabrioLogin).next().unwrap();
    assert_eq!(
        (row.status, row.remedy.as_deref()),
        (
            Status::Fail,
            Some("check username and password under [acd.calabrio]")
        )
    );
    for question in [
        Question::CalabrioSearch,
        Question::MetadataFields,
        Question::LegKeyField,
        Question::People,
    ] {
        assert_eq!(only(&report, question).0, Status::Skipped);
    }
    assert_eq!(only(&report, Question::TwilioCredentials).0, Status::Ok);
}

#[tokio::test]
async fn permissions_that_are_missing_are_told_apart() {
    let report = changed(
        "/calabrio.example/api/rest/recording/contact",
        403,
        json!({}),
    )
    .await;
    assert_eq!(only(&report, Question::CalabrioSearch).0, Status::Fail);
    assert_eq!(only(&report, Question::LegKeyField).0, Status::Ok);
    let report = changed(
        "/calabrio.example/api/rest/recording/metadata",
        403,
        json!({}),
    )
    .await;
    let (status, detail) = only(&report, Question::MetadataFields);
    assert_eq!(status, Status::Fail);
    assert!(
        detail.contains("does not let the service account list the metadata fields"),
        "{detail}"
    );
    assert_eq!(only(&report, Question::LegKeyField).0, Status::Fail);
    assert_eq!(
        only(&report, Question::CalabrioSearch).0,
        Status::Ok,
        "{report:#?}"
    );
}

#[tokio::test]
async fn metadata_fields_must_exist_and_be_text() {
    let at = "/calabrio.example/api/rest/recording/metadata";
    let fields = json!([
        { "key": "Twilio-Leg-key", "label": "Twilio Leg", "type": "NUMBER" },
        { "key": "Customer-Teir-key", "label": "Customer Teir", "type": "TEXT" },
    ]);
    let report = changed(at, 200, fields).await;
    let (status, detail) = only(&report, Question::MetadataFields);
    assert_eq!(status, Status::Fail);
    assert!(
        detail.contains("Customer-Tier-key")
            && detail.contains("did you mean \"Customer-Teir-key\""),
        "{detail}"
    );
    let row = report.rows_of(Question::LegKeyField).next().unwrap();
    assert_eq!(row.status, Status::Fail);
    assert!(
        row.detail.contains("whose type is NUMBER") && row.remedy.is_some(),
        "{row:?}"
    );
}

#[tokio::test]
async fn a_type_that_calabrio_does_not_tell_is_a_warning() {
    let fields = json!([{ "key": "Twilio-Leg-key", "label": "Twilio Leg" }, { "key": "Customer-Tier-key", "label": "Customer Tier", "type": "TEXT" }]);
    let report = changed("/calabrio.example/api/rest/recording/metadata", 200, fields).await;
    assert!(report.passed());
    let warned: Vec<_> = rows(&report, Question::MetadataFields)
        .into_iter()
        .filter(|(status, _)| *status == Status::Warn)
        .collect();
    assert_eq!(
        warned,
        [(
            Status::Warn,
            "Calabrio ONE does not tell the type of Twilio-Leg-key".to_owned()
        )]
    );
}

#[tokio::test]
async fn a_vendor_that_does_not_answer_does_not_hold_the_check() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200)
        .set_body_json(json!({}))
        .set_delay(Duration::from_mins(1));
    Mock::given(method("GET"))
        .respond_with(slow.clone())
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .respond_with(slow)
        .mount(&server)
        .await;
    let loaded = Config::parse(&text(&server, ""), Path::new("connector.toml"));
    let settings = CheckSettings {
        deadline: Duration::from_millis(100),
        ..settings()
    };
    let report = check_configuration(loaded, Arc::new(secrets()), &settings).await;
    for question in [Question::TwilioCredentials, Question::CalabrioLogin] {
        assert_eq!(
            only(&report, question),
            (Status::Fail, "there was no answer within 100ms".to_owned())
        );
    }
}

#[tokio::test]
async fn secrets_that_are_missing_stop_the_check_before_anyone_is_asked() {
    let server = server(&sound()).await;
    let loaded = Config::parse(&text(&server, ""), Path::new("connector.toml"));
    let report = check_configuration(loaded, Arc::new(Map(HashMap::new())), &settings()).await;
    assert_eq!(rows(&report, Question::Secrets).len(), 3);
    assert!(report.rows_of(Question::TwilioCredentials).next().is_none());
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_private_key_that_cannot_be_read_is_a_failure_and_the_vendors_are_asked_all_the_same() {
    let server = server(&sound()).await;
    let loaded = Config::parse(&text(&server, ""), Path::new("connector.toml"));
    let mut secrets = secrets();
    secrets
        .0
        .insert("KEY", b"-----BEGIN PRIVATE KEY-----hunter2".to_vec());
    let report = check_configuration(loaded, Arc::new(secrets), &settings()).await;
    let (status, detail) = only(&report, Question::KeyRing);
    assert!(
        status == Status::Fail
            && detail.contains("acd[0].encryption_key[0].private_key")
            && !detail.contains("hunter2"),
        "{detail}"
    );
    assert_eq!(only(&report, Question::PublicKeys).0, Status::Skipped);
    assert_eq!(only(&report, Question::Workspace).0, Status::Ok);
}

#[tokio::test]
async fn an_override_of_the_contract_that_cannot_work_is_named_offline() {
    let server = server(&sound()).await;
    let loaded = Config::parse(
        &text(&server, "[acd.calabrio.contract.import]\npaht = \"x\"\n"),
        Path::new("connector.toml"),
    );
    let report = check_offline(&loaded);
    let (status, detail) = only(&report, Question::Clients);
    assert!(
        status == Status::Fail && detail.contains("paht"),
        "{detail}"
    );
    let report = check_configuration(loaded, Arc::new(secrets()), &settings()).await;
    assert_eq!(rows(&report, Question::Clients).len(), 1, "said once");
}

#[tokio::test]
async fn a_check_can_be_of_one_acd_and_an_unknown_one_is_named() {
    let server = server(&sound()).await;
    let both = || {
        Config::parse(
            &text(&server, &second_acd(&server)),
            Path::new("connector.toml"),
        )
    };
    let of = |name: &str| CheckSettings {
        only: Some(name.to_owned()),
        ..settings()
    };
    let report = check_configuration(both(), Arc::new(secrets()), &of("second")).await;
    assert!(
        report
            .rows
            .iter()
            .all(|row| row.acd.as_deref() != Some("main"))
    );
    assert_eq!(only(&report, Question::Workspace).0, Status::Fail);
    let report = check_configuration(both(), Arc::new(secrets()), &of("third")).await;
    let row = report
        .rows
        .iter()
        .find(|row| row.status == Status::Fail)
        .unwrap();
    assert_eq!(
        (row.detail.as_str(), row.remedy.as_deref()),
        (
            "there is no ACD named \"third\"",
            Some("name one of main, second")
        )
    );
}

#[tokio::test]
async fn clients_say_why_they_cannot_be_made() {
    let server = server(&sound()).await;
    let with = |from: &str, to: &str| {
        Config::parse(
            &text(&server, "").replace(from, to),
            Path::new("connector.toml"),
        )
        .unwrap()
    };

    let config = with("[tls]", "[tls]\nextra_ca_file = \"/nonexistent/ca.pem\"");
    assert!(
        matches!(Connector::new(&config).unwrap_err(), ClientsError::ExtraCa { path, .. } if path == Path::new("/nonexistent/ca.pem"))
    );
    let report = check_configuration(Ok(config), Arc::new(secrets()), &settings()).await;
    assert!(
        only(&report, Question::Clients)
            .1
            .starts_with("tls.extra_ca_file: the file /nonexistent/ca.pem cannot be read")
    );

    let no_certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let config = with(
        "[tls]",
        &format!("[tls]\nextra_ca_file = {no_certificate:?}"),
    );
    let report = check_configuration(Ok(config), Arc::new(secrets()), &settings()).await;
    assert_eq!(
        only(&report, Question::Clients),
        (
            Status::Fail,
            "the extra root certificates hold no certificate in PEM form".to_owned()
        )
    );

    let resolved = with("", "").resolve_secrets(&secrets()).unwrap();
    let key = format!(
        "api_key = {{ sid = \"SK{:032}\", secret = {{ env = \"TOKEN\" }} }}",
        1
    );
    let config = with("auth_token = { env = \"TOKEN\" }", &key);
    let error = Connector::new(&config)
        .unwrap()
        .clients(&config.acds[0], &resolved.acds[0])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the secrets of the ACD main have no secret of the API key: resolve them from the same configuration"
    );
    let resolved = config.resolve_secrets(&secrets()).unwrap();
    assert!(
        Connector::new(&config)
            .unwrap()
            .clients(&config.acds[0], &resolved.acds[0])
            .is_ok()
    );

    let mut config = with("", "");
    config.acds[0].calabrio.contract = json!({ "import": { "path": "" } });
    let resolved = config.resolve_secrets(&secrets()).unwrap();
    assert!(matches!(
        Connector::new(&config)
            .unwrap()
            .clients(&config.acds[0], &resolved.acds[0]),
        Err(ClientsError::Calabrio(_))
    ));
    config.acds[0].calabrio.contract = json!({ "import": 7 });
    assert!(matches!(
        Connector::new(&config)
            .unwrap()
            .clients(&config.acds[0], &resolved.acds[0]),
        Err(ClientsError::Contract(_))
    ));
}

#[tokio::test]
async fn acds_of_one_account_share_its_limit() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200)
        .set_body_json(json!({}))
        .set_delay(Duration::from_mins(1));
    Mock::given(method("GET"))
        .respond_with(slow)
        .mount(&server)
        .await;
    let second = second_acd(&server);
    let config = Config::parse(
        &text(
            &server,
            &format!("{second}[limits]\ntwilio_in_flight = 3\n"),
        ),
        Path::new("connector.toml"),
    )
    .unwrap();
    let resolved = config.resolve_secrets(&secrets()).unwrap();
    let mut connector = Connector::new(&config).unwrap();
    let first = connector
        .clients(&config.acds[0], &resolved.acds[0])
        .unwrap();
    let second = connector
        .clients(&config.acds[1], &resolved.acds[1])
        .unwrap();
    assert_eq!(
        (first.twilio.limit().size(), second.twilio.limit().in_use()),
        (3, 0)
    );
    assert!(!format!("{first:?} {connector:?}").contains("hunter"));
    let call = tokio::spawn(async move { first.twilio.flex_configuration().await });
    while second.twilio.limit().in_use() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(second.twilio.limit().in_use(), 1);
    call.abort();
}

/// Another ACD of the same account and tenant.
fn second_acd(server: &MockServer) -> String {
    let text = text(server, "");
    let acd = text.split_once("[[acd]]").unwrap().1;
    format!(
        "[[acd]]{}",
        acd.replace("\"main\"", "\"second\"")
            .replace(WORKSPACE, "WS00000000000000000000000000000002")
    )
}

#[tokio::test]
async fn people_that_cannot_be_listed_are_a_failure_only_where_they_are_made_or_deactivated() {
    let mut answers = sound();
    answers.insert(PEOPLE, (403, json!({})));
    let (status, detail) = only(&checked(&answers, "").await, Question::People);
    assert_eq!(status, Status::Warn);
    assert!(
        detail.ends_with("contacts would go without a look whether Calabrio ONE knows their agent"),
        "{detail}"
    );
    let report = checked(&answers, "[acd.people]\ndeactivate = true\n").await;
    assert_eq!(only(&report, Question::People).0, Status::Fail);
    answers.insert(PEOPLE, (200, json!({ "people": 7 })));
    let report = checked(&answers, "[acd.people]\ndeactivate = true\n").await;
    assert_eq!(
        only(&report, Question::People),
        (
            Status::Fail,
            "what Calabrio ONE answers is no list of people".to_owned()
        )
    );
}

#[tokio::test]
async fn where_digital_is_a_product_a_conversation_is_asked_for_that_nobody_has() {
    let digital = "[acd.products]\nquality_management = [\"digital\"]\n";
    let mut answers = sound();
    assert_eq!(
        rows(&checked(&answers, "").await, Question::Conversations),
        [],
        "calls alone need none"
    );
    let not_found = json!({ "code": 20404, "message": "not found", "status": 404 });
    let configuration = json!({
        "account_sid": ACCOUNT, "taskrouter_workspace_sid": WORKSPACE,
        "chat_service_instance_sid": "IS00000000000000000000000000000001",
    });
    answers.insert(
        "/flex-api.twilio.com/v1/Configuration",
        (200, configuration),
    );
    answers.insert(CONVERSATION, (404, not_found.clone()));
    answers.insert(
        "/conversations.twilio.com/v1/Conversations/CH00000000000000000000000000000000",
        (404, not_found),
    );
    assert_eq!(
        only(&checked(&answers, digital).await, Question::Conversations),
        (
            Status::Ok,
            "conversations of IS00000000000000000000000000000001 can be asked for".to_owned()
        )
    );
    answers.insert(
        "/flex-api.twilio.com/v1/Configuration",
        (
            200,
            json!({ "account_sid": ACCOUNT, "taskrouter_workspace_sid": WORKSPACE }),
        ),
    );
    assert_eq!(
        only(&checked(&answers, digital).await, Question::Conversations).0,
        Status::Warn
    );
    let forbidden = json!({ "code": 20003, "message": "Permission Denied", "status": 403 });
    answers.insert(
        "/conversations.twilio.com/v1/Conversations/CH00000000000000000000000000000000",
        (403, forbidden),
    );
    assert_eq!(
        only(&checked(&answers, digital).await, Question::Conversations).0,
        Status::Fail
    );
}

#[tokio::test]
async fn screen_recording_is_asked_about_where_it_is_on() {
    let on = |extra: &str| format!("{extra}\n");
    let server = server(&sound()).await;
    let check = async |contract: &str| {
        let text = text(&server, &on(contract)).replacen(
            "name = \"main\"",
            "name = \"main\"\nrte_messaging = true",
            1,
        );
        let loaded = Config::parse(&text, Path::new("connector.toml"));
        check_configuration(loaded, Arc::new(secrets()), &settings()).await
    };
    let report = check("").await;
    assert_eq!(only(&report, Question::ScreenRecording).0, Status::Skipped);
    let off = "[acd.calabrio.contract.screen_recording]\npath = \"\"";
    assert_eq!(
        only(&check(off).await, Question::ScreenRecording).0,
        Status::Warn
    );
    let report = checked(&sound(), "").await;
    assert_eq!(rows(&report, Question::ScreenRecording), []);
}

#[tokio::test]
async fn a_webhook_is_judged_by_its_address_and_its_secrets_and_nothing_is_sent_to_it() {
    let server = server(&sound()).await;
    let check = async |secret: &str| {
        let address = server.address();
        let (before, after) = ("name = \"main\"", "base_url");
        let text = text(
            &server,
            &format!("[acd.webhook]\nsecrets = [{{ env = \"{secret}\" }}]\n"),
        )
        .replacen(
            before,
            &format!("{before}\nevent_webhook_url = \"http://{address}/hook?k=hunter5\""),
            1,
        )
        .replacen(after, &format!("tenant_id = 41\n{after}"), 1);
        let loaded = Config::parse(&text, Path::new("connector.toml"));
        assert!(loaded.is_ok(), "{loaded:?}");
        let report = check_configuration(loaded, Arc::new(secrets()), &settings()).await;
        let printed = serde_json::to_string(&report).unwrap();
        assert!(!printed.contains("hunter"), "{printed}");
        report
    };
    assert_eq!(
        only(&check("SIGNS").await, Question::Webhook),
        (
            Status::Ok,
            "events to 127.0.0.1 are signed 1 times (v1)".to_owned()
        )
    );
    // A secret is a matter of this machine, whatever it is for.
    let report = check("SIGNS_NOT").await;
    let (status, detail) = only(&report, Question::Secrets);
    assert_eq!(status, Status::Fail);
    assert!(
        detail.starts_with("connector.toml:")
            && detail
                .contains(": acd[0].webhook.secrets[0]: a \"whsec_\" secret holds 24 to 64 bytes"),
        "{detail}"
    );
    assert_eq!(only(&report, Question::Webhook).0, Status::Skipped);
    assert_eq!(report.count(Status::Fail), 1);
    let hooks = server.received_requests().await.unwrap();
    assert!(hooks.iter().all(|request| request.url.path() != "/hook"));
}
