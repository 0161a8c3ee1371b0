//! Events pushed to the connector while they happen: to the sinks of Event Streams that want them, and to the workspace's event callback. At
//! least once and in no order that can be relied on; what is not answered with a 2xx is sent again.

mod coming;
pub(crate) mod forms;
mod send;
mod sign;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::faults::{Dice, FaultLevel, fnv};
use crate::scenario::Push;
use crate::server::State;
use coming::Coming;
use forms::Pushed;
use send::Request;

/// How often it is looked whether something is to be sent.
const TICK: Duration = Duration::from_millis(50);
/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(1);
/// The most events of one request.
const BATCH: usize = 20;
/// How long the first repetition waits, and the longest wait: Twilio goes on for four hours, and nobody watches as long.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));
/// The most requests at once.
const AT_ONCE: usize = 16;
/// The same where many agents live on a floor.
const AT_ONCE_OF_A_FLOOR: usize = 64;
/// Of how many events of a floor it is taken down when they were sent.
const NOTED: usize = 2_000_000;

/// What was pushed so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PushCounts {
    /// Events that were to be pushed by now, each counted once for every place that it goes to.
    pub events: u64,
    /// Those among them that were answered with a 2xx.
    pub accepted: u64,
    /// Requests, repetitions and duplicates among them.
    pub requests: u64,
    /// Requests that came to nothing: no answer, or none with a 2xx.
    pub failed: u64,
    /// Events that were sent again although they had been accepted.
    pub duplicates: u64,
    /// Requests with a wrong signature.
    pub forged: u64,
    /// Those among them that were answered with a 2xx: none may be.
    pub forged_accepted: u64,
    /// Tests of sinks that were sent.
    pub tests: u64,
    /// Events of a floor that were never sent, though they happened.
    pub lost: u64,
}

/// When an event of a floor was sent for the first time: both by the floor's clock, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct SentEvent {
    /// When it happened.
    pub happened: DateTime<Utc>,
    /// When it was to be sent: some time later, since events come late and overtake one another.
    pub due: DateTime<Utc>,
    /// When it was: its request was made, and the connection for it not yet opened.
    pub sent: DateTime<Utc>,
}

/// Where pushed events go.
pub(crate) struct Outlet {
    /// Where the connector listens.
    pub(crate) intake: SocketAddr,
    /// The address that Twilio was given, down to the ACD's path.
    pub(crate) url: String,
    counts: Mutex<PushCounts>,
    sent: Mutex<Vec<SentEvent>>,
}

impl Outlet {
    /// The outlet of a scenario: a port that is free now where it names none.
    pub(crate) fn new(push: &Push, workspace: &str) -> std::io::Result<Self> {
        let intake = if push.intake.port() == 0 {
            std::net::TcpListener::bind(push.intake)?.local_addr()?
        } else {
            push.intake
        };
        Ok(Self {
            intake,
            url: push.url(workspace),
            counts: Mutex::default(),
            sent: Mutex::default(),
        })
    }

    pub(crate) fn counts(&self) -> PushCounts {
        *self.lock()
    }

    pub(crate) fn sent(&self) -> Vec<SentEvent> {
        self.lock_sent().clone()
    }

    fn lock(&self) -> MutexGuard<'_, PushCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_sent(&self) -> MutexGuard<'_, Vec<SentEvent>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes down that events go out now.
    fn note(&self, happened: &[DateTime<Utc>], due: DateTime<Utc>, sent: DateTime<Utc>) {
        let mut noted = self.lock_sent();
        let room = NOTED.saturating_sub(noted.len());
        let events = happened.iter().map(|happened| SentEvent {
            happened: *happened,
            due,
            sent,
        });
        noted.extend(events.take(room));
    }
}

/// A request that is to be sent.
#[derive(Debug, Clone)]
struct Delivery {
    at: DateTime<Utc>,
    /// The address, as its owner gave it.
    url: String,
    content: Content,
    /// How many events are in it that count.
    events: u64,
    /// When they happened.
    happened: Vec<DateTime<Utc>>,
    attempts: u32,
    /// Its signature is wrong.
    forged: bool,
    dice: Dice,
}

