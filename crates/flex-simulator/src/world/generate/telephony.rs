//! A contact's calls and its conference.

use super::Pile;
use super::contact::Draft;
use crate::world::dice::Dice;
use crate::world::model::{Call, Conference, Participant};

/// The calls and the conference.
pub(super) fn calls(draft: &Draft<'_>, pile: &mut Pile, dice: &mut Dice) {
    let timeline = &draft.timeline;
    let outbound = draft.recipe.outbound;
    let (from, to) = if outbound {
        (&draft.business, &draft.customer)
    } else {
        (&draft.customer, &draft.business)
    };
    let direction = if outbound { "outbound-api" } else { "inbound" };
    let end = draft.voice(timeline.end);
    pile.calls.push(Call {
        sid: draft.customer_call.clone(),
        parent: None,
        direction,
        from: from.clone(),
        to: to.clone(),
        start: draft.voice(if outbound {
            timeline.parts[0].accepted
        } else {
            0
        }),
        end,
    });
    let labelled = draft.variant.is_multiple_of(2);
    let mut participants = vec![Participant {
        sid: dice.sid("CP"),
        call: draft.customer_call.clone(),
        label: labelled.then_some("customer"),
        direction: if outbound { "outbound" } else { "inbound" },
        call_type: "carrier",
        from: from.clone(),
        to: to.clone(),
        join: draft.voice(timeline.customer_joined),
        leave: end,
        holds: timeline
            .holds
            .iter()
            .flatten()
            .map(|hold| (draft.voice(hold.from), hold.to.map(|to| draft.voice(to))))
            .collect(),
    }];
    for ((part, call), agent) in timeline
        .parts
        .iter()
        .zip(&draft.worker_calls)
        .zip(&draft.agents)
    {
        let to = format!("client:{}", draft.house.workers[*agent].identity);
        let from = if outbound {
            draft.business.clone()
        } else {
            draft.customer.clone()
        };
        pile.calls.push(Call {
            sid: call.clone(),
            parent: None,
            direction: "outbound-api",
            from: from.clone(),
            to: to.clone(),
            start: draft.voice(part.accepted + 100),
            end: draft.voice(part.left),
        });
        participants.push(Participant {
            sid: dice.sid("CP"),
            call: call.clone(),
            label: labelled.then_some("worker"),
            direction: "outbound",
            call_type: "client",
            from,
            to,
            join: draft.voice(part.joined),
            leave: draft.voice(part.left),
            holds: Vec::new(),
        });
    }
    participants.sort_by_key(|participant| participant.join);
    pile.conferences.push(Conference {
        sid: draft.conference.clone(),
        friendly_name: draft.task.clone(),
        start: participants[0].join,
        end,
        participants,
    });
}
