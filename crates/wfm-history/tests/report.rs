//! Columns, settings, faulty rows, and whose a row is.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use common::{ADA, BILLING, agent_report, berlin, config, read, rules, try_read};
use proptest::prelude::*;
use wfm_history::{
    ColumnConfig, Field, HeldParty, History, HistoryError, Item, LastLineEnd, Measure, Party,
    QueueKey, Reason, Report, ReportConfig, ReportRules, RowFault, propose,
};

const AGENT: Report = Report::AgentProductivity;

fn fail(text: &str) -> HistoryError {
    fail_with(&config(), text)
}

fn fail_with(config: &ReportConfig, text: &str) -> HistoryError {
    try_read(rules(AGENT, config, "UTC"), text).err().unwrap()
}

fn column(field: &str, name: &str) -> ReportConfig {
    let columns = [(field.to_owned(), ColumnConfig::from(name))].into();
    ReportConfig {
        columns,
        ..config()
    }
}

#[test]
fn a_piece_with_nothing_in_it_ends_neither_a_row_nor_the_report() {
    let text = agent_report("2026-06-15,09:00,Ada,,Agent Status,Available,60,0\n");
    let whole = try_read(rules(AGENT, &config(), "UTC"), &text).unwrap();
    for cut in 0..=text.len() {
        let mut history = History::new(rules(AGENT, &config(), "UTC"), common::People);
        for piece in [&text.as_bytes()[..cut], b"", &text.as_bytes()[cut..], b""] {
            history.push(piece).unwrap();
        }
        let (summary, intervals) = history.finish().unwrap();
        let items: Vec<_> = intervals.map(Result::unwrap).collect();
        assert_eq!((summary.rows, items), (1, whole.items.clone()), "{cut}");
    }
}

#[test]
fn a_missing_column_is_named_with_those_present_and_the_nearest() {
    let error = fail("Date,Time,Agent,Activity Tim,Talk Time\n");
    assert_eq!(
        error.to_string(),
        "the Agent Productivity report has no column \"activity time\" for activity_time (did you mean \"Activity Tim\"?); \
         its columns are \"Date\", \"Time\", \"Agent\", \"Activity Tim\", \"Talk Time\"; \
         name the right one in the setting of the column `activity_time`"
    );
    let error = fail_with(
        &column("talk_time", "Talk"),
        "Date,Time,Agent,Activity Time,Talk Time\n",
    );
    assert!(
        matches!(error, HistoryError::MissingColumn { field: Field::Amount(Measure::TalkTime), nearest: Some(near), .. } if near == "Talk Time")
    );
    assert!(matches!(
        fail("Agent,Activity Time\n"),
        HistoryError::MissingColumn {
            field: Field::Date,
            ..
        }
    ));
}

#[test]
fn columns_that_are_not_clear_are_refused() {
    let twice = "Date,Time,Agent,Activity Time,Activity time\n";
    assert!(matches!(fail(twice), HistoryError::DuplicateColumn { .. }));
    let mut shared = column("talk_time", "Wrap");
    shared
        .columns
        .insert("wrap_up_time".to_owned(), "Wrap".into());
    let rules = ReportRules::new(AGENT, &shared, "UTC".parse().unwrap(), "unused");
    assert!(matches!(
        rules.unwrap_err(),
        HistoryError::SharedColumn { .. }
    ));
    let rules = ReportRules::new(
        AGENT,
        &column("talktime", "x"),
        "UTC".parse().unwrap(),
        "unused",
    );
    let error = rules.unwrap_err().to_string();
    assert!(error.starts_with("the Agent Productivity report has no field \"talktime\" (did you mean \"talk_time\"?); known are timestamp,"), "{error}");
}

#[test]
fn settings_are_read_from_toml_and_wrong_ones_refused() {
    let text = "delimiter = ';'\nservice_queue = true\n[columns]\ntalk_time = { name = 'Talk', unit = 'milliseconds' }\nagent = 'Who'\n[activities]\nAvailable = 'ready'\n";
    let config: ReportConfig = toml::from_str(text).unwrap();
    let found = read(
        AGENT,
        &config,
        "UTC",
        "Date;Time;Who;Activity Time;Talk\n2026-06-15;09:00;Ada Lovelace;900;1500\n",
    );
    assert_eq!(found.intervals()[0].values.get(Measure::TalkTime), 1_500);
    assert!(toml::from_str::<ReportConfig>("delimeter = ';'").is_err());
    for wrong in [
        "delimiter = '\"'",
        "delimiter = 'é'",
        "kinds = []",
        "max_open_keys = 0",
        "max_names = 0",
        "date_format = '%Q'",
        "columns = { agent = { name = 'x', unit = 'seconds' } }",
    ] {
        let config: ReportConfig = toml::from_str(wrong).unwrap();
        let rules = ReportRules::new(AGENT, &config, "UTC".parse().unwrap(), "unused");
        assert!(
            matches!(rules, Err(HistoryError::Setting { .. })),
            "{wrong}"
        );
    }
}

