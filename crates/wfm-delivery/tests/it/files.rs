//! The file transport by its public face.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]
#![cfg(feature = "file")]

use crate::support;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::json;
use support::*;
use wfm_delivery::{
    DeliveryError, Fate, HistoryFiles, HistorySink, Outcome, Refusal, StateFiles, StateSink,
};
use wfm_history::{Happened, Measure};
use wfm_interval::Zone;
use wfm_state_mapping::CalabrioState;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

const NOW: &str = "2026-03-01T12:20:00.250Z";

#[test]
fn the_default_files_are_those_of_the_fixtures() {
    let folder = tempfile::tempdir().unwrap();
    let contract = contract(json!({}));
    let zone: Zone = "America/Chicago".parse().unwrap();
    let history = HistoryFiles::new(folder.path(), &contract, 7, zone).unwrap();
    let mut gone = agent_row(2, "2026-03-01T12:15:00Z", 0);
    gone.happened = Happened::Gone {
        before: gone.row.values,
    };
    let rows = [agent_row(1, "2026-03-01T12:00:00Z", 123_500), gone];
    assert!(history.write(&agents(&rows), at(NOW)).is_accepted());
    let rows = [queue_row(1, "2026-03-01T12:00:00Z", 5)];
    assert!(history.write(&queues(&rows), at(NOW)).is_accepted());
    let states_sink = StateFiles::new(folder.path(), &contract, 7, zone).unwrap();
    let batch = states(
        [
            state(1, CalabrioState::Talking, None),
            state(2, CalabrioState::WorkNotReady, Some("Lunch, \"long\"")),
        ],
        false,
    );
    assert!(states_sink.write(&batch, at(NOW)).is_accepted());
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let found = names(folder.path());
    assert_eq!(
        found,
        [
            "AgentProductivity.7.20260301T122000250.1.csv",
            "AgentState.7.20260301T122000250.1.EVENT",
            "QueueHistory.7.20260301T122000250.1.csv",
        ]
    );
    for name in found {
        let text = fs::read_to_string(folder.path().join(&name)).unwrap();
        let wanted = fs::read_to_string(golden.join(&name)).unwrap();
        assert_eq!(text.replace("\r\n", "\n"), wanted, "{name}");
        assert_eq!(text.matches("\r\n").count(), wanted.lines().count());
    }
}

#[test]
fn every_setting_of_a_file_shows() {
    let folder = tempfile::tempdir().unwrap();
    let contract = contract(json!({
        "values": {"duration_unit": "milliseconds", "first_or_again": ["N", "R", "D"], "time_zone": "Asia/Kathmandu"},
        "files": {"delimiter": "\t", "quote": "always", "line_end": "lf", "byte_order_mark": true, "column_header": false},
        "queue_file": {
            "name": "Q-{acd_server}-{first:%H%M}-{last:%H%M}-{number}.txt",
            "header": ["ACD {acd_server}", "{first:%d/%m/%Y %H:%M}"],
            "columns": ["a = interval_start %H:%M", "b = interval_end epoch-seconds", "c = longest_wait_time", "d = first_or_again",
                        "e = constant x\ty", "f = interval_minutes", "g = ambiguous", "h = now epoch-milliseconds"]
        }
    }));
    let files = HistoryFiles::new(folder.path(), &contract, 3, Zone::UTC).unwrap();
    let mut changed = queue_row(1, "2026-03-01T12:15:00Z", 1);
    changed.happened = Happened::Changed {
        before: changed.row.values,
    };
    let rows = [queue_row(1, "2026-03-01T12:00:00Z", 1), changed];
    let receipt = files.write(&queues(&rows), at(NOW));
    assert_eq!(
        receipt.parts[0].file.as_deref(),
        Some("Q-3-1200-1215-1.txt")
    );
    let text = fs::read_to_string(folder.path().join("Q-3-1200-1215-1.txt")).unwrap();
    let now = at(NOW).timestamp_millis();
    let line = |start: &str, end: &str, word: &str| {
        format!(
            "\"{start}\"\t\"{end}\"\t\"61500\"\t\"{word}\"\t\"x\ty\"\t\"15\"\t\"false\"\t\"{now}\"\n"
        )
    };
    let wanted = [
        "\u{feff}ACD 3\n01/03/2026 17:45\n".to_owned(),
        line("17:45", "1772367300", "N"),
        line("18:00", "1772368200", "R"),
    ];
    assert_eq!(text, wanted.concat());
}

