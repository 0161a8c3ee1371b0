//! Reading a workspace as it is now: activities, and every agent's state without a request for each.

use chrono::{DateTime, TimeDelta, Utc};
use flex_events::TaskStatus;
use tokio::task::JoinSet;
use twilio_client::{TaskFilter, TwilioClient, TwilioError};
use twilio_sid::WorkspaceSid;
use wfm_state_mapping::{
    ActivityMap, ActivityRules, ReservationNow, TaskNow, WorkerNow, WorkspaceActivity,
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
                Ok(listed) => Some(
                    listed
                        .items
                        .into_iter()
                        .filter_map(|one| {
                            Some(ReservationNow {
                                sid: one.sid,
                                worker: one.worker?,
                                status: one.status,
                                since: one.updated_at,
                            })
                        })
                        .collect(),
                ),
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
    })
}
