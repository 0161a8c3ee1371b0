//! Which messages a correct connector gives to which leg.

use super::Chat;
use crate::calabrio::text::sha256;
use crate::world::conversation::Message;
use crate::world::expected::{ExpectedMessage, ExpectedTranscript, Outcome, ParkedFor};
use crate::world::kind::Kind;

/// A leg as far as it decides about messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) accepted: i64,
    pub(super) wrapup: i64,
}

/// The leg that a message belongs to, and whether it was written while no leg was open. `legs` are in the order of acceptance.
pub(super) fn owner(legs: &[Open], at: i64) -> (usize, bool) {
    let open = |leg: &Open| leg.accepted <= at && at < leg.wrapup;
    if let Some(newest) = legs.iter().rposition(open) {
        return (newest, false);
    }
    let following = legs.iter().position(|leg| leg.accepted > at);
    (following.unwrap_or(legs.len().saturating_sub(1)), true)
}

pub(super) fn outcome(kind: Kind) -> Outcome {
    match kind {
        Kind::ChatGone => Outcome::Parked(ParkedFor::ConversationGone),
        Kind::ChatUnnamed => Outcome::Parked(ParkedFor::NoConversation),
        Kind::ChatHuge => Outcome::Parked(ParkedFor::TranscriptTooLarge),
        _ => Outcome::Complete,
    }
}

/// The transcripts of all legs.
pub(super) fn transcripts(chat: &Chat<'_>, messages: &[Message]) -> Vec<ExpectedTranscript> {
    let parts = &chat.timeline.parts;
    let legs: Vec<Open> = parts
        .iter()
        .map(|part| Open {
            accepted: chat.at(part.accepted).timestamp_millis(),
            wrapup: chat.at(part.wrapup).timestamp_millis(),
        })
        .collect();
    let mut transcripts: Vec<ExpectedTranscript> = parts
        .iter()
        .map(|_| ExpectedTranscript {
            conversation: chat.conversation.clone(),
            service: chat.house.identity.chat_service.clone(),
            legacy: chat.is_legacy(),
            messages: Vec::new(),
            elastic: Vec::new(),
        })
        .collect();
    for message in messages {
        let (leg, context) = owner(&legs, message.at.timestamp_millis());
        let expected = ExpectedMessage {
            index: message.index,
            sid: message.sid.clone(),
            body_sha256: sha256(message.body.as_deref().unwrap_or_default().as_bytes()),
            context,
        };
        // Between two legs: before the later one begins it cannot be known that there will be one.
        if context
            && leg > 0
            && chat.is_unforeseen(leg)
            && message.at > chat.at(parts[leg - 1].wrapup)
        {
            transcripts[leg - 1].elastic.push(expected.clone());
            transcripts[leg].elastic.push(expected.clone());
        }
        transcripts[leg].messages.push(expected);
    }
    transcripts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(accepted: i64, wrapup: i64) -> Open {
        Open { accepted, wrapup }
    }

    #[test]
    fn messages_of_no_open_leg_are_the_following_one_s_and_at_the_end_the_last_one_s() {
        let legs = [open(10, 20), open(30, 40)];
        let cases = [
            (0, (0, true)),
            (10, (0, false)),
            (19, (0, false)),
            (20, (1, true)),
            (29, (1, true)),
            (30, (1, false)),
            (40, (1, true)),
            (99, (1, true)),
        ];
        for (at, owned) in cases {
            assert_eq!(owner(&legs, at), owned, "{at}");
        }
    }

    #[test]
    fn of_two_open_legs_the_one_that_was_accepted_last_owns() {
        let legs = [open(10, 30), open(20, 40)];
        for (at, leg) in [(15, 0), (20, 1), (29, 1), (35, 1)] {
            assert_eq!(owner(&legs, at), (leg, false), "{at}");
        }
    }
}
