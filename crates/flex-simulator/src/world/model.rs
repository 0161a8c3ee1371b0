//! The things Twilio keeps about a call, each with the instants from which it can be seen.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};

use super::conversation::TaskChannel;
use super::keys::KeyName;
use super::sound::Sound;

/// A `TaskQueue`.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) sid: String,
    pub(crate) name: String,
    /// Later names, each from an instant on, oldest first.
    pub(crate) renamed: Vec<(DateTime<Utc>, String)>,
}

impl Queue {
    /// What it is called at an instant.
    pub(crate) fn name_at(&self, now: DateTime<Utc>) -> &str {
        let known = self.renamed.partition_point(|(at, _)| *at <= now);
        known
            .checked_sub(1)
            .map_or(&self.name, |last| &self.renamed[last].1)
    }
}

/// An activity of agents.
#[derive(Debug, Clone)]
pub(crate) struct Activity {
    pub(crate) sid: String,
    pub(crate) name: String,
    pub(crate) available: bool,
}

/// An agent.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    pub(crate) sid: String,
    /// The login name.
    pub(crate) name: String,
    pub(crate) full_name: String,
    /// The voice client's identity, behind `client:`.
    pub(crate) identity: String,
    /// A JSON text.
    pub(crate) attributes: String,
    /// Index of the present activity.
    pub(crate) activity: usize,
    /// Whether Calabrio knows the agent from the start.
    pub(crate) known: bool,
    /// What else the agent was from an instant on, oldest first.
    pub(crate) changes: Vec<WorkerChange>,
}

/// What an agent was from an instant on.
#[derive(Debug, Clone)]
pub(crate) struct WorkerChange {
    pub(crate) at: DateTime<Utc>,
    pub(crate) name: Arc<str>,
    /// A JSON text.
    pub(crate) attributes: Arc<str>,
    pub(crate) activity: usize,
    /// Since when it is that.
    pub(crate) activity_since: DateTime<Utc>,
}

impl Worker {
    /// The last change before an instant; nothing where there was none.
    pub(crate) fn change_at(&self, now: DateTime<Utc>) -> Option<&WorkerChange> {
        let known = self.changes.partition_point(|change| change.at <= now);
        self.changes.get(known.checked_sub(1)?)
    }

    /// The login name at an instant.
    pub(crate) fn name_at(&self, now: DateTime<Utc>) -> &str {
        self.change_at(now)
            .map_or(&self.name, |change| &change.name)
    }

    /// The attributes at an instant.
    pub(crate) fn attributes_at(&self, now: DateTime<Utc>) -> &str {
        self.change_at(now)
            .map_or(&self.attributes, |change| &change.attributes)
    }

    /// Index of the activity at an instant.
    pub(crate) fn activity_at(&self, now: DateTime<Utc>) -> usize {
        self.change_at(now)
            .map_or(self.activity, |change| change.activity)
    }
}

/// What a task was from an instant on.
#[derive(Debug, Clone)]
pub(crate) struct TaskVersion {
    pub(crate) at: DateTime<Utc>,
    pub(crate) version: u32,
    pub(crate) status: &'static str,
    /// A JSON text.
    pub(crate) attributes: String,
}

/// A task.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) sid: String,
    pub(crate) channel: TaskChannel,
    pub(crate) queue: usize,
    /// Oldest first; the first is the creation.
    pub(crate) versions: Vec<TaskVersion>,
    /// From when it cannot be read any more.
    pub(crate) gone_at: DateTime<Utc>,
    pub(crate) reason: Option<String>,
    pub(crate) reservations: Vec<Reservation>,
}

impl Task {
    /// What it is at an instant; nothing before its creation and after it vanished.
    pub(crate) fn at(&self, now: DateTime<Utc>) -> Option<&TaskVersion> {
        if now >= self.gone_at {
            return None;
        }
        self.versions.iter().rev().find(|version| version.at <= now)
    }

    /// When it was made.
    pub(crate) fn created(&self) -> DateTime<Utc> {
        self.versions
            .first()
            .map_or(DateTime::UNIX_EPOCH, |version| version.at)
    }
}

