//! The pure half of reconciliation: on which line of the account a leg or a recording stands, and when a night is due.

use chrono::{DateTime, Duration, NaiveTime, Utc};
use contact_model::{Contact, LegMedia, Stage, StageName};
use serde::{Deserialize, Serialize};

use super::rules::span;

/// The line of the account on which a leg stands. Each leg stands on one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Complete here, and there at Calabrio; or complete and then forgotten on request, so that nobody asks where it is.
    Complete,
    /// Left out, by the rule of this name.
    Excluded(String),
    /// Parked, for this kind of reason.
    Parked(String),
    /// Given up by Calabrio, for this reason.
    Failed(String),
    /// On its way, at this stage.
    OnTheWay(StageName),
    /// Not known, and not due to be: it ended after the time up to which discovery has come.
    Undiscovered,
    /// Only Calabrio tells of it: it began before the time from which on Twilio tells of legs.
    BeyondReach,
    /// It should stand on another line, and nothing says why it does not.
    Unexplained(Unexplained),
}

/// Why a leg is unexplained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unexplained {
    /// Twilio tells that it ended, discovery has passed that time, and the ledger does not know it.
    UnknownLeg,
    /// It is complete here, and Calabrio has no contact with its leg key.
    ContactMissing,
    /// It is complete here with media, and Calabrio says that its contact has none, or failed.
    MediaMissing,
    /// The ledger's row of it cannot be read.
    UnreadableRow,
}

impl Unexplained {
    /// The word as it stands in reports and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownLeg => "unknown-leg",
            Self::ContactMissing => "contact-missing",
            Self::MediaMissing => "media-missing",
            Self::UnreadableRow => "unreadable-row",
        }
    }

    /// What a person can do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::UnknownLeg => "run the same command with --fill: it is carried then",
            Self::ContactMissing => {
                "if it was deleted on purpose: sync-qm contacts forget; else run the same command with --fill"
            }
            Self::MediaMissing => {
                "look at the contact in Calabrio ONE; if its audio is lost, delete it there, then use --fill"
            }
            Self::UnreadableRow => {
                "see the log and sync-qm contacts show; restore the ledger if it was damaged"
            }
        }
    }
}

/// What was seen of a leg at Calabrio.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AtCalabrio {
    /// How many contacts have its leg key.
    pub contacts: usize,
    /// Whether one of them has its media, as far as Calabrio says.
    pub with_media: bool,
    /// Whether something with its leg key is there that cannot be read.
    pub unreadable: bool,
}

/// The line of a leg that the ledger knows.
pub fn line_of(contact: &Contact, forgotten: bool, seen: AtCalabrio) -> Line {
    let reason = |stage: &Stage| reason_of(stage).unwrap_or_default();
    match &contact.stage {
        Stage::Complete(stage) => {
            if forgotten || seen.unreadable {
                Line::Complete
            } else if seen.contacts == 0 {
                Line::Unexplained(Unexplained::ContactMissing)
            } else if !seen.with_media && stage.media != LegMedia::None {
                Line::Unexplained(Unexplained::MediaMissing)
            } else {
                Line::Complete
            }
        }
        stage @ Stage::Excluded(_) => Line::Excluded(reason(stage)),
        stage @ Stage::Parked(_) => Line::Parked(reason(stage)),
        stage @ Stage::Failed(_) => Line::Failed(reason(stage)),
        stage => Line::OnTheWay(stage.name()),
    }
}

/// The line of a leg that Twilio tells and the ledger does not know. `discovered` is how far discovery had come before the ledger was
/// asked; what ended later is not late.
pub fn line_of_unknown(ended: DateTime<Utc>, discovered: Option<DateTime<Utc>>) -> Line {
    if discovered.is_some_and(|discovered| ended >= discovered) {
        Line::Undiscovered
    } else {
        Line::Unexplained(Unexplained::UnknownLeg)
    }
}

fn reason_of(stage: &Stage) -> Option<String> {
    match stage {
        Stage::Parked(parked) => Some(parked.reason.kind().as_str().to_owned()),
        Stage::Failed(failed) => serde_json::to_value(failed.reason)
            .ok()?
            .as_str()
            .map(str::to_owned),
        Stage::Excluded(excluded) => Some(excluded.rule.clone()),
        _ => None,
    }
}

