//! The Events API's form, as Twilio sends it and as it sends it on a bad day.
#![allow(clippy::unwrap_used, reason = "a test may end here")]

use chrono::{TimeZone, Utc};
use flex_events::{EventError, EventType, FlexEvent, ReservationStatus, TaskStatus, parse_each};
use proptest::prelude::*;
use serde_json::{Value, json};

fn page() -> Value {
    serde_json::from_str(include_str!("../../../fixtures/flex-events/page.json")).unwrap()
}

fn accepted() -> Value {
    page()["events"][0].clone()
}

fn with(mut item: Value, pointer: &str, value: Value) -> Value {
    *item
        .pointer_mut(pointer)
        .unwrap_or_else(|| panic!("the sample has no {pointer}")) = value;
    item
}

#[test]
fn a_whole_event_is_read_with_all_its_facts() {
    let event = FlexEvent::from_events_api(&accepted()).unwrap();
    assert_eq!(event.sid.as_str(), "EV00000000000000000000000000000001");
    assert_eq!(event.event_type, EventType::ReservationAccepted);
    assert_eq!(
        event.at,
        Utc.timestamp_millis_opt(1_772_446_272_345).unwrap()
    );
    assert_eq!(
        event.account.unwrap().as_str(),
        "AC00000000000000000000000000000001"
    );
    assert_eq!(
        event.workspace.unwrap().as_str(),
        "WS00000000000000000000000000000001"
    );
    assert_eq!(event.ignored, Vec::<&str>::new());

    let resource = event.resource.unwrap();
    assert_eq!(resource.kind.as_deref(), Some("reservation"));
    assert_eq!(resource.sid, "WR00000000000000000000000000000001");

    let task = event.task.unwrap();
    assert_eq!(task.sid.as_str(), "WT00000000000000000000000000000001");
    assert_eq!(task.version, Some(3));
    assert_eq!(task.status, Some(TaskStatus::Assigned));
    assert_eq!(task.age_seconds, Some(17));
    assert_eq!(task.priority, Some(0));
    assert_eq!(
        task.created_at,
        Some(Utc.with_ymd_and_hms(2026, 3, 2, 10, 10, 55).unwrap())
    );
    assert_eq!(
        task.queue_sid.unwrap().as_str(),
        "WQ00000000000000000000000000000001"
    );
    assert_eq!(task.queue_name.as_deref(), Some("Billing"));
    assert_eq!(
        task.workflow_sid.unwrap().as_str(),
        "WW00000000000000000000000000000001"
    );
    assert_eq!(
        task.channel_sid.unwrap().as_str(),
        "TC00000000000000000000000000000001"
    );
    assert_eq!(task.channel_unique_name.as_deref(), Some("voice"));
    assert_eq!(
        task.attributes.unwrap().parse().unwrap()["direction"],
        "inbound"
    );

    let reservation = event.reservation.unwrap();
    assert_eq!(
        reservation.sid.as_str(),
        "WR00000000000000000000000000000001"
    );
    assert_eq!(reservation.version, Some(1));
    assert_eq!(reservation.status, Some(ReservationStatus::Accepted));

    let worker = event.worker.unwrap();
    assert_eq!(worker.sid.as_str(), "WK00000000000000000000000000000001");
    assert_eq!(worker.name.as_deref(), Some("kim@example.com"));
    assert_eq!(worker.version, Some(12));
    assert_eq!(worker.activity_name.as_deref(), Some("Available"));
    assert_eq!(
        worker.attributes.unwrap().as_str(),
        "{\"full_name\":\"Kim Example\"}"
    );
}

#[test]
fn a_broken_event_does_not_lose_its_neighbours() {
    let page = page();
    let read: Vec<_> = parse_each(page["events"].as_array().unwrap()).collect();
    assert!(read[0].is_ok());
    let error = read[1].as_ref().unwrap_err();
    assert_eq!(
        error.event().unwrap().as_str(),
        "EV00000000000000000000000000000002"
    );
    assert_eq!(error.field(), Some("event_data.reservation_sid"));
    let third = read[2].as_ref().unwrap();
    assert_eq!(third.event_type, EventType::WorkerActivityUpdate);
    assert_eq!(
        third.at,
        Utc.with_ymd_and_hms(2026, 3, 2, 10, 15, 41).unwrap()
    );
    assert_eq!(
        third.worker.as_ref().unwrap().previous_activity_ms,
        Some(26_123)
    );
}

