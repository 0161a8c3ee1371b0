//! Conversations: the talk itself, who takes part, and its messages.

use std::fmt;

use chrono::{DateTime, Utc};
use flex_events::Attributes;
use http_retry::SafeUrl;
use serde_json::Value;
use twilio_sid::{AccountSid, ConversationParticipantSid, ConversationSid, ServiceSid};

use crate::settings::Host;
use crate::wire::{Fields, open_enum};
use crate::{Listing, Message, Messages, TwilioClient, TwilioError, Unreadable};

/// The most items that Twilio puts on a page of messages or participants: a tenth of what other lists allow.
pub(crate) const MAX_PAGE_SIZE: u16 = 100;

/// The conversations of one service, or of the account's default service.
#[derive(Debug, Clone, Copy)]
pub struct Conversations<'a> {
    pub(crate) client: &'a TwilioClient,
    pub(crate) service: Option<ServiceSid>,
}

impl Conversations<'_> {
    /// One conversation, `None` if there is none (any more).
    ///
    /// One that this service does not have is looked for in the account's default service too, before it is taken for gone:
    /// [`Conversation::service`] tells where it was found, and its messages and participants are to be asked for there.
    pub async fn get(&self, sid: ConversationSid) -> Result<Option<Conversation>, TwilioError> {
        let found = self.look(self.url(sid, &[])).await?;
        if found.is_some() || self.service.is_none() {
            return Ok(found);
        }
        let default = Self {
            service: None,
            ..*self
        };
        self.look(default.url(sid, &[])).await
    }

    /// A conversation's messages, all pages, in the order of their index.
    pub fn messages(&self, sid: ConversationSid) -> Messages {
        let url = self.url(sid, &["Messages"]).with_query("Order", "asc");
        Messages::new(self.list(
            "twilio.conversations.messages.list",
            url,
            "messages",
            Message::read,
        ))
    }

    /// Who takes part in a conversation now. Agents who have left need not be listed: what they wrote names them still.
    pub fn participants(&self, sid: ConversationSid) -> Listing<ConversationParticipant> {
        self.list(
            "twilio.conversations.participants.list",
            self.url(sid, &["Participants"]),
            "participants",
            ConversationParticipant::read,
        )
    }

    async fn look(&self, url: SafeUrl) -> Result<Option<Conversation>, TwilioError> {
        let found = self
            .client
            .get("twilio.conversations.get", url, Conversation::read)
            .await;
        match found {
            Ok(conversation) => Ok(Some(conversation)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn url(&self, sid: ConversationSid, rest: &[&str]) -> SafeUrl {
        let mut segments = vec!["v1"];
        if let Some(service) = &self.service {
            segments.extend(["Services", service.as_str()]);
        }
        segments.extend(["Conversations", sid.as_str()]);
        segments.extend_from_slice(rest);
        self.client.url(Host::Conversations, &segments)
    }

    fn list<T>(
        &self,
        name: &'static str,
        url: SafeUrl,
        key: &'static str,
        read: fn(&TwilioClient, &Value) -> Result<T, Unreadable>,
    ) -> Listing<T> {
        self.client
            .list_by(MAX_PAGE_SIZE, name, Host::Conversations, url, key, read)
    }
}

open_enum! {
    /// Where a conversation stands.
    ConversationState {
        /// Being set up.
        Initializing = "initializing",
        /// Open.
        Active = "active",
        /// Silent for a while; a message wakes it.
        Inactive = "inactive",
        /// Over for good: it cannot be opened again.
        Closed = "closed",
    }
}

/// A conversation. It may serve several tasks, one after the other.
#[derive(Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its SID.
    pub sid: ConversationSid,
    /// Its account.
    pub account: Option<AccountSid>,
    /// The service that it belongs to.
    pub service: Option<ServiceSid>,
    /// Where it stands.
    pub state: ConversationState,
    /// When it was created, in whole seconds.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was changed last.
    pub updated_at: Option<DateTime<Utc>>,
    /// When its timer closes it; for one that is closed, when it did, where a timer was set.
    pub closed_at: Option<DateTime<Utc>>,
    /// Its name. `Debug` does not show it: it is whatever the customer chose.
    pub friendly_name: Option<String>,
    /// Its attributes.
    pub attributes: Option<Attributes>,
}

impl Conversation {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a conversation", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            account: fields.maybe_sid("account_sid"),
            service: fields.maybe_sid("chat_service_sid"),
            state: ConversationState::from_wire(&fields.required("state")?),
            created_at: fields.time("date_created"),
            updated_at: fields.time("date_updated"),
            closed_at: fields
                .object("timers")
                .and_then(|timers| timers.time("date_closed")),
            friendly_name: fields.owned("friendly_name"),
            attributes: fields.attributes("attributes"),
        })
    }

    /// Whether no message can come any more.
    pub fn is_closed(&self) -> bool {
        self.state == ConversationState::Closed
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("sid", &self.sid)
            .field("service", &self.service)
            .field("state", &self.state)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// Someone in a conversation, or in a channel of Programmable Chat.
#[derive(Clone, PartialEq, Eq)]
pub struct ConversationParticipant {
    /// Its SID.
    pub sid: ConversationParticipantSid,
    /// Who it is, for agents and web chat: what the author of their messages is. `Debug` does not show it.
    pub identity: Option<String>,
    /// Over which channel it is reached, for SMS, `WhatsApp` and the like.
    pub binding: Option<MessagingBinding>,
    /// Its attributes.
    pub attributes: Option<Attributes>,
    /// When it joined, in whole seconds.
    pub created_at: Option<DateTime<Utc>>,
}

impl ConversationParticipant {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a conversation participant", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            identity: fields.owned("identity"),
            binding: fields
                .object("messaging_binding")
                .map(|binding| MessagingBinding {
                    channel: binding.owned("type"),
                    address: binding.owned("address"),
                    proxy_address: binding.owned("proxy_address"),
                }),
            attributes: fields.attributes("attributes"),
            created_at: fields.time("date_created"),
        })
    }
}

impl fmt::Debug for ConversationParticipant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConversationParticipant")
            .field("sid", &self.sid)
            .field("binding", &self.binding)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// Over which channel a participant is reached.
#[derive(Clone, PartialEq, Eq)]
pub struct MessagingBinding {
    /// `sms`, `whatsapp`, `email`, …
    pub channel: Option<String>,
    /// The participant's own address: what the author of its messages is. `Debug` does not show it.
    pub address: Option<String>,
    /// The address at Twilio to which it writes. `Debug` does not show it.
    pub proxy_address: Option<String>,
}

impl fmt::Debug for MessagingBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessagingBinding")
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}
