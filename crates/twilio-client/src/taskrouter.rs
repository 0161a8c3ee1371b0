//! TaskRouter: workspaces, tasks, reservations, workers, activities, queues.

use std::fmt;

use chrono::{DateTime, Utc};
use flex_events::{Attributes, ReservationStatus, TaskStatus};
use http_retry::SafeUrl;
use serde_json::Value;
use twilio_sid::{
    AccountSid, ActivitySid, ReservationSid, TaskChannelSid, TaskQueueSid, TaskSid, WorkerSid,
    WorkflowSid, WorkspaceSid,
};

use crate::settings::Host;
use crate::wire::Fields;
use crate::{Listing, TwilioClient, TwilioError, Unreadable};

/// One workspace of TaskRouter.
///
/// Tasks that are completed or canceled are gone two to five minutes later; what they were is told by their
/// [events](Self::events) for 30 days.
#[derive(Debug, Clone, Copy)]
pub struct TaskRouter<'a> {
    pub(crate) client: &'a TwilioClient,
    pub(crate) workspace: WorkspaceSid,
}

impl TaskRouter<'_> {
    /// The workspace itself.
    pub async fn workspace(&self) -> Result<Workspace, TwilioError> {
        self.client
            .get("twilio.workspaces.get", self.url(&[]), Workspace::read)
            .await
    }

    /// One task, with its attributes.
    pub async fn task(&self, sid: TaskSid) -> Result<Task, TwilioError> {
        self.client
            .get(
                "twilio.tasks.get",
                self.url(&["Tasks", sid.as_str()]),
                Task::read,
            )
            .await
    }

    /// The tasks that live now.
    ///
    /// Attributes may be absent in a list: [`with_attributes`](Self::with_attributes) completes a task.
    pub fn tasks(&self, filter: &TaskFilter) -> Listing<Task> {
        let url = filter.url(self.url(&["Tasks"]));
        let listing = self.client.list_at(
            "twilio.tasks.list",
            Host::TaskRouter,
            url,
            "tasks",
            Task::read,
        );
        if filter.expression.is_some() {
            listing.evaluates()
        } else {
            listing
        }
    }

    /// The task as it is if it has its attributes, else fetched singly, since a list need not show them.
    pub async fn with_attributes(&self, task: Task) -> Result<Task, TwilioError> {
        if task.attributes.is_some() {
            Ok(task)
        } else {
            self.task(task.sid).await
        }
    }

    /// One reservation of a task.
    pub async fn reservation(
        &self,
        task: TaskSid,
        sid: ReservationSid,
    ) -> Result<Reservation, TwilioError> {
        let url = self.url(&["Tasks", task.as_str(), "Reservations", sid.as_str()]);
        self.client
            .get("twilio.reservations.get", url, Reservation::read)
            .await
    }

    /// The reservations of a task.
    pub fn reservations_of_task(&self, task: TaskSid) -> Listing<Reservation> {
        self.list(
            "twilio.reservations.list",
            &["Tasks", task.as_str(), "Reservations"],
            "reservations",
            Reservation::read,
        )
    }

    /// The reservations of a worker.
    pub fn reservations_of_worker(&self, worker: WorkerSid) -> Listing<Reservation> {
        self.list(
            "twilio.reservations.list",
            &["Workers", worker.as_str(), "Reservations"],
            "reservations",
            Reservation::read,
        )
    }

    /// One worker, with its attributes.
    pub async fn worker(&self, sid: WorkerSid) -> Result<Worker, TwilioError> {
        self.client
            .get(
                "twilio.workers.get",
                self.url(&["Workers", sid.as_str()]),
                Worker::read,
            )
            .await
    }

    /// All workers.
    ///
    /// Attributes may be absent in a list: [`worker_with_attributes`](Self::worker_with_attributes) completes a worker.
    pub fn workers(&self) -> Listing<Worker> {
        self.list("twilio.workers.list", &["Workers"], "workers", Worker::read)
    }

    /// The worker as it is if it has its attributes, else fetched singly, since a list need not show them.
    pub async fn worker_with_attributes(&self, worker: Worker) -> Result<Worker, TwilioError> {
        if worker.attributes.is_some() {
            Ok(worker)
        } else {
            self.worker(worker.sid).await
        }
    }

    /// All activities.
    pub fn activities(&self) -> Listing<Activity> {
        self.list(
            "twilio.activities.list",
            &["Activities"],
            "activities",
            Activity::read,
        )
    }

    /// One queue.
    pub async fn queue(&self, sid: TaskQueueSid) -> Result<TaskQueue, TwilioError> {
        self.client
            .get(
                "twilio.queues.get",
                self.url(&["TaskQueues", sid.as_str()]),
                TaskQueue::read,
            )
            .await
    }

    /// All queues.
    pub fn queues(&self) -> Listing<TaskQueue> {
        self.list(
            "twilio.queues.list",
            &["TaskQueues"],
            "task_queues",
            TaskQueue::read,
        )
    }

    pub(crate) fn url(&self, rest: &[&str]) -> SafeUrl {
        let mut segments = vec!["v1", "Workspaces", self.workspace.as_str()];
        segments.extend_from_slice(rest);
        self.client.url(Host::TaskRouter, &segments)
    }

    fn list<T>(
        &self,
        name: &'static str,
        rest: &[&str],
        key: &'static str,
        read: fn(&TwilioClient, &Value) -> Result<T, Unreadable>,
    ) -> Listing<T> {
        self.client
            .list_at(name, Host::TaskRouter, self.url(rest), key, read)
    }
}

