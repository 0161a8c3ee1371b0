//! Conversations, interactions, files and Programmable Chat.

use super::*;
use crate::world::ExpectedLeg;
use crate::world::conversation::Keeper;

fn leg_of(kind: Kind) -> &'static ExpectedLeg {
    let mut legs = shared().expected().iter();
    legs.find(|leg| leg.kind == kind).unwrap()
}

fn conversation_of(kind: Kind) -> &'static str {
    &leg_of(kind).transcript.as_ref().unwrap().conversation
}

/// The messages of all pages, as they come.
fn messages(client: &Client<'_>, host: TwilioHost, path: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut target = Some(path.to_owned());
    while let Some(next) = target {
        let page = client.json(host, &next);
        all.extend(page["messages"].as_array().unwrap().iter().cloned());
        target = page["meta"]["next_page_url"].as_str().map(|url| {
            url.strip_prefix(&format!("{BASE}/{}", host.name()))
                .unwrap()
                .to_owned()
        });
    }
    all
}

fn attributes(client: &Client<'_>, task: &str) -> Value {
    let events = client.router(&format!("Events?TaskSid={task}&Minutes=60&PageSize=1000"));
    let events = events["events"].as_array().unwrap();
    let last = events
        .iter()
        .find(|event| event["event_type"] == "task.completed")
        .unwrap();
    serde_json::from_str(last["event_data"]["task_attributes"].as_str().unwrap()).unwrap()
}

#[test]
fn messages_come_in_pages_of_a_hundred_at_most_in_either_order() {
    let client = Client::new(shared());
    let sid = conversation_of(Kind::LongLivedConversation);
    let path = format!("/v1/Conversations/{sid}/Messages");
    let host = TwilioHost::Conversations;
    let ascending = messages(&client, host, &format!("{path}?Order=asc&PageSize=100"));
    assert!(ascending.len() > 100);
    assert!(ascending.is_sorted_by_key(|message| message["index"].as_u64().unwrap()));
    let mut descending = messages(&client, host, &format!("{path}?Order=desc"));
    descending.reverse();
    assert_eq!(
        descending.iter().map(|it| &it["sid"]).collect::<Vec<_>>(),
        ascending.iter().map(|it| &it["sid"]).collect::<Vec<_>>()
    );
    has_all(
        &ascending[0],
        &[
            "sid",
            "account_sid",
            "conversation_sid",
            "author",
            "participant_sid",
            "body",
            "media",
            "attributes",
            "date_created",
            "date_updated",
            "delivery",
            "content_sid",
            "url",
            "links",
        ],
    );
    assert!(ascending[0].get("chat_service_sid").is_none());
    assert_eq!(client.violations.count(), 0);
    assert_eq!(client.refused(host, &format!("{path}?PageSize=101")).0, 400);
    assert_eq!(client.refused(host, &format!("{path}?Order=up")).0, 400);
}

