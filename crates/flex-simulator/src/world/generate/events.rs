//! The events that tell a task's life, and those of the agents' shifts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{House, Pile};
use crate::world::conversation::TaskChannel;
use crate::world::dice::Dice;
use crate::world::model::{Activity, Event, Reservation, TaskVersion};
use crate::world::ms;

/// What an event of a task tells beside itself.
pub(super) struct Telling<'a> {
    pub(super) house: &'a House<'a>,
    pub(super) task: &'a str,
    pub(super) channel: TaskChannel,
    pub(super) queue: usize,
    pub(super) created: DateTime<Utc>,
}

impl Telling<'_> {
    /// An event of the task itself.
    pub(super) fn task(
        &self,
        dice: &mut Dice,
        event_type: &'static str,
        at: DateTime<Utc>,
        version: &TaskVersion,
        more: &[(&'static str, String)],
    ) -> Event {
        let mut data = self.data(at, version);
        data.extend(more.iter().cloned());
        self.event(dice, event_type, at, "task", self.task, data)
    }

    /// An event of a reservation of the task.
    pub(super) fn reservation(
        &self,
        dice: &mut Dice,
        event_type: &'static str,
        at: DateTime<Utc>,
        version: &TaskVersion,
        reservation: &Reservation,
    ) -> Event {
        let worker = &self.house.workers[reservation.worker];
        let mut data = self.data(at, version);
        let number = reservation
            .statuses
            .iter()
            .filter(|(then, _)| *then <= at)
            .count()
            .saturating_sub(1);
        data.insert("reservation_sid", reservation.sid.clone());
        data.insert("reservation_version", number.to_string());
        data.insert("worker_sid", worker.sid.clone());
        data.insert("worker_name", worker.name.clone());
        data.insert("worker_attributes", worker.attributes.clone());
        data.insert("worker_activity_name", "Available".to_owned());
        data.insert("worker_version", "3".to_owned());
        self.event(dice, event_type, at, "reservation", &reservation.sid, data)
    }

    fn data(&self, at: DateTime<Utc>, version: &TaskVersion) -> BTreeMap<&'static str, String> {
        let queue = &self.house.queues[self.queue];
        BTreeMap::from([
            ("task_sid", self.task.to_owned()),
            ("task_attributes", version.attributes.clone()),
            ("task_version", version.version.to_string()),
            ("task_assignment_status", version.status.to_owned()),
            ("task_age", (at - self.created).num_seconds().to_string()),
            ("task_priority", "0".to_owned()),
            ("task_date_created", self.created.timestamp().to_string()),
            (
                "task_queue_entered_date",
                self.created.timestamp().to_string(),
            ),
            ("task_queue_sid", queue.sid.clone()),
            ("task_queue_name", queue.name.clone()),
            ("task_queue_target_expression", "1==1".to_owned()),
            (
                "task_channel_sid",
                self.house.identity.channel(self.channel).to_owned(),
            ),
            ("task_channel_unique_name", self.channel.name().to_owned()),
            ("workflow_sid", self.house.identity.workflow.clone()),
            ("workflow_name", "Assign to Anyone".to_owned()),
            ("workspace_sid", self.house.identity.workspace.clone()),
            ("workspace_name", "Flex Task Assignment".to_owned()),
        ])
    }

    fn event(
        &self,
        dice: &mut Dice,
        event_type: &'static str,
        at: DateTime<Utc>,
        resource_type: &'static str,
        resource: &str,
        data: BTreeMap<&'static str, String>,
    ) -> Event {
        Event {
            sid: dice.sid("EV"),
            at,
            visible_at: at
                + ms(dice.millis(
                    self.house.scenario.event_lag_ms.min,
                    self.house.scenario.event_lag_ms.max,
                )),
            event_type,
            description: format!("{event_type} of {resource}"),
            resource_type,
            resource_sid: resource.to_owned(),
            data,
        }
    }
}

/// Each agent comes, and takes a break: events that are no contact's.
pub(super) fn shifts(house: &House<'_>, activities: &[Activity], pile: &mut Pile, dice: &mut Dice) {
    for worker in &house.workers {
        let came = house.start - ms(dice.millis(650_000, 800_000));
        let rested = came + ms(dice.millis(60_000, 400_000));
        for (at, from, to) in [(came, 0, 1), (rested, 1, 3)] {
            let (Some(before), Some(after)) = (activities.get(from), activities.get(to)) else {
                continue;
            };
            let stayed = dice.between(5_000, 90_000);
            pile.events.push(Event {
                sid: dice.sid("EV"),
                at,
                visible_at: at,
                event_type: "worker.activity.update",
                description: format!("Worker {} updated to {} Activity", worker.name, after.name),
                resource_type: "worker",
                resource_sid: worker.sid.clone(),
                data: BTreeMap::from([
                    ("worker_sid", worker.sid.clone()),
                    ("worker_name", worker.name.clone()),
                    ("worker_attributes", worker.attributes.clone()),
                    ("worker_activity_sid", after.sid.clone()),
                    ("worker_activity_name", after.name.clone()),
                    ("worker_previous_activity_sid", before.sid.clone()),
                    ("worker_previous_activity_name", before.name.clone()),
                    (
                        "worker_time_in_previous_activity",
                        (stayed / 1_000).to_string(),
                    ),
                    ("worker_time_in_previous_activity_ms", stayed.to_string()),
                    ("worker_version", "2".to_owned()),
                    ("workspace_sid", house.identity.workspace.clone()),
                    ("workspace_name", "Flex Task Assignment".to_owned()),
                ]),
            });
        }
    }
}
