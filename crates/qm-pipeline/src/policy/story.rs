//! What the events of a task tell: its reservations, its attributes, its end.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contact_model::LegTimes;
use flex_events::{Attributes, FlexEvent, ReservationStatus};
use twilio_sid::{ReservationSid, TaskQueueSid, TaskSid, WorkerSid, WorkflowSid};

/// What became of one reservation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReservationStory {
    /// Whether the agent accepted it: only then is it a leg.
    pub was_accepted: bool,
    /// When it was accepted.
    pub accepted: Option<DateTime<Utc>>,
    /// When the agent went into wrap-up.
    pub wrapup: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended: Option<DateTime<Utc>>,
    /// The agent.
    pub worker: Option<WorkerSid>,
    /// The agent's `friendly_name`.
    pub worker_name: Option<String>,
    /// The worker's attributes, newest.
    pub worker_attributes: Option<Attributes>,
    /// The queue at the time.
    pub queue: Option<TaskQueueSid>,
    /// The queue's name at the time.
    pub queue_name: Option<String>,
}

impl ReservationStory {
    /// A text from the worker's attributes.
    pub fn worker_attribute(&self, name: &str) -> Option<String> {
        let attributes = self.worker_attributes.as_ref()?.parse().ok()?;
        attributes.get(name)?.as_str().map(str::to_owned)
    }
}

/// What the events of one task tell. Events may come twice and in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskStory {
    /// Every reservation that any event names.
    pub reservations: BTreeMap<ReservationSid, ReservationStory>,
    /// When the task ended: completed, canceled or deleted.
    pub ended: Option<DateTime<Utc>>,
    /// The attributes of the highest version.
    pub attributes: Option<Attributes>,
    /// That version, where events tell versions.
    pub version: Option<u64>,
    /// The unique name of the task's channel.
    pub channel: Option<String>,
    /// The workflow.
    pub workflow: Option<WorkflowSid>,
}

fn earliest(slot: &mut Option<DateTime<Utc>>, at: DateTime<Utc>) {
    *slot = Some(slot.map_or(at, |known| known.min(at)));
}

impl TaskStory {
    /// Reads the events of `task`; those of other tasks are passed over.
    pub fn read<'a>(task: TaskSid, events: impl IntoIterator<Item = &'a FlexEvent>) -> Self {
        let mut events: Vec<_> = events
            .into_iter()
            .filter(|event| event.task.as_ref().is_some_and(|facts| facts.sid == task))
            .collect();
        events.sort_by_key(|event| (event.at, event.sid));
        events.dedup_by_key(|event| event.sid);
        let mut story = Self::default();
        for event in events {
            story.take(event);
        }
        story
    }

    fn take(&mut self, event: &FlexEvent) {
        if event.event_type.ends_task() {
            earliest(&mut self.ended, event.at);
        }
        if let Some(task) = &event.task {
            // Events come in order of time here, so among equal or unknown versions the later one stands.
            if let Some(attributes) = &task.attributes
                && task.version >= self.version
            {
                self.attributes = Some(attributes.clone());
                self.version = task.version;
            }
            self.channel = task.channel_unique_name.clone().or(self.channel.take());
            self.workflow = task.workflow_sid.or(self.workflow);
        }
        let Some(reservation) = &event.reservation else {
            return;
        };
        let known = self.reservations.entry(reservation.sid).or_default();
        if let Some(task) = &event.task {
            known.queue = task.queue_sid.or(known.queue);
            known.queue_name = task.queue_name.clone().or(known.queue_name.take());
        }
        if let Some(worker) = &event.worker {
            known.worker = Some(worker.sid);
            known.worker_name = worker.name.clone().or(known.worker_name.take());
            known.worker_attributes = worker.attributes.clone().or(known.worker_attributes.take());
        }
        match reservation.status {
            Some(ReservationStatus::Accepted) => {
                known.was_accepted = true;
                earliest(&mut known.accepted, event.at);
            }
            Some(ReservationStatus::Wrapping) => {
                known.was_accepted = true;
                earliest(&mut known.wrapup, event.at);
            }
            Some(status) if status.is_final() => {
                known.was_accepted |= status == ReservationStatus::Completed;
                earliest(&mut known.ended, event.at);
            }
            _ => {}
        }
    }

    /// When what happened to a reservation, as far as the events tell.
    pub fn times(&self, reservation: ReservationSid) -> LegTimes {
        let known = self.reservations.get(&reservation);
        LegTimes {
            accepted: known.and_then(|known| known.accepted),
            wrapup: known.and_then(|known| known.wrapup),
            ended: known.and_then(|known| known.ended),
            task_ended: self.ended,
        }
    }

    /// The legs that have ended: accepted reservations that ended, or whose task did.
    pub fn ended_legs(&self) -> impl Iterator<Item = (ReservationSid, &ReservationStory)> {
        let task_ended = self.ended.is_some();
        self.reservations
            .iter()
            .filter(move |(_, known)| known.was_accepted && (known.ended.is_some() || task_ended))
            .map(|(sid, known)| (*sid, known))
    }
}
