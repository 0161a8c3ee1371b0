//! The names of events, in the spellings that are in circulation.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::ReservationStatus;

/// What an event is about, from the first word of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EventFamily {
    /// `task.…`
    Task,
    /// `reservation.…`
    Reservation,
    /// `worker.…`
    Worker,
    /// `task-queue.…`
    TaskQueue,
    /// `workflow.…`
    Workflow,
    /// `activity.…`
    Activity,
    /// `task-channel.…`
    TaskChannel,
    /// Anything else.
    Other,
}

macro_rules! event_types {
    ($($name:ident $family:ident $wire:literal $doc:literal;)+) => {
        /// The type of an event, as listed in Twilio's TaskRouter events reference.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum EventType {
            $(#[doc = concat!("`", $wire, "`: ", $doc)] $name,)+
            /// A type that is not in the reference, as it came.
            Other(String),
        }

        impl EventType {
            /// Every type of the reference.
            pub const KNOWN: &'static [Self] = &[$(Self::$name),+];

            /// Twilio's name for it: what the `EventType` filter of the Events API takes.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $wire,)+
                    Self::Other(text) => text,
                }
            }

            /// What the event is about.
            pub fn family(&self) -> EventFamily {
                match self {
                    $(Self::$name => EventFamily::$family,)+
                    Self::Other(text) => other_family(text),
                }
            }

            fn from_plain(plain: &str) -> Option<Self> {
                $(if same_name(plain, $wire) {
                    return Some(Self::$name);
                })+
                None
            }
        }
    };
}

event_types! {
    TaskCreated Task "task.created" "a task was created";
    TaskUpdated Task "task.updated" "a task's attributes, priority or status changed";
    TaskCanceled Task "task.canceled" "a task was canceled before it was completed";
    TaskWrapup Task "task.wrapup" "a task went to wrap-up";
    TaskCompleted Task "task.completed" "a task was completed";
    TaskDeleted Task "task.deleted" "a task was deleted through the API (the automatic purge tells nothing)";
    TaskSystemDeleted Task "task.system-deleted" "a task outlived its time to live";
    TaskTransferInitiated Task "task.transfer-initiated" "a transfer began";
    TaskTransferAttemptFailed Task "task.transfer-attempt-failed" "one attempt of a transfer failed";
    TaskTransferFailed Task "task.transfer-failed" "a transfer failed";
    TaskTransferCanceled Task "task.transfer-canceled" "a transfer was called off";
    TaskTransferCompleted Task "task.transfer-completed" "a transfer was completed";
    ReservationCreated Reservation "reservation.created" "a task was offered to a worker";
    ReservationAccepted Reservation "reservation.accepted" "the worker accepted: a leg begins";
    ReservationRejected Reservation "reservation.rejected" "the worker rejected";
    ReservationTimeout Reservation "reservation.timeout" "nobody answered in time";
    ReservationCanceled Reservation "reservation.canceled" "the reservation was canceled";
    ReservationRescinded Reservation "reservation.rescinded" "another worker was faster";
    ReservationCompleted Reservation "reservation.completed" "the leg is over";
    ReservationFailed Reservation "reservation.failed" "the reservation failed";
    ReservationWrapup Reservation "reservation.wrapup" "the worker finished talking and wraps up";
    WorkerCreated Worker "worker.created" "a worker was created";
    WorkerActivityUpdate Worker "worker.activity.update" "a worker's activity changed";
    WorkerAttributesUpdate Worker "worker.attributes.update" "a worker's attributes changed";
    WorkerCapacityUpdate Worker "worker.capacity.update" "a worker's capacity on a channel changed";
    WorkerChannelAvailabilityUpdate Worker "worker.channel.availability.update" "a worker's availability on a channel changed";
    WorkerDeleted Worker "worker.deleted" "a worker was deleted";
    TaskQueueCreated TaskQueue "task-queue.created" "a queue was created";
    TaskQueueDeleted TaskQueue "task-queue.deleted" "a queue was deleted";
    TaskQueueEntered TaskQueue "task-queue.entered" "a task entered a queue";
    TaskQueueTimeout TaskQueue "task-queue.timeout" "a task waited too long in a queue";
    TaskQueueMoved TaskQueue "task-queue.moved" "a task was moved between queues";
    TaskQueueExpressionUpdated TaskQueue "task-queue.expression.updated" "a queue's target expression changed";
    WorkflowEntered Workflow "workflow.entered" "a task entered a workflow";
    WorkflowTimeout Workflow "workflow.timeout" "a task waited too long in a workflow";
    WorkflowTargetMatched Workflow "workflow.target-matched" "a task matched a target of a workflow";
    WorkflowSkipped Workflow "workflow.skipped" "a target of a workflow was skipped";
    ActivityCreated Activity "activity.created" "an activity was created";
    ActivityUpdated Activity "activity.updated" "an activity was changed";
    ActivityDeleted Activity "activity.deleted" "an activity was deleted";
    TaskChannelCreated TaskChannel "task-channel.created" "a task channel was created";
    TaskChannelUpdated TaskChannel "task-channel.updated" "a task channel was changed";
    TaskChannelDeleted TaskChannel "task-channel.deleted" "a task channel was deleted";
}

