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
}

impl Kind {
    /// What the demo shows, in order.
    pub const DEMO: [Self; 25] = [
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
    ];

    /// Kinds that a scenario must ask for by name: faults of the source that no retry heals.
    pub const ON_REQUEST: [Self; 3] = [Self::Tampered, Self::LyingHeader, Self::ExternallyStored];

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
