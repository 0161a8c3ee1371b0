//! A floor over real sockets: read by polling, and pushed in every form to a listener.
#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use common::*;
use flex_simulator::floor::{FloorOptions, FloorScenario, FloorState, Steady};
use flex_simulator::scenario::Push;
use flex_simulator::{FaultLevel, PushCounts, Simulator, SimulatorOptions};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a listener took: heads and bodies.
type Taken = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Listens until the runtime ends.
fn listen(listener: TcpListener) -> Taken {
    let taken = Taken::default();
    let kept = Arc::clone(&taken);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(take(stream, Arc::clone(&kept)));
        }
    });
    taken
}

async fn take(mut stream: TcpStream, taken: Taken) -> Option<()> {
    let mut raw = Vec::new();
    loop {
        if stream.read_buf(&mut raw).await.ok()? == 0 {
            return None;
        }
        let Some(end) = raw.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(raw[..end].to_vec()).unwrap();
        let length: usize = header(&head, "Content-Length").unwrap().parse().unwrap();
        if raw.len() == end + 4 + length {
            taken.lock().unwrap().push((head, raw.split_off(end + 4)));
            break;
        }
    }
    let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    stream.write_all(answer).await.ok()
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn sign(token: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

async fn floor(
    scenario: FloorScenario,
    pace: f64,
    push: Option<Push>,
    faults: FaultLevel,
) -> Simulator {
    let mut options = FloorOptions::default();
    options.scenario = scenario;
    options.pace = pace;
    let mut options = SimulatorOptions {
        faults,
        ..SimulatorOptions::for_floor(options)
    };
    options.scenario.push = push;
    Simulator::start(options).await.unwrap()
}

fn small() -> FloorScenario {
    let mut scenario = FloorScenario::default();
    scenario.agents = 12;
    scenario.queues = 2;
    scenario.hours = 1;
    scenario
}

async fn get(simulator: &Simulator, host: &str, path: &str) -> Value {
    let world = simulator.world();
    let basic = STANDARD.encode(format!("{}:{}", world.account_sid(), world.auth_token()));
    let authorization = format!("Basic {basic}");
    let path = path
        .strip_prefix(simulator.base_url())
        .map_or_else(|| format!("/{host}{path}"), ToOwned::to_owned);
    let answer = send(
        simulator,
        "GET",
        &path,
        &[("Authorization", &authorization)],
        &[],
    )
    .await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200, "{path}");
    answer.json()
}

/// All pages of a list of `TaskRouter`.
async fn all(simulator: &Simulator, list: &str) -> Vec<Value> {
    let key = list.split('?').next().unwrap().to_ascii_lowercase();
    let key = if key == "taskqueues" {
        "task_queues"
    } else {
        key.rsplit('/').next().unwrap()
    };
    let mut next = format!(
        "/v1/Workspaces/{}/{list}",
        simulator.world().workspace_sid()
    );
    let mut items = Vec::new();
    loop {
        let page = get(simulator, "taskrouter.twilio.com", &next).await;
        items.extend(page[key].as_array().unwrap().iter().cloned());
        match page["meta"]["next_page_url"].as_str() {
            Some(url) => url.clone_into(&mut next),
            None => return items,
        }
    }
}

#[tokio::test]
async fn a_floor_is_read_by_its_own_clock_page_by_page() {
    let simulator = floor(small(), 600.0, None, FaultLevel::None).await;
    let run = simulator.floor().unwrap();
    let middle = run.floor().from() + TimeDelta::minutes(20);
    tokio::time::sleep(run.pace().until(middle, Instant::now())).await;

    let workers = all(&simulator, "Workers?PageSize=5").await;
    let sids: BTreeSet<_> = workers
        .iter()
        .map(|it| it["sid"].as_str().unwrap())
        .collect();
    assert_eq!(sids, run.floor().agents().collect());
    assert!(workers.iter().any(|it| it["activity_name"] == "Available"));
    assert_eq!(all(&simulator, "TaskQueues").await.len(), 2);
    let activities = all(&simulator, "Activities").await;
    assert_eq!(activities[3]["friendly_name"], "Lunch, long");

    let (mut reserved, mut conferences) = (0, 0);
    for task in all(
        &simulator,
        "Tasks?AssignmentStatus=reserved,assigned,wrapping",
    )
    .await
    {
        let list = format!("Tasks/{}/Reservations", task["sid"].as_str().unwrap());
        reserved += all(&simulator, &list).await.len();
    }
    let account = simulator.world().account_sid();
    let live = get(
        &simulator,
        "api.twilio.com",
        &format!("/2010-04-01/Accounts/{account}/Conferences.json?Status=in-progress"),
    )
    .await;
    for conference in live["conferences"].as_array().unwrap() {
        let path = format!(
            "/2010-04-01/Accounts/{account}/Conferences/{}/Participants.json",
            conference["sid"].as_str().unwrap()
        );
        conferences += get(&simulator, "api.twilio.com", &path).await["participants"]
            .as_array()
            .unwrap()
            .len();
    }
    assert!(reserved > 0 && conferences > 0, "{reserved} {conferences}");

    // The default is the last quarter of an hour, by the floor's clock.
    let events = all(&simulator, "Events?PageSize=1000").await;
    let earliest = (simulator.clock() - TimeDelta::minutes(20)).timestamp_millis();
    assert!(events.len() > 10);
    assert!(
        events
            .iter()
            .all(|event| event["event_date_ms"].as_i64().unwrap() > earliest)
    );
    assert!(events.is_sorted_by_key(|event| std::cmp::Reverse(event["event_date_ms"].as_i64())));
    assert_eq!(simulator.violations(), []);
    simulator.stop().await;
}

/// Lets a floor go by while a listener takes what is pushed.
async fn pushed(simulator: &Simulator) -> Vec<(String, Vec<u8>)> {
    let listener = TcpListener::bind(simulator.intake().unwrap())
        .await
        .unwrap();
    let taken = listen(listener);
    let run = simulator.floor().unwrap();
    tokio::time::sleep(run.pace().until(run.floor().to(), Instant::now())).await;
    let settled = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let counts: PushCounts = simulator.pushed();
            if counts.accepted == counts.events {
                return;
            }
        }
    });
    settled.await.unwrap();
    let taken = taken.lock().unwrap();
    taken.clone()
}

