//! What Calabrio ONE holds. Imports never merge: each makes a contact of its own, so that one that was sent twice is seen twice.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::audio::HeardAudio;
use super::text::ReceivedTranscript;
use super::wire;
use crate::faults::Dice;
use crate::world::AudioVerdict;

/// Number of the first contact.
const FIRST_ID: u64 = 40_001;

/// The audio of a contact, as it was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReceivedAudio {
    /// SHA-256 of each channel's samples, hexadecimal, in the order of the channels.
    pub channel_sha256: Vec<String>,
    /// Samples per second.
    pub sample_rate: u32,
    /// Bits per sample.
    pub bits: u16,
    /// The WAV header's format tag: 1 is PCM.
    pub format: u16,
    /// Samples per channel.
    pub frames: u64,
    /// Length in milliseconds, rounded down.
    pub duration_ms: u64,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// What about the file is not in order.
    pub defects: Vec<String>,
    /// Whether it is the leg's audio; nothing where the leg is not known or the file was too long to compare.
    pub verdict: Option<AudioVerdict>,
}

impl From<HeardAudio> for ReceivedAudio {
    fn from(heard: HeardAudio) -> Self {
        Self {
            duration_ms: heard.duration_ms(),
            channel_sha256: heard.channel_sha256,
            sample_rate: heard.sample_rate,
            bits: heard.bits,
            format: heard.format,
            frames: heard.frames,
            bytes: heard.bytes,
            defects: heard.defects,
            verdict: heard.verdict,
        }
    }
}

/// A contact that Calabrio ONE holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReceivedContact {
    /// Calabrio's number of it, the `ccrId`.
    pub id: u64,
    /// The leg key: the value of the reserved metadata field, empty where it came without.
    pub leg: String,
    /// `assocCallId`.
    pub session: Option<String>,
    /// `callId`.
    pub call_id: Option<String>,
    /// When the contact began.
    pub started_at: DateTime<Utc>,
    /// Its length in milliseconds, as the import told it.
    pub duration_ms: u64,
    /// `ani`.
    pub ani: Option<String>,
    /// `dnis`.
    pub dnis: Option<String>,
    /// `acdId`: the agent's worker SID.
    pub agent: Option<String>,
    /// `acdServerId`: the ACD's number at Calabrio.
    pub acd_server: Option<i64>,
    /// `direction`.
    pub direction: Option<String>,
    /// `contactType`.
    pub contact_type: String,
    /// Metadata by key, the leg key's among it.
    pub metadata: BTreeMap<String, String>,
    /// The audio, where any came.
    pub audio: Option<ReceivedAudio>,
    /// The transcript, where any came.
    pub transcript: Option<ReceivedTranscript>,
    /// The beginning of the text that people would read.
    #[serde(skip)]
    pub(crate) text: Bytes,
    /// When it was imported.
    pub received_at: DateTime<Utc>,
    /// From when a search finds it.
    pub found_from: DateTime<Utc>,
    /// From when its audio or its text is processed.
    pub processed_from: DateTime<Utc>,
}

impl ReceivedContact {
    /// Whether it is of a kind whose content is text.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.contact_type.as_str(), "TEXT" | "EMAIL")
    }

    /// Whether Calabrio has its content, and has worked it up, at an instant.
    pub(crate) fn is_processed(&self, now: DateTime<Utc>) -> bool {
        (self.audio.is_some() || self.transcript.is_some()) && now >= self.processed_from
    }

    /// Its form on the wire at an instant.
    pub(crate) fn wire(&self, now: DateTime<Utc>, with_metadata: bool) -> wire::Contact {
        let processed = self.audio.as_ref().filter(|_| now >= self.processed_from);
        let metadata = || {
            self.metadata
                .iter()
                .map(|(key, value)| {
                    let entry = wire::Entry {
                        key: key.clone(),
                        value: value.clone(),
                    };
                    (key.clone(), entry)
                })
                .collect()
        };
        wire::Contact {
            id: self.id,
            start_time: self.started_at.timestamp_millis(),
            call_duration: processed.map_or(self.duration_ms, |audio| audio.duration_ms),
            contact_type: self.contact_type.clone(),
            ani: self.ani.clone(),
            dnis: self.dnis.clone(),
            assoc_call_id: self.session.clone(),
            acd_id: self.agent.clone(),
            direction: self.direction.clone(),
            audio_uploaded: processed.is_some(),
            text_uploaded: self
                .is_text()
                .then(|| self.transcript.is_some() && self.is_processed(now)),
            metadata: with_metadata.then(metadata),
        }
    }
}

