//! TaskRouter's event in its three dialects, read leniently into one type.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use twilio_sid::EventSid;

use crate::fields::{Dialect, Field, Fields};
use crate::value::{instant, kind};
use crate::{
    EventError, EventFamily, EventType, FlexEvent, ReservationFacts, Resource, TaskFacts,
    TaskStatus, WorkerFacts,
};

/// What stands before TaskRouter's own name of an event in the type of a `CloudEvent`.
pub(crate) const TASKROUTER_PREFIX: &str = "com.twilio.taskrouter.";

/// One item of the Events API's list.
pub(crate) fn read(item: &Value) -> Result<FlexEvent, EventError> {
    let top = object(item)?;
    let event = event_sid(&[top.get("sid")])?;
    let data =
        unpack(top.get("event_data")).ok_or_else(|| malformed_object(event, "event_data"))?;
    let mut fields = Fields {
        event,
        dialect: Dialect::EventsApi,
        top,
        data: &data,
        ignored: Vec::new(),
    };
    let event_type = fields.event_type()?;
    let at = fields.time(Field::EVENT_DATE_MS, &[Field::EVENT_DATE])?;
    fields.event(event_type, at)
}

/// One `CloudEvent` of Event Streams whose type starts with [`TASKROUTER_PREFIX`]. Its `data` may be a string that holds the object.
pub(crate) fn read_cloud_event(item: &Value) -> Result<FlexEvent, EventError> {
    let envelope = object(item)?;
    let data = unpack(envelope.get("data"));
    let payload = data.as_ref().and_then(|data| unpack(data.get("payload")));
    let event = event_sid(&[
        data.as_ref().and_then(|data| data.get("sid")),
        payload.as_ref().and_then(|payload| payload.get("sid")),
        envelope.get("id"),
    ])?;
    let (Some(data), Some(payload)) = (&data, &payload) else {
        let field = if data.is_some() {
            "data.payload"
        } else {
            "data"
        };
        return Err(malformed_object(event, field));
    };
    let mut fields = Fields {
        event,
        dialect: Dialect::CloudEvent,
        top: data,
        data: payload,
        ignored: Vec::new(),
    };
    // The type of the envelope decides: `eventtype` and `name` in Twilio's own examples are those of another event.
    let event_type = match envelope.get("type").and_then(Value::as_str) {
        Some(text) => EventType::from_wire(text.strip_prefix(TASKROUTER_PREFIX).unwrap_or(text)),
        None => {
            return Err(EventError::Missing {
                event,
                field: "type",
            });
        }
    };
    let sent = envelope
        .get("time")
        .and_then(Value::as_str)
        .and_then(instant);
    let told = fields.time(
        Field::TIMESTAMP_MS,
        &[Field::TIMESTAMP, Field::TOP_TIMESTAMP],
    );
    let at = match (told, sent) {
        (Ok(at), _) | (Err(_), Some(at)) => at,
        (Err(error), None) => return Err(error),
    };
    fields.event(event_type, at)
}

/// The fields of the workspace's event callback, as a JSON object of strings.
pub(crate) fn read_callback(item: &Value) -> Result<FlexEvent, EventError> {
    let top = object(item)?;
    let event = event_sid(&[top.get("Sid")])?;
    let mut fields = Fields {
        event,
        dialect: Dialect::Callback,
        top,
        data: top,
        ignored: Vec::new(),
    };
    let event_type = fields.event_type()?;
    let at = fields.time(Field::EVENT_DATE_MS, &[Field::EVENT_DATE])?;
    fields.event(event_type, at)
}

fn object(item: &Value) -> Result<&Map<String, Value>, EventError> {
    item.as_object()
        .ok_or_else(|| EventError::NotAnObject { found: kind(item) })
}

/// The first of these that is an event's SID; the fault of the first that is there where none is.
fn event_sid(candidates: &[Option<&Value>]) -> Result<EventSid, EventError> {
    let mut texts = candidates
        .iter()
        .filter_map(|value| value.and_then(Value::as_str));
    let first = texts.next().unwrap_or_default();
    first
        .parse()
        .or_else(|source| texts.find_map(|text| text.parse().ok()).ok_or(source))
        .map_err(|source| EventError::Unidentified { source })
}

/// An object; an object inside a string is taken as well, and null or nothing is an empty one.
pub(crate) fn unpack(value: Option<&Value>) -> Option<Cow<'_, Map<String, Value>>> {
    match value {
        None | Some(Value::Null) => Some(Cow::Owned(Map::new())),
        Some(Value::Object(data)) => Some(Cow::Borrowed(data)),
        Some(Value::String(text)) if text.trim().is_empty() => Some(Cow::Owned(Map::new())),
        Some(Value::String(text)) => serde_json::from_str(text).map(Cow::Owned).ok(),
        Some(_) => None,
    }
}

