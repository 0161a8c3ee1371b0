//! Messages for screen recording: written down with the time they came.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Calabrio, shape_fault};
use crate::http::{Ctx, Inbound, Outbound};

/// How many messages are kept.
const KEPT: usize = 100_000;

/// The words there are.
const VERBS: [&str; 4] = ["start", "stop", "pause", "resume"];

/// A message for screen recording that came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ScreenMessage {
    /// `start`, `stop`, `pause` or `resume`.
    pub verb: String,
    /// The leg.
    pub leg: String,
    /// The interaction.
    pub session: Option<String>,
    /// The agent's worker SID.
    pub agent: String,
    /// When it happened, as the message tells.
    pub at: Option<DateTime<Utc>>,
    /// When the message came.
    pub received_at: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    command: String,
    acd_id: String,
    #[serde(default)]
    acd_server_id: Option<u32>,
    call_id: String,
    #[serde(default)]
    assoc_call_id: Option<String>,
    #[serde(default)]
    time: Option<i64>,
}

/// All messages, in the order they came.
#[derive(Default)]
pub(super) struct Screens(Mutex<Vec<ScreenMessage>>);

impl Screens {
    fn lock(&self) -> MutexGuard<'_, Vec<ScreenMessage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calabrio {
    /// Every message for screen recording, in the order they came.
    pub(crate) fn screen_messages(&self) -> Vec<ScreenMessage> {
        self.screens.lock().clone()
    }

    pub(super) fn screen_message(&self, req: &Inbound, ctx: &Ctx) -> Outbound {
        let body: Body = match serde_json::from_slice(&req.body) {
            Ok(body) => body,
            Err(fault) => {
                ctx.violation(format!(
                    "a body of no message for screen recording: {}",
                    shape_fault(&fault)
                ));
                return self.error(400, "the message could not be read");
            }
        };
        if !VERBS.contains(&body.command.as_str()) {
            ctx.violation("a message for screen recording with an unknown verb");
            return self.error(400, "unknown command");
        }
        if body.acd_server_id.is_some_and(|id| id != super::ACD_SERVER) {
            ctx.violation("a message for screen recording of another ACD server");
        }
        if !self.people.knows(&body.acd_id) {
            return self.error(404, "no such agent");
        }
        let mut messages = self.screens.lock();
        if messages.len() < KEPT {
            messages.push(ScreenMessage {
                verb: body.command,
                leg: body.call_id,
                session: body.assoc_call_id,
                agent: body.acd_id,
                at: body.time.and_then(DateTime::from_timestamp_millis),
                received_at: ctx.now,
            });
        }
        Outbound::empty(200)
    }
}
