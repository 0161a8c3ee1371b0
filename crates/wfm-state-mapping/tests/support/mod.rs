//! A workspace with its activities, and events about it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by several tests, each of which may end here"
)]

use chrono::{DateTime, Utc};
use flex_events::{
    EventType, FlexEvent, ParticipantChange, ParticipantEvent, ReservationFacts, TaskFacts,
    WorkerFacts,
};
use wfm_state_mapping::{
    ActivityMap, ActivityMapping, ActivityRules, AgentStates, CalabrioState, Settings, StateChange,
    WorkspaceActivity,
};

pub(crate) fn sid<T: std::str::FromStr>(prefix: &str, number: usize) -> T
where
    T::Err: std::fmt::Debug,
{
    format!("{prefix}{number:032}").parse().unwrap()
}

pub(crate) fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_772_400_000_000 + millis).unwrap()
}

pub(crate) const OFFLINE: usize = 1;
pub(crate) const AVAILABLE: usize = 2;
pub(crate) const BREAK: usize = 3;
pub(crate) const ADMIN: usize = 4;
pub(crate) const UNMAPPED: usize = 5;

pub(crate) fn mapping(activity: &str, state: &str, state_reason_code: bool) -> ActivityMapping {
    ActivityMapping {
        activity: activity.to_owned(),
        state: state.to_owned(),
        state_reason_code,
    }
}

pub(crate) fn activities() -> Vec<WorkspaceActivity> {
    [
        (OFFLINE, "Offline", false),
        (AVAILABLE, "Available", true),
        (BREAK, "Break, short", false),
        (ADMIN, "Admin", true),
        (UNMAPPED, "Unmapped", false),
    ]
    .map(|(number, name, available)| WorkspaceActivity {
        sid: sid("WA", number),
        name: name.to_owned(),
        available: Some(available),
    })
    .to_vec()
}

pub(crate) fn map() -> ActivityMap {
    let rules = ActivityRules::new(&[
        mapping("break, SHORT", "not-ready", true),
        mapping("WA00000000000000000000000000000004", "Work Ready", false),
    ]);
    ActivityMap::new(rules.unwrap(), activities(), None)
}

pub(crate) fn agents() -> AgentStates {
    AgentStates::new(map(), Settings::default())
}

fn event(number: usize, millis: i64, event_type: EventType) -> FlexEvent {
    FlexEvent {
        sid: sid("EV", number),
        event_type,
        at: at(millis),
        account: None,
        workspace: None,
        resource: None,
        task: None,
        reservation: None,
        worker: None,
        ignored: Vec::new(),
    }
}

fn worker(number: usize) -> WorkerFacts {
    WorkerFacts {
        sid: sid("WK", number),
        name: Some(format!("agent-{number}@example.com")),
        attributes: None,
        version: None,
        activity_sid: None,
        activity_name: None,
        previous_activity_ms: None,
    }
}

pub(crate) fn task(number: usize, channel: &str) -> TaskFacts {
    TaskFacts {
        sid: sid("WT", number),
        attributes: None,
        version: None,
        status: None,
        age_seconds: None,
        priority: None,
        created_at: None,
        queue_sid: None,
        queue_name: None,
        workflow_sid: None,
        channel_sid: None,
        channel_unique_name: Some(channel.to_owned()),
        canceled_reason: None,
        completed_reason: None,
    }
}

pub(crate) fn activity(millis: i64, agent: usize, activity: usize) -> FlexEvent {
    FlexEvent {
        worker: Some(WorkerFacts {
            activity_sid: Some(sid("WA", activity)),
            ..worker(agent)
        }),
        ..event(1, millis, EventType::WorkerActivityUpdate)
    }
}

pub(crate) fn worker_event(millis: i64, agent: usize, event_type: EventType) -> FlexEvent {
    FlexEvent {
        worker: Some(worker(agent)),
        ..event(2, millis, event_type)
    }
}

/// An event of reservation `leg`, which is also the number of its task, unless another is given.
pub(crate) fn reservation(
    millis: i64,
    agent: usize,
    leg: usize,
    channel: &str,
    event_type: EventType,
) -> FlexEvent {
    let status = event_type.reservation_status();
    FlexEvent {
        worker: Some(worker(agent)),
        task: Some(task(leg, channel)),
        reservation: Some(ReservationFacts {
            sid: sid("WR", leg),
            version: None,
            status,
            reason_code: None,
        }),
        ..event(3, millis, event_type)
    }
}

/// The same reservation as part of another task.
pub(crate) fn on_task(mut event: FlexEvent, number: usize) -> FlexEvent {
    event.task.as_mut().unwrap().sid = sid("WT", number);
    event
}

pub(crate) fn task_end(millis: i64, number: usize, event_type: EventType) -> FlexEvent {
    FlexEvent {
        task: Some(task(number, "voice")),
        ..event(4, millis, event_type)
    }
}

pub(crate) fn participant(
    millis: i64,
    task: usize,
    label: Option<&str>,
    change: ParticipantChange,
) -> ParticipantEvent {
    ParticipantEvent {
        id: String::new(),
        account: None,
        conference: sid("CF", task),
        conference_name: Some(format!("WT{task:032}")),
        call: (!change.is_of_conference()).then(|| sid("CA", task)),
        label: label.map(str::to_owned),
        change,
        at: at(millis),
        sequence: None,
    }
}

/// The states that were told, with the milliseconds since which they hold.
pub(crate) fn told(changes: &[StateChange]) -> Vec<(CalabrioState, i64)> {
    changes
        .iter()
        .map(|change| (change.state, (change.since - at(0)).num_milliseconds()))
        .collect()
}