#[derive(Debug, Clone)]
enum Content {
    Json(Vec<Value>),
    Form(Vec<(String, String)>),
    /// What Twilio's feed for workforce management tells; nobody signs it.
    WorkerChange(Vec<Value>),
}

/// Pushes until the simulator stops.
pub(crate) async fn run(state: Arc<State>) {
    let Some(outlet) = &state.outlet else {
        return;
    };
    let mut coming = Coming::new(&state);
    let at_once = if state.world.live.is_some() {
        AT_ONCE_OF_A_FLOOR
    } else {
        AT_ONCE
    };
    let mut due: Vec<Delivery> = Vec::new();
    let mut under_way: JoinSet<Option<Delivery>> = JoinSet::new();
    loop {
        let now = Utc::now();
        let happened = coming.until_now(&state);
        due.extend(deliveries(&state, outlet, &happened, now));
        due.extend(tests(&state, outlet, now));
        if due.len() + under_way.len() > at_once {
            // Not all can go at once: the oldest first, which the loop below finds at the end.
            due.sort_by_key(|delivery| Reverse(delivery.at));
        }
        for index in (0..due.len()).rev() {
            if due[index].at <= now && under_way.len() < at_once {
                let delivery = due.swap_remove(index);
                under_way.spawn(attempt(Arc::clone(&state), delivery));
            }
        }
        let mut pause = TICK;
        if under_way.len() < at_once {
            let due = due.iter().map(|delivery| delivery.at - now).min();
            let due = due.map(|due| due.to_std().unwrap_or_default());
            let next = [due, coming.due_in(&state)];
            pause = next
                .into_iter()
                .flatten()
                .fold(pause, Duration::min)
                .max(SHORTEST);
        }
        tokio::select! {
            () = state.stop.cancelled() => return,
            Some(ended) = under_way.join_next(), if !under_way.is_empty() => {
                due.extend(ended.ok().flatten());
            }
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The requests that come of what happened, with the disorder that faults demand.
fn deliveries(
    state: &State,
    outlet: &Outlet,
    happened: &[Pushed],
    now: DateTime<Utc>,
) -> Vec<Delivery> {
    let level = state.faults.level_now();
    let mut made: Vec<Delivery> = Vec::new();
    let push = state.world.scenario().push.as_ref();
    let callback = push.is_some_and(|push| push.callback);
    let worker_change = push.is_some_and(|push| push.worker_change);
    // By the floor's clock nothing is later than by a real one.
    let floor = state.floor.as_ref().filter(|_| state.world.live.is_some());
    let pace = floor.map_or(1, |floor| floor.pace().whole());
    let newest = newest(happened);
    for event in happened {
        let mut dice = Dice::new(state.world.seed(), fnv(&event.id), 7);
        if is_lost(state, level, event) {
            outlet.lock().lost += 1;
            continue;
        }
        let late = delay(level, &mut dice) / pace;
        let mut add = |url: &str, content: Content, batches: bool| {
            outlet.lock().events += 1;
            let at = now + late;
            // Others that go there at the same time go in the same request.
            let fits = made.iter_mut().find(|other| {
                batches
                    && other.url == url
                    && (other.at - at).abs() < TimeDelta::milliseconds(150)
                    && matches!(&other.content, Content::Json(there) if there.len() < BATCH)
            });
            if let (Some(other), Content::Json(one)) = (fits, &content) {
                if let Content::Json(there) = &mut other.content {
                    there.extend(one.iter().cloned());
                    other.events += 1;
                    other.happened.push(event.at);
                }
                return;
            }
            made.push(Delivery {
                at,
                url: url.to_owned(),
                content,
                events: 1,
                happened: vec![event.at],
                attempts: 0,
                forged: false,
                dice: dice.clone(),
            });
        };
        for sink in state.world.streams.wanting(&event.kind) {
            if let Some(url) = sink.destination().filter(|_| !sink.foreign) {
                add(
                    url,
                    Content::Json(vec![event.cloud.clone()]),
                    sink.batches(),
                );
            }
        }
        if let Some(form) = event.form.as_ref().filter(|_| callback) {
            add(&outlet.url, Content::Form(form.clone()), false);
        }
        // Changes of one agent that fall together are told as one.
        let snapshot = event.snapshot.as_ref().filter(|_| worker_change);
        if let Some((_, snapshot)) =
            snapshot.filter(|(agent, _)| newest.get(agent.as_str()) == Some(&&*event.id))
        {
            add(
                &outlet.url,
                Content::WorkerChange(vec![snapshot.clone()]),
                false,
            );
        }
    }
    if level == FaultLevel::Hostile {
        for delivery in &mut made {
            if let Content::Json(events) = &mut delivery.content {
                delivery.dice.shuffle(events);
            }
        }
    }
    let forged = forgeries(level, &made);
    made.extend(forged);
    made
}

/// The last event of each agent among some.
fn newest(happened: &[Pushed]) -> HashMap<&str, &str> {
    let told = happened.iter();
    told.filter_map(|event| Some((event.snapshot.as_ref()?.0.as_str(), event.id.as_str())))
        .collect()
}

/// What the types of events end with that say that something ended.
const ENDS: [&str; 6] = [
    ".wrapup",
    ".completed",
    ".canceled",
    ".timeout",
    ".rejected",
    ".rescinded",
];

/// Whether an event never comes that says that something ended: who knows the next snapshot of all agents does not need it.
fn is_lost(state: &State, level: FaultLevel, event: &Pushed) -> bool {
    let one_in = match level {
        FaultLevel::None => return false,
        FaultLevel::Mild => 100,
        FaultLevel::Hostile => 25,
    };
    state.world.live.is_some()
        && ENDS.iter().any(|end| event.kind.ends_with(end))
        && Dice::new(state.world.seed(), fnv(&event.id), 9).below(one_in) == 0
}

/// How much later than it happened an event is sent: later ones overtake it.
fn delay(level: FaultLevel, dice: &mut Dice) -> TimeDelta {
    let longest = match level {
        FaultLevel::None => 100,
        FaultLevel::Mild => 600,
        FaultLevel::Hostile => 3_000,
    };
    TimeDelta::milliseconds(i64::try_from(dice.below(longest)).unwrap_or(0))
}

/// Now and then somebody else sends an event.
fn forgeries(level: FaultLevel, made: &[Delivery]) -> Vec<Delivery> {
    if level != FaultLevel::Hostile {
        return Vec::new();
    }
    let mut forged = Vec::new();
    for delivery in made {
        let mut dice = delivery.dice.clone();
        if dice.below(6) == 0 && !matches!(delivery.content, Content::WorkerChange(_)) {
            forged.push(Delivery {
                events: 0,
                forged: true,
                ..delivery.clone()
            });
        }
    }
    forged
}

/// The tests of sinks that were asked for.
fn tests(state: &State, outlet: &Outlet, now: DateTime<Utc>) -> Vec<Delivery> {
    let mut set_up = state.world.streams.lock();
    let tests = std::mem::take(&mut set_up.tests);
    let mut made = Vec::new();
    for test in tests {
        let sink = set_up.sinks.iter().find(|sink| sink.sid == test.sink);
        if let Some(url) = sink.and_then(|sink| sink.destination()) {
            outlet.lock().tests += 1;
            let event = forms::test(&state.world, &test.id, now);
            made.push(Delivery {
                at: now,
                url: url.to_owned(),
                content: Content::Json(event.as_array().cloned().unwrap_or_default()),
                events: 0,
                happened: Vec::new(),
                attempts: 0,
                forged: false,
                dice: Dice::new(state.world.seed(), fnv(&test.id), 8),
            });
        }
    }
    made
}

/// One attempt; gives what is still to be sent.
async fn attempt(state: Arc<State>, mut delivery: Delivery) -> Option<Delivery> {
    let outlet = state.outlet.as_ref()?;
    let request = request(&state, outlet, &mut delivery)?;
    let level = state.faults.level_now();
    outlet.lock().requests += 1;
    if state.world.live.is_some() && !delivery.forged {
        let sent = state.clock();
        let late = TimeDelta::max(Utc::now() - delivery.at, TimeDelta::zero());
        let pace = state.floor.as_ref().map_or(1, |floor| floor.pace().whole());
        let happened = std::mem::take(&mut delivery.happened);
        outlet.note(&happened, sent - late * pace, sent);
    }
    let answered = tokio::select! {
        () = state.stop.cancelled() => return None,
        answered = send::send(&request) => answered,
    };
    let accepted = matches!(answered, Ok(200..=299));
    delivery.attempts += 1;
    let now = Utc::now();
    if delivery.forged {
        let mut counts = outlet.lock();
        counts.forged += 1;
        counts.forged_accepted += u64::from(accepted);
        drop(counts);
        if accepted {
            let subject = "a pushed event".to_owned();
            let what = "an event whose signature is wrong was accepted".to_owned();
            state.violations.remember(now, subject, what);
        }
        return None;
    }
    let mut counts = outlet.lock();
    if !accepted {
        counts.failed += 1;
        let (first, longest) = BACKOFF;
        let wait = first
            .saturating_mul(1 << delivery.attempts.min(8))
            .min(longest);
        delivery.at = now + TimeDelta::from_std(wait).unwrap_or_default();
        return Some(delivery);
    }
    counts.accepted += delivery.events;
    // Once more, as if the answer had been lost.
    let again = match level {
        FaultLevel::None => false,
        FaultLevel::Mild => delivery.dice.below(10) == 0,
        FaultLevel::Hostile => delivery.dice.below(3) == 0,
    };
    if !again || delivery.events == 0 {
        return None;
    }
    counts.duplicates += delivery.events;
    delivery.events = 0;
    delivery.at = now + delay(level, &mut delivery.dice);
    Some(delivery)
}

/// The request of a delivery; nothing where its address leads elsewhere.
fn request(state: &State, outlet: &Outlet, delivery: &mut Delivery) -> Option<Request> {
    let url = Url::parse(&delivery.url).ok()?;
    let host = url.host_str()?.to_owned();
    let own = Url::parse(&outlet.url).ok()?;
    let to = if url.origin() == own.origin() {
        outlet.intake
    } else {
        // Whoever gave an address of this machine meant this machine.
        SocketAddr::new(host.parse().ok()?, url.port_or_known_default()?)
    };
    let hostile = state.faults.level_now() == FaultLevel::Hostile;
    let token = if delivery.forged {
        "ffffffffffffffffffffffffffffffff"
    } else {
        state.world.auth_token()
    };
    let target = |signed: &str| {
        let url = Url::parse(signed).ok()?;
        let query = url
            .query()
            .map_or_else(String::new, |query| format!("?{query}"));
        Some(format!("{}{query}", url.path()))
    };
    let broken =
        hostile && !delivery.forged && delivery.attempts == 0 && delivery.dice.below(8) == 0;
    match &delivery.content {
        Content::Json(events) => {
            let body = serde_json::to_vec(events).ok()?;
            let signed = sign::with_body_hash(&delivery.url, &body);
            // Twilio is not of one mind about the port.
            let spelt = if delivery.dice.below(2) == 0 {
                sign::with_port(&signed)
            } else {
                signed.clone()
            };
            Some(Request {
                to,
                host,
                target: target(&signed)?,
                content_type: "application/json",
                signature: Some(sign::signature(token, &spelt)),
                authorization: None,
                body,
                broken,
            })
        }
        Content::WorkerChange(records) => {
            let body = json!({"product": "Flex", "object": "WFMWorkerChange", "version": 1, "records": records});
            let push = state.world.scenario().push.as_ref()?;
            let credentials = push.credentials.as_ref();
            Some(Request {
                to,
                host,
                target: target(&delivery.url)?,
                content_type: "application/json",
                signature: None,
                authorization: credentials.map(|[user, password]| {
                    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
                }),
                body: body.to_string().into_bytes(),
                broken,
            })
        }
        Content::Form(fields) => {
            let mut body = Serializer::new(String::new());
            body.extend_pairs(fields);
            Some(Request {
                to,
                host,
                target: target(&delivery.url)?,
                content_type: "application/x-www-form-urlencoded; charset=utf-8",
                signature: Some(sign::signature(
                    token,
                    &sign::with_fields(&delivery.url, fields),
                )),
                authorization: None,
                body: body.finish().into_bytes(),
                broken,
            })
        }
    }
}
