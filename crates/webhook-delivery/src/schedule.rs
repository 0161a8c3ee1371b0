//! When the next attempt is made.

use std::time::Duration;

use http_retry::RetryAfter;

use crate::{Result, WebhookError};

/// The waits between the attempts of a round, how far they are spread, and how far a `Retry-After` is honoured.
///
/// The default makes ten attempts: at once, then 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h after the one before.
/// Each wait is lengthened by up to 20 %, never shortened: the last attempt is made 75 h 35 min after the first at the earliest,
/// and messages that failed together are not sent again together.
///
/// A `Retry-After` is honoured from the wait of the schedule up to an hour (or up to that wait, where it is longer): an endpoint may
/// ask for time, but can neither hurry a message nor put it off for days.
///
/// ```
/// use std::time::Duration;
/// use webhook_delivery::Schedule;
///
/// let schedule = Schedule::default();
/// assert_eq!(schedule.attempts(), 10);
/// assert_eq!(schedule.next(1, None, 0.0), Some(Duration::from_secs(5)));
/// assert_eq!(schedule.next(1, None, 0.5), Some(Duration::from_millis(5500)));
/// assert_eq!(schedule.next(10, None, 0.0), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    waits: Vec<Duration>,
    spread: f64,
    retry_after_max: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            waits: vec![
                Duration::from_secs(5),
                Duration::from_mins(5),
                Duration::from_mins(30),
                Duration::from_hours(2),
                Duration::from_hours(5),
                Duration::from_hours(10),
                Duration::from_hours(14),
                Duration::from_hours(20),
                Duration::from_hours(24),
            ],
            spread: 0.2,
            retry_after_max: Duration::from_hours(1),
        }
    }
}

impl Schedule {
    /// A schedule of its own: `waits[n]` lies between attempt `n + 1` and the next; none makes one attempt. `spread` is the part
    /// by which a wait is lengthened at most.
    ///
    /// # Errors
    ///
    /// More than 100 waits, one above 30 days, a `retry_after_max` above 30 days, or a `spread` outside `0.0..=1.0`.
    pub fn new(waits: Vec<Duration>, spread: f64, retry_after_max: Duration) -> Result<Self> {
        let setting = |field, rule| Err(WebhookError::Setting { field, rule });
        let longest = Duration::from_hours(30 * 24);
        if waits.len() > 100 || waits.iter().any(|wait| *wait > longest) {
            return setting("waits", "at most 100 waits of at most 30 days");
        }
        if !(0.0..=1.0).contains(&spread) {
            return setting("spread", "between 0 and 1");
        }
        if retry_after_max > longest {
            return setting("retry_after_max", "at most 30 days");
        }
        Ok(Self {
            waits,
            spread,
            retry_after_max,
        })
    }

    /// How many attempts a round has.
    pub fn attempts(&self) -> usize {
        self.waits.len() + 1
    }

    /// The time from the first attempt to the last, at least.
    pub fn span(&self) -> Duration {
        self.waits.iter().sum()
    }

    /// The wait after so many failed attempts (from 1); `None` if that was the last. `random` lies in `0.0..1.0`, and what does not
    /// is brought there.
    pub fn next(
        &self,
        failed: u32,
        retry_after: Option<RetryAfter>,
        random: f64,
    ) -> Option<Duration> {
        let index = usize::try_from(failed).ok()?.checked_sub(1)?;
        let wait = *self.waits.get(index)?;
        let random = if random.is_finite() {
            random.clamp(0.0, 1.0)
        } else {
            1.0
        };
        let wait = wait.mul_f64(1.0 + self.spread * random);
        let asked = retry_after.map_or(Duration::ZERO, |asked| asked.clamped(self.retry_after_max));
        Some(wait.max(asked))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-06T08:49:07Z".parse().unwrap()
    }

    #[test]
    fn ten_attempts_take_at_least_75_hours_and_35_minutes() {
        let schedule = Schedule::default();
        assert_eq!(schedule.attempts(), 10);
        assert_eq!(
            schedule.span(),
            Duration::from_secs(75 * 3600 + 35 * 60 + 5)
        );
        assert_eq!(schedule.next(9, None, 0.0), Some(Duration::from_hours(24)));
        assert_eq!(schedule.next(10, None, 0.0), None);
        assert_eq!(schedule.next(u32::MAX, None, 0.0), None);
    }

    #[test]
    fn retry_after_is_honoured_in_seven_forms_within_bounds() {
        let after = |failed, header: Option<&str>| {
            let asked = header.and_then(|text| RetryAfter::parse(text, now()));
            Schedule::default().next(failed, asked, 0.0).unwrap()
        };
        let (five, hour) = (Duration::from_secs(5), Duration::from_hours(1));
        for (form, header, expected) in [
            ("seconds", Some("120"), Duration::from_mins(2)),
            ("a fraction", Some("7.5"), Duration::from_millis(7500)),
            (
                "a date",
                Some("Fri, 06 Nov 2026 08:59:07 GMT"),
                Duration::from_mins(10),
            ),
            ("the past", Some("Fri, 06 Nov 2020 08:49:37 GMT"), five),
            ("the absurd", Some("99999999999999999999"), hour),
            ("garbage", Some("soon"), five),
            ("none", None, five),
        ] {
            assert_eq!(after(1, header), expected, "{form}");
        }
        // It cannot hurry: the schedule's own wait is the least.
        assert_eq!(after(3, Some("1")), Duration::from_mins(30));
        assert_eq!(after(9, Some("7200")), Duration::from_hours(24));
    }

    #[test]
    fn settings_that_make_no_schedule_are_refused() {
        let hour = Duration::from_hours(1);
        assert_eq!(Schedule::new(vec![], 0.0, hour).unwrap().attempts(), 1);
        for (waits, spread, max, field) in [
            (vec![hour; 101], 0.2, hour, "waits"),
            (vec![hour * 721], 0.2, hour, "waits"),
            (vec![hour], 1.1, hour, "spread"),
            (vec![hour], f64::NAN, hour, "spread"),
            (vec![hour], 0.2, hour * 721, "retry_after_max"),
        ] {
            let error = Schedule::new(waits, spread, max).unwrap_err();
            assert!(error.to_string().starts_with(field), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_wait_is_spread_outward_by_a_fifth_at_most(failed in 1_u32..10, random in any::<f64>()) {
            let schedule = Schedule::default();
            let least = schedule.next(failed, None, 0.0).unwrap();
            let wait = schedule.next(failed, None, random).unwrap();
            prop_assert!(least <= wait && wait <= least.mul_f64(1.2));
        }

        #[test]
        fn whatever_is_asked_the_wait_stays_within_bounds(failed in 1_u32..10, header in ".{0,30}|[0-9]{1,30}", random in 0.0..1.0) {
            let schedule = Schedule::default();
            let own = schedule.next(failed, None, random).unwrap();
            let wait = schedule.next(failed, RetryAfter::parse(&header, now()), random).unwrap();
            prop_assert!(wait >= own && wait <= own.max(Duration::from_hours(1)));
        }
    }
}
