//! One agent's state as Twilio's own feed for workforce management tells it.

use std::borrow::Cow;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use twilio_sid::{
    AccountSid, ActivitySid, EventSid, ReservationSid, TaskChannelSid, TaskQueueSid, TaskSid,
    WorkerSid, WorkflowSid, WorkspaceSid,
};

use crate::value::{instant, kind, scalar};
use crate::{EventError, ReservationStatus, TaskStatus, WireForm};

/// The state of one agent, a record of `WFMWorkerChange`.
///
/// Changes that fall together are told as one, so its times are not exact; of hold it tells nothing. Most of it may be absent for an agent who
/// has not been seen yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSnapshot {
    /// What tells it from every other snapshot.
    pub id: String,
    /// The account, where it is named.
    pub account: Option<AccountSid>,
    /// The workspace, where it is named.
    pub workspace: Option<WorkspaceSid>,
    /// The agent.
    pub worker: WorkerSid,
    /// The agent's activity.
    pub activity_sid: Option<ActivitySid>,
    /// The name of the agent's activity.
    pub activity_name: Option<String>,
    /// Since when the agent is in it.
    pub activity_since: Option<DateTime<Utc>>,
    /// The last event that went into the snapshot.
    pub last_event: Option<EventSid>,
    /// When that event was worked in: the snapshot is as new as this.
    pub as_of: Option<DateTime<Utc>>,
    /// The agent's channels that have something on them; none where there is no task.
    pub channels: Vec<ChannelSnapshot>,
    /// Fields that hold something unusable and were left out, because the snapshot has its meaning without them.
    pub ignored: Vec<&'static str>,
}

/// One channel of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSnapshot {
    /// The channel.
    pub sid: Option<TaskChannelSid>,
    /// Its unique name: `voice`, `chat`, …
    pub name: Option<String>,
    /// Whether the agent takes tasks of it.
    pub available: Option<bool>,
    /// How many tasks more the agent could take.
    pub available_capacity: Option<u64>,
    /// How many tasks the agent can take at all.
    pub capacity: Option<u64>,
    /// The agent's reservations on it.
    pub reservations: Vec<ReservationSnapshot>,
}

/// One live reservation of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationSnapshot {
    /// The reservation.
    pub sid: ReservationSid,
    /// Where it stands; absent where the word is not known.
    pub status: Option<ReservationStatus>,
    /// Its task.
    pub task: Option<TaskSid>,
    /// Where the task stands.
    pub task_status: Option<TaskStatus>,
    /// The task's queue.
    pub queue: Option<TaskQueueSid>,
    /// The task's workflow.
    pub workflow: Option<WorkflowSid>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// Since when it stands where it stands.
    pub status_since: Option<DateTime<Utc>>,
    /// `inbound` or `outbound`, as it came.
    pub direction: Option<String>,
}

/// Reads one record of `WFMWorkerChange`.
pub(crate) fn read(record: &Value, id: &str) -> Result<WorkerSnapshot, EventError> {
    let Value::Object(top) = record else {
        return Err(EventError::NotAnObject {
            found: kind(record),
        });
    };
    let mut reader = Reader(Vec::new());
    let none = Map::new();
    let worker = top
        .get("worker")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    let sid = worker
        .get("sid")
        .and_then(scalar)
        .and_then(|text| text.trim().parse().ok());
    let channels = reader.list(top, "channels");
    Ok(WorkerSnapshot {
        id: id.to_owned(),
        account: reader.parsed(top, "account_sid"),
        workspace: reader.parsed(top, "workspace_sid"),
        worker: sid.ok_or(EventError::Unusable {
            form: WireForm::WorkerChange,
            field: "worker.sid",
            expected: "a worker SID",
        })?,
        activity_sid: reader.parsed(worker, "activity_sid"),
        activity_name: text(worker, "activity_name"),
        activity_since: reader.time(worker, "date_activity_updated"),
        last_event: reader.parsed(top, "last_processed_event_sid"),
        as_of: reader.time(top, "date_last_processed_event"),
        channels: channels
            .into_iter()
            .map(|channel| reader.channel(channel))
            .collect(),
        ignored: reader.0,
    })
}

/// Reads what only describes; what cannot be read is noted and left out.
struct Reader(Vec<&'static str>);

impl Reader {
    fn channel(&mut self, channel: &Map<String, Value>) -> ChannelSnapshot {
        let reservations = self.list(channel, "reservations");
        ChannelSnapshot {
            sid: self.parsed(channel, "task_channel_sid"),
            name: text(channel, "task_channel_name"),
            available: match text(channel, "available").as_deref() {
                Some("1" | "true") => Some(true),
                Some("0" | "false") => Some(false),
                _ => None,
            },
            available_capacity: self.parsed(channel, "available_capacity"),
            capacity: self.parsed(channel, "capacity"),
            reservations: reservations
                .into_iter()
                .filter_map(|reservation| self.reservation(reservation))
                .collect(),
        }
    }

    fn reservation(&mut self, reservation: &Map<String, Value>) -> Option<ReservationSnapshot> {
        let sid = self.parsed(reservation, "sid")?;
        Some(ReservationSnapshot {
            sid,
            status: text(reservation, "status")
                .and_then(|word| ReservationStatus::from_wire(&word)),
            task: self.parsed(reservation, "task_sid"),
            task_status: text(reservation, "task_assignment_status")
                .map(|word| TaskStatus::from(word.as_str())),
            queue: self.parsed(reservation, "task_queue_sid"),
            workflow: self.parsed(reservation, "workflow_sid"),
            created_at: self.time(reservation, "date_created"),
            status_since: self.time(reservation, "date_reservation_status_updated"),
            direction: text(reservation, "direction"),
        })
    }

    /// The objects of a list; null is none.
    fn list<'a>(
        &mut self,
        object: &'a Map<String, Value>,
        field: &'static str,
    ) -> Vec<&'a Map<String, Value>> {
        match object.get(field) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => {
                let objects: Vec<_> = items.iter().filter_map(Value::as_object).collect();
                if objects.len() < items.len() {
                    self.0.push(field);
                }
                objects
            }
            Some(_) => {
                self.0.push(field);
                Vec::new()
            }
        }
    }

    fn parsed<T: FromStr>(
        &mut self,
        object: &Map<String, Value>,
        field: &'static str,
    ) -> Option<T> {
        let parsed = text(object, field)?.trim().parse().ok();
        if parsed.is_none() {
            self.0.push(field);
        }
        parsed
    }

    fn time(&mut self, object: &Map<String, Value>, field: &'static str) -> Option<DateTime<Utc>> {
        let parsed = instant(&text(object, field)?);
        if parsed.is_none() {
            self.0.push(field);
        }
        parsed
    }
}

fn text(object: &Map<String, Value>, field: &str) -> Option<String> {
    object.get(field).and_then(scalar).map(Cow::into_owned)
}
