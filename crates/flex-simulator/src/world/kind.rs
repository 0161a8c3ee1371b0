//! The kinds of contact a scenario is made of, each for one thing that a connector can get wrong.

use serde::{Deserialize, Serialize};

/// What is particular about a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// An inbound call whose conference recording is encrypted under the newer key.
    ConferenceEncrypted,
    /// The same under the older key, from before a rotation.
    ConferenceEncryptedOldKey,
    /// A call recording of both channels, encrypted.
    CallRecordingDualEncrypted,
    /// A mono conference recording in the clear.
    ConferenceMono,
    /// Inbound, two channels, the customer joined first: the channels stand right.
    InboundCustomerFirst,
    /// Inbound, two channels, the agent joined first: the channels are to be swapped.
    InboundAgentFirst,
    /// Outbound, two channels, the agent joined first.
    OutboundAgentFirst,
    /// Outbound, two channels, the customer joined first.
    OutboundCustomerFirst,
    /// Two agents share one encrypted conference recording, one after the other.
    TransferSharedConference,
    /// Two agents share one conference recording of two channels, overlapping while the first introduces the second.
    TransferDual,
    /// The recording was stopped and started: two recordings in time order.
    StopAndStart,
    /// Native and plugin recording at once: the one with two channels is the better.
    NativeAndPlugin,
    /// A native outbound call: its task names no call and no conference; the conference bears the task's SID as its name.
    NativeOutboundUnlinked,
    /// The recording completes some seconds after the start.
    LateRecording,
    /// A silent call: Twilio made no recording of it.
    AbsentSilent,
    /// Twilio could not store the recording.
    NotStored,
    /// The recording is encrypted under a key that the operator does not hold.
    MissingKey,
    /// The task has vanished; only events tell of it.
    VanishedTask,
    /// A call that an exclusion rule names.
    Excluded,
    /// The task lacks an attribute that is mapped.
    MissingMappedAttribute,
    /// The plugin records the agent's own call: its first channel is the agent; the reservation names the recording.
    WorkerLegRecording,
    /// A call recording that began in the queue: the leg is only its later part.
    QueueAudio,
    /// The recording was paused and the pauses cut out: its length and the time that passed disagree.
    PauseSkipped,
    /// The recording's silence was trimmed: its length and the time that passed disagree.
    SilenceTrimmed,
    /// The task only names the customer's call.
    NamedByCall,
    /// The stored media has been changed: its tag does not fit.
    Tampered,
    /// The WAV header promises more than there is.
    LyingHeader,
    /// The media lies in the customer's own bucket; Twilio has none.
    ExternallyStored,
    /// A chat on a website with one agent.
    Chat,
    /// Text messages; the task names its conversation among its media only.
    Sms,
    /// `WhatsApp`, begun by the agent; the task names its conversation by `conversationSid` only.
    Whatsapp,
    /// A chat in which files were sent.
    ChatWithMedia,
    /// Two agents, one after the other, in one conversation; the second has a task of its own.
    ChatTransfer,
    /// Two agents in one conversation for a while, each with a task of their own.
    ChatOverlappingLegs,
    /// Two tasks, some time apart, in one long conversation.
    LongLivedConversation,
    /// A chat in which nobody wrote anything.
    ChatEmpty,
    /// A chat from which messages were deleted.
    ChatDeletedMessages,
    /// A chat into which the system wrote, too.
    ChatSystemMessages,
    /// A chat in right-to-left scripts and emoji.
    ChatRtlEmoji,
    /// A chat of Programmable Chat, which Conversations does not know.
    LegacyChat,
    /// A chat whose conversation was deleted.
    ChatGone,
    /// A task of a chat that names no conversation.
    ChatUnnamed,
    /// A chat of 18 MB.
    ChatHuge,
    /// Two tasks, some time apart, in one conversation, each of an interaction of its own: nothing but their events tells of both.
    ConversationOfTwoInteractions,
}

impl Kind {
    /// What the demo shows, in order.
    pub const DEMO: [Self; 38] = [
        Self::ConferenceEncrypted,
        Self::ConferenceEncryptedOldKey,
        Self::CallRecordingDualEncrypted,
        Self::ConferenceMono,
        Self::InboundCustomerFirst,
        Self::InboundAgentFirst,
        Self::OutboundAgentFirst,
        Self::OutboundCustomerFirst,
        Self::TransferSharedConference,
        Self::TransferDual,
        Self::StopAndStart,
        Self::NativeAndPlugin,
        Self::NativeOutboundUnlinked,
        Self::LateRecording,
        Self::AbsentSilent,
        Self::NotStored,
        Self::MissingKey,
        Self::VanishedTask,
        Self::Excluded,
        Self::MissingMappedAttribute,
        Self::WorkerLegRecording,
        Self::QueueAudio,
        Self::PauseSkipped,
        Self::SilenceTrimmed,
        Self::NamedByCall,
        Self::Chat,
        Self::Sms,
        Self::Whatsapp,
        Self::ChatWithMedia,
        Self::ChatTransfer,
        Self::ChatOverlappingLegs,
        Self::LongLivedConversation,
        Self::ChatEmpty,
        Self::ChatDeletedMessages,
        Self::ChatSystemMessages,
        Self::ChatRtlEmoji,
        Self::LegacyChat,
        Self::ChatGone,
    ];

