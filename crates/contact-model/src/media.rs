//! The media that was found for a leg.

use std::fmt;

use serde::{Deserialize, Serialize};
use twilio_sid::{PublicKeySid, RecordingSid};

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
}

impl LegMedia {
    /// Every recording that this leg uses or passed over.
    pub fn recordings(&self) -> impl Iterator<Item = RecordingSid> {
        let (pieces, superseded) = match self {
            Self::None => (&[][..], &[][..]),
            Self::Recordings {
                pieces, superseded, ..
            } => (pieces.as_slice(), superseded.as_slice()),
        };
        pieces
            .iter()
            .map(|piece| piece.recording)
            .chain(superseded.iter().copied())
    }

    /// What a listener should know of the audio.
    pub fn marks(&self) -> &[Mark] {
        match self {
            Self::None => &[],
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
    fn a_mark_reads_the_same_in_json_and_in_print() {
        for mark in [Mark::SpanUncertain, Mark::ChannelsUndecided, Mark::Mono] {
            assert_eq!(serde_json::to_string(&mark).unwrap(), format!("\"{mark}\""));
        }
    }
}
