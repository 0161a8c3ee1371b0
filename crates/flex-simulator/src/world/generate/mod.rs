//! A world out of a scenario, a seed and an instant.

mod abandoned;
mod attributes;
mod contact;
mod course;
mod digital;
mod events;
mod expect;
mod orphans;
mod people;
mod recipe;
mod recorded;
mod telephony;
mod timeline;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::conversation::{Conversation, Interaction};
use super::dice::Dice;
use super::expected::{Outcome, ParkedFor};
use super::keys::Keys;
use super::kind::Kind;
use super::media::MediaShelf;
use super::model::{Call, Conference, Event, Recording, Task};
use super::streams::Streams;
use super::{
    ExclusionRule, ExpectedLeg, Identity, PrivateKeyFile, World, WorldError, metadata_key, pairs,
};
use crate::scenario::{Scenario, Span, UnknownAgent};

/// The longest audio of a leg, in milliseconds.
const LONGEST_MS: u64 = 4 * 3_600 * 1_000;
/// The stream of choices that are not of one contact.
const HOUSE: u64 = 0;
/// The same for what came to the house later, so that a seed's older worlds stay as they were.
const ANNEX: u64 = 1 << 41;

/// Everything the contacts add up to.
#[derive(Default)]
struct Pile {
    tasks: Vec<Task>,
    events: Vec<Event>,
    calls: Vec<Call>,
    conferences: Vec<Conference>,
    recordings: Vec<Recording>,
    conversations: Vec<Conversation>,
    interactions: Vec<Interaction>,
    expected: Vec<ExpectedLeg>,
    markers: Vec<String>,
}

impl Pile {
    /// Newest first, as Twilio lists.
    fn sort(&mut self) {
        self.events
            .sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.sid.cmp(&b.sid)));
        self.calls
            .sort_by(|a, b| b.start.cmp(&a.start).then_with(|| a.sid.cmp(&b.sid)));
        self.conferences
            .sort_by(|a, b| b.start.cmp(&a.start).then_with(|| a.sid.cmp(&b.sid)));
        self.recordings
            .sort_by(|a, b| b.start.cmp(&a.start).then_with(|| a.sid.cmp(&b.sid)));
        self.conversations
            .sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.sid.cmp(&b.sid)));
    }
}

/// What every contact is made with.
struct House<'a> {
    scenario: &'a Scenario,
    start: DateTime<Utc>,
    identity: Identity,
    queues: Vec<super::model::Queue>,
    workers: Vec<super::model::Worker>,
    exclusions: Vec<ExclusionRule>,
    leg_key_field: String,
}

impl House<'_> {
    /// What becomes of a leg that would end so, given who its agent is.
    fn for_agent(&self, outcome: Outcome, agent: usize) -> Outcome {
        let parks = self.scenario.unknown_agent == UnknownAgent::Park;
        if outcome == Outcome::Complete && parks && !self.workers[agent].known {
            Outcome::Parked(ParkedFor::UnknownAgent)
        } else {
            outcome
        }
    }
}

/// What must and what must not stand in a contact's metadata, by the attributes that its task has in the end.
fn metadata(
    house: &House<'_>,
    leg: &str,
    attributes: &Value,
) -> (BTreeMap<String, String>, Vec<String>) {
    let mut present = BTreeMap::from([(house.leg_key_field.clone(), leg.to_owned())]);
    let mut absent = Vec::new();
    for mapping in &house.scenario.mappings {
        let key = metadata_key(&mapping.label);
        match attributes::lookup(attributes, &mapping.attribute) {
            Some(Value::String(text)) => {
                present.insert(key, text.clone());
            }
            None => absent.push(key),
            Some(_) => {}
        }
    }
    (present, absent)
}

pub(super) fn world(
    scenario: &Scenario,
    seed: u64,
    now: DateTime<Utc>,
) -> Result<World, WorldError> {
    check(scenario)?;
    // Nothing at Twilio is told more finely.
    let now = DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now);
    let mut dice = Dice::new(seed, HOUSE);
    let identity = identity(&mut dice, &mut Dice::new(seed, ANNEX));
    let keys = Keys::generate(&mut dice, scenario.key_bits)?;
    let queues = people::queues(&mut dice);
    let activities = people::activities(&mut dice);
    let workers = people::workers(&mut dice, scenario);
    let excluded = &queues[people::EXCLUDED_QUEUE];
    let exclusions = vec![ExclusionRule {
        name: "test-calls".to_owned(),
        queue_sid: excluded.sid.clone(),
        queue_name: excluded.name.clone(),
    }];
    let house = House {
        scenario,
        start: now,
        identity,
        queues,
        workers,
        exclusions,
        leg_key_field: metadata_key(&scenario.leg_key_label),
    };

    let pile = happenings(&house, &activities, seed, &mut dice);
    let private_keys = [
        ("recordings2026", &keys.newer),
        ("recordings2025", &keys.older),
    ]
    .into_iter()
    .map(|(name, key)| PrivateKeyFile {
        name: name.to_owned(),
        public_key_sid: key.sid.clone(),
        pem: key.pem.clone(),
    })
    .collect();
    let push = scenario.push.as_ref();
    let streams = Streams::of(
        &mut Dice::new(seed, ANNEX + 1),
        now,
        push,
        push.map(|push| push.url(&house.identity.workspace)),
    );
    let House {
        identity,
        queues,
        workers,
        exclusions,
        ..
    } = house;
    Ok(World {
        scenario: scenario.clone(),
        seed,
        start: now,
        identity,
        keys,
        queues,
        activities,
        workers,
        tasks: pile.tasks,
        events: pile.events,
        calls: pile.calls,
        conferences: pile.conferences,
        by_recording: pile
            .recordings
            .iter()
            .enumerate()
            .map(|(index, recording)| (recording.sid.clone(), index))
            .collect(),
        recordings: pile.recordings,
        conversations: pile.conversations,
        interactions: pile.interactions,
        expected: pile.expected,
        markers: pile.markers,
        private_keys,
        mappings: pairs(&scenario.mappings),
        exclusions,
        media: MediaShelf::default(),
        streams,
        live: None,
        deleted: std::sync::Mutex::default(),
    })
}

