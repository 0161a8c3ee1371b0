//! Vendors of the tests' own making, and sinks that write down what they get.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connector_config::{
    Config, DeliveryRules, Product, SecretError, SecretPlace, SecretSource, Secrets,
};
use secrecy::SecretSlice;
use serde_json::{Value, json};
use sync_ledger::{
    AcdStore, RosterStore, SeenSubject, SqliteLedger, SqliteOptions, SubjectKind, SubjectNames,
    SubjectSid, ToldSubject, WorkerLock,
};
use tempfile::TempDir;
use tokio::sync::Notify;
use wfm_delivery::{
    Delivering, HistoryBatch, HistoryFiles, HistoryRow, HistorySink, Outcome, Part, Receipt,
    RosterBatch, RosterRow, RosterSink, StateBatch, StateFiles, StateSink,
};
use wfm_state_mapping::StateChange;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{Core, Nobody};
use crate::clock::Clock;
use crate::connect;
use crate::services::AcdServices;

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const WORKSPACE: &str = "WS00000000000000000000000000000001";
pub(crate) const AGENTS: &str = "1001";
pub(crate) const QUEUES: &str = "1002";

/// Noon of the day on which everything here happens.
pub(crate) fn noon() -> DateTime<Utc> {
    "2026-03-03T12:00:00Z".parse().unwrap()
}

pub(crate) fn sid(prefix: &str, number: usize) -> String {
    format!("{prefix}{number:032x}")
}

/// What the vendors answer by now.
#[derive(Default)]
pub(crate) struct World {
    /// Lists by the end of their path.
    pub(crate) lists: BTreeMap<String, Vec<Value>>,
    /// Reports by their id.
    pub(crate) reports: BTreeMap<&'static str, ResponseTemplate>,
    /// The paths that were asked for.
    pub(crate) asked: Vec<String>,
    /// The windows that were asked for of the Events API.
    pub(crate) windows: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// How far Twilio's clock is ahead of the machine's.
    pub(crate) ahead: TimeDelta,
}

/// Twilio and Flex Insights, and what a connector that is configured for them works with.
pub(crate) struct Bench {
    server: MockServer,
    folder: TempDir,
    world: Arc<Mutex<World>>,
    now: Arc<AtomicI64>,
    pub(crate) history: Sink<HistoryRow>,
    pub(crate) states: Sink<(bool, StateChange)>,
    pub(crate) roster: Sink<Told>,
}

/// An agent or a queue as Calabrio was told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) sid: String,
    pub(crate) name: String,
    pub(crate) active: bool,
}

/// Each secret is the name of its variable.
struct Names;

impl SecretSource for Names {
    fn get(&self, place: &SecretPlace) -> Result<SecretSlice<u8>, SecretError> {
        match place {
            SecretPlace::Env(name) => Ok(name.clone().into_bytes().into()),
            other => Err(SecretError::Unset(other.to_string())),
        }
    }
}

