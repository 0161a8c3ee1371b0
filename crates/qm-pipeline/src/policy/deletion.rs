//! Whether a source recording may be deleted at Twilio: only once every contact that uses it, known or listed afresh, was read back.
//!
//! [`Tasks`] finds the tasks that a recording is linked to, [`standing`] says how far a leg is, [`judge`] decides. None of them asks
//! anybody anything; the runner does.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use contact_model::{Contact, LegId, LegMedia, Stage};
use flex_events::{FlexEvent, ReservationStatus};
use sync_ledger::Undelivered;
use twilio_sid::{CallSid, ConferenceSid, RecordingSid, ReservationSid, SID_LEN, TaskSid};

use super::facts::{RecordingFacts, RecordingState};
use super::rules::span;
use super::{NO_MEDIA_RULE, Window};

/// The assumptions about Calabrio that a read-back relies on, by their numbers in `docs/calabrio-contract.md`: the audio arrives, the
/// duration comes back in milliseconds, and so does the leg key. All of them must have been seen to hold on the tenant.
pub const READ_BACK: [u32; 4] = [204, 315, 318, 320];

/// The field of the processing state. Where contacts have one, its words must be known; where they have none, nothing relies on it.
const STATE_WORD: u32 = 403;

/// Whether everything that a read-back relies on was seen to hold. `held` tells what was found of an assumption.
pub fn confirms_read_back(held: impl Fn(u32) -> Option<bool>) -> bool {
    READ_BACK.iter().all(|number| held(*number) == Some(true)) && held(STATE_WORD) != Some(false)
}

/// What stands in the way of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Obstacle {
    /// Nothing has shown yet that read-backs can be relied on.
    NotConfirmed,
    /// A leg that uses the recording, or is listed for it, is parked.
    LegParked,
    /// Calabrio gave the contact of such a leg up.
    LegFailed,
    /// Such a leg is on its way.
    LegOnItsWay,
    /// Twilio lists a leg that the ledger does not know.
    LegNotKnown,
    /// The contact of a leg that the recording covers has no audio.
    LegWithoutAudio,
    /// A webhook of such a leg is not delivered yet.
    WebhookPending,
    /// A webhook of such a leg was tried often enough, in vain.
    WebhookExhausted,
    /// The recording is not complete at Twilio.
    RecordingNotComplete,
    /// Its media are not at Twilio.
    StoredElsewhere,
    /// Nobody tells when it was made, so nobody can tell whose it is.
    TimesUnknown,
    /// Twilio no longer tells the events of its time.
    EventsGone,
    /// Some of these events cannot be read.
    EventsUnreadable,
    /// Twilio could not be asked.
    NotListed,
}

impl Obstacle {
    /// Every obstacle.
    pub const ALL: [Self; 14] = [
        Self::NotConfirmed,
        Self::LegParked,
        Self::LegFailed,
        Self::LegOnItsWay,
        Self::LegNotKnown,
        Self::LegWithoutAudio,
        Self::WebhookPending,
        Self::WebhookExhausted,
        Self::RecordingNotComplete,
        Self::StoredElsewhere,
        Self::TimesUnknown,
        Self::EventsGone,
        Self::EventsUnreadable,
        Self::NotListed,
    ];

