//! `TaskRouter`: the workspace, its tasks and reservations, its agents, activities, queues and channels.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::answer::{Refusal, iso};
use super::paging::{self, Envelope};
use super::request::Request;
use super::{events, tasks};
use crate::http::Outbound;
use crate::world::model::{Activity, Queue, Worker};

pub(super) fn route(request: &Request<'_>, rest: &[&str]) -> Result<Outbound, Refusal> {
    match rest {
        [] => {
            request.only(&[])?;
            Ok(Outbound::json(200, &workspace(request)))
        }
        ["Events"] => events::list(request),
        ["Events", sid] => events::fetch(request, sid),
        ["Tasks"] => tasks::list(request),
        ["Tasks", sid] => tasks::fetch(request, sid),
        ["Tasks", sid, "Reservations"] => tasks::reservations(request, sid),
        ["Tasks", sid, "Reservations", reservation] => {
            tasks::reservation(request, sid, reservation)
        }
        ["Workers"] => workers(request),
        ["Workers", sid] => {
            request.only(&[])?;
            one(
                request,
                request.world.workers.iter(),
                |worker| worker.sid == *sid,
                |worker| worker_shape(request, worker, true),
            )
        }
        ["Workers", sid, "Reservations"] => tasks::worker_reservations(request, sid),
        ["Activities"] => activities(request),
        ["Activities", sid] => {
            request.only(&[])?;
            one(
                request,
                request.world.activities.iter(),
                |activity| activity.sid == *sid,
                |activity| activity_shape(request, activity),
            )
        }
        ["TaskQueues"] => queues(request),
        ["TaskQueues", sid] => {
            request.only(&[])?;
            one(
                request,
                request.world.queues.iter(),
                |queue| queue.sid == *sid,
                |queue| queue_shape(request, queue),
            )
        }
        ["TaskChannels"] => {
            request.only_and_paging(&[])?;
            let items = channels(request);
            paging::list(
                request,
                Envelope::V1,
                "channels",
                &items,
                |channel| channel.0,
                |channel| channel_shape(request, channel),
            )
        }
        _ => Err(request.unknown_path()),
    }
}

pub(super) fn workspaces(request: &Request<'_>) -> Result<Outbound, Refusal> {
    request.only_and_paging(&["FriendlyName"])?;
    let items: Vec<&str> = [request.world.workspace_sid()]
        .into_iter()
        .filter(|_| request.admits("FriendlyName", WORKSPACE))
        .collect();
    paging::list(
        request,
        Envelope::V1,
        "workspaces",
        &items,
        |sid| sid,
        |_| workspace(request),
    )
}

const WORKSPACE: &str = "Flex Task Assignment";

/// One of some, as the answer.
pub(super) fn one<T>(
    request: &Request<'_>,
    mut items: impl Iterator<Item = T>,
    wanted: impl Fn(&T) -> bool,
    shape: impl Fn(T) -> Value,
) -> Result<Outbound, Refusal> {
    let item = items
        .find(|item| wanted(item))
        .ok_or_else(|| request.not_found())?;
    Ok(Outbound::json(200, &shape(item)))
}

/// A link below the workspace.
pub(super) fn below(request: &Request<'_>, path: &str) -> String {
    request.link(&format!(
        "/v1/Workspaces/{}{path}",
        request.world.workspace_sid()
    ))
}

/// When what never changes was made.
fn long_ago(request: &Request<'_>) -> DateTime<Utc> {
    request.world.start() - TimeDelta::days(400)
}

fn workspace(request: &Request<'_>) -> Value {
    let offline = request.world.activities.first();
    let (name, sid) = (
        offline.map(|activity| &activity.name),
        offline.map(|activity| &activity.sid),
    );
    json!({
        "account_sid": request.account(),
        "date_created": iso(long_ago(request)),
        "date_updated": iso(long_ago(request)),
        "default_activity_name": name,
        "default_activity_sid": sid,
        "event_callback_url": callback(request),
        "events_filter": null,
        "friendly_name": WORKSPACE,
        "multi_task_enabled": true,
        "prioritize_queue_order": "FIFO",
        "sid": request.world.workspace_sid(),
        "timeout_activity_name": name,
        "timeout_activity_sid": sid,
        "links": {
            "activities": below(request, "/Activities"),
            "events": below(request, "/Events"),
            "task_channels": below(request, "/TaskChannels"),
            "task_queues": below(request, "/TaskQueues"),
            "tasks": below(request, "/Tasks"),
            "workers": below(request, "/Workers"),
        },
        "url": below(request, ""),
    })
}

/// Where the workspace's event callback leads.
fn callback(request: &Request<'_>) -> String {
    let push = request.world.scenario().push.as_ref();
    let push = push.filter(|push| push.callback);
    push.map_or_else(String::new, |push| push.url(request.world.workspace_sid()))
}

/// Whether a list leaves this resource's attributes out: for some it does, for some it does not.
pub(super) fn withheld(sid: &str) -> bool {
    sid.bytes().last().is_some_and(|digit| digit % 2 == 0)
}

fn workers(request: &Request<'_>) -> Result<Outbound, Refusal> {
    request.only_and_paging(&[
        "ActivityName",
        "ActivitySid",
        "Available",
        "FriendlyName",
        "Ordering",
    ])?;
    let world = request.world;
    let items: Vec<&Worker> = world
        .workers
        .iter()
        .filter(|worker| {
            let activity = &world.activities[worker.activity_at(request.now())];
            request.admits("ActivityName", &activity.name)
                && request.admits("ActivitySid", &activity.sid)
                && request.admits("FriendlyName", worker.name_at(request.now()))
                && request
                    .param("Available")
                    .is_none_or(|wanted| matches!(wanted, "1" | "true") == activity.available)
        })
        .collect();
    paging::list(
        request,
        Envelope::V1,
        "workers",
        &items,
        |worker| worker.sid.as_str(),
        |worker| worker_shape(request, worker, false),
    )
}

