//! Finds out which events a body holds and whose they are, in passing: nothing is read that does not tell that.

use std::borrow::Cow;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use twilio_sid::{EventSid, SidError};

use crate::participant::{Heard, is_conference_type};
use crate::text::{Nested, Text};
use crate::value::{instant, scalar};
use crate::wire::TASKROUTER_PREFIX;
use crate::{EventError, FormBody, Member, ParticipantChange, Topic, WireForm, split};

/// The longest id and the longest name of a type that is taken, in bytes.
const LONGEST_NAME: usize = 200;

/// The type of the event that Event Streams sends to a sink to try it.
const SINK_TEST: &str = "com.twilio.eventstreams.test-event";

/// The name that Twilio's feed of agent states gives to its snapshots.
const WORKER_CHANGE: &str = "WFMWorkerChange";

/// The members of a JSON body: an array of CloudEvents, a single `CloudEvent`, or the records of a `WFMWorkerChange`.
///
/// Each member is looked at for itself, and a broken one costs nobody else: the array is cut at its commas before anything in it is trusted.
/// The error says that the body is no such thing at all.
pub fn json_members(body: &[u8]) -> Result<Vec<Result<Member<'_>, EventError>>, EventError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if let Some(members) = split::members(body) {
        return Ok(members.into_iter().map(cloud_event).collect());
    }
    let text = utf8(body)?;
    let top: Top<'_> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    if top.object.get() == Some(WORKER_CHANGE) {
        let records = top
            .records
            .and_then(|records| split::members(records.get().as_bytes()))
            .ok_or(unusable(WireForm::WorkerChange, "records", "an array"))?;
        return Ok(records.into_iter().map(worker_change).collect());
    }
    Ok(vec![cloud_event(body)])
}

