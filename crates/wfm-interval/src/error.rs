//! What can be wrong with a zone, a local time or a day.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use crate::Zone;

/// Why there is no such zone, instant, interval or day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntervalError {
    /// No zone has this name.
    #[error(
        "there is no time zone {name:?} in the IANA database{}; give a name such as Europe/Berlin or America/New_York",
        nearest.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default()
    )]
    UnknownZone {
        /// The name that was given.
        name: String,
        /// The name that was perhaps meant.
        nearest: Option<&'static str>,
    },
    /// The clocks of the zone never show this time: they are put forward over it.
    #[error(
        "{local} does not exist in {zone}: the clocks go on at {}; check that the time zone is that of the report",
        zone.to_local(*resumes).format("%Y-%m-%dT%H:%M%:z")
    )]
    NoSuchLocalTime {
        /// The local time.
        local: NaiveDateTime,
        /// The zone.
        zone: Zone,
        /// The first instant after the gap.
        resumes: DateTime<Utc>,
    },
    /// An instant that was said to start an interval does not.
    #[error(
        "{instant} does not start an interval: intervals start on the quarters of an hour, UTC"
    )]
    NotAStart {
        /// The instant.
        instant: DateTime<Utc>,
    },
    /// The day does not begin and end on quarters of an hour, UTC; only so before 1980.
    #[error(
        "the day {date} of {zone} cannot be tiled: its offset from UTC was no multiple of 15 minutes then; choose a day from 1980 on"
    )]
    NotQuarterly {
        /// The date.
        date: NaiveDate,
        /// The zone.
        zone: Zone,
    },
    /// The day lies at the end of the calendar.
    #[error("the day {date} lies outside the years that can be reckoned with")]
    OutOfRange {
        /// The date.
        date: NaiveDate,
    },
}
