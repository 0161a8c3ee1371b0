//! Intervals, zones and local times, through the public face.
#![allow(clippy::unwrap_used, reason = "tests")]

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use proptest::prelude::*;
use wfm_interval::{Day, INTERVAL_SECONDS, Interval, IntervalError, LocalTime, Occurrence, Zone};

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn local(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

fn twice(name: &str, text: &str) -> (String, String) {
    let LocalTime::Twice { earlier, later } = zone(name).resolve(local(text)) else {
        panic!("{text} does not come twice in {name}")
    };
    let show = |at| Interval::containing(at).local(zone(name)).to_string();
    (show(earlier), show(later))
}

#[test]
fn the_repeated_hour_has_two_instants_in_zones_of_both_hemispheres() {
    let cases = [
        ("Europe/Berlin", "2026-10-25T02:45:00", "+02:00", "+01:00"),
        (
            "America/New_York",
            "2026-11-01T01:15:00",
            "-04:00",
            "-05:00",
        ),
        (
            "Australia/Sydney",
            "2026-04-05T02:30:00",
            "+11:00",
            "+10:00",
        ),
        (
            "America/Santiago",
            "2026-04-04T23:30:00",
            "-03:00",
            "-04:00",
        ),
        (
            "Australia/Lord_Howe",
            "2026-04-05T01:45:00",
            "+11:00",
            "+10:30",
        ),
        (
            "America/St_Johns",
            "2026-11-01T01:00:00",
            "-02:30",
            "-03:30",
        ),
    ];
    for (name, text, earlier, later) in cases {
        let shown = &text[..16];
        assert_eq!(
            twice(name, text),
            (format!("{shown}{earlier}"), format!("{shown}{later}")),
            "{name}"
        );
    }
}

#[test]
fn half_an_hour_only_is_repeated_on_lord_howe() {
    let lord_howe = zone("Australia/Lord_Howe");
    let once = lord_howe.resolve(local("2026-04-05T01:15:00"));
    assert!(matches!(once, LocalTime::Once(_)));
    let (LocalTime::Twice { earlier, later }, date) = (
        lord_howe.resolve(local("2026-04-05T01:30:00")),
        NaiveDate::from_ymd_opt(2026, 4, 5).unwrap(),
    ) else {
        panic!("the half hour from 01:30 on comes twice")
    };
    assert_eq!((later - earlier).num_minutes(), 30);
    assert_eq!(Day::of(lord_howe, date).unwrap().len(), 98);
}

#[test]
fn the_missing_hour_is_an_error_that_names_time_zone_and_what_follows() {
    let berlin = zone("Europe/Berlin");
    let missing = local("2026-03-29T02:15:00");
    assert_eq!(
        berlin.resolve(missing),
        LocalTime::Never {
            resumes: utc("2026-03-29T01:00:00Z")
        }
    );
    let error = berlin.instant(missing, Occurrence::Later).unwrap_err();
    assert_eq!(
        error.to_string(),
        "2026-03-29 02:15:00 does not exist in Europe/Berlin: the clocks go on at 2026-03-29T03:00+02:00; \
         check that the time zone is that of the report"
    );
    for (name, text) in [
        ("America/New_York", "2026-03-08T02:00:00"),
        ("Australia/Sydney", "2026-10-04T02:59:00"),
        ("America/Santiago", "2026-09-06T00:00:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15:00"),
    ] {
        let resolved = zone(name).resolve(local(text));
        assert!(
            matches!(resolved, LocalTime::Never { .. }),
            "{name}: {resolved:?}"
        );
    }
}

#[test]
fn the_occurrence_decides_only_where_there_are_two() {
    let berlin = zone("Europe/Berlin");
    let both = |text| {
        [Occurrence::Earlier, Occurrence::Later]
            .map(|which| berlin.instant(local(text), which).unwrap())
    };
    let [earlier, later] = both("2026-10-25T02:00:00");
    assert_eq!(
        (earlier, later),
        (utc("2026-10-25T00:00:00Z"), utc("2026-10-25T01:00:00Z"))
    );
    let [earlier, later] = both("2026-10-25T03:00:00");
    assert_eq!(earlier, later);
}

#[test]
fn an_unknown_zone_proposes_the_nearest_known_one() {
    let cases = [
        ("chicago", Some("America/Chicago")),
        ("america/new york", Some("America/New_York")),
        ("Europe/Kyiw", Some("Europe/Kyiv")),
        ("zzzzqqq", None),
    ];
    for (name, nearest) in cases {
        assert_eq!(
            name.parse::<Zone>(),
            Err(IntervalError::UnknownZone {
                name: name.to_owned(),
                nearest
            })
        );
    }
    assert_eq!(
        "zzzzqqq".parse::<Zone>().unwrap_err().to_string(),
        "there is no time zone \"zzzzqqq\" in the IANA database; give a name such as Europe/Berlin or America/New_York"
    );
}

#[test]
fn zones_and_intervals_are_their_names_in_json() {
    let interval = Interval::starting(utc("2026-10-25T00:15:00Z")).unwrap();
    let json = serde_json::to_string(&(zone("Asia/Kolkata"), interval)).unwrap();
    assert_eq!(json, r#"["Asia/Kolkata","2026-10-25T00:15:00Z"]"#);
    let back: (Zone, Interval) = serde_json::from_str(&json).unwrap();
    assert_eq!(back, (zone("Asia/Kolkata"), interval));
    assert!(serde_json::from_str::<Zone>(r#""Mars/Base""#).is_err());
    assert!(serde_json::from_str::<Interval>(r#""2026-10-25T00:16:00Z""#).is_err());
}

#[test]
fn only_a_quarter_of_an_hour_starts_an_interval() {
    let instant = utc("2026-10-25T00:15:00.001Z");
    assert_eq!(
        Interval::starting(instant),
        Err(IntervalError::NotAStart { instant })
    );
    let interval = Interval::containing(instant);
    assert_eq!(interval.to_string(), "2026-10-25T00:15Z");
    assert_eq!(interval.next().previous(), interval);
    assert_eq!(Interval::from_number(interval.number()), interval);
}

#[test]
fn quarters_of_local_time_are_quarters_of_utc_in_zones_with_odd_offsets() {
    for (name, shown) in [
        ("Asia/Kolkata", "2026-06-01T05:45+05:30"),
        ("Asia/Kathmandu", "2026-06-01T06:00+05:45"),
        ("America/St_Johns", "2026-05-31T21:45-02:30"),
        ("Australia/Eucla", "2026-06-01T09:00+08:45"),
        ("Pacific/Chatham", "2026-06-01T13:00+12:45"),
    ] {
        let interval = Interval::starting(utc("2026-06-01T00:15:00Z")).unwrap();
        assert_eq!(interval.local(zone(name)).to_string(), shown);
    }
}

#[test]
fn the_ends_of_the_calendar_do_not_panic() {
    for instant in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        let interval = Interval::containing(instant);
        assert!(interval.start() <= instant && instant <= interval.end());
    }
    assert_eq!(
        Interval::from_number(i64::MAX).end(),
        DateTime::<Utc>::MAX_UTC
    );
    assert!(matches!(
        Day::of(Zone::UTC, NaiveDate::MAX),
        Err(IntervalError::OutOfRange { .. })
    ));
}

proptest! {
    #[test]
    fn every_instant_lies_in_exactly_one_interval(seconds in -4_000_000_000_i64..8_000_000_000, nanos in 0..1_000_000_000_u32) {
        let instant = DateTime::from_timestamp(seconds, nanos).unwrap();
        let interval = Interval::containing(instant);
        prop_assert!(interval.start() <= instant && instant < interval.end());
        prop_assert!(interval.contains(instant));
        prop_assert!(!interval.next().contains(instant) && !interval.previous().contains(instant));
        prop_assert_eq!((interval.end() - interval.start()).num_seconds(), INTERVAL_SECONDS);
        prop_assert_eq!(interval.next().start(), interval.end());
    }

    #[test]
    fn a_local_time_means_the_instants_that_show_it(index in 0..Zone::all().count(), seconds in 100_000_000_i64..4_000_000_000) {
        let zone = Zone::all().nth(index).unwrap();
        let instant = DateTime::from_timestamp(seconds, 0).unwrap();
        let shown = zone.to_local(instant).naive_local();
        match zone.resolve(shown) {
            LocalTime::Once(at) => prop_assert_eq!(at, instant),
            LocalTime::Twice { earlier, later } => {
                prop_assert!(earlier < later);
                prop_assert!(instant == earlier || instant == later);
            }
            LocalTime::Never { .. } => prop_assert!(false, "the clocks did show it"),
        }
    }
}