#[test]
fn numbers_and_strings_read_the_same() {
    let as_numbers = with(accepted(), "/event_data/task_version", json!(3));
    let as_numbers = with(as_numbers, "/event_data/reservation_version", json!(1));
    let as_numbers = with(as_numbers, "/event_date_ms", json!("1772446272345"));
    assert_eq!(
        FlexEvent::from_events_api(&as_numbers),
        FlexEvent::from_events_api(&accepted())
    );
}

#[test]
fn event_data_inside_a_string_reads_the_same() {
    let text = accepted()["event_data"].to_string();
    let packed = with(accepted(), "/event_data", json!(text));
    assert_eq!(
        FlexEvent::from_events_api(&packed),
        FlexEvent::from_events_api(&accepted())
    );
}

#[test]
fn attributes_that_are_an_object_become_their_text() {
    let item = with(accepted(), "/event_data/task_attributes", json!({"a": 1}));
    let task = FlexEvent::from_events_api(&item).unwrap().task.unwrap();
    assert_eq!(task.attributes.unwrap().as_str(), r#"{"a":1}"#);
}

#[test]
fn attributes_that_are_not_json_are_kept_and_their_error_shows_nothing_of_them() {
    let item = with(
        accepted(),
        "/event_data/task_attributes",
        json!("{\"card\": 4111 1111}"),
    );
    let event = FlexEvent::from_events_api(&item).unwrap();
    let attributes = event.task.as_ref().unwrap().attributes.as_ref().unwrap();
    let error = attributes.parse().unwrap_err();
    assert_eq!((error.line, error.column), (1, 15));
    assert!(!error.to_string().contains("4111"));
    assert!(!format!("{event:?}").contains("4111"));
}

#[test]
fn debug_shows_no_name_and_no_attribute() {
    let printed = format!("{:?}", FlexEvent::from_events_api(&accepted()).unwrap());
    assert!(
        !printed.contains("kim@") && !printed.contains("Kim") && !printed.contains("inbound"),
        "{printed}"
    );
}

#[test]
fn null_and_empty_are_absent() {
    for nothing in [Value::Null, json!(""), json!("  ")] {
        let item = with(accepted(), "/event_data/task_queue_sid", nothing.clone());
        let item = with(item, "/event_data/task_version", nothing.clone());
        let item = with(item, "/event_data/worker_sid", nothing);
        let event = FlexEvent::from_events_api(&item).unwrap();
        let task = event.task.unwrap();
        assert_eq!((task.queue_sid, task.version), (None, None));
        assert_eq!(event.worker, None);
        assert!(event.ignored.is_empty());
    }
}

#[test]
fn a_value_that_only_describes_may_be_broken() {
    let item = with(accepted(), "/event_data/task_queue_sid", json!("WQ?"));
    let item = with(item, "/event_data/task_version", json!("three"));
    let item = with(
        item,
        "/event_data/task_queue_name",
        json!({"name": "Billing"}),
    );
    let event = FlexEvent::from_events_api(&item).unwrap();
    assert_eq!(
        event.ignored,
        [
            "event_data.task_version",
            "event_data.task_queue_sid",
            "event_data.task_queue_name"
        ]
    );
    assert_eq!(event.task.unwrap().queue_sid, None);
}

#[test]
fn the_reservation_may_stand_in_the_resource_alone() {
    let mut item = accepted();
    item["event_data"]
        .as_object_mut()
        .unwrap()
        .remove("reservation_sid");
    let event = FlexEvent::from_events_api(&item).unwrap();
    assert_eq!(
        event.reservation.unwrap().sid.as_str(),
        "WR00000000000000000000000000000001"
    );
}

#[test]
fn a_task_event_with_null_data_has_its_task_from_the_resource() {
    let item = json!({
        "sid": "EV00000000000000000000000000000009",
        "event_type": "task.completed",
        "event_date_ms": 1_772_446_272_345_i64,
        "event_data": null,
        "resource_sid": "WT00000000000000000000000000000001",
    });
    let event = FlexEvent::from_events_api(&item).unwrap();
    assert!(event.event_type.ends_task());
    assert_eq!(event.task.unwrap().attributes, None);
    assert_eq!(
        (event.reservation, event.worker, event.account),
        (None, None, None)
    );
}

#[test]
fn milliseconds_that_are_no_time_give_way_to_the_date() {
    for nonsense in [json!("soon"), json!(i64::MAX), json!({})] {
        let event =
            FlexEvent::from_events_api(&with(accepted(), "/event_date_ms", nonsense)).unwrap();
        assert_eq!(
            event.at,
            Utc.with_ymd_and_hms(2026, 3, 2, 10, 11, 12).unwrap()
        );
        assert_eq!(event.ignored, ["event_date_ms"]);
    }
}

#[test]
fn an_item_that_is_no_object_is_named_as_what_it_is() {
    let error = FlexEvent::from_events_api(&json!([1])).unwrap_err();
    assert_eq!(error, EventError::NotAnObject { found: "an array" });
    assert_eq!((error.event(), error.field()), (None, None));
}

#[test]
fn an_event_without_a_usable_sid_says_so() {
    let error = FlexEvent::from_events_api(&with(accepted(), "/sid", Value::Null)).unwrap_err();
    assert!(matches!(error, EventError::Unidentified { .. }));
    assert_eq!(
        error.to_string(),
        "an event has no usable `sid`: an event SID is missing: expected \"EV\" and 32 hexadecimal digits"
    );
}

#[test]
fn an_event_without_type_time_or_subject_names_the_field() {
    let missing = |pointer: &str| {
        FlexEvent::from_events_api(&with(accepted(), pointer, Value::Null)).unwrap_err()
    };
    assert_eq!(missing("/event_type").field(), Some("event_type"));

    let timeless = with(
        with(accepted(), "/event_date_ms", Value::Null),
        "/event_date",
        Value::Null,
    );
    let error = FlexEvent::from_events_api(&timeless).unwrap_err();
    assert!(
        matches!(
            error,
            EventError::Missing {
                field: "event_date_ms",
                ..
            }
        ),
        "{error}"
    );

    let nobody = with(
        with(accepted(), "/resource_sid", Value::Null),
        "/event_data/reservation_sid",
        Value::Null,
    );
    let error = FlexEvent::from_events_api(&nobody).unwrap_err();
    assert_eq!(
        error.to_string(),
        "event EV00000000000000000000000000000001 has no `event_data.reservation_sid`; fetch it by its SID to see what Twilio holds"
    );
}

#[test]
fn a_deciding_sid_of_the_wrong_kind_is_an_error_that_names_it() {
    let item = with(
        accepted(),
        "/event_data/task_sid",
        json!("WR00000000000000000000000000000001"),
    );
    let error = FlexEvent::from_events_api(&item).unwrap_err();
    assert!(matches!(
        error,
        EventError::Sid {
            field: "event_data.task_sid",
            ..
        }
    ));
    assert!(
        error.to_string().contains("that is a reservation SID"),
        "{error}"
    );
}

#[test]
fn a_field_of_the_wrong_shape_is_malformed() {
    for (pointer, value, field) in [
        ("/event_data", json!([]), "event_data"),
        ("/event_data", json!("not json"), "event_data"),
        ("/account_sid", json!(7), "account_sid"),
    ] {
        let error = FlexEvent::from_events_api(&with(accepted(), pointer, value)).unwrap_err();
        assert!(matches!(error, EventError::Malformed { .. }), "{error}");
        assert_eq!(error.field(), Some(field));
    }
    let undated = with(
        with(accepted(), "/event_date_ms", Value::Null),
        "/event_date",
        json!("yesterday"),
    );
    assert_eq!(
        FlexEvent::from_events_api(&undated).unwrap_err().field(),
        Some("event_date")
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!("WR00000000000000000000000000000001")),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,12}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_stands_in_one_field_nothing_panics_and_every_error_names_the_event(
        pick in any::<prop::sample::Index>(),
        inside in any::<bool>(),
        value in any_json(),
    ) {
        let mut item = accepted();
        let map = if inside { &mut item["event_data"] } else { &mut item }.as_object_mut().unwrap();
        let key = map.keys().nth(pick.index(map.len())).unwrap().clone();
        map.insert(key.clone(), value);
        match FlexEvent::from_events_api(&item) {
            Ok(event) => prop_assert_eq!(event.sid.as_str(), "EV00000000000000000000000000000001"),
            Err(error) => {
                prop_assert!(error.field().is_some_and(|field| field.ends_with(&key)), "{}: {}", key, error);
                prop_assert!(key == "sid" || error.event().is_some());
            }
        }
    }

    #[test]
    fn any_json_at_all_is_read_or_refused(value in any_json()) {
        if let Ok(event) = FlexEvent::from_events_api(&value) {
            prop_assert!(value["sid"] == event.sid.as_str());
        }
    }
}
