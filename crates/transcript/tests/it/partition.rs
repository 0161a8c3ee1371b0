//! How a conversation is divided among its legs: the rule, case by case.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "everything here is a test"
)]

use crate::common;

use chrono::TimeDelta;
use contact_model::LegId;
use transcript::{Claim, Context, LegPeriod, Partition, Stamp, partition};

use common::{at, leg_id, range};

fn leg(number: u64, accepted: i64, ended: impl Into<Option<i64>>) -> LegPeriod {
    LegPeriod {
        leg: leg_id(number),
        accepted: at(accepted),
        ended: ended.into().map(at),
    }
}

/// Messages with the indexes 0, 1, 2 … at these seconds.
fn messages(seconds: &[i64]) -> Vec<Stamp> {
    (0..)
        .zip(seconds)
        .map(|(index, second)| Stamp {
            index,
            at: at(*second),
        })
        .collect()
}

fn claim(number: u64, from: u64, to: u64) -> Claim {
    Claim {
        leg: leg_id(number),
        range: range(from, to),
    }
}

fn ranges(partition: &Partition) -> Vec<(LegId, u64, u64)> {
    let legs = partition.legs().iter();
    legs.map(|part| (part.leg, part.range.from, part.range.to))
        .collect()
}

fn contexts(partition: &Partition) -> Vec<Option<Context>> {
    partition
        .messages()
        .iter()
        .map(|message| message.context)
        .collect()
}

#[test]
fn messages_before_between_and_after_legs_are_context_of_the_leg_that_follows_or_was_last() {
    let messages = messages(&[0, 10, 19, 20, 25, 30, 45, 50]);
    let parted = partition(&messages, &[leg(2, 30, 40), leg(1, 10, 20)], &[]);
    assert_eq!(ranges(&parted), [(leg_id(1), 0, 3), (leg_id(2), 3, 8)]);
    let (before, after) = (Some(Context::Before), Some(Context::After));
    assert_eq!(
        contexts(&parted),
        [before, None, None, before, before, None, after, after]
    );
    assert_eq!(parted.unclaimed(), 0);
    assert_eq!(parted.part(leg_id(2)).unwrap().messages, 5);
    assert_eq!(parted.part(leg_id(3)), None);
}

#[test]
fn of_overlapping_legs_the_later_one_takes_over_on_acceptance_and_gives_nothing_back() {
    let messages = messages(&[5, 15, 25, 60, 95, 150]);
    let parted = partition(&messages, &[leg(1, 0, 100), leg(2, 20, 50)], &[]);
    assert_eq!(ranges(&parted), [(leg_id(1), 0, 2), (leg_id(2), 2, 6)]);
    let after = Some(Context::After);
    assert_eq!(contexts(&parted), [None, None, None, after, after, after]);
    // A third leg takes over where the first one ended, and not before, though the second has.
    let parted = partition(
        &messages,
        &[leg(1, 0, 100), leg(2, 20, 50), leg(3, 200, None)],
        &[],
    );
    assert_eq!(
        ranges(&parted),
        [(leg_id(1), 0, 2), (leg_id(2), 2, 5), (leg_id(3), 5, 6)]
    );
}

#[test]
fn legs_that_were_accepted_together_are_ordered_by_id() {
    let messages = messages(&[5, 10, 15]);
    let parted = partition(&messages, &[leg(2, 10, 20), leg(1, 10, 20)], &[]);
    assert_eq!(ranges(&parted), [(leg_id(1), 0, 1), (leg_id(2), 1, 3)]);
}

#[test]
fn a_leg_whose_end_is_told_before_its_begin_still_has_what_came_before_it() {
    let parted = partition(
        &messages(&[7, 12, 35]),
        &[leg(1, 10, 5), leg(2, 30, 40)],
        &[],
    );
    assert_eq!(ranges(&parted), [(leg_id(1), 0, 1), (leg_id(2), 1, 3)]);
    assert_eq!(parted.messages()[0].context, Some(Context::Before));
}

#[test]
fn a_conversation_without_messages_or_without_legs_is_divided_too() {
    let parted = partition(&[], &[leg(1, 0, 10), leg(2, 20, None)], &[]);
    assert_eq!(ranges(&parted), [(leg_id(1), 0, 0), (leg_id(2), 0, 0)]);
    let parted = partition(&messages(&[1, 2]), &[], &[]);
    assert!(parted.legs().is_empty());
    assert_eq!(parted.unclaimed(), 2);
    assert_eq!(partition(&[], &[], &[]).unclaimed(), 0);
}

#[test]
fn the_index_is_the_order_and_one_wrong_time_moves_nothing_but_itself() {
    let legs = [leg(1, 0, 100), leg(2, 100, 200)];
    // Message 1 says that it is of the far future, message 5 that it is of long ago.
    let parted = partition(&messages(&[10, 9_000, 30, 40, 120, -500, 140]), &legs, &[]);
    assert_eq!(ranges(&parted), [(leg_id(1), 0, 4), (leg_id(2), 4, 7)]);
    assert_eq!(parted.messages()[1].context, Some(Context::After));
    assert_eq!(parted.messages()[5].context, Some(Context::Before));
    // Two that only changed places at the border: the later leg gets both.
    let parted = partition(&messages(&[98, 101, 99, 102]), &legs, &[]);
    assert_eq!(ranges(&parted), [(leg_id(1), 0, 1), (leg_id(2), 1, 4)]);
}

