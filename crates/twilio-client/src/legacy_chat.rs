//! Programmable Chat, which came before conversations: tasks with a `channelSid` point there.

use chrono::{DateTime, Utc};
use http_retry::SafeUrl;
use serde_json::Value;
use twilio_sid::{ConversationSid, ServiceSid};

use crate::conversations::MAX_PAGE_SIZE;
use crate::settings::Host;
use crate::wire::Fields;
use crate::{
    ConversationParticipant, Listing, Message, Messages, TwilioClient, TwilioError, Unreadable,
};

/// The channels of one service of Programmable Chat.
///
/// Their messages come as those of conversations do, though the author is called otherwise on the wire and no participant is named.
/// Channels and conversations share their SIDs (`CH…`); private channels are conversations as well.
#[derive(Debug, Clone, Copy)]
pub struct LegacyChat<'a> {
    pub(crate) client: &'a TwilioClient,
    pub(crate) service: ServiceSid,
}

impl LegacyChat<'_> {
    /// One channel, `None` if there is none (any more).
    pub async fn channel(&self, sid: ConversationSid) -> Result<Option<ChatChannel>, TwilioError> {
        let found = self
            .client
            .get(
                "twilio.chat.channels.get",
                self.url(sid, &[]),
                ChatChannel::read,
            )
            .await;
        match found {
            Ok(channel) => Ok(Some(channel)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A channel's messages, all pages, in the order of their index.
    pub fn messages(&self, sid: ConversationSid) -> Messages {
        Messages::new(self.client.list_by(
            MAX_PAGE_SIZE,
            "twilio.chat.messages.list",
            Host::Chat,
            self.url(sid, &["Messages"]).with_query("Order", "asc"),
            "messages",
            Message::read,
        ))
    }

    /// A channel's members: agents and customers alike have an identity there.
    pub fn members(&self, sid: ConversationSid) -> Listing<ConversationParticipant> {
        self.client.list_by(
            MAX_PAGE_SIZE,
            "twilio.chat.members.list",
            Host::Chat,
            self.url(sid, &["Members"]),
            "members",
            ConversationParticipant::read,
        )
    }

    fn url(&self, sid: ConversationSid, rest: &[&str]) -> SafeUrl {
        let service = self.service.as_str();
        let mut segments = vec!["v2", "Services", service, "Channels", sid.as_str()];
        segments.extend_from_slice(rest);
        self.client.url(Host::Chat, &segments)
    }
}

/// A channel of Programmable Chat. It has no state: it is there until somebody deletes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatChannel {
    /// Its SID.
    pub sid: ConversationSid,
    /// The service that it belongs to.
    pub service: Option<ServiceSid>,
    /// When it was created, in whole seconds.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was changed last.
    pub updated_at: Option<DateTime<Utc>>,
    /// How many messages it has.
    pub messages: Option<u64>,
}

impl ChatChannel {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a channel", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            service: fields.maybe_sid("service_sid"),
            created_at: fields.time("date_created"),
            updated_at: fields.time("date_updated"),
            messages: fields.unsigned("messages_count"),
        })
    }
}
