//! Test Connection of workforce management, against servers of the test's own making.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;
use connection_check::{
    CheckReport, CheckSettings, ClientsError, Connector, Question, Status, check_configuration,
};
use connector_config::{
    Config, Product, SecretError, SecretPlace, SecretSource, WayToWfm, WfmAccess,
};
use secrecy::SecretSlice;
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const WORKSPACE: &str = "WS00000000000000000000000000000001";

/// Has no private key and no secret of a webhook: nobody may ask for them.
struct Secrets;

impl SecretSource for Secrets {
    fn get(&self, place: &SecretPlace) -> Result<SecretSlice<u8>, SecretError> {
        match place {
            SecretPlace::Env(name) if name.starts_with("WFM_") => {
                Ok(format!("secret of {name}").into_bytes().into())
            }
            other => Err(SecretError::Unset(other.to_string())),
        }
    }
}

const AGENTS: &str = "Date,Time,Agent,Queue,Kind,Activity,Activity Time,Talk Time\n\
    2026-03-02,09:00,Ada Lovelace,Everyone,Agent Status,Lunch,900,0\n\
    2026-03-02,09:15,Ada Lovelace,Everyone,Conversation,,0,300\n";
const QUEUES: &str = "Date,Time,Queue,Kind,Offered,Answered,Abandoned\n\
    2026-03-02,09:00,Everyone,Queue,3,2,1\n";

/// What the servers answer; each test changes what it is about.
struct World {
    activities: Vec<(&'static str, bool)>,
    agents: ResponseTemplate,
    queues: ResponseTemplate,
    /// What a request for a report is answered with instead.
    refused: Option<ResponseTemplate>,
    login: ResponseTemplate,
    endpoint: ResponseTemplate,
    /// What a login at Calabrio ONE is answered with.
    calabrio: ResponseTemplate,
}

fn csv(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(text.to_owned(), "text/csv")
}

impl Default for World {
    fn default() -> Self {
        let login = json!({"userLogin": {"profile": "/gdc/account/profile/1", "token": "sst"}});
        Self {
            activities: vec![("Offline", false), ("Available", true), ("Lunch", false)],
            agents: csv(AGENTS),
            queues: csv(QUEUES),
            refused: None,
            login: ResponseTemplate::new(200).set_body_json(login),
            endpoint: ResponseTemplate::new(405),
            calabrio: ResponseTemplate::new(200).set_body_json(json!({ "sessionId": "HZ1" })),
        }
    }
}

fn list(key: &str, items: Value) -> Value {
    let meta = json!({ "key": key, "page": 0, "page_size": 50, "next_page_url": null });
    let mut page = json!({ "meta": meta });
    page[key] = items;
    page
}

fn activity(number: usize, name: &str, available: bool) -> Value {
    json!({ "sid": format!("WA{number:032x}"), "friendly_name": name, "available": available })
}

impl World {
    async fn serve(self) -> MockServer {
        let server = MockServer::start().await;
        let answer = |at: String, answer: ResponseTemplate| {
            let mock = Mock::given(path(at)).respond_with(answer);
            mock.mount(&server)
        };
        let json = |body: Value| ResponseTemplate::new(200).set_body_json(body);
        let workspace =
            json!({ "sid": WORKSPACE, "account_sid": ACCOUNT, "friendly_name": "Flex" });
        let taskrouter = "/taskrouter.twilio.com/v1/Workspaces";
        answer(
            taskrouter.into(),
            json(list("workspaces", json!([workspace]))),
        )
        .await;
        let numbered = self.activities.iter().enumerate();
        let activities: Vec<_> = numbered
            .map(|(number, (name, available))| activity(number, name, *available))
            .collect();
        answer(
            format!("{taskrouter}/{WORKSPACE}/Activities"),
            json(list("activities", activities.into())),
        )
        .await;
        answer(
            "/flex-api.twilio.com/v1/Configuration".into(),
            json(json!({
                "account_sid": ACCOUNT, "taskrouter_workspace_sid": WORKSPACE, "status": "ok",
                "taskrouter_offline_activity_sid": "WA00000000000000000000000000000000"
            })),
        )
        .await;
        answer("/gdc/account/login".into(), self.login).await;
        let token = json!({"userToken": {"token": "tt"}});
        answer("/gdc/account/token".into(), json(token)).await;
        for (id, content) in [("1001", self.agents), ("1002", self.queues)] {
            let asked = json!({"report_req": {"report": format!("/gdc/md/p1/obj/{id}")}});
            let ready = json!({"uri": format!("/gdc/exporter/{id}")});
            Mock::given(method("POST"))
                .and(path("/gdc/app/projects/p1/execute/raw"))
                .and(body_partial_json(asked))
                .respond_with(self.refused.clone().unwrap_or_else(|| json(ready)))
                .mount(&server)
                .await;
            answer(format!("/gdc/exporter/{id}"), content).await;
        }
        answer("/wfm/api/rest/authorize".into(), self.calabrio).await;
        for below in [
            "users",
            "servicequeues",
            "history/agents",
            "history/queues",
            "agentstates",
        ] {
            Mock::given(method("GET"))
                .and(path(format!("/wfm/api/rest/wfm/{below}")))
                .and(header("cookie", "hazelcast.sessionId=HZ1"))
                .respond_with(self.endpoint.clone())
                .mount(&server)
                .await;
        }
        server
    }
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
event_webhook_url = "https://example.com/hook"
[acd.products]
quality_management = ["voice"]
workforce_management = true
[acd.twilio]
account_sid = "{ACCOUNT}"
workspace_sid = "{WORKSPACE}"
auth_token = {{ env = "WFM_TOKEN" }}
[acd.twilio.endpoints]
taskrouter = "{uri}/taskrouter.twilio.com"
flex_api = "{uri}/flex-api.twilio.com"
[acd.calabrio]
base_url = "{uri}/wfm"
username = "connector@example.com"
password = {{ env = "WFM_CALABRIO" }}
acd_server_id = 7
[[acd.encryption_key]]
name = "one"
public_key_sid = "CR00000000000000000000000000000001"
private_key = {{ env = "PRIVATE_KEY" }}
[acd.insights]
base_url = "{uri}"
username = "insights@example.com"
password = {{ env = "WFM_INSIGHTS" }}
project_id = "p1"
agent_productivity_report_id = "1001"
queue_historical_report_id = "1002"
[acd.wfm]
history = true
adherence = true
transport = "http"
[[acd.wfm.activity]]
activity = "LUNCH"
state = "not-ready"
state_reason_code = true
{extra}"#
    )
}