#[test]
fn missing_indexes_belong_to_the_leg_before_them() {
    let messages = [(2, 5), (3, 6), (7, 50), (9, 60)].map(|(index, second)| Stamp {
        index,
        at: at(second),
    });
    let parted = partition(&messages, &[leg(1, 0, 20), leg(2, 30, 40)], &[]);
    assert_eq!(ranges(&parted), [(leg_id(1), 0, 7), (leg_id(2), 7, 10)]);
    // A leg without messages gets no index.
    let parted = partition(&messages, &[leg(1, -20, -10), leg(2, 0, 40)], &[]);
    assert_eq!(ranges(&parted), [(leg_id(1), 0, 0), (leg_id(2), 0, 10)]);
}

#[test]
fn a_time_in_whole_seconds_is_within_the_second_of_the_acceptance() {
    let half = TimeDelta::milliseconds(500);
    let period = LegPeriod {
        leg: leg_id(2),
        accepted: at(10) + half,
        ended: Some(at(20) + half),
    };
    assert_eq!(period.context(at(9)), Some(Context::Before));
    assert_eq!(period.context(at(10)), None);
    assert_eq!(period.context(at(10) + half / 5), Some(Context::Before));
    assert_eq!(period.context(at(10) + half), None);
    assert_eq!(period.context(at(20)), None);
    assert_eq!(period.context(at(20) + half), Some(Context::After));
    assert_eq!(period.context(at(21)), Some(Context::After));
    // And so an agent's greeting is not given to the colleague who is still there.
    let parted = partition(&messages(&[5, 10, 11]), &[leg(1, 0, None), period], &[]);
    assert_eq!(ranges(&parted), [(leg_id(1), 0, 1), (leg_id(2), 1, 3)]);
}

#[test]
fn a_claim_is_kept_and_bounds_the_others() {
    let messages = messages(&[5, 15, 25, 35, 45, 55]);
    let legs = [leg(1, 0, 10), leg(2, 20, 30), leg(3, 40, 50)];
    // Without claims it would be 0..1, 1..3 and 3..6.
    let parted = partition(&messages, &legs, &[claim(2, 2, 5)]);
    assert_eq!(
        ranges(&parted),
        [(leg_id(1), 0, 2), (leg_id(2), 2, 5), (leg_id(3), 5, 6)]
    );
    // A leg that became known too late gets nothing, and that at a place that overlaps nobody.
    let parted = partition(&messages, &legs, &[claim(3, 0, 6), claim(2, 0, 0)]);
    assert_eq!(
        ranges(&parted),
        [(leg_id(1), 0, 0), (leg_id(2), 0, 0), (leg_id(3), 0, 6)]
    );
}

#[test]
fn an_empty_claim_bounds_nobody() {
    let messages = messages(&[5, 15, 25]);
    let parted = partition(
        &messages,
        &[leg(1, 0, 10), leg(2, 30, 40)],
        &[claim(2, 0, 0)],
    );
    assert_eq!(ranges(&parted), [(leg_id(1), 0, 3), (leg_id(2), 0, 0)]);
}

#[test]
fn what_came_after_the_last_leg_was_linked_goes_to_the_next_leg_or_stays_outside() {
    let messages = messages(&[5, 15, 25, 35]);
    let last = leg(1, 0, 10);
    let parted = partition(&messages, &[last], &[claim(1, 0, 2)]);
    assert_eq!(parted.unclaimed(), 2);
    assert_eq!(parted.messages()[2].leg, None);
    let parted = partition(&messages, &[last, leg(2, 30, None)], &[claim(1, 0, 2)]);
    assert_eq!(ranges(&parted)[1], (leg_id(2), 2, 4));
    assert_eq!(parted.messages()[2].context, Some(Context::Before));
    assert_eq!(parted.unclaimed(), 0);
    // Not to an earlier leg: its range would lie on both sides of the claim.
    let parted = partition(&messages, &[leg(2, -10, -5), last], &[claim(1, 1, 2)]);
    assert_eq!(ranges(&parted)[0], (leg_id(2), 0, 1));
    assert_eq!(parted.unclaimed(), 2);
}

#[test]
fn the_claim_of_a_leg_that_nobody_knows_any_more_is_a_bound_all_the_same() {
    let messages = messages(&[5, 15, 25, 35, 45]);
    let parted = partition(
        &messages,
        &[leg(1, 0, 10), leg(2, 40, 50)],
        &[claim(9, 1, 3)],
    );
    assert_eq!(ranges(&parted), [(leg_id(1), 0, 1), (leg_id(2), 3, 5)]);
    assert_eq!(parted.messages()[1].leg, Some(leg_id(9)));
    assert_eq!(parted.unclaimed(), 0);
}

#[test]
fn a_leg_that_will_never_be_linked_keeps_its_messages_from_the_others() {
    let messages = messages(&[5, 15, 25]);
    let excluded = leg(2, 10, 20);
    let legs = [leg(1, 0, 10), excluded, leg(3, 20, 30)];
    let claims = [claim(1, 0, 1), claim(3, 2, 3)];
    let parted = partition(&messages, &legs, &claims);
    assert_eq!(parted.part(leg_id(2)).unwrap().range, range(1, 2));
}

#[test]
fn of_what_is_given_twice_the_first_counts() {
    let twice = [
        Stamp {
            index: 0,
            at: at(5),
        },
        Stamp {
            index: 1,
            at: at(25),
        },
        Stamp {
            index: 0,
            at: at(99),
        },
    ];
    let legs = [leg(1, 0, 10), leg(2, 20, 30), leg(1, 50, 60)];
    let parted = partition(&twice, &legs, &[]);
    assert_eq!(ranges(&parted), [(leg_id(1), 0, 1), (leg_id(2), 1, 2)]);
    assert_eq!(parted.messages().len(), 2);
    let parted = partition(&twice, &legs, &[claim(1, 0, 1), claim(1, 0, 2)]);
    assert_eq!(ranges(&parted), [(leg_id(1), 0, 1), (leg_id(2), 2, 2)]);
}
