//! That the account tells right from wrong.

use super::super::account::account;
use super::*;

/// Everything told, as it was and when it was.
fn all(floor: &Floor) -> Received {
    let intervals = floor.intervals().into_iter().map(|it| ToldInterval {
        report: it.report,
        agent: it.agent,
        queue: it.queue.or_else(|| Some(SERVICE_QUEUE.to_owned())),
        start: it.start,
        values: it
            .values
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        ambiguous: false,
    });
    let states = floor.days().iter().flat_map(|day| {
        day.spans.iter().map(|span| ToldState {
            agent: day.agent.clone(),
            state: span.state,
            reason: span.reason.clone(),
            since: span.from,
            at: span.from,
        })
    });
    Received {
        intervals: intervals.collect(),
        states: states.collect(),
    }
}

fn judged(change: impl FnOnce(&mut Received)) -> FloorAccount {
    judged_by(&AccountRules::default(), change)
}

fn judged_by(rules: &AccountRules, change: impl FnOnce(&mut Received)) -> FloorAccount {
    let floor = floor(1);
    let mut received = all(&floor);
    change(&mut received);
    account(&floor, &received, rules)
}

#[test]
fn who_was_told_everything_was_told_right() {
    let account = judged(|_| {});
    assert!(account.is_right(), "{account:?}");
    assert_eq!(account.intervals_expected, account.intervals_delivered);
    assert_eq!(account.states_expected, account.states_told);
    assert_eq!(account.states_superseded, 0);
}

#[test]
fn whole_seconds_are_right_and_a_second_more_is_not() {
    let account = judged(|received| {
        for told in &mut received.intervals {
            for (name, value) in &mut told.values {
                if name.ends_with("_ms") {
                    *value = (*value + 500) / 1_000 * 1_000;
                }
            }
        }
    });
    assert!(account.is_right(), "{account:?}");
    let account = judged(|received| {
        *received.intervals[5]
            .values
            .get_mut("activity_time_ms")
            .unwrap() += 1_000;
    });
    assert_eq!((account.intervals_wrong, account.intervals_missing), (1, 0));
}

#[test]
fn what_was_never_told_is_missing_and_what_never_was_is_wrong() {
    let account = judged(|received| drop(received.intervals.remove(9)));
    assert_eq!((account.intervals_missing, account.intervals_wrong), (1, 0));
    let account = judged(|received| {
        let mut invented = received.intervals[0].clone();
        invented.agent = Some("WK0".to_owned());
        received.intervals.push(invented.clone());
        invented.agent = Some("WK1".to_owned());
        invented.values.values_mut().for_each(|value| *value = 0);
        received.intervals.push(invented);
    });
    assert_eq!(account.intervals_wrong, 1, "zeros of nobody are no lie");
    let account = judged(|received| received.intervals[0].values.clear());
    assert_eq!(account.intervals_wrong, 1, "nothing is not everything");
}

#[test]
fn of_an_interval_that_comes_again_the_last_counts() {
    let account = judged(|received| {
        let right = received.intervals[3].clone();
        received.intervals[3]
            .values
            .insert("handled".to_owned(), 77);
        received.intervals.push(right);
    });
    assert!(account.is_right(), "{account:?}");
}

#[test]
fn both_passes_over_an_hour_are_right_as_their_sum_where_that_is_said() {
    let merge = |received: &mut Received, said: bool| {
        let earlier: DateTime<Utc> = "2026-10-25T00:30:00Z".parse().unwrap();
        let later = earlier + TimeDelta::hours(1);
        let agent = received.intervals[0].agent.clone();
        let of = |told: &ToldInterval, start| {
            told.agent == agent
                && told.start == start
                && told.queue.as_deref() == Some(SERVICE_QUEUE)
        };
        let second = received
            .intervals
            .iter()
            .position(|told| of(told, later))
            .unwrap();
        let second = received.intervals.remove(second);
        let first = received
            .intervals
            .iter_mut()
            .find(|told| of(told, earlier))
            .unwrap();
        for (name, value) in second.values {
            *first.values.entry(name).or_default() += value;
        }
        first.ambiguous = said;
    };
    let account = judged(|received| merge(received, true));
    assert!(account.is_right(), "{account:?}");
    assert_eq!(account.intervals_ambiguous, 2);
    assert_eq!(account.intervals_delivered + 2, account.intervals_expected);
    let account = judged(|received| merge(received, false));
    assert_eq!((account.intervals_wrong, account.intervals_missing), (1, 1));
}

