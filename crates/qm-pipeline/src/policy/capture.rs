//! Writing down what the events tell of a leg, at the right time.

use chrono::{DateTime, Utc};
use contact_model::{Capture, Details, Leg, ParkReason};
use serde_json::Value;

use super::attributes::LegAttributes;
use super::rules::{Rules, after};
use super::story::TaskStory;

/// What capturing came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Captured {
    /// This is what is known; the leg and its details were brought up to date.
    Now(Capture),
    /// It is too early: ask again at this time.
    Wait(DateTime<Utc>),
    /// A person must look.
    Park(ParkReason),
}

/// Brings `leg` and `details` up to date from the events of its task, and says whether the contact can be built yet.
///
/// It is built `capture_delay` after the task ended, or `capture_wait` after the leg's media did.
pub(super) fn capture(
    leg: &mut Leg,
    details: &mut Details,
    story: &TaskStory,
    now: DateTime<Utc>,
    rules: &Rules,
) -> Captured {
    let timing = &rules.timing;
    let Some(known) = story.reservations.get(&leg.id.reservation()) else {
        // Its end was seen, so its events exist: the list lags, or Twilio has dropped them.
        let seen = leg.times.media_ended().unwrap_or(now);
        return if now < after(seen, timing.capture_wait) {
            Captured::Wait(after(now, timing.recording_interval))
        } else {
            Captured::Park(ParkReason::EventsGone)
        };
    };
    leg.times = story.times(leg.id.reservation());
    leg.worker = known.worker.unwrap_or(leg.worker);
    leg.queue = known.queue.or(leg.queue);
    if let Some(channel) = &story.channel {
        leg.channel = channel.as_str().into();
    }
    leg.workflow = story.workflow.or(leg.workflow);
    details.worker_name.clone_from(&known.worker_name);
    details.worker_full_name = known.worker_attribute("full_name");
    details.worker_contact_uri = known.worker_attribute("contact_uri");
    details.queue_name.clone_from(&known.queue_name);

    let media_ended = leg.times.media_ended().unwrap_or(now);
    let waits_until = after(media_ended, timing.capture_wait);
    let ready_at = match story.ended {
        Some(ended) => after(ended, timing.capture_delay)
            .min(waits_until.max(after(media_ended, timing.capture_delay))),
        None => waits_until,
    };
    if now < ready_at {
        let poll = after(now, timing.recording_interval);
        return Captured::Wait(if story.ended.is_some() {
            ready_at
        } else {
            ready_at.min(poll)
        });
    }
    if story.version >= details.attributes_version {
        match story
            .attributes
            .as_ref()
            .map(flex_events::Attributes::parse)
        {
            Some(Ok(value @ Value::Object(_))) => details.attributes = Some(value),
            None | Some(Ok(Value::Null)) => details.attributes = None,
            Some(Ok(_) | Err(_)) => return Captured::Park(ParkReason::AttributesUnreadable),
        }
        details.attributes_version = story.version;
    }
    let attributes = LegAttributes::of_leg(details.attributes.as_ref(), leg.id.reservation());
    leg.session = attributes.session().or(leg.session.take());
    leg.direction = attributes.direction().or(leg.direction);
    let settled = story
        .ended
        .is_some_and(|ended| now >= after(ended, timing.capture_delay));
    Captured::Now(Capture {
        attributes_version: details.attributes_version,
        provisional: !settled,
    })
}
