//! What the receiving ends take, and what they make of it.

use std::fs;

use chrono::{DateTime, Utc};
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::*;
use crate::faults::FaultLevel;
use crate::floor::FloorState;
use crate::http::OutBody;
use crate::options::Timings;
use crate::scenario::Scenario;
use crate::strict::Violations;
use crate::world::World;

const AGENT: &str = "WK00000000000000000000000000000001";
const OTHER: &str = "WK00000000000000000000000000000002";
const QUEUE: &str = "WQ00000000000000000000000000000001";

struct House {
    calabrio: Calabrio,
    wfm: WfmReceiver,
    violations: Arc<Violations>,
}

impl House {
    fn new(settings: WfmSettings) -> Self {
        let now = "2026-03-01T12:20:00Z".parse().unwrap();
        let scenario = Scenario {
            contacts: 0,
            ..Scenario::default()
        };
        let world = Arc::new(World::new(&scenario, 1, now).unwrap());
        let calabrio = Calabrio::new(world, 1, FaultLevel::None, &Timings::default(), 0);
        Self {
            calabrio,
            wfm: WfmReceiver::new(settings, 1, None).unwrap(),
            violations: Arc::new(Violations::new(true)),
        }
    }

    fn send_with(&self, header: (&'static str, &str), path: &str, body: &Value) -> (u16, Value) {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.insert(header.0, header.1.parse().unwrap());
        let req = Inbound {
            method: Method::POST,
            path: path.to_owned(),
            query: Vec::new(),
            headers,
            body: body.to_string().into(),
            link_base: String::new(),
            root: String::new(),
            by_segment: true,
        };
        let ctx = Ctx::new(now(), Arc::clone(&self.violations), "test".to_owned());
        let answer = self.wfm.handle(&self.calabrio, &req, &ctx);
        let OutBody::Bytes(body) = &answer.body else {
            panic!("no bytes");
        };
        (answer.status, serde_json::from_slice(body).unwrap())
    }

    fn send(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send_with(("x-api-key", self.wfm.token()), path, body)
    }

    fn history(&self, rows: &[Value]) -> (u16, Value) {
        self.send("/api/rest/wfm/history/agents", &json!({"records": rows}))
    }

    fn talk(&self) -> Vec<u64> {
        let intervals = self.wfm.intervals();
        let talk = intervals.iter().map(|told| told.values["talk_time_ms"]);
        talk.collect()
    }
}

fn now() -> DateTime<Utc> {
    "2026-03-01T12:20:00Z".parse().unwrap()
}

fn row(agent: &str, start: &str, talk: u64) -> Value {
    json!({"acdServerId": 7, "acdId": agent, "serviceQueueId": QUEUE, "startTime": start, "intervalMinutes": 15,
        "loggedInTime": 900, "readyTime": 0, "notReadyTime": 0, "workTime": 0, "talkTime": talk, "wrapUpTime": 0, "holdTime": 0,
        "handled": 1, "logoutTime": 0})
}

const NOON: &str = "2026-03-01T13:00:00+01:00";

#[test]
fn an_interval_that_comes_again_replaces_the_other_or_is_added_to_it() {
    for (again, talk) in [(Again::Replaces, 7_000), (Again::Adds, 12_000)] {
        let house = House::new(WfmSettings {
            again,
            ..WfmSettings::default()
        });
        assert_eq!(house.history(&[row(AGENT, NOON, 5)]).0, 200);
        // The same moment, told with another offset.
        assert_eq!(
            house
                .history(&[row(AGENT, "2026-03-01T12:00:00+00:00", 7)])
                .0,
            200
        );
        assert_eq!(house.talk(), [talk]);
        let counts = house.wfm.counts();
        assert_eq!((counts.intervals, counts.intervals_again), (2, 1));
        let deliveries = house.wfm.deliveries();
        assert_eq!(deliveries.len(), 2);
        assert_eq!(deliveries[0].0, now());
        assert_eq!(house.violations.count(), 0);
    }
}

#[test]
fn who_shows_no_credentials_or_wrong_ones_is_turned_away() {
    let house = House::new(WfmSettings::default());
    let path = "/api/rest/wfm/history/agents";
    let body = json!({"records": [row(AGENT, NOON, 5)]});
    let basic = |password: &str| {
        let account = format!("{}:{password}", house.calabrio.user());
        format!("Basic {}", STANDARD.encode(account))
    };
    let bearer = format!("Bearer {}", house.wfm.token());
    for (header, value, status) in [
        ("accept", "*/*".to_owned(), 401),
        ("x-api-key", "guess".to_owned(), 401),
        ("authorization", basic("guess"), 401),
        ("authorization", "Bearer guess".to_owned(), 401),
        ("cookie", "hazelcast.sessionId=guess".to_owned(), 401),
        ("authorization", basic(house.calabrio.password()), 200),
        ("authorization", bearer, 200),
    ] {
        let (answered, _) = house.send_with((header, &value), path, &body);
        assert_eq!(answered, status, "{header}");
    }
    assert_eq!(house.wfm.counts().requests, 2);
}

#[test]
fn rows_that_are_refused_are_listed_or_take_all_others_with_them() {
    let rows = [
        row(AGENT, NOON, 5),
        row(OTHER, NOON, 6),
        row(AGENT, "2026-03-01T13:07:00+01:00", 7),
    ];
    let with = |refusal| {
        let house = House::new(WfmSettings {
            refusal,
            refuse: [OTHER.to_owned()].into(),
            ..WfmSettings::default()
        });
        let answered = house.history(&rows);
        (answered.0, answered.1, house.talk())
    };
    let (status, body, talk) = with(RefusalForm::Listed);
    assert_eq!((status, talk), (200, vec![5_000]));
    let places: Vec<_> = body["errors"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&places[0]["index"], &places[1]["index"]),
        (&json!(1), &json!(2))
    );