fn loaded(text: &str) -> Config {
    let path = Path::new("connector.toml");
    Config::parse_for(text, path, Product::WorkforceManagement).unwrap()
}

async fn checked(world: World, extra: &str, change: impl Fn(String) -> String) -> CheckReport {
    let server = world.serve().await;
    let config = loaded(&change(text(&server, extra)));
    let settings = CheckSettings::new(DateTime::from_timestamp(1_772_366_400, 0).unwrap());
    let report = check_configuration(Ok(config), Arc::new(Secrets), &settings).await;
    let printed = format!("{report:?}");
    assert!(!printed.contains("secret of"), "{printed}");
    report
}

async fn of(world: World) -> CheckReport {
    checked(world, "", |text| text).await
}

/// Status, detail and remedy of the only row of a question.
fn only(report: &CheckReport, question: Question) -> (Status, String) {
    let rows: Vec<_> = report.rows_of(question).collect();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    let remedy = rows[0].remedy.clone().unwrap_or_default();
    (rows[0].status, format!("{}; {remedy}", rows[0].detail))
}

fn assert_told(report: &CheckReport, question: Question, status: Status, parts: &[&str]) {
    let (found, told) = only(report, question);
    assert_eq!(found, status, "{told}");
    for part in parts {
        assert!(told.contains(part), "{part:?} is not in {told:?}");
    }
}

#[tokio::test]
async fn workforce_management_is_asked_for_alone_and_passes() {
    let report = of(World::default()).await;
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
            (Question::TwilioCredentials, Status::Ok),
            (Question::Workspace, Status::Ok),
            (Question::FlexConfiguration, Status::Ok),
            (Question::Clock, Status::Ok),
            (Question::Activities, Status::Ok),
            (Question::InsightsLogin, Status::Ok),
            (Question::AgentReport, Status::Ok),
            (Question::QueueReport, Status::Ok),
            (Question::WfmTransport, Status::Ok),
        ]
    );
    assert_told(
        &report,
        Question::Activities,
        Status::Ok,
        &[
            "1 of 3 activities are mapped",
            "Offline is Logout, Available is Ready",
        ],
    );
    assert_told(
        &report,
        Question::AgentReport,
        Status::Ok,
        &["all 2 rows can be read"],
    );
    assert_told(&report, Question::WfmTransport, Status::Ok, &["5 paths"]);
}