impl EventType {
    /// The type that a text means.
    ///
    /// Letter case, hyphens, underscores and surrounding spaces do not matter. The example in Twilio's own description of
    /// the API says `worker.activity` where the service says `worker.activity.update`; British `cancelled` and `wrapping` for
    /// `wrapup` are taken as well.
    pub fn from_wire(text: &str) -> Self {
        let text = text.trim();
        Self::from_plain(text)
            .or_else(|| from_alias(text))
            .unwrap_or_else(|| Self::Other(text.to_owned()))
    }

    /// The state in which this event leaves its reservation; `None` where it is about no reservation.
    pub fn reservation_status(&self) -> Option<ReservationStatus> {
        Some(match self {
            Self::ReservationCreated => ReservationStatus::Pending,
            Self::ReservationAccepted => ReservationStatus::Accepted,
            Self::ReservationRejected => ReservationStatus::Rejected,
            Self::ReservationTimeout => ReservationStatus::Timeout,
            Self::ReservationCanceled => ReservationStatus::Canceled,
            Self::ReservationRescinded => ReservationStatus::Rescinded,
            Self::ReservationWrapup => ReservationStatus::Wrapping,
            Self::ReservationCompleted => ReservationStatus::Completed,
            Self::ReservationFailed => ReservationStatus::Failed,
            _ => return None,
        })
    }

    /// Whether nothing more happens to the reservation after this event.
    pub fn ends_reservation(&self) -> bool {
        self.reservation_status()
            .is_some_and(ReservationStatus::is_final)
    }

    /// Whether nothing more happens to the task after this event.
    pub fn ends_task(&self) -> bool {
        matches!(
            self,
            Self::TaskCompleted | Self::TaskCanceled | Self::TaskDeleted | Self::TaskSystemDeleted
        )
    }
}

fn from_alias(text: &str) -> Option<EventType> {
    const ALIASES: &[(&str, EventType)] = &[
        ("worker.activity", EventType::WorkerActivityUpdate),
        ("worker.activity.updated", EventType::WorkerActivityUpdate),
        ("worker.attributes", EventType::WorkerAttributesUpdate),
        (
            "worker.attributes.updated",
            EventType::WorkerAttributesUpdate,
        ),
        ("worker.capacity", EventType::WorkerCapacityUpdate),
        ("worker.capacity.updated", EventType::WorkerCapacityUpdate),
        ("reservation.wrapping", EventType::ReservationWrapup),
        ("reservation.cancelled", EventType::ReservationCanceled),
        ("task.cancelled", EventType::TaskCanceled),
    ];
    ALIASES
        .iter()
        .find(|(alias, _)| same_name(text, alias))
        .map(|(_, meant)| meant.clone())
}