    /// The word as it stands in the ledger, reports and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotConfirmed => "read-back-not-confirmed",
            Self::LegParked => "leg-parked",
            Self::LegFailed => "leg-failed",
            Self::LegOnItsWay => "leg-on-its-way",
            Self::LegNotKnown => "leg-not-known",
            Self::LegWithoutAudio => "leg-without-audio",
            Self::WebhookPending => "webhook-pending",
            Self::WebhookExhausted => "webhook-exhausted",
            Self::RecordingNotComplete => "recording-not-complete",
            Self::StoredElsewhere => "stored-elsewhere",
            Self::TimesUnknown => "times-unknown",
            Self::EventsGone => "events-gone",
            Self::EventsUnreadable => "events-unreadable",
            Self::NotListed => "not-listed",
        }
    }

    /// What a person can do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::NotConfirmed => {
                "run sync-qm check --live-contact: it shows whether read-backs can be relied on"
            }
            Self::LegParked => {
                "resolve the parked contacts (sync-qm contacts list --stage parked), or leave the recording where it is"
            }
            Self::LegFailed => {
                "Calabrio ONE gave the contact up: delete the recording by hand once it is not needed"
            }
            Self::LegOnItsWay => "nothing: it is looked at again",
            Self::LegNotKnown => {
                "nothing, where the leg goes on; else run sync-qm reconcile --fill over its day"
            }
            Self::LegWithoutAudio => {
                "the contact went without audio before the recording came: delete the recording by hand once it is not needed"
            }
            Self::WebhookPending => "nothing, where the receiver works; else see sync-qm webhooks list",
            Self::WebhookExhausted => {
                "repair the receiver, then send it again: sync-qm webhooks replay"
            }
            Self::RecordingNotComplete => "nothing: it is looked at again",
            Self::StoredElsewhere => {
                "delete it in the bucket that the account stores recordings in"
            }
            Self::TimesUnknown | Self::EventsGone => {
                "Twilio no longer tells whose recording this is: delete it by hand, or let its own retention do so"
            }
            Self::EventsUnreadable => {
                "see the log for the events that cannot be read; they keep the recording where it is"
            }
            Self::NotListed => "run sync-qm check: it tells what of Twilio can be reached",
        }
    }

    /// The obstacle of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|obstacle| obstacle.as_str() == word)
    }
}

/// How far a leg is, as far as the deletion of a recording goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its contact was read back.
    Proven,
    /// Its contact was read back and has no audio, although the recording has some of its time.
    WithoutAudio,
    /// A rule leaves it out.
    Excluded,
    /// It is parked.
    Parked,
    /// Calabrio gave its contact up.
    Failed,
    /// It has some way to go.
    OnItsWay,
    /// The ledger does not know it.
    Unknown,
}

/// How far the leg of a recording is; `None` stands for a leg that the ledger does not know.
pub fn standing(contact: Option<&Contact>, recording: &RecordingFacts) -> Standing {
    let Some(contact) = contact else {
        return Standing::Unknown;
    };
    let silent = |otherwise| {
        if contact.leg.channel.is_voice() && may_cover(contact, recording) {
            Standing::WithoutAudio
        } else {
            otherwise
        }
    };
    match &contact.stage {
        Stage::Complete(stage) if stage.media == LegMedia::None => silent(Standing::Proven),
        Stage::Complete(_) => Standing::Proven,
        // It was left out because nothing was there yet.
        Stage::Excluded(stage) if stage.rule == NO_MEDIA_RULE => silent(Standing::Excluded),
        Stage::Excluded(_) => Standing::Excluded,
        Stage::Parked(_) => Standing::Parked,
        Stage::Failed(_) => Standing::Failed,
        _ => Standing::OnItsWay,
    }
}

/// Whether a recording may have some of the leg's time on it; `true` where that cannot be told.
fn may_cover(contact: &Contact, recording: &RecordingFacts) -> bool {
    let times = contact.leg.times;
    let (Some(from), Some(to), Some(start)) =
        (times.accepted, times.media_ended(), recording.start)
    else {
        return true;
    };
    let length = recording
        .seconds
        .and_then(|seconds| Duration::try_seconds(i64::try_from(seconds).ok()?));
    // Clocks differ, and silence may have been cut out.
    let slack = Duration::seconds(60);
    let ends_before = length.is_some_and(|length| start + length + slack < from);
    !ends_before && start < to + slack
}

/// One leg of a recording, in one ACD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegFacts {
    /// The leg.
    pub leg: LegId,
    /// How far it is.
    pub standing: Standing,
    /// Its webhooks that nobody has taken.
    pub undelivered: Undelivered,
}

