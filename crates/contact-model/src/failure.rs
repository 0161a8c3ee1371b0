//! What is told to people outside when a contact failed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a contact failed, in words for people: never a vendor's error, never a name or a number of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FailureReason {
    /// The key is missing, does not fit, or the details of the encryption cannot be used.
    NotDecryptable,
    /// The recording was changed or damaged.
    NotAuthentic,
    /// The recording was not stored, or was deleted.
    RecordingLost,
    /// The recording is stored where the connector has no access.
    RecordingOutOfReach,
    /// There is no recording.
    NotRecorded,
    /// The audio cannot be read or joined.
    AudioUnusable,
    /// The recording is too large.
    TooLarge,
    /// The agent's part of a shared recording cannot be told.
    PartUncertain,
    /// The task's attributes or events could not be had.
    DetailsMissing,
    /// Calabrio refused the contact.
    Refused,
    /// Calabrio took the contact and said that processing it failed.
    ProcessingFailed,
    /// Calabrio took the contact and did not finish it.
    NotProcessed,
    /// What was read back could not be confirmed.
    NotConfirmed,
    /// The agent is not known.
    AgentUnknown,
    /// There is no conversation any more, or none was named.
    ConversationLost,
    /// The transcript is too large.
    TranscriptTooLarge,
    /// The transfer was given up.
    Interrupted,
}

impl FailureReason {
    /// Every reason there is.
    pub const ALL: &[Self] = &[
        Self::NotDecryptable,
        Self::NotAuthentic,
        Self::RecordingLost,
        Self::RecordingOutOfReach,
        Self::NotRecorded,
        Self::AudioUnusable,
        Self::TooLarge,
        Self::PartUncertain,
        Self::DetailsMissing,
        Self::Refused,
        Self::ProcessingFailed,
        Self::NotProcessed,
        Self::NotConfirmed,
        Self::AgentUnknown,
        Self::ConversationLost,
        Self::TranscriptTooLarge,
        Self::Interrupted,
    ];

    /// The sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NotDecryptable => {
                "The recording could not be decrypted with the configured keys."
            }
            Self::NotAuthentic => "The recording is damaged or was changed, and was not imported.",
            Self::RecordingLost => "The recording is no longer available at the source.",
            Self::RecordingOutOfReach => {
                "The recording is stored where the connector has no access."
            }
            Self::NotRecorded => "The call has no recording.",
            Self::AudioUnusable => "The recording's audio format could not be used.",
            Self::TooLarge => "The recording is larger than the configured limit.",
            Self::PartUncertain => {
                "The agent's part of a shared recording could not be determined."
            }
            Self::DetailsMissing => "Details of the contact could not be obtained from the source.",
            Self::Refused => "The quality management system did not accept the contact.",
            Self::ProcessingFailed => {
                "The quality management system could not process the contact."
            }
            Self::NotProcessed => {
                "The quality management system did not finish processing the contact in time."
            }
            Self::NotConfirmed => "The imported contact could not be confirmed.",
            Self::AgentUnknown => "The agent is not known to the quality management system.",
            Self::ConversationLost => "The conversation is no longer available at the source.",
            Self::TranscriptTooLarge => "The transcript is larger than the configured limit.",
            Self::Interrupted => "The transfer of the contact was given up after repeated errors.",
        }
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.sentence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_one_whole_sentence_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        for reason in FailureReason::ALL {
            let sentence = reason.to_string();
            assert!(
                sentence.starts_with("The ") || sentence.starts_with("Details "),
                "{sentence}"
            );
            assert_eq!(sentence.matches('.').count(), 1, "{sentence}");
            assert!(sentence.ends_with('.'), "{sentence}");
            assert!(seen.insert(sentence));
        }
    }

    #[test]
    fn every_park_reason_has_a_sentence() {
        for park in crate::park::tests::every_reason() {
            assert!(FailureReason::ALL.contains(&park.failure()));
        }
    }
}
