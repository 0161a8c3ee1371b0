//! Numbers and durations in every form that reports print.

use crate::settings::{Decimal, Forms, TwoParts};

/// A decimal number: digits, and how many of them are behind the mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number {
    digits: u64,
    decimals: u32,
}

impl Number {
    /// It times a factor, halves rounded up.
    fn times(self, factor: u64) -> Option<u64> {
        let scale = 10_u128.pow(self.decimals);
        let product = u128::from(self.digits) * u128::from(factor);
        u64::try_from((product + scale / 2) / scale).ok()
    }
}

/// More digits than these behind the mark tell nothing of a millisecond.
const MAX_DECIMALS: u32 = 9;

/// A duration, and the unit in which it was rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Duration {
    pub(crate) millis: u64,
    pub(crate) grain: u64,
}

/// Plain digits, the usual case. `None` where it is something else, or 0 digits.
#[inline]
pub(crate) fn plain(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 15 {
        return None;
    }
    let mut value = 0_u64;
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

/// Whether a field says that there is nothing.
fn is_nothing(text: &str) -> bool {
    matches!(text, "" | "-" | "–" | "—")
}

/// A number of contacts: whole, however it is written. Nothing is 0.
pub(crate) fn count(bytes: &[u8], forms: &Forms) -> Option<u64> {
    let text = trim(std::str::from_utf8(bytes).ok()?);
    if is_nothing(text) {
        return Some(0);
    }
    let number = number(text, forms.decimal)?;
    let scale = 10_u64.pow(number.decimals);
    number
        .digits
        .is_multiple_of(scale)
        .then_some(number.digits / scale)
}

/// A duration in any form; a bare number is one of `unit` milliseconds each. Nothing is 0.
pub(crate) fn duration(bytes: &[u8], forms: &Forms, unit: u64) -> Option<Duration> {
    let text = trim(std::str::from_utf8(bytes).ok()?);
    if is_nothing(text) {
        return Some(Duration {
            millis: 0,
            grain: 1,
        });
    }
    if text.contains(':') {
        return clock(text, forms);
    }
    if text.chars().any(char::is_alphabetic) {
        return words(text, forms.decimal);
    }
    let number = number(text, forms.decimal)?;
    Some(Duration {
        millis: number.times(unit)?,
        grain: if number.decimals > 0 { 1 } else { unit },
    })
}

/// White space of every kind goes, also the kinds that part thousands.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{2060}')
}

/// `1,234.5`, `1.234,5`, `1 234,5`, `1’234.5`, `12,34,567`.
fn number(text: &str, decimal: Decimal) -> Option<Number> {
    let (mark, other) = match decimal {
        Decimal::Point => ('.', ','),
        Decimal::Comma => (',', '.'),
    };
    let (whole, fraction) = text.split_once(mark).unwrap_or((text, ""));
    let mut digits = 0_u64;
    let mut group = 0;
    let mut groups = 0;
    for c in whole.chars() {
        if let Some(digit) = c.to_digit(10) {
            digits = digits.checked_mul(10)?.checked_add(u64::from(digit))?;
            group += 1;
        } else if c == other || c.is_whitespace() || matches!(c, '\'' | '’') {
            // Groups are of three, or of two as in India; the first may be shorter.
            let right = if groups == 0 { 1..=3 } else { 2..=3 };
            if !right.contains(&group) {
                return None;
            }
            groups += 1;
            group = 0;
        } else {
            return None;
        }
    }
    if (groups > 0 && group != 3) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let mut decimals = 0;
    for c in fraction.chars() {
        let digit = c.to_digit(10)?;
        if decimals < MAX_DECIMALS {
            digits = digits.checked_mul(10)?.checked_add(u64::from(digit))?;
            decimals += 1;
        }
    }
    Some(Number { digits, decimals })
}

/// `H:MM:SS`, `H:MM` or `M:SS`, with decimals of the seconds, with days before them: `1d 02:03:04`.
fn clock(text: &str, forms: &Forms) -> Option<Duration> {
    let (days, clock) = match text.rsplit_once(|c: char| c.is_whitespace()) {
        Some((days, clock)) => (words(days, forms.decimal)?.millis, clock),
        None => (0, text),
    };
    let parts: Vec<_> = clock.split(':').collect();
    let (hours, minutes, seconds) = match (parts.as_slice(), forms.two_parts) {
        ([hours, minutes, seconds], _) => (*hours, *minutes, Some(*seconds)),
        ([hours, minutes], TwoParts::HoursMinutes) => (*hours, *minutes, None),
        ([minutes, seconds], TwoParts::MinutesSeconds) => ("0", *minutes, Some(*seconds)),
        _ => return None,
    };
    let short = parts.len() == 2 && seconds.is_some();
    let hours = plain(hours.as_bytes())?;
    let minutes = plain(minutes.as_bytes()).filter(|minutes| short || *minutes < 60)?;
    // Either mark before the decimals of a second: no thousands can come there.
    let second = seconds.map_or(
        Some(Number {
            digits: 0,
            decimals: 0,
        }),
        |seconds| number(&seconds.replace(',', "."), Decimal::Point),
    )?;
    let seconds_millis = second.times(1_000).filter(|millis| *millis <= 60_000)?;
    let millis = hours
        .checked_mul(60)?
        .checked_add(minutes)?
        .checked_mul(60_000)?
        .checked_add(seconds_millis)?
        .checked_add(days)?;
    let grain = match (seconds, second.decimals) {
        (None, _) => 60_000,
        (Some(_), 0) => 1_000,
        _ => 1,
    };
    Some(Duration { millis, grain })
}