#[test]
fn the_same_conversation_stands_below_its_service_and_below_no_other() {
    let client = Client::new(shared());
    let sid = conversation_of(Kind::Chat);
    let host = TwilioHost::Conversations;
    let plain = client.json(host, &format!("/v1/Conversations/{sid}"));
    let service = plain["chat_service_sid"].as_str().unwrap();
    let flex = client.json(TwilioHost::FlexApi, "/v1/Configuration");
    assert_eq!(flex["chat_service_instance_sid"], service);
    let below = format!("/v1/Services/{service}/Conversations/{sid}");
    let list = client.json(host, &format!("{below}/Messages"));
    assert_eq!(list["messages"][0]["chat_service_sid"], service);
    assert!(
        list["meta"]["url"]
            .as_str()
            .unwrap()
            .contains(&format!("/v1/Services/{service}/"))
    );
    let other = below.replace(service, "ISaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_eq!(client.refused(host, &other).0, 404);
    let gone = shared()
        .conversations
        .iter()
        .find(|made| made.gone)
        .unwrap();
    for path in ["", "/Messages", "/Participants"] {
        let target = format!("/v1/Conversations/{}{path}", gone.sid);
        assert_eq!(client.refused(host, &target).0, 404);
    }
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn conversations_are_listed_by_state_and_day_and_tell_who_is_there() {
    let client = Client::new(shared());
    let host = TwilioHost::Conversations;
    let count = |query: &str| {
        let list = client.json(host, &format!("/v1/Conversations?PageSize=100{query}"));
        list["conversations"].as_array().unwrap().len()
    };
    let known = shared()
        .conversations
        .iter()
        .filter(|made| !made.gone && made.keeper == Keeper::Conversations)
        .count();
    assert_eq!(count(""), known);
    assert_eq!(count("&State=closed"), known);
    assert_eq!(count("&StartDate=2026-03-02"), 0);
    let sid = conversation_of(Kind::Sms);
    let list = client.json(host, &format!("/v1/Conversations/{sid}/Participants"));
    let participants = list["participants"].as_array().unwrap();
    assert_eq!(participants.len(), 1, "agents who left are not told of");
    assert_eq!(
        participants[0]["messaging_binding"]["address"],
        leg_of(Kind::Sms).customer.as_str()
    );
    assert!(participants[0]["identity"].is_null());
}

#[test]
fn a_task_names_its_conversation_in_one_of_the_ways_in_circulation() {
    let client = Client::new(shared());
    let told = |kind: Kind| attributes(&client, &leg_of(kind).task);
    let chat = told(Kind::Chat);
    assert_eq!(chat["conversationSid"], conversation_of(Kind::Chat));
    assert_eq!(
        chat["conversations"]["media"][0]["sid"],
        conversation_of(Kind::Chat)
    );
    let sms = told(Kind::Sms);
    assert!(sms.get("conversationSid").is_none());
    assert_eq!(sms["conversations"]["media"][0]["type"], "ChatTranscript");
    let long = told(Kind::LongLivedConversation);
    assert_eq!(
        long["conversations"]["media"][0]["conversation_sid"],
        conversation_of(Kind::LongLivedConversation)
    );
    let whatsapp = told(Kind::Whatsapp);
    assert_eq!(whatsapp["direction"], "outbound");
    assert!(whatsapp["conversations"].get("media").is_none());
    let legacy = told(Kind::LegacyChat);
    assert_eq!(legacy["channelSid"], conversation_of(Kind::LegacyChat));
    assert!(legacy.get("flexInteractionSid").is_none());
}

#[test]
fn an_interaction_tells_which_agent_sat_on_which_reservation() {
    let client = Client::new(shared());
    for kind in [
        Kind::ChatTransfer,
        Kind::ChatOverlappingLegs,
        Kind::LongLivedConversation,
    ] {
        let legs: Vec<_> = shared()
            .expected()
            .iter()
            .filter(|leg| leg.kind == kind)
            .take(2)
            .collect();
        let task = attributes(&client, &legs[0].task);
        let text = |name: &str| task[name].as_str().unwrap().to_owned();
        let (sid, channel) = (
            text("flexInteractionSid"),
            text("flexInteractionChannelSid"),
        );
        let own = format!("/v1/Interactions/{sid}");
        let interaction = client.json(TwilioHost::FlexApi, &own);
        assert_eq!(interaction["channel"]["sid"], channel.as_str());
        let channels = client.json(TwilioHost::FlexApi, &format!("{own}/Channels"));
        assert_eq!(channels["channels"][0]["status"], "closed");
        let path = format!("{own}/Channels/{channel}/Participants");
        let list = client.json(TwilioHost::FlexApi, &path);
        let seats = list["participants"].as_array().unwrap();
        assert_eq!(seats[0]["type"], "customer");
        assert!(seats[0]["routing_properties"].is_null());
        for (seat, leg) in seats[1..].iter().zip(&legs) {
            assert_eq!(seat["type"], "agent");
            let routing = &seat["routing_properties"];
            assert_eq!(routing["task_sid"], leg.task.as_str());
            assert_eq!(routing["worker_sid"], leg.worker.as_str());
            assert_eq!(routing["reservation_sid"], leg.leg.as_str());
        }
        let invites = client.json(
            TwilioHost::FlexApi,
            &format!("{own}/Channels/{channel}/Invites"),
        );
        assert!(invites["invites"][1]["routing"]["properties"]["date_created"].is_i64());
    }
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn files_lie_behind_a_redirect_that_wants_no_credentials() {
    let mut client = Client::new(shared());
    let service = shared().identity.chat_service.clone();
    let conversation = shared()
        .conversations
        .iter()
        .find(|made| made.sid == conversation_of(Kind::ChatWithMedia))
        .unwrap();
    let mut files = conversation
        .messages
        .iter()
        .filter_map(|it| it.attachment.as_ref());
    let file = files.next().unwrap();
    let path = format!("/v1/Services/{service}/Media/{}", file.sid);
    let told = client.json(TwilioHost::Mcs, &path);
    assert_eq!(told["size"], file.size);
    let direct = told["links"]["content_direct_temporary"].as_str().unwrap();
    let answer = client.get(TwilioHost::Mcs, &format!("{path}/Content"));
    assert_eq!(answer.status, 307);
    assert_eq!(header(&answer, "location"), Some(direct));
    let target = direct
        .strip_prefix(&format!("{BASE}/{MEDIA_HOST}"))
        .unwrap();
    let credentials = client.credentials.take();
    let served = client.get(TwilioHost::Media, target);
    assert_eq!(header(&served, "content-type"), Some(file.content_type));
    assert_eq!(body(served), file.bytes());
    assert_eq!(client.violations.count(), 0);
    client.credentials = credentials;
    assert_eq!(client.get(TwilioHost::Media, target).status, 400);
    assert_eq!(client.violations.count(), 1);
}

#[test]
fn a_chat_of_old_is_known_to_programmable_chat_alone() {
    let client = Client::new(shared());
    let sid = conversation_of(Kind::LegacyChat);
    let service = &shared().identity.chat_service;
    let host = TwilioHost::Chat;
    let path = format!("/v2/Services/{service}/Channels/{sid}");
    let list = messages(
        &client,
        host,
        &format!("{path}/Messages?PageSize=3&Order=asc"),
    );
    let expected = &leg_of(Kind::LegacyChat)
        .transcript
        .as_ref()
        .unwrap()
        .messages;
    let sids: Vec<&str> = list.iter().map(|it| it["sid"].as_str().unwrap()).collect();
    assert_eq!(
        sids,
        expected
            .iter()
            .map(|it| it.sid.as_str())
            .collect::<Vec<_>>()
    );
    assert!(list[0]["from"].is_string() && list[0].get("author").is_none());
    assert!(list.iter().any(|it| it["type"] == "media"));
    let members = client.json(host, &format!("{path}/Members"));
    assert_eq!(members["members"].as_array().unwrap().len(), 1);
    let elsewhere = format!("/v1/Conversations/{sid}");
    assert_eq!(client.refused(TwilioHost::Conversations, &elsewhere).0, 404);
    let new = conversation_of(Kind::Chat);
    let there = format!("/v2/Services/{service}/Channels/{new}");
    assert_eq!(client.refused(host, &there).0, 404);
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn what_is_not_documented_of_conversations_is_refused_and_remembered() {
    let client = Client::new(shared());
    let sid = conversation_of(Kind::Chat);
    let service = &shared().identity.chat_service;
    let cases = [
        (TwilioHost::Conversations, "/v1/Messages".to_owned()),
        (
            TwilioHost::Conversations,
            format!("/v1/Conversations/{sid}/Messages?Author=a"),
        ),
        (
            TwilioHost::Conversations,
            format!("/v1/Conversations/{sid}/Messages?Page=1"),
        ),
        (TwilioHost::FlexApi, "/v1/Interactions".to_owned()),
        (
            TwilioHost::Mcs,
            format!("/v1/Services/{service}/Media/MEa/Thumbnail"),
        ),
        (TwilioHost::Chat, format!("/v2/Services/{service}/Users")),
    ];
    for (count, (host, target)) in cases.iter().enumerate() {
        assert!(client.refused(*host, target).0 >= 400, "{target}");
        assert_eq!(client.violations.count(), count as u64 + 1, "{target}");
    }
    let answer = client.ask(
        Method::DELETE,
        TwilioHost::Conversations,
        &format!("/v1/Conversations/{sid}"),
    );
    assert_eq!(answer.status, 405, "conversations are never deleted");
}

/// A leg as the events tell it.
struct Told {
    leg: String,
    accepted: i64,
    wrapup: i64,
    conversation: String,
    legacy: bool,
}

/// Every digital leg whose conversation is named, told by nothing but events.
fn told_legs(client: &Client<'_>) -> Vec<Told> {
    let list = client.router("Events?Minutes=60&PageSize=1000");
    assert!(list["meta"]["next_page_url"].is_null());
    let events = list["events"].as_array().unwrap();
    let of = |leg: &str, kind: &str| {
        let mut events = events.iter();
        let found = events.find(|event| {
            event["event_type"] == kind && event["event_data"]["reservation_sid"] == leg
        });
        found.map(|event| event["event_date_ms"].as_i64().unwrap())
    };
    let accepted = events.iter().filter(|event| {
        event["event_type"] == "reservation.accepted"
            && event["event_data"]["task_channel_unique_name"] != "voice"
    });
    accepted
        .filter_map(|event| {
            let data = &event["event_data"];
            let attributes: Value =
                serde_json::from_str(data["task_attributes"].as_str().unwrap()).unwrap();
            let media = &attributes["conversations"]["media"][0];
            let named = [
                &attributes["conversationSid"],
                &media["sid"],
                &media["conversation_sid"],
                &attributes["channelSid"],
            ];
            let leg = data["reservation_sid"].as_str().unwrap();
            Some(Told {
                leg: leg.to_owned(),
                accepted: event["event_date_ms"].as_i64().unwrap(),
                wrapup: of(leg, "reservation.wrapup").unwrap(),
                conversation: named.iter().find_map(|sid| sid.as_str())?.to_owned(),
                legacy: attributes.get("channelSid").is_some(),
            })
        })
        .collect()
}

#[test]
fn what_is_expected_of_transcripts_follows_from_what_twilio_tells() {
    let client = Client::new(shared());
    let service = &shared().identity.chat_service;
    let mut legs = told_legs(&client);
    legs.sort_by_key(|leg| leg.accepted);
    let mut compared = 0;
    for leg in &legs {
        let expected = shared().expected_leg(&leg.leg).unwrap();
        let Some(transcript) = &expected.transcript else {
            assert_eq!(expected.kind, Kind::ChatGone);
            continue;
        };
        let (host, path) = if leg.legacy {
            let path = format!("/v2/Services/{service}/Channels/{}", leg.conversation);
            (TwilioHost::Chat, path)
        } else {
            let path = format!("/v1/Services/{service}/Conversations/{}", leg.conversation);
            (TwilioHost::Conversations, path)
        };
        let together: Vec<&Told> = legs
            .iter()
            .filter(|it| it.conversation == leg.conversation)
            .collect();
        let owned = |message: &Value| {
            let at: DateTime<Utc> = message["date_created"].as_str().unwrap().parse().unwrap();
            let at = at.timestamp_millis();
            let open = together
                .iter()
                .rfind(|it| it.accepted <= at && at < it.wrapup);
            let next = together.iter().find(|it| it.accepted > at);
            let owner = open.or(next).or(together.last()).unwrap();
            owner.leg == leg.leg
        };
        let all = messages(&client, host, &format!("{path}/Messages?PageSize=100"));
        let own: Vec<(u64, &str)> = all
            .iter()
            .filter(|message| owned(message))
            .map(|it| (it["index"].as_u64().unwrap(), it["sid"].as_str().unwrap()))
            .collect();
        let wanted: Vec<(u64, &str)> = transcript
            .messages
            .iter()
            .map(|it| (it.index, it.sid.as_str()))
            .collect();
        assert_eq!(own, wanted, "{:?}", expected.kind);
        compared += 1;
    }
    let all = shared().expected().iter();
    assert_eq!(compared, all.filter(|leg| leg.transcript.is_some()).count());
    assert_eq!(client.violations.count(), 0);
}
