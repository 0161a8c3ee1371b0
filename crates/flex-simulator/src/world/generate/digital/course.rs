//! A conversation's tasks as they go on, and the events that tell it.

use serde_json::Value;

use super::super::Pile;
use super::super::events::Telling;
use super::Chat;
use super::timeline::Part;
use crate::world::dice::Dice;
use crate::world::model::{Reservation, Task, TaskVersion};
use crate::world::ms;

/// One leg's task, from its beginning to its end.
pub(super) fn task(
    chat: &Chat<'_>,
    pile: &mut Pile,
    dice: &mut Dice,
    leg: usize,
    attributes: [&Value; 2],
    lifetime: u64,
) {
    let part = chat.timeline.parts[leg];
    let versions = versions(chat, &part, attributes);
    let reservation = Reservation {
        sid: chat.reservations[leg].clone(),
        worker: chat.agents[leg],
        statuses: vec![
            (chat.at(part.reserved), "pending"),
            (chat.at(part.accepted), "accepted"),
            (chat.at(part.wrapup), "wrapping"),
            (chat.at(part.completed), "completed"),
        ],
    };
    let telling = Telling {
        house: chat.house,
        task: &chat.tasks[leg],
        channel: chat.recipe.medium.channel(),
        queue: chat.queue,
        created: versions[0].at,
    };
    let [created, _, accepted, wrapping, noted, completed] = &versions[..] else {
        return;
    };
    let mut told = Vec::new();
    for (event_type, after) in [
        ("task.created", 0),
        ("workflow.entered", 12),
        ("workflow.target-matched", 20),
        ("task-queue.entered", 25),
    ] {
        told.push(telling.task(dice, event_type, created.at + ms(after), created, &[]));
    }
    let resolved = [("task_completed_reason", "resolved".to_owned())];
    told.push(telling.task(dice, "task.wrapup", wrapping.at, wrapping, &[]));
    told.push(telling.task(dice, "task.updated", noted.at, noted, &[]));
    // The task's own end is told just after its reservation's.
    let ended = completed.at + ms(40);
    told.push(telling.task(dice, "task.completed", ended, completed, &resolved));
    for ((at, status), version) in reservation
        .statuses
        .iter()
        .zip([created, accepted, wrapping, completed])
    {
        let event_type = match *status {
            "pending" => "reservation.created",
            "accepted" => "reservation.accepted",
            "wrapping" => "reservation.wrapup",
            _ => "reservation.completed",
        };
        told.push(telling.reservation(dice, event_type, *at, version, &reservation));
    }
    pile.events.extend(told);
    pile.tasks.push(Task {
        sid: chat.tasks[leg].clone(),
        channel: chat.recipe.medium.channel(),
        queue: chat.queue,
        gone_at: chat.at(part.completed + lifetime),
        reason: Some("resolved".to_owned()),
        versions,
        reservations: vec![reservation],
    });
}

fn versions(chat: &Chat<'_>, part: &Part, [early, late]: [&Value; 2]) -> Vec<TaskVersion> {
    // What is noted while wrapping up stands there before the end, however short the wrapping up.
    let noted = (part.wrapup + 200).min(part.completed);
    [
        (part.task, "pending", early),
        (part.reserved, "reserved", early),
        (part.accepted, "assigned", early),
        (part.wrapup, "wrapping", early),
        (noted, "wrapping", late),
        (part.completed, "completed", late),
    ]
    .into_iter()
    .zip(0..)
    .map(|((at, status, attributes), version)| TaskVersion {
        at: chat.at(at),
        version,
        status,
        attributes: attributes.to_string(),
    })
    .collect()
}
