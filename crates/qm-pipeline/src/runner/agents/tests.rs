use std::path::Path;
use std::sync::Mutex;

use connection_check::{Clients, Connector};
use connector_config::{Config, SecretError, SecretPlace, SecretSource};
use contact_model::{Channel, Contact, Discovered, Leg, LegId, LegTimes, ParkReason, Stage};
use secrecy::SecretSlice;
use serde_json::{Value, json};
use sync_ledger::{
    AcdStore as _, Advance, ContactStore as _, CursorId, CursorStore as _, NewLeg, Schedule,
    SqliteLedger, SqliteOptions, TenantFacts as _, WorkerLock, keep,
};
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::*;

const SERVER: u32 = 3;
const PEOPLE: &str = "/calabrio.example/api/rest/org/common/person/permission/ViewOrg";

struct Secret;

impl SecretSource for Secret {
    fn get(&self, _: &SecretPlace) -> Result<SecretSlice<u8>, SecretError> {
        Ok(b"hunter2".to_vec().into())
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap()
}

fn worker(number: u32) -> WorkerSid {
    format!("WK{number:032}").parse().unwrap()
}

fn worker_json(number: u32, name: &str) -> Value {
    json!({
        "sid": worker(number), "friendly_name": format!("login{number}"), "date_created": "2026-01-01T00:00:00Z",
        "attributes": json!({"full_name": name}).to_string(),
    })
}

fn person_json(id: i64, number: u32, first: &str, last: &str) -> Value {
    json!({
        "id": id, "firstName": first, "lastName": last, "acdId": worker(number).to_string().to_lowercase(),
        "acdServerId": SERVER, "groupId": 12, "roles": [{"id": 3}], "activated": 0, "deactivated": null,
    })
}

/// The people of a tenant, as they are now.
#[derive(Clone, Default)]
struct Tenant(Arc<Mutex<TenantState>>);

#[derive(Default)]
struct TenantState {
    people: Vec<Value>,
    made: usize,
    /// What was made does not show up in the list.
    hides: bool,
    /// How many attempts to make somebody are answered with an error, though they are taken.
    answers_badly: usize,
}

impl Tenant {
    fn with(people: Vec<Value>) -> Self {
        let tenant = Self::default();
        tenant.0.lock().unwrap().people = people;
        tenant
    }

    fn made(&self) -> usize {
        self.0.lock().unwrap().made
    }

    fn person(&self, id: i64) -> Value {
        let state = self.0.lock().unwrap();
        state
            .people
            .iter()
            .find(|person| person["id"] == id)
            .unwrap()
            .clone()
    }
}

impl Respond for Tenant {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let id: Option<i64> = request
            .url
            .path_segments()
            .and_then(|mut segments| segments.next_back()?.parse().ok());
        match (request.method.as_str(), id) {
            ("GET", None) => ResponseTemplate::new(200).set_body_json(&state.people),
            ("GET", Some(id)) => {
                let person = state.people.iter().find(|person| person["id"] == id);
                ResponseTemplate::new(200).set_body_json(person.unwrap())
            }
            ("PUT", Some(id)) => {
                let body: Value = request.body_json().unwrap();
                *state
                    .people
                    .iter_mut()
                    .find(|person| person["id"] == id)
                    .unwrap() = body;
                ResponseTemplate::new(200)
            }
            ("POST", None) => {
                let mut person: Value = request.body_json().unwrap();
                state.made += 1;
                person["id"] = json!(1000 + state.made);
                if !state.hides {
                    state.people.push(person.clone());
                }
                if state.answers_badly > 0 {
                    state.answers_badly -= 1;
                    return ResponseTemplate::new(500);
                }
                ResponseTemplate::new(200).set_body_json(person)
            }
            other => panic!("{other:?}"),
        }
    }
}

struct Bench {
    ledger: SqliteLedger,
    acd: Acd,
    clients: Clients,
    directory: Directory,
    rules: PeopleRules,
    settle: Duration,
    wake: Notify,
    memory: Memory,
    server: MockServer,
    _directory: tempfile::TempDir,
}

