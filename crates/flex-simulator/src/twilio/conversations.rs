//! Conversations: what was written, and who takes part. Below the account's default service, and below `/Services/{IS}`.

use serde_json::{Map, Value, json};

use super::answer::{Refusal, iso};
use super::paging::{self, Envelope, SMALL_PAGE};
use super::request::{Request, Times};
use super::taskrouter::one;
use crate::http::Outbound;
use crate::world::conversation::{Conversation, Keeper, Member, Message};

/// Routes what stands below `/v1`; `service` is the one that the path names.
pub(super) fn route(
    request: &Request<'_>,
    service: Option<&str>,
    rest: &[&str],
) -> Result<Outbound, Refusal> {
    let own = &request.world.identity.chat_service;
    if service.is_some_and(|service| service != own) {
        return Err(request.not_found());
    }
    let below = Below { request, service };
    match rest {
        ["Conversations"] => below.list(),
        ["Conversations", sid] => {
            request.only(&[])?;
            let conversation = find(request, sid, Keeper::Conversations)?;
            Ok(Outbound::json(200, &below.shape(conversation)))
        }
        ["Conversations", sid, "Messages"] => below.messages(sid),
        ["Conversations", sid, "Messages", message] => {
            request.only(&[])?;
            let conversation = find(request, sid, Keeper::Conversations)?;
            one(
                request,
                written(request, conversation),
                |written| written.sid == *message,
                |written| below.message(conversation, written),
            )
        }
        ["Conversations", sid, "Participants"] => below.participants(sid),
        ["Conversations", sid, "Participants", member] => {
            request.only(&[])?;
            let conversation = find(request, sid, Keeper::Conversations)?;
            one(
                request,
                present(request, conversation),
                |present| present.sid == *member,
                |present| below.participant(conversation, present),
            )
        }
        _ => Err(request.unknown_path()),
    }
}

/// A conversation that there is by now, and still.
pub(super) fn find<'a>(
    request: &Request<'a>,
    sid: &str,
    keeper: Keeper,
) -> Result<&'a Conversation, Refusal> {
    all(request, keeper)
        .find(|conversation| conversation.sid == sid)
        .ok_or_else(|| request.not_found())
}

fn all<'a>(request: &Request<'a>, keeper: Keeper) -> impl Iterator<Item = &'a Conversation> {
    let now = request.now();
    request
        .world
        .conversations
        .iter()
        .filter(move |made| made.keeper == keeper && !made.gone && made.created <= now)
}

/// What was written by now, by index.
pub(super) fn written<'a>(
    request: &Request<'a>,
    conversation: &'a Conversation,
) -> impl Iterator<Item = &'a Message> + use<'a> {
    let now = request.now();
    conversation
        .messages
        .iter()
        .filter(move |message| message.at <= now)
}

/// Who takes part now.
pub(super) fn present<'a>(
    request: &Request<'a>,
    conversation: &'a Conversation,
) -> impl Iterator<Item = &'a Member> + use<'a> {
    let now = request.now();
    conversation
        .members
        .iter()
        .filter(move |member| member.join <= now && member.leave.is_none_or(|leave| now < leave))
}

/// Messages in the order asked for: by index, unless `Order=desc`.
pub(super) fn ordered<'a>(
    request: &Request<'a>,
    conversation: &'a Conversation,
) -> Result<Vec<&'a Message>, Refusal> {
    let mut items: Vec<&Message> = written(request, conversation).collect();
    match request.param("Order") {
        Some(order) if order.eq_ignore_ascii_case("desc") => items.reverse(),
        Some(order) if !order.eq_ignore_ascii_case("asc") => {
            return Err(Refusal::parameter("Order is neither asc nor desc"));
        }
        _ => {}
    }
    Ok(items)
}

struct Below<'r, 'a> {
    request: &'r Request<'a>,
    service: Option<&'r str>,
}

impl Below<'_, '_> {
    fn link(&self, path: &str) -> String {
        match self.service {
            Some(service) => self
                .request
                .link(&format!("/v1/Services/{service}/Conversations{path}")),
            None => self.request.link(&format!("/v1/Conversations{path}")),
        }
    }

