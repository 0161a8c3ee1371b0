//! The forms in which Twilio pushes what happens: CloudEvents, and the workspace's event callback.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::world::World;
use crate::world::model::{Conference, Event, Participant};

/// Something that is pushed.
#[derive(Debug, Clone)]
pub(crate) struct Pushed {
    /// The type as Event Streams names it.
    pub(crate) kind: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) id: String,
    /// The `CloudEvent`.
    pub(crate) cloud: Value,
    /// The fields of the callback; nothing where there is none of it.
    pub(crate) form: Option<Vec<(String, String)>>,
    /// The agent whose state it may change, and that state as Twilio's feed for workforce management tells it.
    pub(crate) snapshot: Option<(String, Value)>,
}

/// Everything that happens from the start on, by time.
pub(super) fn all(world: &World) -> Vec<Pushed> {
    let live = world
        .events
        .iter()
        .filter(|event| event.at >= world.start());
    let mut all: Vec<Pushed> = live.map(|event| taskrouter(world, event)).collect();
    let conferences = world.conferences.iter();
    for conference in conferences.filter(|conference| conference.end >= world.start()) {
        all.extend(of_conference(world, conference));
    }
    all.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.id.cmp(&b.id)));
    all
}

fn millis(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(crate) fn taskrouter(world: &World, event: &Event) -> Pushed {
    let at = millis(event.at);
    let mut payload = Map::new();
    for (name, value) in [
        ("eventtype", event.event_type),
        ("event_description", &event.description),
        ("timestamp", &at),
        ("sid", &event.sid),
        ("resource_sid", &event.resource_sid),
        ("resource_type", event.resource_type),
        ("account_sid", world.account_sid()),
    ] {
        payload.insert(name.to_owned(), json!(value));
    }
    for (name, value) in &event.data {
        payload.insert((*name).to_owned(), json!(value));
    }
    let kind = format!("com.twilio.taskrouter.{}", event.event_type);
    let cloud = json!({
        "specversion": "1.0",
        "type": kind,
        "source": format!("/v1/Workspaces/{}/Events/{}", world.workspace_sid(), event.sid),
        "id": event.sid,
        "dataschema": "https://events-schemas.twilio.com/TaskRouter.WDSEvent/4",
        "datacontenttype": "application/json",
        "time": at,
        "data": {
            "sid": event.sid,
            "name": event.event_type,
            "account_sid": world.account_sid(),
            "account_friendly_name": "Simulated contact centre",
            "parent_account_sid": null,
            "timestamp": at,
            "level": "INFO",
            "group": "",
            "product_name": "TaskRouter",
            "publisher": "TaskRouter",
            "payload_type": "application/json",
            "payload": payload,
        },
    });
    Pushed {
        kind,
        at: event.at,
        id: event.sid.clone(),
        cloud,
        form: Some(callback(world, event)),
        snapshot: None,
    }
}

/// The fields of the workspace's event callback: each of the event's own in camel case.
fn callback(world: &World, event: &Event) -> Vec<(String, String)> {
    let mut fields = vec![
        ("EventType".to_owned(), event.event_type.to_owned()),
        ("AccountSid".to_owned(), world.account_sid().to_owned()),
        ("WorkspaceSid".to_owned(), world.workspace_sid().to_owned()),
        ("EventDescription".to_owned(), event.description.clone()),
        ("ResourceType".to_owned(), event.resource_type.to_owned()),
        ("ResourceSid".to_owned(), event.resource_sid.clone()),
        ("Timestamp".to_owned(), event.at.timestamp().to_string()),
        (
            "TimestampMs".to_owned(),
            event.at.timestamp_millis().to_string(),
        ),
        ("Sid".to_owned(), event.sid.clone()),
    ];
    let own = event
        .data
        .iter()
        .filter(|(name, _)| **name != "workspace_sid");
    fields.extend(own.map(|(name, value)| (camel(name), value.clone())));
    fields
}

fn camel(snake: &str) -> String {
    snake
        .split('_')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| {
                first.to_uppercase().chain(letters).collect()
            })
        })
        .collect()
}

