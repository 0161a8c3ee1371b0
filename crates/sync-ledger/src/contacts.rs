//! The store of contacts: read one, change one, claim what is due, list, count.

use std::future::Future;

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId, MessageRange, ParkKind, SessionId, StageName};
use serde::Serialize;
use twilio_sid::{ConversationSid, RecordingSid, WorkerSid};

use crate::{Change, ContactRecord, ContactRow, Result, Transition, UnreadableContact};

/// Contacts, each known by its ACD and leg. They come in through [`CursorStore`](crate::CursorStore).
///
/// Every method is one transaction. A future that is dropped before it ends has either done all of it or nothing.
pub trait ContactStore: Send + Sync {
    /// One contact, if it is known.
    fn get(
        &self,
        acd: &AcdKey,
        leg: LegId,
    ) -> impl Future<Output = Result<Option<ContactRecord>>> + Send;

    /// Makes a change durable and ends the lease, unless the change keeps it; gives the contact's new version.
    ///
    /// A row is added to the history if the stage or its reason changes, or if the change carries a note. Where the stage's
    /// media is a part of a conversation, the leg claims these messages, in place of those that it had claimed; other media
    /// claim none. A recording of a contact that becomes complete may be deleted at its source from then on (see
    /// [`DeletionStore`](crate::DeletionStore)). What the change [tells](crate::Tell) goes into the
    /// [outbox](crate::OutboxStore) if it was not told last with the same status and the same id of Calabrio's.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Conflict`](crate::LedgerError::Conflict) if the contact was changed or claimed since it was read,
    /// [`LedgerError::TranscriptClaimed`](crate::LedgerError::TranscriptClaimed) if another leg of the ACD has claimed some
    /// of these messages,
    /// [`LedgerError::Forgotten`](crate::LedgerError::Forgotten) if the contact was forgotten,
    /// [`LedgerError::UnknownLeg`](crate::LedgerError::UnknownLeg),
    /// [`LedgerError::NeverDue`](crate::LedgerError::NeverDue) if a contact on its way would never be due again.
    fn save(&self, change: Change) -> impl Future<Output = Result<u64>> + Send;

    /// Takes at most `limit` contacts that are due and that nobody works on, for work until `lease_until`.
    ///
    /// ACDs take turns, the one that has waited longest first; within an ACD the contact that was due first comes
    /// first. Whoever claims must save, release or extend: after `lease_until` the contact can be claimed again, and
    /// the first holder's change then ends in a conflict.
    fn claim_due(
        &self,
        acd: Option<&AcdKey>,
        now: DateTime<Utc>,
        limit: u32,
        lease_until: DateTime<Utc>,
    ) -> impl Future<Output = Result<Claimed>> + Send;

