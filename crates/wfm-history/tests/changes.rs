//! What is new, changed or gone since it was delivered, and how often Flex Insights loads.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use chrono::{DateTime, TimeDelta, Utc};
use common::{ADA, People, agent_report, config, rules};
use proptest::prelude::*;
use wfm_history::{
    Alarm, Cadence, Change, ChangeRules, ChangeTally, Delivered, Happened, History, HistoryError,
    IntervalKey, Measure, Outcome, QueueKey, Redelivery, Refused, Report, Sighting, Values,
    cadence, changes,
};
use wfm_interval::Interval;

const JOAN: &str = "WK000000000000000000000000000000c3";
const NOW: &str = "2026-06-15T10:30:00Z";

fn interval(time: &str) -> Interval {
    Interval::starting(format!("2026-06-15T{time}:00Z").parse().unwrap()).unwrap()
}

fn seconds_of(seconds: u64) -> Values {
    Values::zero(Report::AgentProductivity).with(Measure::ActivityTime, seconds * 1000)
}

fn delivered(time: &str, agent: &str, seconds: u64) -> Delivered {
    Delivered {
        key: IntervalKey {
            interval: interval(time),
            agent: Some(agent.parse().unwrap()),
            queue: QueueKey::ServiceQueue,
        },
        values: seconds_of(seconds),
        refused: None,
    }
}

fn row(time: &str, agent: &str, seconds: u64) -> String {
    format!("2026-06-15,{time},{agent},,Agent Status,Available,{seconds},0\n")
}

fn replace() -> ChangeRules {
    ChangeRules {
        redelivery: Redelivery::Replace,
        settle: TimeDelta::minutes(10),
        covered: None,
        told: None,
        refused_again: false,
    }
}

fn compare(
    text: &str,
    before: &[Delivered],
    rules: ChangeRules,
) -> (Vec<Outcome>, ChangeTally, Option<Alarm>) {
    let mut history = History::new(
        self::rules(Report::AgentProductivity, &config(), "UTC"),
        People,
    );
    history.push(text.as_bytes()).unwrap();
    let (summary, intervals) = history.finish().unwrap();
    let now: DateTime<Utc> = NOW.parse().unwrap();
    let before = before.iter().copied().map(Ok);
    let mut found = changes(&summary, intervals, before, rules, now);
    let outcomes = found.by_ref().collect::<Result<_, _>>().unwrap();
    (outcomes, *found.tally(), found.alarm())
}

fn told(outcomes: &[Outcome]) -> Vec<(String, u64, Happened, bool)> {
    let tell = |outcome: &Outcome| match outcome {
        Outcome::Change(Change {
            row,
            happened,
            deliver,
        }) => Some((
            row.key.interval.to_string(),
            row.values.seconds(Measure::ActivityTime),
            *happened,
            *deliver,
        )),
        _ => None,
    };
    outcomes.iter().filter_map(tell).collect()
}

#[test]
fn new_changed_and_gone_intervals_are_told_and_open_ones_wait() {
    let text = agent_report(
        &(row("10:15", ADA, 4)
            + &row("09:00", ADA, 1)
            + &row("09:30", ADA, 3)
            + &row("10:00", ADA, 5)),
    );
    let before = [
        delivered("08:00", ADA, 9),
        delivered("09:00", ADA, 1),
        delivered("09:15", ADA, 2),
        delivered("09:30", ADA, 2),
        delivered("09:30", JOAN, 0),
    ];
    let (outcomes, tally, alarm) = compare(&text, &before, replace());
    let at = |time| interval(time).to_string();
    let gone = Happened::Gone {
        before: before[2].values,
    };
    let changed = Happened::Changed {
        before: before[3].values,
    };
    assert_eq!(
        told(&outcomes),
        [
            (at("09:15"), 0, gone, true),
            (at("09:30"), 3, changed, true),
            (at("10:00"), 5, Happened::New, true)
        ]
    );
    let expected = ChangeTally {
        new: 1,
        changed: 1,
        gone: 1,
        unchanged: 1,
        open: 1,
        ..ChangeTally::default()
    };
    assert_eq!(
        (tally, alarm),
        (expected, None),
        "08:00 is before what the report covers"
    );

    let covered = Some(interval("08:00")..interval("12:00"));
    let (outcomes, ..) = compare(
        &text,
        &before,
        ChangeRules {
            covered,
            ..replace()
        },
    );
    assert_eq!(told(&outcomes)[0].0, at("08:00"));
}