#[test]
fn states_that_were_passed_over_are_superseded_and_the_last_must_be_told() {
    let account = judged(|received| drop(received.states.remove(1)));
    assert_eq!(
        (
            account.states_superseded,
            account.states_wrong,
            account.states_missing
        ),
        (1, 0, 0)
    );
    let last = |received: &Received| {
        let agent = received.states[0].agent.clone();
        received
            .states
            .iter()
            .rposition(|told| told.agent == agent)
            .unwrap()
    };
    let account = judged(|received| {
        let last = last(received);
        received.states.remove(last);
    });
    assert_eq!(
        (
            account.states_superseded,
            account.states_wrong,
            account.states_missing
        ),
        (0, 1, 1)
    );
    let account = judged(|received| received.states.clear());
    assert_eq!(account.states_missing, account.states_expected);
}

#[test]
fn states_that_never_were_are_wrong() {
    for change in [
        (|told: &mut ToldState| told.since -= TimeDelta::milliseconds(1)) as fn(&mut ToldState),
        |told| told.reason = Some("Holiday".to_owned()),
        |told| told.agent = "WK0".to_owned(),
        |told| told.state = FloorState::Hold,
    ] {
        let account = judged(|received| change(&mut received.states[2]));
        assert_eq!(
            (account.states_wrong, account.states_superseded),
            (1, 1),
            "{account:?}"
        );
    }
    let rules = AccountRules {
        since_tolerance_ms: 1,
        ..AccountRules::default()
    };
    let account = judged_by(&rules, |received| {
        received.states[2].since += TimeDelta::milliseconds(1);
    });
    assert!(account.is_right(), "{account:?}");
}

#[test]
fn where_nothing_tells_of_hold_who_holds_is_talking() {
    let rules = AccountRules {
        hold: false,
        ..AccountRules::default()
    };
    let account = judged_by(&rules, |_| {});
    assert!(account.states_wrong > 0, "hold cannot have been told");
    let account = judged_by(&rules, |received| {
        received
            .states
            .retain(|told| told.state != FloorState::Hold);
        // Talking after Hold is the Talking before it.
        let mut kept: Vec<ToldState> = Vec::new();
        for told in received.states.drain(..) {
            let again = kept.last().is_some_and(|last| {
                last.agent == told.agent && last.state == told.state && last.reason == told.reason
            });
            if !again {
                kept.push(told);
            }
        }
        received.states = kept;
    });
    assert!(account.is_right(), "{account:?}");
}

#[test]
fn what_is_not_loaded_yet_is_not_expected() {
    let floor = floor(1);
    let rules = AccountRules {
        until: floor.from() + TimeDelta::hours(6),
        loaded: floor.from() + TimeDelta::hours(5),
        ..AccountRules::default()
    };
    let mut received = all(&floor);
    received.intervals.retain(|told| told.start < rules.loaded);
    received.states.retain(|told| told.since <= rules.until);
    let account = account(&floor, &received, &rules);
    assert!(account.is_right(), "{account:?}");
    assert!(account.intervals_expected < 2_000);
}

#[test]
fn without_a_service_queue_and_offered_contacts_neither_is_expected() {
    let rules = AccountRules {
        service_queue: false,
        offered: false,
        ..AccountRules::default()
    };
    let account = judged_by(&rules, |received| {
        received
            .intervals
            .retain(|told| told.queue.as_deref() != Some(SERVICE_QUEUE));
        for told in &mut received.intervals {
            if told.report == FloorReport::QueueHistory {
                let of = |name| told.values.get(name).copied().unwrap_or(0);
                let offered = of("answered") + of("abandoned");
                told.values.insert("offered".to_owned(), offered);
            }
        }
    });
    assert!(account.is_right(), "{account:?}");
}

