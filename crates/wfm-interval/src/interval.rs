//! The interval, known by its instant.

use std::fmt;

use chrono::{DateTime, FixedOffset, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{IntervalError, Zone};

/// Seconds of an interval: 15 minutes.
pub const INTERVAL_SECONDS: i64 = 900;

/// Fifteen minutes, half open, known by the instant at which they start.
///
/// Intervals are ordered in time. In JSON an interval is its start, RFC 3339 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval(i64);

impl Interval {
    /// The interval that an instant lies in. There is exactly one.
    pub fn containing(instant: DateTime<Utc>) -> Self {
        Self(instant.timestamp().div_euclid(INTERVAL_SECONDS))
    }

    /// The interval that starts at an instant.
    pub fn starting(instant: DateTime<Utc>) -> Result<Self, IntervalError> {
        let interval = Self::containing(instant);
        if interval.start() == instant {
            Ok(interval)
        } else {
            Err(IntervalError::NotAStart { instant })
        }
    }

    /// The interval of a number, as [`Interval::number`] tells it.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// How many intervals after 1970-01-01T00:00:00Z it starts: its start in seconds, divided by 900.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The first instant of it.
    ///
    /// Where the number lies outside the calendar, the nearest instant that does not.
    pub fn start(self) -> DateTime<Utc> {
        let outside = || {
            if self.0 < 0 {
                DateTime::<Utc>::MIN_UTC
            } else {
                DateTime::<Utc>::MAX_UTC
            }
        };
        self.0
            .checked_mul(INTERVAL_SECONDS)
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .unwrap_or_else(outside)
    }

    /// The first instant after it, which is the start of the next one.
    pub fn end(self) -> DateTime<Utc> {
        self.next().start()
    }

    /// The one after it.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The one before it.
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// Whether an instant lies in it.
    pub fn contains(self, instant: DateTime<Utc>) -> bool {
        Self::containing(instant) == self
    }

    /// It as the clocks of a zone show it.
    pub fn local(self, zone: Zone) -> LocalInterval {
        LocalInterval {
            start: zone.to_local(self.start()),
            end: zone.to_local(self.end()),
        }
    }
}

impl fmt::Display for Interval {
    /// Its start in UTC: `2026-10-25T00:15Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.start().format("%Y-%m-%dT%H:%MZ"))
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.start().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::starting(DateTime::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// An interval as the clocks of a zone show it, for people.
///
/// Start and end have their own offsets: the clocks may change at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalInterval {
    /// Its first instant.
    pub start: DateTime<FixedOffset>,
    /// The first instant after it.
    pub end: DateTime<FixedOffset>,
}

impl fmt::Display for LocalInterval {
    /// The local start with its offset: `2026-10-25T02:15+02:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.start.format("%Y-%m-%dT%H:%M%:z"))
    }
}
