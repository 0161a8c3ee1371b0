//! Interactions: who took part by which task and reservation.
#![allow(clippy::unwrap_used)]

use crate::common;

use common::{client, fixture, serve, sid};
use serde_json::json;
use twilio_client::{
    AgentPart, InteractionChannelStatus, InteractionRole, RoutingProperties, TwilioError,
};
use twilio_sid::InteractionSid;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

fn interaction() -> InteractionSid {
    sid("KD", 1)
}

fn at(rest: &str) -> String {
    format!(
        "/flex-api.twilio.com/v1/Interactions/{}{rest}",
        interaction()
    )
}

fn channel(number: u32, rest: &str) -> String {
    at(&format!("/Channels/UO{number:032x}{rest}"))
}

fn routing(number: u32) -> RoutingProperties {
    RoutingProperties {
        task: Some(sid("WT", number)),
        worker: Some(sid("WK", number)),
        reservation: Some(sid("WR", number)),
    }
}

#[tokio::test]
async fn an_interaction_has_channels_with_their_kind_and_state() {
    let server = MockServer::start().await;
    serve(&server, &at(""), "interaction.json").await;
    serve(&server, &at("/Channels"), "interaction_channels.json").await;
    let client = client(&server);
    let interactions = client.interactions();
    let found = interactions.get(interaction()).await.unwrap();
    assert_eq!(found.channel, Some(sid("UO", 1)));
    assert_eq!(found.channel_kind.as_deref(), Some("sms"));
    let channels = interactions.channels(interaction()).all().await.unwrap();
    assert_eq!(channels.items[0].kind.as_deref(), Some("sms"));
    assert_eq!(
        channels.items[0].status,
        Some(InteractionChannelStatus::Closed)
    );
    assert_eq!(channels.items[1].error_code, Some(19025));
}

#[tokio::test]
async fn an_agent_is_told_with_task_worker_and_reservation_and_a_customer_without() {
    let server = MockServer::start().await;
    let name = "interaction_participants.json";
    serve(&server, &channel(1, "/Participants"), name).await;
    let client = client(&server);
    let listed = client
        .interactions()
        .participants(interaction(), sid("UO", 1))
        .all()
        .await
        .unwrap()
        .items;
    assert_eq!(
        (&listed[0].role, listed[0].routing),
        (&InteractionRole::Customer, None)
    );
    assert_eq!(
        (&listed[1].role, listed[1].routing),
        (&InteractionRole::Agent, Some(routing(1)))
    );
    assert_eq!(listed[3].role, InteractionRole::Supervisor);
}

#[tokio::test]
async fn the_agents_of_all_channels_are_gathered_and_supervisors_are_not_among_them() {
    let server = MockServer::start().await;
    serve(&server, &at("/Channels"), "interaction_channels.json").await;
    let name = "interaction_participants.json";
    serve(&server, &channel(1, "/Participants"), name).await;
    let name = "interaction_participants_none.json";
    serve(&server, &channel(2, "/Participants"), name).await;
    let client = client(&server);
    let agents = client.interactions().agents(interaction()).await.unwrap();
    let part = |participant, number| AgentPart {
        channel: sid("UO", 1),
        participant: sid("UT", participant),
        routing: routing(number),
    };
    assert_eq!(agents, [part(2, 1), part(3, 2)]);
}

#[tokio::test]
async fn a_participant_that_cannot_be_read_is_not_taken_for_nobody() {
    let server = MockServer::start().await;
    serve(&server, &at("/Channels"), "interaction_channels.json").await;
    let mut body = fixture("interaction_participants.json");
    body["participants"][1]["type"] = json!(7);
    Mock::given(path(channel(1, "/Participants")))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let client = client(&server);
    let error = client.interactions().agents(interaction()).await;
    assert!(matches!(error, Err(TwilioError::Unreadable(_))));
}

#[tokio::test]
async fn an_interaction_that_is_unknown_is_not_found() {
    let server = MockServer::start().await;
    let client = client(&server);
    let interactions = client.interactions();
    let error = interactions.get(interaction()).await.unwrap_err();
    assert!(error.is_not_found());
    let error = interactions.agents(interaction()).await.unwrap_err();
    assert!(error.is_not_found());
}

#[tokio::test]
async fn the_dates_of_an_invite_are_seconds_since_1970() {
    let server = MockServer::start().await;
    serve(&server, &channel(1, "/Invites"), "interaction_invites.json").await;
    let client = client(&server);
    let listed = client
        .interactions()
        .invites(interaction(), sid("UO", 1))
        .all()
        .await
        .unwrap();
    let [first, second] = &listed.items[..] else {
        panic!("{listed:?}")
    };
    assert_eq!(first.task, sid("WT", 1));
    assert_eq!(
        first.created_at,
        Some("2026-03-01T12:00:01Z".parse().unwrap())
    );
    assert_eq!(
        first.attributes.as_ref().unwrap().parse().unwrap()["channelType"],
        "sms"
    );
    assert_eq!(first.queue, Some(sid("WQ", 1)));
    assert_eq!(
        (first.reservation, second.reservation),
        (None, Some(sid("WR", 2)))
    );
}

#[tokio::test]
async fn an_invite_without_its_task_is_told_by_the_field() {
    let server = MockServer::start().await;
    let mut body = fixture("interaction_invites.json");
    body["invites"][0]["routing"] = json!("later");
    Mock::given(path(channel(1, "/Invites")))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let client = client(&server);
    let listed = client
        .interactions()
        .invites(interaction(), sid("UO", 1))
        .all()
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 1);
    assert!(
        listed.unreadable[0]
            .to_string()
            .ends_with("`routing` should be an object with properties")
    );
}
