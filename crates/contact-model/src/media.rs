//! The media that was found for a leg.

use std::fmt;

use serde::{Deserialize, Serialize};
use twilio_sid::{ConversationSid, PublicKeySid, RecordingSid, ServiceSid};

/// A part of a recording, in milliseconds from its first sample, half open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first millisecond that belongs to it.
    pub from_ms: u64,
    /// The first millisecond after it; `None` where it runs to the last sample.
    pub to_ms: Option<u64>,
}

/// One recording, or a part of it, that belongs to a leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaPiece {
    /// The recording.
    pub recording: RecordingSid,
    /// The part that is the leg's own; all of it where this is `None`.
    pub span: Option<Span>,
    /// How many channels Twilio says it has.
    pub channels: u8,
    /// Whether left and right change places on the way, so that left is the customer.
    pub swap: bool,
    /// The key that it is encrypted under, if it is.
    pub encrypted: Option<PublicKeySid>,
}

/// Where a conversation is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConversationStore {
    /// Twilio Conversations.
    Conversations,
    /// Programmable Chat, which older Flex projects used.
    ProgrammableChat,
}

/// Messages of one conversation by their index, half open. Indexes grow in the order of the messages; some may be missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRange {
    /// The first index that belongs to it.
    pub from: u64,
    /// The first index after it.
    pub to: u64,
}

impl MessageRange {
    /// Whether no index belongs to it.
    pub fn is_empty(self) -> bool {
        self.from >= self.to
    }

    /// Whether this index belongs to it.
    pub fn contains(self, index: u64) -> bool {
        self.from <= index && index < self.to
    }

    /// Whether some index belongs to both.
    pub fn overlaps(self, other: Self) -> bool {
        self.from.max(other.from) < self.to.min(other.to)
    }
}

/// A leg's part of a conversation. The parts of all legs of a conversation never overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptPart {
    /// The conversation.
    pub conversation: ConversationSid,
    /// The service that it belongs to, where it is known.
    pub service: Option<ServiceSid>,
    /// Where it is kept.
    pub store: ConversationStore,
    /// The messages that are the leg's own.
    pub range: MessageRange,
    /// How many messages there were in this range when it was determined.
    pub messages: u32,
}

/// What was found for a leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LegMedia {
    /// Nothing: the contact carries metadata alone.
    None,
    /// Recordings, to be joined in this order.
    Recordings {
        /// At least one.
        pieces: Vec<MediaPiece>,
        /// Others that cover the same time and were not taken.
        superseded: Vec<RecordingSid>,
        /// What a listener should know of the audio.
        marks: Vec<Mark>,
    },
    /// A part of a conversation.
    Transcript(TranscriptPart),
}

impl LegMedia {
    /// Every recording that this leg uses or passed over.
    pub fn recordings(&self) -> impl Iterator<Item = RecordingSid> {
        let (pieces, superseded) = match self {
            Self::None | Self::Transcript(_) => (&[][..], &[][..]),
            Self::Recordings {
                pieces, superseded, ..
            } => (pieces.as_slice(), superseded.as_slice()),
        };
        pieces
            .iter()
            .map(|piece| piece.recording)
            .chain(superseded.iter().copied())
    }

    /// The part of a conversation that this leg uses.
    pub fn transcript(&self) -> Option<&TranscriptPart> {
        match self {
            Self::Transcript(part) => Some(part),
            Self::None | Self::Recordings { .. } => None,
        }
    }

    /// What a listener should know of the audio.
    pub fn marks(&self) -> &[Mark] {
        match self {
            Self::None | Self::Transcript(_) => &[],
            Self::Recordings { marks, .. } => marks,
        }
    }
}

/// Something about the audio that a listener should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// The recording's length disagrees with its wall time, so it was not cut: it may hold more than this leg.
    SpanUncertain,
    /// Which channel is the customer could not be decided.
    ChannelsUndecided,
    /// The recording has one channel: both sides are mixed.
    Mono,
}

impl Mark {
    /// The word as it stands in metadata and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SpanUncertain => "span-uncertain",
            Self::ChannelsUndecided => "channels-undecided",
            Self::Mono => "mono",
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_that_was_looked_at_is_listed() {
        let sid = |digit: u8| {
            format!("RE{}", (digit as char).to_string().repeat(32))
                .parse::<RecordingSid>()
                .unwrap()
        };
        let piece = MediaPiece {
            recording: sid(b'1'),
            span: None,
            channels: 2,
            swap: false,
            encrypted: None,
        };
        let media = LegMedia::Recordings {
            pieces: vec![piece],
            superseded: vec![sid(b'2')],
            marks: vec![Mark::Mono],
        };
        assert_eq!(
            media.recordings().collect::<Vec<_>>(),
            [sid(b'1'), sid(b'2')]
        );
        assert_eq!(LegMedia::None.recordings().count(), 0);
        assert!(LegMedia::None.marks().is_empty());
        let json = serde_json::to_string(&media).unwrap();
        assert_eq!(serde_json::from_str::<LegMedia>(&json).unwrap(), media);
    }

    #[test]
    fn a_part_of_a_conversation_uses_no_recording_and_survives_json() {
        let part = TranscriptPart {
            conversation: "CH00000000000000000000000000000001".parse().unwrap(),
            service: None,
            store: ConversationStore::Conversations,
            range: MessageRange { from: 3, to: 9 },
            messages: 5,
        };
        let media = LegMedia::Transcript(part);
        assert_eq!(media.recordings().count(), 0);
        assert!(media.marks().is_empty());
        assert_eq!(media.transcript(), Some(&part));
        let json = serde_json::to_string(&media).unwrap();
        assert_eq!(serde_json::from_str::<LegMedia>(&json).unwrap(), media);
    }

    #[test]
    fn ranges_are_half_open() {
        let range = |from, to| MessageRange { from, to };
        assert!(range(3, 9).contains(3) && !range(3, 9).contains(9));
        assert!(range(3, 9).overlaps(range(8, 10)) && !range(3, 9).overlaps(range(9, 10)));
        assert!(range(4, 4).is_empty() && !range(3, 9).overlaps(range(4, 4)));
    }

    #[test]
    fn a_mark_reads_the_same_in_json_and_in_print() {
        for mark in [Mark::SpanUncertain, Mark::ChannelsUndecided, Mark::Mono] {
            assert_eq!(serde_json::to_string(&mark).unwrap(), format!("\"{mark}\""));
        }
    }
}
