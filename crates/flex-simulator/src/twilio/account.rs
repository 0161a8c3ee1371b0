//! The account, its calls and its public keys.

use serde_json::{Value, json};

use super::answer::{Refusal, iso, rfc2822};
use super::paging::{self, Envelope};
use super::request::{Request, json_name};
use crate::http::Outbound;
use crate::world::keys::CustomerKey;
use crate::world::model::Call;

pub(super) fn fetch(request: &Request<'_>, name: &str) -> Result<Outbound, Refusal> {
    let Some(account) = json_name(name) else {
        return Err(request.unknown_path());
    };
    request.own_account(account)?;
    request.only(&[])?;
    let base = format!("/2010-04-01/Accounts/{account}");
    let created = rfc2822(request.world.start() - chrono::TimeDelta::days(400));
    Ok(Outbound::json(
        200,
        &json!({
            "sid": account,
            "friendly_name": "Simulated contact centre",
            "owner_account_sid": account,
            // The token itself is never told again here, as for an API key.
            "auth_token": null,
            "status": "active",
            "type": "Full",
            "date_created": created,
            "date_updated": created,
            "uri": format!("{base}.json"),
            "subresource_uris": {
                "calls": format!("{base}/Calls.json"),
                "conferences": format!("{base}/Conferences.json"),
                "recordings": format!("{base}/Recordings.json"),
            },
        }),
    ))
}

pub(super) fn calls(request: &Request<'_>) -> Result<Outbound, Refusal> {
    request.only_and_paging(&[
        "To",
        "From",
        "ParentCallSid",
        "Status",
        "StartTime",
        "StartTime<",
        "StartTime>",
        "EndTime",
        "EndTime<",
        "EndTime>",
    ])?;
    let started = request.times("StartTime", false)?;
    let ended = request.times("EndTime", false)?;
    let items: Vec<&Call> = request
        .world
        .calls
        .iter()
        .filter(|call| {
            call.start <= request.now() && started.admit(call.start) && ended.admit(call.end)
        })
        .filter(|call| request.admits("To", &call.to) && request.admits("From", &call.from))
        .filter(|call| request.admits("ParentCallSid", call.parent.as_deref().unwrap_or_default()))
        .filter(|call| request.admits("Status", status(request, call)))
        .collect();
    paging::list(
        request,
        Envelope::V2010,
        "calls",
        &items,
        |call| call.sid.as_str(),
        |call| shape(request, call),
    )
}

pub(super) fn call(request: &Request<'_>, name: &str) -> Result<Outbound, Refusal> {
    let Some(sid) = json_name(name) else {
        return Err(request.unknown_path());
    };
    request.only(&[])?;
    let call = request
        .world
        .calls
        .iter()
        .find(|call| call.sid == sid && call.start <= request.now())
        .ok_or_else(|| request.not_found())?;
    Ok(Outbound::json(200, &shape(request, call)))
}

fn status(request: &Request<'_>, call: &Call) -> &'static str {
    if call.end <= request.now() {
        "completed"
    } else {
        "in-progress"
    }
}

fn shape(request: &Request<'_>, call: &Call) -> Value {
    let account = request.account();
    let own = format!("/2010-04-01/Accounts/{account}/Calls/{}", call.sid);
    let ended = call.end <= request.now();
    json!({
        "account_sid": account,
        "answered_by": null,
        "api_version": "2010-04-01",
        "caller_name": null,
        "date_created": rfc2822(call.start),
        "date_updated": rfc2822(call.end.min(request.now())),
        "direction": call.direction,
        "duration": ended.then(|| (call.end - call.start).num_seconds().to_string()),
        "end_time": ended.then(|| rfc2822(call.end)),
        "forwarded_from": null,
        "from": call.from,
        "from_formatted": call.from,
        "group_sid": null,
        "parent_call_sid": call.parent,
        "phone_number_sid": null,
        "price": ended.then_some("-0.00850"),
        "price_unit": "USD",
        "queue_time": "0",
        "sid": call.sid,
        "start_time": rfc2822(call.start),
        "status": status(request, call),
        "subresource_uris": {
            "recordings": format!("{own}/Recordings.json"),
            "events": format!("{own}/Events.json"),
            "notifications": format!("{own}/Notifications.json"),
        },
        "to": call.to,
        "to_formatted": call.to,
        "trunk_sid": null,
        "uri": format!("{own}.json"),
    })
}

pub(super) fn public_keys(request: &Request<'_>) -> Result<Outbound, Refusal> {
    request.only_and_paging(&[])?;
    let keys = &request.world.keys;
    let items = [&keys.newer, &keys.older, &keys.foreign];
    paging::list(
        request,
        Envelope::V1,
        "credentials",
        &items,
        |key| key.sid.as_str(),
        |key| key_shape(request, key),
    )
}

pub(super) fn public_key(request: &Request<'_>, sid: &str) -> Result<Outbound, Refusal> {
    request.only(&[])?;
    let keys = &request.world.keys;
    let key = [&keys.newer, &keys.older, &keys.foreign]
        .into_iter()
        .find(|key| key.sid == sid)
        .ok_or_else(|| request.not_found())?;
    Ok(Outbound::json(200, &key_shape(request, key)))
}

fn key_shape(request: &Request<'_>, key: &CustomerKey) -> Value {
    let created = iso(request.world.start() - chrono::TimeDelta::days(90));
    json!({
        "account_sid": request.account(),
        "date_created": created,
        "date_updated": created,
        "friendly_name": key.friendly_name,
        "sid": key.sid,
        "url": request.link(&format!("/v1/Credentials/PublicKeys/{}", key.sid)),
    })
}