#[test]
fn where_there_is_no_second_delivery_changes_are_only_listed() {
    let text = agent_report(&(row("09:00", ADA, 1) + &row("09:30", ADA, 3)));
    let before = [delivered("09:15", ADA, 2), delivered("09:30", ADA, 2)];
    let rules = ChangeRules {
        redelivery: Redelivery::Never,
        ..replace()
    };
    let (outcomes, ..) = compare(&text, &before, rules);
    let deliver: Vec<_> = told(&outcomes).into_iter().map(|change| change.3).collect();
    assert_eq!(deliver, [true, false, false]);
}

#[test]
fn intervals_that_nobody_asked_about_are_counted_by_themselves() {
    let text = agent_report(
        &(row("09:00", ADA, 1)
            + &row("09:15", ADA, 2)
            + &row("09:30", ADA, 3)
            + &row("09:30", "WK000000000000000000000000000000ff", 3)
            + &row("10:00", ADA, 5)),
    );
    let before = [delivered("08:45", ADA, 9), delivered("09:00", ADA, 1)];
    let covered = Some(interval("08:45")..interval("12:00"));
    let rules = ChangeRules {
        told: Some(interval("09:15")..interval("09:30")),
        covered,
        ..replace()
    };
    let (outcomes, tally, _) = compare(&text, &before, rules);
    let only = (interval("09:15").to_string(), 2, Happened::New, true);
    assert_eq!(told(&outcomes), [only]);
    let expected = ChangeTally {
        new: 1,
        outside: 4,
        ..ChangeTally::default()
    };
    assert_eq!(tally, expected);
}

/// Like [`delivered`], refused: Calabrio has what was delivered before.
fn refused(time: &str, agent: &str, seconds: u64, before: Option<u64>) -> Delivered {
    Delivered {
        refused: Some(Refused {
            before: before.map(seconds_of),
        }),
        ..delivered(time, agent, seconds)
    }
}

#[test]
fn what_was_refused_is_told_again_once_it_differs_or_somebody_asks_for_it() {
    let text =
        agent_report(&(row("09:00", ADA, 1) + &row("09:15", ADA, 3) + &row("10:00", ADA, 5)));
    let before = [
        refused("09:00", ADA, 1, None),
        refused("09:15", ADA, 2, Some(9)),
        // These are not shown any more: of the first Calabrio has nothing, of the second the zeros were refused.
        refused("09:30", ADA, 4, None),
        refused("09:45", ADA, 0, Some(7)),
    ];
    let at = |time| interval(time).to_string();
    let changed = Happened::Changed {
        before: seconds_of(9),
    };
    let last = (at("10:00"), 5, Happened::New, true);
    for redelivery in [Redelivery::Replace, Redelivery::Never] {
        let again = redelivery == Redelivery::Replace;
        let rules = ChangeRules {
            redelivery,
            ..replace()
        };
        let (outcomes, ..) = compare(&text, &before, rules.clone());
        let expected = [(at("09:15"), 3, changed, again), last.clone()];
        assert_eq!(told(&outcomes), expected);

        let asked = ChangeRules {
            refused_again: true,
            ..rules
        };
        let (outcomes, ..) = compare(&text, &before, asked);
        let gone = Happened::Gone {
            before: seconds_of(7),
        };
        let expected = [
            (at("09:00"), 1, Happened::New, true),
            (at("09:15"), 3, changed, again),
            (at("09:45"), 0, gone, again),
            last.clone(),
        ];
        assert_eq!(told(&outcomes), expected);
    }
    // Where nothing arrived before, a first delivery of other values is no second one.
    let rules = ChangeRules {
        redelivery: Redelivery::Never,
        ..replace()
    };
    let (outcomes, ..) = compare(&text, &[refused("10:00", ADA, 4, None)], rules);
    assert_eq!(told(&outcomes).last(), Some(&last));
}