impl Bench {
    async fn new(workers: Vec<Value>, tenant: &Tenant) -> Self {
        let server = MockServer::start().await;
        let uri = server.uri();
        let text = format!(
            r#"
[tls]
allow_http_loopback = ["{}"]
[[acd]]
name = "main"
time_zone = "America/Chicago"
[acd.people]
create = true
deactivate = true
team_id = 12
role_ids = [3]
[acd.twilio]
account_sid = "AC{:032}"
workspace_sid = "WS{:032}"
auth_token = {{ env = "TOKEN" }}
[acd.twilio.endpoints]
taskrouter = "{uri}/taskrouter.twilio.com"
[acd.calabrio]
base_url = "{uri}/calabrio.example"
username = "connector@example.com"
password = {{ env = "PASSWORD" }}
acd_server_id = {SERVER}
"#,
            server.address(),
            1,
            1
        );
        let config = Config::parse(&text, Path::new("connector.toml")).unwrap();
        let secrets = config.resolve_secrets(&Secret).unwrap();
        let clients = Connector::new(&config)
            .unwrap()
            .clients(&config.acds[0], &secrets.acds[0])
            .unwrap();
        let mount = |verb, at| Mock::given(method(verb)).and(path(at));
        mount("POST", "/calabrio.example/api/rest/authorize")
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"sessionId": "HZ1"})))
            .mount(&server)
            .await;
        mount("GET", PEOPLE)
            .respond_with(tenant.clone())
            .mount(&server)
            .await;
        mount("POST", "/calabrio.example/api/rest/org/common/person")
            .respond_with(tenant.clone())
            .mount(&server)
            .await;
        Mock::given(path_regex(
            "^/calabrio.example/api/rest/org/common/person/[0-9]+$",
        ))
        .respond_with(tenant.clone())
        .mount(&server)
        .await;
        let directory = tempfile::tempdir().unwrap();
        let lock = WorkerLock::acquire(&directory.path().join("ledger.db")).unwrap();
        let ledger = SqliteLedger::open(lock, SqliteOptions::default())
            .await
            .unwrap();
        let acd = config.acds[0].clone();
        ledger.register(&acd.key(), "main").await.unwrap();
        let bench = Self {
            rules: PeopleRules::new(&acd, &config.acds),
            ledger,
            directory: Directory::new(clients.calabrio.clone()),
            clients,
            acd,
            settle: Duration::from_hours(1),
            wake: Notify::new(),
            memory: Memory::default(),
            server,
            _directory: directory,
        };
        bench.list_workers(workers).await;
        bench
    }

    /// TaskRouter has these workers; every other one is gone.
    async fn list_workers(&self, workers: Vec<Value>) {
        let at = format!(
            "/taskrouter.twilio.com/v1/Workspaces/{}/Workers",
            self.acd.twilio.workspace_sid
        );
        let list = json!({"meta": {"key": "workers", "next_page_url": null}, "workers": workers});
        Mock::given(method("GET"))
            .and(path(at))
            .respond_with(ResponseTemplate::new(200).set_body_json(list))
            .mount(&self.server)
            .await;
    }

    async fn worker_alone(&self, number: u32, answer: ResponseTemplate) {
        let at = format!(
            "/taskrouter.twilio.com/v1/Workspaces/{}/Workers/{}",
            self.acd.twilio.workspace_sid,
            worker(number)
        );
        Mock::given(method("GET"))
            .and(path(at))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    async fn round(&mut self) -> Result<Next, SyncError> {
        let round = Round {
            ledger: &self.ledger,
            acd: &self.acd,
            twilio: &self.clients.twilio,
            calabrio: &self.clients.calabrio,
            directory: &self.directory,
            rules: &self.rules,
            settle: self.settle,
            clock: now,
            wake: &self.wake,
        };
        round.go(&mut self.memory).await
    }

    /// A contact of this agent's that was parked because nobody stands for it.
    async fn parked(&self, number: u32) -> LegId {
        let leg: LegId = format!("WR{number:032}").parse().unwrap();
        let reason = ParkReason::UnknownAgent {
            worker: worker(number),
        };
        let discovered = Stage::Discovered(Discovered { at: now() });
        let contact = Contact {
            leg: Leg {
                acd: self.acd.key(),
                id: leg,
                task: format!("WT{number:032}").parse().unwrap(),
                worker: worker(number),
                queue: None,
                workflow: None,
                channel: Channel::Voice,
                direction: None,
                session: None,
                times: LegTimes::default(),
                hold: None,
            },
            stage: Stage::Parked(discovered.park(reason, now()).unwrap()),
        };
        let step = Advance {
            cursor: CursorId::Live {
                acd: self.acd.key(),
                stream: format!("events-{number}"),
            },
            from: None,
            to: now(),
            legs: vec![NewLeg {
                contact,
                details: None,
                schedule: Schedule::rest(),
            }],
            at: now(),
        };
        self.ledger.advance(step, &keep).await.unwrap();
        leg
    }

    async fn makes(&self) -> Option<bool> {
        let facts = self.ledger.confirmed(&self.acd.key()).await.unwrap();
        facts
            .iter()
            .find(|fact| fact.assumption == MAKES)
            .map(|fact| fact.held)
    }
}