/// What became of a recording. Where several legs have it, the first of these holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordingFate {
    /// It is in a contact that is complete.
    Carried,
    /// Its leg is on its way.
    OnTheWay,
    /// Its leg is parked.
    Parked,
    /// Calabrio gave its contact up.
    Failed,
    /// Its leg is complete, and its contact has no audio.
    WithoutAudio,
    /// The same, and Twilio has none either: it was silent, too short, or could not be stored.
    NothingStored,
    /// Its leg is complete, with another recording.
    PassedOver,
    /// Its leg is left out by a rule.
    Excluded,
    /// The ledger does not know its leg; that is told of the leg itself.
    UnknownLeg,
    /// It belongs to another ACD of the same account.
    OtherAcd,
    /// No leg that ended has it: a call that was given up, voicemail, a conference of others; or one that goes on.
    NoLeg,
}

impl RecordingFate {
    /// The word as it stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Carried => "carried",
            Self::OnTheWay => "on-the-way",
            Self::Parked => "parked",
            Self::Failed => "failed",
            Self::WithoutAudio => "without-audio",
            Self::NothingStored => "nothing-stored",
            Self::PassedOver => "passed-over",
            Self::Excluded => "excluded",
            Self::UnknownLeg => "unknown-leg",
            Self::OtherAcd => "other-acd",
            Self::NoLeg => "no-leg",
        }
    }

    /// Whether a person may want to see each of them.
    pub fn is_listed(self) -> bool {
        matches!(self, Self::WithoutAudio | Self::UnknownLeg | Self::NoLeg)
    }
}

/// What became of a recording as far as one of its legs goes; `None` stands for a leg that the ledger does not know.
pub fn fate_of(recording: twilio_sid::RecordingSid, contact: Option<&Contact>) -> RecordingFate {
    let Some(contact) = contact else {
        return RecordingFate::UnknownLeg;
    };
    match &contact.stage {
        Stage::Complete(stage) => match &stage.media {
            LegMedia::Recordings { pieces, .. }
                if pieces.iter().any(|piece| piece.recording == recording) =>
            {
                RecordingFate::Carried
            }
            LegMedia::Recordings { .. } | LegMedia::Transcript(_) => RecordingFate::PassedOver,
            LegMedia::None => RecordingFate::WithoutAudio,
        },
        Stage::Parked(_) => RecordingFate::Parked,
        Stage::Failed(_) => RecordingFate::Failed,
        Stage::Excluded(_) => RecordingFate::Excluded,
        _ => RecordingFate::OnTheWay,
    }
}

/// The stretches that are compared one after the other: at most a day each, so that what is in memory does not grow with the range.
pub fn slices(
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
    let next = move |from: &DateTime<Utc>| from.checked_add_signed(Duration::days(1));
    std::iter::successors(Some(from), next)
        .take_while(move |from| *from < to)
        .map(move |from| (from, next(&from).map_or(to, |next| next.min(to))))
}

/// When the latest night began for an ACD: every day at `at` and `offset` later.
pub fn night(now: DateTime<Utc>, at: NaiveTime, offset: Duration) -> DateTime<Utc> {
    let mut began = now.date_naive().and_time(at).and_utc() + offset;
    while began > now {
        began -= Duration::days(1);
    }
    began
}

/// By how much the night of an ACD begins later than that of others: some part of `spread`, always the same for the same identity.
pub fn offset(identity: [u8; 8], spread: std::time::Duration) -> Duration {
    let seconds = u64::from_be_bytes(identity) % spread.as_secs().max(1);
    span(std::time::Duration::from_secs(seconds))
}

/// Whether a night is still to be made up: none was since it began, and discovery had begun before it.
pub fn is_due(
    night: DateTime<Utc>,
    discovery_began: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
) -> bool {
    discovery_began.is_some_and(|began| began <= night) && last.is_none_or(|last| last < night)
}

#[cfg(test)]
mod tests;