#[test]
fn changes_that_are_only_listed_and_rows_of_the_other_report_are_not_delivered() {
    let mut listed = queue_row(1, "2026-03-01T12:00:00Z", 1);
    listed.deliver = false;
    let rows = [listed, agent_row(1, "2026-03-01T12:00:00Z", 1)];
    assert!(queues(&rows).rows().is_empty());
    assert_eq!(agents(&rows).rows().len(), 1);
}

#[test]
fn a_large_batch_becomes_several_files_each_a_part_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let contract = contract(json!({"files": {"rows": 2}}));
    let files = HistoryFiles::new(folder.path(), &contract, 7, Zone::UTC).unwrap();
    let rows: Vec<_> = (0..5)
        .map(|queue| queue_row(queue, "2026-03-01T12:00:00Z", 1))
        .collect();
    let receipt = files.write(&queues(&rows), at(NOW));
    let ranges: Vec<_> = receipt.parts.iter().map(|part| part.rows.clone()).collect();
    assert_eq!(ranges, [0..2, 2..4, 4..5]);
    assert_eq!(names(folder.path()).len(), 3);
}

#[test]
fn the_same_delivery_is_not_written_twice_wherever_calabrio_moved_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let files = HistoryFiles::new(folder.path(), &contract(json!({})), 7, Zone::UTC).unwrap();
    let batch = queues(&[queue_row(1, "2026-03-01T12:00:00Z", 1)]);
    let receipt = files.write(&batch, at(NOW));
    let name = receipt.parts[0].file.clone().unwrap();
    assert!(files.write(&batch, at(NOW)).is_accepted());
    assert_eq!(names(folder.path()), [name.as_str()]);

    let archive = folder.path().join("archives20260301");
    fs::create_dir(&archive).unwrap();
    fs::rename(folder.path().join(&name), archive.join(&name)).unwrap();
    assert!(files.write(&batch, at(NOW)).is_accepted());
    assert_eq!(names(folder.path()), ["archives20260301"]);
    assert_eq!(files.fates([&*name]).unwrap(), [(&*name, Fate::Archived)]);

    let refused = folder.path().join("penaltyBox/2026-03-01");
    fs::create_dir_all(&refused).unwrap();
    fs::rename(archive.join(&name), refused.join(&name)).unwrap();
    let receipt = files.write(&batch, at(NOW));
    let refused: Vec<_> = receipt.refused().collect();
    assert_eq!(refused, [(0, &Refusal::PenaltyBox)]);
    assert_eq!(files.fates([&*name]).unwrap()[0].1, Fate::Refused);
    assert!(
        files
            .write(&batch, at("2026-03-01T12:20:00.251Z"))
            .is_accepted()
    );
}

#[test]
fn one_fixed_name_for_states_waits_until_the_file_was_taken_and_an_archived_one_hinders_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let contract = contract(json!({"state_file": {"name": "AgentState.EVENT"}}));
    let files = StateFiles::new(folder.path(), &contract, 7, Zone::UTC).unwrap();
    let first = states([state(1, CalabrioState::Ready, None)], false);
    let second = states([state(1, CalabrioState::Talking, None)], false);
    assert!(files.write(&first, at(NOW)).is_accepted());
    let receipt = files.write(&second, at(NOW));
    let error = receipt.retry_later().unwrap();
    assert!(matches!(error, DeliveryError::NameTaken { .. }), "{error}");
    let archive = folder.path().join("archives");
    fs::create_dir(&archive).unwrap();
    let name = "AgentState.EVENT";
    fs::rename(folder.path().join(name), archive.join(name)).unwrap();
    assert!(files.write(&second, at(NOW)).is_accepted());
    let text = fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(text.contains("Talking"), "{text}");
}