fn worker_shape(request: &Request<'_>, worker: &Worker, alone: bool) -> Value {
    let now = request.now();
    let activity = &request.world.activities[worker.activity_at(now)];
    let changed = request.world.start() - TimeDelta::minutes(20);
    let (updated, since) = worker.change_at(now).map_or((changed, changed), |change| {
        (change.at, change.activity_since)
    });
    let own = format!("/Workers/{}", worker.sid);
    json!({
        "sid": worker.sid,
        "friendly_name": worker.name_at(now),
        "account_sid": request.account(),
        "workspace_sid": request.world.workspace_sid(),
        "activity_sid": activity.sid,
        "activity_name": activity.name,
        "available": activity.available,
        "attributes": (alone || !withheld(&worker.sid)).then_some(worker.attributes_at(now)),
        "date_created": iso(long_ago(request)),
        "date_updated": iso(updated),
        "date_status_changed": iso(since),
        "url": below(request, &own),
        "links": {
            "activity": below(request, &format!("/Activities/{}", activity.sid)),
            "channels": below(request, &format!("{own}/Channels")),
            "reservations": below(request, &format!("{own}/Reservations")),
            "workspace": below(request, ""),
        },
    })
}

fn activities(request: &Request<'_>) -> Result<Outbound, Refusal> {
    request.only_and_paging(&["FriendlyName", "Available"])?;
    let items: Vec<&Activity> = request
        .world
        .activities
        .iter()
        .filter(|activity| request.admits("FriendlyName", &activity.name))
        .filter(|activity| {
            request
                .param("Available")
                .is_none_or(|wanted| matches!(wanted, "1" | "true") == activity.available)
        })
        .collect();
    paging::list(
        request,
        Envelope::V1,
        "activities",
        &items,
        |activity| activity.sid.as_str(),
        |activity| activity_shape(request, activity),
    )
}

fn activity_shape(request: &Request<'_>, activity: &Activity) -> Value {
    json!({
        "account_sid": request.account(),
        "available": activity.available,
        "date_created": iso(long_ago(request)),
        "date_updated": iso(long_ago(request)),
        "friendly_name": activity.name,
        "sid": activity.sid,
        "workspace_sid": request.world.workspace_sid(),
        "url": below(request, &format!("/Activities/{}", activity.sid)),
        "links": {"workspace": below(request, "")},
    })
}

fn queues(request: &Request<'_>) -> Result<Outbound, Refusal> {
    request.only_and_paging(&["FriendlyName", "WorkerSid", "Ordering"])?;
    let items: Vec<&Queue> = request
        .world
        .queues
        .iter()
        .filter(|queue| request.admits("FriendlyName", queue.name_at(request.now())))
        .collect();
    paging::list(
        request,
        Envelope::V1,
        "task_queues",
        &items,
        |queue| queue.sid.as_str(),
        |queue| queue_shape(request, queue),
    )
}

fn queue_shape(request: &Request<'_>, queue: &Queue) -> Value {
    let own = format!("/TaskQueues/{}", queue.sid);
    json!({
        "account_sid": request.account(),
        "assignment_activity_name": null,
        "assignment_activity_sid": null,
        "date_created": iso(long_ago(request)),
        "date_updated": iso(long_ago(request)),
        "friendly_name": queue.name_at(request.now()),
        "max_reserved_workers": 1,
        "reservation_activity_name": null,
        "reservation_activity_sid": null,
        "sid": queue.sid,
        "target_workers": "1==1",
        "task_order": "FIFO",
        "workspace_sid": request.world.workspace_sid(),
        "url": below(request, &own),
        "links": {
            "assignment_activity": null,
            "reservation_activity": null,
            "workspace": below(request, ""),
            "statistics": below(request, &format!("{own}/Statistics")),
            "real_time_statistics": below(request, &format!("{own}/RealTimeStatistics")),
            "cumulative_statistics": below(request, &format!("{own}/CumulativeStatistics")),
            "list_statistics": below(request, "/TaskQueues/Statistics"),
            "bulk_real_time_statistics": below(request, "/TaskQueues/RealTimeStatistics"),
        },
    })
}

/// SID, unique name and friendly name of each channel.
fn channels<'a>(request: &Request<'a>) -> [(&'a str, &'static str, &'static str); 4] {
    let identity = &request.world.identity;
    [
        (identity.default_channel.as_str(), "default", "Default"),
        (identity.voice_channel.as_str(), "voice", "Voice"),
        (identity.chat_channel.as_str(), "chat", "Programmable Chat"),
        (identity.sms_channel.as_str(), "sms", "SMS"),
    ]
}

fn channel_shape(
    request: &Request<'_>,
    (sid, unique_name, friendly_name): &(&str, &str, &str),
) -> Value {
    json!({
        "account_sid": request.account(),
        "channel_optimized_routing": true,
        "date_created": iso(long_ago(request)),
        "date_updated": iso(long_ago(request)),
        "friendly_name": friendly_name,
        "sid": sid,
        "unique_name": unique_name,
        "workspace_sid": request.world.workspace_sid(),
        "url": below(request, &format!("/TaskChannels/{sid}")),
        "links": {"workspace": below(request, "")},
    })
}
