//! What happens on a floor as Twilio tells it, made event by event when it is asked for: a day of many agents has more of them than
//! should be held.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::snapshot;
use crate::faults::{Dice, fnv};
use crate::push::forms::{self, Pushed};
use crate::world::World;
use crate::world::model::Event;

/// Something that happened: what it is about by its place in the world.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    /// An agent's change, by its place.
    Activity {
        worker: usize,
        change: usize,
    },
    Attributes {
        worker: usize,
        change: usize,
    },
    Task {
        task: usize,
        version: usize,
        kind: &'static str,
    },
    /// A leg that another one called in, or was handed the customer.
    Transfer {
        task: usize,
        legs: (usize, usize),
        done: bool,
    },
    Reservation {
        task: usize,
        leg: usize,
        status: usize,
    },
    /// A conference's change, with its number.
    Conference {
        conference: usize,
        event: &'static str,
        participant: Option<usize>,
        number: u32,
    },
}

/// When it happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occurrence {
    pub(super) at: DateTime<Utc>,
    pub(super) what: What,
}

/// Everything that happens on a floor, by time.
pub(crate) struct Live {
    pub(super) occurrences: Vec<Occurrence>,
    pub(super) seed: u64,
    /// The offers to each agent, as places of tasks and of legs, in their order.
    pub(super) offers: Vec<Vec<(usize, usize)>>,
    /// How long the longest of them took to be over.
    pub(super) longest: TimeDelta,
}

impl Live {
    /// When something happens, by its place.
    pub(crate) fn at(&self, place: usize) -> Option<DateTime<Utc>> {
        self.occurrences.get(place).map(|it| it.at)
    }

    /// The place of the first one after a moment.
    pub(crate) fn after(&self, at: DateTime<Utc>) -> usize {
        self.occurrences.partition_point(|it| it.at <= at)
    }

    /// The events of a window as the Events API tells them, newest first.
    pub(crate) fn between<'a>(
        &'a self,
        world: &'a World,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> impl Iterator<Item = Event> + 'a {
        let first = self.occurrences.partition_point(|it| it.at < from);
        let end = self
            .occurrences
            .partition_point(|it| it.at <= to)
            .max(first);
        (first..end)
            .rev()
            .filter_map(|place| self.event(world, place))
    }

    /// An event of `TaskRouter` by its SID, which tells its place.
    pub(crate) fn find(&self, world: &World, sid: &str) -> Option<Event> {
        let place = u64::from_str_radix(sid.get(18..)?, 16).ok()?;
        let event = self.event(world, usize::try_from(place).ok()?)?;
        (event.sid == sid).then_some(event)
    }

    /// What is pushed of what happened; snapshots of its agent only if they are asked for.
    pub(crate) fn pushed(&self, world: &World, place: usize, snapshots: bool) -> Option<Pushed> {
        let Occurrence { at, what } = *self.occurrences.get(place)?;
        if let What::Conference {
            conference,
            event,
            participant,
            number,
        } = what
        {
            let conference = &world.conferences[conference];
            let who = participant.map(|who| &conference.participants[who]);
            return Some(forms::change(world, conference, (at, event, who), number));
        }
        let event = self.event(world, place)?;
        let worker = match what {
            What::Activity { worker, .. } => Some(worker),
            What::Reservation { task, leg, .. } => Some(world.tasks[task].reservations[leg].worker),
            _ => None,
        };
        let mut pushed = forms::taskrouter(world, &event);
        if let Some(worker) = worker.filter(|_| snapshots) {
            let record = snapshot::record(self, world, worker, at, &event.sid);
            pushed.snapshot = Some((world.workers[worker].sid.clone(), record));
        }
        Some(pushed)
    }

    /// An event of `TaskRouter`; nothing for what happens in conferences.
    fn event(&self, world: &World, place: usize) -> Option<Event> {
        let Occurrence { at, what } = *self.occurrences.get(place)?;
        let (event_type, resource_type, resource_sid, data) = match what {
            What::Activity { worker, change } => {
                let sid = world.workers[worker].sid.clone();
                (
                    "worker.activity.update",
                    "worker",
                    sid,
                    activity(world, worker, change),
                )
            }
            What::Attributes { worker, change } => {
                let sid = world.workers[worker].sid.clone();
                (
                    "worker.attributes.update",
                    "worker",
                    sid,
                    worker_data(world, worker, change),
                )
            }
            What::Task {
                task,
                version,
                kind,
            } => (
                kind,
                "task",
                world.tasks[task].sid.clone(),
                task_data(world, task, Some(version), at),
            ),
            What::Transfer { task, legs, done } => {
                let kind = if done {
                    "task.transfer-completed"
                } else {
                    "task.transfer-initiated"
                };
                (
                    kind,
                    "task",
                    world.tasks[task].sid.clone(),
                    transfer(world, task, legs, done, at),
                )
            }
            What::Reservation { task, leg, status } => {
                let offer = &world.tasks[task].reservations[leg];
                let kind = match offer.statuses.get(status)?.1 {
                    "pending" => "reservation.created",
                    "accepted" => "reservation.accepted",
                    "wrapping" => "reservation.wrapup",
                    "completed" => "reservation.completed",
                    "rejected" => "reservation.rejected",
                    "timeout" => "reservation.timeout",
                    _ => "reservation.canceled",
                };
                (
                    kind,
                    "reservation",
                    offer.sid.clone(),
                    reservation(world, task, leg, status, at),
                )
            }
            What::Conference { .. } => return None,
        };
        let number = place as u64;
        let lag = world.scenario().event_lag_ms;
        let mut dice = Dice::new(self.seed, number, 11);
        let lag = lag.min + dice.next() % (lag.max.saturating_sub(lag.min) + 1);
        Some(Event {
            sid: format!(
                "EV{:016x}{number:016x}",
                fnv(&format!("floor {}", self.seed))
            ),
            at,
            visible_at: at + TimeDelta::milliseconds(i64::try_from(lag).unwrap_or(0)),
            event_type,
            description: format!("{event_type} of {resource_sid}"),
            resource_type,
            resource_sid,
            data,
        })
    }
}

