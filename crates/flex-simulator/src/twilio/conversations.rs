//! Conversations: what was written, and who takes part. Below the account's default service, and below `/Services/{IS}`.

use serde_json::{Value, json};

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
