//! The simulated contact centre: what Twilio holds at every instant, and what a correct connector makes of it.
//!
//! A world is made whole at its start. Each fact carries the instants between which it can be seen, so that a world needs no clock:
//! who asks brings the time.

pub(crate) mod conversation;
pub(crate) mod dice;
mod expected;
mod generate;
pub(crate) mod keys;
pub(crate) mod kind;
pub(crate) mod media;
pub(crate) mod model;
pub(crate) mod sound;
pub(crate) mod streams;
#[cfg(test)]
mod tests;
mod verdict;
pub(crate) mod wav;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use thiserror::Error;

pub use expected::{
    AudioPiece, AudioVerdict, Content, ExpectedAudio, ExpectedHold, ExpectedLeg, ExpectedMessage,
    ExpectedTranscript, Outcome, ParkedFor, PlaintextWindow,
};
pub use verdict::AudioCheck;

use crate::floor::taskrouter::Live;
use crate::scenario::{Mapping, Scenario};
use conversation::{Conversation, Interaction, TaskChannel};
use dice::Dice;
use keys::Keys;
use media::MediaShelf;
use model::{Activity, Call, Conference, Event, Queue, Recording, Task, Worker};
use streams::Streams;

/// Why a world could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorldError {
    /// The scenario asks for keys of a size that is not offered.
    #[error("key_bits is {0}; choose 2048, 3072 or 4096")]
    KeyBits(u32),
    /// The scenario asks for nobody to take the calls.
    #[error("agents is {0}; two are needed for a transfer")]
    Agents(u32),
    /// The scenario asks for more audio than a WAV file holds.
    #[error("audio_ms reaches {0}; at most four hours of audio are made for a leg")]
    AudioLength(u64),
    /// A key pair could not be made.
    #[error("a key pair could not be made; is the system short of randomness")]
    KeyGeneration,
    /// A recording could not be encrypted.
    #[error("a recording could not be encrypted")]
    Encryption,
}

/// A private key that the operator holds.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrivateKeyFile {
    /// Alphanumeric name.
    pub name: String,
    /// The public key's SID at Twilio.
    pub public_key_sid: String,
    /// The private key, PKCS#8 in PEM.
    pub pem: String,
}

impl fmt::Debug for PrivateKeyFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PrivateKeyFile")
            .field("name", &self.name)
            .field("public_key_sid", &self.public_key_sid)
            .finish_non_exhaustive()
    }
}

/// An exclusion rule that the operator wrote: calls of one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExclusionRule {
    /// The rule's name.
    pub name: String,
    /// The queue's SID.
    pub queue_sid: String,
    /// The queue's name.
    pub queue_name: String,
}

/// A field of Metadata Manager.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetadataField {
    /// Key, made from the label.
    pub key: String,
    /// Label.
    pub label: String,
    /// `TEXT`, `DATE` or `NUMBER`.
    pub field_type: &'static str,
}

/// A recording that was deleted over the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deleted {
    pub(crate) at: DateTime<Utc>,
    /// The task that its call or its conference belongs to.
    pub(crate) task: Option<String>,
}

/// SIDs and secrets of the account.
pub(crate) struct Identity {
    pub(crate) account: String,
    pub(crate) auth_token: String,
    pub(crate) api_key: String,
    pub(crate) api_secret: String,
    pub(crate) workspace: String,
    pub(crate) workflow: String,
    pub(crate) voice_channel: String,
    pub(crate) chat_channel: String,
    pub(crate) default_channel: String,
    pub(crate) flex_instance: String,
    pub(crate) chat_service: String,
    pub(crate) sms_channel: String,
}

impl Identity {
    /// The SID of a task channel.
    pub(crate) fn channel(&self, channel: TaskChannel) -> &str {
        match channel {
            TaskChannel::Voice => &self.voice_channel,
            TaskChannel::Chat => &self.chat_channel,
            TaskChannel::Sms => &self.sms_channel,
        }
    }
}