#[test]
fn faulty_rows_are_counted_and_listed_without_their_values_and_the_rest_is_read() {
    let rows = format!(
        "2026-06-15,09:00,{ADA},,Agent Status,Available,900,0\n\
         2026-06-15,25:00,{ADA},,Agent Status,Available,900,0\n\
         yesterday,09:00,{ADA},,Agent Status,Available,900,0\n\
         2026-06-15,09:00,WKsecret,,Agent Status,Available,900,0\n\
         2026-06-15,09:00,,,Agent Status,Available,900,0\n\
         2026-06-15,09:00,{ADA},,Agent Status,\"Avail\nable\",secret,0\n\
         2026-06-15,09:00,{ADA}\n\
         2026-06-15,09:15,{ADA},,Agent Status,Available,900,0"
    );
    let config = ReportConfig {
        max_issues: 5,
        ..config()
    };
    let found = read(AGENT, &config, "UTC", agent_report(&rows));
    let issues = &found.summary.issues;
    assert_eq!(
        (issues.total, issues.listed.len(), found.intervals().len()),
        (6, 5, 2)
    );
    let listed: Vec<_> = issues
        .listed
        .iter()
        .map(|issue| (issue.line, issue.field, issue.fault))
        .collect();
    assert_eq!(
        listed,
        [
            (3, Some(Field::Time), RowFault::Unreadable),
            (4, Some(Field::Date), RowFault::Unreadable),
            (5, Some(Field::AgentSid), RowFault::NotASid),
            (6, None, RowFault::NoAgent),
            (
                7,
                Some(Field::Amount(Measure::ActivityTime)),
                RowFault::Unreadable
            ),
        ]
    );
    let told = serde_json::to_string(&found.summary).unwrap();
    assert!(!told.contains("secret"));
    assert_eq!(issues.by_field["row"], 2);
    assert_eq!(
        found.summary.rows,
        found.summary.counted + found.summary.filtered + issues.total
    );
}

#[test]
fn a_last_row_without_line_end_is_whole_unless_a_setting_wants_one() {
    let row = format!("2026-06-15,09:00,{ADA},,Agent Status,Available,900,0");
    assert_eq!(berlin(&row).summary.counted, 1);
    let config = ReportConfig {
        last_line_end: LastLineEnd::Required,
        ..config()
    };
    let found = read(AGENT, &config, "UTC", agent_report(&row));
    assert_eq!(found.summary.issues.listed[0].fault, RowFault::CutShort);
    assert_eq!(found.summary.counted, 0);
}

#[test]
fn agents_and_queues_that_are_not_known_are_held_with_their_sums() {
    let text = "Date,Time,Agent,Queue,Activity Time,Talk Time\n\
                2026-06-15,09:00,Sam,,900,0\n2026-06-15,09:00,Nobody,Billing,0,5\n2026-06-15,09:00,Ada Lovelace,Nowhere,0,7\n2026-06-15,09:00,Ada Lovelace,Billing,0,1\n";
    let found = read(AGENT, &config(), "UTC", text);
    let held: Vec<_> = found
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Held(held) => Some(held),
            _ => None,
        })
        .collect();
    assert_eq!(held.len(), 3);
    assert!(
        matches!(&held[0].agent, Party::Held(HeldParty::AmbiguousName { candidates, .. }) if candidates.len() == 2)
    );
    assert!(
        matches!(&held[1].agent, Party::Held(HeldParty::UnknownName { name }) if name.as_str() == "Nobody")
    );
    assert!(matches!(
        &held[2].queue,
        Party::Held(HeldParty::UnknownName { .. })
    ));
    assert!(
        !format!("{held:?}").contains("Nobody"),
        "names are not for logs"
    );
    assert_eq!(found.tally.held.values.seconds(Measure::TalkTime), 12);
    assert_eq!(found.intervals().len(), 1);
}