/// What came in which form.
struct Told {
    url: String,
    token: String,
    streamed: BTreeSet<String>,
    forms: BTreeSet<String>,
    /// The newest state of each agent, with its time.
    agents: BTreeMap<String, (String, Value)>,
    /// Changes of conferences by their names.
    changes: BTreeMap<String, u32>,
}

impl Told {
    fn take(&mut self, head: &str, body: &[u8]) {
        let signature = header(head, "X-Twilio-Signature");
        if header(head, "Content-Type").unwrap() != "application/json" {
            let mut fields: Vec<(String, String)> =
                url::form_urlencoded::parse(body).into_owned().collect();
            fields.sort();
            let sid = fields.iter().find(|(name, _)| name == "Sid").unwrap();
            self.forms.insert(sid.1.clone());
            let text = fields
                .into_iter()
                .fold(self.url.clone(), |text, (name, value)| {
                    text + &name + &value
                });
            assert_eq!(signature, Some(sign(&self.token, &text).as_str()));
            return;
        }
        let told: Value = serde_json::from_slice(body).unwrap();
        if told["object"] == "WFMWorkerChange" {
            assert_eq!(
                header(head, "Authorization"),
                Some("Basic ZmxleDpzM2NyZXQ=")
            );
            assert_eq!(signature, None);
            self.agent(&told["records"][0]);
            return;
        }
        assert!(is_signed(head, &self.url, &self.token));
        for event in told.as_array().unwrap() {
            let change = &event["data"]["request"]["parameters"]["StatusCallbackEvent"];
            if let Some(change) = change.as_str() {
                *self.changes.entry(change.to_owned()).or_default() += 1;
            } else {
                let id = event["id"].as_str().unwrap().to_owned();
                assert!(self.streamed.insert(id), "it came twice");
            }
        }
    }

    fn agent(&mut self, record: &Value) {
        let at = record["date_last_processed_event"].as_str().unwrap();
        let agent = record["worker"]["sid"].as_str().unwrap();
        let known = self.agents.entry(agent.to_owned()).or_default();
        if at >= known.0.as_str() {
            *known = (at.to_owned(), record.clone());
        }
    }
}

