//! The set-up of Event Streams: what is there is taken, what is missing is created once, what is others' is left alone.
#![allow(clippy::unwrap_used)]

use crate::common;

use std::time::Duration;

use common::{asked, client, fixture, ok, serve, sid};
use secrecy::SecretString;
use serde_json::{Value, json};
use twilio_client::{
    Created, EventType, Sink, SinkKind, SinkStatus, StreamPlan, StreamSetup, TwilioClient,
    TwilioError, WebhookDestination,
};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const OURS: &str = "flex-connector ws1";
const SINKS: &str = "/events.twilio.com/v1/Sinks";
const SUBSCRIPTIONS: &str = "/events.twilio.com/v1/Subscriptions";
const COMPLETED: &str = "com.twilio.taskrouter.reservation.completed";
const ENDED: &str = "com.twilio.taskrouter.task.completed";
const ACCEPTED: &str = "com.twilio.taskrouter.reservation.accepted";

fn events() -> String {
    format!("{SUBSCRIPTIONS}/DF00000000000000000000000000000003/SubscribedEvents")
}

fn plan(types: &[&str]) -> StreamPlan {
    let url = "https://connector.example.com/twilio/ws1".parse().unwrap();
    let types = types.iter().copied().map(EventType::new).collect();
    let mut plan = StreamPlan::new(OURS, WebhookDestination::new(url), types);
    plan.settle = Duration::from_millis(1);
    plan
}

async fn ensure(client: &TwilioClient, types: &[&str]) -> Result<StreamSetup, TwilioError> {
    client.event_streams().ensure(&plan(types)).await
}

/// Answers POSTs of that path.
async fn take(server: &MockServer, at: &str, answer: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path(at))
        .respond_with(answer)
        .mount(server)
        .await;
}

fn created(name: &str) -> ResponseTemplate {
    ResponseTemplate::new(201).set_body_raw(common::text(name), "application/json")
}

/// Answers the first GET of that path with one fixture, and all further ones with another.
async fn serve_first(server: &MockServer, at: &str, first: &str, then: &str) {
    Mock::given(method("GET"))
        .and(path(at))
        .respond_with(ok(first))
        .up_to_n_times(1)
        .mount(server)
        .await;
    serve(server, at, then).await;
}

async fn posted(server: &MockServer) -> Vec<String> {
    let asked = asked(server).await;
    asked
        .into_iter()
        .filter(|request| request.starts_with("POST"))
        .collect()
}

/// The pairs of the n-th POST.
async fn form(server: &MockServer, number: usize) -> Vec<(String, String)> {
    let requests = server.received_requests().await.unwrap();
    let request = requests
        .iter()
        .filter(|request| request.method == "POST")
        .nth(number)
        .unwrap();
    assert_eq!(
        request.headers["content-type"],
        "application/x-www-form-urlencoded"
    );
    let text = String::from_utf8(request.body.clone()).unwrap();
    let url: wiremock::http::Url = format!("http://x/?{text}").parse().unwrap();
    url.query_pairs().into_owned().collect()
}

#[tokio::test]
async fn what_is_set_up_is_taken_as_it_is_and_nothing_is_sent() {
    let server = MockServer::start().await;
    serve(&server, SINKS, "sinks.json").await;
    Mock::given(method("GET"))
        .and(path(SUBSCRIPTIONS))
        .and(query_param("SinkSid", "DG00000000000000000000000000000003"))
        .respond_with(ok("subscriptions.json"))
        .mount(&server)
        .await;
    serve(&server, &events(), "subscribed_events.json").await;
    let client = client(&server);
    let setup = ensure(&client, &[COMPLETED]).await.unwrap();
    assert_eq!(setup.sink.sid, sid("DG", 3));
    assert_eq!(
        setup.subscription.as_ref().unwrap().sid,
        sid("DF", 3),
        "another sink's subscription of the same description is not ours"
    );
    let events: Vec<&str> = setup
        .events
        .iter()
        .map(|event| event.name.as_str())
        .collect();
    assert_eq!(events, [COMPLETED, ENDED], "further types stay");
    assert!(setup.created.is_empty() && setup.doubles.is_empty());
    assert!(posted(&server).await.is_empty());

    let found = client.event_streams().find(OURS).await.unwrap();
    assert_eq!(found, [setup]);
    assert_eq!(client.event_streams().find("none").await.unwrap(), []);
}