/// `1h 2m 3s`, `2 min`, `250 ms`, `PT1H2M3S`.
fn words(text: &str, decimal: Decimal) -> Option<Duration> {
    let mut rest = text
        .strip_prefix("PT")
        .or(text.strip_prefix('P'))
        .unwrap_or(text);
    let mut millis = 0_u64;
    let mut grain = u64::MAX;
    while !rest.is_empty() {
        let (value, after) = rest.split_at(rest.find(char::is_alphabetic)?);
        let end = after
            .find(|c: char| !c.is_alphabetic() && c != '.')
            .unwrap_or(after.len());
        let (word, after) = after.split_at(end);
        let unit = match word.trim_end_matches('.').to_lowercase().as_str() {
            "ms" | "msec" | "millisecond" | "milliseconds" => 1,
            "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
            "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000,
            "d" | "day" | "days" => 86_400_000,
            _ => return None,
        };
        let number = number(trim(value), decimal)?;
        millis = millis.checked_add(number.times(unit)?)?;
        grain = grain.min(if number.decimals > 0 { 1 } else { unit });
        rest = after.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }
    Some(Duration { millis, grain })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DurationUnit;
    use crate::settings::DateOrder;

    fn forms(decimal: Decimal, two_parts: TwoParts) -> Forms {
        Forms {
            decimal,
            durations: DurationUnit::Seconds,
            two_parts,
            date_order: DateOrder::MonthFirst,
            date_format: None,
            time_format: None,
            timestamp_format: None,
        }
    }

    fn millis(text: &str, forms: &Forms) -> Option<u64> {
        duration(text.as_bytes(), forms, 1_000).map(|duration| duration.millis)
    }

    #[test]
    fn durations_are_read_in_every_form_that_reports_print() {
        let forms = forms(Decimal::Point, TwoParts::HoursMinutes);
        for (text, expected) in [
            ("", 0),
            ("-", 0),
            ("900", 900_000),
            (" 900 ", 900_000),
            ("0.5", 500),
            (".25", 250),
            ("12.3456", 12_346),
            ("1,234.5", 1_234_500),
            ("00:15:00", 900_000),
            ("1:02:03", 3_723_000),
            ("26:00:00", 93_600_000),
            ("00:00:01.250", 1_250),
            ("00:00:01,250", 1_250),
            ("1:30", 5_400_000),
            ("1d 02:00:00", 93_600_000),
            ("1 day 02:00:00", 93_600_000),
            ("1h 2m 3s", 3_723_000),
            ("1h2m3s", 3_723_000),
            ("2 min", 120_000),
            ("2 min. 5 sec.", 125_000),
            ("1 hour, 30 minutes", 5_400_000),
            ("250ms", 250),
            ("1.5 h", 5_400_000),
            ("PT1H2M3S", 3_723_000),
        ] {
            assert_eq!(millis(text, &forms), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn another_locale_has_its_own_marks() {
        let forms = forms(Decimal::Comma, TwoParts::HoursMinutes);
        for (text, expected) in [
            ("0,5", 500),
            ("1.234,5", 1_234_500),
            ("1\u{202f}234,5", 1_234_500),
            ("1\u{a0}234", 1_234_000),
            ("1 234 567", 1_234_567_000),
            ("1’234,5", 1_234_500),
            ("12.34.567", 1_234_567_000),
            ("1,5 h", 5_400_000),
        ] {
            assert_eq!(millis(text, &forms), Some(expected), "{text:?}");
        }
        assert_eq!(millis("900.5", &forms), None, "no group of three");
    }

    #[test]
    fn what_is_no_duration_is_none() {
        let forms = forms(Decimal::Point, TwoParts::HoursMinutes);
        for text in [
            "abc",
            "-5",
            "1:60",
            "1:00:61",
            "1:2:3:4",
            "12,34",
            ",123",
            "1e3",
            "5 parsecs",
            "1 2",
            ".",
            "h",
            "--",
            "99999999999999999999999",
            "99999999999999999 h",
        ] {
            assert_eq!(millis(text, &forms), None, "{text:?}");
        }
        assert_eq!(duration(b"\xff", &forms, 1), None);
    }

    #[test]
    fn two_parts_are_minutes_and_seconds_where_a_setting_says_so() {
        let forms = forms(Decimal::Point, TwoParts::MinutesSeconds);
        assert_eq!(millis("1:30", &forms), Some(90_000));
        assert_eq!(millis("75:00", &forms), Some(4_500_000));
        assert_eq!(millis("1:30:00", &forms), Some(5_400_000));
    }

    #[test]
    fn the_unit_of_rounding_is_known() {
        let forms = forms(Decimal::Point, TwoParts::HoursMinutes);
        for (text, grain) in [
            ("5", 1_000),
            ("5.0", 1),
            ("0:05", 60_000),
            ("0:00:05", 1_000),
            ("5 min", 60_000),
        ] {
            let read = duration(text.as_bytes(), &forms, 1_000).unwrap();
            assert_eq!(read.grain, grain, "{text:?}");
        }
    }

    #[test]
    fn contacts_are_whole_however_they_are_written() {
        let forms = forms(Decimal::Point, TwoParts::HoursMinutes);
        for (text, expected) in [
            ("", Some(0)),
            ("3", Some(3)),
            ("3.00", Some(3)),
            ("1,234", Some(1_234)),
            ("3.5", None),
        ] {
            assert_eq!(count(text.as_bytes(), &forms), expected, "{text:?}");
        }
        assert_eq!(plain(b"0042"), Some(42));
        assert_eq!(plain(b""), None);
        assert_eq!(
            plain(b"1234567890123456"),
            None,
            "too long for the short way"
        );
    }
}
