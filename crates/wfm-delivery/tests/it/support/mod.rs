//! Rows and states to deliver.
#![allow(dead_code, reason = "each test file needs some of it")]

use chrono::{DateTime, Utc};
use wfm_delivery::{DeliveryContract, HistoryBatch, NewestStates, StateBatch};
use wfm_history::{Change, Happened, IntervalKey, IntervalRow, Measure, QueueKey, Report, Values};
use wfm_interval::Interval;
use wfm_state_mapping::{CalabrioState, Cause, HoldSource, ReasonCode, StateChange};

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn contract(written: serde_json::Value) -> DeliveryContract {
    serde_json::from_value(written).unwrap()
}

pub(crate) fn interval(start: &str) -> Interval {
    Interval::starting(at(start)).unwrap()
}

pub(crate) fn agent_row(agent: u8, start: &str, talk_ms: u64) -> Change {
    let values = Values::zero(Report::AgentProductivity)
        .with(Measure::ActivityTime, 900_000)
        .with(Measure::TalkTime, talk_ms)
        .with(Measure::Handled, 2);
    Change {
        row: IntervalRow {
            key: IntervalKey {
                interval: interval(start),
                agent: Some(format!("WK{agent:032x}").parse().unwrap()),
                queue: QueueKey::ServiceQueue,
            },
            values,
            ambiguous: false,
        },
        happened: Happened::New,
        deliver: true,
    }
}

pub(crate) fn queue_row(queue: u8, start: &str, offered: u64) -> Change {
    Change {
        row: IntervalRow {
            key: IntervalKey {
                interval: interval(start),
                agent: None,
                queue: QueueKey::Task(format!("WQ{queue:032x}").parse().unwrap()),
            },
            values: Values::zero(Report::QueueHistory)
                .with(Measure::Offered, offered)
                .with(Measure::LongestWaitTime, 61_500),
            ambiguous: false,
        },
        happened: Happened::New,
        deliver: true,
    }
}

pub(crate) fn queues(rows: &[Change]) -> HistoryBatch {
    HistoryBatch::new(Report::QueueHistory, rows)
}

pub(crate) fn agents(rows: &[Change]) -> HistoryBatch {
    HistoryBatch::new(Report::AgentProductivity, rows)
}

pub(crate) fn state(agent: u8, state: CalabrioState, activity: Option<&str>) -> StateChange {
    StateChange {
        agent: format!("WK{agent:032x}").parse().unwrap(),
        state,
        reason_code: activity.and_then(ReasonCode::from_activity),
        since: at("2026-03-01T12:00:00.123Z"),
        cause: Cause::Nothing,
        hold_source: HoldSource::Unseen,
    }
}

pub(crate) fn states(rows: impl IntoIterator<Item = StateChange>, snapshot: bool) -> StateBatch {
    let mut newest = NewestStates::new(1000);
    if snapshot {
        newest.snapshot(rows).unwrap();
    } else {
        rows.into_iter().for_each(|row| newest.put(row).unwrap());
    }
    newest.take(1000).unwrap()
}