    fn list(&self) -> Result<Outbound, Refusal> {
        let request = self.request;
        request.only_and_paging(&["StartDate", "EndDate", "State"])?;
        let created = Times::between(
            request.when("StartDate", false)?,
            request.when("EndDate", false)?,
        );
        let items: Vec<&Conversation> = all(request, Keeper::Conversations)
            .filter(|conversation| created.admit(conversation.created))
            .filter(|conversation| request.admits("State", state(request, conversation)))
            .collect();
        paging::list_up_to(
            request,
            Envelope::V1,
            SMALL_PAGE,
            "conversations",
            &items,
            |conversation| conversation.sid.as_str(),
            |conversation| self.shape(conversation),
        )
    }

    fn messages(&self, sid: &str) -> Result<Outbound, Refusal> {
        let request = self.request;
        request.only_and_paging(&["Order"])?;
        let conversation = find(request, sid, Keeper::Conversations)?;
        let items = ordered(request, conversation)?;
        paging::list_up_to(
            request,
            Envelope::V1,
            SMALL_PAGE,
            "messages",
            &items,
            |message| message.sid.as_str(),
            |message| self.message(conversation, message),
        )
    }

    fn participants(&self, sid: &str) -> Result<Outbound, Refusal> {
        let request = self.request;
        request.only_and_paging(&[])?;
        let conversation = find(request, sid, Keeper::Conversations)?;
        let items: Vec<&Member> = present(request, conversation).collect();
        paging::list_up_to(
            request,
            Envelope::V1,
            SMALL_PAGE,
            "participants",
            &items,
            |member| member.sid.as_str(),
            |member| self.participant(conversation, member),
        )
    }

    /// What every resource below a service names beside itself.
    fn with_service(&self, shaped: Value) -> Value {
        let Value::Object(mut shaped) = shaped else {
            return shaped;
        };
        if let Some(service) = self.service {
            shaped.insert("chat_service_sid".to_owned(), json!(service));
        }
        Value::Object(shaped)
    }

    fn shape(&self, conversation: &Conversation) -> Value {
        let own = format!("/{}", conversation.sid);
        let closed = state(self.request, conversation) == "closed";
        let updated = conversation.closed.min(self.request.now());
        json!({
            "sid": conversation.sid,
            "account_sid": self.request.account(),
            "chat_service_sid": self.request.world.identity.chat_service,
            "messaging_service_sid": null,
            "friendly_name": conversation.sid,
            "unique_name": null,
            "attributes": "{}",
            "date_created": iso(conversation.created),
            "date_updated": iso(updated),
            "state": state(self.request, conversation),
            "timers": if closed { json!({"date_closed": iso(conversation.closed)}) } else { json!({}) },
            "bindings": {},
            "url": self.link(&own),
            "links": {
                "participants": self.link(&format!("{own}/Participants")),
                "messages": self.link(&format!("{own}/Messages")),
                "webhooks": self.link(&format!("{own}/Webhooks")),
                "export": self.link(&format!("{own}/Export")),
            },
        })
    }

    fn message(&self, conversation: &Conversation, message: &Message) -> Value {
        let own = format!("/{}/Messages/{}", conversation.sid, message.sid);
        let media = message.attachment.as_ref().map(|file| {
            json!([{
                "sid": file.sid,
                "size": file.size,
                "content_type": file.content_type,
                "filename": file.filename,
            }])
        });
        self.with_service(json!({
            "sid": message.sid,
            "account_sid": self.request.account(),
            "conversation_sid": conversation.sid,
            "index": message.index,
            "author": message.author,
            "participant_sid": message.member,
            "body": message.body,
            "media": media,
            "attributes": "{}",
            "date_created": iso(message.at),
            "date_updated": null,
            "delivery": null,
            "content_sid": null,
            "url": self.link(&own),
            "links": {
                "delivery_receipts": self.link(&format!("{own}/Receipts")),
                "channel_metadata": self.link(&format!("{own}/ChannelMetadata")),
            },
        }))
    }

    fn participant(&self, conversation: &Conversation, member: &Member) -> Value {
        let binding = member.binding.as_ref().map(|(kind, address, proxy)| {
            json!({"type": kind, "address": address, "proxy_address": proxy})
        });
        self.with_service(json!({
            "sid": member.sid,
            "account_sid": self.request.account(),
            "conversation_sid": conversation.sid,
            "identity": member.identity,
            "attributes": "{}",
            "messaging_binding": binding,
            "role_sid": null,
            "date_created": iso(member.join),
            "date_updated": iso(member.join),
            "last_read_message_index": null,
            "last_read_timestamp": null,
            "url": self.link(&format!("/{}/Participants/{}", conversation.sid, member.sid)),
        }))
    }
}

