//! Recordings as resources: lists of the account, of a call, of a conference, and single ones.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::answer::{Refusal, rfc2822};
use super::paging::{self, Envelope};
use super::request::{Request, json_name};
use crate::http::Outbound;
use crate::world::model::{Fate, Recording, Spelling};
use crate::world::{WorldError, keys};

/// Whose recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner<'a> {
    Account,
    Call(&'a str),
    Conference(&'a str),
}

impl Owner<'_> {
    fn owns(&self, recording: &Recording) -> bool {
        match self {
            Self::Account => true,
            // What records a conference is listed with the conference.
            Self::Call(call) => recording.call == *call && recording.conference.is_none(),
            Self::Conference(conference) => recording.conference.as_deref() == Some(*conference),
        }
    }

    fn exists(&self, request: &Request<'_>) -> bool {
        match self {
            Self::Account => true,
            Self::Call(sid) => request
                .world
                .calls
                .iter()
                .any(|call| call.sid == *sid && call.start <= request.now()),
            Self::Conference(sid) => request
                .world
                .conferences
                .iter()
                .any(|conference| conference.sid == *sid && conference.start <= request.now()),
        }
    }
}

/// `completed` and the like, at an instant.
pub(super) fn status(request: &Request<'_>, recording: &Recording) -> &'static str {
    if request.world.deleted_at(&recording.sid).is_some() {
        "deleted"
    } else if request.now() < recording.completed_at {
        "processing"
    } else if matches!(recording.fate, Fate::Absent(_)) {
        "absent"
    } else {
        "completed"
    }
}

/// A recording that there is at the request's instant, deleted ones only where asked for.
pub(super) fn find<'a>(
    request: &Request<'a>,
    sid: &str,
    deleted_too: bool,
) -> Result<&'a Recording, Refusal> {
    request
        .world
        .recording(sid)
        .filter(|recording| recording.start <= request.now())
        .filter(|recording| deleted_too || request.world.deleted_at(&recording.sid).is_none())
        .ok_or_else(|| request.not_found())
}

pub(super) fn list(request: &Request<'_>, owner: &Owner<'_>) -> Result<Outbound, Refusal> {
    let account_wide = *owner == Owner::Account;
    let mut documented = vec!["DateCreated", "DateCreated<", "DateCreated>"];
    if account_wide {
        documented.extend(["CallSid", "ConferenceSid", "IncludeSoftDeleted"]);
    }
    request.only_and_paging(&documented)?;
    if !owner.exists(request) {
        return Err(request.not_found());
    }
    let created = request.times("DateCreated", !account_wide)?;
    let deleted_too = account_wide && request.flag("IncludeSoftDeleted")?.unwrap_or(false);
    let items: Vec<&Recording> = request
        .world
        .recordings
        .iter()
        .filter(|recording| owner.owns(recording) && recording.start <= request.now())
        .filter(|recording| created.admit(second(recording.start)))
        .filter(|recording| !account_wide || request.admits("CallSid", &recording.call))
        .filter(|recording| {
            !account_wide
                || request.admits(
                    "ConferenceSid",
                    recording.conference.as_deref().unwrap_or_default(),
                )
        })
        .filter(|recording| deleted_too || request.world.deleted_at(&recording.sid).is_none())
        .collect();
    // Made beforehand, so that a failure becomes an answer and not half a list.
    for recording in &items {
        wrapped(request, recording).map_err(|error| broken(&error))?;
    }
    paging::list(
        request,
        Envelope::V2010,
        "recordings",
        &items,
        |recording| recording.sid.as_str(),
        |recording| shape(request, recording, owner, true),
    )
}

pub(super) fn fetch(
    request: &Request<'_>,
    name: &str,
    owner: &Owner<'_>,
) -> Result<Outbound, Refusal> {
    let Some(sid) = json_name(name) else {
        return Err(request.unknown_path());
    };
    let account_wide = *owner == Owner::Account;
    request.only(if account_wide {
        &["IncludeSoftDeleted"]
    } else {
        &[]
    })?;
    let deleted_too = request.flag("IncludeSoftDeleted")?.unwrap_or(false);
    let recording = find(request, sid, deleted_too)?;
    if !owner.owns(recording) {
        return Err(request.not_found());
    }
    wrapped(request, recording).map_err(|error| broken(&error))?;
    Ok(Outbound::json(
        200,
        &shape(request, recording, owner, false),
    ))
}

pub(super) fn delete(request: &Request<'_>, name: &str) -> Result<Outbound, Refusal> {
    let Some(sid) = json_name(name) else {
        return Err(request.unknown_path());
    };
    request.only(&[])?;
    let recording = find(request, sid, false)?;
    if status(request, recording) == "processing" {
        return Err(Refusal::new(
            400,
            20_009,
            "Cannot delete this resource before it is complete",
        ));
    }
    request.world.delete(sid, request.now());
    Ok(Outbound::empty(204))
}

