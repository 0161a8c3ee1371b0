//! Twilio's ways to write a time.

use chrono::{DateTime, Days, NaiveDateTime, NaiveTime, Utc};
use serde_json::Value;

/// Reads RFC 2822 (`Fri, 14 Oct 2016 21:56:34 +0000`, the 2010 API) and ISO 8601 (`2016-10-14T21:56:34Z`, the newer ones).
///
/// The day of the week is not checked against the date: nothing hangs on it. An ISO time without a zone is UTC, as all of
/// Twilio's are.
pub(crate) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let without_weekday = text.split_once(", ").map_or(text, |(_, date)| date);
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_rfc2822(without_weekday))
        .map(|time| time.to_utc())
        .or_else(|_| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc())
        })
        .ok()
}

/// Reads a time in whichever form: a text as [`parse`] takes it, or a number (also as text) of seconds or milliseconds
/// since 1970. Which of the two it is, its size tells: between 1973 and 5138 they cannot be confused.
pub(crate) fn moment(value: &Value) -> Option<DateTime<Utc>> {
    const LEAST_SECONDS: i64 = 100_000_000;
    const LEAST_MILLIS: i64 = 100_000_000_000;
    const TOO_MUCH: i64 = 100_000_000_000_000;
    let number = match value {
        Value::Number(number) => number.clone(),
        Value::String(text) => match text.trim().parse() {
            Ok(number) => number,
            Err(_) => return parse(text),
        },
        _ => return None,
    };
    match number.as_i64() {
        Some(seconds @ LEAST_SECONDS..LEAST_MILLIS) => DateTime::from_timestamp(seconds, 0),
        Some(millis @ LEAST_MILLIS..TOO_MUCH) => DateTime::from_timestamp_millis(millis),
        Some(_) => None,
        None => {
            let float = number.as_f64()?;
            // Seconds with a fraction, or milliseconds with one: the whole part is read again.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float beyond the range saturates, and no time is there"
            )]
            let (whole, millis) = (float.trunc() as i64, (float * 1000.0) as i64);
            match whole {
                LEAST_SECONDS..LEAST_MILLIS => DateTime::from_timestamp_millis(millis),
                LEAST_MILLIS..TOO_MUCH => DateTime::from_timestamp_millis(whole),
                _ => None,
            }
        }
    }
}

/// The midnight (GMT) with which the day of this time begins.
pub(crate) fn midnight_before(time: DateTime<Utc>) -> DateTime<Utc> {
    time.date_naive().and_time(NaiveTime::MIN).and_utc()
}

/// The first midnight (GMT) after this time; the time itself where the calendar ends.
pub(crate) fn midnight_after(time: DateTime<Utc>) -> DateTime<Utc> {
    midnight_before(time)
        .checked_add_days(Days::new(1))
        .unwrap_or(time)
}

/// ISO 8601 in UTC, whole seconds: the form of every time in a query.
pub(crate) fn query(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A day in GMT, `2016-10-14`: the form of the filters that know days alone.
pub(crate) fn day(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Timelike};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn rfc_2822_and_iso_dates_are_one_time() {
        let time = Utc.with_ymd_and_hms(2026, 3, 1, 9, 5, 7).unwrap();
        for text in [
            "Sun, 01 Mar 2026 09:05:07 +0000",
            "Mon, 01 Mar 2026 09:05:07 +0000",
            "01 Mar 2026 10:05:07 +0100",
            "Sun, 1 Mar 2026 09:05:07 GMT",
            "2026-03-01T09:05:07Z",
            "2026-03-01T10:05:07+01:00",
            " 2026-03-01T09:05:07 ",
        ] {
            assert_eq!(parse(text), Some(time), "{text}");
        }
        assert_eq!(
            parse("2026-03-01T09:05:07.250Z"),
            Some(time.with_nanosecond(250_000_000).unwrap())
        );
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "now",
            "2026-03-01",
            "Sun, 32 Mar 2026 09:05:07 +0000",
            "1772355907",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_is_a_text_or_seconds_or_milliseconds() {
        let time = Utc.with_ymd_and_hms(2026, 3, 1, 9, 5, 7).unwrap();
        let seconds = time.timestamp();
        for value in [
            json!(seconds),
            json!(seconds * 1000),
            json!(seconds.to_string()),
            json!((seconds * 1000).to_string()),
            json!(format!("{seconds}.0")),
            json!("2026-03-01T09:05:07Z"),
            json!("Sun, 01 Mar 2026 09:05:07 +0000"),
        ] {
            assert_eq!(moment(&value), Some(time), "{value}");
        }
        let half = time.with_nanosecond(500_000_000).unwrap();
        for value in [json!(seconds * 1000 + 500), json!(1_772_355_907.5)] {
            assert_eq!(moment(&value), Some(half), "{value}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for value in [
            json!(0),
            json!(-1),
            json!(7),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(1e300),
            json!("soon"),
            json!(null),
            json!(true),
            json!([1_772_355_907]),
        ] {
            assert_eq!(moment(&value), None, "{value}");
        }
    }

    #[test]
    fn a_day_is_bounded_by_its_midnights() {
        let noon = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let (first, last) = (midnight_before(noon), midnight_after(noon));
        assert_eq!(
            (query(first), query(last)),
            (
                "2026-03-01T00:00:00Z".to_owned(),
                "2026-03-02T00:00:00Z".to_owned()
            )
        );
        assert_eq!(midnight_before(first), first);
        assert_eq!(
            midnight_after(first),
            last,
            "a midnight is the beginning of its day"
        );
    }

    proptest! {
        #[test]
        fn no_number_panics(integer in any::<i64>(), float in any::<f64>()) {
            let _ = moment(&json!(integer));
            let _ = moment(&json!(float));
        }

        #[test]
        fn what_goes_into_a_query_can_be_read_back(seconds in 0_i64..4_000_000_000) {
            let time = DateTime::from_timestamp(seconds, 0).unwrap();
            prop_assert_eq!(parse(&query(time)), Some(time));
            prop_assert!(query(time).starts_with(&day(time)));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = parse(&text);
        }
    }
}
