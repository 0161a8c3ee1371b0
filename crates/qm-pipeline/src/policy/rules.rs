//! What the operator configured, as far as the life of a contact depends on it.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use connector_config::{Acd, Exclude, Media, Products, Timing, UnknownAgent};
use metadata_mapping::{Fact, Source};
use twilio_sid::PublicKeySid;

use super::facts::FoundState;

/// The rules of one ACD.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How often is asked, and how long is waited.
    pub timing: Timing,
    /// What is done with recordings.
    pub media: Media,
    /// Which products take contacts.
    pub products: Products,
    /// What is left out.
    pub excludes: Vec<Exclude>,
    /// What becomes of a contact whose agent Calabrio does not know.
    pub unknown_agent: UnknownAgent,
    /// Whether hold is mapped, so that it is looked for.
    pub wants_hold: bool,
    /// Whether screen recording is told of legs, so that Calabrio may have contacts of them before this connector sends any.
    pub rte_messaging: bool,
    /// The public keys whose private keys the key ring has.
    pub keys: BTreeSet<PublicKeySid>,
    /// When this process started. An attempt to upload that a former process left open ended at the latest then.
    pub started: DateTime<Utc>,
    /// How often a contact may be sent before it is parked.
    pub max_attempts: u32,
    /// How often in a row a step may fail for passing reasons before its contact is parked.
    pub max_failures: u32,
}

impl Rules {
    /// How often a contact is sent at most; a contact that vanished so often will not stay the next time either.
    pub const MAX_ATTEMPTS: u32 = 6;

    /// How often in a row a step may fail for passing reasons: with pauses of some ten minutes, about three days.
    pub const MAX_FAILURES: u32 = 400;

    /// How long a contact must stay without media before it counts as one that somebody else made, and media is sent beside it.
    pub(super) fn made_by_others_after(&self, state: FoundState) -> std::time::Duration {
        if self.rte_messaging && state == FoundState::WithoutMedia {
            self.timing.search_settle
        } else {
            self.timing.processing_wait.max(self.timing.search_settle)
        }
    }

    /// The rules of `acd` for a process that started at `started` with these private keys.
    pub fn new(
        acd: &Acd,
        timing: &Timing,
        keys: BTreeSet<PublicKeySid>,
        started: DateTime<Utc>,
    ) -> Self {
        Self {
            timing: timing.clone(),
            media: acd.media,
            products: acd.products.clone(),
            excludes: acd.excludes.clone(),
            unknown_agent: acd.unknown_agent,
            rte_messaging: acd.rte_messaging,
            wants_hold: acd.metadata.rules().iter().any(|rule| {
                matches!(
                    rule.source,
                    Source::Fact(Fact::HoldCount | Fact::HoldSeconds)
                )
            }),
            keys,
            started,
            max_attempts: Self::MAX_ATTEMPTS,
            max_failures: Self::MAX_FAILURES,
        }
    }
}

/// A configured duration as chrono's; none of them comes near its bounds.
pub(crate) fn span(duration: std::time::Duration) -> Duration {
    Duration::from_std(duration).unwrap_or(Duration::MAX)
}

/// A time so much later, or the end of time.
pub(crate) fn after(time: DateTime<Utc>, wait: std::time::Duration) -> DateTime<Utc> {
    time.checked_add_signed(span(wait))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
