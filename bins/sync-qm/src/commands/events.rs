//! `events`: what Twilio pushes.

use std::sync::Arc;

use anyhow::Result;
use command_line::{Pushing, pushed_to, set_up as at_twilio};
use service_runtime::Exit;

use crate::SyncQm;
use crate::cli::{Global, OfAcd};
use crate::open;

/// The types that are subscribed to: Twilio refuses a subscription for the sake of one that it does not know. That of conferences tells of hold.
const TYPES: [&str; 13] = [
    "com.twilio.taskrouter.reservation.created",
    "com.twilio.taskrouter.reservation.accepted",
    "com.twilio.taskrouter.reservation.wrapup",
    "com.twilio.taskrouter.reservation.completed",
    "com.twilio.taskrouter.reservation.canceled",
    "com.twilio.taskrouter.reservation.failed",
    "com.twilio.taskrouter.task.completed",
    "com.twilio.taskrouter.task.canceled",
    "com.twilio.taskrouter.task.deleted",
    "com.twilio.taskrouter.task.system-deleted",
    "com.twilio.taskrouter.task.wrapup",
    "com.twilio.taskrouter.task.updated",
    "com.twilio.voice.status-callback.conference.participant.updated",
];

pub(super) async fn set_up(global: &Global, of: &OfAcd, show: bool) -> Result<Exit> {
    let config = global.configuration()?;
    pushed_to::<SyncQm>(&config)?;
    let secrets = Arc::new(open::secrets(&config)?);
    let services = open::services(&config, Arc::clone(&secrets), None).await?;
    let services = open::chosen(services, &config, of.acd.as_deref())?;
    let acds = services.iter().map(|services| Pushing {
        acd: &services.acd,
        twilio: services.twilio.clone(),
    });
    at_twilio(global, &config, &secrets, acds.collect(), &TYPES, show).await
}
