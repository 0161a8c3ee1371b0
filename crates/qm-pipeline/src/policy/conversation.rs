//! Finding a leg's part of a conversation.

use std::collections::BTreeSet;

use chrono::Duration;
use contact_model::{Leg, LegMedia, ParkReason, TranscriptPart};
use transcript::{LegPeriod, Stamp, partition};
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

    let divided = partition(&within_reach(messages, &legs), &legs, claims);
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

/// How long after the last leg that is known a message may still be that leg's. What comes later is left to the leg that follows:
/// a conversation can go on for years, and a leg of the past is linked when much of that has been written.
const AFTERMATH: Duration = Duration::minutes(2);

/// The messages that the legs that are known can reach.
fn within_reach(messages: &[Stamp], legs: &[LegPeriod]) -> Vec<Stamp> {
    // A leg that goes on reaches all.
    let ends: Option<Vec<_>> = legs.iter().map(|leg| leg.ended).collect();
    let last = ends.and_then(|ends| ends.into_iter().max());
    let in_reach = |message: &&Stamp| last.is_none_or(|last| message.at <= last + AFTERMATH);
    messages.iter().filter(in_reach).copied().collect()
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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use contact_model::{Channel, ConversationStore, LegId, LegTimes, MessageRange};
    use serde_json::json;
    use transcript::Claim;

    use super::super::facts::{ConversationFacts, Occupants};
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000 + second, 0).unwrap()
    }

    fn sid<T: std::str::FromStr<Err: std::fmt::Debug>>(prefix: &str, number: u32) -> T {
        format!("{prefix}{number:032}").parse().unwrap()
    }

    fn leg(number: u32, accepted: i64, ended: i64) -> Leg {
        Leg {
            acd: contact_model::AcdKey {
                account: sid("AC", 1),
                workspace: sid("WS", 1),
                tenant: "tenant".parse().unwrap(),
            },
            id: sid("WR", number),
            task: sid("WT", number),
            worker: sid("WK", number),
            queue: None,
            workflow: None,
            channel: Channel::Chat,
            direction: None,
            session: None,
            times: LegTimes {
                accepted: Some(at(accepted)),
                wrapup: Some(at(ended)),
                ended: Some(at(ended)),
                task_ended: Some(at(ended)),
            },
            hold: None,
        }
    }

    fn facts() -> ConversationFacts {
        ConversationFacts {
            sid: sid("CH", 1),
            service: None,
            store: ConversationStore::Conversations,
        }
    }

    /// What is known: messages every ten seconds at these times, other legs, and what they claimed.
    fn evidence(
        leg: &Leg,
        times: &[i64],
        others: &[&Leg],
        claims: &[(LegId, u64, u64)],
    ) -> Evidence {
        let stamps = (0..).zip(times).map(|(index, second)| Stamp {
            index,
            at: at(*second),
        });
        let claims = claims.iter().map(|(leg, from, to)| Claim {
            leg: *leg,
            range: MessageRange {
                from: *from,
                to: *to,
            },
        });
        let occupants = Occupants {
            legs: others.iter().filter_map(|leg| LegPeriod::of(leg)).collect(),
            claims: claims.collect(),
        };
        let mut evidence = Evidence::default();
        let conversation = facts().sid;
        evidence.insert(
            Question::Conversation(conversation),
            Answer::Conversation(Some(facts())),
        );
        evidence.insert(
            Question::Messages(facts()),
            Answer::Messages(Some(stamps.collect())),
        );
        evidence.insert(
            Question::Occupants(conversation),
            Answer::Occupants(occupants),
        );
        evidence.insert(Question::TaskEvents(leg.task), Answer::Events(Vec::new()));
        evidence
    }

    fn attributes(leg: &Leg) -> LegAttributes {
        let named = json!({ "conversationSid": facts().sid.to_string() });
        LegAttributes::of_leg(Some(&named), leg.id.reservation())
    }

    fn range(leg: &Leg, evidence: &Evidence) -> (u64, u64) {
        match link(leg, &attributes(leg), evidence).unwrap() {
            Link::Media(LegMedia::Transcript(part)) => (part.range.from, part.range.to),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_leg_alone_has_what_came_before_it_and_what_came_soon_after() {
        let one = leg(1, 100, 200);
        let evidence = evidence(&one, &[50, 150, 210, 310], &[], &[]);
        assert_eq!(range(&one, &evidence), (0, 4));
    }

    #[test]
    fn what_was_written_long_after_a_leg_of_the_past_is_left_to_the_leg_that_follows() {
        let (one, two) = (leg(1, 100, 200), leg(2, 90_100, 90_200));
        let times = [50, 150, 90_000, 90_150];
        // Nobody knows yet of the second leg.
        assert_eq!(range(&one, &evidence(&one, &times, &[], &[])), (0, 2));
        let claims = [(one.id, 0, 2)];
        let evidence = evidence(&two, &times, &[&one], &claims);
        assert_eq!(range(&two, &evidence), (2, 4));
    }

    #[test]
    fn what_another_leg_has_claimed_stays_with_it() {
        let (one, two) = (leg(1, 100, 200), leg(2, 300, 400));
        let claims = [(one.id, 0, 3)];
        let evidence = evidence(&two, &[150, 210, 250, 350], &[&one], &claims);
        assert_eq!(range(&two, &evidence), (3, 4));
    }

    #[test]
    fn a_conversation_that_is_not_named_or_is_gone_parks() {
        let one = leg(1, 100, 200);
        let nameless = LegAttributes::of_leg(Some(&json!({})), one.id.reservation());
        let known = evidence(&one, &[], &[], &[]);
        assert!(matches!(
            link(&one, &nameless, &known),
            Ok(Link::Park(ParkReason::NoConversation))
        ));
        let mut gone = evidence(&one, &[], &[], &[]);
        gone.insert(
            Question::Conversation(facts().sid),
            Answer::Conversation(None),
        );
        assert!(matches!(
            link(&one, &attributes(&one), &gone),
            Ok(Link::Park(ParkReason::ConversationGone { .. }))
        ));
    }
}
