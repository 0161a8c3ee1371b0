//! The two days on which the clocks change, in zones north, south and with half-hour offsets.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use std::fmt::Write as _;

use common::{ADA, BILLING, Found, agent_report, berlin, config, read};
use wfm_history::{Item, Measure, Report, ReportConfig, RowFault};

/// Rows of one agent, 900 s each, at these local times.
fn active(zone: &str, times: &[&str]) -> Found {
    let row = |time: &&str| {
        let (date, time) = time.split_once(' ').unwrap();
        format!("{date},{time},{ADA},,Agent Status,Available,900,0\n")
    };
    let rows: String = times.iter().map(row).collect();
    read(
        Report::AgentProductivity,
        &config(),
        zone,
        agent_report(&rows),
    )
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of zones")]
fn two_passes_over_a_repeated_hour_are_told_apart_in_every_zone() {
    for (zone, times, expected) in [
        (
            "Europe/Berlin",
            [
                "2026-10-25 01:45",
                "2026-10-25 02:00",
                "2026-10-25 02:45",
                "2026-10-25 02:00",
                "2026-10-25 02:45",
                "2026-10-25 03:00",
            ],
            [
                "2026-10-24T23:45Z",
                "2026-10-25T00:00Z",
                "2026-10-25T00:45Z",
                "2026-10-25T01:00Z",
                "2026-10-25T01:45Z",
                "2026-10-25T02:00Z",
            ],
        ),
        (
            "America/New_York",
            [
                "2026-11-01 00:45",
                "2026-11-01 01:00",
                "2026-11-01 01:45",
                "2026-11-01 01:00",
                "2026-11-01 01:45",
                "2026-11-01 02:00",
            ],
            [
                "2026-11-01T04:45Z",
                "2026-11-01T05:00Z",
                "2026-11-01T05:45Z",
                "2026-11-01T06:00Z",
                "2026-11-01T06:45Z",
                "2026-11-01T07:00Z",
            ],
        ),
        (
            "Australia/Sydney",
            [
                "2026-04-05 01:45",
                "2026-04-05 02:00",
                "2026-04-05 02:45",
                "2026-04-05 02:00",
                "2026-04-05 02:45",
                "2026-04-05 03:00",
            ],
            [
                "2026-04-04T14:45Z",
                "2026-04-04T15:00Z",
                "2026-04-04T15:45Z",
                "2026-04-04T16:00Z",
                "2026-04-04T16:45Z",
                "2026-04-04T17:00Z",
            ],
        ),
        (
            "America/Santiago",
            [
                "2026-04-04 22:45",
                "2026-04-04 23:00",
                "2026-04-04 23:45",
                "2026-04-04 23:00",
                "2026-04-04 23:45",
                "2026-04-05 00:00",
            ],
            [
                "2026-04-05T01:45Z",
                "2026-04-05T02:00Z",
                "2026-04-05T02:45Z",
                "2026-04-05T03:00Z",
                "2026-04-05T03:45Z",
                "2026-04-05T04:00Z",
            ],
        ),
        (
            "Australia/Lord_Howe",
            [
                "2026-04-05 01:15",
                "2026-04-05 01:30",
                "2026-04-05 01:45",
                "2026-04-05 01:30",
                "2026-04-05 01:45",
                "2026-04-05 02:00",
            ],
            [
                "2026-04-04T14:15Z",
                "2026-04-04T14:30Z",
                "2026-04-04T14:45Z",
                "2026-04-04T15:00Z",
                "2026-04-04T15:15Z",
                "2026-04-04T15:30Z",
            ],
        ),
        (
            "America/St_Johns",
            [
                "2026-11-01 00:45",
                "2026-11-01 01:00",
                "2026-11-01 01:45",
                "2026-11-01 01:00",
                "2026-11-01 01:45",
                "2026-11-01 02:00",
            ],
            [
                "2026-11-01T03:15Z",
                "2026-11-01T03:30Z",
                "2026-11-01T04:15Z",
                "2026-11-01T04:30Z",
                "2026-11-01T05:15Z",
                "2026-11-01T05:30Z",
            ],
        ),
    ] {
        let found = active(zone, &times);
        let expected: Vec<_> = expected
            .iter()
            .map(|at| ((*at).to_owned(), 900_000))
            .collect();
        assert_eq!(found.shown(Measure::ActivityTime), expected, "{zone}");
        assert_eq!(found.tally.ambiguous.intervals, 0, "{zone}");
    }
}

#[test]
fn merged_rows_count_in_the_earlier_hour_and_have_room_for_both() {
    for (zone, time, earlier) in [
        ("Europe/Berlin", "2026-10-25,02:15", "2026-10-25T00:15Z"),
        ("America/Santiago", "2026-04-04,23:30", "2026-04-05T02:30Z"),
        (
            "Australia/Lord_Howe",
            "2026-04-05,01:45",
            "2026-04-04T14:45Z",
        ),
    ] {
        let row = format!("{time},{ADA},,Agent Status,Available,1800,0\n");
        let found = read(
            Report::AgentProductivity,
            &config(),
            zone,
            agent_report(&row),
        );
        assert_eq!(
            found.shown(Measure::ActivityTime),
            [(earlier.to_owned(), 1_800_000)],
            "{zone}"
        );
        assert!(found.intervals()[0].ambiguous);
        assert_eq!(found.tally.ambiguous.values, found.summary.totals);
        let row = format!("{time},{ADA},,Agent Status,Available,1802,0\n");
        let found = read(
            Report::AgentProductivity,
            &config(),
            zone,
            agent_report(&row),
        );
        assert!(
            matches!(&found.items[..], [Item::NotWorkload(_)]),
            "{zone}: not even two intervals hold it"
        );
    }
}

#[test]
fn the_order_of_each_agent_tells_where_the_report_is_sorted_by_agent() {
    let other = "WK000000000000000000000000000000b2";
    let mut rows = String::new();
    for agent in [ADA, other] {
        for (time, seconds) in [
            ("02:00", 100),
            ("02:15", 200),
            ("02:00", 300),
            ("02:15", 400),
        ] {
            writeln!(
                rows,
                "2026-10-25,{time},{agent},,Agent Status,Available,{seconds},0"
            )
            .unwrap();
        }
    }
    let found = berlin(&rows);
    let ada: Vec<_> = found
        .intervals()
        .into_iter()
        .filter(|row| row.key.agent.is_some_and(|agent| agent.as_str() == ADA))
        .map(|row| row.values.seconds(Measure::ActivityTime))
        .collect();
    assert_eq!(ada, [100, 200, 300, 400]);
    assert_eq!(found.tally.ambiguous.intervals, 0);
}

#[test]
fn the_order_of_the_whole_report_tells_also_of_those_who_were_there_once() {
    let other = "WK000000000000000000000000000000b2";
    let found = berlin(&format!(
        "2026-10-25,02:00,{ADA},,Agent Status,Available,900,0\n2026-10-25,02:45,{ADA},,Agent Status,Available,900,0\n\
         2026-10-25,02:00,{ADA},,Agent Status,Available,900,0\n2026-10-25,02:15,{other},,Agent Status,Available,900,0\n"
    ));
    let last = found.intervals().pop().unwrap();
    assert_eq!(last.key.interval.to_string(), "2026-10-25T01:15Z");
    assert!(!last.ambiguous);
}

#[test]
fn rows_that_only_look_like_two_passes_are_ambiguous() {
    // Sorted by activity: the times go back, but no row comes twice, as they would had the report both hours.
    let found = berlin(&format!(
        "2026-10-25,02:15,{ADA},,Agent Status,Available,600,0\n2026-10-25,02:45,{ADA},,Agent Status,Available,600,0\n\
         2026-10-25,02:00,{ADA},,Agent Status,Break,600,0\n"
    ));
    assert_eq!(found.tally.ambiguous.intervals, 3);
    assert_eq!(
        found.tally.ready.values.seconds(Measure::ActivityTime),
        1_800
    );
}

#[test]
fn a_shuffled_report_leaves_the_repeated_hour_ambiguous_and_conserved() {
    let found = active(
        "Europe/Berlin",
        &[
            "2026-10-25 03:00",
            "2026-10-25 02:15",
            "2026-10-25 01:45",
            "2026-10-25 02:15",
        ],
    );
    assert_eq!(
        found.shown(Measure::ActivityTime),
        [
            ("2026-10-24T23:45Z", 900_000),
            ("2026-10-25T00:15Z", 1_800_000),
            ("2026-10-25T02:00Z", 900_000)
        ]
        .map(|(at, sum)| (at.to_owned(), sum))
    );
    assert_eq!(found.summary.repeated_merged, 1);
}

#[test]
fn an_offset_in_the_report_tells_which_hour_is_meant() {
    let text = format!(
        "Timestamp,Agent SID,Activity Time\n2026-10-25T02:15+01:00,{ADA},100\n2026-10-25T02:15+02:00,{ADA},200\n"
    );
    let found = read(Report::AgentProductivity, &config(), "Europe/Berlin", text);
    let expected = [
        ("2026-10-25T00:15Z", 200_000),
        ("2026-10-25T01:15Z", 100_000),
    ];
    assert_eq!(
        found.shown(Measure::ActivityTime),
        expected.map(|(at, sum)| (at.to_owned(), sum))
    );
}

#[test]
fn rows_of_the_missing_hour_are_listed_with_line_and_local_time() {
    for (zone, date, time) in [
        ("Europe/Berlin", "2026-03-29", "02:15"),
        ("America/New_York", "2026-03-08", "02:15"),
        ("Australia/Sydney", "2026-10-04", "02:15"),
        ("America/Santiago", "2026-09-06", "00:15"),
        ("Australia/Lord_Howe", "2026-10-04", "02:15"),
        ("America/St_Johns", "2026-03-08", "02:15"),
    ] {
        let found = active(zone, &[&format!("{date} 12:00"), &format!("{date} {time}")]);
        let issue = found.summary.issues.listed[0];
        let local = format!("{date}T{time}:00").parse().unwrap();
        assert_eq!(
            (issue.line, issue.fault),
            (3, RowFault::MissingHour { local }),
            "{zone}"
        );
        assert_eq!(found.intervals().len(), 1, "{zone}: the rest is read");
        let shown = format!(
            "line 3: {date} {time}:00 does not exist in the time zone; check that it is that of Flex Insights"
        );
        assert_eq!(issue.to_string(), shown);
    }
}

#[test]
fn queues_are_told_apart_by_their_own_order() {
    let text = format!(
        "Date,Time,Queue SID,Answered,Abandoned\n2026-10-25,02:00,{BILLING},1,2\n2026-10-25,02:00,{BILLING},3,4\n\
         2026-10-25,02:15,{BILLING},1,0\n2026-10-25,02:00,{BILLING},5,6\n"
    );
    let config = ReportConfig::default();
    let found = read(Report::QueueHistory, &config, "Europe/Berlin", text);
    // Which of the first two rows is the earlier hour's cannot be told; the last one follows a step back.
    let offered = [
        ("2026-10-25T00:00Z", 10),
        ("2026-10-25T00:15Z", 1),
        ("2026-10-25T01:00Z", 11),
    ];
    assert_eq!(
        found.shown(Measure::Offered),
        offered.map(|(at, sum)| (at.to_owned(), sum))
    );
}
