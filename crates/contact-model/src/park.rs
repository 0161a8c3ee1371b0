//! Why a contact is set aside: a closed list, each reason with what a person can do about it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use twilio_sid::{ConversationSid, PublicKeySid, RecordingSid, WorkerSid};

use crate::{CcrId, FailureReason};

/// Why a contact is parked. Nothing is lost: a retry takes it up where it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ParkReason {
    /// The recording is encrypted under a key that the key ring lacks.
    MissingKey {
        /// The public key's SID, as the recording names it.
        key: PublicKeySid,
    },
    /// The key ring has the key, but the recording's content key could not be unwrapped with it.
    KeyRefused {
        /// The public key's SID, as the recording names it.
        key: PublicKeySid,
    },
    /// The recording did not pass authentication: it was changed or damaged.
    NotAuthentic {
        /// The recording.
        recording: RecordingSid,
    },
    /// The recording's `encryption_details` cannot be used: unknown type, conflicting or broken fields.
    EncryptionDetails {
        /// The recording.
        recording: RecordingSid,
    },
    /// Twilio could not store the recording.
    RecordingNotStored {
        /// The recording.
        recording: RecordingSid,
        /// Twilio's error code, where it gave one.
        code: Option<u32>,
    },
    /// The recording's media is kept outside Twilio, where this connector has no access.
    StoredElsewhere {
        /// The recording.
        recording: RecordingSid,
    },
    /// The recording was deleted at Twilio before it could be read.
    DeletedAtSource {
        /// The recording.
        recording: RecordingSid,
    },
    /// No recording was found within the time that is allowed for it, and the configuration asks to park such contacts.
    NoMedia,
    /// The recording is not audio that can be sent on.
    AudioUnreadable {
        /// The recording.
        recording: RecordingSid,
    },
    /// The recordings of this leg are of different formats and cannot be joined.
    AudioMismatch {
        /// The first recording that differs.
        recording: RecordingSid,
    },
    /// The recording is larger than the configured limit or than the spool.
    TooLarge {
        /// The recording.
        recording: RecordingSid,
        /// Its size, in bytes.
        bytes: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The leg's part of a shared recording cannot be told, and the configuration asks to park such contacts.
    SpanUncertain {
        /// The recording.
        recording: RecordingSid,
    },
    /// The task's attributes are not a JSON object.
    AttributesUnreadable,
    /// Twilio no longer tells the events of this leg.
    EventsGone,
    /// Calabrio refused the contact.
    ImportRefused {
        /// The HTTP status of the refusal.
        status: u16,
    },
    /// Calabrio took the contact but did not finish it in the time that is allowed.
    ProcessingOverdue {
        /// The contact, where it was found at all.
        ccr: Option<CcrId>,
    },
    /// What was read back differs from what was sent.
    ReadBackDiffers {
        /// The contact.
        ccr: CcrId,
    },
    /// Calabrio has more than one contact for this leg.
    DuplicateContact {
        /// One of them.
        ccr: CcrId,
        /// How many were found.
        count: u32,
    },
    /// Calabrio knows no person whose ACD ID is the agent's worker SID, and the configuration asks to park such contacts.
    UnknownAgent {
        /// The agent.
        worker: WorkerSid,
    },
    /// The task names no conversation.
    NoConversation,
    /// Twilio no longer has the conversation.
    ConversationGone {
        /// The conversation.
        conversation: ConversationSid,
    },
    /// The transcript is larger than the configured limit.
    TranscriptTooLarge {
        /// The conversation.
        conversation: ConversationSid,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A step failed again and again for a reason that does not pass.
    StepFailed {
        /// The step, in a word or two.
        step: String,
    },
}

macro_rules! kinds {
    ($($name:ident = $text:literal,)+) => {
        /// The reason without its particulars: for filters, counts and metrics.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum ParkKind {
            $(#[doc = concat!("`", $text, "`")] $name,)+
        }

        impl ParkKind {
            /// Every kind there is.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The word as it stands in filters, reports and metrics.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

kinds! {
    MissingKey = "missing-key",
    KeyRefused = "key-refused",
    NotAuthentic = "not-authentic",
    EncryptionDetails = "encryption-details",
    RecordingNotStored = "recording-not-stored",
    StoredElsewhere = "stored-elsewhere",
    DeletedAtSource = "deleted-at-source",
    NoMedia = "no-media",
    AudioUnreadable = "audio-unreadable",
    AudioMismatch = "audio-mismatch",
    TooLarge = "too-large",
    SpanUncertain = "span-uncertain",
    AttributesUnreadable = "attributes-unreadable",
    EventsGone = "events-gone",
    ImportRefused = "import-refused",
    ProcessingOverdue = "processing-overdue",
    ReadBackDiffers = "read-back-differs",
    DuplicateContact = "duplicate-contact",
    UnknownAgent = "unknown-agent",
    NoConversation = "no-conversation",
    ConversationGone = "conversation-gone",
    TranscriptTooLarge = "transcript-too-large",
    StepFailed = "step-failed",
}

impl fmt::Display for ParkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ParkKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| {
                let known: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
                format!("no such park reason; the reasons are {}", known.join(", "))
            })
    }
}

impl ParkReason {
    /// The reason without its particulars.
    pub fn kind(&self) -> ParkKind {
        match self {
            Self::MissingKey { .. } => ParkKind::MissingKey,
            Self::KeyRefused { .. } => ParkKind::KeyRefused,
            Self::NotAuthentic { .. } => ParkKind::NotAuthentic,
            Self::EncryptionDetails { .. } => ParkKind::EncryptionDetails,
            Self::RecordingNotStored { .. } => ParkKind::RecordingNotStored,
            Self::StoredElsewhere { .. } => ParkKind::StoredElsewhere,
            Self::DeletedAtSource { .. } => ParkKind::DeletedAtSource,
            Self::NoMedia => ParkKind::NoMedia,
            Self::AudioUnreadable { .. } => ParkKind::AudioUnreadable,
            Self::AudioMismatch { .. } => ParkKind::AudioMismatch,
            Self::TooLarge { .. } => ParkKind::TooLarge,
            Self::SpanUncertain { .. } => ParkKind::SpanUncertain,
            Self::AttributesUnreadable => ParkKind::AttributesUnreadable,
            Self::EventsGone => ParkKind::EventsGone,
            Self::ImportRefused { .. } => ParkKind::ImportRefused,
            Self::ProcessingOverdue { .. } => ParkKind::ProcessingOverdue,
            Self::ReadBackDiffers { .. } => ParkKind::ReadBackDiffers,
            Self::DuplicateContact { .. } => ParkKind::DuplicateContact,
            Self::UnknownAgent { .. } => ParkKind::UnknownAgent,
            Self::NoConversation => ParkKind::NoConversation,
            Self::ConversationGone { .. } => ParkKind::ConversationGone,
            Self::TranscriptTooLarge { .. } => ParkKind::TranscriptTooLarge,
            Self::StepFailed { .. } => ParkKind::StepFailed,
        }
    }

    /// What a person can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::MissingKey { .. } => {
                "add the private key of this public key SID to the configuration, restart, then retry the contact"
            }
            Self::KeyRefused { .. } => {
                "check that the configured private key is the pair of this public key SID, correct it, restart, then retry the contact"
            }
            Self::NotAuthentic { .. } => {
                "retry once, in case the download was damaged; if it stays, ask Twilio support about this recording"
            }
            Self::EncryptionDetails { .. } => {
                "look at the recording's encryption_details in Twilio, and report their form if they look right"
            }
            Self::RecordingNotStored { .. } => {
                "look the code up in Twilio's error dictionary: the audio was never stored and cannot be recovered"
            }
            Self::StoredElsewhere { .. } => {
                "external storage is switched on in Twilio's recording settings: fetch the audio from the bucket, or switch it off for calls that this connector is to carry"
            }
            Self::DeletedAtSource { .. } => {
                "find out who deletes recordings at Twilio, and let them wait until the contact is complete"
            }
            Self::NoMedia => {
                "find out in Twilio why the call was not recorded, then retry the contact"
            }
            Self::AudioUnreadable { .. } => {
                "listen to the recording in Twilio's console, and report its format"
            }
            Self::AudioMismatch { .. } => {
                "the recordings of this call differ in rate or codec: carry them by hand, or choose one recording method in Flex"
            }
            Self::TooLarge { .. } => {
                "raise the limit or the spool's quota in the configuration, restart, then retry the contact"
            }
            Self::SpanUncertain { .. } => {
                "set span_uncertain = \"whole\" to send the whole recording instead, restart, then retry the contact"
            }
            Self::AttributesUnreadable => {
                "correct what writes the task's attributes: they must be a JSON object"
            }
            Self::EventsGone => {
                "Twilio keeps events for 30 days: this contact can only be carried by hand"
            }
            Self::ImportRefused { .. } => {
                "read the refusal in the log, check the permissions of the Calabrio service account and the assumptions about its import, then retry the contact"
            }
            Self::ProcessingOverdue { .. } => {
                "look at the contact in Calabrio; if it is not there or has no audio, ask Calabrio support, then retry"
            }
            Self::ReadBackDiffers { .. } => {
                "compare the contact in Calabrio with the recording in Twilio; delete the contact there if it is wrong, then retry"
            }
            Self::DuplicateContact { .. } => {
                "delete all but one of the contacts with this leg key in Calabrio, then retry"
            }
            Self::UnknownAgent { .. } => {
                "give the agent's user in Calabrio the worker SID as its ACD ID, or set unknown_agent = \"unassigned\" and restart, then retry the contact"
            }
            Self::NoConversation => {
                "find out in Flex why the task's attributes name no conversation: this contact can only be carried by hand"
            }
            Self::ConversationGone { .. } => {
                "find out who deletes conversations at Twilio, and let them wait until the contact is complete"
            }
            Self::TranscriptTooLarge { .. } => {
                "raise digital.max_transcript in the configuration, restart, then retry the contact"
            }
            Self::StepFailed { .. } => {
                "read the last error of this contact in the log, remove its cause, then retry the contact"
            }
        }
    }

    /// The sentence for people outside: every reason wants a person.
    pub fn failure(&self) -> FailureReason {
        match self {
            Self::MissingKey { .. } | Self::KeyRefused { .. } | Self::EncryptionDetails { .. } => {
                FailureReason::NotDecryptable
            }
            Self::NotAuthentic { .. } => FailureReason::NotAuthentic,
            Self::RecordingNotStored { .. } | Self::DeletedAtSource { .. } => {
                FailureReason::RecordingLost
            }
            Self::StoredElsewhere { .. } => FailureReason::RecordingOutOfReach,
            Self::NoMedia => FailureReason::NotRecorded,
            Self::AudioUnreadable { .. } | Self::AudioMismatch { .. } => {
                FailureReason::AudioUnusable
            }
            Self::TooLarge { .. } => FailureReason::TooLarge,
            Self::SpanUncertain { .. } => FailureReason::PartUncertain,
            Self::AttributesUnreadable | Self::EventsGone => FailureReason::DetailsMissing,
            Self::ImportRefused { .. } => FailureReason::Refused,
            Self::ProcessingOverdue { .. } => FailureReason::NotProcessed,
            Self::ReadBackDiffers { .. } | Self::DuplicateContact { .. } => {
                FailureReason::NotConfirmed
            }
            Self::UnknownAgent { .. } => FailureReason::AgentUnknown,
            Self::NoConversation | Self::ConversationGone { .. } => FailureReason::ConversationLost,
            Self::TranscriptTooLarge { .. } => FailureReason::TranscriptTooLarge,
            Self::StepFailed { .. } => FailureReason::Interrupted,
        }
    }
}

