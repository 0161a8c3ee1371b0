//! How a conversation is divided among its legs: what holds for every conversation, divided at once and one leg after another.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "everything here is a test"
)]

use crate::common;

use chrono::{DateTime, TimeDelta, Utc};
use contact_model::{LegId, MessageRange};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use transcript::{Claim, LegPeriod, Stamp, partition};

use common::{at, leg_id, range};

/// A message of a simulated conversation.
#[derive(Debug, Clone, Copy)]
struct Sent {
    stamp: Stamp,
    /// From when on the source shows it; grows with the index.
    shown: DateTime<Utc>,
}

/// A leg of a simulated conversation.
#[derive(Debug, Clone, Copy)]
struct Worked {
    period: LegPeriod,
    /// From when on the connector knows of it.
    known: DateTime<Utc>,
    /// When it is linked.
    linked: DateTime<Utc>,
}

fn any_conversation() -> impl Strategy<Value = Vec<Sent>> {
    // Steps of the index, steps of the clock, how far a message's time is off, and whether it tells milliseconds.
    vec(
        (
            1u64..4,
            0i64..20_000,
            -4_000i64..4_000,
            0..4u8,
            any::<bool>(),
        ),
        0..40,
    )
    .prop_map(|steps| {
        let (mut next, mut clock) = (0, at(0));
        let sent = steps.into_iter().map(|(skip, wait, off, often, whole)| {
            let index = next + skip - 1;
            next = index + 1;
            clock += TimeDelta::milliseconds(wait);
            let off = TimeDelta::milliseconds(if often == 0 { off } else { 0 });
            let mut time = clock + off;
            if whole {
                time -= TimeDelta::nanoseconds(i64::from(time.timestamp_subsec_nanos()));
            }
            Sent {
                stamp: Stamp { index, at: time },
                shown: clock,
            }
        });
        sent.collect()
    })
}

fn any_legs() -> impl Strategy<Value = Vec<Worked>> {
    let one = (
        0i64..200_000,
        option::weighted(0.8, 0i64..150_000),
        prop_oneof![Just(0i64), 0i64..300_000],
        prop_oneof![0i64..400_000, Just(0i64)],
        // Some are accepted in the same moment.
        prop_oneof![4 => Just(1i64), 1 => Just(50_000i64)],
    );
    vec(one, 1..6).prop_map(|legs| {
        let legs = (1..).zip(legs);
        legs.map(|(number, (accepted, lasted, unknown, unlinked, grain))| {
            let millis = |millis: i64| TimeDelta::milliseconds(millis);
            let accepted = at(0) + millis(accepted / grain * grain);
            let known = accepted + millis(unknown);
            Worked {
                period: LegPeriod {
                    leg: leg_id(number),
                    accepted,
                    ended: lasted.map(|lasted| accepted + millis(lasted)),
                },
                known,
                linked: known + millis(unlinked),
            }
        })
        .collect()
    })
}

fn stamps(sent: &[Sent]) -> Vec<Stamp> {
    sent.iter().map(|sent| sent.stamp).collect()
}

fn periods(worked: &[Worked]) -> Vec<LegPeriod> {
    worked.iter().map(|worked| worked.period).collect()
}

/// How many of these ranges have the index.
fn owners(ranges: &[MessageRange], index: u64) -> usize {
    ranges.iter().filter(|range| range.contains(index)).count()
}

fn turn(period: &LegPeriod) -> (DateTime<Utc>, LegId) {
    (period.accepted, period.leg)
}

/// Links the legs in the order of their `linked`, each with what is known by then, and gives their claims.
fn link_one_by_one(sent: &[Sent], worked: &[Worked]) -> Vec<Claim> {
    let mut order = worked.to_vec();
    order.sort_by_key(|worked| (worked.linked, worked.period.leg));
    let mut claims = Vec::new();
    for Worked {
        period,
        linked: now,
        ..
    } in order
    {
        let known: Vec<_> = worked
            .iter()
            .filter(|other| other.known <= now)
            .map(|other| LegPeriod {
                ended: other.period.ended.filter(|ended| *ended <= now),
                ..other.period
            })
            .collect();
        let shown: Vec<_> = sent
            .iter()
            .filter(|sent| sent.shown <= now)
            .map(|sent| sent.stamp)
            .collect();
        let parted = partition(&shown, &known, &claims);
        let range = parted.part(period.leg).unwrap().range;
        claims.push(Claim {
            leg: period.leg,
            range,
        });
    }
    claims
}

