//! Reading a workspace as it is now: activities, and every agent's state without a request for each.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use flex_events::TaskStatus;
use tokio::task::JoinSet;
use twilio_client::{Listed, Reservation, TaskFilter, TwilioClient, TwilioError};
use twilio_sid::{ActivitySid, ReservationSid, WorkerSid, WorkspaceSid};
use wfm_state_mapping::{
    ActivityMap, ActivityRules, ReservationNow, TaskNow, Unread, WorkerNow, WorkspaceActivity,
    WorkspaceSnapshot,
};

/// How many tasks are asked for their reservations at once.
const AT_ONCE: usize = 8;

/// The activities of a workspace and what they become.
pub(crate) async fn activities(
    twilio: &TwilioClient,
    workspace: WorkspaceSid,
    rules: &ActivityRules,
) -> Result<ActivityMap, TwilioError> {
    let listed = twilio.taskrouter(workspace).activities().all().await?;
    let activities = listed
        .items
        .into_iter()
        .map(|activity| WorkspaceActivity {
            sid: activity.sid,
            name: activity.friendly_name,
            available: activity.available,
        })
        .collect();
    // Where Flex does not say which is the offline activity, the one of that name is taken for it.
    let offline = match twilio.flex_configuration().await {
        Ok(flex) => flex.offline_activity,
        Err(error) => {
            tracing::debug!(%error, "the Flex configuration cannot be read");
            None
        }
    };
    Ok(ActivityMap::new(rules.clone(), activities, offline))
}

/// Every worker and every live task, with the reservations of at most so many tasks.
pub(crate) async fn snapshot(
    twilio: &TwilioClient,
    workspace: WorkspaceSid,
    now: DateTime<Utc>,
    most_tasks: usize,
) -> Result<WorkspaceSnapshot, TwilioError> {
    let router = twilio.taskrouter(workspace);
    // By Twilio's clock, as far as it is known, and a little early: a second too early costs a correction later.
    let requested_at = now + twilio.clock_skew().unwrap_or_default() - TimeDelta::seconds(1);
    let live = TaskFilter::default()
        .status(&TaskStatus::Assigned)
        .status(&TaskStatus::Wrapping);
    let tasks = router.tasks(&live).all().await?;
    let mut unread = Unread {
        workers: 0,
        tasks: tasks.unreadable.len(),
    };
    let mut asking = JoinSet::new();
    let mut found = Vec::with_capacity(tasks.items.len());
    for (number, task) in tasks.items.into_iter().enumerate() {
        if number >= most_tasks {
            found.push(TaskNow {
                sid: task.sid,
                channel: task.channel_unique_name,
                reservations: None,
            });
            continue;
        }
        if asking.len() >= AT_ONCE
            && let Some(asked) = asking.join_next().await
        {
            found.extend(asked.ok().flatten());
        }
        let twilio = twilio.clone();
        asking.spawn(async move {
            let router = twilio.taskrouter(workspace);
            let reservations = match router.reservations_of_task(task.sid).all().await {
                Ok(listed) => reservations_now(listed),
                // It ended a moment ago.
                Err(error) if error.is_not_found() => return None,
                Err(error) => {
                    tracing::debug!(task = %task.sid, %error, "the reservations of a task cannot be read");
                    None
                }
            };
            Some(TaskNow {
                sid: task.sid,
                channel: task.channel_unique_name,
                reservations,
            })
        });
    }
    while let Some(asked) = asking.join_next().await {
        found.extend(asked.ok().flatten());
    }
    let workers = router.workers().all().await?;
    unread.workers = workers.unreadable.len();
    if unread != Unread::default() {
        tracing::warn!(
            workers = unread.workers,
            tasks = unread.tasks,
            "entries of Twilio's lists cannot be read, so who is missing in them stays as it is"
        );
    }
    let workers = workers
        .items
        .into_iter()
        .map(|worker| WorkerNow {
            sid: worker.sid,
            name: worker.friendly_name,
            attributes: worker.attributes,
            activity_sid: worker.activity,
            activity_name: worker.activity_name,
            available: worker.available,
            activity_since: worker.activity_since,
        })
        .collect();
    Ok(WorkspaceSnapshot {
        requested_at,
        workers,
        tasks: found,
        unread,
        unsettled: HashSet::new(),
    })
}

/// A task's reservations; nothing where one of them cannot be read, so that those that are known stand as they are.
fn reservations_now(listed: Listed<Reservation>) -> Option<Vec<ReservationNow>> {
    if !listed.unreadable.is_empty() {
        return None;
    }
    let now = |one: Reservation| {
        Some(ReservationNow {
            sid: one.sid,
            worker: one.worker?,
            status: one.status,
            since: one.updated_at,
        })
    };
    listed.items.into_iter().map(now).collect()
}

/// Who looks otherwise in the second of two snapshots than in the first.
pub(crate) fn on_the_move(
    first: &WorkspaceSnapshot,
    second: &WorkspaceSnapshot,
) -> HashSet<WorkerSid> {
    let (first, second) = (looks(first), looks(second));
    let all = first.keys().chain(second.keys());
    all.filter(|worker| first.get(*worker) != second.get(*worker))
        .copied()
        .collect()
}

/// How each agent looks: the activity, and reservations with their state.
fn looks(snapshot: &WorkspaceSnapshot) -> BTreeMap<WorkerSid, Look> {
    let mut looks: BTreeMap<WorkerSid, Look> = BTreeMap::new();
    for worker in &snapshot.workers {
        let look = looks.entry(worker.sid).or_default();
        look.listed = true;
        look.activity = worker.activity_sid;
        look.since = worker.activity_since;
    }
    for task in &snapshot.tasks {
        for one in task.reservations.iter().flatten() {
            let status = one.status.map(|status| format!("{status:?}"));
            let look = looks.entry(one.worker).or_default();
            look.reservations.insert(one.sid, status);
        }
    }
    looks
}

#[derive(Default, PartialEq, Eq)]
struct Look {
    listed: bool,
    activity: Option<ActivitySid>,
    since: Option<DateTime<Utc>>,
    reservations: BTreeMap<ReservationSid, Option<String>>,
}