/// Whether a request of Event Streams is signed over that address, with or without its port.
fn is_signed(head: &str, url: &str, token: &str) -> bool {
    let target = head.split(' ').nth(1).unwrap();
    let signed = format!("{url}?{}", target.split_once('?').unwrap().1);
    let with_port = signed.replacen(".example", ".example:443", 1);
    let mut spelt = [signed, with_port].into_iter();
    spelt.any(|signed| header(head, "X-Twilio-Signature") == Some(&sign(token, &signed)))
}

fn public_url(simulator: &Simulator) -> String {
    let workspace = simulator.world().workspace_sid().to_ascii_lowercase();
    format!("https://connector.example/twilio/{workspace}")
}

#[tokio::test]
async fn every_change_is_pushed_as_event_as_form_and_as_the_agents_whole_state() {
    let mut push = Push::default();
    push.callback = true;
    push.worker_change = true;
    push.credentials = Some(["flex".to_owned(), "s3cret".to_owned()]);
    let simulator = floor(small(), 600.0, Some(push), FaultLevel::None).await;
    let mut told = Told {
        url: public_url(&simulator),
        token: simulator.world().auth_token().to_owned(),
        streamed: BTreeSet::new(),
        forms: BTreeSet::new(),
        agents: BTreeMap::new(),
        changes: BTreeMap::new(),
    };
    for (head, body) in pushed(&simulator).await {
        told.take(&head, &body);
    }
    assert!(told.streamed.len() > 100);
    assert!(told.streamed.is_subset(&told.forms));
    let more = told.forms.len() - told.streamed.len();
    assert!(more < 10, "only a new name is no type of the subscription");
    let changes = |name: &str| told.changes.get(name).copied().unwrap_or_default();
    assert!(changes("participant-hold") > 0 && changes("participant-leave") > 0);
    assert!(changes("participant-unhold") <= changes("participant-hold"));
    assert_eq!(changes("conference-start"), changes("conference-end"));
    // Of whoever was there the last activity is known, with nothing open.
    assert!(!told.agents.is_empty());
    for day in simulator.floor().unwrap().floor().days() {
        let Some((_, record)) = told.agents.get(&day.agent) else {
            continue;
        };
        let left = record["worker"]["activity_name"] == "Offline";
        let truth = day.spans.last().unwrap().state == FloorState::Logout;
        assert_eq!(left, truth, "{}", day.agent);
        assert!(record["channels"].is_null());
    }
    let counts = simulator.pushed();
    assert_eq!((counts.lost, counts.duplicates, counts.forged), (0, 0, 0));
    simulator.stop().await;
}