/// The rule by time alone, for conversations whose times grow with their indexes: written down once more, differently.
fn by_time(at: DateTime<Utc>, legs: &[LegPeriod]) -> Option<LegId> {
    let open = |leg: &&LegPeriod| leg.accepted <= at && leg.ended.is_none_or(|ended| at < ended);
    let accepted = legs
        .iter()
        .filter(|leg| leg.accepted <= at)
        .max_by_key(|leg| turn(leg));
    let next = legs
        .iter()
        .filter(|leg| leg.accepted > at)
        .min_by_key(|leg| turn(leg));
    let owner = if legs.iter().any(|leg| open(&leg)) {
        accepted
    } else {
        next.or(accepted)
    };
    owner.map(|leg| leg.leg)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn the_transcripts_partition_the_conversation(sent in any_conversation(), worked in any_legs()) {
        let parted = partition(&stamps(&sent), &periods(&worked), &[]);
        // In the order of acceptance each range begins where the one before ends, from 0 to the last message.
        let mut next = 0;
        let mut turns = Vec::new();
        for part in parted.legs() {
            prop_assert_eq!(part.range.from, next);
            prop_assert!(part.range.to >= next);
            next = part.range.to;
            turns.push(turn(&worked.iter().find(|leg| leg.period.leg == part.leg).unwrap().period));
        }
        prop_assert_eq!(parted.legs().len(), worked.len());
        prop_assert!(turns.is_sorted());
        prop_assert_eq!(next, sent.last().map_or(0, |sent| sent.stamp.index + 1));
        prop_assert_eq!(parted.unclaimed(), 0);

        for (placed, sent) in parted.messages().iter().zip(&sent) {
            prop_assert_eq!(placed.index, sent.stamp.index);
            let part = parted.part(placed.leg.unwrap()).unwrap();
            prop_assert!(part.range.contains(placed.index));
            let period = worked.iter().find(|leg| leg.period.leg == part.leg).unwrap().period;
            prop_assert_eq!(placed.context, period.context(sent.stamp.at));
        }
        let counted: u32 = parted.legs().iter().map(|part| part.messages).sum();
        prop_assert_eq!(counted as usize, sent.len());
    }

    #[test]
    fn where_times_grow_with_the_index_each_message_goes_where_its_time_says(
        sent in any_conversation(),
        worked in any_legs(),
    ) {
        // A fraction that no whole second has, so that the second of an acceptance plays no part.
        let stamps: Vec<_> = sent
            .iter()
            .map(|sent| Stamp { index: sent.stamp.index, at: sent.shown + TimeDelta::microseconds(1) })
            .collect();
        let legs = periods(&worked);
        let parted = partition(&stamps, &legs, &[]);
        for (placed, stamp) in parted.messages().iter().zip(&stamps) {
            prop_assert_eq!(placed.leg, by_time(stamp.at, &legs));
        }
    }

    #[test]
    fn linked_one_after_another_no_message_is_in_two_transcripts_and_none_is_lost(
        sent in any_conversation(),
        worked in any_legs(),
    ) {
        let claims = link_one_by_one(&sent, &worked);
        let ranges: Vec<_> = claims.iter().map(|claim| claim.range).collect();
        let last = worked.iter().max_by_key(|worked| turn(&worked.period)).unwrap();
        let end = ranges.iter().filter(|range| !range.is_empty()).map(|range| range.to).max().unwrap_or(0);
        for sent in &sent {
            let owners = owners(&ranges, sent.stamp.index);
            prop_assert!(owners <= 1);
            // What was there when the leg that was accepted last was linked, and whatever lies before the end of the last
            // claim, whenever it came.
            if sent.shown <= last.linked || sent.stamp.index < end {
                prop_assert_eq!(owners, 1, "index {} is in no transcript", sent.stamp.index);
            }
        }
        // No index, not even a missing one, is in two ranges, and none before the end is in no range.
        for index in 0..end {
            prop_assert_eq!(owners(&ranges, index), 1, "index {}", index);
        }
        // What is said at the end agrees with what was claimed.
        let parted = partition(&stamps(&sent), &periods(&worked), &claims);
        for claim in &claims {
            prop_assert_eq!(parted.part(claim.leg).unwrap().range, claim.range);
        }
        let outside = sent.iter().filter(|sent| sent.stamp.index >= end).count();
        prop_assert_eq!(parted.unclaimed(), outside);
    }

    #[test]
    fn where_all_is_known_the_order_of_linking_changes_nothing(
        sent in any_conversation(),
        worked in any_legs(),
        order in Just((0..5).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let (stamps, legs) = (stamps(&sent), periods(&worked));
        let at_once = partition(&stamps, &legs, &[]);
        let mut claims = Vec::new();
        for place in order.into_iter().filter(|place| *place < legs.len()) {
            let leg = legs[place].leg;
            let range = partition(&stamps, &legs, &claims).part(leg).unwrap().range;
            claims.push(Claim { leg, range });
        }
        for claim in claims {
            prop_assert_eq!(claim.range, at_once.part(claim.leg).unwrap().range);
        }
    }

    #[test]
    fn whatever_was_claimed_before_no_new_range_overlaps_another(
        sent in any_conversation(),
        worked in any_legs(),
        claimed in vec((1u64..9, 0u64..90, 0u64..30), 0..6),
    ) {
        let claims: Vec<_> = claimed
            .into_iter()
            .map(|(number, from, len)| Claim {
                leg: leg_id(number),
                range: range(from, from + len),
            })
            .collect();
        let parted = partition(&stamps(&sent), &periods(&worked), &claims);
        let mut taken: Vec<_> = claims.iter().map(|claim| claim.range).collect();
        for part in parted.legs() {
            if let Some(claim) = claims.iter().find(|claim| claim.leg == part.leg) {
                prop_assert_eq!(part.range, claim.range);
                continue;
            }
            prop_assert!(part.range.from <= part.range.to);
            for other in &taken {
                prop_assert!(!part.range.overlaps(*other), "{:?} and {:?}", part.range, other);
            }
            taken.push(part.range);
        }
        let outside = parted.messages().iter().filter(|placed| owners(&taken, placed.index) == 0).count();
        prop_assert_eq!(parted.unclaimed(), outside);
    }
}
