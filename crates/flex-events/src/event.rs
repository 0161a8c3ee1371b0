//! One event, and the facts that it tells of task, reservation and worker.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;
use twilio_sid::{
    AccountSid, ActivitySid, EventSid, ReservationSid, TaskChannelSid, TaskQueueSid, TaskSid,
    WorkerSid, WorkflowSid, WorkspaceSid,
};

use crate::{Attributes, EventError, EventType, wire};

/// One event of TaskRouter.
///
/// Events may arrive twice and in any order. `sid` tells doubles apart; the versions of task and reservation, then `at`, tell
/// which of two is the newer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlexEvent {
    /// The event's own identity.
    pub sid: EventSid,
    /// What happened.
    pub event_type: EventType,
    /// When Twilio sent it, in milliseconds where the event tells them, else in whole seconds.
    pub at: DateTime<Utc>,
    /// The account, if the event names it.
    pub account: Option<AccountSid>,
    /// The workspace, if the event names it.
    pub workspace: Option<WorkspaceSid>,
    /// What the event is most about.
    pub resource: Option<Resource>,
    /// What it tells of a task.
    pub task: Option<TaskFacts>,
    /// What it tells of a reservation.
    pub reservation: Option<ReservationFacts>,
    /// What it tells of a worker.
    pub worker: Option<WorkerFacts>,
    /// Fields that hold something unusable and were left out, because the event has its meaning without them.
    pub ignored: Vec<&'static str>,
}

impl FlexEvent {
    /// Reads one item of the Events API's list. What was pushed is read by [`Pushed::read`](crate::Pushed::read).
    pub fn from_events_api(item: &Value) -> Result<Self, EventError> {
        wire::read(item)
    }
}

/// Reads the items of a page, each for itself.
pub fn parse_each<'a>(
    items: impl IntoIterator<Item = &'a Value>,
) -> impl Iterator<Item = Result<FlexEvent, EventError>> {
    items.into_iter().map(FlexEvent::from_events_api)
}

/// What an event is most about, in Twilio's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// `task`, `reservation`, `worker`, …, in lower case; absent where the event does not say.
    pub kind: Option<String>,
    /// Its SID, of whatever kind.
    pub sid: String,
}

/// What an event tells of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFacts {
    /// The task.
    pub sid: TaskSid,
    /// Its attributes at the time of the event. Absent from some events.
    pub attributes: Option<Attributes>,
    /// The version of the task: it grows with each change.
    pub version: Option<u64>,
    /// Where it stands.
    pub status: Option<TaskStatus>,
    /// Seconds since it was created.
    pub age_seconds: Option<u64>,
    /// Its priority.
    pub priority: Option<i64>,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// Its queue.
    pub queue_sid: Option<TaskQueueSid>,
    /// The name of its queue.
    pub queue_name: Option<String>,
    /// Its workflow.
    pub workflow_sid: Option<WorkflowSid>,
    /// Its channel.
    pub channel_sid: Option<TaskChannelSid>,
    /// The unique name of its channel: `voice`, `chat`, `sms`, …
    pub channel_unique_name: Option<String>,
    /// Why it was canceled.
    pub canceled_reason: Option<String>,
    /// Why it was completed.
    pub completed_reason: Option<String>,
}

/// What an event tells of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationFacts {
    /// The reservation.
    pub sid: ReservationSid,
    /// The version of the reservation: it grows with each change.
    pub version: Option<u64>,
    /// The state that the event's type implies; absent for events that imply none, such as `task.updated`.
    pub status: Option<ReservationStatus>,
    /// The number that came with a cancellation or rejection.
    pub reason_code: Option<i64>,
}

/// What an event tells of a worker.
#[derive(Clone, PartialEq, Eq)]
pub struct WorkerFacts {
    /// The worker.
    pub sid: WorkerSid,
    /// The worker's friendly name. `Debug` does not show it.
    pub name: Option<String>,
    /// The worker's attributes at the time of the event.
    pub attributes: Option<Attributes>,
    /// The version of the worker: it grows with each change.
    pub version: Option<u64>,
    /// The worker's activity.
    pub activity_sid: Option<ActivitySid>,
    /// The name of the worker's activity.
    pub activity_name: Option<String>,
    /// Milliseconds spent in the activity before this one.
    pub previous_activity_ms: Option<u64>,
}

impl fmt::Debug for WorkerFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerFacts")
            .field("sid", &self.sid)
            .field("name", &self.name.as_ref().map(|_| "…"))
            .field("attributes", &self.attributes)
            .field("version", &self.version)
            .field("activity_sid", &self.activity_sid)
            .field("activity_name", &self.activity_name)
            .field("previous_activity_ms", &self.previous_activity_ms)
            .finish()
    }
}

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ReservationStatus {
    /// Offered, not answered.
    Pending,
    /// Accepted: the agent is at it.
    Accepted,
    /// Finished talking, wrapping up.
    Wrapping,
    /// Over.
    Completed,
    /// Rejected by the worker.
    Rejected,
    /// Not answered in time.
    Timeout,
    /// Canceled.
    Canceled,
    /// Taken back because another worker was faster.
    Rescinded,
    /// Failed.
    Failed,
}

impl ReservationStatus {
    /// The state that a word means; `None` for a word that is not documented. `created`, as samples of Twilio's feed of agent states say, is pending.
    pub fn from_wire(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "pending" | "created" => Self::Pending,
            "accepted" => Self::Accepted,
            "wrapping" | "wrapup" => Self::Wrapping,
            "completed" => Self::Completed,
            "rejected" => Self::Rejected,
            "timeout" => Self::Timeout,
            "canceled" | "cancelled" => Self::Canceled,
            "rescinded" => Self::Rescinded,
            "failed" => Self::Failed,
            _ => return None,
        })
    }

    /// Whether nothing more happens to the reservation.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Accepted | Self::Wrapping)
    }
}

/// Where a task stands (`task_assignment_status`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskStatus {
    /// Nobody has it.
    Pending,
    /// Offered to a worker.
    Reserved,
    /// A worker accepted it.
    Assigned,
    /// Canceled.
    Canceled,
    /// The worker wraps up.
    Wrapping,
    /// Over.
    Completed,
    /// A state that is not documented, as it came.
    Other(String),
}

impl From<&str> for TaskStatus {
    fn from(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "pending" => Self::Pending,
            "reserved" => Self::Reserved,
            "assigned" => Self::Assigned,
            "canceled" | "cancelled" => Self::Canceled,
            "wrapping" => Self::Wrapping,
            "completed" => Self::Completed,
            _ => Self::Other(text.trim().to_owned()),
        }
    }
}