#[tokio::test]
async fn a_mapping_that_names_no_activity_fails_with_the_fields_name_and_those_there_are() {
    let extra = "[[acd.wfm.activity]]\nactivity = \"Breakk\"\nstate = \"ready\"\n";
    let world = World {
        activities: vec![("Offline", false), ("Break", false), ("65536", false)],
        ..World::default()
    };
    let extra = format!(
        "{extra}[[acd.wfm.activity]]\nactivity = \"65536\"\nstate = \"not-ready\"\nstate_reason_code = true\n"
    );
    let report = checked(world, &extra, |text| text).await;
    let rows: Vec<_> = report.rows_of(Question::Activities).collect();
    let told: Vec<_> = rows.iter().map(|row| (row.status, &*row.detail)).collect();
    assert_eq!(told.len(), 3, "{told:#?}");
    assert_eq!(told[0].0, Status::Fail);
    assert!(
        told[0]
            .1
            .contains("wfm.activity: activity mapping 1 (\"LUNCH\"), `activity`")
    );
    assert!(
        told[1].1.contains("did you mean \"Break\"?"),
        "{}",
        told[1].1
    );
    let remedy = rows[1].remedy.as_deref().unwrap();
    assert!(
        remedy.contains("the workspace has Offline, Break, 65536"),
        "{remedy}"
    );
    assert_eq!(told[2].0, Status::Warn);
    assert!(told[2].1.contains("no reason code can be made"));
}

#[tokio::test]
async fn a_refused_login_is_told_with_its_settings_and_the_reports_are_skipped() {
    let refusal = json!({"error": {"message": "Bad credentials for insights@example.com"}});
    let report = of(World {
        login: ResponseTemplate::new(401).set_body_json(refusal),
        ..World::default()
    })
    .await;
    assert_told(
        &report,
        Question::InsightsLogin,
        Status::Fail,
        &["refused the user name or password", "under [acd.insights]"],
    );
    for question in [Question::AgentReport, Question::QueueReport] {
        assert_eq!(only(&report, question).0, Status::Skipped);
    }
    assert_eq!(only(&report, Question::WfmTransport).0, Status::Ok);
}

#[tokio::test]
async fn a_report_of_another_project_gives_the_vendors_sentence_and_the_setting() {
    let refusal =
        json!({"error": {"message": "Object %s is not of this project", "parameters": ["1001"]}});
    let report = of(World {
        refused: Some(ResponseTemplate::new(404).set_body_json(refusal)),
        ..World::default()
    })
    .await;
    for (question, setting) in [
        (Question::AgentReport, "agent_productivity_report_id"),
        (Question::QueueReport, "queue_historical_report_id"),
    ] {
        assert_told(
            &report,
            question,
            Status::Fail,
            &[
                "\"Object 1001 is not of this project\"",
                "of project p1",
                setting,
            ],
        );
    }
}

#[tokio::test]
async fn a_missing_column_is_named_with_those_that_are_there() {
    let renamed = AGENTS.replace("Agent,Queue", "Operator Name,Queue");
    let report = of(World {
        agents: csv(&renamed),
        ..World::default()
    })
    .await;
    assert_told(
        &report,
        Question::AgentReport,
        Status::Fail,
        &[
            "has no column",
            "\"Operator Name\"",
            "[acd.insights.agent_report.columns]",
        ],
    );
    assert_eq!(only(&report, Question::QueueReport).0, Status::Ok);
    // Named in the file, it is found.
    let extra = "[acd.insights.agent_report.columns]\nagent = \"Operator Name\"\n";
    let world = World {
        agents: csv(&renamed),
        ..World::default()
    };
    let report = checked(world, extra, |text| text).await;
    assert_told(
        &report,
        Question::AgentReport,
        Status::Ok,
        &["all 2 rows can be read"],
    );
}

