//! Messages, of conversations and of the channels that came before them, in the order of their index.

use std::fmt;

use chrono::{DateTime, Utc};
use flex_events::Attributes;
use futures_util::Stream;
use serde_json::Value;
use twilio_sid::{ConversationParticipantSid, ConversationSid, MediaSid, MessageSid, ServiceSid};

use crate::wire::Fields;
use crate::{Listed, Listing, TwilioClient, TwilioError, Unreadable};

/// The author under which Twilio and bots write.
const SYSTEM: &str = "system";

/// A message of a conversation, or of a channel of Programmable Chat.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its SID.
    pub sid: MessageSid,
    /// Its conversation, or its channel.
    pub conversation: Option<ConversationSid>,
    /// The service that the conversation belongs to; answers of the account's default service leave it out.
    pub service: Option<ServiceSid>,
    /// Its place. Places rise and have gaps: those of deleted messages stay empty.
    pub index: u64,
    /// Who wrote it: an identity (agents, web chat), a number or an address (SMS, `WhatsApp`), or `system`. `Debug` does not show it.
    pub author: Option<String>,
    /// The participant who wrote it; Programmable Chat names none.
    pub participant: Option<ConversationParticipantSid>,
    /// What was written; absent where only something is attached. `Debug` does not show it.
    pub body: Option<String>,
    /// What is attached.
    pub media: Vec<MessageMedia>,
    /// When it was written, in whole seconds.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was changed last; absent, or the time of writing, if it never was.
    pub updated_at: Option<DateTime<Utc>>,
    /// Its attributes.
    pub attributes: Option<Attributes>,
}

impl Message {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a message", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            conversation: fields
                .maybe_sid("conversation_sid")
                .or_else(|| fields.maybe_sid("channel_sid")),
            service: fields
                .maybe_sid("chat_service_sid")
                .or_else(|| fields.maybe_sid("service_sid")),
            index: fields.required_unsigned("index")?,
            // Programmable Chat calls the author `from`.
            author: fields.owned("author").or_else(|| fields.owned("from")),
            participant: fields.maybe_sid("participant_sid"),
            body: fields.owned("body"),
            media: media(fields.value("media")),
            created_at: fields.time("date_created"),
            updated_at: fields.time("date_updated"),
            attributes: fields.attributes("attributes"),
        })
    }

    /// Whether nobody wrote it: it belongs to no participant, and its author is `system` or nobody.
    ///
    /// A customer may choose the name `system`; then there is a participant of that name.
    pub fn is_system(&self) -> bool {
        self.participant.is_none()
            && self
                .author
                .as_deref()
                .is_none_or(|author| author.eq_ignore_ascii_case(SYSTEM))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("sid", &self.sid)
            .field("conversation", &self.conversation)
            .field("index", &self.index)
            .field("media", &self.media.len())
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// Something attached to a message, as the message tells of it.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageMedia {
    /// Its SID, with which [`Attachments::content`](crate::Attachments::content) fetches it. Absent if it is not readable: then it
    /// can be listed, and not fetched.
    pub sid: Option<MediaSid>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its content type, as the sender gave it.
    pub content_type: Option<String>,
    /// Its file name, as the sender gave it. `Debug` does not show it.
    pub filename: Option<String>,
}

impl MessageMedia {
    fn read(value: &Value) -> Self {
        let fields = Fields::of("an attachment", value).ok();
        let fields = fields.as_ref();
        Self {
            sid: fields.and_then(|fields| fields.maybe_sid("sid")),
            size: fields.and_then(|fields| fields.unsigned("size")),
            content_type: fields.and_then(|fields| fields.owned("content_type")),
            filename: fields.and_then(|fields| fields.owned("filename")),
        }
    }
}

impl fmt::Debug for MessageMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageMedia")
            .field("sid", &self.sid)
            .field("size", &self.size)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

/// Conversations have a list, Programmable Chat has one thing or none. What cannot be read is attached all the same.
fn media(value: Option<&Value>) -> Vec<MessageMedia> {
    match value {
        None => Vec::new(),
        Some(Value::Array(list)) => list.iter().map(MessageMedia::read).collect(),
        Some(one) => vec![MessageMedia::read(one)],
    }
}

/// A conversation's messages, page after page, in the order of their index.
///
/// They are asked for in that order, and sorted within each page; if a page begins before the end of the one before it,
/// [`TwilioError::OutOfOrder`] ends the list, since what belongs to which agent hangs on it. Otherwise as [`Listing`].
pub struct Messages {
    listing: Listing<Message>,
    last: Option<u64>,
}

impl Messages {
    pub(crate) fn new(listing: Listing<Message>) -> Self {
        let index = |item: &Value| Fields::of("a message", item).ok()?.unsigned("index");
        Self {
            listing: listing.ordered_by(index),
            last: None,
        }
    }

    /// The next message, `None` at the end. A dropped future loses none.
    pub async fn next(&mut self) -> Option<Result<Message, TwilioError>> {
        let item = self.listing.next().await?;
        if let Ok(message) = &item {
            if self.last.is_some_and(|last| message.index <= last) {
                self.listing.end();
                return Some(Err(TwilioError::OutOfOrder { list: "messages" }));
            }
            self.last = Some(message.index);
        }
        Some(item)
    }

    /// The messages as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Message, TwilioError>> + Send {
        futures_util::stream::unfold(self, |mut messages| async move {
            let item = messages.next().await?;
            Some((item, messages))
        })
    }

    /// All messages. What is not readable is set aside; any other error ends it.
    pub async fn all(mut self) -> Result<Listed<Message>, TwilioError> {
        let mut listed = Listed {
            items: Vec::new(),
            unreadable: Vec::new(),
        };
        while let Some(item) = self.next().await {
            match item {
                Ok(item) => listed.items.push(item),
                Err(TwilioError::Unreadable(unreadable)) => listed.unreadable.push(unreadable),
                Err(error) => return Err(error),
            }
        }
        Ok(listed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_attached_is_a_list_or_one_thing_or_none() {
        let picture = json!({"sid": format!("ME{:032x}", 1), "size": "42056", "content_type": "image/jpeg", "filename": "car.jpg"});
        let read = MessageMedia {
            sid: format!("ME{:032x}", 1).parse().ok(),
            size: Some(42056),
            content_type: Some("image/jpeg".to_owned()),
            filename: Some("car.jpg".to_owned()),
        };
        assert_eq!(media(None), []);
        assert_eq!(media(Some(&picture)), std::slice::from_ref(&read));
        let two = json!([picture, "rubbish"]);
        let two = media(Some(&two));
        assert_eq!(two[0], read);
        assert_eq!(
            (two.len(), two[1].sid),
            (2, None),
            "it is told that something is there"
        );
        assert!(!format!("{read:?}").contains("car"));
    }

    proptest! {
        #[test]
        fn nothing_attached_panics_and_nothing_in_a_list_is_lost(value in crate::lenient::json()) {
            let read = media(Some(&value));
            if let Value::Array(list) = &value {
                prop_assert_eq!(read.len(), list.len());
            } else {
                prop_assert_eq!(read.len(), 1);
            }
        }
    }
}
