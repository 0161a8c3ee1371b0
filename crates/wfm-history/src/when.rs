//! Local dates and times as reports print them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};

use crate::settings::{DateOrder, Forms};

/// When a row is of: a local time, or an instant where the report printed an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Local(NaiveDateTime),
    Instant(DateTime<Utc>),
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// `2026-10-25`, `2026/10/25`, `10/25/2026`, `25.10.2026`, `20261025`, `Oct 25, 2026`, `25 October 2026`, with a weekday before it.
pub(crate) fn date(text: &str, forms: &Forms) -> Option<NaiveDate> {
    let text = text.trim();
    if let Some(format) = &forms.date_format {
        return NaiveDate::parse_from_str(text, format).ok();
    }
    let parts: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect();
    let weekday = |part: &&str| {
        part.len() >= 2 && part.chars().all(char::is_alphabetic) && month(part).is_none()
    };
    let parts = match parts.as_slice() {
        [first, rest @ ..] if rest.len() == 3 && weekday(first) => rest,
        all => all,
    };
    match parts {
        [year, month, day] if year.len() == 4 => ymd(year, month, day),
        [a, b, year] if month(a).is_some() => ymd(year, a, b),
        [a, b, year] if month(b).is_some() => ymd(year, b, a),
        [day, month, year] if text.contains('.') => ymd(year, month, day),
        [a, b, year] => match forms.date_order {
            DateOrder::MonthFirst => ymd(year, a, b),
            DateOrder::DayFirst => ymd(year, b, a),
        },
        [all] if all.len() == 8 && all.is_ascii() => ymd(&all[..4], &all[4..6], &all[6..]),
        _ => None,
    }
}

fn month(text: &str) -> Option<u32> {
    let text = text.to_lowercase();
    let index = MONTHS.iter().position(|month| text.starts_with(month))?;
    u32::try_from(index + 1).ok()
}

fn ymd(year: &str, month_text: &str, day: &str) -> Option<NaiveDate> {
    let number = |text: &str, longest: usize| -> Option<u32> {
        (text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse().ok())?
    };
    if year.len() != 4 {
        return None;
    }
    let month = month(month_text).or_else(|| number(month_text, 2))?;
    NaiveDate::from_ymd_opt(
        i32::try_from(number(year, 4)?).ok()?,
        month,
        number(day, 2)?,
    )
}

/// `08:15`, `08:15:00`, `8:15 AM`, and intervals by their beginning: `08:15 - 08:30`.
pub(crate) fn time(text: &str, forms: &Forms) -> Option<NaiveTime> {
    let text = text.trim();
    if let Some(format) = &forms.time_format {
        return NaiveTime::parse_from_str(text, format).ok();
    }
    let (start, rest) = leading_time(text)?;
    range_end(start, rest)
}

/// The start where nothing follows it, or the end of the interval that begins there.
fn range_end(start: NaiveTime, rest: &str) -> Option<NaiveTime> {
    let rest = rest.trim();
    if rest.is_empty() {
        return Some(start);
    }
    let end = rest
        .strip_prefix(['-', '–', '—'])
        .or_else(|| rest.strip_prefix("to "))?;
    let (end, rest) = leading_time(end.trim())?;
    // Reports print the end of an interval either way: 08:30, or 08:29:59.
    let minutes = (end - start).num_seconds().rem_euclid(86_400) / 60;
    (rest.trim().is_empty() && (14..=15).contains(&minutes)).then_some(start)
}

/// A time at the beginning of a text, and what comes after it.
fn leading_time(text: &str) -> Option<(NaiveTime, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != ':')
        .unwrap_or(text.len());
    let (clock, mut rest) = text.split_at(end);
    let mut parts = clock.split(':');
    let mut part = || -> Option<Option<u32>> {
        parts.next().map_or(Some(None), |part| {
            (1..=2)
                .contains(&part.len())
                .then(|| part.parse().ok().map(Some))?
        })
    };
    let (mut hour, minute, second) = (part()??, part()??, part()?.unwrap_or(0));
    if parts.next().is_some() {
        return None;
    }
    // Fractions of a second tell nothing of an interval.
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    let lower = rest.trim_start().to_lowercase();
    for (mark, add) in [("am", 0), ("a.m.", 0), ("pm", 12), ("p.m.", 12)] {
        if lower.starts_with(mark) {
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + add;
            rest = rest.trim_start().get(mark.len()..)?;
            break;
        }
    }
    Some((NaiveTime::from_hms_opt(hour, minute, second)?, rest))
}

/// A date and a time, with `T`, a space or a comma between them, and perhaps an offset: `2026-10-25T02:15+02:00`.
pub(crate) fn timestamp(text: &str, forms: &Forms) -> Option<When> {
    let text = text.trim();
    if let Some(format) = &forms.timestamp_format {
        let instant = DateTime::parse_from_str(text, format).map(|at| When::Instant(at.to_utc()));
        return instant
            .or_else(|_| NaiveDateTime::parse_from_str(text, format).map(When::Local))
            .ok();
    }
    let colon = text.find(':')?;
    let hour = text[..colon].rfind(|c: char| !c.is_ascii_digit())?;
    let date_text = text[..=hour]
        .trim_end_matches(|c: char| c.is_whitespace() || matches!(c, 'T' | 't' | ',' | '_'));
    let clock = text[hour..].trim_start_matches(|c: char| !c.is_ascii_digit());
    let date = date(date_text, forms)?;
    let (time, rest) = leading_time(clock)?;
    let local = date.and_time(time);
    if let Some(seconds) = offset(rest.trim_start()) {
        let at = local
            .and_utc()
            .checked_sub_signed(chrono::TimeDelta::seconds(seconds))?;
        return Some(When::Instant(at));
    }
    range_end(time, rest).map(|time| When::Local(date.and_time(time)))
}

