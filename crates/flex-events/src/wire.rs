//! The Events API's JSON, read leniently.

use std::borrow::Cow;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use twilio_sid::{EventSid, SidError};

use crate::{
    Attributes, EventError, EventFamily, EventType, FlexEvent, ReservationFacts, Resource,
    TaskFacts, TaskStatus, WorkerFacts,
};

pub(crate) fn read(item: &Value) -> Result<FlexEvent, EventError> {
    let Value::Object(top) = item else {
        return Err(EventError::NotAnObject { found: kind(item) });
    };
    let sid = match top.get("sid") {
        Some(Value::String(text)) => text.parse::<EventSid>(),
        _ => "".parse(),
    }
    .map_err(|source| EventError::Unidentified { source })?;

    let data = event_data(sid, top.get("event_data"))?;
    let mut fields = Fields {
        event: sid,
        top,
        data: &data,
        ignored: Vec::new(),
    };

    let event_type = match fields.top_text("event_type") {
        Some(text) => EventType::from_wire(&text),
        None => {
            return Err(EventError::Missing {
                event: sid,
                field: "event_type",
            });
        }
    };
    let at = fields.time()?;
    let account = fields.deciding_sid(&["account_sid"])?;
    let workspace = fields.deciding_sid(&["workspace_sid", "event_data.workspace_sid"])?;
    let task = fields.task(&event_type)?;
    let reservation = fields.reservation(&event_type)?;
    let worker = fields.worker(&event_type)?;
    let resource = fields.top_text("resource_sid").map(|sid| Resource {
        kind: fields
            .top_text("resource_type")
            .map(|kind| kind.to_ascii_lowercase()),
        sid: sid.into_owned(),
    });
    Ok(FlexEvent {
        sid,
        event_type,
        at,
        account,
        workspace,
        resource,
        task,
        reservation,
        worker,
        ignored: fields.ignored,
    })
}

/// `event_data` is an object; an object inside a string is taken as well, and null or nothing is an empty one.
fn event_data(
    event: EventSid,
    value: Option<&Value>,
) -> Result<Cow<'_, Map<String, Value>>, EventError> {
    let malformed = EventError::Malformed {
        event,
        field: "event_data",
        expected: "a JSON object",
    };
    match value {
        None | Some(Value::Null) => Ok(Cow::Owned(Map::new())),
        Some(Value::Object(data)) => Ok(Cow::Borrowed(data)),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(Cow::Owned(Map::new())),
        Some(Value::String(text)) => serde_json::from_str(text)
            .map(Cow::Owned)
            .map_err(|_| malformed),
        Some(_) => Err(malformed),
    }
}

