//! What a correct connector makes of a world: per leg its outcome, its metadata and its audio; and what must never be found on disk.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::kind::Kind;

/// How a leg ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "reason")]
#[non_exhaustive]
pub enum Outcome {
    /// Delivered with the audio described beside it, or without any where none is.
    Complete,
    /// Set aside, for the reason named.
    Parked(ParkedFor),
    /// Excluded, by the rule named.
    Excluded(String),
}

/// Why a leg is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ParkedFor {
    /// The operator does not hold the recording's private key.
    MissingKey,
    /// Twilio could not store the recording.
    RecordingNotStored,
    /// There is no recording.
    NoMedia,
    /// The recording's tag does not fit.
    NotAuthentic,
    /// The media is not at Twilio.
    StoredElsewhere,
    /// The task names no conversation.
    NoConversation,
    /// Twilio no longer has the conversation.
    ConversationGone,
    /// The transcript is too large.
    TranscriptTooLarge,
    /// Calabrio does not know the agent.
    UnknownAgent,
}

/// What kind of contact a leg makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Content {
    /// A call.
    Call,
    /// Messages.
    Text,
}

impl Content {
    /// As Calabrio's `contactType`.
    pub const fn contact_type(self) -> &'static str {
        match self {
            Self::Call => "CALL",
            Self::Text => "TEXT",
        }
    }
}

/// A message that belongs to a leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExpectedMessage {
    /// Its index in the conversation.
    pub index: u64,
    /// Its SID.
    pub sid: String,
    /// SHA-256 of its body, hexadecimal; of nothing where it has none.
    pub body_sha256: String,
    /// Whether it was written while no agent's leg was open.
    pub context: bool,
}

/// A leg's part of a conversation: messages of an open leg are that leg's (where several are open: of the one that was accepted last), those
/// before the first and between two are the following leg's, those after the last the last one's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExpectedTranscript {
    /// The conversation's SID.
    pub conversation: String,
    /// The service that it belongs to.
    pub service: String,
    /// Whether it is kept by Programmable Chat.
    pub legacy: bool,
    /// The leg's messages, by index.
    pub messages: Vec<ExpectedMessage>,
    /// Messages between this leg and a neighbour that may be either's: a connector that came to the earlier leg before the later one had
    /// begun could not know better.
    pub elastic: Vec<ExpectedMessage>,
}

/// A stretch of one recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AudioPiece {
    /// The recording's SID.
    pub recording: String,
    /// Where the stretch begins in the recording, in milliseconds.
    pub start_ms: u64,
    /// Where it ends.
    pub end_ms: u64,
    /// The whole recording's length, in milliseconds.
    pub recording_ms: u64,
    /// Before this another agent's leg is heard: no tolerance reaches below it.
    pub not_before_ms: u64,
    /// After this another agent's leg is heard: no tolerance reaches beyond it.
    pub not_after_ms: u64,
}

/// The audio a leg's contact should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExpectedAudio {
    /// The stretches, in time order.
    pub pieces: Vec<AudioPiece>,
    /// How far either end of the delivered audio may lie from those, in milliseconds.
    pub tolerance_ms: u64,
    /// One, or two: left the customer, right the agent.
    pub channels: u16,
    /// Whether the recording has the channels the other way round, so that they are to be swapped.
    pub swapped_at_source: bool,
    /// Samples per second.
    pub sample_rate: u32,
}

/// How the customer was on hold during a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExpectedHold {
    /// How often.
    pub count: u32,
    /// For how many milliseconds together.
    pub milliseconds: u64,
}

impl ExpectedHold {
    /// For how many whole seconds together.
    pub const fn seconds(self) -> u64 {
        self.milliseconds / 1_000
    }
}

/// What a correct connector makes of one leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExpectedLeg {
    /// The reservation's SID: the leg key and Calabrio's `callId`.
    pub leg: String,
    /// The interaction's id: Calabrio's `assocCallId`.
    pub session: String,
    /// The task's SID.
    pub task: String,
    /// What is particular about the contact.
    pub kind: Kind,
    /// The same as a sentence.
    pub sentence: String,
    /// How it ends.
    pub outcome: Outcome,
    /// The agent's worker SID.
    pub worker: String,
    /// The agent's full name.
    pub worker_name: String,
    /// Whether the contact goes without an agent, because Calabrio does not know this one.
    pub unassigned: bool,
    /// The queue's SID.
    pub queue: String,
    /// The queue's name.
    pub queue_name: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// The customer's number.
    pub customer: String,
    /// The contact centre's number.
    pub business: String,
    /// When the agent accepted.
    pub accepted_at: DateTime<Utc>,
    /// When the agent's part of the call ended.
    pub ended_at: DateTime<Utc>,
    /// Values that must stand in the contact's metadata, by key.
    pub metadata: BTreeMap<String, String>,
    /// Keys that must not stand there with a value.
    pub metadata_absent: Vec<String>,
    /// The audio; none where the contact has none.
    pub audio: Option<ExpectedAudio>,
    /// The task channel's unique name: `voice`, `chat`, `sms`.
    pub channel: String,
    /// The kind of contact.
    pub content: Content,
    /// The leg's part of a conversation; none where the contact has none.
    pub transcript: Option<ExpectedTranscript>,
    /// How the customer was on hold, whether the account yields it or not; none of conversations.
    pub hold: Option<ExpectedHold>,
}

/// A piece of one call's audio, short but found nowhere else, that must never be found on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlaintextWindow {
    /// The recording's SID.
    pub recording: String,
    /// 64 bytes of PCM, from somewhere in the recording.
    pub pcm: Bytes,
}

/// What the comparison of a contact's audio found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict", content = "detail")]
#[non_exhaustive]
pub enum AudioVerdict {
    /// It is the leg's audio, sample for sample, within the tolerance at both ends.
    Match,
    /// It should have none, and has none.
    NoneExpected,
    /// It is the right audio with the channels the wrong way round.
    Swapped,
    /// It is something else; the sentence says what.
    Mismatch(String),
}

impl AudioVerdict {
    /// Whether it is what was expected.
    pub const fn is_right(&self) -> bool {
        matches!(self, Self::Match | Self::NoneExpected)
    }
}
