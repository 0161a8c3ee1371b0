//! What the ledger knows beside a contact: other legs of its conversation, and what was seen of hold.

use contact_model::Leg;
use sync_ledger::{Ledger, LedgerError};
use transcript::{Claim, LegPeriod};
use twilio_sid::{ConferenceSid, ConversationSid};

use super::Core;
use crate::policy::{HoldSighting, Occupants};

/// The legs that have claimed messages of a conversation, and those of the same interaction.
pub(super) async fn occupants<L: Ledger>(
    core: &Core<L>,
    leg: &Leg,
    conversation: ConversationSid,
) -> Result<Occupants, LedgerError> {
    let claims = core
        .ledger
        .transcript_claims(&leg.acd, conversation)
        .await?;
    let mut legs = Vec::new();
    for (claimant, _) in &claims {
        if let Some(record) = core.ledger.get(&leg.acd, *claimant).await? {
            legs.extend(LegPeriod::of(&record.row.contact.leg));
        }
    }
    // Those that have claimed nothing yet. Not all of an interaction share a conversation, but a call has no messages.
    let session = leg.session_id();
    let siblings = core
        .ledger
        .find_session_siblings(&leg.acd, &session)
        .await?;
    let others = siblings.iter().map(|row| &row.contact.leg);
    legs.extend(
        others
            .filter(|other| !other.channel.is_voice() && other.task == leg.task)
            .filter_map(LegPeriod::of),
    );
    let claims = claims
        .into_iter()
        .filter(|(claimant, _)| *claimant != leg.id)
        .map(|(leg, range)| Claim { leg, range })
        .collect();
    Ok(Occupants { legs, claims })
}

/// What was seen of hold in a conference; `None` where nobody looked.
pub(super) async fn hold_seen<L: Ledger>(
    core: &Core<L>,
    leg: &Leg,
    conference: ConferenceSid,
) -> Result<Option<Vec<HoldSighting>>, LedgerError> {
    let notes = core.ledger.holds_of(&leg.acd, &[conference]).await?;
    let sightings: Vec<_> = notes
        .iter()
        .map(|note| HoldSighting {
            call: Some(note.call),
            at: note.at,
            on: note.held,
        })
        .collect();
    Ok((!sightings.is_empty()).then_some(sightings))
}