#[test]
fn files_of_states_wait_are_refused_or_gone() {
    let folder = tempfile::tempdir().unwrap();
    let files = StateFiles::new(folder.path(), &contract(json!({})), 7, Zone::UTC).unwrap();
    let batch = states([state(1, CalabrioState::Ready, None)], false);
    let times = [0, 1, 2].map(|second| at(NOW) + chrono::TimeDelta::seconds(second));
    let names = times.map(|now| files.write(&batch, now).parts.remove(0).file.unwrap());
    for (name, place) in names.iter().zip(["penaltyBox/2026-03-01", "archives"]) {
        let place = folder.path().join(place);
        fs::create_dir_all(&place).unwrap();
        fs::rename(folder.path().join(name), place.join(name)).unwrap();
    }
    let asked = names.iter().map(String::as_str).zip(times);
    let fates = files.fates(asked).unwrap();
    let fates: Vec<_> = fates.into_iter().map(|(_, fate)| fate).collect();
    assert_eq!(fates, [Fate::Refused, Fate::Gone, Fate::Waiting]);
}

#[test]
fn a_name_that_no_file_can_have_is_refused_with_its_setting() {
    for setting in [
        "agent_file",
        "queue_file",
        "state_file",
        "user_file",
        "service_queue_file",
    ] {
        let contract = contract(json!({setting: {"name": "a/{number}"}}));
        let error = StateFiles::new("drop", &contract, 7, Zone::UTC).unwrap_err();
        let told = error.to_string();
        assert!(told.starts_with(&format!("{setting}.name: ")), "{told}");
        assert!(told.contains("it has a control character"), "{told}");
    }
}

#[test]
fn without_a_number_in_the_name_history_is_refused() {
    let contract = contract(json!({"agent_file": {"name": "A.{now}"}}));
    let error = HistoryFiles::new("drop", &contract, 7, Zone::UTC).unwrap_err();
    assert!(error.to_string().contains("{number}"), "{error}");
}

#[test]
fn a_repeated_hour_without_offset_is_written_or_refused_as_the_settings_say() {
    let rows = [
        queue_row(1, "2026-10-25T00:00:00Z", 1), // 02:00 summer time
        queue_row(1, "2026-10-25T01:00:00Z", 2), // 02:00 winter time
        queue_row(1, "2026-10-25T02:00:00Z", 3), // 03:00
    ];
    for (repeated, format, written) in [
        ("refuse", "%Y-%m-%d %H:%M", 1),
        ("both", "%Y-%m-%d %H:%M", 3),
        ("refuse", "%Y-%m-%d %H:%M %z", 3),
        ("refuse", "epoch-seconds", 3),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let contract = contract(json!({
            "values": {"repeated_hour": repeated, "time_format": format}, "files": {"column_header": false}
        }));
        let zone = "Europe/Berlin".parse().unwrap();
        let files = HistoryFiles::new(folder.path(), &contract, 7, zone).unwrap();
        let receipt = files.write(&queues(&rows), at(NOW));
        assert_eq!(receipt.refused().count(), 3 - written, "{format}");
        let name = receipt.parts[0].file.clone().unwrap();
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(text.lines().count(), written);
        let receipt = files.write(&queues(&rows[..1]), at("2026-03-01T12:21:00Z"));
        let whole = matches!(
            receipt.parts[0].outcome,
            Outcome::Refused(Refusal::RepeatedHour)
        );
        assert_eq!(whole, written == 1);
    }
}

#[test]
fn a_name_that_is_none_and_a_folder_that_is_gone_can_be_tried_later() {
    let folder = tempfile::tempdir().unwrap();
    let batch = queues(&[queue_row(1, "2026-03-01T12:00:00Z", 1)]);
    // Short enough on a Thursday, and not on a Wednesday.
    let name = format!("{}{{now:%A}}{{number}}", "x".repeat(191));
    let long = contract(json!({"queue_file": {"name": name}}));
    let files = HistoryFiles::new(folder.path(), &long, 7, Zone::UTC).unwrap();
    let receipt = files.write(&batch, at("2026-03-04T12:00:00Z"));
    let error = receipt.retry_later().unwrap();
    assert!(matches!(error, DeliveryError::FileName { .. }), "{error}");
    let nowhere = folder.path().join("nowhere");
    let files = HistoryFiles::new(nowhere, &contract(json!({})), 7, Zone::UTC).unwrap();
    let receipt = files.write(&batch, at(NOW));
    let error = receipt.retry_later().unwrap();
    assert!(matches!(error, DeliveryError::NoFolder { .. }), "{error}");
    assert!(matches!(files.sweep(), Err(DeliveryError::NoFolder { .. })));
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written_is_told_as_such() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let is_above_permissions = fs::write(folder.path().join("x"), "x").is_ok();
    let files = HistoryFiles::new(folder.path(), &contract(json!({})), 7, Zone::UTC).unwrap();
    let receipt = files.write(&queues(&[queue_row(1, "2026-03-01T12:00:00Z", 1)]), at(NOW));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    if is_above_permissions {
        // The system's superuser may write anywhere: then the file is there.
        assert!(receipt.is_accepted());
    } else {
        let error = receipt.retry_later().unwrap();
        assert!(matches!(error, DeliveryError::NotAllowed { .. }), "{error}");
    }
}

