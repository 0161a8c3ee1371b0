//! Recordings that belong to no leg: voicemail, and calls that an application made.

use super::{House, Pile, seconds};
use crate::world::dice::Dice;
use crate::world::model::{Call, Fate, Recording};
use crate::world::ms;
use crate::world::sound::{Sound, Voice, frames};

/// A call without a task, and its recording.
pub(super) fn leave(house: &House<'_>, pile: &mut Pile, dice: &mut Dice, number: u32) {
    let voicemail = number.is_multiple_of(2);
    let ago = dice.span(seconds(house.scenario.ended_seconds_ago));
    let length = dice.between(2_000, 5_000);
    let end = house.start - ms(i64::try_from(ago).unwrap_or(0));
    let start = end - ms(i64::try_from(length).unwrap_or(0));
    let call = dice.sid("CA");
    let (customer, business) = (dice.phone(), "+12065550100".to_owned());
    let (from, to) = if voicemail {
        (customer, business)
    } else {
        (business, customer)
    };
    pile.calls.push(Call {
        sid: call.clone(),
        parent: None,
        direction: if voicemail { "inbound" } else { "outbound-api" },
        from,
        to,
        start: start - ms(4_000),
        end,
    });
    let hertz = u32::try_from(2_000 + dice.between(0, 500)).unwrap_or(2_000);
    pile.recordings.push(Recording {
        sid: dice.sid("RE"),
        task: None,
        call,
        conference: None,
        source: if voicemail {
            "RecordVerb"
        } else {
            "OutboundAPI"
        },
        sound: Sound {
            seed: dice.number(),
            channels: vec![vec![Voice {
                hertz,
                heard: 0..frames(length),
            }]],
            kept: std::iter::once(0..frames(length)).collect(),
        },
        locked: None,
        fate: Fate::Stored,
        start,
        stop: end,
        completed_at: end + ms(900),
        media_at: end + ms(900),
        redirect: false,
    });
}