#[tokio::test]
async fn what_is_missing_is_created_beside_what_others_have() {
    let server = MockServer::start().await;
    serve(&server, SINKS, "sinks_of_others.json").await;
    serve(&server, SUBSCRIPTIONS, "subscriptions_of_others.json").await;
    serve(&server, &events(), "subscribed_events.json").await;
    take(&server, SINKS, created("sink.json")).await;
    take(&server, SUBSCRIPTIONS, created("subscription.json")).await;
    let mut plan = plan(&[COMPLETED]);
    plan.types.push(EventType {
        name: ENDED.to_owned(),
        schema_version: Some(4),
    });
    let client = client(&server);
    let setup = client.event_streams().ensure(&plan).await.unwrap();
    assert_eq!(setup.created, [Created::Sink, Created::Subscription]);
    assert_eq!(
        posted(&server).await,
        [format!("POST {SINKS}"), format!("POST {SUBSCRIPTIONS}")]
    );

    let sink = form(&server, 0).await;
    assert_eq!(sink[0], ("Description".to_owned(), OURS.to_owned()));
    assert_eq!(sink[1], ("SinkType".to_owned(), "webhook".to_owned()));
    let configuration: Value = serde_json::from_str(&sink[2].1).unwrap();
    assert_eq!(
        configuration,
        json!({"destination": "https://connector.example.com/twilio/ws1", "method": "POST", "batch_events": true})
    );
    let subscription = form(&server, 1).await;
    assert_eq!(
        subscription[1],
        (
            "SinkSid".to_owned(),
            "DG00000000000000000000000000000003".to_owned()
        )
    );
    let types: Vec<Value> = subscription[2..]
        .iter()
        .map(|(name, value)| {
            assert_eq!(name, "Types", "a name that is repeated");
            serde_json::from_str(value).unwrap()
        })
        .collect();
    assert_eq!(
        types,
        [
            json!({"type": COMPLETED}),
            json!({"type": ENDED, "schema_version": 4})
        ]
    );
}

#[tokio::test]
async fn a_type_that_a_subscription_lacks_is_added_to_it() {
    let server = MockServer::start().await;
    serve(&server, SINKS, "sinks.json").await;
    serve(&server, SUBSCRIPTIONS, "subscriptions.json").await;
    serve(&server, &events(), "subscribed_events.json").await;
    take(&server, &events(), created("subscribed_event.json")).await;
    let client = client(&server);
    let setup = ensure(&client, &[COMPLETED, ACCEPTED]).await.unwrap();
    assert_eq!(setup.created, [Created::Event(ACCEPTED.to_owned())]);
    assert_eq!(setup.events.len(), 3);
    assert_eq!(
        form(&server, 0).await,
        [("Type".to_owned(), ACCEPTED.to_owned())]
    );
}

#[tokio::test]
async fn a_sink_whose_creation_was_not_answered_is_found_again_and_not_created_twice() {
    for lost in [
        ResponseTemplate::new(503),
        ResponseTemplate::new(201).set_body_raw("{\"sid\"", "application/json"),
        ResponseTemplate::new(201).set_body_json(json!({"status": "initialized"})),
    ] {
        let server = MockServer::start().await;
        serve_first(&server, SINKS, "sinks_of_others.json", "sinks.json").await;
        serve(&server, SUBSCRIPTIONS, "subscriptions.json").await;
        serve(&server, &events(), "subscribed_events.json").await;
        take(&server, SINKS, lost).await;
        let setup = ensure(&client(&server), &[COMPLETED]).await.unwrap();
        assert_eq!(setup.sink.sid, sid("DG", 3));
        assert_eq!(posted(&server).await, [format!("POST {SINKS}")]);
    }
}

#[tokio::test]
async fn a_subscription_whose_creation_was_not_answered_is_found_again_and_not_created_twice() {
    let server = MockServer::start().await;
    serve(&server, SINKS, "sinks.json").await;
    let (first, then) = ("subscriptions_of_others.json", "subscriptions.json");
    serve_first(&server, SUBSCRIPTIONS, first, then).await;
    serve(&server, &events(), "subscribed_events.json").await;
    take(&server, SUBSCRIPTIONS, ResponseTemplate::new(504)).await;
    let setup = ensure(&client(&server), &[COMPLETED]).await.unwrap();
    assert_eq!(setup.subscription.unwrap().sid, sid("DF", 3));
    assert_eq!(setup.created, [Created::Subscription]);
    assert_eq!(posted(&server).await, [format!("POST {SUBSCRIPTIONS}")]);
}

#[tokio::test]
async fn a_creation_that_is_not_there_afterwards_is_the_error_that_it_was() {
    let server = MockServer::start().await;
    serve(&server, SINKS, "sinks_of_others.json").await;
    take(&server, SINKS, ResponseTemplate::new(503)).await;
    let error = ensure(&client(&server), &[COMPLETED]).await.unwrap_err();
    assert_eq!(error.call().unwrap().status(), Some(503));
    assert_eq!(posted(&server).await.len(), 1, "a creation is sent once");
}

