//! The media of recordings: behind Basic authentication at Twilio, and behind a signed address where it redirects.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use chrono::DateTime;
use http::Method;

use super::answer::Refusal;
use super::recordings::{self, Owner, find, status};
use super::request::Request;
use super::{MEDIA_HOST, mcs};
use crate::http::Outbound;
use crate::world::media::Media;
use crate::world::model::{Fate, Recording};

/// How long a signed address works, in seconds.
const SIGNED_SECONDS: i64 = 300;

/// `Recordings/{RE}` in all its forms: the resource, its media, its deletion.
pub(super) fn recording(request: &Request<'_>, name: &str) -> Result<Outbound, Refusal> {
    if request.req.method == Method::DELETE {
        return recordings::delete(request, name);
    }
    match name.split_once('.') {
        Some((_, "json")) => recordings::fetch(request, name, &Owner::Account),
        Some((sid, "mp3")) => {
            request.only(&["RequestedChannels"])?;
            let recording = fetchable(request, sid)?;
            if recording.locked.is_some() {
                return Err(Refusal::new(
                    400,
                    16_109,
                    "Cannot fetch .mp3 encrypted recording",
                ));
            }
            request.violation("media was asked for as MP3, which Calabrio does not take");
            Err(request.not_found())
        }
        Some((sid, "wav")) => download(request, sid),
        None => download(request, name),
        Some(_) => Err(request.unknown_path()),
    }
}

fn download(request: &Request<'_>, sid: &str) -> Result<Outbound, Refusal> {
    request.only(&["RequestedChannels"])?;
    let recording = fetchable(request, sid)?;
    let mixed = mixed(request, recording)?;
    if recording.redirect {
        let channels = if mixed { 1 } else { recording.channels() };
        let location = format!(
            "{}&Channels={channels}",
            signed_link(request, request.account(), sid, channels)
        );
        return Ok(Outbound::empty(302).with_header("location", location));
    }
    serve(request, recording, mixed)
}

/// Only what is completed, stored at Twilio and there yet has media.
fn fetchable<'a>(request: &Request<'a>, sid: &str) -> Result<&'a Recording, Refusal> {
    let recording = find(request, sid, false)?;
    let there = status(request, recording) == "completed"
        && recording.fate != Fate::Elsewhere
        && request.now() >= recording.media_at;
    if there {
        Ok(recording)
    } else {
        Err(request.not_found())
    }
}

/// Whether one channel is to be sent where two are stored.
fn mixed(request: &Request<'_>, recording: &Recording) -> Result<bool, Refusal> {
    let stored = recording.channels();
    let unavailable = Refusal::new(
        400,
        16_113,
        "Requested channels are not available for this recording",
    );
    let sealed = recording.locked.is_some();
    match request.param("RequestedChannels") {
        // The download of a conference is mono unless asked otherwise.
        None => Ok(!sealed && recording.is_conference() && stored > 1),
        // Twilio cannot mix what it cannot read.
        Some("1") if sealed && stored > 1 => Err(unavailable),
        Some("1") => Ok(stored > 1),
        Some("2") if stored < 2 => Err(unavailable),
        Some("2") => Ok(false),
        Some(_) => Err(Refusal::parameter("RequestedChannels is neither 1 nor 2")),
    }
}

fn serve(request: &Request<'_>, recording: &Recording, mixed: bool) -> Result<Outbound, Refusal> {
    match request
        .world
        .media
        .media(recording, mixed)
        .map_err(|error| recordings::broken(&error))?
    {
        Media::Sealed(bytes) => Ok(Outbound::text(200, "audio/x-wav", bytes)),
        Media::Clear(media) => {
            let length = media.length();
            Ok(Outbound::stream(
                200,
                "audio/x-wav",
                length,
                Box::new(media),
            ))
        }
    }
}

/// The host to which media redirects. Whoever brings Twilio's credentials here has given them away.
pub(super) fn stored(request: &Request<'_>) -> Result<Outbound, Refusal> {
    if request.req.header("authorization").is_some() {
        request
            .ctx
            .violation("an Authorization header was sent to the host that media redirects to");
        return Err(Refusal::new(400, 0, "Only one auth mechanism allowed"));
    }
    let segments = request.req.segments();
    let [account, sid] = segments[..] else {
        return Err(request.unknown_path());
    };
    if sid.starts_with("ME") {
        return mcs::stored(request, account, sid);
    }
    request.own_account(account)?;
    request.only(&["Channels", "Expires", "Signature"])?;
    let channels = request
        .number("Channels")?
        .and_then(|channels| u16::try_from(channels).ok())
        .unwrap_or(0);
    signed(request, sid, channels)?;
    let recording = fetchable(request, sid)?;
    serve(request, recording, channels < recording.channels())
}

/// The address of something at the redirect's host, good for a while. `variant` is signed, too.
pub(super) fn signed_link(request: &Request<'_>, owner: &str, sid: &str, variant: u16) -> String {
    let expires = request.now().timestamp() + SIGNED_SECONDS;
    let signature = sign(request, sid, variant, expires);
    format!(
        "{}/{owner}/{sid}?Expires={expires}&Signature={signature}",
        request.req.link_to(MEDIA_HOST)
    )
}

/// Lets pass whoever has such an address, while it is good.
pub(super) fn signed(request: &Request<'_>, sid: &str, variant: u16) -> Result<(), Refusal> {
    let expires = request.number("Expires")?.unwrap_or(0);
    if request.param("Signature") != Some(sign(request, sid, variant, expires).as_str()) {
        return Err(Refusal::new(403, 0, "The signature does not match"));
    }
    if DateTime::from_timestamp(expires, 0).is_none_or(|expires| request.now() > expires) {
        return Err(Refusal::new(403, 0, "Request has expired"));
    }
    Ok(())
}

fn sign(request: &Request<'_>, sid: &str, channels: u16, expires: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, request.world.auth_token().as_bytes());
    let tag = hmac::sign(&key, format!("{sid}/{channels}/{expires}").as_bytes());
    tag.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