/// Which tasks are listed. The default is all that live.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    statuses: Vec<&'static str>,
    queue: Option<TaskQueueSid>,
    expression: Option<String>,
}

impl TaskFilter {
    /// Tasks in that state too.
    pub fn status(mut self, status: &TaskStatus) -> Self {
        let word = match status {
            TaskStatus::Pending => "pending",
            TaskStatus::Reserved => "reserved",
            TaskStatus::Assigned => "assigned",
            TaskStatus::Canceled => "canceled",
            TaskStatus::Wrapping => "wrapping",
            TaskStatus::Completed => "completed",
            // A word that Twilio does not document cannot be filtered for.
            _ => return self,
        };
        self.statuses.push(word);
        self
    }

    /// Tasks of that queue.
    pub fn queue(mut self, queue: TaskQueueSid) -> Self {
        self.queue = Some(queue);
        self
    }

    /// Tasks whose attributes fulfil an expression, such as `conference.sid == 'CF…'`.
    ///
    /// Twilio allows three such requests a second; the client keeps to it by waiting.
    pub fn attributes(mut self, expression: impl Into<String>) -> Self {
        self.expression = Some(expression.into());
        self
    }

    fn url(&self, mut url: SafeUrl) -> SafeUrl {
        if !self.statuses.is_empty() {
            url = url.with_query("AssignmentStatus", &self.statuses.join(","));
        }
        if let Some(queue) = &self.queue {
            url = url.with_query("TaskQueueSid", queue.as_str());
        }
        if let Some(expression) = &self.expression {
            url = url.with_query("EvaluateTaskAttributes", expression);
        }
        url
    }
}

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its SID.
    pub sid: WorkspaceSid,
    /// Its account.
    pub account: Option<AccountSid>,
    /// Its name.
    pub friendly_name: Option<String>,
    /// Where its events are pushed to, if the customer set it. One per workspace: never overwrite it.
    pub event_callback_url: Option<String>,
    /// The activity in which workers start.
    pub default_activity: Option<ActivitySid>,
}

impl Workspace {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a workspace", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            account: fields.maybe_sid("account_sid"),
            friendly_name: fields.owned("friendly_name"),
            event_callback_url: fields.owned("event_callback_url"),
            default_activity: fields.maybe_sid("default_activity_sid"),
        })
    }
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its SID.
    pub sid: TaskSid,
    /// Its workspace.
    pub workspace: Option<WorkspaceSid>,
    /// Its attributes; absent where a list leaves them out.
    pub attributes: Option<Attributes>,
    /// Where it stands.
    pub status: TaskStatus,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was changed last.
    pub updated_at: Option<DateTime<Utc>>,
    /// When it entered its queue.
    pub queue_entered_at: Option<DateTime<Utc>>,
    /// Seconds since it was created.
    pub age_seconds: Option<u64>,
    /// Its queue.
    pub queue: Option<TaskQueueSid>,
    /// The name of its queue.
    pub queue_name: Option<String>,
    /// Its workflow.
    pub workflow: Option<WorkflowSid>,
    /// Its channel.
    pub channel: Option<TaskChannelSid>,
    /// The unique name of its channel: `voice`, `chat`, `sms`, …
    pub channel_unique_name: Option<String>,
    /// Why it was completed or canceled.
    pub reason: Option<String>,
}