#[tokio::test]
async fn a_refused_creation_is_not_looked_for() {
    let server = MockServer::start().await;
    serve(&server, SINKS, "sinks_of_others.json").await;
    take(&server, SINKS, ResponseTemplate::new(400)).await;
    let error = ensure(&client(&server), &[COMPLETED]).await.unwrap_err();
    assert!(error.is_refusal());
    assert_eq!(asked(&server).await.len(), 2);
}

#[tokio::test]
async fn a_sink_of_our_description_that_leads_elsewhere_is_left_alone_and_told() {
    for change in [
        json!({"destination": "https://old.example.com/twilio/ws1?key=hunter2"}),
        json!({"arn": "arn:aws:kinesis:us-east-1:000000000000:stream/x"}),
    ] {
        let server = MockServer::start().await;
        let mut body = fixture("sinks.json");
        body["sinks"][2]["sink_configuration"] = change;
        Mock::given(path(SINKS))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&server)
            .await;
        let error = ensure(&client(&server), &[COMPLETED]).await.unwrap_err();
        let TwilioError::SinkElsewhere { sink, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*sink, sid("DG", 3));
        assert!(
            error
                .to_string()
                .contains("https://connector.example.com/twilio/ws1"),
            "{error}"
        );
        assert!(!error.to_string().contains("hunter2"));
        assert!(posted(&server).await.is_empty());
    }
}

const SECRET: &str = "f00dfeedf00dfeedf00dfeedf00dfeed";

fn plan_with_a_secret() -> StreamPlan {
    let mut plan = plan(&[COMPLETED]);
    plan.destination.secret_path = Some(SECRET.into());
    plan
}

