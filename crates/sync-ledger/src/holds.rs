//! What was seen of hold, participant by participant.

use std::future::Future;

use chrono::{DateTime, TimeDelta, Utc};
use contact_model::AcdKey;
use serde::{Deserialize, Serialize};
use twilio_sid::{CallSid, ConferenceSid};

use crate::Result;

/// Looks at a participant that are no further apart tell of what was between them, too: somebody who is put on hold is not
/// taken off it sooner, as a rule.
pub const POLL_GAP: TimeDelta = TimeDelta::minutes(1);

/// Observations of hold: whether a participant of a conference was on hold at some time, and whether all that changed was
/// told. They are kept as long as details.
pub trait HoldStore: Send + Sync {
    /// Writes observations down, in one transaction; gives how many were new. What is known already changes nothing.
    ///
    /// What polling sees unchanged, no more than [`POLL_GAP`] after it looked before, is kept as one
    /// [`PollAgain`](HoldSource::PollAgain) that moves on with each look, and is not new.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownAcd`](crate::LedgerError::UnknownAcd).
    fn note_holds(
        &self,
        acd: &AcdKey,
        notes: &[HoldNote],
    ) -> impl Future<Output = Result<u64>> + Send {
        self.note_told(acd, notes, &[])
    }

    /// The same, and which changes of conferences were told, in the same transaction. Those are not counted.
    ///
    /// # Errors
    ///
    /// As [`note_holds`](Self::note_holds).
    fn note_told(
        &self,
        acd: &AcdKey,
        notes: &[HoldNote],
        changes: &[ConferenceChange],
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Which changes of a conference were told, by their numbers.
    fn changes_of(
        &self,
        acd: &AcdKey,
        conference: ConferenceSid,
    ) -> impl Future<Output = Result<Vec<ConferenceChange>>> + Send;

    /// What was seen of these conferences, by conference and in the order of its time.
    fn holds_of(
        &self,
        acd: &AcdKey,
        conferences: &[ConferenceSid],
    ) -> impl Future<Output = Result<Vec<HoldNote>>> + Send;
}

/// That a change of a conference was told, whatever it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ConferenceChange {
    /// The conference.
    pub conference: ConferenceSid,
    /// Its number among the changes of its conference: where one is missing, one was not told, or not yet.
    pub number: u64,
    /// When it happened, to the millisecond.
    pub at: DateTime<Utc>,
}

/// One observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct HoldNote {
    /// The conference.
    pub conference: ConferenceSid,
    /// When it was so, to the millisecond.
    pub at: DateTime<Utc>,
    /// The participant's call.
    pub call: CallSid,
    /// Whether it was on hold.
    pub held: bool,
    /// Who says so.
    pub source: HoldSource,
}

/// Where an observation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldSource {
    /// A pushed event.
    Event,
    /// Live participants, polled: seen like this for the first time, or for the first time after nobody had looked for longer
    /// than [`POLL_GAP`].
    Poll,
    /// Polled, and seen like this ever since the [`Poll`](Self::Poll) before.
    PollAgain,
    /// Past participants, as Twilio tells them afterwards.
    Past,
}

impl HoldSource {
    /// The word as it stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Poll => "poll",
            Self::PollAgain => "poll-again",
            Self::Past => "past",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Event, Self::Poll, Self::PollAgain, Self::Past]
            .into_iter()
            .find(|source| source.as_str() == text)
    }
}
