//! Big reports.

use std::collections::BTreeSet;

use super::super::csv::Printer;
use super::super::options::CsvOptions;
use super::*;

fn written(report: &BulkReport) -> (String, BulkWritten) {
    let mut out = Vec::new();
    let sums = report.write(&mut out).unwrap();
    (String::from_utf8(out).unwrap(), sums)
}

#[test]
fn shuffled_it_holds_the_same_rows() {
    let mut report = BulkReport::new(BulkSize::Rows(5_003));
    report.agents = 100;
    let (sorted, sums) = written(&report);
    report.order = BulkOrder::Shuffled;
    let (shuffled, same) = written(&report);
    assert_eq!(sums, same);
    assert_eq!((sums.rows, sums.bytes), (5_003, sorted.len() as u64));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (a, b) = (lines(&sorted), lines(&shuffled));
    assert_eq!(a[0], b[0], "the header comes first");
    assert_ne!(a, b);
    assert_eq!(BTreeSet::from_iter(a), BTreeSet::from_iter(b));
    report.seed = 2;
    assert_ne!(written(&report).0, shuffled);
}

#[test]
fn each_agent_is_active_for_each_whole_interval_and_the_sums_are_right() {
    let mut report = BulkReport::new(BulkSize::Rows(4 * 10 * 200));
    report.agents = 10;
    let (text, sums) = written(&report);
    assert_eq!(sums.activity_seconds, 900 * 10 * 200);
    let column = |index: usize| -> u64 {
        let fields = text
            .lines()
            .skip(1)
            .map(|line| line.split(',').nth(index).unwrap());
        fields.filter_map(|field| field.parse::<u64>().ok()).sum()
    };
    assert_eq!(column(8), sums.activity_seconds);
    assert_eq!(column(9), sums.talk_seconds);
    assert_eq!(column(10), sums.wrap_up_seconds);
    assert_eq!(column(11), sums.hold_seconds);
    assert_eq!(column(12), sums.conversations);
    assert!(
        text.lines()
            .skip(1)
            .all(|line| line.split(',').count() == 13)
    );
    assert!(
        text.lines()
            .nth(1)
            .unwrap()
            .starts_with("2026-10-20,00:00,WK")
    );
}

#[test]
fn its_columns_are_those_of_every_agent_report() {
    let options = CsvOptions::default();
    let printer = Printer::new(FloorReport::AgentProductivity, &options, chrono_tz::UTC);
    let (text, _) = written(&BulkReport::new(BulkSize::Rows(1)));
    assert!(text.as_bytes().starts_with(&printer.out));
}

#[test]
fn it_is_about_as_long_as_was_asked_for() {
    for bytes in [100_000, 3_000_000] {
        let (text, _) = written(&BulkReport::new(BulkSize::Bytes(bytes)));
        let off = (text.len() as u64).abs_diff(bytes);
        assert!(off * 100 < bytes, "{off}");
    }
}

#[test]
fn a_zone_that_there_is_not_and_no_agents_are_refused() {
    let mut report = BulkReport::new(BulkSize::Rows(1));
    report.zone = "Mars".to_owned();
    let error = report.write(&mut Vec::new()).unwrap_err();
    assert!(
        error.to_string().contains("there is no time zone \"Mars\""),
        "{error}"
    );
    let mut report = BulkReport::new(BulkSize::Rows(1));
    report.agents = 0;
    let error = report.write(&mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "agents is 0; choose 1 or more");
}
