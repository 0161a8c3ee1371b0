//! Deletion at the source: which recordings are no longer needed at Twilio, and what became of them.

use std::future::Future;

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId, StageName};
use serde::{Deserialize, Serialize};
use twilio_sid::RecordingSid;

use crate::{Result, RowMark};

/// Recordings that contacts of an ACD consist of, from the change on that made such a contact complete. A recording that
/// several contacts share stands here once. Recordings that were passed over for others do not stand here.
///
/// Whether one may be deleted is not decided here. Every method is one transaction.
pub trait DeletionStore: Send + Sync {
    /// Recordings that want to be looked at: not deleted and not given up, of a contact that is complete, with no contact of
    /// the ACD having become complete with it later than `complete_by`. Those that have waited longest first.
    fn deletion_candidates(
        &self,
        acd: &AcdKey,
        complete_by: DateTime<Utc>,
        now: DateTime<Utc>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<DeletionRow>>> + Send;

    /// Writes down what was decided or done about a recording. One that is deleted stays so, whatever is said afterwards.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownAcd`](crate::LedgerError::UnknownAcd).
    fn record_deletion(
        &self,
        acd: &AcdKey,
        recording: RecordingSid,
        verdict: &Verdict,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// A page of recordings, those that came last first.
    fn deletions(
        &self,
        filter: &DeletionFilter,
        limit: u32,
        after: Option<RowMark>,
    ) -> impl Future<Output = Result<DeletionPage>> + Send;

    /// How many recordings there are of each ACD, state and reason, ordered by these.
    fn deletion_counts(
        &self,
        acd: Option<&AcdKey>,
    ) -> impl Future<Output = Result<Vec<DeletionCount>>> + Send;

    /// Recordings that a parked or failed contact of an ACD uses, used before or passed over, and that are not known to be deleted:
    /// once for each such contact, those of the contact that has been there longest first, at most so many.
    ///
    /// Unlike [`deletion_candidates`](Self::deletion_candidates) it tells of recordings that no contact is complete with.
    fn held_recordings(
        &self,
        acd: &AcdKey,
        limit: u32,
    ) -> impl Future<Output = Result<HeldRecordings>> + Send;
}

/// What was decided or done about a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Something stands in the way.
    Blocked {
        /// What, in a word that can be counted.
        reason: String,
        /// When to look again.
        next: DateTime<Utc>,
    },
    /// Twilio is about to be asked to delete it. To be written down before it is asked: counts as an attempt.
    Requested {
        /// When to look again if nothing more is heard of the attempt.
        next: DateTime<Utc>,
    },
    /// It is gone.
    Deleted,
    /// Twilio could not be asked, or refused.
    Failed {
        /// Why, in a word that can be counted.
        reason: String,
        /// When to try again; `None` if never.
        next: Option<DateTime<Utc>>,
    },
}

/// How the deletion of a recording stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeletionState {
    /// Nobody has looked at it.
    Waiting,
    /// Something stands in the way.
    Blocked,
    /// Twilio was asked, or was about to be.
    Requested,
    /// It is gone.
    Deleted,
    /// The last attempt failed.
    Failed,
}

impl DeletionState {
    const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Blocked,
        Self::Requested,
        Self::Deleted,
        Self::Failed,
    ];

    /// The word as it stands in filters and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::Requested => "requested",
            Self::Deleted => "deleted",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A recording whose deletion is considered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeletionRow {
    /// The ACD.
    pub acd: AcdKey,
    /// The recording.
    pub recording: RecordingSid,
    /// How its deletion stands.
    pub state: DeletionState,
    /// What stands in the way, or why it failed.
    pub reason: Option<String>,
    /// How often Twilio was asked, or about to be.
    pub attempts: u32,
    /// When a contact that consists of it became complete last.
    pub complete_at: DateTime<Utc>,
    /// When its state or reason changed last.
    pub changed_at: DateTime<Utc>,
    /// When it is looked at again; `None` if never.
    pub next_at: Option<DateTime<Utc>>,
}

/// Which recordings to list. What is empty or `None` asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeletionFilter {
    /// Of this ACD.
    pub acd: Option<AcdKey>,
    /// In one of these states.
    pub states: Vec<DeletionState>,
    /// This one.
    pub recording: Option<RecordingSid>,
}

/// A page of recordings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeletionPage {
    /// The recordings, those that came last first.
    pub deletions: Vec<DeletionRow>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<RowMark>,
}

/// How many recordings are in a state for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeletionCount {
    /// The ACD.
    pub acd: AcdKey,
    /// The state.
    pub state: DeletionState,
    /// The reason.
    pub reason: Option<String>,
    /// How many.
    pub recordings: u64,
    /// Since when the first of them is there.
    pub oldest: DateTime<Utc>,
}

/// Recordings that parked and failed contacts hold at their source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct HeldRecordings {
    /// How many there are, whether they are shown or not.
    pub total: u64,
    /// The first of them.
    pub recordings: Vec<HeldRecording>,
}

/// A recording that a parked or failed contact holds at its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldRecording {
    /// The recording.
    pub recording: RecordingSid,
    /// The contact's leg.
    pub leg: LegId,
    /// Parked or failed.
    pub stage: StageName,
    /// Why the contact is: the word of the park or failure reason.
    pub reason: Option<String>,
    /// Since when the contact is.
    pub since: DateTime<Utc>,
}
