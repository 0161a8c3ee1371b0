//! A contact as the ledger keeps it, and what changes it.

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use contact_model::{
    AcdKey, CcrId, Contact, ContactStatus, Details, LegId, LegMedia, Stage, StageName,
};
use serde::Serialize;
use twilio_sid::RecordingSid;

use crate::{DetailsFault, floor_ms};

/// When a contact wants attention next, and how often it had some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// When it wants attention next, to the millisecond; `None` if it wants none. A contact whose stage is not
    /// [final](StageName::is_final) must want some: the ledger refuses to forget it.
    pub due_at: Option<DateTime<Utc>>,
    /// How often its present step was tried; the caller counts.
    pub attempts: u32,
    /// How many tries in a row failed, which the next delay grows with; the caller counts.
    pub backoff: u32,
}

impl Schedule {
    /// Due at this time, with both counters at 0.
    pub fn at(due_at: DateTime<Utc>) -> Self {
        Self {
            due_at: Some(due_at),
            attempts: 0,
            backoff: 0,
        }
    }

    /// Never due, with both counters at 0: for a contact at its end.
    pub fn rest() -> Self {
        Self {
            due_at: None,
            attempts: 0,
            backoff: 0,
        }
    }
}

/// A contact without its details.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContactRow {
    /// The leg's facts and the stage.
    pub contact: Contact,
    /// Grows with every change and every claim. A [`Change`] names the version that it is based on.
    pub version: u64,
    /// When it wants attention next.
    pub schedule: Schedule,
    /// Until when somebody works on it.
    pub lease_until: Option<DateTime<Utc>>,
    /// When the ledger first wrote it down.
    pub discovered_at: DateTime<Utc>,
    /// When it came to its present stage and reason.
    pub stage_since: DateTime<Utc>,
    /// When it became complete, failed or excluded; `None` while it is none of these.
    pub finished_at: Option<DateTime<Utc>>,
    /// What keeps it from going on: what it waits for, or what failed last. No customer data.
    pub waits_for: Option<String>,
    /// What was last told outside of it; `None` if nothing ever was.
    pub told: Option<ContactStatus>,
    /// When it was [forgotten](crate::ErasureStore::forget): it stays as it is from then on.
    pub forgotten_at: Option<DateTime<Utc>>,
}

impl ContactRow {
    /// The ACD that it belongs to.
    pub fn acd(&self) -> &AcdKey {
        &self.contact.leg.acd
    }

    /// Its leg.
    pub fn leg(&self) -> LegId {
        self.contact.leg.id
    }

    /// A change of this row to the given contact, wanting attention by the given schedule, decided at this time.
    pub fn change(&self, contact: Contact, schedule: Schedule, at: DateTime<Utc>) -> Change {
        Change {
            version: self.version,
            contact,
            schedule,
            at,
            note: None,
            details: DetailsChange::Keep,
            keep_lease: false,
            waits_for: None,
            tell: None,
        }
    }
}

/// A contact with its details.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactRecord {
    /// Everything but the details.
    pub row: ContactRow,
    /// The customer's data.
    pub details: StoredDetails,
}

/// What became of a contact's details.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StoredDetails {
    /// It never had any.
    Absent,
    /// Here they are.
    Present(Details),
    /// They were dropped, as a rule because the contact had been finished for long enough.
    Dropped {
        /// When.
        at: DateTime<Utc>,
    },
    /// They are stored and cannot be read. The rest of the contact can.
    Unreadable(DetailsFault),
}

impl StoredDetails {
    /// The details, where there are any.
    pub fn present(&self) -> Option<&Details> {
        match self {
            Self::Present(details) => Some(details),
            _ => None,
        }
    }
}

