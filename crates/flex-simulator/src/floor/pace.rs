//! The clock of a floor.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

/// A clock that may run faster than real time: at `started` it shows `origin`, and goes on `factor` times as fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// What it showed when it was started.
    pub origin: DateTime<Utc>,
    /// When it was started.
    pub started: Instant,
    /// How many seconds it goes on in a real one; 1 is real time.
    pub factor: f64,
}

impl Pace {
    /// A clock that starts now.
    pub fn new(origin: DateTime<Utc>, factor: f64) -> Self {
        Self {
            origin,
            started: Instant::now(),
            factor,
        }
    }

    /// What it shows now, in whole milliseconds.
    pub fn now(&self) -> DateTime<Utc> {
        self.at(Instant::now())
    }

    /// What it shows at an instant; what it showed at its start, before that.
    pub fn at(&self, instant: Instant) -> DateTime<Utc> {
        let passed = instant.saturating_duration_since(self.started);
        let shown = passed.as_secs_f64() * self.factor * 1_000.0;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "casts of floats saturate, and a date beyond all dates is refused below"
        )]
        let shown = TimeDelta::try_milliseconds(shown as i64);
        shown
            .and_then(|shown| self.origin.checked_add_signed(shown))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// How long it really takes until it shows `then`; nothing where it has shown it already.
    pub fn until(&self, then: DateTime<Utc>, now: Instant) -> Duration {
        let shown = (then - self.at(now)).to_std().unwrap_or_default();
        Duration::try_from_secs_f64(shown.as_secs_f64() / self.factor).unwrap_or(Duration::MAX)
    }
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
}
