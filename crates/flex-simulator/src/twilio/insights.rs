//! Who was in a conference, after it has ended.

use serde_json::{Value, json};

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
        "events": null,
        "metrics": null,
        "url": request.link(&format!("/v1/Conferences/{}/Participants/{}", conference.sid, participant.sid)),
    })
}
