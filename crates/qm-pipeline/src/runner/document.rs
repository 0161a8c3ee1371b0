//! What a contact becomes for Calabrio.

use std::collections::BTreeMap;

use calabrio_client::{ContactImport, Content};
use contact_model::{Channel, Delivered, Hold, Leg, LegMedia};
use metadata_mapping::{Fact, Facts, Mapped, RuleSet, apply};

use super::transfer::Prepared;
use crate::policy::{LegAttributes, Work};

/// The facts of a leg that rules may map.
pub(crate) fn facts(work: &Work, media: &LegMedia, attributes: &LegAttributes) -> Facts {
    let leg = &work.contact.leg;
    let mut facts = Facts::default();
    facts
        .add(Fact::ReservationSid, leg.id)
        .add(Fact::TaskSid, leg.task)
        .add(Fact::WorkerSid, leg.worker)
        .add(Fact::SessionId, leg.session_id())
        .add(Fact::Channel, &leg.channel)
        .add_some(Fact::QueueSid, leg.queue)
        .add_some(Fact::QueueName, work.details.queue_name.as_ref())
        .add_some(
            Fact::WorkerName,
            work.details
                .worker_full_name
                .as_ref()
                .or(work.details.worker_name.as_ref()),
        )
        .add_some(Fact::Direction, leg.direction)
        .add_some(Fact::ConferenceSid, attributes.conference());
    for call in [attributes.customer_call(), attributes.worker_call()]
        .into_iter()
        .flatten()
    {
        facts.add(Fact::CallSid, call);
    }
    for recording in media.recordings() {
        facts.add(Fact::RecordingSid, recording);
    }
    for mark in media.marks() {
        facts.add(Fact::Marks, mark);
    }
    if let Some(part) = media.transcript() {
        facts.add(Fact::ConversationSid, part.conversation);
    }
    match leg.hold {
        Some(Hold::Observed { count, seconds }) => {
            facts
                .add(Fact::HoldCount, count)
                .add(Fact::HoldSeconds, seconds);
        }
        Some(Hold::NotObservable) => {
            facts
                .add(Fact::HoldCount, NOT_OBSERVABLE)
                .add(Fact::HoldSeconds, NOT_OBSERVABLE);
        }
        None => {}
    }
    facts
}

/// What the facts about hold say where the account yields nothing that would tell.
const NOT_OBSERVABLE: &str = "not-observable";

/// The metadata of a contact.
pub(crate) fn metadata(work: &Work, media: &LegMedia, rules: &RuleSet) -> BTreeMap<String, String> {
    let attributes = work.attributes();
    let Mapped { values, .. } = apply(
        rules,
        &facts(work, media, &attributes),
        Some(&attributes.to_value()),
    );
    values
        .into_iter()
        .map(|(key, value)| (key.as_str().to_owned(), value))
        .collect()
}

/// When a contact began, as Calabrio is told: when the agent accepted.
pub(crate) fn began(leg: &Leg) -> chrono::DateTime<chrono::Utc> {
    let times = leg.times;
    times
        .accepted
        .or(times.media_ended())
        .unwrap_or(chrono::DateTime::UNIX_EPOCH)
}

/// The contact as it is sent.
pub(crate) fn import(
    work: &Work,
    media: &LegMedia,
    rules: &RuleSet,
    sending: Delivered,
    prepared: &Prepared,
) -> ContactImport {
    let leg = &work.contact.leg;
    let (ani, dnis) = work.attributes().addresses();
    let lasted = leg
        .times
        .media_ended()
        .zip(leg.times.accepted)
        .map(|(end, start)| end - start);
    let lasted = lasted
        .and_then(|length| u64::try_from(length.num_milliseconds()).ok())
        .unwrap_or(0);
    ContactImport {
        leg: leg.id,
        session: leg.session_id(),
        start: began(leg),
        duration_ms: if sending.duration_ms > 0 {
            sending.duration_ms
        } else {
            lasted
        },
        direction: leg.direction,
        ani,
        dnis,
        agent_acd_id: (!work.unassigned).then(|| leg.worker.to_string()),
        metadata: metadata(work, media, rules),
        content: content(&leg.channel, prepared),
    }
}

/// What the contact holds, and of what kind that makes it.
fn content(channel: &Channel, prepared: &Prepared) -> Content {
    match (prepared, channel.as_str()) {
        (Prepared::Text(ready), "email") => Content::Email(Some(ready.text())),
        (Prepared::Text(ready), _) => Content::Text(Some(ready.text())),
        (Prepared::Audio(ready), _) => Content::Call(Some(ready.audio())),
        (Prepared::Nothing, "voice") => Content::Call(None),
        (Prepared::Nothing, "email") => Content::Email(None),
        (Prepared::Nothing, _) => Content::Text(None),
    }
}
