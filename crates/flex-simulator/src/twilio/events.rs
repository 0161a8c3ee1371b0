//! The Events API: what happened to tasks, reservations and workers in the last thirty days.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::answer::{Refusal, iso};
use super::paging::{self, Envelope};
use super::request::Request;
use crate::http::Outbound;
use crate::world::model::Event;

/// How far back events are told.
const DAYS: i64 = 30;
/// What is told where nothing is asked for, in minutes.
const DEFAULT_MINUTES: i64 = 15;

pub(super) fn list(request: &Request<'_>) -> Result<Outbound, Refusal> {
    request.only_and_paging(&[
        "EndDate",
        "EventType",
        "Minutes",
        "ReservationSid",
        "StartDate",
        "TaskQueueSid",
        "TaskSid",
        "WorkerSid",
        "WorkflowSid",
        "TaskChannel",
        "Sid",
    ])?;
    let (from, to) = window(request)?;
    let about = |event: &Event, parameter: &str, key: &str| {
        request.admits(parameter, event.data.get(key).map_or("", String::as_str))
    };
    let items: Vec<Cow<'_, Event>> = visible(request, (from, to))
        .into_iter()
        .filter(|event| event.at >= from && event.at <= to)
        .filter(|event| {
            request.admits("EventType", event.event_type) && request.admits("Sid", &event.sid)
        })
        .filter(|event| {
            about(event, "TaskSid", "task_sid")
                && about(event, "ReservationSid", "reservation_sid")
                && about(event, "WorkerSid", "worker_sid")
                && about(event, "TaskQueueSid", "task_queue_sid")
                && about(event, "WorkflowSid", "workflow_sid")
                && about(event, "TaskChannel", "task_channel_unique_name")
        })
        .collect();
    paging::list(
        request,
        Envelope::V1,
        "events",
        &items,
        |event| event.sid.as_str(),
        |event| shape(request, event),
    )
}

pub(super) fn fetch(request: &Request<'_>, sid: &str) -> Result<Outbound, Refusal> {
    request.only(&[])?;
    let world = request.world;
    let found = if let Some(live) = &world.live {
        live.find(world, sid).map(Cow::Owned)
    } else {
        let mut events = world.events.iter();
        events.find(|event| event.sid == sid).map(Cow::Borrowed)
    };
    let event = found
        .filter(|event| is_told(event, request.now()))
        .ok_or_else(|| request.not_found())?;
    Ok(Outbound::json(200, &shape(request, &event)))
}

/// Whether an event is there already, and not too old.
fn is_told(event: &Event, now: DateTime<Utc>) -> bool {
    event.visible_at <= now && now - event.at <= TimeDelta::days(DAYS)
}

/// The events that are told now, those of a window at least; newest first.
fn visible<'a>(
    request: &Request<'a>,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Vec<Cow<'a, Event>> {
    let (world, now) = (request.world, request.now());
    let told = |event: &Event| is_told(event, now);
    if let Some(live) = &world.live {
        let events = live.between(world, from, to.min(now)).filter(told);
        return events.map(Cow::Owned).collect();
    }
    let events = world.events.iter().filter(|event| told(event));
    events.map(Cow::Borrowed).collect()
}

/// From `StartDate` to `EndDate`, else the last `Minutes`. A day stands for its midnight.
fn window(request: &Request<'_>) -> Result<(DateTime<Utc>, DateTime<Utc>), Refusal> {
    let too_old = || Refusal::parameter("Events older than 30 days cannot be read");
    let minutes = request.number("Minutes")?;
    let start = request
        .when("StartDate", false)?
        .map(super::request::When::instant);
    let end = request
        .when("EndDate", false)?
        .map_or(request.now(), super::request::When::instant);
    if minutes.is_some_and(|minutes| minutes > DAYS * 24 * 60) {
        return Err(too_old());
    }
    let from = start
        .unwrap_or_else(|| end - TimeDelta::minutes(minutes.unwrap_or(DEFAULT_MINUTES).max(0)));
    if request.now() - from > TimeDelta::days(DAYS) {
        return Err(too_old());
    }
    if start.is_some() && end < from {
        return Err(Refusal::parameter("EndDate lies before StartDate"));
    }
    // Dates are given in whole seconds: the second named belongs to the window.
    Ok((from, end + TimeDelta::milliseconds(999)))
}

fn shape(request: &Request<'_>, event: &Event) -> Value {
    let workspace = request.world.workspace_sid();
    let base = request.link(&format!("/v1/Workspaces/{workspace}"));
    let resource_url = match event.resource_type {
        "task" => format!("{base}/Tasks/{}", event.resource_sid),
        "reservation" => {
            let task = event.data.get("task_sid").map_or("", String::as_str);
            format!("{base}/Tasks/{task}/Reservations/{}", event.resource_sid)
        }
        _ => format!("{base}/Workers/{}", event.resource_sid),
    };
    json!({
        "account_sid": request.account(),
        "actor_sid": workspace,
        "actor_type": "workspace",
        "actor_url": base,
        "description": event.description,
        "event_data": event.data,
        "event_date": iso(event.at),
        "event_date_ms": event.at.timestamp_millis(),
        "event_type": event.event_type,
        "resource_sid": event.resource_sid,
        "resource_type": event.resource_type,
        "resource_url": resource_url,
        "sid": event.sid,
        "source": "twilio",
        "source_ip_address": null,
        "workspace_sid": workspace,
        "url": format!("{base}/Events/{}", event.sid),
    })
}
