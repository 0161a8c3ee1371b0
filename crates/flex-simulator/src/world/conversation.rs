//! The things Twilio keeps about a conversation: its messages, who takes part, and the interaction that brought agents to it.

use chrono::{DateTime, Utc};

/// On which of `TaskRouter`'s channels a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskChannel {
    Voice,
    Chat,
    Sms,
}

impl TaskChannel {
    /// Its unique name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Chat => "chat",
            Self::Sms => "sms",
        }
    }
}

/// Which of Twilio's products keeps a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// Conversations.
    Conversations,
    /// Programmable Chat, which older Flex projects used: a public channel, unknown to Conversations.
    ProgrammableChat,
}

/// A file that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Attachment {
    pub(crate) sid: String,
    pub(crate) content_type: &'static str,
    pub(crate) filename: String,
    pub(crate) size: usize,
}

impl Attachment {
    /// Its bytes: the SID over and over, so that each file is found nowhere else.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.sid.bytes().cycle().take(self.size).collect()
    }
}

/// A message. One that was deleted is not kept; its index stays unused.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) sid: String,
    pub(crate) index: u64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) author: String,
    /// Nobody's where the system speaks.
    pub(crate) member: Option<String>,
    /// Nothing beside a file.
    pub(crate) body: Option<String>,
    pub(crate) attachment: Option<Attachment>,
}

/// Someone in a conversation.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) sid: String,
    /// Of users of the SDK only.
    pub(crate) identity: Option<String>,
    /// Kind, customer's and business' address of who is reached by a messaging channel.
    pub(crate) binding: Option<(&'static str, String, String)>,
    pub(crate) join: DateTime<Utc>,
    /// From when they are no longer told of.
    pub(crate) leave: Option<DateTime<Utc>>,
}

/// A conversation.
#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    pub(crate) sid: String,
    pub(crate) keeper: Keeper,
    pub(crate) created: DateTime<Utc>,
    /// From when it is closed.
    pub(crate) closed: DateTime<Utc>,
    /// It was deleted: nothing of it can be read.
    pub(crate) gone: bool,
    /// By index.
    pub(crate) messages: Vec<Message>,
    pub(crate) members: Vec<Member>,
}

/// An agent's place in an interaction.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) sid: String,
    pub(crate) invite: String,
    pub(crate) task: String,
    pub(crate) reservation: String,
    /// Index of the agent.
    pub(crate) worker: usize,
    /// From when the agent was invited.
    pub(crate) invited: DateTime<Utc>,
    /// From when the agent takes part.
    pub(crate) joined: DateTime<Utc>,
}

/// What leads a customer to agents, of one channel.
#[derive(Debug, Clone)]
pub(crate) struct Interaction {
    pub(crate) sid: String,
    pub(crate) channel: String,
    /// `web`, `sms`, `whatsapp`.
    pub(crate) medium: &'static str,
    pub(crate) created: DateTime<Utc>,
    pub(crate) closed: DateTime<Utc>,
    pub(crate) customer: String,
    pub(crate) seats: Vec<Seat>,
}
