//! Wishes: what a command asks of the worker, as rows.

use std::fmt;
use std::future::Future;

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId, ParkKind};
use serde::{Deserialize, Serialize};

use crate::Result;

/// What commands ask of the worker. A wish is carried out at least once: whoever carries it out must bear a repetition.
///
/// Every method is one transaction.
pub trait WishStore: Send + Sync {
    /// Leaves a wish. One that is waiting already is not left twice; its number is given.
    fn put(&self, wish: &Wish, now: DateTime<Utc>) -> impl Future<Output = Result<WishId>> + Send;

    /// Takes the oldest wish that waits, or whose holder's lease has run out; passes by those that [take
    /// long](Wish::takes_long) and are about one of the `busy` ACDs.
    ///
    /// A wish of no kind that this release knows is settled as failed on the way.
    fn claim_wish(
        &self,
        busy: &[AcdKey],
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> impl Future<Output = Result<Option<ClaimedWish>>> + Send;

    /// Tells what became of a claimed wish.
    ///
    /// # Errors
    ///
    /// [`LedgerError::WishNotHeld`](crate::LedgerError::WishNotHeld) if it was claimed again or settled meanwhile.
    fn settle_wish(
        &self,
        claimed: &ClaimedWish,
        outcome: Outcome,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// One wish, if it is known.
    fn wish(&self, id: WishId) -> impl Future<Output = Result<Option<WishRow>>> + Send;

    /// The newest wishes first, at most so many; only those that are not settled, if asked.
    fn wishes(
        &self,
        only_open: bool,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<WishRow>>> + Send;
}

/// Something that a command asks of the worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Wish {
    /// Take one contact up again, or hurry with it.
    RetryContact {
        /// Its ACD.
        acd: AcdKey,
        /// Its leg.
        leg: LegId,
    },
    /// Take parked contacts up again.
    RetryParked {
        /// Of this ACD only.
        acd: Option<AcdKey>,
        /// Parked for this kind of reason only.
        kind: Option<ParkKind>,
    },
    /// Work through a range.
    Backfill {
        /// The ACD.
        acd: AcdKey,
        /// The range's beginning, inclusive.
        from: DateTime<Utc>,
        /// The range's end, exclusive.
        to: DateTime<Utc>,
    },
    /// Compare what Twilio, the ledger and Calabrio have.
    Reconcile {
        /// The ACD.
        acd: AcdKey,
        /// The range's beginning, inclusive.
        from: DateTime<Utc>,
        /// The range's end, exclusive.
        to: DateTime<Utc>,
        /// Whether what is missing is fetched.
        fill: bool,
    },
    /// Deliver the history of a range, as far as it differs from what was delivered. A wish for the worker of history.
    History {
        /// The ACD.
        acd: AcdKey,
        /// The range's beginning, inclusive.
        from: DateTime<Utc>,
        /// The range's end, exclusive.
        to: DateTime<Utc>,
    },
    /// Erase what is here about a leg.
    ForgetContact {
        /// Its ACD.
        acd: AcdKey,
        /// The leg.
        leg: LegId,
    },
}

impl Wish {
    /// Whether it may take minutes or hours: others need not wait for it.
    pub fn takes_long(&self) -> bool {
        matches!(
            self,
            Self::Backfill { .. } | Self::Reconcile { .. } | Self::History { .. }
        )
    }

    /// Whether it has to wait for those that one of these ACDs is busy with.
    pub(crate) fn waits_for(&self, busy: &[AcdKey]) -> bool {
        self.takes_long() && self.acd().is_some_and(|acd| busy.contains(acd))
    }

    /// The ACD that it is about; `None` if it is about all.
    pub fn acd(&self) -> Option<&AcdKey> {
        match self {
            Self::RetryParked { acd, .. } => acd.as_ref(),
            Self::RetryContact { acd, .. }
            | Self::Backfill { acd, .. }
            | Self::Reconcile { acd, .. }
            | Self::History { acd, .. }
            | Self::ForgetContact { acd, .. } => Some(acd),
        }
    }
}

/// The number of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WishId(pub i64);

impl fmt::Display for WishId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A wish in somebody's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedWish {
    /// Its number.
    pub id: WishId,
    /// What is asked.
    pub wish: Wish,
    /// Counted from 1; above 1 somebody may have carried it out in part.
    pub claim: u32,
}

/// What became of a wish, with a sentence for people. No customer data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was carried out.
    Done(String),
    /// It could not be.
    Failed(String),
}

/// A wish as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WishRow {
    /// Its number.
    pub id: WishId,
    /// What is asked; `None` if it is of no kind that this release knows.
    pub wish: Option<Wish>,
    /// What became of it.
    pub state: WishState,
    /// When it was left.
    pub created_at: DateTime<Utc>,
    /// How often it was claimed.
    pub claims: u32,
    /// When it was settled.
    pub settled_at: Option<DateTime<Utc>>,
    /// What was said of it then.
    pub outcome: Option<String>,
}

/// What became of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WishState {
    /// Nobody has taken it.
    Waiting,
    /// Somebody is at it.
    Claimed,
    /// It was carried out.
    Done,
    /// It could not be carried out.
    Failed,
}

impl WishState {
    /// The word as it stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Claimed => "claimed",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Claimed, Self::Done, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// What is said of a wish that this release does not know.
pub(crate) const UNKNOWN_WISH: &str =
    "this release does not know this kind of wish: run the release that left it";