/// A simulated contact centre.
pub struct World {
    scenario: Scenario,
    seed: u64,
    start: DateTime<Utc>,
    pub(crate) identity: Identity,
    pub(crate) keys: Keys,
    pub(crate) queues: Vec<Queue>,
    pub(crate) activities: Vec<Activity>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) tasks: Vec<Task>,
    /// Newest first.
    pub(crate) events: Vec<Event>,
    /// Newest first.
    pub(crate) calls: Vec<Call>,
    /// Newest first.
    pub(crate) conferences: Vec<Conference>,
    /// Newest first.
    pub(crate) recordings: Vec<Recording>,
    pub(crate) conversations: Vec<Conversation>,
    pub(crate) interactions: Vec<Interaction>,
    by_recording: BTreeMap<String, usize>,
    expected: Vec<ExpectedLeg>,
    markers: Vec<String>,
    private_keys: Vec<PrivateKeyFile>,
    mappings: Vec<(String, String)>,
    exclusions: Vec<ExclusionRule>,
    pub(crate) media: MediaShelf,
    pub(crate) streams: Streams,
    /// What happens on a floor, where agents live on one.
    pub(crate) live: Option<Live>,
    deleted: Mutex<BTreeMap<String, DateTime<Utc>>>,
}

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("World")
            .field("seed", &self.seed)
            .field("start", &self.start)
            .field("legs", &self.expected.len())
            .field("recordings", &self.recordings.len())
            .finish_non_exhaustive()
    }
}

impl World {
    /// Makes the world of a scenario and a seed, as it is seen from `now` on. The same three give the same world, but for the RSA keys and
    /// what is wrapped with them: those come from the system's randomness.
    ///
    /// Takes as long as finding the primes of three RSA keys; call it off the runtime's threads.
    ///
    /// # Errors
    ///
    /// A scenario that asks for the impossible, and broken cryptography.
    pub fn new(scenario: &Scenario, seed: u64, now: DateTime<Utc>) -> Result<Self, WorldError> {
        generate::world(scenario, seed, now)
    }

    /// The scenario it was made of.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The seed it was made of.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// When it began.
    pub fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// Before its first event, on a whole second: from here a connector finds everything.
    pub fn begins(&self) -> DateTime<Utc> {
        let first = self
            .events
            .iter()
            .map(|event| event.at)
            .min()
            .unwrap_or(self.start);
        DateTime::from_timestamp(first.timestamp() - 1, 0).unwrap_or(first)
    }

    /// When everything in it has happened: no leg ends, no event appears and no recording completes after this.
    pub fn settles(&self) -> DateTime<Utc> {
        let events = self.events.iter().map(|event| event.visible_at);
        let media = self.recordings.iter().map(|recording| recording.media_at);
        events
            .chain(media)
            .max()
            .unwrap_or(self.start)
            .max(self.start)
    }

    /// The account's SID.
    pub fn account_sid(&self) -> &str {
        &self.identity.account
    }

    /// The account's auth token.
    pub fn auth_token(&self) -> &str {
        &self.identity.auth_token
    }

    /// An API key of the account: its SID and its secret.
    pub fn api_key(&self) -> (&str, &str) {
        (&self.identity.api_key, &self.identity.api_secret)
    }

    /// The workspace's SID.
    pub fn workspace_sid(&self) -> &str {
        &self.identity.workspace
    }

    /// SID and full name of every agent.
    pub fn workers(&self) -> Vec<(String, String)> {
        self.workers
            .iter()
            .map(|worker| (worker.sid.clone(), worker.full_name.clone()))
            .collect()
    }

    /// The private keys that the operator holds. One recording key is not among them.
    pub fn private_keys(&self) -> &[PrivateKeyFile] {
        &self.private_keys
    }

    /// The mappings an operator would configure: attribute, or `object.attribute`, and the field's label.
    pub fn mappings(&self) -> &[(String, String)] {
        &self.mappings
    }

    /// The exclusion rules an operator would configure.
    pub fn exclusions(&self) -> &[ExclusionRule] {
        &self.exclusions
    }

    /// Key of the metadata field that holds the leg key.
    pub fn leg_key_field(&self) -> String {
        metadata_key(&self.scenario.leg_key_label)
    }

    /// The fields of Metadata Manager: the leg key's, the mapped ones, and two that a mapping must not name.
    pub fn metadata_fields(&self) -> Vec<MetadataField> {
        let text = std::iter::once(self.scenario.leg_key_label.as_str())
            .chain(
                self.scenario
                    .mappings
                    .iter()
                    .map(|mapping| mapping.label.as_str()),
            )
            .chain(self.scenario.hold_labels.iter().map(String::as_str))
            .map(|label| (label, "TEXT"));
        text.chain([("Survey Score", "NUMBER"), ("Callback Date", "DATE")])
            .map(|(label, field_type)| MetadataField {
                key: metadata_key(label),
                label: label.to_owned(),
                field_type,
            })
            .collect()
    }

    /// What a correct connector makes of every leg, in the order of the contacts.
    pub fn expected(&self) -> &[ExpectedLeg] {
        &self.expected
    }

