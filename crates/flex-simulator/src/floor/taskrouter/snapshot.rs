//! One agent's state as Twilio's feed for workforce management tells it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::live::Live;
use crate::world::World;
use crate::world::conversation::TaskChannel;

fn millis(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The record of an agent at a moment.
pub(super) fn record(
    live: &Live,
    world: &World,
    worker: usize,
    now: DateTime<Utc>,
    event: &str,
) -> Value {
    let it = &world.workers[worker];
    let activity = &world.activities[it.activity_at(now)];
    let since = it
        .change_at(now)
        .map(|change| millis(change.activity_since));
    let open = open(live, world, worker, now);
    let channels: Vec<Value> = [TaskChannel::Voice, TaskChannel::Chat]
        .into_iter()
        .map(|channel| {
            let own = open.iter().filter(|(task, _)| world.tasks[*task].channel == channel);
            let reservations: Vec<Value> = own.filter_map(|(task, leg)| reservation(world, *task, *leg, now)).collect();
            let capacity = if channel == TaskChannel::Voice { 1 } else { 2 };
            json!({
                "task_channel_sid": world.identity.channel(channel),
                "task_channel_name": channel.name(),
                "worker_channel_sid": null,
                "available": 1,
                "available_capacity": usize::saturating_sub(capacity, reservations.len()),
                "capacity": capacity,
                "date_capacity_updated": null,
                "reservations": if reservations.is_empty() { Value::Null } else { reservations.into() },
            })
        })
        .collect();
    json!({
        "account_sid": world.account_sid(),
        "workspace_sid": world.workspace_sid(),
        "last_processed_event_sid": event,
        "date_last_processed_event": millis(now),
        "worker": {
            "sid": it.sid,
            "activity_sid": activity.sid,
            "activity_name": activity.name,
            "date_activity_updated": since,
        },
        "channels": if open.is_empty() { Value::Null } else { channels.into() },
    })
}

/// The offers to an agent that are there and not over.
fn open(live: &Live, world: &World, worker: usize, now: DateTime<Utc>) -> Vec<(usize, usize)> {
    let made = |(task, leg): (usize, usize)| {
        let statuses = &world.tasks[task].reservations[leg].statuses;
        statuses.first().map_or(now, |(at, _)| *at)
    };
    let offers = &live.offers[worker];
    let end = offers.partition_point(|offer| made(*offer) <= now);
    let recent = offers[..end]
        .iter()
        .rev()
        .take_while(|offer| made(**offer) >= now - live.longest);
    let mut open: Vec<_> = recent
        .copied()
        .filter(|(task, leg)| {
            let status = world.tasks[*task].reservations[*leg].at(now);
            status.is_some_and(|(_, status)| matches!(status, "pending" | "accepted" | "wrapping"))
        })
        .collect();
    open.reverse();
    open
}

fn reservation(world: &World, task: usize, leg: usize, now: DateTime<Utc>) -> Option<Value> {
    let it = &world.tasks[task];
    let offer = &it.reservations[leg];
    let (since, status) = offer.at(now)?;
    let created = offer.statuses.first().map(|(at, _)| millis(*at));
    // Twilio's own samples say so of what its list of values calls pending.
    let status = if status == "pending" {
        "created"
    } else {
        status
    };
    Some(json!({
        "sid": offer.sid,
        "status": status,
        "task_sid": it.sid,
        "task_queue_sid": world.queues[it.queue].sid,
        "workflow_sid": world.identity.workflow,
        "task_assignment_status": it.at(now).map(|version| version.status),
        "date_created": created,
        "date_updated": millis(since),
        "date_reservation_status_updated": millis(since),
        "direction": "inbound",
    }))
}
