//! One accessor for the fields of a TaskRouter event, whichever way they are spelt.
//!
//! The Events API, Event Streams and the workspace's event callback tell the same facts in three dialects. A [`Field`] knows its name in each,
//! so that whoever reads an event names a fact once, and an error names it as it stands on the wire.

use std::borrow::Cow;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use twilio_sid::{EventSid, SidError};

use crate::value::{instant, scalar};
use crate::{Attributes, EventError};

/// How an event spells its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The Events API: snake case, the facts below `event_data`.
    EventsApi,
    /// Event Streams: snake case, the facts below `data.payload` of a `CloudEvent`.
    CloudEvent,
    /// The workspace's event callback: camel case, one flat form.
    Callback,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Data,
}

/// One fact, by its name in each dialect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    place: Place,
    name: &'static str,
    api: &'static str,
    cloud: &'static str,
    callback: &'static str,
}

macro_rules! top {
    ($($constant:ident $snake:literal $camel:literal;)+) => {$(
        pub(crate) const $constant: Field = Field {
            place: Place::Top, name: $snake, api: $snake, cloud: concat!("data.", $snake), callback: $camel,
        };
    )+};
}

macro_rules! data {
    ($($constant:ident $snake:literal $camel:literal;)+) => {$(
        pub(crate) const $constant: Field = Field {
            place: Place::Data, name: $snake, api: concat!("event_data.", $snake),
            cloud: concat!("data.payload.", $snake), callback: $camel,
        };
    )+};
}

impl Field {
    top! {
        TOP_ACCOUNT "account_sid" "AccountSid";
        TOP_WORKSPACE "workspace_sid" "WorkspaceSid";
        TOP_RESOURCE "resource_sid" "ResourceSid";
        TOP_RESOURCE_TYPE "resource_type" "ResourceType";
        TOP_TIMESTAMP "timestamp" "Timestamp";
        EVENT_TYPE "event_type" "EventType";
        EVENT_DATE "event_date" "Timestamp";
        EVENT_DATE_MS "event_date_ms" "TimestampMs";
    }
    data! {
        ACCOUNT "account_sid" "AccountSid";
        WORKSPACE "workspace_sid" "WorkspaceSid";
        RESOURCE "resource_sid" "ResourceSid";
        RESOURCE_TYPE "resource_type" "ResourceType";
        TIMESTAMP "timestamp" "Timestamp";
        TIMESTAMP_MS "timestamp_ms" "TimestampMs";
        TASK_SID "task_sid" "TaskSid";
        TASK_ATTRIBUTES "task_attributes" "TaskAttributes";
        TASK_VERSION "task_version" "TaskVersion";
        TASK_STATUS "task_assignment_status" "TaskAssignmentStatus";
        TASK_AGE "task_age" "TaskAge";
        TASK_PRIORITY "task_priority" "TaskPriority";
        TASK_CREATED "task_date_created" "TaskDateCreated";
        TASK_QUEUE_SID "task_queue_sid" "TaskQueueSid";
        TASK_QUEUE_NAME "task_queue_name" "TaskQueueName";
        TASK_CHANNEL_SID "task_channel_sid" "TaskChannelSid";
        TASK_CHANNEL_NAME "task_channel_unique_name" "TaskChannelUniqueName";
        TASK_CANCELED_REASON "task_canceled_reason" "TaskCanceledReason";
        TASK_COMPLETED_REASON "task_completed_reason" "TaskCompletedReason";
        WORKFLOW_SID "workflow_sid" "WorkflowSid";
        RESERVATION_SID "reservation_sid" "ReservationSid";
        RESERVATION_VERSION "reservation_version" "ReservationVersion";
        RESERVATION_REASON_CODE "reservation_reason_code" "ReservationReasonCode";
        WORKER_SID "worker_sid" "WorkerSid";
        WORKER_NAME "worker_name" "WorkerName";
        WORKER_ATTRIBUTES "worker_attributes" "WorkerAttributes";
        WORKER_VERSION "worker_version" "WorkerVersion";
        WORKER_ACTIVITY_SID "worker_activity_sid" "WorkerActivitySid";
        WORKER_ACTIVITY_NAME "worker_activity_name" "WorkerActivityName";
        WORKER_PREVIOUS_ACTIVITY_MS "worker_time_in_previous_activity_ms" "WorkerTimeInPreviousActivityMs";
        WORKER_PREVIOUS_ACTIVITY "worker_time_in_previous_activity" "WorkerTimeInPreviousActivity";
    }

    /// Where the field stands on the wire.
    pub(crate) fn path(self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::EventsApi => self.api,
            Dialect::CloudEvent => self.cloud,
            Dialect::Callback => self.callback,
        }
    }
}