    /// Kinds that a scenario must ask for by name: faults of the source that no retry heals, and what is large or odd.
    pub const ON_REQUEST: [Self; 6] = [
        Self::Tampered,
        Self::LyingHeader,
        Self::ExternallyStored,
        Self::ChatUnnamed,
        Self::ChatHuge,
        Self::ConversationOfTwoInteractions,
    ];

    /// Whether it is of a digital channel: messages instead of a call.
    pub const fn is_digital(self) -> bool {
        matches!(
            self,
            Self::Chat
                | Self::Sms
                | Self::Whatsapp
                | Self::ChatWithMedia
                | Self::ChatTransfer
                | Self::ChatOverlappingLegs
                | Self::LongLivedConversation
                | Self::ChatEmpty
                | Self::ChatDeletedMessages
                | Self::ChatSystemMessages
                | Self::ChatRtlEmoji
                | Self::LegacyChat
                | Self::ChatGone
                | Self::ChatUnnamed
                | Self::ChatHuge
                | Self::ConversationOfTwoInteractions
        )
    }

    /// One sentence for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::ConferenceEncrypted => {
                "inbound, mono conference recording, encrypted under the newer key"
            }
            Self::ConferenceEncryptedOldKey => {
                "inbound, mono conference recording, encrypted under the older key"
            }
            Self::CallRecordingDualEncrypted => "inbound, dual-channel call recording, encrypted",
            Self::ConferenceMono => "inbound, mono conference recording in the clear",
            Self::InboundCustomerFirst => "inbound, dual-channel, the customer joined first",
            Self::InboundAgentFirst => "inbound, dual-channel, the agent joined first",
            Self::OutboundAgentFirst => "outbound, dual-channel, the agent joined first",
            Self::OutboundCustomerFirst => "outbound, dual-channel, the customer joined first",
            Self::TransferSharedConference => "two agents share one encrypted conference recording",
            Self::TransferDual => "two agents share one dual-channel conference recording",
            Self::StopAndStart => "the recording was stopped and started: two parts",
            Self::NativeAndPlugin => "native and plugin recording at once",
            Self::NativeOutboundUnlinked => "native outbound call whose task names no call",
            Self::LateRecording => "the recording completes late",
            Self::AbsentSilent => "a silent call of which there is no recording",
            Self::NotStored => "a recording that Twilio could not store",
            Self::MissingKey => "encrypted under a key that the operator does not hold",
            Self::VanishedTask => "the task has vanished, only events tell of it",
            Self::Excluded => "a call that an exclusion rule names",
            Self::MissingMappedAttribute => "the task lacks a mapped attribute",
            Self::WorkerLegRecording => "the plugin records the agent's own call",
            Self::QueueAudio => "a call recording that began in the queue",
            Self::PauseSkipped => "paused, the pauses cut out of the recording",
            Self::SilenceTrimmed => "silence trimmed from the recording",
            Self::NamedByCall => "the task only names the customer's call",
            Self::Tampered => "the stored media has been changed",
            Self::LyingHeader => "the WAV header promises more than there is",
            Self::ExternallyStored => "the media lies in the customer's own bucket",
            Self::Chat => "a chat on a website",
            Self::Sms => "text messages",
            Self::Whatsapp => "WhatsApp, begun by the agent",
            Self::ChatWithMedia => "a chat in which files were sent",
            Self::ChatTransfer => "two agents, one after the other, in one chat",
            Self::ChatOverlappingLegs => "two agents in one chat for a while",
            Self::LongLivedConversation => "two tasks, some time apart, in one long conversation",
            Self::ChatEmpty => "a chat in which nobody wrote anything",
            Self::ChatDeletedMessages => "a chat from which messages were deleted",
            Self::ChatSystemMessages => "a chat into which the system wrote, too",
            Self::ChatRtlEmoji => "a chat in right-to-left scripts and emoji",
            Self::LegacyChat => "a chat of Programmable Chat",
            Self::ChatGone => "a chat whose conversation was deleted",
            Self::ChatUnnamed => "a chat whose task names no conversation",
            Self::ChatHuge => "a chat of 18 MB",
            Self::ConversationOfTwoInteractions => {
                "two tasks of two interactions in one conversation"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_named_in_kebab_case() {
        assert_eq!(
            serde_json::to_string(&Kind::CallRecordingDualEncrypted).unwrap(),
            "\"call-recording-dual-encrypted\""
        );
    }

    #[test]
    fn every_kind_has_a_sentence_of_its_own() {
        let all: Vec<_> = Kind::DEMO
            .iter()
            .chain(&Kind::ON_REQUEST)
            .map(|kind| kind.sentence())
            .collect();
        let mut distinct = all.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), all.len());
    }
}
