//! One contact, as a draft from which its task, its calls, its recordings and its expected legs are made.

use chrono::{DateTime, Utc};

use super::attributes::Known;
use super::people::EXCLUDED_QUEUE;
use super::recipe::Recipe;
use super::timeline::Timeline;
use super::{House, Pile, course, expect, recorded, seconds, telephony};
use crate::world::dice::Dice;
use crate::world::kind::Kind;
use crate::world::ms;

/// What is known of a contact while it is made.
pub(super) struct Draft<'a> {
    pub(super) house: &'a House<'a>,
    pub(super) kind: Kind,
    pub(super) variant: u32,
    pub(super) recipe: Recipe,
    pub(super) timeline: Timeline,
    /// The instant of the timeline's zero, by `TaskRouter`'s clock.
    pub(super) origin: DateTime<Utc>,
    /// How much the voice platform's clock is ahead.
    pub(super) skew: i64,
    pub(super) queue: usize,
    pub(super) agents: Vec<usize>,
    pub(super) task: String,
    pub(super) reservations: Vec<String>,
    pub(super) customer: String,
    pub(super) business: String,
    pub(super) customer_call: String,
    pub(super) worker_calls: Vec<String>,
    pub(super) conference: String,
}

impl Draft<'_> {
    /// An instant by `TaskRouter`'s clock.
    pub(super) fn at(&self, millis: u64) -> DateTime<Utc> {
        self.origin + ms(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// An instant by the voice platform's clock.
    pub(super) fn voice(&self, millis: u64) -> DateTime<Utc> {
        self.at(millis) + ms(self.skew)
    }
}

/// Makes a contact of the kind given; a live one ends after the start.
pub(super) fn make(
    house: &House<'_>,
    pile: &mut Pile,
    dice: &mut Dice,
    kind: Kind,
    variant: u32,
    live: bool,
) {
    let scenario = house.scenario;
    let mut recipe = Recipe::of(kind, variant);
    if !scenario.encryption {
        recipe.key = None;
    }
    let timeline = Timeline::of(&recipe, scenario, dice);
    let lifetime = dice.span(seconds(scenario.task_lifetime_seconds));
    let ended_ago = dice.span(seconds(scenario.ended_seconds_ago));
    let live_after = dice.millis(scenario.live_ms.min, scenario.live_ms.max);
    let ended = match kind {
        _ if live => live_after,
        Kind::VanishedTask => -i64::try_from(ended_ago.max(lifetime + 5_000)).unwrap_or(i64::MAX),
        _ => -i64::try_from(ended_ago).unwrap_or(i64::MAX),
    };
    let lasted = i64::try_from(timeline.completed()).unwrap_or(0);
    let skew = dice.millis(0, 2 * scenario.voice_skew_ms)
        - i64::try_from(scenario.voice_skew_ms).unwrap_or(0);
    let first = dice.index(house.workers.len());
    let second = (first + 1 + dice.index(house.workers.len() - 1)) % house.workers.len();
    let draft = Draft {
        house,
        kind,
        variant,
        recipe,
        origin: house.start + ms(ended - lasted),
        skew,
        queue: if kind == Kind::Excluded {
            EXCLUDED_QUEUE
        } else {
            dice.index(EXCLUDED_QUEUE)
        },
        agents: [first, second][..timeline.parts.len()].to_vec(),
        task: dice.sid("WT"),
        reservations: timeline.parts.iter().map(|_| dice.sid("WR")).collect(),
        customer: dice.phone(),
        business: "+12065550100".to_owned(),
        customer_call: dice.sid("CA"),
        worker_calls: timeline.parts.iter().map(|_| dice.sid("CA")).collect(),
        conference: dice.sid("CF"),
        timeline,
    };

    let recordings = recorded::recordings(&draft, dice);
    let named: Vec<(String, i64)> = recordings
        .iter()
        .map(|(_, recording)| (recording.sid.clone(), recording.start.timestamp_millis()))
        .collect();
    let conversation = (variant % 4 == 1).then(|| dice.sid("WT"));
    let account_number = format!("ACCT-{}", dice.hex(12));
    let customer_name = format!("Customer {}", dice.hex(10));
    let notes = format!("note-{}", dice.hex(16));
    pile.markers
        .extend([account_number.clone(), customer_name.clone(), notes.clone()]);
    let known = Known {
        account: &house.identity.account,
        outbound: recipe.outbound,
        naming: recipe.naming,
        customer: &draft.customer,
        business: &draft.business,
        customer_call: &draft.customer_call,
        worker_call: &draft.worker_calls[0],
        conference: &draft.conference,
        conversation: conversation.as_deref(),
        account_number: (kind != Kind::MissingMappedAttribute).then_some(account_number.as_str()),
        customer_name: &customer_name,
        notes: &notes,
        segment: ["gold", "silver", "bronze"][dice.index(3)],
        outcome: ["Resolved", "Callback promised", "Escalated"][dice.index(3)],
        recordings: &named,
        reservation: &draft.reservations[0],
        iso_start: variant.is_multiple_of(2),
    };

    expect::legs(&draft, pile, &known, &recordings, conversation.as_deref());
    course::task(&draft, pile, dice, &known, lifetime);
    telephony::calls(&draft, pile, dice);
    pile.recordings
        .extend(recordings.into_iter().map(|(_, recording)| recording));
}