fn three() -> Vec<Value> {
    [(1, "Ada Lovelace"), (2, "Grace Hopper"), (3, "Joan Clarke")]
        .map(|(number, name)| worker_json(number, name))
        .to_vec()
}

#[tokio::test]
async fn the_first_person_must_show_up_before_others_are_made() {
    let tenant = Tenant::default();
    let mut bench = Bench::new(three(), &tenant).await;
    assert_eq!(bench.round().await.unwrap(), Next::Soon);
    assert_eq!(tenant.made(), 1);
    let made = tenant.person(1001);
    assert_eq!(
        (
            made["firstName"].as_str(),
            made["lastName"].as_str(),
            &made["groupId"]
        ),
        (Some("Ada"), Some("Lovelace"), &json!(12))
    );
    assert_eq!(made["acdId"], worker(1).as_str());
    bench.round().await.unwrap();
    assert_eq!(tenant.made(), 3);
    assert_eq!(bench.makes().await, Some(true));
    assert_eq!(bench.round().await.unwrap(), Next::InAnHour);
    assert_eq!(tenant.made(), 3, "nobody is made twice");
}

#[tokio::test]
async fn whoever_is_made_and_does_not_show_up_is_not_made_again_for_a_day_whatever_restarts() {
    let tenant = Tenant::default();
    tenant.0.lock().unwrap().hides = true;
    let mut bench = Bench::new(three(), &tenant).await;
    bench.round().await.unwrap();
    bench.round().await.unwrap();
    assert_eq!(tenant.made(), 1, "it may still show up");
    bench.settle = Duration::ZERO;
    bench.round().await.unwrap();
    assert_eq!((tenant.made(), bench.makes().await), (1, Some(false)));
    bench.memory = Memory::default();
    bench.round().await.unwrap();
    assert_eq!(tenant.made(), 1, "a restart forgets nothing of it");
}

#[tokio::test]
async fn an_attempt_in_doubt_is_looked_for_and_not_repeated() {
    let tenant = Tenant::default();
    tenant.0.lock().unwrap().answers_badly = 1;
    let mut bench = Bench::new(three(), &tenant).await;
    assert_eq!(bench.round().await.unwrap(), Next::Soon);
    assert_eq!(tenant.made(), 1);
    // It was taken all the same, and shows up. That proves nothing of what is said to be made: one more is made.
    bench.round().await.unwrap();
    assert_eq!(tenant.made(), 2);
    bench.round().await.unwrap();
    assert_eq!(tenant.made(), 3);
}

#[tokio::test]
async fn an_attempt_in_doubt_that_came_to_nothing_is_repeated_once_it_has_settled() {
    let tenant = Tenant::default();
    {
        let mut state = tenant.0.lock().unwrap();
        (state.hides, state.answers_badly) = (true, 1);
    }
    let mut bench = Bench::new(vec![worker_json(1, "Ada Lovelace")], &tenant).await;
    bench.round().await.unwrap();
    tenant.0.lock().unwrap().hides = false;
    bench.round().await.unwrap();
    assert_eq!(tenant.made(), 1, "not before it has settled");
    bench.settle = Duration::ZERO;
    bench.round().await.unwrap();
    assert_eq!(tenant.made(), 2);
}