fn malformed_object(event: EventSid, field: &'static str) -> EventError {
    EventError::Malformed {
        event,
        field,
        expected: "a JSON object",
    }
}

impl Fields<'_> {
    fn event_type(&self) -> Result<EventType, EventError> {
        match self.first_text(&[Field::EVENT_TYPE]) {
            Some(text) => Ok(EventType::from_wire(&text)),
            None => Err(EventError::Missing {
                event: self.event,
                field: self.path(Field::EVENT_TYPE),
            }),
        }
    }

    fn event(mut self, event_type: EventType, at: DateTime<Utc>) -> Result<FlexEvent, EventError> {
        let account = self.deciding_sid(&[Field::TOP_ACCOUNT, Field::ACCOUNT])?;
        let workspace = self.deciding_sid(&[Field::TOP_WORKSPACE, Field::WORKSPACE])?;
        let task = self.task(&event_type)?;
        let reservation = self.reservation(&event_type)?;
        let worker = self.worker(&event_type)?;
        let resource = self
            .first_text(&[Field::TOP_RESOURCE, Field::RESOURCE])
            .map(|sid| Resource {
                kind: self
                    .first_text(&[Field::TOP_RESOURCE_TYPE, Field::RESOURCE_TYPE])
                    .map(|kind| kind.to_ascii_lowercase()),
                sid: sid.into_owned(),
            });
        Ok(FlexEvent {
            sid: self.event,
            event_type,
            at,
            account,
            workspace,
            resource,
            task,
            reservation,
            worker,
            ignored: self.ignored,
        })
    }

    fn task(&mut self, event_type: &EventType) -> Result<Option<TaskFacts>, EventError> {
        let is_subject = event_type.family() == EventFamily::Task;
        let Some(sid) = self.subject_sid(Field::TASK_SID, is_subject)? else {
            return Ok(None);
        };
        Ok(Some(TaskFacts {
            sid,
            attributes: self.attributes(Field::TASK_ATTRIBUTES),
            version: self.describing(Field::TASK_VERSION),
            status: self
                .text(Field::TASK_STATUS)
                .map(|text| TaskStatus::from(&*text)),
            age_seconds: self.describing(Field::TASK_AGE),
            priority: self.describing(Field::TASK_PRIORITY),
            created_at: self.describing_time(Field::TASK_CREATED),
            queue_sid: self.describing(Field::TASK_QUEUE_SID),
            queue_name: self.owned(Field::TASK_QUEUE_NAME),
            workflow_sid: self.describing(Field::WORKFLOW_SID),
            channel_sid: self.describing(Field::TASK_CHANNEL_SID),
            channel_unique_name: self.owned(Field::TASK_CHANNEL_NAME),
            canceled_reason: self.owned(Field::TASK_CANCELED_REASON),
            completed_reason: self.owned(Field::TASK_COMPLETED_REASON),
        }))
    }

    fn reservation(
        &mut self,
        event_type: &EventType,
    ) -> Result<Option<ReservationFacts>, EventError> {
        let is_subject = event_type.family() == EventFamily::Reservation;
        let Some(sid) = self.subject_sid(Field::RESERVATION_SID, is_subject)? else {
            return Ok(None);
        };
        Ok(Some(ReservationFacts {
            sid,
            version: self.describing(Field::RESERVATION_VERSION),
            status: event_type.reservation_status(),
            reason_code: self.describing(Field::RESERVATION_REASON_CODE),
        }))
    }

    fn worker(&mut self, event_type: &EventType) -> Result<Option<WorkerFacts>, EventError> {
        let is_subject = event_type.family() == EventFamily::Worker;
        let Some(sid) = self.subject_sid(Field::WORKER_SID, is_subject)? else {
            return Ok(None);
        };
        let millis = self.describing(Field::WORKER_PREVIOUS_ACTIVITY_MS);
        let seconds: Option<u64> = self.describing(Field::WORKER_PREVIOUS_ACTIVITY);
        Ok(Some(WorkerFacts {
            sid,
            name: self.owned(Field::WORKER_NAME),
            attributes: self.attributes(Field::WORKER_ATTRIBUTES),
            version: self.describing(Field::WORKER_VERSION),
            activity_sid: self.describing(Field::WORKER_ACTIVITY_SID),
            activity_name: self.owned(Field::WORKER_ACTIVITY_NAME),
            previous_activity_ms: millis
                .or_else(|| seconds.and_then(|seconds| seconds.checked_mul(1000))),
        }))
    }
}