struct Fields<'a> {
    event: EventSid,
    top: &'a Map<String, Value>,
    data: &'a Map<String, Value>,
    ignored: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    fn top_text(&self, name: &str) -> Option<Cow<'a, str>> {
        scalar(self.top.get(name)?)
    }

    /// The value of a path: `event_data.x` or `x`.
    fn value(&self, path: &str) -> Option<&'a Value> {
        match path.strip_prefix("event_data.") {
            Some(name) => self.data.get(name),
            None => self.top.get(path),
        }
    }

    /// The value as text. Something that is there and is neither text nor number is noted and left out.
    fn text(&mut self, path: &'static str) -> Option<Cow<'a, str>> {
        let value = self.value(path)?;
        if matches!(value, Value::Array(_) | Value::Object(_)) {
            self.ignored.push(path);
        }
        scalar(value)
    }

    fn owned(&mut self, path: &'static str) -> Option<String> {
        self.text(path).map(Cow::into_owned)
    }

    /// A value that only describes: what cannot be read is noted and left out.
    fn describing<T: FromStr>(&mut self, path: &'static str) -> Option<T> {
        let parsed = self.text(path)?.trim().parse().ok();
        if parsed.is_none() {
            self.ignored.push(path);
        }
        parsed
    }

    fn describing_time(&mut self, path: &'static str) -> Option<DateTime<Utc>> {
        let parsed = date(self.text(path)?.trim());
        if parsed.is_none() {
            self.ignored.push(path);
        }
        parsed
    }

    /// Attributes are a string that holds JSON; JSON itself is taken as well.
    fn attributes(&self, path: &'static str) -> Option<Attributes> {
        match self.value(path)? {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(Attributes::new(text.as_str())),
            other => Some(Attributes::new(other.to_string())),
        }
    }

    /// The first of these paths that holds something must hold a SID of this kind.
    fn deciding_sid<T: FromStr<Err = SidError>>(
        &self,
        paths: &[&'static str],
    ) -> Result<Option<T>, EventError> {
        for field in paths.iter().copied() {
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
                            field,
                            source,
                        });
                }
                Some(_) => {
                    return Err(EventError::Malformed {
                        event: self.event,
                        field,
                        expected: "a SID as a string",
                    });
                }
            }
        }
        Ok(None)
    }

    /// The SID that an event of this family cannot be without; `resource_sid` holds it too.
    fn subject_sid<T: FromStr<Err = SidError>>(
        &self,
        field: &'static str,
        is_subject: bool,
    ) -> Result<Option<T>, EventError> {
        if !is_subject {
            return self.deciding_sid(&[field]);
        }
        match self.deciding_sid(&[field, "resource_sid"])? {
            Some(sid) => Ok(Some(sid)),
            None => Err(EventError::Missing {
                event: self.event,
                field,
            }),
        }
    }

    /// Milliseconds first, whole seconds where they are missing or no time at all.
    fn time(&mut self) -> Result<DateTime<Utc>, EventError> {
        let millis = self.top_text("event_date_ms");
        let parsed = millis
            .as_ref()
            .and_then(|text| text.trim().parse().ok())
            .and_then(DateTime::from_timestamp_millis);
        if let Some(at) = parsed {
            return Ok(at);
        }
        if self
            .top
            .get("event_date_ms")
            .is_some_and(|value| !value.is_null())
        {
            self.ignored.push("event_date_ms");
        }
        match self.top_text("event_date") {
            None if millis.is_some() => Err(EventError::Malformed {
                event: self.event,
                field: "event_date_ms",
                expected: "a time in milliseconds since 1970",
            }),
            None => Err(EventError::Missing {
                event: self.event,
                field: "event_date_ms",
            }),
            Some(text) => date(text.trim()).ok_or(EventError::Malformed {
                event: self.event,
                field: "event_date",
                expected: "a time in ISO 8601",
            }),
        }
    }

    fn task(&mut self, event_type: &EventType) -> Result<Option<TaskFacts>, EventError> {
        let is_subject = event_type.family() == EventFamily::Task;
        let Some(sid) = self.subject_sid("event_data.task_sid", is_subject)? else {
            return Ok(None);
        };
        Ok(Some(TaskFacts {
            sid,
            attributes: self.attributes("event_data.task_attributes"),
            version: self.describing("event_data.task_version"),
            status: self
                .text("event_data.task_assignment_status")
                .map(|text| TaskStatus::from(&*text)),
            age_seconds: self.describing("event_data.task_age"),
            priority: self.describing("event_data.task_priority"),
            created_at: self.describing_time("event_data.task_date_created"),
            queue_sid: self.describing("event_data.task_queue_sid"),
            queue_name: self.owned("event_data.task_queue_name"),
            workflow_sid: self.describing("event_data.workflow_sid"),
            channel_sid: self.describing("event_data.task_channel_sid"),
            channel_unique_name: self.owned("event_data.task_channel_unique_name"),
            canceled_reason: self.owned("event_data.task_canceled_reason"),
            completed_reason: self.owned("event_data.task_completed_reason"),
        }))
    }

    fn reservation(
        &mut self,
        event_type: &EventType,
    ) -> Result<Option<ReservationFacts>, EventError> {
        let is_subject = event_type.family() == EventFamily::Reservation;
        let Some(sid) = self.subject_sid("event_data.reservation_sid", is_subject)? else {
            return Ok(None);
        };
        Ok(Some(ReservationFacts {
            sid,
            version: self.describing("event_data.reservation_version"),
            status: event_type.reservation_status(),
            reason_code: self.describing("event_data.reservation_reason_code"),
        }))
    }

    fn worker(&mut self, event_type: &EventType) -> Result<Option<WorkerFacts>, EventError> {
        let is_subject = event_type.family() == EventFamily::Worker;
        let Some(sid) = self.subject_sid("event_data.worker_sid", is_subject)? else {
            return Ok(None);
        };
        let millis = self.describing("event_data.worker_time_in_previous_activity_ms");
        let seconds: Option<u64> = self.describing("event_data.worker_time_in_previous_activity");
        Ok(Some(WorkerFacts {
            sid,
            name: self.owned("event_data.worker_name"),
            attributes: self.attributes("event_data.worker_attributes"),
            version: self.describing("event_data.worker_version"),
            activity_sid: self.describing("event_data.worker_activity_sid"),
            activity_name: self.owned("event_data.worker_activity_name"),
            previous_activity_ms: millis
                .or_else(|| seconds.and_then(|seconds| seconds.checked_mul(1000))),
        }))
    }
}

/// Text, number or boolean as text. An empty text is nothing.
fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(flag) => Some(Cow::Owned(flag.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// ISO 8601 with a zone, or the RFC 2822 form of Twilio's older API.
fn date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_rfc2822(text))
        .ok()
        .map(|at| at.with_timezone(&Utc))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
