//! Conversations, their messages and who takes part; and the channels that came before them.
#![allow(clippy::unwrap_used)]

use crate::common;

use chrono::{DateTime, Utc};
use common::{asked, client, fixture, ok, serve, sid};
use futures_util::StreamExt;
use serde_json::{Value, json};
use twilio_client::{Conversation, ConversationState, Message, TwilioClient, TwilioError};
use twilio_sid::{ConversationSid, ServiceSid};
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn service() -> ServiceSid {
    sid("IS", 1)
}

fn conversation() -> ConversationSid {
    sid("CH", 0x401)
}

fn channel() -> ConversationSid {
    sid("CH", 0x501)
}

fn scoped(rest: &str) -> String {
    format!(
        "/conversations.twilio.com/v1/Services/{}/Conversations/{}{rest}",
        service(),
        conversation()
    )
}

fn unscoped(rest: &str) -> String {
    format!(
        "/conversations.twilio.com/v1/Conversations/{}{rest}",
        conversation()
    )
}

fn chat(rest: &str) -> String {
    format!(
        "/chat.twilio.com/v2/Services/{}/Channels/{}{rest}",
        service(),
        channel()
    )
}

async fn get(
    client: &TwilioClient,
    service: Option<ServiceSid>,
) -> Result<Option<Conversation>, TwilioError> {
    client.conversations(service).get(conversation()).await
}

fn indices(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|message| message.index).collect()
}

#[tokio::test]
async fn a_conversation_tells_its_service_its_state_and_when_it_was_closed() {
    let server = MockServer::start().await;
    serve(&server, &scoped(""), "conversation.json").await;
    let client = client(&server);
    let found = get(&client, Some(service())).await.unwrap().unwrap();
    assert_eq!(
        (found.sid, found.service),
        (conversation(), Some(service()))
    );
    assert_eq!(found.state, ConversationState::Closed);
    assert!(found.is_closed());
    assert_eq!(found.closed_at, Some(at("2026-03-01T12:30:00Z")));
    assert_eq!(found.created_at, Some(at("2026-03-01T12:00:00Z")));
    assert_eq!(
        found.attributes.as_ref().unwrap().parse().unwrap()["topic"],
        "parcel"
    );
    assert!(!format!("{found:?}").contains("Pat"));
}

#[tokio::test]
async fn a_deleted_conversation_is_none_and_looked_for_in_the_default_service_before() {
    let server = MockServer::start().await;
    let client = client(&server);
    assert_eq!(get(&client, Some(service())).await.unwrap(), None);
    assert_eq!(get(&client, None).await.unwrap(), None);
    assert_eq!(
        asked(&server).await,
        [
            format!("GET {}", scoped("")),
            format!("GET {}", unscoped("")),
            format!("GET {}", unscoped("")),
        ]
    );
}

#[tokio::test]
async fn a_conversation_of_another_service_than_the_configured_one_is_not_taken_for_gone() {
    let server = MockServer::start().await;
    let mut body = fixture("conversation.json");
    body["chat_service_sid"] = json!("IS00000000000000000000000000000009");
    Mock::given(path(unscoped("")))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let client = client(&server);
    let found = get(&client, Some(service())).await.unwrap().unwrap();
    assert_eq!(found.service, Some(sid("IS", 9)));
}

#[tokio::test]
async fn an_outage_is_not_taken_for_a_deleted_conversation() {
    for status in [401, 403, 500] {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(status))
            .mount(&server)
            .await;
        let client = client(&server);
        let found = get(&client, Some(service())).await;
        assert!(found.is_err(), "{status}");
    }
}

async fn two_pages(server: &MockServer) {
    Mock::given(path(scoped("/Messages")))
        .and(query_param("Order", "asc"))
        .and(query_param_is_missing("PageToken"))
        .respond_with(ok("conversation_messages_1.json"))
        .mount(server)
        .await;
    Mock::given(path(scoped("/Messages")))
        .and(query_param("PageToken", "PAIM2"))
        .respond_with(ok("conversation_messages_2.json"))
        .mount(server)
        .await;
}

#[tokio::test]
async fn messages_are_asked_for_by_the_hundred_and_come_in_order_over_all_pages() {
    let server = MockServer::start().await;
    two_pages(&server).await;
    let client = client(&server);
    let messages = client
        .conversations(Some(service()))
        .messages(conversation());
    let messages: Vec<_> = messages.into_stream().map(Result::unwrap).collect().await;
    assert_eq!(indices(&messages), [0, 1, 4, 9], "the index has gaps");
    assert_eq!(
        asked(&server).await,
        [
            format!("GET {}?Order=asc&PageSize=100", scoped("/Messages")),
            format!(
                "GET {}?Order=asc&PageSize=2&Page=1&PageToken=PAIM2",
                scoped("/Messages")
            ),
        ],
        "a page of messages holds a tenth of what others hold"
    );
}

