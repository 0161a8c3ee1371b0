//! That a reader of the reports finds what is true; and that one who reads them carelessly does not.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeZone as _};
use chrono_tz::Tz;

use super::super::options::{DataSet, InsightsOptions, RepeatedHour, RowOrder, TimeForm};
use super::super::rows::Book;
use super::*;

/// A report as a client gets it, and how it is to be read.
pub(super) fn report(
    floor: &Floor,
    report: FloorReport,
    options: &InsightsOptions,
    cut: DateTime<Utc>,
) -> String {
    let book = Book::new(floor, options.data_set);
    let (_, content) = book.print(floor, report, options, cut.timestamp_millis());
    String::from_utf8(content).unwrap()
}

/// The rows of a CSV, with the fields of its header as keys.
fn rows(text: &str, delimiter: char) -> Vec<BTreeMap<String, String>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.push(chars.next().unwrap()),
            '"' => quoted = !quoted,
            _ if quoted => field.push(c),
            '\r' => {}
            '\n' => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c if c == delimiter => row.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    let mut rows = rows.into_iter();
    let header = rows.next().unwrap();
    rows.map(|row| {
        assert_eq!(row.len(), header.len());
        header.iter().cloned().zip(row).collect()
    })
    .collect()
}

fn millis(text: &str) -> u64 {
    let text = text.replace(',', ".");
    if let [hours, minutes, seconds] = text.split(':').collect::<Vec<_>>().as_slice() {
        let [hours, minutes, seconds] =
            [hours, minutes, seconds].map(|it| it.parse::<u64>().unwrap());
        return (hours * 3_600 + minutes * 60 + seconds) * 1_000;
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    whole.parse::<u64>().unwrap() * 1_000 + format!("{decimals:0<3}").parse::<u64>().unwrap()
}

fn local(row: &BTreeMap<String, String>) -> NaiveDateTime {
    let date = NaiveDate::parse_from_str(&row["Date"], "%Y-%m-%d")
        .or_else(|_| NaiveDate::parse_from_str(&row["Date"], "%m/%d/%Y"));
    let time = NaiveTime::parse_from_str(&row["Time"], "%H:%M")
        .or_else(|_| NaiveTime::parse_from_str(&row["Time"], "%I:%M %p"));
    date.unwrap().and_time(time.unwrap())
}

const MEASURES: [(&str, &str); 12] = [
    ("Activity Time", "activity_time_ms"),
    ("Talk Time", "talk_time_ms"),
    ("Wrap Up Time", "wrap_up_time_ms"),
    ("Hold Time", "hold_time_ms"),
    ("Conversations", "handled"),
    ("Offered", "offered"),
    ("Answered", "answered"),
    ("Abandoned", "abandoned"),
    ("Short Abandoned", "abandoned_short"),
    ("Answered In Service Level", "answered_in_service_level"),
    ("Answer Wait Time", "answer_wait_time_ms"),
    ("Abandon Wait Time", "abandon_wait_time_ms"),
];

/// What an honest reader makes of a report: of both passes over a repeated hour by the order of the rows.
pub(super) fn read(
    floor: &Floor,
    report: FloorReport,
    options: &InsightsOptions,
    text: &str,
) -> Vec<ToldInterval> {
    let kinds = ["Agent Status", "Conversation", "Queue"];
    let mut sums: BTreeMap<_, BTreeMap<String, u64>> = BTreeMap::new();
    let mut last: BTreeMap<String, (NaiveDateTime, bool)> = BTreeMap::new();
    for row in rows(text, options.csv.delimiter) {
        let subject = match options.csv.order {
            RowOrder::Time => String::new(),
            RowOrder::Subject => format!("{:?} {:?}", row.get("Agent SID"), row["Queue SID"]),
        };
        let zone: Tz = floor.zone;
        let start = if options.csv.times == TimeForm::Offset {
            let at = DateTime::parse_from_str(&row["Date"], "%Y-%m-%dT%H:%M%:z").unwrap();
            assert_eq!(at.offset().fix(), at.with_timezone(&zone).offset().fix());
            at.to_utc()
        } else {
            let local = local(&row);
            let (before, mut second) = last.get(&subject).copied().unwrap_or((local, false));
            second =
                (second || local < before) && zone.from_local_datetime(&local).latest().is_some();
            last.insert(subject, (local, second));
            let mapped = zone.from_local_datetime(&local);
            let at = if second {
                mapped.latest()
            } else {
                mapped.earliest()
            };
            at.unwrap().to_utc()
        };
        if !kinds.contains(&row["Kind"].trim_end_matches(" in Progress")) {
            continue;
        }
        let key = (
            row.get("Agent SID").cloned(),
            row["Queue SID"].clone(),
            start,
        );
        let sums = sums.entry(key).or_default();
        for (column, measure) in MEASURES {
            let Some(field) = row.get(column).filter(|field| !field.is_empty()) else {
                continue;
            };
            let value = if measure.ends_with("_ms") {
                millis(field)
            } else {
                field.parse().unwrap()
            };
            *sums.entry(measure.to_owned()).or_default() += value;
        }
    }
    sums.into_iter()
        .map(|((agent, queue, start), values)| ToldInterval {
            report,
            agent,
            queue: (!queue.is_empty()).then_some(queue),
            start,
            values,
            ambiguous: options.repeated_hour == RepeatedHour::Merged,
        })
        .collect()
}

const BOTH: [FloorReport; 2] = [FloorReport::AgentProductivity, FloorReport::QueueHistory];

/// What comes of both reports, read at the end of the day.
pub(super) fn both(floor: &Floor, options: &InsightsOptions) -> Vec<ToldInterval> {
    BOTH.into_iter()
        .flat_map(|which| {
            read(
                floor,
                which,
                options,
                &report(floor, which, options, floor.to()),
            )
        })
        .collect()
}

fn account(floor: &Floor, options: &InsightsOptions) -> FloorAccount {
    let received = Received {
        intervals: both(floor, options),
        states: Vec::new(),
    };
    let rules = AccountRules {
        loaded: floor.to(),
        until: floor.from() - TimeDelta::milliseconds(1),
        merged: options.repeated_hour == RepeatedHour::Merged,
        whole_seconds: options.csv.durations != DurationForm::Seconds,
        ..AccountRules::default()
    };
    super::super::account::account(floor, &received, &rules)
}

#[test]
fn the_reports_hold_what_is_true_however_they_are_printed() {
    let floor = floor(1);
    let expected = floor.intervals().len() as u64;
    let print = |change: fn(&mut InsightsOptions)| {
        let mut options = InsightsOptions::default();
        change(&mut options);
        let account = account(&floor, &options);
        assert_eq!(account.intervals_expected, expected);
        assert_eq!(
            (account.intervals_wrong, account.intervals_missing),
            (0, 0),
            "{account:?}"
        );
        account
    };
    let changes: [fn(&mut InsightsOptions); 6] = [
        |_| {},
        // A subject's own rows seldom go back in time, so that only an offset tells the passes apart.
        |it| (it.csv.order, it.csv.times) = (RowOrder::Subject, TimeForm::Offset),
        |it| {
            (
                it.csv.quoted,
                it.csv.reversed,
                it.csv.crlf,
                it.csv.byte_order_mark,
            ) = (true, true, true, true);
            it.csv.delimiter = ';';
            it.csv.decimal_comma = true;
        },
        |it| it.csv.times = TimeForm::Offset,
        |it| {
            it.csv.times = TimeForm::American;
            it.csv.durations = DurationForm::Clock;
        },
        |it| {
            it.csv.decimal_comma = true;
            it.csv.durations = DurationForm::WholeSeconds;
        },
    ];
    for change in changes {
        let account = print(change);
        assert_eq!(
            (account.intervals_delivered, account.intervals_ambiguous),
            (expected, 0)
        );
    }
    let merged = print(|it| it.repeated_hour = RepeatedHour::Merged);
    assert!(merged.intervals_ambiguous >= 40 * 8, "{merged:?}");
    assert_eq!(
        merged.intervals_ambiguous + merged.intervals_delivered,
        expected
    );
}

#[test]
fn the_reports_hold_what_is_true_on_both_days_of_the_year_in_zones_north_and_south() {
    for (zone, from, hours, twice) in [
        ("Europe/Berlin", "2026-03-28T23:00:00Z", 23, 0),
        ("America/New_York", "2026-11-01T04:00:00Z", 25, 4),
        ("America/Santiago", "2026-04-04T03:00:00Z", 25, 4),
        ("Australia/Lord_Howe", "2026-04-04T13:00:00Z", 25, 2),
        ("Australia/Lord_Howe", "2026-10-03T13:30:00Z", 24, 0),
    ] {
        let scenario = FloorScenario {
            agents: 8,
            zone: zone.to_owned(),
            from: from.parse().unwrap(),
            hours,
            ..FloorScenario::default()
        };
        let floor = Floor::new(&scenario, 4).unwrap();
        let expected = floor.intervals().len() as u64;
        for repeated_hour in [RepeatedHour::TwoRows, RepeatedHour::Merged] {
            let options = InsightsOptions {
                repeated_hour,
                ..InsightsOptions::default()
            };
            let account = account(&floor, &options);
            assert_eq!(
                (account.intervals_wrong, account.intervals_missing),
                (0, 0),
                "{zone} {account:?}"
            );
            assert_eq!(
                account.intervals_delivered + account.intervals_ambiguous,
                expected
            );
            let merged = repeated_hour == RepeatedHour::Merged;
            let least = if merged { 8 * 2 * twice } else { 0 };
            assert!(account.intervals_ambiguous >= least, "{zone} {account:?}");
            assert_eq!(
                account.intervals_ambiguous == 0,
                least == 0,
                "{zone} {account:?}"
            );
        }
    }
}

#[test]
fn ordinary_activity_is_more_than_its_interval_holds() {
    let floor = floor(1);
    let options = InsightsOptions {
        data_set: DataSet::Ordinary,
        ..InsightsOptions::default()
    };
    let told = both(&floor, &options);
    assert!(
        told.iter()
            .any(|told| told.values.get("activity_time_ms") > Some(&900_000))
    );
    assert!(account(&floor, &options).intervals_wrong > 0);
}

#[test]
fn whoever_counts_every_kind_of_row_counts_too_much() {
    let floor = floor(1);
    let options = InsightsOptions::default();
    let text = report(&floor, FloorReport::AgentProductivity, &options, floor.to());
    let kinds: BTreeSet<String> = rows(&text, ',')
        .into_iter()
        .map(|row| row["Kind"].clone())
        .collect();
    for kind in [
        "Agent Status",
        "Conversation",
        "Missed Conversation",
        "Rejected Conversation",
    ] {
        assert!(kinds.contains(kind), "{kinds:?}");
    }
    let careless = text.replace("Missed Conversation", "Conversation");
    let told = read(&floor, FloorReport::AgentProductivity, &options, &careless);
    assert_ne!(
        told,
        read(&floor, FloorReport::AgentProductivity, &options, &text)
    );
}

#[test]
fn a_report_holds_what_was_loaded_and_of_the_days_that_it_covers() {
    let floor = floor(1);
    let which = FloorReport::AgentProductivity;
    let cut: DateTime<Utc> = "2026-10-25T09:07:00Z".parse().unwrap();
    let options = InsightsOptions {
        days: 1,
        ..InsightsOptions::default()
    };
    let text = report(&floor, which, &options, cut);
    let rows = rows(&text, ',');
    assert_eq!(
        (rows[0]["Date"].as_str(), rows[0]["Time"].as_str()),
        ("2026-10-25", "00:00")
    );
    let last = rows.last().unwrap();
    assert_eq!(
        (last["Date"].as_str(), last["Time"].as_str()),
        ("2026-10-25", "10:00")
    );
    let told = read(&floor, which, &options, &text);
    let whole: u64 = told
        .iter()
        .filter_map(|told| told.values.get("activity_time_ms"))
        .sum();
    assert_eq!(
        whole,
        40 * u64::try_from((cut - floor.from()).num_milliseconds()).unwrap()
    );
    assert!(text.contains("Agent Status in Progress") && text.contains("Conversation in Progress"));
    let empty = report(&floor, which, &options, floor.from());
    assert_eq!(empty.lines().count(), 1);
}

#[test]
fn the_names_are_those_that_agents_and_queues_had_then() {
    let floor = floor(1);
    let options = InsightsOptions::default();
    let text = report(&floor, FloorReport::AgentProductivity, &options, floor.to());
    let renamed = floor
        .timeline
        .agents
        .iter()
        .find(|agent| agent.names.len() == 2)
        .unwrap();
    let turn = renamed.names[1].at;
    let mut both = 0;
    for row in rows(&text, ',')
        .iter()
        .filter(|row| row["Agent SID"] == renamed.sid)
    {
        let quarter = floor.local(instant(turn.div_euclid(QUARTER) * QUARTER));
        match local(row).cmp(&quarter) {
            std::cmp::Ordering::Less => assert_eq!(row["Agent"], renamed.names[0].full_name),
            std::cmp::Ordering::Equal => both += 1,
            std::cmp::Ordering::Greater => assert_eq!(row["Agent"], renamed.names[1].full_name),
        }
    }
    assert!(
        both >= 2,
        "the interval in which the name changed shows both"
    );
    let queues = report(&floor, FloorReport::QueueHistory, &options, floor.to());
    assert!(queues.contains(",Billing,") && queues.contains(",Billing Europe,"));
}
