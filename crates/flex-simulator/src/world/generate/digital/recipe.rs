//! What makes a digital contact of each kind: by which medium, with how many agents, what is written, and what the task names.

use crate::world::conversation::{Keeper, TaskChannel};
use crate::world::kind::Kind;

/// By what the customer writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    Web,
    Sms,
    WhatsApp,
}

impl Medium {
    /// As the interaction's channel and the task's attributes call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Sms => "sms",
            Self::WhatsApp => "whatsapp",
        }
    }

    /// On which of `TaskRouter`'s channels its tasks run.
    pub(super) const fn channel(self) -> TaskChannel {
        match self {
            Self::Sms => TaskChannel::Sms,
            Self::Web | Self::WhatsApp => TaskChannel::Chat,
        }
    }
}

/// The agents of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agents {
    /// One.
    One,
    /// A second one after the first.
    Transfer,
    /// A second one while the first is there, who goes first.
    Overlapping,
    /// A second one some time later, in the same interaction, or in another one.
    Later { same_interaction: bool },
}

/// How a task names its conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// `conversationSid` and `conversations.media`.
    Both,
    /// `conversationSid`.
    Attribute,
    /// `sid` of an entry of `conversations.media`.
    MediaSid,
    /// `conversation_sid` of such an entry.
    MediaConversationSid,
    /// `channelSid`, as older projects did.
    Channel,
    /// Not at all.
    Nothing,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Plain words.
    Plain,
    /// Nothing.
    Empty,
    /// Right-to-left scripts and emoji.
    ManyScripts,
    /// Very long messages.
    Huge,
}

/// What else is particular.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twist {
    /// Nothing.
    None,
    /// Messages were deleted.
    MessagesDeleted,
    /// The system writes, too.
    SystemWrites,
    /// The conversation was deleted.
    ConversationGone,
}

/// What makes a digital contact.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recipe {
    pub(super) medium: Medium,
    pub(super) outbound: bool,
    pub(super) agents: Agents,
    pub(super) naming: Naming,
    pub(super) keeper: Keeper,
    pub(super) script: Script,
    /// How many messages there are of each leg, where that is not as the scenario says.
    pub(super) messages: Option<u64>,
    /// Whether files were sent.
    pub(super) files: bool,
    pub(super) twist: Twist,
}

impl Recipe {
    pub(super) const fn of(kind: Kind) -> Self {
        let plain = Self {
            medium: Medium::Web,
            outbound: false,
            agents: Agents::One,
            naming: Naming::Both,
            keeper: Keeper::Conversations,
            script: Script::Plain,
            messages: None,
            files: false,
            twist: Twist::None,
        };
        match kind {
            Kind::Sms => Self {
                medium: Medium::Sms,
                naming: Naming::MediaSid,
                ..plain
            },
            Kind::Whatsapp => Self {
                medium: Medium::WhatsApp,
                outbound: true,
                naming: Naming::Attribute,
                ..plain
            },
            Kind::ChatWithMedia => Self {
                files: true,
                ..plain
            },
            Kind::ChatTransfer => Self {
                agents: Agents::Transfer,
                ..plain
            },
            Kind::ChatOverlappingLegs => Self {
                agents: Agents::Overlapping,
                naming: Naming::Attribute,
                ..plain
            },
            // More than fit on one page.
            Kind::LongLivedConversation => Self {
                medium: Medium::Sms,
                agents: Agents::Later {
                    same_interaction: true,
                },
                naming: Naming::MediaConversationSid,
                messages: Some(70),
                ..plain
            },
            Kind::ConversationOfTwoInteractions => Self {
                agents: Agents::Later {
                    same_interaction: false,
                },
                ..plain
            },
            Kind::ChatEmpty => Self {
                script: Script::Empty,
                ..plain
            },
            Kind::ChatDeletedMessages => Self {
                twist: Twist::MessagesDeleted,
                messages: Some(14),
                ..plain
            },
            Kind::ChatSystemMessages => Self {
                twist: Twist::SystemWrites,
                naming: Naming::MediaSid,
                ..plain
            },
            Kind::ChatRtlEmoji => Self {
                script: Script::ManyScripts,
                messages: Some(12),
                ..plain
            },
            Kind::LegacyChat => Self {
                keeper: Keeper::ProgrammableChat,
                naming: Naming::Channel,
                files: true,
                twist: Twist::SystemWrites,
                ..plain
            },
            Kind::ChatGone => Self {
                twist: Twist::ConversationGone,
                ..plain
            },
            Kind::ChatUnnamed => Self {
                naming: Naming::Nothing,
                ..plain
            },
            Kind::ChatHuge => Self {
                script: Script::Huge,
                messages: Some(600),
                ..plain
            },
            _ => plain,
        }
    }
}
