//! Durations and sizes as people write them: `150s`, `24h`, `512MiB`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];
const SIZE_UNITS: [(&str, u64); 4] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// No setting has a use for more, and sums with it cannot overflow.
const LONGEST_MS: u64 = 10_000 * 86_400_000;
const LARGEST: u64 = 1 << 50;

/// A number of bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many times 1024 × 1024 bytes.
    pub const fn mebibytes(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }

    /// The number of bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&print(self.0, &SIZE_UNITS))
    }
}

impl fmt::Debug for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    parse(text, &DURATION_UNITS)
        .filter(|ms| *ms <= LONGEST_MS)
        .map(Duration::from_millis)
}

pub(crate) fn parse_size(text: &str) -> Option<ByteSize> {
    parse(text, &SIZE_UNITS)
        .filter(|bytes| *bytes <= LARGEST)
        .map(ByteSize)
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// A duration in the largest unit that holds it without a fraction.
pub(crate) fn print_duration(duration: Duration) -> String {
    print(
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        &DURATION_UNITS,
    )
}

fn print(value: u64, units: &[(&str, u64)]) -> String {
    let fits = |factor: u64| value != 0 && value.is_multiple_of(factor);
    let (unit, factor) = units
        .iter()
        .rev()
        .find(|(_, factor)| fits(*factor))
        .unwrap_or(&units[usize::from(units.len() == 5)]);
    format!("{}{unit}", value / factor)
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
pub(crate) fn duration_text<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&print_duration(*duration))
}

#[allow(clippy::ref_option, reason = "the signature that serde calls")]
pub(crate) fn optional_duration_text<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => duration_text(duration, serializer),
        None => serializer.serialize_none(),
    }
}

pub(crate) fn display_text<T: fmt::Display, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[allow(clippy::ref_option, reason = "the signature that serde calls")]
pub(crate) fn optional_display_text<T: fmt::Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// The schema of a duration.
pub(crate) struct DurationText;

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^ *[0-9]+ *(ms|s|min|h|d) *$",
            "description": "A whole number and a unit: ms, s, min, h or d."
        })
    }
}

/// The schema of a size.
pub(crate) struct SizeText;

impl JsonSchema for SizeText {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^ *[0-9]+ *(B|KiB|MiB|GiB) *$",
            "description": "A whole number and a unit: B, KiB, MiB or GiB (powers of 1024)."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_unit_is_read() {
        for (text, ms) in [
            ("0s", 0),
            ("250ms", 250),
            ("150s", 150_000),
            ("60min", 3_600_000),
            ("24h", 86_400_000),
            (" 7 d ", 604_800_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Some(Duration::from_millis(ms)),
                "{text}"
            );
        }
        for (text, bytes) in [
            ("17B", 17),
            ("64KiB", 65_536),
            ("512MiB", 536_870_912),
            ("2 GiB", 2_147_483_648),
        ] {
            assert_eq!(parse_size(text), Some(ByteSize(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_whole_number_with_a_known_unit_is_refused() {
        for text in [
            "",
            "s",
            "5",
            "-5s",
            "1.5h",
            "5m",
            "5 seconds",
            "1h30min",
            "99999999999999999999s",
            "99999999999d",
            "٣s",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        for text in ["", "5", "5MB", "5mib", "18446744073709551615GiB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(ms in 0..LONGEST_MS, bytes in 0..LARGEST) {
            let duration = Duration::from_millis(ms);
            prop_assert_eq!(parse_duration(&print_duration(duration)), Some(duration));
            prop_assert_eq!(parse_size(&ByteSize(bytes).to_string()), Some(ByteSize(bytes)));
        }
    }
}
