//! When reports are pulled, and what of them is delivered.

use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use wfm_interval::Interval;

use crate::clock::delta;

/// How many intervals go into one batch at most.
pub const BATCH_ROWS: usize = 5_000;

/// When reports are pulled next: on the next multiple of `every`, counted from midnight UTC, and `lag` after it, so that every worker pulls after an
/// interval has closed and not in the middle of it.
pub fn next_pull(now: DateTime<Utc>, every: Duration, lag: Duration) -> DateTime<Utc> {
    let (every, lag) = (delta(every), delta(lag));
    let passed = now - lag;
    passed
        .duration_trunc(every)
        .ok()
        .and_then(|floor| floor.checked_add_signed(every)?.checked_add_signed(lag))
        .unwrap_or(now)
}

/// The intervals of which a pull delivers what changed: those that begin within `back` before now.
pub fn window(now: DateTime<Utc>, back: TimeDelta) -> Range<Interval> {
    let end = Interval::containing(now);
    let start = now
        .checked_sub_signed(back)
        .map_or(end, Interval::containing);
    start..end.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn pulls_come_a_little_after_each_quarter_of_an_hour() {
        let (every, lag) = (Duration::from_mins(15), Duration::from_mins(2));
        for (now, next) in [
            ("2026-03-01T12:00:00Z", "2026-03-01T12:02:00Z"),
            ("2026-03-01T12:02:00Z", "2026-03-01T12:17:00Z"),
            ("2026-03-01T12:16:59Z", "2026-03-01T12:17:00Z"),
            ("2026-03-01T23:59:00Z", "2026-03-02T00:02:00Z"),
        ] {
            assert_eq!(next_pull(at(now), every, lag), at(next), "{now}");
        }
    }

    #[test]
    fn the_window_reaches_back_and_has_the_interval_that_goes_on() {
        let window = window(at("2026-03-01T12:05:00Z"), TimeDelta::hours(24));
        assert_eq!(window.start.to_string(), "2026-02-28T12:00Z");
        assert_eq!(window.end.to_string(), "2026-03-01T12:15Z");
    }
}
