//! IANA time zones.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A time zone by its IANA name, `America/Chicago`, with every rule of its past and future.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeZone(pub(crate) chrono_tz::Tz);

impl TimeZone {
    /// The IANA name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The known name that resembles a text most, to be proposed where the text is none.
    pub(crate) fn nearest(text: &str) -> Option<&'static str> {
        // `chicago` is meant for `America/Chicago`, so the last part is compared as well.
        let wanted = text.to_ascii_lowercase().replace(' ', "_");
        let score = |name: &str| {
            let name = name.to_ascii_lowercase();
            let last = name.rsplit('/').next().unwrap_or_default();
            strsim::jaro_winkler(&wanted, &name).max(strsim::jaro_winkler(&wanted, last))
        };
        let scored = chrono_tz::TZ_VARIANTS
            .iter()
            .map(|zone| (score(zone.name()), zone.name()));
        let (best, name) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
        (best > 0.85).then_some(name)
    }
}

impl FromStr for TimeZone {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.parse().map(Self).map_err(|_| ())
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for TimeZone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