/// The one event of a form body: of the workspace's event callback, or of a conference's status callback.
pub fn form_member(form: &FormBody<'_>) -> Result<Member<'static>, EventError> {
    let fields = |name: &str| form.get(name);
    let kept = |member| Member {
        json: Cow::Owned(form.to_json()),
        ..member
    };
    if form.get("StatusCallbackEvent").is_some() && form.get("ConferenceSid").is_some() {
        return conference_callback(fields).map(kept);
    }
    if form.get("EventType").is_some() {
        return taskrouter_callback(fields).map(kept);
    }
    Err(EventError::UnknownForm)
}

/// One event that was kept, looked at again.
pub(crate) fn member(form: WireForm, json: &[u8]) -> Result<Member<'_>, EventError> {
    match form {
        WireForm::CloudEvent => cloud_event(json),
        WireForm::WorkerChange => worker_change(json),
        WireForm::TaskRouterCallback | WireForm::ConferenceCallback => {
            let object: Map<String, Value> =
                serde_json::from_str(utf8(json)?).map_err(|error| not_json(&error))?;
            let fields = |name: &str| object.get(name).and_then(scalar);
            match form {
                WireForm::ConferenceCallback => conference_callback(fields),
                _ => taskrouter_callback(fields),
            }
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Top<'a> {
    object: Text,
    #[serde(borrow)]
    records: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Envelope {
    r#type: Text,
    id: Text,
    time: Text,
    data: Nested<Data>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Data {
    sid: Text,
    account_sid: Text,
    #[serde(rename = "AccountSid")]
    account: Text,
    workspace_sid: Text,
    timestamp: Text,
    test_id: Text,
    payload: Nested<Payload>,
    request: Nested<Request>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Payload {
    sid: Text,
    account_sid: Text,
    workspace_sid: Text,
    timestamp: Text,
    timestamp_ms: Text,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Request {
    parameters: Nested<Parameters>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Parameters {
    account_sid: Text,
    conference_sid: Text,
    call_sid: Text,
    status_callback_event: Text,
    sequence_number: Text,
    timestamp: Text,
}

fn cloud_event(json: &[u8]) -> Result<Member<'_>, EventError> {
    const FORM: WireForm = WireForm::CloudEvent;
    let envelope: Envelope = serde_json::from_str(utf8(json)?).map_err(|error| not_json(&error))?;
    let kind = name(FORM, "type", envelope.r#type.get())?;
    let none = Data::default();
    let data = envelope.data.get().unwrap_or(&none);
    let none = Payload::default();
    let payload = data.payload.get().unwrap_or(&none);
    let none = Parameters::default();
    let parameters = data
        .request
        .get()
        .and_then(|request| request.parameters.get())
        .unwrap_or(&none);

    let heard = Heard {
        conference: parameters.conference_sid.get(),
        call: parameters.call_sid.get(),
        event: parameters.status_callback_event.get(),
        sequence: parameters.sequence_number.get(),
        timestamp: parameters.timestamp.get(),
    };
    let topic = if kind.starts_with(TASKROUTER_PREFIX) {
        Topic::TaskRouter
    } else if is_conference_type(&kind)
        && heard.event.and_then(ParticipantChange::from_wire).is_some()
    {
        Topic::Conference
    } else if kind == SINK_TEST {
        Topic::SinkTest {
            test_id: data.test_id.get().map(str::to_owned),
        }
    } else {
        Topic::Unread
    };
    let id = match topic {
        Topic::TaskRouter => [data.sid.get(), payload.sid.get(), envelope.id.get()]
            .into_iter()
            .flatten()
            .find_map(|text| text.parse::<EventSid>().ok())
            .map(|sid| sid.to_string())
            .ok_or(unusable(FORM, "data.sid", "an event SID"))?,
        Topic::Conference => match heard.id() {
            Some(id) => id,
            None => name(FORM, "id", envelope.id.get())?,
        },
        _ => String::new(),
    };
    let account = [
        ("data.account_sid", &data.account_sid),
        ("data.AccountSid", &data.account),
        ("data.payload.account_sid", &payload.account_sid),
        (
            "data.request.parameters.AccountSid",
            &parameters.account_sid,
        ),
    ];
    let workspace = [
        ("data.workspace_sid", &data.workspace_sid),
        ("data.payload.workspace_sid", &payload.workspace_sid),
    ];
    let times = [
        payload.timestamp_ms.get(),
        payload.timestamp.get(),
        data.timestamp.get(),
        parameters.timestamp.get(),
        envelope.time.get(),
    ];
    Ok(Member {
        form: FORM,
        topic,
        id,
        kind,
        account: owner(FORM, account.map(|(field, text)| (field, text.get())))?,
        workspace: owner(FORM, workspace.map(|(field, text)| (field, text.get())))?,
        at: times.into_iter().flatten().find_map(instant),
        json: Cow::Borrowed(json),
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Record {
    account_sid: Text,
    workspace_sid: Text,
    date_last_processed_event: Text,
}

fn worker_change(json: &[u8]) -> Result<Member<'_>, EventError> {
    const FORM: WireForm = WireForm::WorkerChange;
    let record: Record = serde_json::from_str(utf8(json)?).map_err(|error| not_json(&error))?;
    Ok(Member {
        form: FORM,
        topic: Topic::Worker,
        // A snapshot has no id of its own, and two of one agent may name the same last event.
        id: format!("WFM/{}", hex::encode(digest(&SHA256, json))),
        kind: WORKER_CHANGE.to_owned(),
        account: owner(FORM, [("account_sid", record.account_sid.get())])?,
        workspace: owner(FORM, [("workspace_sid", record.workspace_sid.get())])?,
        at: record.date_last_processed_event.get().and_then(instant),
        json: Cow::Borrowed(json),
    })
}

fn taskrouter_callback<'f>(
    fields: impl Fn(&str) -> Option<Cow<'f, str>>,
) -> Result<Member<'static>, EventError> {
    const FORM: WireForm = WireForm::TaskRouterCallback;
    let sid = fields("Sid")
        .and_then(|text| text.trim().parse::<EventSid>().ok())
        .ok_or(unusable(FORM, "Sid", "an event SID"))?;
    let time = fields("TimestampMs").or_else(|| fields("Timestamp"));
    Ok(Member {
        form: FORM,
        topic: Topic::TaskRouter,
        id: sid.to_string(),
        kind: name(FORM, "EventType", fields("EventType").as_deref())?,
        account: owner(FORM, [("AccountSid", fields("AccountSid").as_deref())])?,
        workspace: owner(FORM, [("WorkspaceSid", fields("WorkspaceSid").as_deref())])?,
        at: time.as_deref().and_then(instant),
        json: Cow::Borrowed(&[]),
    })
}

fn conference_callback<'f>(
    fields: impl Fn(&str) -> Option<Cow<'f, str>>,
) -> Result<Member<'static>, EventError> {
    const FORM: WireForm = WireForm::ConferenceCallback;
    let texts = [
        "ConferenceSid",
        "CallSid",
        "StatusCallbackEvent",
        "SequenceNumber",
        "Timestamp",
    ]
    .map(&fields);
    let [conference, call, event, sequence, timestamp] = texts.each_ref().map(Option::as_deref);
    let heard = Heard {
        conference,
        call,
        event,
        sequence,
        timestamp,
    };
    let (topic, id) = match event.and_then(ParticipantChange::from_wire) {
        Some(_) => {
            let expected = "a number, beside a conference SID";
            let id = heard.id();
            (
                Topic::Conference,
                id.ok_or(unusable(FORM, "SequenceNumber", expected))?,
            )
        }
        None => (Topic::Unread, String::new()),
    };
    Ok(Member {
        form: FORM,
        topic,
        id,
        kind: name(FORM, "StatusCallbackEvent", event)?,
        account: owner(FORM, [("AccountSid", fields("AccountSid").as_deref())])?,
        workspace: None,
        at: timestamp.and_then(instant),
        json: Cow::Borrowed(&[]),
    })
}

/// The one SID that all of these fields hold which hold anything.
fn owner<T, const N: usize>(
    form: WireForm,
    fields: [(&'static str, Option<&str>); N],
) -> Result<Option<T>, EventError>
where
    T: FromStr<Err = SidError> + AsRef<str>,
{
    let mut found: Option<T> = None;
    for (field, text) in fields {
        let Some(text) = text else { continue };
        match &found {
            None => {
                let sid = text.trim().parse();
                found = Some(sid.map_err(|_| unusable(form, field, "a SID of the right kind"))?);
            }
            Some(first) if first.as_ref().eq_ignore_ascii_case(text.trim()) => {}
            Some(_) => return Err(unusable(form, field, "the SID that its other field holds")),
        }
    }
    Ok(found)
}

/// A name that can stand in a log and a database.
fn name(form: WireForm, field: &'static str, text: Option<&str>) -> Result<String, EventError> {
    let text = text.map(str::trim).unwrap_or_default();
    let fits = (1..=LONGEST_NAME).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(unusable(form, field, "1 to 200 printable ASCII characters"))
    }
}

fn unusable(form: WireForm, field: &'static str, expected: &'static str) -> EventError {
    EventError::Unusable {
        form,
        field,
        expected,
    }
}

pub(crate) fn utf8(json: &[u8]) -> Result<&str, EventError> {
    std::str::from_utf8(json).map_err(|error| EventError::NotUtf8 {
        position: error.valid_up_to(),
    })
}

pub(crate) fn not_json(error: &serde_json::Error) -> EventError {
    EventError::NotJson {
        line: error.line(),
        column: error.column(),
    }
}