#[tokio::test]
async fn rows_that_cannot_be_read_or_do_not_count_want_attention() {
    let report = of(World {
        agents: csv(&AGENTS.replace("09:15", "nine")),
        queues: csv(&QUEUES.replace("Everyone,Queue,", "Everyone,Chatter,")),
        ..World::default()
    })
    .await;
    assert_told(
        &report,
        Question::AgentReport,
        Status::Warn,
        &["1 of all 2 rows cannot be read", "line 3"],
    );
    assert_told(
        &report,
        Question::QueueReport,
        Status::Warn,
        &["none of all 1 rows counts", "\"Chatter\"", "kinds under"],
    );
    let report = of(World {
        agents: csv(AGENTS.lines().next().unwrap()),
        queues: ResponseTemplate::new(204),
        ..World::default()
    })
    .await;
    assert_told(
        &report,
        Question::AgentReport,
        Status::Warn,
        &["it has no rows"],
    );
    assert_told(
        &report,
        Question::QueueReport,
        Status::Warn,
        &["neither rows nor a header"],
    );
}

#[tokio::test]
async fn a_report_of_whole_activities_fails_and_rows_without_a_queue_want_a_service_queue() {
    let report = of(World {
        agents: csv(&AGENTS.replace("Lunch,900", "Lunch,3600")),
        ..World::default()
    })
    .await;
    assert_told(
        &report,
        Question::AgentReport,
        Status::Fail,
        &["3600 s of activity", "workload reporting data set"],
    );
    let agents = AGENTS.replace("Everyone,Agent Status", ",Agent Status");
    let report = of(World {
        agents: csv(&agents),
        ..World::default()
    })
    .await;
    assert_told(
        &report,
        Question::AgentReport,
        Status::Warn,
        &["name no queue", "service_queue"],
    );
}

#[tokio::test]
async fn of_a_large_report_only_the_beginning_is_read() {
    let (header, rows) = AGENTS.split_once('\n').unwrap();
    let of_each: String = (0..20_000)
        .map(|number| rows.replace("Lovelace", &number.to_string()))
        .collect();
    let large = format!("{header}\n{of_each}");
    let report = of(World {
        agents: csv(&large),
        ..World::default()
    })
    .await;
    let (status, told) = only(&report, Question::AgentReport);
    assert_eq!(status, Status::Ok, "{told}");
    let count: usize = told
        .split_once("the first ")
        .and_then(|(_, rest)| rest.split_once(' '))
        .map(|(count, _)| count.parse().unwrap())
        .unwrap();
    assert!(count > 100 && count < 40_000, "{told}");
}