/// An offer of a task to an agent.
#[derive(Debug, Clone)]
pub(crate) struct Reservation {
    pub(crate) sid: String,
    pub(crate) worker: usize,
    /// Status from an instant on, oldest first.
    pub(crate) statuses: Vec<(DateTime<Utc>, &'static str)>,
}

impl Reservation {
    /// Status and when it began; nothing before the offer.
    pub(crate) fn at(&self, now: DateTime<Utc>) -> Option<(DateTime<Utc>, &'static str)> {
        self.statuses
            .iter()
            .rev()
            .find(|(at, _)| *at <= now)
            .copied()
    }
}

/// An event as the Events API tells it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "Twilio's name of the field")]
pub(crate) struct Event {
    pub(crate) sid: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) visible_at: DateTime<Utc>,
    pub(crate) event_type: &'static str,
    pub(crate) description: String,
    pub(crate) resource_type: &'static str,
    pub(crate) resource_sid: String,
    /// All values are strings, as at Twilio.
    pub(crate) data: BTreeMap<&'static str, String>,
}

/// A call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) sid: String,
    pub(crate) parent: Option<String>,
    pub(crate) direction: &'static str,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
}

/// Someone in a conference.
#[derive(Debug, Clone)]
pub(crate) struct Participant {
    pub(crate) sid: String,
    pub(crate) call: String,
    pub(crate) label: Option<&'static str>,
    pub(crate) direction: &'static str,
    pub(crate) call_type: &'static str,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) join: DateTime<Utc>,
    pub(crate) leave: DateTime<Utc>,
    /// When they were on hold, until when; nothing where they left meanwhile.
    pub(crate) holds: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)>,
}

impl Participant {
    /// Whether they are on hold.
    pub(crate) fn is_on_hold(&self, now: DateTime<Utc>) -> bool {
        let on = |(from, to): &(DateTime<Utc>, Option<DateTime<Utc>>)| {
            *from <= now && now < to.unwrap_or(self.leave)
        };
        self.holds.iter().any(on)
    }

    /// When something about them changed last.
    pub(crate) fn updated(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let changes = self.holds.iter().flat_map(|(from, to)| [Some(*from), *to]);
        let changes = changes.flatten().filter(|at| *at <= now);
        changes.fold(self.join, DateTime::max)
    }
}

/// A conference.
#[derive(Debug, Clone)]
pub(crate) struct Conference {
    pub(crate) sid: String,
    pub(crate) friendly_name: String,
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
    pub(crate) participants: Vec<Participant>,
}

/// Which of the spellings in circulation a recording's `encryption_details` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `public_key_sid`, `encrypted_cek`, `iv`, `type`.
    Documentation,
    /// `encryption_public_key_sid`, `encryption_cek`, `encryption_iv`.
    OpenApi,
    /// `encryption_public_key_sid`, `encryption_cek`, `iv`, `type`.
    Mixed,
}

/// How a recording is encrypted.
#[derive(Debug)]
pub(crate) struct Locked {
    pub(crate) key: KeyName,
    pub(crate) content_key: [u8; 32],
    pub(crate) iv: [u8; 12],
    pub(crate) spelling: Spelling,
    /// The wrapped content key, made when it is first asked for.
    pub(crate) wrapped: OnceLock<String>,
}

/// What became of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Stored at Twilio.
    Stored,
    /// Stored, and changed since.
    Tampered,
    /// Stored, with a header that promises more than there is.
    LyingHeader,
    /// Not there, for the reason coded.
    Absent(u32),
    /// In the customer's own bucket.
    Elsewhere,
}

/// A recording.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) sid: String,
    /// The task that its call or its conference belongs to; none of a voicemail, say.
    pub(crate) task: Option<String>,
    pub(crate) call: String,
    pub(crate) conference: Option<String>,
    pub(crate) source: &'static str,
    pub(crate) sound: Sound,
    pub(crate) locked: Option<Locked>,
    pub(crate) fate: Fate,
    /// When it began, to the millisecond; the API cuts to the second.
    pub(crate) start: DateTime<Utc>,
    /// When it ended.
    pub(crate) stop: DateTime<Utc>,
    /// From when it is `completed` or `absent`.
    pub(crate) completed_at: DateTime<Utc>,
    /// From when its media can be fetched.
    pub(crate) media_at: DateTime<Utc>,
    /// Whether its media is reached by a redirect.
    pub(crate) redirect: bool,
}

impl Recording {
    /// Channels that are stored.
    pub(crate) fn channels(&self) -> u16 {
        u16::try_from(self.sound.channels.len()).unwrap_or(1)
    }

    /// Whether it is of a conference, whose download is mono unless asked otherwise.
    pub(crate) const fn is_conference(&self) -> bool {
        self.conference.is_some()
    }
}