/// Everything that a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFacts {
    /// Whether [read-backs can be relied on](confirms_read_back).
    pub confirmed: bool,
    /// How far the recording is at Twilio, asked just now.
    pub recording: RecordingState,
    /// Every leg that the ledger has for the recording, and every leg that was listed.
    pub legs: Vec<LegFacts>,
    /// Every accepted reservation of every task that the recording is linked to, as Twilio tells them now; or why they cannot be told.
    pub listed: Result<BTreeSet<LegId>, Obstacle>,
}

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It is gone already.
    Gone,
    /// It may be deleted.
    Delete,
    /// Something stands in the way.
    Blocked(Obstacle),
}

/// Decides about one recording.
pub fn judge(facts: &SourceFacts) -> Judgement {
    match facts.recording {
        RecordingState::Deleted => return Judgement::Gone,
        RecordingState::Stored => {}
        RecordingState::Elsewhere => return Judgement::Blocked(Obstacle::StoredElsewhere),
        RecordingState::Pending | RecordingState::Empty | RecordingState::NotStored { .. } => {
            return Judgement::Blocked(Obstacle::RecordingNotComplete);
        }
    }
    match obstacle(facts) {
        Some(obstacle) => Judgement::Blocked(obstacle),
        None => Judgement::Delete,
    }
}

fn obstacle(facts: &SourceFacts) -> Option<Obstacle> {
    if !facts.confirmed {
        return Some(Obstacle::NotConfirmed);
    }
    // What is listed again and again while others are under way would only cost requests: what the ledger knows goes first.
    if let Some(obstacle) = facts.legs.iter().find_map(obstacle_of_leg) {
        return Some(obstacle);
    }
    let listed = match &facts.listed {
        Ok(listed) => listed,
        Err(obstacle) => return Some(*obstacle),
    };
    let is_known = |leg: &LegId| facts.legs.iter().any(|known| known.leg == *leg);
    (facts.legs.is_empty() || !listed.iter().all(is_known)).then_some(Obstacle::LegNotKnown)
}

/// What stands in the way as far as one leg is concerned.
pub fn obstacle_of_leg(leg: &LegFacts) -> Option<Obstacle> {
    match leg.standing {
        Standing::Proven | Standing::Excluded => {}
        Standing::WithoutAudio => return Some(Obstacle::LegWithoutAudio),
        Standing::Parked => return Some(Obstacle::LegParked),
        Standing::Failed => return Some(Obstacle::LegFailed),
        Standing::OnItsWay => return Some(Obstacle::LegOnItsWay),
        Standing::Unknown => return Some(Obstacle::LegNotKnown),
    }
    match leg.undelivered {
        Undelivered { pending: 1.., .. } => Some(Obstacle::WebhookPending),
        Undelivered {
            exhausted: 1.., ..
        } => Some(Obstacle::WebhookExhausted),
        _ => None,
    }
}

/// How long to wait before a recording that is blocked is looked at again: a quarter of the time that it has been blocked for.
pub fn look_again(blocked_for: Duration, shortest: std::time::Duration) -> Duration {
    (blocked_for / 4).max(span(shortest)).min(LONGEST)
}

/// How long to wait after so many attempts to delete it.
pub fn try_again(attempts: u32, shortest: std::time::Duration) -> Duration {
    let doubled = 2_i32.pow(attempts.min(16));
    span(shortest)
        .checked_mul(doubled)
        .map_or(LONGEST, |pause| pause.min(LONGEST))
}

const LONGEST: Duration = Duration::days(1);

/// How far around the time of a recording its reservations may have been accepted, or ended: clocks differ, and attributes come late.
const MARGIN: Duration = Duration::minutes(10);

