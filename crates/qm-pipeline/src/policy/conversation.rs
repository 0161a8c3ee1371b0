//! Finding a leg's part of a conversation.

use std::collections::BTreeSet;

use contact_model::{Leg, LegMedia, ParkReason, TranscriptPart};
use transcript::{LegPeriod, partition};
use twilio_sid::{ConversationSid, TaskSid};

use super::attributes::LegAttributes;
use super::facts::{Answer, Evidence, Question};
use super::link::Link;
use super::story::TaskStory;

/// Finds the messages that are `leg`'s own, or says what must be asked first.
///
/// All legs of the conversation count: those of this task, those of other tasks that the interaction or the ledger names.
/// What another leg has claimed stays with it; the ledger refuses a claim that it did not know of here.
pub(super) fn link(
    leg: &Leg,
    attributes: &LegAttributes,
    evidence: &Evidence,
) -> Result<Link, Question> {
    let Some(named) = attributes.conversation() else {
        return Ok(Link::Park(ParkReason::NoConversation));
    };
    let gone = Link::Park(ParkReason::ConversationGone {
        conversation: named,
    });
    let Answer::Conversation(Some(facts)) = *evidence.get(Question::Conversation(named))? else {
        return Ok(gone);
    };
    let Answer::Messages(Some(messages)) = evidence.get(Question::Messages(facts))? else {
        return Ok(gone);
    };
    let (known, claims) = match evidence.get(Question::Occupants(named))? {
        Answer::Occupants(occupants) => (occupants.legs.as_slice(), occupants.claims.as_slice()),
        _ => (&[][..], &[][..]),
    };

    // What Twilio's events say goes before what the ledger knows: it may be newer.
    let mut legs: Vec<LegPeriod> = LegPeriod::of(leg).into_iter().collect();
    for task in tasks(leg, attributes, evidence)? {
        let story = TaskStory::read(task, evidence.task_events(task)?);
        if task != leg.task && conversation_of(leg, &story) != Some(named) {
            continue;
        }
        let accepted = story
            .reservations
            .iter()
            .filter(|(_, known)| known.was_accepted);
        legs.extend(accepted.filter_map(|(sid, known)| {
            Some(LegPeriod {
                leg: (*sid).into(),
                accepted: known.accepted?,
                ended: story.times(*sid).media_ended(),
            })
        }));
    }
    legs.extend(known);

    let divided = partition(messages, &legs, claims);
    // A leg that nobody saw being accepted has no time of its own, and so no messages.
    let part = divided.part(leg.id);
    Ok(Link::Media(LegMedia::Transcript(TranscriptPart {
        conversation: facts.sid,
        service: facts.service,
        store: facts.store,
        range: part.map(|part| part.range).unwrap_or_default(),
        messages: part.map_or(0, |part| part.messages),
    })))
}

/// The conversation that another task's attributes name. An interaction can have several channels, each with its own.
fn conversation_of(leg: &Leg, story: &TaskStory) -> Option<ConversationSid> {
    let attributes = story.attributes.as_ref()?.parse().ok()?;
    LegAttributes::of_leg(Some(&attributes), leg.id.reservation()).conversation()
}

/// The tasks of the conversation, as far as its interaction tells them; at least the leg's own.
fn tasks(
    leg: &Leg,
    attributes: &LegAttributes,
    evidence: &Evidence,
) -> Result<BTreeSet<TaskSid>, Question> {
    let mut tasks = BTreeSet::from([leg.task]);
    if let Some(interaction) = attributes.interaction()
        && let Answer::Interaction(agents) = evidence.get(Question::Interaction(interaction))?
    {
        tasks.extend(agents.iter().map(|agent| agent.task));
    }
    Ok(tasks)
}