#[test]
fn empty_cut_and_unreadable_reports_take_nothing_back() {
    let before = [delivered("09:15", ADA, 2)];
    let rows = row("09:00", ADA, 1) + &row("09:30", ADA, 3);
    let covered = Some(interval("08:00")..interval("10:00"));
    for (text, expected) in [
        (String::new(), Alarm::Empty),
        (agent_report(""), Alarm::Empty),
        (agent_report(&rows) + "2026-06-15,09:4", Alarm::CutShort),
        (
            agent_report(&rows) + "\"2026-06-15,09:45\n",
            Alarm::CutShort,
        ),
        (
            agent_report(&(rows.clone() + &row("9 o'clock", ADA, 1))),
            Alarm::Unreadable { rows: 1 },
        ),
    ] {
        let rules = ChangeRules {
            covered: covered.clone(),
            ..replace()
        };
        let (outcomes, tally, alarm) = compare(&text, &before, rules);
        let kept = if expected == Alarm::CutShort { 3 } else { 1 };
        assert_eq!(
            (alarm, tally.kept, tally.gone),
            (Some(expected), kept, 0),
            "{text}"
        );
        assert!(
            told(&outcomes)
                .iter()
                .all(|change| change.2 == Happened::New)
        );
        assert!(expected.to_string().contains("nothing was taken back"));
    }
}

#[test]
fn what_a_faulty_report_lacks_lowers_nothing() {
    let before = [delivered("09:00", ADA, 5), delivered("09:15", ADA, 2)];
    // Of 09:00 a part is missing; 09:15 has more than before.
    let rows = row("09:00", ADA, 1) + &row("09:15", ADA, 3) + &row("09:30", ADA, 4);
    let unreadable = agent_report(&(rows.clone() + &row("9 o'clock", ADA, 4)));
    let (outcomes, tally, _) = compare(&unreadable, &before, replace());
    let changed = Happened::Changed {
        before: seconds_of(2),
    };
    let at = |time| interval(time).to_string();
    let expected = [
        (at("09:15"), 3, changed, true),
        (at("09:30"), 4, Happened::New, true),
    ];
    assert_eq!(told(&outcomes), expected);
    assert_eq!(tally.kept, 1);

    // Nobody knows what else a report lacks that was cut short: nothing of it is told, held rows neither.
    let unknown = "WK000000000000000000000000000000ff";
    let cut = agent_report(&(rows + &row("09:30", unknown, 4))) + "2026-06-15,09:4";
    let (outcomes, tally, alarm) = compare(&cut, &before, replace());
    assert_eq!(
        (outcomes, alarm),
        (Vec::new(), Some(Alarm::CutShort)),
        "{tally:?}"
    );
    assert_eq!((tally.kept, tally.new, tally.changed), (4, 0, 0));
}

#[test]
fn held_and_refused_rows_keep_what_they_may_be_about() {
    let before = [
        delivered("09:00", ADA, 1),
        delivered("09:15", ADA, 2),
        delivered("09:15", JOAN, 2),
    ];
    // At 09:00 someone of unknown SID; at 09:15 Ada has more than the interval holds, and Joan's row is gone.
    let unknown = "WK000000000000000000000000000000ff";
    let text =
        agent_report(&(row("09:00", unknown, 1) + &row("09:15", ADA, 901) + &row("09:30", ADA, 1)));
    let (outcomes, tally, _) = compare(&text, &before, replace());
    assert!(
        matches!(outcomes[0], Outcome::Held(_)) && matches!(outcomes[1], Outcome::NotWorkload(_))
    );
    let gone = told(&outcomes)
        .into_iter()
        .filter(|change| matches!(change.2, Happened::Gone { .. }));
    assert_eq!(gone.count(), 1, "Joan's alone");
    assert_eq!((tally.kept, tally.held, tally.not_workload), (2, 1, 1));
}

#[test]
fn what_was_delivered_must_come_in_order_and_may_fail() {
    let text = agent_report(&row("09:30", ADA, 3));
    let run = |before: Vec<Result<Delivered, Box<dyn std::error::Error + Send + Sync>>>| {
        let mut history = History::new(rules(Report::AgentProductivity, &config(), "UTC"), People);
        history.push(text.as_bytes()).unwrap();
        let (summary, intervals) = history.finish().unwrap();
        let mut found = changes(&summary, intervals, before, replace(), NOW.parse().unwrap());
        let error = found.by_ref().find_map(Result::err);
        assert!(found.next().is_none(), "an error ends it");
        error
    };
    let twice = vec![
        Ok(delivered("09:00", ADA, 1)),
        Ok(delivered("09:00", ADA, 1)),
    ];
    assert!(matches!(run(twice), Some(HistoryError::DeliveredOrder)));
    let failing = vec![Err("the ledger is away".into())];
    assert!(matches!(run(failing), Some(HistoryError::Delivered(_))));
}