#[tokio::test]
async fn contacts_that_were_parked_for_an_agent_go_on_once_it_is_known() {
    let tenant = Tenant::default();
    let mut bench = Bench::new(three(), &tenant).await;
    let (waits, other) = (bench.parked(1).await, bench.parked(9).await);
    bench.round().await.unwrap();
    let stage = async |leg| {
        let key = bench.acd.key();
        let record = bench.ledger.get(&key, leg).await.unwrap().unwrap();
        record.row.contact.stage.name()
    };
    assert_eq!(
        stage(waits).await,
        StageName::Parked,
        "not before it is seen"
    );
    bench.round().await.unwrap();
    let stage = async |leg| {
        let key = bench.acd.key();
        let record = bench.ledger.get(&key, leg).await.unwrap().unwrap();
        record.row.contact.stage.name()
    };
    assert_eq!(stage(waits).await, StageName::Discovered);
    assert_eq!(stage(other).await, StageName::Parked);
}

#[tokio::test]
async fn a_person_whose_worker_is_gone_is_deactivated_once_twilio_says_so_of_it_alone() {
    let people = vec![
        person_json(101, 1, "Ada", "Lovelace"),
        person_json(102, 2, "Grace", "Hopper"),
        person_json(103, 7, "Otto", "Former"),
        person_json(104, 8, "Slid", "Away"),
    ];
    let tenant = Tenant::with(people);
    let mut bench = Bench::new(three()[..2].to_vec(), &tenant).await;
    let gone = json!({"code": 20404, "message": "not found", "status": 404});
    bench
        .worker_alone(7, ResponseTemplate::new(404).set_body_json(gone))
        .await;
    let there = ResponseTemplate::new(200).set_body_json(worker_json(8, "Slid Away"));
    bench.worker_alone(8, there).await;
    bench.round().await.unwrap();
    assert_eq!(tenant.person(103)["deactivated"], now().timestamp_millis());
    for id in [101, 102, 104] {
        assert_eq!(tenant.person(id)["deactivated"], Value::Null, "{id}");
    }
    assert_eq!(tenant.made(), 0);
}

#[tokio::test]
async fn a_person_follows_the_name_of_its_worker_and_keeps_the_rest() {
    let tenant = Tenant::with(vec![person_json(101, 1, "Ada", "Byron")]);
    let mut bench = Bench::new(three()[..1].to_vec(), &tenant).await;
    bench.round().await.unwrap();
    let person = tenant.person(101);
    assert_eq!(
        (&person["lastName"], &person["groupId"]),
        (&json!("Lovelace"), &json!(12))
    );
}

#[tokio::test]
async fn a_worker_whose_attributes_a_list_leaves_out_is_asked_for_before_its_person_is_made() {
    let tenant = Tenant::default();
    let mut short = worker_json(1, "Ada Lovelace");
    short.as_object_mut().unwrap().remove("attributes");
    let mut bench = Bench::new(vec![short], &tenant).await;
    let whole = ResponseTemplate::new(200).set_body_json(worker_json(1, "Ada Lovelace"));
    bench.worker_alone(1, whole).await;
    bench.round().await.unwrap();
    assert_eq!(tenant.person(1001)["lastName"], "Lovelace");
}

#[tokio::test]
async fn a_list_that_cannot_be_read_changes_nobody() {
    let tenant = Tenant::with(vec![person_json(101, 1, "Ada", "Lovelace")]);
    let mut bench = Bench::new(three(), &tenant).await;
    bench.server.reset().await;
    assert!(bench.round().await.is_err());
    assert_eq!(tenant.made(), 0);
    assert_eq!(tenant.person(101)["deactivated"], Value::Null);
}

#[tokio::test]
async fn one_failure_answers_everybody_who_asks_whether_an_agent_is_known() {
    let tenant = Tenant::default();
    let bench = Bench::new(three(), &tenant).await;
    bench.server.reset().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"sessionId": "HZ1"})))
        .mount(&bench.server)
        .await;
    Mock::given(method("GET"))
        .and(path(PEOPLE))
        .respond_with(ResponseTemplate::new(401).set_delay(Duration::from_millis(200)))
        .mount(&bench.server)
        .await;
    let requests = async || {
        let requests = bench.server.received_requests().await.unwrap();
        let lists = requests
            .iter()
            .filter(|request| request.url.path() == PEOPLE);
        lists.count()
    };
    bench.directory.knows(worker(1)).await.unwrap_err();
    let by_one = requests().await;
    bench.directory.forget().await;
    let asked = (1..=20).map(|number| bench.directory.knows(worker(number)));
    for answer in futures_util::future::join_all(asked).await {
        assert!(answer.unwrap_err().is_authentication());
    }
    assert_eq!(requests().await, 2 * by_one);
}
