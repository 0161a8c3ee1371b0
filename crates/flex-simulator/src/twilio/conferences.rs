//! Conferences, and who is in them now.

use serde_json::{Value, json};

use super::answer::{Refusal, rfc2822};
use super::paging::{self, Envelope};
use super::request::{Request, json_name};
use crate::http::Outbound;
use crate::world::model::{Conference, Participant};

pub(super) fn list(request: &Request<'_>) -> Result<Outbound, Refusal> {
    request.only_and_paging(&[
        "DateCreated",
        "DateCreated<",
        "DateCreated>",
        "DateUpdated",
        "DateUpdated<",
        "DateUpdated>",
        "FriendlyName",
        "Status",
    ])?;
    let created = request.times("DateCreated", true)?;
    let updated = request.times("DateUpdated", true)?;
    let items: Vec<&Conference> = request
        .world
        .conferences
        .iter()
        .filter(|conference| conference.start <= request.now())
        .filter(|conference| created.admit(conference.start) && updated.admit(conference.end))
        .filter(|conference| request.admits("FriendlyName", &conference.friendly_name))
        .filter(|conference| request.admits("Status", status(request, conference)))
        .collect();
    paging::list(
        request,
        Envelope::V2010,
        "conferences",
        &items,
        |conference| conference.sid.as_str(),
        |conference| shape(request, conference),
    )
}

pub(super) fn fetch(request: &Request<'_>, name: &str) -> Result<Outbound, Refusal> {
    let Some(sid) = json_name(name) else {
        return Err(request.unknown_path());
    };
    request.only(&[])?;
    let conference = find(request, sid)?;
    Ok(Outbound::json(200, &shape(request, conference)))
}

pub(super) fn find<'a>(request: &Request<'a>, sid: &str) -> Result<&'a Conference, Refusal> {
    request
        .world
        .conferences
        .iter()
        .find(|conference| conference.sid == sid && conference.start <= request.now())
        .ok_or_else(|| request.not_found())
}

/// Only who is there: nobody, once the conference has ended.
pub(super) fn live_participants(request: &Request<'_>, sid: &str) -> Result<Outbound, Refusal> {
    request.only_and_paging(&["Muted", "Hold", "Coaching"])?;
    let conference = find(request, sid)?;
    let wanted = [
        request.flag("Muted")?,
        request.flag("Hold")?,
        request.flag("Coaching")?,
    ];
    let items: Vec<&Participant> = conference
        .participants
        .iter()
        .filter(|participant| {
            participant.join <= request.now() && request.now() < participant.leave
        })
        .filter(|participant| {
            let is = [false, participant.is_on_hold(request.now()), false];
            wanted
                .iter()
                .zip(is)
                .all(|(wanted, is)| wanted.is_none_or(|wanted| wanted == is))
        })
        .collect();
    let account = request.account();
    paging::list(
        request,
        Envelope::V2010,
        "participants",
        &items,
        |participant| participant.call.as_str(),
        |participant| {
            json!({
                "account_sid": account,
                "call_sid": participant.call,
                "label": participant.label,
                "call_sid_to_coach": null,
                "coaching": false,
                "conference_sid": conference.sid,
                "date_created": rfc2822(participant.join),
                "date_updated": rfc2822(participant.updated(request.now())),
                "end_conference_on_exit": false,
                "hold": participant.is_on_hold(request.now()),
                "muted": false,
                "queue_time": "0",
                "start_conference_on_enter": true,
                "status": "connected",
                "uri": format!(
                    "/2010-04-01/Accounts/{account}/Conferences/{}/Participants/{}.json",
                    conference.sid, participant.call
                ),
            })
        },
    )
}

fn status(request: &Request<'_>, conference: &Conference) -> &'static str {
    if conference.end <= request.now() {
        "completed"
    } else {
        "in-progress"
    }
}

fn shape(request: &Request<'_>, conference: &Conference) -> Value {
    let account = request.account();
    let own = format!(
        "/2010-04-01/Accounts/{account}/Conferences/{}",
        conference.sid
    );
    let ended = conference.end <= request.now();
    let last = conference
        .participants
        .iter()
        .max_by_key(|participant| participant.leave);
    json!({
        "account_sid": account,
        "api_version": "2010-04-01",
        "call_sid_ending_conference": last.filter(|_| ended).map(|participant| participant.call.as_str()),
        "date_created": rfc2822(conference.start),
        "date_updated": rfc2822(conference.end.min(request.now())),
        "friendly_name": conference.friendly_name,
        "reason_conference_ended": ended.then_some("last-participant-left"),
        "region": "us1",
        "sid": conference.sid,
        "status": status(request, conference),
        "subresource_uris": {
            "participants": format!("{own}/Participants.json"),
            "recordings": format!("{own}/Recordings.json"),
        },
        "uri": format!("{own}.json"),
    })
}