#[tokio::test]
async fn as_sinks_both_write_on_threads_that_may_block() {
    let folder = tempfile::tempdir().unwrap();
    let contract = contract(json!({}));
    let history: Box<dyn HistorySink> =
        Box::new(HistoryFiles::new(folder.path(), &contract, 7, Zone::UTC).unwrap());
    let sink: Box<dyn StateSink> =
        Box::new(StateFiles::new(folder.path(), &contract, 7, Zone::UTC).unwrap());
    let batch = queues(&[queue_row(1, "2026-03-01T12:00:00Z", 1)]);
    assert!(history.deliver(&batch, at(NOW)).await.is_accepted());
    let batch = states([state(1, CalabrioState::Ready, None)], true);
    assert!(sink.deliver(&batch, at(NOW)).await.is_accepted());
    assert_eq!(names(folder.path()).len(), 2);
}

#[test]
fn a_runtime_that_shuts_down_cuts_the_writing_off() {
    let folder = tempfile::tempdir().unwrap();
    let files = HistoryFiles::new(folder.path(), &contract(json!({})), 7, Zone::UTC).unwrap();
    let batch = queues(&[queue_row(1, "2026-03-01T12:00:00Z", 1)]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let handle = runtime.handle().clone();
    runtime.shutdown_background();
    let receipt = handle.block_on(files.deliver(&batch, at(NOW)));
    let error = receipt.retry_later().unwrap();
    assert!(matches!(error, DeliveryError::CutOff), "{error}");
    assert!(names(folder.path()).is_empty());
}

fn word() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just(','),
            Just(';'),
            Just('"'),
            Just('\n'),
            Just('\r'),
            Just('\t'),
            Just(' '),
            Just('ü'),
            any::<char>(),
        ],
        1..12,
    )
    .prop_map(String::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_written_reads_back_equal(
        rows in proptest::collection::vec((0_u8..50, 0_u32..96, any::<u32>()), 1..30),
        queue in word(), delimiter in prop_oneof![Just(','), Just(';'), Just('\t'), Just('|')], always: bool, crlf: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let contract = contract(json!({
            "values": {"duration_unit": "milliseconds", "service_queue": queue},
            "files": {"delimiter": delimiter, "quote": if always {"always"} else {"necessary"}, "line_end": if crlf {"cr-lf"} else {"lf"}},
            "agent_file": {"columns": ["agent = agent", "queue = queue", "start = interval_start", "talk = talk_time"]}
        }));
        let zone = "Australia/Lord_Howe".parse().unwrap();
        let files = HistoryFiles::new(folder.path(), &contract, 7, zone).unwrap();
        let start = at("2026-04-04T12:00:00Z");
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(agent, quarter, talk)| {
                let at = start + chrono::TimeDelta::minutes(15 * i64::from(quarter));
                agent_row(agent, &at.to_rfc3339(), talk.into())
            })
            .collect();
        let receipt = files.write(&agents(&rows), at(NOW));
        prop_assert!(receipt.is_accepted());
        let path = folder.path().join(receipt.parts[0].file.as_deref().unwrap());
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(u8::try_from(delimiter).unwrap())
            .from_path(path)
            .unwrap();
        let read: Vec<_> = reader.records().map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), rows.len());
        for (read, row) in read.iter().zip(&rows) {
            let key = &row.row.key;
            prop_assert_eq!(&read[0], key.agent.unwrap().to_string());
            prop_assert_eq!(&read[1], queue.as_str());
            prop_assert_eq!(at(&read[2]), key.interval.start());
            prop_assert_eq!(read[3].parse::<u64>().unwrap(), row.row.values.get(Measure::TalkTime));
        }
    }
}