impl Bench {
    /// A workspace with three activities and nobody in it; reports are empty.
    pub(crate) async fn new() -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        let server = MockServer::start().await;
        let (answering, uri) = (Arc::clone(&world), server.uri());
        Mock::given(any())
            .respond_with(move |request: &Request| {
                let mut world = answering.lock().unwrap();
                let date = (Utc::now() + world.ahead).format("%a, %d %b %Y %H:%M:%S GMT");
                answer(&mut world, &uri, request).insert_header("date", date.to_string())
            })
            .mount(&server)
            .await;
        let bench = Self {
            server,
            folder: tempfile::tempdir().unwrap(),
            world,
            now: Arc::new(AtomicI64::new(noon().timestamp_millis())),
            history: Sink::default(),
            states: Sink::default(),
            roster: Sink::default(),
        };
        let activities = [("Offline", false), ("Available", true), ("Lunch", false)];
        let activities = activities.into_iter().enumerate().map(
            |(number, (name, available))| json!({"sid": sid("WA", number), "friendly_name": name, "available": available}),
        );
        bench.list("Activities", activities);
        bench
    }

    pub(crate) fn world<T>(&self, with: impl FnOnce(&mut World) -> T) -> T {
        with(&mut self.world.lock().unwrap())
    }

    pub(crate) fn list(&self, path: &str, items: impl IntoIterator<Item = Value>) {
        let items = items.into_iter().collect();
        self.world(|world| world.lists.insert(path.to_owned(), items));
    }

    /// What Flex Insights has under an id, in CSV; nothing at all where that is empty.
    pub(crate) fn report(&self, id: &'static str, csv: &str) {
        let answer = if csv.is_empty() {
            ResponseTemplate::new(204)
        } else {
            ResponseTemplate::new(200).set_body_raw(csv.to_owned(), "text/csv")
        };
        self.world(|world| world.reports.insert(id, answer));
    }

    pub(crate) fn set_now(&self, now: DateTime<Utc>) {
        self.now.store(now.timestamp_millis(), Ordering::Relaxed);
    }

    /// A clock that stands where it is set, and whose pauses are real.
    pub(crate) fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        let read = move || DateTime::from_timestamp_millis(now.load(Ordering::Relaxed)).unwrap();
        Clock::paced(read, 1.0)
    }

    pub(crate) fn ledger_path(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    /// What an operator would have configured, with sinks of the test's own.
    pub(crate) fn services(&self) -> AcdServices {
        self.services_set("")
    }

    /// The same, with further settings of `[acd.wfm]`.
    pub(crate) fn services_set(&self, settings: &str) -> AcdServices {
        self.services_with(&self.server.uri(), settings)
    }

    /// The configuration and its secrets, with further settings of `[acd.wfm]`.
    pub(crate) fn config(&self, settings: &str) -> (Config, Secrets) {
        self.config_with(&self.server.uri(), settings)
    }

    /// A drop folder below the bench's own, for intervals.
    pub(crate) fn drop_folder(&self) -> (PathBuf, HistoryFiles) {
        let (path, rules) = self.drop_folder_and_rules();
        let files = HistoryFiles::new(&path, &rules.contract, rules.acd_server, rules.zone);
        (path, files.unwrap())
    }

    /// The same, for states.
    pub(crate) fn state_folder(&self) -> (PathBuf, StateFiles) {
        let (path, rules) = self.drop_folder_and_rules();
        let files = StateFiles::new(&path, &rules.contract, rules.acd_server, rules.zone);
        (path, files.unwrap())
    }

    fn drop_folder_and_rules(&self) -> (PathBuf, DeliveryRules) {
        let (config, _) = self.config("");
        let rules = config.wfm_rules(&config.acds[0]).unwrap().delivery;
        let path = self.folder.path().join("drop");
        std::fs::create_dir_all(&path).unwrap();
        (path, rules)
    }

    fn config_with(&self, insights: &str, extra: &str) -> (Config, Secrets) {
        let text = text(&self.server.uri(), insights, &self.ledger_path(), extra);
        let path = self.folder.path().join("connector.toml");
        let config = Config::parse_for(&text, &path, Product::WorkforceManagement).unwrap();
        let secrets = config.resolve_secrets(&Names).unwrap();
        (config, secrets)
    }

    pub(crate) fn services_with(&self, insights: &str, extra: &str) -> AcdServices {
        let (config, secrets) = self.config_with(insights, extra);
        let mut acd = connect(&config, &secrets, None).unwrap().remove(0);
        acd.calabrio = None;
        acd.roster.sink = Some(Arc::new(self.roster.clone()));
        if let Some(history) = &mut acd.history {
            history.sink = Arc::new(self.history.clone());
        }
        if let Some(adherence) = &mut acd.adherence {
            adherence.sink = Arc::new(self.states.clone());
        }
        acd
    }

    /// States go to Calabrio as a connector sends them that is configured for HTTP.
    pub(crate) fn states_over_http(&self) -> Arc<dyn StateSink> {
        let (config, secrets) = self.config("contract.http.access = \"open\"");
        let acd = connect(&config, &secrets, None).unwrap().remove(0);
        acd.adherence.unwrap().sink
    }

    /// What answers instead of Twilio and Flex Insights, or beside them.
    pub(crate) async fn answering(&self, mock: Mock) {
        mock.with_priority(1).mount(&self.server).await;
    }

    /// Opens the ledger as soon as nobody holds it.
    pub(crate) async fn ledger(&self) -> SqliteLedger {
        let begun = std::time::Instant::now();
        loop {
            match WorkerLock::acquire(&self.ledger_path()) {
                Ok(lock) => {
                    return SqliteLedger::open(lock, SqliteOptions::default())
                        .await
                        .unwrap();
                }
                Err(error) if begun.elapsed() > Duration::from_secs(20) => panic!("{error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// What the parts of the runner share, on a ledger that knows the ACD.
    pub(crate) async fn core(&self, acd: &AcdServices) -> Core<SqliteLedger> {
        let ledger = self.ledger().await;
        ledger.register(&acd.key, &acd.name).await.unwrap();
        Core {
            ledger,
            clock: self.clock(),
            witness: Arc::new(Nobody),
            wake: Notify::new(),
        }
    }
}

/// Makes these the queues that Twilio lists and Calabrio was told of.
pub(crate) async fn know_queues(
    core: &Core<SqliteLedger>,
    acd: &AcdServices,
    queues: &[(usize, &str)],
) {
    let seen: Vec<_> = queues
        .iter()
        .map(|(number, name)| SeenSubject {
            sid: SubjectSid::Queue(sid("WQ", *number).parse().unwrap()),
            names: SubjectNames {
                name: (*name).to_owned(),
                full_name: None,
                email: None,
            },
        })
        .collect();
    let (ledger, kind) = (&core.ledger, SubjectKind::Queue);
    ledger
        .see_roster(&acd.key, kind, &seen, core.now())
        .await
        .unwrap();
    let known = ledger.roster(&acd.key, kind).await.unwrap();
    let told: Vec<_> = known
        .iter()
        .map(|one| ToldSubject {
            sid: one.sid,
            version: one.version,
            refused: None,
            file: None,
        })
        .collect();
    ledger
        .told_roster(&acd.key, kind, &told, core.now())
        .await
        .unwrap();
}

pub(crate) fn worker(number: usize, login: &str, full_name: &str, activity: usize) -> Value {
    let name = ["Offline", "Available", "Lunch"][activity];
    json!({
        "sid": sid("WK", number), "friendly_name": login,
        "attributes": json!({"full_name": full_name}).to_string(),
        "activity_sid": sid("WA", activity), "available": activity == 1,
        "activity_name": name,
        "date_status_changed": "2026-03-03T11:00:00Z",
    })
}

pub(crate) fn queue(number: usize, name: &str) -> Value {
    json!({"sid": sid("WQ", number), "friendly_name": name})
}

fn answer(world: &mut World, uri: &str, request: &Request) -> ResponseTemplate {
    let path = request.url.path().to_owned();
    world.asked.push(path.clone());
    if path.ends_with("/Events") {
        let asked: BTreeMap<_, _> = request.url.query_pairs().collect();
        let time = |name: &str| asked[name].parse().unwrap();
        world.windows.push((time("StartDate"), time("EndDate")));
    }
    let json = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    if let Some(id) = path.strip_prefix("/gdc/exporter/") {
        let none = ResponseTemplate::new(204);
        return world.reports.get(id).cloned().unwrap_or(none);
    }
    if path == "/gdc/app/projects/p1/execute/raw" {
        let asked: Value = request.body_json().unwrap();
        let report = asked["report_req"]["report"].as_str().unwrap();
        let id = report.rsplit('/').next().unwrap();
        return json(json!({"uri": format!("/gdc/exporter/{id}")}));
    }
    if path == "/gdc/account/login" && request.method.as_str() == "POST" {
        return json(json!({"userLogin": {"profile": "/gdc/account/profile/1", "token": "sst"}}));
    }
    if path == "/gdc/account/token" {
        return json(json!({"userToken": {"token": "tt"}}));
    }
    if path.ends_with("/v1/Configuration") {
        return json(json!({
            "account_sid": ACCOUNT, "taskrouter_workspace_sid": WORKSPACE, "status": "ok",
            "taskrouter_offline_activity_sid": sid("WA", 0),
        }));
    }
    let Some(rest) = [
        format!("/taskrouter/v1/Workspaces/{WORKSPACE}/"),
        format!("/api/2010-04-01/Accounts/{ACCOUNT}/"),
    ]
    .into_iter()
    .find_map(|before| path.strip_prefix(&before).map(str::to_owned)) else {
        return ResponseTemplate::new(404);
    };
    let name = rest.rsplit('/').next().unwrap_or_default();
    let key = match name {
        "Workers" => "workers",
        "TaskQueues" => "task_queues",
        "Activities" => "activities",
        "Tasks" => "tasks",
        "Events" => "events",
        "Reservations" => "reservations",
        "Conferences.json" => "conferences",
        "Participants.json" => "participants",
        _ => {
            let below = rest.rsplit_once('/').map_or("", |(list, _)| list);
            let found = world.lists.get(&format!("{below}/{name}"));
            return match found.and_then(|found| found.first()) {
                Some(one) => json(one.clone()),
                None => ResponseTemplate::new(404)
                    .set_body_json(json!({"code": 20404, "message": "not found", "status": 404})),
            };
        }
    };
    let items = world.lists.get(&rest).cloned().unwrap_or_default();
    let mut page = if name.strip_suffix(".json").is_some() {
        json!({"page": 0, "page_size": 1000, "next_page_uri": null, "uri": path})
    } else {
        let url = format!("{uri}{path}");
        json!({"meta": {"key": key, "page": 0, "page_size": 1000, "next_page_url": null, "url": url}})
    };
    page[key] = items.into();
    json(page)
}

fn text(uri: &str, insights: &str, ledger: &Path, extra: &str) -> String {
    let loopback: Vec<_> = [uri, insights]
        .map(|uri| uri.trim_start_matches("http://").to_owned())
        .to_vec();
    let ledger = ledger.to_str().unwrap();
    let transport = if extra.contains("transport") {
        ""
    } else {
        "transport = \"http\""
    };
    format!(
        r#"
[ledger]
path = {ledger:?}
[tls]
allow_http_loopback = {loopback:?}
[[acd]]
name = "main"
time_zone = "UTC"
[acd.products]
workforce_management = true
[acd.twilio]
account_sid = "{ACCOUNT}"
workspace_sid = "{WORKSPACE}"
auth_token = {{ env = "TOKEN" }}
[acd.twilio.endpoints]
api = "{uri}/api"
taskrouter = "{uri}/taskrouter"
flex_api = "{uri}/flex"
[acd.calabrio]
base_url = "{uri}/wfm"
username = "connector@example.com"
password = {{ env = "CALABRIO" }}
acd_server_id = 7
[acd.insights]
base_url = "{insights}"
username = "insights@example.com"
password = {{ env = "INSIGHTS" }}
project_id = "p1"
agent_productivity_report_id = "{AGENTS}"
queue_historical_report_id = "{QUEUES}"
[acd.wfm]
history = true
service_queue = "General"
adherence = true
{transport}
{extra}
[[acd.wfm.activity]]
activity = "Lunch"
state = "not-ready"
state_reason_code = true
"#
    )
}

/// Writes down what it is given, and answers as it is told; else it takes everything.
pub(crate) struct Sink<R>(Arc<Mutex<Log<R>>>);

struct Log<R> {
    taken: Vec<Vec<R>>,
    answers: VecDeque<Outcome>,
    delay: Duration,
}

impl<R> Clone for Sink<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> Default for Sink<R> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Log {
            taken: Vec::new(),
            answers: VecDeque::new(),
            delay: Duration::ZERO,
        })))
    }
}

