//! Tasks while they last, and their reservations.

use serde_json::{Value, json};

use super::answer::{Refusal, iso};
use super::paging::{self, Envelope};
use super::request::Request;
use super::taskrouter::{below, one, withheld};
use crate::http::Outbound;
use crate::world::model::{Reservation, Task, TaskVersion};

const WORKFLOW: &str = "Assign to Anyone";

fn find_task<'a>(request: &Request<'a>, sid: &str) -> Result<(&'a Task, &'a TaskVersion), Refusal> {
    request
        .world
        .tasks
        .iter()
        .find(|task| task.sid == sid)
        .and_then(|task| Some((task, task.at(request.now())?)))
        .ok_or_else(|| request.not_found())
}

pub(super) fn fetch(request: &Request<'_>, sid: &str) -> Result<Outbound, Refusal> {
    request.only(&[])?;
    let (task, version) = find_task(request, sid)?;
    Ok(Outbound::json(
        200,
        &task_shape(request, task, version, true),
    ))
}

pub(super) fn reservation(
    request: &Request<'_>,
    task: &str,
    sid: &str,
) -> Result<Outbound, Refusal> {
    request.only(&[])?;
    let (task, _) = find_task(request, task)?;
    one(
        request,
        offers(request, task),
        |(_, offer)| offer.sid == sid,
        |(task, offer)| reservation_shape(request, task, offer),
    )
}

pub(super) fn list(request: &Request<'_>) -> Result<Outbound, Refusal> {
    request.only_and_paging(&[
        "Priority",
        "AssignmentStatus",
        "WorkflowSid",
        "WorkflowName",
        "TaskQueueSid",
        "TaskQueueName",
        "Ordering",
        "HasAddons",
    ])?;
    let statuses: Option<Vec<&str>> = request
        .param("AssignmentStatus")
        .map(|text| text.split(',').collect());
    let world = request.world;
    let items: Vec<(&Task, &TaskVersion)> = world
        .tasks
        .iter()
        .filter_map(|task| Some((task, task.at(request.now())?)))
        .filter(|(_, version)| {
            statuses
                .as_ref()
                .is_none_or(|wanted| wanted.contains(&version.status))
        })
        .filter(|(task, _)| {
            let queue = &world.queues[task.queue];
            request.admits("TaskQueueSid", &queue.sid)
                && request.admits("TaskQueueName", queue.name_at(request.now()))
                && request.admits("WorkflowSid", &world.identity.workflow)
                && request.admits("WorkflowName", WORKFLOW)
                && request.admits("Priority", "0")
        })
        .collect();
    paging::list(
        request,
        Envelope::V1,
        "tasks",
        &items,
        |(task, _)| task.sid.as_str(),
        |(task, version)| task_shape(request, task, version, false),
    )
}

fn task_shape(request: &Request<'_>, task: &Task, version: &TaskVersion, alone: bool) -> Value {
    let world = request.world;
    let queue = &world.queues[task.queue];
    let done = matches!(version.status, "completed" | "canceled");
    json!({
        "sid": task.sid,
        "account_sid": request.account(),
        "workspace_sid": world.workspace_sid(),
        "age": (request.now() - task.created()).num_seconds(),
        "assignment_status": version.status,
        "attributes": (alone || !withheld(&task.sid)).then_some(version.attributes.as_str()),
        "addons": "{}",
        "date_created": iso(task.created()),
        "date_updated": iso(version.at),
        "task_queue_entered_date": iso(task.created()),
        "virtual_start_time": iso(task.created()),
        "priority": 0,
        "reason": if done { task.reason.as_deref() } else { None },
        "task_queue_sid": queue.sid,
        "task_queue_friendly_name": queue.name_at(request.now()),
        "task_channel_sid": world.identity.channel(task.channel),
        "task_channel_unique_name": task.channel.name(),
        "timeout": 86_400,
        "workflow_sid": world.identity.workflow,
        "workflow_friendly_name": WORKFLOW,
        "ignore_capacity": false,
        "routing_target": null,
        "url": below(request, &format!("/Tasks/{}", task.sid)),
        "links": {
            "task_queue": below(request, &format!("/TaskQueues/{}", queue.sid)),
            "workflow": below(request, &format!("/Workflows/{}", world.identity.workflow)),
            "workspace": below(request, ""),
            "reservations": below(request, &format!("/Tasks/{}/Reservations", task.sid)),
        },
    })
}

/// The task's reservations that there are by now.
fn offers<'a>(
    request: &Request<'a>,
    task: &'a Task,
) -> impl Iterator<Item = (&'a Task, &'a Reservation)> {
    let now = request.now();
    task.reservations
        .iter()
        .filter(move |offer| offer.at(now).is_some())
        .map(move |offer| (task, offer))
}

pub(super) fn reservations(request: &Request<'_>, sid: &str) -> Result<Outbound, Refusal> {
    request.only_and_paging(&["ReservationStatus", "WorkerSid"])?;
    let (task, _) = find_task(request, sid)?;
    let items: Vec<(&Task, &Reservation)> = offers(request, task).collect();
    offered(request, items)
}

pub(super) fn worker_reservations(request: &Request<'_>, sid: &str) -> Result<Outbound, Refusal> {
    request.only_and_paging(&["ReservationStatus"])?;
    let world = request.world;
    let worker = world
        .workers
        .iter()
        .position(|worker| worker.sid == sid)
        .ok_or_else(|| request.not_found())?;
    let items: Vec<(&Task, &Reservation)> = world
        .tasks
        .iter()
        .filter(|task| task.at(request.now()).is_some())
        .flat_map(|task| offers(request, task))
        .filter(|(_, offer)| offer.worker == worker)
        .collect();
    offered(request, items)
}

fn offered(
    request: &Request<'_>,
    mut items: Vec<(&Task, &Reservation)>,
) -> Result<Outbound, Refusal> {
    items.retain(|(_, offer)| {
        let status = offer.at(request.now()).map_or("", |(_, status)| status);
        request.admits("ReservationStatus", status)
            && request.admits("WorkerSid", &request.world.workers[offer.worker].sid)
    });
    paging::list(
        request,
        Envelope::V1,
        "reservations",
        &items,
        |(_, offer)| offer.sid.as_str(),
        |(task, offer)| reservation_shape(request, task, offer),
    )
}

fn reservation_shape(request: &Request<'_>, task: &Task, offer: &Reservation) -> Value {
    let worker = &request.world.workers[offer.worker];
    let (updated, status) = offer
        .at(request.now())
        .unwrap_or((request.now(), "pending"));
    let created = offer.statuses.first().map_or(updated, |(at, _)| *at);
    json!({
        "account_sid": request.account(),
        "date_created": iso(created),
        "date_updated": iso(updated),
        "reservation_status": status,
        "sid": offer.sid,
        "task_sid": task.sid,
        "worker_name": worker.name_at(request.now()),
        "worker_sid": worker.sid,
        "workspace_sid": request.world.workspace_sid(),
        "url": below(request, &format!("/Tasks/{}/Reservations/{}", task.sid, offer.sid)),
        "links": {
            "task": below(request, &format!("/Tasks/{}", task.sid)),
            "worker": below(request, &format!("/Workers/{}", worker.sid)),
            "workspace": below(request, ""),
        },
    })
}