/// The time in which the reservations of a recording were accepted: all of the stretches during which it, its conference and its call
/// went on, with a margin. `None` where none is known.
pub fn hours(stretches: impl IntoIterator<Item = (DateTime<Utc>, DateTime<Utc>)>) -> Option<Window> {
    let (from, to) = stretches
        .into_iter()
        .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))?;
    Some(Window {
        from: from.checked_sub_signed(MARGIN)?,
        to: to.max(from).checked_add_signed(MARGIN)?,
    })
}

/// What attributes name that a recording can be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A recording.
    Recording(RecordingSid),
    /// A conference.
    Conference(ConferenceSid),
    /// A call.
    Call(CallSid),
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        match text.get(..2)? {
            RecordingSid::PREFIX => text.parse().ok().map(Self::Recording),
            ConferenceSid::PREFIX => text.parse().ok().map(Self::Conference),
            CallSid::PREFIX => text.parse().ok().map(Self::Call),
            _ => None,
        }
    }
}

/// Every recording, conference and call that a text names, wherever it stands: in `conference.sid`, in `conference.participants`, in
/// `call_sid`, in the addresses of `conversations.media`, in what a plugin of the customer's writes. A name too many costs a request.
pub fn names_in(text: &str) -> BTreeSet<Name> {
    let starts = |piece: &&[u8]| matches!(piece, [b'R', b'E', ..] | [b'C', b'F' | b'A', ..]);
    text.as_bytes()
        .windows(SID_LEN)
        .filter(starts)
        .filter_map(|piece| Name::parse(std::str::from_utf8(piece).ok()?))
        .collect()
}

/// What events tell of tasks, as far as deletion needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tasks(BTreeMap<TaskSid, Task>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Task {
    names: BTreeSet<Name>,
    has_attributes: bool,
    accepted: BTreeSet<ReservationSid>,
}

impl Tasks {
    /// Takes events, in any order and as often as they come.
    pub fn take<'a>(&mut self, events: impl IntoIterator<Item = &'a FlexEvent>) {
        for event in events {
            let Some(facts) = &event.task else { continue };
            let task = self.0.entry(facts.sid).or_default();
            if let Some(attributes) = &facts.attributes {
                task.has_attributes = true;
                task.names.extend(names_in(attributes.as_str()));
            }
            let Some(reservation) = &event.reservation else {
                continue;
            };
            if matches!(
                reservation.status,
                Some(
                    ReservationStatus::Accepted
                        | ReservationStatus::Wrapping
                        | ReservationStatus::Completed
                )
            ) {
                task.accepted.insert(reservation.sid);
            }
        }
    }

    /// The tasks that are linked to what bears one of these names: those that `seeds` says, those whose attributes name one of them, and
    /// those whose attributes name what the attributes of a linked task name.
    pub fn linked(&self, seeds: &BTreeSet<TaskSid>, names: &BTreeSet<Name>) -> BTreeSet<TaskSid> {
        let (mut linked, mut names) = (seeds.clone(), names.clone());
        loop {
            for task in &linked {
                names.extend(self.0.get(task).into_iter().flat_map(|task| &task.names));
            }
            let is_new = |(sid, task): &(&TaskSid, &Task)| {
                !linked.contains(sid) && !task.names.is_disjoint(&names)
            };
            let found: Vec<TaskSid> = self.0.iter().filter(is_new).map(|(sid, _)| *sid).collect();
            if found.is_empty() {
                return linked;
            }
            linked.extend(found);
        }
    }

    /// Tasks with an accepted reservation of whose attributes no event told.
    pub fn blind(&self) -> impl Iterator<Item = TaskSid> {
        self.0
            .iter()
            .filter(|(_, task)| !task.has_attributes && !task.accepted.is_empty())
            .map(|(sid, _)| *sid)
    }

    /// The accepted reservations of a task.
    pub fn accepted(&self, task: TaskSid) -> impl Iterator<Item = LegId> {
        let accepted = self.0.get(&task).map(|task| &task.accepted);
        accepted.into_iter().flatten().map(|sid| LegId::from(*sid))
    }
}

#[cfg(test)]
mod tests;
