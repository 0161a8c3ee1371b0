//! Who was in a conference, after it has ended.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::answer::{Refusal, iso};
use super::conferences;
use super::paging::{self, Envelope};
use super::request::Request;
use crate::http::Outbound;
use crate::world::model::{Conference, Participant};

pub(super) fn participants(request: &Request<'_>, sid: &str) -> Result<Outbound, Refusal> {
    request.only_and_paging(&["ParticipantSid", "Label", "Events"])?;
    if !request.world.scenario().conference_insights {
        return Err(Refusal::new(
            403,
            20_403,
            "Voice Insights Advanced Features are not enabled for this account",
        ));
    }
    let conference = conferences::find(request, sid)?;
    let items: Vec<&Participant> = conference
        .participants
        .iter()
        .filter(|participant| participant.join <= request.now())
        .filter(|participant| request.admits("ParticipantSid", &participant.sid))
        .filter(|participant| request.admits("Label", participant.label.unwrap_or_default()))
        .filter(|participant| {
            let events = events(request, participant);
            request
                .param("Events")
                .is_none_or(|wanted| events.get(wanted).is_some())
        })
        .collect();
    paging::list(
        request,
        Envelope::V1,
        "participants",
        &items,
        |participant| participant.sid.as_str(),
        |participant| shape(request, conference, participant),
    )
}

/// What befell a participant by now, as lists of milliseconds; null where nothing did.
fn events(request: &Request<'_>, participant: &Participant) -> Value {
    let by_now = |times: Vec<DateTime<Utc>>| -> Vec<i64> {
        let passed = times.into_iter().filter(|at| *at <= request.now());
        passed.map(|at| at.timestamp_millis()).collect()
    };
    let hold = by_now(participant.holds.iter().map(|(from, _)| *from).collect());
    let unhold = by_now(participant.holds.iter().filter_map(|(_, to)| *to).collect());
    let mut events = Map::new();
    for (name, times) in [("hold", hold), ("unhold", unhold)] {
        if !times.is_empty() {
            events.insert(name.to_owned(), json!(times));
        }
    }
    if events.is_empty() {
        Value::Null
    } else {
        Value::Object(events)
    }
}

fn shape(request: &Request<'_>, conference: &Conference, participant: &Participant) -> Value {
    let left = participant.leave <= request.now();
    json!({
        "participant_sid": participant.sid,
        "label": participant.label,
        "conference_sid": conference.sid,
        "call_sid": participant.call,
        "account_sid": request.account(),
        "call_direction": participant.direction,
        "from": participant.from,
        "to": participant.to,
        "call_status": if left { "completed" } else { "answered" },
        "country_code": if participant.call_type == "carrier" { json!("US") } else { Value::Null },
        "is_moderator": true,
        "join_time": iso(participant.join),
        "leave_time": left.then(|| iso(participant.leave)),
        "duration_seconds": left.then(|| (participant.leave - participant.join).num_seconds()),
        "outbound_queue_length": 0,
        "outbound_time_in_queue": 0,
        "jitter_buffer_size": null,
        "is_coach": false,
        "coached_participants": null,
        "participant_region": "us1",
        "conference_region": "us1",
        "call_type": participant.call_type,
        "processing_state": if left { "complete" } else { "in_progress" },
        "properties": {
            "start_conference_on_enter": true,
            "end_conference_on_exit": false,
            "play_early_media": true,
            "enter_muted": false,
            "beep_on_enter": false,
            "beep_on_exit": false,
        },
        "events": events(request, participant),
        "metrics": null,
        "url": request.link(&format!("/v1/Conferences/{}/Participants/{}", conference.sid, participant.sid)),
    })
}