/// The fields of one event that is known by its SID.
pub(crate) struct Fields<'a> {
    pub(crate) event: EventSid,
    pub(crate) dialect: Dialect,
    pub(crate) top: &'a Map<String, Value>,
    pub(crate) data: &'a Map<String, Value>,
    pub(crate) ignored: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(crate) fn value(&self, field: Field) -> Option<&'a Value> {
        match (self.dialect, field.place) {
            (Dialect::Callback, _) => self.top.get(field.callback),
            (_, Place::Top) => self.top.get(field.name),
            (_, Place::Data) => self.data.get(field.name),
        }
    }

    pub(crate) fn path(&self, field: Field) -> &'static str {
        field.path(self.dialect)
    }

    /// The first of these fields that holds a text, a number or a boolean.
    pub(crate) fn first_text(&self, fields: &[Field]) -> Option<Cow<'a, str>> {
        fields
            .iter()
            .find_map(|field| self.value(*field).and_then(scalar))
    }

    /// The value as text. Something that is there and is neither text nor number is noted and left out.
    pub(crate) fn text(&mut self, field: Field) -> Option<Cow<'a, str>> {
        let value = self.value(field)?;
        if matches!(value, Value::Array(_) | Value::Object(_)) {
            self.ignored.push(self.path(field));
        }
        scalar(value)
    }

    pub(crate) fn owned(&mut self, field: Field) -> Option<String> {
        self.text(field).map(Cow::into_owned)
    }

    /// A value that only describes: what cannot be read is noted and left out.
    pub(crate) fn describing<T: FromStr>(&mut self, field: Field) -> Option<T> {
        let parsed = self.text(field)?.trim().parse().ok();
        if parsed.is_none() {
            self.ignored.push(self.path(field));
        }
        parsed
    }

    pub(crate) fn describing_time(&mut self, field: Field) -> Option<DateTime<Utc>> {
        let parsed = instant(&self.text(field)?);
        if parsed.is_none() {
            self.ignored.push(self.path(field));
        }
        parsed
    }

    /// Attributes are a string that holds JSON; JSON itself is taken as well.
    pub(crate) fn attributes(&self, field: Field) -> Option<Attributes> {
        match self.value(field)? {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(Attributes::new(text.as_str())),
            other => Some(Attributes::new(other.to_string())),
        }
    }

    /// The first of these fields that holds something must hold a SID of this kind.
    pub(crate) fn deciding_sid<T: FromStr<Err = SidError>>(
        &self,
        fields: &[Field],
    ) -> Result<Option<T>, EventError> {
        for field in fields.iter().copied() {
            match self.value(field) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) if text.trim().is_empty() => {}
                Some(Value::String(text)) => {
                    return text
                        .trim()
                        .parse()
                        .map(Some)
                        .map_err(|source| EventError::Sid {
                            event: self.event,
                            field: self.path(field),
                            source,
                        });
                }
                Some(_) => {
                    return Err(EventError::Malformed {
                        event: self.event,
                        field: self.path(field),
                        expected: "a SID as a string",
                    });
                }
            }
        }
        Ok(None)
    }

    /// The SID that an event of this family cannot be without; the resource's SID holds it too.
    pub(crate) fn subject_sid<T: FromStr<Err = SidError>>(
        &self,
        field: Field,
        is_subject: bool,
    ) -> Result<Option<T>, EventError> {
        if !is_subject {
            return self.deciding_sid(&[field]);
        }
        match self.deciding_sid(&[field, Field::TOP_RESOURCE, Field::RESOURCE])? {
            Some(sid) => Ok(Some(sid)),
            None => Err(EventError::Missing {
                event: self.event,
                field: self.path(field),
            }),
        }
    }

    /// Milliseconds first, a date where they are missing or no time at all.
    pub(crate) fn time(
        &mut self,
        millis: Field,
        dates: &[Field],
    ) -> Result<DateTime<Utc>, EventError> {
        let told = self.first_text(&[millis]);
        let parsed = told
            .as_ref()
            .and_then(|text| text.trim().parse().ok())
            .and_then(DateTime::from_timestamp_millis);
        if let Some(at) = parsed {
            return Ok(at);
        }
        if self.value(millis).is_some_and(|value| !value.is_null()) {
            self.ignored.push(self.path(millis));
        }
        let mut broken = told.map(|_| (millis, "a time in milliseconds since 1970"));
        for date in dates.iter().copied() {
            let Some(text) = self.first_text(&[date]) else {
                continue;
            };
            if let Some(at) = instant(&text) {
                return Ok(at);
            }
            broken = Some((date, "a time in ISO 8601"));
        }
        Err(match broken {
            Some((field, expected)) => EventError::Malformed {
                event: self.event,
                field: self.path(field),
                expected,
            },
            None => EventError::Missing {
                event: self.event,
                field: match (self.dialect, dates) {
                    // Milliseconds are no field of Event Streams; the date has them.
                    (Dialect::CloudEvent, [first, ..]) => self.path(*first),
                    _ => self.path(millis),
                },
            },
        })
    }
}