    let (status, body, talk) = with(RefusalForm::NothingStored);
    assert_eq!((status, talk), (422, vec![]));
    assert_eq!(body["errors"].as_array().unwrap().len(), 2);

    let (status, body, talk) = with(RefusalForm::Unnamed);
    assert_eq!((status, talk), (422, vec![]));
    assert_eq!(
        (&body["errors"], body["errorMessage"].is_string()),
        (&Value::Null, true)
    );
}

#[test]
fn what_has_another_shape_is_refused_and_remembered() {
    let house = House::new(WfmSettings {
        rows: 2,
        ..WfmSettings::default()
    });
    let good = row(AGENT, NOON, 5);
    let mut more = good.clone();
    more["mood"] = json!("good");
    let mut less = good.clone();
    less.as_object_mut().unwrap().remove("handled");
    for body in [
        json!([good.clone()]),
        json!({"rows": [good.clone()]}),
        json!({"records": good.clone()}),
        json!({"records": [good.clone()], "snapshot": false}),
        json!({"records": [more]}),
        json!({"records": [less]}),
        json!({"records": ["x"]}),
    ] {
        assert_eq!(
            house.send("/api/rest/wfm/history/agents", &body).0,
            400,
            "{body}"
        );
    }
    assert_eq!(house.violations.count(), 7);
    let states = json!({"records": []});
    assert_eq!(house.send("/api/rest/wfm/agentstates", &states).0, 400);
    let many = [good.clone(), good.clone(), good];
    assert_eq!(house.history(&many).0, 413);
    assert!(house.wfm.intervals().is_empty());
}

#[test]
fn states_are_kept_in_their_order_and_snapshots_counted_at_their_end() {
    let house = House::new(WfmSettings::default());
    let state = |state: &str, reason: Value, since: &str| json!({"acdServerId": 7, "acdId": AGENT, "state": state, "reasonCode": reason, "startTime": since});
    let send = |rows: Value, snapshot: bool, last: bool| {
        let body = json!({"records": rows, "snapshot": snapshot, "last": last});
        house.send("/api/rest/wfm/agentstates", &body).0
    };
    let lunch = state(
        "Not Ready",
        json!("Lunch long"),
        "2026-03-01T12:10:00+00:00",
    );
    let ready = state("Ready", Value::Null, "2026-03-01T12:19:59+00:00");
    assert_eq!(send(json!([lunch]), true, false), 200);
    assert_eq!(send(json!([ready]), true, true), 200);
    assert_eq!(send(json!([]), false, false), 200);
    let told = house.wfm.states();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].reason.as_deref(), Some("Lunch long"));
    assert_eq!(told[1].state, FloorState::Ready);
    assert_eq!(
        (told[1].since.to_rfc3339(), told[1].at),
        ("2026-03-01T12:19:59+00:00".to_owned(), now())
    );
    let counts = house.wfm.counts();
    assert_eq!((counts.states, counts.snapshots), (2, 1));
}