    /// Holds a claimed contact for longer; its version stays.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Conflict`](crate::LedgerError::Conflict) if it is no longer held at this version.
    fn extend_lease(
        &self,
        acd: &AcdKey,
        leg: LegId,
        version: u64,
        lease_until: DateTime<Utc>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Gives a claimed contact back as it was; its version stays.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Conflict`](crate::LedgerError::Conflict) if it is no longer held at this version.
    fn release(
        &self,
        acd: &AcdKey,
        leg: LegId,
        version: u64,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Ends every lease on a contact, a webhook message or a pushed event and every hold on a wish, and gives how many
    /// contacts were freed. For the one worker of a ledger when it starts: whoever held them is gone, and where not, its
    /// changes end in a conflict.
    fn release_all(&self) -> impl Future<Output = Result<u64>> + Send;

    /// When the next contact can be claimed: the earliest of what is due or comes free. `None` if nothing ever will.
    fn next_due(
        &self,
        acd: Option<&AcdKey>,
    ) -> impl Future<Output = Result<Option<DateTime<Utc>>>> + Send;

    /// A page of contacts, the newest first.
    fn list(
        &self,
        filter: &ContactFilter,
        page: &PageRequest,
    ) -> impl Future<Output = Result<Page>> + Send;

    /// How many contacts there are of each ACD, stage and reason, ordered by these.
    fn counts(&self, acd: Option<&AcdKey>) -> impl Future<Output = Result<Vec<StageCount>>> + Send;

    /// What keeps contacts of each ACD from going on, and how many, ordered by these.
    fn waits(&self, acd: Option<&AcdKey>) -> impl Future<Output = Result<Vec<WaitCount>>> + Send;

    /// The steps of one contact, the oldest first; empty if it is not known.
    fn history(
        &self,
        acd: &AcdKey,
        leg: LegId,
    ) -> impl Future<Output = Result<Vec<Transition>>> + Send;

    /// The contacts of an interaction, those that were discovered first first. One that cannot be read hides no other.
    fn find_session_siblings(
        &self,
        acd: &AcdKey,
        session: &SessionId,
    ) -> impl Future<Output = Result<Siblings>> + Send;

    /// Every leg, of any ACD, that uses this recording, used it before, or passed it over.
    fn legs_of_recording(
        &self,
        recording: RecordingSid,
    ) -> impl Future<Output = Result<Vec<(AcdKey, LegId)>>> + Send;

    /// Which messages of a conversation which leg of this ACD has claimed, in the order of the messages.
    fn transcript_claims(
        &self,
        acd: &AcdKey,
        conversation: ConversationSid,
    ) -> impl Future<Output = Result<Vec<(LegId, MessageRange)>>> + Send;
}

/// What was claimed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Claimed {
    /// Contacts, in the order in which they should be worked on.
    pub contacts: Vec<ContactRecord>,
    /// Contacts that were due and cannot be read. They are leased like the others, so that they starve none.
    pub unreadable: Vec<UnreadableContact>,
}

/// The contacts of an interaction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Siblings {
    /// In the order in which they were discovered.
    pub contacts: Vec<ContactRow>,
    /// Contacts that cannot be read.
    pub unreadable: Vec<UnreadableContact>,
}

impl Siblings {
    /// All of them, for whom some would be too few.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Unreadable`](crate::LedgerError::Unreadable) where one cannot be read.
    pub fn all(mut self) -> Result<Vec<ContactRow>> {
        match self.unreadable.pop() {
            Some(contact) => Err(contact.into()),
            None => Ok(self.contacts),
        }
    }
}

/// Which contacts to list. What is empty or `None` asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContactFilter {
    /// Of this ACD.
    pub acd: Option<AcdKey>,
    /// In one of these stages.
    pub stages: Vec<StageName>,
    /// Parked for one of these kinds of reason.
    pub park_kinds: Vec<ParkKind>,
    /// Beside whose stage one of these words stands: the kind of park reason, the failure reason (`not-decryptable`) or the
    /// name of the rule that excluded it.
    pub reasons: Vec<String>,
    /// Of this agent.
    pub worker: Option<WorkerSid>,
    /// Of this interaction.
    pub session: Option<SessionId>,
    /// Whose leg ended at this time or later (began, where its end is not known).
    pub from: Option<DateTime<Utc>>,
    /// Whose leg ended before this time.
    pub to: Option<DateTime<Utc>>,
}

/// Which page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// At most so many contacts; at least 1 and at most [`PageRequest::MAX`] are given.
    pub limit: u32,
    /// What comes after this mark of the page before.
    pub after: Option<PageMark>,
}

impl PageRequest {
    /// The most contacts in one page.
    pub const MAX: u32 = 1000;

    /// The first page, with at most so many contacts.
    pub fn first(limit: u32) -> Self {
        Self { limit, after: None }
    }

    pub(crate) fn rows(&self) -> u32 {
        self.limit.clamp(1, Self::MAX)
    }
}

/// Where a page ended. Contacts that come in meanwhile neither repeat nor hide others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageMark {
    pub(crate) happened_at: i64,
    pub(crate) id: i64,
}

/// A page of contacts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The contacts, the newest first.
    pub contacts: Vec<ContactRow>,
    /// Contacts that belong here and cannot be read.
    pub unreadable: Vec<UnreadableContact>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<PageMark>,
}

/// How many contacts are in a stage for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageCount {
    /// The ACD.
    pub acd: AcdKey,
    /// The stage.
    pub stage: StageName,
    /// The kind of park reason, the failure reason or the rule that excluded them.
    pub reason: Option<String>,
    /// How many.
    pub contacts: u64,
    /// Since when the first of them is there.
    pub oldest: DateTime<Utc>,
}

/// How many contacts wait for one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitCount {
    /// The ACD.
    pub acd: AcdKey,
    /// What they wait for, or what failed last.
    pub waits_for: String,
    /// How many.
    pub contacts: u64,
    /// Since when the first of them is in its stage.
    pub oldest: DateTime<Utc>,
}
