//! What was deleted at the source, and what was told of hold.

use super::{Account, HoldFields};
use crate::calabrio::ReceivedContact;
use crate::world::{Deleted, ExpectedLeg, Outcome};

/// What is told where hold cannot be seen.
const NOT_OBSERVABLE: &str = "not-observable";

impl Account {
    pub(super) fn deleted(
        &mut self,
        deleted: &[Deleted],
        received: &[ReceivedContact],
        expected: &[ExpectedLeg],
    ) {
        self.sources_deleted = deleted.len() as u64;
        let too_early = deleted.iter().filter(|deletion| {
            let Some(task) = &deletion.task else {
                return true;
            };
            let mut legs = expected.iter().filter(|leg| leg.task == *task);
            legs.any(|leg| !is_safe(leg, received, deletion))
        });
        self.sources_deleted_too_early = too_early.count() as u64;
    }

    pub(super) fn hold(
        &mut self,
        hold: &HoldFields,
        received: &[ReceivedContact],
        expected: &[ExpectedLeg],
    ) {
        for contact in received {
            let leg = expected.iter().find(|leg| leg.leg == contact.leg);
            let Some(known) = leg.and_then(|leg| leg.hold) else {
                continue;
            };
            let told = |key: &String| contact.metadata.get(key).map(String::as_str);
            let (count, seconds) = (told(&hold.fields.0), told(&hold.fields.1));
            let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
            // Each time on hold may be seen to begin and to end a moment off.
            let near = |told: u64| told.abs_diff(known.seconds()) <= 1 + u64::from(known.count);
            let seen =
                number(count) == Some(u64::from(known.count)) && number(seconds).is_some_and(near);
            let unseen = count == Some(NOT_OBSERVABLE) && seconds == Some(NOT_OBSERVABLE);
            let right = match hold.observable {
                // Of a call in which nothing befell anybody Twilio tells the same as of one of which it tells nothing.
                Some(true) => seen || unseen && known.count == 0,
                Some(false) => unseen,
                None => seen || unseen,
            };
            if right {
                continue;
            }
            self.hold_mismatches += 1;
            let account = self.legs.iter_mut().find(|leg| leg.leg == contact.leg);
            if let Some(account) = account {
                account.faults.push(format!(
                    "its hold is told as {} times, {} s, and was {} times, {} s",
                    count.unwrap_or("?"),
                    seconds.unwrap_or("?"),
                    known.count,
                    known.seconds(),
                ));
            }
        }
    }
}

/// Whether a leg had no more need of its source when that was deleted.
fn is_safe(leg: &ExpectedLeg, received: &[ReceivedContact], deletion: &Deleted) -> bool {
    match leg.outcome {
        Outcome::Excluded(_) => true,
        Outcome::Parked(_) => false,
        Outcome::Complete => received.iter().any(|contact| {
            let whole = match leg.audio {
                Some(_) => contact.audio.is_some() && contact.processed_from <= deletion.at,
                None => contact.received_at <= deletion.at,
            };
            contact.leg == leg.leg && whole
        }),
    }
}
