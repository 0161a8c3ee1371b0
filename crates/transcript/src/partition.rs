//! Which message of a conversation belongs to which leg.
//!
//! See the crate's page for the rule and for what it promises when legs are linked one after another.

use std::collections::HashSet;

use chrono::{DateTime, SubsecRound, Utc};
use contact_model::{Leg, LegId, MessageRange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// On which side of a leg's own time a message lies that belongs to it all the same.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Context {
    /// Before the agent accepted: before the first leg, or between an earlier one and this.
    Before,
    /// After the agent's part ended.
    After,
}

/// When a leg was its agent's: from acceptance to wrap-up, half open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegPeriod {
    /// The leg.
    pub leg: LegId,
    /// When the agent accepted.
    pub accepted: DateTime<Utc>,
    /// When the agent's part ended: at wrap-up, else with the reservation, else with the task. `None` while it goes on.
    pub ended: Option<DateTime<Utc>>,
}

impl LegPeriod {
    /// The period of this leg; `None` where nobody knows when it was accepted.
    pub fn of(leg: &Leg) -> Option<Self> {
        Some(Self {
            leg: leg.id,
            accepted: leg.times.accepted?,
            ended: leg.times.media_ended(),
        })
    }

    /// On which side of the period this time lies; `None` within it.
    ///
    /// Twilio gives the times of messages in whole seconds, cut down. A time without a fraction is therefore within the
    /// period from the second of the acceptance on: what an agent's client says by itself on accepting is the agent's.
    pub fn context(&self, at: DateTime<Utc>) -> Option<Context> {
        if !reached(at, self.accepted) {
            Some(Context::Before)
        } else if self.ended.is_some_and(|ended| at >= ended) {
            Some(Context::After)
        } else {
            None
        }
    }
}

/// Whether a message of this time was there after an acceptance at that one.
fn reached(at: DateTime<Utc>, accepted: DateTime<Utc>) -> bool {
    at >= accepted || (at == at.trunc_subsecs(0) && at == accepted.trunc_subsecs(0))
}

/// What there is to know of a message to give it to a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Its index in the conversation.
    pub index: u64,
    /// When the source received it.
    pub at: DateTime<Utc>,
}

/// A range that a leg holds already. It is never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The leg.
    pub leg: LegId,
    /// The indexes that are its own.
    pub range: MessageRange,
}

/// What a leg gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegPart {
    /// The leg.
    pub leg: LegId,
    /// The indexes that are its own: those of its claim, if it had one.
    pub range: MessageRange,
    /// How many messages there are in the range.
    pub messages: u32,
}

/// Where a message belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The message.
    pub index: u64,
    /// The leg that it belongs to. `None` where it came after everything that was claimed and no leg is left to take it.
    pub leg: Option<LegId>,
    /// Where it lies outside of the leg's own time.
    pub context: Option<Context>,
}

/// A conversation, divided among its legs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    legs: Vec<LegPart>,
    messages: Vec<Placement>,
}

impl Partition {
    /// What this leg gets; `None` for a leg that was not among those given.
    pub fn part(&self, leg: LegId) -> Option<&LegPart> {
        self.legs.iter().find(|part| part.leg == leg)
    }

    /// What each leg gets, in the order of acceptance.
    pub fn legs(&self) -> &[LegPart] {
        &self.legs
    }

    /// Where each message belongs, in the order of the indexes.
    pub fn messages(&self) -> &[Placement] {
        &self.messages
    }

    /// How many messages belong to no leg.
    pub fn unclaimed(&self) -> usize {
        self.messages
            .iter()
            .filter(|message| message.leg.is_none())
            .count()
    }
}

/// The order of legs: by acceptance, and of equal ones by id.
type Turn = (DateTime<Utc>, LegId);

/// Divides the messages of a conversation among its legs, each of which gets one range of indexes.
///
/// All messages, legs and claims that are known are to be given, in any order; of two messages with one index, or two
/// entries of one leg, the first counts. Legs that no contact is made of (excluded ones) belong here as well: they keep their
/// messages out of the transcripts of others.
pub fn partition(messages: &[Stamp], legs: &[LegPeriod], claims: &[Claim]) -> Partition {
    let mut messages = messages.to_vec();
    messages.sort_by_key(|message| message.index);
    messages.dedup_by_key(|message| message.index);

    let mut seen = HashSet::new();
    let mut legs = legs.to_vec();
    legs.retain(|leg| seen.insert(leg.leg));
    legs.sort_by_key(|leg| (leg.accepted, leg.leg));

    let bounds = bounds(&messages, &legs, claims);
    let mut given: Vec<MessageRange> = legs
        .iter()
        .map(|leg| first_claim(claims, leg.leg).unwrap_or_default())
        .collect();
    let free: Vec<(usize, Hole)> = legs
        .iter()
        .enumerate()
        .filter(|(_, leg)| first_claim(claims, leg.leg).is_none())
        .map(|(place, leg)| (place, Hole::of((leg.accepted, leg.leg), &bounds)))
        .collect();
    let takeovers = takeovers(&legs);
    for run in free.chunk_by(|(_, one), (_, other)| one == other) {
        if let Some((_, hole)) = run.first() {
            let places: Vec<usize> = run.iter().map(|(place, _)| *place).collect();
            divide(hole, &messages, &places, &takeovers, &mut given);
        }
    }
    report(&messages, &legs, claims, &given)
}

fn first_claim(claims: &[Claim], leg: LegId) -> Option<MessageRange> {
    claims
        .iter()
        .find(|claim| claim.leg == leg)
        .map(|claim| claim.range)
}