#[test]
fn values_have_one_stable_form_in_bytes_and_json() {
    let values = delivered("09:00", ADA, 300)
        .values
        .with(Measure::Handled, 2);
    assert_eq!(values.to_bytes(), [1, 0, 0x81, 0x02, 0xe0, 0xa7, 0x12, 2]);
    assert_eq!(Values::from_bytes(&values.to_bytes()).unwrap(), values);
    let json = serde_json::to_string(&delivered("09:00", ADA, 300)).unwrap();
    assert!(json.starts_with("{\"interval\":\"2026-06-15T09:00:00Z\",\"agent\":\"WK000000000000000000000000000000a1\",\"queue\":\"service-queue\""), "{json}");
    assert_eq!(
        serde_json::from_str::<Delivered>(&json).unwrap(),
        delivered("09:00", ADA, 300)
    );
    for damaged in [&[][..], &[2, 0, 0], &[1, 0, 1], &[1, 0, 0, 0]] {
        assert!(
            matches!(
                Values::from_bytes(damaged),
                Err(HistoryError::DamagedValues)
            ),
            "{damaged:?}"
        );
    }
    assert_eq!(
        values
            .with(Measure::TalkTime, 1_500)
            .seconds(Measure::TalkTime),
        2
    );
}

proptest! {
    #[test]
    fn after_its_changes_are_delivered_a_pull_changes_nothing(
        rows in prop::collection::btree_map((0..40_u32, 0..2_u8), 1..900_u64, 1..60),
        before in prop::collection::btree_map((0..40_u32, 0..2_u8), 0..900_u64, 0..60),
    ) {
        let place = |(quarter, who): (u32, u8)| {
            (format!("{:02}:{:02}", quarter / 4, quarter % 4 * 15), if who == 0 { ADA } else { JOAN })
        };
        let text: String = rows.iter().rev().map(|(key, sum)| { let (at, who) = place(*key); row(&at, who, *sum) }).collect();
        let text = agent_report(&text);
        let mut ledger: std::collections::BTreeMap<_, _> = before.iter().map(|(key, sum)| {
            let (at, who) = place(*key);
            let delivered = delivered(&at, who, *sum);
            (delivered.key, delivered.values)
        }).collect();
        let list = |ledger: &std::collections::BTreeMap<IntervalKey, Values>| -> Vec<_> {
            ledger.iter().map(|(key, values)| Delivered { key: *key, values: *values, refused: None }).collect()
        };
        let (outcomes, ..) = compare(&text, &list(&ledger), replace());
        for outcome in outcomes {
            let Outcome::Change(change) = outcome else { panic!("nothing is held") };
            prop_assert!(change.deliver);
            ledger.insert(change.row.key, change.row.values);
        }
        let (again, tally, _) = compare(&text, &list(&ledger), replace());
        prop_assert!(again.is_empty());
        prop_assert_eq!(tally.unchanged, rows.len() as u64);
    }
}

/// Sightings by clock and the end of the newest interval, as `HH:MM HH:MM`.
fn judge(sightings: &[&str]) -> Cadence {
    let sighting = |text: &&str| {
        let (at, newest) = text.split_once(' ').unwrap();
        let at = format!("2026-06-15T{at}:00Z").parse().unwrap();
        Sighting {
            at,
            newest: interval(newest).previous(),
        }
    };
    cadence(&sightings.iter().map(sighting).collect::<Vec<_>>())
}

#[test]
fn the_cadence_of_loads_shows_in_two_of_them() {
    let hourly = [
        "08:50 08:00",
        "09:05 09:00",
        "09:20 09:00",
        "09:35 09:00",
        "09:50 09:00",
        "10:05 10:00",
    ];
    assert_eq!(judge(&hourly), Cadence::Hourly);
    assert_eq!(
        judge(&["09:05 08:45", "09:20 09:00", "09:35 09:15"]),
        Cadence::MoreOften
    );
    assert_eq!(judge(&hourly[..5]), Cadence::Unknown, "one load alone");
    assert_eq!(judge(&[]), Cadence::Unknown);
    assert_eq!(
        judge(&["08:05 08:00", "09:05 09:00", "10:05 10:00"]),
        Cadence::Unknown,
        "nobody looked in between"
    );
    let night = [
        "01:05 01:00",
        "02:05 02:00",
        "03:05 02:00",
        "07:05 02:00",
        "08:05 08:00",
    ];
    assert_eq!(judge(&night), Cadence::Unknown, "the centre was closed");
}
