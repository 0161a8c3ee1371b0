//! Twilio's two ways to write a time.

use chrono::{DateTime, NaiveDateTime, Utc};

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

    proptest! {
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