#[tokio::test]
async fn under_hostile_faults_events_come_twice_out_of_order_and_some_ends_never() {
    let simulator = floor(small(), 600.0, Some(Push::default()), FaultLevel::Hostile).await;
    let taken = pushed(&simulator).await;
    let world = simulator.world();
    let url = public_url(&simulator);
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    let mut order = Vec::new();
    for (head, body) in &taken {
        let told: Value = serde_json::from_slice(body).unwrap();
        if !is_signed(head, &url, world.auth_token()) {
            continue;
        }
        for event in told.as_array().unwrap() {
            *times
                .entry(event["id"].as_str().unwrap().to_owned())
                .or_default() += 1;
            order.push(event["time"].as_str().unwrap().to_owned());
        }
    }
    let counts = simulator.pushed();
    assert!(
        counts.lost > 0 && counts.duplicates > 0 && counts.forged > 0,
        "{counts:?}"
    );
    assert!(times.values().any(|times| *times > 1));
    assert_eq!(times.len() as u64, counts.events, "all others come");
    assert!(!order.is_sorted());
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_agents_change_a_thousand_times_a_second() {
    let mut scenario = FloorScenario::default();
    scenario.agents = 10_000;
    scenario.hours = 1;
    scenario.steady = Some(Steady {
        events_per_second: 1_000,
        seconds: 4,
    });
    let mut push = Push::default();
    push.batch = false;
    let simulator = floor(scenario, 1.0, Some(push), FaultLevel::None).await;
    let listener = TcpListener::bind(simulator.intake().unwrap())
        .await
        .unwrap();
    let taken = listen(listener);
    tokio::time::sleep(Duration::from_millis(4_600)).await;
    let counts = simulator.pushed();
    // What went on in the last tenth of a second may still be under way.
    let behind = counts.events - counts.accepted;
    assert!(counts.events >= 4_000, "{counts:?}");
    assert!(behind < 700, "{counts:?}");
    assert!(taken.lock().unwrap().len() as u64 >= counts.accepted);
    let sent = simulator.sent();
    assert!(sent.len() as u64 >= counts.accepted);
    let from = simulator.floor().unwrap().floor().from();
    let moments: BTreeSet<_> = sent.iter().map(|event| event.happened).collect();
    assert_eq!(
        moments.len(),
        sent.len(),
        "each event once, one in a millisecond"
    );
    for event in &sent {
        let late = event.due - event.happened;
        assert!(
            event.happened >= from && event.sent >= event.due,
            "{event:?}"
        );
        assert!(late < TimeDelta::seconds(1), "it was due soon: {event:?}");
    }
    assert_eq!(all(&simulator, "Workers?PageSize=1000").await.len(), 10_000);
    simulator.stop().await;
}

#[tokio::test]
async fn a_punctual_floor_begins_when_it_really_is_that_time() {
    let begin = DateTime::from_timestamp(Utc::now().timestamp() + 3, 0).unwrap();
    let mut options = FloorOptions::default();
    options.punctual = true;
    options.stands_ms = 60_000;
    options.scenario.agents = 4;
    options.scenario.from = begin;
    options.scenario.steady = Some(Steady {
        events_per_second: 10,
        seconds: 5,
    });
    let simulator = Simulator::start(SimulatorOptions::for_floor(options))
        .await
        .unwrap();
    assert!(Utc::now() < begin);
    assert_eq!(simulator.clock(), begin);
    tokio::time::sleep((begin - Utc::now()).to_std().unwrap()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let off = simulator.clock() - Utc::now();
    assert!(off.abs() < TimeDelta::milliseconds(100), "{off}");
    simulator.stop().await;
}

#[tokio::test]
async fn of_a_floor_that_began_before_only_what_happens_from_now_on_is_pushed() {
    let now = Utc::now();
    let text = "[scenario]\nagents = 12\nqueues = 2\n";
    let began = |hours| FloorOptions::from_toml_begun(text, now, TimeDelta::hours(hours)).unwrap();
    let mut simulators = Vec::new();
    for shows in [Some(now), None] {
        let mut floor = began(6);
        assert!(now - floor.scenario.from >= TimeDelta::hours(6));
        floor.shows = shows;
        if shows.is_none() {
            // As fast that all of it is over at once.
            floor.pace = 100_000.0;
        }
        let mut options = SimulatorOptions::for_floor(floor);
        options.scenario.push = Some(Push::default());
        simulators.push(Simulator::start(options).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(800)).await;
    let counts: Vec<_> = simulators.iter().map(|it| it.pushed().events).collect();
    assert!(counts[0] < 10 && counts[1] > 200, "{counts:?}");
    // What happened before is there for who asks.
    let events = all(&simulators[0], "Events?Minutes=300").await;
    assert!(events.len() > 100, "{}", events.len());
    for simulator in simulators {
        simulator.stop().await;
    }
}

#[tokio::test]
async fn beside_contacts_of_its_own_a_scenario_keeps_its_agents_and_its_time() {
    let mut options = FloorOptions::default();
    options.scenario = small();
    options.pace = 600.0;
    let mut scenario = flex_simulator::scenario::Scenario::default();
    scenario.contacts = 2;
    let options = SimulatorOptions {
        scenario,
        floor: Some(options),
        ..SimulatorOptions::default()
    };
    let simulator = Simulator::start(options).await.unwrap();
    let workers = all(&simulator, "Workers").await;
    let known: BTreeSet<String> = simulator
        .world()
        .workers()
        .into_iter()
        .map(|(sid, _)| sid)
        .collect();
    let told: BTreeSet<String> = workers
        .iter()
        .map(|it| it["sid"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(told, known);
    assert!(
        simulator
            .floor()
            .unwrap()
            .floor()
            .agents()
            .all(|agent| !known.contains(agent))
    );
    assert!(!all(&simulator, "Events").await.is_empty());
    simulator.stop().await;
}
