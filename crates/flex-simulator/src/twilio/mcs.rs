//! Files that were sent in conversations: what is told of them, and their bytes, which lie behind a redirect.

use serde_json::{Value, json};

use super::answer::{Refusal, iso};
use super::media::{signed, signed_link};
use super::request::Request;
use crate::http::Outbound;
use crate::world::conversation::{Attachment, Conversation, Message};

pub(super) fn route(
    request: &Request<'_>,
    service: &str,
    rest: &[&str],
) -> Result<Outbound, Refusal> {
    request.only(&[])?;
    match rest {
        [sid] => {
            let (conversation, message, file) = find(request, service, sid)?;
            Ok(Outbound::json(
                200,
                &shape(request, conversation, message, file),
            ))
        }
        [sid, "Content"] => {
            find(request, service, sid)?;
            let location = signed_link(request, service, sid, 0);
            Ok(Outbound::empty(307).with_header("location", location))
        }
        _ => Err(request.unknown_path()),
    }
}

/// What the redirect leads to.
pub(super) fn stored(request: &Request<'_>, service: &str, sid: &str) -> Result<Outbound, Refusal> {
    request.only(&["Expires", "Signature"])?;
    signed(request, sid, 0)?;
    let (_, _, file) = find(request, service, sid)?;
    Ok(Outbound::text(200, file.content_type, file.bytes()))
}

fn find<'a>(
    request: &Request<'a>,
    service: &str,
    sid: &str,
) -> Result<(&'a Conversation, &'a Message, &'a Attachment), Refusal> {
    let now = request.now();
    let found = request
        .world
        .conversations
        .iter()
        .filter(|conversation| !conversation.gone)
        .flat_map(|conversation| {
            let messages = conversation.messages.iter();
            messages.map(move |message| (conversation, message))
        })
        .filter(|(_, message)| message.at <= now)
        .find_map(|(conversation, message)| {
            let file = message.attachment.as_ref().filter(|file| file.sid == sid)?;
            Some((conversation, message, file))
        });
    found
        .filter(|_| service == request.world.identity.chat_service)
        .ok_or_else(|| request.not_found())
}

fn shape(
    request: &Request<'_>,
    conversation: &Conversation,
    message: &Message,
    file: &Attachment,
) -> Value {
    let service = &request.world.identity.chat_service;
    let own = format!("/v1/Services/{service}/Media/{}", file.sid);
    json!({
        "sid": file.sid,
        "account_sid": request.account(),
        "service_sid": service,
        "channel_sid": conversation.sid,
        "message_sid": message.sid,
        "author": message.author,
        "category": "media",
        "content_type": file.content_type,
        "filename": file.filename,
        "size": file.size,
        "is_multipart_upstream": false,
        "date_created": iso(message.at),
        "date_upload_updated": iso(message.at),
        "date_updated": iso(message.at),
        "url": own,
        "links": {
            "content": format!("{own}/Content"),
            "content_direct_temporary": signed_link(request, service, &file.sid, 0),
        },
    })
}
