//! Whether a source recording may be deleted at Twilio: only once every contact that uses it, known or listed afresh, was read back.
//!
//! [`Tasks`] finds the tasks that a recording is linked to, [`standing`] says how far a leg is, [`judge`] decides. None of them asks
//! anybody anything; the runner does.

mod obstacle;
mod tasks;

use std::collections::BTreeSet;

use chrono::Duration;
use contact_model::{Contact, LegId, LegMedia, Stage};
use sync_ledger::Undelivered;

pub use self::obstacle::Obstacle;
pub use self::tasks::{Name, Tasks, hours, names_in};
use super::NO_MEDIA_RULE;
use super::facts::{RecordingFacts, RecordingState};
use super::rules::span;

/// How far a leg is, as far as the deletion of a recording goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its contact was read back.
    Proven,
    /// Its contact was read back, but how long it is was never compared with what was sent.
    NotCompared,
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
        Stage::Complete(stage)
            if matches!(stage.media, LegMedia::Recordings { .. }) && !stage.is_compared =>
        {
            Standing::NotCompared
        }
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
    /// Whether [read-backs can be relied on](super::confirmed::read_back_confirmed) on this tenant.
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
        Standing::NotCompared => return Some(Obstacle::LengthNotCompared),
        Standing::WithoutAudio => return Some(Obstacle::LegWithoutAudio),
        Standing::Parked => return Some(Obstacle::LegParked),
        Standing::Failed => return Some(Obstacle::LegFailed),
        Standing::OnItsWay => return Some(Obstacle::LegOnItsWay),
        Standing::Unknown => return Some(Obstacle::LegNotKnown),
    }
    match leg.undelivered {
        Undelivered { pending: 1.., .. } => Some(Obstacle::WebhookPending),
        Undelivered { exhausted: 1.., .. } => Some(Obstacle::WebhookExhausted),
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

#[cfg(test)]
mod tests;