/// The claims that hold something, each with the turn of its leg. An empty claim holds nothing and bounds nobody. The claim of
/// a leg that nobody knows any more has the turn of its first message.
fn bounds(messages: &[Stamp], legs: &[LegPeriod], claims: &[Claim]) -> Vec<(Turn, MessageRange)> {
    claims
        .iter()
        .filter(|claim| !claim.range.is_empty())
        .map(|claim| {
            let known = legs.iter().find(|leg| leg.leg == claim.leg);
            let accepted = known.map_or_else(
                || {
                    let first =
                        messages.partition_point(|message| message.index < claim.range.from);
                    let nearest = messages.get(first).or(messages.last());
                    nearest.map_or(DateTime::UNIX_EPOCH, |message| message.at)
                },
                |leg| leg.accepted,
            );
            ((accepted, claim.leg), claim.range)
        })
        .collect()
}

/// The indexes between the claims of earlier legs and those of later ones.
#[derive(PartialEq)]
struct Hole {
    from: u64,
    /// Open where no later leg has a claim.
    to: Option<u64>,
}

impl Hole {
    fn of(turn: Turn, bounds: &[(Turn, MessageRange)]) -> Self {
        let earlier = bounds.iter().filter(|(other, _)| *other < turn);
        let later = bounds.iter().filter(|(other, _)| *other > turn);
        Self {
            from: earlier.map(|(_, range)| range.to).max().unwrap_or(0),
            to: later.map(|(_, range)| range.from).min(),
        }
    }
}

/// When a leg takes over from those before it: on acceptance, or as soon as all of them have ended, so that what lies between
/// is the follower's.
#[derive(Clone, Copy)]
struct Takeover {
    accepted: DateTime<Utc>,
    /// When the last of the earlier legs ended; `None` while one of them goes on.
    earlier_ended: Option<DateTime<Utc>>,
}

impl Takeover {
    fn is_after(self, at: DateTime<Utc>) -> bool {
        !reached(at, self.accepted) && self.earlier_ended.is_none_or(|ended| at < ended)
    }
}

fn takeovers(legs: &[LegPeriod]) -> Vec<Takeover> {
    let mut earlier_ended = Some(DateTime::<Utc>::MIN_UTC);
    let mut takeovers = Vec::with_capacity(legs.len());
    for leg in legs {
        takeovers.push(Takeover {
            accepted: leg.accepted,
            earlier_ended,
        });
        earlier_ended = earlier_ended
            .zip(leg.ended)
            .map(|(earlier, ended)| earlier.max(ended.max(leg.accepted)));
    }
    takeovers
}

/// Divides a hole among the legs at these places, all of it: the first begins where it begins, the last ends where it ends.
fn divide(
    hole: &Hole,
    messages: &[Stamp],
    places: &[usize],
    takeovers: &[Takeover],
    given: &mut [MessageRange],
) {
    let end_of = |index: u64| messages.partition_point(|message| message.index < index);
    let first = end_of(hole.from);
    let last = hole.to.map_or(messages.len(), end_of).max(first);
    let inside = &messages[first..last];
    let open_end = inside
        .last()
        .map_or(hole.from, |message| message.index.saturating_add(1));
    let end = hole.to.unwrap_or(open_end).max(hole.from);

    let mut from = hole.from;
    for (number, place) in places.iter().enumerate() {
        let to = match places.get(number + 1) {
            None => end,
            // What is missing before the message at which the next leg takes over is still this one's; but a leg with no
            // message at all gets no index either.
            Some(next) => match cut(inside, takeovers[*next]) {
                0 => hole.from,
                at => inside.get(at).map_or(end, |message| message.index),
            },
        };
        let to = to.max(from);
        given[*place] = MessageRange { from, to };
        from = to;
    }
}

/// At which message the next leg takes over. The index is the order, and times may run against it: of all places the one that
/// leaves the fewest messages on the wrong side by their time, and of equal ones the first. One message with a wrong time
/// moves nothing but itself.
fn cut(messages: &[Stamp], takeover: Takeover) -> usize {
    let (mut wrong, mut fewest, mut place) = (0i64, 0i64, 0);
    for (number, message) in messages.iter().enumerate() {
        wrong += if takeover.is_after(message.at) { -1 } else { 1 };
        if wrong < fewest {
            (fewest, place) = (wrong, number + 1);
        }
    }
    place
}

fn report(
    messages: &[Stamp],
    legs: &[LegPeriod],
    claims: &[Claim],
    given: &[MessageRange],
) -> Partition {
    let placements: Vec<Placement> = messages
        .iter()
        .map(|message| {
            let owner = legs
                .iter()
                .zip(given)
                .find(|(_, range)| range.contains(message.index))
                .map(|(leg, _)| leg);
            let stranger = || {
                claims
                    .iter()
                    .find(|claim| claim.range.contains(message.index))
                    .map(|claim| claim.leg)
            };
            Placement {
                index: message.index,
                leg: owner.map(|leg| leg.leg).or_else(stranger),
                context: owner.and_then(|leg| leg.context(message.at)),
            }
        })
        .collect();
    let legs = legs
        .iter()
        .zip(given)
        .map(|(leg, range)| {
            let inside = messages
                .iter()
                .filter(|message| range.contains(message.index));
            LegPart {
                leg: leg.leg,
                range: *range,
                messages: u32::try_from(inside.count()).unwrap_or(u32::MAX),
            }
        })
        .collect();
    Partition {
        legs,
        messages: placements,
    }
}
