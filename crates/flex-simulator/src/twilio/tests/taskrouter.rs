//! Tasks, reservations and events.

use super::*;

#[test]
fn events_are_those_of_the_window_and_the_filters() {
    let client = Client::new(shared());
    let leg = &shared().expected()[0];
    let day = "StartDate=2026-03-01T11:00:00Z&EndDate=2026-03-01T12:01:00Z&PageSize=1000";
    let of = |query: &str| {
        client.router(&format!("Events?{day}&{query}"))["events"]
            .as_array()
            .unwrap()
            .clone()
    };
    let types: Vec<String> = of(&format!("ReservationSid={}", leg.leg))
        .iter()
        .map(|event| event["event_type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        types,
        [
            "reservation.completed",
            "reservation.wrapup",
            "reservation.accepted",
            "reservation.created"
        ],
        "newest first"
    );
    let task = of(&format!("TaskSid={}", leg.task));
    assert!(
        task.iter()
            .all(|event| event["event_data"]["task_sid"] == leg.task.as_str())
    );
    assert!(task.len() > 10);
    assert!(task.iter().all(|event| {
        event["event_data"]
            .as_object()
            .unwrap()
            .values()
            .all(Value::is_string)
    }));
    assert!(of("EventType=task.created").len() >= 30);
    let narrow = client
        .router("Events?StartDate=2026-03-01T11:55:00Z&EndDate=2026-03-01T11:55:30Z&PageSize=1000");
    for event in narrow["events"].as_array().unwrap() {
        let at = event["event_date"].as_str().unwrap();
        assert!(("2026-03-01T11:55:00Z"..="2026-03-01T11:55:30Z").contains(&at));
    }
    assert!(
        client.router("Events?Minutes=1")["events"]
            .as_array()
            .unwrap()
            .len()
            < task.len() * 10
    );
}

#[test]
fn events_older_than_thirty_days_are_refused() {
    let client = Client::new(shared());
    for query in ["StartDate=2026-01-29T11:00:00Z", "Minutes=43201"] {
        assert_eq!(
            client
                .refused(
                    TwilioHost::TaskRouter,
                    &client.workspace(&format!("Events?{query}"))
                )
                .0,
            400
        );
    }
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn a_task_vanishes_and_its_events_remain() {
    let client = Client::new(shared());
    let leg = shared()
        .expected()
        .iter()
        .find(|leg| leg.kind == Kind::VanishedTask)
        .unwrap();
    for path in [
        format!("Tasks/{}", leg.task),
        format!("Tasks/{}/Reservations", leg.task),
    ] {
        assert_eq!(
            client
                .refused(TwilioHost::TaskRouter, &client.workspace(&path))
                .0,
            404
        );
    }
    let events = client.router(&format!(
        "Events?StartDate=2026-03-01T11:00:00Z&TaskSid={}",
        leg.task
    ));
    assert!(events["events"].as_array().unwrap().len() > 10);
}

#[test]
fn a_list_may_leave_attributes_out_that_a_fetch_tells() {
    let client = Client::new(shared());
    let list = client.router("Tasks?PageSize=1000");
    let tasks = list["tasks"].as_array().unwrap();
    let left_out = tasks
        .iter()
        .find(|task| task["attributes"].is_null())
        .unwrap();
    let alone = client.router(&format!("Tasks/{}", left_out["sid"].as_str().unwrap()));
    let attributes: Value = serde_json::from_str(alone["attributes"].as_str().unwrap()).unwrap();
    assert!(attributes.is_object());
    assert!(tasks.iter().any(|task| task["attributes"].is_string()));
}

#[test]
fn a_live_call_shows_itself_step_by_step() {
    let scenario = Scenario {
        contacts: 1,
        live_contacts: 1,
        live_ms: Span::new(4_000, 4_000),
        audio_ms: Span::new(3_000, 3_000),
        event_lag_ms: Span::new(0, 0),
        ..Scenario::default()
    };
    let world = World::new(&scenario, 5, start()).unwrap();
    let mut client = Client::new(&world);
    let leg = &world.expected()[0];
    client.now = leg.accepted_at + TimeDelta::milliseconds(10);
    assert_eq!(
        client.router(&format!("Tasks/{}", leg.task))["assignment_status"],
        "assigned"
    );
    let reservations = client.router(&format!("Tasks/{}/Reservations", leg.task));
    assert_eq!(
        reservations["reservations"][0]["reservation_status"],
        "accepted"
    );
    let count = |client: &Client<'_>| {
        client.router("Events?EventType=reservation.wrapup")["events"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count(&client), 0);
    client.now = leg.ended_at + TimeDelta::milliseconds(10);
    assert_eq!(count(&client), 1);
    assert_eq!(
        client.router(&format!("Tasks/{}", leg.task))["assignment_status"],
        "wrapping"
    );
    client.now = world.settles() + TimeDelta::seconds(1);
    assert_eq!(
        client.router(&format!("Tasks/{}", leg.task))["assignment_status"],
        "completed"
    );
}