#[test]
fn of_two_things_in_the_same_millisecond_one_may_be_heard_first() {
    let day = |floor: &Floor| {
        floor
            .days()
            .iter()
            .map(|day| day.moments.len())
            .sum::<usize>()
    };
    let seed = (0..60).find(|seed| day(&floor(*seed)) > 0).unwrap();
    let floor = floor(seed);
    let mut received = all(&floor);
    for day in floor.days() {
        for moment in &day.moments {
            let place = received
                .states
                .iter()
                .position(|told| told.agent == day.agent && told.since >= moment.from)
                .unwrap();
            received.states.insert(
                place,
                ToldState {
                    agent: day.agent.clone(),
                    state: moment.state,
                    reason: moment.reason.clone(),
                    since: moment.from,
                    at: moment.from,
                },
            );
        }
    }
    let account = account(&floor, &received, &AccountRules::default());
    assert!(account.is_right(), "{account:?}");
}

#[test]
fn a_state_that_never_was_is_wrong_unless_it_was_put_right_in_time() {
    let rules = |passing_ms| AccountRules {
        passing_ms,
        ..AccountRules::default()
    };
    // Told in front of an agent's third state, and so a second or more before it is put right.
    let lie = |received: &mut Received| {
        let agent = received.states[0].agent.clone();
        let mut of =
            (0..received.states.len()).filter(|place| received.states[*place].agent == agent);
        let third = of.nth(2).unwrap();
        let mut told = received.states[third].clone();
        told.reason = Some("Never".to_owned());
        told.at -= TimeDelta::seconds(1);
        received.states.insert(third, told);
    };
    let account = judged_by(&rules(0), lie);
    assert_eq!((account.states_wrong, account.states_passing), (1, 0));
    let wrong = &account.wrong[0];
    assert_eq!(wrong.told.reason.as_deref(), Some("Never"));
    assert_eq!(wrong.stood_ms, Some(1_000));
    let truth = wrong.truth.as_ref().unwrap();
    assert!(truth.from <= wrong.told.at && wrong.told.at < truth.to);
    let account = judged_by(&rules(1_000), lie);
    assert_eq!((account.states_wrong, account.states_passing), (0, 1));
    assert_eq!(account.states_passing_ms, 1_000);
    assert!(account.is_right(), "{account:?}");
    // Nothing puts the last one right.
    let account = judged_by(&rules(i64::MAX), |received| {
        let last = received.states.last_mut().unwrap();
        last.reason = Some("Never".to_owned());
    });
    assert_eq!(account.states_passing, 0);
    assert!(account.states_wrong >= 1, "{account:?}");
    assert_eq!(account.wrong[0].stood_ms, None);
}

#[test]
fn a_state_that_is_told_long_after_it_was_over_is_wrong() {
    let rules = |late_ms| AccountRules {
        late_ms: Some(late_ms),
        ..AccountRules::default()
    };
    let floor = floor(1);
    let day = &floor.days()[0];
    let late = |received: &mut Received| {
        let mut of = received.states.iter_mut();
        let second = of.by_ref().filter(|told| told.agent == day.agent).nth(1);
        second.unwrap().at = day.spans[1].to + TimeDelta::seconds(3);
    };
    let account = judged_by(&rules(3_000), late);
    assert!(account.is_right(), "{account:?}");
    let account = judged_by(&rules(2_999), late);
    assert_eq!(account.states_wrong, 1);
    assert_eq!(account.wrong[0].told.agent, day.agent);
}

#[test]
fn a_state_that_is_told_with_a_later_beginning_while_it_lasts_is_begun_late() {
    let account = judged(|received| {
        let told = &mut received.states[1];
        told.since += TimeDelta::milliseconds(1);
    });
    assert_eq!((account.states_begun_late, account.states_wrong), (1, 0));
    let account = judged(|received| {
        let told = &mut received.states[1];
        told.since += TimeDelta::days(3);
    });
    assert_eq!((account.states_begun_late, account.states_wrong), (0, 1));
}