pub(super) fn broken(error: &WorldError) -> Refusal {
    Refusal::new(500, 20_500, error.to_string())
}

fn shape(request: &Request<'_>, recording: &Recording, owner: &Owner<'_>, listed: bool) -> Value {
    let account = request.account();
    let base = format!("/2010-04-01/Accounts/{account}");
    let own = format!("{base}/Recordings/{}", recording.sid);
    let status = match status(request, recording) {
        // Only lists tell a recording under way from one that is being worked on.
        "processing" if listed && request.now() < recording.stop => "in-progress",
        status => status,
    };
    let done = status == "completed";
    let mut body = Map::new();
    let mut set = |key: &str, value: Value| {
        body.insert(key.to_owned(), value);
    };
    set("account_sid", json!(account));
    set("api_version", json!("2010-04-01"));
    set("call_sid", json!(recording.call));
    set("conference_sid", json!(recording.conference));
    set("channels", json!(recording.channels()));
    set("date_created", json!(rfc2822(recording.start)));
    set(
        "date_updated",
        json!(rfc2822(recording.completed_at.min(request.now()))),
    );
    set("start_time", json!(rfc2822(recording.start)));
    set("price_unit", json!("USD"));
    set(
        "duration",
        if done {
            json!(((recording.sound.millis() + 500) / 1_000).to_string())
        } else {
            Value::Null
        },
    );
    set("sid", json!(recording.sid));
    set("source", json!(recording.source));
    set("status", json!(status));
    set(
        "error_code",
        match recording.fate {
            Fate::Absent(code) if status == "absent" => json!(code),
            _ => Value::Null,
        },
    );
    set(
        "encryption_details",
        if done {
            encryption_details(request, recording)
        } else {
            Value::Null
        },
    );
    match owner {
        Owner::Account => {
            set("price", if done { json!("-0.00250") } else { Value::Null });
            set("uri", json!(format!("{own}.json")));
            set(
                "subresource_uris",
                json!({
                    "add_on_results": format!("{own}/AddOnResults.json"),
                    "transcriptions": format!("{own}/Transcriptions.json"),
                }),
            );
            set("media_url", json!(media_url(request, recording, &own)));
        }
        // A number here, as this resource's schema has it.
        Owner::Call(call) => {
            set("price", if done { json!(-0.0025) } else { Value::Null });
            set(
                "uri",
                json!(format!(
                    "{base}/Calls/{call}/Recordings/{}.json",
                    recording.sid
                )),
            );
            set("track", json!("both"));
        }
        Owner::Conference(conference) => {
            set("price", if done { json!("-0.00250") } else { Value::Null });
            set(
                "uri",
                json!(format!(
                    "{base}/Conferences/{conference}/Recordings/{}.json",
                    recording.sid
                )),
            );
        }
    }
    Value::Object(body)
}

/// As in every example: over `http`, without an extension; where the customer stores it, the customer's address.
fn media_url(request: &Request<'_>, recording: &Recording, own: &str) -> String {
    if recording.fate == Fate::Elsewhere {
        return format!(
            "https://customer-recordings.s3.example/{}/{}",
            request.account(),
            recording.sid
        );
    }
    let link = request.link(own);
    match link.strip_prefix("https://") {
        Some(rest) => format!("http://{rest}"),
        None => link,
    }
}

fn encryption_details(request: &Request<'_>, recording: &Recording) -> Value {
    let (Some(locked), Ok(Some(cek))) = (&recording.locked, wrapped(request, recording)) else {
        return Value::Null;
    };
    let key = &request.world.keys.get(locked.key).sid;
    let iv = keys::iv_text(locked.iv);
    match locked.spelling {
        Spelling::Documentation => {
            json!({"public_key_sid": key, "encrypted_cek": cek, "iv": iv, "type": "rsa-aes"})
        }
        Spelling::OpenApi => {
            json!({"encryption_public_key_sid": key, "encryption_cek": cek, "encryption_iv": iv})
        }
        Spelling::Mixed => {
            json!({"type": "rsa-aes", "encryption_public_key_sid": key, "encryption_cek": cek, "iv": iv})
        }
    }
}

/// The wrapped content key, the same at every reading.
fn wrapped<'a>(
    request: &Request<'_>,
    recording: &'a Recording,
) -> Result<Option<&'a str>, WorldError> {
    let Some(locked) = &recording.locked else {
        return Ok(None);
    };
    if locked.wrapped.get().is_none() {
        let text = request
            .world
            .keys
            .get(locked.key)
            .wrap(&locked.content_key)?;
        // Who came first decides; the other's text unwraps to the same.
        let _ = locked.wrapped.set(text);
    }
    Ok(locked.wrapped.get().map(String::as_str))
}

fn second(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at)
}
