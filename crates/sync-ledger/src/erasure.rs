//! Erasing on request what is here about a leg, and finding the legs of a customer.

use std::future::Future;

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, CcrId, Contact, Excluded, Leg, LegId, LegMedia, Stage};
use serde::Serialize;
use serde_json::Value;
use twilio_sid::{CallSid, ConferenceSid, ConversationSid, RecordingSid, TaskSid};

use crate::{NewLeg, Result, RowMark, Schedule};

/// Erasing on request.
pub trait ErasureStore: Send + Sync {
    /// Erases what is here about a leg: its details, the bodies of its webhook messages, pushed events of its task that wait
    /// to be processed, what was seen of hold in its conferences. In one transaction.
    ///
    /// The row stays, with SIDs and times, and nobody can change it any more. A contact
    /// that is not finished is excluded by the rule [`FORGOTTEN`] from then on; whoever works on it gets a conflict. Messages
    /// that it claimed of a conversation stay claimed. Forgetting twice erases what came meanwhile.
    ///
    /// The leg need not be known: that it was forgotten, and when, is kept for as long as its ACD is there. A leg that is
    /// discovered afterwards, or again after its row was pruned, is written down as excluded by the same rule, without
    /// details, and counts as known. So it is never imported.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownAcd`](crate::LedgerError::UnknownAcd).
    fn forget(
        &self,
        acd: &AcdKey,
        leg: LegId,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Forgotten>> + Send;

    /// Looks through the details of at most `limit` contacts for a text: an address, a name. Capitals do not matter. A needle
    /// that is a number of seven digits or more is found in whatever way it is written. Call again with `next` until there
    /// is none.
    fn find_by_text(
        &self,
        needle: &str,
        acd: Option<&AcdKey>,
        limit: u32,
        after: Option<RowMark>,
    ) -> impl Future<Output = Result<FoundByText>> + Send;
}

/// The rule that excludes a contact which was forgotten before it was finished.
pub const FORGOTTEN: &str = "forgotten";

/// What was erased, and what is still to be erased elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// Whether there were details.
    pub details: bool,
    /// How many webhook messages lost their body.
    pub messages: u64,
    /// How many of these had not been delivered, and never will be.
    pub messages_undelivered: u64,
    /// How many pushed events were erased before they were processed.
    pub events: u64,
    /// How many observations of hold were erased.
    pub holds: u64,
    /// What other systems may still have; `None` where the ledger does not know the leg, and so not what others have of it.
    pub elsewhere: Option<Elsewhere>,
}

/// What other systems may still have of a leg, as far as the ledger knew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    /// Twilio: the task.
    pub task: TaskSid,
    /// Twilio: recordings that the leg used or passed over and that this connector has not deleted.
    pub recordings: Vec<RecordingSid>,
    /// Twilio: conversations, whichever other legs share them.
    pub conversations: Vec<ConversationSid>,
    /// Twilio: calls that the task's attributes named.
    pub calls: Vec<CallSid>,
    /// Twilio: conferences that the task's attributes named.
    pub conferences: Vec<ConferenceSid>,
    /// Calabrio: the contact.
    pub ccr: Option<CcrId>,
    /// Calabrio: whether a contact may be there although its id is not known. Search for the leg key.
    pub perhaps_sent: bool,
}

/// Contacts whose details hold a text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FoundByText {
    /// The contacts, those that were discovered first first.
    pub legs: Vec<(AcdKey, LegId)>,
    /// How many had details that cannot be read.
    pub unreadable: u64,
    /// Where to go on; `None` when everything was looked through.
    #[serde(skip)]
    pub next: Option<RowMark>,
}

impl Elsewhere {
    /// Nothing but the task, of a contact in this stage.
    pub(crate) fn of(contact: &Contact) -> Self {
        let sent = |stage: &Stage| match stage {
            Stage::Linked(linked) => linked.attempt.is_some(),
            Stage::Uploaded(_) => true,
            _ => false,
        };
        let perhaps_sent = match &contact.stage {
            Stage::Parked(parked) => sent(&parked.resume),
            stage => sent(stage),
        };
        let ccr = contact.stage.ccr();
        let mut elsewhere = Self {
            task: contact.leg.task,
            recordings: contact.stage.recordings(),
            conversations: Vec::new(),
            calls: Vec::new(),
            conferences: Vec::new(),
            ccr,
            perhaps_sent: ccr.is_none() && perhaps_sent,
        };
        elsewhere.note_text(contact.leg.session_id().as_str());
        if let Some(part) = contact.stage.media().and_then(LegMedia::transcript) {
            elsewhere.conversations.push(part.conversation);
        }
        elsewhere
    }

    /// With the SIDs that stand in details.
    pub(crate) fn note(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.note_text(text),
            Value::Array(values) => values.iter().for_each(|value| self.note(value)),
            Value::Object(fields) => fields.values().for_each(|value| self.note(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn note_text(&mut self, text: &str) {
        // At most one of them takes it: each SID has a prefix of its own.
        self.recordings.extend(text.parse::<RecordingSid>());
        self.conversations.extend(text.parse::<ConversationSid>());
        self.calls.extend(text.parse::<CallSid>());
        self.conferences.extend(text.parse::<ConferenceSid>());
    }

    /// Each once, in the order of the SIDs.
    pub(crate) fn sorted(mut self) -> Self {
        self.recordings.sort();
        self.recordings.dedup();
        self.conversations.sort();
        self.conversations.dedup();
        self.calls.sort();
        self.calls.dedup();
        self.conferences.sort();
        self.conferences.dedup();
        self
    }
}

/// What a contact becomes when it is forgotten: one that is on its way, or set aside, goes no further.
pub(crate) fn stage_when_forgotten(stage: &Stage, now: DateTime<Utc>) -> Stage {
    match stage {
        Stage::Complete(_) | Stage::Failed(_) | Stage::Excluded(_) => stage.clone(),
        _ => Stage::Excluded(Excluded {
            at: now,
            rule: FORGOTTEN.to_owned(),
        }),
    }
}

/// What stands in the history of a contact that was forgotten. The stage may know Calabrio's id no longer.
pub(crate) fn note_of(elsewhere: &Elsewhere) -> String {
    match elsewhere.ccr {
        Some(ccr) => format!("erased on request; Calabrio may still have contact {ccr}"),
        None if elsewhere.perhaps_sent => {
            "erased on request; Calabrio may have a contact under the leg key".to_owned()
        }
        None => "erased on request".to_owned(),
    }
}

/// What is written down of a leg that is discovered after it was forgotten: that it is nobody's to carry.
pub(crate) fn tombstone_of(found: &NewLeg, now: DateTime<Utc>) -> NewLeg {
    let stage = Stage::Excluded(Excluded {
        at: now,
        rule: FORGOTTEN.to_owned(),
    });
    NewLeg {
        contact: Contact {
            leg: found.contact.leg.clone(),
            stage,
        },
        details: None,
        schedule: Schedule::rest(),
    }
}

/// What stands in the history of such a leg.
pub(crate) const FORGOTTEN_BEFORE: &str = "erased on request before it was discovered";

/// The SIDs by which a pushed event is known to be about a leg.
pub(crate) fn sids_of(leg: &Leg) -> [&str; 2] {
    [leg.id.as_str(), leg.task.as_str()]
}

/// Whether the payload of a pushed event names one of these SIDs.
pub(crate) fn is_about(payload: &[u8], sids: &[&str]) -> bool {
    sids.iter().any(|sid| {
        payload
            .windows(sid.len())
            .any(|window| window.eq_ignore_ascii_case(sid.as_bytes()))
    })
}
