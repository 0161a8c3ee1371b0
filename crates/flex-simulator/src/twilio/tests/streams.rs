//! Event Streams as it is set up.

use super::*;
use crate::scenario::Push;

fn world(push: Option<Push>) -> World {
    let scenario = Scenario {
        contacts: 1,
        push,
        ..Scenario::default()
    };
    World::new(&scenario, 4, start()).unwrap()
}

fn types(client: &Client<'_>, subscription: &str) -> usize {
    let target = format!("/v1/Subscriptions/{subscription}/SubscribedEvents?PageSize=1000");
    let list = client.json(TwilioHost::Events, &target);
    assert_eq!(list["meta"]["key"], "types");
    list["types"].as_array().unwrap().len()
}

#[test]
fn a_sink_and_a_subscription_are_made_looked_at_and_removed() {
    let world = world(None);
    let client = Client::new(&world);
    let destination = "https://connector.example/twilio/ws1";
    let configuration =
        format!(r#"{{"destination": "{destination}", "method": "POST", "batch_events": true}}"#);
    let made = client.form(
        "/v1/Sinks",
        &[
            ("Description", "Ours"),
            ("SinkType", "webhook"),
            ("SinkConfiguration", &configuration),
        ],
    );
    assert_eq!(made.0, 201);
    has_all(
        &made.1,
        &["sid", "status", "sink_type", "date_created", "links"],
    );
    let sink = made.1["sid"].as_str().unwrap();
    assert_eq!(
        (sink.len(), &made.1["status"]),
        (34, &Value::from("initialized"))
    );
    assert_eq!(made.1["sink_configuration"]["destination"], destination);

    let accepted = r#"{"type": "com.twilio.taskrouter.reservation.accepted", "schema_version": 4}"#;
    let wrapup = r#"{"type": "com.twilio.taskrouter.reservation.wrapup"}"#;
    let made = client.form(
        "/v1/Subscriptions",
        &[
            ("Description", "Ours"),
            ("SinkSid", sink),
            ("Types", accepted),
            ("Types", wrapup),
        ],
    );
    assert_eq!(made.0, 201);
    let subscription = made.1["sid"].as_str().unwrap();
    assert_eq!(types(&client, subscription), 2);
    let below = format!("/v1/Subscriptions/{subscription}/SubscribedEvents");
    let kind = "com.twilio.voice.status-callback.conference.participant.updated";
    let added = client.form(&below, &[("Type", kind), ("SchemaVersion", "1")]);
    assert_eq!(
        (added.0, added.1["schema_version"].as_u64()),
        (201, Some(1))
    );
    assert_eq!(types(&client, subscription), 3);
    let one = format!("{below}/{kind}");
    assert_eq!(
        client.ask(Method::DELETE, TwilioHost::Events, &one).status,
        204
    );
    assert_eq!(types(&client, subscription), 2);
    let wanting = world
        .streams
        .wanting("com.twilio.taskrouter.reservation.wrapup");
    let ours: Vec<_> = wanting.iter().filter(|sink| !sink.foreign).collect();
    assert_eq!(ours.len(), 1);
    assert!(ours[0].batches());

    let list = client.json(
        TwilioHost::Events,
        &format!("/v1/Subscriptions?SinkSid={sink}"),
    );
    assert_eq!(list["subscriptions"].as_array().unwrap().len(), 1);
    let own = format!("/v1/Sinks/{sink}");
    let in_use = client.ask(Method::DELETE, TwilioHost::Events, &own);
    assert_eq!(in_use.status, 409);
    let gone = format!("/v1/Subscriptions/{subscription}");
    assert_eq!(
        client.ask(Method::DELETE, TwilioHost::Events, &gone).status,
        204
    );
    assert_eq!(
        client.ask(Method::DELETE, TwilioHost::Events, &own).status,
        204
    );
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn a_sink_is_active_once_its_test_was_seen() {
    let world = world(None);
    let client = Client::new(&world);
    let made = client.form(
        "/v1/Sinks",
        &[
            ("Description", "Ours"),
            ("SinkType", "webhook"),
            (
                "SinkConfiguration",
                r#"{"destination": "https://a.example/"}"#,
            ),
        ],
    );
    let own = format!("/v1/Sinks/{}", made.1["sid"].as_str().unwrap());
    let tested = client.form(&format!("{own}/Test"), &[]);
    assert_eq!(
        (tested.0, &tested.1["result"]),
        (201, &Value::from("submitted"))
    );
    let id = world.streams.lock().tests[0].id.clone();
    let validate = format!("{own}/Validate");
    let wrong = client.form(&validate, &[("TestId", "EZ1")]);
    assert_eq!(wrong.1["result"], "invalid");
    let right = client.form(&validate, &[("TestId", &id)]);
    assert_eq!(right.1["result"], "valid");
    assert_eq!(client.json(TwilioHost::Events, &own)["status"], "active");
}

#[test]
fn what_others_have_set_up_is_shown_and_whoever_touches_it_is_remembered() {
    let world = world(None);
    let client = Client::new(&world);
    let sinks = client.json(TwilioHost::Events, "/v1/Sinks");
    let sinks = sinks["sinks"].as_array().unwrap();
    assert_eq!(sinks.len(), 2);
    let list = client.json(TwilioHost::Events, "/v1/Subscriptions");
    let subscription = list["subscriptions"][0]["sid"].as_str().unwrap();
    assert_eq!(client.violations.count(), 0);
    let own = format!("/v1/Subscriptions/{subscription}");
    let more = [("Type", "com.twilio.taskrouter.task.completed")];
    assert_eq!(
        client.form(&format!("{own}/SubscribedEvents"), &more).0,
        201
    );
    assert_eq!(
        client.ask(Method::DELETE, TwilioHost::Events, &own).status,
        204
    );
    assert_eq!(client.violations.count(), 2);
}

#[test]
fn what_is_not_documented_of_event_streams_is_refused_and_remembered() {
    let world = world(None);
    let client = Client::new(&world);
    assert_eq!(client.form("/v1/Sinks", &[("Color", "red")]).0, 400);
    assert_eq!(client.form("/v1/Types", &[]).0, 405);
    assert_eq!(client.refused(TwilioHost::Events, "/v1/Schemas").0, 404);
    assert_eq!(client.violations.count(), 3);
    for (configuration, kind) in [
        (r#"{"destination": "http://a.example/"}"#, "webhook"),
        ("{", "webhook"),
        ("{}", "pigeon"),
    ] {
        let fields = [
            ("Description", "Ours"),
            ("SinkType", kind),
            ("SinkConfiguration", configuration),
        ];
        assert_eq!(client.form("/v1/Sinks", &fields).0, 400);
    }
}

#[test]
fn where_events_are_pushed_from_the_start_everything_leads_there() {
    let push = Push {
        callback: true,
        ..Push::default()
    };
    let world = world(Some(push));
    let client = Client::new(&world);
    let destination = format!(
        "https://connector.example/twilio/{}",
        world.workspace_sid().to_ascii_lowercase()
    );
    let workspace = client.json(
        TwilioHost::TaskRouter,
        &format!("/v1/Workspaces/{}", world.workspace_sid()),
    );
    assert_eq!(workspace["event_callback_url"], destination.as_str());
    let sinks = client.json(TwilioHost::Events, "/v1/Sinks?Status=active");
    let leads = |sink: &&Value| sink["sink_configuration"]["destination"] == destination.as_str();
    assert_eq!(
        sinks["sinks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(leads)
            .count(),
        1
    );
    let known = client.json(TwilioHost::Events, "/v1/Types?PageSize=1000");
    assert!(known["types"].as_array().unwrap().len() > 20);
}
