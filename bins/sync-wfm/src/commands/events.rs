//! `events`: what Twilio pushes.

use std::sync::Arc;

use anyhow::Result;
use command_line::{Pushing, pushed_to, set_up as at_twilio};
use connector_config::SystemSecrets;
use service_runtime::Exit;

use crate::SyncWfm;
use crate::cli::{Global, OfAcd};
use crate::open;

/// The types that are subscribed to: what changes an agent's state or name, begins and ends what agents have in hand, and tells of hold. Offers change nothing.
const TYPES: [&str; 14] = [
    "com.twilio.taskrouter.worker.created",
    "com.twilio.taskrouter.worker.activity.update",
    "com.twilio.taskrouter.worker.attributes.update",
    "com.twilio.taskrouter.worker.deleted",
    "com.twilio.taskrouter.reservation.accepted",
    "com.twilio.taskrouter.reservation.wrapup",
    "com.twilio.taskrouter.reservation.completed",
    "com.twilio.taskrouter.reservation.canceled",
    "com.twilio.taskrouter.reservation.failed",
    "com.twilio.taskrouter.task.completed",
    "com.twilio.taskrouter.task.canceled",
    "com.twilio.taskrouter.task.deleted",
    "com.twilio.taskrouter.task.system-deleted",
    "com.twilio.voice.status-callback.conference.participant.updated",
];

pub(super) async fn set_up(global: &Global, of: &OfAcd, show: bool) -> Result<Exit> {
    let config = global.configuration()?;
    pushed_to::<SyncWfm>(&config)?;
    let configured = open::acds(&config, of.acd.as_deref())?;
    let secrets = Arc::new(config.resolve_secrets(&SystemSecrets)?);
    let services = open::services(&config, &secrets, None).await?;
    let acds = configured.into_iter().filter_map(|acd| {
        let services = services.iter().find(|services| services.key == acd.key())?;
        Some(Pushing {
            acd,
            twilio: services.twilio.clone(),
        })
    });
    at_twilio(global, &config, &secrets, acds.collect(), &TYPES, show).await
}

#[cfg(test)]
mod tests {
    use flex_events::EventType;

    use super::*;

    #[test]
    fn what_is_subscribed_to_is_what_the_reader_knows_and_an_agents_state_depends_on() {
        let mut known = Vec::new();
        for name in TYPES {
            let Some(name) = name.strip_prefix("com.twilio.taskrouter.") else {
                assert!(name.ends_with(".conference.participant.updated"), "{name}");
                continue;
            };
            let read = EventType::from_wire(name);
            assert_eq!(read.as_str(), name);
            assert!(!matches!(read, EventType::Other(_)), "{name}");
            known.push(read);
        }
        // Whatever ends a task ends what its agent has in hand.
        let ends = |kind: &&EventType| kind.ends_task();
        assert_eq!(known.iter().filter(ends).count(), 4, "{known:?}");
        assert!(known.contains(&EventType::WorkerActivityUpdate));
    }
}