impl fmt::Display for ParkReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingKey { key } => write!(f, "the key ring has no private key for {key}"),
            Self::KeyRefused { key } => write!(
                f,
                "the content key could not be unwrapped with the private key of {key}"
            ),
            Self::NotAuthentic { recording } => write!(f, "recording {recording} is not authentic"),
            Self::EncryptionDetails { recording } => {
                write!(
                    f,
                    "the encryption details of recording {recording} cannot be used"
                )
            }
            Self::RecordingNotStored {
                recording,
                code: Some(code),
            } => {
                write!(
                    f,
                    "Twilio did not store recording {recording} (error {code})"
                )
            }
            Self::RecordingNotStored {
                recording,
                code: None,
            } => write!(f, "Twilio did not store recording {recording}"),
            Self::StoredElsewhere { recording } => {
                write!(f, "recording {recording} is stored outside Twilio")
            }
            Self::DeletedAtSource { recording } => {
                write!(f, "recording {recording} was deleted at Twilio")
            }
            Self::NoMedia => f.write_str("no recording was found"),
            Self::AudioUnreadable { recording } => {
                write!(f, "recording {recording} is not audio that can be sent on")
            }
            Self::AudioMismatch { recording } => {
                write!(
                    f,
                    "recording {recording} has another format than the one before it"
                )
            }
            Self::TooLarge {
                recording,
                bytes,
                limit,
            } => {
                write!(
                    f,
                    "recording {recording} has {bytes} bytes, the limit is {limit}"
                )
            }
            Self::SpanUncertain { recording } => {
                write!(f, "this leg's part of recording {recording} cannot be told")
            }
            Self::AttributesUnreadable => {
                f.write_str("the task's attributes are not a JSON object")
            }
            Self::EventsGone => f.write_str("Twilio no longer tells the events of this leg"),
            Self::ImportRefused { status } => {
                write!(f, "Calabrio refused the contact with status {status}")
            }
            Self::ProcessingOverdue { ccr: Some(ccr) } => {
                write!(f, "Calabrio has not finished contact {ccr}")
            }
            Self::ProcessingOverdue { ccr: None } => {
                f.write_str("Calabrio took the contact, but it never appeared there")
            }
            Self::ReadBackDiffers { ccr } => write!(f, "contact {ccr} differs from what was sent"),
            Self::DuplicateContact { ccr, count } => {
                write!(
                    f,
                    "Calabrio has {count} contacts for this leg, contact {ccr} among them"
                )
            }
            Self::UnknownAgent { worker } => {
                write!(f, "Calabrio knows no person with the ACD ID {worker}")
            }
            Self::NoConversation => f.write_str("the task names no conversation"),
            Self::ConversationGone { conversation } => {
                write!(f, "Twilio no longer has conversation {conversation}")
            }
            Self::TranscriptTooLarge {
                conversation,
                limit,
            } => {
                write!(
                    f,
                    "the transcript of conversation {conversation} has more than {limit} bytes"
                )
            }
            Self::StepFailed { step } => write!(f, "{step} failed too often"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn every_reason() -> Vec<ParkReason> {
        let key = "CR00000000000000000000000000000001".parse().unwrap();
        let recording = "RE00000000000000000000000000000001".parse().unwrap();
        let conversation = "CH00000000000000000000000000000001".parse().unwrap();
        let ccr = CcrId::try_from(7).unwrap();
        vec![
            ParkReason::MissingKey { key },
            ParkReason::KeyRefused { key },
            ParkReason::NotAuthentic { recording },
            ParkReason::EncryptionDetails { recording },
            ParkReason::RecordingNotStored {
                recording,
                code: Some(16104),
            },
            ParkReason::RecordingNotStored {
                recording,
                code: None,
            },
            ParkReason::StoredElsewhere { recording },
            ParkReason::DeletedAtSource { recording },
            ParkReason::NoMedia,
            ParkReason::AudioUnreadable { recording },
            ParkReason::AudioMismatch { recording },
            ParkReason::TooLarge {
                recording,
                bytes: 9,
                limit: 8,
            },
            ParkReason::SpanUncertain { recording },
            ParkReason::AttributesUnreadable,
            ParkReason::EventsGone,
            ParkReason::ImportRefused { status: 422 },
            ParkReason::ProcessingOverdue { ccr: Some(ccr) },
            ParkReason::ProcessingOverdue { ccr: None },
            ParkReason::ReadBackDiffers { ccr },
            ParkReason::DuplicateContact { ccr, count: 2 },
            ParkReason::UnknownAgent {
                worker: "WK00000000000000000000000000000001".parse().unwrap(),
            },
            ParkReason::NoConversation,
            ParkReason::ConversationGone { conversation },
            ParkReason::TranscriptTooLarge {
                conversation,
                limit: 8,
            },
            ParkReason::StepFailed {
                step: "download".into(),
            },
        ]
    }

    #[test]
    fn every_kind_has_a_reason_and_every_reason_its_kind() {
        let mut kinds: Vec<_> = every_reason().iter().map(ParkReason::kind).collect();
        kinds.dedup();
        assert_eq!(kinds, ParkKind::ALL);
    }

    #[test]
    fn each_reason_keeps_its_name_in_json_in_filters_and_in_print() {
        for reason in every_reason() {
            let json = serde_json::to_value(&reason).unwrap();
            assert_eq!(json["reason"], reason.kind().as_str());
            assert_eq!(serde_json::from_value::<ParkReason>(json).unwrap(), reason);
            assert_eq!(reason.kind().as_str().parse(), Ok(reason.kind()));
        }
        assert!(
            "no-such"
                .parse::<ParkKind>()
                .unwrap_err()
                .contains("missing-key, key-refused")
        );
    }

    #[test]
    fn each_reason_reads_as_a_sentence_without_stop_and_ends_in_advice() {
        for reason in every_reason() {
            for text in [reason.to_string(), reason.advice().to_owned()] {
                assert!(text.len() > 10 && !text.ends_with('.'), "{text}");
            }
        }
    }
}