fn state(request: &Request<'_>, conversation: &Conversation) -> &'static str {
    if conversation.closed <= request.now() {
        "closed"
    } else {
        "active"
    }
}

/// Programmable Chat, version 2: channels that Conversations does not know.
pub(super) fn chat(
    request: &Request<'_>,
    service: &str,
    rest: &[&str],
) -> Result<Outbound, Refusal> {
    if service != request.world.identity.chat_service {
        return Err(request.not_found());
    }
    match rest {
        ["Channels", sid] => {
            request.only(&[])?;
            let channel = find(request, sid, Keeper::ProgrammableChat)?;
            Ok(Outbound::json(200, &channel_shape(request, channel)))
        }
        ["Channels", sid, "Messages"] => {
            request.only_and_paging(&["Order"])?;
            let channel = find(request, sid, Keeper::ProgrammableChat)?;
            let items = ordered(request, channel)?;
            paging::list_up_to(
                request,
                Envelope::V1,
                SMALL_PAGE,
                "messages",
                &items,
                |message| message.sid.as_str(),
                |message| chat_message(request, channel, message),
            )
        }
        ["Channels", sid, "Members"] => {
            request.only_and_paging(&["Identity"])?;
            let channel = find(request, sid, Keeper::ProgrammableChat)?;
            let items: Vec<&Member> = present(request, channel)
                .filter(|member| {
                    request.admits("Identity", member.identity.as_deref().unwrap_or_default())
                })
                .collect();
            paging::list_up_to(
                request,
                Envelope::V1,
                SMALL_PAGE,
                "members",
                &items,
                |member| member.sid.as_str(),
                |member| chat_member(request, channel, member),
            )
        }
        _ => Err(request.unknown_path()),
    }
}

fn chat_link(request: &Request<'_>, path: &str) -> String {
    let service = &request.world.identity.chat_service;
    request.link(&format!("/v2/Services/{service}/Channels/{path}"))
}

fn channel_shape(request: &Request<'_>, channel: &Conversation) -> Value {
    json!({
        "sid": channel.sid,
        "account_sid": request.account(),
        "service_sid": request.world.identity.chat_service,
        "friendly_name": channel.sid,
        "unique_name": null,
        "attributes": "{}",
        "type": "public",
        "created_by": "system",
        "date_created": iso(channel.created),
        "date_updated": iso(channel.created),
        "members_count": present(request, channel).count(),
        "messages_count": written(request, channel).count(),
        "url": chat_link(request, &channel.sid),
        "links": {
            "members": chat_link(request, &format!("{}/Members", channel.sid)),
            "messages": chat_link(request, &format!("{}/Messages", channel.sid)),
        },
    })
}

fn chat_message(request: &Request<'_>, channel: &Conversation, message: &Message) -> Value {
    let mut shaped = Map::new();
    let mut set = |key: &str, value: Value| {
        shaped.insert(key.to_owned(), value);
    };
    set("sid", json!(message.sid));
    set("account_sid", json!(request.account()));
    set("service_sid", json!(request.world.identity.chat_service));
    set("channel_sid", json!(channel.sid));
    set("to", json!(channel.sid));
    // Not `author`, as in Conversations.
    set("from", json!(message.author));
    set("index", json!(message.index));
    set("body", json!(message.body));
    let file = message.attachment.as_ref();
    set("type", json!(if file.is_some() { "media" } else { "text" }));
    set(
        "media",
        file.map_or(Value::Null, |file| {
            json!({
                "sid": file.sid,
                "size": file.size,
                "content_type": file.content_type,
                "filename": file.filename,
            })
        }),
    );
    set("attributes", json!("{}"));
    set("date_created", json!(iso(message.at)));
    set("date_updated", json!(iso(message.at)));
    set("was_edited", json!(false));
    set("last_updated_by", Value::Null);
    let own = format!("{}/Messages/{}", channel.sid, message.sid);
    set("url", json!(chat_link(request, &own)));
    Value::Object(shaped)
}

fn chat_member(request: &Request<'_>, channel: &Conversation, member: &Member) -> Value {
    json!({
        "sid": member.sid,
        "account_sid": request.account(),
        "service_sid": request.world.identity.chat_service,
        "channel_sid": channel.sid,
        "identity": member.identity,
        "attributes": "{}",
        "role_sid": null,
        "date_created": iso(member.join),
        "date_updated": iso(member.join),
        "last_consumed_message_index": null,
        "last_consumption_timestamp": null,
        "url": chat_link(request, &format!("{}/Members/{}", channel.sid, member.sid)),
    })
}