#[test]
fn rosters_are_kept_whatever_they_look_like() {
    let house = House::new(WfmSettings::default());
    let people = json!({"acdServerId": 7, "people": [{"acdId": AGENT, "firstName": "Ada"}]});
    assert_eq!(house.send("/api/rest/wfm/people", &people).0, 200);
    assert_eq!(
        house
            .send("/api/rest/wfm/queues", &json!([{"id": QUEUE}]))
            .0,
        200
    );
    let rows = house.wfm.rosters();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].row["firstName"], "Ada");
    assert_eq!(rows[1].from, "/api/rest/wfm/queues");
}

#[test]
fn whole_files_go_to_the_archive_and_bad_ones_to_the_penalty_box() {
    let house = House::new(WfmSettings {
        delimiter: ';',
        queue: [
            "s = acd_server",
            "q = queue",
            "d = interval_start %d.%m.%Y",
            "t = interval_start %H:%M",
            "n = offered",
        ]
        .map(str::to_owned)
        .to_vec(),
        zone: "Europe/Berlin".to_owned(),
        refuse: [OTHER.to_owned()].into(),
        ..WfmSettings::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let line = format!("7;{QUEUE};01.03.2026;13:00");
    put(
        "QueueHistory.7.1.1.csv",
        &format!("\u{feff}s;q;d;t;n\r\n{line};3\r\n"),
    );
    put("QueueHistory.7.2.1.csv", &format!("n;s;q;d;t\n4;{line}\n"));
    put(
        "QueueHistory.7.3.1.csv",
        &format!("s;q;d;t;n\n{line};3\n{line}"),
    );
    put("QueueHistory.7.4.1.csv", &format!("s;q;d;t;m\n{line};3\n"));
    put(
        "QueueHistory.7.5.1.csv",
        &format!("s;q;d;t;n\n{line};9\n{line};many\n"),
    );
    put(
        "AgentState.7.1.1.EVENT",
        &format!(
            "acdServerId;acdId;state;reasonCode;startTime\n7;{OTHER};Ready;;2026-03-01T12:00:00+00:00\n"
        ),
    );
    put(".wfm-delivery-x.part", "half");
    put("People.csv", "acdId;name\nWK1;Ada\n");
    put("later.csv", "a\n1\n");
    let taken = house
        .wfm
        .take_files(folder.path(), now(), |name| name == "later.csv");
    assert_eq!(taken.unwrap(), 7);

    let names = |place: &str| {
        let entries = fs::read_dir(folder.path().join(place)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        names(""),
        [
            ".wfm-delivery-x.part",
            "archives20260301",
            "later.csv",
            "penaltyBox"
        ]
    );
    assert_eq!(
        names("archives20260301"),
        [
            "People.csv",
            "QueueHistory.7.1.1.csv",
            "QueueHistory.7.2.1.csv"
        ]
    );
    assert_eq!(
        names("penaltyBox/2026-03-01"),
        [
            "AgentState.7.1.1.EVENT",
            "QueueHistory.7.3.1.csv",
            "QueueHistory.7.4.1.csv",
            "QueueHistory.7.5.1.csv"
        ]
    );
    // Nothing of a bad file is taken.
    let held = house.wfm.intervals();
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].values["offered"], 4);
    assert_eq!(held[0].start.to_rfc3339(), "2026-03-01T12:00:00+00:00");
    assert!(house.wfm.states().is_empty());
    assert_eq!(house.wfm.rosters()[0].row["name"], "Ada");
    let counts = house.wfm.counts();
    assert_eq!((counts.files, counts.files_refused), (3, 4));
}

#[test]
fn states_are_taken_in_the_order_of_their_files_though_one_lies_there_for_longer() {
    let house = House::new(WfmSettings::default());
    let folder = tempfile::tempdir().unwrap();
    for (number, state) in [(1, "Talking"), (2, "Ready"), (3, "Talking")] {
        let text = format!(
            "acdServerId,acdId,state,reasonCode,startTime\n7,{AGENT},{state},,2026-03-01T12:00:00+00:00\n"
        );
        let name = format!("AgentState.7.{number}.1.EVENT");
        fs::write(folder.path().join(name), text).unwrap();
    }
    let take = |left: &str| {
        let leaves = |name: &str| !left.is_empty() && name.contains(left);
        let wfm = &house.wfm;
        wfm.take_files(folder.path(), now(), leaves).unwrap()
    };
    assert_eq!([take(".7.1."), take(".7.2.")], [0, 3]);
    let told = house.wfm.states().into_iter().map(|told| told.state);
    let order = [FloorState::Talking, FloorState::Ready, FloorState::Talking];
    assert_eq!(told.collect::<Vec<_>>(), order);
}
