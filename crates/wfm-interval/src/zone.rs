//! IANA time zones, and what their clocks show.

use std::fmt;
use std::str::FromStr;

use chrono::offset::MappedLocalTime;
use chrono::{DateTime, FixedOffset, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::IntervalError;

/// The version of the IANA database that is compiled in.
pub const IANA_VERSION: &str = chrono_tz::IANA_TZDB_VERSION;

/// A time zone by its IANA name, with every rule of its past and future.
///
/// Text and JSON are the name. Names are exact, capital letters included.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(Tz);

/// Which of two instants is meant by a local time that comes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Occurrence {
    /// The first one, before the clocks go back.
    Earlier,
    /// The second one, after that.
    Later,
}

/// The instants at which the clocks of a zone show a local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalTime {
    /// Exactly one.
    Once(DateTime<Utc>),
    /// Two: the clocks are put back over this time.
    Twice {
        /// The first one.
        earlier: DateTime<Utc>,
        /// The second one.
        later: DateTime<Utc>,
    },
    /// None: the clocks are put forward over this time.
    Never {
        /// The first instant after the gap.
        resumes: DateTime<Utc>,
    },
}

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(Tz::UTC);

    /// The IANA name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Every zone of the database, older names of others included.
    pub fn all() -> impl Iterator<Item = Self> {
        chrono_tz::TZ_VARIANTS.iter().copied().map(Self)
    }

    /// The known name that resembles a text most, to be proposed where the text is none.
    ///
    /// The last part of a name counts as well: `chicago` is meant for `America/Chicago`.
    pub fn nearest(text: &str) -> Option<&'static str> {
        let wanted = text.trim().to_ascii_lowercase().replace(' ', "_");
        let score = |name: &str| {
            let name = name.to_ascii_lowercase();
            let last = name.rsplit('/').next().unwrap_or_default();
            strsim::jaro_winkler(&wanted, &name).max(strsim::jaro_winkler(&wanted, last))
        };
        Self::all()
            .map(|zone| (score(zone.name()), zone.name()))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|(score, _)| *score > 0.85)
            .map(|(_, name)| name)
    }

    /// How far local time is ahead of UTC at an instant.
    pub fn offset_at(self, instant: DateTime<Utc>) -> FixedOffset {
        self.0.offset_from_utc_datetime(&instant.naive_utc()).fix()
    }

    /// An instant as the clocks of the zone show it.
    pub fn to_local(self, instant: DateTime<Utc>) -> DateTime<FixedOffset> {
        instant.with_timezone(&self.offset_at(instant))
    }

    /// The instants at which the clocks show a local time: one, two or none.
    pub fn resolve(self, local: NaiveDateTime) -> LocalTime {
        match self.0.from_local_datetime(&local) {
            MappedLocalTime::Single(at) => LocalTime::Once(at.to_utc()),
            MappedLocalTime::Ambiguous(a, b) => {
                let (a, b) = (a.to_utc(), b.to_utc());
                LocalTime::Twice {
                    earlier: a.min(b),
                    later: a.max(b),
                }
            }
            MappedLocalTime::None => LocalTime::Never {
                // A gap always has an end: it is the change of offset that makes it.
                resumes: GapInfo::new(&local, &self.0)
                    .and_then(|gap| gap.end)
                    .map_or(DateTime::<Utc>::MAX_UTC, |end| end.to_utc()),
            },
        }
    }

    /// The one instant that a local time means; of two, the one that is asked for.
    pub fn instant(
        self,
        local: NaiveDateTime,
        occurrence: Occurrence,
    ) -> Result<DateTime<Utc>, IntervalError> {
        match (self.resolve(local), occurrence) {
            (LocalTime::Once(at), _)
            | (LocalTime::Twice { earlier: at, .. }, Occurrence::Earlier)
            | (LocalTime::Twice { later: at, .. }, Occurrence::Later) => Ok(at),
            (LocalTime::Never { resumes }, _) => Err(IntervalError::NoSuchLocalTime {
                local,
                zone: self,
                resumes,
            }),
        }
    }
}

impl FromStr for Zone {
    type Err = IntervalError;

    fn from_str(text: &str) -> Result<Self, IntervalError> {
        text.parse()
            .map(Self)
            .map_err(|_| IntervalError::UnknownZone {
                name: text.to_owned(),
                nearest: Self::nearest(text),
            })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