impl Task {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a task", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            workspace: fields.maybe_sid("workspace_sid"),
            attributes: fields.attributes("attributes"),
            status: TaskStatus::from(fields.required("assignment_status")?.as_str()),
            created_at: fields.time("date_created"),
            updated_at: fields.time("date_updated"),
            queue_entered_at: fields.time("task_queue_entered_date"),
            age_seconds: fields.unsigned("age"),
            queue: fields.maybe_sid("task_queue_sid"),
            queue_name: fields.owned("task_queue_friendly_name"),
            workflow: fields.maybe_sid("workflow_sid"),
            channel: fields.maybe_sid("task_channel_sid"),
            channel_unique_name: fields.owned("task_channel_unique_name"),
            reason: fields.owned("reason"),
        })
    }
}

/// A reservation: one agent's part in a task.
///
/// It tells two times alone; when it was accepted or wrapped up is told by its events.
#[derive(Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Its SID.
    pub sid: ReservationSid,
    /// Its task.
    pub task: TaskSid,
    /// The worker.
    pub worker: Option<WorkerSid>,
    /// The worker's name. `Debug` does not show it.
    pub worker_name: Option<String>,
    /// Where it stands; absent if Twilio uses a word that is not documented.
    pub status: Option<ReservationStatus>,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was changed last.
    pub updated_at: Option<DateTime<Utc>>,
}

impl Reservation {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a reservation", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            task: fields.sid("task_sid")?,
            worker: fields.maybe_sid("worker_sid"),
            worker_name: fields.owned("worker_name"),
            status: fields
                .text("reservation_status")
                .and_then(reservation_status),
            created_at: fields.time("date_created"),
            updated_at: fields.time("date_updated"),
        })
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("sid", &self.sid)
            .field("task", &self.task)
            .field("worker", &self.worker)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

fn reservation_status(text: &str) -> Option<ReservationStatus> {
    Some(match text {
        "pending" => ReservationStatus::Pending,
        "accepted" => ReservationStatus::Accepted,
        "wrapping" => ReservationStatus::Wrapping,
        "completed" => ReservationStatus::Completed,
        "rejected" => ReservationStatus::Rejected,
        "timeout" => ReservationStatus::Timeout,
        "canceled" => ReservationStatus::Canceled,
        "rescinded" => ReservationStatus::Rescinded,
        _ => return None,
    })
}

/// A worker.
#[derive(Clone, PartialEq, Eq)]
pub struct Worker {
    /// Its SID.
    pub sid: WorkerSid,
    /// Its name, unique whatever the case. `Debug` does not show it.
    pub friendly_name: Option<String>,
    /// Its attributes; absent where a list leaves them out.
    pub attributes: Option<Attributes>,
    /// Its activity.
    pub activity: Option<ActivitySid>,
    /// The name of its activity.
    pub activity_name: Option<String>,
    /// Whether its activity makes it available. It stays so during a call.
    pub available: Option<bool>,
    /// When its activity changed last.
    pub activity_since: Option<DateTime<Utc>>,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was changed last.
    pub updated_at: Option<DateTime<Utc>>,
}

impl Worker {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a worker", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            friendly_name: fields.owned("friendly_name"),
            attributes: fields.attributes("attributes"),
            activity: fields.maybe_sid("activity_sid"),
            activity_name: fields.owned("activity_name"),
            available: fields.boolean("available"),
            activity_since: fields.time("date_status_changed"),
            created_at: fields.time("date_created"),
            updated_at: fields.time("date_updated"),
        })
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("sid", &self.sid)
            .field("activity", &self.activity)
            .field("available", &self.available)
            .finish_non_exhaustive()
    }
}

/// An activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Its SID.
    pub sid: ActivitySid,
    /// Its name.
    pub friendly_name: String,
    /// Whether workers in it are available. It never changes.
    pub available: Option<bool>,
}

impl Activity {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("an activity", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            friendly_name: fields.required("friendly_name")?,
            available: fields.boolean("available"),
        })
    }
}

/// A task queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskQueue {
    /// Its SID.
    pub sid: TaskQueueSid,
    /// Its name.
    pub friendly_name: String,
    /// Which workers it takes: an expression over their attributes.
    pub target_workers: Option<String>,
}

impl TaskQueue {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a task queue", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            friendly_name: fields.required("friendly_name")?,
            target_workers: fields.owned("target_workers"),
        })
    }
}