fn same_name(left: &str, right: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = char> + '_ {
        text.chars()
            .filter(|c| !matches!(c, '-' | '_'))
            .map(|c| c.to_ascii_lowercase())
    }
    letters(left).eq(letters(right))
}

fn other_family(text: &str) -> EventFamily {
    const FAMILIES: &[(&str, EventFamily)] = &[
        ("task", EventFamily::Task),
        ("reservation", EventFamily::Reservation),
        ("worker", EventFamily::Worker),
        ("task-queue", EventFamily::TaskQueue),
        ("workflow", EventFamily::Workflow),
        ("activity", EventFamily::Activity),
        ("task-channel", EventFamily::TaskChannel),
    ];
    let first = text.split('.').next().unwrap_or_default();
    FAMILIES
        .iter()
        .find(|(name, _)| same_name(first, name))
        .map_or(EventFamily::Other, |(_, family)| *family)
}

impl From<&str> for EventType {
    fn from(text: &str) -> Self {
        Self::from_wire(text)
    }
}

impl FromStr for EventType {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from_wire(text))
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_reference_reads_back_as_itself() {
        for known in EventType::KNOWN {
            assert_eq!(&EventType::from_wire(known.as_str()), known);
            assert_eq!(
                &EventType::from_wire(&known.as_str().to_uppercase().replace('-', "_")),
                known
            );
            assert_eq!(
                EventType::Other(known.as_str().to_owned()).family(),
                known.family(),
                "{known}"
            );
        }
    }

    #[test]
    fn the_published_example_means_an_activity_update() {
        assert_eq!(
            EventType::from_wire("worker.activity"),
            EventType::WorkerActivityUpdate
        );
        assert_eq!(
            EventType::from_wire("worker.activity").as_str(),
            "worker.activity.update"
        );
    }

    #[test]
    fn other_spellings_are_understood() {
        assert_eq!(
            EventType::from_wire(" taskqueue.entered"),
            EventType::TaskQueueEntered
        );
        assert_eq!(
            EventType::from_wire("task.system_deleted"),
            EventType::TaskSystemDeleted
        );
        assert_eq!(
            EventType::from_wire("reservation.wrapping"),
            EventType::ReservationWrapup
        );
        assert_eq!(
            EventType::from_wire("Task.Cancelled"),
            EventType::TaskCanceled
        );
    }

    #[test]
    fn an_unknown_type_keeps_its_text_and_its_family() {
        let new = EventType::from_wire("reservation.pondered");
        assert_eq!(new, EventType::Other("reservation.pondered".into()));
        assert_eq!(new.to_string(), "reservation.pondered");
        assert_eq!(new.family(), EventFamily::Reservation);
        assert_eq!(new.reservation_status(), None);
        assert_eq!(
            EventType::from_wire("weather.changed").family(),
            EventFamily::Other
        );
    }

    #[test]
    fn a_reservation_ends_in_every_way_but_pending_accepted_and_wrapping() {
        let open: Vec<_> = EventType::KNOWN
            .iter()
            .filter(|known| known.family() == EventFamily::Reservation && !known.ends_reservation())
            .map(EventType::as_str)
            .collect();
        assert_eq!(
            open,
            [
                "reservation.created",
                "reservation.accepted",
                "reservation.wrapup"
            ]
        );
    }

    #[test]
    fn a_task_ends_by_completion_cancellation_or_deletion() {
        let ends: Vec<_> = EventType::KNOWN
            .iter()
            .filter(|known| known.ends_task())
            .map(EventType::as_str)
            .collect();
        assert_eq!(
            ends,
            [
                "task.canceled",
                "task.completed",
                "task.deleted",
                "task.system-deleted"
            ]
        );
    }
}
