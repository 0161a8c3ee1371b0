//! Callers who give up in the queue: of them nothing is to come.

use chrono::{DateTime, Utc};

use super::attributes::{Known, Stage};
use super::events::Telling;
use super::people::EXCLUDED_QUEUE;
use super::recipe::Naming;
use super::{House, Pile, seconds};
use crate::world::conversation::TaskChannel;
use crate::world::dice::Dice;
use crate::world::model::{Call, Reservation, Task, TaskVersion};
use crate::world::ms;

/// A caller who gives up in the queue: a task, offered and turned down, and no leg.
pub(super) fn abandon(house: &House<'_>, pile: &mut Pile, dice: &mut Dice) {
    let ended_ago = dice.span(seconds(house.scenario.ended_seconds_ago));
    let canceled = house.start - ms(i64::try_from(ended_ago).unwrap_or(0));
    let created = canceled - ms(dice.millis(5_000, 20_000));
    let (task, call, customer) = (dice.sid("WT"), dice.sid("CA"), dice.phone());
    let notes = format!("note-{}", dice.hex(16));
    let customer_name = format!("Customer {}", dice.hex(10));
    let known = Known {
        account: &house.identity.account,
        outbound: false,
        naming: Naming::Nothing,
        customer: &customer,
        business: "+12065550100",
        customer_call: &call,
        worker_call: "",
        conference: "",
        conversation: None,
        account_number: None,
        customer_name: &customer_name,
        notes: &notes,
        segment: "bronze",
        outcome: "",
        recordings: &[],
        reservation: "",
        iso_start: false,
    };
    let attributes = known.at(Stage::Created).to_string();
    let version = |at, version, status| TaskVersion {
        at,
        version,
        status,
        attributes: attributes.clone(),
    };
    let versions = vec![
        version(created, 0, "pending"),
        version(canceled, 1, "canceled"),
    ];
    let reservation = Reservation {
        sid: dice.sid("WR"),
        worker: dice.index(house.workers.len()),
        statuses: vec![
            (created + ms(700), "pending"),
            (created + ms(2_500), "rejected"),
        ],
    };
    let queue = dice.index(EXCLUDED_QUEUE);
    let telling = Telling {
        house,
        task: &task,
        channel: TaskChannel::Voice,
        queue,
        created,
    };
    let gave_up = [("task_canceled_reason", "hangup".to_owned())];
    let told = [
        telling.task(dice, "task.created", created, &versions[0], &[]),
        telling.task(
            dice,
            "task-queue.entered",
            created + ms(20),
            &versions[0],
            &[],
        ),
        telling.reservation(
            dice,
            "reservation.created",
            created + ms(700),
            &versions[0],
            &reservation,
        ),
        telling.reservation(
            dice,
            "reservation.rejected",
            created + ms(2_500),
            &versions[0],
            &reservation,
        ),
        telling.task(dice, "task.canceled", canceled, &versions[1], &gave_up),
    ];
    pile.events.extend(told);
    pile.calls.push(given_up(call, customer, created, canceled));
    pile.markers.extend([notes.clone(), customer_name.clone()]);
    pile.tasks.push(Task {
        sid: task.clone(),
        channel: TaskChannel::Voice,
        queue,
        versions,
        gone_at: canceled
            + ms(
                i64::try_from(dice.span(seconds(house.scenario.task_lifetime_seconds)))
                    .unwrap_or(0),
            ),
        reason: Some("hangup".to_owned()),
        reservations: vec![reservation],
    });
}

fn given_up(sid: String, from: String, created: DateTime<Utc>, end: DateTime<Utc>) -> Call {
    Call {
        sid,
        parent: None,
        direction: "inbound",
        from,
        to: "+12065550100".to_owned(),
        start: created - ms(500),
        end,
    }
}