/// What a search asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub begin: Option<NaiveDate>,
    pub end: Option<NaiveDate>,
    pub contact_type: Option<String>,
    pub ani: Option<String>,
    pub dnis: Option<String>,
}

/// How long things take inside Calabrio ONE.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delays {
    /// The longest time until a search finds a contact.
    pub index: Duration,
    /// The longest time until audio is processed.
    pub processing: Duration,
    /// Seed of each contact's own share of those.
    pub seed: u64,
    /// In which zone the days of a search are meant; the vendor does not say.
    pub zone: FixedOffset,
}

/// The contacts.
#[derive(Debug)]
pub(crate) struct Store {
    delays: Delays,
    contacts: Mutex<Vec<ReceivedContact>>,
}

impl Store {
    pub(crate) fn new(delays: Delays) -> Self {
        Self {
            delays,
            contacts: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ReceivedContact>> {
        self.contacts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a contact in and gives its number.
    pub(crate) fn insert(&self, mut contact: ReceivedContact, now: DateTime<Utc>) -> u64 {
        let mut contacts = self.lock();
        let id = FIRST_ID + contacts.len() as u64;
        let mut dice = Dice::new(self.delays.seed, id, 0);
        // Between a quarter of the longest time and all of it.
        let mut share = |longest: Duration| {
            let per_mille = 250 + u32::try_from(dice.below(751)).unwrap_or(0);
            TimeDelta::from_std(longest / 1_000 * per_mille).unwrap_or_default()
        };
        contact.id = id;
        contact.received_at = now;
        contact.found_from = now + share(self.delays.index);
        contact.processed_from = now + share(self.delays.processing);
        contacts.push(contact);
        id
    }

    /// Every contact, in the order of import.
    pub(crate) fn all(&self) -> Vec<ReceivedContact> {
        self.lock().clone()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// One contact.
    pub(crate) fn get(&self, id: u64) -> Option<ReceivedContact> {
        let index = usize::try_from(id.checked_sub(FIRST_ID)?).ok()?;
        self.lock().get(index).cloned()
    }

    /// Writes metadata to a contact; fields that are not named stay. Says whether there is such a contact.
    pub(crate) fn write(&self, id: u64, entries: BTreeMap<String, String>, leg_key: &str) -> bool {
        let Some(index) = id
            .checked_sub(FIRST_ID)
            .and_then(|n| usize::try_from(n).ok())
        else {
            return false;
        };
        let mut contacts = self.lock();
        let Some(contact) = contacts.get_mut(index) else {
            return false;
        };
        contact.metadata.extend(entries);
        contact.leg = contact.metadata.get(leg_key).cloned().unwrap_or_default();
        true
    }

    /// What a search finds now, newest first: the items from `first`, at most `count`, and how many there are in all.
    pub(crate) fn search(
        &self,
        filter: &Filter,
        now: DateTime<Utc>,
        first: usize,
        count: usize,
    ) -> (Vec<ReceivedContact>, usize) {
        let contacts = self.lock();
        let mut found: Vec<&ReceivedContact> = contacts
            .iter()
            .filter(|contact| contact.found_from <= now && self.fits(contact, filter))
            .collect();
        found.sort_by_key(|contact| std::cmp::Reverse((contact.started_at, contact.id)));
        let total = found.len();
        let page = found.into_iter().skip(first).take(count).cloned().collect();
        (page, total)
    }

    fn fits(&self, contact: &ReceivedContact, filter: &Filter) -> bool {
        let day = contact
            .started_at
            .with_timezone(&self.delays.zone)
            .date_naive();
        let same = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == value)
        };
        filter.begin.is_none_or(|begin| begin <= day)
            && filter.end.is_none_or(|end| day <= end)
            && same(&filter.contact_type, Some(&contact.contact_type))
            && same(&filter.ani, contact.ani.as_deref())
            && same(&filter.dnis, contact.dnis.as_deref())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    pub(crate) fn contact(leg: &str, started_at: DateTime<Utc>) -> ReceivedContact {
        ReceivedContact {
            id: 0,
            leg: leg.to_owned(),
            session: Some("CA1".to_owned()),
            call_id: Some(leg.to_owned()),
            started_at,
            duration_ms: 4_000,
            ani: None,
            dnis: None,
            agent: None,
            acd_server: None,
            direction: None,
            contact_type: "CALL".to_owned(),
            metadata: BTreeMap::from([("Twilio-Leg-key".to_owned(), leg.to_owned())]),
            audio: None,
            transcript: None,
            text: Bytes::new(),
            received_at: started_at,
            found_from: started_at,
            processed_from: started_at,
        }
    }

    pub(crate) fn audio() -> ReceivedAudio {
        ReceivedAudio {
            channel_sha256: vec![String::new()],
            sample_rate: 8_000,
            bits: 16,
            format: 1,
            frames: 32_080,
            duration_ms: 4_010,
            bytes: 64_204,
            defects: Vec::new(),
            verdict: Some(AudioVerdict::Match),
        }
    }

    fn store(hours_east: i32) -> Store {
        Store::new(Delays {
            index: Duration::from_secs(10),
            processing: Duration::from_secs(20),
            seed: 5,
            zone: FixedOffset::east_opt(hours_east * 3_600).unwrap(),
        })
    }

    fn found(store: &Store, filter: &Filter, now: DateTime<Utc>) -> usize {
        store.search(filter, now, 0, 100).1
    }

    #[test]
    fn a_search_finds_a_contact_only_after_a_while() {
        let store = store(0);
        let id = store.insert(contact("WR1", at(0)), at(100));
        assert_eq!(found(&store, &Filter::default(), at(102)), 0);
        assert_eq!(found(&store, &Filter::default(), at(110)), 1);
        assert!(store.get(id).is_some());
    }

    #[test]
    fn each_import_makes_a_contact_of_its_own() {
        let store = store(0);
        let new = contact("WR1", at(0));
        let first = store.insert(new.clone(), at(0));
        assert_ne!(store.insert(new, at(0)), first);
        assert_eq!(store.len(), 2);
    }

    #[test]
    fn audio_shows_once_it_is_processed_and_then_its_own_length() {
        let store = store(0);
        let new = ReceivedContact {
            audio: Some(audio()),
            ..contact("WR1", at(0))
        };
        let id = store.insert(new, at(0));
        let contact = store.get(id).unwrap();
        let early = contact.wire(at(4), true);
        assert!(!early.audio_uploaded && early.call_duration == 4_000);
        let late = contact.wire(at(20), true);
        assert!(late.audio_uploaded && late.call_duration == 4_010);
        assert_eq!(late.metadata.unwrap()["Twilio-Leg-key"].value, "WR1");
        assert!(contact.wire(at(20), false).metadata.is_none());
    }

    #[test]
    fn a_text_shows_once_it_is_processed_and_no_call_tells_of_one() {
        let store = store(0);
        let new = ReceivedContact {
            contact_type: "TEXT".to_owned(),
            transcript: Some(super::super::text::read(br#"{"messages": []}"#).unwrap()),
            ..contact("WR1", at(0))
        };
        let id = store.insert(new, at(0));
        let told = |now| store.get(id).unwrap().wire(now, true).text_uploaded;
        assert_eq!((told(at(4)), told(at(20))), (Some(false), Some(true)));
        let call = contact("WR2", at(0)).wire(at(20), true);
        assert_eq!(call.text_uploaded, None);
    }

    #[test]
    fn the_days_of_a_search_are_of_calabrios_zone() {
        // 22:13 UTC on the 14th of November 2023.
        let store = store(10);
        store.insert(contact("WR1", at(0)), at(0));
        let day = |day| Filter {
            begin: NaiveDate::from_ymd_opt(2023, 11, day),
            end: NaiveDate::from_ymd_opt(2023, 11, day),
            ..Filter::default()
        };
        assert_eq!(found(&store, &day(14), at(60)), 0);
        assert_eq!(found(&store, &day(15), at(60)), 1);
    }

    #[test]
    fn a_page_is_a_stretch_of_the_newest_first() {
        let store = store(0);
        for n in 0..5 {
            store.insert(contact(&format!("WR{n}"), at(n)), at(0));
        }
        let (page, total) = store.search(&Filter::default(), at(60), 1, 2);
        let legs: Vec<_> = page.iter().map(|contact| contact.leg.as_str()).collect();
        assert_eq!((legs, total), (vec!["WR3", "WR2"], 5));
        assert!(store.search(&Filter::default(), at(60), 5, 2).0.is_empty());
    }

    #[test]
    fn written_metadata_leaves_the_rest() {
        let store = store(0);
        let id = store.insert(contact("WR1", at(0)), at(0));
        let entries = BTreeMap::from([("A-key".to_owned(), "1".to_owned())]);
        assert!(store.write(id, entries, "Twilio-Leg-key"));
        let contact = store.get(id).unwrap();
        assert_eq!((contact.metadata.len(), contact.leg.as_str()), (2, "WR1"));
        assert!(!store.write(id + 1, BTreeMap::new(), "Twilio-Leg-key"));
        assert!(!store.write(0, BTreeMap::new(), "Twilio-Leg-key"));
    }
}