#[tokio::test]
async fn an_endpoint_is_judged_by_what_it_answers_to_a_question_that_delivers_nothing() {
    for (status, expected, part) in [
        (401, Status::Fail, "[acd.wfm.contract.http]"),
        (404, Status::Warn, "only a delivery tells for certain"),
        (302, Status::Fail, "redirect"),
        (503, Status::Warn, "status 503"),
    ] {
        let report = of(World {
            endpoint: ResponseTemplate::new(status),
            ..World::default()
        })
        .await;
        let rows: Vec<_> = report.rows_of(Question::WfmTransport).collect();
        assert_eq!(rows.len(), 5, "{rows:#?}");
        for row in rows {
            let told = format!(
                "{}; {}",
                row.detail,
                row.remedy.as_deref().unwrap_or_default()
            );
            assert_eq!(row.status, expected, "{told}");
            assert!(told.contains(part), "{told}");
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_told_with_its_setting() {
    let extra = "[acd.wfm.http]\nbase_url = \"http://127.0.0.1:1/wfm\"\n[acd.wfm.contract.http]\naccess = \"open\"\n";
    let report = checked(World::default(), extra, |text| {
        text.replace(
            "allow_http_loopback = [",
            "allow_http_loopback = [\"127.0.0.1:1\", ",
        )
    })
    .await;
    assert_told(
        &report,
        Question::WfmTransport,
        Status::Fail,
        &["could not be sent", "base_url under [acd.wfm.http]"],
    );
}

#[tokio::test]
async fn where_no_session_can_be_opened_nothing_else_is_said_of_the_endpoint() {
    let report = of(World {
        calabrio: ResponseTemplate::new(401),
        ..World::default()
    })
    .await;
    assert_told(
        &report,
        Question::WfmTransport,
        Status::Fail,
        &["no session could be opened", "under [acd.calabrio]"],
    );
}

#[tokio::test]
async fn a_drop_folder_is_written_to_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let files = |text: String, folder: &Path| {
        let files = format!("transport = \"files\"\nfiles = {{ folder = {folder:?} }}");
        text.replace("transport = \"http\"", &files)
    };
    let report = checked(World::default(), "", |text| files(text, folder.path())).await;
    assert_told(
        &report,
        Question::WfmTransport,
        Status::Ok,
        &["files can be written to"],
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let gone = folder.path().join("gone");
    let report = checked(World::default(), "", |text| files(text, &gone)).await;
    assert_told(
        &report,
        Question::WfmTransport,
        Status::Fail,
        &["is not there", "[acd.wfm.files]"],
    );
}

#[tokio::test]
async fn offline_nobody_is_asked_and_without_its_secret_flex_insights_is_none_the_wiser() {
    let server = World::default().serve().await;
    let mut settings = CheckSettings::new(DateTime::from_timestamp(1_772_366_400, 0).unwrap());
    settings.offline = true;
    let config = loaded(&text(&server, ""));
    let report = check_configuration(Ok(config), Arc::new(Secrets), &settings).await;
    assert!(report.passed(), "{report:#?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 0);

    let config = loaded(&text(&server, "").replace("WFM_INSIGHTS", "NOT_SET"));
    let report = check_configuration(Ok(config), Arc::new(Secrets), &settings).await;
    let (status, told) = only(&report, Question::Secrets);
    assert_eq!(status, Status::Fail);
    assert!(told.contains("insights.password"), "{told}");
}

#[tokio::test]
async fn read_for_both_products_both_are_asked() {
    let server = World::default().serve().await;
    let text = text(&server, "")
        .replace("event_webhook_url = \"https://example.com/hook\"\n", "")
        .replace("PRIVATE_KEY", "WFM_NO_KEY");
    let config = Config::parse(&text, Path::new("connector.toml"));
    let settings = CheckSettings::new(DateTime::from_timestamp(1_772_366_400, 0).unwrap());
    let report = check_configuration(config, Arc::new(Secrets), &settings).await;
    // What is no key at all, and a field that is not there, are told; workforce management passes all the same.
    assert_eq!(only(&report, Question::KeyRing).0, Status::Fail);
    assert_eq!(only(&report, Question::LegKeyField).0, Status::Fail);
    assert_eq!(only(&report, Question::QueueReport).0, Status::Ok);
    assert_eq!(report.rows_of(Question::TwilioCredentials).count(), 1);
}

#[tokio::test]
async fn clients_that_cannot_be_made_name_what_is_missing() {
    let server = World::default().serve().await;
    let config = loaded(&text(&server, ""));
    let acd = &config.acds[0];
    let rules = config.wfm_rules(acd).unwrap();
    let secrets = config.resolve_secrets(&Secrets).unwrap();
    let own = secrets.acd("main").unwrap();
    let mut connector = Connector::new(&config).unwrap();
    let clients = connector.wfm(acd, &rules, own).unwrap();
    assert!(clients.insights.is_some() && clients.folder.is_none());
    assert!(!format!("{clients:?}").contains("secret of"));

    let mut nameless = acd.clone();
    nameless.insights.username = None;
    let error = connector.wfm(&nameless, &rules, own).unwrap_err();
    assert!(matches!(error, ClientsError::NoWfm { .. }), "{error}");
    let mut linked = acd.clone();
    linked.insights.project_id = Some("#s=/gdc/md/p1".to_owned());
    let error = connector.wfm(&linked, &rules, own).unwrap_err();
    assert!(matches!(error, ClientsError::Insights(_)), "{error}");
    let mut columnless = rules.clone();
    columnless.delivery.contract.user_http.fields.clear();
    let error = connector.wfm(acd, &columnless, own).unwrap_err();
    assert!(matches!(error, ClientsError::Wfm(_)), "{error}");
    let mut bearer = rules.clone();
    let WayToWfm::Http { access, .. } = &mut bearer.delivery.way else {
        panic!("{bearer:?}")
    };
    *access = WfmAccess::Bearer;
    let error = connector.wfm(acd, &bearer, own).unwrap_err();
    assert!(
        matches!(error, ClientsError::SecretMissing { what, .. } if what.starts_with("token")),
        "{error}"
    );
}