/// Sinks, with ours leading there.
async fn serve_sinks_leading_to(server: &MockServer, destination: &str) {
    let mut body = fixture("sinks.json");
    body["sinks"][2]["sink_configuration"]["destination"] = json!(destination);
    Mock::given(method("GET"))
        .and(path(SINKS))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_sink_with_a_secret_path_is_created_with_it_and_found_again_by_it() {
    let whole = format!("https://connector.example.com/twilio/ws1/{SECRET}");
    let plan = plan_with_a_secret();
    let server = MockServer::start().await;
    serve(&server, SINKS, "sinks_of_others.json").await;
    serve(&server, SUBSCRIPTIONS, "subscriptions.json").await;
    serve(&server, &events(), "subscribed_events.json").await;
    take(&server, SINKS, created("sink.json")).await;
    let setup = client(&server).event_streams().ensure(&plan).await.unwrap();
    assert_eq!(setup.created, [Created::Sink]);
    let sink = form(&server, 0).await;
    let configuration: Value = serde_json::from_str(&sink[2].1).unwrap();
    assert_eq!(configuration["destination"], json!(whole));

    let server = MockServer::start().await;
    serve_sinks_leading_to(&server, &whole).await;
    serve(&server, SUBSCRIPTIONS, "subscriptions.json").await;
    serve(&server, &events(), "subscribed_events.json").await;
    let setup = client(&server).event_streams().ensure(&plan).await.unwrap();
    assert_eq!(setup.sink.sid, sid("DG", 3));
    assert!(setup.created.is_empty());
    assert!(posted(&server).await.is_empty());
    let printed = format!("{setup:?} {plan:?} {}", plan.destination);
    assert!(printed.contains("https://connector.example.com"));
    assert!(!printed.contains(SECRET), "{printed}");
}

#[tokio::test]
async fn a_sink_that_leads_to_another_secret_path_or_none_is_told_without_either() {
    let other = "deadbeefdeadbeefdeadbeefdeadbeef";
    let public = "https://connector.example.com/twilio/ws1";
    for leads_to in [public.to_owned(), format!("{public}/{other}")] {
        let server = MockServer::start().await;
        serve_sinks_leading_to(&server, &leads_to).await;
        let plan = plan_with_a_secret();
        let error = client(&server).event_streams().ensure(&plan).await;
        let error = error.unwrap_err();
        assert!(
            matches!(error, TwilioError::SinkElsewhere { .. }),
            "{error}"
        );
        let told = format!("{error} {error:?}");
        assert!(told.contains(&format!("{public}/…")), "{told}");
        assert!(!told.contains(SECRET) && !told.contains(other), "{told}");
        assert!(posted(&server).await.is_empty());
    }
}

#[tokio::test]
async fn of_two_sinks_that_fit_the_one_that_works_is_taken_and_the_other_told() {
    let server = MockServer::start().await;
    let mut body = fixture("sinks.json");
    let mut double = fixture("sink.json");
    double["sid"] = json!("DG00000000000000000000000000000004");
    double["date_created"] = json!("2026-01-01T00:00:00Z");
    double["status"] = json!("failed");
    // Credentials in the address are no difference.
    double["sink_configuration"]["destination"] =
        json!("https://user:hunter2@connector.example.com/twilio/ws1");
    body["sinks"].as_array_mut().unwrap().push(double);
    Mock::given(path(SINKS))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    serve(&server, SUBSCRIPTIONS, "subscriptions.json").await;
    serve(&server, &events(), "subscribed_events.json").await;
    let setup = ensure(&client(&server), &[COMPLETED]).await.unwrap();
    assert_eq!(setup.sink.sid, sid("DG", 3));
    assert_eq!(setup.doubles, [sid("DG", 4)]);
    assert!(!format!("{setup:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_new_sink_is_waited_for_and_subscribed_to_once_it_is_active() {
    let server = MockServer::start().await;
    serve(&server, SINKS, "sinks_of_others.json").await;
    serve(&server, SUBSCRIPTIONS, "subscriptions_of_others.json").await;
    serve(&server, &events(), "subscribed_events.json").await;
    let mut young = fixture("sink.json");
    young["status"] = json!("initialized");
    take(
        &server,
        SINKS,
        ResponseTemplate::new(201).set_body_json(young),
    )
    .await;
    serve(
        &server,
        &format!("{SINKS}/DG00000000000000000000000000000003"),
        "sink.json",
    )
    .await;
    take(&server, SUBSCRIPTIONS, created("subscription.json")).await;
    let setup = ensure(&client(&server), &[COMPLETED]).await.unwrap();
    assert_eq!(setup.created, [Created::Sink, Created::Subscription]);
}

#[tokio::test]
async fn a_sink_that_does_not_become_active_is_left_without_a_subscription() {
    for (status, looks) in [("validating", 5), ("failed", 0)] {
        let server = MockServer::start().await;
        let mut body = fixture("sinks.json");
        body["sinks"][2]["status"] = json!(status);
        let sink = body["sinks"][2].clone();
        Mock::given(path(SINKS))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&server)
            .await;
        Mock::given(path(format!("{SINKS}/DG00000000000000000000000000000003")))
            .respond_with(ResponseTemplate::new(200).set_body_json(sink))
            .expect(looks)
            .mount(&server)
            .await;
        serve(&server, SUBSCRIPTIONS, "subscriptions_of_others.json").await;
        let setup = ensure(&client(&server), &[COMPLETED]).await.unwrap();
        assert_eq!(setup.subscription, None);
        assert!(!setup.sink.is_active() && setup.created.is_empty());
        assert!(posted(&server).await.is_empty());
    }
}

#[tokio::test]
async fn a_sink_that_cannot_be_read_is_not_taken_for_absent() {
    let server = MockServer::start().await;
    let mut body = fixture("sinks.json");
    body["sinks"][2]["sid"] = json!(7);
    Mock::given(path(SINKS))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let error = ensure(&client(&server), &[COMPLETED]).await.unwrap_err();
    assert!(matches!(error, TwilioError::Unreadable(_)), "{error}");
    assert!(posted(&server).await.is_empty());
}

#[tokio::test]
async fn credentials_of_a_destination_go_to_twilio_and_into_no_text() {
    let server = MockServer::start().await;
    serve(&server, SINKS, "sinks_of_others.json").await;
    take(&server, SINKS, ResponseTemplate::new(400)).await;
    let mut plan = plan(&[COMPLETED]);
    plan.destination.basic = Some(("twilio".to_owned(), SecretString::from("hunter2")));
    let client = client(&server);
    let error = client.event_streams().ensure(&plan).await.unwrap_err();
    assert!(!format!("{plan:?} {error:?} {error}").contains("hunter2"));
    assert!(
        form(&server, 0).await[2]
            .1
            .contains("https://twilio:hunter2@connector.example.com/twilio/ws1")
    );
}

#[tokio::test]
async fn sinks_of_every_kind_are_listed() {
    let server = MockServer::start().await;
    serve(&server, SINKS, "sinks.json").await;
    let client = client(&server);
    let sinks: Vec<Sink> = client.event_streams().sinks().all().await.unwrap().items;
    assert_eq!(sinks[0].kind, Some(SinkKind::Kinesis));
    assert_eq!(sinks[0].destination, None);
    assert_eq!(sinks[2].kind, Some(SinkKind::Webhook));
    assert_eq!(sinks[2].status, Some(SinkStatus::Active));
    assert_eq!(sinks[2].batch_events, Some(true));
    assert_eq!(
        sinks[2].created_at,
        Some("2026-03-01T08:00:00Z".parse().unwrap())
    );
}