/// One change of one contact, based on a version that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The version that was read. If the ledger has another by now, nothing is written.
    pub version: u64,
    /// What the contact is from now on. Its leg and ACD say which one it is.
    pub contact: Contact,
    /// When it wants attention next.
    pub schedule: Schedule,
    /// When this was decided.
    pub at: DateTime<Utc>,
    /// A word for the history: no customer data, no secret, at most some 200 characters. With a note a row is
    /// added to the history even if the stage stays.
    pub note: Option<String>,
    /// What becomes of the details.
    pub details: DetailsChange,
    /// Whether the one who changes it goes on working on it: the lease stays as it is. Otherwise it ends.
    pub keep_lease: bool,
    /// What keeps the contact from going on, in words without customer data; it replaces what was said before.
    pub waits_for: Option<String>,
    /// What is to be told outside of the contact as it is from now on. A message goes into the outbox, in the same
    /// transaction, only if its status or Calabrio's id differs from what was last told of this leg.
    pub tell: Option<Tell>,
}

impl Change {
    /// With this note.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// With these details in place of those that are stored.
    pub fn details(mut self, details: Details) -> Self {
        self.details = DetailsChange::Replace(details);
        self
    }

    /// Telling this, if it was not told last.
    pub fn tell(mut self, tell: Tell) -> Self {
        self.tell = Some(tell);
        self
    }
}

/// What is told outside of a contact. `Debug` does not print the body.
#[derive(Clone, PartialEq, Eq)]
pub struct Tell {
    /// Status and reason: what is compared with what was last told.
    pub status: ContactStatus,
    /// Calabrio's id of the contact, `None` before it has one: compared as well, since a contact that was sent anew is
    /// another one there.
    pub ccr: Option<CcrId>,
    /// The message's id if it is sent: random, never used before.
    pub message_id: String,
    /// The exact bytes to send.
    pub body: Bytes,
}

impl fmt::Debug for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tell")
            .field("status", &self.status)
            .field("ccr", &self.ccr)
            .field("message_id", &self.message_id)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// What becomes of stored details.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum DetailsChange {
    /// They stay.
    #[default]
    Keep,
    /// These take their place.
    Replace(Details),
    /// They are erased.
    Drop,
}

/// One step in a contact's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// The stage that it came to.
    pub stage: StageName,
    /// The kind of park reason, the failure reason or the rule that excluded it.
    pub reason: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// What was noted.
    pub note: Option<String>,
}

/// A contact whose row cannot be read. It is told, and stands in nobody's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnreadableContact {
    /// Its ACD.
    pub acd: AcdKey,
    /// Its leg, as the row names it.
    pub leg: String,
    /// What is wrong; no content.
    pub fault: String,
}

impl From<UnreadableContact> for crate::LedgerError {
    fn from(contact: UnreadableContact) -> Self {
        Self::Unreadable {
            what: format!("the contact of leg {}", contact.leg),
            fault: contact.fault,
        }
    }
}

/// Whether a contact of this stage has come to its end. A parked one has not: a person may take it up again.
pub(crate) fn is_finished(stage: StageName) -> bool {
    matches!(
        stage,
        StageName::Complete | StageName::Failed | StageName::Excluded
    )
}

/// The reason beside the stage's name, for filters and counts.
pub(crate) fn reason_of(stage: &Stage) -> Option<String> {
    match stage {
        Stage::Parked(parked) => Some(parked.reason.kind().as_str().to_owned()),
        Stage::Failed(failed) => serde_json::to_value(failed.reason)
            .ok()
            .and_then(|reason| reason.as_str().map(str::to_owned)),
        Stage::Excluded(excluded) => Some(excluded.rule.clone()),
        _ => None,
    }
}

/// The recordings that a contact consists of, without those that were passed over: once it is complete these are not needed
/// at their source any more.
pub(crate) fn sources_of(stage: &Stage) -> Vec<RecordingSid> {
    match stage {
        Stage::Complete(complete) => match &complete.media {
            LegMedia::Recordings { pieces, .. } => {
                pieces.iter().map(|piece| piece.recording).collect()
            }
            LegMedia::None | LegMedia::Transcript(_) => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// When the leg last did something: what lists are ordered by and time ranges compare.
pub(crate) fn happened_at(contact: &Contact, otherwise: DateTime<Utc>) -> DateTime<Utc> {
    let times = contact.leg.times;
    floor_ms(
        times
            .ended
            .or(times.wrapup)
            .or(times.task_ended)
            .or(times.accepted)
            .unwrap_or(otherwise),
    )
}
