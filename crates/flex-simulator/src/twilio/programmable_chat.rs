//! Programmable Chat, version 2: channels that Conversations does not know.

use serde_json::{Map, Value, json};

use super::answer::{Refusal, iso};
use super::conversations::{find, ordered, present, written};
use super::paging::{self, Envelope, SMALL_PAGE};
use super::request::Request;
use crate::http::Outbound;
use crate::world::conversation::{Conversation, Keeper, Member, Message};

pub(super) fn route(
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