    /// What a correct connector makes of one leg.
    pub fn expected_leg(&self, leg: &str) -> Option<&ExpectedLeg> {
        self.expected.iter().find(|expected| expected.leg == leg)
    }

    /// Begins the comparison of a leg's delivered audio; nothing where there is no such leg.
    pub fn audio_check(&self, leg: &str) -> Option<AudioCheck> {
        let leg = self.expected_leg(leg)?;
        let sounds = leg.audio.as_ref().map_or_else(Vec::new, |audio| {
            audio
                .pieces
                .iter()
                .filter_map(|piece| self.recording(&piece.recording))
                .map(|recording| recording.sound.clone())
                .collect()
        });
        Some(AudioCheck::new(leg.audio.clone(), sounds))
    }

    /// Values from the tasks' attributes and words from messages that must never be found on disk.
    pub fn markers(&self) -> &[String] {
        &self.markers
    }

    /// Windows of every recording's audio that must never be found on disk: `each` of 64 bytes per recording that Twilio has.
    pub fn plaintext_windows(&self, each: u32) -> Vec<PlaintextWindow> {
        let mut dice = Dice::new(self.seed, u64::MAX);
        let mut windows = Vec::new();
        for recording in &self.recordings {
            let frame_bytes = u64::from(recording.channels()) * sound::SAMPLE_BYTES;
            let frames = 64_u64.div_ceil(frame_bytes);
            let last = recording.sound.frames().saturating_sub(frames);
            if last == 0
                || matches!(
                    recording.fate,
                    model::Fate::Absent(_) | model::Fate::Elsewhere
                )
            {
                continue;
            }
            for _ in 0..each {
                let from = dice.between(0, last);
                let mut pcm = recording.sound.pcm(from..from + frames);
                pcm.truncate(64);
                windows.push(PlaintextWindow {
                    recording: recording.sid.clone(),
                    pcm: Bytes::from(pcm),
                });
            }
        }
        windows
    }

    /// SIDs of recordings that were deleted over the API.
    pub fn deleted_recordings(&self) -> Vec<String> {
        self.deletions().keys().cloned().collect()
    }

    /// SIDs of the recordings that belong to no leg.
    pub fn orphan_recordings(&self) -> Vec<String> {
        let orphans = self.recordings.iter().filter(|made| made.task.is_none());
        orphans.map(|made| made.sid.clone()).collect()
    }

    /// The keys of the metadata fields for how often, and for how many seconds, the customer was on hold.
    pub fn hold_fields(&self) -> Option<(String, String)> {
        match self.scenario.hold_labels.as_slice() {
            [count, seconds, ..] => Some((metadata_key(count), metadata_key(seconds))),
            _ => None,
        }
    }

    /// What was deleted over the API, when, and the task that it belonged to.
    pub(crate) fn deleted(&self) -> Vec<Deleted> {
        let deletions = self.deletions();
        deletions
            .iter()
            .map(|(sid, at)| Deleted {
                at: *at,
                task: self.recording(sid).and_then(|made| made.task.clone()),
            })
            .collect()
    }

    pub(crate) fn recording(&self, sid: &str) -> Option<&Recording> {
        self.by_recording
            .get(sid)
            .and_then(|index| self.recordings.get(*index))
    }

    pub(crate) fn deleted_at(&self, sid: &str) -> Option<DateTime<Utc>> {
        self.deletions().get(sid).copied()
    }

    pub(crate) fn delete(&self, sid: &str, now: DateTime<Utc>) {
        self.deletions().entry(sid.to_owned()).or_insert(now);
    }

    fn deletions(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, DateTime<Utc>>> {
        self.deleted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key that Metadata Manager makes from a label: spaces to hyphens, `&` and `=` removed, `-key` at the end, at most 39 characters.
pub(crate) fn metadata_key(label: &str) -> String {
    let mut key: String = label
        .chars()
        .filter(|c| !matches!(c, '&' | '='))
        .map(|c| if c == ' ' { '-' } else { c })
        .take(35)
        .collect();
    key.push_str("-key");
    key
}

/// The mapping as pairs.
fn pairs(mappings: &[Mapping]) -> Vec<(String, String)> {
    mappings
        .iter()
        .map(|mapping| (mapping.attribute.clone(), mapping.label.clone()))
        .collect()
}

/// An instant as the REST APIs of the v1 kind write it: whole seconds, UTC.
pub(crate) fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Signed milliseconds.
pub(crate) const fn ms(millis: i64) -> TimeDelta {
    TimeDelta::milliseconds(millis)
}