/// `Z`, `UTC`, `+02:00`, `-0330`, in seconds; nothing else may follow.
fn offset(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z" | "UTC" | "GMT") {
        return Some(0);
    }
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let digits = text[1..].replace(':', "");
    if digits.len() != 4 || digits.bytes().any(|byte| !byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    (hours <= 15 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Date and time of two columns together.
pub(crate) fn joined(date: NaiveDate, time: NaiveTime) -> When {
    When::Local(date.and_time(time.with_nanosecond(0).unwrap_or(time)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DurationUnit;
    use crate::settings::{Decimal, TwoParts};

    fn forms(date_order: DateOrder) -> Forms {
        Forms {
            decimal: Decimal::Point,
            durations: DurationUnit::Seconds,
            two_parts: TwoParts::HoursMinutes,
            date_order,
            date_format: None,
            time_format: None,
            timestamp_format: None,
        }
    }

    #[test]
    fn dates_are_read_in_the_usual_forms() {
        let forms = forms(DateOrder::MonthFirst);
        let expected = NaiveDate::from_ymd_opt(2026, 10, 5);
        for text in [
            "2026-10-05",
            "2026/10/05",
            "10/5/2026",
            "10-05-2026",
            "05.10.2026",
            "5. 10. 2026",
            "20261005",
            "Oct 5, 2026",
            "5 October 2026",
            "Mon, Oct 5, 2026",
            "Monday 5 Oct 2026",
            " 2026-10-05 ",
        ] {
            assert_eq!(date(text, &forms), expected, "{text:?}");
        }
        assert_eq!(
            date("5/10/2026", &self::forms(DateOrder::DayFirst)),
            expected
        );
        for text in [
            "",
            "2026-13-01",
            "10/5/26",
            "yesterday",
            "2026-02-30",
            "1",
            "2026-10-05-01",
            "2026101é",
        ] {
            assert_eq!(date(text, &forms), None, "{text:?}");
        }
    }

    #[test]
    fn times_are_read_in_the_usual_forms_and_intervals_by_their_beginning() {
        let forms = forms(DateOrder::MonthFirst);
        for (text, expected) in [
            ("8:15", "08:15:00"),
            ("08:15:30", "08:15:30"),
            ("08:15:00.000", "08:15:00"),
            ("8:15 AM", "08:15:00"),
            ("8:15pm", "20:15:00"),
            ("12:00 a.m.", "00:00:00"),
            ("08:15-08:30", "08:15:00"),
            ("08:15 – 08:30", "08:15:00"),
            ("23:45 - 00:00", "23:45:00"),
            ("08:15:00 to 08:29:59", "08:15:00"),
        ] {
            assert_eq!(time(text, &forms), expected.parse().ok(), "{text:?}");
        }
        for text in [
            "",
            "24:00",
            "8",
            "8:60",
            "08:00 - 09:00",
            "13:00 PM",
            "8:15 Uhr",
            "1:2:3:4",
            "008:15",
        ] {
            assert_eq!(time(text, &forms), None, "{text:?}");
        }
    }

    #[test]
    fn timestamps_may_carry_their_offset() {
        let forms = forms(DateOrder::MonthFirst);
        let local = When::Local("2026-10-25T02:15:00".parse().unwrap());
        for text in [
            "2026-10-25T02:15",
            "2026-10-25 02:15:00",
            "10/25/2026, 2:15 AM",
            "25.10.2026 02:15",
            "Oct 25, 2026 02:15 - 02:30",
        ] {
            assert_eq!(timestamp(text, &forms), Some(local), "{text:?}");
        }
        for (text, expected) in [
            ("2026-10-25T02:15:00+02:00", "2026-10-25T00:15:00Z"),
            ("2026-10-25 02:15 -0330", "2026-10-25T05:45:00Z"),
            ("2026-10-25T02:15Z", "2026-10-25T02:15:00Z"),
        ] {
            let instant = When::Instant(expected.parse().unwrap());
            assert_eq!(timestamp(text, &forms), Some(instant), "{text:?}");
        }
        for text in [
            "",
            "2026-10-25",
            "02:15",
            "2026-10-25 02:15 CEST",
            "2026-10-25 02:15 +2",
        ] {
            assert_eq!(timestamp(text, &forms), None, "{text:?}");
        }
    }

    #[test]
    fn a_configured_form_goes_before_the_usual_ones() {
        let forms = Forms {
            date_format: Some("%d|%m|%Y".to_owned()),
            time_format: Some("%Hh%M".to_owned()),
            timestamp_format: Some("%Y%m%d %H%M %z".to_owned()),
            ..forms(DateOrder::MonthFirst)
        };
        assert_eq!(
            date("05|10|2026", &forms),
            NaiveDate::from_ymd_opt(2026, 10, 5)
        );
        assert_eq!(date("2026-10-05", &forms), None);
        assert_eq!(time("08h15", &forms), NaiveTime::from_hms_opt(8, 15, 0));
        let instant = When::Instant("2026-10-25T00:15:00Z".parse().unwrap());
        assert_eq!(timestamp("20261025 0215 +0200", &forms), Some(instant));
    }
}
