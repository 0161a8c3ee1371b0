//! A contact's task as it goes on, and the events that tell it.

use chrono::{DateTime, Utc};

use super::Pile;
use super::attributes::{Known, Stage};
use super::contact::Draft;
use super::events::Telling;
use super::recipe::Transfer;
use crate::world::conversation::TaskChannel;
use crate::world::dice::Dice;
use crate::world::model::{Event, Reservation, Task, TaskVersion};
use crate::world::ms;

/// The task as it went on, and the events that tell it.
pub(super) fn task(
    draft: &Draft<'_>,
    pile: &mut Pile,
    dice: &mut Dice,
    known: &Known<'_>,
    lifetime: u64,
) {
    let timeline = &draft.timeline;
    let first = timeline.parts[0];
    let last = timeline.parts[timeline.parts.len() - 1];
    let turned_down = draft.variant % 4 == 3;
    let course = [
        (timeline.task, "pending", Stage::Created),
        (first.reserved, "reserved", Stage::Created),
        (first.accepted, "assigned", Stage::Created),
        (first.accepted + 150, "assigned", Stage::Connected),
        (timeline.conference + 500, "assigned", Stage::Recorded),
        (last.wrapup, "wrapping", Stage::Recorded),
        (last.wrapup + 300, "wrapping", Stage::WrappedUp),
        (last.completed, "completed", Stage::WrappedUp),
    ];
    let versions: Vec<TaskVersion> = course
        .iter()
        .zip(0..)
        .map(|((at, status, stage), version)| TaskVersion {
            at: draft.at(*at),
            version,
            status,
            attributes: known.at(*stage).to_string(),
        })
        .collect();

    let mut reservations: Vec<Reservation> = Vec::new();
    if turned_down {
        let worker = (draft.agents[0] + 1) % draft.house.workers.len();
        reservations.push(Reservation {
            sid: dice.sid("WR"),
            worker,
            statuses: vec![
                (draft.at(timeline.task + 200), "pending"),
                (
                    draft.at(timeline.task + 1_100),
                    if draft.variant.is_multiple_of(8) {
                        "timeout"
                    } else {
                        "rejected"
                    },
                ),
            ],
        });
    }
    for (index, part) in timeline.parts.iter().enumerate() {
        reservations.push(Reservation {
            sid: draft.reservations[index].clone(),
            worker: draft.agents[index],
            statuses: vec![
                (draft.at(part.reserved), "pending"),
                (draft.at(part.accepted), "accepted"),
                (draft.at(part.wrapup), "wrapping"),
                (draft.at(part.completed), "completed"),
            ],
        });
    }

    tell(draft, pile, dice, &versions, &reservations);
    pile.tasks.push(Task {
        sid: draft.task.clone(),
        channel: TaskChannel::Voice,
        queue: draft.queue,
        versions,
        gone_at: draft.at(timeline.completed() + lifetime),
        reason: Some("resolved".to_owned()),
        reservations,
    });
}

/// Number of the version in which the task begins to wrap up.
const WRAPUP: u32 = 5;

fn tell(
    draft: &Draft<'_>,
    pile: &mut Pile,
    dice: &mut Dice,
    versions: &[TaskVersion],
    reservations: &[Reservation],
) {
    let telling = Telling {
        house: draft.house,
        task: &draft.task,
        channel: TaskChannel::Voice,
        queue: draft.queue,
        created: versions[0].at,
    };
    let version_at = |at: DateTime<Utc>| {
        versions
            .iter()
            .rev()
            .find(|version| version.at <= at)
            .unwrap_or(&versions[0])
    };
    let mut told: Vec<Event> = Vec::new();
    for (event_type, after) in [
        ("task.created", 0),
        ("workflow.entered", 12),
        ("workflow.target-matched", 20),
        ("task-queue.entered", 25),
    ] {
        told.push(telling.task(
            dice,
            event_type,
            versions[0].at + ms(after),
            &versions[0],
            &[],
        ));
    }
    for version in &versions[3..] {
        let event_type = match (version.status, version.version) {
            ("wrapping", WRAPUP) => "task.wrapup",
            ("completed", _) => "task.completed",
            _ => "task.updated",
        };
        let reason = if event_type == "task.completed" {
            vec![("task_completed_reason", "resolved".to_owned())]
        } else {
            Vec::new()
        };
        // The task's own end is told just after its reservation's.
        let at = version.at
            + ms(if event_type == "task.completed" {
                40
            } else {
                0
            });
        told.push(telling.task(dice, event_type, at, version, &reason));
    }
    for reservation in reservations {
        for (at, status) in &reservation.statuses {
            let event_type = match *status {
                "pending" => "reservation.created",
                "accepted" => "reservation.accepted",
                "wrapping" => "reservation.wrapup",
                "rejected" => "reservation.rejected",
                "timeout" => "reservation.timeout",
                _ => "reservation.completed",
            };
            told.push(telling.reservation(dice, event_type, *at, version_at(*at), reservation));
        }
    }
    if draft.recipe.transfer != Transfer::None {
        told.extend(handover(draft, dice, &telling, &version_at));
    }
    pile.events.extend(told);
}

/// The events of a transfer from the first agent to the second.
fn handover<'v>(
    draft: &Draft<'_>,
    dice: &mut Dice,
    telling: &Telling<'_>,
    version_at: &impl Fn(DateTime<Utc>) -> &'v TaskVersion,
) -> Vec<Event> {
    let transfer = dice.sid("TT");
    let more = |status: &str| {
        vec![
            ("task_transfer_sid", transfer.clone()),
            (
                "transfer_mode",
                if draft.recipe.transfer == Transfer::Cold {
                    "COLD"
                } else {
                    "WARM"
                }
                .to_owned(),
            ),
            ("transfer_type", "WORKER".to_owned()),
            (
                "transfer_to",
                draft.house.workers[draft.agents[1]].sid.clone(),
            ),
            ("transfer_status", status.to_owned()),
            (
                "transfer_initiating_reservation_sid",
                draft.reservations[0].clone(),
            ),
            (
                "transfer_initiating_worker_sid",
                draft.house.workers[draft.agents[0]].sid.clone(),
            ),
        ]
    };
    let second = draft.timeline.parts[1];
    let mut told = Vec::new();
    for (event_type, at, status) in [
        (
            "task.transfer-initiated",
            second.reserved - 100,
            "initiated",
        ),
        ("task.transfer-completed", second.accepted + 80, "complete"),
    ] {
        let at = draft.at(at);
        told.push(telling.task(dice, event_type, at, version_at(at), &more(status)));
    }
    told
}