#[tokio::test]
async fn a_message_tells_its_author_its_text_and_what_is_attached() {
    let server = MockServer::start().await;
    two_pages(&server).await;
    let client = client(&server);
    let conversations = client.conversations(Some(service()));
    let listed = conversations.messages(conversation()).all().await.unwrap();
    assert!(listed.unreadable.is_empty());
    let [customer, system, agent, picture] = &listed.items[..] else {
        panic!("{listed:?}")
    };
    assert_eq!(customer.author.as_deref(), Some("+15005550001"));
    assert_eq!(
        customer.body.as_deref(),
        Some("Hello, where is my parcel? 📦")
    );
    assert_eq!(customer.created_at, Some(at("2026-03-01T12:00:01Z")));
    assert_eq!(customer.service, Some(service()));
    assert_eq!(customer.conversation, Some(conversation()));
    assert!(!customer.is_system());
    assert!(system.is_system());
    assert_eq!(system.updated_at, None);
    assert_eq!(agent.participant, Some(sid("MB", 2)));
    assert_eq!(agent.body.as_deref(), Some("שלום, one moment please."));
    assert_eq!(agent.updated_at, Some(at("2026-03-01T12:01:30Z")));
    assert_eq!(
        agent.attributes.as_ref().unwrap().as_str(),
        "{\"edited\": true}"
    );
    assert_eq!((picture.body.as_ref(), picture.media.len()), (None, 2));
    assert_eq!(picture.media[0].sid, Some(sid("ME", 1)));
    assert_eq!(picture.media[0].size, Some(42056));
    assert_eq!(picture.media[0].filename.as_deref(), Some("parcel.jpg"));
    assert_eq!(picture.media[1].filename, None);
    let printed = format!("{listed:?}");
    for secret in ["+1500", "parcel", "שלום", "agent_40"] {
        assert!(!printed.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_customer_who_calls_himself_system_is_none() {
    let server = MockServer::start().await;
    let mut page = fixture("conversation_messages_2.json");
    page["messages"][0]["author"] = json!("System");
    page["messages"][1]["author"] = Value::Null;
    page["messages"][1]["participant_sid"] = Value::Null;
    Mock::given(path(unscoped("/Messages")))
        .respond_with(ResponseTemplate::new(200).set_body_json(page))
        .mount(&server)
        .await;
    let client = client(&server);
    let conversations = client.conversations(None);
    let messages = conversations.messages(conversation()).all().await.unwrap();
    let system: Vec<bool> = messages.items.iter().map(Message::is_system).collect();
    assert_eq!(system, [false, true]);
}

/// A page of messages with these indices; each index has its own SID, and the author is always the same participant.
fn page(indices: &[u64], next: Option<&str>) -> ResponseTemplate {
    let messages: Vec<Value> = indices
        .iter()
        .map(|index| {
            let mut message = fixture("conversation_messages_1.json")["messages"][0].clone();
            message["sid"] = json!(format!("IM{index:032x}"));
            message["index"] = json!(index);
            message
        })
        .collect();
    ResponseTemplate::new(200).set_body_json(
        json!({"messages": messages, "meta": {"key": "messages", "next_page_url": next}}),
    )
}

async fn pages(first: &[u64], second: &[u64]) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(query_param("PageToken", "2"))
        .respond_with(page(second, None))
        .mount(&server)
        .await;
    let next = unscoped("/Messages?PageToken=2");
    Mock::given(path(unscoped("/Messages")))
        .respond_with(page(first, Some(&next)))
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn messages_out_of_order_on_a_page_are_put_in_order_and_doubles_given_once() {
    let server = pages(&[3, 0, 2, 2], &[3, 7, 5]).await;
    let client = client(&server);
    let conversations = client.conversations(None);
    let messages = conversations.messages(conversation()).all().await.unwrap();
    assert_eq!(indices(&messages.items), [0, 2, 3, 5, 7]);
}

#[tokio::test]
async fn messages_out_of_order_across_pages_are_an_error_and_not_a_transcript() {
    let server = pages(&[4, 5], &[1, 2]).await;
    let client = client(&server);
    let mut messages = client.conversations(None).messages(conversation());
    let mut given = Vec::new();
    let error = loop {
        match messages.next().await.unwrap() {
            Ok(message) => given.push(message.index),
            Err(error) => break error,
        }
    };
    assert_eq!(given, [4, 5]);
    assert!(
        matches!(error, TwilioError::OutOfOrder { list: "messages" }),
        "{error}"
    );
    assert!(error.is_passing());
    assert!(messages.next().await.is_none(), "it is over then");
}

#[tokio::test]
async fn a_message_without_a_place_is_told_beside_its_neighbours() {
    let server = MockServer::start().await;
    let mut body = fixture("conversation_messages_2.json");
    body["messages"][0]["index"] = json!("first");
    body["messages"][1]["index"] = json!("9");
    Mock::given(path(unscoped("/Messages")))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let client = client(&server);
    let conversations = client.conversations(None);
    let messages = conversations.messages(conversation()).all().await.unwrap();
    assert_eq!(indices(&messages.items), [9], "a number as text");
    assert_eq!(
        messages.unreadable[0].to_string(),
        "a message (IM00000000000000000000000000000003) is not usable: `index` should be a whole number"
    );
}

#[tokio::test]
async fn two_messages_without_a_sid_of_one_author_are_both_told() {
    let server = MockServer::start().await;
    let mut body = fixture("conversation_messages_1.json");
    let mut message = body["messages"][0].clone();
    message["sid"] = Value::Null;
    body["messages"] = json!([message, message]);
    body["meta"]["next_page_url"] = Value::Null;
    Mock::given(path(unscoped("/Messages")))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let client = client(&server);
    let conversations = client.conversations(None);
    let messages = conversations.messages(conversation()).all().await.unwrap();
    assert_eq!(messages.unreadable.len(), 2);
}

#[tokio::test]
async fn an_empty_conversation_is_an_empty_list_and_a_deleted_ones_messages_are_not_found() {
    let server = MockServer::start().await;
    Mock::given(path(unscoped("/Messages")))
        .respond_with(page(&[], None))
        .mount(&server)
        .await;
    let client = client(&server);
    let messages = client.conversations(None).messages(conversation()).all();
    assert!(messages.await.unwrap().items.is_empty());
    let messages = client
        .conversations(Some(service()))
        .messages(conversation());
    assert!(messages.all().await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_customer_by_sms_has_an_address_and_an_agent_an_identity() {
    let server = MockServer::start().await;
    serve(
        &server,
        &scoped("/Participants"),
        "conversation_participants.json",
    )
    .await;
    let client = client(&server);
    let listed = client
        .conversations(Some(service()))
        .participants(conversation())
        .all()
        .await
        .unwrap();
    let [customer, agent] = &listed.items[..] else {
        panic!("{listed:?}")
    };
    let binding = customer.binding.as_ref().unwrap();
    assert_eq!(binding.channel.as_deref(), Some("sms"));
    assert_eq!(binding.address.as_deref(), Some("+15005550001"));
    assert_eq!(binding.proxy_address.as_deref(), Some("+15005550006"));
    assert_eq!(customer.identity, None);
    assert_eq!(agent.identity.as_deref(), Some("agent_40example_2Ecom"));
    assert_eq!((agent.sid, agent.binding.as_ref()), (sid("MB", 2), None));
    let printed = format!("{listed:?}");
    assert!(!printed.contains("+1500") && !printed.contains("agent_40"));
    assert!(
        asked(&server).await[0].ends_with("/Participants?PageSize=100"),
        "{:?}",
        asked(&server).await
    );
}

#[tokio::test]
async fn in_programmable_chat_the_author_is_called_from_and_one_thing_is_attached_at_most() {
    let server = MockServer::start().await;
    Mock::given(path(chat("/Messages")))
        .and(query_param("Order", "asc"))
        .and(query_param("PageSize", "100"))
        .respond_with(ok("chat_messages.json"))
        .mount(&server)
        .await;
    let client = client(&server);
    let messages = client.legacy_chat(service()).messages(channel()).all();
    let messages = messages.await.unwrap().items;
    assert_eq!(indices(&messages), [0, 1, 2]);
    let system: Vec<bool> = messages.iter().map(Message::is_system).collect();
    assert_eq!(system, [true, false, false]);
    assert_eq!(messages[1].author.as_deref(), Some("visitor-1"));
    assert_eq!(messages[1].conversation, Some(channel()));
    assert_eq!(messages[1].service, Some(service()));
    assert_eq!(messages[1].participant, None);
    assert_eq!(messages[2].media.len(), 1);
    assert_eq!(messages[2].media[0].sid, Some(sid("ME", 3)));
}

#[tokio::test]
async fn a_channel_of_programmable_chat_has_members_and_may_be_gone() {
    let server = MockServer::start().await;
    serve(&server, &chat(""), "chat_channel.json").await;
    serve(&server, &chat("/Members"), "chat_members.json").await;
    let client = client(&server);
    let legacy = client.legacy_chat(service());
    let found = legacy.channel(channel()).await.unwrap().unwrap();
    assert_eq!((found.messages, found.service), (Some(3), Some(service())));
    assert_eq!(found.created_at, Some(at("2025-03-01T12:00:00Z")));
    let members = legacy.members(channel()).all().await.unwrap().items;
    assert_eq!(members[0].identity.as_deref(), Some("visitor-1"));
    assert_eq!(legacy.channel(conversation()).await.unwrap(), None);
}