#[test]
fn who_is_renamed_or_changes_activity_or_queue_in_an_interval_remains_one_agent() {
    let found = berlin(&format!(
        "2026-06-15,09:00,{ADA},,Agent Status,Available,500,0\n2026-06-15,09:00,wk000000000000000000000000000000A1,,Agent Status,Break,400,0\n\
         2026-06-15,09:00,{ADA},{BILLING},Conversation,,0,10\n2026-06-15,09:00,{ADA},WQ00000000000000000000000000000022,Conversation,,0,20\n"
    ));
    let sums: Vec<_> = found
        .intervals()
        .iter()
        .map(|row| {
            (
                row.key.queue,
                row.values.seconds(Measure::ActivityTime),
                row.values.seconds(Measure::TalkTime),
            )
        })
        .collect();
    let task = |sid: &str| QueueKey::Task(sid.parse().unwrap());
    assert_eq!(
        sums,
        [
            (QueueKey::ServiceQueue, 900, 0),
            (task(BILLING), 0, 10),
            (task("WQ00000000000000000000000000000022"), 0, 20)
        ]
    );
    let text = "Date,Time,Agent,Activity Time\n2026-06-15,09:00,Ada Lovelace,500\n2026-06-15,09:00,Ada King,400\n";
    let found = read(AGENT, &config(), "UTC", text);
    assert_eq!(found.intervals().len(), 1, "both names are hers");
}

#[test]
fn rows_without_queue_are_told_where_there_is_no_service_queue() {
    let config = ReportConfig::default();
    let row = format!("2026-06-15,09:00,{ADA},,Agent Status,Available,900,0\n");
    let found = read(AGENT, &config, "UTC", agent_report(&row));
    assert!(found.items.is_empty());
    assert_eq!(found.tally.without_queue.values, found.summary.totals);
    let found = read(
        Report::QueueHistory,
        &config,
        "UTC",
        "Date,Time,Queue,Answered,Abandoned\n2026-06-15,09:00,,1,2\n",
    );
    assert_eq!(found.summary.issues.listed[0].fault, RowFault::NoQueue);
}

#[test]
fn ordinary_activity_time_is_refused_by_name_and_rounding_is_allowed() {
    let rows = |a: &str, b: &str| {
        format!(
            "2026-06-15,09:00,{ADA},,Agent Status,Available,{a},0\n2026-06-15,09:00,{ADA},,Agent Status,Break,{b},0\n"
        )
    };
    for (a, b, fits) in [
        ("900", "0", true),
        ("451", "450", true),
        ("451", "451", false),
        ("0:10", "0:05", true),
        ("3600", "0", false),
        ("900.5", "", true),
        ("900.51", "", true),
    ] {
        let found = berlin(&rows(a, b));
        let refused = matches!(&found.items[..], [Item::NotWorkload(_)]);
        // Tenths of a second are not rounded to seconds, so there is no room for half a second.
        assert_eq!(refused, !fits || a.contains('.'), "{a} and {b}");
    }
    let found = berlin(&rows("3600", "300"));
    let Item::NotWorkload(refused) = &found.items[0] else {
        panic!()
    };
    assert_eq!(refused.values, found.summary.totals);
    assert!(
        refused
            .to_string()
            .contains("build it on the workload reporting data set"),
        "{refused}"
    );
}

#[test]
fn reports_that_cannot_be_read_at_all_say_why() {
    assert!(matches!(
        fail_bytes(b"\xff\xfeD\0a\0t\0e\0"),
        HistoryError::Encoding { .. }
    ));
    assert!(matches!(
        fail_bytes(b"Date,\xff\n"),
        HistoryError::Encoding { .. }
    ));
    let open = agent_report("2026-06-15,\"") + &"x".repeat(2 << 20);
    assert!(matches!(
        fail(&open),
        HistoryError::RowTooLong { line: 2, .. }
    ));
    let few = ReportConfig {
        max_names: 1,
        ..config()
    };
    let text = "Date,Time,Agent,Activity Time\n2026-06-15,09:00,A,1\n2026-06-15,09:00,B,1\n2026-06-15,09:00,C,1\n";
    assert!(matches!(
        fail_with(&few, text),
        HistoryError::TooManyNames { limit: 1 }
    ));
    let huge = agent_report(
        &format!("2026-06-15,09:00,{ADA},,Agent Status,,18446744073709551s,0\n").repeat(2),
    );
    assert!(matches!(fail(&huge), HistoryError::Overflow));
    let spill = ReportRules::new(
        AGENT,
        &ReportConfig {
            max_open_keys: 1,
            ..config()
        },
        "UTC".parse().unwrap(),
        "/nowhere/at/all",
    )
    .unwrap();
    let rows = ["09:00", "09:15"]
        .map(|time| format!("2026-06-15,{time},{ADA},,Agent Status,,1,0\n"))
        .concat();
    assert!(matches!(
        try_read(spill, agent_report(&rows)).err(),
        Some(HistoryError::Spill { .. })
    ));
    let mut history = History::new(rules(AGENT, &config(), "UTC"), common::People);
    assert!(matches!(history.read(Broken), Err(HistoryError::Read(_))));
}