type Data = BTreeMap<&'static str, String>;

fn workspace(world: &World) -> Data {
    Data::from([
        ("workspace_sid", world.workspace_sid().to_owned()),
        ("workspace_name", "Flex Task Assignment".to_owned()),
    ])
}

fn worker_data(world: &World, worker: usize, change: usize) -> Data {
    let it = &world.workers[worker];
    let change_ = &it.changes[change];
    let activity = &world.activities[change_.activity];
    let mut data = workspace(world);
    data.extend([
        ("worker_sid", it.sid.clone()),
        ("worker_name", change_.name.to_string()),
        ("worker_attributes", change_.attributes.to_string()),
        ("worker_activity_sid", activity.sid.clone()),
        ("worker_activity_name", activity.name.clone()),
        ("worker_version", change.to_string()),
    ]);
    data
}

fn activity(world: &World, worker: usize, change: usize) -> Data {
    let mut data = worker_data(world, worker, change);
    let changes = &world.workers[worker].changes;
    if let Some(before) = change.checked_sub(1).map(|before| &changes[before]) {
        let previous = &world.activities[before.activity];
        let stayed = (changes[change].at - before.activity_since)
            .num_milliseconds()
            .max(0);
        data.extend([
            ("worker_previous_activity_sid", previous.sid.clone()),
            ("worker_previous_activity_name", previous.name.clone()),
            (
                "worker_time_in_previous_activity",
                (stayed / 1_000).to_string(),
            ),
            ("worker_time_in_previous_activity_ms", stayed.to_string()),
        ]);
    }
    data
}

/// What an event tells of its task: of a version, or of the one at that time.
fn task_data(world: &World, task: usize, version: Option<usize>, at: DateTime<Utc>) -> Data {
    let it = &world.tasks[task];
    let then = || it.versions.iter().rev().find(|version| version.at <= at);
    let version = version.map_or_else(then, |version| it.versions.get(version));
    let queue = &world.queues[it.queue];
    let created = it.created();
    let mut data = workspace(world);
    data.extend([
        ("task_sid", it.sid.clone()),
        ("task_age", (at - created).num_seconds().to_string()),
        ("task_priority", "0".to_owned()),
        ("task_date_created", created.timestamp().to_string()),
        ("task_queue_entered_date", created.timestamp().to_string()),
        ("task_queue_sid", queue.sid.clone()),
        ("task_queue_name", queue.name_at(at).to_owned()),
        ("task_queue_target_expression", "1==1".to_owned()),
        (
            "task_channel_sid",
            world.identity.channel(it.channel).to_owned(),
        ),
        ("task_channel_unique_name", it.channel.name().to_owned()),
        ("workflow_sid", world.identity.workflow.clone()),
        ("workflow_name", "Assign to Anyone".to_owned()),
    ]);
    if let Some(version) = version {
        data.extend([
            ("task_attributes", version.attributes.clone()),
            ("task_version", version.version.to_string()),
            ("task_assignment_status", version.status.to_owned()),
        ]);
    }
    data
}

fn transfer(
    world: &World,
    task: usize,
    (from, to): (usize, usize),
    done: bool,
    at: DateTime<Utc>,
) -> Data {
    let mut data = task_data(world, task, None, at);
    let offers = &world.tasks[task].reservations;
    let worker = |leg: usize| world.workers[offers[leg].worker].sid.clone();
    data.extend([
        ("task_transfer_sid", format!("TT{}", &offers[to].sid[2..])),
        ("transfer_mode", "WARM".to_owned()),
        ("transfer_type", "WORKER".to_owned()),
        ("transfer_to", worker(to)),
        (
            "transfer_status",
            if done { "complete" } else { "initiated" }.to_owned(),
        ),
        (
            "transfer_initiating_reservation_sid",
            offers[from].sid.clone(),
        ),
        ("transfer_initiating_worker_sid", worker(from)),
    ]);
    data
}

fn reservation(world: &World, task: usize, leg: usize, status: usize, at: DateTime<Utc>) -> Data {
    let mut data = task_data(world, task, None, at);
    let offer = &world.tasks[task].reservations[leg];
    let worker = &world.workers[offer.worker];
    let change = worker.changes.partition_point(|change| change.at <= at);
    if let Some(change) = change.checked_sub(1) {
        data.extend(worker_data(world, offer.worker, change));
    }
    data.insert("reservation_sid", offer.sid.clone());
    data.insert("reservation_version", status.to_string());
    data
}