impl<R: Clone + Send + 'static> Sink<R> {
    /// The deliveries so far, also those that were then answered with a refusal.
    pub(crate) fn taken(&self) -> Vec<Vec<R>> {
        self.0.lock().unwrap().taken.clone()
    }

    pub(crate) fn answer_next(&self, outcome: Outcome) {
        self.0.lock().unwrap().answers.push_back(outcome);
    }

    /// How long it takes before something is taken, and again before that is answered.
    pub(crate) fn delay(&self, delay: Duration) {
        self.0.lock().unwrap().delay = delay;
    }

    fn take(&self, rows: Vec<R>) -> Delivering<'_> {
        Box::pin(async move {
            let delay = self.0.lock().unwrap().delay;
            tokio::time::sleep(delay).await;
            let count = rows.len();
            let outcome = {
                let mut log = self.0.lock().unwrap();
                log.taken.push(rows);
                log.answers.pop_front().unwrap_or(Outcome::Accepted)
            };
            tokio::time::sleep(delay).await;
            let part = Part {
                rows: 0..count,
                file: None,
                outcome,
            };
            Receipt { parts: vec![part] }
        })
    }
}

impl HistorySink for Sink<HistoryRow> {
    fn deliver<'a>(&'a self, batch: &'a HistoryBatch, _: DateTime<Utc>) -> Delivering<'a> {
        self.take(batch.rows().to_vec())
    }
}

impl StateSink for Sink<(bool, StateChange)> {
    fn deliver<'a>(&'a self, batch: &'a StateBatch, _: DateTime<Utc>) -> Delivering<'a> {
        let snapshot = batch.is_snapshot();
        let rows = batch.rows().iter().map(|row| (snapshot, row.clone()));
        self.take(rows.collect())
    }
}

impl RosterSink for Sink<Told> {
    fn deliver<'a>(&'a self, batch: &'a RosterBatch, _: DateTime<Utc>) -> Delivering<'a> {
        let told = |row: RosterRow<'_>| match row {
            RosterRow::Agent(agent) => Told {
                sid: agent.sid.to_string(),
                name: agent.full_name.clone(),
                active: agent.active,
            },
            RosterRow::Queue(queue) => Told {
                sid: queue.sid.to_string(),
                name: queue.name.clone(),
                active: queue.active,
            },
        };
        self.take(batch.rows().map(told).collect())
    }
}