/// A connection that breaks.
struct Broken;

impl std::io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::ConnectionReset.into())
    }
}

fn fail_bytes(text: &[u8]) -> HistoryError {
    try_read(rules(AGENT, &config(), "UTC"), text)
        .err()
        .unwrap()
}

#[test]
fn a_proposal_places_columns_by_name_by_values_and_by_resemblance() {
    let header = [
        "Day",
        "15 Minutes Interval (Workload)",
        "Person",
        "Agents",
        "Art",
        "Activty Time",
        "Colour",
    ];
    let rows = vec![vec![
        "2026-06-15",
        "09:00",
        ADA,
        "Ada",
        "Agent Status",
        "900",
        "red",
    ]];
    let proposal = propose(AGENT, &header, &rows);
    let placed: Vec<_> = proposal
        .columns
        .iter()
        .map(|column| (column.field.name(), column.column.as_str(), column.reason))
        .collect();
    assert_eq!(
        placed,
        [
            ("date", "Day", Reason::Name),
            ("time", "15 Minutes Interval (Workload)", Reason::Name),
            ("agent_sid", "Person", Reason::Values),
            ("agent", "Agents", Reason::Resembles),
            ("kind", "Art", Reason::Values),
            ("activity_time", "Activty Time", Reason::Resembles),
        ]
    );
    assert_eq!(proposal.unplaced, ["Colour"]);
    assert!(proposal.missing.is_empty());
    let rules = ReportConfig {
        columns: proposal.config(),
        ..config()
    };
    let text = format!("{}\n{}\n", header.join(","), rows[0].join(","));
    assert_eq!(
        read(AGENT, &rules, "UTC", text).intervals().len(),
        1,
        "the proposal works"
    );
    let nothing = propose(Report::QueueHistory, &["Colour"], &[]);
    assert_eq!(nothing.missing.len(), 5);
}

proptest! {
    #[test]
    fn totals_are_conserved_whatever_the_order_and_the_memory(
        rows in prop::collection::vec((0..200_u32, 0..6_u8, 0..4_u8, 0..2_000_u32, 0..1_000_u32), 0..300),
        most in 1..40_usize,
        service_queue: bool,
    ) {
        // A day with a repeated hour; agents and queues of which some are unknown; some intervals that hold too much.
        let agents = ["Ada Lovelace", "Ada King", "Sam", "Nobody", "\"Grace, Hopper\"", "Joan"];
        let queues = ["", "Billing", "Sales & Süd", "Nowhere"];
        let lines: Vec<_> = rows.iter().map(|(at, agent, queue, activity, talk)| format!(
            "2026-10-{},{:02}:{:02},{},{},{},{}.{:03}\n",
            24 + at / 100, at % 100 / 4 % 24, at % 4 * 15, agents[usize::from(*agent)], queues[usize::from(*queue)], activity, talk, talk % 1000,
        )).collect();
        let text = lines.concat();
        let config = ReportConfig { max_open_keys: most, service_queue, ..config() };
        let found = read(AGENT, &config, "Europe/Berlin", format!("Date,Time,Agent,Queue,Activity Time,Talk Time\n{text}"));
        prop_assert_eq!(found.summary.counted, rows.len() as u64);
        let expected: u64 = rows.iter().map(|row| u64::from(row.3) * 1000).sum();
        prop_assert_eq!(found.summary.totals.get(Measure::ActivityTime), expected);
        let tally = found.tally;
        let parts = [tally.ready, tally.held, tally.not_workload, tally.without_queue];
        let sum = parts.iter().fold(wfm_history::Values::zero(AGENT), |sum, part| sum.checked_add(&part.values).unwrap());
        prop_assert_eq!(sum, found.summary.totals);
        let keys: Vec<_> = found.intervals().iter().map(|row| row.key).collect();
        prop_assert!(keys.is_sorted_by(|a, b| a < b), "each key once, in order");
    }
}
