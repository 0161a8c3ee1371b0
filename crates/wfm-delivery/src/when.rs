//! How a time is written.

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, Utc};
use wfm_interval::{LocalTime, Zone};

/// A way to write a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TimeFormat {
    EpochMilliseconds,
    EpochSeconds,
    Pattern(String),
}

impl TimeFormat {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "epoch-milliseconds" => Ok(Self::EpochMilliseconds),
            "epoch-seconds" => Ok(Self::EpochSeconds),
            "" => Err("a format of a time is empty".to_owned()),
            pattern if StrftimeItems::new(pattern).any(|item| item == Item::Error) => Err(format!(
                "\"{pattern}\" is no format of a time; write epoch-milliseconds, epoch-seconds or something like %Y-%m-%d %H:%M"
            )),
            pattern => Ok(Self::Pattern(pattern.to_owned())),
        }
    }

    /// The number, where it is one.
    pub(crate) fn number(&self, at: DateTime<Utc>) -> Option<i64> {
        match self {
            Self::EpochMilliseconds => Some(at.timestamp_millis()),
            Self::EpochSeconds => Some(at.timestamp()),
            Self::Pattern(_) => None,
        }
    }

    pub(crate) fn write(&self, at: DateTime<Utc>, zone: Zone) -> String {
        match self {
            Self::Pattern(pattern) => zone.to_local(at).format(pattern).to_string(),
            Self::EpochMilliseconds => at.timestamp_millis().to_string(),
            Self::EpochSeconds => at.timestamp().to_string(),
        }
    }

    /// Whether what is written tells the two passes of a repeated hour apart.
    fn tells_offset(&self) -> bool {
        match self {
            Self::Pattern(pattern) => ["%z", "%:z", "%::z", "%:::z", "%#z", "%+", "%s"]
                .iter()
                .any(|item| pattern.contains(item)),
            _ => true,
        }
    }
}

/// Whether these formats together leave open which of two instants of a repeated hour is meant.
pub(crate) fn is_ambiguous(formats: &[&TimeFormat], at: DateTime<Utc>, zone: Zone) -> bool {
    !formats.iter().any(|format| format.tells_offset())
        && matches!(
            zone.resolve(zone.to_local(at).naive_local()),
            LocalTime::Twice { .. }
        )
}
