//! Times as they are given on a command line.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use wfm_interval::{LocalTime, Zone};

/// A time with its zone, or a day, which begins at midnight UTC.
///
/// # Errors
///
/// A sentence that says what can be given.
pub fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    read(text, "midnight UTC").map(|given| given.begins_in(Zone::UTC))
}

/// A time with its zone, or a day, which begins where its zone says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayOrTime {
    /// A day: `2026-03-01`.
    Day(NaiveDate),
    /// A time: `2026-03-01T08:00:00+01:00`.
    Time(DateTime<Utc>),
}

impl DayOrTime {
    /// The time itself, or the first instant of the day in this zone: where the clocks pass over midnight, the first one after that; where they show it
    /// twice, the first of both.
    pub fn begins_in(self, zone: Zone) -> DateTime<Utc> {
        match self {
            Self::Time(time) => time,
            Self::Day(day) => match zone.resolve(day.and_time(NaiveTime::MIN)) {
                LocalTime::Once(at)
                | LocalTime::Twice { earlier: at, .. }
                | LocalTime::Never { resumes: at } => at,
            },
        }
    }
}

impl FromStr for DayOrTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read(text, "midnight in the zone of the ACD")
    }
}

fn read(text: &str, midnight: &str) -> Result<DayOrTime, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(DayOrTime::Time(time.to_utc()));
    }
    text.parse().map(DayOrTime::Day).map_err(|_| {
        format!("write a day such as 2026-03-01 ({midnight}), or a time with its zone such as 2026-03-01T08:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_begins_at_midnight_utc_and_a_time_needs_its_zone() {
        assert_eq!(instant("2026-03-01"), instant("2026-03-01T00:00:00Z"));
        assert_eq!(instant("2026-03-01T02:00:00+02:00"), instant("2026-03-01"));
        let error = instant("2026-03-01T00:00:00").unwrap_err();
        assert!(
            error.contains("midnight UTC") && error.contains("with its zone"),
            "{error}"
        );
    }

    #[test]
    fn a_day_of_a_zone_begins_with_its_first_instant_and_a_time_stays_as_it_is() {
        for (text, zone, begins) in [
            ("2026-03-01", "Europe/Berlin", "2026-02-28T23:00:00Z"),
            ("2026-07-01", "Asia/Kolkata", "2026-06-30T18:30:00Z"),
            // The clocks go from 00:00 to 01:00: there is no midnight.
            ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z"),
            // They go from 01:00 back to 00:00: there are two.
            ("2026-11-01", "America/Havana", "2026-11-01T04:00:00Z"),
            (
                "2026-03-01T08:00:00+05:30",
                "Europe/Berlin",
                "2026-03-01T02:30:00Z",
            ),
        ] {
            let given: DayOrTime = text.parse().unwrap();
            let zone: Zone = zone.parse().unwrap();
            assert_eq!(given.begins_in(zone), at(begins), "{text} in {zone}");
        }
        let error = "2026-13-01".parse::<DayOrTime>().unwrap_err();
        assert!(error.contains("zone of the ACD"), "{error}");
    }
}
