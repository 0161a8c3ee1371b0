//! Instants inside the machine: milliseconds since 1970, as Twilio's events have them.

use chrono::{DateTime, Utc};

/// After everything.
pub(crate) const END: i64 = i64::MAX;

pub(crate) fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// The instant of milliseconds that came from one.
pub(crate) fn instant(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

/// When something happened, and how well that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) at: i64,
    /// An event told it; a snapshot knows times only roughly.
    pub(crate) is_exact: bool,
}

impl Stamp {
    pub(crate) fn exact(at: i64) -> Self {
        Self { at, is_exact: true }
    }

    pub(crate) fn rough(at: i64) -> Self {
        Self {
            at,
            is_exact: false,
        }
    }

    /// What is known after both were heard, in whichever order: an event goes before a snapshot; of two events, which are one event in two
    /// forms, the later has the milliseconds; of two snapshots the earlier saw it first.
    fn with(self, other: Self) -> Self {
        match (self.is_exact, other.is_exact) {
            (true, false) => self,
            (false, true) => other,
            (true, true) => Self::exact(self.at.max(other.at)),
            (false, false) => Self::rough(self.at.min(other.at)),
        }
    }

    /// Takes in one more stamp of the same thing. Whether that tells anything new.
    pub(crate) fn join(known: &mut Option<Self>, heard: Self) -> bool {
        let joined = known.map_or(heard, |known| known.with(heard));
        let is_new = *known != Some(joined);
        *known = Some(joined);
        is_new
    }
}