/// What a conference's status callback tells, as Event Streams repeats it.
fn of_conference(world: &World, conference: &Conference) -> Vec<Pushed> {
    let numbered = changes(conference).into_iter().zip(1_u32..);
    numbered
        .filter(|(told, _)| told.0 >= world.start())
        .map(|(told, number)| change(world, conference, told, number))
        .collect()
}

/// A change of a conference, and of whom.
pub(crate) type Change<'a> = (DateTime<Utc>, &'static str, Option<&'a Participant>);

/// Everything that happens in a conference, by time.
pub(crate) fn changes(conference: &Conference) -> Vec<Change<'_>> {
    let mut told: Vec<Change<'_>> = vec![
        (conference.start, "conference-start", None),
        (conference.end, "conference-end", None),
    ];
    for one in &conference.participants {
        told.push((one.join, "participant-join", Some(one)));
        for (from, to) in &one.holds {
            told.push((*from, "participant-hold", Some(one)));
            told.extend(to.map(|to| (to, "participant-unhold", Some(one))));
        }
        told.push((one.leave, "participant-leave", Some(one)));
    }
    told.sort_by_key(|(at, _, _)| *at);
    told
}

pub(crate) fn change(
    world: &World,
    conference: &Conference,
    (at, event, who): Change<'_>,
    number: u32,
) -> Pushed {
    let mut parameters = Map::new();
    let mut set = |name: &str, value: String| {
        parameters.insert(name.to_owned(), json!(value));
    };
    set("AccountSid", world.account_sid().to_owned());
    set("ConferenceSid", conference.sid.clone());
    set("FriendlyName", conference.friendly_name.clone());
    set("StatusCallbackEvent", event.to_owned());
    set("SequenceNumber", number.to_string());
    set(
        "Timestamp",
        at.format("%a, %d %b %Y %H:%M:%S +0000").to_string(),
    );
    if let Some(who) = who {
        set("CallSid", who.call.clone());
        // The flag has been seen to contradict the name of the event, which is what counts.
        let hold = event == "participant-hold" && number.is_multiple_of(2);
        set("Hold", hold.to_string());
        set("Muted", "false".to_owned());
        set("Coaching", "false".to_owned());
        set("StartConferenceOnEnter", "true".to_owned());
        set("EndConferenceOnExit", "false".to_owned());
        if let Some(label) = who.label {
            set("ParticipantLabel", label.to_owned());
        }
    }
    let kind = if who.is_some() {
        "com.twilio.voice.status-callback.conference.participant.updated"
    } else {
        "com.twilio.voice.status-callback.conference.updated"
    };
    let id = format!("EZ{}{number:08x}", &conference.sid[2..26]);
    let cloud = json!({
        "specversion": "1.0",
        "type": kind,
        "source": format!("/2010-04-01/Accounts/{}/Conferences/{}.json", world.account_sid(), conference.sid),
        "id": id,
        "dataschema": "https://events-schemas.twilio.com/Voice.StatusCallback.Conference/1",
        "datacontenttype": "application/json",
        "time": millis(at),
        "data": {"timestamp": millis(at), "request": {"method": "POST", "parameters": parameters}},
    });
    Pushed {
        kind: kind.to_owned(),
        at,
        id,
        cloud,
        form: None,
        snapshot: None,
    }
}

/// What tries a sink.
pub(super) fn test(world: &World, id: &str, now: DateTime<Utc>) -> Value {
    json!([{
        "specversion": "1.0",
        "type": "com.twilio.eventstreams.test-event",
        "source": "Sink",
        "id": format!("EZ{:032x}", now.timestamp_micros()),
        "dataschema": "https://events-schemas.twilio.com/EventStreams.TestSink/1",
        "datacontenttype": "application/json",
        "time": millis(now),
        "data": {"account_sid": world.account_sid(), "test_id": id},
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields_are_spelt_as_the_callback_spells_them() {
        assert_eq!(camel("task_queue_entered_date"), "TaskQueueEnteredDate");
        assert_eq!(
            camel("worker_time_in_previous_activity_ms"),
            "WorkerTimeInPreviousActivityMs"
        );
    }
}
