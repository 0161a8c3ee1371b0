//! What the ledger knows beside a contact: other legs of its conversation, and what was seen of hold.

use std::collections::BTreeSet;

use contact_model::{Details, Leg, LegId, MessageRange};
use sync_ledger::{
    ContactRecord, ContactRow, HoldSource, Ledger, LedgerError, StoredDetails, UnreadableContact,
};
use transcript::{Claim, LegPeriod};
use twilio_sid::{ConferenceSid, ConversationSid};

use super::Core;
use crate::policy::{ConferenceSeen, HoldSighting, Occupants, SeenBy};

/// The legs beside one in its conversation and in its interaction.
struct Beside {
    claims: Vec<(LegId, MessageRange)>,
    /// The one that it is about among them.
    session: Vec<ContactRow>,
}

impl Beside {
    async fn of<L: Ledger>(
        core: &Core<L>,
        leg: &Leg,
        conversation: ConversationSid,
    ) -> Result<Self, LedgerError> {
        let ledger = &core.ledger;
        let claims = ledger.transcript_claims(&leg.acd, conversation).await?;
        let session = leg.session_id();
        let siblings = ledger.find_session_siblings(&leg.acd, &session).await?;
        tell_unreadable(&siblings.unreadable);
        Ok(Self {
            claims,
            session: siblings.contacts,
        })
    }
}

/// The legs that have claimed messages of a conversation, and those of the same interaction.
pub(super) async fn occupants<L: Ledger>(
    core: &Core<L>,
    leg: &Leg,
    conversation: ConversationSid,
) -> Result<Occupants, LedgerError> {
    let beside = Beside::of(core, leg, conversation).await?;
    let mut legs = Vec::new();
    for (claimant, _) in &beside.claims {
        if let Some(record) = readable(core.ledger.get(&leg.acd, *claimant).await)? {
            legs.extend(LegPeriod::of(&record.row.contact.leg));
        }
    }
    // Those that have claimed nothing yet. Not all of an interaction share a conversation, but a call has no messages.
    let others = beside.session.iter().map(|row| &row.contact.leg);
    legs.extend(
        others
            .filter(|other| !other.channel.is_voice() && other.task == leg.task)
            .filter_map(LegPeriod::of),
    );
    let claims = beside
        .claims
        .into_iter()
        .filter(|(claimant, _)| *claimant != leg.id)
        .map(|(leg, range)| Claim { leg, range })
        .collect();
    Ok(Occupants { legs, claims })
}

/// What is known of the agents of the other legs of a conversation.
pub(super) async fn colleagues<L: Ledger>(
    core: &Core<L>,
    leg: &Leg,
    conversation: ConversationSid,
) -> Result<Vec<Details>, LedgerError> {
    let beside = Beside::of(core, leg, conversation).await?;
    let mut legs: BTreeSet<_> = beside.claims.iter().map(|(leg, _)| *leg).collect();
    legs.extend(beside.session.iter().map(ContactRow::leg));
    legs.remove(&leg.id);
    let mut known = Vec::new();
    for other in legs {
        let record = readable(core.ledger.get(&leg.acd, other).await)?;
        if let Some(StoredDetails::Present(details)) = record.map(|record| record.details) {
            known.push(details);
        }
    }
    Ok(known)
}

/// A contact beside the one that it is about; one that cannot be read is told, and stands in nobody's way.
pub(super) fn readable(
    record: Result<Option<ContactRecord>, LedgerError>,
) -> Result<Option<ContactRecord>, LedgerError> {
    match record {
        Err(error @ LedgerError::Unreadable { .. }) => {
            tracing::error!(%error, "a contact in the ledger cannot be read");
            Ok(None)
        }
        record => record,
    }
}

/// Tells of contacts that cannot be read.
pub(super) fn tell_unreadable(contacts: &[UnreadableContact]) {
    for unreadable in contacts {
        tracing::error!(acd = %unreadable.acd, leg = %unreadable.leg, fault = %unreadable.fault, "a contact in the ledger cannot be read");
    }
}

/// What was seen of hold in a conference; `None` where nobody looked.
pub(super) async fn hold_seen<L: Ledger>(
    core: &Core<L>,
    leg: &Leg,
    conference: ConferenceSid,
) -> Result<Option<ConferenceSeen>, LedgerError> {
    let notes = core.ledger.holds_of(&leg.acd, &[conference]).await?;
    let changes = core.ledger.changes_of(&leg.acd, conference).await?;
    let sightings: Vec<_> = notes
        .iter()
        .map(|note| HoldSighting {
            call: Some(note.call),
            at: note.at,
            on: note.held,
            by: match note.source {
                HoldSource::Poll => SeenBy::Looking,
                HoldSource::PollAgain => SeenBy::LookingSince,
                _ => SeenBy::Telling,
            },
        })
        .collect();
    let changes = changes.iter().map(|change| (change.number, change.at));
    let seen = ConferenceSeen {
        sightings,
        changes: changes.collect(),
    };
    Ok((!seen.sightings.is_empty()).then_some(seen))
}
