//! The clock of a floor.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

/// A clock that may run faster than real time: at `started` it shows `origin`, and goes on `factor` times as fast.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Pace {
    /// What it showed when it was started.
    pub origin: DateTime<Utc>,
    /// When it was started.
    pub started: Instant,
    /// How many seconds it goes on in a real one; 1 is real time.
    pub factor: f64,
    /// From when on it goes on in real time: after the last thing that happens.
    pub calms: Option<DateTime<Utc>>,
}

impl Pace {
    /// A clock that starts now.
    pub fn new(origin: DateTime<Utc>, factor: f64) -> Self {
        Self {
            origin,
            started: Instant::now(),
            factor,
            calms: None,
        }
    }

    /// The factor as a whole number, 1 at least.
    pub(crate) fn whole(&self) -> i32 {
        #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
        let whole = self.factor.round() as i32;
        whole.max(1)
    }

    /// What it shows now, in whole milliseconds.
    pub fn now(&self) -> DateTime<Utc> {
        self.at(Instant::now())
    }

    /// What it shows at an instant; what it showed at its start, before that.
    pub fn at(&self, instant: Instant) -> DateTime<Utc> {
        let passed = instant.saturating_duration_since(self.started);
        let shown = later(self.origin, passed.as_secs_f64() * self.factor);
        match self.calms {
            Some(calms) if shown > calms => {
                let since = passed.saturating_sub(self.quick(calms));
                later(calms, since.as_secs_f64())
            }
            _ => shown,
        }
    }

    /// How long it really takes until it shows `then`; nothing where it has shown it already.
    pub fn until(&self, then: DateTime<Utc>, now: Instant) -> Duration {
        let shown = self.at(now);
        let quick_until = self.calms.map_or(then, |calms| then.min(calms)).max(shown);
        let calm = (then - quick_until).to_std().unwrap_or_default();
        let quick = (quick_until - shown).to_std().unwrap_or_default();
        self.really(quick).saturating_add(calm)
    }

    /// How long it takes from the start until it shows `then`, as long as it is quick.
    fn quick(&self, then: DateTime<Utc>) -> Duration {
        self.really((then - self.origin).to_std().unwrap_or_default())
    }

    fn really(&self, shown: Duration) -> Duration {
        Duration::try_from_secs_f64(shown.as_secs_f64() / self.factor).unwrap_or(Duration::MAX)
    }
}

fn later(at: DateTime<Utc>, seconds: f64) -> DateTime<Utc> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "casts of floats saturate, and a date beyond all dates is refused below"
    )]
    let passed = TimeDelta::try_milliseconds((seconds * 1_000.0) as i64);
    passed
        .and_then(|passed| at.checked_add_signed(passed))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_passes_in_a_minute() {
        let origin: DateTime<Utc> = "2026-10-24T22:00:00Z".parse().unwrap();
        let pace = Pace::new(origin, 1_500.0);
        let later = pace.started + Duration::from_mins(1);
        assert_eq!(pace.at(later), origin + TimeDelta::hours(25));
        let left = pace.until(origin + TimeDelta::minutes(50), pace.started);
        assert_eq!(left.as_millis(), 2_000);
        assert_eq!(pace.until(origin, later), Duration::ZERO);
    }

    #[test]
    fn real_time_passes_as_it_does() {
        let pace = Pace::new(DateTime::UNIX_EPOCH, 1.0);
        let later = pace.started + Duration::from_millis(1_234);
        assert_eq!(pace.at(later).timestamp_millis(), 1_234);
    }

    #[test]
    fn after_the_last_thing_that_happens_a_second_is_a_second() {
        let origin = DateTime::UNIX_EPOCH;
        let mut pace = Pace::new(origin, 3_600.0);
        let calms = origin + TimeDelta::hours(2);
        pace.calms = Some(calms);
        let at = |seconds| pace.started + Duration::from_secs(seconds);
        assert_eq!(pace.at(at(1)), origin + TimeDelta::hours(1));
        assert_eq!(pace.at(at(7)), calms + TimeDelta::seconds(5));
        let late = calms + TimeDelta::seconds(30);
        assert_eq!(pace.until(late, at(1)), Duration::from_secs(31));
        assert_eq!(pace.until(late, at(12)), Duration::from_secs(20));
        assert_eq!(pace.until(calms, at(12)), Duration::ZERO);
    }
}