/// Everything that happened in the house.
fn happenings(
    house: &House<'_>,
    activities: &[super::model::Activity],
    seed: u64,
    dice: &mut Dice,
) -> Pile {
    let scenario = house.scenario;
    let mut pile = Pile::default();
    let kinds = kinds(scenario);
    let live = live(&kinds, scenario.live_contacts);
    for (index, kind) in kinds.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let mut dice = Dice::new(seed, 1_000 + u64::from(index));
        let make = if kind.is_digital() {
            digital::make
        } else {
            contact::make
        };
        make(
            house,
            &mut pile,
            &mut dice,
            *kind,
            index,
            live.contains(&index),
        );
    }
    for index in 0..scenario.abandoned {
        let mut dice = Dice::new(seed, 1 << 40 | u64::from(index));
        abandoned::abandon(house, &mut pile, &mut dice);
    }
    for index in 0..scenario.orphan_recordings {
        let mut dice = Dice::new(seed, 1 << 42 | u64::from(index));
        orphans::leave(house, &mut pile, &mut dice, index);
    }
    events::shifts(house, activities, &mut pile, dice);
    pile.sort();
    pile
}

/// Refuses what cannot be made.
fn check(scenario: &Scenario) -> Result<(), WorldError> {
    if scenario.agents < 2 {
        return Err(WorldError::Agents(scenario.agents));
    }
    let longest = scenario.audio_ms.min.max(scenario.audio_ms.max);
    if longest > LONGEST_MS {
        return Err(WorldError::AudioLength(longest));
    }
    Ok(())
}

fn identity(dice: &mut Dice, annex: &mut Dice) -> Identity {
    Identity {
        account: dice.sid("AC"),
        auth_token: dice.hex(32),
        api_key: dice.sid("SK"),
        api_secret: dice.hex(32),
        workspace: dice.sid("WS"),
        workflow: dice.sid("WW"),
        voice_channel: dice.sid("TC"),
        chat_channel: dice.sid("TC"),
        default_channel: dice.sid("TC"),
        flex_instance: dice.sid("GO"),
        chat_service: dice.sid("IS"),
        sms_channel: annex.sid("TC"),
    }
}

/// The kind of each contact: round after round. Where the scenario names none, calls and messages alternate, so that few
/// contacts show both.
fn kinds(scenario: &Scenario) -> Vec<Kind> {
    let contacts = usize::try_from(scenario.contacts).unwrap_or(0);
    let round = scenario.round();
    let named = scenario.kinds.values().any(|times| *times > 0);
    let round = if named { round } else { mixed(&round) };
    round.into_iter().cycle().take(contacts).collect()
}

/// The same kinds with two calls before each contact of a digital channel, for as long as there are any of both.
fn mixed(round: &[Kind]) -> Vec<Kind> {
    let (mut digital, mut calls) = (Vec::new(), Vec::new());
    for kind in round {
        let pile = if kind.is_digital() {
            &mut digital
        } else {
            &mut calls
        };
        pile.push(*kind);
    }
    let (mut digital, mut calls) = (digital.into_iter(), calls.into_iter());
    let mut mixed = Vec::with_capacity(round.len());
    while mixed.len() < round.len() {
        mixed.extend(calls.by_ref().take(2).chain(digital.next()));
    }
    mixed
}

/// Which contacts end while the simulator runs: the last ones of kinds that need no past of their own, calls and others by turns.
fn live(kinds: &[Kind], count: u32) -> Vec<u32> {
    let last = |digital: bool| {
        kinds
            .iter()
            .enumerate()
            .rev()
            .filter(move |(_, kind)| kind.is_digital() == digital && !has_a_past(**kind))
            .filter_map(|(index, _)| u32::try_from(index).ok())
    };
    let (mut calls, mut others) = (last(false), last(true));
    let mut live = Vec::new();
    while live.len() < usize::try_from(count).unwrap_or(0) {
        let turn = [calls.next(), others.next()];
        if turn == [None, None] {
            break;
        }
        live.extend(turn.into_iter().flatten());
    }
    live.truncate(usize::try_from(count).unwrap_or(0));
    live
}

/// Whether what is particular about a kind has to have happened before the start.
const fn has_a_past(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::VanishedTask
            | Kind::LateRecording
            | Kind::Excluded
            | Kind::ChatDeletedMessages
            | Kind::ChatGone
            | Kind::ChatHuge
    )
}

/// A span in seconds as one in milliseconds.
const fn seconds(span: Span) -> Span {
    Span::new(span.min * 1_000, span.max * 1_000)
}
