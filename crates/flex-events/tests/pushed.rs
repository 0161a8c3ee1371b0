//! What Twilio pushes, as it sends it and as it sends it on a bad day.
#![allow(clippy::unwrap_used, reason = "a test may end here")]

use chrono::{DateTime, Utc};
use flex_events::{
    EventError, EventType, FlexEvent, FormBody, Member, ParticipantChange, Pushed,
    ReservationStatus, TaskStatus, Topic, WireForm, form_member, json_members,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const CLOUD_EVENTS: &str = include_str!("../../../fixtures/flex-events/cloud-events.json");
const SINK_TEST: &str = include_str!("../../../fixtures/flex-events/sink-test.json");
const WORKER_CHANGE: &str = include_str!("../../../fixtures/flex-events/worker-change.json");
const TASKROUTER_FORM: &[u8] =
    include_bytes!("../../../fixtures/flex-events/taskrouter-callback.form");
const CONFERENCE_FORM: &[u8] =
    include_bytes!("../../../fixtures/flex-events/conference-callback.form");

fn cloud_events() -> Vec<Value> {
    serde_json::from_str(CLOUD_EVENTS).unwrap()
}

fn with(mut item: Value, pointer: &str, value: Value) -> Value {
    let place = item.pointer_mut(pointer);
    *place.unwrap_or_else(|| panic!("the sample has no {pointer}")) = value;
    item
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn read_cloud(item: &Value) -> Result<Pushed, EventError> {
    Pushed::read(WireForm::CloudEvent, item.to_string().as_bytes())
}

fn only(body: &str) -> Result<Member<'_>, EventError> {
    let mut members = json_members(body.as_bytes()).unwrap();
    assert_eq!(members.len(), 1);
    members.remove(0)
}

fn task_router(pushed: Pushed) -> FlexEvent {
    match pushed {
        Pushed::TaskRouter(event) => *event,
        other => panic!("{other:?}"),
    }
}

fn read_form(body: &[u8]) -> Pushed {
    let member = form_member(&FormBody::parse(body)).unwrap();
    let pushed = Pushed::read(member.form, &member.json).unwrap();
    assert_eq!(pushed.id(), member.id);
    assert_eq!(pushed.account(), member.account);
    assert_eq!(pushed.workspace(), member.workspace);
    pushed
}

#[test]
fn a_body_of_event_streams_tells_whose_each_member_is() {
    let members: Vec<_> = json_members(CLOUD_EVENTS.as_bytes())
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let topics: Vec<_> = members.iter().map(|member| member.topic.clone()).collect();
    assert_eq!(
        topics,
        [
            Topic::TaskRouter,
            Topic::TaskRouter,
            Topic::Conference,
            Topic::Unread
        ]
    );
    assert_eq!(members[0].id, "EV00000000000000000000000000000011");
    assert_eq!(
        members[2].id,
        "CF00000000000000000000000000000001/5/participant-hold/CA00000000000000000000000000000001"
    );
    assert_eq!(members[0].kind, "com.twilio.taskrouter.reservation.wrapup");
    assert_eq!(members[0].at, Some(at("2026-03-02T10:14:30.250Z")));
    for member in &members[..3] {
        assert_eq!(
            member.account.unwrap().as_str(),
            "AC00000000000000000000000000000001"
        );
    }
    assert_eq!(
        members[1].workspace.unwrap().as_str(),
        "WS00000000000000000000000000000001"
    );
    assert_eq!(members[2].workspace, None);
    for (member, event) in members.iter().zip(cloud_events()) {
        let json: Value = serde_json::from_slice(&member.json).unwrap();
        assert_eq!(json, event);
    }
}

#[test]
fn a_cloud_event_has_all_the_facts_and_the_type_of_its_envelope() {
    let event = task_router(read_cloud(&cloud_events()[0]).unwrap());
    assert_eq!(event.sid.as_str(), "EV00000000000000000000000000000011");
    // Its `eventtype` says reservation.created, as Twilio's examples do for every event.
    assert_eq!(event.event_type, EventType::ReservationWrapup);
    assert_eq!(event.at, at("2026-03-02T10:14:30.250Z"));
    assert_eq!(event.ignored, Vec::<&str>::new());
    let resource = event.resource.unwrap();
    assert_eq!(resource.kind.as_deref(), Some("reservation"));
    let task = event.task.unwrap();
    assert_eq!((task.version, task.age_seconds), (Some(4), Some(215)));
    assert_eq!(task.status, Some(TaskStatus::Wrapping));
    assert_eq!(task.created_at, Some(at("2026-03-02T10:10:55Z")));
    assert_eq!(task.channel_unique_name.as_deref(), Some("voice"));
    assert_eq!(
        task.attributes.unwrap().parse().unwrap()["direction"],
        "inbound"
    );
    let reservation = event.reservation.unwrap();
    assert_eq!(reservation.version, Some(2));
    assert_eq!(reservation.status, Some(ReservationStatus::Wrapping));

    let event = task_router(read_cloud(&cloud_events()[1]).unwrap());
    assert_eq!(event.event_type, EventType::WorkerActivityUpdate);
    let worker = event.worker.unwrap();
    assert_eq!(worker.previous_activity_ms, Some(26_123));
    assert_eq!(worker.version, Some(12));
}

#[test]
fn a_callback_of_the_workspace_tells_the_same_as_its_cloud_event() {
    let called = task_router(read_form(TASKROUTER_FORM));
    let streamed = task_router(read_cloud(&cloud_events()[0]).unwrap());
    assert_eq!(called, streamed);
}

#[test]
fn hold_is_read_from_the_name_of_the_event_in_both_forms_under_one_id() {
    let Pushed::Participant(called) = read_form(CONFERENCE_FORM) else {
        panic!("no participant");
    };
    let Pushed::Participant(streamed) = read_cloud(&cloud_events()[2]).unwrap() else {
        panic!("no participant");
    };
    // The flag beside it says Hold=false.
    assert_eq!(streamed.change, ParticipantChange::Hold);
    assert_eq!(
        streamed.task().unwrap().as_str(),
        "WT00000000000000000000000000000001"
    );
    assert_eq!(streamed.label.as_deref(), Some("customer"));
    assert_eq!(streamed.sequence, Some(5));
    assert_eq!(streamed.at, at("2026-03-02T10:12:30.417Z"));
    // A callback knows whole seconds alone.
    assert_eq!(called.at, at("2026-03-02T10:12:30Z"));
    assert_eq!(called.id, streamed.id);
    assert_eq!(
        flex_events::ParticipantEvent {
            at: streamed.at,
            ..called
        },
        streamed
    );
}

#[test]
fn the_finer_time_counts_only_where_it_is_the_same_moment() {
    let late = with(
        cloud_events()[2].clone(),
        "/data/timestamp",
        json!("2026-03-02T10:12:39.417Z"),
    );
    assert_eq!(
        read_cloud(&late).unwrap().at(),
        Some(at("2026-03-02T10:12:30Z"))
    );
    let parameters = "/data/request/parameters/Timestamp";
    let untimed = with(late, parameters, Value::Null);
    assert_eq!(
        read_cloud(&untimed).unwrap().at(),
        Some(at("2026-03-02T10:12:39.417Z"))
    );
}

#[test]
fn every_change_of_a_conference_that_matters_is_known_and_the_rest_is_unread() {
    for (name, change) in [
        ("conference-start", Some(ParticipantChange::ConferenceStart)),
        ("conference-end", Some(ParticipantChange::ConferenceEnd)),
        ("participant-join", Some(ParticipantChange::Join)),
        ("participant-leave", Some(ParticipantChange::Leave)),
        ("participant-hold", Some(ParticipantChange::Hold)),
        ("participant-unhold", Some(ParticipantChange::Unhold)),
        ("participant-mute", Some(ParticipantChange::Mute)),
        ("Participant-Unmute", Some(ParticipantChange::Unmute)),
        ("participant-speech-start", None),
        ("announcement-end", None),
    ] {
        let pointer = "/data/request/parameters/StatusCallbackEvent";
        let item = with(cloud_events()[2].clone(), pointer, json!(name));
        match (read_cloud(&item).unwrap(), change) {
            (Pushed::Participant(event), Some(change)) => {
                assert_eq!(event.change, change);
                assert_eq!(event.call.is_none(), change.is_of_conference());
            }
            (Pushed::Other { .. }, None) => {}
            (other, _) => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_callback_without_a_number_is_told_apart_by_its_second() {
    let body = String::from_utf8(CONFERENCE_FORM.to_vec()).unwrap();
    let body = body.replace("SequenceNumber=5", "SequenceNumber=");
    assert_eq!(
        read_form(body.as_bytes()).id(),
        "CF00000000000000000000000000000001/t1772446350/participant-hold/CA00000000000000000000000000000001"
    );
    let untold = body.replace("Timestamp=Mon", "Timestamp=&X=");
    let error = form_member(&FormBody::parse(untold.as_bytes())).unwrap_err();
    assert_eq!(error.field(), Some("SequenceNumber"));
}

#[test]
fn the_event_that_tries_a_sink_is_known_with_its_id_in_both_shapes() {
    let as_string = SINK_TEST.replace(
        r#"{
      "test_id": "95001c1e-5b8e-45f5-830d-f9cbf1d16420"
    }"#,
        r#""{\"test_id\":\"95001c1e-5b8e-45f5-830d-f9cbf1d16420\"}""#,
    );
    assert_ne!(as_string, SINK_TEST);
    for body in [SINK_TEST, &as_string] {
        assert_eq!(
            only(body).unwrap().topic,
            Topic::SinkTest {
                test_id: Some("95001c1e-5b8e-45f5-830d-f9cbf1d16420".to_owned())
            }
        );
    }
}

#[test]
fn data_and_payload_inside_strings_read_the_same() {
    let plain = cloud_events()[0].clone();
    let payload = plain["data"]["payload"].to_string();
    let packed = with(plain.clone(), "/data/payload", json!(payload));
    let data = packed["data"].to_string();
    let both = with(packed.clone(), "/data", json!(data));
    for item in [packed, both] {
        assert_eq!(read_cloud(&item), read_cloud(&plain));
        let (text, plain) = (item.to_string(), plain.to_string());
        let (packed, plain) = (only(&text).unwrap(), only(&plain).unwrap());
        assert_eq!(
            (packed.id, packed.account, packed.workspace, packed.at),
            (plain.id, plain.account, plain.workspace, plain.at)
        );
    }
}

#[test]
fn a_broken_member_leaves_its_neighbours_whole() {
    let events = cloud_events();
    for broken in [
        "{\"type\": oops}",
        "{\"type\":\"com.twilio.taskrouter.task.created\",\"data\":[}",
        "7",
        "null",
        "\"text\"",
        "",
        "{\"id\":\"EZ1\"}",
        "{\"type\":\"com.twilio.taskrouter.task.created\",\"id\":\"EZ1\",\"data\":{}}",
    ] {
        let body = format!("[{},{broken},{}]", events[0], events[1]);
        let members = json_members(body.as_bytes()).unwrap();
        assert_eq!(members.len(), 3, "{broken}");
        assert!(members[0].is_ok() && members[2].is_ok(), "{broken}");
        assert!(members[1].is_err(), "{broken}");
    }
}

#[test]
fn a_member_that_contradicts_itself_about_whose_it_is_is_refused() {
    let other = json!("AC00000000000000000000000000000009");
    for pointer in ["/data/account_sid", "/data/payload/account_sid"] {
        let text = with(cloud_events()[0].clone(), pointer, other.clone()).to_string();
        let error = only(&text).unwrap_err();
        assert_eq!(error.field(), Some("data.payload.account_sid"));
    }
    let text = with(cloud_events()[0].clone(), "/data/account_sid", json!("AC1")).to_string();
    let error = only(&text).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a pushed event (cloud-event), `data.account_sid`: expected a SID of the right kind"
    );
    assert_eq!(
        (error.event(), error.field()),
        (None, Some("data.account_sid"))
    );
    // A key that stands twice is read differently by different readers.
    let twice = r#"{"type":"com.twilio.x","id":"a","data":{"account_sid":"AC00000000000000000000000000000001","account_sid":"x"}}"#;
    assert!(matches!(only(twice), Err(EventError::NotJson { .. })));
}

#[test]
fn names_that_cannot_stand_in_a_log_are_refused() {
    let long = "x".repeat(201);
    for name in [
        json!("a b"),
        json!("a\nb"),
        json!("é"),
        json!(long),
        json!(null),
    ] {
        let text = with(cloud_events()[3].clone(), "/type", name).to_string();
        assert_eq!(only(&text).unwrap_err().field(), Some("type"));
    }
}

#[test]
fn what_is_no_event_at_all_says_so() {
    assert!(matches!(
        json_members(b"{\"a\":"),
        Err(EventError::NotJson { .. })
    ));
    assert_eq!(
        json_members(b"{\"a\":\"\xff\"}").unwrap_err(),
        EventError::NotUtf8 { position: 6 }
    );
    let error = form_member(&FormBody::parse(b"a=b")).unwrap_err();
    assert_eq!(error, EventError::UnknownForm);
    assert!(error.to_string().starts_with("this is no event"));
    assert_eq!((error.event(), error.field()), (None, None));
    let error = json_members(br#"{"object":"WFMWorkerChange","records":{}}"#).unwrap_err();
    assert_eq!(error.field(), Some("records"));
    assert_eq!(
        "carrier-pigeon".parse::<WireForm>(),
        Err(EventError::UnknownForm)
    );
    for form in WireForm::ALL {
        assert_eq!(form.to_string().parse(), Ok(form));
    }
}

#[test]
fn a_single_cloud_event_and_a_byte_order_mark_are_taken() {
    let text = format!("\u{feff} {}", cloud_events()[0]);
    assert_eq!(only(&text).unwrap().topic, Topic::TaskRouter);
    let array = format!("\u{feff}[{}]", cloud_events()[0]);
    assert_eq!(only(&array).unwrap().topic, Topic::TaskRouter);
}

#[test]
fn half_an_emoji_in_the_attributes_does_not_cost_the_event() {
    let text = cloud_events()[0].to_string();
    let cut = text.replace("inbound", r"in\ud83dbound");
    assert!(serde_json::from_str::<Value>(&cut).is_err());
    let member = only(&cut).unwrap();
    let event = task_router(Pushed::read(member.form, &member.json).unwrap());
    let attributes = event.task.unwrap().attributes.unwrap();
    assert_eq!(attributes.parse().unwrap()["direction"], "in\u{fffd}bound");
}

#[test]
fn a_snapshot_tells_an_agents_channels_and_reservations() {
    let members: Vec<_> = json_members(WORKER_CHANGE.as_bytes())
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(members.len(), 2);
    assert_ne!(members[0].id, members[1].id);
    assert_eq!(members[0].kind, "WFMWorkerChange");
    let read = |member: &Member<'_>| match Pushed::read(member.form, &member.json).unwrap() {
        Pushed::Worker(snapshot) => {
            assert_eq!(snapshot.id, member.id);
            assert_eq!(snapshot.as_of, member.at);
            snapshot
        }
        other => panic!("{other:?}"),
    };
    let busy = read(&members[0]);
    assert_eq!(busy.worker.as_str(), "WK00000000000000000000000000000001");
    assert_eq!(busy.activity_name.as_deref(), Some("Available"));
    assert_eq!(busy.activity_since, Some(at("2026-03-02T11:06:10.268Z")));
    assert_eq!(busy.ignored, Vec::<&str>::new());
    let [voice, chat] = &busy.channels[..] else {
        panic!("{:?}", busy.channels);
    };
    assert_eq!(voice.name.as_deref(), Some("voice"));
    assert_eq!((voice.available, voice.capacity), (Some(true), Some(1)));
    // The samples say `created`, which no list of states has.
    assert_eq!(
        voice.reservations[0].status,
        Some(ReservationStatus::Pending)
    );
    assert_eq!(
        voice.reservations[0].task_status,
        Some(TaskStatus::Reserved)
    );
    assert_eq!(chat.available, Some(false));
    assert!(chat.reservations.is_empty());

    let idle = read(&members[1]);
    assert!(idle.channels.is_empty());
}

#[test]
fn a_snapshot_of_an_agent_not_seen_yet_is_nearly_empty_and_a_broken_one_says_where() {
    let record = json!({"account_sid": null, "worker": {"sid": "WK00000000000000000000000000000001"}, "channels": null});
    let read = |record: &Value| Pushed::read(WireForm::WorkerChange, record.to_string().as_bytes());
    let Pushed::Worker(snapshot) = read(&record).unwrap() else {
        panic!("no snapshot");
    };
    assert_eq!((snapshot.account, snapshot.activity_sid), (None, None));

    let record = json!({"worker": {"sid": "WK00000000000000000000000000000001", "activity_sid": "?"},
        "channels": [7, {"capacity": "many", "reservations": [{"sid": "no"}, {"sid": "WR00000000000000000000000000000001", "status": "pondering"}]}]});
    let Pushed::Worker(snapshot) = read(&record).unwrap() else {
        panic!("no snapshot");
    };
    assert_eq!(
        snapshot.ignored,
        ["channels", "activity_sid", "capacity", "sid"]
    );
    assert_eq!(snapshot.channels[0].reservations.len(), 1);
    assert_eq!(snapshot.channels[0].reservations[0].status, None);

    assert_eq!(
        read(&json!({"worker": {}})).unwrap_err().field(),
        Some("worker.sid")
    );
    assert!(read(&json!([])).is_err());
}

#[test]
fn nothing_that_is_printed_shows_a_customer_or_an_agent() {
    let mut printed: Vec<_> = cloud_events()
        .iter()
        .map(|event| format!("{:?}", read_cloud(event)))
        .collect();
    printed.push(format!("{:?}", json_members(CLOUD_EVENTS.as_bytes())));
    printed.push(format!("{:?}", read_form(CONFERENCE_FORM)));
    printed.push(format!("{:?}", FormBody::parse(TASKROUTER_FORM)));
    let printed = printed.concat();
    for private in ["kim@", "Kim", "inbound", "customer"] {
        assert!(!printed.contains(private), "{private}: {printed}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!("EV00000000000000000000000000000001")),
        Just(json!("com.twilio.taskrouter.task.created")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("type|id|data|payload|[a-z_]{1,6}", inner, 0..4)
                .prop_map(|map| json!(map)),
        ]
    })
}

/// Every object key of the sample, as a path.
fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    if let Value::Object(map) = value {
        for (key, value) in map {
            let pointer = format!("{at}/{key}");
            pointers(value, &pointer, out);
            out.push(pointer);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for member in json_members(&bytes).into_iter().flatten().flatten() {
            let _ = Pushed::read(member.form, &member.json);
        }
        let _ = form_member(&FormBody::parse(&bytes));
        for form in WireForm::ALL {
            let _ = Pushed::read(form, &bytes);
        }
    }

    #[test]
    fn any_json_is_read_or_refused_in_every_form(value in any_json()) {
        let text = value.to_string();
        for form in WireForm::ALL {
            let _ = Pushed::read(form, text.as_bytes());
        }
        let _ = json_members(text.as_bytes());
    }

    #[test]
    fn whatever_stands_in_one_field_what_is_kept_can_be_read_under_the_same_id(
        event in 0..3_usize,
        pick in any::<prop::sample::Index>(),
        value in any_json(),
    ) {
        let sample = cloud_events()[event].clone();
        let mut places = Vec::new();
        pointers(&sample, "", &mut places);
        let item = with(sample, pick.get::<String>(&places), value);
        let text = item.to_string();
        if let Ok(member) = only(&text) {
            match Pushed::read(member.form, &member.json) {
                Ok(pushed) => {
                    prop_assert_eq!(pushed.id(), member.id);
                    if !matches!(member.topic, Topic::SinkTest { .. } | Topic::Unread) {
                        prop_assert_eq!(pushed.workspace(), member.workspace);
                    }
                }
                Err(error) => prop_assert!(error.field().is_some(), "{}", error),
            }
        }
    }

    #[test]
    fn any_form_is_read_or_refused(fields in prop::collection::vec(("Sid|EventType|StatusCallbackEvent|ConferenceSid|CallSid|Timestamp|AccountSid", ".{0,36}"), 0..8)) {
        let body = fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        if let Ok(member) = form_member(&FormBody::parse(body.as_bytes())) {
            let _ = Pushed::read(member.form, &member.json);
        }
    }
}
