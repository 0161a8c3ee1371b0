//! Event Streams as it is set up: sinks, and subscriptions of event types that lead to them. Some are somebody else's.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::dice::Dice;
use crate::scenario::Push;

/// The types that tell of tasks and conferences, with the schema version that is current.
pub(crate) const TYPES: [(&str, u32); 24] = [
    ("com.twilio.taskrouter.reservation.accepted", 4),
    ("com.twilio.taskrouter.reservation.canceled", 4),
    ("com.twilio.taskrouter.reservation.completed", 4),
    ("com.twilio.taskrouter.reservation.created", 4),
    ("com.twilio.taskrouter.reservation.failed", 4),
    ("com.twilio.taskrouter.reservation.rejected", 4),
    ("com.twilio.taskrouter.reservation.rescinded", 4),
    ("com.twilio.taskrouter.reservation.timeout", 4),
    ("com.twilio.taskrouter.reservation.wrapup", 4),
    ("com.twilio.taskrouter.task.canceled", 4),
    ("com.twilio.taskrouter.task.completed", 4),
    ("com.twilio.taskrouter.task.created", 4),
    ("com.twilio.taskrouter.task.deleted", 4),
    ("com.twilio.taskrouter.task.system-deleted", 4),
    ("com.twilio.taskrouter.task.transfer-completed", 4),
    ("com.twilio.taskrouter.task.transfer-initiated", 4),
    ("com.twilio.taskrouter.task.updated", 4),
    ("com.twilio.taskrouter.task.wrapup", 4),
    ("com.twilio.taskrouter.task-queue.entered", 4),
    ("com.twilio.taskrouter.worker.activity.update", 4),
    ("com.twilio.taskrouter.workflow.entered", 4),
    ("com.twilio.taskrouter.workflow.target-matched", 4),
    (
        "com.twilio.voice.status-callback.conference.participant.updated",
        1,
    ),
    ("com.twilio.voice.status-callback.conference.updated", 1),
];

/// Where events go.
#[derive(Debug, Clone)]
pub(crate) struct Sink {
    pub(crate) sid: String,
    pub(crate) description: String,
    pub(crate) kind: String,
    /// JSON, as it was given.
    pub(crate) configuration: Value,
    pub(crate) active: bool,
    /// Of somebody whom the connector has no business with.
    pub(crate) foreign: bool,
    pub(crate) created: DateTime<Utc>,
}

impl Sink {
    /// The address that a webhook sink leads to.
    pub(crate) fn destination(&self) -> Option<&str> {
        self.configuration.get("destination")?.as_str()
    }

    /// Whether several events come in one request.
    pub(crate) fn batches(&self) -> bool {
        match self.configuration.get("batch_events") {
            Some(Value::Bool(batches)) => *batches,
            Some(Value::String(text)) => text == "true",
            _ => false,
        }
    }
}

/// Which types go to a sink.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) sid: String,
    pub(crate) sink: String,
    pub(crate) description: String,
    /// Schema versions by type.
    pub(crate) types: BTreeMap<String, u32>,
    pub(crate) foreign: bool,
    pub(crate) created: DateTime<Utc>,
}

/// An event that is to try a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SinkTest {
    pub(crate) sink: String,
    pub(crate) id: String,
}

/// Everything that is set up.
#[derive(Debug, Default)]
pub(crate) struct SetUp {
    pub(crate) sinks: Vec<Sink>,
    pub(crate) subscriptions: Vec<Subscription>,
    /// Tests that were asked for and are not sent yet.
    pub(crate) tests: Vec<SinkTest>,
    /// The last test of each sink.
    pub(crate) tested: BTreeMap<String, String>,
    made: u64,
}

impl SetUp {
    /// A SID that nothing else has.
    pub(crate) fn sid(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}{:032x}", 0xf1e5_u64 << 32 | self.made)
    }
}

/// What is set up, and changes.
#[derive(Debug, Default)]
pub(crate) struct Streams(Mutex<SetUp>);

impl Streams {
    /// What others have set up; and, where events are to be pushed from the start, what leads to the connector.
    pub(crate) fn of(
        dice: &mut Dice,
        now: DateTime<Utc>,
        push: Option<&Push>,
        destination: Option<String>,
    ) -> Self {
        let created = now - TimeDelta::days(90);
        let mut set_up = SetUp::default();
        let sink = |dice: &mut Dice, description: &str, kind: &str, configuration, foreign| Sink {
            sid: dice.sid("DG"),
            description: description.to_owned(),
            kind: kind.to_owned(),
            configuration,
            active: true,
            foreign,
            created,
        };
        let lake = json!({"arn": "arn:aws:kinesis:us-east-1:111111111111:stream/lake", "role_arn": "arn:aws:iam::111111111111:role/lake",
            "external_id": "1234567890"});
        let other = json!({"destination": "https://analytics.example/twilio", "method": "POST", "batch_events": true});
        for (description, kind, configuration) in [
            ("Data lake", "kinesis", lake),
            ("Analytics", "webhook", other),
        ] {
            let sink = sink(dice, description, kind, configuration, true);
            set_up.subscriptions.push(Subscription {
                sid: dice.sid("DF"),
                sink: sink.sid.clone(),
                description: format!("{description} subscription"),
                types: TYPES
                    .iter()
                    .take(9)
                    .map(|(name, version)| ((*name).to_owned(), *version))
                    .collect(),
                foreign: true,
                created,
            });
            set_up.sinks.push(sink);
        }
        if let (Some(push), Some(destination)) =
            (push.filter(|push| push.event_streams), destination)
        {
            let configuration = json!({
                "destination": destination, "method": "POST", "batch_events": push.batch,
            });
            let sink = sink(dice, "Calabrio connector", "webhook", configuration, false);
            set_up.subscriptions.push(Subscription {
                sid: dice.sid("DF"),
                sink: sink.sid.clone(),
                description: "Calabrio connector".to_owned(),
                types: TYPES
                    .iter()
                    .map(|(name, version)| ((*name).to_owned(), *version))
                    .collect(),
                foreign: false,
                created,
            });
            set_up.sinks.push(sink);
        }
        Self(Mutex::new(set_up))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, SetUp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The webhook sinks that want events of a type.
    pub(crate) fn wanting(&self, kind: &str) -> Vec<Sink> {
        let set_up = self.lock();
        let subscribed = |sink: &Sink| {
            let mut subscriptions = set_up.subscriptions.iter();
            subscriptions.any(|it| it.sink == sink.sid && it.types.contains_key(kind))
        };
        let webhooks = set_up.sinks.iter().filter(|sink| sink.kind == "webhook");
        webhooks.filter(|sink| subscribed(sink)).cloned().collect()
    }
}
