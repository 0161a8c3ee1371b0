//! How days are tiled, over every zone.
#![allow(clippy::unwrap_used, reason = "tests")]

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use proptest::prelude::*;
use wfm_interval::{Day, INTERVAL_SECONDS, Interval, IntervalError, Zone};

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn len(name: &str, text: &str) -> usize {
    Day::of(zone(name), date(text)).unwrap().len()
}

#[test]
fn days_have_23_24_and_25_hours_north_south_and_with_half_hours() {
    let cases = [
        ("Europe/Berlin", "2026-03-29", "2026-10-25", 4),
        ("America/New_York", "2026-03-08", "2026-11-01", 4),
        ("Australia/Sydney", "2026-10-04", "2026-04-05", 4),
        ("America/Santiago", "2026-09-06", "2026-04-04", 4),
        ("Australia/Lord_Howe", "2026-10-04", "2026-04-05", 2),
        ("America/St_Johns", "2026-03-08", "2026-11-01", 4),
    ];
    for (name, short, long, shift) in cases {
        assert_eq!(len(name, short), 96 - shift, "{name} {short}");
        assert_eq!(len(name, long), 96 + shift, "{name} {long}");
        assert_eq!(len(name, "2026-06-15"), 96, "{name}");
    }
    for name in ["Asia/Kolkata", "Asia/Kathmandu", "UTC"] {
        for text in ["2026-03-29", "2026-10-25"] {
            assert_eq!(len(name, text), 96, "{name}");
        }
    }
}

#[test]
fn a_day_whose_midnight_is_missing_begins_after_the_gap() {
    let santiago = Day::of(zone("America/Santiago"), date("2026-09-06")).unwrap();
    let first = santiago.intervals().next().unwrap();
    assert_eq!(
        first.local(santiago.zone()).to_string(),
        "2026-09-06T01:00-03:00"
    );
    assert_eq!(santiago.duration().num_hours(), 23);
    assert_eq!(len("Asia/Beirut", "2026-03-29"), 92);
}

#[test]
fn the_hour_that_is_repeated_over_midnight_belongs_to_the_day_that_was_not_over() {
    let nuuk = zone("America/Nuuk");
    let saturday = Day::of(nuuk, date("2026-10-24")).unwrap();
    assert_eq!(saturday.len(), 100);
    let last = saturday.intervals().next_back().unwrap();
    assert_eq!(last.local(nuuk).to_string(), "2026-10-24T23:45-02:00");
    assert_eq!(saturday.next().unwrap().len(), 96);
}

#[test]
fn a_day_that_had_begun_keeps_the_hour_that_is_repeated_before_it() {
    let st_johns = zone("America/St_Johns");
    let sunday = Day::of(st_johns, date("2010-11-07")).unwrap();
    assert_eq!(sunday.len(), 100);
    let repeated = "2010-11-07T03:00:00Z".parse().unwrap();
    assert_eq!(st_johns.to_local(repeated).date_naive(), date("2010-11-06"));
    assert_eq!(Day::containing(st_johns, repeated), Ok(sunday));
}

#[test]
fn a_date_that_was_left_out_has_no_interval() {
    let skipped = Day::of(zone("Pacific/Apia"), date("2011-12-30")).unwrap();
    assert!(skipped.is_empty());
    assert_eq!(skipped.intervals().count(), 0);
    assert_eq!(
        skipped.previous().unwrap().end(),
        skipped.next().unwrap().start()
    );
}

#[test]
fn days_of_odd_offsets_are_refused_by_name() {
    let (date, zone) = (date("1971-06-01"), zone("Africa/Monrovia"));
    let error = Day::of(zone, date).unwrap_err();
    assert_eq!(error, IntervalError::NotQuarterly { date, zone });
    assert!(error.to_string().contains("Africa/Monrovia"), "{error}");
}

/// The intervals of one day after the other, checked to be what they should be.
fn tile(zone: Zone, from: NaiveDate, to: NaiveDate) {
    let mut day = Day::of(zone, from).unwrap();
    loop {
        let mut at = day.start();
        for interval in day.intervals() {
            assert_eq!(
                interval.start(),
                at,
                "{zone} {}: gap or overlap",
                day.date()
            );
            at = interval.end();
        }
        assert_eq!(at, day.end(), "{zone} {}", day.date());
        let length = i64::try_from(day.len()).unwrap() * INTERVAL_SECONDS;
        assert_eq!(day.duration().num_seconds(), length);
        if day.date() == to {
            return;
        }
        let next = day.next().unwrap();
        assert_eq!(next.start(), day.end(), "{zone} {}", day.date());
        day = next;
    }
}

#[test]
fn the_days_of_every_zone_are_tiled_without_gap_or_overlap() {
    for zone in Zone::all() {
        for year in [1987, 2011, 2026] {
            let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
            let last = NaiveDate::from_ymd_opt(year, 12, 31).unwrap();
            tile(zone, first, last);
        }
    }
}

#[test]
fn every_change_of_offset_since_1980_is_by_a_multiple_of_a_quarter_of_an_hour() {
    let quarter = i32::try_from(INTERVAL_SECONDS).unwrap();
    let day = Days::new(1);
    for zone in Zone::all() {
        let mut date = NaiveDate::from_ymd_opt(1980, 1, 1).unwrap();
        while date.year() < 2100 {
            let at = date.and_hms_opt(12, 0, 0).unwrap().and_utc();
            let offset = zone.offset_at(at).local_minus_utc();
            assert_eq!(offset % quarter, 0, "{zone} {date}");
            date = date + day;
        }
    }
}

proptest! {
    #[test]
    fn every_instant_lies_in_one_interval_of_one_day(index in 0..Zone::all().count(), seconds in 100_000_000_i64..4_000_000_000) {
        let zone = Zone::all().nth(index).unwrap();
        let instant: DateTime<Utc> = DateTime::from_timestamp(seconds, 0).unwrap();
        let day = Day::containing(zone, instant).unwrap();
        prop_assert!(day.start() <= instant && instant < day.end());
        let holding = day.intervals().filter(|interval| interval.contains(instant)).count();
        prop_assert_eq!(holding, 1);
        prop_assert!(day.intervals().any(|interval| interval == Interval::containing(instant)));
        for other in [day.previous().unwrap(), day.next().unwrap()] {
            prop_assert!(instant < other.start() || other.end() <= instant);
        }
    }
}
