//! Telling Calabrio when an agent's screen is to be recorded.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use contact_model::{LegId, SessionId};
use http_retry::{Call, Deadlines, Idempotency, Request};
use serde::{Deserialize, Serialize};

use crate::client::CalabrioClient;
use crate::error::CalabrioError;
use crate::exchange::{Expect, Operation};
use crate::once::within;

const MESSAGE: Operation = Operation {
    call: "calabrio.screen.message",
    doing: "control a screen recording",
    permission: "the permission to control recordings (Record Screen)",
};

/// The most attempts at one message.
const ATTEMPTS: u32 = 3;

/// What a message for screen recording is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordingVerb {
    /// The leg began.
    Start,
    /// The leg ended.
    Stop,
    /// The customer was put on hold.
    Pause,
    /// The hold is over.
    Resume,
}

impl RecordingVerb {
    /// Every verb there is.
    pub const ALL: [Self; 4] = [Self::Start, Self::Stop, Self::Pause, Self::Resume];

    /// `start`, `stop`, `pause` or `resume`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }
}

impl fmt::Display for RecordingVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One message for screen recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingMessage {
    /// The leg; the contact that is imported later has the same.
    pub leg: LegId,
    /// The interaction, shared by all its legs.
    pub session: SessionId,
    /// The agent's id at the ACD: the worker's SID.
    pub agent_acd_id: String,
    /// What happened.
    pub verb: RecordingVerb,
    /// When it happened.
    pub at: DateTime<Utc>,
}

impl CalabrioClient {
    /// Whether messages with this verb are sent at all; the contract can switch them off (assumptions 801 and 803 to 806).
    pub fn sends_recording_messages(&self, verb: RecordingVerb) -> bool {
        let contract = &self.shared.settings.contract.screen_recording;
        contract.word(verb).is_some()
    }

    /// Sends one message, within [`message_time`](crate::CalabrioLimits::message_time), a login and every attempt included.
    ///
    /// It is tried again here only where Calabrio certainly did nothing with it: no connection, 425, 429, a session that had
    /// ended. Whether it still makes sense after that is for the caller to say, who knows what happened to the leg meanwhile:
    /// [`CalabrioError::is_not_sent`] tells whether Calabrio may have it already, [`CalabrioError::is_passing`] whether another
    /// attempt may bring more.
    ///
    /// Smart Desktop uploads nothing before a message arrives, so this call must not wait behind uploads: give the client an HTTP
    /// client of its own for it, see [`new_with_urgent`](CalabrioClient::new_with_urgent).
    pub async fn send_recording_message(
        &self,
        message: &RecordingMessage,
    ) -> Result<(), CalabrioError> {
        let shared = &self.shared;
        let contract = &shared.settings.contract.screen_recording;
        let Some(word) = contract.word(message.verb) else {
            return Err(CalabrioError::SwitchedOff {
                doing: MESSAGE.doing,
            });
        };
        let url = shared.url(&contract.path_of(word));
        let body = contract.body(message, word, shared.settings.acd_server_id);
        let begun = AtomicBool::new(false);
        let build = || {
            begun.store(true, Ordering::Relaxed);
            Request::post(url.clone()).json(&body)
        };
        let time = shared.settings.limits.message_time;
        let call = Call::new(MESSAGE.call, Idempotency::SafeIfUnsent).deadlines(Deadlines {
            headers: time,
            idle: time,
            slot: time,
            ..Deadlines::default()
        });
        let call = within(call, ATTEMPTS, time);
        let sending = shared.exchange(
            shared.urgent(),
            &call,
            &MESSAGE,
            Expect::Success,
            &[],
            &build,
        );
        match tokio::time::timeout(time, sending).await {
            Ok(sent) => sent.map(drop),
            Err(_) => Err(CalabrioError::OutOfTime {
                doing: MESSAGE.doing,
                within: time,
                sent: begun.load(Ordering::Relaxed),
            }),
        }
    }
}
