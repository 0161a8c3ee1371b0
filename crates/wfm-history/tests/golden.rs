//! Whole reports and the intervals that must come of them, as another program has reckoned them.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use std::path::PathBuf;

use common::{Found, People, config, read, rules};
use proptest::prelude::*;
use serde_json::Value;
use wfm_history::{ActivityState, ColumnConfig, Decimal, History, Report, ReportConfig};

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/wfm");
    std::fs::read(path.join(name)).unwrap()
}

fn agents() -> ReportConfig {
    let state = [
        ("Available", ActivityState::Ready),
        ("Break", ActivityState::NotReady),
        ("Offline", ActivityState::Logout),
    ];
    ReportConfig {
        activities: state.map(|(name, state)| (name.to_owned(), state)).into(),
        ..config()
    }
}

fn german() -> ReportConfig {
    let columns = [
        ("handled", "Gespräche"),
        ("wrap_up_time", "Nacharbeit"),
        ("talk_time", "Gesprächszeit (Workload)"),
        ("activity_time", "Aktivitätszeit"),
        ("queue", "Warteschlange"),
        ("agent", "Mitarbeiter"),
        ("kind", "Art"),
        ("activity", "Aktivität"),
        ("time", "Uhrzeit"),
        ("date", "Datum"),
    ];
    ReportConfig {
        columns: columns
            .map(|(field, column)| (field.to_owned(), ColumnConfig::from(column)))
            .into(),
        delimiter: ';',
        decimal: Decimal::Comma,
        time_format: Some("%H:%M Uhr".to_owned()),
        ..agents()
    }
}

fn expect(found: &Found, name: &str) {
    let expected: Vec<Value> = serde_json::from_slice(&fixture(name)).unwrap();
    let intervals = found.intervals();
    assert_eq!(intervals.len(), expected.len());
    for (row, expected) in intervals.iter().zip(&expected) {
        assert_eq!(&serde_json::to_value(row).unwrap(), expected);
    }
    assert_eq!(found.summary.issues.total, 0, "{:?}", found.summary.issues);
    assert_eq!(
        found.items.len(),
        intervals.len(),
        "nothing is held or refused"
    );
    assert_eq!(found.summary.totals, found.tally.ready.values);
}

#[test]
fn both_hours_of_autumn_are_told_apart_where_the_report_shows_both() {
    let report = Report::AgentProductivity;
    let found = read(report, &agents(), "Europe/Berlin", fixture("two-rows.csv"));
    expect(&found, "two-rows.json");
    assert_eq!(found.tally.ambiguous.intervals, 0);
    assert!(found.summary.repeated_told_apart > 0);
    let unmapped: Vec<_> = found
        .summary
        .activities_unmapped
        .iter()
        .map(|word| &word.word)
        .collect();
    assert_eq!(unmapped, ["Lunch"]);
}

#[test]
fn merged_hours_of_autumn_are_ambiguous_and_nothing_of_them_is_lost() {
    let report = Report::AgentProductivity;
    let found = read(report, &agents(), "Europe/Berlin", fixture("merged.csv"));
    expect(&found, "merged.json");
    let apart = read(report, &agents(), "Europe/Berlin", fixture("two-rows.csv"));
    assert_eq!(found.tally.ready.values, apart.tally.ready.values);
    assert!(found.tally.ambiguous.intervals > 0);
}

#[test]
fn a_day_that_is_half_an_hour_shorter_is_read_from_lines_with_cr_and_lf() {
    let report = Report::AgentProductivity;
    let found = read(
        report,
        &agents(),
        "Australia/Lord_Howe",
        fixture("short-day.csv"),
    );
    expect(&found, "short-day.json");
}

#[test]
fn another_language_order_delimiter_and_number_form_give_the_same_intervals() {
    let report = Report::AgentProductivity;
    let found = read(report, &german(), "Europe/Berlin", fixture("german.csv"));
    expect(&found, "german.json");
}

#[test]
fn abandoned_contacts_count_and_kinds_that_do_not_count_are_told() {
    let report = Report::QueueHistory;
    let found = read(report, &config(), "America/New_York", fixture("queue.csv"));
    expect(&found, "queue.json");
    let filtered: Vec<_> = found
        .summary
        .kinds_filtered
        .iter()
        .map(|kind| &kind.word)
        .collect();
    assert_eq!(filtered, ["Missed Conversation"]);
    assert_eq!(found.summary.filtered, found.summary.rows / 3);
}

#[test]
fn a_tiny_memory_spills_and_gives_the_same_intervals() {
    let directory = tempfile::tempdir().unwrap();
    for most in [1, 7, 100] {
        let config = ReportConfig {
            max_open_keys: most,
            ..agents()
        };
        for (zone, name) in [
            ("Europe/Berlin", "two-rows"),
            ("Europe/Berlin", "merged"),
            ("Australia/Lord_Howe", "short-day"),
        ] {
            let zone = zone.parse().unwrap();
            let report = Report::AgentProductivity;
            let rules =
                wfm_history::ReportRules::new(report, &config, zone, directory.path()).unwrap();
            let found = common::try_read(rules, fixture(&format!("{name}.csv"))).unwrap();
            expect(&found, &format!("{name}.json"));
            assert_eq!(
                std::fs::read_dir(directory.path()).unwrap().count(),
                0,
                "files have no name"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn chunks_may_end_anywhere(mut cuts in prop::collection::vec(0.0..1.0_f64, 0..40)) {
        let text = fixture("german.csv");
        cuts.sort_by(f64::total_cmp);
        let mut history = History::new(rules(Report::AgentProductivity, &german(), "Europe/Berlin"), People);
        let mut from = 0;
        for cut in cuts {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "below the length")]
            let to = (text.len() as f64 * cut * cut) as usize;
            history.push(&text[from.min(to)..to]).unwrap();
            from = from.max(to);
        }
        history.push(&text[from..]).unwrap();
        let (summary, mut intervals) = history.finish().unwrap();
        let items = intervals.by_ref().collect::<Result<_, _>>().unwrap();
        expect(&Found { summary, items, tally: *intervals.tally() }, "german.json");
    }
}
